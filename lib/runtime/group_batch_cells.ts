/** A signed batch as cells of a line, and back to its exact bytes. */

import { concatBytes } from "../base/crypto.ts";
import type { Hash, PeerKey } from "../base/ids.ts";
import { varintBytes } from "../base/schema_codec.ts";
import { utf8Length } from "../base/text.ts";
import {
  type Batch,
  batchFrom,
  INCARNATION_BYTES,
  type SignedBatch,
} from "../protocols/group/history.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_TEXTS_BYTES_MAX,
  BATCH_TEXTS_MAX,
  NAME_BYTES_MAX,
  TEXT_BYTES_MAX,
} from "../protocols/group/limits.ts";
import { countOf, hexOf, isoTime, timeOf } from "./log_fields.ts";

/** Stands for no bytes, where a cell that is there isn't empty. */
const NOTHING = "-";
/** Time and name stand before the texts. */
const CELLS_BEFORE_TEXTS = 2;
const CELLS_AFTER_TEXTS = 6;
const SIGNATURE_BYTES = 64;

/** When, who, what; then what it takes to have the bytes that were signed. */
export function batchCells(signed: SignedBatch): readonly string[] {
  const { sentAt, name, texts, author, incarnation, counter, group } = signed.batch.value;
  return [
    isoTime(sentAt),
    name,
    ...texts,
    author,
    incarnation.toHex(),
    String(counter),
    group,
    signed.signature.toHex(),
    restText(restOf(signed)),
  ];
}

/**
 * The batch of `batchCells`, from cell `first` on to the last.
 * @throws {TypeError} If they are none.
 */
export function batchOfCells(cells: readonly string[], first: number): SignedBatch {
  const after = cells.length - CELLS_AFTER_TEXTS;
  if (after < first + CELLS_BEFORE_TEXTS) throw new TypeError("cells of a batch are missing");
  const field = (at: number) => cells[at]!;
  const batch: Batch = {
    kind: "texts",
    sentAt: timeOf(field(first)),
    name: field(first + 1),
    texts: cells.slice(first + CELLS_BEFORE_TEXTS, after),
    author: hexOf<PeerKey>(field(after)),
    incarnation: bytesOf(field(after + 1), INCARNATION_BYTES),
    counter: countOf(field(after + 2)),
    group: hexOf<Hash>(field(after + 3)),
  };
  return batchWith(batch, signatureOf(field(after + 4)), restOfText(field(after + 5)));
}

/** What the exact bytes of a batch have behind the fields that this version knows. */
export function restOf({ batch, signature }: SignedBatch): Uint8Array {
  return batch.bytes.subarray(batchFrom(batch.value, signature).batch.bytes.length);
}

export function restText(rest: Uint8Array): string {
  return rest.length === 0 ? NOTHING : rest.toHex();
}

/** @throws {TypeError} If `restText` never wrote it. */
export function restOfText(text: string): Uint8Array {
  return text === NOTHING ? new Uint8Array(0) : bytesOf(text);
}

/** @throws {TypeError} If it isn't 128 hexadecimal digits. */
export function signatureOf(text: string): Uint8Array {
  return bytesOf(text, SIGNATURE_BYTES);
}

/**
 * Bytes in lower-case hexadecimal, one at least.
 * @throws {TypeError} If it isn't that, or as many as `length` says.
 */
export function bytesOf(text: string, length?: number): Uint8Array {
  const isHex = /^(?:[0-9a-f]{2})+$/.test(text);
  if (!isHex || (length !== undefined && text.length !== 2 * length)) {
    throw new TypeError(`no bytes in hexadecimal are "${text}"`);
  }
  return Uint8Array.fromHex(text);
}

/** A batch with its exact bytes. @throws {TypeError} If it is more than a batch may be. */
export function batchWith(batch: Batch, signature: Uint8Array, rest: Uint8Array): SignedBatch {
  checkBounds(batch);
  const known = batchFrom(batch, signature);
  if (rest.length === 0) return known;
  const bytes = concatBytes(known.batch.bytes, rest);
  if (bytes.length > BATCH_BYTES_MAX) throw new TypeError("a batch is longer than any may be");
  return { batch: { bytes, value: known.batch.value }, signature };
}

/** Bytes that a UTF-16 unit takes at most. */
const UNIT_BYTES_MAX = 3;
/** Of a batch's texts with their lengths. */
const TEXTS_BYTES_MAX = BATCH_TEXTS_BYTES_MAX + 3 * BATCH_TEXTS_MAX;

/** @throws {TypeError} If no batch was ever like that: it couldn't be encoded. */
export function checkBounds({ name, texts }: Pick<Batch, "name" | "texts">): void {
  if (![name, ...texts].every((text) => text.isWellFormed())) {
    throw new TypeError("a text has half a character");
  }
  if (texts.length > BATCH_TEXTS_MAX) throw new TypeError("a batch has too many texts");
  const units = texts.reduce((sum, text) => sum + text.length, name.length);
  if (UNIT_BYTES_MAX * units <= NAME_BYTES_MAX) return; // lengths of most needn't be counted
  const lengths = texts.map(utf8Length);
  const bytes = lengths.reduce((sum, length) => sum + varintBytes(length) + length, 0);
  const isTooLong = lengths.some((length) => length > TEXT_BYTES_MAX) ||
    varintBytes(texts.length) + bytes > TEXTS_BYTES_MAX || utf8Length(name) > NAME_BYTES_MAX;
  if (isTooLong) throw new TypeError("a batch is longer than any may be");
}
