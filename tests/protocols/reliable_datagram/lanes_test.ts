import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RemoteProtocolError } from "../../../lib/base/errors.ts";
import {
  CHUNK_BYTES_MAX,
  HELD_CHUNKS_MAX,
  LANE_WINDOW_BYTES,
  MESSAGE_BYTES_MAX,
} from "../../../lib/protocols/reliable_datagram/limits.ts";
import { ReceiveLane } from "../../../lib/protocols/reliable_datagram/receive_lane.ts";
import { type Chunk, SendLane } from "../../../lib/protocols/reliable_datagram/send_lane.ts";
import { SLOW } from "../../given.ts";

function message(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, n) => (n * 7 + seed) & 0xff);
}

/** All that can be taken, with room for `room` bytes each time. */
function takeAll(lane: SendLane, room = CHUNK_BYTES_MAX): Chunk[] {
  const chunks: Chunk[] = [];
  for (let chunk = lane.takeFresh(room); chunk !== null; chunk = lane.takeFresh(room)) {
    chunks.push(chunk);
  }
  return chunks;
}

Deno.test(
  "SendLane and ReceiveLane: messages come out as they went in, however chunks are cut, repeated and disordered",
  SLOW,
  () => {
    const lengths = fc.array(
      fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 30_000 })),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    const order = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 200 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 300, max: 1_200 }), order, (lengths, room, order) => {
        const [send, receive] = [new SendLane("data"), new ReceiveLane("data")];
        const messages = lengths.map(message);
        const came: Uint8Array[] = [];
        for (const each of messages) send.push(each);
        const chunks: Chunk[] = [];
        // Enough for all: the receiver gives room as it goes.
        for (let more = takeAll(send, room); more.length > 0; more = takeAll(send, room)) {
          for (const [one, other] of order) {
            const [a, b] = [one % more.length, other % more.length];
            [more[a], more[b]] = [more[b]!, more[a]!];
          }
          for (const { offset, bytes } of [...more, ...more.slice(0, 3)]) {
            assert(receive.add(offset, bytes, (each) => came.push(each)));
          }
          chunks.push(...more);
          send.credit(receive.takeCredit());
        }
        assertEquals(came, messages);
        for (const chunk of chunks) send.acknowledged(chunk);
        for (const chunk of chunks) send.acknowledged(chunk);
        assertEquals(send.waitingBytes, 0);
      }),
      { numRuns: 30 },
    );
  },
);

Deno.test("SendLane sends no more than the window, and what was lost again as it was", () => {
  const lane = new SendLane("control");
  lane.push(message(LANE_WINDOW_BYTES.control + 1_000, 1));
  const chunks = takeAll(lane);
  const sent = chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
  assertEquals([sent, lane.hasFresh], [LANE_WINDOW_BYTES.control, false]);

  lane.lost(chunks[2]!);
  lane.lost(chunks[2]!);
  lane.lost(chunks[1]!);
  lane.acknowledged(chunks[1]!);

  assertEquals(lane.peekLost(), chunks[2]);
  lane.takeLost(chunks[2]!);
  assertEquals(lane.peekLost(), null);
  lane.credit(sent + 100);
  lane.credit(sent);
  assertEquals(takeAll(lane).map(({ offset, bytes }) => [offset, bytes.length]), [[sent, 100]]);
});

Deno.test("ReceiveLane refuses what is beyond its window, and holds a bounded number of chunks", () => {
  const window = LANE_WINDOW_BYTES.control;
  const lane = new ReceiveLane("control");
  const ignore = () => {};
  assertThrows(() => lane.add(window - 1, new Uint8Array(2), ignore), RemoteProtocolError);
  for (let n = 1; n <= HELD_CHUNKS_MAX; n++) assert(lane.add(2 * n, new Uint8Array(1), ignore));

  assertEquals(lane.add(2 * HELD_CHUNKS_MAX + 2, new Uint8Array(1), ignore), false);
  assertEquals(lane.add(0, new Uint8Array(1).fill(200), ignore), true);
});

Deno.test("ReceiveLane copies what waits, and holds no more for a message than has come of it", () => {
  const lane = new ReceiveLane("data");
  const came: Uint8Array[] = [];
  const deliver = (message: Uint8Array) => void came.push(message);
  const packet = new Uint8Array(1_000);
  // A message of 5 bytes, a byte at a time out of a packet that is used again, the last one first.
  const bytes = [5, 1, 2, 3, 4, 5];
  for (const at of [5, 0, 1, 2, 3, 4]) {
    packet[at] = bytes[at]!;
    lane.add(at, packet.subarray(at, at + 1), deliver);
    packet.fill(0xff);
  }

  assertEquals(came, [Uint8Array.of(1, 2, 3, 4, 5)]);
  assertEquals(came[0]!.buffer.byteLength, 5);
});

Deno.test("ReceiveLane gives no more room while its reader pauses", () => {
  const lane = new ReceiveLane("data");
  const ignore = () => {};
  lane.pause();
  const half = LANE_WINDOW_BYTES.data / 2;
  const bytes = new Uint8Array(half).fill(1);
  lane.add(0, bytes, ignore);
  assertEquals(lane.hasCredit, false);

  lane.resume();

  assertEquals([lane.hasCredit, lane.takeCredit()], [true, LANE_WINDOW_BYTES.data + half]);
});

Deno.test("ReceiveLane refuses lengths of 0 and above the longest message", () => {
  for (const length of [[0], [0x81, 0x80, 0x10], [0xff, 0xff, 0xff, 0xff, 0xff]]) {
    const lane = new ReceiveLane("data");
    assertThrows(() => lane.add(0, Uint8Array.from(length), () => {}), RemoteProtocolError);
  }
  const lane = new ReceiveLane("data");
  lane.add(0, Uint8Array.of(0x80, 0x80, 0x10), () => {});
  assertEquals(MESSAGE_BYTES_MAX, 0x10 * 0x4000);
});
