/** How a member lets somebody in, and holds names for its neighbours' newcomers. */

import { assertEquals } from "@std/assert";
import type { FoldedName, PeerKey } from "../../../../lib/base/ids.ts";
import {
  ADMISSION_LAN,
  type AdmissionPort,
} from "../../../../lib/protocols/mesh/joining/admission_io.ts";
import type { Link } from "../../../../lib/protocols/mesh/joining/admission_links.ts";
import { Admitting, admittingDueMs } from "../../../../lib/protocols/mesh/joining/admitting.ts";
import { claimIdOf, completeClaim } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import {
  HOLD_WORDS_BROKEN_MAX,
  ROSTER_MAX,
  ROSTER_PER_ADDRESS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { beaconOf, claimOf, fakeEnvironment, keyOf } from "../membership_fixtures.ts";
import { linksOf } from "./admission_parts.ts";

const [BOB, CARL] = ["Bob", "Carl"].map(keyOf) as [PeerKey, PeerKey];
/** The smaller key of two comes first. */
const [FIRST, SECOND] = ["Dora", "Emil"].map(keyOf).toSorted() as [PeerKey, PeerKey];
const folded = "bob" as FoldedName;
const { holdReplyMs, holdMs } = ADMISSION_LAN;

/** Ann's. */
function admittingOf(port: Partial<AdmissionPort> = {}) {
  const { links, up, done } = linksOf();
  const part = new Admitting(
    ADMISSION_LAN,
    fakeEnvironment(),
    fakeSigner("Ann"),
    {
      ownerOf: () => null,
      incarnationOf: () => 0,
      isLive: () => false,
      entryOf: () => null,
      liveMembers: () => 1,
      latestHead: () => null,
      selfBeacon: () => beaconOf("Ann", 1),
      selfClaim: () => claimOf("Ann").signed,
      neighbours: () => [],
      ...port,
    },
    links,
  );
  const asks = (link: Link, name = "Bob", nowMs = 0) => {
    const endpoint = { host: "", port: 7 };
    const join = {
      type: "join",
      room: null,
      name,
      incarnation: 5,
      endpoint,
      earlier: null,
    } as const;
    part.joinAsked(link, join, nowMs);
    return done();
  };
  const holds = (key: PeerKey, by: PeerKey, nowMs = 0) => {
    part.holdName(by, { type: "hold-name", folded, key }, nowMs);
    return done();
  };
  const answers = (from: PeerKey, rival: PeerKey | null, nowMs = 0, key = BOB) => {
    part.holdReply(from, { type: "hold-reply", folded, key, owner: null, rival }, nowMs);
    return done();
  };
  const tick = (nowMs: number) => {
    part.tick(nowMs);
    return done();
  };
  return { part, links, up, done, asks, holds, answers, tick };
}

Deno.test("Admitting: a name is offered once all neighbours hold it, or have had the time to object", () => {
  const { up, asks, answers, tick } = admittingOf({ neighbours: () => [CARL, BOB, FIRST] });
  const link = up(BOB);
  assertEquals(asks(link), ["hold-name", "hold-name"]);
  assertEquals([answers(CARL, null), admittingDueMs(link)], [[], holdReplyMs]);
  assertEquals([tick(holdReplyMs - 1), tick(holdReplyMs), link.admitting?.at], [
    [],
    ["offer"],
    "offered",
  ]);

  const quick = admittingOf({ neighbours: () => [CARL] });
  quick.asks(quick.up(BOB));
  assertEquals(quick.answers(CARL, null), ["offer"]);
  const gone = admittingOf({ neighbours: () => [CARL] });
  gone.asks(gone.up(BOB));
  gone.part.neighbourGone(CARL, 0);
  assertEquals(gone.done(), ["offer"]);
});

Deno.test("Admitting: who has a name already, or a bad one, or comes where it is full, is refused", () => {
  const refusal = (port: Partial<AdmissionPort>, name = "Bob") => {
    const { up, asks } = admittingOf(port);
    return asks(up(BOB), name)[0];
  };
  assertEquals(refusal({ ownerOf: () => CARL }), "refuse: name-taken");
  assertEquals([refusal({ ownerOf: () => BOB }), refusal({})], ["offer", "offer"]);
  assertEquals(refusal({}, ""), "refuse: bad-name");
  assertEquals(refusal({ liveMembers: () => ROSTER_MAX }), "refuse: full");
  assertEquals(refusal({ liveMembers: () => ROSTER_MAX, isLive: () => true }), "offer");

  const { up, asks } = admittingOf();
  const crowd = Array.from(
    { length: ADMISSION_LAN.joinsBurst + 1 },
    (_, n) => asks(up(keyOf(`P${n}`)), `P${n}`)[0],
  );
  assertEquals([crowd.at(-2), crowd.at(-1)], ["offer", "refuse: too-fast"]);
});

/** Has `who` come in from this address. */
function letIn(
  { links, up, part, done }: ReturnType<typeof admittingOf>,
  who: string,
  host: string,
) {
  const link = up(keyOf(who), false, host);
  part.joinAsked(link, {
    type: "join",
    room: null,
    name: who,
    incarnation: 5,
    endpoint: null,
    earlier: null,
  }, 0);
  const [offer] = links.takeEffects();
  if (offer?.type !== "send" || offer.message.type !== "offer") return ["no offer"];
  const claim = completeClaim(fakeCrypto, fakeSigner(who), offer.message);
  const beacon = beaconOf(who, 1, { claim: claimIdOf(fakeCrypto, claim) });
  part.accepted(link, { type: "accept", claim, beacon });
  return done();
}

Deno.test("Admitting: who accepts is welcomed; another claim than the offered one costs the link", () => {
  const ann = admittingOf();
  assertEquals(letIn(ann, "Bob", "8.8.8.8"), ["welcome", "member"]);

  const { up, asks, part, done } = admittingOf();
  const link = up(BOB);
  asks(link);
  part.accepted(link, {
    type: "accept",
    claim: claimOf("Bob", "Bobby").signed,
    beacon: beaconOf("Bob", 1),
  });
  assertEquals(done(), ["penalise: protocol", "close"]);
});

Deno.test("Admitting: one address has so many members that we let in and are here, a private one any number", () => {
  const live = new Set<PeerKey>();
  const ann = admittingOf({ isLive: (key) => live.has(key) });
  for (let n = 0; n < ROSTER_PER_ADDRESS_MAX; n++) {
    assertEquals(letIn(ann, `P${n}`, "8.8.8.8").at(-1), "member");
    live.add(keyOf(`P${n}`));
  }
  assertEquals([letIn(ann, "Bob", "8.8.8.8"), letIn(ann, "Cem", "8.8.4.4").at(-1)], [
    ["no offer"],
    "member",
  ]);
  live.delete(keyOf("P0"));
  assertEquals(letIn(ann, "Bob", "8.8.8.8").at(-1), "member");

  const local = admittingOf({ isLive: (key) => key !== keyOf("X") });
  for (let n = 0; n < ROSTER_PER_ADDRESS_MAX; n++) letIn(local, `P${n}`, "192.168.0.9");
  assertEquals(letIn(local, "X", "192.168.0.9").at(-1), "member");
});

Deno.test("Admitting: of two that ask for one name the smaller key has it; the other waits as long as a hold", () => {
  const own = admittingOf();
  const [first, second] = [own.up(FIRST), own.up(SECOND)];
  assertEquals(own.asks(first), ["offer"]);
  assertEquals([own.asks(second), admittingDueMs(second)], [[], holdMs]);
  assertEquals(own.tick(holdMs), ["offer"]);

  const late = admittingOf({ neighbours: () => [CARL] });
  for (const key of [SECOND, FIRST]) late.asks(late.up(key));
  assertEquals(late.answers(CARL, null, 0, SECOND), [], "the smaller key has asked since");
  assertEquals(late.answers(CARL, null, 0, FIRST), ["offer"]);

  const { holds, asks, up, tick } = admittingOf();
  assertEquals(holds(FIRST, CARL), ["hold-reply: held"]);
  assertEquals([holds(SECOND, CARL), holds(FIRST, BOB)], [["hold-reply: asked for"], [
    "hold-reply: held",
  ]]);
  const waits = up(SECOND);
  assertEquals([asks(waits), tick(holdMs)], [[], ["offer"]]);
});

Deno.test("Admitting: a hold ends by itself, or once its newcomer has come in; an owner is shown", () => {
  const known = new Map<PeerKey, number>();
  const { holds, part } = admittingOf({ incarnationOf: (key) => known.get(key) ?? 0 });
  holds(FIRST, CARL, 0);
  assertEquals(part.nextHoldMs(), holdMs);
  assertEquals(holds(SECOND, CARL, holdMs), ["hold-reply: held"]);

  const laterMs = 2 * holdMs;
  holds(FIRST, CARL, laterMs);
  known.set(FIRST, 5);
  assertEquals(holds(SECOND, CARL, laterMs + 1), ["hold-reply: held"]);
  const entry = { claim: claimOf("Bob").signed, beacon: beaconOf("Bob", 1), lost: false, ageMs: 0 };
  const owned = admittingOf({ ownerOf: () => BOB, entryOf: () => entry });
  assertEquals([owned.holds(FIRST, CARL), owned.holds(BOB, CARL)], [["hold-reply: taken"], [
    "hold-reply: held",
  ]]);
});

Deno.test("Admitting: a neighbour that said several times in vain that somebody takes a name isn't asked for a while", () => {
  const { up, asks, answers, tick } = admittingOf({ neighbours: () => [CARL] });
  for (let n = 0; n < HOLD_WORDS_BROKEN_MAX; n++) {
    const nowMs = n * 10_000;
    const key = keyOf(`P${n}`);
    assertEquals(asks(up(key), "Bob", nowMs), ["hold-name"]);
    assertEquals(answers(CARL, FIRST, nowMs, key), []);
    assertEquals(tick(nowMs + holdMs), ["offer"]);
    tick(nowMs + 9_000);
  }
  const other = up(SECOND);
  assertEquals(asks(other, "Other", 40_000), ["offer"]);
});

Deno.test("Admitting: a neighbour asks for holds at the rate of its newcomers, and pays for far more", () => {
  const { holds } = admittingOf();
  const asked = Array.from(
    { length: 2 * ADMISSION_LAN.joinsBurst + 1 },
    () => holds(FIRST, CARL)[0],
  );
  assertEquals([asked.at(-2), asked.at(-1)], ["hold-reply: held", "penalise: flood"]);
});
