// Each bug put into the mesh is found by some seed that the mesh without it passes. If the simulator couldn't find
// such bugs, running it would be pointless.

import { assert, assertEquals } from "@std/assert";
import { HistoryAsked } from "./checkers/history_asked.ts";
import { ExactlyOnce } from "./checkers/m1_exactly_once.ts";
import { SameHistory } from "./checkers/m4_same_history.ts";
import { OverlayWhole } from "./checkers/overlay_whole.ts";
import { PrivateMessages } from "./checkers/private_messages.ts";
import { PrivateRooms } from "./checkers/private_rooms.ts";
import { Removals } from "./checkers/removals.ts";
import { RosterRight } from "./checkers/roster_right.ts";
import { SaneEvents } from "./checkers/sane_events.ts";
import { SentAfter } from "./checkers/sent_after.ts";
import { StoredOrder } from "./checkers/stored_order.ts";
import { fakeSigner } from "./fake_crypto.ts";
import { plainMember } from "./mesh/even_world.ts";
import type { MeshChecker } from "./mesh/checker.ts";
import { type MeshHunt, meshHunt } from "./mesh/mesh_hunt.ts";
import { meshSubject } from "./mesh/mesh_subject.ts";
import { MUTATIONS } from "./mesh/mutations.ts";
import { type Scenario, scenarioOf } from "./mesh/scenario.ts";
import { type Subject, World } from "./mesh/world.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Nothing in this room delays a message by itself. */
const EASY: Partial<Scenario> = {
  bytesPerMs: Infinity,
  nattedChance: 0,
  passiveChance: 0,
  liarChance: 0,
};

const HUNTS: readonly MeshHunt[] = [
  {
    mutation: MUTATIONS.sendsBeforeSync,
    finder: "sent after",
    checkers: () => [new SentAfter()],
    seedsMax: 10,
  },
  {
    mutation: MUTATIONS.forgetsFrontier,
    finder: "stored order",
    checkers: () => [new StoredOrder()],
    seedsMax: 10,
  },
  {
    mutation: MUTATIONS.forgetsFrontier,
    finder: "M1",
    checkers: () => [new ExactlyOnce()],
    seedsMax: 20,
    nodes: 4,
    steps: 25,
    troubles: ["kill"],
  },
  {
    mutation: MUTATIONS.relaysBeforeDelivery,
    finder: "sent after",
    checkers: () => [new SentAfter()],
    from: 3,
    seedsMax: 40,
    nodes: 6,
    steps: 80,
    troubles: ["sever", "cut"],
    scenario: { gapMs: 5, delayMs: 40, jitterMs: 10 },
  },
  {
    mutation: MUTATIONS.missesGreetings,
    finder: "M1",
    checkers: () => [new ExactlyOnce()],
    seedsMax: 10,
    troubles: ["killComer"],
    scenario: { ...EASY, historyShown: 0 },
  },
  {
    mutation: MUTATIONS.takesAllForNew,
    finder: "history asked for",
    checkers: () => [new HistoryAsked()],
    from: 3,
    seedsMax: 10,
    troubles: [],
    scenario: { ...EASY, historyShown: 3 },
  },
  {
    mutation: MUTATIONS.ownClock,
    finder: "M1",
    checkers: () => [new ExactlyOnce()],
    seedsMax: 20,
    troubles: [],
    scenario: { wallErrorMs: 400 * DAY_MS },
  },
  {
    mutation: MUTATIONS.revives,
    finder: "roster",
    checkers: () => [new RosterRight()],
    from: 11,
    seedsMax: 40,
    nodes: 6,
    steps: 80,
    troubles: ["kill", "powerLoss", "cut"],
    without: MUTATIONS.replays,
  },
  {
    mutation: MUTATIONS.keepsLastToItself,
    finder: "lone word",
    checkers: () => [],
    from: 519,
    seedsMax: 100,
    nodes: 6,
    steps: 80,
    troubles: [],
    scenario: { delayMs: 10, jitterMs: 1, ...EASY, loneWordMsMax: 2_500 },
  },
  {
    mutation: MUTATIONS.keepsNothingPrivate,
    finder: "private messages",
    checkers: () => [new PrivateMessages()],
    seedsMax: 10,
  },
  {
    mutation: MUTATIONS.forgetsPrivate,
    finder: "private messages",
    checkers: () => [new PrivateMessages()],
    from: 8,
    seedsMax: 20,
    nodes: 6,
    steps: 80,
    troubles: ["kill", "quit"],
    scenario: EASY,
  },
  {
    mutation: MUTATIONS.repeatsPrivate,
    finder: "private messages",
    checkers: () => [new PrivateMessages()],
    from: 201,
    seedsMax: 100,
    nodes: 6,
    steps: 80,
    troubles: ["kill", "powerLoss", "oldImage", "quit"],
    scenario: EASY,
  },
  {
    mutation: MUTATIONS.firstOfTwoWins,
    finder: "M4",
    checkers: () => [new SameHistory()],
    seedsMax: 20,
    troubles: [],
    scenario: { ...EASY, liarChance: 0.4 },
  },
  {
    mutation: MUTATIONS.takesOldInvites,
    finder: "invites",
    checkers: () => [new PrivateRooms()],
    seedsMax: 20,
    scenario: { ...EASY, isPrivate: true },
  },
  {
    mutation: MUTATIONS.showsBeforeSync,
    finder: "invites",
    checkers: () => [new PrivateRooms()],
    seedsMax: 10,
    scenario: { ...EASY, isPrivate: true },
  },
  {
    mutation: MUTATIONS.firstSecretWins,
    finder: "invites",
    checkers: () => [new PrivateRooms()],
    from: 4,
    seedsMax: 40,
    nodes: 4,
    steps: 40,
    troubles: ["cut"],
    scenario: { ...EASY, gapMs: 300, isPrivate: true },
  },
  {
    mutation: MUTATIONS.keepsRemoved,
    finder: "removals",
    finding: /who is removed/,
    checkers: () => [new Removals()],
    seedsMax: 10,
    troubles: ["rule"],
    scenario: EASY,
  },
  {
    mutation: MUTATIONS.tellsTheSecret,
    finder: "removals",
    finding: /that a removal lets stay/,
    checkers: () => [new Removals()],
    from: 8,
    seedsMax: 10,
    nodes: 4,
    steps: 25,
    troubles: ["rule"],
    scenario: { ...EASY, isPrivate: true },
  },
  {
    mutation: MUTATIONS.keepsRulingsToItself,
    finder: "removals",
    finding: /is removed at/,
    checkers: () => [new Removals()],
    seedsMax: 10,
    troubles: ["rule"],
    scenario: { ...EASY, settleMsMax: 30_000 },
  },
  {
    mutation: MUTATIONS.saysThatQuit,
    finder: "events",
    finding: /who never did/,
    checkers: () => [new SaneEvents()],
    seedsMax: 10,
    troubles: ["powerLoss"],
    scenario: EASY,
  },
  {
    mutation: MUTATIONS.tellsNotWhoLeft,
    finder: "events",
    finding: /isn't told that .* left/,
    checkers: () => [new SaneEvents()],
    seedsMax: 10,
    nodes: 4,
    steps: 40,
    troubles: ["kill"],
    scenario: { ...EASY, settleMsMax: 30_000 },
  },
  {
    mutation: MUTATIONS.tellsNotWhoJoined,
    finder: "events",
    finding: /isn't told that .* joined/,
    checkers: () => [new SaneEvents()],
    from: 2,
    seedsMax: 10,
    nodes: 4,
    steps: 25,
    troubles: ["quit"],
    scenario: { ...EASY, gapMs: 300, settleMsMax: 30_000 },
  },
  {
    mutation: MUTATIONS.expectsOneKey,
    finder: "overlay",
    checkers: () => [new OverlayWhole()],
    from: 7,
    seedsMax: 6,
    steps: 25,
    troubles: ["permute"],
    scenario: EASY,
  },
  {
    mutation: MUTATIONS.takesSlots,
    finder: "overlay",
    checkers: () => [new OverlayWhole()],
    from: 2,
    seedsMax: 5,
    nodes: 30,
    steps: 40,
    troubles: [],
    scenario: { ...EASY, passiveChance: 0.9 },
  },
  {
    mutation: MUTATIONS.tellsTooSoon,
    finder: "events",
    finding: /links that are dialled anew/,
    checkers: () => [new SaneEvents()],
    seedsMax: 10,
    troubles: ["age"],
    scenario: EASY,
  },
];

for (const each of HUNTS) meshHunt(each);

/** Two newcomers request one name from different members at once. @returns How many joins the room was shown. */
function nameRace(subject: Subject, seed: number): number {
  const scenario = { ...scenarioOf(seed, 4, 0), delayMs: 20, jitterMs: 5, wallErrorMs: 0 };
  const seen = new Set<string>();
  const watch: MeshChecker = {
    name: "name race",
    shown({ member }, event) {
      const isFirst = member === world.members[0];
      if (isFirst && event.event === "joined" && /^bob/i.test(event.name)) seen.add(event.key);
    },
  };
  const world = new World({ ...scenario, hosts: 6, print: null }, subject, [watch]);
  const enter = (index: number, name: string, contact: number) => {
    const member = world.addMember({
      ...plainMember(fakeSigner(`race ${seed}/${index}`), name),
      historyShown: 0,
      eager: true,
    });
    const { endpoint } = world.members[contact]!;
    world.start(member, index === 0 ? { kind: "found" } : { kind: "join", contact: endpoint });
  };
  for (let index = 0; index < 4; index++) {
    enter(index, `u${index}`, 0);
    world.time.runUntil(world.time.nowMs + 3_000);
  }
  assertEquals(world.present().length, 4);
  enter(4, "Bob", 1);
  enter(5, "bob", 2);
  world.time.runUntil(world.time.nowMs + 5_000);
  return seen.size;
}

Deno.test("of two who ask for one name at once in a quiet room one gets in, if names are held", () => {
  const seeds = Array.from({ length: 15 }, (_, n) => n + 1);
  const held = seeds.map((seed) => nameRace(meshSubject(), seed));
  assertEquals(held, seeds.map(() => 1));

  const notHeld = seeds.map((seed) => nameRace(meshSubject(MUTATIONS.holdsNoName.wrap), seed));
  assert(notHeld.includes(2), `entered: ${notHeld}`);
});
