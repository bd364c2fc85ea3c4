/**
 * Received messages: up to which position those of each sender are stored, and what waits for the disk.
 *
 * For each sender one write is under way at a time; what comes meanwhile waits, and is written together. So what is
 * stored never has a hole, whatever the disk refuses.
 */

import type { PeerKey } from "../../base/ids.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { MESSAGE_BYTES_MIN } from "./limits.ts";
import { messageBytes } from "./outbox.ts";
import { type Position, Positions } from "./positions.ts";
import type { FriendsRecord } from "./records.ts";

export type Received = Extract<FriendsRecord, { readonly kind: "received" }>;
type Storable = Extract<FriendsRecord, { readonly kind: "received" | "skipped" }>;

interface Sender {
  /** Bytes that were taken and aren't stored. */
  unstoredBytes: number;
  readonly stored: Positions;
  /** Positions that were taken, stored or not. */
  taken: Positions;
  writing: readonly Storable[];
  waiting: Storable[];
}

export class Inbox {
  readonly #senders = new Map<PeerKey, Sender>();

  /** Up to which positions everything of this sender is on disk. */
  stored(key: PeerKey): readonly Position[] {
    return this.#senders.get(key)?.stored.list() ?? [];
  }

  /** The key with this fingerprint, if its owner has ever written; null else. */
  keyOf(fingerprint: Fingerprint): PeerKey | null {
    return this.#senders.keys().find((key) => fingerprintOf(key) === fingerprint) ?? null;
  }

  hasStored(key: PeerKey, position: Position): boolean {
    return this.#senders.get(key)?.stored.has(position) ?? false;
  }

  /** Whether something of this sender is being written. */
  isBusy(key: PeerKey): boolean {
    const sender = this.#senders.get(key);
    return sender !== undefined && sender.writing.length > 0;
  }

  /** How many bytes of this sender were taken and aren't on disk yet. */
  unstoredBytes(key: PeerKey): number {
    return this.#senders.get(key)?.unstoredBytes ?? 0;
  }

  restore(record: Storable): void {
    const sender = this.#sender(record.key);
    sender.stored.add(placeOf(record));
    sender.taken.add(placeOf(record));
  }

  /** @returns False where it was taken before. */
  take(record: Storable): boolean {
    const sender = this.#sender(record.key);
    if (sender.taken.has(placeOf(record))) return false;
    sender.taken.add(placeOf(record));
    sender.unstoredBytes += bytesOf(record);
    sender.waiting.push(record);
    return true;
  }

  /** The records to write now; none while a write is under way. */
  next(key: PeerKey): readonly Storable[] {
    const sender = this.#sender(key);
    if (sender.writing.length > 0) return [];
    sender.writing = sender.waiting;
    sender.waiting = [];
    return sender.writing;
  }

  /** The write is done. @returns What was written. */
  written(key: PeerKey): readonly Storable[] {
    const sender = this.#sender(key);
    const { writing } = sender;
    sender.writing = [];
    for (const record of writing) {
      sender.stored.add(placeOf(record));
      sender.unstoredBytes -= bytesOf(record);
    }
    return writing;
  }

  /** The disk refused the write: the sender must send everything again that isn't stored. */
  refused(key: PeerKey): void {
    const sender = this.#sender(key);
    sender.writing = [];
    sender.waiting = [];
    sender.unstoredBytes = 0;
    sender.taken = new Positions(sender.stored.list());
  }

  /** The last positions of every sender. */
  *places(): Generator<Extract<FriendsRecord, { readonly kind: "skipped" }>> {
    for (const [key, { stored }] of this.#senders) {
      for (const through of stored.list()) yield { kind: "skipped", key, through };
    }
  }

  #sender(key: PeerKey): Sender {
    let sender = this.#senders.get(key);
    if (sender === undefined) {
      sender = {
        unstoredBytes: 0,
        stored: new Positions(),
        taken: new Positions(),
        writing: [],
        waiting: [],
      };
      this.#senders.set(key, sender);
    }
    return sender;
  }
}

/** Bytes that the record takes in memory until it is stored. */
function bytesOf(record: Storable): number {
  return record.kind === "received" ? messageBytes(record.text) : MESSAGE_BYTES_MIN;
}

/** The position of a message; of skipped ones the last position. */
export function placeOf(record: Storable): Position {
  return record.kind === "received" ? record.position : record.through;
}
