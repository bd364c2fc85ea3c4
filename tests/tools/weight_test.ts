import { assertEquals } from "@std/assert";
import { linesOfCode, wordsOfProse } from "../../tools/weight.ts";

Deno.test("weight: lines of code are those that are neither blank nor a comment", () => {
  const source = [
    "/** A head,",
    " * of two lines. */",
    "// Why.",
    "",
    'const url = "http://x"; // not a comment from its start',
    "/* a */ code();",
    "/*",
    "  code();",
    "*/ code();",
    "}",
  ];
  assertEquals(linesOfCode(source.join("\n")), 4);
});

Deno.test("weight: words of a page are those that somebody wrote", () => {
  const page = "# Two words\n\n<!-- generated: a -->\n\n| x |\n\n<!-- end generated: a -->\n\nlast";
  assertEquals(wordsOfProse(page), 4);
});
