// Who is shown as joining, and for how long.

import { assertEquals } from "@std/assert";
import { Listed } from "../../../../lib/protocols/group/member/listed.ts";
import { JOINED_MS, JOINING_MS } from "../../../../lib/protocols/group/schema/limits.ts";
import { memberNamed } from "../coordinator/coordinator_parts.ts";
import { keyOf } from "../coordinator_program.ts";
import { memberOutput, nameOf } from "./member_parts.ts";

const EVE = keyOf("eve");

/** Ann and Bob are in; the coordinator names them and Eve. */
function scene() {
  const output = memberOutput();
  let changes = 0;
  const late: string[] = [];
  const around = { viewed: ["ann", "bob"].map(memberNamed) };
  const listed = new Listed({
    selfKey: keyOf("ann"),
    out: output.out,
    names: { of: nameOf },
    viewed: () => around.viewed,
    position: () => 0,
    changed: () => changes++,
    isLate: (key) => late.push(nameOf(key)),
  });
  const here = ["ann", "bob", "eve"].map(memberNamed);
  const tells = (...joining: readonly string[]) => listed.areHere(here, joining.map(keyOf));
  const after = (ms: number) => {
    const before = output.words();
    output.pass(ms);
    listed.tick(output.out.nowMs);
    return [...before, ...output.words()];
  };
  return { output, around, listed, tells, after, late, changes: () => changes };
}

Deno.test("Listed: a newcomer that the coordinator says no more is joining is sent nothing soon, until it says so again", () => {
  const { output, listed, tells, after, late } = scene();
  tells();
  assertEquals([listed.mayReceive(EVE), output.words()], [false, []]);
  tells("eve");
  assertEquals([listed.mayReceive(EVE), output.words()], [true, ["joining eve"]]);

  tells();
  assertEquals(after(JOINED_MS - 1), []);
  assertEquals(late, []);
  assertEquals([after(1), listed.mayReceive(EVE), late], [["left eve"], false, ["eve"]]);
  tells("eve");
  assertEquals([output.words(), listed.mayReceive(EVE)], [["joining eve"], true]);
});

Deno.test("Listed: however often the coordinator says that a newcomer joins, that is shown again and again", () => {
  const { tells, after, changes } = scene();
  tells("eve");
  assertEquals(after(JOINING_MS - 1), ["joining eve"]);
  tells("eve");
  assertEquals(after(JOINING_MS - 1), []);
  tells("eve");
  assertEquals(after(1), []);
  assertEquals(after(1), ["left eve"]);
  tells("eve");
  assertEquals([after(0), changes()], [["joining eve"], 3]);
});

Deno.test("Listed: nobody keeps receiving for whom the coordinator can't speak any more", () => {
  const { listed, tells, after } = scene();
  tells("eve");
  listed.coordinatorLost();
  assertEquals(after(JOINED_MS), ["joining eve", "left eve"]);
  assertEquals(listed.nextMs(), null);
});

Deno.test("Listed: who is in the view now joins no more, another process of a newcomer is shown anew", () => {
  const { around, output, listed, tells, late } = scene();
  tells("eve");
  const again = { ...memberNamed("eve"), incarnation: new Uint8Array(8).fill(2) };
  listed.areHere([again], [EVE]);
  assertEquals(output.words(), ["joining eve", "left eve", "joining eve"]);

  around.viewed = [...around.viewed, again];
  listed.viewBegan(around.viewed);
  assertEquals([output.words(), listed.joining, listed.mayReceive(EVE)], [[], [], true]);
  assertEquals(late, []);
});

Deno.test("Listed: a coordinator that asks for what it isn't owed is shown, like anybody", () => {
  const { output, listed } = scene();
  const key = keyOf("coordinator");
  for (let time = 0; time < 2; time++) listed.coordinatorAsks(key);
  assertEquals([output.words(), listed.mayReceive(key)], [["joining *coordinator*"], true]);
});

Deno.test("Listed: nobody is told that they join themselves, or join no more; the coordinator hears that they know", () => {
  const { around, output, listed, tells, after } = scene();
  around.viewed = [];
  tells("ann", "bob");
  const isKnown = listed.joining.includes(keyOf("ann"));
  assertEquals([output.words(), isKnown, listed.joiningNames], [["joining bob"], true, ["bob"]]);
  tells();
  assertEquals(after(JOINED_MS), ["left bob"]);
});
