/**
 * The two cursors that every schema is read and written with, and what goes wrong at them.
 *
 * Numbers are LEB128 varints in their shortest form, up to 2^53 - 1; everything longer than a number
 * has its length before it, so that a reader knows what it will need before it takes anything.
 */

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
// A byte order mark is content like any other: what is signed must decode to what was encoded.
const UTF8_DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A cursor over bytes that came from elsewhere. Never reads at or after `end`. */
export class Input {
  offset = 0;
  end: number;

  constructor(readonly bytes: Uint8Array) {
    this.end = bytes.length;
  }

  /** The next byte, 0 to 255. */
  byte(field: string): number {
    if (this.offset >= this.end) throw refused(field, "the bytes end before it");
    return this.bytes[this.offset++]!;
  }

  /** A varint of 0 to `max`. */
  uint(field: string, max: number): number {
    let byte = this.byte(field);
    let value = byte & 0x7f;
    let unit = 1;
    while (byte >= 0x80) {
      unit *= 0x80;
      // Ends the loop, and keeps every sum where it compares with 2^53 - 1 correctly.
      if (unit > max) throw refused(field, `must be at most ${max}, is more`);
      byte = this.byte(field);
      value += (byte & 0x7f) * unit;
    }
    if (value > max) throw refused(field, `must be at most ${max}, is ${value}`);
    if (byte === 0 && unit > 1) throw refused(field, "the number must have its shortest form");
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

  /** The text of the next `length` bytes; the caller has checked that they are there. */
  utf8(field: string, length: number): string {
    const bytes = this.take(length);
    try {
      return UTF8_DECODER.decode(bytes);
    } catch (error) {
      if (error instanceof TypeError) throw refused(field, "must be valid UTF-8");
      throw error;
    }
  }
}

/** A buffer that grows as values are written into it. */
export class Output {
  bytes = new Uint8Array(1_024);
  offset = 0;

  /** Makes sure that `length` more bytes fit. */
  reserve(length: number): void {
    const needed = this.offset + length;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.bytes.length));
    grown.set(this.bytes.subarray(0, this.offset));
    this.bytes = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.offset++] = value;
  }

  uint(value: number): void {
    this.reserve(8);
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

  /** The length of `text` in UTF-8, then its bytes. */
  text(field: string, text: string, bytesMax: number): void {
    if (!text.isWellFormed()) throw unencodable(field, "must have no lone surrogate");
    const bytes = UTF8_ENCODER.encode(text);
    if (bytes.length > bytesMax) {
      throw unencodable(field, `must have at most ${bytesMax} bytes, has ${bytes.length}`);
    }
    this.uint(bytes.length);
    this.raw(bytes);
  }

  /** What was written, in an array of its own. */
  take(): Bytes {
    return this.bytes.slice(0, this.offset);
  }
}
