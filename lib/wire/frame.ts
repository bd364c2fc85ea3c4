/**
 * Frames delimit messages in a stream of bytes. A frame is its body's length (4 bytes, big-endian, 1 to
 * `FRAME_BYTES_MAX`), then the body.
 */

import { freeBuffer } from "../base/collections/free_buffer.ts";
import type { Bytes } from "../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";

/** Length of the header in bytes. */
export const FRAME_HEADER_BYTES = 4;

/** Longest body in bytes: above the largest message (a bundle of 64 KiB of text under 1,024 heads). */
export const FRAME_BYTES_MAX = 262_144;

// The most memory that a peer can make us allocate by a header alone; a longer frame's buffer grows as its bytes
// arrive.
const FIRST_BUFFER_BYTES = 4_096;

/** Beside a chunk stands its record's kind. */
const BESIDE_BYTES_MAX = 1;

const EMPTY = new Uint8Array(0);

/**
 * Writes the header for a body of `length` bytes to the start of `out`, for callers that have left room for it.
 * @throws {InvariantError} If `length` is 0 or above `FRAME_BYTES_MAX`.
 */
export function writeFrameHeader(out: Uint8Array, length: number): void {
  invariant(
    length > 0 && length <= FRAME_BYTES_MAX,
    `a frame has 1 to ${FRAME_BYTES_MAX} bytes, has ${length}`,
  );
  out[0] = length >>> 24;
  out[1] = length >>> 16;
  out[2] = length >>> 8;
  out[3] = length;
}

/**
 * Extracts frames from a stream that arrives in chunks of any size; the chunk boundaries don't matter.
 *
 *     reader.push(chunk);
 *     for (let body = reader.next(); body !== null; body = reader.next()) handle(body);
 *
 * The body of a frame that lies within one chunk is a view into that chunk; the bytes of any other are copied once
 * or, for a long one, about twice. At most `bytesMax` bytes are buffered between chunks.
 */
export class FrameReader {
  readonly #bytesMax: number;
  #chunk: Uint8Array = EMPTY;
  #chunkOffset = 0;
  /** Whether a body that was returned is a view into the chunk. */
  #isViewed = false;
  /** Header bytes of the current frame read so far, and the length they have given. */
  #headerBytes = 0;
  #length = 0;
  /** The body's bytes from earlier chunks; null where there are none. */
  #buffer: Bytes | null = null;
  #buffered = 0;

  constructor(bytesMax: number = FRAME_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Adds the next chunk of the stream, which is the reader's from now on: its memory is freed where `next` has returned
   * null, and no body is a view into it.
   * @throws {InvariantError} If frames of the previous chunk haven't been taken.
   */
  push(chunk: Uint8Array): void {
    invariant(this.#chunkOffset === this.#chunk.length, "frames are taken before more bytes come");
    this.#chunk = chunk;
    this.#chunkOffset = 0;
    this.#isViewed = false;
  }

  /**
   * The next complete body, or null where more bytes are needed. Valid as long as its chunk is.
   * @throws {RemoteProtocolError} At a length of 0 or above `bytesMax`, as soon as the header is read, and at each
   *   later call, since no later frame can be found.
   */
  next(): Uint8Array | null {
    const body = this.#read();
    if (body === null) this.#letGo();
    return body;
  }

  #letGo(): void {
    const isLong = this.#chunk.length >= FIRST_BUFFER_BYTES; // the collector is quick about short ones
    if (isLong && !this.#isViewed) freeBuffer(this.#chunk, BESIDE_BYTES_MAX);
    this.#chunk = EMPTY;
    this.#chunkOffset = 0;
  }

  #read(): Uint8Array | null {
    if (!this.#readHeader()) return null;
    const available = this.#chunk.length - this.#chunkOffset;
    const start = this.#chunkOffset;
    if (this.#buffer === null && available >= this.#length) {
      this.#chunkOffset = start + this.#length;
      this.#headerBytes = 0;
      this.#isViewed = true;
      return this.#chunk.subarray(start, this.#chunkOffset);
    }
    if (available === 0) return null;
    const taken = Math.min(available, this.#length - this.#buffered);
    this.#chunkOffset = start + taken;
    this.#keep(this.#chunk.subarray(start, this.#chunkOffset));
    if (this.#buffered < this.#length) return null;
    const body = this.#buffer!.subarray(0, this.#length);
    this.#buffer = null;
    this.#buffered = 0;
    this.#headerBytes = 0;
    return body;
  }

  /** Reads as much of the header as has arrived. @returns Whether the header is complete. */
  #readHeader(): boolean {
    while (this.#headerBytes < FRAME_HEADER_BYTES) {
      if (this.#chunkOffset === this.#chunk.length) return false;
      if (this.#headerBytes === 0) this.#length = 0;
      this.#length = this.#length * 256 + this.#chunk[this.#chunkOffset++]!;
      this.#headerBytes++;
    }
    if (this.#length === 0 || this.#length > this.#bytesMax) {
      this.#chunkOffset = this.#chunk.length;
      throw new RemoteProtocolError(
        `Cannot read a frame: its length must be 1 to ${this.#bytesMax}, is ${this.#length}`,
      );
    }
    return true;
  }

  #keep(part: Uint8Array): void {
    const needed = this.#buffered + part.length;
    const held = this.#buffer?.length ?? 0;
    if (needed > held) {
      // Doubling: however small the chunks are, each byte is copied one more time on average. All at once where an
      // eighth has come, which nobody gets for nothing: parts of files come in quarters.
      const isMuchHere = needed >= this.#length / 8;
      const grown = new Uint8Array(
        isMuchHere
          ? this.#length
          : Math.min(this.#length, Math.max(needed, 2 * held, FIRST_BUFFER_BYTES)),
      );
      if (this.#buffer !== null) grown.set(this.#buffer.subarray(0, this.#buffered));
      this.#buffer = grown;
    }
    this.#buffer!.set(part, this.#buffered);
    this.#buffered = needed;
  }
}
