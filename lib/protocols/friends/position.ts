/**
 * Places in what one friend says to another: the epoch of the sender's process, and a number in it.
 *
 * Each start of a process has an epoch of its own: a profile that was put back to an old state never uses a place
 * twice. Numbers begin at 1 in each epoch and rise; those of messages that were taken back are left out. What was
 * received is remembered for each epoch by itself, so that no order of epochs is relied on: a clock may be wrong.
 */

import { EPOCHS_MAX } from "./limits.ts";

export interface Position {
  readonly epoch: number;
  readonly number: number;
}

/** Up to where everything was received, in each epoch; the lowest epochs are forgotten first. */
export class Positions {
  readonly #numbers: Map<number, number>;

  constructor(positions: Iterable<Position> = []) {
    this.#numbers = new Map();
    for (const position of positions) this.add(position);
  }

  /** Whether what has this place was received: for sure, or as an epoch before all that are remembered. */
  has({ epoch, number }: Position): boolean {
    const last = this.#numbers.get(epoch);
    if (last !== undefined) return number <= last;
    return this.#numbers.size >= EPOCHS_MAX && epoch < Math.min(...this.#numbers.keys());
  }

  add({ epoch, number }: Position): void {
    this.#numbers.set(epoch, Math.max(number, this.#numbers.get(epoch) ?? 0));
    if (this.#numbers.size > EPOCHS_MAX) this.#numbers.delete(Math.min(...this.#numbers.keys()));
  }

  /** The last place of each epoch. */
  list(): readonly Position[] {
    return [...this.#numbers].map(([epoch, number]) => ({ epoch, number }));
  }
}

export function isSamePosition(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.number === b.number;
}
