import { assertEquals } from "@std/assert";
import type { Endpoint, LinkId, PeerKey } from "../../../../lib/base/ids.ts";
import { DialBacks } from "../../../../lib/protocols/mesh/links/reachability.ts";
import type { Dial } from "../../../../lib/protocols/mesh/links/dialling.ts";
import type { DialFailureReason } from "../../../../lib/protocols/mesh/schema/mesh_io.ts";

/** What the asking members announce. */
const ANNOUNCED = { host: "192.168.7.7", port: 55_107 };

const keyOf = (number: number) => String(number).padStart(64, "a") as PeerKey;

function linkOf(number: number, dialled = false) {
  const remote = { host: `203.0.113.${number}`, port: 40_000 };
  const [link, peer] = [number as LinkId, keyOf(number)];
  return { link, peer, dialled, remote, secret: null, state: "member" } as const;
}

function someone() {
  const dials: Dial[] = [];
  const reached: (Endpoint | null)[] = [];
  const answers: (readonly [PeerKey, boolean | null])[] = [];
  const dialBacks = new DialBacks({
    dial: (dial) => dials.push({ ...dial, room: null }),
    answer: (peer, isReachable, at) => {
      answers.push([peer, isReachable]);
      reached.push(at);
    },
  });
  return { dialBacks, dials, answers, reached };
}

Deno.test("DialBacks dials the host that the link comes from, and says what came of it", () => {
  const { dialBacks, dials, answers } = someone();
  dialBacks.asked(linkOf(1), ANNOUNCED, 0);
  const endpoint = { host: "203.0.113.1", port: 55_107 };
  assertEquals(dials, [{ purpose: "dial-back", peer: keyOf(1), endpoint, room: null }]);
  assertEquals(answers, []);
  dialBacks.ended(dials[0]!, null);
  assertEquals(answers, [[keyOf(1), true]]);
});

Deno.test("DialBacks tells silence and somebody else from who can't be told from the member", () => {
  const outcomes: Readonly<Partial<Record<DialFailureReason, boolean | null>>> = {
    timeout: false,
    unreachable: false,
    "wrong-key": false,
    protocol: false,
    full: null,
    refused: null,
    "bad-credentials": null,
  };
  for (const [reason, isReachable] of Object.entries(outcomes)) {
    const { dialBacks, dials, answers } = someone();
    dialBacks.asked(linkOf(1), ANNOUNCED, 0);
    dialBacks.ended(dials[0]!, reason as DialFailureReason);
    assertEquals(answers, [[keyOf(1), isReachable]], reason);
  }
});

Deno.test("DialBacks makes few dials at a time, and few for one member", () => {
  const { dialBacks, dials, answers } = someone();
  for (let number = 1; number <= 5; number++) dialBacks.asked(linkOf(number), ANNOUNCED, 0);
  assertEquals([dials.length, answers], [4, [[keyOf(5), null]]]);
  dialBacks.ended(dials[0]!, "timeout");
  dialBacks.asked(linkOf(5), ANNOUNCED, 1_000);
  assertEquals(dials.length, 5);

  const other = someone();
  const askAt = (nowMs: number) => {
    const before = other.dials.length;
    other.dialBacks.asked(linkOf(1), ANNOUNCED, nowMs);
    const dial = other.dials[before];
    if (dial !== undefined) other.dialBacks.ended(dial, "timeout");
    return dial !== undefined;
  };
  assertEquals([0, 1, 2, 60_000, 60_001].map(askAt), [true, true, false, true, false]);
});

Deno.test("DialBacks dials nobody where it has dialled it, and nowhere where it can't", () => {
  const { dialBacks, dials, answers, reached } = someone();
  const dialled = linkOf(1, true);
  dialBacks.asked(dialled, dialled.remote, 0);
  dialBacks.asked(linkOf(2), { ...ANNOUNCED, port: 0 }, 0);
  const remote = { host: "fe80::1", port: 40_000 };
  dialBacks.asked({ ...linkOf(3), remote }, ANNOUNCED, 0);
  dialBacks.asked(linkOf(4, true), { host: "not a host", port: 1 }, 0);
  dialBacks.asked(linkOf(5, true), { host: "169.254.1.1", port: 1 }, 0);
  const untold = [2, 3, 4, 5].map((number) => [keyOf(number), null] as const);
  assertEquals([dials, answers], [[], [[keyOf(1), true], ...untold]]);
  const ownDials = [4, 5].map((number) => linkOf(number, true).remote);
  assertEquals(reached, [dialled.remote, null, null, ...ownDials]);
});

Deno.test("DialBacks dials a member where it says that it is, if that isn't where it was dialled", () => {
  const { dialBacks, dials, answers, reached } = someone();
  const link = linkOf(1, true);
  dialBacks.asked(link, ANNOUNCED, 0);
  dialBacks.asked(link, ANNOUNCED, 0);
  assertEquals(dials.map(({ endpoint }) => endpoint), [ANNOUNCED]);
  dialBacks.ended(dials[0]!, "timeout");
  assertEquals(answers, [[keyOf(1), null], [keyOf(1), false]]);
  assertEquals(reached, [link.remote, link.remote]);
});
