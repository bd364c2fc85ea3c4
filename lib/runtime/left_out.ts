/** What was left out of the output while nobody read it: how much, and how things stand now. */

import { countText } from "../base/counts.ts";
import type { ModeEvent } from "../base/mode_machine.ts";

/** How the user is told of it. */
export interface Called {
  /** What the events are called, one of them and more. */
  readonly one: string;
  readonly many: string;
  /** Part of a sentence: what shows it again. */
  readonly again?: string;
  /** Kinds that say how things stand: of each the last one is told late rather than left out. */
  readonly states?: readonly string[];
}

export class LeftOut<Event extends { readonly event: string }> {
  #count = 0;
  /** The last one of each kind that says how things stand. */
  readonly #states = new Map<string, Event>();

  constructor(readonly called: Called) {}

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  add(event: Event): void {
    this.#count++;
    if (this.called.states?.includes(event.event)) this.#states.set(event.event, event);
  }

  /** The output is read again. Begins anew. */
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
    const what = countText(count, `${one} wasn't`, `${many} weren't`);
    const where = again === undefined ? "" : `; ${again}`;
    return `${what} told of: nobody read the output${where}`;
  }
}
