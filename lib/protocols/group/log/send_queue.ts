/**
 * What the user says, until it is in the log: first it waits in the outbox, then it is signed in batches, and sent in
 * each epoch until it is an entry.
 *
 * A lone message goes out at once; while a batch that isn't full isn't on our disk in order yet, what is typed is
 * collected for the next one. Nothing can be signed under this process's incarnation before its first epoch, because
 * texts of earlier processes that aren't in the history come first: until then, what is typed is kept as drafts.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { Hash } from "../../../base/ids.ts";
import { invariant } from "../../../base/invariant.ts";
import { utf8Length } from "../../../base/text/text.ts";
import { Fifo } from "../../../base/collections/fifo.ts";
import { type Ballot, NO_BALLOT } from "../schema/epoch.ts";
import { type Batch, batchBytes, signBatch, type SignedBatch } from "../schema/history.ts";
import {
  BATCH_TEXTS_BYTES_MAX,
  BATCH_TEXTS_MAX,
  INCARNATION_BYTES,
  OUTBOX_BYTES_MAX,
  OUTBOX_TEXTS_MAX,
  WINDOW_BYTES,
  WINDOW_BYTES_MIN,
  WINDOW_LONG_MS,
  WINDOW_SOON_MS,
  WINDOW_TEXTS,
} from "../schema/limits.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { SaidRecord } from "../schema/records.ts";

/** The incarnation of drafts: no process has it, they are never sent. */
export const DRAFT_INCARNATION = new Uint8Array(INCARNATION_BYTES);

/** This process, as others see it. */
export interface Self {
  readonly name: string;
  readonly incarnation: Uint8Array;
  /** The same in hexadecimal. */
  readonly incarnationId: string;
}

/** Up to which counter a process has said something. */
export interface SaidThrough {
  /** In hexadecimal. */
  readonly incarnation: string;
  readonly through: number;
}

/** Texts that aren't said. */
export interface Dropped {
  readonly texts: number;
  /** The `ref`s of those of this process. */
  readonly refs: readonly string[];
}

interface Typed {
  readonly text: string;
  readonly bytes: number;
  /** Counts typed texts, including those of earlier processes that left drafts: it identifies a draft. */
  readonly number: number;
  readonly ref: string | undefined;
}

/** A batch that isn't known to be in the history. */
interface UnsaidBatch {
  readonly signed: SignedBatch;
  /** The `ref` of each text; null where no text has one. */
  readonly refs: readonly (string | undefined)[] | null;
}

interface OwnBatch extends UnsaidBatch {
  /** When the batch was sent in the present epoch, and how many bytes were in flight then, this batch included. */
  sentMs: number;
  sentBytes: number;
}

export class SendQueue {
  /** Texts that are typed and not signed; at most `OUTBOX_TEXTS_MAX` and `OUTBOX_BYTES_MAX`. */
  readonly #outbox = new Fifo<Typed>();
  #outboxBytes = 0;
  /** Batches that this process signed and that aren't in the log, oldest first; bounded by the outbox. */
  readonly #batches = new Fifo<OwnBatch>();
  #batchTexts = 0;
  #batchesBytes = 0;
  /** How many of the first batches were sent in the present epoch, and the texts and bytes in them. */
  #sent = 0;
  #sentTexts = 0;
  #sentBytes = 0;
  /** How many bytes may be sent without being entries yet. */
  #window = WINDOW_BYTES_MIN;
  /** Up to this counter, our texts are on our disk in order. */
  #storedThrough = 0;
  /** Counter of the last text in the latest batch that isn't full. */
  #smallThrough = 0;
  #counter = 1;
  /** The present epoch. */
  #ballot: Ballot = NO_BALLOT;
  /** Number of the text that was typed last. */
  #typed: number;
  /**
   * Batches of other processes, or of this one before its log was set aside; null once this process is in an epoch.
   */
  #leftover: readonly UnsaidBatch[] | null;
  /** Whether this process was ever in an epoch of the present group. */
  #wasIn = false;

  constructor(
    readonly self: Self,
    readonly signer: Signer,
    readonly environment: Environment,
    readonly out: MemberOutput,
    leftover: readonly SignedBatch[],
  ) {
    this.#typed = lastDraft(leftover);
    this.#leftover = leftover.map((signed) => ({ signed, refs: null }));
  }

  /** Texts that aren't entries yet. */
  get unsent(): number {
    return this.#batchTexts + this.#outbox.size + leftoverTexts(this.#leftover);
  }

  /** The `ref`s of those of these texts that this process's user typed. */
  *unsaidRefs(): IterableIterator<string> {
    for (const { refs } of this.#leftover ?? this.#batches) yield* given(refs ?? []);
    yield* given(Array.from(this.#outbox, ({ ref }) => ref));
  }

  /** How many texts of this process are in the log. */
  get loggedTexts(): number {
    return (this.oldest?.batch.value.counter ?? this.#counter) - 1;
  }

  /** The oldest batch that this process signed and that isn't in the log; null where there is none. */
  get oldest(): SignedBatch | null {
    return this.#batches.first?.signed ?? null;
  }

  /** How full the outbox is, 0 to 1. */
  get fill(): number {
    const texts = this.#outbox.size + this.#batchTexts - this.#sentTexts;
    const bytes = this.#outboxBytes + this.#batchesBytes - this.#sentBytes;
    return Math.max(texts / OUTBOX_TEXTS_MAX, bytes / OUTBOX_BYTES_MAX);
  }

  /**
   * Takes what was typed.
   * @param group Null while the group isn't known: then nothing is kept on disk.
   */
  type(text: string, group: Hash | null, ref: string | undefined): void {
    const bytes = utf8Length(text) + 3;
    const typed = { text, bytes, number: ++this.#typed, ref };
    this.#outbox.push(typed);
    this.#outboxBytes += bytes;
    if (this.#leftover !== null && group !== null) this.#keepDraft(typed, group);
  }

  /** The group is known now: keeps what was typed until then on disk. */
  draftAll(group: Hash): void {
    if (this.#leftover === null) return;
    for (const typed of this.#outbox) this.#keepDraft(typed, group);
  }

  #keepDraft(typed: Typed, group: Hash): void {
    this.out.note({ kind: "said", batch: this.#draft(typed, group) });
  }

  #draft({ text, number }: Typed, group: Hash): SignedBatch {
    return this.#sign([text], group, DRAFT_INCARNATION, number, this.#wallMs());
  }

  /**
   * The first epoch of this process begins: texts of other processes that its history lacks are said again by this
   * process.
   * @param ballot That of the epoch.
   * @param throughOf Up to which counter an incarnation of ours has ever spoken in that epoch's history.
   * @param isOutdated Whether a process of ours that this disk doesn't know may have said them already: then they are
   * dropped, as nothing may be said twice.
   * @returns The records, to be written with the epoch and before it; and which texts were dropped.
   */
  becomeMember(
    group: Hash,
    ballot: Ballot,
    throughOf: (incarnation: string) => number,
    isOutdated: boolean,
  ): { readonly records: readonly SaidRecord[]; readonly dropped: Dropped } {
    const leftover = this.#leftover;
    const dropped = { texts: 0, refs: [] as string[] };
    if (leftover === null) return { records: [], dropped };
    this.#leftover = null;
    this.#ballot = ballot;
    this.#wasIn = true;
    // The group's history may have a part of what this process said before its log was set aside.
    const said = throughOf(this.self.incarnationId);
    this.#counter = said + 1;
    this.#storedThrough = this.#smallThrough = said;
    const throughs = new Map<string, number>();
    for (const { signed: { batch: { value } }, refs } of leftover) {
      const { counter, texts, sentAt } = value;
      const incarnation = value.incarnation.toHex();
      const known = throughs.get(incarnation) ?? throughOf(incarnation);
      throughs.set(incarnation, known);
      const rest = texts.slice(Math.max(0, Math.min(texts.length, known + 1 - counter)));
      if (value.group !== group || rest.length === 0) continue;
      const restRefs = refs?.slice(-rest.length) ?? null;
      if (isOutdated) {
        dropped.texts += rest.length;
        dropped.refs.push(...given(restRefs ?? []));
      } else this.#push(rest, restRefs, group, sentAt);
    }
    while (this.#outbox.size > 0) this.#pack(group);
    const records = Array.from(this.#batches, ({ signed: batch }) => ({
      kind: "said" as const,
      batch,
    }));
    return { records, dropped };
  }

  /** Another epoch begins: everything that isn't in its history is sent again. */
  restart(ballot: Ballot): void {
    this.#ballot = ballot;
    this.#sendAgain();
  }

  #sendAgain(): void {
    this.#sent = this.#sentTexts = this.#sentBytes = 0;
    this.#window = WINDOW_BYTES_MIN;
  }

  /**
   * The batches that may be sent now, one after the other.
   * @param isStalled Whether entries don't progress: then texts don't wait for company, but are signed and kept on
   * disk at once.
   */
  *next(group: Hash, isStalled: boolean): IterableIterator<SignedBatch> {
    invariant(this.#leftover === null, "nothing is said before the first epoch");
    for (;;) {
      const waiting = this.#batches.at(this.#sent);
      if (waiting !== undefined) {
        if (!this.#hasRoom(waiting)) break;
        this.#sent++;
        this.#sentTexts += waiting.signed.batch.value.texts.length;
        this.#sentBytes += batchBytes(waiting.signed);
        waiting.sentMs = this.out.nowMs;
        waiting.sentBytes = this.#sentBytes;
        yield waiting.signed;
      } else if (this.#outbox.size > 0 && (isStalled || this.#mayPack())) {
        this.out.note({ kind: "said", batch: this.#pack(group) });
      } else break;
    }
    if (isStalled) this.out.note(...this.keep(group));
  }

  /** Signs everything that was typed. @returns The records to write. */
  keep(group: Hash): readonly SaidRecord[] {
    const records: SaidRecord[] = [];
    if (this.#leftover !== null) return records;
    while (this.#outbox.size > 0) records.push({ kind: "said", batch: this.#pack(group) });
    return records;
  }

  #hasRoom({ signed }: OwnBatch): boolean {
    const { length } = signed.batch.value.texts;
    return this.#sentTexts === 0 ||
      (this.#sentTexts + length <= WINDOW_TEXTS &&
        this.#sentBytes + batchBytes(signed) <= this.#window);
  }

  #mayPack(): boolean {
    if (this.#sentTexts >= WINDOW_TEXTS || this.#sentBytes >= this.#window) return false;
    if (this.#smallThrough <= this.#storedThrough) return true;
    return this.#outbox.size >= BATCH_TEXTS_MAX || this.#outboxBytes >= BATCH_TEXTS_BYTES_MAX;
  }

  /** Signs the next batch. */
  #pack(group: Hash): SignedBatch {
    const texts: string[] = [];
    const refs: (string | undefined)[] = [];
    let bytes = 0;
    let hasRef = false;
    for (let next = this.#outbox.first; next !== undefined; next = this.#outbox.first) {
      if (texts.length === BATCH_TEXTS_MAX) break;
      if (texts.length > 0 && bytes + next.bytes > BATCH_TEXTS_BYTES_MAX) break;
      this.#outbox.shift();
      texts.push(next.text);
      refs.push(next.ref);
      bytes += next.bytes;
      hasRef ||= next.ref !== undefined;
    }
    this.#outboxBytes -= bytes;
    return this.#push(texts, hasRef ? refs : null, group, this.#wallMs());
  }

  #push(
    texts: readonly string[],
    refs: OwnBatch["refs"],
    group: Hash,
    sentAt: number,
  ): SignedBatch {
    const signed = this.#sign(texts, group, this.self.incarnation, this.#counter, sentAt);
    this.#counter += texts.length;
    const isFull = texts.length === BATCH_TEXTS_MAX ||
      signed.batch.bytes.length > BATCH_TEXTS_BYTES_MAX / 2;
    if (!isFull) this.#smallThrough = this.#counter - 1;
    this.#batches.push({ signed, refs, sentMs: -Infinity, sentBytes: 0 });
    this.#batchTexts += texts.length;
    this.#batchesBytes += batchBytes(signed);
    return signed;
  }

  #sign(
    texts: readonly string[],
    group: Hash,
    incarnation: Uint8Array,
    counter: number,
    sentAt: number,
  ): SignedBatch {
    const { name } = this.self;
    const { key: author } = this.signer;
    const batch: Batch = {
      kind: "texts",
      group,
      author,
      name,
      incarnation,
      counter,
      signedIn: incarnation === DRAFT_INCARNATION ? NO_BALLOT : this.#ballot,
      sentAt,
      texts,
      edits: [],
      rules: null,
    };
    return signBatch(this.signer, batch);
  }

  #wallMs(): number {
    return Math.max(0, Math.floor(this.environment.wallMs()));
  }

  /** All texts of this process up to the end of this batch are on our disk, in order. */
  stored({ batch: { value } }: SignedBatch): void {
    this.#storedThrough = value.counter + value.texts.length - 1;
  }

  /**
   * A batch of this process went into the log.
   * @returns The `ref`s of its texts; null where no text has one.
   */
  logged({ batch: { value } }: SignedBatch): OwnBatch["refs"] {
    const first = this.#batches.first;
    if (first === undefined || first.signed.batch.value.counter !== value.counter) return null;
    this.#batches.shift();
    const bytes = batchBytes(first.signed);
    this.#batchTexts -= value.texts.length;
    this.#batchesBytes -= bytes;
    if (this.#sent > 0) {
      this.#sent--;
      this.#sentTexts -= value.texts.length;
      this.#sentBytes -= bytes;
      this.#widen(this.out.nowMs - first.sentMs, first.sentBytes);
    }
    return first.refs;
  }

  /**
   * Adapts the window. @param tookMs From sending a batch until it was an entry. @param sentBytes Bytes in flight
   * when it was sent: that little is fast doesn't mean that much more would be, so the window grows to twice that at
   * most.
   */
  #widen(tookMs: number, sentBytes: number): void {
    if (tookMs < WINDOW_SOON_MS) {
      this.#window = Math.max(this.#window, Math.min(2 * sentBytes, WINDOW_BYTES));
    }
    if (tookMs > WINDOW_LONG_MS) this.#window = Math.max(this.#window / 2, WINDOW_BYTES_MIN);
  }

  /**
   * What was said belongs to a group that we aren't in any more: it isn't said in another one. What was typed before
   * this process was in any group is for the group that it gets into.
   */
  forget(): Dropped {
    const texts = this.#wasIn ? this.unsent : leftoverTexts(this.#leftover);
    const refs = this.#wasIn ? [...this.unsaidRefs()] : [];
    if (this.#wasIn) {
      this.#outbox.clear();
      this.#outboxBytes = 0;
    }
    this.#wasIn = false;
    this.#beginAnew([]);
    return { texts, refs };
  }

  /**
   * The history that this process, or the one before, has spoken in is given up, and with it what was said there: the
   * rest is said in the other history, from the beginning.
   * @param givenUp What an earlier process said there.
   */
  startAnew(group: Hash, givenUp: SaidThrough): void {
    if (this.#leftover !== null) {
      this.#leftover = this.#leftover.filter(({ signed }) => isSaidBeyond(signed, givenUp));
      return;
    }
    this.#beginAnew([...this.#batches]);
    this.draftAll(group);
  }

  /** Whether the history once had more texts of this process than it has now: the rest was given up. */
  isBeyond(through: number): boolean {
    const next = this.#batches.first?.signed.batch.value.counter ?? this.#counter;
    return this.#leftover === null && next > through + 1;
  }

  /** Numbers the texts that aren't in the history on from this counter. */
  goOnAfter(through: number): void {
    this.#beginAnew([...this.#batches]);
    this.#counter = through + 1;
  }

  #beginAnew(leftover: readonly UnsaidBatch[]): void {
    this.#batches.clear();
    this.#batchTexts = this.#batchesBytes = 0;
    this.#sendAgain();
    this.#counter = 1;
    this.#storedThrough = this.#smallThrough = 0;
    this.#leftover = leftover;
  }

  /** The records of all that isn't in the log, for a compacted file. */
  *snapshot(group: Hash): IterableIterator<SaidRecord> {
    for (const { signed: batch } of this.#leftover ?? []) yield { kind: "said", batch };
    for (const { signed: batch } of this.#batches) yield { kind: "said", batch };
    if (this.#leftover === null) return;
    for (const typed of this.#outbox) yield { kind: "said", batch: this.#draft(typed, group) };
  }
}

/** The batches, without what this process said up to this counter. */
export function saidBeyond(
  batches: readonly SignedBatch[],
  through: SaidThrough,
): SignedBatch[] {
  return batches.filter((batch) => isSaidBeyond(batch, through));
}

function isSaidBeyond(
  { batch: { value } }: SignedBatch,
  { incarnation, through }: SaidThrough,
): boolean {
  return value.counter + value.texts.length - 1 > through ||
    value.incarnation.toHex() !== incarnation;
}

function given(refs: readonly (string | undefined)[]): readonly string[] {
  return refs.filter((ref) => ref !== undefined);
}

/** The highest number of a draft. */
function lastDraft(batches: readonly SignedBatch[]): number {
  let last = 0;
  for (const { batch: { value } } of batches) {
    if (value.incarnation.every((byte) => byte === 0)) last = Math.max(last, value.counter);
  }
  return last;
}

function leftoverTexts(leftover: readonly UnsaidBatch[] | null): number {
  let texts = 0;
  for (const { signed: { batch } } of leftover ?? []) texts += batch.value.texts.length;
  return texts;
}
