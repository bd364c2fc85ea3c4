/** Events dropped while nobody read the output: their number, and the latest state. */

import { countText } from "../base/text/words.ts";
import type { ModeEvent } from "../base/machine/mode_machine.ts";

/** The wording of the notice. */
export interface Called {
  /** What one dropped event, and several, are called. */
  readonly one: string;
  readonly many: string;
  /** How to see their content, as part of a sentence. */
  readonly again?: string;
  /** Kinds of events that describe a state: the last one of each is reported later instead of being dropped. */
  readonly states?: readonly string[];
}

export class LeftOut<Event extends { readonly event: string }> {
  #count = 0;
  /** The last event of each of these kinds. */
  readonly #states = new Map<string, Event>();

  constructor(readonly called: Called) {}

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  add(event: Event): void {
    this.#count++;
    if (this.called.states?.includes(event.event)) this.#states.set(event.event, event);
  }

  /** Reading has resumed: outputs the notice and the states, and starts counting again. */
  tell(show: (event: Event | ModeEvent) => void): void {
    const states = [...this.#states.values()];
    const count = this.#count - states.length;
    this.#count = 0;
    this.#states.clear();
    if (count > 0) show({ event: "notice", text: this.#text(count), warning: true });
    for (const event of states) show(event);
  }

  #text(count: number): string {
    const { one, many, again } = this.called;
    const what = countText(count, `${one} was`, `${many} were`);
    const where = again === undefined ? "" : `; ${again}`;
    return `${what} dropped because nobody read the output${where}`;
  }
}
