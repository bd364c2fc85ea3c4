import { assertEquals } from "@std/assert";
import { type DoorLine, doorRendering, withCommands } from "../../../lib/cli/doors/door_lines.ts";
import { lineText } from "../../../lib/cli/irc/irc_words.ts";
import { meshCommands } from "../../../lib/cli/mesh/mesh_commands.ts";
import type { Line, ShownEvent } from "../../../lib/cli/rendering/user_interface.ts";

const render = doorRendering(
  (event: ShownEvent & { readonly lines?: readonly Line[] }) => {
    return event.lines!;
  },
  meshCommands,
  () => 0,
);

const textOf = (line: DoorLine) => lineText(line, null);

Deno.test("irc rendering: lines are the console's, without the time at which they come", () => {
  const lines: readonly Line[] = [
    [{ timeMs: 1 }, " * ", { text: "Carol", as: "name" }, " joined"],
    [{ timeMs: 1 }, { text: " ! ", as: "mark" }, "since ", { timeMs: 0, nowMs: 0 }],
  ];

  const [first, second] = render({ event: "some", lines }, null);

  assertEquals(textOf(first!), "Carol joined");
  assertEquals(/^! since \d\d:\d\d$/.test(textOf(second!)), true, textOf(second!));
});

Deno.test("irc rendering: what was earlier has its time in an answer, as at the console", () => {
  const [entry, said] = render({
    event: "some",
    lines: [["edit 1, ", { timeMs: 60_000 }, ", asked"], [{ timeMs: 0 }, " * now"]],
  }, null);
  const answer = (line: DoorLine) => lineText(line, null, 60_000);

  assertEquals(/^edit 1, \d\d:\d\d, asked$/.test(answer(entry!)), true, answer(entry!));
  assertEquals(answer(said!), "now");
});

Deno.test("irc rendering: what all modes have needs no mode, and what no mode has is no line", () => {
  const told = (fields: Readonly<Record<string, unknown>>) => render(fields, null).map(textOf);
  assertEquals(told({ event: "notice", text: "well" }), ["well"]);
  assertEquals(told({ event: "notice", text: "well", warning: true }), ["! well"]);
  assertEquals(told({ event: "error", code: "usage", text: "no" }), ["error: no"]);
  assertEquals(told({ event: "ignored", ignored: [] }), ["You ignore nobody."]);
  for (const event of ["help", "fatal", "bye", "irc", "web"]) assertEquals(told({ event }), []);
});

Deno.test("door lines: a command in the program's own words is a part, with what belongs to it", () => {
  const commands = (text: string) =>
    withCommands(text, meshCommands).flatMap((part) => typeof part === "string" ? [] : [part[1]]);
  for (
    const [text, ...expected] of [
      ["compare digits: /verify Bob, then /verify Bob yes or no", "/verify Bob", "/verify Bob yes"],
      ["/get 1 fetches it, /msg Bob TEXT tells him", "/get 1", "/msg Bob TEXT"],
      [
        '"/quit" isn\'t one, /tmp/quit neither; /status says more (/trust Al.)',
        "/status",
        "/trust Al",
      ],
      ["ask for what /invite shows there"],
      ["/history 20 shows more", "/history 20"],
    ] as const
  ) assertEquals(commands(text), expected);
});

Deno.test("door lines: the user's own name, and what was looked for, are parts of a body", () => {
  const lines = (
    text: string,
    searched?: string,
  ): readonly Line[] => [[{ text, as: "body", searched }]];
  const said = { event: "message", lines: lines("Al, albert and al") };
  const mention = (name: string) => ["mention", name] as const;
  assertEquals(render({ ...said, mention: true }, "Al"), [
    [mention("Al"), ["body", ", albert and "], mention("al")],
  ]);
  assertEquals(render(said, "Al"), [[["body", "Al, albert and al"]]]);
  const found = { event: "history", lines: lines("my key", "KEY") };
  assertEquals(render(found, null), [[["body", "my "], ["found", "key"]]]);
});
