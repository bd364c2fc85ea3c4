/**
 * What was said privately in one place, a room or with the friends of a table, in files of its own, `private-000001` and
 * so on: `grep` finds what one wrote and got.
 *
 * Nothing is opened before the first message, or the first question. A message is in the file before it is shown, so that
 * a kill loses none; those that wait for the file share one write. It is synced within a second, and nothing waits for
 * that: a power cut can cost what came since. Of `SEGMENTS_MAX` files of `SEGMENT_BYTES` the oldest goes. Damage costs one
 * file from the damaged line on: it is told, and what follows is written to a new one. What the disk refuses, as it is full,
 * waits in memory until there is room again: the last of it, as much as a file has.
 */

import { P2pchatError } from "../../base/errors.ts";
import { PRIVATE_LOG, type PrivateWords } from "../../base/schema/private_words.ts";
import type { RecordOf } from "../../base/schema/log_records.ts";
import { corruptError, type Disk } from "../../store/disk/disk.ts";
import type { PrivateStore } from "./private_store.ts";
import { type OpenedRecords, openRecords, visitRecords } from "./record_store.ts";

type Kept = RecordOf<typeof PRIVATE_LOG>;

/** Small, as damage costs the rest of one; 16 MiB in all, which is a hundred thousand messages, are searched in a moment. */
const SEGMENT_BYTES = 1024 * 1024;
const SEGMENTS_MAX = 16;
/** Of those that come one after the other only the last one starts a sync. */
const SYNC_AFTER_MS = 1_000;
/** What the disk refused is tried again after this, where nothing else is written: as long as the longest of other pauses. */
const AGAIN_AFTER_MS = 30_000;

const NAME = /^private-(\d{6,9})$/;

export class PrivateLog implements PrivateStore {
  #number = 0;
  #segment: OpenedRecords<Kept> | null = null;
  /**
   * Of the messages in the last two segments as they were found, as the last may just have been begun: what is brought
   * again after a kill is there already.
   */
  readonly #known = new Set<string>();
  /** The next write until it begins, and what it takes, in its order: as much as may wait for the disk (`Runner`). */
  #next: { readonly records: Kept[]; readonly written: Promise<void> } | null = null;
  /** Writes and reads, one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #syncing: ReturnType<typeof setTimeout> | undefined;
  /** What the disk refused, in its order: it is written before what comes next. */
  #unwritten: readonly Kept[] = [];
  #trying: ReturnType<typeof setTimeout> | undefined;
  #isTold = false;

  /**
   * @param folder Made with the first message.
   * @param warn Tells the user what couldn't be read or written.
   */
  constructor(
    readonly disk: Disk,
    readonly folder: string,
    readonly warn: (text: string) => void,
    readonly bounds: { readonly segmentBytes: number; readonly segmentsMax: number } = {
      segmentBytes: SEGMENT_BYTES,
      segmentsMax: SEGMENTS_MAX,
    },
  ) {}

  /** Resolves when the message is written, not synced, or waits in memory, and the user was told once that such can't be. */
  keep(words: PrivateWords): Promise<void> {
    return this.#write({ kind: "said", ...words });
  }

  /** As `keep`: from now on the message isn't found. */
  takeBack({ id }: PrivateWords): Promise<void> {
    return this.#write({ kind: "taken-back", id });
  }

  #write(record: Kept): Promise<void> {
    if (this.#next === null) {
      const records: Kept[] = [];
      const written = this.#inTurn(() => this.#writeAll(records));
      this.#next = { records, written };
    }
    this.#next.records.push(record);
    return this.#next.written;
  }

  async #writeAll(waiting: readonly Kept[]): Promise<void> {
    if (this.#next?.records === waiting) this.#next = null;
    const records = [...this.#unwritten, ...waiting];
    let done = 0;
    try {
      while (done < records.length) done += await this.#writeFrom(records, done);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      if (!this.#isTold) this.warn(notSaved(error));
      this.#isTold = true;
      this.#trying ??= setTimeout(() => void this.#tryAgain(), AGAIN_AFTER_MS);
    }
    this.#unwritten = this.#lastOf(records.slice(done));
  }

  /** As many as one file has: where the disk stays full for long, memory mustn't grow. */
  #lastOf(records: readonly Kept[]): readonly Kept[] {
    let bytes = 0;
    const first = records.findLastIndex((record) =>
      (bytes += bytesMaxOf(record)) > this.bounds.segmentBytes
    );
    return records.slice(first + 1);
  }

  #tryAgain(): Promise<void> {
    this.#trying = undefined;
    return this.#inTurn(() => this.#writeAll([]));
  }

  /** @returns How many of `records` the segment has taken from `start` on, or has already; at least one. */
  async #writeFrom(records: readonly Kept[], start: number): Promise<number> {
    const segment = await this.#openSegment();
    const fresh: Kept[] = [];
    let end = start;
    for (let left = this.bounds.segmentBytes - segment.bytes; left > 0 && end < records.length;) {
      const record = records[end++]!;
      if (record.kind === "said" && this.#isKnown(record)) continue;
      left -= bytesMaxOf(record);
      fresh.push(record);
    }
    if (fresh.length > 0) {
      await segment.append(fresh, false);
      this.#isTold = false;
      this.#syncing ??= setTimeout(() => void this.#sync(), SYNC_AFTER_MS);
    }
    return end - start;
  }

  #isKnown(words: PrivateWords): boolean {
    return this.#known.size > 0 && this.#known.has(lineOf(words));
  }

  /**
   * The last `count` of those that are wanted, each once, in the order in which they were written and came; of those that
   * were kept before it is asked for.
   */
  find(
    isWanted: (words: PrivateWords) => boolean,
    count: number,
  ): Promise<readonly PrivateWords[]> {
    this.#next = null; // what is kept from now on isn't found
    return this.#inTurn(async () => {
      const found = new Map<string, PrivateWords>();
      const takenBack = new Set<string>();
      let some: PrivateWords[] = [];
      const visit = (record: Kept) => {
        if (record.kind === "taken-back") takenBack.add(record.id);
        else if (isWanted(record)) some.push(record);
      };
      const addSome = () => {
        for (const one of some.reverse()) {
          const which = identityOf(one);
          found.delete(which); // of one that is there twice, the first counts
          // Another one's message may have the id of one's own.
          if (!one.self || !takenBack.has(one.id)) found.set(which, one);
        }
        some = [];
      };
      this.#unwritten.forEach(visit);
      addSome();
      const numbers = await this.#numbers().catch((error) => this.#unread(error));
      for (let at = numbers.length - 1; at >= 0 && found.size < count; at--) {
        await this.#read(numbers[at]!, at === numbers.length - 1, visit);
        addSome();
      }
      return [...found.values()].slice(0, count).reverse();
    });
  }

  /** Writes what still can be, syncs it, and closes the file. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#unwritten.length > 0) await this.#writeAll([]);
      clearTimeout(this.#trying);
      clearTimeout(this.#syncing);
      await this.#closeSegment();
    });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {}); // whoever asked for it is told
    return done;
  }

  /** @param isLast Of the last one a crash can have torn off the end; any other was synced and closed. */
  async #read(
    number: number,
    isLast: boolean,
    visit: (record: Kept) => void,
  ): Promise<void> {
    const path = this.#pathOf(number);
    try {
      const torn = await visitRecords(this.disk, path, PRIVATE_LOG, visit);
      if (torn !== null && !isLast) throw corruptError(path, torn, "its end is missing");
    } catch (error) {
      this.#unread(error);
    }
  }

  #unread(error: unknown): readonly number[] {
    if (!(error instanceof P2pchatError)) throw error;
    this.warn(`Some of what was said privately can't be found: ${error.message}`);
    return [];
  }

  async #openSegment(): Promise<OpenedRecords<Kept>> {
    if (this.#segment === null) await this.#openLast();
    if (this.#segment !== null && this.#segment.bytes < this.bounds.segmentBytes) {
      return this.#segment;
    }
    await this.#closeSegment();
    await this.#makeRoom();
    return await this.#open(this.#number + 1);
  }

  /** Opens the last segment, unless it is damaged or there is none. */
  async #openLast(): Promise<void> {
    const [last, before] = (await this.#numbers()).slice(-2).reverse();
    this.#number = last ?? 0;
    if (last === undefined) return;
    if (before !== undefined) await this.#know(before);
    try {
      const { records } = await this.#open(last);
      for (const record of records) this.#noteKnown(record);
    } catch (error) {
      const isDamage = error instanceof P2pchatError &&
        (error.code === "store-corrupt" || error.code === "bad-file");
      if (!isDamage) throw error;
      this.warn(`${error.message}. New private messages are kept in another file`);
    }
  }

  async #know(number: number): Promise<void> {
    try {
      const note = (record: Kept) => this.#noteKnown(record);
      await visitRecords(this.disk, this.#pathOf(number), PRIVATE_LOG, note);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error; // whoever looks for something in it is told
    }
  }

  #noteKnown(record: Kept): void {
    if (record.kind === "said") this.#known.add(lineOf(record));
  }

  async #open(number: number): Promise<OpenedRecords<Kept>> {
    await this.disk.makeFolder(this.folder);
    const segment = await openRecords(this.disk, this.#pathOf(number), PRIVATE_LOG);
    for (const text of segment.notices) this.warn(text);
    this.#segment = segment;
    this.#number = number;
    return segment;
  }

  /** For a further file. */
  async #makeRoom(): Promise<void> {
    const numbers = await this.#numbers();
    const tooMany = Math.max(0, numbers.length - this.bounds.segmentsMax + 1);
    for (const number of numbers.slice(0, tooMany)) await this.disk.remove(this.#pathOf(number));
  }

  async #closeSegment(): Promise<void> {
    const segment = this.#segment;
    this.#segment = null;
    try {
      await segment?.close();
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      this.warn(`Private messages aren't kept for later: ${error.message}`);
    }
  }

  /** A refusal is told with the next message. */
  async #sync(): Promise<void> {
    this.#syncing = undefined;
    await this.#segment?.append([], true).catch((error) => {
      if (!(error instanceof P2pchatError)) throw error;
    });
  }

  async #numbers(): Promise<readonly number[]> {
    const names = await this.disk.list(this.folder);
    const numbers = names.flatMap((name) => {
      const number = NAME.exec(name)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
    return numbers.sort((a, b) => a - b);
  }

  #pathOf(number: number): string {
    return `${this.folder}/private-${String(number).padStart(6, "0")}`;
  }
}

function notSaved({ message }: P2pchatError): string {
  return `Private messages aren't saved: ${message}; until then the last of them are kept in memory`;
}

/** More than its line has: a character takes 6 bytes at most, an id, a key, a name and the rest some hundred. */
function bytesMaxOf(record: Kept): number {
  return 512 + (record.kind === "said" ? 6 * record.text.length : 0);
}

/** With the key of whom it is to: a friend's may not be known before it is delivered, and finds it under any name later. */
function lineOf(words: PrivateWords): string {
  return `${identityOf(words)} ${words.key}`;
}

/** Not the id alone: another program may use one twice. */
function identityOf({ id, key, sentAt, self }: PrivateWords): string {
  return `${id} ${self ? "to" : key} ${sentAt}`;
}
