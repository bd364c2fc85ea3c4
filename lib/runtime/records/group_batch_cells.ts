/** Converts a signed batch to cells of a log line, and back to its exact bytes. */

import { concatBytes } from "../../base/crypto/crypto.ts";
import { MalformedError } from "../../base/errors.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import { varintBytes } from "../../base/schema/schema_codec.ts";
import { utf8Length } from "../../base/text/text.ts";
import type { Edit } from "../../protocols/group/schema/edit.ts";
import {
  type Batch,
  batchFrom,
  COORDINATOR_NAME,
  type SignedBatch,
} from "../../protocols/group/schema/history.ts";
import { signedViewSchema } from "../../protocols/group/schema/epoch.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_EDITS_BYTES_MAX,
  BATCH_EDITS_MAX,
  BATCH_TEXTS_BYTES_MAX,
  BATCH_TEXTS_MAX,
  INCARNATION_BYTES,
  NAME_BYTES_MAX,
  TEXT_BYTES_MAX,
} from "../../protocols/group/schema/limits.ts";
import { editBytes, editCellCount, editCells, editOfCells } from "./group_edit_cells.ts";
import { policyOf } from "./group_founding_cells.ts";
import {
  bytesOf,
  countOf,
  hexOf,
  isoTime,
  packedText,
  restOfText,
  restText,
  signatureOf,
  timeOf,
  unpacked,
} from "../../base/schema/cells.ts";

/** Cells of time and name, before the texts or edits. */
const CELLS_BEFORE = 2;
const CELLS_AFTER = 7;
/** Where no view comes with the batch. */
const NO_VIEW = "-";
/** Where edits have a number. */
const RULES = "rules";

/** The batch as cells: when, who, what; then what is needed to restore the bytes that were signed. */
export function batchCells(signed: SignedBatch): readonly string[] {
  const { sentAt, name, texts, edits, rules, author, incarnation, counter, group } =
    signed.batch.value;
  return [
    isoTime(sentAt),
    name,
    ...texts,
    ...edits.flatMap((edit) => [String(edit.edit), ...editCells(edit)]),
    ...(rules === null ? [] : [RULES, rules.edits]),
    author,
    incarnation.toHex(),
    String(counter),
    group,
    signed.signature.toHex(),
    restText(restOf(signed)),
    signed.view === null ? NO_VIEW : packedText(signedViewSchema, signed.view),
  ];
}

/**
 * The batch that `batchCells` wrote, in the cells from `first` to the last.
 * @throws {MalformedError} If the cells aren't a batch.
 */
export function batchOfCells(cells: readonly string[], first: number): SignedBatch {
  const after = cells.length - CELLS_AFTER;
  if (after < first + CELLS_BEFORE) throw new MalformedError("cells of a batch are missing");
  const field = (at: number) => cells[at]!;
  const name = field(first + 1);
  const group = hexOf<Hash>(field(after + 3));
  const content = cells.slice(first + CELLS_BEFORE, after);
  // Nobody else can have that name, and the coordinator sends no texts.
  const isDecided = name === COORDINATOR_NAME;
  const isRules = isDecided && content[0] === RULES;
  const kind = isRules ? "rules" : isDecided ? "edits" : "texts";
  const batch: Batch = {
    kind,
    sentAt: timeOf(field(first)),
    name,
    texts: isDecided ? [] : content,
    edits: kind === "edits" ? editsOfCells(content, group) : [],
    rules: isRules ? { edits: policyOf(content[1] ?? "") } : null,
    author: hexOf<PeerKey>(field(after)),
    incarnation: bytesOf(field(after + 1), INCARNATION_BYTES),
    counter: countOf(field(after + 2)),
    group,
  };
  const signed = batchWith(batch, signatureOf(field(after + 4)), restOfText(field(after + 5)));
  const packedView = field(after + 6);
  const view = packedView === NO_VIEW ? null : unpacked(signedViewSchema, packedView);
  return { ...signed, view };
}

function editsOfCells(cells: readonly string[], group: Hash): readonly Edit[] {
  const edits: Edit[] = [];
  for (let at = 0; at < cells.length;) {
    const first = at + 1;
    edits.push(editOfCells(cells, first, countOf(cells[at]!), group));
    at = first + editCellCount(cells, first);
  }
  return edits;
}

/** The bytes of a batch after the fields that this version knows. */
export function restOf({ batch, signature }: SignedBatch): Uint8Array {
  return batch.bytes.subarray(batchFrom(batch.value, signature).batch.bytes.length);
}

/** A batch with its exact bytes. @throws {MalformedError} If it exceeds a batch's limits. */
export function batchWith(batch: Batch, signature: Uint8Array, rest: Uint8Array): SignedBatch {
  checkBounds(batch);
  const known = batchFrom(batch, signature);
  if (rest.length === 0) return known;
  const bytes = concatBytes(known.batch.bytes, rest);
  if (bytes.length > BATCH_BYTES_MAX) throw new MalformedError("a batch is longer than any may be");
  return { batch: { bytes, value: known.batch.value }, signature, view: null };
}

/** UTF-8 bytes of a UTF-16 unit, at most. */
const UNIT_BYTES_MAX = 3;
/** Bytes of a batch's texts with their lengths, at most. */
const TEXTS_BYTES_MAX = BATCH_TEXTS_BYTES_MAX + 3 * BATCH_TEXTS_MAX;

/** @throws {MalformedError} If the batch exceeds the limits, so that it couldn't be encoded. */
export function checkBounds({ name, texts, edits }: Pick<Batch, "name" | "texts" | "edits">): void {
  if (![name, ...texts].every((text) => text.isWellFormed())) {
    throw new MalformedError("a text has half a character");
  }
  if (texts.length > BATCH_TEXTS_MAX) throw new MalformedError("a batch has too many texts");
  if (edits.length > 0) checkEdits(edits);
  const units = texts.reduce((sum, text) => sum + text.length, name.length);
  if (UNIT_BYTES_MAX * units <= NAME_BYTES_MAX) return; // only names near the limit have to be measured
  const lengths = texts.map(utf8Length);
  const bytes = lengths.reduce((sum, length) => sum + varintBytes(length) + length, 0);
  const isTooLong = lengths.some((length) => length > TEXT_BYTES_MAX) ||
    varintBytes(texts.length) + bytes > TEXTS_BYTES_MAX || utf8Length(name) > NAME_BYTES_MAX;
  if (isTooLong) throw new MalformedError("a batch is longer than any may be");
}

/** Checks limits of the whole; each edit was checked when it was read. */
function checkEdits(edits: readonly Edit[]): void {
  if (edits.length > BATCH_EDITS_MAX) throw new MalformedError("a batch has too many edits");
  const bytes = edits.reduce((sum, edit) => sum + editBytes(edit), varintBytes(edits.length));
  if (bytes > BATCH_EDITS_BYTES_MAX) throw new MalformedError("a batch is longer than any may be");
}
