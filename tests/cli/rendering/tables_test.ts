import { assertEquals } from "@std/assert";
import { tableLines } from "../../../lib/cli/rendering/tables.ts";
import { printed } from "../printed.ts";

Deno.test("tableLines() puts columns under their headings", () => {
  assertEquals(
    printed(tableLines(["Name", "State"], [["al", "free"], ["barbara", "busy, guest"]])),
    "Name     State\nal       free\nbarbara  busy, guest\n",
  );
});

Deno.test("tableLines() marks a name that mixes scripts once, and the columns stay under their headings", () => {
  assertEquals(
    printed(tableLines(["Name", "State"], [["p\u0430yroll", "free"], ["alice", "busy"]])),
    "Name      State\n\u2248p\u0430yroll  free\nalice     busy\n",
  );
});

Deno.test("tableLines() goes by the cells of a terminal: some letters take two, marks none", () => {
  assertEquals(
    printed(tableLines(["Name", "State"], [["\u674e\u5c0f\u9f8d", "free"], ["Ye\u0323s", "busy"]])),
    "Name    State\n\u674e\u5c0f\u9f8d  free\nYe\u0323s     busy\n",
  );
});
