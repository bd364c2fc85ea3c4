/** Counters, gauges and histograms; and that nothing that others write can become a label. */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { InvariantError } from "../../../lib/base/invariant.ts";
import { Counter, Histogram, label, Registry, wordsOf } from "../../../lib/cli/metrics/registry.ts";

Deno.test("Counter: only grows, also where what it takes over has begun anew", () => {
  const amounts = fc.array(fc.oneof(
    fc.record({ add: fc.nat() }),
    fc.record({ raiseTo: fc.nat() }),
  ));
  fc.assert(fc.property(amounts, (given) => {
    const counter = new Counter();
    let before = 0;
    for (const each of given) {
      if ("add" in each) counter.add(each.add);
      else counter.raiseTo(each.raiseTo);
      assertEquals(counter.total >= before, true);
      before = counter.total;
    }
  }));
  assertThrows(() => new Counter().add(-1), InvariantError);
});

Deno.test("Histogram: a value at a bound counts below it", () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0, 1, 1.5, 2, 3]) histogram.observe(value);

  assertEquals(histogram.cumulative(), [2, 4, 5]);
  assertEquals([histogram.count, histogram.sum], [5, 7.5]);
});

Deno.test("Registry: as many series as words are declared, from the beginning on", () => {
  const registry = new Registry();
  const refusals = registry.counters("p_refusals", "Refusals.", label("code", ["full", "kicked"]));
  for (let i = 0; i < 1_000; i++) refusals(i % 2 === 0 ? "full" : "kicked").add();

  const [family] = registry.families;
  assertEquals(family?.series.map(([value]) => value), ["full", "kicked"]);
});

Deno.test("Registry: a name is declared once, and ends with its unit", () => {
  const registry = new Registry();
  registry.gauge("p_members", "Members.");

  assertThrows(() => registry.counter("p_members", "Members."), InvariantError);
  assertThrows(() => registry.counter("p_read", "Bytes read.", "bytes"), InvariantError);
  assertThrows(() => label("of", ["a", "a"]), InvariantError);
});

Deno.test("label: a text that isn't known when the program is compiled can't be a value", () => {
  const name: string = "Alice".toLowerCase();
  const shown: `~${string}` = `~${name}`;
  const registry = new Registry();
  const joins = registry.counters("p_joins", "Joins.", label("how", ["invite", "address"]));

  // Each of these lines is refused by the compiler: `make check` says so if one isn't.
  // @ts-expect-error any text
  label("name", [name]);
  // @ts-expect-error a pattern of texts
  label("name", [shown]);
  // @ts-expect-error any text among words
  label("name", ["nobody", name]);
  // @ts-expect-error a text where a declared word belongs
  assertThrows(() => joins(name).add(), InvariantError);
  // @ts-expect-error another word
  assertThrows(() => joins("telephone").add(), InvariantError);
  // @ts-expect-error a word is missing
  wordsOf<"here" | "gone">({ here: 1 });
});
