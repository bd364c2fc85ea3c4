import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Any, page } from "./page_modules.ts";

const {
  appended,
  CHARACTERS_MAX,
  CHUNK_ITEMS_MAX,
  drawnOf,
  itemsOf,
  lengthOf,
  NO_CHUNKS,
  prepended,
  replaced,
} = page;

Deno.test("page: what is seen is drawn, and the rest has its height", () => {
  const heights = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 300 });
  fc.assert(fc.property(heights, fc.double({ min: 0, max: 1, noNaN: true }), (all, far) => {
    const chunks = all.map((height, id) => ({ id, height }));
    const total = all.reduce((sum, height) => sum + height, 0);
    const view = 700;
    const top = far * Math.max(0, total - view);

    const { first, end, before, after } = drawnOf(chunks, ({ height }: Any) => height, top, view);

    const sum = (from: number, to: number) => all.slice(from, to).reduce((a, b) => a + b, 0);
    assertEquals([before, after], [sum(0, first), sum(end, all.length)]);
    assert(before <= top && before + sum(first, end) >= Math.min(total, top + view));
  }));
});

Deno.test("page: however far a guess was off, something is drawn", () => {
  const chunks = [{ id: 0 }, { id: 1 }];

  assertEquals(drawnOf(chunks, () => 10, 1e6, 500), { first: 1, end: 2, before: 10, after: 0 });
  assertEquals(drawnOf([], () => 10, 0, 500), { first: 0, end: 0, before: 0, after: 0 });
});

Deno.test("page: a long list keeps its chunks where nothing changes", () => {
  let chunks = NO_CHUNKS;
  for (let key = 0; key < 3 * CHUNK_ITEMS_MAX; key++) chunks = appended(chunks, { key });
  assertEquals(lengthOf(chunks), 3 * CHUNK_ITEMS_MAX);

  const more = appended(chunks, { key: -1 });
  assert(chunks.every((chunk: Any, at: number) => more[at] === chunk));
  const changed = replaced(
    chunks,
    ({ key }: Any) => key === 5,
    (item: Any) => ({ ...item, text: "x" }),
  );
  assertEquals(changed.map((chunk: Any, at: number) => chunk === chunks[at]), [false, true, true]);
  assertEquals(replaced(chunks, () => false, () => null), chunks);
  const longer = prepended(
    chunks,
    Array.from({ length: CHUNK_ITEMS_MAX + 1 }, (_, at) => ({ key: at - 100 })),
  );
  assertEquals(longer.map(({ id }: Any) => id), [-2, -1, 0, 1, 2]);
  assertEquals([...itemsOf(longer)].length, 4 * CHUNK_ITEMS_MAX + 1);
  assert(longer[2] === chunks[0]);
});

Deno.test("page: of long texts fewer are kept", () => {
  const parts = ["x".repeat(60_000)];
  let chunks = NO_CHUNKS;
  for (let key = 0; key < 1_000; key++) chunks = appended(chunks, { key, parts });
  const kept = [...itemsOf(chunks)];
  assertEquals(kept.at(-1).key, 999);
  const most = CHARACTERS_MAX / 60_000;
  assert(kept.length > most - CHUNK_ITEMS_MAX && kept.length <= most + 2 * CHUNK_ITEMS_MAX);
});
