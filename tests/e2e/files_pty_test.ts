/** Files at a terminal, as a person sends and fetches them. */

import { assertEquals } from "@std/assert";
import { FilesFolder, isOfTransfer } from "./files_folder.ts";
import { Node, PROGRAM } from "./node.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";

interface World {
  /** With a home folder outside of `/tmp`, which may be sent anyway. */
  readonly home: string;
  readonly folder: FilesFolder;
  /** A script in the same room that saves all that it is offered. */
  readonly bob: Node;
  readonly alice: Terminal;
}

function terminalTest(name: string, test: (world: World) => Promise<void>): void {
  Deno.test({
    name: `files at a terminal: ${name}`,
    ignore: !hasScript(),
    async fn() {
      const home = Deno.makeTempDirSync({ dir: "/var/tmp", prefix: "p2pchat-home-" });
      try {
        await using folder = new FilesFolder();
        const bob = await Node.ready("Bob", null, { args: ["--save", folder.saved("Bob")] });
        folder.nodes.push(bob);
        for (const name of ["Downloads", "notes", ".keys"]) Deno.mkdirSync(`${home}/${name}`);
        Deno.writeTextFileSync(`${home}/notes/own notes.txt`, "own");
        Deno.writeTextFileSync(`${home}/notes/.draft`, "draft");
        const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`;
        const room = ["mesh", "Alice", "127.0.0.1", String(bob.port), "--host", "127.0.0.1"];
        await using alice = await openTerminal({
          command: [PROGRAM, ...room, "--no-color"],
          env: { HOME: home, XDG_CACHE_HOME: cache, P2PCHAT_HOME: `${home}/.data` },
          columns: 120,
        });
        await shows(alice, /Bob (?:is here|joined)/);
        await test({ home, folder, bob, alice });
        assertEquals(alice.screen.unexpected, []);
      } finally {
        Deno.removeSync(home, { recursive: true });
      }
    },
  });
}

async function shows(terminal: Terminal, what: RegExp): Promise<void> {
  await terminal.until(String(what), ({ text }) => what.test(text));
}

terminalTest("Tab completes what may be sent, as it is read", async ({ bob, alice, folder }) => {
  await alice.press("/send ~/\t");
  await shows(alice, /^Downloads\/ {2}notes\/$/m);
  await alice.untilCursorLine("Alice> /send ~/|");
  await alice.press("no\t");
  await alice.untilCursorLine("Alice> /send ~/notes/|");
  await alice.press("\t");
  await alice.untilCursorLine("Alice> /send ~/notes/own\\ notes.txt|");
  await alice.press("\r");
  await bob.until(isOfTransfer("done"));
  assertEquals(Deno.readTextFileSync(`${folder.saved("Bob")}/own notes.txt`), "own");

  await alice.press("/send Bob '~/notes/o\t");
  await alice.untilCursorLine("Alice> /send Bob '~/notes/own notes.txt'|");
  await alice.press("\x03/send B\t");
  await alice.untilCursorLine("Alice> /send Bob |");
  await alice.press("~/notes/.\t");
  await alice.untilCursorLine("Alice> /send Bob ~/notes/.draft|");
  await alice.press("\r");
  await alice.untilCursorLine("Alice> |");
});
