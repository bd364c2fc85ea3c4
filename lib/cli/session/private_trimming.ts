/**
 * Makes room in the files of private words: with whom most was said, of that the oldest goes, so that nobody pushes out
 * what was said with others. It survives a kill at any time: a file is replaced as a whole, and words that are in two
 * files for a moment are found once.
 */

import { FairShares } from "../../base/collections/fair_shares.ts";
import { P2pchatError } from "../../base/errors.ts";
import { PRIVATE_LOG, type PrivateWords } from "../../base/schema/private_words.ts";
import type { RecordOf } from "../../base/schema/log_records.ts";
import { foldName } from "../../base/text/names.ts";
import { utf8Length } from "../../base/text/text.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { openRecords, readRecords, visitRecords } from "./record_store.ts";

type Kept = RecordOf<typeof PRIVATE_LOG>;

/** Of what there may be, this is left, so that it isn't trimmed again with the next file. */
const LEFT = 7 / 8;
/** What a message takes beside its text, roughly. */
const BESIDE_TEXT = 150;

/** With whom it was said. */
export function otherOf({ key, name }: Pick<PrivateWords, "key" | "name">): string {
  return key ?? `name ${foldName(name)}`;
}

interface Segment {
  readonly path: string;
  bytes: number;
  /** It can't be read to its end, and stays as it is. */
  isDamaged: boolean;
}

/** What is in all files. */
class Survey {
  /** By whom it was said with: how much of it there is. */
  readonly #shares = new FairShares<string>();
  readonly #takenBack = new Set<string>();

  add(record: Kept): void {
    if (record.kind === "taken-back") return void this.#takenBack.add(record.id);
    this.#shares.add(otherOf(record), sizeOf(record));
  }

  /**
   * Which records are to go; to be asked for each, in their order, once.
   * @param part How much of all is to be left. @param isWhole Whether all words that were taken back go by that.
   */
  gone(part: number, isWhole: boolean): (record: Kept) => boolean {
    const shares = this.#shares;
    shares.bound(shares.sum * part);
    return (record) => {
      if (record.kind === "taken-back") return isWhole;
      const other = otherOf(record);
      const isGone = shares.isOver(other) || (record.self && this.#takenBack.has(record.id));
      if (isGone) shares.take(other, sizeOf(record));
      return isGone;
    };
  }
}

export class PrivateTrimming {
  constructor(readonly disk: Disk, readonly segmentBytes: number) {}

  /**
   * @param paths The files, the oldest first; none is being written. Of what is left, small neighbours become one.
   * @throws {P2pchatError} `disk`.
   */
  async trim(paths: readonly string[], bytesMax: number): Promise<void> {
    const segments = await Promise.all(paths.map(async (path): Promise<Segment> => {
      return { path, bytes: (await this.disk.stat(path))?.bytes ?? 0, isDamaged: false };
    }));
    const total = sumOf(segments);
    if (total <= bytesMax) return;
    const survey = new Survey();
    for (const segment of segments) await this.#survey(segment, survey);
    const whole = segments.filter(({ isDamaged }) => !isDamaged);
    const isGone = survey.gone(bytesMax * LEFT / total, whole.length === segments.length);
    let before: Segment | null = null;
    for (const segment of segments) {
      before = segment.isDamaged ? null : await this.#rewritten(segment, isGone, before);
    }
    await this.#removeWhole(segments, bytesMax);
  }

  async #survey(segment: Segment, survey: Survey): Promise<void> {
    try {
      await visitRecords(this.disk, segment.path, PRIVATE_LOG, (record) => survey.add(record));
    } catch (error) {
      if (!(error instanceof P2pchatError) || error.code === "disk") throw error;
      segment.isDamaged = true; // told to whoever looks for something in it
    }
  }

  /** @returns The segment, with what was left of the one before where that is little; null where nothing is left. */
  async #rewritten(
    segment: Segment,
    isGone: (record: Kept) => boolean,
    before: Segment | null,
  ): Promise<Segment | null> {
    const all = await readRecords(this.disk, segment.path, PRIVATE_LOG);
    const left = all.filter((record) => !isGone(record));
    if (left.length === 0) {
      await this.#remove(segment);
      return before;
    }
    if (left.length < all.length) await this.#write(segment, left);
    if (before !== null && before.bytes + segment.bytes <= this.segmentBytes) {
      const earlier = await readRecords(this.disk, before.path, PRIVATE_LOG);
      await this.#write(segment, [...earlier, ...left]);
      await this.#remove(before);
    }
    return segment;
  }

  async #write(segment: Segment, records: readonly Kept[]): Promise<void> {
    const log = await openRecords(this.disk, segment.path, PRIVATE_LOG);
    try {
      await log.rewrite(records);
      segment.bytes = log.bytes;
    } finally {
      await log.close();
    }
  }

  async #remove(segment: Segment): Promise<void> {
    await this.disk.remove(segment.path);
    segment.bytes = 0;
  }

  /** Where that isn't enough, because some can't be read: those go, and then the oldest. */
  async #removeWhole(segments: readonly Segment[], bytesMax: number): Promise<void> {
    const damaged = segments.filter(({ isDamaged }) => isDamaged);
    for (const segment of [...damaged, ...segments]) {
      if (sumOf(segments) <= bytesMax) return;
      if (segment.bytes > 0) await this.#remove(segment);
    }
  }
}

function sumOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

function sizeOf({ text }: { readonly text: string }): number {
  return utf8Length(text) + BESIDE_TEXT; // as in the file: other scripts take more there
}
