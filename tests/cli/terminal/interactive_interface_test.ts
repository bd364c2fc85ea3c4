import { assert, assertEquals } from "@std/assert";
import { InteractiveInterface } from "../../../lib/cli/terminal/interactive_interface.ts";
import type { CommonOptions } from "../../../lib/cli/args/options.ts";
import { WRAPPING_OFF } from "../../../lib/cli/streams/terminal_mode.ts";
import { Screen } from "../../e2e/screen.ts";
import { echoRoom, messageFrom, MODE, OPTIONS } from "../echo_room.ts";
import { MemoryStreams, settle } from "../memory_streams.ts";
import { SLOW } from "../../given.ts";

/** A room at a terminal of 40 columns, without a terminal. */
async function open(options: Partial<CommonOptions> = {}) {
  const streams = new MemoryStreams();
  streams.isTerminal = true;
  streams.columns = 40;
  const ui = new InteractiveInterface(MODE, { ...OPTIONS, ...options }, streams);
  const room = echoRoom(ui);
  ui.setPrompt("Alice", "Alice");
  ui.setNames(() => ["Bob"]);
  ui.listen(room);
  streams.type(""); // nothing was typed before
  const screenNow = async () => {
    await settle();
    const screen = new Screen(40, 24);
    screen.write(streams.stdoutText);
    assertEquals(screen.unexpected, []);
    return screen;
  };
  await settle();
  return { streams, ui, room, screenNow };
}

Deno.test("what is typed is seen, edited, sent and shown once", async () => {
  const { streams, ui, room, screenNow } = await open();
  streams.type("helo\x1b[Dl");
  assertEquals((await screenNow()).cursorLine, "Alice> hell|o");
  streams.type("\r");
  const screen = await screenNow();
  assertEquals(screen.lines, ["12:03 <Alice> hello", "Alice>"]);
  assertEquals(room.happened, ["hello"]);
  await ui.close();
});

for (const plain of [true, false]) {
  Deno.test(`what is appended is all that is written${plain ? ", with --plain" : ""}`, async () => {
    const { streams, ui } = await open({ plain });
    const before = streams.writes.length;
    for (const key of ["h", "e", "l"]) {
      streams.type(key);
      await settle();
    }
    assertEquals(streams.writes.slice(before), ["h", "e", "l"]);
    await ui.close();
  });
}

Deno.test("errors and help wait at a terminal, too, for the answers to earlier lines", async () => {
  const { streams, ui, room } = await open();
  const waiting: (() => void)[] = [];
  ui.listen({ ...room, answer: (show) => void waiting.push(show) });
  streams.type("/nonsense\r/help quit\r");
  await settle();
  assertEquals([streams.stderrText, waiting.length], ["", 2]);
  for (const show of waiting) show();
  await settle();
  assert(streams.stderrText.includes("No command /nonsense"));
  await ui.close();
});

Deno.test("Alt+Enter and Ctrl+J begin a line of the same message", async () => {
  const { streams, ui, room, screenNow } = await open();
  streams.type("first\x1b\rsecond\nthird");
  assertEquals((await screenNow()).cursorLine, "Alice> first␊second␊third|");
  streams.type("\r");
  await settle();
  assertEquals(room.happened, ["first\nsecond\nthird"]);
  await ui.close();
});

Deno.test("--copy puts the last text to be copied of the answer on the clipboard, and nothing else does", async () => {
  const { streams, ui, room } = await open();
  const shown = { event: "invite", invite: "inviteword", room: "R", epoch: 0 } as const;
  const target: typeof room.target = (command, ref) => {
    if (command.command !== "invite") return;
    ui.show(messageFrom("Bob", "hi"));
    ui.show({ ...shown, line: "p2pchat mesh NAME --invite" } as never, ref);
  };
  ui.listen({ ...room, target });
  streams.type("/invite\r");
  await settle();
  assertEquals(streams.stdoutText.includes("\x1b]52"), false);
  streams.type("/invite --copy\r");
  await settle();
  assertEquals(streams.stdoutText.split("\x1b]52;c;")[1]?.split("\x07")[0], btoa("inviteword"));
  assert(streams.stdoutText.includes("* Copied to the clipboard, if"));
  await ui.close();
});

Deno.test("bytes that aren't UTF-8 are seen where they are typed, and told once", async () => {
  const { streams, ui, room, screenNow } = await open();
  streams.type(Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 0x0d));
  streams.type(Uint8Array.of(0xe9, 0x20, 0x0d));
  const { lines } = await screenNow();
  assertEquals(lines, [
    "12:03 ! Your terminal sends bytes that",
    "        aren't UTF-8; they are replaced",
    "        by U+FFFD, until you set it to",
    "        UTF-8",
    "12:03 <Alice> caf\ufffd",
    "12:03 <Alice> \ufffd",
    "Alice>",
  ]);
  assertEquals(room.happened, ["caf\ufffd", "\ufffd "]);
  await ui.close();
});

Deno.test("what the terminal answers to somebody else's question isn't typed", async () => {
  const { streams, ui, screenNow } = await open();
  streams.type("\x1b]11;rgb:0000/0000/0000\x07a\x1bP>|tmux 3.3a\x1b\\b");
  assertEquals((await screenNow()).cursorLine, "Alice> ab|");
  await ui.close();
});

Deno.test("a line that was pasted as a whole is taken by who can, and no other line", async () => {
  const { streams, ui, room } = await open();
  const asked: string[] = [];
  const pasted = (line: string) => {
    asked.push(line);
    return line.startsWith("'/");
  };
  ui.listen({ ...room, pasted });
  const paste = (text: string) => `\x1b[200~${text}\x1b[201~`;
  streams.type(`${paste("'/a b' \n")}\r`);
  streams.type(`${paste("'/c")}'\r`);
  streams.type(`x${paste("'/d'")}\r`);
  streams.type(`${paste("'/e'")}\x15'/e'\r`);
  streams.type("'/f'\r");
  streams.type(`${paste("said")}\r`);
  await settle();
  assertEquals(asked, ["'/a b' ", "said"]);
  assertEquals(room.happened, ["'/c'", "x'/d'", "'/e'", "'/f'", "said"]);
  await ui.close();
});

Deno.test("what leaving would break off for others is told once before it does", async () => {
  const { streams, ui, room, screenNow } = await open();
  let broken: string | null = null;
  let asked = 0;
  const brokenOff = () => {
    asked++;
    return broken;
  };
  ui.listen({ ...room, brokenOff });
  streams.type("hello\r/rooms\r");
  await settle();
  assertEquals(asked, 0);
  broken = "Bob is still fetching a (4 %)";
  streams.type(":q\r");
  const { lines } = await screenNow();
  assertEquals(lines.slice(-4), [
    "Alice> :q",
    "12:03 * Bob is still fetching a (4 %):",
    "        :q again to leave",
    "Alice>",
  ]);
  streams.type("/quit\rsaid to nobody\r");
  await settle();
  assertEquals(room.happened.slice(2), [JSON.stringify({ command: "quit" })]);
  assertEquals(asked, 1);
  await ui.close();
});

Deno.test("a command stays visible above its answer, chat doesn't", async () => {
  const { streams, ui, screenNow } = await open();
  streams.type("/hist\t5\r:q\r");
  const screen = await screenNow();
  assertEquals(screen.lines, ["Alice> /history 5", "Alice> :q", "Alice>"]);
  await ui.close();
});

Deno.test(
  "what is typed is seen while messages come faster than they can be shown",
  SLOW,
  async () => {
    const { streams, ui } = await open();
    const screen = new Screen(40, 24);
    screen.write(streams.stdoutText);
    const { write } = streams.stdout;
    const typed: string[] = [];
    let shown = 0;
    const show = () => {
      if (shown < 8) ui.show(messageFrom("Bob", `${shown++} ${"x".repeat(40_000)}`));
    };
    streams.stdout.write = async (bytes) => {
      streams.nowMs += 60;
      if (shown < 8) streams.type(String(shown));
      show();
      await settle();
      const count = await write(bytes);
      screen.write(streams.writes.at(-1)!);
      if (screen.cursorLine.startsWith("Alice> ")) typed.push(screen.cursorLine);
      return count;
    };

    show();
    show();
    await ui.flush();

    assert(typed.length >= 5, `seen: ${typed}`);
    assertEquals(typed.at(-1), "Alice> 234567|");
    assertEquals(screen.lines.filter((each) => each.startsWith("Alice>")), ["Alice> 234567"]);
    assertEquals(screen.unexpected, []);
    await ui.close();
  },
);

Deno.test("what was shown is written although more is waiting", async () => {
  const { streams, ui, screenNow } = await open();
  streams.hold();
  ui.show(messageFrom("Bob", "first"));
  await settle();
  const written = ui.written();
  ui.show(messageFrom("Bob", "second"));
  streams.release();
  streams.hold();

  await written;

  const screen = await screenNow();
  assertEquals(screen.lines, ["12:03 <Bob> first", "Alice>"]);
  streams.release();
  await ui.close();
});

Deno.test("a burst of messages is one write with one prompt, while the terminal is slow", async () => {
  const { streams, ui, screenNow } = await open();
  streams.type("half");
  await settle();
  const before = streams.writes.length;
  streams.hold();
  ui.show(messageFrom("Bob", "0"));
  await settle();
  for (let index = 1; index < 100; index++) ui.show(messageFrom("Bob", String(index)));
  streams.release();
  const screen = await screenNow();
  assertEquals(
    streams.writes.length - before <= 3,
    true,
    `${streams.writes.length - before} writes`,
  );
  assertEquals(screen.cursorLine, "Alice> half|");
  assertEquals(screen.text.split("<Bob>").length, 101);
  await ui.close();
});

Deno.test(
  "a long history is written in pieces, the prompt below what was shown meanwhile",
  SLOW,
  async () => {
    const { streams, ui, room, screenNow } = await open();
    const message = { id: "1", from: "Bob", shown: "Bob", text: "\t".repeat(65_536), sentAt: "" };
    streams.type("half");
    await settle();
    const before = streams.stdoutText.length;
    streams.hold();
    ui.show({ event: "history", messages: new Array(8).fill(message) });
    await settle();
    streams.release();
    streams.hold();
    await settle();
    const first = streams.stdoutText.length - before;
    assert(first < 300_000, `${first} characters before the terminal took any`);
    ui.show(messageFrom("Bob", "meanwhile"));
    streams.release();
    await ui.flush();

    const text = streams.stdoutText;
    assertEquals(text.split("␉").length, 8 * 65_536 + 1);
    assertEquals(text.lastIndexOf("␉") < text.indexOf("meanwhile"), true);
    assertEquals((await screenNow()).cursorLine, "Alice> half|");
    streams.type("\r");
    await settle();
    assertEquals(room.happened, ["half"]);
    await ui.close();
  },
);

Deno.test("a line stays in the editor while a whole history waits to be shown", async () => {
  const { streams, ui, room } = await open();
  const texts = new Array(1_100).fill({
    id: "1",
    from: "Bob",
    shown: "Bob",
    text: "x".repeat(65_536),
    sentAt: "",
  });
  streams.hold();
  ui.show({ event: "history", messages: texts });
  streams.type("/history\r");
  await settle();
  assertEquals(room.happened, []);
  streams.break();
  streams.release();
  await ui.flush();
  streams.type("\r");
  await settle();
  assertEquals(room.happened, ["(output-closed)", '{"command":"history","count":null}']);
  await ui.close();
});

Deno.test("errors are written to stderr between two prompts on stdout", async () => {
  const { streams, ui, screenNow } = await open();
  streams.type("/nonsense\r");
  await screenNow();
  assertEquals(
    streams.stderrText,
    "error: No command /nonsense; /help\r\n  lists them, //nonsense sends it as\r\n  text\r\n",
  );
  await ui.close();
});

Deno.test("lines typed while input is paused wait, at most a hundred of them", async () => {
  const { streams, ui, room, screenNow } = await open();
  ui.pauseInput("Carol is far behind");
  streams.type(Array.from({ length: 101 }, (_, index) => `${index}\r`).join(""));
  const screen = await screenNow();
  assertEquals(room.happened, []);
  assertEquals(screen.cursorLine, "Alice> 100|");
  assertEquals(screen.bells, 1);
  assertEquals(screen.text.split("Waiting: Carol").length, 2);
  ui.pauseInput(null);
  await settle();
  assertEquals(room.happened.length, 100);
  await ui.close();
});

Deno.test("who quits while input is paused leaves at once, unless lines wait", async () => {
  for (const waiting of [[], ["one", "two"]]) {
    const { streams, ui, room, screenNow } = await open();
    ui.pauseInput("you aren't in");
    streams.type([...waiting, ":q"].map((line) => `${line}\r`).join(""));
    const { text } = await screenNow();
    assertEquals(text.includes("Leaving when 2 lines"), waiting.length > 0);
    assertEquals(room.happened, waiting.length > 0 ? [] : ["(ended)"]);

    ui.pauseInput(null);
    assertEquals(room.happened, [...waiting, "(ended)"]);
    await ui.close();
  }
});

Deno.test("a text of very many lines is folded, and shown whole when asked for", SLOW, async () => {
  const { streams, ui, screenNow } = await open();
  ui.show({ event: "notice", text: "Another key", warning: true });
  ui.show(messageFrom("Bob", "x\n".repeat(20_000)));
  const { text } = await screenNow();
  assertEquals(text.split("\n").length, 1 + 8 + 2 + 1, text);
  assert(text.includes("\n            ... 19,992 more lines:\n            /show 1\nAlice>"));

  streams.type("/show 1\r/show 2\r/show x\r");

  assertEquals((await screenNow()).text.match(/^ {12}x$/gm)?.length, 7 + 19_999);
  assertEquals(streams.stderrText.replaceAll(/\s+/g, " ").trim().split(" error: "), [
    "error: Cannot show 2: the last text that was folded is 1",
    'The number of a folded text must be 1 or more, not "x"',
  ]);
  await ui.close();
});

Deno.test("Ctrl+Z gives the terminal back until the program goes on", async () => {
  const { streams, ui, screenNow } = await open();
  streams.type("half\x1a");
  await settle();
  assertEquals([streams.isRaw, streams.suspensions], [false, 1]);
  streams.signal("SIGCONT");
  assertEquals(streams.isRaw, true);
  assertEquals((await screenNow()).cursorLine, "Alice> half|");
  await ui.close();
});

Deno.test("who is stopped from outside goes on with one prompt, in raw mode", async () => {
  const { streams, ui, screenNow } = await open();
  streams.type("half");
  await settle();
  streams.isRaw = false; // by the shell
  streams.signal("SIGCONT");
  assertEquals(streams.isRaw, true);
  assertEquals((await screenNow()).lines, ["Alice> half"]);
  streams.type("way");
  assertEquals((await screenNow()).lines, ["Alice> halfway"]);
  await ui.close();
  // The terminal's own title, once, and back at the end.
  const kept = streams.stdoutText.matchAll(/\[2([23]);2t/g).map(([, which]) => which);
  assertEquals([...kept], ["2", "3"]);
});

Deno.test("a hang-up, which continues the program, too, is told and nothing else", async () => {
  const { streams, ui, room } = await open();
  streams.onRaw = () => {
    throw new Error("EIO: I/O error");
  };
  streams.signal("SIGHUP");
  streams.signal("SIGCONT");
  streams.signal("SIGHUP");
  await settle();
  assertEquals([room.happened, streams.exits], [["(hangup)"], []]);
  await ui.close();
});

Deno.test("Ctrl+Z takes the terminal back where nothing stops the program", async () => {
  const { streams, ui, screenNow } = await open();
  const backInRawMode = Promise.withResolvers<void>();
  streams.type("half\x1a");
  await settle();
  streams.onRaw = backInRawMode.resolve;

  await backInRawMode.promise;

  assertEquals((await screenNow()).cursorLine, "Alice> half|");
  await ui.close();
});

Deno.test("the terminal wraps again however the program leaves it", async () => {
  for (const leave of ["\x1a", "\x03\x03", "close"]) {
    const { streams, ui, screenNow } = await open();
    streams.stdoutText += WRAPPING_OFF; // as by a write that ended in the middle of a row
    assertEquals((await screenNow()).wraps, false);
    if (leave === "close") await ui.close();
    else streams.type(leave);
    assertEquals((await screenNow()).wraps, true, JSON.stringify(leave));
    await ui.close();
  }
});

Deno.test("Ctrl+C clears what is typed, which is said once, and leaves at an empty line", async () => {
  const { streams, ui, room, screenNow } = await open();
  streams.type("half a line\x03");
  const cleared = "12:03 * Ctrl+C cleared the line; Ctrl+Y";
  const rest = "        brings it back, Ctrl+C again";
  const screen = await screenNow();
  assertEquals(screen.lines, [cleared, rest, "        leaves", "Alice>"]);
  assertEquals(room.happened, []);
  streams.type("\x19");
  assertEquals((await screenNow()).cursorLine, "Alice> half a line|");
  streams.type("\x03");
  assertEquals((await screenNow()).lines, screen.lines, "it is said once");
  streams.type("\x03");
  await settle();
  assertEquals(room.happened, ["(interrupt)"]);
  await ui.close();
});

Deno.test("while the program leaves, Ctrl+C forces that, whatever is typed", async () => {
  const { streams, ui } = await open();
  streams.type("\x03half\x03");
  await settle();
  assertEquals(streams.exits, [130]);
  await ui.close();
});

Deno.test("in a call Ctrl+D says how to leave, and Ctrl+C what it does next", async () => {
  const { streams, ui, room } = await open();
  ui.listen({ ...room, isInCall: () => true });
  streams.type("\x04");
  await settle();
  assertEquals(room.happened, []);
  assert(streams.stderrText.includes("error: Ctrl+D leaves from the lobby: q"));
  streams.type("x\x03");
  await settle();
  assert(streams.stdoutText.includes("ends the"));
  await ui.close();
});

Deno.test("Ctrl+C and Ctrl+D are told once each; the second Ctrl+C forces", async () => {
  const { streams, ui, room } = await open();
  streams.type("\x04\x04\x03");
  await settle();
  assertEquals(room.happened, ["(ended)", "(interrupt)"]);
  streams.type("\x03");
  await settle();
  assertEquals([streams.exits, streams.isRaw], [[130], false]);
  await ui.close();
});

Deno.test(
  "a terminal that takes nothing is left as it is, and the program ends",
  SLOW,
  async () => {
    const { streams, ui } = await open();
    streams.hold();
    ui.show(messageFrom("Bob", "hi"));
    await settle();
    await ui.close();
    assertEquals([streams.isRaw, streams.hangs], [true, 0]);
    streams.release();
  },
);

Deno.test("the second Ctrl+C forces at a terminal that takes nothing, too", SLOW, async () => {
  const { streams, ui } = await open();
  const exited = Promise.withResolvers<number>();
  streams.exit = exited.resolve;
  streams.hold();
  ui.show(messageFrom("Bob", "hi"));
  streams.type("\x03\x03");
  assertEquals(await exited.promise, 130);
  assertEquals(streams.hangs, 0);
  streams.release();
  await ui.close();
});

Deno.test("keys that follow a line that was set aside are kept with it for Ctrl+Y, and not run", async () => {
  const { streams, ui, room, screenNow } = await open();
  streams.type("half a li");
  await settle();
  ui.draft.setAside("#Club");
  streams.type("ne\r");
  const screen = await screenNow();
  assertEquals([screen.cursorLine, room.happened], ["Alice> |", []]);
  assert(screen.text.includes("typing for #Club"));
  streams.type("\x19\r");
  await settle();
  assertEquals(room.happened, ["half a line"]);
  await ui.close();
});
