/**
 * The output that waits in one lane, already in the form of records' plaintexts: pages whose first byte is left
 * for the kind. A chunk is copied once when it is sent, then sealed in place.
 *
 * Pages come from a pool: an array of its own for each chunk of 200 bytes would cost more than sealing it.
 */

import type { Bytes } from "../../base/crypto/crypto.ts";
import { TAG_BYTES } from "./primitives.ts";

/** The length before a record. */
export const RECORD_LENGTH_BYTES = 2;
/** The kind, first in a record's plaintext. */
export const RECORD_KIND_BYTES = 1;
/** Longest plaintext: large enough that sealing costs 1 ns a byte, small enough to be held for each link. */
export const RECORD_PLAINTEXT_BYTES_MAX = 16 * 1_024;
/** What a record adds to its content. */
export const RECORD_OVERHEAD_BYTES = RECORD_LENGTH_BYTES + RECORD_KIND_BYTES + TAG_BYTES;
/** Longest content. */
export const RECORD_CONTENT_BYTES_MAX = RECORD_PLAINTEXT_BYTES_MAX - RECORD_KIND_BYTES;

/**
 * A page is at most twice as long as what waits in it, as far as it isn't the longest: where a thousand links are told
 * something short at once, 16 KiB for each would stay with the process as 16 MiB.
 */
const PAGE_BYTES_MIN = 1_024;
/** Pages kept for later, of each length: what a full lane holds. */
const POOL_BYTES_MAX = 1_024 * 1_024;
/** By length. */
const pools = new Map<number, Bytes[]>();

/** A record's plaintext, filled up to `end`. */
export interface Page {
  bytes: Bytes;
  end: number;
}

export class RecordLane {
  #pages: Page[] = [];
  #first = 0;
  #waitingBytes = 0;

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Bytes of content in the record that comes next, 0 where nothing waits. */
  get nextRecordBytes(): number {
    const page = this.#pages[this.#first];
    return page === undefined ? 0 : page.end - RECORD_KIND_BYTES;
  }

  /** Adds a copy of both, one after the other. */
  push(head: Uint8Array, body: Uint8Array): void {
    this.#waitingBytes += head.length + body.length;
    this.#add(head, body.length);
    this.#add(body, 0);
  }

  /** @param ahead Bytes that are added next. */
  #add(bytes: Uint8Array, ahead: number): void {
    for (let at = 0; at < bytes.length;) {
      const left = bytes.length - at;
      const page = this.#pageFor(left + ahead);
      const length = Math.min(left, page.bytes.length - page.end);
      page.bytes.set(length === bytes.length ? bytes : bytes.subarray(at, at + length), page.end);
      page.end += length;
      at += length;
    }
  }

  /** Takes the next record's plaintext, `null` where nothing waits. Give it to `release` once it is sealed. */
  take(): Page | null {
    const page = this.#pages[this.#first];
    if (page === undefined) return null;
    this.#first += 1;
    if (this.#first === this.#pages.length) {
      this.#pages = [];
      this.#first = 0;
    }
    this.#waitingBytes -= page.end - RECORD_KIND_BYTES;
    return page;
  }

  /** Forgets all that waits. */
  clear(): void {
    for (let page = this.take(); page !== null; page = this.take()) RecordLane.release(page);
  }

  static release({ bytes }: Page): void {
    const pool = pools.get(bytes.length);
    if (pool === undefined) pools.set(bytes.length, [bytes]);
    else if (pool.length < POOL_BYTES_MAX / bytes.length) pool.push(bytes);
  }

  /** The last page, long enough for `length` more bytes; where it is the longest, it may have room for fewer. */
  #pageFor(length: number): Page {
    const last = this.#pages.at(-1);
    if (last === undefined || last.end === RECORD_PLAINTEXT_BYTES_MAX) {
      const page = { bytes: pageOf(RECORD_KIND_BYTES + length), end: RECORD_KIND_BYTES };
      this.#pages.push(page);
      return page;
    }
    const isLongest = last.bytes.length === RECORD_PLAINTEXT_BYTES_MAX;
    if (!isLongest && last.end + length > last.bytes.length) {
      const bytes = pageOf(last.end + length);
      bytes.set(last.bytes.subarray(0, last.end));
      RecordLane.release(last);
      last.bytes = bytes;
    }
    return last;
  }
}

/** Of at least `length` bytes, as far as a record has so many. */
function pageOf(length: number): Bytes {
  let bytes = PAGE_BYTES_MIN;
  while (bytes < length && bytes < RECORD_PLAINTEXT_BYTES_MAX) bytes *= 2;
  return pools.get(bytes)?.pop() ?? new Uint8Array(bytes);
}
