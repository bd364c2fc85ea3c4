import { assertEquals } from "@std/assert";
import { EditedLine } from "../../../lib/cli/terminal/edited_line.ts";
import { KeyParser } from "../../../lib/cli/terminal/key_parser.ts";
import { MODE } from "../echo_room.ts";

/** A line without a terminal, which notes what is done about it. */
function begin() {
  const happened: string[] = [];
  const screen = {
    printLines: () => {},
    printStar: (text: string) => void happened.push(`* ${text}`),
    redraw: () => {},
    ring: () => void happened.push("(bell)"),
  };
  const begun: string[] = [];
  const begins = (isKept?: boolean) => (isKept && happened.push("(kept)"), begun.push(""), null);
  const line = new EditedLine(MODE.commands, "/nowhere", begins, screen);
  const keys = new KeyParser();
  const type = (text: string, isFull = false) => {
    for (const key of keys.push(new TextEncoder().encode(text))) {
      const request = line.drops(key) ? null : line.press(key, isFull);
      if (request?.type === "submit") happened.push(request.text);
      if (request?.type === "complete") line.complete();
    }
  };
  return { line, happened, begun, type };
}

Deno.test("a line that is found by Ctrl+R was begun with the search, in which no prompt shows a question", () => {
  const { line, begun, type } = begin();
  type("y\r\x12");
  assertEquals(begun.length, 2);
  type("y\r");
  assertEquals([line.text, begun.length], ["y", 2]);
});

Deno.test("a short beginning of a line becomes what it stands for when it is typed, and stays that", () => {
  const { line, happened, type } = begin();
  line.setExpansion({ typed: "r/", becomes: "bob/" });
  type("r/");
  assertEquals(line.text, "bob/");
  line.setExpansion({ typed: "r/", becomes: "carol/" });
  type("yes\rer/x\rr/and/more\r");
  assertEquals(happened, ["bob/yes", "er/x", "carol/and/more"]);
});

Deno.test("who is there is asked when Tab is pressed, and no sooner", () => {
  const { line, happened, type } = begin();
  let asked = 0;
  const here = ["Bob"];
  line.setNames(() => {
    asked++;
    return here;
  });
  here.push("Carol");
  type("hello C");
  assertEquals(asked, 0);
  type("\t");
  assertEquals([line.text, asked], ["hello Carol ", 1]);
  type("x\t");
  assertEquals([line.text, happened], ["hello Carol x", ["(bell)"]]);
});

Deno.test("Enter leaves the line where it is while no further one can be entered", () => {
  const { line, happened, type } = begin();
  type("hello\r", true);
  assertEquals([line.text, happened], ["hello", ["(bell)"]]);
  type("\r");
  assertEquals([line.text, happened.at(-1)], ["", "hello"]);
});

Deno.test("a line that is set aside is kept for Ctrl+Y with what follows, and nothing of it is run", () => {
  const { line, happened, type } = begin();
  type("half a li");
  line.setAside("#Club");
  type("ne\r");
  const told = "* What you were typing for #Club was set aside; Ctrl+Y brings it back";
  assertEquals([line.text, happened], ["", [told]]);
  type("\x19");
  assertEquals([line.text, happened], ["half a line", [told]]);
  type("\r");
  line.setAside("#Club");
  type("heeded");
  assertEquals([line.take(), happened.splice(0)], ["heeded", [told, "half a line"]]);
  assertEquals([line.putBack("back"), line.putBack("again"), line.text], [true, false, "back"]);
  line.setAside("#Club", "other");
  type("\x15\x19\r");
  assertEquals(happened, ["(kept)", told, "back"]);
  line.close();
});

Deno.test("what may be a password is dropped, and not even Ctrl+Y brings it back", () => {
  const { line, happened, type } = begin();
  line.dropUntilQuiet(true);
  type("secret\r\x19");
  assertEquals([line.text, happened], ["", []]);
  line.close();
});
