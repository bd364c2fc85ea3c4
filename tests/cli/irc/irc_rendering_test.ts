import { assertEquals } from "@std/assert";
import { renderingOf } from "../../../lib/cli/irc/irc_rendering.ts";
import { type IrcLine, lineText } from "../../../lib/cli/irc/irc_words.ts";
import type { Line, ShownEvent } from "../../../lib/cli/rendering/user_interface.ts";

const render = renderingOf((event: ShownEvent & { readonly lines?: readonly Line[] }) => {
  return event.lines!;
}, () => 0);

const textOf = (line: IrcLine) => lineText(line, { isCommand: () => false, channel: null });

Deno.test("irc rendering: lines are the console's, without the time at which they come", () => {
  const lines: readonly Line[] = [
    [{ timeMs: 1 }, " * ", { text: "Carol", as: "name" }, " joined"],
    [{ timeMs: 1 }, { text: " ! ", as: "mark" }, "since ", { timeMs: 0, nowMs: 0 }],
  ];

  const [first, second] = render({ event: "some", lines });

  assertEquals(textOf(first!), "* Carol joined");
  assertEquals(/^! since \d\d:\d\d$/.test(textOf(second!)), true, textOf(second!));
});

Deno.test("irc rendering: what was earlier has its time in an answer, as at the console", () => {
  const [entry, said] = render({
    event: "some",
    lines: [["edit 1, ", { timeMs: 60_000 }, ", asked"], [{ timeMs: 0 }, " * now"]],
  });
  const answer = (line: IrcLine) => lineText(line, { isCommand: () => false, channel: null }, true);

  assertEquals(/^edit 1, \d\d:\d\d, asked$/.test(answer(entry!)), true, answer(entry!));
  assertEquals(answer(said!), "* now");
});

Deno.test("irc rendering: what all modes have needs no mode, and what no mode has is no line", () => {
  assertEquals(render({ event: "notice", text: "well" }), [["well"]]);
  assertEquals(render({ event: "notice", text: "well", warning: true }), [["! well"]]);
  assertEquals(render({ event: "error", code: "usage", text: "no" }), [["error: no"]]);
  assertEquals(render({ event: "ignored", ignored: [] }), [["You ignore nobody."]]);
  for (const event of ["help", "fatal", "bye", "returned", "irc", "web"]) {
    assertEquals(render({ event }), []);
  }
});
