/**
 * Messages that wait for one friend, in the order typed, until the friend has stored them.
 *
 * "Sent" means sent on the present link; a new link begins with the first message that isn't acknowledged.
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
import { utf8Length } from "../../base/text/text.ts";
import { isSamePosition, type Position } from "./positions.ts";

/** The size that a message counts with: its text, and what is stored beside it. */
export function messageBytes(text: string): number {
  return utf8Length(text) + MESSAGE_BYTES_MIN;
}

export interface OutboxEntry {
  /**
   * Drawn when the message may go out: from then on the friend may have it, from any link of any process, and it is
   * too late to take it back. A message that could never go out has none, so that it uses up none of the epochs that
   * the friend remembers.
   */
  position: Position | null;
  readonly id: string;
  readonly text: string;
  readonly bytes: number;
  readonly sentAt: number;
  /** The command's `ref`, in the process where the message was typed. */
  readonly ref: string | undefined;
  /**
   * `new`: not written yet. `writing`: being written. `stored`: may go out, and outlives this process. `leaving`:
   * being taken back, which holds up all messages without a position. `kept`: may go out, but is in memory alone.
   */
  state: "new" | "writing" | "stored" | "leaving" | "kept";
  /** An earlier process has left it on disk. */
  readonly isEarlier?: true;
}

/** A message that may go out. */
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
  /** Positions that are being written to disk; later ones are drawn after that. */
  #releasing: readonly { readonly entry: OutboxEntry; readonly position: Position }[] = [];
  /** Up to which position the friend has stored everything; null before the first. */
  delivered: Position | null = null;

  /** @param waiting Bytes that wait for all friends together. */
  constructor(readonly waiting: { bytes: number }) {}

  get entries(): readonly OutboxEntry[] {
    return this.#entries;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Whether messages were sent on the present link that aren't acknowledged. */
  get isUnderWay(): boolean {
    return this.#sent > 0;
  }

  /** Whether one more message of this size would be too much, for this friend or for all. */
  isFull(bytes: number): boolean {
    return this.#entries.length >= OUTBOX_MESSAGES_MAX || this.#bytes + bytes > OUTBOX_BYTES_MAX ||
      this.waiting.bytes + bytes > ALL_OUTBOXES_BYTES_MAX;
  }

  add(entry: OutboxEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    this.waiting.bytes += entry.bytes;
  }

  /** The messages to write now: all new ones, unless a write is under way. */
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

  /** The write has ended, well or not. */
  storingEnded(): void {
    this.#isStoring = false;
  }

  /** Whether something that was typed is being written. */
  get isStoring(): boolean {
    return this.#isStoring;
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

  /** A new link: nothing was sent on it. */
  restart(): void {
    this.#sent = 0;
    this.#sentBytes = 0;
  }

  /** The friend has stored everything up to `through`. @returns The messages that are delivered by that. */
  acknowledge(through: Position): readonly OutboxEntry[] {
    const at = this.#entries.findIndex(({ position }) =>
      position !== null && isSamePosition(position, through)
    );
    if (at !== -1) this.delivered = through;
    return this.#take(0, at + 1);
  }

  /** Removes the first messages, as far as the friend has stored them. */
  takeStored(isStored: (position: Position) => boolean): readonly OutboxEntry[] {
    const at = this.#entries.findIndex(({ position }) => position === null || !isStored(position));
    const taken = this.#take(0, at === -1 ? this.#entries.length : at);
    this.delivered = taken.at(-1)?.position ?? this.delivered;
    return taken;
  }

  /** Removes the messages that are in memory alone: nothing more is done for them. */
  takeUnstored(): readonly OutboxEntry[] {
    const taken = this.#entries.filter(({ state }) => state === "kept");
    for (const entry of taken) this.remove(entry);
    return taken;
  }

  /** Removes a message that can't be stored, or was taken back. */
  remove(entry: OutboxEntry): void {
    const at = this.#entries.indexOf(entry);
    if (at !== -1) this.#take(at, 1);
  }

  /** The messages whose id begins like this. */
  find(start: string): readonly OutboxEntry[] {
    return this.#entries.filter(({ id }) => id.startsWith(start));
  }

  /** Whether all waiting messages have a position: one that has none is never before one that has. */
  get isReleased(): boolean {
    return this.#entries.at(-1)?.position !== null;
  }

  /**
   * Draws positions for the messages that wait without one; `released` assigns them. Draws none while a message is
   * being taken back: if the disk refuses that, the message stays in its place, and needs a position before those
   * behind it. This delays nothing, as what is released waits for the disk, too.
   * @param next Draws the positions, one after the other.
   * @returns The first one that was drawn; null for none.
   */
  release(next: () => Position): Position | null {
    if (this.#releasing.length > 0) return null;
    if (this.#entries.some(({ state }) => state === "leaving")) return null;
    // New messages are written after this, and may get a position then.
    const entries = this.#entries.filter(({ position, state }) =>
      position === null && state !== "new"
    );
    this.#releasing = entries.map((entry) => ({ entry, position: next() }));
    return this.#releasing[0]?.position ?? null;
  }

  /** Whether all messages for which positions were drawn are in memory alone. */
  get isReleasingKept(): boolean {
    return this.#releasing.every(({ entry }) => entry.state === "kept");
  }

  /** The messages for which positions were drawn may go out from now on. */
  released(): void {
    for (const { entry, position } of this.#releasing) entry.position = position;
    this.#releasing = [];
  }

  /** The positions that were drawn aren't used. */
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
