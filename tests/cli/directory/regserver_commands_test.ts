import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { regserverCommands } from "../../../lib/cli/directory/regserver_commands.ts";
import type { DirectoryCommand } from "../../../lib/protocols/directory/schema/events.ts";
import { type Outcome, outcomeOf } from "../command_outcome.ts";

const of = (command: DirectoryCommand): Outcome<DirectoryCommand> => ({ command });
const LIST = of({ command: "list" });
const QUIT = of({ command: "quit" });

const TYPED: readonly (readonly [line: string, outcome: Outcome<DirectoryCommand>])[] = [
  ["", "nothing"],
  ["/list", LIST],
  ["/users", LIST],
  ["/peers", LIST],
  ["/status", of({ command: "status" })],
  ["/kick bob", of({ command: "kick", name: "bob" })],
  ["/kick  Zoe\u0308 ", of({ command: "kick", name: "Zoë" })],
  ["/broadcast back soon", of({ command: "broadcast", text: "back soon" })],
  ["/broadcast  /exit", of({ command: "broadcast", text: " /exit" })],
  ["/broadcast two\nlines", of({ command: "broadcast", text: "two\nlines" })],
  ["/exit", QUIT],
  ["/quit", QUIT],
  ["/q", QUIT],
  ["/help kick", { help: ["kick"] }],
];

for (const [line, outcome] of TYPED) {
  Deno.test(`at a directory a typed ${JSON.stringify(line)} is understood`, () => {
    assertEquals(outcomeOf(regserverCommands, line), outcome);
  });
}

const REFUSED: readonly (readonly [line: string, code: string, text: string])[] = [
  ["hello", "unknown-command", "to tell all who are logged in, /broadcast TEXT"],
  ["exit", "unknown-command", 'Nothing was done about "exit": commands begin with /, /exit leaves'],
  ["//exit", "unknown-command", 'Nothing was done about "/exit"'],
  ["/kick", "usage", "Usage: /kick NAME, for example /kick bob"],
  ["/kick bob carol", "usage", "Usage: /kick NAME"],
  ["/kik bob", "unknown-command", "did you mean /kick?"],
  ["/broadcast", "usage", "Usage: /broadcast TEXT"],
  [`/broadcast ${"x".repeat(65_537)}`, "too-long", "65537"],
];

for (const [line, code, text] of REFUSED) {
  Deno.test(`at a directory a typed ${JSON.stringify(line.slice(0, 30))} is refused with ${code}`, () => {
    const outcome = outcomeOf(regserverCommands, line);
    assert(outcome !== "nothing" && "error" in outcome, JSON.stringify(outcome));
    assertEquals(outcome.error, code);
    assertStringIncludes(outcome.text, text);
  });
}

Deno.test("at a directory an object's text is literal, and its ref is kept", () => {
  const object = JSON.stringify({ command: "broadcast", text: "/exit\n:q", ref: "7" });
  assertEquals(outcomeOf(regserverCommands, object, true), {
    command: { command: "broadcast", text: "/exit\n:q" },
    ref: "7",
  });
});
