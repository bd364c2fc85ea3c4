import { assert, assertEquals } from "@std/assert";
import { MemoryDatagramNetwork } from "./memory_datagrams.ts";
import { datagramContract, type DatagramWorld } from "../contracts/datagram_contract.ts";

function memoryWorld(): DatagramWorld {
  const network = new MemoryDatagramNetwork({ latencyMs: 1 });
  const settle = () => {
    network.clock.advance(20);
    return Promise.resolve();
  };
  return {
    open: (port) => network.open({ host: "127.0.0.1", port }),
    nowhere: { host: "nowhere", port: 1 },
    settle,
    async until(done, what) {
      for (let step = 0; !done(); step++) {
        assert(step < 1_000, `within 20 s: ${what}`);
        await settle();
      }
    },
  };
}

datagramContract("memory", memoryWorld);

Deno.test("MemoryDatagramNetwork loses, repeats and delays as it is told", () => {
  const network = new MemoryDatagramNetwork({
    fate: (_from, _to, bytes) => [[], [5], [30, 10]][bytes[0]!]!,
  });
  const [ann, bob] = [1, 2].map((port) => network.open({ host: "10.0.0.1", port }));
  const came: [number, number][] = [];
  bob!.handle({
    datagram: (_, bytes) => came.push([network.clock.nowMs(), bytes[0]!]),
    turn() {},
  });

  for (const byte of [0, 1, 2]) ann!.send(bob!.local, Uint8Array.of(byte));
  network.clock.advance(100);

  assertEquals(came, [[5, 1], [10, 2], [30, 2]]);
});
