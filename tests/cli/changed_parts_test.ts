import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { changedParts } from "../../lib/cli/changed_parts.ts";

const LONG = "0123456789".repeat(30);

Deno.test("changedParts() leaves short texts as they are", () => {
  assertEquals(changedParts("", "x"), ["", "x"]);
  assertEquals(changedParts("a".repeat(120), "b"), ["a".repeat(120), "b"]);
});

Deno.test("changedParts() shows where long texts differ", () => {
  assertEquals(changedParts(`${LONG}seven${LONG}`, `${LONG}eight${LONG}`), [
    "...01234567890123456789seven01234567890123456789...",
    "...01234567890123456789eight01234567890123456789...",
  ]);
  assertEquals(changedParts(LONG, `${LONG}!`), [
    "...01234567890123456789",
    "...01234567890123456789!",
  ]);
  assertEquals(changedParts(`?${LONG}`, LONG), [
    "?01234567890123456789...",
    "01234567890123456789...",
  ]);
  const x = (length: number) => "x".repeat(length);
  assertEquals(changedParts(x(200), x(201)), [`...${x(20)}`, `...${x(21)}`]);
});

Deno.test("changedParts() leaves out the middle of what differs", () => {
  const [old, text] = changedParts("a".repeat(1_000), "b".repeat(121));
  assertEquals([old, text], [
    `${"a".repeat(60)}...${"a".repeat(60)}`,
    `${"b".repeat(60)}...${"b".repeat(60)}`,
  ]);
});

Deno.test("changedParts() tears nothing that people see as one", () => {
  const family = "👩‍👩‍👧‍👦";
  const [old, text] = changedParts(family.repeat(40) + "a", family.repeat(41) + "b");
  for (const part of [old, text]) {
    const rest = part.replaceAll("...", "").replaceAll(family, "");
    assert(["a", "b"].includes(rest), part);
  }
});

Deno.test("changedParts() is short, and differs where the texts do", () => {
  const short = fc.string({ unit: "grapheme", maxLength: 40 });
  const filled = fc.tuple(short, fc.constantFrom("", LONG, "x".repeat(90)), short)
    .map((parts) => parts.join(""));
  const texts = fc.oneof(short, filled);
  fc.assert(
    fc.property(texts, texts, texts, texts, (start, old, text, end) => {
      const [before, after] = changedParts(start + old + end, start + text + end);
      assert(before.isWellFormed() && after.isWellFormed());
      assert(Math.max(before.length, after.length) <= LENGTH_MAX, `${before} ${after}`);
      assertEquals(before === after, old === text);
    }),
    { numRuns: 1_000 },
  );
});

/** Two halves with a character at their ends, and three times what stands for what is left out. */
const LENGTH_MAX = 120 + 3 * "...".length;
