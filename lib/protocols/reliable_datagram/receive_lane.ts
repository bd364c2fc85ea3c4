/**
 * The receiving side of one lane: chunks in any order become messages in order, each once. At most a window of bytes
 * is held beyond what was delivered, and the part of one message that has come.
 *
 * An honest sender retransmits chunks unchanged, so one that waits is found by its offset. A sender that cuts its
 * bytes differently each time loses some of them in the end, and harms nobody else.
 */

import { RemoteProtocolError } from "../../base/errors.ts";
import {
  CREDIT_STEP,
  HELD_CHUNKS_MAX,
  LANE_WINDOW_BYTES,
  MESSAGE_BYTES_MAX,
  PAGE_BYTES,
} from "./limits.ts";
import type { Lane } from "./packet.ts";

const EMPTY = new Uint8Array(0);

export class ReceiveLane {
  readonly #windowBytes: number;
  /** Offset of the next byte to be delivered. */
  #offset = 0;
  /** The offset up to which the peer may send, as it was told. */
  #toldLimit: number;
  #isPaused = false;
  #isCreditLost = false;
  readonly #held = new Map<number, Uint8Array>();
  /** The current message: its length as far as it was read, and the part that has come if it isn't in one chunk. */
  #length = 0;
  #lengthUnit = 1;
  #hasLength = false;
  #body: Uint8Array = EMPTY;
  #bodyBytes = 0;

  constructor(lane: Lane) {
    this.#windowBytes = LANE_WINDOW_BYTES[lane];
    this.#toldLimit = this.#windowBytes;
  }

  /** Whether the peer should be told a higher limit, or once more the latest one. */
  get hasCredit(): boolean {
    return this.#isCreditLost || this.#limit - this.#toldLimit >= this.#windowBytes * CREDIT_STEP;
  }

  /** A packet with a limit for the peer was lost. */
  creditLost(): void {
    // The first limit is known without being told.
    this.#isCreditLost = this.#toldLimit > this.#windowBytes;
  }

  /** From now on the peer isn't given more room; what it has been given may still come. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** The limit to tell the peer, which counts as told from now on. */
  takeCredit(): number {
    this.#isCreditLost = false;
    this.#toldLimit = Math.max(this.#toldLimit, this.#limit);
    return this.#toldLimit;
  }

  /**
   * Takes in a chunk, and gives each message that is whole now to `deliver`, as a view into `bytes` or an array
   * of its own. A chunk that must wait is copied, so that its packet isn't kept for it.
   * @returns False where there is no room for the chunk now: it must not be acknowledged.
   * @throws {RemoteProtocolError} If the peer sent more than it may, or an impossible length.
   */
  add(offset: number, bytes: Uint8Array, deliver: (message: Uint8Array) => void): boolean {
    if (offset + bytes.length > this.#toldLimit) {
      throw new RemoteProtocolError(
        `Cannot take bytes up to ${offset + bytes.length}: ${this.#toldLimit} are allowed`,
      );
    }
    if (offset > this.#offset) return this.#hold(offset, bytes);
    if (offset + bytes.length <= this.#offset) return true;
    this.#read(bytes.subarray(this.#offset - offset), deliver);
    while (this.#held.size > 0) {
      const next = this.#held.get(this.#offset);
      if (next === undefined) break;
      this.#held.delete(this.#offset);
      this.#read(next, deliver);
    }
    return true;
  }

  get #limit(): number {
    return this.#isPaused ? this.#toldLimit : this.#offset + this.#windowBytes;
  }

  #hold(offset: number, bytes: Uint8Array): boolean {
    const held = this.#held.get(offset);
    if (held === undefined && this.#held.size >= HELD_CHUNKS_MAX) return false;
    if (held === undefined || held.length < bytes.length) this.#held.set(offset, bytes.slice());
    return true;
  }

  /** Reads the next bytes of the lane. */
  #read(bytes: Uint8Array, deliver: (message: Uint8Array) => void): void {
    this.#offset += bytes.length;
    for (let at = 0; at < bytes.length;) {
      if (!this.#hasLength) {
        at = this.#readLength(bytes, at);
        continue;
      }
      const part = bytes.subarray(at, at + this.#length - this.#bodyBytes);
      at += part.length;
      const isAll = part.length === this.#length;
      if (!isAll) this.#keep(part);
      if (!isAll && this.#bodyBytes < this.#length) return;
      const message = isAll ? part : this.#body.subarray(0, this.#length);
      this.#body = EMPTY;
      this.#bodyBytes = 0;
      this.#length = 0;
      this.#lengthUnit = 1;
      this.#hasLength = false;
      deliver(message);
    }
  }

  /** Adds a part of a message. An announced length alone makes us hold little. */
  #keep(part: Uint8Array): void {
    const needed = this.#bodyBytes + part.length;
    const held = this.#body.length;
    if (needed > held) {
      // Doubling: each byte is moved once more on average, however small the parts are.
      const grown = new Uint8Array(Math.min(this.#length, Math.max(needed, 2 * held, PAGE_BYTES)));
      grown.set(this.#body.subarray(0, this.#bodyBytes));
      this.#body = grown;
    }
    this.#body.set(part, this.#bodyBytes);
    this.#bodyBytes = needed;
  }

  /** Reads as much of the length as is there. @returns Where it stopped. */
  #readLength(bytes: Uint8Array, start: number): number {
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at]!;
      this.#length += (byte & 0x7f) * this.#lengthUnit;
      this.#lengthUnit *= 0x80;
      if (this.#length > MESSAGE_BYTES_MAX || this.#lengthUnit > 2 ** 28) {
        throw new RemoteProtocolError(
          `Cannot take a message of over ${MESSAGE_BYTES_MAX} bytes: ${this.#length}`,
        );
      }
      if (byte >= 0x80) continue;
      if (this.#length === 0) throw new RemoteProtocolError("Cannot take a message of 0 bytes");
      this.#hasLength = true;
      return at + 1;
    }
    return bytes.length;
  }
}
