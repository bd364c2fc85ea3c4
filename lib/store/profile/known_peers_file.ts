/**
 * The file of the keys met: how it is read and written, as `known_peers.ts` says. It is read once; after that, only what
 * was added behind is read, as long as it is the same file, and new pins are added as lines behind its end.
 */

import { Buffer } from "node:buffer";
import { sameBytes } from "../../base/collections/bytes.ts";
import { utf8 } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type Fingerprint, parseFingerprint } from "../../base/text/fingerprint.ts";
import { foldName, shownName } from "../../base/text/names.ts";
import { corruptError, type Disk, isSameFile, readStore, writeAll } from "../disk/disk.ts";
import {
  checkHeader,
  HEADER_KIND,
  headerCells,
  joinCells,
  LineBuffer,
  lineContent,
  splitCells,
} from "../disk/record_line.ts";
import { otherUsersError } from "../disk/other_users.ts";
import { replaceFile } from "../disk/replacement.ts";

const FORMAT = { format: "known-peers", version: 2 } as const;
/** Largest file in bytes, as it is read whole: `PINS_MAX` lines with the longest names of people and hosts are smaller. */
const KNOWN_PEERS_BYTES_MAX = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;
const NUL = 0;
const COMMENT = 0x23;
/** Some editors put it at the start of a UTF-8 file. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
/** The scopes of what was found by comparing digits. */
export const VERIFIED = "verified";
export const REFUSED = "refused";
/** By how many bytes before its end a file is known again. */
const LAST_BYTES = 256;

export interface Pin {
  readonly scope: string;
  readonly name: string;
  readonly fingerprint: Fingerprint;
  /** UTC, YYYY-MM-DD. */
  readonly firstSeen: string;
}

/** A line of the file: a pin, or a user's comment in any encoding. */
export type Line = { readonly pin: Pin } | { readonly comment: Uint8Array };

/** Lines in the order of the file; pins by `lineKey`, comments by line number. */
export type Lines = Map<string | number, Line>;

/** What was dropped at the end of the file. */
export interface Torn {
  readonly line: number;
  readonly bytes: number;
}

/** The end of the file when it was last read or written here. */
interface End {
  readonly version: string;
  readonly bytes: number;
  readonly line: number;
  /** The last bytes, `LAST_BYTES` at most. */
  readonly last: Uint8Array;
}

/** Names that fold to the same have the same pin. */
export function pinKey(scope: string, name: string): string {
  return `${scope}\n${foldName(name)}`;
}

/** A name has one pin in a scope, and may have several keys that were compared. */
export function lineKey(
  { scope, name, fingerprint }: Pick<Pin, "scope" | "name" | "fingerprint">,
): string {
  const key = pinKey(scope, name);
  return isOfComparing(scope) ? `${key}\n${fingerprint}` : key;
}

export function isOfComparing(scope: string): boolean {
  return scope === VERIFIED || scope === REFUSED;
}

export class KnownPeersFile {
  /** The version that was last read or written here; undefined before the first, and where that isn't known. */
  version: string | undefined = undefined;
  /** Null where nothing may be added behind: the file isn't there, its end is torn, or isn't known. */
  #end: End | null = null;

  constructor(readonly disk: Disk, readonly path: string) {}

  /**
   * Reads all lines; none where there is no file.
   * @throws {P2pchatError} `store-corrupt` with file and line; `bad-file` for another format or version; `disk`.
   */
  async read(): Promise<{ readonly lines: Lines; readonly torn: Torn | null }> {
    this.#end = null;
    // Whoever may write in the data folder can put another profile in this one's place while the program runs.
    const user = (await this.disk.stat(this.path))?.otherUser ?? null;
    if (user !== null) throw otherUsersError(this.path, user);
    const version = await this.disk.version(this.path);
    const bytes = await readStore(this.disk, this.path, KNOWN_PEERS_BYTES_MAX);
    this.version = version ?? undefined;
    if (bytes === null) return { lines: new Map(), torn: null };
    // Neither this program nor a user who deletes lines leaves an empty file.
    if (bytes.length === 0) throw corruptError(this.path, 1, "the file is empty");
    const parsing = new Parsing(this.path, new Map(), 0);
    parsing.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    const { lines, torn, line, isWhole } = parsing;
    if (torn !== null && !parsing.hasContent) {
      throw corruptError(this.path, 1, "nothing that was written is left of it");
    }
    if (isWhole && version !== null) {
      const last = bytes.slice(-LAST_BYTES);
      this.#end = { version, bytes: bytes.length, line, last };
    }
    return { lines, torn };
  }

  /**
   * Reads what was added behind since.
   * @returns The lines, and what notes that they were taken; null where anything else may have changed.
   * @throws {P2pchatError} `disk`.
   */
  async readAdded(): Promise<{ readonly lines: Lines; readonly taken: () => void } | null> {
    const end = this.#end;
    if (end === null) return null;
    const version = await this.disk.version(this.path);
    if (version === end.version) return { lines: new Map(), taken: () => {} };
    if (version === null || !isSameFile(end.version, version)) return null;
    const { otherUser, bytes: length } = await this.disk.stat(this.path) ??
      { otherUser: null, bytes: 0 };
    if (otherUser !== null || length > KNOWN_PEERS_BYTES_MAX) return null; // told by whoever reads all of it
    const chunks: Uint8Array[] = [];
    const from = end.bytes - end.last.length;
    for await (const chunk of this.disk.readChunks(this.path, { from })) chunks.push(chunk.slice());
    const bytes = Buffer.concat(chunks);
    const added = bytes.subarray(end.last.length);
    if (!sameBytes(bytes.subarray(0, end.last.length), end.last)) return null;
    const parsing = new Parsing(this.path, new Map(), end.line);
    try {
      parsing.parse(added);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return null; // told by whoever reads all of it
    }
    if (!parsing.isWhole) return null;
    const { lines, line } = parsing;
    const taken = () => void this.#endsAt(version, end, added, line);
    return { lines, taken };
  }

  #endsAt(version: string, before: End, added: Uint8Array, line: number): End {
    const last = new Uint8Array(Buffer.concat([before.last, added]).subarray(-LAST_BYTES));
    this.version = version;
    return this.#end = { version, bytes: before.bytes + added.length, line, last };
  }

  /**
   * Adds lines behind the end that was last read, each durable before the next is written: what a power cut spoils is
   * one line, the last.
   * @param written Called for each that is durable.
   * @returns Whether the file could be added to.
   * @throws {P2pchatError} `disk`.
   */
  async append(pins: Iterable<Pin>, written: (pin: Pin) => void): Promise<boolean> {
    let end = this.#end;
    if (end === null) return false;
    const file = await this.disk.openAppend(this.path);
    try {
      // No later start would find here what was written through a link, or into a file that was moved.
      if (!file.isInPlace()) return false;
      for (const pin of pins) {
        const bytes = bytesOf(pin);
        try {
          writeAll(file, bytes);
        } catch (error) {
          this.#end = null; // unless what was written is taken back
          file.truncate(end.bytes);
          this.#end = end;
          throw error;
        }
        this.#end = null; // after a sync that fails, nothing is known of what was written
        await file.syncData();
        end = this.#endsAt(end.version, end, bytes, end.line + 1);
        written(pin);
      }
    } finally {
      file.close();
    }
    await this.#noteVersion();
    return true;
  }

  /**
   * Replaces all lines; durable when it returns.
   * @throws {P2pchatError} `disk`.
   */
  async replace(lines: Iterable<Line>): Promise<void> {
    const buffer = new LineBuffer();
    buffer.add(joinCells(headerCells(FORMAT)));
    const parts: Uint8Array[] = [new Uint8Array(buffer.bytes())];
    let count = 1;
    for (const line of lines) {
      count += 1;
      if ("comment" in line) parts.push(line.comment, utf8("\n"));
      else parts.push(bytesOf(line.pin));
    }
    const bytes = Buffer.concat(parts); // there may be more parts than a call can have arguments
    this.#end = null;
    await replaceFile(this.disk, this.path, bytes);
    const last = new Uint8Array(bytes.subarray(-LAST_BYTES));
    this.#end = { version: "", bytes: bytes.length, line: count, last };
    await this.#noteVersion();
  }

  /** The version after a write of ours, where nobody else has written since. */
  async #noteVersion(): Promise<void> {
    const version = await this.disk.version(this.path);
    const entry = await this.disk.stat(this.path);
    const end = this.#end;
    const isOurs = end !== null && version !== null && entry?.bytes === end.bytes;
    this.version = isOurs ? version : undefined;
    this.#end = isOurs ? { ...end, version } : null;
  }
}

function bytesOf({ scope, name, fingerprint, firstSeen }: Pin): Uint8Array {
  const buffer = new LineBuffer();
  buffer.add(joinCells([scope, name, fingerprint, firstSeen]));
  return new Uint8Array(buffer.bytes());
}

/** The lines of one reading. */
class Parsing {
  torn: Torn | null = null;
  hasContent = false;
  /** Whether more lines may follow. */
  isWhole = true;

  /** @param line The number of the line before. */
  constructor(readonly path: string, readonly lines: Lines, public line: number) {}

  /**
   * What a power cut may leave at the end is no damage, as in a log: zeros where bytes never reached the disk, and what
   * `isTorn` finds.
   */
  parse(all: Buffer): void {
    const bytes = all.subarray(0, all.findLastIndex((byte) => byte !== NUL) + 1);
    const start = this.line === 0 && startsWithMark(bytes) ? BYTE_ORDER_MARK.length : 0;
    for (let from = start; from < bytes.length;) {
      this.line += 1;
      const lineFeed = bytes.indexOf(LINE_FEED, from);
      const to = lineFeed === -1 ? bytes.length : lineFeed;
      const written = bytes.subarray(from, to);
      const first = written.findIndex((byte) => !isBlank(byte));
      if (first === -1 || written[first] === COMMENT) {
        this.lines.set(this.line, { comment: new Uint8Array(written) });
      } else {
        const last = written.findLastIndex((byte) => !isBlank(byte));
        const content = lineContent(bytes, from, from + last + 1);
        if (content === null && isTorn(bytes, from)) {
          this.torn = { line: this.line, bytes: all.length - from };
          break;
        }
        this.#add(content);
        this.hasContent = true;
      }
      this.isWhole = lineFeed !== -1;
      from = to + 1;
    }
    const zeros = all.length - bytes.length;
    if (zeros > 0) this.torn ??= { line: this.line + 1, bytes: zeros };
    if (this.torn !== null) this.isWhole = false;
  }

  #add(content: string | null): void {
    const { path, line } = this;
    if (content === null) throw corruptError(path, line, "its checksum doesn't fit");
    const cells = splitCells(content) ?? [];
    // No scope has this name. Comments may precede the header.
    if (cells[0] === HEADER_KIND) return checkHeader(path, cells, FORMAT);
    const [scope, name, text, firstSeen, ...more] = cells;
    if (
      scope === undefined || name === undefined || text === undefined || firstSeen === undefined ||
      more.length > 0
    ) {
      throw corruptError(path, line, "it isn't a scope, name, fingerprint and day");
    }
    const pin = { scope, name, fingerprint: this.#fingerprint(text), firstSeen };
    const at = lineKey(pin);
    if (this.lines.has(at)) {
      const what = isOfComparing(scope) ? "is" : "has another key";
      throw corruptError(path, line, `${shownName(name)} ${what} in a line above`);
    }
    this.lines.set(at, { pin });
  }

  #fingerprint(text: string): Fingerprint {
    try {
      return parseFingerprint(text);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      throw corruptError(this.path, this.line, error.message);
    }
  }
}

/**
 * Whether a line that doesn't fit its checksum was being written when the power was cut: no whole line follows, and
 * either the end is missing, or a part never reached the disk. Where a whole line stands behind zeros, they are where
 * other lines were, and that is damage.
 */
function isTorn(bytes: Buffer, from: number): boolean {
  const hasEnd = bytes.at(-1) === LINE_FEED;
  const end = hasEnd ? bytes.length - 1 : bytes.length;
  const zero = bytes.lastIndexOf(NUL, end);
  if (hasEnd && zero < from) return false;
  for (let at = hasEnd ? zero + 1 : from; at < end;) {
    const lineFeed = bytes.indexOf(LINE_FEED, at);
    const to = lineFeed === -1 ? end : lineFeed;
    if (lineContent(bytes, at, to) !== null) return false;
    at = to + 1;
  }
  return !hasEnd || bytes.indexOf(LINE_FEED, from) === end;
}

function startsWithMark(bytes: Uint8Array): boolean {
  return BYTE_ORDER_MARK.every((byte, at) => bytes[at] === byte);
}

/** Characters that editors leave at the end of a line, a carriage return among them. */
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}
