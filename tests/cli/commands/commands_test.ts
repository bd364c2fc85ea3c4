import fc from "fast-check";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { type Argument, command, CommandTable } from "../../../lib/cli/commands/commands.ts";
import { entryCount, messageText } from "../../../lib/cli/commands/command_arguments.ts";
import { ROW_CELLS } from "../../../lib/cli/rendering/graphemes.ts";
import { TextFormat } from "../../../lib/cli/streams/text_format.ts";
import { helpEvent, helpLines } from "../../../lib/cli/args/help_text.ts";
import { friendsCommands } from "../../../lib/cli/friends/friends_commands.ts";
import { memberCommands } from "../../../lib/cli/group/member_commands.ts";
import { registryCommands } from "../../../lib/cli/directory/registry_commands.ts";
import { regserverCommands } from "../../../lib/cli/directory/regserver_commands.ts";
import { serveCommands } from "../../../lib/cli/group/serve_commands.ts";
import { meshCommands, type MeshCommandSink } from "../../../lib/cli/mesh/mesh_commands.ts";
import type { RoomId } from "../../../lib/base/ids.ts";
import { encodeInvite } from "../../../lib/protocols/mesh/schema/rotations.ts";
import { type Outcome as OutcomeOf, outcomeOf as outcomeIn } from "../command_outcome.ts";
import { SLOW } from "../../given.ts";

type Outcome = OutcomeOf<Parameters<MeshCommandSink>[0]>;

function outcomeOf(line: string, objects = false): Outcome {
  return outcomeIn(meshCommands, line, objects);
}

const say = (text: string): Outcome => ({ command: { command: "say", text } });
const msg = (name: string, text: string): Outcome => ({ command: { command: "msg", name, text } });
const send = (to: string | undefined, file: string): Outcome => ({
  command: { command: "send", to, file, isTyped: true },
});
const QUIT: Outcome = { command: { command: "quit" } };

/** Longer than a name. */
const LONG_PATH = `/home/ann/${"pictures/".repeat(8)}of`;

const TYPED: readonly (readonly [line: string, outcome: Outcome])[] = [
  ["/rooms", { command: { command: "rooms" } }],
  ["", "nothing"],
  ["hello", say("hello")],
  [" ", "nothing"],
  ["two\nlines", say("two\nlines")],
  [":q", QUIT],
  [":quit", QUIT],
  [":wq", QUIT],
  ["/quit", QUIT],
  [" :q", say(" :q")],
  [":q ", QUIT],
  [":quitter", say(":quitter")],
  ["//x", say("/x")],
  ["//", say("/")],
  ['{"command":"quit"}', say('{"command":"quit"}')],
  ["/msg Bob hi", msg("Bob", "hi")],
  ["/msg Bob  two blanks ", msg("Bob", " two blanks ")],
  ["/msg  Bob hi", msg("Bob", "hi")],
  ["/msg Bob two\nlines", msg("Bob", "two\nlines")],
  ["/msg Bob /quit", msg("Bob", "/quit")],
  ["/msg ≈Вob hi", msg("Вob", "hi")],
  ["/msg Bob~k7f3 hi", msg("Bob~k7f3", "hi")],
  ["/peers", { command: { command: "peers" } }],
  ["/peers ", { command: { command: "peers" } }],
  ["/list", { command: { command: "peers" } }],
  ["/history", { command: { command: "history", count: null } }],
  ["/history 20", { command: { command: "history", count: 20 } }],
  ["/history 20 ", { command: { command: "history", count: 20 } }],
  ["/history Bob", { command: { command: "history", count: null, name: "Bob" } }],
  ["/history 20 5", { command: { command: "history", count: 5, name: "20" } }],
  ["/history /a b/", { command: { command: "history", count: 20, text: "a b" } }],
  ["/history /a/ 5", { command: { command: "history", count: 5, text: "a" } }],
  ["/history Bob /a b/ 5", {
    command: { command: "history", count: 5, name: "Bob", text: "a b" },
  }],
  ["/name Zoe\u0308", { command: { command: "name", name: "Zoë" } }],
  ["/invite", { command: { command: "invite", rotate: false } }],
  ["/invite --words", {
    command: { command: "invite", rotate: false, as: "words" },
  }],
  ["/invite --words Bob", {
    command: { command: "invite", rotate: false, as: "words Bob" },
  }],
  ["/invite --rotate --qr", { command: { command: "invite", rotate: true, as: "qr" } }],
  ["/invite --qr  --rotate ", { command: { command: "invite", rotate: true, as: "qr" } }],
  ["/invite --words --copy", {
    command: { command: "invite", rotate: false, as: "words" },
    ref: "copy",
  }],
  ["/verify Bob", { command: { command: "verify", name: "Bob" } }],
  ["/trust Bob", { command: { command: "trust", name: "Bob" } }],
  ["/status", { command: { command: "status" } }],
  ["/send report.pdf", send(undefined, "report.pdf")],
  ["/send Bob report.pdf", send("Bob", "report.pdf")],
  ["/send Bob my report.pdf", send("Bob", "my report.pdf")],
  [`/send ${LONG_PATH} 2.pdf`, send(undefined, `${LONG_PATH} 2.pdf`)],
  [`/send ${"x".repeat(61)} 2.pdf`, send(undefined, `${"x".repeat(61)} 2.pdf`)],
  [`/send Bob ${LONG_PATH} 2.pdf`, send("Bob", `${LONG_PATH} 2.pdf`)],
  ["/send my\\ report.pdf", send("my\\", "report.pdf")],
  ["/get 2", { command: { command: "get", file: 2, as: undefined } }],
  ["/get 2 my draft.pdf", { command: { command: "get", file: 2, as: "my draft.pdf" } }],
  ['/get 2 "my draft.pdf"', { command: { command: "get", file: 2, as: "my draft.pdf" } }],
  ['/get 2 "3"', { command: { command: "get", file: 2, as: "3" } }],
  ["/cancel 2", { command: { command: "cancel", file: 2 } }],
  ["/files", { command: { command: "files" } }],
  ["/help msg", { help: ["msg"] }],
  ["/help /msg", { help: ["msg"] }],
  ["/help :q", { help: ["quit"] }],
];

for (const [line, outcome] of TYPED) {
  Deno.test(`a typed ${JSON.stringify(line)} is understood`, () => {
    assertEquals(outcomeOf(line), outcome);
  });
}

/** As good as a secret. */
const INVITE = encodeInvite({
  room: "ab".repeat(32) as RoomId,
  secret: { epoch: 2, secret: new Uint8Array(16).fill(0x5e) },
  endpoints: [{ host: "192.0.2.7", port: 55_107 }],
});

for (
  const line of [
    `/msg ${INVITE} x`,
    `/msg ${INVITE.slice(0, 60)} x`,
    `/trust "${INVITE}",`,
    `/name ${INVITE}`,
    `/${INVITE}`,
    `/help ${INVITE}`,
    `/history ${INVITE}`,
    JSON.stringify({ command: INVITE }),
    JSON.stringify({ command: "msg", name: INVITE, text: "x" }),
    JSON.stringify({ command: "msg", [INVITE]: "x", text: "x" }),
  ]
) {
  Deno.test(`an invite in ${line.replace(INVITE, "INVITE")} is called one, and not repeated`, () => {
    const outcome = outcomeOf(line, true) as { readonly error: string; readonly text: string };
    assertStringIncludes(outcome.text, "That is an invite");
    assert(!outcome.text.includes(INVITE.slice(0, 16)), outcome.text);
  });
}

const REFUSED: readonly (readonly [line: string, code: string, text: string])[] = [
  ["/mgs Bob hi", "unknown-command", "No command /mgs; did you mean /msg?"],
  [
    "/usr/bin/env",
    "unknown-command",
    "No command /usr/bin/env; /help lists them, //usr/bin/env sends it as text",
  ],
  ["/", "unknown-command", "No command /; /help lists them"],
  ["/ x", "unknown-command", "No command /"],
  [
    `/${"x".repeat(39)}🌶🌶`,
    "unknown-command",
    `No command /${"x".repeat(39)}🌶...; /help lists them`,
  ],
  ["/help xyz", "unknown-command", "No command /xyz; /help lists them"],
  ["/help mgs", "unknown-command", "did you mean /msg?"],
  ["/msg", "usage", "Usage: /msg NAME TEXT, for example /msg Bob are you coming?"],
  ["/msg Bob", "usage", "Usage: /msg NAME TEXT"],
  ["/msg Bob ", "usage", "Usage: /msg NAME TEXT"],
  ["/msg Bob  \t \n", "usage", "Usage: /msg NAME TEXT"],
  ["/peers x", "usage", "Usage: /peers"],
  ["/exit x", "usage", "Usage: /exit"],
  ["/history Bob x", "usage", 'N must be a number from 0 to 10000, not "x"'],
  ["/history 10001", "usage", 'not "10001"'],
  [`/msg ${"é".repeat(61)} x`, "unknown-user", `"${"é".repeat(60)}..." isn't a possible name`],
  ["/verify ≈", "usage", "NAME is empty"],
  ["/history Bob 1 2", "usage", "Usage: /history [NAME] [/TEXT/] [N]"],
  ["/name a/b", "bad-name", '"/"'],
  ["/name", "usage", "Usage: /name NEW"],
  ["x".repeat(65_537), "too-long", "65537"],
  [`/msg Bob ${"x".repeat(65_537)}`, "too-long", "65537"],
];

for (const [line, code, text] of REFUSED) {
  Deno.test(`a typed ${JSON.stringify(line.slice(0, 30))} is refused with ${code}`, () => {
    const outcome = outcomeOf(line) as { readonly error: string; readonly text: string };
    assertEquals(outcome.error, code);
    assertStringIncludes(outcome.text, text);
  });
}

const OBJECTS: readonly (readonly [object: unknown, outcome: Outcome])[] = [
  [{ command: "msg", text: "two\nlines" }, say("two\nlines")],
  [{ command: "msg", text: ":q" }, say(":q")],
  [{ command: "msg", text: "/quit" }, say("/quit")],
  [{ command: "msg", text: '{"a":1}' }, say('{"a":1}')],
  [{ command: "msg", text: "\ud800" }, say("\ufffd")],
  [{ command: "msg", name: "Bob", text: "hi", ref: "7" }, {
    command: { command: "msg", name: "Bob", text: "hi" },
    ref: "7",
  }],
  [{ command: "history", n: 5, ref: "" }, {
    command: { command: "history", count: 5 },
    ref: "",
  }],
  [{ command: "history", n: "5" }, { command: { command: "history", count: 5 } }],
  [{ command: "history", name: "20", n: 1 }, {
    command: { command: "history", count: 1, name: "20" },
  }],
  [{ command: "history", n: 5, before: "id" }, {
    command: { command: "history", count: 5, before: "id" },
  }],
  [{ command: "history" }, { command: { command: "history", count: null } }],
  [{ command: "history", ref: null, room: null, n: null }, {
    command: { command: "history", count: null },
  }],
  [{ command: "get", n: 2, as: "3 4" }, { command: { command: "get", file: 2, as: "3 4" } }],
  [{ command: "name", new: "Zoë" }, { command: { command: "name", name: "Zoë" } }],
  [{ command: "q" }, QUIT],
  [{ command: "help", topic: "msg", ref: "h" }, { help: ["msg"], ref: "h" }],
];

for (const [object, outcome] of OBJECTS) {
  Deno.test(`the object ${JSON.stringify(object)} is understood`, () => {
    assertEquals(outcomeOf(JSON.stringify(object), true), outcome);
  });
}

Deno.test("/get with several numbers isn't taken for a file and its new name", () => {
  for (const line of ["/get 1 2", "/get 1 2 3 ", "/fetch 1  22"]) {
    const error = assertThrows(() => outcomeOf(line), P2pchatError);
    assertEquals(error.code, "usage");
    const text =
      "One file is fetched at a time: /get N [AS]; a name of digits alone goes in quotes";
    assertEquals(error.message, text);
  }
});

Deno.test("an object after blanks is the object, not a text to all", () => {
  const line = '{"command":"msg","name":"Bob","text":"for you"}';
  for (const blanks of [" ", "\t", "  \t "]) {
    assertEquals(outcomeOf(blanks + line, true), outcomeOf(line, true));
    assertEquals(outcomeOf(blanks + line, false), say(blanks + line));
  }
});

const REFUSED_OBJECTS: readonly (readonly [line: string, code: string, text: string])[] = [
  ["{", "usage", "complete on that line, as jq -c writes it"],
  [" {hello}", "usage", "must be one JSON object"],
  ["\t{}", "usage", "An object needs a command"],
  ["{hello}", "usage", "must be one JSON object"],
  ['{"command":"msg","text":"x"} x', "usage", "must be one JSON object"],
  ["{}", "usage", "An object needs a command"],
  ['{"command":1}', "usage", "An object needs a command"],
  ['{"command":"/quit"}', "unknown-command", "No command"],
  ['{"command":"constructor"}', "unknown-command", "No command"],
  ['{"command":"msg"}', "usage", "The command msg needs the field text"],
  ['{"command":"msg","text":""}', "usage", "The field text of msg must not be empty"],
  ['{"command":"msg","text":" \\n "}', "usage", "The field text of msg must not be empty"],
  ['{"command":"msg","text":1,"txt":"x"}', "usage", "has no field txt; its fields: name, text"],
  ['{"command":"msg","text":["x"]}', "usage", "must be a string or a number"],
  ['{"command":"msg","text":true}', "usage", "must be a string or a number"],
  ['{"command":"msg","text":"x","__proto__":"y"}', "usage", "has no field __proto__"],
  ['{"command":"peers","x":1}', "usage", "its fields: none"],
  ['{"command":"quit","ref":1}', "usage", "The field ref of an object must be a string"],
  [`{"command":"msg","text":"${"x".repeat(65_537)}"}`, "too-long", "65537"],
];

for (const [line, code, text] of REFUSED_OBJECTS) {
  Deno.test(`the object ${line.slice(0, 50)} is refused with ${code}`, () => {
    const outcome = outcomeOf(line, true) as { readonly error: string; readonly text: string };
    assertEquals(outcome.error, code);
    assertStringIncludes(outcome.text, text);
  });
}

Deno.test("an object that is refused keeps its ref", () => {
  for (const line of ['{"command":"mgs","ref":"7"}', '{"command":"history","n":"x","ref":"7"}']) {
    const outcome = outcomeOf(line, true);
    assert(outcome !== "nothing" && outcome.ref === "7", line);
  }
});

Deno.test("a command's example parses as that command", () => {
  for (const entry of meshCommands.commands) {
    const outcome = meshCommands.parse(entry.example, false);
    assert(["clear", "command", "help", "show"].includes(outcome.type), entry.example);
    assert(entry.example.startsWith(`/${entry.name}`), entry.example);
  }
});

Deno.test("a form names its arguments, all of which are there, but for those of objects alone", () => {
  for (const entry of meshCommands.commands) {
    const ofObjects = entry.fieldOfObjects === undefined ? [] : [entry.fieldOfObjects];
    const named = [...entry.argumentNames, ...ofObjects].sort();
    assertEquals(Object.keys(entry.args).sort(), named, entry.name);
  }
});

const optional: Argument<string | undefined> = { parse: (text) => text };
const edits = new CommandTable<(text: string) => void>({
  bareLine: (line) => ({ command: "edit", texts: { text: line, n: "1" } }),
  commands: [
    command({
      name: "edit",
      form: "TEXT - N",
      args: { text: messageText, n: entryCount },
      help: "",
      example: "/edit at 7 - 3",
      run: (show: (text: string) => void, { text, n }) => show(`${n}: ${text}`),
    }),
    command({
      name: "go",
      form: "[EDIT]",
      args: { edit: optional },
      help: "",
      example: "/go",
      run: (show: (text: string) => void, { edit }) => show(`go ${edit}`),
    }),
  ],
});

const EDITS: readonly (readonly [line: string, shown: string | null])[] = [
  ["/edit at 7 - 3", "3: at 7"],
  ["/edit a - b - 3", "3: a - b"],
  ["/edit two\nlines - 3", "3: two\nlines"],
  ["/edit at 7", null],
  ["/edit - 3", null],
  ["/edit at 7 -3", null],
  ["/edit at 7 - ", null],
  ["/go", "go undefined"],
  ["/go 5", "go 5"],
  ["/go 5 6", null],
];

for (const [line, shown] of EDITS) {
  Deno.test(`the form TEXT - N or [EDIT] makes ${shown ?? "an error"} of ${JSON.stringify(line)}`, () => {
    const parsed = edits.parse(line, false);
    if (shown === null) {
      assert(parsed.type === "refused" && parsed.error.code === "usage");
      return;
    }
    const outputs: string[] = [];
    assert(parsed.type === "command");
    parsed.run((text) => outputs.push(text));
    assertEquals(outputs, [shown]);
  });
}

Deno.test("no line at all makes parsing fail", SLOW, () => {
  const lines = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string().map((text) => `/${text}`),
    fc.string().map((text) => `{${text}`),
    fc.json(),
  );
  fc.assert(fc.property(lines, fc.boolean(), (line, objects) => {
    meshCommands.parse(line, objects);
    edits.parse(line, objects);
  }));
});

const TABLES = [
  meshCommands,
  memberCommands,
  friendsCommands,
  registryCommands(() => lobby, true),
  serveCommands,
  regserverCommands,
] as readonly CommandTable<never>[];

Deno.test("a long line is parsed at once, whatever its command", () => {
  const parts = ["x", " ", "/", "/ ", " -", "--", "x ", "1 ", " --end"];
  const texts = parts.flatMap((part) => {
    const long = part.repeat(60_000 / part.length);
    return [long, `${long} y z`, `a ${long} y z`, `/a${long}/ y z`];
  });
  for (const table of TABLES) {
    for (const { name } of table.commands) {
      for (const text of texts) {
        const fromMs = performance.now();
        table.parse(`/${name} ${text}`, false);
        const tookMs = performance.now() - fromMs;
        // Some ms; what looks at each part of it from each other one takes 7 s.
        assert(tookMs < 1_000, `/${name} ${text.slice(0, 20)}: ${tookMs} ms`);
      }
    }
  }
});

function shownHelp(columns: number | null, table = meshCommands, isBrief = false): string[] {
  const terminal = columns === null ? null : { ...ROW_CELLS, columns: () => columns };
  const format = new TextFormat({ colour: false, verbose: false, terminal }, 0);
  const lines = helpLines(table.commands, table, columns, isBrief);
  return lines.map((line) => format.format(line)).join("").split("\n").slice(0, -1);
}

Deno.test("helpLines() puts descriptions beside the commands, or below them where that is too narrow", () => {
  const wide = shownHelp(70);
  const narrow = shownHelp(30);
  assertEquals(wide.slice(0, 2), [
    "/msg NAME TEXT                say it to NAME alone",
    "/me ACTION                    say what you do, as in /me waves",
  ]);
  assertEquals(narrow.slice(0, 5), [
    "/msg NAME TEXT",
    "    say it to NAME alone",
    "/me ACTION",
    "    say what you do, as in",
    "    /me waves",
  ]);
  assertEquals(wide.at(-1), "Alt+Enter begins a new line; lines pasted at once are one message.");
  for (const line of narrow) assert(line.length < 30, line);
});

const lobby = {
  place: "lobby",
  peer: "",
  isAccepted: false,
  wasInCall: false,
  isJustOver: false,
} as const;

Deno.test("helpLines() has descriptions in one column, at terminals of any width", () => {
  for (const table of TABLES) {
    for (let columns = 30; columns <= 120; columns++) {
      const terminal = { ...ROW_CELLS, columns: () => columns };
      const format = new TextFormat({ colour: false, verbose: false, terminal }, 0);
      for (const line of helpLines(table.commands, table, columns, false)) {
        const [head, help] = line;
        if (help === undefined) continue;
        const [, ...rest] = format.format(line).trimEnd().split("\n");
        const start = " ".repeat((head as string).length);
        for (const each of rest) assert(each.startsWith(start), `${columns} columns: ${each}`);
      }
    }
  }
});

Deno.test("helpLines() has ten lines for the first hour, in 80 columns and in every mode", () => {
  for (const table of TABLES) {
    const lines = shownHelp(80, table as never, true);
    assert(lines.length >= 6 && lines.length <= 10, lines.join("\n"));
    assert(lines.at(-1)!.startsWith("/help all lists all; /help "), lines.at(-1));
  }
});

Deno.test("/help all names all commands, /help TOPIC those of the topic, that the mode has", () => {
  const helped = (line: string) => {
    const parsed = meshCommands.parse(line, false);
    assert(parsed.type === "help", line);
    return [parsed.isBrief, ...parsed.entries.map(({ name }) => name)];
  };
  assertEquals(helped("/help").slice(0, 2), [true, "msg"]);
  assertEquals(helped("/help all").length, 1 + meshCommands.commands.length);
  assertEquals(helped("/help files"), [false, "send", "files", "get", "cancel"]);
  assertEquals(helped("/help msg"), [false, "msg"]);
  assertEquals(meshCommands.parse("/help calls", false).type, "refused");
});

Deno.test("helpLines() speaks of messages only where some can be written", () => {
  const lines = helpLines(serveCommands.commands, serveCommands, 120, false);
  assertEquals(lines.length, serveCommands.commands.length);
});

Deno.test("helpLines() names every command once, in columns", () => {
  const lines = shownHelp(null);
  assertEquals(lines.length, meshCommands.commands.length + 1);
  assertEquals(lines.at(-1), "//TEXT                        say /TEXT: no command");
  assert(lines.some((line) => line.startsWith("/quit, /exit, /q, :q, :quit   leave (:q")));
  for (const line of lines) assert(line.length <= 120, line);
});

Deno.test("what helps with a command is true on a page, too", () => {
  for (
    const table of [
      meshCommands,
      memberCommands,
      friendsCommands,
      registryCommands(() => lobby, true),
    ]
  ) {
    const { commands } = helpEvent<never>(table.commands as readonly never[]);
    const ofConsole = commands.filter(({ help }) => /Alt\+|Ctrl\+|<|prompt/.test(help));
    assertEquals(ofConsole.map(({ name }) => name), ["clear"], "which the console alone has");
  }
});

Deno.test("helpEvent() has the fields that objects use", () => {
  const event = helpEvent([meshCommands.find("msg")!]);
  assertEquals(event.commands, [{
    name: "msg",
    aliases: [],
    form: "NAME TEXT",
    help: "say it to NAME alone",
    example: "/msg Bob are you coming?",
  }]);
});

Deno.test("objects may name a room in a mode that has several, and in no other", () => {
  const object = '{"command":"msg","text":"hi","room":"abc","ref":"r"}';
  assertEquals(outcomeOf(object, true), {
    command: { command: "in", room: "abc", asked: { command: "say", text: "hi" } },
    ref: "r",
  });
  const refused = memberCommands.parse(object, true);
  assertEquals(refused.type === "refused" && refused.error.code, "usage");
});

Deno.test("/part leaves the mode only where no other room is open", () => {
  const sink = (hasOther: boolean) => Object.assign(() => {}, { hasOther: () => hasOther });
  const left = ["/part", "/leave", ":q", "hello"].map((line) => [
    meshCommands.leaves(line, sink(true)),
    meshCommands.leaves(line, sink(false)),
    meshCommands.leaves(line, () => {}),
  ]);
  assertEquals(left, [[false, true, true], [false, true, true], [true, true, true], [
    false,
    false,
    false,
  ]]);
});

Deno.test("what leads to a room isn't kept where it has an invite, and isn't endless", () => {
  assertEquals(
    ["/join 192.0.2.1 55107", "/join --invite abc", "/room 2"].map((line) =>
      meshCommands.mayBeKept(line)
    ),
    [true, false, true],
  );
  const endless = meshCommands.parse(`/join ${"x".repeat(9_000)}`, false);
  assertEquals(endless.type === "refused" && endless.error.code, "usage");
});
