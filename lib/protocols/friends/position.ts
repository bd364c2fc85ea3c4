/**
 * Places in what one friend says to another: the epoch of the sender's process, and a number in it.
 *
 * Each start of a process draws an epoch of its own: a profile that was put back to an old state never uses a place
 * twice, and nothing depends on a clock. Numbers rise in each epoch; some are left out, as those of messages that
 * were taken back. What was received is remembered for each epoch by itself.
 */

import { dropOldest } from "../../base/bounded.ts";
import type { Environment } from "../../base/environment.ts";
import { EPOCHS_MAX } from "./limits.ts";

/** That of a process: two with the same key have different ones, whatever their clocks and disks say. */
export function freshEpoch(env: Pick<Environment, "randomBytes">): number {
  return Number.parseInt(env.randomBytes(EPOCH_BYTES).toHex(), 16);
}

/** As many as a number holds exactly. */
export const EPOCH_BYTES = 6;

export interface Position {
  readonly epoch: number;
  readonly number: number;
}

/**
 * Up to where everything was received, in each epoch. The epoch that was used longest ago is forgotten first, and
 * what comes from a forgotten one is taken for new: better twice than never.
 */
export class Positions {
  /** In the order of their last use. */
  readonly #numbers = new Map<number, number>();

  constructor(positions: Iterable<Position> = []) {
    for (const position of positions) this.add(position);
  }

  /** Whether what has this place was received. */
  has({ epoch, number }: Position): boolean {
    return number <= (this.#numbers.get(epoch) ?? 0);
  }

  add({ epoch, number }: Position): void {
    const last = this.#numbers.get(epoch) ?? 0;
    this.#numbers.delete(epoch);
    this.#numbers.set(epoch, Math.max(number, last));
    dropOldest(this.#numbers, EPOCHS_MAX);
  }

  /** The last place of each epoch. */
  list(): readonly Position[] {
    return Array.from(this.#numbers, ([epoch, number]) => ({ epoch, number }));
  }
}

/** Of places in what one sender says; those of two senders have nothing in common. */
export function isSamePosition(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.number === b.number;
}
