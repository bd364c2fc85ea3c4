/**
 * The history of a group: what was said, in the one order that all members have. It is made of batches, each signed
 * by its author and ordered as a whole; a batch of texts is as many entries. Later kinds (an edit's decision) take
 * a position and no entry number.
 *
 * Each position has a digest, chained to the one before, so that two members can compare one line.
 */

import { concatBytes, type Crypto, type Signer, utf8 } from "../../base/crypto.ts";
import type { Hash, MessageId, PeerKey } from "../../base/ids.ts";
import { nameFault } from "../../base/names.ts";
import {
  type Embedded,
  embedded,
  encode,
  fixedBytes,
  hexId,
  type Infer,
  list,
  makeEmbedded,
  oneOf,
  record,
  text,
  uint,
} from "../../base/schema.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_TEXTS_BYTES_MAX,
  BATCH_TEXTS_MAX,
  NAME_BYTES_MAX,
  TEXT_BYTES_MAX,
} from "./limits.ts";

/** What a batch holds. Later kinds are added at the end. */
const BATCH_KINDS = ["texts"] as const;

/** A number of a member's process, drawn at random when it starts: 16 hexadecimal digits in memory. */
export const INCARNATION_BYTES = 8;

const batchSchema = record({
  kind: oneOf(BATCH_KINDS),
  /** The group in which it was said: it can't be repeated in another. */
  group: hexId<Hash>(),
  author: hexId<PeerKey>(),
  /** The author's name then. */
  name: text(NAME_BYTES_MAX),
  incarnation: fixedBytes(INCARNATION_BYTES),
  /** Of the first text; counts from 1 in each incarnation, without gaps. */
  counter: uint(Number.MAX_SAFE_INTEGER),
  /** The author's wall clock, ms since 1970; for display alone. */
  sentAt: uint(Number.MAX_SAFE_INTEGER),
  texts: list(text(TEXT_BYTES_MAX), BATCH_TEXTS_MAX, BATCH_TEXTS_BYTES_MAX + 3 * BATCH_TEXTS_MAX),
});
export type Batch = Infer<typeof batchSchema>;

/** A batch in its exact bytes, and its author's signature over them: sent, kept and exported so. */
export const signedBatchSchema = record({
  batch: embedded(batchSchema, BATCH_BYTES_MAX),
  signature: fixedBytes(64),
});
export interface SignedBatch {
  readonly batch: Embedded<Batch>;
  readonly signature: Uint8Array;
}

const TAGS = {
  batch: utf8("p2pchat group batch 1\0"),
  message: utf8("p2pchat group message 1\0"),
  history: utf8("p2pchat group history 1\0"),
} as const;

/** Signs what one says. */
export function signBatch(signer: Signer, batch: Batch): SignedBatch {
  const made = makeEmbedded(batchSchema, batch);
  const exact = { bytes: made.bytes.slice(), value: made.value };
  return { batch: exact, signature: signer.sign(concatBytes(TAGS.batch, exact.bytes)) };
}

/** A batch from its parts, as a log keeps them. */
export function batchFrom(batch: Batch, signature: Uint8Array): SignedBatch {
  const made = makeEmbedded(batchSchema, batch);
  return { batch: { bytes: made.bytes.slice(), value: made.value }, signature };
}

/** Whether the author's signature fits. Never throws. */
export function isAuthentic(crypto: Crypto, { batch, signature }: SignedBatch): boolean {
  return crypto.verify(batch.value.author, concatBytes(TAGS.batch, batch.bytes), signature);
}

/** What is wrong with a batch by itself, the signature aside; null where nothing is. */
export function batchFault({ batch: { value } }: SignedBatch, group: Hash): string | null {
  if (value.group !== group) return "it was said in another group";
  if (value.texts.length === 0) return "it is empty";
  if (value.counter < 1) return "its counter is below 1";
  if (value.counter + value.texts.length > Number.MAX_SAFE_INTEGER) return "its counter overflows";
  const name = nameFault(value.name);
  return name === null ? null : `its author's name ${name}`;
}

/** What the batch takes in memory and on the wire, nearly. */
export function batchBytes({ batch }: SignedBatch): number {
  return batch.bytes.length + 80;
}

/** The id of one text: the same however often it is sent. */
export function entryId(crypto: Crypto, batch: Batch, index: number): MessageId {
  const place = encode(placeSchema, {
    author: batch.author,
    incarnation: batch.incarnation,
    counter: batch.counter + index,
  });
  return crypto.sha256<MessageId>(TAGS.message, place);
}
const placeSchema = record({
  author: hexId<PeerKey>(),
  incarnation: fixedBytes(INCARNATION_BYTES),
  counter: uint(Number.MAX_SAFE_INTEGER),
});

const linkSchema = record({
  before: hexId<Hash>(),
  kind: oneOf(BATCH_KINDS),
  author: hexId<PeerKey>(),
  name: text(NAME_BYTES_MAX),
  incarnation: fixedBytes(INCARNATION_BYTES),
  counter: uint(Number.MAX_SAFE_INTEGER),
  sentAt: uint(Number.MAX_SAFE_INTEGER),
  text: text(TEXT_BYTES_MAX),
});

/** Up to where an author has spoken, in the last of its incarnations that has. */
export interface Spoken {
  readonly incarnation: string;
  readonly through: number;
  /** The position before it first spoke. */
  readonly since: number;
}

/** An incarnation that was followed by another one of its author, and those that were so before it. */
interface Earlier {
  readonly author: PeerKey;
  readonly spoken: Spoken;
  readonly before: Earlier | null;
}

/** An end of history: how far it goes, and its digest there. */
export interface HistoryPoint {
  /** Entries and what else has a place; 0 where nothing was said. */
  readonly position: number;
  readonly digest: Hash;
}

export const historyPointSchema = record({
  position: uint(Number.MAX_SAFE_INTEGER),
  digest: hexId<Hash>(),
});

/** The digest of an empty history. */
export function emptyDigest(crypto: Crypto, group: Hash): Hash {
  return crypto.sha256<Hash>(TAGS.history, Uint8Array.fromHex(group));
}

/** One entry, with its place in the history. */
export interface Entry {
  readonly seq: number;
  readonly position: number;
  readonly digest: Hash;
  readonly id: MessageId;
  readonly batch: Batch;
  readonly text: string;
}

/** The id of an entry is computed when it is asked for: reading a long log asks for none. */
class BatchEntry implements Entry {
  constructor(
    readonly seq: number,
    readonly position: number,
    readonly digest: Hash,
    readonly batch: Batch,
    readonly index: number,
    readonly crypto: Crypto,
  ) {}

  get id(): MessageId {
    return entryId(this.crypto, this.batch, this.index);
  }

  get text(): string {
    return this.batch.texts[this.index]!;
  }
}

/** What of a batch its place in the history depends on. */
interface BatchOnly {
  readonly batch: Pick<Embedded<Batch>, "value">;
}

/** An end of a history before a batch of this author. */
export interface HistoryMark extends HistoryPoint {
  readonly seq: number;
  readonly author: PeerKey;
  readonly spoken: Spoken | null;
  readonly earlier: Earlier | null;
}

/** The end of a history, batch by batch: the same for all who append the same. */
export class HistoryEnd {
  #position = 0;
  #seq = 0;
  #digest: Hash;
  readonly #spoken = new Map<PeerKey, Spoken>();
  /** Shared by copies. At most one for each batch, as the log's index has. */
  #earlier: Earlier | null = null;

  constructor(readonly crypto: Crypto, readonly group: Hash) {
    this.#digest = emptyDigest(crypto, group);
  }

  get point(): HistoryPoint {
    return { position: this.#position, digest: this.#digest };
  }

  get position(): number {
    return this.#position;
  }

  get digest(): Hash {
    return this.#digest;
  }

  /** The last entry's number. */
  get seq(): number {
    return this.#seq;
  }

  /** Up to where an author's last incarnation has spoken; 0 where this isn't it. */
  through(author: PeerKey, incarnation: string): number {
    const spoken = this.#spoken.get(author);
    return spoken?.incarnation === incarnation ? spoken.through : 0;
  }

  /** Up to where an incarnation has ever spoken; 0 where it hasn't. Takes as long as there were incarnations. */
  everThrough(author: PeerKey, incarnation: string): number {
    let through = this.through(author, incarnation);
    for (let one = this.#earlier; one !== null; one = one.before) {
      if (one.author !== author || one.spoken.incarnation !== incarnation) continue;
      through = Math.max(through, one.spoken.through);
    }
    return through;
  }

  /** The incarnation that has spoken last; null where none has. */
  lastSpoken(author: PeerKey): Spoken | null {
    return this.#spoken.get(author) ?? null;
  }

  #speaks(author: PeerKey, incarnation: string, through: number, before: number): void {
    const last = this.#spoken.get(author);
    const isOther = last?.incarnation !== incarnation;
    if (last !== undefined && isOther) {
      this.#earlier = { author, spoken: last, before: this.#earlier };
    }
    this.#spoken.set(author, { incarnation, through, since: isOther ? before : last.since });
  }

  /**
   * Why the batch can't be the next one; null where it can. Whose incarnation may speak is the view's to say: that
   * one which is over never speaks again isn't checked here.
   */
  fault({ batch: { value } }: BatchOnly): string | null {
    const expected = this.through(value.author, value.incarnation.toHex()) + 1;
    if (value.counter === expected) return null;
    return `counter ${expected} was expected, it is ${value.counter}`;
  }

  /** Goes on by a batch without fault. @returns Its entries. */
  append({ batch: { value } }: BatchOnly): readonly Entry[] {
    const { author, name, kind, incarnation, counter, sentAt, texts } = value;
    const entries = texts.map((text, index) => {
      const before = this.#digest;
      const at = {
        before,
        kind,
        author,
        name,
        incarnation,
        counter: counter + index,
        sentAt,
        text,
      };
      this.#digest = this.crypto.sha256<Hash>(TAGS.history, encode(linkSchema, at));
      return new BatchEntry(
        ++this.#seq,
        ++this.#position,
        this.#digest,
        value,
        index,
        this.crypto,
      );
    });
    const through = counter + texts.length - 1;
    this.#speaks(author, incarnation.toHex(), through, this.#position - texts.length);
    return entries;
  }

  /**
   * Goes on as by `append`, by a batch of so many texts to a digest that was computed once: reading a log whose
   * checksums fit.
   */
  appendKnown(
    author: PeerKey,
    { incarnation, through }: Pick<Spoken, "incarnation" | "through">,
    count: number,
    digest: Hash,
  ): void {
    this.#speaks(author, incarnation, through, this.#position);
    this.#seq += count;
    this.#position += count;
    this.#digest = digest;
  }

  /** What to return to from after the author's next batch. */
  mark(author: PeerKey): HistoryMark {
    const spoken = this.#spoken.get(author) ?? null;
    const at = { position: this.#position, seq: this.#seq, digest: this.#digest };
    return { ...at, author, spoken, earlier: this.#earlier };
  }

  /** Takes back the last batch. @param mark From before it. */
  takeBack({ position, seq, digest, author, spoken, earlier }: HistoryMark): void {
    this.#position = position;
    this.#seq = seq;
    this.#digest = digest;
    this.#earlier = earlier;
    if (spoken === null) this.#spoken.delete(author);
    else this.#spoken.set(author, spoken);
  }

  /** Another end, which goes on by itself. */
  copy(): HistoryEnd {
    const copy = new HistoryEnd(this.crypto, this.group);
    copy.#position = this.#position;
    copy.#seq = this.#seq;
    copy.#digest = this.#digest;
    copy.#earlier = this.#earlier;
    for (const [author, spoken] of this.#spoken) copy.#spoken.set(author, spoken);
    return copy;
  }
}
