/** What a person at a terminal is shown at the first start of each mode. */

import { assertEquals, assertMatch } from "@std/assert";
import { BrowserWindow } from "./browser_window.ts";
import { FriendsGroup } from "./friends_group.ts";
import { Group } from "./group_world.ts";
import { PROGRAM } from "./node.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";
import { makeSmallProgram } from "./small_program.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

/** Starts the program at a terminal, and ends it at its prompt, once it has shown `told`. @returns What it has shown. */
async function shownUntilPrompt(
  words: string,
  prompt: string,
  home: string,
  told: string,
): Promise<string> {
  await using terminal = await openTerminal({
    command: [PROGRAM, ...words.split(" ")],
    env: { P2PCHAT_HOME: home },
  });
  await terminal.untilCursorLine(`${prompt} |`);
  await terminal.until(told, ({ text }) => text.includes(told));
  await terminal.press("\x03");
  assertEquals(await terminal.ended(), 0);
  return terminal.screen.text;
}

Deno.test({
  name: "who comes in for the first time is told what to type, and not again",
  ignore: !hasScript(),
  fn: async () => {
    const home = await Deno.makeTempDir({ prefix: "p2pchat-pty-" });
    const hosting = (words: string) =>
      openTerminal({ command: [PROGRAM, ...words.split(" ")], env: { P2PCHAT_HOME: home } });
    try {
      await using room = await hosting("mesh Alice --host 127.0.0.1 --port 0");
      await using group = await hosting("serve --host 127.0.0.1 --port 0");
      const portIn = async (terminal: Terminal) => {
        const port = /[Ll]istening at (\d+)/;
        await terminal.until("where it listens", ({ text }) => port.test(text));
        return port.exec(terminal.screen.text)![1]!;
      };
      const joining = `mesh Bob 127.0.0.1 ${await portIn(room)}`;
      const member = `peer Bob --server 127.0.0.1:${await portIn(group)}`;

      for (const isFirst of [true, false]) {
        for (
          const [words, prompt, told] of [
            [joining, "Bob>", "* You joined the room. /help lists the commands, :q leaves."],
            [member, "Bob @group>", "* /help lists the commands, /exit leaves."],
            [
              "regserver --port 0",
              "regserver>",
              "* /help lists the commands, /exit ends the directory.",
            ],
          ] as const
        ) {
          const shown = await shownUntilPrompt(words, prompt, home, isFirst ? told : "");
          assertEquals(shown.includes(told), isFirst);
        }
      }
      const ends = "* /help lists the commands, /exit ends the coordinator.";
      await group.until("how it ends", ({ text }) => text.includes(ends));
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },
});

const ADDRESS = /http:\/\/127\.0\.0\.1:\d+\/#[A-Za-z0-9_-]{43}/;
/** Commands with their slash, other lines of the console, options, and its keys. */
const OF_CONSOLE = /(?:^|\s)[/:][a-z]|--[a-z]|Alt\+/;

Deno.test({
  name: "a page isn't told what to type at the console, or how to start the program",
  ignore: !hasScript(),
  fn: async () => {
    const home = await Deno.makeTempDir({ prefix: "p2pchat-pty-" });
    const env = { P2PCHAT_HOME: home };
    const group = new Group();
    const friends = new FriendsGroup("dora", "emil");
    try {
      await group.serve();
      const modes = [
        "mesh Ann --new --host 127.0.0.1 --port 0",
        "mesh Ann --host 127.0.0.1 --port 0",
        "mesh Ben --new --private --host 127.0.0.1 --port 0",
        `peer Cid --server ${group.server}`,
        `peer dora --users ${friends.file}`,
      ];
      for (const words of modes) {
        const command = [PROGRAM, ...words.split(" "), "--web", "0"];
        await using terminal = await openTerminal({ command, env, columns: 200, rows: 40 });
        const isTold = (text: string) => ADDRESS.test(text) && /leaves\.|your last room/.test(text);
        await terminal.until("what to type", ({ text }) => isTold(text));
        const [url] = ADDRESS.exec(terminal.screen.text)!;
        using page = await BrowserWindow.open({ event: "web", url }, "window-1");
        const last = page.welcome["last"] as number;
        await page.visit.until("all that was shown", () => page.lastId >= last);
        const told = page.events.filter(({ event }) => event === "notice");
        assertEquals(told.filter(({ text }) => OF_CONSOLE.test(text)), [], words);
        await terminal.press("\x03");
        assertEquals(await terminal.ended(), 0);
      }
    } finally {
      await group[Symbol.asyncDispose]();
      await friends[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    }
  },
});

for (const [flags, isTold] of [[[], true], [["--plain"], false]] as const) {
  Deno.test({
    name: `the first start of all ${
      isTold ? "says, and wipes away," : "doesn't say"
    } that it unpacks ${flags}`,
    ignore: !hasScript(),
    fn: async () => {
      await using temporary = new TemporaryFolder({ prefix: "p2pchat-cache-" });
      const cache = temporary.path;
      const program = `${cache}/p2pchat`;
      await makeSmallProgram(program);
      await using terminal = await openTerminal({
        command: [program, "--version", ...flags],
        env: { XDG_CACHE_HOME: `${cache}/cache` },
      });

      assertEquals(await terminal.ended(), 0);
      assertEquals(terminal.raw.includes("Unpacking p2pchat, this once ...\r\n"), isTold);
      assertMatch(terminal.screen.lines[0]!, /^p2pchat \d+\.\d+\.\d+$/);
    },
  });
}
