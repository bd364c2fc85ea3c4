import { assertEquals } from "@std/assert";
import { Laggards } from "../../../../lib/protocols/group/detector/laggards.ts";
import { keyOf } from "../coordinator_program.ts";

const [ANN, BOB, CEM] = [keyOf("ann"), keyOf("bob"), keyOf("cem")];

Deno.test("Laggards: more to do gives nobody more time, progress does", () => {
  const laggards = new Laggards();
  laggards.owes(ANN, 0);
  laggards.owes(ANN, 900);
  laggards.owes(BOB, 0);
  laggards.progressed(BOB, true, 900);

  assertEquals(laggards.nextMs(1_000, 0), 1_000);
  assertEquals(laggards.overdue(1_000, 999), []);
  assertEquals(laggards.overdue(1_000, 1_000), [ANN]);
  assertEquals(laggards.nextMs(1_000, 1_000), 1_900);
  laggards.progressed(BOB, false, 1_900);
  assertEquals(laggards.overdue(1_000, 5_000), [ANN]);
  assertEquals(laggards.nextMs(1_000, 5_000), null, "who is overdue already makes no deadline");
});

Deno.test("Laggards: where one alone owes something its time goes on, and the others' is over", () => {
  const laggards = new Laggards();
  for (const key of [ANN, BOB]) laggards.owes(key, 0);
  laggards.only(ANN, 500);
  assertEquals(laggards.overdue(1_000, 1_000), [ANN]);
  laggards.only(null, 1_000);
  assertEquals(laggards.overdue(0, 9_000), []);
});

Deno.test("Laggards: how long most take is no less than what one of them takes", () => {
  const laggards = new Laggards();
  for (const key of [ANN, BOB, CEM]) laggards.owes(key, 0);
  laggards.progressed(ANN, false, 2_000);
  assertEquals(laggards.lateMs, 2_000, "of one that is known");
  laggards.progressed(BOB, false, 30);
  assertEquals(laggards.lateMs, 30);
  laggards.progressed(CEM, true, 700);
  assertEquals(laggards.lateMs, 700);
});
