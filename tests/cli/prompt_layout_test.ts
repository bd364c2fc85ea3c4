import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { graphemesOf, textWidth } from "../../lib/cli/graphemes.ts";
import { layoutPrompt, rowsAboveCursor } from "../../lib/cli/prompt_layout.ts";

/** The rows, a `|` where the cursor stands. */
function drawn(text: string, cursor: number, columns: number, rowsMax = 100): readonly string[] {
  const { rows, cursorRow, cursorColumn } = layoutPrompt("A> ", text, cursor, columns, rowsMax);
  return rows.map((row, index) => {
    if (index !== cursorRow) return row;
    let column = 0;
    let marked = "";
    for (const { segment } of graphemesOf(row)) {
      if (column === cursorColumn) marked += "|";
      marked += segment;
      column += textWidth(segment);
    }
    return column === cursorColumn ? `${marked}|` : marked;
  });
}

Deno.test("layoutPrompt() puts prompt and line on one row where they fit", () => {
  assertEquals(drawn("hello", 5, 20), ["A> hello|"]);
  assertEquals(drawn("hello", 2, 20), ["A> he|llo"]);
  assertEquals(drawn("", 0, 20), ["A> |"]);
});

Deno.test("layoutPrompt() breaks rows at the width, the cursor never beyond the last column", () => {
  assertEquals(drawn("0123456789", 10, 8), ["A> 01234", "56789|"]);
  assertEquals(drawn("01234", 5, 8), ["A> 01234", "|"]);
  assertEquals(drawn("012345", 5, 8), ["A> 01234", "|5"]);
});

Deno.test("layoutPrompt() never breaks a wide character", () => {
  assertEquals(drawn("日本語", 3, 6), ["A> 日", "本語|"]);
  assertEquals(drawn("日本語", 1, 6), ["A> 日", "|本語"]);
});

Deno.test("layoutPrompt() shows line breaks and what is hidden as symbols", () => {
  assertEquals(drawn("a\nb", 3, 20), ["A> a␊b|"]);
  assertEquals(drawn("a\u202eb", 2, 20), ["A> a<U+202E>|b"]);
  assertEquals(drawn("\x1b[2J", 4, 20), ["A> ␛[2J|"]);
});

Deno.test("layoutPrompt() shows the rows around the cursor of a text that is too high", () => {
  const text = Array.from({ length: 60 }, (_, index) => String(index % 10)).join("");
  assertEquals(drawn(text, 60, 10, 3), ["…", "7890123456", "789|"]);
  assertEquals(drawn(text, 0, 10, 3), ["A> |0123456", "7890123456", "…"]);
  assertEquals(drawn(text, 30, 10, 3), ["…", "789|0123456", "…"]);
  assertEquals(drawn(text, 30, 10, 1), ["789|0123456"]);
});

Deno.test("layoutPrompt() stays within the terminal, whatever is typed", () => {
  const text = fc.array(fc.constantFrom("a", "日", "👩‍👩‍👧", "e\u0301", "\n", "\u202e", "\x1b", "क्षि"))
    .map((parts) => parts.join(""));
  const size = fc.integer({ min: 4, max: 12 });
  fc.assert(fc.property(text, fc.nat(100), size, size, (typed, at, columns, rowsMax) => {
    const cursor = Math.min(at, typed.length);
    const layout = layoutPrompt("A> ", typed, cursor, columns, rowsMax);
    assert(layout.rows.length <= rowsMax);
    for (const row of layout.rows) assert(textWidth(row) <= columns, row);
    assert(layout.cursorRow >= 0 && layout.cursorRow < layout.rows.length);
    assert(layout.cursorColumn >= 0 && layout.cursorColumn < columns);
  }));
});

Deno.test("rowsAboveCursor() counts the breaks that a narrower terminal makes", () => {
  const above = (rows: readonly string[], cursorColumn: number, columns: number) =>
    rowsAboveCursor({ rows, cursorColumn }, columns);
  assertEquals(above(["x".repeat(60), "x".repeat(13)], 4, 60), 1);
  assertEquals(above(["x".repeat(60), "x".repeat(13)], 4, 40), 2);
  assertEquals(above(["x".repeat(60), "x".repeat(13)], 12, 10), 7);
  assertEquals(above(["x".repeat(13)], 10, 10), 0, "at a break, the lower count");
  assertEquals(above(["日本語"], 6, 5), 1, "no wide character is cut in two");
  assertEquals(above(["", ""], 0, 10), 1);
});
