import { assertEquals } from "@std/assert";
import { pathTyped } from "../../../lib/cli/files/path_typed.ts";

const TYPED: readonly (readonly [text: string, path: string])[] = [
  ["report.pdf ", "report.pdf"],
  ["my report.pdf", "my report.pdf"],
  ["my\\ report.pdf", "my report.pdf"],
  ["'my report.pdf'", "my report.pdf"],
  ['"it\'s.pdf"', "it's.pdf"],
  ["~/report.pdf", "/home/ann/report.pdf"],
  ["~bob/report.pdf", "~bob/report.pdf"],
];

for (const [text, path] of TYPED) {
  Deno.test(`pathTyped() understands ${text}`, () => {
    assertEquals(pathTyped(text, "/home/ann"), path);
  });
}
