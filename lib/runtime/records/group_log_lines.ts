/**
 * The log of a group as text, byte for byte the same at all members with the same history:
 *
 *     p2pchat  group-log  5  GROUP  DIGEST  FOUNDER  NONCE  own  open
 *     1  DIGEST  2026-01-31T12:00:00.000Z  alice  hello
 *     2  DIGEST  2026-01-31T12:00:00.000Z  alice  there   KEY  INCARNATION  COUNTER  EPOCH  SIGNATURE  -  view 1: alice bob  VIEW  CHECKSUM
 *     edit 1  DIGEST  2026-01-31T12:01:00.000Z  2  bob  where?  ...  KEY  INCARNATION  COUNTER  EPOCH  SIGNATURE  -  CHECKSUM
 *     rules  DIGEST  2026-01-31T12:02:00.000Z  auto   KEY  INCARNATION  COUNTER  EPOCH  SIGNATURE  -  CHECKSUM
 *
 * Cells are separated by tabs; their texts are escaped as in every store. The first line is the record of how the
 * group was founded, of which its id is a digest: the coordinator's key, a nonce, who is asked before an edit, and
 * whether the group is private. Each other line is a position of the history: an entry, an edit, or new rules. The
 * line of an entry has its number, the digest of the history up to it, the author's time, the author's name, and the
 * text. The line of an edit has its number, the digest, the coordinator's time of the decision, the number of the
 * entry, the requester's name, and the new text; then what the requester's signature needs: its key, the id of its
 * process, the number of that process's request, its time, the id of the entry, the digest of its text before, the
 * signature, and the request's bytes for later versions; then the number of members that agreed, and the name and key
 * of each. The line of rules says who is asked before an edit from there on.
 *
 * The last line of a batch continues with what the batch's signature needs: the key of the author, or of the
 * coordinator, the id of its process, the counter of the batch's first text or edit, the author's epoch, the signature,
 * and the batch's bytes for later versions. With the first batch of a view that has other members or names than the last one before,
 * the view itself follows: its number and the names for readers, then what the coordinator signed, in base 64.
 *
 * That line ends with the CRC-32 of all of the batch's bytes before its last tab. Each digest covers the digest
 * before it and everything in its line: it also detects deliberate changes, but takes ten times as long to check.
 */

import { Buffer } from "node:buffer";
import type { Crypto } from "../../base/crypto/crypto.ts";
import { MalformedError } from "../../base/errors.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import { nameFault } from "../../base/text/names.ts";
import { changeBy } from "../../protocols/group/schema/edit.ts";
import {
  type Batch,
  type BroughtEdit,
  COORDINATOR_NAME,
  emptyDigest,
  type Placed,
  type SignedBatch,
} from "../../protocols/group/schema/history.ts";
import { cellsOf } from "../../base/schema/log_records.ts";
import {
  ballotCell,
  batchWith,
  checkBounds,
  editCellCount,
  editCells,
  editedCells,
  editOfCells,
  foundingColumns,
  policyCell,
  restOf,
} from "../../protocols/group/schema/batch_cells.ts";
import {
  type Ballot,
  ballotText,
  type SignedView,
  signedViewSchema,
} from "../../protocols/group/schema/epoch.ts";
import { type Founding, groupIdOf, type Rules } from "../../protocols/group/schema/founding.ts";
import {
  BATCH_EDITS_MAX,
  BATCH_TEXTS_MAX,
  INCARNATION_BYTES,
} from "../../protocols/group/schema/limits.ts";
import { checksumOf, checksumText, joinCells, splitCells } from "../../store/disk/record_line.ts";
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

/** Incremented with each change that older programs cannot read. */
export const GROUP_LOG_VERSION = "5";
const FIRST_CELLS = ["p2pchat", "group-log"] as const;
/** Recognizes a damaged first line: at least one of its alternatives survives any single damage. */
const OWN_FIRST_LINE = /^p2pchat(?:\t|.group-log\t)|\tgroup-log\t/;

const DIGEST = /^[0-9a-f]{64}$/;
const ENTRY_CELLS = 5;
/** Cells of an edit's line before the request. */
const CELLS_BEFORE_EDIT = 3;
/** Cells at the end of a batch. */
const BATCH_CELLS = 7;
/** First cell of an edit's line. */
const EDIT = /^edit ([1-9][0-9]{0,15})$/;
/** Cells of the view that comes with a batch, before its checksum. */
const VIEW_CELLS = 2;
/** First cell of a line of rules. */
const RULES = "rules";
const RULES_CELLS = 4;

/** The first line of a group's log, with its line feed. */
export function firstLine(crypto: Crypto, founding: Founding): string {
  const group = groupIdOf(crypto, founding);
  const digest = emptyDigest(crypto, group);
  const cells = [
    ...FIRST_CELLS,
    GROUP_LOG_VERSION,
    group,
    digest,
    ...cellsOf(foundingColumns, founding),
  ];
  return `${joinCells(cells)}\n`;
}

/** What a first line means. */
export type FirstLine =
  | { readonly kind: "group"; readonly group: Hash; readonly founding: Founding }
  /** Written by another program: a later version, or one that was never released. */
  | { readonly kind: "version"; readonly version: string }
  /** The log of a group, but damaged. */
  | { readonly kind: "damaged" }
  /** Not the log of a group. */
  | { readonly kind: "foreign" };

/** Parses a first line without its line feed. */
export function parseFirstLine(crypto: Crypto, text: string): FirstLine {
  const [, , version, group, , ...founded] = text.split("\t");
  if (text.startsWith(`${FIRST_CELLS.join("\t")}\t`)) {
    if (version !== undefined && /^[1-9][0-9]{0,8}$/.test(version)) {
      if (version !== GROUP_LOG_VERSION) return { kind: "version", version };
    }
    const founding = foundingIn(founded);
    if (founding !== null && `${text}\n` === firstLine(crypto, founding)) {
      return { kind: "group", group: group as Hash, founding };
    }
  }
  return { kind: OWN_FIRST_LINE.test(text) ? "damaged" : "foreign" };
}

function foundingIn(cells: readonly string[]): Founding | null {
  try {
    return cells.length === foundingColumns.width
      ? foundingColumns.read(cells, 0, cells.length)
      : null;
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

/** The lines of a batch at this place of the history. */
export function batchLines(signed: SignedBatch, { entries, edits, rules }: Placed): Buffer {
  const { author, name, incarnation, counter, signedIn, sentAt } = signed.batch.value;
  const time = isoTime(sentAt);
  const said = joinCells([time, name]);
  const lines = [
    ...entries.map(({ seq, digest, text }) => `${seq}\t${digest}\t${said}\t${joinCells([text])}`),
    ...edits.map(({ digest, edit }) =>
      joinCells([editWord(edit.edit), digest, time, ...editCells(edit)])
    ),
    ...(rules === null ? [] : [joinCells([RULES, rules.digest, time, rules.rules.edits])]),
  ];
  const rest = restText(restOf(signed));
  const place = [author, incarnation.toHex(), String(counter), ballotText(signedIn)];
  const cells = [
    ...place,
    signed.signature.toHex(),
    rest,
    ...(signed.view === null ? [] : viewCells(signed.view)),
  ];
  const content = Buffer.from(`${lines.join("\n")}\t${cells.join("\t")}`);
  const end = Buffer.from(`\t${checksumText(checksumOf(content))}\n`);
  return Buffer.concat([content, end]);
}

function viewCells(view: SignedView): readonly string[] {
  const { view: number, members } = view.recorded.value;
  const names = members.map(({ name }) => name).join(" ");
  return [`view ${number}: ${names}`, packedText(signedViewSchema, view)];
}

function editWord(edit: number): string {
  return `edit ${edit}`;
}

/** @param word The first cell of an edit's line. @throws {MalformedError} If its number is too large. */
function numberOfEdit(word: string): number {
  return countOf(EDIT.exec(word)![1]!);
}

/**
 * A batch as its lines have it, with a valid checksum. Its cells are parsed only when needed, so that a long log
 * opens quickly.
 */
export class LoggedBatch {
  readonly #last: readonly string[];
  /** Cells of the last line before those of the batch. */
  readonly #own: number;

  /**
   * @param position The position before the batch.
   * @param seq The number of the last entry before it.
   * @param lines The cells of its lines. @param hasView Whether a view comes with it.
   */
  constructor(
    readonly group: Hash,
    readonly position: number,
    readonly seq: number,
    readonly kind: Batch["kind"],
    readonly lines: readonly (readonly string[])[],
    readonly hasView: boolean,
  ) {
    this.#last = lines[lines.length - 1]!;
    this.#own = this.#last.length - BATCH_CELLS - (hasView ? VIEW_CELLS : 0);
  }

  /** The number of positions it takes. */
  get count(): number {
    return this.lines.length;
  }

  /** The number of entries in it. */
  get entries(): number {
    return this.kind === "texts" ? this.lines.length : 0;
  }

  /** The digest of the history up to and including its last line. */
  get digest(): Hash {
    return this.#last[1]! as Hash;
  }

  get author(): PeerKey {
    return this.#last[this.#own]! as PeerKey;
  }

  /** The id of the author's process, in hexadecimal. */
  get incarnation(): string {
    return this.#last[this.#own + 1]!;
  }

  /** The counter of its first text or edit. */
  get counter(): number {
    return Number(this.#last[this.#own + 2]!);
  }

  /** The epoch that its author was in. @throws {MalformedError} If it is none. */
  get signedIn(): Ballot {
    return ballotCell.read(this.#last, this.#own + 3, this.#own + 4);
  }

  get name(): string {
    return this.kind === "texts" ? this.#last[3]! : COORDINATOR_NAME;
  }

  get sentAt(): number {
    return timeOf(this.#last[2]!);
  }

  /** What its line `index` is, as part of a sentence. */
  nameOf(index: number): string {
    return nameOfCell(this.lines[index]![0]!);
  }

  /** The digest of the history at each of its lines. @throws {MalformedError} If one isn't a digest. */
  digests(): readonly Hash[] {
    return this.lines.map(([, digest]) => hexOf<Hash>(digest!));
  }

  /** What its edits bring. @throws {MalformedError} If a request isn't valid, as far as that needs it. */
  broughtEdits(crypto: Crypto): readonly BroughtEdit[] {
    if (this.kind !== "edits") return NO_EDITS;
    return this.lines.map((cells) => {
      const request = editedCells(cells, CELLS_BEFORE_EDIT, textOf);
      return { edit: numberOfEdit(cells[0]!), ...changeBy(crypto, request) };
    });
  }

  /** The numbers of the entries that its edits change. @throws {MalformedError} If one isn't a number. */
  edited(): readonly number[] {
    if (this.kind !== "edits") return NO_NUMBERS;
    return this.lines.map((cells) => countOf(cells[CELLS_BEFORE_EDIT]!));
  }

  /** The view that comes with it; null where none does. @throws {MalformedError} If that isn't valid. */
  view(): SignedView | null {
    if (!this.hasView) return null;
    const view = unpacked(signedViewSchema, this.#last.at(-2)!);
    if (joinCells(viewCells(view)) === this.#last.slice(-3, -1).join("\t")) return view;
    throw new MalformedError("its view isn't written as it was signed");
  }

  /** Its rules; null in other batches. @throws {MalformedError} If there are no such rules. */
  rules(): Rules | null {
    return this.kind === "rules" ? { edits: policyCell.read(this.lines[0]!, 3, 4) } : null;
  }

  /** The parsed batch. @throws {MalformedError} If it isn't valid; the text is part of a sentence. */
  batch(): Batch {
    const { name, sentAt, kind, lines } = this;
    const time = this.#last[2]!;
    const isText = kind === "texts";
    if (isText) checkAuthor(name);
    if (lines.some((cells) => cells[2] !== time || (isText && cells[3] !== name))) {
      throw new MalformedError("lines said in one go differ in time or name");
    }
    const batch: Batch = {
      kind,
      group: this.group,
      author: hexOf<PeerKey>(this.author),
      name,
      incarnation: bytesOf(this.incarnation, INCARNATION_BYTES),
      counter: countOf(this.#last[this.#own + 2]!),
      signedIn: this.signedIn,
      sentAt,
      texts: isText ? lines.map((cells) => textOf(cells[4]!)) : [],
      rules: this.rules(),
      edits: kind !== "edits" ? [] : lines.map((cells) => {
        const edit = numberOfEdit(cells[0]!);
        return editOfCells(cells.map(textOf), CELLS_BEFORE_EDIT, edit, this.group);
      }),
    };
    checkBounds(batch);
    return batch;
  }

  /** The batch with its signed bytes. @throws {MalformedError} If it isn't valid. */
  signed(): SignedBatch {
    const [signature, rest] = this.#last.slice(this.#own + 4) as [string, string, ...string[]];
    const signed = batchWith(this.batch(), signatureOf(signature), restOfText(rest));
    return { ...signed, view: this.view() };
  }
}

const NO_NUMBERS: readonly number[] = [];
const NO_EDITS: readonly BroughtEdit[] = [];

/** @throws {MalformedError} If nobody can have that name. */
function checkAuthor(name: string): void {
  const fault = nameFault(name);
  if (fault !== null) throw new MalformedError(`its author's name is none: ${fault}`);
}

/**
 * What a line is, as part of a sentence: the edit in it, or the entry that follows entry `seq`. Null where the line
 * is too short to tell.
 */
export function lineName(line: string, seq: number): string | null {
  const end = line.indexOf("\t");
  if (end < 0) return null;
  const first = line.slice(0, end);
  return EDIT.test(first) || first === RULES ? nameOfCell(first) : `entry ${seq + 1}`;
}

/** What a line is, as part of a sentence. @param cell Its first cell. */
function nameOfCell(cell: string): string {
  if (cell === RULES) return "the rules";
  return EDIT.test(cell) ? cell : `entry ${cell}`;
}

/** Combines lines into batches. */
export class BatchReader {
  #position: number;
  #seq: number;
  /** The kind and lines of the batch that has begun. */
  #kind: Batch["kind"] | null = null;
  #lines: (readonly string[])[] = [];
  /** The CRC-32 of those lines, with their line feeds. */
  #checksum = 0;

  /** @param position The position before the first line. @param seq The number of the last entry before it. */
  constructor(readonly group: Hash, position: number, seq: number) {
    this.#position = position;
    this.#seq = seq;
  }

  /** The position before the next line. */
  get position(): number {
    return this.#position;
  }

  /** The number of the last entry before the next line. */
  get seq(): number {
    return this.#seq;
  }

  /** The number of lines of the incomplete batch. */
  get pending(): number {
    return this.#lines.length;
  }

  /** What the first of those lines is, as part of a sentence. */
  get pendingName(): string {
    return nameOfCell(this.#lines[0]![0]!);
  }

  /**
   * Takes the line in [from, to) of `bytes`; its line feed is at `to`.
   * @returns The batch that the line completes; null where more lines of the batch follow.
   * @throws {MalformedError} If the line isn't the next entry or edit, or the checksum is wrong; the text is part
   *   of a sentence.
   */
  add(bytes: Buffer, from: number, to: number): LoggedBatch | null {
    const cells = bytes.toString("utf8", from, to).split("\t");
    const own = this.#begun(cells);
    this.#lines.push(cells);
    this.#position++;
    if (cells.length === own && this.#kind !== "rules") {
      this.#checksum = checksumOf(bytes.subarray(from, to + 1), this.#checksum);
      return null;
    }
    const withBatch = own + BATCH_CELLS;
    const hasView = cells.length === withBatch + VIEW_CELLS;
    if (cells.length !== withBatch && !hasView) {
      throw new MalformedError(
        `it has ${cells.length} cells, not ${own}, ${withBatch} or ${withBatch + VIEW_CELLS}`,
      );
    }
    const checksum = cells.at(-1)!;
    const checked = bytes.subarray(from, to - checksum.length - 1);
    if (checksum !== checksumText(checksumOf(checked, this.#checksum))) throw this.#misfit();
    // Other files that refer to this history continue from this digest, so its form is checked at once.
    if (!DIGEST.test(cells[1]!)) throw new MalformedError("its digest is none");
    return this.#complete(hasView);
  }

  /** @returns The number of cells of the line itself. @throws {MalformedError} If it isn't the next entry or edit. */
  #begun(cells: readonly string[]): number {
    const first = cells[0]!;
    const isEntry = this.#kind === null || this.#kind === "texts";
    if (isEntry && first === String(this.#seq + 1)) {
      if (this.#lines.length === BATCH_TEXTS_MAX) {
        throw new MalformedError(`no more than ${BATCH_TEXTS_MAX} texts are said in one go`);
      }
      this.#kind = "texts";
      this.#seq++;
      return ENTRY_CELLS;
    }
    if (this.#kind === null && first === RULES) {
      this.#kind = "rules";
      return RULES_CELLS;
    }
    if (this.#kind !== "texts" && this.#kind !== "rules" && EDIT.test(first)) {
      if (this.#lines.length === BATCH_EDITS_MAX) {
        throw new MalformedError(`no more than ${BATCH_EDITS_MAX} edits are decided in one go`);
      }
      this.#kind = "edits";
      return CELLS_BEFORE_EDIT + editCellCount(cells, CELLS_BEFORE_EDIT);
    }
    const entry = this.#kind === "edits" ? "" : `entry ${this.#seq + 1}`;
    const edit = this.#kind === "texts" ? "" : this.#kind === null ? " or an edit" : "an edit";
    throw new MalformedError(`${entry}${edit} was expected, "${first.slice(0, 20)}" is there`);
  }

  #misfit(): MalformedError {
    const [first, last] = [this.#lines[0]![0]!, this.#lines.at(-1)![0]!];
    if (this.#lines.length === 1) return new MalformedError("its checksum doesn't fit");
    const what = this.#kind === "texts"
      ? `was said in one go, entries ${first} to ${last}`
      : `was decided in one go, from ${first} to ${last}`;
    return new MalformedError(`the checksum doesn't fit of what ${what}`);
  }

  #complete(hasView: boolean): LoggedBatch {
    const kind = this.#kind!;
    const lines = this.#lines;
    const before = this.#position - lines.length;
    const seq = kind === "texts" ? this.#seq - lines.length : this.#seq;
    this.#kind = null;
    this.#lines = [];
    this.#checksum = 0;
    return new LoggedBatch(this.group, before, seq, kind, lines, hasView);
  }
}

/** The text in an escaped cell. @throws {MalformedError} If the escapes are invalid. */
function textOf(cell: string): string {
  if (!cell.includes("\\")) return cell;
  const texts = splitCells(cell);
  if (texts === null || joinCells(texts) !== cell) {
    throw new MalformedError("a text is badly escaped");
  }
  return texts[0]!;
}
