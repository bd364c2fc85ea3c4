/**
 * What waits to be sent in one lane, already in the form of records' plaintexts: pages whose first byte is left
 * for the kind. A chunk is copied once when it is sent, then sealed from where it lies.
 *
 * Pages come from a pool: an array of its own for each chunk of 200 bytes would cost more than sealing it.
 */

import type { Bytes } from "../../base/crypto.ts";
import { RECORD_KIND_BYTES, RECORD_PLAINTEXT_BYTES_MAX } from "./record_format.ts";

/** Pages kept for later: what a full lane holds, 1 MiB for the whole process. */
const POOL_PAGES_MAX = 64;
const pool: Bytes[] = [];

/** A record's plaintext, filled up to `end`. */
export interface Page {
  readonly bytes: Bytes;
  end: number;
}

export class SendLane {
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

  /** Adds a copy of `bytes`. */
  push(bytes: Uint8Array): void {
    this.#waitingBytes += bytes.length;
    for (let at = 0; at < bytes.length;) {
      const page = this.#pageWithRoom();
      const length = Math.min(bytes.length - at, RECORD_PLAINTEXT_BYTES_MAX - page.end);
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
    for (let page = this.take(); page !== null; page = this.take()) SendLane.release(page);
  }

  static release(page: Page): void {
    if (pool.length < POOL_PAGES_MAX) pool.push(page.bytes);
  }

  #pageWithRoom(): Page {
    const last = this.#pages.at(-1);
    if (last !== undefined && last.end < RECORD_PLAINTEXT_BYTES_MAX) return last;
    const bytes = pool.pop() ?? new Uint8Array(RECORD_PLAINTEXT_BYTES_MAX);
    const page = { bytes, end: RECORD_KIND_BYTES };
    this.#pages.push(page);
    return page;
  }
}
