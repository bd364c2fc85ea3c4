/** Output that is dropped, and counted, while nobody reads it: a server goes on without a reader. */

import type { ModeEvent } from "../base/mode_machine.ts";
import { type Called, LeftOut } from "./left_out.ts";
import type { ModePorts } from "./mode_host.ts";

/** Of what is rare, shown although nobody reads: some thousand who come and go, as much as any output may be behind. */
const RARE_UNITS_MAX = 1_048_576;

export class DroppingOutput<Event extends { readonly event: string }> {
  #isUnread = false;
  readonly #leftOut: LeftOut<Event>;
  /** Of what is rare, shown since nobody reads. */
  #rareUnits = 0;

  constructor(
    readonly ports: Pick<ModePorts<Event | ModeEvent>, "show" | "outputReady">,
    called: Called,
  ) {
    this.#leftOut = new LeftOut(called);
  }

  /** How many were dropped is told when the output is read again. */
  show(event: Event, ref: string | undefined): void {
    if (this.#isRead()) this.ports.show(event, ref);
    else this.#leftOut.add(event);
  }

  /** The same for what comes seldom: it is dropped where much of that is shown and unread. */
  showRare(event: Event, ref: string | undefined): void {
    if (!this.#isRead()) {
      this.#rareUnits += JSON.stringify(event).length;
      // From then on all is: what is told late mustn't be older than what was shown.
      if (this.#rareUnits > RARE_UNITS_MAX) return this.#leftOut.add(event);
    }
    this.ports.show(event, ref);
  }

  #isRead(): boolean {
    if (this.#isUnread) return false;
    const ready = this.ports.outputReady();
    if (ready === null) return true;
    this.#isUnread = true;
    ready.then(() => {
      this.#isUnread = false;
      this.#rareUnits = 0;
      this.#leftOut.tell((event) => this.ports.show(event, undefined));
    });
    return false;
  }
}
