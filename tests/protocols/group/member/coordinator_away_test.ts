/** While the coordinator is away: the members go on, and promise nothing to liars. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Ballot } from "../../../../lib/protocols/group/schema/epoch.ts";
import {
  INCARNATION_BYTES,
  PROMISE_JUMP_MAX,
  ROUND_MAX,
} from "../../../../lib/protocols/group/schema/limits.ts";
import { COORDINATOR_GOODBYE } from "../../../../lib/protocols/group/schema/messages.ts";
import { GroupNet } from "../group_net.ts";
import { noticesOf } from "./member_cases.ts";

Deno.test("Members go on by themselves while the coordinator is away, and say so", () => {
  const net = GroupNet.started(["ann", "bob", "carol"]);
  const [ann, bob, carol] = net.nodes;
  net.coordinator.vanish();
  net.pass(3_000);

  bob!.say("still here");
  net.pass(500);

  assertEquals(carol!.shown, ["still here"]);
  const down = { event: "coordinator", state: "down", reason: "refused" } as const;
  assertEquals(ann!.told("coordinator").at(-1), down);
});

Deno.test("Members know a coordinator that was ended from one that was killed, until it is back", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes;
  const toldOf = (goodbye: string | null) => {
    net.coordinator.vanish(goodbye);
    net.pass(3_000);
    ann!.command({ command: "status" });
    net.settle();
    return [ann!.told("coordinator").at(-1)!.ended, ann!.told("status").at(-1)!.problems[0]];
  };
  const waiting = "chat goes on, joining and editing wait";

  assertEquals(toldOf(COORDINATOR_GOODBYE), [true, `The coordinator was ended: ${waiting}`]);
  for (const goodbye of [null, "ended"]) {
    net.coordinator.comeBack();
    net.pass(10_000);
    assertEquals(ann!.told("coordinator").at(-1), { event: "coordinator", state: "up" });
    assertEquals(toldOf(goodbye), [undefined, `The coordinator doesn't answer: ${waiting}`]);
  }
});

Deno.test("A coordinator that refuses the invites of a member wasn't ended, and the member is told so", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes;
  net.coordinator.vanish(COORDINATOR_GOODBYE);
  net.pass(3_000);
  net.coordinator.dialFault = "bad-credentials";
  net.pass(10_000);

  ann!.command({ command: "status" });
  net.settle();

  const [problem] = ann!.told("status").at(-1)!.problems;
  assertMatch(problem!, /^The coordinator refuses the invites .*: chat goes on/);
  net.coordinator.dialFault = "refused";
  net.pass(10_000);
  ann!.command({ command: "status" });
  net.settle();
  assertMatch(ann!.told("status").at(-1)!.problems[0]!, /^The coordinator doesn't answer/);
});

Deno.test("Members begin a round when one was started again and the coordinator is away", () => {
  const net = GroupNet.started(["ann", "bob", "carol"]);
  const [ann, bob, carol] = net.nodes;
  net.coordinator.vanish();
  net.pass(3_000);
  for (const restarted of [bob!, ann!]) {
    restarted.kill({ power: true });
    restarted.start();
    net.pass(5_000);

    restarted.say(`${restarted.name} is back`);
    net.pass(500);
  }

  assertEquals(carol!.shown, ["bob is back", "ann is back"]);
  assertEquals(ann!.logged, carol!.logged);
  assertEquals(carol!.told("view").length, 1);
  // They may be somewhere else now, by a copy of their profile.
  assertEquals(carol!.told("notice").map(({ text }) => text).filter((text) => /again/.test(text)), [
    "bob has started again: bob's earlier program is out",
    "ann has started again: ann's earlier program is out",
  ]);
});

/** Ann leads a round that waits for Eve, while the coordinator is away. */
function waitingRound(): { readonly net: GroupNet; readonly ballot: Ballot } {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, bob, eve] = net.nodes;
  net.coordinator.vanish();
  net.pass(3_000);
  bob!.kill();
  eve!.kill();
  bob!.start();
  net.pass(5_000);
  const flushes = ann!.effects.flatMap((effect) =>
    effect.type === "tell" && effect.message.type === "flush" ? [effect.message] : []
  );
  return { net, ballot: flushes.at(-1)!.ballot };
}

Deno.test("Members promise no number because of one who says that it has promised more", () => {
  const { number, round } = { number: Number.MAX_SAFE_INTEGER, round: ROUND_MAX };
  for (const promised of [{ number, round: 0 }, { number: 1, round }]) {
    const { net, ballot } = waitingRound();
    const [ann, bob, eve] = net.nodes;
    const message = { type: "outdone", ballot, promised } as const;
    ann!.feed({ type: "peer-message", peer: eve!.key, message });
    net.pass(5_000);
    eve!.start();
    net.pass(5_000);

    const numbers = net.nodes.map(({ machine }) => machine!.standing.promised.number);
    assertEquals(numbers, [1, 1, 1]);
    net.coordinator.comeBack();
    net.pass(10_000);
    net.coordinator.change(ann!, bob!);
    net.settle();
    ann!.say("the group goes on");
    net.settle();
    assertEquals(bob!.shown, ["the group goes on"]);
  }
});

Deno.test("A sequencer leads rounds of later views, whatever somebody said that it has promised", () => {
  const { net, ballot } = waitingRound();
  const [ann, bob, eve] = net.nodes;
  const promised = { number: PROMISE_JUMP_MAX, round: ROUND_MAX };
  const message = { type: "outdone", ballot, promised } as const;
  ann!.feed({ type: "peer-message", peer: eve!.key, message });
  net.coordinator.comeBack();
  net.pass(10_000);
  net.coordinator.change(ann!, bob!);
  net.settle();

  net.coordinator.vanish();
  net.pass(3_000);
  bob!.kill();
  bob!.start();
  net.pass(5_000);
  ann!.say("the group goes on");
  net.settle();

  assertEquals(bob!.shown, ["the group goes on"]);
});

Deno.test("A sequencer takes no report of what can't have begun", () => {
  const { net, ballot } = waitingRound();
  const [ann, , eve] = net.nodes;
  const { standing: { begunBallot: begun }, membership } = ann!.machine!;
  const { end: held, log } = membership!.held;
  const incarnation = new Uint8Array(INCARNATION_BYTES);

  const holding = { begun, levelled: ballot, incarnation, held, log };
  const message = { type: "report", ballot, ...holding } as const;
  ann!.feed({ type: "peer-message", peer: eve!.key, message });
  net.settle();

  assertEquals(ann!.told("error").at(-1), {
    event: "error",
    code: "protocol",
    text: "eve sent invalid data: nothing more from eve is accepted for a minute",
    detail: "it reports what never began",
  });
});

Deno.test("Members promise nothing to a sequencer under a number that never was", () => {
  const net = GroupNet.started(["ann", "bob", "carol"]);
  const [ann, bob] = net.nodes;
  net.coordinator.vanish();
  net.pass(3_000);
  const number = 2 + PROMISE_JUMP_MAX;

  const ballot = { number, round: 1 };
  const message = { type: "flush", ballot, view: 1, isLeaving: false } as const;
  bob!.feed({ type: "peer-message", peer: ann!.key, message });
  net.settle();

  assertEquals(bob!.machine!.standing.promised.number, 1);
  assertStringIncludes(bob!.told("error").at(-1)?.text ?? "", "ann sent invalid data");
});

Deno.test("Member waits for one who is gone while the coordinator is away, and keeps what is typed", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  net.coordinator.vanish();
  bob!.kill();
  net.pass(3_000);
  ann!.say("waiting");
  net.pass(2_000);
  assertEquals(ann!.shown, []);
  assertStringIncludes(noticesOf(ann!), "Chat pauses until bob or the coordinator is back");

  bob!.start();
  net.pass(5_000);

  assertEquals(bob!.logged, ["waiting"]);
});

Deno.test("Member is told anew whom the chat waits for as others are missing or back", () => {
  const net = GroupNet.started(["ann", "bob", "carol"]);
  const [ann, bob, carol] = net.nodes;
  const pauses = () =>
    [...noticesOf(ann!).matchAll(/Chat pauses until (.*?):/g)].map(([, who]) => who);
  const problems = () => {
    ann!.command({ command: "status" });
    net.settle();
    return ann!.told("status").at(-1)!.problems.filter((problem) => /heard/.test(problem));
  };
  net.coordinator.vanish();
  bob!.kill();
  net.pass(3_000);
  ann!.say("waiting");
  net.pass(2_000);
  carol!.kill();
  for (const { key } of [bob!, carol!]) ann!.feed({ type: "peer-silent", peer: key });
  net.pass(2_000);
  const both = "bob and carol are back, or the coordinator is";
  assertEquals(pauses(), ["bob or the coordinator is back", both]);
  assertEquals(problems(), [`bob and carol aren't heard: chat pauses until ${both}`]);

  bob!.start();
  net.pass(2_000);
  ann!.feed({ type: "peer-heard", peer: bob!.key });
  net.pass(3_000);
  assertEquals(pauses().at(-1), "carol or the coordinator is back");
  assertEquals(bob!.told("coordinator").at(-1)?.returning, true);
  assertStringIncludes(
    noticesOf(bob!),
    "Waiting for carol, who was in the group last and hasn't answered yet, or for the coordinator",
  );
  carol!.start();
  net.pass(5_000);
  assertEquals([pauses().length, bob!.logged], [3, ["waiting"]]);
});

Deno.test("Member that a member and the coordinator leave at once is told of the one, then of both", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  bob!.kill();
  ann!.say("waiting");
  net.pass(1_500);
  assertStringIncludes(noticesOf(ann!), "Waiting for bob: what you write is kept");
  net.coordinator.vanish();
  net.pass(3_000);
  ann!.feed({ type: "peer-silent", peer: bob!.key });
  net.pass(2_000);

  const told = noticesOf(ann!).match(/Waiting for bob|Chat pauses until bob or the coordinator/g);
  assertEquals(told, ["Waiting for bob", "Chat pauses until bob or the coordinator"]);
});

Deno.test("Member whose program stood still blames itself, not the coordinator", () => {
  const net = GroupNet.started(["ann"]);
  const [ann] = net.nodes;
  net.pass(5_000);
  net.nowMs += 15_000;
  ann!.feed({ type: "tick" });
  const downs = () => ann!.told("coordinator").filter(({ state }) => state === "down").length;
  assertEquals(downs(), 0);

  // What waited is heard: the coordinator goes on without it.
  net.coordinator.vanish("no answer");
  net.coordinator.epoch = null;
  net.coordinator.comeBack();
  net.pass(2_000);
  const [warned] = ann!.told("notice").filter((notice) => "warning" in notice);
  assertMatch(
    warned!.text,
    /^This program stood still for 1[0-9] seconds .*the group went on without you/,
  );
  assertEquals(downs(), 0);

  // A coordinator that is gone is missed all the same, in time.
  net.nowMs += 15_000;
  net.coordinator.vanish();
  net.pass(5_000);
  assertEquals(downs(), 1);
});
