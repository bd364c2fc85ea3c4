/** `peer --users` at a terminal, as a person uses it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { delivery, FriendsGroup, shows } from "./friends_group.ts";
import { PROGRAM } from "./node.ts";
import { freePort } from "./ports.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";

const CTRL_C = "\x03";
const CTRL_D = "\x04";

function terminalTest(name: string, test: () => Promise<void>): void {
  Deno.test({ name: `friends at a terminal: ${name}`, ignore: !hasScript(), fn: test });
}

/** Starts Alice's program in the folder of the table, so that the table's name is short. */
async function openAlice(
  group: FriendsGroup,
  flags = "",
  prompt = "alice> |",
): Promise<Terminal> {
  const command = `cd "${group.folder}" && exec "${PROGRAM}" peer alice --users users.txt ` +
    `--host 127.0.0.1 --data "${group.data("alice")}" ${flags}`;
  const terminal = await openTerminal({ command: ["sh", "-c", command], columns: 120 });
  await terminal.untilCursorLine(prompt);
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
  const from = shown.indexOf("… <alice -> bob> shall we?");
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
    await terminal.until(
      "that it has arrived",
      ({ text }) => text.includes("✓ <alice -> bob> one"),
    );
    await terminal.press("bob/\x1b[200~two\rlines\x1b[201~\r");
    await terminal.until("that both have", ({ text }) => text.includes("✓ <alice -> bob> two"));
    await bob.until(shows("two\nlines"));
    await bob.tell("alice", "\x1b]0;owned\x07\x1b[2J three");
    await bob.until(delivery("delivered"));
    await terminal.press("r/four\r");
    await terminal.until("that it has", ({ text }) => text.includes("✓ <alice -> bob> four"));
    await terminal.press("/list\r");
    await terminal.until("the list", ({ text }) => /^bobby .*connects when you write$/m.test(text));
    await terminal.untilCursorLine("alice> |");

    const shown = lines(terminal);
    assertEquals(shown.slice(shown.indexOf("bob  bobby") + 1, -1), [
      "✓ <alice -> bob> one",
      "✓ <alice -> bob> two",
      "                       lines",
      "<bob> ␛]0;owned␇␛[2J three",
      "✓ <alice -> bob> four", // whom r stands for is seen
      "alice> /list",
      `alice  127.0.0.1:${group.row("alice").port}  (you)`,
      `bob  127.0.0.1:${bob.port}  connected`,
      `bobby  127.0.0.1:${group.row("bobby").port}  connects when you write`,
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
      await using terminal = await openAlice(group, "", "alice -> bob> |");
      await terminal.press(`one last thing before ${name}\r${keys}`);

      assertEquals(await terminal.ended(), 0);
      await bob.until(shows(`one last thing before ${name}`));
      assertEquals(terminal.screen.modes.has("?2004"), false);
      assertEquals(terminal.screen.cursorLine, "|");
    }
  },
);

terminalTest(
  "plain lines go to the one friend, and after /to to that one; names still count",
  async () => {
    await using group = new FriendsGroup("alice", "bob");
    await using terminal = await openAlice(group, "--no-color", "alice -> bob> |");
    const bob = await group.start("bob");
    const { port } = group.row("alice");
    assertEquals(
      lines(terminal)[0],
      `alice, listening at ${port}. Friends: bob (users.txt). What you type goes to bob`,
    );
    for (const text of ["hello", "1/2 of it", "http://example.org is nice", "/msg isn't typed"]) {
      await terminal.press(`${text.startsWith("/") ? "/" : ""}${text}\r`);
      await terminal.until(text, (screen) => screen.text.includes(`✓ <alice -> bob> ${text}`));
      await bob.until(shows(text));
    }
    await terminal.press("bbo/not to bob\r");
    await terminal.until("the name meant", ({ text }) => text.includes("did you mean bob/TEXT?"));

    group.edit({ carol: { port: freePort() } });
    await terminal.until("carol", ({ text }) => text.includes("was edited: added carol"));
    const carol = await group.start("carol");
    await terminal.untilCursorLine("alice -> bob> |");
    await terminal.press("/to ca\t");
    await terminal.untilCursorLine("alice -> bob> /to carol |");
    await terminal.press("\r");
    await terminal.untilCursorLine("alice -> carol> |");
    await terminal.press("only you\r");
    await carol.until(shows("only you"));
    const isOf = (to: string, text: string) => (screen: Terminal["screen"]) =>
      screen.text.includes(`✓ <alice -> ${to}> ${text}`);
    await terminal.until("it has arrived", isOf("carol", "only you"));
    await terminal.press("bob/and you\r");
    await bob.until(shows("and you"));
    await terminal.until("it has arrived", isOf("bob", "and you"));
    await terminal.press("/to\r");
    await terminal.untilCursorLine("alice> |");
    await terminal.press("to nobody\r");
    await terminal.until("the way out", ({ text }) => text.includes("Cannot tell to whom"));

    assertEquals(bob.events.filter(({ event }) => event === "message").map(({ text }) => text), [
      "hello",
      "1/2 of it",
      "http://example.org is nice",
      "/msg isn't typed",
      "and you",
    ]);
    assertEquals(carol.events.filter(({ event }) => event === "message").length, 1);
    const shown = lines(terminal);
    for (
      const line of [
        "alice -> bob> bbo/not to bob", // what was refused stays to be seen
        "✓ <alice -> carol> only you",
        "✓ <alice -> bob> and you",
        "* What you type no longer goes to carol: write NAME/TEXT, or /to NAME first",
        "alice> to nobody",
      ]
    ) assert(shown.includes(line), line);
    assertEquals(terminal.screen.unexpected, []);
  },
);

terminalTest(
  "with --plain, what one says is printed once, with its mark, and nothing is rewritten",
  async () => {
    await using group = new FriendsGroup("alice", "bob");
    const bob = await group.start("bob");
    await using terminal = await openAlice(group, "--plain --no-color", "alice -> bob> |");

    await terminal.press("hello\r");
    await terminal.until("its mark", ({ text }) => text.includes("✓ <alice -> bob> hello"));
    await bob.kill();
    await terminal.press("are you there?\r");
    await terminal.until("that it waits", ({ text }) => text.includes("(1 waiting)"));

    const printed = terminal.raw.split("are you there?").length - 1;
    assertEquals(printed, 1);
    assert(lines(terminal).includes("… <alice -> bob> are you there?"));
  },
);
