import fc from "fast-check";
import { assertEquals } from "@std/assert";
import { concatBytes } from "../../../lib/base/crypto/crypto.ts";
import { RECORD_CONTENT_BYTES_MAX, RecordLane } from "../../../lib/protocols/noise/record_lane.ts";

const HEAD = Uint8Array.of(1, 2, 3, 4);

/** Bytes that differ from those beside them. */
function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => at * 31 + length);
}

/** The contents of the records that wait, each taken and released. */
function taken(lane: RecordLane): Uint8Array<ArrayBuffer>[] {
  const contents: Uint8Array<ArrayBuffer>[] = [];
  for (let page = lane.take(); page !== null; page = lane.take()) {
    contents.push(page.bytes.slice(1, page.end));
    page.bytes.fill(0xff); // as somebody else fills it
    RecordLane.release(page);
  }
  return contents;
}

Deno.test("RecordLane: what is pushed comes in order, in as few records as there can be", () => {
  const length = fc.oneof(
    fc.nat(60),
    fc.integer({ min: 1_000, max: 1_040 }),
    fc.integer({ min: 16_300, max: 16_400 }),
    fc.nat(40_000),
  );
  const rounds = fc.array(fc.array(length, { minLength: 1, maxLength: 8 }), { maxLength: 3 });
  fc.assert(
    fc.property(rounds, (rounds) => {
      const lane = new RecordLane();
      for (const lengths of rounds) {
        for (const length of lengths) lane.push(HEAD, bytesOf(length));
        const all = concatBytes(...lengths.flatMap((length) => [HEAD, bytesOf(length)]));
        assertEquals(lane.waitingBytes, all.length);
        assertEquals(lane.nextRecordBytes, Math.min(all.length, RECORD_CONTENT_BYTES_MAX));
        const contents = taken(lane);
        assertEquals(contents.length, Math.ceil(all.length / RECORD_CONTENT_BYTES_MAX));
        assertEquals(concatBytes(...contents), all);
        assertEquals([lane.waitingBytes, lane.nextRecordBytes], [0, 0]);
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("RecordLane: a message to each of many lanes takes at most twice its length", () => {
  for (const [length, page] of [[200, 1_024], [1_100, 2_048], [6_200, 8_192], [9_000, 16_384]]) {
    const lanes = Array.from({ length: 100 }, () => new RecordLane());

    for (const lane of lanes) lane.push(HEAD, bytesOf(length!));

    const pages = lanes.map((lane) => lane.take()!);
    assertEquals(pages.map(({ bytes }) => bytes.length), pages.map(() => page));
  }
});
