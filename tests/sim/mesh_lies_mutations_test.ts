// If a rule against liars is disabled, some seed with such a liar breaks a promise that the unchanged mesh keeps.

import { HonestLinks } from "./checkers/honest_links.ts";
import { ExactlyOnce } from "./checkers/m1_exactly_once.ts";
import { Recipients } from "./checkers/m7_recipients.ts";
import { NobodyLost } from "./checkers/nobody_lost.ts";
import { PrivateMessages } from "./checkers/private_messages.ts";
import type { Attack } from "./mesh/attacks.ts";
import { type MeshHunt, meshHunt } from "./mesh/mesh_hunt.ts";
import { LIES_MUTATIONS } from "./mesh/lies_mutations.ts";
import { MUTATIONS } from "./mesh/mutations.ts";
import type { Scenario } from "./mesh/scenario.ts";

/** One liar, in a room without other trouble, which is checked while it lies. */
function roomWith(attack: Attack): Partial<Scenario> {
  return {
    attacks: [attack],
    liarChance: 0,
    nattedChance: 0,
    passiveChance: 0,
    bytesPerMs: Infinity,
    delayMs: 2,
    jitterMs: 1,
    gapMs: 50,
    wallErrorMs: 2_000,
    settleMsMax: 25_000,
  };
}

const HUNTS: readonly MeshHunt[] = [
  {
    mutation: LIES_MUTATIONS.waitsForAnswers,
    finder: "lone word",
    checkers: () => [],
    from: 12,
    seedsMax: 6,
    nodes: 4,
    steps: 25,
    troubles: [],
    scenario: { ...roomWith("inventsHeads"), settleMsMax: 60_000 },
  },
  {
    mutation: LIES_MUTATIONS.believesAnySignature,
    finder: "integrity",
    checkers: () => [],
    seedsMax: 10,
    troubles: [],
    scenario: roomWith("forges"),
  },
  {
    mutation: MUTATIONS.relaysBeforeDelivery,
    finder: "honest links",
    checkers: () => [new HonestLinks()],
    from: 7,
    seedsMax: 10,
    troubles: [],
    scenario: roomWith("forges"),
  },
  {
    mutation: LIES_MUTATIONS.believesOneNeighbour,
    finder: "M1",
    checkers: () => [new ExactlyOnce()],
    from: 58,
    seedsMax: 30,
    troubles: ["sever", "stall", "kill"],
    scenario: roomWith("saysNotKept"),
  },
  {
    mutation: LIES_MUTATIONS.passesOnAsItsOwn,
    finder: "honest links",
    checkers: () => [new HonestLinks()],
    from: 105,
    seedsMax: 40,
    nodes: 6,
    steps: 80,
    troubles: [],
    scenario: { ...roomWith("crowds"), bytesPerMs: 15 },
  },
  {
    mutation: LIES_MUTATIONS.hearsNoDenial,
    finder: "nobody lost",
    checkers: () => [new NobodyLost()],
    seedsMax: 10,
    troubles: [],
    scenario: roomWith("accuses"),
  },
  {
    mutation: LIES_MUTATIONS.skipsToHeads,
    finder: "M1",
    checkers: () => [new ExactlyOnce()],
    from: 26,
    seedsMax: 30,
    nodes: 6,
    steps: 80,
    troubles: [],
    scenario: roomWith("inventsHeads"),
  },
  {
    mutation: LIES_MUTATIONS.writesToNames,
    finder: "private messages",
    checkers: () => [new PrivateMessages()],
    from: 6,
    seedsMax: 10,
    nodes: 6,
    steps: 80,
    troubles: [],
    // A member that joins long after its name was claimed by another may be known to some by that name.
    scenario: { ...roomWith("makesMembersUp"), gapMs: 500 },
  },
  {
    mutation: LIES_MUTATIONS.listsEverybody,
    finder: "M7",
    checkers: () => [new Recipients()],
    seedsMax: 3,
    troubles: [],
    scenario: { ...roomWith("leavesAndStays"), settleMsMax: 60_000 },
  },
  {
    mutation: LIES_MUTATIONS.keepsTheGone,
    finder: "M7",
    checkers: () => [new Recipients()],
    from: 2,
    seedsMax: 3,
    troubles: [],
    scenario: { ...roomWith("fallsSilentAndStays"), settleMsMax: 60_000 },
  },
  {
    mutation: LIES_MUTATIONS.asksOnlyTheFirst,
    finder: "lone word",
    checkers: () => [],
    from: 35,
    seedsMax: 80,
    nodes: 6,
    steps: 80,
    troubles: [],
    scenario: { ...roomWith("promises"), loneWordMsMax: 2_500 },
  },
];

for (const each of HUNTS) meshHunt(each);
