// Each bug put into the mesh is found by some seed that the mesh without it passes. If the simulator couldn't find
// such bugs, running it would be pointless.

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
import { type MeshHunt, meshHunt } from "./mesh/mesh_hunt.ts";
import { MUTATIONS } from "./mesh/mutations.ts";
import type { Scenario } from "./mesh/scenario.ts";

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
    from: 221,
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
    mutation: MUTATIONS.refusesOwners,
    finder: "events",
    finding: /lost the founder's name/,
    checkers: () => [new SaneEvents()],
    from: 8,
    seedsMax: 20,
    steps: 200,
    troubles: ["nameClash", "quit"],
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
