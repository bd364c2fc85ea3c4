// A round that the sequencer leads while the coordinator is away.

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  type Ballot,
  NO_BALLOT,
  type SignedEpoch,
} from "../../../../lib/protocols/group/schema/epoch.ts";
import { HistoryEnd } from "../../../../lib/protocols/group/schema/history.ts";
import { PROMISE_JUMP_MAX, ROUND_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import { ViewChangeLeader } from "../../../../lib/protocols/group/views/view_change_leader.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { viewOf } from "../coordinator/coordinator_parts.ts";
import { GROUP, keyOf } from "../coordinator_program.ts";
import { memberOutput, nameOf } from "../member/member_parts.ts";

const [ANN, BOB] = [keyOf("ann"), keyOf("bob")];
const VIEW = viewOf(1, "ann", "bob").epoch.value;
const FIRST = { number: 1, round: 1 };
const START = new HistoryEnd(fakeCrypto, GROUP).point;

/** Ann leads; Bob is the other one. */
function leading(promised: Ballot = VIEW.ballot) {
  const output = memberOutput();
  const asked: string[] = [];
  const begun: SignedEpoch[] = [];
  const leader = new ViewChangeLeader({
    selfKey: ANN,
    standing: { promised },
    out: output.out,
    signer: fakeSigner("ann"),
    participating: {
      flush: (_, { ballot }) => asked.push(`flush ${ballot.number}.${ballot.round}`),
      level: () => asked.push("level"),
      begin: (_, signed) => begun.push(signed) > 0,
    },
    offends: (who, text) => asked.push(`${nameOf(who)} offends: ${text}`),
  });
  const words = () => [...asked.splice(0), ...output.words()];
  return { leader, words, begun };
}

function reportOf(ballot: Ballot, incarnation: number, held = START, begun = VIEW.ballot) {
  const process = new Uint8Array(8).fill(incarnation);
  const rest = { begun, levelled: begun, held, log: START };
  return { type: "report" as const, ballot, incarnation: process, ...rest };
}

Deno.test("ViewChangeLeader: all report, then all are ready, then it begins, with their present processes", () => {
  const { leader, words, begun } = leading();
  leader.begin(VIEW);
  assertEquals(words(), ["flush 1.1", "bob: flush"]);
  leader.report(ANN, reportOf(FIRST, 1));
  assertEquals([words(), leader.awaited, leader.hasAnswered(ANN)], [[], [BOB], true]);
  leader.report(BOB, reportOf(FIRST, 2));
  assertEquals(words(), ["level", "bob: level"]);
  leader.ready(ANN, { type: "ready", ballot: FIRST });
  assertEquals([begun, leader.isUnderWay], [[], true]);
  leader.ready(BOB, { type: "ready", ballot: FIRST });

  const { ballot, members } = begun[0]!.epoch.value;
  assertEquals([ballot, members.map(({ incarnation }) => incarnation[0])], [FIRST, [1, 2]]);
  assertEquals(leader.isUnderWay, false);
});

Deno.test("ViewChangeLeader asks those again who haven't answered, until all have reported", () => {
  const { leader, words } = leading();
  leader.begin(VIEW);
  words();
  leader.askAgain();
  assertEquals(words(), ["bob: flush"]);
  for (const key of [ANN, BOB]) leader.report(key, reportOf(FIRST, 1));
  words();
  leader.askAgain();
  assertEquals(words(), []);
});

Deno.test("ViewChangeLeader goes on above what was promised, as far as that can be, and forgets it with the round", () => {
  const { leader, words } = leading({ number: 1, round: 4 });
  const outdone = (key: PeerKey, promised: Ballot, ballot: Ballot) =>
    leader.outdone(key, { type: "outdone", ballot, promised });
  leader.begin(VIEW);
  const fifth = { number: 1, round: 5 };
  assertEquals(words()[0], "flush 1.5");
  assertEquals(outdone(keyOf("eve"), { number: 1, round: 9 }, fifth), false);
  assertEquals(outdone(BOB, { number: 1 + PROMISE_JUMP_MAX + 1, round: 0 }, fifth), false);
  assertEquals(words(), ["bob offends: it promised what never was"]);
  assertEquals(outdone(BOB, { number: 1, round: 7 }, fifth), true);
  leader.begin(VIEW);
  assertEquals(words()[0], "flush 1.8");
  leader.abandon();
  leader.begin(VIEW);
  assertEquals(words()[0], "flush 1.5");
});

Deno.test("ViewChangeLeader leads no round beyond the last one: the coordinator's next view has another number", () => {
  const { leader, words } = leading({ number: 1, round: ROUND_MAX });
  leader.begin(VIEW);
  assertEquals([words(), leader.isUnderWay], [[], false]);
});

Deno.test("ViewChangeLeader: whoever claims less than others have in their logs ends the round: nobody can be left out", () => {
  const { leader, words } = leading();
  leader.begin(VIEW);
  words();
  const log = { ...START, position: 3 };
  leader.report(ANN, { ...reportOf(FIRST, 1, log, NO_BALLOT), log });
  leader.report(BOB, reportOf(FIRST, 2));
  assertEquals(words(), ["bob offends: it reports what can't be"]);
  assertEquals(leader.isUnderWay, false);
});
