import fc from "fast-check";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { RemoteProtocolError } from "../../../lib/base/errors.ts";
import { Congestion } from "../../../lib/protocols/reliable_datagram/congestion.ts";
import {
  ACK_DELAY_MS,
  ACK_EVERY,
  ACK_RANGES_MAX,
  BURST_BYTES,
  CONGESTION_BYTES_MAX,
  CONGESTION_BYTES_MIN,
  PROBE_TIMEOUT_MS_MAX,
} from "../../../lib/protocols/reliable_datagram/limits.ts";
import {
  ReceivedPackets,
  SentPackets,
} from "../../../lib/protocols/reliable_datagram/packet_numbers.ts";
import { RoundTrip } from "../../../lib/protocols/reliable_datagram/stream.ts";

Deno.test("ReceivedPackets are the ranges of what came, the latest 32", () => {
  fc.assert(fc.property(fc.array(fc.nat(120), { maxLength: 200 }), (numbers) => {
    const received = new ReceivedPackets();
    for (const number of numbers) received.add(number, true, 0);

    const told = received.ranges.flatMap(({ low, high }) =>
      Array.from({ length: high - low + 1 }, (_, n) => high - n)
    );
    const all = [...new Set(numbers)].sort((a, b) => b - a);
    assertEquals(told, all.slice(0, told.length));
    assert(told.length === all.length || received.ranges.length === ACK_RANGES_MAX);
  }));
});

Deno.test("ReceivedPackets wait for company, but not with a gap", () => {
  const received = new ReceivedPackets();
  received.add(0, true, 0);
  assertEquals([received.ackDueMs, received.hasNews], [ACK_DELAY_MS, true]);
  received.acknowledged();
  received.add(1, false, 5);
  assertEquals([received.ackDueMs, received.hasNews], [null, false]);
  received.add(3, true, 6);
  assertEquals(received.ackDueMs, 6);
  received.acknowledged();
  for (let number = 4; number < 3 + ACK_EVERY; number++) received.add(number, true, 10);
  assertEquals(received.ackDueMs, 10 + ACK_DELAY_MS);
  received.add(3 + ACK_EVERY, true, 11);
  assertEquals(received.ackDueMs, 11);
});

function sent(count: number, gapMs = 1): SentPackets {
  const packets = new SentPackets();
  for (let number = 0; number < count; number++) {
    packets.add({ number, sentMs: number * gapMs, bytes: 100, chunks: [], hasCredit: false });
  }
  return packets;
}

// RFC 9002, 6.1.1 and 6.1.2.
Deno.test("SentPackets: three later ones, or 9/8 of a round trip, make a packet lost", () => {
  const packets = sent(6);

  packets.acknowledge([{ low: 4, high: 4 }]);
  const { lost, nextMs } = packets.takeLost(100, 50);

  assertEquals(lost.map(({ number }) => number), [0, 1]);
  assertEquals(nextMs, 102);
  assertEquals(packets.takeLost(100, 103).lost.map(({ number }) => number), [2, 3]);
  assertEquals([packets.size, packets.takeLost(100, 1_000).lost], [1, []]);
});

Deno.test("SentPackets: an acknowledgement of what was never sent is refused, a repeated one is nothing", () => {
  const packets = sent(3);
  assertThrows(() => packets.acknowledge([{ low: 0, high: 3 }]), RemoteProtocolError);

  const first = packets.acknowledge([{ low: 0, high: 2 }]);
  const again = packets.acknowledge([{ low: 0, high: 2 }]);

  assertEquals([first.packets.length, first.largestSentMs], [3, 2]);
  assertEquals([again.packets.length, again.largestSentMs], [0, null]);
});

// RFC 9002, 5.3: the example's arithmetic.
Deno.test("RoundTrip: the first sample counts as it is, later ones by an eighth, without the peer's delay", () => {
  const roundTrip = new RoundTrip();
  roundTrip.measured(80, 15, 0);
  assertEquals(roundTrip.smoothedMs, 80);
  assertEquals(roundTrip.probeTimeoutMs(0), 80 + 4 * 40 + ACK_DELAY_MS);

  roundTrip.measured(106, 10, 0);

  assertEquals(roundTrip.smoothedMs, 80 * 7 / 8 + 96 / 8);
  assertEquals(roundTrip.lossDelayMs, 106 * 9 / 8);
});

Deno.test("RoundTrip: probes back off twofold, to 3 s at most", () => {
  const roundTrip = new RoundTrip();
  roundTrip.measured(10, 0, 0);
  const once = roundTrip.probeTimeoutMs(0);

  assertEquals([1, 2, 20].map((probes) => roundTrip.probeTimeoutMs(probes)), [
    2 * once,
    4 * once,
    PROBE_TIMEOUT_MS_MAX,
  ]);
});

Deno.test("RoundTrip: what was held up for a minute isn't waited for as long again", () => {
  const roundTrip = new RoundTrip();
  roundTrip.measured(10, 0, 0);
  roundTrip.measured(60_000, 0, 0);

  assertEquals(roundTrip.probeTimeoutMs(0), PROBE_TIMEOUT_MS_MAX);
  assertEquals(roundTrip.lossDelayMs, PROBE_TIMEOUT_MS_MAX * 9 / 8);
});

Deno.test("Congestion: doubles at first, halves once a round trip of losses, and keeps its floor and ceiling", () => {
  const congestion = new Congestion();
  congestion.sent(CONGESTION_BYTES_MIN);
  assertEquals(congestion.hasRoom, false);
  congestion.acknowledged(CONGESTION_BYTES_MIN, 0, true);
  assertEquals(congestion.windowBytes, 2 * CONGESTION_BYTES_MIN);

  for (let n = 0; n < 1_000; n++) {
    congestion.sent(5_000);
    congestion.acknowledged(5_000, n, true);
  }
  assertEquals(congestion.windowBytes, CONGESTION_BYTES_MAX);
  congestion.sent(10_000);
  congestion.lost(5_000, 1_000, 2_000);
  congestion.lost(5_000, 1_500, 2_000);
  assertEquals(congestion.windowBytes, CONGESTION_BYTES_MAX / 2);
  for (let n = 1; n < 20; n++) {
    congestion.sent(1_000);
    congestion.lost(1_000, 3_000 * n, 3_000 * n + 1);
  }
  assertEquals([congestion.windowBytes, congestion.inFlightBytes], [CONGESTION_BYTES_MIN, 0]);
});

Deno.test("Congestion: a window that isn't used doesn't grow", () => {
  const congestion = new Congestion();
  congestion.sent(1_000);
  congestion.acknowledged(1_000, 0, congestion.isUsed);

  assertEquals(congestion.windowBytes, CONGESTION_BYTES_MIN);
});

Deno.test("Congestion: after a burst, packets go out at the window's rate", () => {
  const congestion = new Congestion();
  assertEquals(congestion.paceAtMs(0, 100), 0);
  congestion.sent(BURST_BYTES);

  const nextMs = congestion.paceAtMs(0, 100);

  assert(nextMs > 5 && nextMs < 10, `a window of 10 in 80 ms: ${nextMs}`);
  assertEquals(congestion.paceAtMs(nextMs, 100) <= nextMs, true);
});
