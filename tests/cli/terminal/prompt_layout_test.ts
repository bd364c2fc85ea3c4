import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { graphemesOf, textWidth } from "../../../lib/cli/rendering/graphemes.ts";
import {
  changedPrompt,
  type DrawnPrompt,
  layoutPrompt,
  rowsAboveCursor,
} from "../../../lib/cli/terminal/prompt_layout.ts";
import { Screen } from "../../e2e/screen.ts";
import { SLOW } from "../../given.ts";

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

function laidOut(text: string, cursor: number, columns: number, rowsMax = 20): DrawnPrompt {
  return { ...layoutPrompt("A> ", text, cursor, columns, rowsMax), columns };
}

Deno.test("changedPrompt() writes only what is appended, removed or behind a change", () => {
  const change = (from: string, to: string, at = to.length) =>
    changedPrompt(laidOut(from, from.length, 20), laidOut(to, at, 20));
  assertEquals(change("", "h"), "h");
  assertEquals(change("he", "hel"), "l");
  assertEquals(change("hel", "hel"), "");
  assertEquals(change("hel", "hel", 1), "\x1b[5G");
  assertEquals(change("hel", "he"), "\x1b[6G\x1b[K");
  assertEquals(change("hel", "hal"), "\x1b[5G\x1b[Kal");
  assertEquals(change("e", "e\u0301"), "\x1b[4G\x1b[Ke\u0301\x1b[5G");
  assertEquals(change("0123456789012345", "01234567890123456"), "6\r\n");
  assertEquals(change("01234567890123456", "012345678901234567"), "7");
  assertEquals(
    change("012345678901234567", "0123456789"),
    "\x1b[1A\x1b[14G\x1b[K\x1b[1B\r\x1b[J\x1b[1A\x1b[14G",
  );
});

Deno.test("changedPrompt() puts the cursor behind each character whose width may be another", () => {
  const change = changedPrompt(null, laidOut("aЖЖ", 3, 20));
  assertEquals(change, "A> aЖ\x1b[6GЖ\x1b[7G");
});

const TYPED = [
  "a",
  "word ",
  "日",
  "👩‍👩‍👧",
  "e\u0301",
  "\n",
  "\u202e",
  "\u0661\u06dd",
  "Ж",
  "🇩🇪",
  "\u1100\u1161",
  "…",
];
const states = fc.array(
  fc.record({
    parts: fc.array(fc.constantFrom(...TYPED), { maxLength: 24 }),
    back: fc.nat(30),
  }),
  { minLength: 1, maxLength: 8 },
);
const narrow = fc.integer({ min: 8, max: 40 });

function* changes(steps: readonly { parts: string[]; back: number }[], columns: number) {
  let from: DrawnPrompt | null = null;
  for (const { parts, back } of steps) {
    const text = parts.join("");
    const to: DrawnPrompt = laidOut(text, Math.max(0, text.length - back), columns, 6);
    yield { change: changedPrompt(from, to), to };
    from = to;
  }
}

Deno.test("changedPrompt() comes to what is drawn at once", SLOW, () => {
  fc.assert(fc.property(states, narrow, (steps, columns) => {
    const screen = new Screen(columns, 10);
    for (const { change, to } of changes(steps, columns)) {
      screen.write(change);
      assertEquals(screen.unexpected, []);
      assertEquals(screen.text.trimEnd(), to.rows.map((row) => row.trimEnd()).join("\n").trimEnd());
      assertEquals([screen.row, screen.column], [to.cursorRow, to.cursorColumn]);
    }
  }));
});

Deno.test("changedPrompt() keeps one prompt and the cursor's place, whatever width the terminal gives a character", () => {
  fc.assert(fc.property(states, narrow, fc.nat(), (steps, columns, seed) => {
    const pointWidth = (character: string) => {
      const code = character.codePointAt(0)!;
      return code < 0x7f ? 1 : (Math.imul(code + seed, 0x9e3779b1) >>> 8) % 3;
    };
    const screen = new Screen(columns, 10, true, pointWidth);
    for (const { change, to } of changes(steps, columns)) {
      screen.write(change);
      assertEquals([screen.row, screen.column], [to.cursorRow, to.cursorColumn]);
      assertEquals(screen.lines.length <= 6, true, "nothing has scrolled");
      assert(screen.wraps);
      const starts = screen.text.split("\n").filter((line) => line.startsWith("A>"));
      assertEquals(starts.length, to.rows[0]!.startsWith("A>") ? 1 : 0);
    }
  }));
});

Deno.test("rowsAboveCursor() counts the breaks that a narrower terminal makes", () => {
  const above = (rows: readonly string[], cursorColumn: number, columns: number) =>
    rowsAboveCursor({ rows, cursorRow: rows.length - 1, cursorColumn }, columns);
  assertEquals(above(["x".repeat(60), "x".repeat(13)], 4, 60), 1);
  assertEquals(above(["x".repeat(60), "x".repeat(13)], 4, 40), 2);
  assertEquals(above(["x".repeat(60), "x".repeat(13)], 12, 10), 7);
  assertEquals(above(["x".repeat(13)], 10, 10), 0, "at a break, the lower count");
  assertEquals(above(["日本語"], 6, 5), 1, "no wide character is cut in two");
  assertEquals(above(["", ""], 0, 10), 1);
});

Deno.test("layoutPrompt() shows at most 8 marks on a character, in somebody's name and in what is typed", () => {
  const name = `q${"\u0353".repeat(31)}`;
  const seen = `q${"\u0353".repeat(8)}<U+0353 x23>`;

  const { rows, cursorColumn } = layoutPrompt(`${name} is calling> `, `a${name}b`, 33, 80, 5);

  assertEquals(rows, [`${seen} is calling> a${seen}b`]);
  assertEquals(cursorColumn, "q<U+0353 x23> is calling> aq<U+0353 x23>".length);
});
