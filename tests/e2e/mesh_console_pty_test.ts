/** Several rooms in one console at a terminal: the prompt, marks, keys, and what wants attention. */

import { assert, assertEquals } from "@std/assert";
import { Node, PROGRAM, type ShownEvent } from "./node.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const text = (wanted: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === wanted;

/** Alice, at a terminal, in Bob's room. */
async function withAlice(run: (alice: Terminal, bob: Node, carol: Node) => Promise<void>) {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-pty-" });
  const data = temporary.path;
  await using bob = await Node.ready("Bob", null);
  await using carol = await Node.ready("Carol", null);
  await using terminal = await openTerminal({
    command: [
      PROGRAM,
      ..."mesh Alice 127.0.0.1".split(" "),
      String(bob.port),
      ..."--title Home --host 127.0.0.1 --port 0".split(" "),
    ],
    env: { P2PCHAT_HOME: data },
    columns: 100,
  });
  await terminal.untilCursorLine("Alice> |");
  await terminal.until("Bob", ({ text }) => /Bob (?:is here|joined)/.test(text));
  await run(terminal, bob, carol);
}

const shows = (terminal: Terminal, part: string) =>
  terminal.until(part, (screen) => screen.text.includes(part));

Deno.test({
  name: "console: the prompt says which room one is in, Alt and a digit goes to another one",
  ignore: !hasScript(),
  fn: () =>
    withAlice(async (alice, bob, carol) => {
      const { screen } = alice;
      await alice.press(`/join 127.0.0.1 ${carol.port} --title The club\r`);
      await alice.untilCursorLine("Alice #The club> |");
      await alice.press("hello, club\r");
      await carol.until(text("hello, club"));
      await bob.say("are you there?");
      await shows(alice, "#Home <Bob> are you there?");
      await alice.press("half a li\x1b1at home");
      await alice.untilCursorLine("Alice #Home> at home|");
      await shows(alice, "You are in #Home, room 1 now; 1 message came meanwhile");
      await alice.press("\r");
      await bob.until(text("at home"));
      await carol.say("news");
      await shows(alice, "#The club <Carol> news");
      await alice.press("\x1ba");
      await alice.untilCursorLine("Alice #The club> half a li|");
      await alice.press("\x1b1");
      await alice.untilCursorLine("Alice #Home> |");
      await alice.press("\x1b[O");
      await bob.say("unseen here");
      await carol.say("and there, Alice");
      await alice.until("a title", ({ title }) => title === "(2) Alice #Home - p2pchat");
      await alice.until("a bell", ({ bells }) => bells > 0);
      assert(screen.text.includes("#The club <Carol> and there, Alice"));
      await alice.press("\x1b[I\x1b7");
      await alice.press("/part\r");
      await alice.untilCursorLine("Alice #The club> half a li|");
      await shows(alice, "You left #Home");
      await alice.press("ne\r");
      await carol.until(text("half a line"));
      await alice.untilCursorLine("Alice #The club> |");
      await alice.press(":q\r");
      assertEquals(await alice.ended(), 0);
      assertEquals([[...screen.modes], screen.unexpected], [[], []]);
    }),
});

Deno.test({
  name: "console: Ctrl+C withdraws a join that takes long, and what was typed for it isn't said",
  ignore: !hasScript(),
  fn: () =>
    withAlice(async (alice, bob) => {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const silent = listener.accept();
      try {
        await alice.press(`/join 127.0.0.1 ${listener.addr.port}\r`);
        await silent;
        await alice.press("for the others alone\r");
        await shows(alice, "Waiting: joining the other room.");
        await alice.press("\x03");
        await shows(alice, "1 line that you wrote wasn't sent");
        await shows(alice, "You haven't joined it");
        await alice.untilCursorLine("Alice> |");
        await alice.press("hello, Bob\r");
        await bob.until(text("hello, Bob"));
        assertEquals(bob.events.filter(text("for the others alone")), []);
        await alice.press("\x03");
        assertEquals(await alice.ended(), 0);
      } finally {
        (await silent).close();
        listener.close();
      }
    }),
});

Deno.test({
  name:
    "console: what one was typing in a room from which one is removed isn't said in another one",
  ignore: !hasScript(),
  fn: () =>
    withAlice(async (alice, bob, carol) => {
      await alice.press(`/join 127.0.0.1 ${carol.port} --title Club\r`);
      await alice.untilCursorLine("Alice #Club> |");
      await alice.press("for Carol alo");
      await alice.untilCursorLine("Alice #Club> for Carol alo|");
      await carol.command({ command: "remove", name: "Alice" });
      await shows(alice, "What you were typing for #Club was set aside; Ctrl+Y brings it back");
      await alice.untilCursorLine("Alice #Home> |");
      await alice.press("ne\r\x19");
      await alice.untilCursorLine("Alice #Home> for Carol alone|");
      await alice.press("\x15hello, Bob\r");
      await bob.until(text("hello, Bob"));
      assertEquals(bob.events.filter(({ event, self }) => event === "message" && !self).length, 1);
      await alice.press(":q\r");
      assertEquals(await alice.ended(), 0);
    }),
});
