// What the operator's `/remove` gives up, and what nobody who is removed gets any more.

import { assert, assertEquals } from "@std/assert";
import { Stage } from "./group/stage.ts";

Deno.test("/remove of a view's last member keeps what an earlier member has, who is here", () => {
  const stage = Stage.of(1, 3, 2);
  const kept = stage.world.history.digests.length;
  stage.kill(2);
  stage.until("the other goes on alone", () => stage.membersSeenBy(1).length === 1);
  stage.say(1);
  stage.pass(500);
  stage.kill(1);
  const newest = stage.world.history.digests.length;
  assert(newest > kept);
  stage.start(2);
  stage.start(3);
  stage.until("the earlier member is told", () => stage.awaitedBy(2).length > 0);
  stage.operator("remove", 1);
  stage.until("both are in", () => stage.membersSeenBy(2).length === 2 && stage.epoch(3) !== null);
  assert(stage.hasRecord("C", "given-up"));
  for (const number of [2, 3]) assertEquals(stage.member(number).disk.log!.end.position, kept);
});

Deno.test("Of several earlier members, the log of who was in last goes on", () => {
  const stage = Stage.of(2, 4, 3);
  for (const number of [3, 2]) {
    stage.kill(number);
    stage.until("a view without it", () => stage.membersSeenBy(1).length === number - 1);
    stage.say(1);
    stage.pass(500);
    if (number === 3) assertEquals(stage.member(2).disk.log!.end.position, 4);
  }
  stage.kill(1);
  for (const number of [4, 3, 2]) stage.start(number);
  stage.until("they are told", () => [2, 3, 4].every((each) => stage.awaitedBy(each).length > 0));
  stage.operator("remove", 1);
  stage.until("all are in", () => [2, 3, 4].every((each) => stage.epoch(each) !== null));
  for (const number of [2, 3, 4]) assertEquals(stage.member(number).disk.log!.end.position, 4);
});
