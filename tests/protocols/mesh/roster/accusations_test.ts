/** Who is suspected, accused and lost, and how that is refuted. */

import { assert, assertEquals } from "@std/assert";
import type { Hash, PeerKey } from "../../../../lib/base/ids.ts";
import { COMMON_INTERVAL_MS } from "../../../../lib/base/machine/common_times.ts";
import { Accusations } from "../../../../lib/protocols/mesh/roster/accusations.ts";
import type { Roster } from "../../../../lib/protocols/mesh/roster/roster.ts";
import { rosterBucketOf } from "../../../../lib/protocols/mesh/roster/roster_table.ts";
import type { RosterEffect } from "../../../../lib/protocols/mesh/roster/roster_io.ts";
import {
  BEACON_INTERVAL_PER_MEMBER_MS,
  ROSTER_BUCKETS,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { RosterMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { SignedBeacon } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { beaconOf, claimOf, ROOM, rosterWith, statementOf, told } from "../membership_fixtures.ts";
import { beacons, bob, carl, claims, dora, entryOf, tableWith } from "./roster_cases.ts";

/** The link to a neighbour breaks. @returns What the roster does then. */
function loseLink(roster: Roster, peer: PeerKey, nowMs: number): readonly RosterEffect[] {
  return [
    ...roster.step({ type: "neighbour-down", peer }, nowMs),
    ...roster.step({ type: "link-lost", peer }, nowMs),
  ];
}

Deno.test("Roster takes a neighbour whose link was lost for lost after 1.75 s, and says so at once", () => {
  const roster = rosterWith(["Bob", "Carl"]);

  const accusing = loseLink(roster, bob, 1_000);
  const early = roster.step({ type: "tick" }, 2_749);
  const late = roster.step({ type: "tick" }, 2_750);

  const statement = statementOf("Ann", "accuse", "Bob", 1);
  assertEquals(accusing, [
    { type: "suspected", key: bob },
    // Its own word isn't dropped for what it passes on of others'.
    {
      type: "send",
      to: carl,
      message: { type: "statements", statements: [statement] },
      lane: "control",
    },
  ]);
  assertEquals(early, []);
  assertEquals(told(late), [{ type: "left", key: bob, reason: "lost" }]);
});

Deno.test("Roster gives an accused member more time where it comes late itself", () => {
  const own = { lateMs: 0 };
  const roster = rosterWith(["Bob", "Carl"], [], own);
  loseLink(roster, bob, 1_000);
  assertEquals(roster.nextDeadlineMs(), 1_250, "it looks whether it comes late");

  own.lateMs = 450; // eight times 400 ms more, as a denial takes eight turns
  assertEquals(bobIsLiveAt(roster, 2_750, 5_949, 5_950), [true, true, false]);
});

Deno.test("Roster gives an accused member 12 s more at most", () => {
  const roster = rosterWith(["Bob", "Carl"], [], { lateMs: 1_999 });
  loseLink(roster, bob, 1_000);
  assertEquals(bobIsLiveAt(roster, 14_749, 14_750), [true, false]);
});

Deno.test("Roster accuses a newcomer whose link was lost before it was a neighbour", () => {
  const roster = rosterWith(["Carl"]);
  roster.step({
    type: "member",
    from: bob,
    beacon: beaconOf("Bob", 1),
    claim: claimOf("Bob").signed,
  }, 0);

  const accusing = roster.step({ type: "link-lost", peer: bob }, 1_000);
  const late = roster.step({ type: "tick" }, 2_750);

  const statements = [statementOf("Ann", "accuse", "Bob", 1)];
  assertEquals(accusing.at(-1), {
    type: "send",
    to: carl,
    message: { type: "statements", statements },
    lane: "control",
  });
  assertEquals(told(late), [{ type: "left", key: bob, reason: "lost" }]);
});

Deno.test("Roster accuses nobody whose link was closed, nor after a stall of its own", () => {
  const roster = rosterWith(["Bob", "Carl"]);

  const closed = roster.step({ type: "neighbour-down", peer: bob }, 1_000);
  roster.awoke(60_000, 1_000);
  const stalled = loseLink(roster, carl, 1_000);

  assertEquals([closed, stalled], [[], []]);
  assert(roster.isLive(bob) && roster.isLive(carl));
});

Deno.test("Roster renews its own lease at once after a stall of its own, and blames nobody for that", () => {
  const roster = rosterWith(["Bob"]);
  roster.step({ type: "neighbour-down", peer: bob }, 1_000);
  const { number } = roster.selfBeacon().beacon.value;

  roster.awoke(100_000, 10_000);
  roster.step({ type: "tick" }, 10_000);
  const before = roster.step({ type: "tick" }, 32_999);
  const after = roster.step({ type: "tick" }, 33_000);

  assert(roster.selfBeacon().beacon.value.number > number);
  assertEquals(told(before), []);
  assertEquals(told(after), [{ type: "left", key: bob, reason: "lost", silentMs: 33_000 }]);
});

Deno.test("Roster waits for a member as long as that says itself, however few others it knows", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  const large = beaconOf("Bob", 2, { intervalMs: 60_000 });
  roster.step({ type: "message", from: carl, message: beacons(beaconOf("Carl", 2)) }, 1_000);
  roster.step({ type: "message", from: bob, message: beacons(large) }, 1_000);
  const tickTo = (untilMs: number) => {
    for (let nowMs; (nowMs = roster.nextDeadlineMs()!) <= untilMs;) {
      roster.step({ type: "tick" }, nowMs);
    }
    return [roster.isLive(carl), roster.isLive(bob)];
  };

  assertEquals(tickTo(33_999), [true, true]);
  assertEquals(tickTo(34_000), [false, true]);
  assertEquals(tickTo(123_999), [false, true]);
  assertEquals(tickTo(124_000), [false, false]);
});

function bobIsLiveAt(roster: ReturnType<typeof rosterWith>, ...timesMs: readonly number[]) {
  return timesMs.map((nowMs) => {
    roster.step({ type: "tick" }, nowMs);
    return roster.isLive(bob);
  });
}

Deno.test("Roster waits as long for who others have heard of a while ago", () => {
  const roster = rosterWith(["Carl"]);
  const large = beaconOf("Bob", 2, { intervalMs: 60_000 });
  roster.step({ type: "message", from: carl, message: claims("Bob") }, 0);
  const aged: RosterMessage = { type: "beacons", beacons: [{ signed: large, ageMs: 100_000 }] };
  roster.step({ type: "message", from: carl, message: aged }, 0);

  assertEquals(bobIsLiveAt(roster, 62_999, 63_000), [true, false]);
});

Deno.test("Roster's beacons say when the next one follows, at the latest", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  assertEquals(roster.selfBeacon().beacon.value.intervalMs, 15_000);
  for (let n = 0; n < 400; n++) {
    roster.step({ type: "message", from: carl, message: claims(`M${n}`) }, 0);
    roster.step({ type: "message", from: carl, message: beacons(beaconOf(`M${n}`, 1)) }, 0);
  }
  roster.step({ type: "tick" }, 15_000);

  const { number, intervalMs } = roster.selfBeacon().beacon.value;
  assertEquals(intervalMs, BEACON_INTERVAL_PER_MEMBER_MS * roster.liveCount);
  roster.step({ type: "tick" }, 15_000 + 0.9 * intervalMs - COMMON_INTERVAL_MS);
  assertEquals(roster.selfBeacon().beacon.value.number, number);
  roster.step({ type: "tick" }, 15_000 + intervalMs);
  assertEquals(roster.selfBeacon().beacon.value.number, number + 1);
});

Deno.test("Roster drops a suspicion that a higher beacon refutes", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  loseLink(roster, bob, 1_000);

  const effects = roster.step(
    { type: "message", from: carl, message: beacons(beaconOf("Bob", 2)) },
    1_500,
  );
  roster.step({ type: "tick" }, 5_000);

  assertEquals(told(effects).map(({ type }) => type), ["unsuspected", "updated"]);
  assert(roster.isLive(bob));
});

Deno.test("Roster stands up for a neighbour after half a second", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  const accusation = statementOf("Carl", "accuse", "Bob", 1);
  const message: RosterMessage = { type: "statements", statements: [accusation] };

  const heard = roster.step({ type: "message", from: carl, message }, 1_000);
  const denying = roster.step({ type: "tick" }, 1_500);
  roster.step({ type: "tick" }, 5_000);

  assertEquals(heard, [
    { type: "suspected", key: bob },
    { type: "send", to: bob, message },
  ]);
  assertEquals(told(denying), [{ type: "unsuspected", key: bob }]);
  assert(roster.isLive(bob));
});

Deno.test("Roster answers an accusation of itself with a higher beacon", () => {
  const roster = rosterWith(["Bob"]);
  const { number } = roster.selfBeacon().beacon.value;
  const { incarnation } = ROOM;
  const value = statementOf("Bob", "accuse", "Ann", number).statement.value;
  const statement = {
    ...statementOf("Bob", "accuse", "Ann", number),
    statement: { bytes: new Uint8Array(), value: { ...value, incarnation } },
  };

  roster.step({
    type: "message",
    from: bob,
    message: { type: "statements", statements: [statement] },
  }, 1_000);
  roster.step({ type: "tick" }, 1_000);

  assertEquals(roster.selfBeacon().beacon.value.number, number + 1);
});

Deno.test("Roster shows its latest beacon to a neighbour that brings an accusation with an earlier one", () => {
  const roster = rosterWith(["Bob"]);
  roster.step({ type: "tick" }, 5 * 60_000); // while nobody heard it
  const latest = roster.selfBeacon();
  const { incarnation } = ROOM;
  const shownOn = (number: number) => {
    const signed = statementOf("Bob", "accuse", "Ann", number);
    const value = { ...signed.statement.value, incarnation };
    const statement = { ...signed, statement: { bytes: new Uint8Array(), value } };
    return roster.step({
      type: "message",
      from: bob,
      message: { type: "statements", statements: [statement] },
    }, 5 * 60_000 + 10).filter(({ type }) => type === "send");
  };
  const { number } = latest.beacon.value;

  assertEquals(shownOn(number - 1), [{
    type: "send",
    to: bob,
    message: { type: "beacons", beacons: [{ signed: latest, ageMs: 10 }] },
  }]);
  assertEquals(shownOn(number), [], "a later one is made for that");
});

/** How many beacons Ann makes once Bob has shown what he holds of her. */
function beaconsWhenShown(held: SignedBeacon, lost: boolean): number {
  const roster = rosterWith(["Carl"]);
  const first = roster.selfBeacon().beacon.value.number;
  roster.step({ type: "tick" }, 1_000);
  roster.step({ type: "neighbour-up", peer: bob }, 1_000);
  const hashes = Array.from({ length: ROSTER_BUCKETS }, () => "11".repeat(32) as Hash);
  let asked = roster.step(
    { type: "message", from: bob, message: { type: "roster-summary", hashes } },
    1_000,
  );
  const entry = { claim: roster.selfClaim(), beacon: held, lost, ageMs: 0 };
  const ownBucket = rosterBucketOf(held.beacon.value.key);
  for (let want = wantIn(asked); want !== null; want = wantIn(asked)) {
    assert(!want.known.some(({ key }) => key === held.beacon.value.key));
    asked = want.buckets.flatMap((bucket) => {
      const entries = bucket === ownBucket ? [entry] : [];
      const message = { type: "roster-part", bucket, entries, last: true } as const;
      return roster.step({ type: "message", from: bob, message }, 1_000);
    });
  }
  roster.step({ type: "tick" }, 1_200);
  return roster.selfBeacon().beacon.value.number - first;
}

function wantIn(effects: readonly RosterEffect[]) {
  for (const effect of effects) {
    if (effect.type === "send" && effect.message.type === "roster-want") return effect.message;
  }
  return null;
}

Deno.test("Roster makes a beacon for a new neighbour that took it for lost, and for no other", () => {
  const own = rosterWith(["Carl"]).selfBeacon();
  const { value } = own.beacon;
  const earlier = { ...own, beacon: { ...own.beacon, value: { ...value, number: 0 } } };

  assertEquals(beaconsWhenShown(own, false), 0);
  assertEquals(beaconsWhenShown(own, true), 1);
  // Our latest, which refutes that, is on its way.
  assertEquals(beaconsWhenShown(earlier, true), 0);
});

/** Ann's, who knows Bob, Carl and Emil to be here by their first beacons. */
function accusationsOf() {
  const effects: string[] = [];
  const passed: (readonly [string, PeerKey | null])[] = [];
  const faults: string[] = [];
  const sent: number[] = [];
  const part = new Accusations(
    tableWith(
      entryOf("Bob", 1),
      entryOf("Carl", 1),
      entryOf("Emil", 1),
      entryOf("Dora", 1, { state: "lost" }),
    ),
    {
      effect: ({ type }) => void effects.push(type),
      send: (_, message) =>
        void (message.type === "statements" && sent.push(message.statements.length)),
      penalise: (_, fault) => {
        faults.push(fault);
        return false;
      },
      statement: ({ statement: { value } }, from) => void passed.push([value.verdict, from]),
    },
    { crypto: fakeCrypto },
    fakeSigner("Ann"),
    { accusationMs: 1_750, denialDelayMs: 500 },
    { lateMs: 0 },
  );
  const hear = (signed = statementOf("Carl", "accuse", "Bob", 1), isNeighbour = false, nowMs = 0) =>
    part.hear(carl, signed, ROOM.room, () => isNeighbour, nowMs);
  return {
    part,
    hear,
    effects: () => effects.splice(0),
    passed: () => passed.splice(0),
    faults: () => faults.splice(0),
    sent,
  };
}

Deno.test("Accusations: a member is lost 1.75 s after it was accused, unless a later beacon comes", () => {
  const { part, effects, passed } = accusationsOf();
  part.accuse(bob, 1_000);
  assertEquals([effects(), passed(), part.nextMs()], [["suspected"], [["accuse", null]], 1_250]);
  part.accuse(dora, 1_000);
  part.accuse(bob, 1_500);
  assertEquals([effects(), passed(), part.tick(2_749), part.isSuspected(bob)], [[], [], [], true]);
  assertEquals(part.tick(2_750), [bob]);

  part.accuse(carl, 3_000);
  assertEquals([part.settle(carl), part.settle(carl)], [true, false]);
  assertEquals([part.tick(9_000), part.nextMs()], [[], null]);
});

Deno.test("Accusations: a neighbour is stood up for after half a second, if its link is still up", () => {
  const { part, hear, effects, passed } = accusationsOf();
  assertEquals([hear(undefined, true, 1_000), passed()], [true, [["accuse", carl]]]);
  assertEquals([part.tick(1_499), passed(), part.nextMs()], [[], [], 1_500]);
  part.tick(1_500);
  assertEquals([passed(), effects()], [[["deny", null]], ["suspected", "unsuspected"]]);

  for (const end of ["neighbourDown", "settle"] as const) {
    const gone = accusationsOf();
    gone.hear(undefined, true, 1_000);
    gone.part[end](bob);
    gone.passed();
    gone.part.tick(1_500);
    assertEquals(gone.passed(), [], end);
  }
});

Deno.test("Accusations: only live members are heard, on live members' latest beacons, each statement once", () => {
  const { hear, effects, passed } = accusationsOf();
  for (
    const signed of [
      statementOf("Stranger", "accuse", "Bob", 1),
      statementOf("Dora", "accuse", "Bob", 1),
      statementOf("Ann", "accuse", "Bob", 1),
      statementOf("Carl", "accuse", "Dora", 1),
      statementOf("Carl", "accuse", "Bob", 0),
      statementOf("Carl", "accuse", "Bob", 2),
    ]
  ) assertEquals(hear(signed), true);
  assertEquals([effects(), passed()], [[], []]);
  for (let n = 0; n < 100; n++) hear();
  assertEquals([effects(), passed().length], [["suspected"], 1]);
  hear(statementOf("Carl", "accuse", "Emil", 1));
  assertEquals(passed().length, 1, "what is known doesn't count");
});

Deno.test("Accusations: who passes on what nobody signed pays, and who accuses too many is ignored", () => {
  const { part, hear, faults, passed } = accusationsOf();
  const good = statementOf("Carl", "accuse", "Bob", 1);
  assertEquals(hear({ ...good, signature: new Uint8Array(64) }), false);
  const value = { ...good.statement.value, room: "cd".repeat(32) as typeof ROOM.room };
  assertEquals(hear({ ...good, statement: { ...good.statement, value } }), false);
  assertEquals(faults(), ["invalid-signature", "protocol"]);
  // Nothing of that was believed; but it counted.
  for (let n = 0; n < 62; n++) hear({ ...good, signature: new Uint8Array(64) });
  assertEquals([hear(good), passed()], [true, []]);
  part.forget(carl);
  assertEquals([hear(good), passed().length], [true, 1]);
});

Deno.test("Accusations: a new neighbour is told what isn't settled; one of us by an earlier beacon is no news", () => {
  const { part, hear, sent } = accusationsOf();
  hear();
  part.tell(carl);
  assertEquals(sent, [1]);
  const own = beaconOf("Ann", 3).beacon.value;
  const isAboutUs = (verdict: "accuse" | "deny", accused: string, number: number) =>
    part.isAboutUs(statementOf("Carl", verdict, accused, number), own);
  assertEquals([isAboutUs("accuse", "Ann", 3), isAboutUs("accuse", "Ann", 2)], [true, false]);
  assertEquals([isAboutUs("deny", "Ann", 3), isAboutUs("accuse", "Bob", 3)], [false, false]);
});
