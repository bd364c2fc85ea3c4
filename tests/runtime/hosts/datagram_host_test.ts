import { assertEquals } from "@std/assert";
import { MemoryDatagramNetwork } from "../../doubles/memory_datagrams.ts";
import { End } from "../datagram_ends.ts";

function pair() {
  let datagrams = 0;
  const network = new MemoryDatagramNetwork({ fate: () => [(datagrams += 1) && 5] });
  const open = (port: number) => network.open({ host: "10.0.0.1", port });
  const [ann, bob] = [
    new End("Ann", open(1), network.clock),
    new End("Bob", open(2), network.clock),
  ];
  ann.host.feed({ type: "connect", peer: bob.key, endpoint: { host: "10.0.0.1", port: 2 } });
  network.clock.advance(500);
  return { network, ann, bob, sent: () => datagrams };
}

Deno.test("DatagramHost: what is sent in one turn shares datagrams, and a lone message doesn't wait", () => {
  const { network, ann, bob, sent } = pair();
  const before = sent();
  for (let n = 0; n < 5; n++) ann.send(bob.key, `message ${n}`);
  network.clock.advance(0);
  assertEquals(sent() - before, 1);
  network.clock.advance(5);
  assertEquals(bob.heard.data.length, 5);

  ann.send(bob.key, "alone");
  network.clock.advance(5);

  assertEquals(bob.heard.data.at(-1), "alone");
});

Deno.test("DatagramHost: deadlines are kept by one timer, and none after it was stopped", async () => {
  const { network, ann, bob, sent } = pair();
  network.fate = () => [];
  network.clock.advance(10_000);
  assertEquals(ann.told.map(({ type }) => type), ["up", "silent"]);

  await Promise.all([ann.stop(), bob.stop()]);
  const before = sent();
  network.clock.advance(60_000);
  ann.send(bob.key, "nothing");
  network.clock.advance(1_000);

  assertEquals([sent(), ann.told.length], [before, 2]);
});
