/**
 * What others said while nobody waited for it, in the folder of a room, a group, or a table of friends: a `--wait` takes
 * it from there, so that calls miss nothing, and see nothing twice.
 *
 * To the mode this is the screen: what is in the inbox counts as shown, and not before it is synced. What a killed
 * program had not synced, the mode shows again, and what it had synced is known by its id (a group's by its number), and
 * not taken in twice. Before the first call of a script nothing is kept: history isn't news then.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import { nodeCrypto, utf8 } from "../../base/crypto/crypto.ts";
import type { Hash } from "../../base/ids.ts";
import type { RecordOf } from "../../base/schema/log_records.ts";
import { countText } from "../../base/text/words.ts";
import { corruptError, type Disk } from "../../store/disk/disk.ts";
import { lineOf } from "../../store/disk/record_line.ts";
import { AppendLog } from "../../store/log/append_log.ts";
import { recordIn } from "../../store/log/log_format.ts";
import { INBOX_LOG } from "./inbox_records.ts";
import { type Fields, isHeard } from "./wanted.ts";

type InboxRecord = RecordOf<typeof INBOX_LOG>;

/** As many messages as a room keeps, of the usual length. */
const WAITING_MAX = 10_000;
const WAITING_UNITS_MAX = 16 * 1024 * 1024;
/** As many as a room may show again after a kill. */
const KNOWN_MAX = 10_000;
/** So much of the file may be out of date before it is written anew: reading it takes some 20 ms. */
const STALE_BYTES_MAX = 1024 * 1024;
const FILE = "inbox";
/** Characters of a digest that tell messages apart. */
const ID_LENGTH = 32;

interface Waiting {
  readonly event: Fields;
  /** As JSON. */
  readonly text: string;
}

/** A message that waits. */
export interface Kept {
  readonly id: string;
  readonly event: Fields;
}

export class ScriptInbox {
  /** In the order in which they came. */
  readonly #waiting = new Map<string, Waiting>();
  /** UTF-16 units of what waits. */
  #units = 0;
  /** Messages that came, whether they wait or not; a group's are known by their numbers. */
  readonly #known = new Set<string>();
  /** The last number of a group's log that came, or was there before the first call. */
  #seq = 0;
  #notedSeq: number | null = null;
  /** Whether no earlier call has begun: what is history is passed over. */
  readonly #isFirst: boolean;
  /** Whether a later call isn't the first any more. */
  #hasBegun: boolean;
  /** All that was to be written. */
  #written: Promise<unknown> = Promise.resolve();
  #failure: unknown = null;
  #dropped = 0;
  #isElsewhere = false;

  private constructor(
    readonly log: AppendLog,
    records: readonly InboxRecord[],
    readonly path: string,
    readonly warn: (text: string) => void,
    readonly failed: (error: unknown) => void,
  ) {
    this.#isFirst = records.every(({ kind }) => kind === "led");
    this.#hasBegun = !this.#isFirst;
    for (const [index, record] of records.entries()) this.#read(record, index);
  }

  /**
   * Opens the inbox in the folder, which is under lock, and makes it where there is none.
   * @param warn Tells what was mended, and what went to make room.
   * @param failed Called once, when the disk refuses: what came since isn't kept, and counts as not shown.
   * @throws {P2pchatError} `store-corrupt` with file and line, `bad-file` or `disk`.
   */
  static async open(
    disk: Disk,
    folder: string,
    warn: (text: string) => void,
    failed: (error: unknown) => void,
  ): Promise<ScriptInbox> {
    const path = `${folder}/${FILE}`;
    await disk.makeFolder(folder);
    const { log, records, notices } = await AppendLog.open(disk, path, INBOX_LOG.name);
    try {
      for (const notice of notices) warn(notice);
      const read = records.map((line, index) => recordIn(INBOX_LOG, line, path, index));
      const inbox = new ScriptInbox(log, read, path, warn, failed);
      inbox.#compactIfStale();
      return inbox;
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  #read(record: InboxRecord, index: number): void {
    switch (record.kind) {
      case "came":
        this.#seq = Math.max(this.#seq, record.seq ?? 0);
        return this.#add(record.id, eventIn(record.event, this.path, index), record.event);
      case "taken":
        this.#remove(record.id);
        return this.#know(record.id);
      case "through":
        this.#seq = record.seq;
        return;
      case "led":
      case "told":
        this.#isElsewhere = record.kind === "led";
    }
  }

  /** Whether an address led here, as `ledHere` says, and nobody was told. */
  get isElsewhere(): boolean {
    return this.#isElsewhere;
  }

  /** An address led the program here, and not to where it was before: noted until an agent was told. */
  ledHere(): void {
    if (this.#isElsewhere) return;
    this.#isElsewhere = true;
    this.#append({ kind: "led" });
  }

  /** An agent was told so. Resolves when that is durable. @throws {P2pchatError} `disk`. */
  async told(): Promise<void> {
    if (this.#isElsewhere) this.#append({ kind: "told" });
    this.#isElsewhere = false;
    await this.synced();
  }

  /**
   * An event was shown. Keeps what somebody else said, once each.
   * @param at When: ISO 8601.
   */
  heard(event: Fields, at: string): void {
    if (event.event === "ready" || event.event === "view") this.#begin(event["entries"]);
    if (!isHeard(event)) return;
    const { seq } = event;
    const id = idOf(event);
    if (typeof seq === "number" ? seq <= this.#seq : this.#known.has(id)) return;
    if (typeof seq === "number") this.#seq = seq;
    if (this.#isFirst && event["history"] === true) return;
    const kept = { ...event, at };
    const text = JSON.stringify(kept);
    this.#add(id, kept, text);
    const numbered = typeof seq === "number" ? { seq } : {};
    this.#append({ kind: "came", id, event: text, ...numbered });
    this.#hasBegun = true;
    this.#makeRoom();
    this.#compactIfStale();
  }

  /** The first that is wanted of those that wait; null: none. */
  next(isWanted: (event: Fields, id: string) => boolean): Kept | null {
    for (const [id, { event }] of this.#waiting) if (isWanted(event, id)) return { id, event };
    return null;
  }

  /** It was printed, and no later call prints it. Resolves when that is durable. @throws {P2pchatError} `disk`. */
  async take(id: string): Promise<void> {
    this.#remove(id);
    this.#append({ kind: "taken", id });
    await this.synced();
  }

  /** Nobody has seen these after all: they wait again, before all others. @throws {P2pchatError} `disk`. */
  async putBack(kept: readonly Kept[]): Promise<void> {
    const others = [...this.#waiting];
    this.#waiting.clear();
    this.#units = 0;
    for (const { id, event } of kept) this.#add(id, event, JSON.stringify(event));
    for (const [id, { event, text }] of others) {
      if (!this.#waiting.has(id)) this.#add(id, event, text);
    }
    if (this.#failure === null) this.#rewrite(); // an order that only a whole file tells
    await this.synced();
  }

  /** Resolves when all that came before the call is durable. @throws {P2pchatError} `disk`. */
  async synced(): Promise<void> {
    await this.#written;
    if (this.#failure !== null) throw this.#failure;
  }

  /** To be called while the folder is under lock. Never rejects. */
  async close(): Promise<void> {
    if (this.#isFirst && this.#hasBegun && this.#notedSeq !== this.#seq) this.#note();
    await this.#written;
    await this.log.close().catch((error) => this.#fail(error));
  }

  /** What comes from now on is news to the next call. @param entries How many a group's log has, where that is told. */
  #begin(entries: unknown): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#note();
    } else if (typeof entries === "number" && entries < this.#seq) {
      this.#seq = entries; // the log was begun anew: it is another group's
      this.#note();
    }
  }

  #note(): void {
    this.#notedSeq = this.#seq;
    this.#append({ kind: "through", seq: this.#seq });
  }

  #add(id: string, event: Fields, text: string): void {
    this.#know(id);
    this.#waiting.set(id, { event, text });
    this.#units += text.length;
  }

  #remove(id: string): void {
    this.#units -= this.#waiting.get(id)?.text.length ?? 0;
    this.#waiting.delete(id);
  }

  #know(id: string): void {
    this.#known.delete(id);
    this.#known.add(id);
    dropOldest(this.#known, KNOWN_MAX + WAITING_MAX);
  }

  #makeRoom(): void {
    while (this.#waiting.size > WAITING_MAX || this.#units > WAITING_UNITS_MAX) {
      const [id] = this.#waiting.keys();
      this.#remove(id!);
      this.#append({ kind: "taken", id: id! });
      if (this.#dropped++ > 0) continue;
      const most = countText(WAITING_MAX, "message");
      this.warn(`Nobody has asked for so long that the oldest messages go: ${most} are kept`);
    }
  }

  #append(record: InboxRecord): void {
    if (this.#failure !== null) return;
    const done = this.log.append([INBOX_LOG.line(record)], { sync: true });
    this.#follow(done);
  }

  #compactIfStale(): void {
    if (this.log.bytes - this.#units <= STALE_BYTES_MAX + this.#units || this.#failure !== null) {
      return;
    }
    this.#rewrite();
  }

  #rewrite(): void {
    const known = [...this.#known].filter((id) => !this.#waiting.has(id)).slice(-KNOWN_MAX);
    const records: InboxRecord[] = [
      { kind: "through", seq: this.#seq },
      ...(this.#isElsewhere ? [{ kind: "led" } as const] : []),
      ...known.map((id) => ({ kind: "taken", id }) as const),
      ...[...this.#waiting].map(([id, { event, text }]) => {
        const numbered = typeof event["seq"] === "number" ? { seq: event["seq"] } : {};
        return { kind: "came", id, event: text, ...numbered } as const;
      }),
    ];
    this.#follow(this.log.rewrite(records.map(INBOX_LOG.line)));
  }

  #follow(done: Promise<unknown>): void {
    const settled = done.catch((error) => this.#fail(error));
    this.#written = Promise.all([this.#written, settled]).then(() => {}); // not their results, without end
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.failed(error);
  }
}

/** Ids are their authors' to choose: another one's message may have the same. */
function idOf(event: Fields): string {
  const author = String(event["key"] ?? event["from"]);
  return nodeCrypto.sha256<Hash>(utf8(JSON.stringify([author, event["id"]]))).slice(0, ID_LENGTH);
}

function eventIn(text: string, path: string, index: number): Fields {
  try {
    const event: unknown = JSON.parse(text);
    if (typeof event === "object" && event !== null && "event" in event) return event as Fields;
  } catch {
    // Told below.
  }
  throw corruptError(path, lineOf(index), "it is no event");
}
