/**
 * The log of a group as text, the same bytes at all members with the same history:
 *
 *     p2pchat  group-log  1  GROUP  DIGEST
 *     1  DIGEST  2026-01-31T12:00:00.000Z  alice  hello
 *     2  DIGEST  2026-01-31T12:00:00.000Z  alice  there   KEY  INCARNATION  COUNTER  SIGNATURE  -  CHECKSUM
 *
 * with tabs between cells, whose texts are escaped as in every store. A line is an entry: its number, the history's
 * digest with it, the author's clock, the author, the text. The last line of a batch goes on with what its signature
 * needs: the author's key, the process that said it, the counter of the batch's first text, the signature, and what
 * the batch has for later versions.
 *
 * That line ends with the CRC-32 of all of the batch's bytes before its last tab. A digest covers the one before and all
 * that is said in its entry: it finds what was changed on purpose, too, and takes ten times as long to check.
 */

import { Buffer } from "node:buffer";
import type { Crypto } from "../base/crypto.ts";
import type { Hash, PeerKey } from "../base/ids.ts";
import { nameFault } from "../base/names.ts";
import {
  type Batch,
  emptyDigest,
  type Entry,
  INCARNATION_BYTES,
  type SignedBatch,
} from "../protocols/group/history.ts";
import { BATCH_TEXTS_MAX } from "../protocols/group/limits.ts";
import { checksumOf, checksumText, joinCells, splitCells } from "../store/record_line.ts";
import {
  batchWith,
  bytesOf,
  checkBounds,
  restOf,
  restOfText,
  restText,
  signatureOf,
} from "./group_batch_cells.ts";
import { countOf, hexOf, isoTime, timeOf } from "./log_fields.ts";

/** Counts up with each change that older programs cannot read. */
export const GROUP_LOG_VERSION = "1";
const FIRST_CELLS = ["p2pchat", "group-log"] as const;
/** One of them outlives any single damage of a first line. */
const OWN_FIRST_LINE = /^p2pchat(?:\t|.group-log\t)|\tgroup-log\t/;

const ENTRY_CELLS = 5;
const BATCH_CELLS = ENTRY_CELLS + 6;

/** The first line of the log of a group, its line feed included. */
export function firstLine(crypto: Crypto, group: Hash): string {
  const cells = [...FIRST_CELLS, GROUP_LOG_VERSION, group, emptyDigest(crypto, group)];
  return `${joinCells(cells)}\n`;
}

/** What a first line says. */
export type FirstLine =
  | { readonly kind: "group"; readonly group: Hash }
  /** Written by a later program. */
  | { readonly kind: "version"; readonly version: string }
  /** A log of a group, but damaged. */
  | { readonly kind: "damaged" }
  /** Something else. */
  | { readonly kind: "foreign" };

/** Understands a first line, which has no line feed. */
export function parseFirstLine(crypto: Crypto, text: string): FirstLine {
  const [, , version, group = ""] = text.split("\t");
  if (text.startsWith(`${FIRST_CELLS.join("\t")}\t`)) {
    if (version !== undefined && /^[1-9][0-9]{0,8}$/.test(version)) {
      if (version !== GROUP_LOG_VERSION) return { kind: "version", version };
    }
    if (/^[0-9a-f]{64}$/.test(group) && `${text}\n` === firstLine(crypto, group as Hash)) {
      return { kind: "group", group: group as Hash };
    }
  }
  return { kind: OWN_FIRST_LINE.test(text) ? "damaged" : "foreign" };
}

/** The lines of a batch whose entries are these. */
export function batchLines(signed: SignedBatch, entries: readonly Entry[]): Buffer {
  const { author, name, incarnation, counter, sentAt } = signed.batch.value;
  const time = isoTime(sentAt);
  const lines = entries.map(({ seq, digest, text }) =>
    joinCells([String(seq), digest, time, name, text])
  );
  const rest = restText(restOf(signed));
  const cells = [author, incarnation.toHex(), String(counter), signed.signature.toHex(), rest];
  const content = Buffer.from(`${lines.join("\n")}\t${cells.join("\t")}`);
  const end = Buffer.from(`\t${checksumText(checksumOf(content))}\n`);
  return Buffer.concat([content, end]);
}

/**
 * A batch as its lines have it, whose checksum fits: what was written. It is taken apart no further than it is asked
 * for, so that opening a long log takes little.
 */
export class LoggedBatch {
  /** @param lines Their cells. @param seq Number of the first entry. */
  constructor(
    readonly group: Hash,
    readonly seq: number,
    readonly lines: readonly (readonly string[])[],
  ) {}

  get count(): number {
    return this.lines.length;
  }

  /** Of the history with its last entry. */
  get digest(): Hash {
    return this.#last[1]! as Hash;
  }

  get author(): PeerKey {
    return this.#last[ENTRY_CELLS]! as PeerKey;
  }

  /** In hexadecimal. */
  get incarnation(): string {
    return this.#last[ENTRY_CELLS + 1]!;
  }

  /** Of its first text. */
  get counter(): number {
    return Number(this.#last[ENTRY_CELLS + 2]!);
  }

  get name(): string {
    return this.#last[3]!;
  }

  get sentAt(): number {
    return timeOf(this.#last[2]!);
  }

  /** Of the history with each of its entries. @throws {TypeError} If one is none. */
  digests(): readonly Hash[] {
    return this.lines.map(([, digest]) => hexOf<Hash>(digest!));
  }

  /** What was said. @throws {TypeError} If it is no batch; a part of a sentence. */
  batch(): Batch {
    const { name, sentAt } = this;
    const time = this.#last[2]!;
    const fault = nameFault(name);
    if (fault !== null) throw new TypeError(`its author's name is none: ${fault}`);
    if (this.lines.some((cells) => cells[2] !== time || cells[3] !== name)) {
      throw new TypeError("lines said in one go differ in time or name");
    }
    const batch: Batch = {
      kind: "texts",
      group: this.group,
      author: hexOf<PeerKey>(this.author),
      name,
      incarnation: bytesOf(this.incarnation, INCARNATION_BYTES),
      counter: countOf(this.#last[ENTRY_CELLS + 2]!),
      sentAt,
      texts: this.lines.map((cells) => textOf(cells[4]!)),
    };
    checkBounds(batch);
    return batch;
  }

  /** The same as it was signed. @throws {TypeError} If it is none. */
  signed(): SignedBatch {
    const [signature, rest] = this.#last.slice(ENTRY_CELLS + 3) as [string, string];
    return batchWith(this.batch(), signatureOf(signature), restOfText(rest));
  }

  get #last(): readonly string[] {
    return this.lines[this.lines.length - 1]!;
  }
}

/** Puts lines together into batches. */
export class BatchReader {
  #seq: number;
  #lines: (readonly string[])[] = [];
  /** Of the lines so far, with their line feeds. */
  #checksum = 0;

  /** @param seq Of the entry in the first line that comes. */
  constructor(readonly group: Hash, seq: number) {
    this.#seq = seq;
  }

  /** Of the entry that the next line must have. */
  get seq(): number {
    return this.#seq;
  }

  /** Lines of the batch that isn't complete yet. */
  get pending(): number {
    return this.#lines.length;
  }

  /**
   * Takes the line in [from, to) of `bytes`, behind which its line feed stands.
   * @returns The batch that it is the last line of; null where more lines are to come.
   * @throws {TypeError} If it isn't the line of an entry that goes on here, or the checksum doesn't fit; a part of a
   *     sentence.
   */
  add(bytes: Buffer, from: number, to: number): LoggedBatch | null {
    const cells = bytes.toString("utf8", from, to).split("\t");
    if (cells[0] !== String(this.#seq)) {
      throw new TypeError(`entry ${this.#seq} was expected, "${cells[0]!.slice(0, 20)}" is there`);
    }
    if (this.#lines.push(cells) > BATCH_TEXTS_MAX) {
      throw new TypeError(`no more than ${BATCH_TEXTS_MAX} texts are said in one go`);
    }
    this.#seq++;
    if (cells.length === ENTRY_CELLS) {
      this.#checksum = checksumOf(bytes.subarray(from, to + 1), this.#checksum);
      return null;
    }
    if (cells.length !== BATCH_CELLS) {
      throw new TypeError(`it has ${cells.length} cells, not ${ENTRY_CELLS} or ${BATCH_CELLS}`);
    }
    const checksum = cells[BATCH_CELLS - 1]!;
    const checked = bytes.subarray(from, to - checksum.length - 1);
    if (checksum !== checksumText(checksumOf(checked, this.#checksum))) throw this.#misfit();
    return this.#complete();
  }

  #misfit(): TypeError {
    const first = this.#seq - this.pending;
    return new TypeError(
      this.pending === 1
        ? "its checksum doesn't fit"
        : `the checksum doesn't fit of what was said in one go, entries ${first} to ${
          this.#seq - 1
        }`,
    );
  }

  #complete(): LoggedBatch {
    const batch = new LoggedBatch(this.group, this.#seq - this.pending, this.#lines);
    this.#lines = [];
    this.#checksum = 0;
    return batch;
  }
}

/** The text behind a cell. @throws {TypeError} If no text is written like that. */
function textOf(cell: string): string {
  if (!cell.includes("\\")) return cell;
  const texts = splitCells(cell);
  if (texts === null || joinCells(texts) !== cell) throw new TypeError("a text is badly escaped");
  return texts[0]!;
}
