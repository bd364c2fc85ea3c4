/** Output that is dropped, and counted, while nobody reads it: a server goes on without a reader. */

import type { ModeEvent } from "../base/mode_machine.ts";
import type { ModePorts } from "./mode_host.ts";

/** What its events are called, one of them and more. */
interface Called {
  readonly one: string;
  readonly many: string;
}

export class DroppingOutput<Event> {
  /** Since the output was read the last time. */
  #dropped = 0;

  constructor(
    readonly ports: Pick<ModePorts<Event | ModeEvent>, "show" | "outputReady">,
    readonly called: Called,
  ) {}

  /** How many were dropped is told when the output is read again. */
  show(event: Event, ref: string | undefined): void {
    if (this.#dropped > 0) {
      this.#dropped++;
      return;
    }
    const ready = this.ports.outputReady();
    if (ready === null) return this.ports.show(event, ref);
    this.#dropped = 1;
    ready.then(() => this.#tell());
  }

  #tell(): void {
    const { one, many } = this.called;
    const what = this.#dropped === 1 ? `1 ${one} wasn't` : `${this.#dropped} ${many} weren't`;
    this.#dropped = 0;
    const text = `${what} told of: nobody read the output`;
    this.ports.show({ event: "notice", text, warning: true }, undefined);
  }
}
