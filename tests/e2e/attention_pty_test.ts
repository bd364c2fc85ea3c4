/** How a program at a terminal gets the attention of somebody who looks elsewhere. */

import { assert, assertEquals } from "@std/assert";
import { FriendsGroup } from "./friends_group.ts";
import { Node, PROGRAM } from "./node.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const FOCUS_GONE = "\x1b[O";
const FOCUS_BACK = "\x1b[I";
/** More than a second, so that nothing waits for the last one. */
const PAUSE_MS = 1_200;

function attentionTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `attention: ${name}`, ignore: !hasScript(), fn });
}

async function openAlice(data: string, bob: Node, env: Record<string, string>): Promise<Terminal> {
  const terminal = await openTerminal({
    command: [PROGRAM, "mesh", "Alice", "127.0.0.1", String(bob.port), "--host", "127.0.0.1"],
    env: { P2PCHAT_HOME: data, ...env },
    columns: 100,
  });
  await terminal.untilCursorLine("Alice> |");
  await terminal.until("Bob", ({ text }) => /Bob (?:is here|joined)/.test(text));
  return terminal;
}

const said = (terminal: Terminal, text: string) =>
  terminal.until(text, (screen) => screen.text.includes(text));
const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

attentionTest(
  "one's name and private messages ring while one looks elsewhere, as /notify says",
  async () => {
    await using temporary = new TemporaryFolder({ prefix: "p2pchat-pty-" });
    const data = temporary.path;
    await using bob = await Node.ready("Bob", null);
    {
      await using terminal = await openAlice(data, bob, { TERM_PROGRAM: "iTerm.app" });
      const { screen } = terminal;
      await bob.say("Alice, while you look");
      await said(terminal, "while you look");
      await terminal.press(FOCUS_GONE);
      await bob.say("to all, nobody in particular");
      await said(terminal, "in particular");
      assertEquals([screen.bells, screen.notifications], [0, []]);

      await bob.say("well, alice?\x07\x1b]0;owned\x07");
      await terminal.until("a bell", ({ bells }) => bells === 1);
      await terminal.until("what it is for", ({ notifications }) => notifications.length > 0);
      assertEquals(screen.notifications, ["Bob - p2pchat: well, alice?␇␛]0;owned␇"]);
      for (const text of ["one", "two", "three"]) await bob.tell("Alice", text);
      await terminal.until("another bell", ({ bells }) => bells === 2);
      await terminal.until("what it is for", ({ notifications }) => notifications.length > 1);
      assertEquals(screen.notifications.slice(1), ["Bob to you (and 2 more) - p2pchat: three"]);

      await pause();
      await terminal.press(FOCUS_BACK);
      await terminal.until("nothing unseen", ({ title }) => title === "Alice - p2pchat");
      await bob.say("alice, you look");
      await said(terminal, "alice, you look");
      await terminal.press("/notify sometimes\r");
      await said(terminal, "LEVEL must be one of off, mentions, all");
      await terminal.press("/notify off\r");
      await said(terminal, "(/notify off)");
      await terminal.press(FOCUS_GONE);
      await bob.say("alice, once more");
      await said(terminal, "alice, once more");
      assertEquals(screen.bells, 2);
      await terminal.press(":q\r");
      assertEquals(await terminal.ended(), 0);
      assertEquals([[...screen.modes], screen.unexpected], [[], []]);
    }
    await using terminal = await openAlice(data, bob, { TERM: "xterm-kitty" });
    const { screen } = terminal;
    await terminal.press(FOCUS_GONE);
    await bob.say("alice, are you back?");
    await said(terminal, "are you back?");
    assertEquals(screen.bells, 0);
    await terminal.press(`/notify ALL\r${FOCUS_GONE}`);
    await said(terminal, "(/notify all)");
    await bob.say("to all");
    await terminal.until("a bell", ({ bells }) => bells === 1);
    await terminal.until("what it is for", ({ notifications }) => notifications.length > 1);
    assertEquals(screen.notifications, [
      "i=p2pchat:d=0;Bob - p2pchat",
      "i=p2pchat:p=body;to all",
    ]);
    assertEquals(screen.unexpected, []);
  },
);

attentionTest(
  "among friends all is for the user alone; scripts have `mention`, and no bell",
  async () => {
    await using group = new FriendsGroup("alice", "bob");
    const alice = await group.start("alice");
    const bob = await group.start("bob");
    await bob.tell("alice", "Alice?");
    await bob.tell("alice", "Alicia?");
    const [first, second] = await alice.untilCount(({ event }) => event === "message", 2);
    assertEquals([first!.mention, second!.mention], [true, false]);
    const answer = await alice.ask("notify", { level: "all" });
    assertEquals(answer.event, "notice");
    assert(!JSON.stringify(alice.events).includes("\\u0007"));
  },
);
