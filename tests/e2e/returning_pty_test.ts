/** Who comes back to a room at a terminal sees the last messages again, private ones among them. */

import { assert, assertEquals } from "@std/assert";
import { Node, PROGRAM, type ShownEvent } from "./node.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";

const text = (wanted: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === wanted;

const shows = (terminal: Terminal, part: string) =>
  terminal.until(part, (screen) => screen.text.includes(part));

function aliceAt(data: string, ...words: readonly string[]): Promise<Terminal> {
  return openTerminal({
    command: [PROGRAM, "mesh", "Alice", ...words, "--host", "127.0.0.1", "--port", "0"],
    env: { P2PCHAT_HOME: data, NO_COLOR: "1" },
    columns: 100,
    rows: 60,
  });
}

Deno.test({
  name:
    "mesh: who comes back sees the last 20 lines again, private ones too, in the order of their times",
  ignore: !hasScript(),
  fn: async () => {
    const data = await Deno.makeTempDir({ prefix: "p2pchat-pty-" });
    await using bob = await Node.ready("Bob", null);
    try {
      {
        await using alice = await aliceAt(data, "127.0.0.1", String(bob.port));
        await alice.untilCursorLine("Alice> |");
        await bob.until(({ event, name }) => event === "joined" && name === "Alice");
        for (let n = 1; n <= 19; n++) {
          await bob.say(`line ${n}.`);
          await shows(alice, `line ${n}.`);
        }
        await bob.tell("Alice", "for you alone");
        await shows(alice, "[Bob -> you] for you alone");
        await alice.press("/msg Bob for Bob alone\r");
        await bob.until(text("for Bob alone"));
        await bob.say("the last one");
        await shows(alice, "the last one");
        await alice.press(":q\r");
        assertEquals(await alice.ended(), 0);
      }
      await using alice = await aliceAt(data);
      await shows(alice, "-- missed since ");
      const rows = alice.screen.text.split("\n").map((row) => row.replace(/^\d\d:\d\d /, ""));
      const from = rows.indexOf("<Bob> line 3.");
      const to = rows.findIndex((row) => row.startsWith("-- missed since "));
      assert(from > 0 && to > from, alice.screen.text);
      const isHere = (row: string) => row.startsWith("* Bob is here");
      await shows(alice, "* Bob is here");
      assertEquals(
        rows.slice(0, from).filter(isHere),
        [],
        "who is here stands below what was said",
      );
      assertEquals(rows.slice(from, to), [
        ...Array.from({ length: 17 }, (_, at) => `<Bob> line ${at + 3}.`),
        "[Bob -> you] for you alone",
        "[you -> Bob] for Bob alone",
        "<Bob> the last one",
      ]);
      await alice.untilCursorLine("Alice> |");
      await bob.say("news");
      await shows(alice, "<Bob> news");
      assertEquals(alice.screen.text.match(/for you alone/g)?.length, 1, "shown once");
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  },
});
