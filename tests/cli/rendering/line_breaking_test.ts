import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { graphemesOf, ROW_CELLS, textWidth } from "../../../lib/cli/rendering/graphemes.ts";
import { brokenAtWords } from "../../../lib/cli/rendering/line_breaking.ts";

const CELLS = ROW_CELLS;

Deno.test("brokenAtWords() keeps all words, and breaks only those that are too wide", () => {
  const texts = fc.array(fc.constantFrom("a", "word", "日本", "  ", " ", "xxxxxxxxxxxxxxxx"));
  const columns = fc.integer({ min: 1, max: 20 });
  fc.assert(fc.property(texts, columns, fc.nat({ max: 20 }), (parts, columns, taken) => {
    const line = parts.join("");
    const broken = brokenAtWords(line, columns, CELLS, taken);
    const words = (text: string) => text.split(/\s+/).filter((word) => word !== "");
    assertEquals(words(broken.join("")).join(""), words(line).join(""));
    const fit = words(line).every((word) => textWidth(word) < columns);
    if (fit) assertEquals(words(broken.join("\n")), words(line));
    for (const [index, part] of broken.entries()) {
      const width = textWidth(part) + (index === 0 && part !== "" ? taken : 0);
      assert(width < columns || [...graphemesOf(part)].length === 1);
    }
  }));
});

Deno.test("brokenAtWords() breaks a path after a slash, and where there is none anywhere", () => {
  const line = "Cannot write /home/ann/.local/share/p2pchat/users/ann: it is full";
  assertEquals(brokenAtWords(line, 24, CELLS), [
    "Cannot write",
    "/home/ann/.local/share/",
    "p2pchat/users/ann: it",
    "is full",
  ]);
  assertEquals(brokenAtWords("a/bcdefghijklm", 6, CELLS), ["a/", "bcdef", "ghijk", "lm"]);
  assertEquals(brokenAtWords("this and/or that", 12, CELLS), ["this and/or", "that"]);
});

Deno.test("brokenAtWords() keeps an empty line beside a name that leaves no room", () => {
  assertEquals(brokenAtWords("", 10, CELLS, 12), [""]);
});
