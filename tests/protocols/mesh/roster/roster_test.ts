import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Hash, PeerKey } from "../../../../lib/base/ids.ts";
import type { KnownClaim } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import {
  ACTIVE_VIEW_MAX,
  INBOUND_LINKS_MAX,
  ROSTER_BUCKETS,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { RosterMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { Roster } from "../../../../lib/protocols/mesh/roster/roster.ts";
import { rosterBucketOf } from "../../../../lib/protocols/mesh/roster/roster_digest.ts";
import type { RosterEffect } from "../../../../lib/protocols/mesh/roster/roster_io.ts";
import { isNewer, type Rank } from "../../../../lib/protocols/mesh/roster/roster_table.ts";
import type { SignedBeacon } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  admittedClaim,
  beaconOf,
  claimOf,
  keyOf,
  ROOM,
  rosterWith,
  statementOf,
  told,
  WALL_MS,
} from "../membership_fixtures.ts";
import { SLOW } from "../../../given.ts";

const [bob, carl, dora] = [keyOf("Bob"), keyOf("Carl"), keyOf("Dora")];

function beacons(...signed: readonly SignedBeacon[]): RosterMessage {
  return { type: "beacons", beacons: signed.map((beacon) => ({ signed: beacon, ageMs: 0 })) };
}

function claims(...names: readonly string[]): RosterMessage {
  return { type: "claims", claims: names.map((name) => claimOf(name).signed) };
}

Deno.test("Roster passes a member on once, claim before beacon, and not to where it came from", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  const beacon = beaconOf("Dora", 1);
  roster.step({ type: "message", from: bob, message: claims("Dora") }, 1_000);

  const first = roster.step({ type: "message", from: bob, message: beacons(beacon) }, 1_000);
  const again = roster.step({ type: "message", from: carl, message: beacons(beacon) }, 1_001);

  assertEquals(told(first).map(({ type }) => type), ["claim-known", "joined"]);
  assertEquals(first.filter(({ type }) => type === "send"), [
    { type: "send", to: carl, message: claims("Dora") },
    { type: "send", to: carl, message: beacons(beacon) },
  ]);
  assertEquals(again, []);
});

Deno.test("Roster says of whom it learns just after its entrance whether they were there before", () => {
  const presence = (number: number, incarnation: number, nowMs: number) => {
    const roster = rosterWith(["Bob"]);
    const own = roster.selfBeacon().beacon.value.incarnation;
    const beacon = beaconOf("Dora", number, { incarnation: own + incarnation });
    roster.step({ type: "message", from: bob, message: claims("Dora") }, nowMs);
    const effects = roster.step({ type: "message", from: bob, message: beacons(beacon) }, nowMs);
    return effects.flatMap((effect) => effect.type === "joined" ? [effect.present] : []);
  };

  // Ten seconds pass between the first two beacons of a member.
  assertEquals(presence(1, -1, 500), [true]);
  assertEquals(presence(1, 1, 500), [false]);
  assertEquals(presence(2, 1, 500), [true]);
  assertEquals(presence(2, -1, 1_000), [false]);
});

Deno.test("Roster asks a neighbour for the claim that a beacon names", () => {
  const roster = rosterWith(["Bob"]);

  const effects = roster.step(
    { type: "message", from: bob, message: beacons(beaconOf("Dora", 1)) },
    1_000,
  );

  assertEquals(effects.map((effect) => effect.type === "send" && effect.message.type), [
    "roster-want",
  ]);
  assertEquals(roster.member(dora), null);
});

Deno.test("Roster learns with a bundle the claim that it names, and no other", () => {
  const roster = rosterWith(["Bob"]);
  const [named, other] = [claimOf("Dora"), claimOf("Emil")];
  const learns = (claim: KnownClaim) => {
    roster.step({ type: "claim", from: bob, claim: claim.signed, named: named.id }, 1_000);
    return roster.isClaimKnown(claim.id);
  };

  assertEquals([other, named].map(learns), [false, true]);
});

Deno.test("Roster renews its lease along with another's, in the last quarter of its own interval", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  const tellsCarl = (number: number, nowMs: number) => {
    const message = beacons(beaconOf("Bob", number));
    const effects = roster.step({ type: "message", from: bob, message }, nowMs);
    return effects.flatMap((effect) =>
      effect.type === "send" && effect.to === carl && effect.message.type === "beacons"
        ? effect.message.beacons.map(({ signed }) => signed)
        : []
    );
  };

  const [early, along, after] = [tellsCarl(2, 7_499), tellsCarl(3, 7_500), tellsCarl(4, 7_501)];

  const own = roster.selfBeacon();
  assertEquals(own.beacon.value.number, 2);
  assertEquals(early, [beaconOf("Bob", 2)]);
  assertEquals(along, [own, beaconOf("Bob", 3)]);
  assertEquals(after, [beaconOf("Bob", 4)]);
});

Deno.test("Roster makes a neighbour pay for a beacon that its member didn't sign", () => {
  const roster = rosterWith(["Bob"]);
  const forged = { ...beaconOf("Bob", 2), signature: beaconOf("Carl", 2).signature };

  const effects = roster.step({ type: "message", from: bob, message: beacons(forged) }, 1_000);

  assertEquals(told(effects).map((effect) => effect.type === "penalise" && effect.fault), [
    "invalid-signature",
  ]);
  assertEquals(roster.member(bob)?.beacon.number, 1);
});

Deno.test("Roster makes a neighbour pay for a beacon whose host is a shell's word, or a terminal's", () => {
  for (const host of ["", "x;reboot", "$(reboot)", "\x1b[2J", "-x", "a b"]) {
    const roster = rosterWith(["Bob"]);
    const worded = beaconOf("Bob", 2, { endpoint: { host, port: 1 } });

    const effects = roster.step({ type: "message", from: bob, message: beacons(worded) }, 1_000);

    const faults = told(effects).map((effect) => effect.type === "penalise" && effect.fault);
    assertEquals(faults, ["protocol"], host);
    assertEquals(roster.member(bob)?.beacon.number, 1);
  }
});

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
  roster.postpone(60_000);
  const stalled = loseLink(roster, carl, 61_000);

  assertEquals([closed, stalled], [[], []]);
  assert(roster.isLive(bob) && roster.isLive(carl));
});

Deno.test("Roster extends all leases by a stall of its own, and renews its own at once", () => {
  const roster = rosterWith(["Bob"]);
  roster.step({ type: "neighbour-down", peer: bob }, 1_000);
  const { number } = roster.selfBeacon().beacon.value;

  roster.postpone(100_000);
  roster.step({ type: "tick" }, 110_000);
  const before = roster.step({ type: "tick" }, 132_999);
  const after = roster.step({ type: "tick" }, 133_000);

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
  assertEquals(tickTo(183_999), [false, true]);
  assertEquals(tickTo(184_000), [false, false]);
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

  assertEquals(bobIsLiveAt(roster, 82_999, 83_000), [true, false]);
});

Deno.test("Roster waits for the next beacon, whatever age a neighbour says that the last one has", () => {
  const roster = rosterWith(["Carl"]);
  const aged: RosterMessage = {
    type: "beacons",
    beacons: [{ signed: beaconOf("Bob", 2), ageMs: 60_000 }],
  };
  roster.step({ type: "message", from: carl, message: claims("Bob") }, 0);
  roster.step({ type: "message", from: carl, message: aged }, 0);

  // Ten seconds, and three of slack.
  assertEquals(bobIsLiveAt(roster, 12_999, 13_000), [true, false]);
});

Deno.test("Roster's beacons say when the next one follows, at the latest", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  assertEquals(roster.selfBeacon().beacon.value.intervalMs, 10_000);
  for (let n = 0; n < 400; n++) {
    roster.step({ type: "message", from: carl, message: claims(`M${n}`) }, 0);
    roster.step({ type: "message", from: carl, message: beacons(beaconOf(`M${n}`, 1)) }, 0);
  }
  roster.step({ type: "tick" }, 10_000);

  const { number, intervalMs } = roster.selfBeacon().beacon.value;
  assertEquals(intervalMs, 60 * roster.liveCount);
  roster.step({ type: "tick" }, 10_000 + 0.9 * intervalMs - 1);
  assertEquals(roster.selfBeacon().beacon.value.number, number);
  roster.step({ type: "tick" }, 10_000 + intervalMs);
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

Deno.test("Roster ignores accusations by strangers, and about anything but the latest beacon", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  const statements = [
    statementOf("Stranger", "accuse", "Carl", 1),
    statementOf("Bob", "accuse", "Carl", 0),
    statementOf("Bob", "accuse", "Carl", 2),
    statementOf("Bob", "accuse", "Stranger", 1),
  ];

  const effects = roster.step(
    { type: "message", from: bob, message: { type: "statements", statements } },
    1_000,
  );

  assertEquals(effects, []);
});

Deno.test("Roster loses a member three beacons late, within 35 s", () => {
  const roster = rosterWith(["Bob"]);

  const effects = roster.step({ type: "tick" }, 32_999);
  const late = roster.step({ type: "tick" }, 33_000);

  assert(told(effects).length === 0);
  assertEquals(told(late), [{ type: "left", key: bob, reason: "lost", silentMs: 33_000 }]);
});

Deno.test("Roster shows a later start of a live key as replaced, then joined", () => {
  const roster = rosterWith(["Bob"]);
  const later = beaconOf("Bob", 1, { incarnation: 2 });

  const effects = roster.step({ type: "message", from: bob, message: beacons(later) }, 1_000);
  const earlier = roster.step(
    { type: "message", from: bob, message: beacons(beaconOf("Bob", 9)) },
    2_000,
  );

  assertEquals(
    told(effects).slice(0, 2).map((effect) => "reason" in effect ? effect.reason : effect.type),
    [
      "replaced",
      "joined",
    ],
  );
  assertEquals(told(earlier), []);
});

Deno.test("Roster ends when its own key shows a later start, and speaks no more", () => {
  const roster = rosterWith(["Bob"]);
  const later = beaconOf("Ann", 1, { incarnation: ROOM.incarnation + 1, claim: claimOf("Ann").id });

  const effects = roster.step({ type: "message", from: bob, message: beacons(later) }, 1_000);

  assertEquals(effects, [{ type: "replaced-self", incarnation: ROOM.incarnation + 1 }]);
  assertEquals(told(roster.step({ type: "tick" }, 20_000)), []);
  assertEquals(roster.step({ type: "quit" }, 20_000), []);
});

Deno.test("Roster believes a quit for good: an old beacon of the same start revives nobody", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  const quit = beaconOf("Bob", 1, { state: "quit" });

  const left = roster.step({ type: "message", from: carl, message: beacons(quit) }, 1_000);
  const old = roster.step(
    { type: "message", from: carl, message: beacons(beaconOf("Bob", 1)) },
    2_000,
  );
  roster.step({ type: "tick" }, 25 * 3_600_000);
  const older = roster.step(
    { type: "message", from: carl, message: beacons(beaconOf("Bob", 1)) },
    25 * 3_600_000,
  );

  assertEquals(told(left), [{ type: "left", key: bob, reason: "quit" }]);
  assertEquals([told(old), told(older)], [[], []]);
  assertEquals(roster.member(bob), null);
});

Deno.test("Roster holds a lost member's place for a day", () => {
  const roster = rosterWith(["Bob"]);
  roster.step({ type: "tick" }, 33_000);

  const before = roster.step({ type: "tick" }, 33_000 + 86_399_999);
  const after = roster.step({ type: "tick" }, 33_000 + 86_400_000);

  assertEquals(told(before), []);
  assertEquals(told(after), [{ type: "forgotten", key: bob }]);
});

Deno.test("Roster names who is forgotten for a week, also where nobody else is forgotten then", () => {
  const day = 86_400_000;
  const endpoint = { host: "192.0.2.1", port: 1 };
  const roster = rosterWith(["Bob"]);
  const quit = beaconOf("Bob", 2, { state: "quit", endpoint });
  roster.step({ type: "message", from: bob, message: beacons(quit) }, 1_000);

  const named = [1, 2, 7, 8].map((days) => {
    roster.step({ type: "tick" }, days * day + 1_000);
    return roster.forgotten();
  });

  assertEquals(named, [[{ key: bob, endpoint }], [{ key: bob, endpoint }], [], []]);
});

Deno.test("Roster remembers members on disk as lost, and takes their very beacon for a sign of life", () => {
  const beacon = beaconOf("Bob", 7);
  const roster = rosterWith(["Carl"], [
    { kind: "claim", claim: claimOf("Bob").signed },
    { kind: "member", beacon, heardWallMs: WALL_MS - 60_000 },
  ]);
  assertEquals(roster.member(bob)?.state, "lost");

  const older = roster.step(
    { type: "message", from: carl, message: beacons(beaconOf("Bob", 6)) },
    1_000,
  );
  const same = roster.step({ type: "message", from: carl, message: beacons(beacon) }, 1_000);

  assertEquals(told(older), []);
  assertEquals(told(same).map(({ type }) => type), ["joined"]);
});

Deno.test("Roster speaks early once 1,000 messages were delivered", () => {
  const roster = rosterWith([]);

  roster.step({ type: "delivered", messages: 999, bytes: 999 }, 1_000);
  const before = roster.nextDeadlineMs();
  roster.step({ type: "delivered", messages: 1, bytes: 1 }, 1_000);

  assertEquals(before, 2_000);
  assert(roster.nextDeadlineMs()! <= 1_000);
});

Deno.test("Roster speaks within a second of what was delivered, in a small room alone", () => {
  const names = ["Bob", "Carl", "Dora", "Emil", "Fay", "Gil", "Hal"];
  const [small, large] = [rosterWith(names), rosterWith([...names, "Ida"])];

  for (const roster of [small, large]) {
    roster.step({ type: "delivered", messages: 1, bytes: 1 }, 1_000);
    roster.step({ type: "delivered", messages: 1, bytes: 1 }, 1_500);
  }

  assertEquals(small.nextDeadlineMs(), 2_000);
  assert(large.nextDeadlineMs()! > 2_000);
});

Deno.test("Roster refuses beacons of one member that come too fast", () => {
  const roster = rosterWith(["Bob", "Carl"]);

  for (let number = 2; number < 300; number++) {
    roster.step({ type: "message", from: bob, message: beacons(beaconOf("Bob", number)) }, 1_000);
  }

  assertEquals(roster.member(bob)?.beacon.number, 81);
});

Deno.test("Roster reads only so much of a neighbour's, and makes it pay for far more", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  const send = (beacon: SignedBeacon, nowMs: number) =>
    told(roster.step({ type: "message", from: bob, message: beacons(beacon) }, nowMs));
  const known = beaconOf("Bob", 1);

  for (let sent = 0; sent < 4_096; sent++) assertEquals(send(known, 1_000), []);
  const dropped = send(beaconOf("Bob", 2), 1_000);
  const numbers = [roster.member(bob)?.beacon.number];
  send(beaconOf("Bob", 2), 1_010);
  numbers.push(roster.member(bob)?.beacon.number);
  let costs = dropped;
  let sent = 4_098;
  for (; costs.length === 0 && sent < 100_000; sent++) costs = send(known, 1_010);

  assertEquals([dropped, numbers], [[], [1, 2]]);
  assertEquals(costs.map((effect) => effect.type === "penalise" && effect.fault), ["flood"]);
  assert(sent > 5 * 4_096 && sent < 6 * 4_096, `${sent}`);
});

Deno.test("Roster has nobody pay for what two liars have it pass on", SLOW, () => {
  const [relay, receiver] = [rosterWith(["Bob", "Carl", "Dora"]), rosterWith(["Bob"])];
  const bothLiars = [carl, dora];
  const madeUp = bothLiars.map((_, of) =>
    Array.from({ length: 30 }, (_, index) => `Liar${of}x${index}`)
  );
  let passed = 0;
  const pass = (from: typeof bob, message: RosterMessage, nowMs: number) => {
    for (const effect of relay.step({ type: "message", from, message }, nowMs)) {
      if (effect.type !== "send" || effect.to !== bob) continue;
      if (effect.message.type === "beacons") passed += effect.message.beacons.length;
      const costs = receiver.step({ type: "message", from: bob, message: effect.message }, nowMs);
      assertEquals(costs.filter(({ type }) => type === "penalise"), []);
    }
  };
  for (const [of, names] of madeUp.entries()) pass(bothLiars[of]!, claims(...names), 1_000);

  for (let round = 1; round < 400; round++) { // each 40 times a second, for 10 s
    for (const [of, names] of madeUp.entries()) {
      const message = beacons(...names.map((name) => beaconOf(name, round)));
      pass(bothLiars[of]!, message, 1_000 + 25 * round);
    }
  }

  assert(passed > 2 * 4_096, `${passed}`);
});

Deno.test(
  "Roster has nobody pay for what it is made to pass on by as many as dial it",
  SLOW,
  () => {
    const liars = Array.from(
      { length: ACTIVE_VIEW_MAX + INBOUND_LINKS_MAX - 1 },
      (_, n) => `Mal${n}`,
    );
    const [relay, receiver] = [rosterWith(["Bob", ...liars]), rosterWith(["Bob"])];
    const madeUp = liars.map((liar) => Array.from({ length: 16 }, (_, n) => `${liar}x${n}`));
    let passed = 0;
    const pass = (liar: string, message: RosterMessage, nowMs: number) => {
      for (const effect of relay.step({ type: "message", from: keyOf(liar), message }, nowMs)) {
        if (effect.type !== "send" || effect.to !== bob) continue;
        if (effect.message.type === "beacons") passed += effect.message.beacons.length;
        const costs = receiver.step({ type: "message", from: bob, message: effect.message }, nowMs);
        assertEquals(costs.filter(({ type }) => type === "penalise"), []);
      }
    };
    for (const [of, liar] of liars.entries()) pass(liar, claims(...madeUp[of]!), 1_000);

    for (let round = 1; round < 140; round++) { // 12,800 beacons a second in all
      for (const [of, liar] of liars.entries()) {
        pass(
          liar,
          beacons(...madeUp[of]!.map((name) => beaconOf(name, round))),
          1_000 + 25 * round,
        );
      }
    }

    assert(passed > 4_096, `${passed}`);
  },
);

Deno.test("Roster gives and takes what differs, bucket by bucket, the dead included", () => {
  const ann = rosterWith(["Bob", "Carl"]);
  ann.step(
    { type: "message", from: bob, message: beacons(beaconOf("Bob", 2, { state: "quit" })) },
    1_000,
  );
  const other = rosterWith([]);
  const names = ["Dora", "Emil", "Fay", "Gil", "Hal", "Ida", "Jo", "Kim", "Lea", "Max"];
  for (const name of names) {
    const { signed } = claimOf(name);
    ann.step({ type: "member", from: carl, beacon: beaconOf(name, 1), claim: signed }, 1_000);
  }
  // `other` believes that it speaks with Carl, Ann that she speaks with Dora.
  let waiting = other.step({ type: "neighbour-up", peer: carl }, 1_000)
    .concat(other.step({ type: "message", from: carl, message: summaryOf(ann) }, 1_000));
  ann.step({ type: "neighbour-up", peer: dora }, 1_000);

  for (let turns = 0; turns < 40 && waiting.length > 0; turns++) {
    const asked = waiting.flatMap((effect) => effect.type === "send" ? [effect.message] : []);
    const answers = asked.filter(({ type }) => type === "roster-want").flatMap((message) =>
      ann.step({ type: "message", from: dora, message }, 1_000)
    );
    waiting = answers.flatMap((effect) =>
      effect.type === "send" && effect.to === dora && effect.message.type === "roster-part"
        ? other.step({ type: "message", from: carl, message: effect.message }, 1_000)
        : []
    );
  }

  assertEquals(other.digest(), ann.digest());
  assertEquals(other.liveCount, 2 + names.length);
  assertEquals(other.member(bob)?.state, "quit");
});

function summaryOf(roster: ReturnType<typeof rosterWith>): RosterMessage {
  const up = roster.step({ type: "neighbour-up", peer: fakeSigner("Visitor").key }, 1_000);
  for (const effect of up) {
    if (effect.type === "send" && effect.message.type === "roster-summary") return effect.message;
  }
  throw new Error("a new neighbour is sent a summary");
}

const ranks: fc.Arbitrary<Rank> = fc.record({
  incarnation: fc.nat(2),
  number: fc.nat(2),
  quit: fc.boolean(),
});

Deno.test("isNewer() orders all records of a key in one line", () => {
  fc.assert(fc.property(ranks, ranks, ranks, (a, b, c) => {
    const isSame = JSON.stringify(a) === JSON.stringify(b);
    assertEquals(isNewer(a, b), !isSame && !isNewer(b, a));
    if (isNewer(a, b) && isNewer(b, c)) assert(isNewer(a, c));
  }));
});

/** Carl came in through Bob, who is long forgotten, by a claim of 1 ms after Bob's. */
const ofBob = claimOf("Bob");
const ofCarl = admittedClaim("Carl", "Carl", WALL_MS + 1, "Bob");
const carlsBeacon = beaconOf("Carl", 1, { claim: ofCarl.id });

Deno.test("Roster hands on the claims of the forgotten, by which others' are vouched for", () => {
  const dora = keyOf("Dora");
  const roster = rosterWith(["Dora"], [{ kind: "claim", claim: ofBob.signed }]);
  const [claim, beacon] = [ofCarl.signed, carlsBeacon];

  const learnt = roster.step({ type: "member", from: keyOf("Carl"), beacon, claim }, 1_000);
  const want = { type: "roster-want", buckets: allBuckets(), known: [] } as const;
  const asked = roster.step({ type: "message", from: dora, message: want }, 12_000);

  for (const effects of [learnt, asked]) {
    const sent = effects.flatMap((effect) =>
      effect.type === "send" && effect.to === dora ? [effect.message] : []
    );
    assertEquals(sent.at(-1), { type: "claims", claims: [ofBob.signed] });
  }
});

Deno.test("Roster believes a claim's time once it is told who vouches for it, and takes no other claims", () => {
  const dora = keyOf("Dora");
  const roster = rosterWith(["Dora", "Eve"]);
  const from = keyOf("Carl");
  roster.step({ type: "member", from, beacon: carlsBeacon, claim: ofCarl.signed }, 1_000);
  const before = roster.isVouched(ofCarl);

  const claims = [claimOf("Frank").signed, ofBob.signed];
  const effects = roster.step(
    { type: "message", from: dora, message: { type: "claims", claims } },
    2_000,
  );

  assertEquals([before, roster.isVouched(ofCarl)], [false, true]);
  assertEquals(told(effects), [{ type: "claim-known", claim: ofBob.id }, { type: "vouched" }]);
  const passed = effects.find((effect) => effect.type === "send");
  assertEquals(passed?.type === "send" && [passed.to, passed.message], [
    keyOf("Eve"),
    { type: "claims", claims: [ofBob.signed] },
  ]);
});

function allBuckets(): readonly number[] {
  return Array.from({ length: 64 }, (_, bucket) => bucket);
}

Deno.test("Roster takes in whom a neighbour shows as it takes in all others", () => {
  const roster = rosterWith(["Bob"]);
  const [claim, beacon] = [claimOf("Dora").signed, beaconOf("Dora", 1)];
  const { signature } = beaconOf("Dora", 2);
  const entry = { claim, beacon, lost: false, ageMs: 0 };
  const unsigned = { ...entry, beacon: { ...beacon, signature } };

  const fromNobody = roster.step({ type: "entry", from: carl, entry }, 1_000);
  const forged = roster.step({ type: "entry", from: bob, entry: unsigned }, 1_000);
  const good = roster.step({ type: "entry", from: bob, entry }, 1_000);

  assertEquals(fromNobody, [], "from one who is no neighbour any more");
  assertEquals(told(forged).map(({ type }) => type), ["penalise"]);
  assertEquals(told(good).map(({ type }) => type), ["claim-known", "joined"]);
});

/** Ann's roster with two neighbours in a room of 70, of whom Bob has told. */
function largeRoster() {
  const roster = rosterWith(["Bob", "Carl"]);
  const names = Array.from({ length: 67 }, (_, index) => `Member${index}`);
  for (let start = 0; start < names.length; start += 16) {
    const part = names.slice(start, start + 16);
    roster.step({ type: "message", from: bob, message: claims(...part) }, 1_000);
    const first = beacons(...part.map((name) => beaconOf(name, 1)));
    roster.step({ type: "message", from: bob, message: first }, 1_000);
  }
  roster.step({ type: "tick" }, 1_500);
  return roster;
}

Deno.test("Roster passes renewals on together in a large room, and not to who brought them too", () => {
  const roster = largeRoster();
  const [zero, one] = [beaconOf("Member0", 2), beaconOf("Member1", 2)];

  const atOnce = roster.step({ type: "message", from: bob, message: beacons(zero) }, 2_000);
  roster.step({ type: "message", from: bob, message: beacons(one) }, 2_010);
  roster.step({ type: "message", from: carl, message: beacons(one) }, 2_020);
  const early = roster.step({ type: "tick" }, 2_034);
  const due = roster.step({ type: "tick" }, 2_035);

  assertEquals(atOnce.filter(({ type }) => type === "send"), []);
  assertEquals(early, []);
  const aged = { type: "beacons", beacons: [{ signed: zero, ageMs: 35 }] } as const;
  assertEquals(due, [{ type: "send", to: carl, message: aged }]);
});

Deno.test("Roster lets no more renewals wait than fill two messages", () => {
  const roster = largeRoster();
  const renewals = Array.from({ length: 32 }, (_, index) => beaconOf(`Member${index}`, 2));
  const [first, second] = [beacons(...renewals.slice(0, 16)), beacons(...renewals.slice(16))];

  const atFirst = roster.step({ type: "message", from: bob, message: first }, 2_000);
  const full = roster.step({ type: "message", from: bob, message: second }, 2_000);

  assertEquals(atFirst.filter(({ type }) => type === "send"), []);
  assertEquals(full.filter(({ type }) => type === "send"), [
    { type: "send", to: carl, message: first },
    { type: "send", to: carl, message: second },
  ]);
});

Deno.test("Roster passes on at once who quits, and what refutes an accusation", () => {
  const roster = largeRoster();
  const accused = statementOf("Bob", "accuse", "Member3", 1);
  const message = { type: "statements", statements: [accused] } as const;
  roster.step({ type: "message", from: bob, message }, 1_900);
  const news = [beaconOf("Member2", 2, { state: "quit" }), beaconOf("Member3", 2)];

  const passed = news.flatMap((beacon) =>
    roster.step({ type: "message", from: bob, message: beacons(beacon) }, 2_000)
  );

  const sent = passed.filter(({ type }) => type === "send");
  assertEquals(sent, news.map((beacon) => ({ type: "send", to: carl, message: beacons(beacon) })));
});

Deno.test("Roster passes newcomers to a large room on together, and not to who brought them too", () => {
  const roster = largeRoster();
  const newcomer = beaconOf("Dora", 1);
  const steps = [
    { from: bob, message: claims("Dora", "Emil") },
    { from: bob, message: beacons(newcomer) },
    { from: bob, message: beacons(beaconOf("Emil", 1)) },
    { from: carl, message: claims("Emil") },
    { from: carl, message: beacons(beaconOf("Emil", 1)) },
  ];

  const before = steps.flatMap((step) => roster.step({ type: "message", ...step }, 2_000));
  const due = roster.step({ type: "tick" }, 2_008);

  assertEquals(before.filter(({ type }) => type === "send"), []);
  const aged = { type: "beacons", beacons: [{ signed: newcomer, ageMs: 8 }] } as const;
  assertEquals(due.filter(({ type }) => type === "send"), [
    { type: "send", to: carl, message: claims("Dora") },
    { type: "send", to: carl, message: aged },
  ]);
});

Deno.test("Roster passes renewals on before a statement, which is about the latest beacon", () => {
  const roster = largeRoster();
  const renewal = beaconOf("Member4", 2);
  const statement = statementOf("Bob", "accuse", "Member4", 2);
  roster.step({ type: "message", from: bob, message: beacons(renewal) }, 2_000);

  const effects = roster.step(
    { type: "message", from: bob, message: { type: "statements", statements: [statement] } },
    2_010,
  );

  assertEquals(effects.filter(({ type }) => type === "send"), [
    {
      type: "send",
      to: carl,
      message: { type: "beacons", beacons: [{ signed: renewal, ageMs: 10 }] },
    },
    { type: "send", to: carl, message: { type: "statements", statements: [statement] } },
  ]);
});

Deno.test("Roster answers no more questions of one neighbour's because it goes and comes again", () => {
  const roster = rosterWith(["Bob"]);
  const buckets = Array.from({ length: ROSTER_BUCKETS }, (_, bucket) => bucket);
  const message: RosterMessage = { type: "roster-want", buckets, known: [] };
  const answered = (nowMs: number) => {
    roster.step({ type: "neighbour-down", peer: bob }, nowMs);
    roster.step({ type: "neighbour-up", peer: bob }, nowMs);
    const effects = Array.from(
      { length: 20 },
      () => roster.step({ type: "message", from: bob, message }, nowMs),
    );
    return effects.filter((answer) => answer.some(({ type }) => type === "send")).length;
  };

  assertEquals([answered(1_000), answered(1_000), answered(2_000)], [16, 0, 2]);
});
