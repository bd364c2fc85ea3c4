/**
 * The bundles that every member keeps for newcomers and returning members: the last 10,000 messages in room
 * order, at most 64 MiB.
 *
 * A bundle is kept while fewer than 10,000 messages come after it, and it and they take at most 64 MiB.
 * Both only ever turn from true to false as bundles come in, so what is kept in the end doesn't depend on
 * the order in which they came. `floor` is the latest place at which they turned: nothing at or below it
 * is kept again, also where a proof later excludes some of what came after it.
 *
 * A sorted array: almost all bundles belong at its end, and a range is read from it place by place.
 */

import { KEPT_MESSAGES_MAX, KEPT_TEXT_BYTES_MAX } from "../schema/limits.ts";
import type { KeptBundle, RoomPosition } from "./order_io.ts";

/** Negative where `a` comes first in room order. */
export function compareInRoom(a: RoomPosition, b: RoomPosition): number {
  if (a.time !== b.time) return a.time - b.time;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

// Entries taken off the front are let go of when they are this many and half of the array.
const COMPACT_ENTRIES_MIN = 1_024;

export class KeptBundles {
  /** In room order, from `#first` on. */
  #entries: (KeptBundle | undefined)[] = [];
  #first = 0;
  #messages = 0;
  #bytes = 0;
  #floor: RoomPosition | null = null;
  /** Messages from each entry on; null after a change. */
  #counted: Float64Array | null = null;
  readonly sameTime = new SameTime();

  constructor(readonly messagesMax = KEPT_MESSAGES_MAX, readonly bytesMax = KEPT_TEXT_BYTES_MAX) {}

  get floor(): RoomPosition | null {
    return this.#floor;
  }

  get messages(): number {
    return this.#messages;
  }

  get size(): number {
    return this.#entries.length - this.#first;
  }

  /** Restores the floor of an earlier process: nothing at or below it is kept from now on. */
  restoreFloor(floor: RoomPosition): void {
    if (this.#floor === null || compareInRoom(this.#floor, floor) < 0) this.#floor = floor;
  }

  /**
   * Adds `entry`, and evicts what is too old now.
   * @returns The evicted entries, `entry` itself perhaps; `null` where it isn't above the floor.
   */
  add(entry: KeptBundle): readonly KeptBundle[] | null {
    if (this.#floor !== null && compareInRoom(entry, this.#floor) <= 0) return null;
    this.#counted = null;
    const last = this.last();
    if (last === null || compareInRoom(last, entry) < 0) this.#entries.push(entry);
    else this.#entries.splice(this.#indexAfter(entry), 0, entry);
    this.#messages += entry.messages;
    this.#bytes += entry.bytes;
    this.sameTime.add(entry);
    return this.#evict();
  }

  /** Whether `add` would evict an entry at this place, of so many bytes, at once. */
  isTooOld(position: RoomPosition, bytes: number): boolean {
    if (this.#floor !== null && compareInRoom(position, this.#floor) <= 0) return true;
    const first = this.next(null);
    const isFull = this.#messages >= this.messagesMax || this.#bytes + bytes > this.bytesMax;
    return isFull && first !== null && compareInRoom(position, first) < 0;
  }

  /** Whether an entry at this place would be evicted as soon as so many later messages have come. */
  isTooOldBefore(position: RoomPosition, coming: number): boolean {
    if (this.#messages + coming < this.messagesMax) return false;
    return coming + this.#messagesFrom(this.#indexAfter(position)) >= this.messagesMax;
  }

  /** Number of messages in the entries from this index on. Counted once, until the next change. */
  #messagesFrom(index: number): number {
    if (this.#counted === null) {
      this.#counted = new Float64Array(this.size + 1);
      for (let place = this.size - 1; place >= 0; place--) {
        const { messages } = this.#entries[this.#first + place]!;
        this.#counted[place] = this.#counted[place + 1]! + messages;
      }
    }
    return this.#counted[index - this.#first]!;
  }

  /** Removes `entry`, which a proof of equivocation excludes. */
  remove(entry: KeptBundle): void {
    const index = this.#indexAfter(entry) - 1;
    if (this.#entries[index]?.id !== entry.id) return;
    this.#counted = null;
    this.#entries.splice(index, 1);
    this.#messages -= entry.messages;
    this.#bytes -= entry.bytes;
    this.sameTime.remove(entry);
  }

  /** The first entry after `position` (from the start: null) in room order. */
  next(position: RoomPosition | null): KeptBundle | null {
    const index = position === null ? this.#first : this.#indexAfter(position);
    return this.#entries[index] ?? null;
  }

  last(): KeptBundle | null {
    return this.size === 0 ? null : this.#entries[this.#entries.length - 1]!;
  }

  /** In room order. */
  *entries(): Generator<KeptBundle> {
    for (let index = this.#first; index < this.#entries.length; index++) {
      yield this.#entries[index]!;
    }
  }

  /** From the last in room order to the first. */
  *backwards(): Generator<KeptBundle> {
    for (let index = this.#entries.length - 1; index >= this.#first; index--) {
      yield this.#entries[index]!;
    }
  }

  /** Index of the first entry that comes after `position`. */
  #indexAfter(position: RoomPosition): number {
    let low = this.#first;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareInRoom(this.#entries[middle]!, position) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #evict(): readonly KeptBundle[] {
    let evicted: KeptBundle[] | undefined;
    while (this.size > 0) {
      const oldest = this.#entries[this.#first]!;
      const fits = this.#messages - oldest.messages < this.messagesMax &&
        this.#bytes <= this.bytesMax;
      if (fits) break;
      (evicted ??= []).push(oldest);
      this.#entries[this.#first++] = undefined;
      this.#messages -= oldest.messages;
      this.#bytes -= oldest.bytes;
      this.sameTime.remove(oldest);
      this.#floor = oldest;
    }
    if (this.#first >= COMPACT_ENTRIES_MIN && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
    return evicted ?? NONE;
  }
}

const NONE: readonly KeptBundle[] = [];

// For each room time of kept bundles: how many there are, and up to which counter of ours their authors had received
// our messages. A liar can give any number of bundles the same time, and each beacon names a time.

interface Same {
  count: number;
  /** The lowest of all bundles kept since this time first occurred; it stays when the bundle itself is dropped. */
  follows: number;
}

class SameTime {
  /** As many as there are kept bundles, at most. */
  readonly #byTime = new Map<number, Same>();

  add({ time, follows }: KeptBundle): void {
    const same = this.#byTime.get(time);
    if (same === undefined) this.#byTime.set(time, { count: 1, follows });
    else {
      same.count++;
      same.follows = Math.min(same.follows, follows);
    }
  }

  remove({ time }: KeptBundle): void {
    const same = this.#byTime.get(time);
    if (same === undefined) return;
    if (same.count === 1) this.#byTime.delete(time);
    else same.count--;
  }

  has(time: number): boolean {
    return this.#byTime.has(time);
  }

  /** Our own counter up to which the authors of all bundles of this time had received our messages; 0 for none. */
  follows(time: number): number {
    return this.#byTime.get(time)?.follows ?? 0;
  }
}
