/**
 * Positions of the messages that one friend sends to another: the epoch of the sender's process, and a number in it.
 *
 * Each process draws an epoch at its start: so a profile that was restored to an old state never uses a position
 * twice, and nothing depends on a clock. Numbers rise within an epoch; some are left out, such as those of messages
 * that were taken back. The receiver remembers each epoch separately.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { EPOCHS_MAX } from "./limits.ts";

/** The epoch of a process: two with the same key have different ones, whatever their clocks and disks say. */
export function freshEpoch(env: Pick<Environment, "randomBytes">): number {
  return Number.parseInt(env.randomBytes(EPOCH_BYTES).toHex(), 16);
}

/** As many bytes as a number holds exactly. */
export const EPOCH_BYTES = 6;

export interface Position {
  readonly epoch: number;
  readonly number: number;
}

/**
 * Up to which number everything was received, in each epoch. The least recently used epoch is forgotten first, and
 * messages of a forgotten one count as new: better twice than never.
 */
export class Positions {
  /** In the order of their last use. */
  readonly #numbers = new Map<number, number>();

  constructor(positions: Iterable<Position> = []) {
    for (const position of positions) this.add(position);
  }

  /** Whether the message in this position was received. */
  has({ epoch, number }: Position): boolean {
    return number <= (this.#numbers.get(epoch) ?? 0);
  }

  add({ epoch, number }: Position): void {
    const last = this.#numbers.get(epoch) ?? 0;
    this.#numbers.delete(epoch);
    this.#numbers.set(epoch, Math.max(number, last));
    dropOldest(this.#numbers, EPOCHS_MAX);
  }

  /** The last position of each epoch. */
  list(): readonly Position[] {
    return Array.from(this.#numbers, ([epoch, number]) => ({ epoch, number }));
  }
}

/** Compares positions of one sender; those of two senders have nothing in common. */
export function isSamePosition(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.number === b.number;
}
