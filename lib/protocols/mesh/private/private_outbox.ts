/**
 * Private messages of ours that wait for their receivers, on disk too, in the order typed.
 *
 * Each keeps the (incarnation, counter) under which it was typed, whichever process sends it, so that its receiver
 * recognises it. Messages of earlier processes go first, one incarnation at a time: those of a later one wait until
 * the receiver has, or will never get, all of the earlier ones.
 */

import { sameBytes } from "../../../base/collections/bytes.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { utf8Length } from "../../../base/text/text.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import {
  PRIVATE_KEYS_BURST,
  PRIVATE_KEYS_PER_SECOND,
  PRIVATE_WINDOW_BYTES,
  PRIVATE_WINDOW_MESSAGES,
} from "../schema/limits.ts";
import type { PrivateMessage, Waiting } from "./private_messages_io.ts";
import type { PrivateSealing } from "./private_sealing.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { Head } from "../schema/structures.ts";

export interface OutboxEntry {
  readonly message: PrivateMessage;
  /** The name under which the receiver was shown. */
  readonly name: string;
  readonly incarnation: number;
  readonly counter: number;
  /** The heads that we had been shown when it was typed. */
  readonly heads: readonly Head[];
  readonly bytes: number;
  /** The `ref` of the command, in the process to which it was typed. */
  readonly ref: string | undefined;
  /** Monotonic; -Infinity where it was typed to an earlier process. */
  readonly typedMs: number;
  /** False while it is on its way to the disk. */
  isStored: boolean;
  /** Whether it was sent since the receiver's queue last began anew. */
  isSent: boolean;
  /** The box key to which it was sealed last: sealed to another one, it may have been shown to its receiver before. */
  sealedTo: Uint8Array | null;
  isLate: boolean;
}

type Typed = Pick<OutboxEntry, "message" | "name" | "incarnation" | "counter" | "heads">;

/** An entry for a message typed to this process, not stored yet; where `now` is null, to an earlier one, and stored. */
export function outboxEntry(
  typed: Typed,
  now: Pick<OutboxEntry, "ref" | "typedMs"> | null,
): OutboxEntry {
  const { message, name, incarnation, counter, heads } = typed;
  return {
    message,
    name,
    incarnation,
    counter,
    heads,
    bytes: utf8Length(message.text),
    ref: now?.ref,
    typedMs: now?.typedMs ?? -Infinity,
    isStored: now === null,
    isSent: false,
    sealedTo: null,
    isLate: now === null,
  };
}

/** Notes that the entry is sealed to this key now, and whether that is too late for it to be shown as a new message. */
export function noteLateness(
  entry: OutboxEntry,
  boxKey: Uint8Array,
  onItsWayMs: number,
  nowMs: number,
): void {
  const { sealedTo, typedMs } = entry;
  if (sealedTo !== null && !sameBytes(sealedTo, boxKey)) entry.isLate = true;
  if (nowMs - typedMs > onItsWayMs) entry.isLate = true;
  entry.sealedTo = boxKey;
}

/** The messages that wait for one receiver. */
export class Queue {
  entries: OutboxEntry[] = [];
  /** Limits how often another box key makes the queue begin anew. */
  readonly keys = new TokenBucket(PRIVATE_KEYS_PER_SECOND, PRIVATE_KEYS_BURST);
  /** Counter of the last message typed to this process. */
  lastCounter = 0;
  resendMs = 0;
  resendAtMs: number | null = null;
  /** How many have arrived since the user was told that messages wait; null where the user wasn't told. */
  arrivedSinceTold: number | null = null;

  get last(): OutboxEntry | undefined {
    return this.entries.at(-1);
  }

  get stored(): readonly OutboxEntry[] {
    return this.entries.filter(({ isStored }) => isStored);
  }

  /** Takes the messages that may be in flight and aren't, only of the oldest incarnation that waits. */
  takeUnsent(): readonly OutboxEntry[] {
    const taken: OutboxEntry[] = [];
    let bytes = 0;
    for (const entry of this.entries.slice(0, PRIVATE_WINDOW_MESSAGES)) {
      if (!entry.isStored || entry.incarnation !== this.entries[0]!.incarnation) break;
      bytes += entry.bytes;
      if (bytes > PRIVATE_WINDOW_BYTES && entry !== this.entries[0]) break;
      if (!entry.isSent) taken.push(entry);
      entry.isSent = true;
    }
    return taken;
  }

  /** Begins anew: what was sent may be lost, and is sent again. */
  begin(): void {
    for (const entry of this.entries) entry.isSent = false;
  }

  /** Gives the messages in flight `ms` from their next sending; the caller makes it longer each time. */
  resendAfter(ms: number): void {
    this.resendMs = ms;
    this.resendAtMs = null;
  }

  /** The counter of the last message before `entry` in its incarnation that still waits; 0 for none. */
  previousOf(entry: OutboxEntry): number {
    const before = this.entries[this.entries.indexOf(entry) - 1];
    return before?.incarnation === entry.incarnation ? before.counter : 0;
  }

  /** Removes the entries that match. @returns The removed ones, in order. */
  take(matches: (entry: OutboxEntry) => boolean): readonly OutboxEntry[] {
    const taken = this.entries.filter(matches);
    if (taken.length > 0) this.entries = this.entries.filter((entry) => !matches(entry));
    return taken;
  }
}

type QueuedRecord = Extract<MeshRecord, { readonly kind: "private-queued" }>;

export class PrivateOutbox {
  readonly #queues = new Map<PeerKey, Queue>();

  constructor(
    sealing: Pick<PrivateSealing, "signer" | "messageId">,
    records: readonly MeshRecord[],
  ) {
    const { key: from } = sealing.signer;
    const waiting = new Map<string, QueuedRecord>();
    for (const record of records) {
      if (record.kind === "private-queued") waiting.set(placeOf(record), record);
      else if (record.kind === "private-ended") waiting.delete(placeOf(record));
    }
    for (const record of waiting.values()) {
      const { to, incarnation, counter, sentAt, text } = record;
      const id = sealing.messageId(from, to, incarnation, counter);
      const message = { id, from, to, text, sentAt };
      this.queueFor(to).entries.push(outboxEntry({ ...record, message }, null));
    }
  }

  /** Messages that wait, on disk or on their way there. */
  get size(): number {
    let size = 0;
    for (const { entries } of this.#queues.values()) size += entries.length;
    return size;
  }

  get isStoring(): boolean {
    return this.#queues.values().some(({ last }) => last?.isStored === false);
  }

  queues(): MapIterator<[PeerKey, Queue]> {
    return this.#queues.entries();
  }

  /** Null where nothing waits, and nothing was typed to this process. */
  queueOf(to: PeerKey): Queue | null {
    return this.#queues.get(to) ?? null;
  }

  queueFor(to: PeerKey): Queue {
    let queue = this.#queues.get(to);
    if (queue === undefined) this.#queues.set(to, queue = new Queue());
    return queue;
  }

  /** The stored messages that wait for this receiver; null where there are none. */
  waitingFor(to: PeerKey): Waiting | null {
    const stored = this.queueOf(to)?.stored ?? [];
    const last = stored.at(-1);
    return last === undefined ? null : { to, name: last.name, messages: stored.length };
  }

  waiting(): readonly Waiting[] {
    return [...this.#queues.keys()].map((to) => this.waitingFor(to)).filter((item) =>
      item !== null
    );
  }

  /** The records that a compacted log needs; those of messages still being written come behind them. */
  snapshot(): readonly MeshRecord[] {
    return [...this.#queues.values()].flatMap(({ stored }) => stored.map(queuedRecord));
  }
}

/** The record of a message that waits for its receiver. */
export function queuedRecord(entry: OutboxEntry): MeshRecord {
  const { message: { to, sentAt, text }, name, incarnation, counter, heads } = entry;
  return { kind: "private-queued", to, name, incarnation, counter, sentAt, text, heads };
}

/** The record that says that a message waits no more. */
export function endedRecord({ message: { to }, incarnation, counter }: OutboxEntry): MeshRecord {
  return { kind: "private-ended", to, incarnation, counter };
}

function placeOf(
  { to, incarnation, counter }: Pick<QueuedRecord, "to" | "incarnation" | "counter">,
): string {
  return `${to} ${incarnation} ${counter}`;
}
