import { assertEquals } from "@std/assert";
import { joinCells, splitCells } from "../../../lib/store/disk/record_line.ts";

Deno.test("joinCells() shows what a terminal obeys, hides or reorders, and splitCells() has it again", () => {
  const cells: readonly (readonly [text: string, written: string])[] = [
    ["plain ünï👩‍🚀 نمی‌خواهم", "plain ünï👩‍🚀 نمی‌خواهم"],
    ["a\tb\\\x1b\n", "a\\tb\\\\\\x1b\\n"],
    ["a\\b", "a\\\\b"],
    ["a\x7f", "a\\x7f"],
    ["gpj\u202eexe", "gpj\\u202eexe"],
    ["a\u200bb\u2028c\u2029d\u00ade\ufeff", "a\\u200bb\\u2028c\\u2029d\\xade\\ufeff"],
    ["x\u{e0041}\u{e007f}", "x\\udb40\\udc41\\udb40\\udc7f"],
    ["\ud800", "\\ud800"],
  ];
  for (const [text, written] of cells) {
    assertEquals(joinCells([text]), written);
    assertEquals(splitCells(written), [text]);
  }
});
