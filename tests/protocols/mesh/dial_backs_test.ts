import { assertEquals } from "@std/assert";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { DialBacks } from "../../../lib/protocols/mesh/dial_backs.ts";
import type { Dial } from "../../../lib/protocols/mesh/dialling.ts";
import type { DialFailureReason } from "../../../lib/protocols/mesh/mesh_io.ts";

const keyOf = (number: number) => String(number).padStart(64, "a") as PeerKey;

function linkOf(number: number, dialled = false) {
  const remote = { host: `203.0.113.${number}`, port: 40_000 };
  const [link, peer] = [number as LinkId, keyOf(number)];
  return { link, peer, dialled, remote, state: "member" } as const;
}

function someone() {
  const dials: Dial[] = [];
  const answers: (readonly [PeerKey, boolean | null])[] = [];
  const dialBacks = new DialBacks({
    dial: (dial) => dials.push({ ...dial, room: null }),
    answer: (peer, isReachable) => answers.push([peer, isReachable]),
  });
  return { dialBacks, dials, answers };
}

Deno.test("DialBacks dials the host that the link comes from, and says what came of it", () => {
  const { dialBacks, dials, answers } = someone();
  dialBacks.asked(linkOf(1), 55_107, 0);
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
    dialBacks.asked(linkOf(1), 55_107, 0);
    dialBacks.ended(dials[0]!, reason as DialFailureReason);
    assertEquals(answers, [[keyOf(1), isReachable]], reason);
  }
});

Deno.test("DialBacks makes few dials at a time, and few for one member", () => {
  const { dialBacks, dials, answers } = someone();
  for (let number = 1; number <= 5; number++) dialBacks.asked(linkOf(number), 1, 0);
  assertEquals([dials.length, answers], [4, [[keyOf(5), null]]]);
  dialBacks.ended(dials[0]!, "timeout");
  dialBacks.asked(linkOf(5), 1, 1_000);
  assertEquals(dials.length, 5);

  const other = someone();
  const askAt = (nowMs: number) => {
    const before = other.dials.length;
    other.dialBacks.asked(linkOf(1), 1, nowMs);
    const dial = other.dials[before];
    if (dial !== undefined) other.dialBacks.ended(dial, "timeout");
    return dial !== undefined;
  };
  assertEquals([0, 1, 2, 60_000, 60_001].map(askAt), [true, true, false, true, false]);
});

Deno.test("DialBacks dials nobody whom it has dialled, and nowhere where it can't", () => {
  const { dialBacks, dials, answers } = someone();
  dialBacks.asked(linkOf(1, true), 55_107, 0);
  dialBacks.asked(linkOf(2), 0, 0);
  const remote = { host: "fe80::1", port: 40_000 };
  dialBacks.asked({ ...linkOf(3), remote }, 55_107, 0);
  assertEquals([dials, answers], [[], [[keyOf(1), true], [keyOf(2), null], [keyOf(3), null]]]);
});
