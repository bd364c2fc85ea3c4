import { assertEquals } from "@std/assert";
import { Unheard } from "../../../../lib/protocols/group/detector/unheard.ts";
import { UNHEARD_TOLD_MS } from "../../../../lib/protocols/group/schema/limits.ts";
import { keyOf } from "../coordinator_program.ts";

const [ANN, BOB] = [keyOf("ann"), keyOf("bob")];

Deno.test("Unheard tells of each once, after a while, with all who aren't heard by then", () => {
  const unheard = new Unheard();
  unheard.are([ANN], 0);
  assertEquals([unheard.dueMs, unheard.take(UNHEARD_TOLD_MS - 1)], [UNHEARD_TOLD_MS, []]);
  assertEquals(unheard.take(UNHEARD_TOLD_MS), [ANN]);
  assertEquals([unheard.dueMs, unheard.take(UNHEARD_TOLD_MS)], [null, []]);

  unheard.are([ANN, BOB], UNHEARD_TOLD_MS);
  assertEquals(unheard.take(2 * UNHEARD_TOLD_MS), [ANN, BOB]);
});

Deno.test("Unheard begins anew with who was heard meanwhile, and tells of nobody twice before forget()", () => {
  const unheard = new Unheard();
  unheard.are([ANN], 0);
  unheard.are([], UNHEARD_TOLD_MS - 1);
  unheard.are([ANN], UNHEARD_TOLD_MS);
  assertEquals(unheard.take(UNHEARD_TOLD_MS), []);
  assertEquals(unheard.take(2 * UNHEARD_TOLD_MS), [ANN]);

  unheard.are([], 2 * UNHEARD_TOLD_MS);
  unheard.are([ANN], 2 * UNHEARD_TOLD_MS);
  assertEquals(unheard.take(3 * UNHEARD_TOLD_MS), []);
  unheard.forget();
  unheard.are([ANN], 3 * UNHEARD_TOLD_MS);
  assertEquals(unheard.take(4 * UNHEARD_TOLD_MS), [ANN]);
});
