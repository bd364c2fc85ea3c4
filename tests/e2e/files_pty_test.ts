/** Files at a terminal, as a person sends and fetches them. */

import { assert, assertEquals } from "@std/assert";
import { FilesFolder, isFetched, isOfTransfer, LARGE } from "./files_folder.ts";
import { Node, PROGRAM, untilRead } from "./node.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";

interface World {
  /** With a home folder outside of `/tmp`, which may be sent anyway. */
  readonly home: string;
  readonly folder: FilesFolder;
  /** A script in the same room that saves all that it is offered. */
  readonly bob: Node;
  readonly alice: Terminal;
}

/** @param there The folders in the home folder. */
function terminalTest(
  name: string,
  test: (world: World) => Promise<void>,
  there: readonly string[] = ["Downloads", "notes", ".keys"],
): void {
  Deno.test({
    name: `files at a terminal: ${name}`,
    ignore: !hasScript(),
    async fn() {
      const home = Deno.makeTempDirSync({ dir: "/var/tmp", prefix: "p2pchat-home-" });
      try {
        await using folder = new FilesFolder();
        const bob = await Node.ready("Bob", null, { args: ["--save", folder.saved("Bob")] });
        folder.nodes.push(bob);
        for (const name of there) Deno.mkdirSync(`${home}/${name}`);
        for (const name of there.includes("notes") ? ["own notes.txt", ".draft"] : []) {
          Deno.writeTextFileSync(`${home}/notes/${name}`, "own");
        }
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

terminalTest("a file that is dropped there is sent after y, and said by nobody", async (world) => {
  const { home, bob, alice, folder } = world;
  const drop = `\x1b[200~'${home}/notes/own notes.txt' \x1b[201~`;
  await alice.press(drop);
  await shows(alice, /^Alice> '.*own notes\.txt'$/m);
  await alice.press("\r");
  await shows(
    alice,
    /^\d\d:\d\d \? Send "own notes\.txt" \(3 B\) to the room\? y sends it, n doesn't$/m,
  );
  await untilRead();
  await alice.press("y\r");
  await bob.until(isOfTransfer("done"));
  await alice.press(`see ${drop}\r`);

  const { text } = await bob.until(({ event }) => event === "message");
  assertEquals(text, `see '${home}/notes/own notes.txt' `);
  assertEquals(Deno.readTextFileSync(`${folder.saved("Bob")}/own notes.txt`), "own");
});

async function offer({ bob, folder }: World, name: string, bytes: number): Promise<void> {
  await bob.type(`/send ${folder.file(name, bytes).path}`);
  await bob.until(({ event, name: offered }) => event === "offer" && offered === name);
}

terminalTest(
  "y and n answer the offer in the prompt, the first one, and aren't said",
  async (world) => {
    const { home, bob, alice } = world;
    await alice.press("y"); // begun before anything is offered
    for (const name of ["one.txt", "two.txt", "three.txt"]) {
      await offer(world, name, 1_000);
      const asks = `Bob offers ${name} \\(1.0 kB\\): y fetches it, n doesn't; later, /get \\d`;
      await shows(alice, new RegExp(`^\\d\\d:\\d\\d \\? ${asks}$`, "m"));
    }
    await alice.untilCursorLine("Alice (file 1: y/n; 2 more)> y|");
    await untilRead();
    await alice.press("\r");
    await shows(alice, /^error: Nothing was done: you were asked after you began that line;/m);
    await alice.press("n\r");
    await shows(alice, /^\d\d:\d\d \* Declined one\.txt; \/get 1 fetches it after all$/m);
    await untilRead(); // two.txt
    await alice.press("Y \r");
    await shows(alice, /^\d\d:\d\d \* two\.txt is here: .*\/Downloads\/two\.txt$/m);
    await alice.press("/get 3\r");
    await shows(alice, /three\.txt is here/);
    await alice.untilCursorLine("Alice> |");
    await alice.press("y\r");
    await alice.until("y as one's own", ({ text }) => /^\d\d:\d\d <Alice> y$/m.test(text));

    await bob.until(({ event, text }) => event === "message" && text === "y");
    const said = bob.events.filter(({ event, self }) => event === "message" && self !== true);
    assertEquals(said.map(({ text }) => text), ["y"]);
    const saved = [...Deno.readDirSync(`${home}/Downloads`)].map(({ name }) => name).sort();
    assertEquals(saved, ["three.txt", "two.txt"]);
  },
);

for (const there of [[], [".data"]]) {
  terminalTest(`a folder for what is received is made beside [${there}]`, async (world) => {
    await offer(world, "one.txt", 1_000);
    await shows(world.alice, /Bob offers one\.txt/);
    await world.alice.press("/get 1\r");
    await shows(world.alice, /one\.txt is here: .*\/\.data\/downloads\/one\.txt$/m);
  }, there);
}

terminalTest(
  "how far a file is stands in one line, which the last line replaces",
  async (world) => {
    const { home, bob, alice } = world;
    await offer(world, "large.iso", 5 * LARGE); // longer than the program waits before it says how far it is
    await shows(alice, /y fetches it/);
    const progress = ({ lines }: Terminal["screen"]) =>
      lines.filter((line) => /^Fetching large\.iso: \d+ % of 300\.0 MB/.test(line));
    let most = 0;
    const sees = (what: string, holds: (screen: Terminal["screen"]) => boolean) =>
      alice.until(what, (screen) => {
        most = Math.max(most, progress(screen).length);
        return holds(screen);
      });
    await untilRead();
    await alice.press("y\r");
    await sees("some progress", (screen) => / [1-9]\d? %/.test(progress(screen)[0] ?? ""));
    bob.signal("SIGSTOP");
    await alice.press("meanwhile");
    await sees("what is typed", ({ cursorLine }) => cursorLine === "Alice> meanwhile|");
    assertEquals(progress(alice.screen).length, 1);
    bob.signal("SIGCONT");
    await sees("that it is here", ({ text }) => text.includes("large.iso is here: "));
    const isAlone = (screen: Terminal["screen"]) =>
      progress(screen).length === 0 && screen.cursorLine === "Alice> meanwhile|";
    await sees("the prompt alone", isAlone);

    assertEquals(most, 1);
    const about = alice.screen.lines.filter((line) => line.includes("large.iso"));
    assertEquals(about.map((line) => line.replace(/^\d\d:\d\d /, "").replace(home, "~")), [
      "? Bob offers large.iso (300.0 MB): y fetches it, n doesn't; later, /get 1",
      "* Fetching large.iso (300.0 MB) from Bob",
      "* large.iso is here: ~/Downloads/large.iso",
    ]);
    assert(alice.raw.split("Fetching large.iso: ").length > 2, "it was rewritten");
  },
);

terminalTest("who leaves is told once who is still fetching a file from there", async (world) => {
  const { bob, alice, folder } = world;
  await alice.press(`/send ${folder.file("large.iso", LARGE).path}\r`);
  await isFetched(folder.saved("Bob"), 0.1 * LARGE);
  bob.signal("SIGSTOP");
  await alice.press(":q\r");
  await shows(
    alice,
    /^\d\d:\d\d \* Bob is still fetching large\.iso \(\d\d? %\): :q again to leave$/m,
  );
  await alice.untilCursorLine("Alice> |");
  await alice.press("/quit\r");
  assertEquals(await alice.ended(), 0);
});
