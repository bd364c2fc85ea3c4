/** One file of a `MemoryDisk`: its bytes, and which of them a power cut loses. */

import type { Bytes } from "../../lib/base/crypto/crypto.ts";

/** The unit that a file system loses or keeps. */
const PAGE_BYTES = 4_096;
/** The most garbage that a torn write leaves: a few sectors. */
const GARBAGE_BYTES_MAX = 1_024;

const NO_BYTES = new Uint8Array(0);

let files = 0;

export class MemoryFile {
  /** Unique for each file, like an inode number. */
  readonly number = ++files;
  #data: Bytes = NO_BYTES;
  #length = 0;
  /** Bytes before this offset survive a power cut, unless they are in `#lost`. */
  #syncedLength = 0;
  /** The synced content, as long as a truncation of it isn't synced. */
  #beforeTruncation: Bytes | null = null;
  /** Ranges whose sync failed: readable, but they never reach the device. */
  #lost: readonly (readonly [from: number, to: number])[] = [];

  private constructor(public mode: number) {}

  /** A file with this content, synced. */
  static of(content: Uint8Array, mode: number): MemoryFile {
    const file = new MemoryFile(mode);
    file.append(content);
    file.sync(content.length);
    return file;
  }

  get length(): number {
    return this.#length;
  }

  /** A copy of the whole content. */
  bytes(): Bytes {
    return this.#data.slice(0, this.#length);
  }

  /** A copy of the bytes in [from, to), fewer at the end of the file. */
  slice(from: number, to: number): Bytes {
    return this.#data.slice(from, Math.min(to, this.#length));
  }

  append(bytes: Uint8Array): void {
    // The page that the bytes go to becomes dirty as a whole.
    this.#lost = clip(this.#lost, this.#length - this.#length % PAGE_BYTES);
    const length = this.#length + bytes.length;
    if (length > this.#data.length) {
      const grown = new Uint8Array(Math.max(length, this.#data.length * 2));
      grown.set(this.#data.subarray(0, this.#length));
      this.#data = grown;
    }
    this.#data.set(bytes, this.#length);
    this.#length = length;
  }

  /**
   * Overwrites bytes and makes their pages dirty. Only for bytes equal to the present ones, or where either may be there
   * after a power cut: in this model the new ones survive it without a sync.
   */
  overwrite(offset: number, bytes: Uint8Array): void {
    this.#data.set(bytes, offset);
    const from = Math.floor(offset / PAGE_BYTES) * PAGE_BYTES;
    const to = Math.ceil((offset + bytes.length) / PAGE_BYTES) * PAGE_BYTES;
    const kept: (readonly [from: number, to: number])[] = [];
    for (const [lostFrom, lostTo] of this.#lost) {
      if (lostFrom < from) kept.push([lostFrom, Math.min(lostTo, from)]);
      if (lostTo > to) kept.push([Math.max(lostFrom, to), lostTo]);
      const isWrittenAnew = lostFrom < to && lostTo > from;
      if (isWrittenAnew) {
        this.#syncedLength = Math.min(this.#syncedLength, Math.max(lostFrom, from));
      }
    }
    this.#lost = kept;
  }

  truncate(length: number): void {
    if (length < this.#syncedLength) {
      this.#beforeTruncation ??= this.#data.slice(0, this.#syncedLength);
      this.#syncedLength = length;
    }
    this.#length = length;
    this.#lost = clip(this.#lost, length);
  }

  /** Makes the first `length` bytes durable, as far as the file still has them. */
  sync(length: number): void {
    this.#syncedLength = Math.max(this.#syncedLength, Math.min(length, this.#length));
    this.#beforeTruncation = null;
  }

  /**
   * A sync of the first `length` bytes failed: the pages of those not synced before never reach the device, except
   * the last one if it has been written to since.
   */
  loseUnsynced(length: number): void {
    const to = length < this.#length ? length - length % PAGE_BYTES : this.#length;
    if (to > this.#syncedLength) this.#lost = [...this.#lost, [this.#syncedLength, to]];
  }

  /** The file after a power cut; without `random`, everything unsynced is lost. */
  afterPowerCut(random: (() => number) | null): MemoryFile {
    if (this.#beforeTruncation !== null && (random === null || random() < 0.5)) {
      return MemoryFile.of(this.#beforeTruncation, this.mode);
    }
    const floor = this.#syncedLength;
    const unsynced = this.#length - floor;
    const length = random === null ? floor : floor + Math.floor(random() * (unsynced + 1));
    const content = this.slice(0, length);
    for (const [from, to] of this.#lost) content.fill(0, from, to);
    if (random !== null && length > floor) tear(content, floor, random);
    return MemoryFile.of(content, this.mode);
  }
}

/** Spoils the bytes from `floor` on in one of the ways in which a power cut spoils unsynced bytes, or not at all. */
function tear(content: Bytes, floor: number, random: () => number): void {
  const kind = random();
  if (kind < 0.25) {
    const garbage = Math.ceil(random() * Math.min(GARBAGE_BYTES_MAX, content.length - floor));
    for (let at = content.length - garbage; at < content.length; at++) {
      content[at] = Math.floor(random() * 256);
    }
  } else if (kind < 0.5) {
    const page = Math.floor((floor + random() * (content.length - floor)) / PAGE_BYTES);
    content.fill(0, Math.max(floor, page * PAGE_BYTES), (page + 1) * PAGE_BYTES);
  }
}

function clip(
  ranges: readonly (readonly [from: number, to: number])[],
  length: number,
): readonly (readonly [from: number, to: number])[] {
  if (ranges.length === 0) return ranges;
  return ranges.filter(([from]) => from < length)
    .map(([from, to]) => [from, Math.min(to, length)] as const);
}
