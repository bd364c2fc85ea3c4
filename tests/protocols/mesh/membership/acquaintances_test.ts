import { assertEquals } from "@std/assert";
import { Acquaintances } from "../../../../lib/protocols/mesh/membership/acquaintances.ts";
import { ACQUAINTANCES_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import { contactOf, keyOf } from "../overlay_network.ts";

const ann = contactOf(keyOf(1));
const bob = contactOf(keyOf(2));
const carl = contactOf(keyOf(3));
const dora = contactOf(keyOf(4));

Deno.test("Acquaintances: those we dialled come first, the last one to go before the others, each once", () => {
  const met = new Acquaintances();
  met.parted(ann, true);
  met.parted(bob, false);
  met.parted(carl, true);
  met.parted(dora, false);
  met.parted(bob, true);
  met.cameInThrough(ann);

  assertEquals(met.neighbours, [bob, carl, ann, dora]);
  assertEquals(met.all, met.neighbours);
});

Deno.test("Acquaintances: who can't be reached comes last, and is remembered", () => {
  const met = new Acquaintances();
  for (const contact of [ann, bob, carl]) met.parted(contact, true);

  met.failed(carl.key);
  met.failed(dora.key);

  assertEquals(met.neighbours, [bob, ann, carl]);
});

Deno.test("Acquaintances: a crowd that dials us displaces none that we dialled, nor who let us in", () => {
  const met = new Acquaintances();
  met.cameInThrough(ann);
  met.parted(bob, true);
  for (let index = 100; index < 1_100; index++) met.parted(contactOf(keyOf(index)), false);

  const { all } = met;
  assertEquals([all[0], all.at(-1)], [bob, ann]);
  assertEquals(all.length, ACQUAINTANCES_MAX + 2);
  assertEquals(met.has(keyOf(100)), false);
});
