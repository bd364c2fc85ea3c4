import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RemoteProtocolError } from "../../../lib/base/errors.ts";
import {
  ACK_RANGES_MAX,
  CHUNK_BYTES_MAX,
  CHUNK_OVERHEAD_BYTES,
} from "../../../lib/protocols/reliable_datagram/limits.ts";
import {
  ACK_BYTES_MAX,
  chunkHeaderBytes,
  type Frame,
  PacketReader,
  PacketWriter,
} from "../../../lib/protocols/reliable_datagram/packet.ts";
import { PAYLOAD_BYTES_MAX } from "../../../lib/protocols/sealed_datagram/formats.ts";

const HEADER = { from: 3, to: 0, number: 300 };

function framesOf(bytes: Uint8Array): Frame[] {
  const reader = new PacketReader(bytes);
  const frames: Frame[] = [];
  for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame);
  return frames;
}

/** A packet with one frame of each type. */
function sample(): Uint8Array {
  const writer = new PacketWriter();
  writer.begin(HEADER);
  writer.ack(2, [{ low: 290, high: 299 }, { low: 5, high: 5 }, { low: 0, high: 1 }]);
  writer.ping();
  writer.chunk("control", 1_000, Uint8Array.of(1, 2));
  writer.chunk("data", 0, Uint8Array.of(3));
  writer.credit("data", 300_000);
  writer.oneShot(Uint8Array.of(4));
  return new Uint8Array(writer.take());
}

Deno.test("PacketReader reads what PacketWriter wrote", () => {
  const reader = new PacketReader(sample());

  assertEquals(reader.header, HEADER);
  assertEquals(framesOf(sample()), [
    {
      type: "ack",
      delayMs: 2,
      ranges: [{ low: 290, high: 299 }, { low: 5, high: 5 }, { low: 0, high: 1 }],
    },
    { type: "ping" },
    { type: "control", offset: 1_000, bytes: Uint8Array.of(1, 2) },
    { type: "data", offset: 0, bytes: Uint8Array.of(3) },
    { type: "credit", lane: "data", limit: 300_000 },
    { type: "one-shot", bytes: Uint8Array.of(4) },
  ]);
});

Deno.test("PacketReader reads a packet that was cut as fewer frames, or refuses it", () => {
  const whole = sample();
  const frames = framesOf(whole);
  for (let length = 0; length < whole.length; length++) {
    try {
      assertEquals(
        framesOf(whole.subarray(0, length)),
        frames.slice(0, framesOf(whole.subarray(0, length)).length),
      );
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
    }
  }
});

Deno.test("PacketReader gives frames or refuses, whatever the bytes are", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    try {
      for (const frame of framesOf(bytes)) {
        if (frame.type !== "ack") continue;
        let above = Infinity;
        for (const { low, high } of frame.ranges) {
          assertEquals(low >= 0 && low <= high && high < above - 1, true);
          above = low;
        }
      }
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
    }
  }));
});

Deno.test("PacketReader refuses a frame of another version, and ranges below 0", () => {
  for (const frame of [[8], [1, 5, 0, 1, 4, 0, 0], [1, 5, 0, 0, 6]]) {
    assertThrows(() => framesOf(Uint8Array.of(1, 1, 1, ...frame)), RemoteProtocolError);
  }
});

Deno.test("PacketReader refuses a second acknowledgement in one packet", () => {
  const writer = new PacketWriter();
  writer.begin(HEADER);
  for (let count = 0; count < 2; count++) writer.ack(2, [{ low: 0, high: 9 }]);

  assertThrows(() => framesOf(writer.take()), RemoteProtocolError, "two acknowledgements");
});

Deno.test("PacketWriter: acknowledgements and chunks fit where they are said to", () => {
  const far = 2 ** 52;
  const ranges = Array.from({ length: ACK_RANGES_MAX }, (_, n) => ({
    low: far - 300_000 * n - 70_000,
    high: far - 300_000 * n,
  }));
  const writer = new PacketWriter();
  writer.begin({ from: far, to: far, number: far });
  const before = writer.length;
  writer.ack(10_000, ranges);
  const [ack] = framesOf(new Uint8Array(writer.take()));

  assertEquals(writer.length - before <= ACK_BYTES_MAX, true);
  assertEquals(
    ack?.type === "ack" && ack.ranges,
    ranges.slice(0, ack?.type === "ack" ? ack.ranges.length : 0),
  );
  writer.begin({ from: 2 ** 30, to: 2 ** 30, number: 2 ** 40 });
  assertEquals(writer.length + chunkHeaderBytes(far) <= CHUNK_OVERHEAD_BYTES, true);
  writer.chunk("data", far, new Uint8Array(CHUNK_BYTES_MAX));
  assertEquals(writer.length <= PAYLOAD_BYTES_MAX, true);
});
