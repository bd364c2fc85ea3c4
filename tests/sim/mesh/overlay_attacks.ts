/** Lies about who is whose neighbour. */

import type { MeshMessage } from "../../../lib/protocols/mesh/messages.ts";
import { Adversary } from "./adversary.ts";

/** So often each time: 500 a second on each link, more than any honest member in an hour. */
const TIMES = 100;

/** Says all the time that it has just come in. */
export class ComesIn extends Adversary {
  protected override act(): void {
    for (let count = TIMES; count > 0; count--) this.send({ type: "overlay-join" });
  }
}

/** Is everybody's neighbour, and nobody's, by turns. */
export class Flaps extends Adversary {
  readonly #ask = this.random.pick<MeshMessage>([
    { type: "overlay-join" },
    { type: "neighbor", priority: "high" },
  ]);

  protected override act(): void {
    for (let count = TIMES; count > 0; count--) {
      this.send({ type: "disconnect" });
      this.send(this.#ask);
    }
  }
}
