import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { CommandOf } from "../../../lib/cli/args/arguments.ts";
import type { ScriptDoor } from "../../../lib/cli/args/options.ts";
import { friendsProgramCommand } from "../../../lib/cli/friends/friends_arguments.ts";
import { memberProgramCommand } from "../../../lib/cli/group/member_arguments.ts";
import { meshProgramCommand } from "../../../lib/cli/mesh/mesh_arguments.ts";
import { parsedOptions } from "../parsed_options.ts";

const WAIT: ScriptDoor = {
  door: "wait",
  mode: "mesh",
  from: null,
  mention: false,
  events: new Set(["message"]),
  timeoutMs: 10_000,
};
const ONCE: ScriptDoor = { door: "once", mode: "mesh", text: "hi", to: null, timeoutMs: 10_000 };

interface Scripted {
  readonly script?: ScriptDoor | null;
}

function doorOf(command: CommandOf<Scripted>, words: string, ...flags: readonly string[]) {
  return parsedOptions(command, [...words.split(" "), ...flags]).script;
}

const mesh = (...flags: readonly string[]) => doorOf(meshProgramCommand, "mesh Ann", ...flags);

Deno.test("--once and --wait are read, in each mode that has them", () => {
  assertEquals(mesh(), null);
  assertEquals(mesh("--wait"), WAIT);
  assertEquals(mesh("--wait", "--from", "Bob", "--mention", "--timeout", "5m"), {
    ...WAIT,
    ...{ from: "Bob", mention: true, timeoutMs: 300_000 },
  });
  assertEquals(mesh("--wait", "--event", "joined, left"), {
    ...WAIT,
    events: new Set(["joined", "left"]),
  });
  assertEquals(mesh("--once", "hi", "--to", "Bob", "--timeout", "500ms"), {
    ...ONCE,
    ...{ to: "Bob", timeoutMs: 500 },
  });
  // A text is literal.
  assertEquals(mesh("--once", "/quit"), { ...ONCE, text: "/quit" });
  const server = "peer Ann --server 127.0.0.1";
  assertEquals(doorOf(memberProgramCommand, server, "--once", "hi"), { ...ONCE, mode: "group" });
  const friends = "peer ann --users users.txt";
  assertEquals(doorOf(friendsProgramCommand, friends, "--wait"), { ...WAIT, mode: "friends" });
});

Deno.test("a flag that takes a text takes any, also one like a flag", () => {
  const texts = [
    "- milk",
    "-h",
    "-",
    "--",
    "--wait",
    "--json=1",
    "-_x",
    "-5",
    `-${"y".repeat(63)}`,
  ];
  for (const text of texts) {
    for (const flags of [["--once", text], [`--once=${text}`]]) {
      assertEquals(mesh(...flags, "--timeout", "10s"), { ...ONCE, text });
    }
    const words = ["mesh", "Ann", "--title", text, "--room", text];
    const { title, room } = parsedOptions(meshProgramCommand, words);
    assertEquals([title, room], [text, text]);
  }
});

Deno.test("a name of a flag is one that somebody can have, or be shown under, or the fingerprint of a key", () => {
  for (const name of ["José", "Bob~k7f3", "≈Bob", "≈Bob~k7f3", "ijtghrlfdthizyo5oecdgsej2yv"]) {
    assertEquals(mesh("--wait", "--from", name), { ...WAIT, from: name });
    assertEquals(mesh("--once", "hi", "--to", name), { ...ONCE, to: name });
  }
  for (const name of ["bad name!", "Bob~", "Bob~!", "~k7f3", "bad name~k7f3", "you", "*bob*"]) {
    for (const flags of [["--wait", "--from", name], ["--once", "hi", "--to", name]]) {
      const { code, exitStatus } = assertThrows(() => mesh(...flags), P2pchatError);
      assertEquals([code, exitStatus], ["bad-name", 2]);
    }
  }
});

Deno.test("--mcp is read, in each mode that has it, and goes with what leads there", () => {
  const mcp = { door: "mcp", mode: "mesh" } as const;

  assertEquals(mesh("--mcp"), mcp);
  assertEquals(mesh("--mcp", "--new", "--private", "--lan"), mcp);
  assertEquals(mesh("--mcp", "--invite-file", "invite"), mcp);
  const server = "peer Ann --server 127.0.0.1";
  assertEquals(doorOf(memberProgramCommand, server, "--mcp"), { ...mcp, mode: "group" });
  const friends = "peer ann --users users.txt";
  assertEquals(doorOf(friendsProgramCommand, friends, "--mcp"), { ...mcp, mode: "friends" });
});

Deno.test("to a script what was said before a room was joined isn't shown", () => {
  const count = (...flags: readonly string[]) =>
    parsedOptions(meshProgramCommand, ["mesh", "Ann", ...flags]).historyCount;

  assertEquals([count("--wait"), count()], [0, null]);
});

const REFUSED: readonly (readonly [flags: readonly string[], sentence: string])[] = [
  [["--once", "hi", "--wait"], "give one, then the other"],
  [["--once", "hi", "--mention"], "--mention says what --wait waits for: add --wait"],
  [["--event", "message"], "--event says what --wait waits for: add --wait"],
  [["--to", "Bob"], "--to says who gets the text of --once"],
  [["--wait", "--to", "Bob"], "--to says who gets the text of --once"],
  [["--timeout", "3s"], "--timeout is that of --once or --wait"],
  [["--wait", "--timeout", "soon"], "--timeout must be a duration"],
  [["--wait", "--stay"], "--wait ends when it is done, and --stay keeps running"],
  [["--once", "hi", "--history", "3"], "--once shows nothing again"],
  [["--wait", "--no-history"], "--no-history keeps nothing"],
  [["--mcp", "--json"], "a protocol of its own on standard output: leave out --json"],
  [["--mcp", "--once", "hi"], "--mcp has tools for that: leave out --once"],
  [["--mcp", "--wait"], "leave out --wait"],
  [["--mcp", "--mention"], "leave out --mention"],
  [["--mcp", "--timeout", "3s"], "leave out --timeout"],
  [["--mcp", "--stay"], "--mcp leaves when its input ends, and --stay keeps running"],
  [["--mcp", "--history", "3"], "has a tool history: leave out --history"],
  [["--mcp", "--no-history"], "--no-history keeps nothing"],
  [["--mcp", "--invite", "-"], "give the invite with --invite-file"],
  [["--once", " "], "--once must have something to say"],
  [["--once="], "--once needs a value: TEXT"],
  [["--wait", "--event", "mesage"], 'not "mesage"; did you mean message?'],
  [["--wait", "--event", "message,,left"], "--event names events, with commas between them"],
  [["--wait", "--event", "zzzzzzzzz"], "there are ready, joined, left"],
  [["--wait", "--event", "status"], "can't be status: that only answers a command"],
  [["--wait", "--event", "toString"], "--event names events"],
];

for (const [flags, sentence] of REFUSED) {
  Deno.test(`mesh refuses ${flags.join(" ")}`, () => {
    const { code, message } = assertThrows(() => mesh(...flags), P2pchatError);

    assertEquals(code, "usage");
    assertStringIncludes(message, sentence);
  });
}

Deno.test("--once refuses what is too long for a message, and a group has no --to", () => {
  const long = assertThrows(() => mesh("--once", "x".repeat(65_537)), P2pchatError);
  const server = "peer Ann --server 127.0.0.1";
  const to = assertThrows(
    () => doorOf(memberProgramCommand, server, "--once", "hi", "--to", "Bob"),
    P2pchatError,
  );

  assertEquals([long.code, to.code], ["too-long", "usage"]);
});
