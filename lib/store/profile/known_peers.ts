/**
 * The keys met, by scope and name: trust on first use, in a text file that users may read and edit.
 *
 *     2f8d3c10  p2pchat  known-peers  2
 *     # what users write behind a number sign stays
 *     5f0e1a77  mesh:4be1...  Bob  k7f3...  2026-01-31
 *     90b1c2d3  verified      Bob  k7f3...  2026-02-01
 *
 * One pin a line, after its checksum (`record_line.ts`): scope, name, fingerprint, the day of the first meeting.
 * Scopes are `mesh:ROOM`, `group:HOST:PORT`, a coordinator's `serve`, `directory:KEY`, `users:FILE`, and
 * `host:HOST:PORT` for a directory's own key. Deleting a line makes the program accept whatever key comes next, as
 * `/trust` does.
 *
 * The scopes `verified` and `refused` hold what the user found by comparing digits, of a key under a name, in all
 * scopes: that it is this person's, or that it isn't (`/verify NAME yes`, `no`). A name may have several such keys.
 *
 * A file without the header line is taken for one of this version. Line ends, and blanks at the end of a line, may
 * be those of any editor. A line that was edited otherwise, or damaged, is an error and never skipped: skipping it
 * would accept any key. Only what a power cut leaves at the end, zeros and a last line without its line feed, is
 * dropped, with a notice.
 *
 * The order of the lines says who was met first, for names that look alike. So a pin that is refused, and one that is
 * accepted then, takes the place of the line before it.
 */

import { Buffer } from "node:buffer";
import { numberText } from "../../base/text/words.ts";
import { utf8 } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type Fingerprint, fingerprintOf, parseFingerprint } from "../../base/text/fingerprint.ts";
import type { PeerKey } from "../../base/ids.ts";
import { foldName, isSameName, nameBeforeStart, shownName } from "../../base/text/names.ts";
import { corruptError, type Disk, type DiskLock } from "../disk/disk.ts";
import { checkHeader, HEADER_KIND, headerCells } from "../disk/format_header.ts";
import { otherUsersError } from "../disk/other_users.ts";
import { joinCells, LineBuffer, lineContent, splitCells } from "../disk/record_line.ts";
import { replaceFile, REPLACEMENT_SUFFIX } from "../disk/replacement.ts";

/** The most lines: the file is held in memory and written as a whole. */
export const PINS_MAX = 100_000;

const FORMAT = { format: "known-peers", version: 2 } as const;
const LINE_FEED = 0x0a;
const NUL = 0;
const COMMENT = 0x23;
/** Some editors put it at the start of a UTF-8 file. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
/** The scopes of what was found by comparing digits. */
const VERIFIED = "verified";
const REFUSED = "refused";

export interface Pin {
  readonly scope: string;
  readonly name: string;
  readonly fingerprint: Fingerprint;
  /** UTC, YYYY-MM-DD. */
  readonly firstSeen: string;
}

/** How the key of a name compares with its pin. */
type PinCheck =
  | { readonly type: "new" }
  | { readonly type: "same"; readonly pin: Pin }
  | { readonly type: "changed"; readonly pin: Pin };

/** What was found of a key under a name: whether it is refused there. */
export interface Found extends Pick<Pin, "name" | "fingerprint"> {
  readonly isRefused: boolean;
}

/** A line of the file: a pin, or a user's comment in any encoding. */
type Line = { readonly pin: Pin } | { readonly comment: Uint8Array };

/** Locks the file against other programs that read and write it, until released. */
type TakeTurn = () => Promise<Pick<DiskLock, "release">>;

const ALONE: TakeTurn = () => Promise.resolve({ release: () => {} });

export class KnownPeers {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #takeTurn: TakeTurn;
  /** In the order of the file; pins by `pinKey`, comments by line number. */
  #lines = new Map<string | number, Line>();
  /** Lines that this program changed and hasn't written yet, by `pinKey`; null: removed. */
  readonly #unwritten = new Map<string, Line | null>();
  /** Of lines that aren't written yet: the line whose place each takes, where there is one. */
  readonly #places = new Map<string, string>();
  /** The names under which a key was verified, as the lines say; null: to be collected anew. */
  #verifiedNames: ReadonlyMap<Fingerprint, readonly string[]> | null = null;
  #lastWrite: Promise<void> = Promise.resolve();
  /** The file may lack changes: a write is in progress, or the last one failed. */
  #isBehind = false;
  /** What was dropped at the end of the file when it was read, and wasn't told. */
  #torn: { readonly line: number; readonly bytes: number } | null = null;
  /** The file's version when it was last read; undefined before `reread`. */
  #version: string | undefined = undefined;
  /** A version that couldn't be read: of a file that is perhaps being written. */
  #faulty: string | undefined = undefined;
  /** Keys that others have refused since this program has read the file, or don't refuse any more. */
  #foundElsewhere: Found[] = [];
  /** Whether `#lastWrite` hasn't begun yet. */
  #isWriteWaiting = false;

  private constructor(disk: Disk, path: string, takeTurn: TakeTurn) {
    this.#disk = disk;
    this.#path = path;
    this.#takeTurn = takeTurn;
  }

  /**
   * Reads the file at `path`; a missing file means that no key was met yet.
   * @param takeTurn The lock, where programs in other modes write the file, too, so that none loses another's pins.
   * @throws {P2pchatError} `store-corrupt` with file and line; `bad-file` for another format or version; `disk`;
   *   `in-use` where the lock wasn't free in time.
   */
  static async open(disk: Disk, path: string, takeTurn: TakeTurn = ALONE): Promise<KnownPeers> {
    const known = new KnownPeers(disk, path, takeTurn);
    const turn = await takeTurn();
    try {
      await disk.remove(path + REPLACEMENT_SUFFIX);
      await known.#read();
    } finally {
      turn.release();
    }
    return known;
  }

  /** Compares `key` with the pin of `name` in `scope`. Changes nothing. */
  check(scope: string, name: string, key: PeerKey): PinCheck {
    const pin = this.pinOf(scope, name);
    if (pin === null) return { type: "new" };
    return { type: pin.fingerprint === fingerprintOf(key) ? "same" : "changed", pin };
  }

  /** The pin of `name` in `scope`; `null` where there is none. */
  pinOf(scope: string, name: string): Pin | null {
    const line = this.#lines.get(pinKey(scope, name));
    return line !== undefined && "pin" in line ? line.pin : null;
  }

  /** The last pin of `name` in other scopes of the same kind, if none of these has `key`; otherwise null. */
  otherElsewhere(scope: string, name: string, key: PeerKey): Pin | null {
    const kind = scope.slice(0, scope.indexOf(":") + 1);
    const end = pinKey("", name);
    const fingerprint = fingerprintOf(key);
    let other: Pin | null = null;
    for (const [at, line] of this.#lines) {
      if (!("pin" in line) || typeof at !== "string" || !at.endsWith(end)) continue;
      const { pin } = line;
      if (pin.scope === scope || !pin.scope.startsWith(kind)) continue;
      if (pin.fingerprint === fingerprint) return null;
      other = pin;
    }
    return other;
  }

  /** All pins in the order of the file. */
  pins(): readonly Pin[] {
    return this.#all().filter(({ scope }) => !isOfComparing(scope));
  }

  /** Keys that aren't those of the people of these names, as the user has found. */
  refused(): readonly Pin[] {
    return this.#all().filter(({ scope }) => scope === REFUSED);
  }

  /** Keys that are those of the people of these names, as the user has found. */
  verified(): readonly Pin[] {
    return this.#all().filter(({ scope }) => scope === VERIFIED);
  }

  /** The names under which the user has verified this key, in the order in which that was done. */
  verifiedNames(key: Fingerprint): readonly string[] {
    this.#verifiedNames ??= namesByKey(this.verified());
    return this.#verifiedNames.get(key) ?? [];
  }

  /** Whether the user has verified this key under this name; where that has the key's start, however long that is. */
  isVerified(name: string, key: Fingerprint): boolean {
    return this.verifiedNames(key).some((verified) =>
      hasStart(verified) === hasStart(name) &&
      isSameName(nameBeforeStart(verified), nameBeforeStart(name))
    );
  }

  /** Whether the user has refused this key under this name, whether that has the key's start or not. */
  isRefused(name: string, key: Fingerprint): boolean {
    return this.refused().some((refused) =>
      refused.fingerprint === key &&
      isSameName(nameBeforeStart(refused.name), nameBeforeStart(name))
    );
  }

  /** All names met under which a key wasn't refused, the ones met first first. */
  *names(): Generator<string> {
    for (const line of this.#lines.values()) {
      if ("pin" in line && line.pin.scope !== REFUSED) yield line.pin.name;
    }
  }

  #all(): readonly Pin[] {
    return [...this.#lines.values()].flatMap((line) => "pin" in line ? [line.pin] : []);
  }

  /**
   * Pins the key of a name that has no pin yet; does nothing where it has this key.
   * @param wallMs When it was met.
   * @returns When it is durable.
   * @throws {P2pchatError} `key-changed`, with both fingerprints, where the name has another key; `full`; `disk`:
   *   the pin is kept in memory until the program ends.
   */
  async pin(scope: string, name: string, key: PeerKey, wallMs: number): Promise<void> {
    const { type, pin } = { pin: null, ...this.check(scope, name, key) };
    if (type === "same") return await this.#written(pinKey(scope, name));
    if (pin !== null) {
      const shown = shownName(name);
      throw new P2pchatError(
        "key-changed",
        `Cannot accept ${shown}'s key ${fingerprintOf(key)}: it was ${pin.fingerprint} since ` +
          `${pin.firstSeen}; if this key really is ${shown}'s, accept it with /trust ${shown}`,
      );
    }
    await this.#meet(scope, name, key, wallMs);
  }

  /**
   * Copies a pin to another scope, if its name has no pin there.
   * @returns When it is durable.
   * @throws {P2pchatError} `full`; `disk`: the pin is kept in memory until the program ends.
   */
  async takeOver(scope: string, pin: Pin): Promise<void> {
    if (this.pinOf(scope, pin.name) === null) await this.#set({ ...pin, scope });
  }

  /**
   * Pins `key` for `name` in `scope`, replacing any other key.
   * @param isAsked Whether the user has accepted the key: then it isn't refused under this name any more, and if it
   *   was verified while it was told apart by its start (`Bob~k7f3`), it is verified under the name itself.
   * @returns When it is durable.
   * @throws {P2pchatError} `full`; `disk`: the pin is kept in memory until the program ends.
   */
  async trust(
    scope: string,
    name: string,
    key: PeerKey,
    wallMs: number,
    isAsked = false,
  ): Promise<void> {
    const fingerprint = fingerprintOf(key);
    const isNew = this.check(scope, name, key).type !== "same";
    if (isNew) {
      const pin = { scope, name, fingerprint, firstSeen: dayOf(wallMs) };
      this.#add(pin, isAsked ? lineKey({ scope: REFUSED, name, fingerprint }) : undefined);
    }
    const changed = isAsked && this.#accept(name, fingerprint, wallMs);
    if (isNew || changed) await this.#write();
    else await this.#written(lineKey({ scope, name, fingerprint }));
  }

  /** @returns Whether a line has changed. */
  #accept(name: string, fingerprint: Fingerprint, wallMs: number): boolean {
    const isNamed = this.verifiedNames(fingerprint).some((verified) =>
      isSameName(nameBeforeStart(verified), name)
    );
    const wasRefused = this.#remove({ scope: REFUSED, name, fingerprint });
    if (!isNamed || this.isVerified(name, fingerprint)) return wasRefused;
    this.#add({ scope: VERIFIED, name, fingerprint, firstSeen: dayOf(wallMs) });
    return true;
  }

  /**
   * Removes the pin of `name` in `scope`, for example when the name legitimately passes to somebody else.
   * @throws {P2pchatError} `disk`.
   */
  async forget(scope: string, name: string): Promise<void> {
    const at = pinKey(scope, name);
    if (!this.#removeAt(at)) return await this.#written(at);
    await this.#write();
  }

  /**
   * Marks a key as verified under this name, in all scopes: the user has compared its digits with its owner. If it
   * was refused, it stays so until `trust`.
   * @param takesBack It isn't refused any more, in a mode that has no `/trust`.
   * @returns When it is durable.
   * @throws {P2pchatError} `full`; `disk`: the mark is kept in memory until the program ends.
   */
  async verify(name: string, key: PeerKey, wallMs: number, takesBack = false): Promise<void> {
    const pair = { name, fingerprint: fingerprintOf(key) };
    if (takesBack) this.#remove({ ...pair, scope: REFUSED });
    if (!this.isVerified(name, pair.fingerprint)) {
      this.#add({ ...pair, scope: VERIFIED, firstSeen: dayOf(wallMs) });
      await this.#write();
    } else await this.#written(lineKey({ ...pair, scope: VERIFIED }));
  }

  /**
   * Notes that this key isn't that of the one called so: the digits were different. It loses its mark and its pins
   * under this name, in all scopes.
   * @param name The name as it is shown, perhaps with the start of the key.
   * @returns When it is durable.
   * @throws {P2pchatError} `full`; `disk`: it is kept in memory until the program ends.
   */
  async refuse(name: string, key: PeerKey, wallMs: number): Promise<void> {
    const fingerprint = fingerprintOf(key);
    const plain = nameBeforeStart(name);
    const refused = { scope: REFUSED, name: plain, fingerprint, firstSeen: dayOf(wallMs) };
    const at = lineKey(refused);
    const former = this.#linesOf(refused);
    this.#add(refused, former[0]);
    for (const line of former) if (line !== at) this.#removeAt(line);
    await this.#write();
  }

  /** All lines about this key under this name, or under the name with its start, in all scopes. */
  #linesOf({ name, fingerprint }: Pick<Pin, "name" | "fingerprint">): readonly string[] {
    const isIt = (pin: Pin) =>
      pin.fingerprint === fingerprint && isSameName(nameBeforeStart(pin.name), name);
    return this.#all().filter(isIt).map(lineKey);
  }

  /**
   * Reads the file again if it was written since: by other programs of the profile, or by the user. A file that is gone
   * changes nothing, as editors remove one before they write it.
   * @returns The keys that were refused there since the file was read, and those that are refused no more.
   * @throws {P2pchatError} As `open`, once for each version of the file, when it has that one for the second time.
   */
  async reread(): Promise<readonly Found[]> {
    const version = await this.#disk.version(this.#path) ?? undefined;
    if (version !== undefined && version !== this.#version) await this.#readVersion(version);
    return this.#foundElsewhere.splice(0);
  }

  async #readVersion(version: string): Promise<void> {
    const stored = new KnownPeers(this.#disk, this.#path, this.#takeTurn);
    const write = this.#lastWrite;
    try {
      await stored.#read();
    } catch (error) {
      if (this.#faulty === version) this.#version = version;
      const isFirst = this.#faulty !== version;
      this.#faulty = version;
      if (isFirst) return;
      throw error;
    }
    if (this.#lastWrite !== write) return; // which reads the file itself
    this.#takeOver(stored);
    this.#version = version;
  }

  /**
   * Resolves when no write is in progress. Failures are reported to the callers that caused the writes. A failed
   * write is tried once more, as there may be space again.
   */
  async settled(): Promise<void> {
    await this.#lastWrite.catch(() => {});
    if (this.#isBehind) await this.#write().catch(() => {});
  }

  /** Resolves when the change of the line `at` is durable; writes again if that failed. */
  async #written(at: string): Promise<void> {
    await this.#lastWrite.catch(() => {});
    if (this.#unwritten.has(at)) await this.#write();
  }

  async #meet(scope: string, name: string, key: PeerKey, wallMs: number): Promise<void> {
    await this.#set({ scope, name, fingerprint: fingerprintOf(key), firstSeen: dayOf(wallMs) });
  }

  async #set(pin: Pin): Promise<void> {
    this.#add(pin);
    await this.#write();
  }

  /**
   * @param place The line whose place it takes; without such a line, it is the last.
   * @throws {P2pchatError} `full`.
   */
  #add(pin: Pin, place?: string): void {
    const at = lineKey(pin);
    const isMore = !this.#lines.has(at) && (place === undefined || !this.#lines.has(place));
    if (isMore && this.#lines.size >= PINS_MAX) {
      throw new P2pchatError(
        "full",
        `Cannot remember ${
          shownName(pin.name)
        }'s key: ${this.#path} has ${PINS_MAX} lines; delete some that are old`,
      );
    }
    const line = { pin };
    // A line that is there again isn't replaced by the one that took its place, and isn't written yet.
    for (const [other, its] of this.#places) if (its === at) this.#places.delete(other);
    if (place !== undefined && place !== at && this.#lines.has(place)) {
      this.#places.set(at, place);
      this.#unwritten.set(place, null);
    }
    this.#put(at, line);
    this.#unwritten.set(at, line);
    this.#verifiedNames = null;
  }

  #put(at: string, line: Line): void {
    const place = this.#places.get(at);
    if (this.#lines.has(at) || place === undefined || !this.#lines.has(place)) {
      this.#lines.set(at, line);
      return;
    }
    this.#lines = new Map(
      Array.from(this.#lines, (entry) => entry[0] === place ? [at, line] as const : entry),
    );
  }

  #remove(pin: Pick<Pin, "scope" | "name" | "fingerprint">): boolean {
    return this.#removeAt(lineKey(pin));
  }

  /** @returns Whether there was such a line. */
  #removeAt(at: string): boolean {
    if (!this.#lines.delete(at)) return false;
    this.#unwritten.set(at, null);
    this.#verifiedNames = null;
    return true;
  }

  /**
   * Writes the file after the write in progress, with all changes made until then. A failure is reported only to
   * their callers.
   */
  async #write(): Promise<void> {
    if (!this.#isWriteWaiting) {
      this.#isWriteWaiting = true;
      const before = this.#lastWrite.catch(() => {});
      this.#lastWrite = before.then(() => {
        this.#isWriteWaiting = false;
        return this.#writeInTurn();
      });
    }
    await this.#lastWrite;
  }

  /**
   * Reads the file again and applies the changes made here: other programs, or the user, may have written it since.
   */
  async #writeInTurn(): Promise<void> {
    this.#isBehind = true;
    const turn = await this.#takeTurn();
    try {
      const stored = new KnownPeers(this.#disk, this.#path, this.#takeTurn);
      await stored.#read();
      this.#takeOver(stored);
      const written = [...this.#unwritten];
      await replaceFile(this.#disk, this.#path, this.#bytes());
      for (const [at, line] of written) {
        if (this.#unwritten.get(at) !== line) continue;
        this.#unwritten.delete(at);
        this.#places.delete(at);
      }
      this.#isBehind = false;
    } finally {
      turn.release();
    }
  }

  #takeOver(stored: KnownPeers): void {
    const isNews = (pin: Pin, before: KnownPeers) => {
      const at = lineKey(pin);
      return !before.#lines.has(at) && !this.#unwritten.has(at);
    };
    for (const pin of stored.refused()) {
      if (isNews(pin, this)) this.#foundElsewhere.push({ ...pin, isRefused: true });
    }
    // A file that is gone takes nothing back, nor does one that is perhaps being written.
    const isWhole = stored.#lines.size > 0 && stored.#torn === null;
    for (const pin of isWhole ? this.refused() : []) {
      if (isNews(pin, stored)) this.#foundElsewhere.push({ ...pin, isRefused: false });
    }
    this.#lines = stored.#lines;
    this.#verifiedNames = null;
    for (const [at, line] of this.#unwritten) if (line !== null) this.#put(at, line);
    for (const [at, line] of this.#unwritten) if (line === null) this.#lines.delete(at);
    for (const [at, line] of this.#unwritten) this.#dropRefused(at, line);
  }

  /** What other programs found of a key before it was refused here doesn't hold any more. */
  #dropRefused(refused: string, line: Line | null): void {
    if (line === null || !("pin" in line) || line.pin.scope !== REFUSED) return;
    for (const at of this.#linesOf(line.pin)) {
      if (at !== refused && !this.#unwritten.has(at)) this.#lines.delete(at);
    }
  }

  #bytes(): Uint8Array {
    const parts: Uint8Array[] = [];
    const buffer = new LineBuffer();
    buffer.add(joinCells(headerCells(FORMAT)));
    parts.push(new Uint8Array(buffer.bytes()));
    for (const line of this.#lines.values()) {
      if ("comment" in line) {
        parts.push(line.comment, utf8("\n"));
        continue;
      }
      const { scope, name, fingerprint, firstSeen } = line.pin;
      buffer.clear();
      buffer.add(joinCells([scope, name, fingerprint, firstSeen]));
      parts.push(new Uint8Array(buffer.bytes()));
    }
    return Buffer.concat(parts); // there may be more parts than a call can have arguments
  }

  /** What the user should know: that a torn end was dropped. Empty from the second call on. */
  takeNotices(): readonly string[] {
    const torn = this.#torn;
    this.#torn = null;
    if (torn === null) return [];
    return [
      `Dropped ${
        numberText(torn.bytes)
      } bytes at the end of ${this.#path}, line ${torn.line}: they were being ` +
      "written when the program or machine stopped; whoever's key stood there is met anew",
    ];
  }

  async #read(): Promise<void> {
    // Whoever may write in the data folder can put another profile in this one's place while the program runs.
    const user = (await this.#disk.stat(this.#path))?.otherUser ?? null;
    if (user !== null) throw otherUsersError(this.#path, user);
    const bytes = await this.#disk.read(this.#path);
    // Neither this program nor a user who deletes lines leaves an empty file.
    if (bytes?.length === 0) throw corruptError(this.#path, 1, "the file is empty");
    if (bytes !== null) this.#parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  }

  /**
   * What a power cut may leave at the end is no damage, as in a log: zeros where bytes never reached the disk, and a
   * last line without its end.
   */
  #parse(all: Buffer): void {
    const bytes = all.subarray(0, all.findLastIndex((byte) => byte !== NUL) + 1);
    let hasContent = false;
    let line = 0;
    for (let from = startsWithMark(bytes) ? BYTE_ORDER_MARK.length : 0; from < bytes.length;) {
      line += 1;
      const lineFeed = bytes.indexOf(LINE_FEED, from);
      const to = lineFeed === -1 ? bytes.length : lineFeed;
      const written = bytes.subarray(from, to);
      const first = written.findIndex((byte) => !isBlank(byte));
      if (first === -1 || written[first] === COMMENT) {
        this.#lines.set(line, { comment: new Uint8Array(written) });
      } else {
        const last = written.findLastIndex((byte) => !isBlank(byte));
        const content = lineContent(bytes, from, from + last + 1);
        if (content === null && lineFeed === -1) {
          this.#torn = { line, bytes: all.length - from };
          break;
        }
        this.#addParsed(line, content);
        hasContent = true;
      }
      from = to + 1;
    }
    const zeros = all.length - bytes.length;
    if (zeros > 0) this.#torn ??= { line: line + 1, bytes: zeros };
    if (this.#torn !== null && !hasContent) {
      throw corruptError(this.#path, 1, "nothing that was written is left of it");
    }
  }

  #addParsed(line: number, content: string | null): void {
    if (content === null) throw corruptError(this.#path, line, "its checksum doesn't fit");
    const cells = splitCells(content) ?? [];
    // No scope has this name. Comments may precede the header.
    if (cells[0] === HEADER_KIND) return checkHeader(this.#path, cells, FORMAT);
    const [scope, name, text, firstSeen, ...more] = cells;
    if (
      scope === undefined || name === undefined || text === undefined || firstSeen === undefined ||
      more.length > 0
    ) {
      throw corruptError(this.#path, line, "it isn't a scope, name, fingerprint and day");
    }
    const pin = { scope, name, fingerprint: this.#fingerprint(line, text), firstSeen };
    const at = lineKey(pin);
    if (this.#lines.has(at)) {
      const what = isOfComparing(scope) ? "is" : "has another key";
      throw corruptError(this.#path, line, `${shownName(name)} ${what} in a line above`);
    }
    this.#lines.set(at, { pin });
  }

  #fingerprint(line: number, text: string): Fingerprint {
    try {
      return parseFingerprint(text);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      throw corruptError(this.#path, line, error.message);
    }
  }
}

/** Whether the name is told apart from another by its key, as `Bob~k7f3` is. */
function hasStart(name: string): boolean {
  return nameBeforeStart(name) !== name;
}

function startsWithMark(bytes: Uint8Array): boolean {
  return BYTE_ORDER_MARK.every((byte, at) => bytes[at] === byte);
}

/** Characters that editors leave at the end of a line, a carriage return among them. */
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}

/** Names that fold to the same have the same pin. */
function pinKey(scope: string, name: string): string {
  return `${scope}\n${foldName(name)}`;
}

/** A name has one pin in a scope, and may have several keys that were compared. */
function lineKey(
  { scope, name, fingerprint }: Pick<Pin, "scope" | "name" | "fingerprint">,
): string {
  const key = pinKey(scope, name);
  return isOfComparing(scope) ? `${key}\n${fingerprint}` : key;
}

function isOfComparing(scope: string): boolean {
  return scope === VERIFIED || scope === REFUSED;
}

function namesByKey(marks: readonly Pin[]): ReadonlyMap<Fingerprint, readonly string[]> {
  const names = new Map<Fingerprint, string[]>();
  for (const { fingerprint, name } of marks) {
    names.set(fingerprint, [...names.get(fingerprint) ?? [], name]);
  }
  return names;
}

function dayOf(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 10);
}
