/**
 * The two cursors that every schema is read and written with, and what goes wrong at them.
 *
 * Numbers are LEB128 varints in their shortest form, up to 2^53 - 1; everything longer than a number
 * has its length before it, so that a reader knows what it will need before it takes anything.
 */

import { Buffer, isUtf8 } from "node:buffer";
import { RemoteProtocolError } from "./errors.ts";
import { type Bytes } from "./crypto.ts";
import { InvariantError } from "./invariant.ts";

/** Reads and writes one place of a structure; made once for each place, so that it knows its name. */
export interface FieldCodec<T> {
  /** @throws {RemoteProtocolError} If the bytes at the cursor aren't a value of the schema. */
  read(input: Input): T;
  /** @throws {InvariantError} If `value` isn't one of the schema. */
  write(output: Output, value: T): void;
}

/** The error for bytes of another program that aren't what `field` must be. */
export function refused(field: string, rule: string): RemoteProtocolError {
  return new RemoteProtocolError(`Cannot decode ${field === "" ? "the value" : field}: ${rule}`);
}

/** The error for a value of our own that can't be put on the wire. */
export function unencodable(field: string, rule: string): InvariantError {
  return new InvariantError(
    `Broken invariant: ${field === "" ? "the value" : field} to encode ${rule}`,
  );
}

const UTF8_ENCODER = new TextEncoder();

/** The error for bytes of our own that are more than `field` may have. */
export function tooLong(field: string, bytesMax: number, bytes: number): InvariantError {
  return unencodable(field, `must have at most ${bytesMax} bytes, has ${bytes}`);
}

/** Bytes of 2^53 - 1 as a varint. */
const VARINT_BYTES_MAX = 8;

/** Bytes of `value` as a varint. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Bytes of a key or hash. */
export const ID_BYTES = 32;

const NO_DIGIT = 0x10;
/** The value of each character below 128 as a hexadecimal digit in lower case. */
const HEX_DIGITS = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const value = "0123456789abcdef".indexOf(String.fromCharCode(code));
  return value < 0 ? NO_DIGIT : value;
});

/** A cursor over bytes that came from elsewhere. Never reads at or after `end`. */
export class Input {
  offset = 0;
  end: number;
  #buffer: Buffer | undefined;

  constructor(readonly bytes: Uint8Array) {
    this.end = bytes.length;
  }

  /** A varint of 0 to `max`. */
  uint(field: string, max: number): number {
    const { bytes, end } = this;
    let offset = this.offset;
    if (offset >= end) throw refused(field, "the bytes end before it");
    let byte = bytes[offset++]!;
    let value = byte & 0x7f;
    for (let unit = 0x80; byte >= 0x80; unit *= 0x80) {
      // Ends the loop, and keeps every sum where it compares with 2^53 - 1 correctly.
      if (unit > max) throw refused(field, `must be at most ${max}, is more`);
      if (offset >= end) throw refused(field, "the bytes end before its last");
      byte = bytes[offset++]!;
      if (byte === 0) throw refused(field, "must be a number in its shortest form");
      value += (byte & 0x7f) * unit;
    }
    if (value > max) throw refused(field, `must be at most ${max}, is ${value}`);
    this.offset = offset;
    return value;
  }

  /** A varint of 0 to `max` that so many bytes (or items of `itemBytesMin` bytes) really follow. */
  length(field: string, max: number, itemBytesMin = 1): number {
    const length = this.uint(field, max);
    if (length * itemBytesMin > this.end - this.offset) {
      throw refused(field, `has a length of ${length}, the bytes end before that`);
    }
    return length;
  }

  /** The next `length` bytes, a view; the caller has checked that they are there. */
  take(length: number): Uint8Array {
    const start = this.offset;
    this.offset = start + length;
    return this.bytes.subarray(start, this.offset);
  }

  /** The next 32 bytes in lower-case hexadecimal. */
  hexId(field: string): string {
    const start = this.offset;
    if (ID_BYTES > this.end - start) throw refused(field, "the bytes end before it");
    this.offset = start + ID_BYTES;
    return this.bytes.subarray(start, this.offset).toHex();
  }

  /** The text of the next `length` bytes; the caller has checked that they are there. */
  utf8(field: string, length: number): string {
    const start = this.offset;
    this.offset = start + length;
    // Buffer decodes 4 times faster than a TextDecoder that refuses (decision 1), but puts U+FFFD for what
    // is invalid: only a text that has one must be looked at again.
    this.#buffer ??= Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
    const text = this.#buffer.toString("utf8", start, this.offset);
    if (text.includes("\uFFFD") && !isUtf8(this.bytes.subarray(start, this.offset))) {
      throw refused(field, "must be valid UTF-8");
    }
    return text;
  }
}

// Small arrays of their own cost 5 times the encoding of a message (decision 1), so encodings share
// buffers of this size. No byte is written twice.
const SHARED_BUFFER_BYTES = 16_384;

/** Where values are encoded, one after the other. */
export class Output {
  bytes = new Uint8Array(SHARED_BUFFER_BYTES);
  offset = 0;
  /** Where the encoding at hand begins. */
  #start = 0;

  /** Begins an encoding; one that failed before leaves nothing behind. */
  begin(): void {
    this.offset = this.#start;
  }

  /** Bytes since `begin`. */
  get length(): number {
    return this.offset - this.#start;
  }

  /** What was written since `begin`: a view into a shared buffer, or a long one's own array. */
  take(): Bytes {
    if (this.bytes.length > SHARED_BUFFER_BYTES) {
      const own = this.bytes.slice(this.#start, this.offset);
      this.bytes = new Uint8Array(SHARED_BUFFER_BYTES);
      this.#start = 0;
      return own;
    }
    const taken = this.bytes.subarray(this.#start, this.offset);
    this.#start = this.offset;
    return taken;
  }

  /** Makes sure that `length` more bytes fit. */
  reserve(length: number): void {
    if (this.offset + length > this.bytes.length) this.#grow(length);
  }

  #grow(length: number): void {
    const written = this.bytes.subarray(this.#start, this.offset);
    this.bytes = new Uint8Array(Math.max(SHARED_BUFFER_BYTES, 2 * (written.length + length)));
    this.bytes.set(written);
    this.#start = 0;
    this.offset = written.length;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.offset++] = value;
  }

  uint(value: number): void {
    this.reserve(VARINT_BYTES_MAX);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.offset++] = 0x80 | (rest % 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.offset++] = rest;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.offset);
    this.offset += bytes.length;
  }

  /** The 32 bytes of an id. */
  hexId(field: string, id: string): void {
    this.reserve(ID_BYTES);
    const { bytes, offset } = this;
    let digits = id.length === 2 * ID_BYTES ? 0 : NO_DIGIT;
    for (let index = 0; index < ID_BYTES; index++) {
      const first = id.charCodeAt(2 * index);
      const second = id.charCodeAt(2 * index + 1);
      const high = HEX_DIGITS[first & 0x7f]!;
      const low = HEX_DIGITS[second & 0x7f]!;
      digits |= high | low | (first | second) & ~0x7f;
      bytes[offset + index] = high << 4 | low;
    }
    this.offset = offset + ID_BYTES;
    if (digits >= NO_DIGIT) {
      throw unencodable(field, `must be 64 lower-case hexadecimal digits, is "${id}"`);
    }
  }

  /** The length of `text` in UTF-8, then its bytes. */
  text(field: string, text: string, bytesMax: number): void {
    if (!text.isWellFormed()) throw unencodable(field, "must have no lone surrogate");
    // Before room is made for it: a text has at least as many bytes as UTF-16 units.
    if (text.length > bytesMax) throw tooLong(field, bytesMax, text.length);
    // A unit takes up to 3 bytes; the length goes before them, and is known after them.
    this.reserve(VARINT_BYTES_MAX + 3 * text.length);
    const start = this.offset;
    const guess = varintBytes(text.length);
    const { written } = UTF8_ENCODER.encodeInto(text, this.bytes.subarray(start + guess));
    if (written > bytesMax) throw tooLong(field, bytesMax, written);
    const needed = varintBytes(written);
    if (needed !== guess) {
      this.bytes.copyWithin(start + needed, start + guess, start + guess + written);
    }
    this.uint(written);
    this.offset += written;
  }
}

/** The one that everything is encoded with: encoding calls nothing that could encode in between. */
export const OUTPUT = new Output();
