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

/** Pages kept for later: what a full lane holds, 1 MiB for the whole process. */
const POOL_PAGES_MAX = 64;
const pool: Bytes[] = [];
/**
 * A short message to each of a thousand links at once would take 16 MiB in such pages: one that fits has a small page,
 * of which as many are kept as make 1 MiB.
 */
const SMALL_PAGE_BYTES = 1_024;
const SMALL_POOL_PAGES_MAX = 1_024;
const smallPool: Bytes[] = [];

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
    this.#makeRoom(head.length + body.length);
    this.#add(head);
    this.#add(body);
  }

  #add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const page = this.#pageWithRoom();
      const length = Math.min(bytes.length - at, page.bytes.length - page.end);
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
    if (bytes.length === SMALL_PAGE_BYTES) {
      if (smallPool.length < SMALL_POOL_PAGES_MAX) smallPool.push(bytes);
    } else if (pool.length < POOL_PAGES_MAX) pool.push(bytes);
  }

  /** Makes the last page large where a small one doesn't suffice, so that a record is as long as possible. */
  #makeRoom(length: number): void {
    const last = this.#pages.at(-1);
    if (last === undefined) {
      if (RECORD_KIND_BYTES + length > SMALL_PAGE_BYTES) return;
      const bytes = smallPool.pop() ?? new Uint8Array(SMALL_PAGE_BYTES);
      this.#pages.push({ bytes, end: RECORD_KIND_BYTES });
    } else if (last.bytes.length === SMALL_PAGE_BYTES && last.end + length > SMALL_PAGE_BYTES) {
      const bytes = largePage();
      bytes.set(last.bytes.subarray(0, last.end));
      RecordLane.release(last);
      last.bytes = bytes;
    }
  }

  #pageWithRoom(): Page {
    const last = this.#pages.at(-1);
    if (last !== undefined && last.end < last.bytes.length) return last;
    const page = { bytes: largePage(), end: RECORD_KIND_BYTES };
    this.#pages.push(page);
    return page;
  }
}

function largePage(): Bytes {
  return pool.pop() ?? new Uint8Array(RECORD_PLAINTEXT_BYTES_MAX);
}
