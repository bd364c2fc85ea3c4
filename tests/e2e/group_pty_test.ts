/** `peer --server` and `serve` at a terminal, as a person sits before them. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Group, isIn, shows } from "./group_world.ts";
import { freePort } from "./friends_group.ts";
import { PROGRAM } from "./node.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";

const CTRL_C = "\x03";

function terminalTest(name: string, test: () => Promise<void>): void {
  Deno.test({ name: `group at a terminal: ${name}`, ignore: !hasScript(), fn: test });
}

function openMember(group: Group, name: string): Promise<Terminal> {
  const command = [PROGRAM, ...group.words(name), "--data", group.data(name), "--no-color"];
  return openTerminal({ command, columns: 120 });
}

/** Without the times. */
const lines = ({ screen }: Terminal) => screen.lines.map((line) => line.replace(/\d\d:\d\d /, ""));

terminalTest("history, the first line, numbers, and the half-typed line stays", async () => {
  await using group = new Group();
  const server = await group.serve();
  const bob = await group.start("Bob");
  await bob.say("at six?");
  await bob.until(shows("at six?"));
  await using terminal = await openMember(group, "Alice");
  await terminal.untilCursorLine("Alice @group> |");
  await server.until(isIn("Alice"));

  await terminal.press("/ver\t");
  await terminal.press("b\t");
  await terminal.untilCursorLine("Alice @group> /verify Bob |");
  await bob.say("or at\nseven?");
  await terminal.until("his message", ({ text }) => text.includes("seven?"));
  await terminal.untilCursorLine("Alice @group> /verify Bob |");
  await terminal.press("\x15fine with me\r");
  await bob.until(shows("fine with me"));
  await terminal.until("her own", ({ text }) => text.includes("<Alice> fine with me"));

  const shown = lines(terminal);
  const first = shown.findIndex((line) => line.startsWith("* In the group of"));
  assertMatch(
    shown[first]!,
    /^\* In the group of 127\.0\.0\.1:\d+ as Alice, with Bob; 1 entry, the last from Bob at /,
  );
  assert(shown.includes("1 (earlier) <Bob> at six?"), shown.join("\n"));
  const second = shown.indexOf("2 <Bob> or at");
  assertMatch(shown[second + 1]!, /^ +seven\?$/);
  assert(shown.includes("3 <Alice> fine with me"), shown.join("\n"));
  assertEquals(terminal.screen.unexpected, []);
});

terminalTest("the coordinator goes and comes back, and Ctrl+C leaves", async () => {
  await using group = new Group();
  const server = await group.serve();
  await using terminal = await openMember(group, "Alice");
  await terminal.untilCursorLine("Alice @group> |");
  await server.kill();
  const away = "! The coordinator doesn't answer. Chat goes on; joining and editing wait.";
  await terminal.until("that it is away", ({ text }) => text.includes(away));
  const again = await group.serve();
  await terminal.until(
    "that it is back",
    ({ text }) => text.includes("* The coordinator is back."),
  );

  await terminal.press(CTRL_C);
  assertEquals(await terminal.ended(), 0);
  const left = await again.until(({ event }) => event === "left");
  assertEquals([left.name, left.reason], ["Alice", "quit"]);
});

terminalTest("the coordinator's own prompt and first line", async () => {
  await using group = new Group();
  const port = freePort();
  const words = ["serve", "--host", "127.0.0.1", "--port", String(port)];
  const command = [PROGRAM, ...words, "--data", group.serverData, "--no-color"];
  await using terminal = await openTerminal({ command, columns: 120 });
  await terminal.untilCursorLine("serve> |");
  assertEquals(
    terminal.screen.lines[0],
    `Listening at ${port}. Members join with: p2pchat peer NAME --server 127.0.0.1:${port}`,
  );

  await terminal.press("/status\r");
  await terminal.until("the answer", ({ text }) => text.includes("Nobody has been in the group"));
  await terminal.press("/exit\r");
  assertEquals(await terminal.ended(), 0);
});
