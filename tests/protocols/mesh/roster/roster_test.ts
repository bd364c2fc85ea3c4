/** Who is a member: what is learned, believed, remembered, and what it costs a neighbour to make that up. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { nextTalkTimeMs } from "../../../../lib/base/machine/common_times.ts";
import { isNewer, type Rank } from "../../../../lib/protocols/mesh/roster/roster_table.ts";
import type { KnownClaim } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import {
  ACTIVE_VIEW_MAX,
  INBOUND_LINKS_MAX,
  ROSTER_BUCKETS,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { RosterMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { SignedBeacon } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { SLOW } from "../../../given.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  admittedClaim,
  beaconOf,
  claimOf,
  COPY,
  keyOf,
  ROOM,
  rosterWith,
  told,
  WALL_MS,
} from "../membership_fixtures.ts";
import { beacons, bob, carl, claims, dora } from "./roster_cases.ts";

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

Deno.test("Roster renews its lease along with another's, in the last two fifths of its own interval", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  const tellsCarl = (number: number, nowMs: number) => {
    const message = beacons(beaconOf("Bob", number));
    const atOnce = roster.step({ type: "message", from: bob, message }, nowMs);
    const inTime = roster.step({ type: "tick" }, nextTalkTimeMs(nowMs));
    assert(!atOnce.some((effect) => effect.type === "send" && effect.message.type === "beacons"));
    return inTime.flatMap((effect) =>
      effect.type === "send" && effect.to === carl && effect.message.type === "beacons"
        ? effect.message.beacons.map(({ signed }) => signed)
        : []
    );
  };

  const [early, along, after] = [tellsCarl(2, 8_799), tellsCarl(3, 9_000), tellsCarl(4, 10_301)];

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

Deno.test("Roster ends when its own key shows a later start, and speaks no more", () => {
  const roster = rosterWith(["Bob"]);
  const later = beaconOf("Ann", 1, { incarnation: ROOM.incarnation + 1, claim: claimOf("Ann").id });

  const effects = roster.step({ type: "message", from: bob, message: beacons(later) }, 1_000);

  assertEquals(effects, [{ type: "replaced-self", incarnation: ROOM.incarnation + 1 }]);
  assertEquals(told(roster.step({ type: "tick" }, 20_000)), []);
  assertEquals(roster.step({ type: "quit" }, 20_000), []);
});

Deno.test("Roster believes no other process that says it is a member's, or its own", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  const copy = beaconOf("Bob", 9, { process: COPY });
  const effects = roster.step({ type: "message", from: carl, message: beacons(copy) }, 1_000);

  assertEquals(effects, [{ type: "copied", key: bob }]);
  assertEquals(roster.member(bob)?.beacon.number, 1);
  assertEquals(roster.isOfCopy(copy.beacon.value), true);
  assertEquals(roster.isOfCopy(beaconOf("Bob", 9).beacon.value), false);

  const { incarnation } = ROOM;
  const own = beaconOf("Ann", 9, { incarnation, claim: claimOf("Ann").id, process: COPY });
  assertEquals(roster.step({ type: "message", from: carl, message: beacons(own) }, 2_000), [
    { type: "replaced-self", incarnation },
  ]);
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

  for (let round = 1; round < 150; round++) { // each 40 times a second, for 4 s
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

    for (let round = 1; round < 50; round++) { // 12,800 beacons a second in all
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
