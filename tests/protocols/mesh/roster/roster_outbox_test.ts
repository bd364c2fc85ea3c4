/** What is passed on together in a large room, and what at once. */

import { assertEquals } from "@std/assert";
import { beaconOf, rosterWith, statementOf } from "../membership_fixtures.ts";
import { beacons, bob, carl, claims } from "./roster_cases.ts";

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
  const early = roster.step({ type: "tick" }, 2_799);
  const due = roster.step({ type: "tick" }, 2_800);

  assertEquals(atOnce.filter(({ type }) => type === "send"), []);
  assertEquals(early, []);
  const aged = { type: "beacons", beacons: [{ signed: zero, ageMs: 800 }] } as const;
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
