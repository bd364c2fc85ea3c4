/**
 * Frames: how whole messages are told apart in a stream of bytes. A frame is its body's length (4 bytes,
 * big-endian, 1 to `FRAME_BYTES_MAX`), then the body.
 */

import type { Bytes } from "../base/crypto.ts";
import { RemoteProtocolError } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";

/** Length of the length before a body. */
export const FRAME_HEADER_BYTES = 4;

/** Longest body: above the largest message (a bundle of 64 KiB of text under 1,024 heads). */
export const FRAME_BYTES_MAX = 262_144;

// What a peer can make us hold by a header alone; a longer frame's buffer grows as its bytes come.
const FIRST_BUFFER_BYTES = 4_096;

/**
 * Writes the header of a body of `length` bytes to the start of `out`, for who has the body's place already.
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
 * Finds the frames in a stream that comes in chunks of any size; how it is cut changes nothing.
 *
 *     reader.push(chunk);
 *     for (let body = reader.next(); body !== null; body = reader.next()) handle(body);
 *
 * A frame that lies whole in a chunk is a view into it; the bytes of any other are copied once or, for a
 * long one, twice in all. At most `bytesMax` bytes are held between chunks.
 */
export class FrameReader {
  readonly #bytesMax: number;
  #chunk: Uint8Array = new Uint8Array(0);
  #chunkOffset = 0;
  /** Header bytes read of the frame at hand, and their value. */
  #headerBytes = 0;
  #length = 0;
  /** The body's bytes that came in earlier chunks; null where none did. */
  #buffer: Bytes | null = null;
  #buffered = 0;

  constructor(bytesMax: number = FRAME_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Takes the next bytes of the stream, which must not change until `next` has returned null.
   * @throws {InvariantError} If frames of the chunk before were left untaken.
   */
  push(chunk: Uint8Array): void {
    invariant(this.#chunkOffset === this.#chunk.length, "frames are taken before more bytes come");
    this.#chunk = chunk;
    this.#chunkOffset = 0;
  }

  /**
   * The next whole body, or null where more bytes are needed. It stays valid while its chunk does.
   * @throws {RemoteProtocolError} At a length of 0 or above `bytesMax`, as soon as it is read; again
   *   at each later call, for nothing after it can be told apart.
   */
  next(): Uint8Array | null {
    if (!this.#readHeader()) return null;
    const available = this.#chunk.length - this.#chunkOffset;
    const start = this.#chunkOffset;
    if (this.#buffer === null && available >= this.#length) {
      this.#chunkOffset = start + this.#length;
      this.#headerBytes = 0;
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

  /** Reads the header as far as it is there. @returns Whether it is complete. */
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
      // Doubling: each byte is moved once more on average, however small the chunks are.
      const grown = new Uint8Array(
        Math.min(this.#length, Math.max(needed, 2 * held, FIRST_BUFFER_BYTES)),
      );
      if (this.#buffer !== null) grown.set(this.#buffer.subarray(0, this.#buffered));
      this.#buffer = grown;
    }
    this.#buffer!.set(part, this.#buffered);
    this.#buffered = needed;
  }
}
