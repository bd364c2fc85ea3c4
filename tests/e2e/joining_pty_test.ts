/** What a person at a terminal can do while the member that was dialled to join a mesh hasn't answered yet. */

import { assertEquals } from "@std/assert";
import { Node, PROGRAM } from "./node.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";

/** Bob, at a terminal, joins through a port where nobody answers; `answer` makes Alice answer there. */
async function joining(run: (bob: Terminal, alice: Node, answer: () => void) => Promise<void>) {
  const home = await Deno.makeTempDir({ prefix: "p2pchat-pty-" });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using alice = await Node.ready("Alice", null);
  const { port } = listener.addr;
  const begun = listener.accept();
  /** Whether Alice answers. */
  const answering = Promise.withResolvers<boolean>();
  const passedOn = (async () => {
    using bob = await begun;
    if (!await answering.promise) return;
    const member = await Deno.connect({ hostname: "127.0.0.1", port: alice.port });
    await Promise.allSettled([
      bob.readable.pipeTo(member.writable),
      member.readable.pipeTo(bob.writable),
    ]);
  })();
  try {
    await using bob = await openTerminal({
      command: [PROGRAM, "mesh", "Bob", "127.0.0.1", String(port), "--host", "127.0.0.1"],
      env: { P2PCHAT_HOME: home },
    });
    await bob.untilCursorLine("Bob> |");
    await run(bob, alice, () => answering.resolve(true));
  } finally {
    answering.resolve(false);
    await alice[Symbol.asyncDispose]();
    await passedOn;
    listener.close();
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test({
  name: "lines written while joining takes long wait, and are said once the member is in",
  ignore: !hasScript(),
  fn: () =>
    joining(async (bob, alice, answer) => {
      await bob.press("hello\r");
      await bob.until(
        "why lines wait",
        ({ text }) => text.includes("Waiting: you aren't in the room yet."),
      );
      answer();

      const said = await alice.until(({ event }) => event === "message");
      assertEquals([said.from, said.text], ["Bob", "hello"]);
      await bob.press(":q\r");
      assertEquals(await bob.ended(), 0);
    }),
});

Deno.test({
  name: "a quit at the prompt ends joining at once",
  ignore: !hasScript(),
  fn: () =>
    joining(async (bob) => {
      await bob.press(":q\r");
      assertEquals(await bob.ended(), 0);
    }),
});
