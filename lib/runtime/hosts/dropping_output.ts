/** Output whose events are dropped and counted while nobody reads it, so that a server runs on without a reader. */

import type { ModeEvent } from "../../base/machine/mode_machine.ts";
import { type Called, LeftOut } from "../left_out.ts";
import type { ModePorts } from "./mode_host.ts";

/**
 * UTF-16 units of rare events that are output although nobody reads: a few thousand joins and leaves, as much as
 * any output may be behind.
 */
const RARE_UNITS_MAX = 1_048_576;

export class DroppingOutput<Event extends { readonly event: string }> {
  #isUnread = false;
  readonly #leftOut: LeftOut<Event>;
  /** Units of rare events output since the reader stopped. */
  #rareUnits = 0;

  constructor(
    readonly ports: Pick<ModePorts<Event | ModeEvent>, "show" | "outputReady">,
    called: Called,
  ) {
    this.#leftOut = new LeftOut(called);
  }

  /**
   * Outputs an event, or drops it while nobody reads. The number of dropped events is reported when reading
   * resumes.
   */
  show(event: Event, ref: string | undefined): void {
    if (this.#isRead()) this.ports.show(event, ref);
    else this.#leftOut.add(event);
  }

  /** The same for rare events, which are dropped only if too many of them are output and unread. */
  showRare(event: Event, ref: string | undefined): void {
    if (!this.#isRead()) {
      this.#rareUnits += JSON.stringify(event).length;
      // From then on all are dropped, as the events reported when reading resumes mustn't be older than those
      // output.
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
