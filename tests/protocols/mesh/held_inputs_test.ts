import { assertEquals } from "@std/assert";
import type { LinkId } from "../../../lib/base/ids.ts";
import { HeldInputs } from "../../../lib/protocols/mesh/held_inputs.ts";
import { HELD_INPUTS_MAX } from "../../../lib/protocols/mesh/schema/limits.ts";

const drained = (link: number) => ({ type: "drained", link: link as LinkId }) as const;

Deno.test("HeldInputs: each link has places of its own; all are taken once, in the order in which they came", () => {
  const held = new HeldInputs();
  const crowd = Array.from({ length: HELD_INPUTS_MAX }, () => held.hold(drained(1)));
  assertEquals([new Set(crowd), held.hold(drained(1))], [new Set([true]), false]);
  assertEquals([held.hold(drained(2)), held.hold(drained(3))], [true, true]);

  held.drop(1 as LinkId);
  assertEquals([held.hold(drained(1)), held.takeAll()], [
    true,
    [drained(2), drained(3), drained(1)],
  ]);
  assertEquals(held.takeAll(), []);
});
