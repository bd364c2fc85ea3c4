/** `peer --users` at a terminal, as a person uses it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { delivery, FriendsGroup, shows } from "./friends_group.ts";
import { PROGRAM } from "./node.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";

const CTRL_C = "\x03";
const CTRL_D = "\x04";

function terminalTest(name: string, test: () => Promise<void>): void {
  Deno.test({ name: `friends at a terminal: ${name}`, ignore: !hasScript(), fn: test });
}

/** Starts Alice's program in the folder of the table, so that the table's name is short. */
async function openAlice(group: FriendsGroup, flags = ""): Promise<Terminal> {
  const command = `cd "${group.folder}" && exec "${PROGRAM}" peer alice --users users.txt ` +
    `--host 127.0.0.1 --data "${group.data("alice")}" ${flags}`;
  const terminal = await openTerminal({ command: ["sh", "-c", command], columns: 120 });
  await terminal.untilCursorLine("alice> |");
  return terminal;
}

/** The lines on the screen, without their times. */
const lines = ({ screen }: Terminal) => screen.lines.map((line) => line.replace(/^\d\d:\d\d /, ""));

terminalTest("the first line, a friend who isn't there, and the same one back", async () => {
  await using group = new FriendsGroup("alice", "bob", "carol");
  await using terminal = await openAlice(group);
  const { port } = group.row("alice");
  assertEquals(
    lines(terminal)[0],
    `alice, listening at ${port}. Friends: bob, carol (users.txt). Write to one of them with bob/hello`,
  );
  assertEquals(lines(terminal)[1], "* /help lists the commands, /exit leaves.");

  await terminal.press("bo\t");
  await terminal.untilCursorLine("alice> bob/|");
  await terminal.press("shall we?\r");
  await terminal.until("that bob isn't there", ({ text }) => text.includes("(1 waiting)"));
  await terminal.press("half a l");
  const bob = await group.start("bob");
  await terminal.until("that bob is back", ({ text }) => text.includes("* bob is back"));
  await bob.tell("alice", "yes\nand now");
  await terminal.until("his answer", ({ text }) => text.includes("<bob> yes"));
  await terminal.untilCursorLine("alice> half a l|");

  const shown = lines(terminal);
  const from = shown.indexOf("alice> bob/shall we?");
  assertMatch(
    shown[from + 1]!,
    /^! bob isn't there.*; kept, and sent when bob is back \(1 waiting\)$/,
  );
  assertEquals(shown.slice(from + 2), [
    "* bob is back; 1 message delivered",
    "<bob> yes",
    "            and now",
    "alice> half a l",
  ]);
  assertEquals(terminal.screen.unexpected, []);
});

terminalTest(
  "what is said to a friend who is there is seen once, and nothing beside it",
  async () => {
    await using group = new FriendsGroup("alice", "bob", "bobby");
    await using terminal = await openAlice(group, "--no-color");
    const bob = await group.start("bob");

    await terminal.press("b\t");
    await terminal.untilCursorLine("alice> bob|");
    await terminal.press("\t");
    await terminal.until("the choices", ({ text }) => text.includes("bob  bobby\n"));
    await terminal.press("/one\r");
    await bob.until(shows("one"));
    await terminal.press("bob/\x1b[200~two\rlines\x1b[201~\r");
    await bob.until(shows("two\nlines"));
    await bob.tell("alice", "\x1b]0;owned\x07\x1b[2J three");
    await bob.until(delivery("delivered"));
    await terminal.press("r/four\r");
    await bob.until(shows("four"));
    await terminal.press("/list\r");
    await terminal.until("the list", ({ text }) => /^bobby .*not connected$/m.test(text));
    await terminal.untilCursorLine("alice> |");

    const shown = lines(terminal);
    assertEquals(shown.slice(shown.indexOf("bob  bobby") + 1, -1), [
      "alice> bob/one",
      "alice> bob/two",
      "       lines",
      "<bob> ␛]0;owned␇␛[2J three",
      "alice> bob/four", // whom r stands for is seen
      "alice> /list",
      `alice  127.0.0.1:${group.row("alice").port}  (you)`,
      `bob  127.0.0.1:${bob.port}  connected`,
      `bobby  127.0.0.1:${group.row("bobby").port}  not connected`,
    ]);
    assertEquals(terminal.screen.unexpected, []);
    assert(!terminal.raw.includes("\x1b]0;owned"));
  },
);

terminalTest(
  "Ctrl+C, Ctrl+D and exit send what is under way, leave, and give the terminal back",
  async () => {
    await using group = new FriendsGroup("alice", "bob");
    const bob = await group.start("bob");
    for (const [name, keys] of [["Ctrl+C", CTRL_C], ["Ctrl+D", CTRL_D], ["exit", "exit\r"]]) {
      await using terminal = await openAlice(group);
      await terminal.press(`bob/one last thing before ${name}\r${keys}`);

      assertEquals(await terminal.ended(), 0);
      await bob.until(shows(`one last thing before ${name}`));
      assertEquals(terminal.screen.modes.has("?2004"), false);
      assertEquals(terminal.screen.cursorLine, "|");
    }
  },
);
