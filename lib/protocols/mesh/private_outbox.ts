/**
 * Private messages of ours that wait for their receivers, on disk too, in the order typed.
 *
 * Each keeps the (incarnation, counter) under which it was typed, whichever process sends it: so its receiver knows
 * it again. What earlier processes left goes first, one incarnation at a time: what was typed later waits until the
 * receiver has, or will never get, all from before it.
 */

import { sameBytes } from "../../base/bytes.ts";
import type { PeerKey } from "../../base/ids.ts";
import { utf8Length } from "../../base/text.ts";
import { TokenBucket } from "../../base/token_bucket.ts";
import {
  PRIVATE_KEYS_BURST,
  PRIVATE_KEYS_PER_SECOND,
  PRIVATE_WINDOW_BYTES,
  PRIVATE_WINDOW_MESSAGES,
} from "./limits.ts";
import type { PrivateMessage, Waiting } from "./private_messages_io.ts";
import type { PrivateSealing } from "./private_sealing.ts";
import type { MeshRecord } from "./records.ts";
import type { Head } from "./structures.ts";

export interface OutboxEntry {
  readonly message: PrivateMessage;
  /** As which the receiver was shown. */
  readonly name: string;
  readonly incarnation: number;
  readonly counter: number;
  /** What we had been shown when it was typed. */
  readonly heads: readonly Head[];
  readonly bytes: number;
  /** Of the command, in the process that it was typed to. */
  readonly ref: string | undefined;
  /** Monotonic; -Infinity where it was typed to an earlier process. */
  readonly typedMs: number;
  /** False while it is on its way to the disk. */
  isStored: boolean;
  /** Went out since the receiver's queue was begun anew. */
  isSent: boolean;
  /** The box key that it was sealed to last: with another one its receiver may have been shown it before. */
  sealedTo: Uint8Array | null;
  isLate: boolean;
}

type Typed = Pick<OutboxEntry, "message" | "name" | "incarnation" | "counter" | "heads">;

/** What was typed to this process, on its way to the disk; to an earlier one, and stored, where `now` is null. */
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

/** Whether it is no word of this moment any more, sealed to this key now. */
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

/** What waits for one receiver. */
export class Queue {
  entries: OutboxEntry[] = [];
  /** How often another box key makes it begin anew. */
  readonly keys = new TokenBucket(PRIVATE_KEYS_PER_SECOND, PRIVATE_KEYS_BURST);
  /** Of the last one typed to this process. */
  lastCounter = 0;
  resendMs = 0;
  resendAtMs: number | null = null;
  /** How many of those that have arrived the user was told are waiting; null where nothing was told. */
  arrivedSinceTold: number | null = null;

  get last(): OutboxEntry | undefined {
    return this.entries.at(-1);
  }

  get stored(): readonly OutboxEntry[] {
    return this.entries.filter(({ isStored }) => isStored);
  }

  /** Takes what may be under way and isn't: of the oldest incarnation that waits alone. */
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

  /** What was sent may be lost. */
  begin(): void {
    for (const entry of this.entries) entry.isSent = false;
  }

  /** What is under way is given `ms` from its sending, and longer each time. */
  resendAfter(ms: number): void {
    this.resendMs = ms;
    this.resendAtMs = null;
  }

  /** The counter before an entry's in its incarnation, of those that still wait; 0 for none. */
  previousOf(entry: OutboxEntry): number {
    const before = this.entries[this.entries.indexOf(entry) - 1];
    return before?.incarnation === entry.incarnation ? before.counter : 0;
  }

  /** Takes off what matches. @returns That, in order. */
  take(matches: (entry: OutboxEntry) => boolean): readonly OutboxEntry[] {
    const taken = this.entries.filter(matches);
    if (taken.length > 0) this.entries = this.entries.filter((entry) => !matches(entry));
    return taken;
  }
}

type QueuedRecord = Extract<MeshRecord, { readonly kind: "private-queued" }>;

export class PrivateOutbox {
  readonly #queues = new Map<PeerKey, Queue>();

  constructor(sealing: PrivateSealing, records: readonly MeshRecord[]) {
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

  /** What is safe and waits for this receiver; null where nothing does. */
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

  /** The records that a compacted log needs; what is on its way to the disk comes behind them. */
  snapshot(): readonly MeshRecord[] {
    return [...this.#queues.values()].flatMap(({ stored }) => stored.map(queuedRecord));
  }
}

/** What the disk keeps of a message until its receiver has it. */
export function queuedRecord(entry: OutboxEntry): MeshRecord {
  const { message: { to, sentAt, text }, name, incarnation, counter, heads } = entry;
  return { kind: "private-queued", to, name, incarnation, counter, sentAt, text, heads };
}

/** It waits no more. */
export function endedRecord({ message: { to }, incarnation, counter }: OutboxEntry): MeshRecord {
  return { kind: "private-ended", to, incarnation, counter };
}

function placeOf(
  { to, incarnation, counter }: Pick<QueuedRecord, "to" | "incarnation" | "counter">,
): string {
  return `${to} ${incarnation} ${counter}`;
}
