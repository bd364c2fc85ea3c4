import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { concatBytes } from "../../lib/base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../lib/base/errors.ts";
import { InvariantError } from "../../lib/base/invariant.ts";
import {
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  FrameReader,
  writeFrameHeader,
} from "../../lib/wire/frame.ts";
import { frameOf } from "./frame_of.ts";
import { SLOW } from "../given.ts";

/** What a reader makes of a stream that comes in `chunks`: the bodies, and why it refused the rest. */
function readAll(chunks: readonly Uint8Array[], bytesMax?: number) {
  const reader = new FrameReader(bytesMax);
  const bodies: string[] = [];
  try {
    for (const chunk of chunks) {
      reader.push(chunk);
      for (let body = reader.next(); body !== null; body = reader.next()) bodies.push(body.toHex());
    }
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error;
    return { bodies, refused: error.message };
  }
  return { bodies, refused: null };
}

function headerOf(length: number): string {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  writeFrameHeader(header, length);
  return header.toHex();
}

/** `stream` cut at each of `places` (taken modulo its length). */
function cutAt(stream: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b);
  const chunks: Uint8Array[] = [];
  let start = 0;
  for (const place of [...sorted, stream.length]) {
    chunks.push(stream.subarray(start, place));
    start = place;
  }
  return chunks;
}

Deno.test("writeFrameHeader() keeps the format: four bytes of length, big-endian", () => {
  assertEquals(headerOf(2), "00000002");
  assertEquals(headerOf(FRAME_BYTES_MAX), "00040000");
});

Deno.test("writeFrameHeader() fails its invariant for an empty body and for one that is too long", () => {
  assertThrows(() => headerOf(0), InvariantError);
  assertThrows(() => headerOf(FRAME_BYTES_MAX + 1), InvariantError);
});

Deno.test("FrameReader gives views into a chunk that holds whole frames", () => {
  const chunk = concatBytes(frameOf(Uint8Array.of(1)), frameOf(Uint8Array.of(2, 3)));
  const reader = new FrameReader();

  reader.push(chunk);
  const bodies = [reader.next(), reader.next(), reader.next()];

  assertEquals(bodies, [Uint8Array.of(1), Uint8Array.of(2, 3), null]);
  assertStrictEquals(bodies[0]!.buffer, chunk.buffer);
});

Deno.test("FrameReader gives the same however the stream is cut", () => {
  const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });
  // After the frames: nothing, a frame cut off, a length of 0, one above the bound.
  const tails = fc.constantFrom("", "00", "00000005aabb", "0000000001", "0000002901", "ffffffff");
  fc.assert(
    fc.property(bodies, tails, fc.array(fc.nat(), { maxLength: 10 }), (sent, tail, cuts) => {
      const stream = concatBytes(
        ...sent.map((body) => frameOf(body)),
        Uint8Array.fromHex(tail),
      );

      const whole = readAll([stream], 40);

      assertEquals(whole.bodies, sent.map((body) => body.toHex()));
      assertEquals(readAll(cutAt(stream, cuts), 40), whole);
      assertEquals(readAll(Array.from(stream, (byte) => Uint8Array.of(byte)), 40), whole);
    }),
    { numRuns: 300 },
  );
});

Deno.test("FrameReader keeps a frame whole whose chunks are overwritten after it took them", () => {
  const body = Uint8Array.from({ length: 10_000 }, (_, index) => index);
  const stream = frameOf(body);
  const buffer = new Uint8Array(1_000);
  const reader = new FrameReader();
  const got: Uint8Array[] = [];

  for (let start = 0; start < stream.length; start += buffer.length) {
    const part = stream.subarray(start, start + buffer.length);
    buffer.set(part);
    reader.push(buffer.subarray(0, part.length));
    for (let frame = reader.next(); frame !== null; frame = reader.next()) got.push(frame);
    buffer.fill(0xee);
  }

  assertEquals(got, [body]);
});

Deno.test("FrameReader takes a frame of the greatest length and refuses one byte more", () => {
  const longest = new Uint8Array(FRAME_BYTES_MAX).fill(7);

  assertEquals(readAll([frameOf(longest)]).bodies.length, 1);
  assertEquals(
    readAll([Uint8Array.fromHex("00040001")]).refused,
    "Cannot read a frame: its length must be 1 to 262144, is 262145",
  );
});

// 4 GiB announced: refused at the fourth byte, nothing having been set aside for it.
Deno.test("FrameReader refuses an impossible length as soon as it is read, and from then on", () => {
  const reader = new FrameReader();
  reader.push(Uint8Array.fromHex("ffffff"));
  assertEquals(reader.next(), null);

  reader.push(Uint8Array.fromHex("ff0102"));

  assertThrows(() => reader.next(), RemoteProtocolError, "is 4294967295");
  assertThrows(() => reader.next(), RemoteProtocolError);
  reader.push(frameOf(Uint8Array.of(1)));
  assertThrows(() => reader.next(), RemoteProtocolError);
});

Deno.test("FrameReader fails its invariant when frames are left untaken", () => {
  const reader = new FrameReader();
  reader.push(frameOf(Uint8Array.of(1)));

  assertThrows(() => reader.push(new Uint8Array(1)), InvariantError);
});

// Byte by byte, a frame of 256 KiB must cost about what 64 frames of 4 KiB do: were the bytes so far
// moved at each chunk, it would be 64 times as much. Counted in bytes moved, for clocks vary.
Deno.test(
  "FrameReader moves each byte a bounded number of times, however small the chunks",
  SLOW,
  () => {
    const original = Uint8Array.prototype.set;
    let moved = 0;
    Uint8Array.prototype.set = function (source, offset) {
      moved += source.length;
      original.call(this, source, offset);
    };
    try {
      const stream = frameOf(new Uint8Array(FRAME_BYTES_MAX).fill(7));
      moved = 0;
      const { bodies } = readAll(Array.from(stream, (byte) => Uint8Array.of(byte)));
      assertEquals(bodies.length, 1);
    } finally {
      Uint8Array.prototype.set = original;
    }

    assert(moved <= 2 * FRAME_BYTES_MAX, `${moved} bytes moved`);
  },
);

Deno.test("FrameReader frees a chunk that it has copied, and none into which a body is a view", () => {
  const reader = new FrameReader();
  const stream = frameOf(new Uint8Array(20_000).fill(1));
  const chunks = [
    stream.slice(0, 10_000),
    concatBytes(stream.subarray(10_000), frameOf(new Uint8Array(5_000).fill(2))),
    concatBytes(frameOf(Uint8Array.of(3)), stream.subarray(0, 5_000)),
    stream.slice(5_000),
  ];
  const bodies: number[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let body = reader.next(); body !== null; body = reader.next()) bodies.push(body[0]!);
  }

  assertEquals(bodies, [1, 2, 3, 1]);
  assertEquals(chunks.map(({ length }) => length > 0), [false, true, true, false]);
});
