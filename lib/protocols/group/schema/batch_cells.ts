/** Foundings, edits and signed batches as cells of a log line, and back to their exact bytes. */

import { concatBytes } from "../../../base/crypto/crypto.ts";
import { MalformedError } from "../../../base/errors.ts";
import type { Hash, MessageId, PeerKey } from "../../../base/ids.ts";
import {
  bytesOf,
  cell,
  type Column,
  countOf,
  hex,
  hexBytes,
  hexOf,
  isoTime,
  packedText,
  restOfText,
  restText,
  SIGNATURE_BYTES,
  signatureOf,
  timeOf,
  unpacked,
  word,
} from "../../../base/schema/cells.ts";
import { columns } from "../../../base/schema/log_records.ts";
import { varintBytes } from "../../../base/schema/schema_codec.ts";
import { quotedStart, utf8Length } from "../../../base/text/text.ts";
import { type Ballot, ballotText, signedViewSchema } from "./epoch.ts";
import {
  type Agreed,
  type Edit,
  type EditPolicy,
  type EditRequest,
  editRequestFrom,
  type SignedEditRequest,
} from "./edit.ts";
import { type Founding, NONCE_BYTES } from "./founding.ts";
import { type Batch, batchFrom, COORDINATOR_NAME, type SignedBatch } from "./history.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_EDITS_BYTES_MAX,
  BATCH_EDITS_MAX,
  BATCH_TEXTS_BYTES_MAX,
  BATCH_TEXTS_MAX,
  EDIT_REQUEST_BYTES_MAX,
  INCARNATION_BYTES,
  MEMBERS_MAX,
  NAME_BYTES_MAX,
  TEXT_BYTES_MAX,
} from "./limits.ts";

/** Who is asked before an edit. */
export const policyCell = word<EditPolicy>(
  { own: "own", ask: "ask", auto: "auto" },
  (text) => `${quotedStart(text)} doesn't say who is asked before an edit`,
);

/** `3`, or `3.1` for its first round. */
export const ballotCell = cell<Ballot>("ballot", ballotText, (text) => {
  const [, number = "", round = "0"] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const ballot = { number: countOf(number), round: countOf(round) };
  if (ballotText(ballot) !== text) throw new MalformedError(`no ballot is ${quotedStart(text)}`);
  return ballot;
});

/** How a group was founded. */
export const foundingColumns: Column<Founding> = columns({
  coordinator: hex<PeerKey>(),
  nonce: hexBytes(NONCE_BYTES),
  edits: policyCell,
  private: word(
    { private: true, open: false },
    (text) => `${quotedStart(text)} doesn't say who can join`,
  ),
});

/**
 * Cells of a request: which entry, who requests it, the new text; then what is needed to restore the bytes that
 * were signed, the entry's id and the digest of its old text among it.
 */
const REQUEST_CELLS = 11;
/** Cells of the request, the view, and the number of members that agreed. */
const CELLS_BEFORE_AGREED = REQUEST_CELLS + 2;
/** Cells of each of those: name, key and signature. */
const AGREED_CELLS = 3;

/** The request as cells, without the group that it also names, which is stored elsewhere. */
function requestCells(signed: SignedEditRequest): readonly string[] {
  const { seq, name, text, requester, incarnation, number, askedAt, entry, old } =
    signed.request.value;
  return [
    String(seq),
    name,
    text,
    requester,
    incarnation.toHex(),
    String(number),
    isoTime(askedAt),
    entry,
    old,
    signed.signature.toHex(),
    restText(restOfRequest(signed)),
  ];
}

/**
 * The request that `requestCells` wrote, in the cells from `first` on.
 * @throws {MalformedError} If the cells aren't a request.
 */
function requestOfCells(
  cells: readonly string[],
  first: number,
  group: Hash,
): SignedEditRequest {
  if (cells.length < first + REQUEST_CELLS) {
    throw new MalformedError("cells of an edit are missing");
  }
  const field = (at: number) => cells[first + at]!;
  const request: EditRequest = {
    group,
    seq: countOf(field(0)),
    name: field(1),
    text: field(2),
    requester: hexOf<PeerKey>(field(3)),
    incarnation: bytesOf(field(4), INCARNATION_BYTES),
    number: countOf(field(5)),
    askedAt: timeOf(field(6)),
    entry: hexOf<MessageId>(field(7)),
    old: hexOf<Hash>(field(8)),
  };
  return requestWith(request, signatureOf(field(9)), restOfText(field(10)));
}

/**
 * What a request says of which entry, without what only its signature needs.
 * @param textOf Restores the text of a cell. @throws {MalformedError} If the cells aren't those of a request.
 */
export function editedCells(
  cells: readonly string[],
  first: number,
  textOf: (cell: string) => string,
): Pick<EditRequest, "seq" | "text" | "requester" | "incarnation" | "number"> {
  return {
    seq: countOf(cells[first]!),
    text: textOf(cells[first + 2]!),
    requester: hexOf<PeerKey>(cells[first + 3]!),
    incarnation: bytesOf(cells[first + 4]!, INCARNATION_BYTES),
    number: countOf(cells[first + 5]!),
  };
}

/** A request and its group. */
export const requestColumns: Column<SignedEditRequest> = {
  width: REQUEST_CELLS + 1,
  describe: () => [
    "*number of the entry*",
    "*requester*",
    "*new text*",
    `what restores the request, in ${REQUEST_CELLS - 3} cells`,
    "`group` id",
  ],
  write: (cells, signed) => void cells.push(...requestCells(signed), signed.request.value.group),
  read(cells, at) {
    const group = cells[at + REQUEST_CELLS];
    if (group === undefined) throw new MalformedError("the group of an edit is missing");
    return requestOfCells(cells, at, hexOf<Hash>(group));
  },
};

/**
 * The edit as cells: the request, the view that voted, and how many agreed that had to be asked; then the name, key and
 * signature of each.
 */
export function editCells({ signed, view, agreed }: Edit): readonly string[] {
  const named = agreed.flatMap(({ name, key, signature }) => [name, key, signature.toHex()]);
  return [...requestCells(signed), String(view), String(agreed.length), ...named];
}

/**
 * The number of cells that `editCells` wrote, starting at cell `first`.
 * @throws {MalformedError} If the cells aren't an edit.
 */
export function editCellCount(cells: readonly string[], first: number): number {
  const at = first + CELLS_BEFORE_AGREED - 1;
  if (cells.length <= at) throw new MalformedError("cells of an edit are missing");
  const agreed = countOf(cells[at]!);
  if (agreed > MEMBERS_MAX) {
    throw new MalformedError(`no more than ${MEMBERS_MAX} agree to an edit`);
  }
  return CELLS_BEFORE_AGREED + AGREED_CELLS * agreed;
}

/**
 * The edit that `editCells` wrote, in the cells from `first` on.
 * @throws {MalformedError} If the cells aren't an edit.
 */
export function editOfCells(
  cells: readonly string[],
  first: number,
  edit: number,
  group: Hash,
): Edit {
  const end = first + editCellCount(cells, first);
  if (cells.length < end) throw new MalformedError("cells of an edit are missing");
  const agreed: Agreed[] = [];
  for (let at = first + CELLS_BEFORE_AGREED; at < end; at += AGREED_CELLS) {
    const name = cells[at]!;
    checkName(name);
    const key = hexOf<PeerKey>(cells[at + 1]!);
    agreed.push({ name, key, signature: signatureOf(cells[at + 2]!) });
  }
  const view = countOf(cells[first + REQUEST_CELLS]!);
  return { edit, signed: requestOfCells(cells, first, group), view, agreed };
}

const ID_BYTES = 32;

/** Length of an edit in the bytes of its batch. */
function editBytes({ edit, signed, view, agreed }: Edit): number {
  const request = signed.request.bytes.length;
  const named = agreed.map(({ name }) => utf8Length(name));
  return varintBytes(edit) + varintBytes(request) + request + SIGNATURE_BYTES +
    varintBytes(view) + varintBytes(agreed.length) +
    named.reduce(
      (sum, length) => sum + ID_BYTES + varintBytes(length) + length + SIGNATURE_BYTES,
      0,
    );
}

/** The bytes of a request after the fields that this version knows. */
function restOfRequest({ request, signature }: SignedEditRequest): Uint8Array {
  return request.bytes.subarray(editRequestFrom(request.value, signature).request.bytes.length);
}

/** A request with its exact bytes. @throws {MalformedError} If it exceeds a request's limits. */
function requestWith(
  request: EditRequest,
  signature: Uint8Array,
  rest: Uint8Array,
): SignedEditRequest {
  const { name, text } = request;
  checkName(name);
  if (!text.isWellFormed()) throw new MalformedError("a text has half a character");
  if (utf8Length(text) > TEXT_BYTES_MAX) {
    throw new MalformedError("a text is longer than any may be");
  }
  const known = editRequestFrom(request, signature);
  const bytes = rest.length === 0 ? known.request.bytes : concatBytes(known.request.bytes, rest);
  if (bytes.length > EDIT_REQUEST_BYTES_MAX) {
    throw new MalformedError("what was asked for is longer than it may be");
  }
  return { request: { bytes, value: known.request.value }, signature };
}

/** @throws {MalformedError} If the name exceeds the limits, so that it couldn't be encoded. */
function checkName(name: string): void {
  if (!name.isWellFormed()) throw new MalformedError("a name has half a character");
  if (utf8Length(name) > NAME_BYTES_MAX) {
    throw new MalformedError("a name is longer than any may be");
  }
}

/** Cells of time and name, before the texts or edits. */
const CELLS_BEFORE = 2;
const CELLS_AFTER = 8;
/** Where no view comes with the batch. */
const NO_VIEW = "-";
/** Where edits have a number. */
const RULES = "rules";

/** The batch as cells: when, who, what; then what is needed to restore the bytes that were signed. */
function writeBatch(cells: string[], signed: SignedBatch): void {
  const { sentAt, name, texts, edits, rules, author, incarnation, counter, signedIn, group } =
    signed.batch.value;
  cells.push(
    isoTime(sentAt),
    name,
    ...texts,
    ...edits.flatMap((edit) => [String(edit.edit), ...editCells(edit)]),
    ...(rules === null ? [] : [RULES, rules.edits]),
    author,
    incarnation.toHex(),
    String(counter),
    ballotText(signedIn),
    group,
    signed.signature.toHex(),
    restText(restOf(signed)),
    signed.view === null ? NO_VIEW : packedText(signedViewSchema, signed.view),
  );
}

/**
 * The batch that `writeBatch` wrote, in the cells from `first` to the last.
 * @throws {MalformedError} If the cells aren't a batch.
 */
function batchOfCells(cells: readonly string[], first: number): SignedBatch {
  const after = cells.length - CELLS_AFTER;
  if (after < first + CELLS_BEFORE) throw new MalformedError("cells of a batch are missing");
  const field = (at: number) => cells[at]!;
  const name = field(first + 1);
  const group = hexOf<Hash>(field(after + 4));
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
    rules: isRules ? { edits: policyCell.read([content[1] ?? ""], 0, 1) } : null,
    author: hexOf<PeerKey>(field(after)),
    incarnation: bytesOf(field(after + 1), INCARNATION_BYTES),
    counter: countOf(field(after + 2)),
    signedIn: ballotCell.read(cells, after + 3, after + 4),
    group,
  };
  const signed = batchWith(batch, signatureOf(field(after + 5)), restOfText(field(after + 6)));
  const packedView = field(after + 7);
  const view = packedView === NO_VIEW ? null : unpacked(signedViewSchema, packedView);
  return { ...signed, view };
}

/** A batch; it has all cells from the first to the last. */
export const batchColumns: Column<SignedBatch> = {
  width: null,
  describe: () => [
    "*time*",
    "*author's name*",
    "*texts*, or edits, or rules, any number of cells",
    `what restores the batch, in ${CELLS_AFTER} cells`,
  ],
  write: writeBatch,
  read: batchOfCells,
};

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
