/** Attacks by lies about the overlay's links. */

import type { MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import { Adversary } from "./adversary.ts";

/** Messages per action: 500 a second on each link, more than an honest member sends in an hour. */
const TIMES = 100;

/** Reports again and again that it has just joined. */
export class ComesIn extends Adversary {
  protected override act(): void {
    for (let count = TIMES; count > 0; count--) this.send({ type: "overlay-join" });
  }
}

/** Alternates between becoming everybody's neighbour and leaving. */
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
