import { assert, assertEquals } from "@std/assert";
import { BROADCAST_LAN } from "../../../../lib/protocols/mesh/broadcast/broadcast_io.ts";
import { BroadcastLink } from "../../../../lib/protocols/mesh/broadcast/broadcast_link.ts";
import { type Stream, streamKey } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { keyOf } from "../overlay_network.ts";
import { SLOW } from "../../../given.ts";

const SECOND_MS = 1_000;

function streamAt(index: number): Stream {
  return { author: keyOf(index), incarnation: 1 };
}

Deno.test(
  "BroadcastLink gives up in the end what is promised without end by who sends something else meanwhile",
  SLOW,
  () => {
    const link = new BroadcastLink(BROADCAST_LAN);
    const other = streamKey(streamAt(0));
    const broken: boolean[] = [];
    const pass = (second: number, promises: number) => {
      const nowMs = second * SECOND_MS;
      for (let n = 1; n <= promises; n++) {
        const stream = streamAt(second * promises + n);
        link.promised(streamKey(stream), stream, 1, nowMs);
      }
      link.bundleCame(other, 1, nowMs + 1);
      broken.push(link.brokeTooMany(() => false, nowMs + 2));
    };
    for (let second = 1; second <= 60; second++) pass(second, 150);
    for (let second = 61; second <= 60 + 62; second++) pass(second, 0);
    assert(link.nextPromiseMs() !== null);
    for (let second = 123; second <= 60 + 65; second++) pass(second, 0);

    assertEquals(link.nextPromiseMs(), null);
    assertEquals(broken.includes(true), false);
  },
);

Deno.test("BroadcastLink tells of who promises and sends nothing at all", () => {
  const link = new BroadcastLink(BROADCAST_LAN);
  for (let n = 0; n < BROADCAST_LAN.brokenPromisesMax; n++) {
    link.promised(streamKey(streamAt(n)), streamAt(n), 1, n);
  }
  const { promiseMs, brokenPromisesMax } = BROADCAST_LAN;

  assertEquals(link.nextPromiseMs(), promiseMs);
  assertEquals(link.brokeTooMany(() => false, promiseMs + brokenPromisesMax - 2), false);
  assertEquals(link.brokeTooMany(() => false, promiseMs + brokenPromisesMax - 1), true);
});
