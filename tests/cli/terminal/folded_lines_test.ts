import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { Line } from "../../../lib/cli/rendering/user_interface.ts";
import { FoldedLines } from "../../../lib/cli/terminal/folded_lines.ts";

function refusal(folded: FoldedLines, number: number): string {
  const error = assertThrows(() => folded.line(number), P2pchatError);
  assertEquals(error.code, "no-such-entry");
  return error.message;
}

Deno.test("FoldedLines numbers the lines it keeps, and says what it doesn't have", () => {
  const folded = new FoldedLines();
  assertEquals(refusal(folded, 1), "Cannot show 1: nothing was folded so far");
  const [first, second]: Line[] = [["first"], ["second"]];
  assertEquals([folded.keep(first!), folded.keep(second!)], [1, 2]);
  assertEquals([folded.line(1), folded.line(2)], [first, second]);
  assertEquals(refusal(folded, 3), "Cannot show 3: the last text that was folded is 2");
});

Deno.test("FoldedLines keeps some of the longest texts, the last of them always", () => {
  const folded = new FoldedLines();
  const longest: Line = [{ text: "\n".repeat(65_536), as: "body" }];
  const asked: Line = [{ text: "- a\n+ b", as: "body", areSigned: true }];
  assertEquals(folded.keep(asked), 1);
  for (let number = 2; number <= 41; number++) assertEquals(folded.keep(longest), number);
  assertStringIncludes(refusal(folded, 26), "Cannot show 26: it was too long ago; what /history");
  for (let number = 27; number <= 41; number++) assertEquals(folded.line(number), longest);
  assertEquals(folded.line(1), asked, "who is asked may read it still");

  const huge: Line = [{ text: "\n".repeat(2_000_000), as: "body" }];
  assertEquals(folded.line(folded.keep(huge)), huge);
  refusal(folded, 41);
});
