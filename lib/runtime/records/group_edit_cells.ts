/** Converts edits, and requests for edits, to cells of a log line, and back to their exact bytes. */

import { concatBytes } from "../../base/crypto/crypto.ts";
import { MalformedError } from "../../base/errors.ts";
import type { Hash, MessageId, PeerKey } from "../../base/ids.ts";
import { varintBytes } from "../../base/schema/schema_codec.ts";
import { utf8Length } from "../../base/text/text.ts";
import {
  type Agreed,
  type Edit,
  type EditRequest,
  editRequestFrom,
  type SignedEditRequest,
} from "../../protocols/group/schema/edit.ts";
import {
  EDIT_REQUEST_BYTES_MAX,
  INCARNATION_BYTES,
  MEMBERS_MAX,
  NAME_BYTES_MAX,
  TEXT_BYTES_MAX,
} from "../../protocols/group/schema/limits.ts";
import {
  bytesOf,
  countOf,
  hexOf,
  isoTime,
  restOfText,
  restText,
  signatureOf,
  timeOf,
} from "../../base/schema/cells.ts";

/**
 * Cells of a request: which entry, who requests it, the new text; then what is needed to restore the bytes that
 * were signed, the entry's id and the digest of its old text among it.
 */
export const REQUEST_CELLS = 11;
/** Which of them is the new text. */
export const NEW_TEXT_CELL = 2;
/** Cells of the request, the view, and the number of members that agreed. */
const CELLS_BEFORE_AGREED = REQUEST_CELLS + 2;
/** Cells of each of those: name, key and signature. */
const AGREED_CELLS = 3;

/** The request as cells, without the group that it also names, which is stored elsewhere. */
export function requestCells(signed: SignedEditRequest): readonly string[] {
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
    restText(restOf(signed)),
  ];
}

/**
 * The request that `requestCells` wrote, in the cells from `first` on.
 * @throws {MalformedError} If the cells aren't a request.
 */
export function requestOfCells(
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
const SIGNATURE_BYTES = 64;

/** Length of an edit in the bytes of its batch. */
export function editBytes({ edit, signed, view, agreed }: Edit): number {
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
function restOf({ request, signature }: SignedEditRequest): Uint8Array {
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
