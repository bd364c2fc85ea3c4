import { assertEquals } from "@std/assert";
import {
  leftLine,
  lostLine,
  nameSpan,
  noticeLine,
  ownKeyLine,
  problemLine,
  questionLine,
  saidBy,
  starLine,
  tableLines,
  wrongLine,
} from "../../../lib/cli/rendering/spans.ts";
import { ROW_CELLS } from "../../../lib/cli/rendering/graphemes.ts";
import { TextFormat } from "../../../lib/cli/streams/text_format.ts";
import type { Line } from "../../../lib/cli/rendering/user_interface.ts";
import { NOON_MS } from "../memory_streams.ts";
import { printed } from "../printed.ts";

/** As a narrow terminal shows it. */
function narrow(line: Line): string {
  const terminal = { ...ROW_CELLS, columns: () => 30 };
  return new TextFormat({ colour: false, verbose: false, terminal }, NOON_MS).format(line);
}

Deno.test("events begin with the time and a mark that says what kind they are", () => {
  const lines = [
    starLine(NOON_MS, nameSpan("bob"), " joined"),
    wrongLine(NOON_MS, "no answer"),
    questionLine(NOON_MS, nameSpan("bob"), " is calling"),
    leftLine(NOON_MS, "bob"),
    leftLine(NOON_MS, "bob", "quit"),
    lostLine(NOON_MS, "bob", "no answer"),
    noticeLine(NOON_MS, { text: "worth knowing" }),
    noticeLine(NOON_MS, { text: "bad", warning: true }),
    noticeLine(NOON_MS, {
      text: "old",
      history: true,
      sentAt: new Date(NOON_MS - 60_000).toISOString(),
    }),
    problemLine("it is damaged"),
  ];

  assertEquals(
    printed(lines),
    "12:03 * bob joined\n12:03 ! no answer\n12:03 ? bob is calling\n12:03 * bob left\n" +
      "12:03 * bob left (quit)\n12:03 ! bob is lost: no answer\n12:03 * worth knowing\n" +
      "12:03 ! bad\n12:02 (earlier) * old\n! it is damaged\n",
  );
});

Deno.test("what somebody does has a star that no name has, and a text without an action is one like any", () => {
  const said = (text: string) => printed([saidBy(nameSpan("bob"), text)]);
  assertEquals(said("/me waves"), "<* bob> waves\n");
  assertEquals(said("/me  waves\ntwice"), "<* bob>  waves\u240atwice\n");
  for (const text of ["/me", "/me ", "/mean it", " /me waves", "/Me waves"]) {
    assertEquals(said(text), `<bob> ${text}\n`);
  }
});

for (const [form, mark] of [[starLine, "*"], [wrongLine, "!"], [questionLine, "?"]] as const) {
  Deno.test(`an event with ${mark} that is too long goes on under what follows the mark`, () => {
    const line = form(NOON_MS, "Online: ", nameSpan("alice"), ", ", nameSpan("bob"), ", carol");

    assertEquals(narrow(line), `12:03 ${mark} Online: alice, bob,\n        carol\n`);
  });
}

Deno.test("one's own key is never broken", () => {
  const line = ownKeyLine("k".repeat(27));

  assertEquals(narrow(line), `Your key:\n  ${"k".repeat(27)}\n`);
});

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
