import { assertEquals } from "@std/assert";
import type { Endpoint, PeerKey } from "../../../../lib/base/ids.ts";
import { Reachability } from "../../../../lib/protocols/mesh/links/reachability.ts";

const MINUTE_MS = 60_000;
const PUBLIC = { host: "203.0.113.1", port: 55_107 };
const OTHER = { host: "203.0.113.2", port: 55_107 };
const NEIGHBOUR_AT_HOME = { host: "192.168.1.5", port: 40_000 };
const [ann, bob, cem, dan] = ["a", "b", "c", "d"].map((digit) => digit.repeat(64) as PeerKey) as [
  PeerKey,
  PeerKey,
  PeerKey,
  PeerKey,
];

/** Somebody at a public address with these neighbours, and what it does, at which second. */
function someone(...neighbours: readonly PeerKey[]) {
  const done: string[] = [];
  const remotes = new Map<PeerKey, Endpoint>();
  const inbound = new Set<PeerKey>();
  let nowMs = 0;
  const note = (what: string) => done.push(`${nowMs / 1_000} ${what}`);
  const reachability = new Reachability({
    neighbours: () =>
      neighbours.map((peer) => {
        return { peer, remote: remotes.get(peer) ?? OTHER, dialled: !inbound.has(peer) };
      }),
    ask: (peer) => note(`asks ${peer[0]}`),
    changed: ({ host }, isReachable, elsewhere) => {
      const where = elsewhere === null ? "" : `, but ${elsewhere.host} is`;
      note(`${host} ${isReachable ? "is" : "isn't"} reachable${isReachable ? "" : where}`);
    },
  });
  reachability.announced(PUBLIC, 0);
  return {
    reachability,
    /** Where neighbours are, if not elsewhere. */
    remotes,
    /** Neighbours that have dialled. */
    inbound,
    /** What it has done since the last call. */
    news: () => done.splice(0),
    at(ms: number) {
      for (;;) {
        const due = reachability.deadlines.nextMs();
        if (due === null || due > ms) break;
        nowMs = due;
        reachability.deadlines.tick(nowMs);
      }
      nowMs = ms;
    },
    answers: (peer: PeerKey, reachable: boolean | null, reached: Endpoint | null = null) =>
      reachability.answered(peer, { reachable, reached }, nowMs),
  };
}

Deno.test("Reachability asks who has dialled first of all, and nobody any more once it is known", () => {
  const { answers, at, inbound, news, reachability } = someone(ann, bob, cem, dan);
  inbound.add(dan);
  at(5_000);
  reachability.dialled(OTHER, 5_000);
  at(10_000);
  assertEquals(news(), ["10 asks d", "10 asks a", "10 asks b"]);
  for (const peer of [ann, bob, dan]) answers(peer, true);
  at(60 * MINUTE_MS);
  assertEquals([news(), reachability.deadlines.nextMs()], [[], null]);
});

Deno.test("Reachability isn't shown by somebody who came in elsewhere: that address is told", () => {
  const { answers, at, inbound, news, reachability } = someone(ann);
  inbound.add(ann);
  reachability.dialled(OTHER, 0);
  at(10_000);
  answers(ann, false, OTHER);
  assertEquals(news(), ["10 asks a", "10 203.0.113.1 isn't reachable, but 203.0.113.2 is"]);
});

Deno.test("Reachability tells of no address that nobody can have dialled", () => {
  for (
    const reached of [{ host: "x; rm -rf ~", port: 1 }, { host: "::", port: 1 }, {
      ...OTHER,
      port: 0,
    }]
  ) {
    const { answers, at, news } = someone(ann);
    at(10_000);
    answers(ann, false, reached);
    assertEquals(news(), ["10 asks a", "10 203.0.113.1 isn't reachable"]);
  }
});

Deno.test("Reachability learns nothing of a public address from who dials within one's own house", () => {
  const { at, news, reachability, remotes } = someone(bob, ann);
  remotes.set(bob, NEIGHBOUR_AT_HOME);
  at(10_000);
  assertEquals(news(), ["10 asks a"]);
  reachability.announced({ host: "192.168.1.7", port: 1 }, 10_000);
  at(20_000);
  assertEquals(news(), ["20 asks b", "20 asks a"]);
  assertEquals(reachability.deadlines.nextMs(), 35_000);
});

Deno.test("Reachability goes by the majority of three, and asks again after a minute", () => {
  const { answers, at, news } = someone(ann, bob, cem, dan);
  at(10_000);
  assertEquals(news(), ["10 asks a", "10 asks b", "10 asks c"]);
  at(12_000);
  answers(ann, false);
  answers(dan, false); // who wasn't asked
  answers(ann, false); // twice
  answers(bob, true);
  assertEquals(news(), []);
  answers(cem, false);
  assertEquals(news(), ["12 203.0.113.1 isn't reachable"]);
  at(12_000 + MINUTE_MS);
  assertEquals(news(), ["72 asks a", "72 asks b", "72 asks c"]);
  for (const peer of [ann, bob, cem]) answers(peer, true);
  assertEquals(news(), ["72 203.0.113.1 is reachable"]);
});

Deno.test("Reachability that stays in doubt asks more and more rarely, every ten minutes at last", () => {
  const { answers, at, news } = someone(ann);
  at(10_000);
  const pauses = [1, 2, 4, 8, 10, 10];
  const all = pauses.map((_, index) => pauses.slice(0, index + 1).reduce((a, b) => a + b));
  for (const minutes of all) {
    answers(ann, false);
    at(10_000 + minutes * MINUTE_MS);
  }

  const asked = all.map((minutes) => `${10 + 60 * minutes} asks a`);
  assertEquals(news(), ["10 asks a", "10 203.0.113.1 isn't reachable", ...asked]);
});

Deno.test("Reachability believes one neighbour only where there is no other", () => {
  const alone = someone(ann);
  alone.at(10_000);
  alone.answers(ann, false);
  assertEquals(alone.news(), ["10 asks a", "10 203.0.113.1 isn't reachable"]);

  const { answers, at, news } = someone(ann, bob, cem);
  at(10_000);
  answers(ann, false);
  answers(bob, null);
  news();
  at(24_999);
  assertEquals(news(), []);
  at(30_000);
  answers(cem, false);
  assertEquals(news(), [], "too late");
});

Deno.test("Reachability waits 15 s for who doesn't answer, and not for who is gone", () => {
  const { answers, at, news, reachability } = someone(ann, bob, cem);
  at(10_000);
  news();
  answers(ann, false);
  answers(bob, false);
  at(24_000);
  assertEquals(news(), []);
  reachability.gone(cem, 24_000);
  assertEquals(news(), ["24 203.0.113.1 isn't reachable"]);

  const other = someone(ann, bob, cem);
  other.at(10_000);
  other.news();
  other.answers(ann, false);
  other.answers(bob, false);
  other.at(26_000);
  assertEquals(other.news(), ["25 203.0.113.1 isn't reachable"]);
});

Deno.test("Reachability finds out anew at another address, and once somebody has dialled after all", () => {
  const { answers, at, news, reachability } = someone(ann);
  at(10_000);
  answers(ann, false);
  reachability.dialled(OTHER, 12_000);
  reachability.dialled(OTHER, 13_000);
  at(25_000);
  answers(ann, true);
  assertEquals(news().slice(1), [
    "10 203.0.113.1 isn't reachable",
    "25 asks a",
    "25 203.0.113.1 is reachable",
  ]);
  reachability.announced(OTHER, 30_000);
  at(40_000);
  answers(ann, false);
  assertEquals(news(), ["40 asks a", "40 203.0.113.2 isn't reachable"]);
});

Deno.test("Reachability asks as soon as there is somebody to be asked", () => {
  const neighbours: PeerKey[] = [];
  const asked: PeerKey[] = [];
  const reachability = new Reachability({
    neighbours: () => neighbours.map((peer) => ({ peer, remote: OTHER, dialled: true })),
    ask: (peer) => asked.push(peer),
    changed() {},
  });
  reachability.announced(PUBLIC, 0);
  reachability.deadlines.tick(10_000);
  neighbours.push(ann);
  reachability.deadlines.tick(20_000);
  assertEquals(asked, [ann]);
});
