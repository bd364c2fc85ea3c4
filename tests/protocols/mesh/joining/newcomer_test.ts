/** How a newcomer asks, and what it takes for an answer. */

import { assertEquals } from "@std/assert";
import type { Endpoint, RoomId } from "../../../../lib/base/ids.ts";
import type { AdmissionConfig } from "../../../../lib/protocols/mesh/joining/admission_io.ts";
import type { Link } from "../../../../lib/protocols/mesh/joining/admission_links.ts";
import { Newcomer } from "../../../../lib/protocols/mesh/joining/newcomer.ts";
import { admitClaim } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import type { Claim } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  beaconOf,
  claimOf,
  fakeEnvironment,
  keyOf,
  ROOM,
  WALL_MS,
} from "../membership_fixtures.ts";
import { linksOf } from "./admission_parts.ts";

const ANN = keyOf("Ann");
const SEEN: Endpoint = { host: "8.8.8.8", port: 7 };

/** Bob's, who asks Ann. */
function newcomerOf(config: Partial<AdmissionConfig> = {}) {
  const { links, up, done } = linksOf({ isIn: false });
  const part = new Newcomer(
    {
      room: null,
      private: false,
      incarnationMin: 1,
      endpoint: { host: "", port: 7 },
      ownClaims: [],
      timing: { exchangeMs: 5_000 },
      ...config,
    },
    fakeEnvironment(),
    fakeSigner("Bob"),
    { selfBeacon: () => beaconOf("Bob", 1) },
    links,
  );
  const link = up(ANN);
  return { part, links, link, up, done };
}

/** What Ann offers: Bob's claim, or one with this change. */
function offerOf(change: Partial<Claim> = {}, endpoint: Endpoint | null = SEEN, by = "Ann") {
  const value = { ...claimOf("Bob").signed.claim.value, ...change };
  const { claim, admission } = admitClaim(fakeCrypto, fakeSigner(by), value);
  return { type: "offer", genesis: ROOM.genesis, claim, admission, endpoint } as const;
}

/** What Ann says to who comes back with its claim. */
function welcomeOf(endpoint: Endpoint | null = SEEN) {
  return {
    type: "welcome",
    genesis: ROOM.genesis,
    claim: claimOf("Bob").signed,
    endpoint,
    incarnation: 9,
    beacon: beaconOf("Ann", 1),
    admitterClaim: claimOf("Ann").signed,
  } as const;
}

const asked = (of = newcomerOf()) => {
  of.part.join(of.link, "Bob", 0);
  of.done();
  return of;
};

Deno.test("Newcomer: it asks by name, with the claim that it was given before, above the incarnations it knows of", () => {
  const { part, link, links } = newcomerOf({
    ownClaims: [claimOf("Bob").signed],
    incarnationMin: WALL_MS + 9,
  });
  part.join(link, "Bob", 100);
  const [effect] = links.takeEffects();
  const join = effect?.type === "send" && effect.message.type === "join" ? effect.message : null;
  assertEquals([join?.room, join?.incarnation, join?.earlier], [
    null,
    WALL_MS + 9,
    claimOf("Bob").signed,
  ]);
  assertEquals([link.stage, link.dueMs], [{ at: "asking", name: "Bob" }, 5_100]);
  part.join(link, "Bobby", 100);
  const [other] = links.takeEffects();
  assertEquals(
    other?.type === "send" && other.message.type === "join" && other.message.earlier,
    null,
  );
});

Deno.test("Newcomer: an offer is completed; once the roster has entered it is on disk, and accepted", () => {
  const { part, link, links, done } = asked();
  part.offered(link, offerOf());
  const [admitted] = links.takeEffects();
  assertEquals(
    admitted?.type === "admitted" && [admitted.endpoint, admitted.room, admitted.rename],
    [
      SEEN,
      ROOM.room,
      false,
    ],
  );
  part.entered(link.id, 50);
  assertEquals([done(), link.stage.at, link.dueMs], [["persist", "accept"], "accepting", 5_050]);
  part.welcomed(link, welcomeOf());
  assertEquals([done(), link.isMember], [["came-in", "member"], true]);
});

Deno.test("Newcomer: an answer that can't be right ends the exchange", () => {
  const outcome = (offer: ReturnType<typeof offerOf>, config: Partial<AdmissionConfig> = {}) => {
    const { part, link, done } = asked(newcomerOf(config));
    part.offered(link, offer);
    return done();
  };
  const refused = ["refused: protocol", "close"];
  assertEquals(outcome(offerOf()), ["admitted"]);
  for (
    const bad of [
      offerOf({ key: keyOf("Carl") }),
      offerOf({ name: "Bobby", folded: "bobby" }),
      offerOf({ name: "bOB" }), // the same name as others compare it, spelled as nobody has asked for
      offerOf({ admitter: keyOf("Carl") }, SEEN, "Carl"),
      offerOf({}, { host: "some.example", port: 7 }),
      offerOf({}, null),
      { ...offerOf(), admission: new Uint8Array(64) },
    ]
  ) assertEquals(outcome(bad), refused);
  assertEquals(outcome(offerOf(), { private: true }), refused);
  assertEquals(outcome(offerOf(), { room: "cd".repeat(32) as RoomId }), refused);
  assertEquals(outcome(offerOf({}, null), { endpoint: null }), ["admitted"]);
});

Deno.test("Newcomer: a claim that was given before is welcomed at once; one that wasn't shown isn't", () => {
  const { part, link, done } = asked(newcomerOf({ ownClaims: [claimOf("Bob").signed] }));
  part.welcomed(link, welcomeOf());
  assertEquals(done(), ["admitted"]);
  part.entered(link.id, 0);
  assertEquals([done(), link.isMember], [["persist", "accept", "came-in", "member"], true]);

  const stranger = asked();
  stranger.part.welcomed(stranger.link, welcomeOf());
  assertEquals(stranger.done(), ["refused: protocol", "close"]);
  const forged = {
    ...welcomeOf(),
    beacon: { ...beaconOf("Ann", 1), signature: new Uint8Array(64) },
  };
  const fooled = asked(newcomerOf({ ownClaims: [claimOf("Bob").signed] }));
  fooled.part.welcomed(fooled.link, forged);
  assertEquals(fooled.done(), ["penalise: invalid-signature", "close"]);
});

Deno.test("Newcomer: what wasn't asked for is out of turn, and a refusal of it closes a link that isn't a member's", () => {
  const { part, link, done, up } = newcomerOf();
  part.offered(link, offerOf());
  assertEquals(done(), ["penalise: protocol", "close"]);
  const refuse = { type: "refuse", code: "full", text: "no", room: null } as const;
  part.refuse(up(ANN), refuse);
  assertEquals(done(), ["close"]);
  const member: Link = up(ANN, true);
  part.refuse(member, refuse);
  assertEquals(done(), []);
  part.join(member, "Bobby", 0);
  part.refuse(member, refuse);
  assertEquals([done(), member.stage.at], [["join", "refused: full"], "member"]);
});
