import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { CommonOptions } from "../../../lib/cli/args/options.ts";
import { ROW_CELLS } from "../../../lib/cli/rendering/graphemes.ts";
import { PipedInterface } from "../../../lib/cli/streams/piped_interface.ts";
import { type EchoRoom, echoRoom, messageFrom, MODE, OPTIONS } from "../echo_room.ts";
import { MemoryStreams, NOON_MS, settle } from "../memory_streams.ts";
import { SLOW } from "../../given.ts";

interface Piped {
  readonly streams: MemoryStreams;
  readonly ui: PipedInterface<Parameters<typeof MODE.render>[0], EchoRoom["target"]>;
  readonly room: EchoRoom;
}

function open(options: Partial<CommonOptions> = {}, leaves = true): Piped {
  const streams = new MemoryStreams();
  const ui = new PipedInterface(MODE, { ...OPTIONS, ...options }, streams);
  const room = echoRoom(ui, leaves);
  return { streams, ui, room };
}

Deno.test("--copy is refused where there is no terminal", async () => {
  const { streams, ui, room } = open();
  streams.type("/invite --copy\n");
  streams.type(null);
  ui.listen(room);
  await settle();
  assertEquals(room.happened, ["(ended)"]);
  await ui.close();
  assertEquals(
    streams.stderrText,
    "error: Cannot copy: only a terminal has a clipboard; without --copy the command shows the same\n",
  );
});

Deno.test("a pipe's lines are run in order, then the end is told", async () => {
  const { streams, ui, room } = open();
  streams.type("one\n/history 5\ntw");
  streams.type("o\nlast");
  streams.type(null);
  ui.listen(room);
  await settle();

  assertEquals(room.happened, [
    "one",
    '{"command":"history","count":5}',
    "two",
    "last",
    "(ended)",
  ]);
  await ui.close();
  assertEquals(streams.stdoutText, "12:03 <Alice> one\n12:03 <Alice> two\n12:03 <Alice> last\n");
});

Deno.test("errors and help wait in a pipe for the answers to earlier lines", async () => {
  const { streams, ui, room } = open();
  const waiting: (() => void)[] = [];
  streams.type("/nope\nfirst\n/help quit\n");
  streams.type(null);
  ui.listen({ ...room, answer: (show) => void waiting.push(show) });
  await settle();
  const early = streams.stdoutText + streams.stderrText;
  for (const show of waiting) show();
  await ui.close();

  assertEquals(early, "12:03 <Alice> first\n");
  assertStringIncludes(streams.stderrText, "No command /nope");
  assertStringIncludes(streams.stdoutText, "/quit");
});

Deno.test("in a pipe nothing is folded, and so nothing can be shown", async () => {
  const { streams, ui, room } = open();
  ui.show(messageFrom("Bob", "x\n".repeat(65_000)));
  streams.type("/show 1\n");
  ui.listen(room);
  await settle();
  await ui.close();

  assertEquals(streams.stdoutText, `12:03 <Bob> ${"x␊".repeat(65_000)}\n`);
  assertEquals(
    streams.stderrText,
    "error: Cannot show 1: nothing is folded here, only at a terminal\n",
  );
});

Deno.test("who reads along at a terminal without line editing is a person, unless it is for scripts", async () => {
  const seen: boolean[] = [];
  const mode = {
    ...MODE,
    render: (...[event, context]: Parameters<typeof MODE.render>) => {
      seen.push(context.interactive);
      return MODE.render(event, context);
    },
  };
  for (const [isTerminal, json] of [[true, false], [false, false], [true, true]] as const) {
    const streams = new MemoryStreams();
    streams.isTerminal = isTerminal;
    const ui = new PipedInterface(mode, { ...OPTIONS, json }, streams);
    ui.show({ event: "code-used", code: 7, name: "Bob", key: "k" });
    const room = echoRoom(ui);
    ui.listen(room);
    streams.type("y\n");
    await settle();
    await ui.close();
    seen.push(ui.interactive, room.happened.length > 0);
  }

  assertEquals(seen.map(Number).join(""), "11000100", "a person reads");
});

Deno.test("at a terminal that gives no input, others' text begins no row either", async () => {
  for (const isTerminal of [true, false]) {
    const streams = new MemoryStreams();
    streams.isTerminal = isTerminal;
    const screen = { ...ROW_CELLS, columns: () => 40 };
    const ui = new PipedInterface(MODE, OPTIONS, streams, screen);
    const text = `${"x ".repeat(13)}03:30 <Bob> I quit\nand go`;
    ui.show(messageFrom("Mal", text));
    ui.show({ event: "error", code: "declined", text: "y ".repeat(16) + text });
    await ui.close();

    for (const written of [streams.stdoutText, streams.stderrText]) {
      const [, ...rows] = written.trimEnd().split("\n");
      assertEquals(rows.length > 0, isTerminal);
      for (const row of rows) assert(row.startsWith("  "), written);
    }
  }
});

const NO_INPUT = "12:03 * Input has ended, so the program leaves; --stay keeps it running\n";

Deno.test("input that can't be read is told, and counts as its end", async () => {
  const cases = [
    [
      new Error("Is a directory (os error 21)"),
      "12:03 ! Cannot read standard input: Is a directory; the program treats the input as ended\n" +
      NO_INPUT,
    ],
    [new Deno.errors.BadResource("Bad resource ID"), NO_INPUT],
  ] as const;
  for (const [error, told] of cases) {
    const { streams, ui, room } = open();
    streams.type(error);
    ui.listen(room);
    await settle();
    await ui.close();
    assertEquals([room.happened, streams.stdoutText], [["(ended)"], told]);
  }
});

Deno.test("who leaves because there is no input at all says so, except to scripts", async () => {
  const cases = [
    [{}, "", NO_INPUT],
    [{}, "\n", ""],
    [{ json: true }, "", ""],
    [{ stay: true }, "", ""],
  ] as const;
  for (const [options, input, told] of cases) {
    const { streams, ui, room } = open(options);
    if (input !== "") streams.type(input);
    streams.type(null);
    ui.listen(room);
    await settle();
    await ui.close();
    assertEquals([streams.stdoutText, streams.stderrText], [told, ""]);
  }
});

Deno.test("no end is told with --stay, nor after a command to leave, after which nothing is run", async () => {
  const cases = [
    [{ stay: true }, "one\n", ["one"]],
    [{}, "one\n:q\ntwo\n", ["one", '{"command":"quit"}']],
  ] as const;
  for (const [options, input, happened] of cases) {
    const { streams, ui, room } = open(options);
    streams.type(input);
    streams.type(null);
    ui.listen(room);
    await settle();
    assertEquals(room.happened, [...happened]);
    await ui.close();
  }
});

Deno.test("lines after a command to leave are counted, as far as they were read", async () => {
  const ignored = (lines: string) => `12:03 ! ${lines} ignored\n`;
  const cases: readonly (readonly [string[], string])[] = [
    [[":q\n"], ""],
    [[":q\n\n \n"], ""],
    [[":q\n", "two"], ignored("1 line after the command to leave is")],
    [
      ["/hi", "story\n:q\nthree\nfo", "ur\nfive"],
      ignored("3 lines after the command to leave are"),
    ],
  ];
  for (const [input, told] of cases) {
    const { streams, ui, room } = open();
    for (const text of input) streams.type(text);
    ui.listen(room);
    await settle();
    ui.show({ event: "bye", reason: "quit" });
    await ui.close();
    assertEquals(streams.stdoutText, told);
  }
});

Deno.test("text mode puts errors on stderr, one line, made visible", async () => {
  const { streams, ui, room } = open();
  streams.type("/hlep\n");
  ui.listen(room);
  ui.show({ event: "error", code: "offline", text: "Bob\n\x1b[2J" });
  await settle();
  await ui.close();
  assertEquals(
    streams.stderrText,
    "error: Bob␊␛[2J\nerror: No command /hlep; did you mean /help?\n",
  );
  assertEquals(streams.stdoutText, "");
});

Deno.test("JSON mode puts every event on stdout, with at and ref, errors too", async () => {
  const { streams, ui, room } = open({ json: true });
  streams.type(
    '{"command":"msg","text":"a\\nb\\u001b\\u009b","ref":"r"}\n/hlep\n{"command":"x","ref":"s"}\n',
  );
  ui.listen(room);
  await settle();
  ui.show({ event: "bye", reason: "quit" });
  await ui.close();

  const at = new Date(NOON_MS).toISOString();
  const [message, error, refused, bye, ...rest] = streams.stdoutText.split("\n");
  const echoed = { ...messageFrom("Alice", "a\nb\x1b\x9b"), self: true, at, ref: "r" };
  assertEquals(JSON.parse(message!), echoed);
  assertEquals(Object.keys(JSON.parse(message!)).slice(0, 2), ["event", "at"]);
  assertEquals(JSON.parse(error!).code, "unknown-command");
  assertEquals(JSON.parse(refused!).ref, "s");
  assertEquals(bye, `{"event":"bye","at":"${at}","reason":"quit"}`);
  assertEquals(rest, [""]);
  assertEquals(streams.stderrText, "");
  assert(!/[\x7f-\x9f\u2028]/.test(streams.stdoutText), "no control character as it is");
});

Deno.test("paused input runs nothing, not even what was already read", async () => {
  const { streams, ui, room } = open();
  ui.listen({
    ...room,
    target(command, ref) {
      room.target(command, ref);
      ui.pauseInput("Carol is behind");
    },
  });
  streams.type("one\ntwo\nthree\n");
  streams.type(null);
  await settle();
  assertEquals(room.happened, ["one"]);
  ui.pauseInput(null);
  await settle();
  assertEquals(room.happened, ["one", "two"]);
  ui.pauseInput(null);
  await settle();
  assertEquals(room.happened, ["one", "two", "three", "(ended)"]);
  await ui.close();
});

/** What is told of the lines that wait, while a paused pipe is fed `lines` of 100 bytes in pieces of a thousand. */
async function toldOfWaiting(lines: number, options: Partial<CommonOptions> = {}) {
  const { streams, ui, room } = open(options);
  const told: [boolean, number][] = [];
  ui.pauseInput("coming in");
  for (let rest = lines; rest > 0; rest -= 1_000) {
    streams.type(`${"x".repeat(99)}\n`.repeat(Math.min(rest, 1_000)));
  }
  streams.type(null);
  ui.listen({ ...room, inputWaits: ({ areAll, count }) => void told.push([areAll, count()]) });
  await settle();
  const early = [...told];
  ui.pauseInput(null);
  for (let turn = 0; turn < 20; turn++) await settle();
  const ran = room.happened.length;
  await ui.close();
  return { told: early, ran };
}

Deno.test(
  "the end of input is seen while its lines wait, unless there are too many",
  SLOW,
  async () => {
    const short = await toldOfWaiting(2_000);
    const long = await toldOfWaiting(20_000);

    assertEquals(short, { told: [[true, 2_000]], ran: 2_001 });
    assertEquals([long.told.length, long.told[0]![0], long.ran], [1, false, 20_001]);
    const [, held] = long.told[0]!;
    assert(2_600 < held && held < 5_000, `${held} lines are held`);
  },
);

Deno.test("with --stay nothing is told of lines that wait", async () => {
  assertEquals(await toldOfWaiting(2_000, { stay: true }), { told: [], ran: 2_000 });
});

Deno.test("that nothing more is there is told once all of it has been run", async () => {
  const { streams, ui, room } = open();
  const idle = Promise.withResolvers<void>();
  streams.type("one\ntwo\n");
  ui.listen({ ...room, idle: idle.resolve });
  await idle.promise;
  assertEquals(room.happened, ["one", "two"]);
  await ui.close();
});

Deno.test("input waits while nobody reads the output", async () => {
  const { streams, ui, room } = open();
  streams.hold();
  const line = `${"x".repeat(60_000)}\n`;
  for (let index = 0; index < 40; index++) streams.type(line);
  ui.listen(room);
  await settle();
  await settle();
  const before = room.happened.length;
  assert(before < 25, `${before} lines were run`);
  streams.release();
  for (let turn = 0; turn < 20; turn++) await settle();
  assertEquals(room.happened.length, 40);
  await ui.close();
});

Deno.test("an overlong line is refused with both sizes, and the next one is run", async () => {
  const { streams, ui, room } = open();
  for (let part = 0; part < 80; part++) streams.type("x".repeat(65_536));
  streams.type("\nnext\n");
  ui.listen(room);
  await settle();
  await ui.close();
  assertEquals(room.happened, ["next"]);
  assertStringIncludes(
    streams.stderrText,
    "it has 5242880 bytes, a line may have 4194304, and a message 65536",
  );
});

Deno.test("an object with blanks, or a text, far beyond a message's size is read, and answered with its ref", async () => {
  const { streams, ui, room } = open({ json: true });
  const text = "\\u0001".repeat(600_000);
  streams.type(`{"ref":"r","command":"nope","text":"${text}"}\n`);
  streams.type(`{"command":"history"${" ".repeat(1_000_000)},"ref":"s"}\n`);
  ui.listen(room);
  await settle();
  await ui.close();

  const [refused] = streams.stdoutText.split("\n").filter((line) => line.includes('"error"'));
  assertStringIncludes(refused!, '"ref":"r"');
  assertEquals(room.happened, ['{"command":"history","count":null}']);
});

Deno.test("input that isn't UTF-8 is run with replacements, and said once", async () => {
  const { streams, ui, room } = open();
  streams.type(Uint8Array.from([0xff, 0x0a, 0xfe, 0x0a]));
  ui.listen(room);
  await settle();
  await ui.close();
  assertEquals(room.happened, ["\ufffd", "\ufffd"]);
  assertEquals(streams.stdoutText.split("aren't UTF-8").length, 2);
});

Deno.test("the first interrupt asks to leave, a second one forces with status 130", async () => {
  const { streams, ui, room } = open();
  ui.listen(room);
  streams.signal("SIGTERM");
  assertEquals([room.happened, streams.exits], [["(terminated)"], []]);
  streams.signal("SIGINT");
  assertEquals([room.happened, streams.exits], [["(terminated)"], [130]]);
  await ui.close();
  assertEquals(streams.heeded, []);
});

Deno.test("an interrupt that doesn't leave forces nothing", async () => {
  const { streams, ui, room } = open({}, false);
  ui.listen(room);
  streams.signal("SIGINT");
  streams.signal("SIGINT");
  assertEquals([room.happened, streams.exits], [["(interrupt)", "(interrupt)"], []]);
  await ui.close();
});

Deno.test("hang-ups that whoever started the program shuts out are listened to, and not heeded", async () => {
  const streams = new MemoryStreams();
  streams.variables["P2PCHAT_HANGUP"] = "ignored";
  const ui = new PipedInterface(MODE, OPTIONS, streams);
  const room = echoRoom(ui);
  ui.listen(room);
  assert(streams.heeded.includes("SIGHUP"));
  streams.signal("SIGHUP");
  streams.signal("SIGTERM");
  assertEquals(room.happened, ["(terminated)"]);
  await ui.close();
});

Deno.test("an interrupt before anybody heeds it isn't lost", async () => {
  const { streams, ui, room } = open();
  streams.signal("SIGINT");
  ui.heedInterrupts(room.interrupted);
  assertEquals(room.happened, ["(interrupt)"]);
  ui.listen(room);
  assertEquals(room.happened, ["(interrupt)"]);
  await ui.close();
});

Deno.test("a reader that goes away makes the program leave, and forces nothing", async () => {
  const { streams, ui, room } = open();
  ui.listen(room);
  streams.break();
  ui.show(messageFrom("Bob", "one"));
  await ui.flush();
  ui.show(messageFrom("Bob", "two"));
  await ui.flush();
  assertEquals([room.happened, streams.exits], [["(output-closed)"], []]);
  await ui.close();
});

Deno.test("progress is one line for a series in a pipe, and none in JSON", async () => {
  const piped = open();
  for (const text of ["1 of 3", "2 of 3", null, "1 of 2", null]) piped.ui.progress(text);
  await piped.ui.close();
  assertEquals(piped.streams.stdoutText, "12:03 * 1 of 3\n12:03 * 1 of 2\n");

  const json = open({ json: true });
  json.ui.progress("1 of 3");
  await json.ui.close();
  assertEquals(json.streams.stdoutText, "");
});

Deno.test("a command that rejects is an error with its ref", async () => {
  const { streams, ui, room } = open({ json: true });
  const { P2pchatError } = await import("../../../lib/base/errors.ts");
  ui.listen({
    ...room,
    target: () => {
      throw new P2pchatError("offline", "nobody there");
    },
  });
  streams.type('{"command":"peers","ref":"p"}\n');
  await settle();
  await ui.close();
  const event = JSON.parse(streams.stdoutText);
  assertEquals([event.event, event.code, event.ref], ["error", "offline", "p"]);
});

function historyOf(count: number, text: string, onRead = () => {}) {
  const message = {
    id: "1",
    from: "Bob",
    shown: "Bob",
    key: "k",
    get text() {
      onRead();
      return text;
    },
    sentAt: new Date(NOON_MS).toISOString(),
  };
  const messages = new Array<typeof message>(count).fill(message);
  return { event: "history", messages } as const;
}

Deno.test(
  "a history of the longest messages is written in pieces, and what is shown meanwhile after it",
  SLOW,
  async () => {
    const count = 20;
    for (const json of [true, false]) {
      const { streams, ui } = open({ json });
      let bytes = 0;
      let reads = 0;
      let longest = 0;
      let start = "";
      let end = "";
      streams.stdout.write = async (piece) => {
        if (bytes === 0) ui.show(messageFrom("Bob", "meanwhile"), "r");
        await new Promise((resolve) => setTimeout(resolve, 0)); // others have their turn
        bytes += piece.length;
        longest = Math.max(longest, piece.length);
        start += start === "" ? new TextDecoder().decode(piece.subarray(0, 60)) : "";
        end = (end + new TextDecoder().decode(piece.subarray(-300))).slice(-300);
        return piece.length;
      };
      ui.show(historyOf(count, "\x01".repeat(65_536), () => reads++), "h");
      reads = 0;
      await ui.flush();

      assert(longest < 2_000_000, `${longest} bytes in one piece`);
      assert(bytes > count * 65_536 * (json ? 6 : 3));
      assert(reads >= count, `${reads} were read when their turn came`); // whole, the queue couldn't hold it
      if (json) {
        assertStringIncludes(start, '{"event":"history","at":"');
        assertStringIncludes(end, ',"ref":"h"}\n');
      } else assertStringIncludes(start, "12:03 <Bob> ␁␁");
      assertStringIncludes(end, json ? '"meanwhile"' : "␁\n12:03 <Bob> meanwhile\n");
      await ui.close();
    }
  },
);

Deno.test("a long history in JSON is the object that a short one is", async () => {
  const { streams, ui } = open({ json: true });
  const history = historyOf(10_000, "long enough to be written later \u2028\n");
  ui.show({ ...history, messages: [] }, "none");
  ui.show(history, "h");
  await ui.close();
  const [none, all] = streams.stdoutText.split("\n");
  const at = new Date(NOON_MS).toISOString();
  assertEquals(JSON.parse(none!), { ...history, at, messages: [], ref: "none" });
  assertEquals(JSON.parse(all!), { ...history, at, ref: "h" });
});

Deno.test("what several rooms show has the room's id for scripts, and its title for people where they aren't", async () => {
  const here = { room: "aa", label: null };
  const there = { room: "bb", label: "club" };
  const shown = [];
  for (const json of [true, false]) {
    const streams = new MemoryStreams();
    const ui = new PipedInterface(MODE, { ...OPTIONS, json }, streams);
    ui.show(messageFrom("Bob", "one"), "r", here);
    ui.show(messageFrom("Bob", "two"), undefined, there);
    ui.show({ event: "notice", text: "three" }, undefined, there);
    ui.show({ event: "error", code: "usage", text: "four" }, undefined, there);
    ui.show({ event: "rooms", rooms: [] }, undefined, { room: null, label: null });
    await ui.close();
    shown.push([streams.stdoutText, streams.stderrText]);
  }
  const [[json], text] = shown as [[string, string], [string, string]];
  assertEquals(
    json.trim().split("\n").map((line) => JSON.parse(line)).map(({ room, ref }) => [room, ref]),
    [["aa", "r"], ["bb", undefined], ["bb", undefined], ["bb", undefined], [undefined, undefined]],
  );
  assertEquals(text, [
    "12:03 <Bob> one\n12:03 #club <Bob> two\n12:03 #club * three\nYou haven't been in any room yet.\n",
    "error: #club: four\n",
  ]);
});
