/** How a member lets somebody in. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  ADMISSION_LAN,
  type AdmissionPort,
} from "../../../../lib/protocols/mesh/joining/admission_io.ts";
import type { Link } from "../../../../lib/protocols/mesh/joining/admission_links.ts";
import { Admitting } from "../../../../lib/protocols/mesh/joining/admitting.ts";
import { claimIdOf, completeClaim } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import {
  ROSTER_MAX,
  ROSTER_PER_ADDRESS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { SignedClaim } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { beaconOf, claimOf, fakeEnvironment, keyOf } from "../membership_fixtures.ts";
import { linksOf } from "./admission_parts.ts";

const [BOB, CARL] = ["Bob", "Carl"].map(keyOf) as [PeerKey, PeerKey];

/** Ann's. */
function admittingOf(port: Partial<AdmissionPort> = {}) {
  const { links, up, done } = linksOf();
  const part = new Admitting(
    ADMISSION_LAN,
    fakeEnvironment(),
    fakeSigner("Ann"),
    {
      ownerOf: () => null,
      precedes: () => false,
      incarnationOf: () => 0,
      isLive: () => false,
      liveMembers: () => 1,
      latestHead: () => null,
      selfBeacon: () => beaconOf("Ann", 1),
      selfClaim: () => claimOf("Ann").signed,
      ...port,
    },
    links,
  );
  const asks = (link: Link, name = "Bob", earlier: SignedClaim | null = null) => {
    const endpoint = { host: "", port: 7 };
    const join = {
      type: "join",
      room: null,
      name,
      incarnation: 5,
      endpoint,
      earlier,
    } as const;
    part.joinAsked(link, join, 0);
    return done();
  };
  return { part, links, up, done, asks };
}

Deno.test("Admitting: who had the name before comes back though another took it, but nobody else, nor by /name", () => {
  const earlier = claimOf("Bob").signed;
  const answer = (isMember: boolean, precedes: boolean, shown: SignedClaim | null = earlier) => {
    const { up, asks } = admittingOf({ ownerOf: () => CARL, precedes: () => precedes });
    return asks(up(BOB, isMember), "Bob", shown)[0];
  };

  assertEquals(answer(false, true), "welcome");
  for (const [isMember, precedes] of [[false, false], [true, true]] as const) {
    assertEquals(answer(isMember, precedes), "refuse: name-taken");
  }
  for (const shown of [null, claimOf("Carl", "Bob").signed]) {
    assertEquals(answer(false, true, shown), "refuse: name-taken");
  }
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
