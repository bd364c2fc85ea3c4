/**
 * What comes in one lane: chunks in any order become messages in order, each once. At most a window of bytes is
 * held beyond what was delivered, and the part of one message that has come.
 *
 * An honest sender repeats chunks as they were, so one that waits is found by its offset. One that cuts its bytes
 * differently each time loses what it sent in the end, and harms nobody else.
 */

import { concatBytes } from "../../base/crypto.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { CREDIT_STEP, HELD_CHUNKS_MAX, LANE_WINDOW_BYTES, MESSAGE_BYTES_MAX } from "./limits.ts";
import type { Lane } from "./packet.ts";

export class ReceiveLane {
  readonly #windowBytes: number;
  /** Where the next byte to be delivered stands. */
  #offset = 0;
  /** Up to where the peer may send, as it was told. */
  #toldLimit: number;
  #isPaused = false;
  #isCreditLost = false;
  readonly #held = new Map<number, Uint8Array>();
  /** Of the message at hand: what is read of its length, and the parts that have come. */
  #length = 0;
  #lengthUnit = 1;
  #hasLength = false;
  #parts: Uint8Array[] = [];
  #partsBytes = 0;

  constructor(lane: Lane) {
    this.#windowBytes = LANE_WINDOW_BYTES[lane];
    this.#toldLimit = this.#windowBytes;
  }

  /** Whether the peer should be told of more room, or once more of the same. */
  get hasCredit(): boolean {
    return this.#isCreditLost || this.#limit - this.#toldLimit >= this.#windowBytes * CREDIT_STEP;
  }

  /** A packet that told of room was lost. */
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

  /** The limit to be told, which counts as told from now on. */
  takeCredit(): number {
    this.#isCreditLost = false;
    this.#toldLimit = Math.max(this.#toldLimit, this.#limit);
    return this.#toldLimit;
  }

  /**
   * Takes in a chunk, and gives each message that is whole now to `deliver`, as views that nobody else uses.
   * @returns False where there is no room for it now: it must not be acknowledged.
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
    if (held === undefined || held.length < bytes.length) this.#held.set(offset, bytes);
    return true;
  }

  /** The next bytes of the lane. */
  #read(bytes: Uint8Array, deliver: (message: Uint8Array) => void): void {
    this.#offset += bytes.length;
    for (let at = 0; at < bytes.length;) {
      if (!this.#hasLength) {
        at = this.#readLength(bytes, at);
        continue;
      }
      const wanted = this.#length - this.#partsBytes;
      const part = bytes.subarray(at, at + wanted);
      at += part.length;
      if (part.length < wanted) {
        this.#parts.push(part);
        this.#partsBytes += part.length;
        return;
      }
      const message = this.#parts.length === 0 ? part : concatBytes(...this.#parts, part);
      this.#parts = [];
      this.#partsBytes = 0;
      this.#length = 0;
      this.#lengthUnit = 1;
      this.#hasLength = false;
      deliver(message);
    }
  }

  /** Reads of the length what is there. @returns Where it stopped. */
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
