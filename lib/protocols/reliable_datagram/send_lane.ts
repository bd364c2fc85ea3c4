/**
 * The sending side of one lane: a stream of bytes, each message after its length, in pages. A message is copied
 * once, when it is sent; chunks are views into the pages, kept until they are acknowledged, and retransmitted
 * unchanged.
 */

import { invariant } from "../../base/invariant.ts";
import {
  CHUNK_BYTES_MAX,
  CHUNK_BYTES_MIN,
  COMPACT_AT,
  LANE_WINDOW_BYTES,
  MESSAGE_BYTES_MAX,
  PAGE_BYTES,
} from "./limits.ts";
import type { Lane } from "./packet.ts";
import { VARINT_BYTES_MAX, writeVarint } from "../../base/schema/schema_codec.ts";

/** A part of a lane's bytes that was sent. */
export interface Chunk {
  readonly lane: Lane;
  readonly offset: number;
  readonly bytes: Uint8Array;
  isAcknowledged: boolean;
  /** Whether it waits to be sent again. */
  isLost: boolean;
  /** Number of the latest packet that has it: the loss of an earlier one doesn't matter. */
  carrier: number;
}

interface Page {
  readonly bytes: Uint8Array;
  end: number;
}

const lengthBytes = new Uint8Array(VARINT_BYTES_MAX);

export class SendLane {
  readonly #lane: Lane;
  /** Pages with bytes that weren't sent yet; the first is partly sent, the last partly filled. */
  #pages: Page[] = [];
  #firstPage = 0;
  #pageOffset = 0;
  /** Offset in the lane of the next byte that was never sent. */
  #offset = 0;
  #unsentBytes = 0;
  #unacknowledgedBytes = 0;
  #limit: number;
  #lost: Chunk[] = [];
  #firstLost = 0;

  constructor(lane: Lane) {
    this.#lane = lane;
    this.#limit = LANE_WINDOW_BYTES[lane];
  }

  /** Bytes that aren't acknowledged, sent or not. */
  get waitingBytes(): number {
    return this.#unsentBytes + this.#unacknowledgedBytes;
  }

  /** Offset in the lane of the next byte that was never sent. */
  get nextOffset(): number {
    return this.#offset;
  }

  /** Whether bytes that were never sent may be sent now. */
  get hasFresh(): boolean {
    return this.#unsentBytes > 0 && this.#offset < this.#limit;
  }

  /** Adds a copy of a message. */
  push(message: Uint8Array): void {
    invariant(
      message.length > 0 && message.length <= MESSAGE_BYTES_MAX,
      `a message has 1 to ${MESSAGE_BYTES_MAX} bytes, has ${message.length}`,
    );
    this.#append(lengthBytes.subarray(0, writeVarint(lengthBytes, 0, message.length)));
    this.#append(message);
  }

  /** The peer accepts bytes up to the offset `limit`. A smaller limit than before is an old one. */
  credit(limit: number): void {
    this.#limit = Math.max(this.#limit, limit);
  }

  /** The next bytes that were never sent, at most `room` of them; `null` where none are or may be sent. */
  takeFresh(room: number): Chunk | null {
    const page = this.#pages[this.#firstPage];
    if (page === undefined || !this.hasFresh) return null;
    const available = page.end - this.#pageOffset;
    const allowed = Math.min(available, CHUNK_BYTES_MAX, this.#limit - this.#offset);
    const length = Math.min(allowed, room);
    if (length < allowed && length < CHUNK_BYTES_MIN) return null;
    const bytes = page.bytes.subarray(this.#pageOffset, this.#pageOffset + length);
    const chunk: Chunk = {
      lane: this.#lane,
      offset: this.#offset,
      bytes,
      isAcknowledged: false,
      isLost: false,
      carrier: -1,
    };
    this.#offset += length;
    this.#pageOffset += length;
    this.#unsentBytes -= length;
    this.#unacknowledgedBytes += length;
    if (this.#pageOffset === page.end) this.#pageSent(page);
    return chunk;
  }

  /** The first chunk that must be sent again, `null` where there is none. It stays until `takeLost`. */
  peekLost(): Chunk | null {
    for (;;) {
      const chunk = this.#lost[this.#firstLost];
      if (chunk === undefined) return null;
      if (!chunk.isAcknowledged) return chunk;
      this.takeLost(chunk);
    }
  }

  /** Takes the chunk that `peekLost` returned. */
  takeLost(chunk: Chunk): void {
    chunk.isLost = false;
    this.#dropLost();
  }

  /** A chunk must be sent again, unless it is known to have arrived or waits already. */
  lost(chunk: Chunk): void {
    if (chunk.isAcknowledged || chunk.isLost) return;
    chunk.isLost = true;
    this.#lost.push(chunk);
  }

  acknowledged(chunk: Chunk): void {
    if (chunk.isAcknowledged) return;
    chunk.isAcknowledged = true;
    this.#unacknowledgedBytes -= chunk.bytes.length;
  }

  #dropLost(): void {
    this.#firstLost += 1;
    if (this.#firstLost < this.#lost.length && this.#firstLost < COMPACT_AT) return;
    this.#lost.splice(0, this.#firstLost);
    this.#firstLost = 0;
  }

  #append(bytes: Uint8Array): void {
    this.#unsentBytes += bytes.length;
    for (let at = 0; at < bytes.length;) {
      const page = this.#pageWithRoom();
      const length = Math.min(bytes.length - at, PAGE_BYTES - page.end);
      page.bytes.set(length === bytes.length ? bytes : bytes.subarray(at, at + length), page.end);
      page.end += length;
      at += length;
    }
  }

  #pageWithRoom(): Page {
    const last = this.#pages.at(-1);
    if (last !== undefined && last.end < PAGE_BYTES) return last;
    const page = { bytes: new Uint8Array(PAGE_BYTES), end: 0 };
    this.#pages.push(page);
    return page;
  }

  /** All of a page was sent; one that has room goes on being filled. */
  #pageSent(page: Page): void {
    if (page.end < PAGE_BYTES) return;
    this.#pageOffset = 0;
    this.#firstPage += 1;
    if (this.#firstPage < this.#pages.length && this.#firstPage < COMPACT_AT) return;
    this.#pages.splice(0, this.#firstPage);
    this.#firstPage = 0;
  }
}
