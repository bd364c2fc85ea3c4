// How the group goes on while the coordinator is away: who leads a round, and who asks for one.

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import type { Peers } from "../../../../lib/protocols/group/detector/peers.ts";
import { PROMISE_JUMP_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import { LeaderlessRounds } from "../../../../lib/protocols/group/views/leaderless_rounds.ts";
import { viewOf } from "../coordinator/coordinator_parts.ts";
import { keyOf } from "../coordinator_program.ts";
import { begunIn, memberOutput, nameOf } from "../member/member_parts.ts";

type Peer = NonNullable<ReturnType<Peers["get"]>>;

const [ANN, BOB] = [keyOf("ann"), keyOf("bob")];
const FIRST = { number: 1, round: 0 };

/** The member of that name, in the view of Ann, Bob and Cem, which can't go on; the coordinator is away. */
function roundsOf(name: string, isCoordinatorDown = true) {
  const output = memberOutput();
  const said: string[] = [];
  const standing = begunIn("ann", "bob", "cem");
  const state = { isUnderWay: false, isBroken: true, answered: new Set<PeerKey>() };
  const parts = {
    selfKey: keyOf(name),
    standing,
    out: output.out,
    peers: {
      get: () => ({ isBroken: state.isBroken, isUp: true }) as Peer,
      isHeard: () => true,
    },
    leading: {
      get isUnderWay() {
        return state.isUnderWay;
      },
      begin: () => (state.isUnderWay = true, said.push("leads")),
      askAgain: () => said.push("asks again"),
      abandon: () => said.push("abandons"),
      hasAnswered: (key: PeerKey) => state.answered.has(key),
    },
    participating: {
      flush: (who: PeerKey | null) => said.push(`takes part under ${nameOf(who)}`),
      ...{ isBeginning: false, isUnderWay: false, leader: undefined },
      isDecided: () => true,
      abandon: () => {},
    },
    epoch: () => viewOf(1, "ann", "bob", "cem"),
    coordinator: { isDown: isCoordinatorDown },
    freeze: () => said.push("freezes"),
    stuck: () => said.push("is stuck"),
    offends: (who: PeerKey, text: string) => said.push(`${nameOf(who)} offends: ${text}`),
  };
  const rounds = new LeaderlessRounds(parts);
  const words = () => [...said.splice(0), ...output.words()];
  return { rounds, parts, state, standing, words };
}

function flush(view: number, number = view, round = 1) {
  return { type: "flush" as const, ballot: { number, round }, view, isLeaving: false };
}

Deno.test("LeaderlessRounds: the sequencer leads, the others ask it, where the view can't go on and nowhere else", () => {
  const [ann, bob] = [roundsOf("ann"), roundsOf("bob")];
  assertEquals([ann.rounds.goOn(), ann.words()], [true, ["leads"]]);
  assertEquals([ann.rounds.goOn(), ann.words()], [true, ["asks again"]]);
  assertEquals([bob.rounds.goOn(), bob.words()], [true, ["ann: returned"]]);
  Object.assign(bob.parts, { epoch: () => null }); // it was started again: others may know of a later epoch
  assertEquals([bob.rounds.goOn(), bob.words()], [true, ["ann cem: returned"]]);

  ann.state.isBroken = false;
  const connected = roundsOf("ann", false);
  assertEquals([ann.rounds.goOn(), connected.rounds.goOn()], [false, false]);
});

Deno.test("LeaderlessRounds: a round waits while the coordinator is connected here, and is led by the sequencer alone", () => {
  const { rounds, parts, words } = roundsOf("cem", false);
  rounds.flush(ANN, flush(1));
  assertEquals(words(), []);
  parts.coordinator.isDown = true;
  rounds.coordinatorDown();
  assertEquals(words(), ["takes part under ann"]);
  rounds.coordinatorDown();
  rounds.flush(BOB, flush(1));
  rounds.flush(ANN, flush(1, 1, 0));
  assertEquals(words(), []);
  rounds.flush(ANN, flush(1, 1 + PROMISE_JUMP_MAX + 1));
  assertEquals(words(), ["ann offends: it leads what never was"]);
});

Deno.test("LeaderlessRounds: who is behind is told what has begun here", () => {
  const { rounds, words } = roundsOf("cem");
  rounds.flush(ANN, flush(0));
  rounds.returned(BOB, { type: "returned", begun: { number: 0, round: 0 } });
  assertEquals(words(), ["ann: begin", "bob: begin"]);
  rounds.returned(BOB, { type: "returned", begun: FIRST });
  assertEquals(words(), []);
});

Deno.test("LeaderlessRounds: a later view with us in it is followed, unless more was promised to the coordinator", () => {
  const { rounds, standing, words } = roundsOf("bob");
  const later = viewOf(2, "ann", "bob");
  rounds.heardOf(later);
  assertEquals([words(), rounds.view?.view], [[], 1], "this one was promised to nobody");

  standing.promise(later.epoch.value.ballot, false);
  rounds.heardOf(viewOf(2, "ann", "cem"));
  assertEquals(words(), []);
  rounds.heardOf(later);
  assertEquals(words(), ["freezes", "abandons", "is stuck"]);
  assertEquals(rounds.view?.view, 2);
  standing.promise({ number: 3, round: 0 }, false);
  assertEquals(rounds.view?.view, 1);
  standing.promise({ number: 4, round: 0 }, true);
  assertEquals(rounds.view, null, "who promised to be in no view takes part in no round");
});

Deno.test("LeaderlessRounds: another process of who has reported ends our round, a lost question is asked again", () => {
  const { rounds, state, words } = roundsOf("ann");
  rounds.goOn();
  words();
  rounds.peerUp(BOB);
  assertEquals(words(), ["asks again", "is stuck"]);
  state.answered.add(BOB);
  rounds.peerUp(BOB);
  assertEquals(words(), ["abandons", "is stuck"]);
  rounds.peerUp(keyOf("eve"));
  assertEquals(words(), ["is stuck"]);
});
