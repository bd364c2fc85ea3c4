/**
 * What waits for one friend: in the order typed, until the friend has stored it.
 *
 * Sent is what went out on the present link; a new link begins with the first that isn't acknowledged.
 */

import {
  ALL_OUTBOXES_BYTES_MAX,
  BATCH_BYTES_MAX,
  BATCH_TEXTS_MAX,
  MESSAGE_BYTES_MIN,
  OUTBOX_BYTES_MAX,
  OUTBOX_MESSAGES_MAX,
  WINDOW_BYTES,
} from "./limits.ts";
import { numberText } from "../../base/counts.ts";
import { utf8Length } from "../../base/text.ts";
import { isSamePosition, type Position } from "./position.ts";

/** What a message counts as, with what stands beside its text. */
export function messageBytes(text: string): number {
  return utf8Length(text) + MESSAGE_BYTES_MIN;
}

export interface OutboxEntry {
  /**
   * Given when it may go out: from then on the friend may have it, from any link of any process, and it is too late
   * to take it back. What never could has none, so that it takes none of the epochs that the friend remembers.
   */
  position: Position | null;
  readonly id: string;
  readonly text: string;
  readonly bytes: number;
  readonly sentAt: number;
  /** Of the command, in the process that it was typed to. */
  readonly ref: string | undefined;
  /**
   * `new`: to be written. `writing`: to the disk. `stored`: it may go out, and outlives this process. `leaving`: it
   * is being taken back, and holds up all that has no place yet. `kept`: it may go out, and is in memory alone.
   */
  state: "new" | "writing" | "stored" | "leaving" | "kept";
}

/** One that may go out. */
type PlacedEntry = OutboxEntry & { readonly position: Position };

function mayGoOut(entry: OutboxEntry): entry is PlacedEntry {
  return entry.position !== null && (entry.state === "stored" || entry.state === "kept");
}

export class Outbox {
  #entries: OutboxEntry[] = [];
  #bytes = 0;
  /** How many of the first entries went out on the present link, and their bytes. */
  #sent = 0;
  #sentBytes = 0;
  #isStoring = false;
  /** Places that are on the way to the disk: later ones are drawn after that. */
  #releasing: readonly { readonly entry: OutboxEntry; readonly position: Position }[] = [];
  /** Up to where the friend has stored everything; null before the first. */
  delivered: Position | null = null;

  /** @param waiting For all friends together. */
  constructor(readonly waiting: { bytes: number }) {}

  get entries(): readonly OutboxEntry[] {
    return this.#entries;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Whether something went out on the present link that isn't acknowledged. */
  get isUnderWay(): boolean {
    return this.#sent > 0;
  }

  /** Why one more message of so many bytes would be too much, a part of a sentence; null where it isn't. */
  fullness(bytes: number): string | null {
    const { length } = this.#entries;
    if (length >= OUTBOX_MESSAGES_MAX) {
      return `${numberText(length)} messages wait already, the most that are kept`;
    }
    if (this.#bytes + bytes > OUTBOX_BYTES_MAX) {
      return `${this.#bytes} bytes wait already, of at most ${OUTBOX_BYTES_MAX}`;
    }
    if (this.waiting.bytes + bytes <= ALL_OUTBOXES_BYTES_MAX) return null;
    const most = `of at most ${ALL_OUTBOXES_BYTES_MAX} for all friends together`;
    return `${this.waiting.bytes} bytes wait already, ${most}`;
  }

  add(entry: OutboxEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    this.waiting.bytes += entry.bytes;
  }

  /** What is to be written now: all that is new, unless a write is under way that began before. */
  nextToStore(): readonly OutboxEntry[] {
    if (this.#isStoring) return [];
    const entries: OutboxEntry[] = [];
    for (let at = this.#entries.length - 1; this.#entries[at]?.state === "new"; at--) {
      entries.push(this.#entries[at]!);
    }
    for (const entry of entries) entry.state = "writing";
    this.#isStoring = entries.length > 0;
    return entries.reverse();
  }

  /** That write is done, well or not. */
  storingEnded(): void {
    this.#isStoring = false;
  }

  /** The next messages to send, all of one epoch; none where the window is full or nothing waits. */
  nextBatch(): readonly PlacedEntry[] {
    const batch: PlacedEntry[] = [];
    let bytes = 0;
    for (const entry of this.#entries.slice(this.#sent, this.#sent + BATCH_TEXTS_MAX)) {
      if (!mayGoOut(entry)) break;
      if (entry.position.epoch !== (batch[0] ?? entry).position.epoch) break;
      if (batch.length > 0 && bytes + entry.bytes > BATCH_BYTES_MAX) break;
      if (this.#sentBytes > 0 && this.#sentBytes + bytes + entry.bytes > WINDOW_BYTES) break;
      batch.push(entry);
      bytes += entry.bytes;
    }
    this.#sent += batch.length;
    this.#sentBytes += bytes;
    return batch;
  }

  /** Nothing has gone out on the link that is used from now on. */
  restart(): void {
    this.#sent = 0;
    this.#sentBytes = 0;
  }

  /** The friend has stored all up to `through`. @returns What is delivered by that. */
  acknowledge(through: Position): readonly OutboxEntry[] {
    const at = this.#entries.findIndex(({ position }) =>
      position !== null && isSamePosition(position, through)
    );
    if (at !== -1) this.delivered = through;
    return this.#take(0, at + 1);
  }

  /** Takes those off the front that the friend has stored. */
  takeStored(isStored: (position: Position) => boolean): readonly OutboxEntry[] {
    const at = this.#entries.findIndex(({ position }) => position === null || !isStored(position));
    const taken = this.#take(0, at === -1 ? this.#entries.length : at);
    this.delivered = taken.at(-1)?.position ?? this.delivered;
    return taken;
  }

  /** Takes those off that are in memory alone: nothing more is done for them. */
  takeUnstored(): readonly OutboxEntry[] {
    const taken = this.#entries.filter(({ state }) => state === "kept");
    for (const entry of taken) this.remove(entry);
    return taken;
  }

  /** Takes one off that can't be stored, or was taken back. */
  remove(entry: OutboxEntry): void {
    const at = this.#entries.indexOf(entry);
    if (at !== -1) this.#take(at, 1);
  }

  /** The messages whose id begins so. */
  find(start: string): readonly OutboxEntry[] {
    return this.#entries.filter(({ id }) => id.startsWith(start));
  }

  /** Whether all that waits has its place: what has one never stands behind what gets a later one. */
  get isReleased(): boolean {
    return this.#entries.at(-1)?.position !== null;
  }

  /**
   * Draws places for what waits without one, which it gets with `released`. Nothing, while something is being taken
   * back: if the disk refuses that it stays where it was, and needs a place before those behind it. Nothing goes out
   * later by this, as what is released waits for the disk, too.
   * @param next Draws the places, one after the other.
   * @returns The first of those that were drawn; null for none.
   */
  release(next: () => Position): Position | null {
    if (this.#releasing.length > 0) return null;
    if (this.#entries.some(({ state }) => state === "leaving")) return null;
    // What is new is written after this, and may get its place then.
    const entries = this.#entries.filter(({ position, state }) =>
      position === null && state !== "new"
    );
    this.#releasing = entries.map((entry) => ({ entry, position: next() }));
    return this.#releasing[0]?.position ?? null;
  }

  /** Whether none of those for which places were drawn is on disk. */
  get isReleasingKept(): boolean {
    return this.#releasing.every(({ entry }) => entry.state === "kept");
  }

  /** From here on what places were drawn for may go out. */
  released(): void {
    for (const { entry, position } of this.#releasing) entry.position = position;
    this.#releasing = [];
  }

  /** The places that were drawn are nobody's. */
  notReleased(): void {
    this.#releasing = [];
  }

  #take(at: number, count: number): readonly OutboxEntry[] {
    const taken = this.#entries.splice(at, count);
    for (const [index, { bytes }] of taken.entries()) {
      this.#bytes -= bytes;
      this.waiting.bytes -= bytes;
      if (at + index >= this.#sent) continue;
      this.#sentBytes -= bytes;
    }
    this.#sent -= Math.min(count, Math.max(0, this.#sent - at));
    return taken;
  }
}
