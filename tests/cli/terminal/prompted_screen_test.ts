import { assertEquals } from "@std/assert";
import { PromptedScreen } from "../../../lib/cli/terminal/prompted_screen.ts";
import type { Asked } from "../../../lib/cli/terminal/questions.ts";
import { Unseen } from "../../../lib/cli/terminal/unseen.ts";
import { Screen } from "../../e2e/screen.ts";
import { OPTIONS } from "../echo_room.ts";
import { MemoryStreams, settle } from "../memory_streams.ts";

/** A screen of 40 columns, without a terminal; `half` is typed. */
function open(options: { readonly plain?: boolean } = {}) {
  const streams = new MemoryStreams();
  streams.isTerminal = true;
  streams.columns = 40;
  const unseen = new Unseen(streams.nowMs);
  const typed: { asked: Asked | null } = { asked: { prompt: "Alice> ", text: "half", cursor: 4 } };
  const screen = new PromptedScreen({ ...OPTIONS, ...options }, streams, unseen, {
    asked: () => typed.asked,
    names: () => [],
    question: () => "",
    folds: () => {},
    unfolds: () => {},
    isRaw: () => {},
    outputClosed: () => {},
  });
  screen.open();
  screen.setPrompt("Alice", "Alice");
  const shown = async () => {
    await settle();
    const terminal = new Screen(40, 24);
    terminal.write(streams.stdoutText);
    assertEquals(terminal.unexpected, []);
    return terminal;
  };
  return { streams, screen, unseen, typed, shown };
}

Deno.test("a notice has a star, a warning its mark", async () => {
  const { screen, shown } = open();
  screen.printCommon({ event: "notice", text: "Linked again" });
  screen.printCommon({ event: "notice", text: "Another key", warning: true }, "club");
  const lines = ["12:03 * Linked again", "12:03 #club ! Another key", "Alice> half"];
  assertEquals((await shown()).lines, lines);
  await screen.close();
});

Deno.test("progress is rewritten in place, with --plain told once", async () => {
  for (const plain of [false, true]) {
    const { screen, shown } = open({ plain });
    screen.progress("1 of 3");
    await settle();
    screen.progress("2 of 3");
    assertEquals((await shown()).lines, [plain ? "12:03 * 1 of 3" : "2 of 3", "Alice> half"]);
    screen.progress(null);
    assertEquals((await shown()).text.includes(" of 3"), plain);
    await screen.close();
  }
});

Deno.test("of progress that is longer than a row the beginning is shown", async () => {
  const { screen, shown } = open();
  screen.progress("Fetching fourth.txt: 0 % of 3 B, waits for somebody who has it");
  const [row] = (await shown()).lines;
  assertEquals(row, "Fetching fourth.txt: 0 % of 3 B, waits f");
  screen.progress(null);
  await screen.close();
});

Deno.test("the prompt is on the screen as long as something takes input", async () => {
  const { streams, screen, typed, shown } = open();
  typed.asked = null;
  screen.printStar("Nothing is asked");
  assertEquals((await shown()).lines, ["12:03 * Nothing is asked", ""]);
  typed.asked = { prompt: "Name: ", text: "", cursor: 0 };
  screen.redraw();
  assertEquals((await shown()).cursorLine, "Name: |");
  await screen.close();
  assertEquals((await shown()).lines, ["12:03 * Nothing is asked", ""]);
  assertEquals([streams.isRaw, streams.heeded, (await shown()).modes.size], [false, [], 0]);
});

Deno.test("the title says how much came unseen", async () => {
  const { streams, screen, unseen } = open();
  await settle();
  assertEquals(streams.stdoutText.includes("\x1b]2;Alice - p2pchat\x07"), true);
  unseen.focus(false, streams.nowMs);
  screen.printLines([[{ timeMs: streams.nowMs }, " ", { text: "hi", as: "body" }]]);
  await settle();
  assertEquals(streams.stdoutText.includes("\x1b]2;(1) Alice - p2pchat\x07"), true);
  await screen.close();
});
