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
 * `/trust` does. A new pin is added as a line at the end; the file is written anew for all other changes.
 *
 * The scopes `verified` and `refused` hold what the user found by comparing digits, of a key under a name, in all
 * scopes: that it is this person's, or that it isn't (`/verify NAME yes`, `no`). A name may have several such keys.
 *
 * A file without the header line is taken for one of this version. Line ends, and blanks at the end of a line, may
 * be those of any editor. A line that was edited otherwise, or damaged, is an error and never skipped: skipping it
 * would accept any key. Only what a power cut leaves at the end, zeros and a last line without its line feed or
 * with zeros in it, is dropped, with a notice.
 *
 * The order of the lines says who was met first, for names that look alike. So a pin that is refused, and one that is
 * accepted then, takes the place of the line before it.
 */

import { dayText, numberText } from "../../base/text/words.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import type { PeerKey } from "../../base/ids.ts";
import {
  foldName,
  isSameName,
  nameBeforeStart,
  shownName,
  withoutMark,
} from "../../base/text/names.ts";
import type { Disk } from "../disk/disk.ts";
import { REPLACEMENT_SUFFIX } from "../disk/replacement.ts";
import {
  isOfComparing,
  KnownPeersFile,
  type Line,
  lineKey,
  type Lines,
  type Pin,
  pinKey,
  REFUSED,
  type Torn,
  VERIFIED,
} from "./known_peers_file.ts";
import type { TakeTurn } from "./shared_table.ts";

/** The most lines: the file is held in memory. */
export const PINS_MAX = 100_000;
/** Of these, those for what the user asks for: strangers, however many are met, take none of them. */
export const ASKED_PINS = 10_000;
/** With more new lines at once, the file is written as a whole: each line takes a sync of its own. */
const APPENDED_MAX = 64;

/** How the key of a name compares with its pin. */
type PinCheck =
  | { readonly type: "new" }
  | { readonly type: "same"; readonly pin: Pin }
  | { readonly type: "changed"; readonly pin: Pin };

/** What was found of a key under a name: whether it is refused there. */
export interface Found extends Pick<Pin, "name" | "fingerprint"> {
  readonly isRefused: boolean;
}

const ALONE: TakeTurn = () => Promise.resolve({ release: () => {} });

export class KnownPeers {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #takeTurn: TakeTurn;
  #file: KnownPeersFile;
  /** In the order of the file. */
  #lines: Lines = new Map();
  /** Lines that this program changed and hasn't written yet, by `pinKey`; null: removed. */
  readonly #unwritten = new Map<string, Line | null>();
  /** Of lines that aren't written yet: the line whose place each takes, where there is one. */
  readonly #places = new Map<string, string>();
  /** Whether a line that isn't written yet is more than a new one behind all others. */
  #mustReplace = false;
  /** What was found by comparing digits, as the lines say; null: to be collected anew. */
  #compared: Compared | null = null;
  #lastWrite: Promise<void> = Promise.resolve();
  /** The file may lack changes: a write is in progress, or the last one failed. */
  #isBehind = false;
  /** What was dropped at the end of the file when it was read, and wasn't told. */
  #torn: Torn | null = null;
  /** A version that couldn't be read: of a file that is perhaps being written. */
  #faulty: string | undefined = undefined;
  /** Keys that others have refused since this program has read the file, or don't refuse any more. */
  #foundElsewhere: Found[] = [];
  /** Whether `#lastWrite` hasn't begun yet. */
  #isWriteWaiting = false;
  /** Called for what this program's user finds of a key, where several of its rooms have to heed it. */
  heed: (found: Found) => void = () => {};

  private constructor(disk: Disk, path: string, takeTurn: TakeTurn) {
    this.#disk = disk;
    this.#path = path;
    this.#takeTurn = takeTurn;
    this.#file = new KnownPeersFile(disk, path);
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

  /** The day, YYYY-MM-DD, when this key was first met under this name, wherever that was; null where it wasn't. */
  since(name: string, key: Fingerprint): string | null {
    const plain = nameBeforeStart(name);
    const days = this.pins()
      .filter((pin) => pin.fingerprint === key && isSameName(nameBeforeStart(pin.name), plain))
      .map(({ firstSeen }) => firstSeen);
    return days.sort()[0] ?? null;
  }

  /** Keys that aren't those of the people of these names, as the user has found. */
  refused(): readonly Pin[] {
    return this.#found().refused;
  }

  /** Keys that are those of the people of these names, as the user has found. */
  verified(): readonly Pin[] {
    return this.#found().verified;
  }

  /** The names under which the user has verified this key, in the order in which that was done. */
  verifiedNames(key: Fingerprint): readonly string[] {
    return this.#found().names.get(key) ?? [];
  }

  /** Whether the user has verified this key under this name; where that has the key's start, however long that is. */
  isVerified(name: string, key: Fingerprint): boolean {
    return this.verifiedNames(key).some((verified) =>
      hasStart(verified) === hasStart(name) &&
      isSameName(nameBeforeStart(verified), nameBeforeStart(name))
    );
  }

  /** The marks of other keys under this name, where this key has none. */
  othersVerified(name: string, key: Fingerprint): readonly Pin[] {
    const plain = this.#found().byName.get(foldName(nameBeforeStart(name))) ?? [];
    const isTheirs = plain.some(({ fingerprint }) => fingerprint === key);
    return isTheirs || this.isVerified(name, key) ? [] : plain;
  }

  /**
   * The keys met or verified under this name, anywhere. @param typed With the start of a key: those that begin so. Each
   * server has the same name: of these none.
   */
  keysOf(typed: string): readonly Fingerprint[] {
    const [plain = "", start = ""] = withoutMark(typed).split("~");
    const isIt = ({ scope, name, fingerprint }: Pin) =>
      scope !== REFUSED && !name.startsWith("*") && fingerprint.startsWith(start) &&
      isSameName(nameBeforeStart(name), plain);
    return [...new Set(this.#all().filter(isIt).map(({ fingerprint }) => fingerprint))];
  }

  /** Whether another key was met or verified under this name, anywhere. */
  isOthers(name: string, key: Fingerprint): boolean {
    const plain = nameBeforeStart(name);
    return this.#all().some((pin) =>
      pin.scope !== REFUSED && pin.fingerprint !== key && isSameName(pin.name, plain)
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

  #found(): Compared {
    if (this.#compared !== null) return this.#compared;
    const all = this.#all();
    const verified = all.filter(({ scope }) => scope === VERIFIED);
    const refused = all.filter(({ scope }) => scope === REFUSED);
    const byName = Map.groupBy(
      verified.filter(({ name }) => !hasStart(name) && !name.startsWith("*")),
      ({ name }) => foldName(name),
    );
    return this.#compared = { verified, refused, names: namesByKey(verified), byName };
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
    const refused = lineKey({ scope: REFUSED, name, fingerprint });
    const wasRefused = isAsked && this.#lines.has(refused);
    if (isNew) {
      const pin = { scope, name, fingerprint, firstSeen: dayText(wallMs) };
      this.#add(pin, isAsked, isAsked ? refused : undefined);
    }
    const changed = isAsked && this.#accept(name, fingerprint, wallMs);
    if (wasRefused) this.heed({ name, fingerprint, isRefused: false });
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
    this.#add({ scope: VERIFIED, name, fingerprint, firstSeen: dayText(wallMs) }, true);
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
      this.#add({ ...pair, scope: VERIFIED, firstSeen: dayText(wallMs) }, true);
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
  async refuse(name: string, fingerprint: Fingerprint, wallMs: number): Promise<void> {
    const plain = nameBeforeStart(name);
    const refused = { scope: REFUSED, name: plain, fingerprint, firstSeen: dayText(wallMs) };
    const at = lineKey(refused);
    const former = this.#linesOf(refused);
    this.#add(refused, true, former[0]);
    for (const line of former) if (line !== at) this.#removeAt(line);
    this.heed({ name: plain, fingerprint, isRefused: true });
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
    if (version !== undefined && version !== this.#file.version) {
      await this.#lastWrite.catch(() => {}); // which may be what has changed it
      if (!await this.#takeAdded(this.#lastWrite)) await this.#readVersion(version);
    }
    return this.#foundElsewhere.splice(0);
  }

  /**
   * Takes what was only added to the file.
   * @param write The last write, where this is part of none: if another one has begun meanwhile, that one does it.
   * @returns Whether nothing else has changed.
   */
  async #takeAdded(write: Promise<void> | null): Promise<boolean> {
    const added = this.#mustReplace ? null : await this.#file.readAdded();
    if (added === null) return false;
    if (write !== null && this.#lastWrite !== write) return true;
    added.taken();
    let isTwice = false;
    for (const [at, line] of added.lines) {
      if (typeof at === "string" && this.#unwritten.has(at)) this.#mustReplace = true; // ours counts
      else if (typeof at === "string" && this.#lines.has(at)) isTwice = true;
      else this.#lines.set(at, line);
      if (!("pin" in line) || !isOfComparing(line.pin.scope)) continue;
      this.#compared = null;
      if (line.pin.scope === REFUSED) this.#foundElsewhere.push({ ...line.pin, isRefused: true });
    }
    // As in the file: ours come behind.
    for (const [at, line] of added.lines.size > 0 ? this.#unwritten : []) {
      if (line !== null && this.#lines.delete(at)) this.#lines.set(at, line);
    }
    return !isTwice;
  }

  async #readVersion(version: string): Promise<void> {
    const stored = new KnownPeers(this.#disk, this.#path, this.#takeTurn);
    const write = this.#lastWrite;
    try {
      await stored.#read();
    } catch (error) {
      if (this.#faulty === version) this.#file.version = version;
      const isFirst = this.#faulty !== version;
      this.#faulty = version;
      if (isFirst) return;
      throw error;
    }
    if (this.#lastWrite !== write) return; // which reads the file itself
    this.#takeOver(stored);
  }

  /**
   * Resolves when no write is in progress. Failures are reported to the callers that caused the writes. A failed
   * write is tried once more, as there may be space again.
   * @returns Whether all that was changed here is durable.
   */
  async settled(): Promise<boolean> {
    await this.#lastWrite.catch(() => {});
    if (this.#isBehind) await this.#write().catch(() => {});
    return !this.#isBehind;
  }

  /** Resolves when the change of the line `at` is durable; writes again if that failed. */
  async #written(at: string): Promise<void> {
    await this.#lastWrite.catch(() => {});
    if (this.#unwritten.has(at)) await this.#write();
  }

  async #meet(scope: string, name: string, key: PeerKey, wallMs: number): Promise<void> {
    await this.#set({ scope, name, fingerprint: fingerprintOf(key), firstSeen: dayText(wallMs) });
  }

  async #set(pin: Pin): Promise<void> {
    this.#add(pin, false);
    await this.#write();
  }

  /**
   * @param isAsked Whether the user has asked for it.
   * @param place The line whose place it takes; without such a line, it is the last.
   * @throws {P2pchatError} `full`.
   */
  #add(pin: Pin, isAsked: boolean, place?: string): void {
    const at = lineKey(pin);
    const isMore = !this.#lines.has(at) && (place === undefined || !this.#lines.has(place));
    if (isMore && this.#lines.size >= (isAsked ? PINS_MAX : PINS_MAX - ASKED_PINS)) {
      const kept = isAsked ? "" : `, and more are kept for what you /trust and /verify`;
      throw new P2pchatError(
        "full",
        `Cannot remember ${shownName(pin.name)}'s key: ${this.#path} has ${
          numberText(this.#lines.size)
        } lines${kept}; delete some that are old`,
      );
    }
    // A refusal takes away what other programs have written about that key.
    if (!isMore || pin.scope === REFUSED) this.#mustReplace = true;
    const line = { pin };
    // A line that is there again isn't replaced by the one that took its place, and isn't written yet.
    for (const [other, its] of this.#places) if (its === at) this.#places.delete(other);
    if (place !== undefined && place !== at && this.#lines.has(place)) {
      this.#places.set(at, place);
      this.#unwritten.set(place, null);
    }
    this.#put(at, line);
    this.#unwritten.set(at, line);
    if (isOfComparing(pin.scope)) this.#compared = null;
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
    this.#mustReplace = true;
    this.#compared = null;
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
   * Takes what other programs, or the user, have written since, and writes the changes made here: new lines are added to
   * the file, all else is written with the whole of it.
   */
  async #writeInTurn(): Promise<void> {
    this.#isBehind = true;
    const turn = await this.#takeTurn();
    try {
      const isKnown = await this.#takeAdded(null);
      if (!isKnown) await this.#readAgain();
      const isFew = this.#unwritten.size <= APPENDED_MAX;
      if (this.#mustReplace || !isFew || !await this.#append()) {
        if (isKnown) await this.#readAgain();
        await this.#replace();
      }
      this.#isBehind = false;
    } finally {
      turn.release();
    }
  }

  async #readAgain(): Promise<void> {
    const stored = new KnownPeers(this.#disk, this.#path, this.#takeTurn);
    await stored.#read();
    this.#takeOver(stored);
  }

  /** @returns Whether the file could be added to. */
  async #append(): Promise<boolean> {
    const pins = [...this.#unwritten.values()].flatMap((line) =>
      line !== null && "pin" in line ? [line.pin] : []
    );
    return await this.#file.append(pins, (pin) => {
      const line = this.#unwritten.get(lineKey(pin)) ?? null;
      if (line !== null && "pin" in line && line.pin === pin) this.#unwritten.delete(lineKey(pin));
    });
  }

  async #replace(): Promise<void> {
    const written = [...this.#unwritten];
    const mustReplace = this.#mustReplace;
    this.#mustReplace = false;
    try {
      await this.#file.replace(this.#lines.values());
    } catch (error) {
      this.#mustReplace ||= mustReplace;
      throw error;
    }
    for (const [at, line] of written) {
      if (this.#unwritten.get(at) !== line) continue;
      this.#unwritten.delete(at);
      this.#places.delete(at);
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
    this.#file = stored.#file;
    this.#compared = null;
    for (const [at, line] of this.#unwritten) {
      if (this.#lines.has(at)) this.#mustReplace = true;
      if (line !== null) this.#put(at, line);
    }
    for (const [at, line] of this.#unwritten) if (line === null) this.#lines.delete(at);
    for (const [at, line] of this.#unwritten) this.#dropRefused(at, line);
  }

  /** What other programs found of a key before it was refused here doesn't hold any more. */
  #dropRefused(refused: string, line: Line | null): void {
    if (line === null || !("pin" in line) || line.pin.scope !== REFUSED) return;
    for (const at of this.#linesOf(line.pin)) {
      if (at !== refused && !this.#unwritten.has(at)) this.#lines.delete(at);
    }
    this.#compared = null;
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
    const { lines, torn } = await this.#file.read();
    this.#lines = lines;
    this.#torn = torn;
  }
}

/** What was found by comparing digits. */
interface Compared {
  readonly verified: readonly Pin[];
  readonly refused: readonly Pin[];
  /** The names under which a key was verified. */
  readonly names: ReadonlyMap<Fingerprint, readonly string[]>;
  /** The marks under each name that isn't told apart by a key; every server has the same one. */
  readonly byName: ReadonlyMap<string, readonly Pin[]>;
}

/** Whether the name is told apart from another by its key, as `Bob~k7f3` is. */
function hasStart(name: string): boolean {
  return nameBeforeStart(name) !== name;
}

function namesByKey(marks: readonly Pin[]): ReadonlyMap<Fingerprint, readonly string[]> {
  const names = new Map<Fingerprint, string[]>();
  for (const { fingerprint, name } of marks) {
    names.set(fingerprint, [...names.get(fingerprint) ?? [], name]);
  }
  return names;
}
