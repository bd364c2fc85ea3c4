import { assert, assertEquals } from "@std/assert";
import { SentPackets } from "../../../lib/protocols/reliable_datagram/packet_numbers.ts";
import { cpuMs } from "../../cpu_time.ts";

function sentPacket(number: number) {
  return { number, sentMs: number, bytes: 100, chunks: [], hasCredit: false };
}

function withPackets(...numbers: readonly number[]): SentPackets {
  const sent = new SentPackets();
  for (const number of numbers) sent.add(sentPacket(number));
  return sent;
}

Deno.test("SentPackets takes what the ranges name, and nothing between them", () => {
  const sent = withPackets(0, 1, 2, 4, 5, 8, 9);

  const first = sent.acknowledge([{ low: 8, high: 8 }, { low: 2, high: 4 }, { low: 0, high: 0 }]);
  const again = sent.acknowledge([{ low: 8, high: 8 }, { low: 0, high: 0 }]);

  assertEquals(first.packets.map(({ number }) => number), [0, 2, 4, 8]);
  assertEquals([first.largestSentMs, again.packets.length, again.largestSentMs], [8, 0, null]);
  assertEquals([...sent.values()].map(({ number }) => number), [1, 5, 9]);
});

Deno.test("SentPackets: an acknowledgement costs what is under way, not what was ever sent", () => {
  const sent = withPackets(0, 2 ** 24);

  const tookMs = cpuMs(() => {
    for (let count = 0; count < 100; count++) sent.acknowledge([{ low: 1, high: 2 ** 24 - 1 }]);
  });

  assert(tookMs < 1_000, `${tookMs} ms for 100 wide ranges`);
});
