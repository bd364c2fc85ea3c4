/**
 * irssi and WeeChat at a terminal, as people use them, with the lines that `docs/irc.md` tells them to type. Where one
 * isn't installed its test is ignored: `.ci/run` says so.
 */

import { assert, assertEquals } from "@std/assert";
import { Node, type ShownEvent } from "./node.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";

/** What the program prints with `--version`; null: it isn't installed. */
function versionOf(program: string): string | null {
  try {
    const { stdout } = new Deno.Command(program, { args: ["--version"] }).outputSync();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return null;
  }
}

interface Served {
  readonly host: string;
  readonly port: number;
  readonly password: string;
}

interface Used {
  readonly name: string;
  readonly version: string | null;
  /** How it is started in a folder of its own. */
  command(folder: string): readonly string[];
  /** What is typed to connect, each line once this text is there. */
  connect(served: Served): readonly (readonly [after: string, line: string])[];
  /** What shows that it is in the channel. */
  readonly joined: string;
  /** What leads to the channel. */
  readonly open: string;
}

const WEECHAT_VERSION = versionOf("weechat");

const CLIENTS: readonly Used[] = [
  {
    name: "irssi",
    version: versionOf("irssi"),
    command: (folder) => ["irssi", `--home=${folder}`],
    connect: ({ host, port, password }) => [
      ["Irssi v", "/set cmd_queue_speed 10msec"],
      ["flood", `/connect -notls ${host} ${port} ${password}`],
    ],
    joined: "Act:",
    open: "\x1b2", // Alt+2
  },
  {
    name: "WeeChat",
    version: WEECHAT_VERSION,
    command: (folder) => ["weechat", "-d", folder],
    connect({ host, port, password }) {
      const options = /^[0-3]\./.test(WEECHAT_VERSION ?? "")
        ? "-nossl -anti_flood_prio_high=0"
        : "-notls -anti_flood=0";
      return [
        ["WeeChat", `/server add p2pchat ${host}/${port} -password=${password} ${options}`],
        ["server added", "/connect p2pchat"],
      ];
    },
    joined: "#Club",
    open: "", // it goes there by itself
  },
];

async function until(terminal: Terminal, text: string): Promise<void> {
  await terminal.until(text, () => terminal.raw.includes(text));
}

/** What the table of `docs/irc.md` says, as far as another member sees it. */
async function commands(terminal: Terminal, bob: Node): Promise<void> {
  await terminal.press("/me nods\r");
  await bob.until(({ event, text }) => event === "message" && text === "/me nods");
  const isAway = (away: string | undefined) => (event: ShownEvent) =>
    event.event === "presence" && event.name === "Alice" && event.away === away;
  await terminal.press("/away lunch\r");
  await bob.until(isAway("lunch"));
  await terminal.press("/away\r");
  await bob.until(isAway(undefined));
  await terminal.press("/msg *p2pchat away tea\r");
  await bob.until(isAway("tea"));
  await terminal.press("/nick Alicia\r");
  await bob.until(({ event, name }) => event === "renamed" && name === "Alicia");
  await terminal.press("/nick Alice\r");
  await bob.until(({ event, name }) => event === "renamed" && name === "Alice");
}

for (const { name, version, command, connect, joined, open } of CLIENTS) {
  Deno.test({
    name: `irc: ${name} comes in, talks to all and to one, and is told who is there`,
    ignore: !hasScript() || version === null,
    async fn() {
      const args = ["--irc", "0", "--title", "Club"];
      await using alice = await Node.ready("Alice", null, { args });
      await using bob = await Node.ready("Bob", alice);
      const { host, port, passwordFile } = await alice.until(({ event }) => event === "irc");
      const password = (await Deno.readTextFile(passwordFile)).trim();
      const folder = await Deno.makeTempDir({ prefix: "p2pchat-irc-" });
      {
        const opened = { command: command(folder), columns: 120, rows: 40 };
        await using terminal = await openTerminal(opened);
        for (const [after, line] of connect({ host, port, password })) {
          await until(terminal, after);
          await terminal.press(`${line}\r`);
        }
        await until(terminal, joined);
        await terminal.press(open);
        await until(terminal, "Bob");

        await bob.ask("msg", { text: "first line\nsecond line" });
        await until(terminal, "first line");
        await until(terminal, "second line");
        await bob.ask("msg", { text: "/me waves" });
        await until(terminal, "waves");
        await terminal.press("hello from the client\r");
        const heard = await bob.until(({ event, from }) => event === "message" && from === "Alice");
        assertEquals(heard.text, "hello from the client");
        await terminal.press("/msg Bob only for you\r");
        const alone = await bob.until(({ event, private: isPrivate }) =>
          event === "message" && isPrivate === true
        );
        assertEquals(alone.text, "only for you");
        await commands(terminal, bob);
        await bob.ask("msg", { text: "\x1b[2J\x1b]0;title\x07\rfake" });
        await until(terminal, "fake");
        assert(!terminal.raw.includes("\x1b]0;title"), "what others write is never obeyed");
      }
      await alice.ask("msg", { text: "the member is still there" });
      await bob.until(({ text }) => text === "the member is still there");
      await Deno.remove(folder, { recursive: true });
    },
  });
}
