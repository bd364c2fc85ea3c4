import { assertEquals } from "@std/assert";
import { Separations } from "../../../../lib/protocols/group/detector/complaints.ts";
import {
  ATTENDEES_MAX,
  SEPARATIONS_KEPT_MS,
} from "../../../../lib/protocols/group/schema/limits.ts";
import { keyOf } from "../coordinator_program.ts";

const [ANN, BOB, CEM] = [keyOf("ann"), keyOf("bob"), keyOf("cem")];

Deno.test("Separations count against both, once for each pair however often it is told, and for a while", () => {
  const separations = new Separations();
  for (const nowMs of [0, 1, 2]) separations.note(ANN, BOB, nowMs);
  separations.note(CEM, ANN, SEPARATIONS_KEPT_MS);

  const at = (nowMs: number) => [ANN, BOB, CEM].map((key) => separations.of(key, nowMs));
  assertEquals(at(SEPARATIONS_KEPT_MS + 1), [2, 1, 1]);
  assertEquals(at(SEPARATIONS_KEPT_MS + 2), [1, 0, 1]);
});

Deno.test("Separations: that a dead one wasn't heard is held against nobody, what was before it died is", () => {
  const separations = new Separations();
  separations.note(ANN, CEM, 100);
  separations.note(BOB, CEM, 200);
  separations.explained(CEM, 100);
  assertEquals([ANN, BOB, CEM].map((key) => separations.of(key, 200)), [1, 0, 2]);
});

Deno.test("Separations: whom the operator removed burdens nobody, and comes back unburdened", () => {
  const separations = new Separations();
  separations.note(ANN, CEM, 0);
  separations.note(ANN, BOB, 0);
  separations.forget(CEM);
  assertEquals([ANN, BOB, CEM].map((key) => separations.of(key, 0)), [1, 1, 0]);
});

Deno.test("Separations: of one that is cut off from very many the latest count", () => {
  const separations = new Separations();
  for (let n = 0; n <= ATTENDEES_MAX; n++) separations.note(ANN, keyOf(`member ${n}`), 0);
  assertEquals(separations.of(ANN, 0), ATTENDEES_MAX);
  assertEquals(separations.has(ANN, keyOf("member 0"), 0), false);
});
