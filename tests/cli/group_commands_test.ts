import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { asWritten, memberCommands } from "../../lib/cli/group/member_commands.ts";
import { serveCommands } from "../../lib/cli/group/serve_commands.ts";
import type { CoordinatorCommand, MemberCommand } from "../../lib/protocols/group/schema/events.ts";
import { type Outcome, outcomeOf } from "./command_outcome.ts";

const msg = (text: string): Outcome<MemberCommand> => ({ command: { command: "msg", text } });
/** By `/msg TEXT`. */
const typed = (text: string): Outcome<MemberCommand> => ({
  command: { command: "msg", text, isTyped: true },
});
const log = (count: number, digest = false): Outcome<MemberCommand> => ({
  command: { command: "log", count, digest },
});
const edit = (text: string, seq: number): Outcome<MemberCommand> => ({
  command: { command: "edit", text, seq },
});
const QUIT = { command: { command: "quit" } } as const;

const TYPED: readonly (readonly [line: string, outcome: Outcome<MemberCommand>])[] = [
  ["", "nothing"],
  ["hello", msg("hello")],
  ["two\nlines", msg("two\nlines")],
  [":q", QUIT],
  [":quit ", QUIT],
  [" :q", msg(" :q")],
  ["//x", msg("/x")],
  ["/msg hello", typed("hello")],
  ["/msg /exit", typed("/exit")],
  ["/msg  a blank", typed(" a blank")],
  ["/log", log(20)],
  ["/log 50", log(50)],
  ["/log  0", log(0)],
  ["/log 1000000", log(1_000_000)],
  ["/log --digest", log(20, true)],
  ["/log  --digest ", log(20, true)],
  ["/log 3 --digest", log(3, true)],
  ["/history 3", log(3)],
  ["/list", { command: { command: "list" } }],
  ["/members", { command: { command: "list" } }],
  ["/status", { command: { command: "status" } }],
  ["/verify Bob", { command: { command: "verify", name: "Bob" } }],
  ["/verify *coordinator*", { command: { command: "verify", name: "*coordinator*" } }],
  ["/trust Bob~k7f3", { command: { command: "trust", name: "Bob~k7f3" } }],
  ["/exit", QUIT],
  ["/quit", QUIT],
  ["/q", QUIT],
  ["/edit at eight? - 43", edit("at eight?", 43)],
  ["/edit a - b - 2", edit("a - b", 2)],
  ["/edit a - 1 - 2", edit("a - 1", 2)],
  ["/edit - - - 2", edit("- -", 2)],
  ["/edit  a blank - 2 ", edit(" a blank", 2)],
  ["/edit two\nlines -  2", edit("two\nlines", 2)],
  ["/edit /exit - 1", edit("/exit", 1)],
  ['/edit {"command":"x"} - 1', edit('{"command":"x"}', 1)],
  ["/go", { command: { command: "go", edit: null } }],
  ["/go 7", { command: { command: "go", edit: 7 } }],
  ["/abort", { command: { command: "abort", edit: null } }],
  ["/abort  7 ", { command: { command: "abort", edit: 7 } }],
  ["/entry 43", { command: { command: "entry", seq: 43 } }],
  ["/help log", { help: ["log"] }],
];

for (const [line, outcome] of TYPED) {
  Deno.test(`in a group a typed ${JSON.stringify(line)} is understood`, () => {
    assertEquals(outcomeOf(memberCommands, line), outcome);
  });
}

Deno.test("in a group a script's /msg TEXT is a text, whatever it begins with", () => {
  assertEquals(asWritten({ command: "msg", text: "Bob hi", isTyped: true }), {
    command: "msg",
    text: "Bob hi",
  });
  assertEquals(asWritten({ command: "go", edit: 1 }), { command: "go", edit: 1 });
});

const REFUSED: readonly (readonly [line: string, code: string, text: string])[] = [
  ["/msg", "usage", "Usage: /msg TEXT"],
  ["/log -1", "usage", 'N must be a number from 0 to 1000000, not "-1"'],
  ["/log 1000001", "usage", "N must be a number from 0 to 1000000"],
  ["/log all", "usage", 'not "all"'],
  ["/log --digests", "usage", "Usage: /log [/TEXT/] [N] [--digest]"],
  ["/log 3 4", "usage", "Usage: /log [/TEXT/] [N] [--digest]"],
  ["/lof", "unknown-command", "did you mean /log?"],
  ...[
    "/edit",
    "/edit x",
    "/edit - 3",
    "/edit  - 3",
    "/edit x -3",
    "/edit x- 3",
    "/edit x - ",
    "/edit x - 3 4",
  ]
    .map((line) => [line, "usage", "Usage: /edit TEXT - N, for example /edit at"] as const),
  ["/edit   - 3", "usage", "Usage: /edit TEXT - N"],
  ["/edit x - 0", "usage", '"0" isn\'t the number of an entry; the form is /edit TEXT - N'],
  ["/edit x - -1", "usage", '"-1" isn\'t the number of an entry; the form is /edit TEXT - N'],
  ["/edit x - three", "usage", '"three" isn\'t the number of an entry'],
  ["/edit x - 1e3", "usage", '"1e3" isn\'t the number of an entry'],
  [`/edit x - ${"9".repeat(20)}`, "no-such-entry", `There is no entry ${"9".repeat(20)}`],
  [`/edit x - ${"0".repeat(20)}`, "usage", "isn't the number of an entry"],
  [`/entry ${"9".repeat(16)}`, "no-such-entry", `There is no entry ${"9".repeat(16)}`],
  [`/edit ${"x".repeat(65_537)} - 1`, "too-long", "65537"],
  ["/go x", "usage", '"x" isn\'t the number of an edit'],
  ["/go 0", "usage", '"0" isn\'t the number of an edit'],
  ["/abort 1 2", "usage", "Usage: /abort [EDIT]"],
  ["/entry", "usage", "Usage: /entry N"],
  ["/entry x", "usage", '"x" isn\'t the number of an entry; for example /entry 43'],
  ["x".repeat(65_537), "too-long", "65537"],
  ["/invite", "usage", "its coordinator's: ask whoever runs p2pchat serve for the line"],
  ["/invite --words", "usage", "which /invite shows there"],
  ["/Remove Bob", "usage", "/remove is a command of the coordinator's"],
];

for (const [line, code, text] of REFUSED) {
  Deno.test(`in a group a typed ${JSON.stringify(line.slice(0, 30))} is refused with ${code}`, () => {
    const outcome = outcomeOf(memberCommands, line);
    assert(outcome !== "nothing" && "error" in outcome, JSON.stringify(outcome));
    assertEquals(outcome.error, code);
    assertStringIncludes(outcome.text, text);
  });
}

const ABOUT: readonly (readonly [line: string, code: string, seq: number | undefined])[] = [
  ["/edit  - 1", "usage", 1],
  ["/edit - 12", "usage", 12],
  ["/edit x - 0", "usage", 0],
  ["/edit x - -1", "usage", -1],
  ["/edit x - three", "usage", undefined],
  ["/edit x -3", "usage", undefined],
  ["/edit x", "usage", undefined],
  [`/edit ${"x".repeat(65_537)} - 7`, "too-long", 7],
  [`/edit x - ${"9".repeat(15)}0`, "no-such-entry", 9_999_999_999_999_990],
  ["/entry 0", "usage", 0],
  ['{"command":"edit","text":"","n":1,"ref":"u1"}', "usage", 1],
  ['{"command":"edit","n":1}', "usage", 1],
  ['{"command":"edit","n":"1","to":"x"}', "usage", 1],
  ['{"command":"edit","text":"x","n":0}', "usage", 0],
  ['{"command":"edit","text":"x","n":1.5}', "usage", undefined],
  ['{"command":"edit","text":"x","n":99999999999999999999}', "no-such-entry", 1e20],
  ['{"command":"edit","text":"x","n":1e300}', "no-such-entry", 1e300],
  [`{"command":"edit","text":"${"x".repeat(65_537)}","n":7}`, "too-long", 7],
];

for (const [line, code, seq] of ABOUT) {
  Deno.test(`in a group the error of ${line.slice(0, 50)} names the entry that was given`, () => {
    const outcome = outcomeOf(memberCommands, line, true);
    assert(outcome !== "nothing" && "error" in outcome, JSON.stringify(outcome));
    assertEquals([outcome.error, outcome.seq], [code, seq]);
  });
}

const OBJECTS: readonly (readonly [object: unknown, outcome: Outcome<MemberCommand>])[] = [
  [{ command: "msg", text: "/exit\n:q", ref: "7" }, {
    command: { command: "msg", text: "/exit\n:q" },
    ref: "7",
  }],
  [{ command: "log", n: 5 }, log(5)],
  [{ command: "log", digest: true }, log(20, true)],
  [{ command: "log", digest: false }, log(20)],
  [{ command: "log", digest: null }, log(20)],
  [{ command: "log", digest: 1 }, {
    error: "usage",
    text: "The field digest of log must be true or false",
  }],
  [{ command: "log", n: true }, {
    error: "usage",
    text: "The field n of log must be a string or a number",
  }],
  [{ command: "edit", text: "a - b - 2", n: 3 }, edit("a - b - 2", 3)],
  [{ command: "edit", text: "/exit\n", n: "3" }, edit("/exit\n", 3)],
  [{ command: "edit", text: "x" }, {
    error: "usage",
    text: "The command edit needs the field n",
  }],
  [{ command: "edit", text: "", n: 3 }, {
    error: "usage",
    text: "The field text of edit must not be empty",
    seq: 3,
  }],
  [{ command: "edit", text: "x", n: 1.5, ref: "e" }, {
    error: "usage",
    text:
      '"1.5" isn\'t the number of an entry; the form is /edit TEXT - N, for example /edit at eight? - 43',
    ref: "e",
  }],
  [{ command: "go", edit: 7 }, { command: { command: "go", edit: 7 } }],
  [{ command: "abort" }, { command: { command: "abort", edit: null } }],
  [{ command: "entry", n: 43 }, { command: { command: "entry", seq: 43 } }],
  [{ command: "exit" }, QUIT],
];

for (const [object, outcome] of OBJECTS) {
  Deno.test(`in a group the object ${JSON.stringify(object)} is understood or refused`, () => {
    assertEquals(outcomeOf(memberCommands, JSON.stringify(object), true), outcome);
  });
}

const SERVED: readonly (readonly [line: string, outcome: Outcome<CoordinatorCommand>])[] = [
  ["/list", { command: { command: "list" } }],
  ["/status", { command: { command: "status" } }],
  ["/edits", { command: { command: "edits" } }],
  ["/states", { command: { command: "states", seq: null } }],
  ["/states 43", { command: { command: "states", seq: 43 } }],
  ["/snapshot", { command: { command: "snapshot" } }],
  ["/snapshots", { command: { command: "snapshots" } }],
  ["/remove Bob", { command: { command: "remove", name: "Bob" } }],
  ["/allow Bob", { command: { command: "allow", name: "Bob" } }],
  ["/verify Bob", { command: { command: "verify", name: "Bob" } }],
  ["/trust Bob", { command: { command: "trust", name: "Bob" } }],
  ["/exit", QUIT],
  ["/q", QUIT],
  ["hello", {
    error: "unknown-command",
    text:
      'Nothing was done about "hello": commands begin with /, /help lists them; to write to the ' +
      "group, join it with p2pchat peer",
  }],
  ["/msg hello", {
    error: "unknown-command",
    text: "No command /msg here: it is for those who chat",
  }],
];

for (const [line, outcome] of SERVED) {
  Deno.test(`at the coordinator a typed ${JSON.stringify(line)} is understood or refused`, () => {
    assertEquals(outcomeOf(serveCommands, line), outcome);
  });
}

Deno.test("at the coordinator a broken object is refused without a word of texts", () => {
  const outcome = outcomeOf(serveCommands, "{x", true);
  assert(outcome !== "nothing" && "error" in outcome);
  assertEquals(outcome.error, "usage");
  assert(!outcome.text.includes("send other text"), outcome.text);
});

Deno.test("every example of the group's commands is understood", () => {
  for (const table of [memberCommands, serveCommands]) {
    for (const { name, example } of table.commands) {
      const parsed = table.parse(example, false);
      assert(["clear", "command", "help", "show"].includes(parsed.type), `${name}: ${example}`);
    }
  }
});
