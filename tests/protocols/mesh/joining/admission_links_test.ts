import { assertEquals } from "@std/assert";
import type { ProcessKey, RoomId } from "../../../../lib/base/ids.ts";
import { isNewcomerStage } from "../../../../lib/protocols/mesh/joining/admission_links.ts";
import { beaconOf, claimOf, keyOf } from "../membership_fixtures.ts";
import { linksOf } from "./admission_parts.ts";

const BOB = keyOf("Bob");

Deno.test("AdmissionLinks: the first member link is the one by which we came in, told once", () => {
  const { links, up, done } = linksOf();
  links.isIn = false;
  for (const name of ["Bob", "Carl"]) {
    const link = up(keyOf(name));
    link.dueMs = 5;
    links.becomeMember(link, beaconOf(name, 1), claimOf(name).signed);
    assertEquals([link.isMember, link.stage.at, link.dueMs], [true, "member", null]);
  }
  assertEquals(done(), ["came-in", "member", "member"]);
});

Deno.test("AdmissionLinks: what is refused ends the link, unless it is a member's", () => {
  const { links, up, done } = linksOf();
  links.turnAwayName(up(BOB), "Bob");
  assertEquals([done(), links.byId.size], [["refuse: name-taken", "close"], 0]);

  const member = up(BOB, true);
  member.admittingDueMs = 5;
  links.turnAway(member, "too-fast", "wait");
  links.outOfTurn(member, "offer");
  assertEquals([done(), member.admittingDueMs, links.byId.size], [["refuse: too-fast"], null, 1]);
  links.penalise(member, "protocol", "why");
  assertEquals([done(), links.byId.size], [["penalise: protocol"], 1]);

  links.outOfTurn(up(BOB), "offer");
  assertEquals(done(), ["penalise: protocol", "close"]);
});

Deno.test("AdmissionLinks: credentials are the other end's own, of this room and process, and signed", () => {
  const good = [beaconOf("Bob", 1), claimOf("Bob").signed] as const;
  const outcome = (beacon = good[0], claim = good[1]) => {
    const { links, up, done } = linksOf();
    const isGood = links.areCredentials(up(BOB), beacon, claim);
    return [isGood, ...done()];
  };
  const unfit = [false, "penalise: protocol", "close"];
  assertEquals(outcome(), [true]);
  assertEquals(outcome(beaconOf("Bob", 1, { state: "quit" })), [false, "close"]);
  assertEquals(outcome(beaconOf("Bob", 1, { room: "cd".repeat(32) as RoomId })), unfit);
  assertEquals(outcome(beaconOf("Bob", 1, { process: "d".repeat(64) as ProcessKey })), unfit);
  assertEquals(outcome(beaconOf("Carl", 1), claimOf("Carl").signed), unfit);
  assertEquals(
    outcome(beaconOf("Bob", 1, { claim: claimOf("Carl").id }), claimOf("Carl").signed),
    unfit,
  );
  assertEquals(outcome(beaconOf("Bob", 1, { claim: claimOf("Carl").id })), unfit);
  const signature = new Uint8Array(64);
  const forged = [false, "penalise: invalid-signature", "close"];
  assertEquals(outcome({ ...good[0], signature }), forged);
  assertEquals(outcome(good[0], { ...good[1], signature }), forged);
});

Deno.test("isNewcomerStage(): while we wait for what we asked", () => {
  const claim = claimOf("Bob").signed;
  assertEquals(
    [{ at: "silent" }, { at: "asking", name: "Bob" }, { at: "accepting", claim }, { at: "member" }]
      .map((stage) => isNewcomerStage(stage as Parameters<typeof isNewcomerStage>[0])),
    [false, true, true, false],
  );
});
