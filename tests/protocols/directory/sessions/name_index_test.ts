import { assertEquals } from "@std/assert";
import type { FoldedName } from "../../../../lib/base/ids.ts";
import { NameIndex } from "../../../../lib/protocols/directory/sessions/name_index.ts";
import { Random } from "../../../sim/random.ts";

const NONE = "" as FoldedName;

function indexOf(...names: readonly string[]): NameIndex {
  const index = new NameIndex();
  for (const name of names) index.set(name as FoldedName, true);
  return index;
}

/** All pages of the names that contain `part`. */
function pages(index: NameIndex, part: string, max: number): readonly (readonly string[])[] {
  const found: (readonly string[])[] = [];
  for (let after = NONE;;) {
    const { names, hasMore } = index.page(part as FoldedName, after, max);
    found.push(names);
    if (!hasMore) return found;
    after = names.at(-1)!;
  }
}

Deno.test("NameIndex: pages follow each other in order, without a gap, and the last one says so", () => {
  const index = indexOf("cem", "ann", "eve", "bob", "dan");

  assertEquals(pages(index, "", 2), [["ann", "bob"], ["cem", "dan"], ["eve"]]);
  assertEquals(pages(index, "", 5), [["ann", "bob", "cem", "dan", "eve"]]);
  assertEquals(pages(index, "e", 2), [["cem", "eve"]]);
  assertEquals(pages(indexOf(), "", 2), [[]]);
});

Deno.test("NameIndex: a page goes on behind a name that has gone meanwhile", () => {
  const index = indexOf("ann", "bob", "cem");
  const bob = "bob" as FoldedName;
  index.set(bob, false);

  assertEquals(index.page(NONE, bob, 2), {
    names: ["cem" as FoldedName],
    hasMore: false,
    visited: 1,
  });
});

Deno.test("NameIndex: a page costs what was looked at, not what there is", () => {
  const index = indexOf(...Array.from({ length: 1_000 }, (_, n) => `n${1_000 + n}`));

  assertEquals(index.page(NONE, NONE, 100).visited, 100);
  assertEquals(index.page("1999" as FoldedName, NONE, 100).visited, 1_000);
});

Deno.test("NameIndex: whoever comes and goes in whatever order, it has those that are there, sorted", () => {
  const random = new Random(7);
  const index = new NameIndex();
  const there = new Set<FoldedName>();
  for (let step = 0; step < 2_000; step++) {
    const name = `n${random.below(60)}` as FoldedName;
    const isIn = random.chance(0.5);
    index.set(name, isIn);
    if (isIn) there.add(name);
    else there.delete(name);
    assertEquals(index.size, there.size);
  }
  assertEquals(index.page(NONE, NONE, 100).names, [...there].sort());
});
