/**
 * Makes room in the files of private words: with whom most was said, of that the oldest goes, so that nobody pushes out
 * what was said with others. It survives a kill at any time: a file is replaced as a whole, and words that are in two
 * files for a moment are found once. It is remembered how much of whom each file has: while somebody goes on
 * writing, only files of which a part goes are read.
 */

import { Buffer } from "node:buffer";
import { FairShares } from "../../base/collections/fair_shares.ts";
import { P2pchatError } from "../../base/errors.ts";
import { PRIVATE_LOG, type PrivateWords } from "../../base/schema/private_words.ts";
import type { RecordOf } from "../../base/schema/log_records.ts";
import { foldName } from "../../base/text/names.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { escapeCell } from "../../store/disk/record_line.ts";
import { openRecords, readRecords, visitRecords } from "./record_store.ts";

type Kept = RecordOf<typeof PRIVATE_LOG>;

/** Of what there may be, this is left, or a file more, so that it isn't trimmed again with one of the next files. */
const LEFT = 3 / 4;
/** What a message takes beside its text, roughly. */
const BESIDE_TEXT = 150;

/** With whom it was said. */
export function otherOf({ key, name }: Pick<PrivateWords, "key" | "name">): string {
  return key ?? `name ${foldName(name)}`;
}

/** What is in a file. */
export class Content {
  /** By whom it was said with: how much of it there is. */
  readonly sizes = new Map<string, number>();
  readonly takenBack = new Set<string>();

  add(record: Kept): void {
    if (record.kind === "taken-back") return void this.takenBack.add(record.id);
    const other = otherOf(record);
    this.sizes.set(other, (this.sizes.get(other) ?? 0) + sizeOf(record));
  }
}

interface Segment {
  readonly path: string;
  bytes: number;
  /** Null where it can't be read to its end: it stays as it is. */
  content: Content | null;
}

/** Which words are to go. */
class Choice {
  readonly #shares = new FairShares<string>();
  readonly #takenBack = new Set<string>();
  /** Whether all words that were taken back go by that. */
  readonly #isWhole: boolean;

  /** @param part How much of all is to be left. */
  constructor(segments: readonly Segment[], part: number) {
    for (const { content } of segments) {
      for (const [other, size] of content?.sizes ?? []) this.#shares.add(other, size);
      for (const id of content?.takenBack ?? []) this.#takenBack.add(id);
    }
    this.#isWhole = segments.every(({ content }) => content !== null);
    this.#shares.bound(this.#shares.sum * part);
  }

  /** Whether none of these records is to go. */
  sparesAll({ sizes }: Content): boolean {
    return this.#takenBack.size === 0 && sizes.keys().every((other) => !this.#shares.isOver(other));
  }

  /** Whether all of these records are to go; where they are, they count as gone. */
  takesAll({ sizes, takenBack }: Content): boolean {
    const isAll = takenBack.size === 0 &&
      sizes.entries().every(([other, size]) => this.#shares.isOverBy(other, size));
    if (isAll) { for (const [other, size] of sizes) this.#shares.take(other, size); }
    return isAll;
  }

  /** Whether this one is to go; to be asked for each of any other file, in their order, once. */
  isGone(record: Kept): boolean {
    if (record.kind === "taken-back") return this.#isWhole;
    const other = otherOf(record);
    const isGone = this.#shares.isOver(other) || (record.self && this.#takenBack.has(record.id));
    if (isGone) this.#shares.take(other, sizeOf(record));
    return isGone;
  }
}

export class PrivateTrimming {
  /** Of files as they are, by path. */
  readonly #contents = new Map<string, Content>();

  constructor(readonly disk: Disk, readonly segmentBytes: number) {}

  /** What is in a file of which the caller has written or read all. */
  note(path: string, content: Content): void {
    this.#contents.set(path, content);
  }

  /**
   * Those that can't be read to their end go first.
   * @param paths The files, the oldest first; none is being written. Of what is left, small neighbours become one.
   * @throws {P2pchatError} `disk`.
   */
  async trim(paths: readonly string[], bytesMax: number): Promise<void> {
    const sizes = await Promise.all(paths.map(async (path) => ({
      path,
      bytes: (await this.disk.stat(path))?.bytes ?? 0,
    })));
    if (sumOf(sizes) <= bytesMax) return;
    const segments: Segment[] = [];
    for (const size of sizes) {
      segments.push({ ...size, content: await this.#contentOf(size.path) });
    }
    const damaged = segments.filter(({ content }) => content === null);
    await this.#removeWhole(damaged, segments, bytesMax);
    const total = sumOf(segments);
    if (total <= bytesMax) return;
    const choice = new Choice(segments, bytesMax * LEFT / total);
    let before: Segment | null = null;
    for (const segment of segments) {
      if (segment.content !== null && choice.takesAll(segment.content)) {
        await this.#remove(segment);
        continue;
      }
      // So nothing is written anew where files that go as a whole are enough.
      if (sumOf(segments) <= Math.min(bytesMax, bytesMax * LEFT + this.segmentBytes)) break;
      try {
        before = segment.content && await this.#trimmed(segment, segment.content, choice, before);
      } catch (error) {
        before = null;
        segment.content = null; // it was damaged since, or the one before it
        this.#contents.delete(segment.path);
        if (!isDamage(error)) throw error;
      }
    }
    await this.#removeWhole(segments, segments, bytesMax);
  }

  /** @returns Null where the file can't be read to its end: whoever looks for something in it is told. */
  async #contentOf(path: string): Promise<Content | null> {
    const known = this.#contents.get(path);
    if (known !== undefined) return known;
    const content = new Content();
    try {
      await visitRecords(this.disk, path, PRIVATE_LOG, (record) => content.add(record));
    } catch (error) {
      if (!isDamage(error)) throw error;
      return null;
    }
    this.note(path, content);
    return content;
  }

  /** @returns The segment, with what was left of the one before where that is little; null where nothing is left. */
  async #trimmed(
    segment: Segment,
    content: Content,
    choice: Choice,
    before: Segment | null,
  ): Promise<Segment | null> {
    let left: readonly Kept[] | null = null; // as the file has them
    if (!choice.sparesAll(content)) {
      const all = await this.#recordsOf(segment);
      left = all.filter((record) => !choice.isGone(record));
      if (left.length === 0) {
        await this.#remove(segment);
        return before;
      }
      if (left.length < all.length) await this.#write(segment, left);
    }
    if (before !== null && before.bytes + segment.bytes <= this.segmentBytes) {
      const earlier = await this.#recordsOf(before);
      await this.#write(segment, [...earlier, ...left ?? await this.#recordsOf(segment)]);
      await this.#remove(before);
    }
    return segment;
  }

  #recordsOf({ path }: Segment): Promise<readonly Kept[]> {
    return readRecords(this.disk, path, PRIVATE_LOG);
  }

  async #write(segment: Segment, records: readonly Kept[]): Promise<void> {
    const log = await openRecords(this.disk, segment.path, PRIVATE_LOG);
    try {
      this.#contents.delete(segment.path);
      await log.rewrite(records);
      segment.bytes = log.bytes;
    } finally {
      await log.close();
    }
  }

  async #remove(segment: Segment): Promise<void> {
    await this.disk.remove(segment.path);
    this.#contents.delete(segment.path);
    segment.bytes = 0;
  }

  /** The first of `some` go as a whole, as long as all are too much. */
  async #removeWhole(
    some: readonly Segment[],
    all: readonly Segment[],
    bytesMax: number,
  ): Promise<void> {
    for (const segment of some) {
      if (sumOf(all) <= bytesMax) return;
      if (segment.bytes > 0) await this.#remove(segment);
    }
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof P2pchatError && error.code !== "disk";
}

function sumOf(segments: readonly { readonly bytes: number }[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

function sizeOf({ text }: { readonly text: string }): number {
  return Buffer.byteLength(escapeCell(text)) + BESIDE_TEXT; // as in the file: some characters take more there
}
