import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import type { Behind } from "../../../../lib/protocols/mesh/log/order_io.ts";
import { AuthorFlow, type BehindOf } from "../../../../lib/protocols/mesh/log/author_flow.ts";

const ANN = "a".repeat(64) as PeerKey;
const BOB = "b".repeat(64) as PeerKey;
/** By what each is behind. */
function each(behind: (latest: number, peer: PeerKey) => Behind): BehindOf {
  return (all) => new Map([...all].map(([peer, latest]) => [peer, behind(latest, peer)]));
}

/** Each ms of room time has one message of 100 bytes, up to time 20,000. */
const behindOf = each((latest) => ({ messages: 20_000 - latest, bytes: 100 * (20_000 - latest) }));

Deno.test("AuthorFlow.laggards() names who is more than 5,000 messages behind, for 30 s at most", () => {
  const flow = new AuthorFlow(behindOf);
  flow.heard(ANN, 15_000);
  flow.heard(BOB, 14_999);

  const now = flow.laggards(1_000);
  const later = flow.laggards(30_999);
  const givenUp = flow.laggards(31_000);

  assertEquals([now, later, givenUp], [[BOB], [BOB], []]);
});

Deno.test("AuthorFlow.laggards() lets go of who catches up, and waits for it anew", () => {
  const flow = new AuthorFlow(each((latest) => ({ messages: latest < 10 ? 5_001 : 0, bytes: 0 })));
  flow.heard(BOB, 1);
  flow.laggards(0);
  flow.heard(BOB, 10);

  const caughtUp = flow.laggards(29_000);
  const deadline = flow.nextMs();

  assertEquals([caughtUp, deadline], [[], null]);
});

Deno.test("AuthorFlow.laggards() waits for nobody to see what that one has said itself", () => {
  const flow = new AuthorFlow(
    each((_, peer) => ({ messages: peer === ANN ? 0 : 5_001, bytes: 0 })),
  );
  flow.heard(ANN, 1);
  flow.heard(BOB, 1);

  assertEquals(flow.laggards(0), [BOB]);
});

Deno.test("AuthorFlow.waitedFor() looks again when somebody was heard of, has left, or has had its time", () => {
  let looks = 0;
  const behind = each((latest) => ({ messages: latest < 10 ? 5_001 : 0, bytes: 0 }));
  const flow = new AuthorFlow((all) => {
    looks++;
    return behind(all);
  });
  const waitedFor = (nowMs: number) => [flow.waitedFor(nowMs), looks];
  flow.heard(BOB, 1);
  const notYet = waitedFor(0);
  flow.sent(256, 1);

  assertEquals([notYet, waitedFor(0), waitedFor(29_999)], [[[], 0], [[BOB], 1], [[BOB], 1]]);
  flow.heard(ANN, 1);
  assertEquals([waitedFor(29_999), waitedFor(30_000)], [[[BOB, ANN], 2], [[ANN], 3]]);
  flow.heard(ANN, 10);
  assertEquals([waitedFor(30_099), flow.nextMs()], [[[ANN], 3], 30_100]);
  assertEquals([waitedFor(30_100), waitedFor(60_000)], [[[], 4], [[], 4]]);
});

Deno.test("AuthorFlow.laggards() counts bytes too, and forgets who left", () => {
  const flow = new AuthorFlow(each(() => ({ messages: 1, bytes: 32 * 1024 * 1024 + 1 })));
  flow.heard(ANN, 1);

  const behind = flow.laggards(0);
  flow.left(ANN);

  assertEquals([behind, flow.laggards(1)], [[ANN], []]);
});

Deno.test("AuthorFlow.hasOwn() tells who is known to have everything up to our last message", () => {
  const flow = new AuthorFlow(behindOf);
  flow.heard(ANN, 7);
  flow.heard(ANN, 5);
  const having = () => [ANN, BOB].map((peer) => flow.hasOwn(peer));

  const before = having();
  flow.sent(1, 7);
  const at7 = having();
  flow.sent(1, 8);
  assertEquals([before, at7, having()], [[true, true], [true, false], [false, false]]);
});
