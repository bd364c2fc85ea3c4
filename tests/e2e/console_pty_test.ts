import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { hasScript, openTerminal, type Terminal, type TerminalOptions } from "./pty.ts";
import { holds, PROGRAM } from "./node.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

/** A room at a terminal, and a connection that acts as the other members. */
class Room {
  constructor(
    readonly terminal: Terminal,
    readonly listener: Deno.Listener,
    readonly connection: Deno.Conn,
  ) {}

  async show(...events: readonly object[]): Promise<void> {
    const lines = events.map((event) => JSON.stringify(event) + "\n").join("");
    await this.connection.write(new TextEncoder().encode(lines));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminal[Symbol.asyncDispose]();
    this.connection.close();
    this.listener.close();
  }
}

async function openRoom(
  options: Partial<TerminalOptions> & { readonly flags?: readonly string[] } = {},
): Promise<Room> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const mode = fileURLToPath(new URL("echo_mode.ts", import.meta.url));
  const { flags = [], ...rest } = options;
  const terminal = await openTerminal({
    command: [
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-check",
      "-A",
      mode,
      "mesh",
      "Alice",
      ...flags,
    ],
    ...rest,
    env: { EVENTS_PORT: String(listener.addr.port), ...options.env },
  });
  const room = new Room(terminal, listener, await listener.accept());
  await terminal.untilCursorLine("Alice> |");
  return room;
}

function messageFrom(from: string, text: string): object {
  const flags = { self: false, private: false, history: false };
  return {
    event: "message",
    id: "1",
    from,
    shown: from,
    text,
    ...flags,
    sentAt: "2026-01-01T12:00:00.000Z",
  };
}

const LEFT = "\x1b[D";
const UP = "\x1b[A";
const DOWN = "\x1b[B";
const CTRL_A = "\x01";
const CTRL_C = "\x03";
const CTRL_D = "\x04";
const CTRL_U = "\x15";

function consoleTest(name: string, test: () => Promise<void>): void {
  Deno.test({ name: `console: ${name}`, ignore: !hasScript(), fn: test });
}

consoleTest(
  "a half-typed line with the cursor in its middle survives an arriving message",
  async () => {
    await using room = await openRoom();
    const { terminal } = room;
    assertEquals(
      terminal.screen.lines[0],
      ">INFO: Alice at address 127.0.0.1 is listening at 55107.",
    );

    await terminal.press("hello wrld" + LEFT.repeat(3));
    await terminal.untilCursorLine("Alice> hello w|rld");
    await room.show(messageFrom("Bob", "are you there?"));

    await terminal.until("Bob's message", ({ text }) => text.includes("<Bob> are you there?"));
    await terminal.untilCursorLine("Alice> hello w|rld");
    await terminal.press("o\r");
    await terminal.until("the message sent", ({ text }) => text.includes("<Alice> hello world"));
    await terminal.untilCursorLine("Alice> |");
    assertEquals(terminal.screen.lines.filter((line) => line.startsWith("Alice>")).length, 1);
    assertEquals(terminal.screen.unexpected, []);
  },
);

consoleTest("a line of several rows survives messages, and no row of it stays behind", async () => {
  await using room = await openRoom({ columns: 30, rows: 10 });
  const { terminal } = room;
  const typed = "one two three four five six seven eight nine ten";
  await terminal.press(typed + LEFT.repeat(20));
  await terminal.until(
    "the cursor",
    ({ cursorLine }) =>
      cursorLine === "ive six s|even eight nine ten" ||
      cursorLine.includes("|"),
  );

  for (let index = 0; index < 12; index++) await room.show(messageFrom("Bob", `message ${index}`));
  await terminal.until("the last message", ({ text }) => text.includes("message 11"));
  await terminal.press("X");
  const line = `Alice> ${typed.slice(0, -20)}X${typed.slice(-20)}`;
  await terminal.until("what was typed", ({ lines }) => lines.slice(-2).join("") === line);

  assertEquals(
    terminal.screen.text.split("one two").length,
    2,
    "the start of the line is there once",
  );
  for (let index = 0; index < 12; index++) {
    assertEquals(terminal.screen.text.split(`<Bob> message ${index}\n`).length, 2);
  }
});

consoleTest("history and editing keys, Tab, and a paste of several lines", async () => {
  await using room = await openRoom();
  const { terminal } = room;
  await terminal.press("first\r");
  await terminal.press("second\r");
  await terminal.press("draft" + UP + UP);
  await terminal.untilCursorLine("Alice> first|");
  await terminal.press(DOWN + DOWN);
  await terminal.untilCursorLine("Alice> draft|");
  await terminal.press("\x17two words\x1bb" + CTRL_A + "\x0b\x19\x19");
  await terminal.untilCursorLine("Alice> two wordstwo words|");

  // Tab completes commands and names, and shows the choices.
  await terminal.press(CTRL_U);
  await terminal.press("/ms\t");
  await terminal.untilCursorLine("Alice> /msg |");
  await terminal.press("bo\t");
  await terminal.untilCursorLine("Alice> /msg Bob|");
  await terminal.press("\t");
  await terminal.until("the choices", ({ text }) => text.includes("Bob  Bobby\n"));
  await terminal.press("b\t");
  await terminal.untilCursorLine("Alice> /msg Bobby |");

  // A bracketed paste of several lines is one message.
  await terminal.press(CTRL_U);
  await terminal.until("marks for pastes", ({ modes }) => modes.has("?2004"));
  await terminal.press("\x1b[200~one\rtwo\r\x1b[201~");
  await terminal.untilCursorLine("Alice> one␊two|");
  await terminal.press("\r");
  await terminal.until("the message", ({ text }) => / <Alice> one\n {14}two\n/.test(text));
});

consoleTest("wide characters, emoji and marks: the cursor is where the text is", async () => {
  await using room = await openRoom({ columns: 20 });
  const { terminal } = room;
  await terminal.press("日本👩‍👩‍👧e\u0301x" + LEFT.repeat(3));
  await terminal.untilCursorLine("Alice> 日本|👩‍👩‍👧e\u0301x");
  await terminal.press("\x7f");
  await terminal.untilCursorLine("Alice> 日|👩‍👩‍👧e\u0301x");
  await terminal.press("\x05世界世界世界");
  await terminal.untilCursorLine("界世界|");
});

consoleTest(
  "the prompt is there once, whatever its characters' widths, and text goes to the cursor",
  async () => {
    for (const cells of [0, 2]) {
      const pointWidth = (character: string) => character < "\x7f" ? 1 : cells;
      await using room = await openRoom({ columns: 40, pointWidth });
      const { terminal } = room;
      await terminal.press("\u0661\u06dd".repeat(18) + "abc" + LEFT.repeat(2));
      await terminal.until("what was typed", ({ cursorLine }) => /a *\|bc$/.test(cursorLine));
      await terminal.press("X");
      await terminal.until("what was typed then", ({ cursorLine }) => /a *X\|bc$/.test(cursorLine));
      const { text, columns } = terminal.screen;
      assertEquals(text.split("Alice> ").length, 2, text);
      assertEquals(columns, 40);
      await terminal.press("\x15ok");
      await terminal.untilCursorLine("Alice> ok|bc");
    }
  },
);

consoleTest(
  "a word whose width is uncertain goes on under the text, not at the start of the line",
  async () => {
    await using room = await openRoom({ columns: 40 });
    const { terminal } = room;

    await room.show(messageFrom("Bob", `see ${"ö".repeat(50)}`));

    await terminal.until(
      "the message",
      ({ text }) => /<Bob> see\n {12}ö{27}\n {12}ö{23}\n/.test(text),
    );

    // Nor can a message fake a line by its length.
    await room.show(messageFrom("Bob", `${"x ".repeat(13)}12:00 <Carol> I never said this`));
    await terminal.until("the message", ({ text }) => /said\s+this\n/.test(text));
    for (const line of terminal.screen.lines.slice(4)) {
      assert(!line.startsWith("12:00 <Carol>"), line);
    }
    assertStringIncludes(
      terminal.screen.text.replace(/\s+/g, " "),
      "x x 12:00 <Carol> I never said this",
    );
  },
);

for (const reflows of [true, false]) {
  const kind = reflows ? "breaks rows" : "cuts rows, as xterm does";
  consoleTest(
    `a window made narrow shows the prompt anew, and nothing twice: one that ${kind}`,
    async () => {
      const env = reflows ? {} : { XTERM_VERSION: "XTerm(379)" };
      await using room = await openRoom({ columns: 60, reflows, env });
      const { terminal } = room;
      await room.show(messageFrom("Bob", "hi"), messageFrom("Bob", "are you there?"));
      await terminal.until("both messages", ({ text }) => text.includes("<Bob> are you there?"));
      const typed = "a line of text that is longer than fifty cells, and goes on and on";
      await terminal.press(typed + LEFT.repeat(9));
      await terminal.untilCursorLine("oes |on and on");

      const prompt = `Alice> ${typed}`;
      for (const columns of [40, 32, 60]) {
        await terminal.resize(columns, 20);
        const last = prompt.slice(prompt.length - prompt.length % columns);
        await terminal.until(
          `the prompt in ${columns} columns`,
          ({ lines }) => lines.at(-1) === last,
        );
      }

      const { lines } = terminal.screen;
      assertEquals(lines.slice(-4).map((line) => line.replace(/^\d\d:\d\d /, "")), [
        "<Bob> hi",
        "<Bob> are you there?",
        prompt.slice(0, 60),
        prompt.slice(60),
      ]);
    },
  );
}

consoleTest("no escape sequence of a remote reaches the terminal", async () => {
  await using room = await openRoom({ flags: ["--no-color"] });
  const { terminal } = room;
  const nasty = "\x1b]0;owned\x07\x1b[2J\x1b[H\x9b31m\rfake\u2028line\u202eevil";
  await room.show(
    messageFrom("Bob", nasty),
    { ...messageFrom("Bob", nasty), private: true },
    { event: "notice", text: nasty },
    { event: "error", code: "offline", text: nasty },
    { event: "joined", name: nasty, key: "K", host: nasty, port: 1 },
    { event: "left", name: nasty, key: "K", reason: "quit" },
    { event: "renamed", key: "K", from: nasty, name: nasty },
    { event: "peers", peers: [{ name: nasty, key: nasty, host: nasty, port: 1, direct: true }] },
    { event: "order", progress: nasty },
    messageFrom("Bob", "the end"),
  );
  await terminal.until("the last message", ({ text }) => text.includes("the end"));

  assertEquals(terminal.screen.unexpected, []);
  assertEquals(
    stylesOf(terminal.raw).filter((style) => !["0", "1", "1;7"].includes(style)),
    [],
    "--no-color",
  );
  const raw = terminal.raw.replaceAll("\x1b]2;Alice - p2pchat\x07", ""); // the program's own
  for (const obeyed of ["owned\x07", "\x1b]", "\x9b", "\u202e", "\u2028"]) {
    assert(!raw.includes(obeyed), JSON.stringify(obeyed));
  }
  assertEquals(terminal.screen.text.split("\n").filter((line) => line.startsWith("fake")), []);
});

for (const cells of [0, 2]) {
  consoleTest(
    `a message fakes no line by signs that this terminal shows in ${cells} cells`,
    async () => {
      const pointWidth = (character: string) => character < "\x7f" ? 1 : cells;
      await using room = await openRoom({ pointWidth, flags: ["--no-color"] });
      const { terminal } = room;
      const signs = "\u06dd".repeat(68);
      const quits = {
        ...messageFrom("Mal", `${signs}03:30 <Bob> I quit`),
        sentAt: new Date().toISOString(),
      };
      await room.show(quits, { ...quits, private: true });
      await terminal.until("both", ({ text }) => text.split("I quit").length === 3);
      await terminal.press("x");
      await terminal.untilCursorLine("Alice> x|");

      const start = terminal.screen.lines.findIndex((line) => line.includes("<Mal>"));
      for (const line of terminal.screen.lines.slice(start, -1)) {
        assert(/^( {12}|\d\d:\d\d [<[]Mal)/.test(line), terminal.screen.text);
      }
      assert(terminal.screen.wraps, "the terminal wraps again");
      await terminal.press(CTRL_C + CTRL_C);
      assertEquals(await terminal.ended(), 0);
      assert(terminal.screen.wraps);
    },
  );
}

consoleTest("a link that is wider than the terminal is copied whole", async () => {
  await using room = await openRoom({ columns: 60 });
  const { terminal } = room;
  const link =
    "https://github.com/denoland/deno/blob/main/cli/tools/compile/some/very/long/path/standalone/binary.rs#L1234-L1250";
  await room.show(messageFrom("Bob", `see ${link} ok`));
  await terminal.until("the message", ({ text }) => text.includes(" ok\n"));
  const { lines } = terminal.screen;
  const start = lines.findIndex((line) => line.endsWith("<Bob> see"));
  assertEquals(
    lines.slice(start + 1, start + 5).join(""),
    `${" ".repeat(12)}${link}${" ".repeat(12)}ok`,
  );
});

consoleTest(
  "at 40 columns no word is cut, and one wider than the line is the terminal's",
  async () => {
    await using room = await openRoom({ columns: 40 });
    const { terminal } = room;
    assertEquals(terminal.screen.lines.slice(0, 4), [
      ">INFO: Alice at address 127.0.0.1 is",
      "  listening at 55107.",
      "Others join with:",
      "  p2pchat mesh NAME 127.0.0.1 55107",
    ]);
    const path = `/srv/${"deep/".repeat(20)}file`;
    await room.show(messageFrom("Bob", `${path} ok`));
    await terminal.until("the message", ({ text }) => text.includes(" ok\n"));
    assertStringIncludes(terminal.screen.lines.join(""), `<Bob> ${path}${" ".repeat(12)}ok`);
  },
);

consoleTest("errors go to standard error, also where that is a file", async () => {
  const file = await Deno.makeTempFile();
  {
    await using room = await openRoom({ redirect: `2>${file}` });
    await room.terminal.press("/nonsense\r");
    await room.terminal.press("after\r");
    await room.terminal.until("the answer", ({ text }) => text.includes("<Alice> after"));
    assertEquals(room.terminal.screen.text.includes("error:"), false);
    await holds("it is in the file", async () => (await Deno.stat(file)).size > 0);
  }
  assertEquals(
    await Deno.readTextFile(file),
    "error: No command /nonsense; /help lists them, //nonsense sends it as text\n",
  );
  await Deno.remove(file);
});

consoleTest("paused input keeps the prompt working and sends in order afterwards", async () => {
  await using room = await openRoom();
  const { terminal } = room;
  await room.show({ event: "order", pause: "Carol is far behind" });
  await room.show({ event: "notice", text: "paused now" });
  await terminal.until("the notice", ({ text }) => text.includes("paused now"));
  await terminal.press("one\rtwo\rhalf");
  await terminal.untilCursorLine("Alice> half|");
  await terminal.until("the reason", ({ text }) => text.includes("Waiting: Carol is far behind."));
  assertEquals(terminal.screen.text.includes("<Alice>"), false);

  await room.show({ event: "order", pause: null });

  await terminal.until("both", ({ text }) => /<Alice> one\n.*<Alice> two\n/.test(text));
  await terminal.untilCursorLine("Alice> half|");
});

consoleTest(
  "Ctrl+D leaves when the lines that wait are sent, and Ctrl+C says how many aren't",
  async () => {
    for (const isSent of [true, false]) {
      await using room = await openRoom();
      const { terminal } = room;
      await room.show({ event: "order", pause: "Carol is far behind" });
      await room.show({ event: "notice", text: "paused now" });
      await terminal.until("the notice", ({ text }) => text.includes("paused now"));
      await terminal.press("one\rtwo\r" + CTRL_D);
      const leaving = "* Leaving when 2 lines that you wrote are sent";
      await terminal.until("what it waits for", ({ text }) => text.includes(leaving));

      if (isSent) await room.show({ event: "order", pause: null });
      else await terminal.press(CTRL_C);

      assertEquals(await terminal.ended(), 0);
      const { text } = terminal.screen;
      assertEquals(/<Alice> one\n.*<Alice> two\n/.test(text), isSent, text);
      assertEquals(text.includes("! 2 lines that you wrote weren't sent"), !isSent, text);
    }
  },
);

consoleTest("progress is one line that is rewritten, and goes", async () => {
  await using room = await openRoom();
  const { terminal } = room;
  await room.show({ event: "order", progress: "Catching up: 1 of 2" });
  await terminal.until("progress", ({ lines }) => lines.at(-2) === "Catching up: 1 of 2");
  await room.show({ event: "order", progress: "Catching up: 2 of 2" });
  await terminal.until("progress", ({ lines }) => lines.at(-2) === "Catching up: 2 of 2");
  await room.show({ event: "order", progress: null }, { event: "notice", text: "Caught up" });
  await terminal.until("the result", ({ lines }) => lines.at(-2)?.endsWith("* Caught up") === true);
  assertEquals(terminal.screen.text.includes("Catching"), false);
});

for (
  const [title, keys] of [["Ctrl+C", CTRL_C], ["Ctrl+D on an empty line", CTRL_D]] as const
) {
  consoleTest(`${title} leaves, and gives the terminal back`, async () => {
    await using room = await openRoom();
    const { terminal } = room;
    assertStringIncludes(await terminal.settings(), "-icanon");

    await terminal.press(keys);

    assertEquals(await terminal.ended(), 0);
    assertEquals(terminal.screen.modes.has("?2004"), false);
    assertEquals(terminal.screen.cursorLine, "|");
  });
}

consoleTest("a second Ctrl+C forces the end with status 130", async () => {
  await using room = await openRoom({ env: { STUBBORN: "1" } });
  const { terminal } = room;
  await terminal.press("half" + CTRL_C);
  await terminal.untilCursorLine("Alice> |");
  const cleared = "* Ctrl+C cleared the line; Ctrl+Y brings it back, Ctrl+C again leaves";
  await terminal.until("what Ctrl+C did", ({ text }) => text.includes(cleared));
  await terminal.press(CTRL_C);
  await room.show({ event: "notice", text: "still here" });
  await terminal.until("that it is still there", ({ text }) => text.includes("still here"));
  await terminal.press(CTRL_C);

  assertEquals(await terminal.ended(), 130);
  assertEquals(terminal.screen.modes.has("?2004"), false);
});

consoleTest("a fault of our own gives the terminal back and ends with status 1", async () => {
  await using room = await openRoom();
  await room.terminal.press("half");
  await room.terminal.untilCursorLine("Alice> half|");
  await room.show({ event: "order", fault: "a bug" });
  assertEquals(await room.terminal.ended(), 1);
  assertEquals(room.terminal.screen.modes.has("?2004"), false);
  assertStringIncludes(room.terminal.screen.text, "\nerror: Internal fault (Error: a bug)");
  assertEquals(room.terminal.screen.text.includes("    at "), false, "no stack trace");
});

consoleTest(
  "the title counts what came while the window hadn't the focus, a rule says since when",
  async () => {
    await using room = await openRoom();
    const { terminal } = room;
    await terminal.until("reports of the focus", ({ modes }) => modes.has("?1004"));
    await terminal.until("the title", ({ title }) => title === "Alice - p2pchat");
    const left = messageFrom("Bob", "hi");
    await terminal.press("x\x1b[O"); // the line shows that both were read
    await terminal.untilCursorLine("Alice> x|");
    await room.show(left, left);
    await terminal.until("the count", ({ title }) => title === "(2) Alice - p2pchat");
    await terminal.until("both", ({ text }) => text.split("<Bob> hi\n").length === 3);
    assertEquals(terminal.screen.text.match(/-- new since \d\d:\d\d --\n.*<Bob> hi\n/g)?.length, 1);
    await terminal.press("\x1b[I");
    await terminal.until("the title", ({ title }) => title === "Alice - p2pchat");
    await terminal.press("\x7f");
    await terminal.untilCursorLine("Alice> |");
    await terminal.press(CTRL_C);
    assertEquals(await terminal.ended(), 0);
    assertEquals([terminal.screen.title, [...terminal.screen.modes]], ["shell", []]);
    assertEquals(terminal.screen.unexpected, []);
  },
);

consoleTest(
  "mentions, private messages and the history stand out, with colours and without",
  async () => {
    for (const flags of [[], ["--no-color"], ["--plain", "--no-color"]]) {
      await using room = await openRoom({ flags, env: { NO_COLOR: "" } });
      const { terminal } = room;
      const now = { sentAt: new Date().toISOString() };
      const earlier = { ...messageFrom("Bob", "before"), ...now, history: true };
      const mention = { ...messageFrom("Bob", "well, alice?"), ...now };
      await room.show(earlier, earlier, mention, { ...mention, text: "for you", private: true });
      await terminal.until("all", ({ text }) => /\[Bob -> you\] for you/.test(text));
      const { text } = terminal.screen;
      if (flags.includes("--plain")) {
        assertEquals(text.match(/ \(earlier\) <Bob> before\n/g)?.length, 2);
        assertEquals([/^-- /m.test(text), terminal.screen.title], [false, "shell"]);
      } else {
        const rules = /\d\d:\d\d <Bob> before\n\d\d:\d\d <Bob> before\n-- now --\n/;
        assert(rules.test(text), text);
      }
      const styleOf = (part: string) =>
        terminal.screen.styled.flat().find((run) => run.text.includes(part))?.style;
      const styles = flags.length === 0 ? ["1;7", "35", "2"] : ["1;7", "", ""];
      assertEquals([styleOf("alice"), styleOf("for you"), styleOf("before")], styles);
    }
  },
);

/** The styles that a terminal was told. */
function stylesOf(raw: string): readonly string[] {
  return raw.split("\x1b").flatMap((rest) => /^\[([0-9;]*)m/.exec(rest)?.[1] ?? []);
}

consoleTest("NO_COLOR prints no colours", async () => {
  await using room = await openRoom({ env: { NO_COLOR: "1" } });
  await room.show(messageFrom("Bob", "hi"), messageFrom("Bob", "hi Alice"));
  await room.terminal.until("the messages", ({ text }) => text.includes("<Bob> hi Alice"));
  assertEquals(
    [...new Set(stylesOf(room.terminal.raw))].sort(),
    ["0", "1;7"],
    "bold and reversed are no colours",
  );
});

consoleTest("TERM=dumb gets plain lines and no sequence at all", async () => {
  await using terminal = await openTerminal({
    command: [
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-check",
      "-A",
      fileURLToPath(new URL("echo_mode.ts", import.meta.url)),
      "mesh",
      "Alice",
    ],
    env: { TERM: "dumb" },
  });
  await terminal.until("the first line", ({ text }) => text.includes("Others join with"));
  await terminal.press("hello\n");
  await terminal.until("the message", ({ text }) => text.includes("<Alice> hello"));
  await terminal.press("\x04");
  assertEquals(await terminal.ended(), 0);
  assertEquals(terminal.raw.includes("\x1b"), false);
});

consoleTest("who founds a room is told so, and what to type", async () => {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-pty-" });
  const home = temporary.path;
  await using terminal = await openTerminal({
    command: [PROGRAM, "mesh", "Alice", "--host", "127.0.0.1", "--port", "0"],
    env: { P2PCHAT_HOME: home },
  });
  await terminal.untilCursorLine("Alice> |");
  await terminal.until(
    "what to type",
    ({ text }) => text.includes("* /help lists the commands, :q leaves."),
  );
  await terminal.press("/join --new --private --title Club\r");
  await terminal.untilCursorLine("Alice #Club> |");
  await terminal.until("what leaves this one", ({ text }) => text.includes("/part leaves."));
  const shown = terminal.raw.length;
  await terminal.press(":q\r");
  assertEquals(await terminal.ended(), 0);
  assertStringIncludes(terminal.raw.slice(shown), "and the program ends");
  assertEquals(/You are in/.test(terminal.raw.slice(shown)), false);
});

consoleTest("a message of several lines, and an invite on the clipboard", async () => {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-pty-" });
  const home = temporary.path;
  await using terminal = await openTerminal({
    command: [PROGRAM, "mesh", "Alice", "--private", "--host", "127.0.0.1", "--port", "0"],
    env: { P2PCHAT_HOME: home },
  });
  await terminal.untilCursorLine("Alice> |");
  await terminal.press("f"); // in a first read that comes soon, a line feed may have been typed before
  await terminal.untilCursorLine("Alice> f|");
  await terminal.press("irst\x1b\rsecond\nthird\r");
  const indent = " ".repeat("12:00 <Alice> ".length);
  const said = `<Alice> first\n${indent}second\n${indent}third\n`;
  await terminal.until("the message", ({ text }) => text.includes(said));
  await terminal.press("/invite --copy\r");
  const copied = "* Copied to the clipboard, if your terminal allows it";
  await terminal.until("what was done", ({ text }) => text.includes(copied));
  const { clipboard, text, unexpected } = terminal.screen;
  assert(/^[a-z2-7]{60,}$/.test(clipboard), clipboard);
  assertStringIncludes(text.replaceAll("\n", ""), clipboard);
  assertEquals(unexpected, []);
});

consoleTest("Tab completes a mention", async () => {
  await using room = await openRoom();
  await room.terminal.press("well, @ca\t");
  await room.terminal.untilCursorLine("Alice> well, @Carol |");
});

consoleTest(
  "what was typed is found at the next start, by Up and by Ctrl+R, but nothing private",
  async () => {
    const home = await Deno.makeTempDir({ prefix: "p2pchat-pty-" });
    const open = () =>
      openTerminal({
        command: [PROGRAM, "mesh", "Alice", "--host", "127.0.0.1", "--port", "0"],
        env: { P2PCHAT_HOME: home },
      });
    try {
      {
        await using terminal = await open();
        await terminal.untilCursorLine("Alice> |");
        for (
          const line of ["shall we meet?", "/msg Bob the key is 42", "/invite", "at eight", ":q"]
        ) {
          await terminal.press(`${line}\r`);
        }
        assertEquals(await terminal.ended(), 0);
      }
      const file = `${home}/users/Alice/typed`;
      assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
      const kept = (await Deno.readTextFile(file)).split("\n").slice(1, -2);
      assertEquals(kept.map((line) => line.split("\t")[1]), ["shall we meet?", "at eight", ":q"]);

      await using terminal = await open();
      await terminal.untilCursorLine("Alice> |");
      await terminal.press(UP + UP);
      await terminal.untilCursorLine("Alice> at eight|");
      await terminal.press(DOWN + DOWN);
      await terminal.press("\x12MEET");
      await terminal.untilCursorLine('(earlier line with "MEET") shall we meet?|');
      await terminal.press("\r");
      await terminal.untilCursorLine("Alice> shall we meet?|");
      await terminal.press("\r");
      await terminal.until("the line sent", ({ text }) => /<Alice> shall we meet\?\n/.test(text));
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },
);
