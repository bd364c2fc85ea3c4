/** Word codes and QR codes as a person at a terminal sees them, and what of them stays in the profile: nothing. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Node, PROGRAM } from "./node.ts";
import { freePort } from "./ports.ts";
import { hasScript, openTerminal } from "./pty.ts";
import { found } from "./texts_on_disk.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

Deno.test({
  name:
    "words are shown with the command for others, the guest is shown as verified, and none of it is kept",
  ignore: !hasScript(),
  fn: async () => {
    const home = await Deno.makeTempDir({ prefix: "p2pchat-pty-" });
    const port = String(freePort());
    try {
      await using ann = await openTerminal({
        command: [PROGRAM, "mesh", "Ann", "--private", "--host", "127.0.0.1", "--port", port],
        env: { P2PCHAT_HOME: home },
        rows: 60,
      });
      await ann.untilCursorLine("Ann> |");
      await ann.press("/invite --words Bob\r");
      const shown = /Say this to one person: (\S+)\n/;
      await ann.until("the words", ({ text }) => shown.test(text));
      const words = shown.exec(ann.screen.text)![1]!;
      await ann.until(
        "the command for others",
        ({ text }) => text.includes(`p2pchat mesh Bob --words ${words} 127.0.0.1 ${port}`),
      );
      assertMatch(ann.screen.text, /Valid once, until \d\d:\d\d\. Others join with:/);
      await using bob = Node.start(
        ["mesh", "Bob", "--words", words, "127.0.0.1", port, "--host", "127.0.0.1", "--port", "0"],
      );
      await bob.until(({ event }) => event === "ready");
      await ann.until("who came", ({ text }) => text.includes("Bob joined"));
      await ann.press("/peers\r");
      await ann.until("that Bob is verified", ({ text }) => /Bob .*verified/.test(text));
      await ann.press("/join --words 7-cross-clock\r");
      await ann.until("an answer", ({ text }) => text.includes("Nobody announces that code"));
      await ann.press("/join --words 7-cross-clockwork\r");
      await ann.until(
        "how to spell it",
        ({ text }) => text.includes("how the second word"),
      );
      await ann.press("/invite --qr\r");
      await ann.until("the invite", ({ text }) => text.includes("paste this when they are asked"));
      const { invite } = await bob.ask("invite");
      const isCode = (line: string) => /^[\u2580\u2584\u2588 ]{30,}$/.test(line);
      const rows = ann.screen.lines.filter(isCode);
      assert(rows.length >= 18 && rows.every((row) => row.length <= 80), ann.screen.text);

      await ann.press("said and kept\r");
      await bob.until(({ event, text }) => event === "message" && text === "said and kept");
      await ann.press(":q\r");
      assertEquals(await ann.ended(), 0);
      const typed = await Deno.readTextFile(`${home}/users/Ann/typed`);
      assert(typed.includes("said and kept") && !typed.includes("--words"), typed);
      assertEquals(found(home, words, "7-cross-clock", invite), []);
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },
});

Deno.test({
  name:
    "who comes by words under a name that is taken is asked for another one, and needs no other code",
  ignore: !hasScript(),
  fn: async () => {
    await using temporary = new TemporaryFolder({ prefix: "p2pchat-pty-" });
    const home = temporary.path;
    const listen = ["--host", "127.0.0.1", "--port", "0"];
    await using ann = Node.start(["mesh", "Ann", "--private", ...listen], {});
    await ann.until(({ event }) => event === "ready");
    await ann.type("/invite --words bob");
    const { words } = await ann.until(({ event }) => event === "words");
    const address = ["127.0.0.1", String(ann.port)];
    const mesh = [PROGRAM, "mesh", "ann"];
    await using bob = await openTerminal({
      command: [...mesh, "--words", words, ...address, ...listen],
      env: { P2PCHAT_HOME: home },
    });
    await bob.untilCursorLine("Another name: |");
    await bob.press("two words\r");
    await bob.until("what is wrong", ({ text }) => text.includes("can't be your name"));
    await bob.press("Ann\r");
    await bob.until("that this one is taken, too", ({ text }) => /Ann is the name of/.test(text));
    await bob.untilCursorLine("Another name: |");
    await bob.press("Bob\r");
    const came = await ann.until(({ event, name }) => event === "joined" && name === "Bob");
    assertEquals(came.verified, true);
    await bob.untilCursorLine("Bob> |");
    const again = "p2pchat mesh ann comes back into this room, as ann if nobody has that name";
    await bob.until("how to come back", ({ text }) => text.replaceAll(/\s+/g, " ").includes(again));
    await bob.press("in at last\r");
    await ann.until(({ event, text }) => event === "message" && text === "in at last");
    await bob.press(":q\r");
    assertEquals(await bob.ended(), 0);

    await using back = await openTerminal({
      command: [...mesh, ...listen],
      env: { P2PCHAT_HOME: home },
    });
    await back.untilCursorLine("Another name: |");
    await back.press("\x03");
    assertEquals(await back.ended(), 4);
    assertMatch(back.screen.text, /Cannot come in as ann: /);
  },
});

Deno.test({
  name: "in a window with a room, too, who joins another by words is asked for a name that is free",
  ignore: !hasScript(),
  fn: async () => {
    await using temporary = new TemporaryFolder({ prefix: "p2pchat-pty-" });
    const home = temporary.path;
    const listen = ["--host", "127.0.0.1", "--port", "0"];
    await using ann = Node.start(["mesh", "Ann", "--private", ...listen], {});
    await ann.until(({ event }) => event === "ready");
    await using bob = await openTerminal({
      command: [PROGRAM, "mesh", "ann", ...listen],
      env: { P2PCHAT_HOME: home },
      rows: 60,
    });
    await bob.untilCursorLine("ann> |");
    for (const [answer, prompt] of [["\x03", "ann> |"], ["Bob\r", "Bob #2> |"]] as const) {
      ann.forget();
      await ann.type("/invite --words");
      const { words } = await ann.until(({ event }) => event === "words");
      await bob.press(`/join --words ${words} 127.0.0.1 ${ann.port}\r`);
      await bob.untilCursorLine("Another name: |");
      await bob.press(answer);
      await bob.untilCursorLine(prompt);
    }
    await ann.until(({ event, name }) => event === "joined" && name === "Bob");
    await bob.press("in the other room\r");
    await ann.until(({ event, text }) => event === "message" && text === "in the other room");
    await bob.press("/room 1\r");
    await bob.untilCursorLine("ann #1> |");
  },
});

Deno.test({
  name: "who used a code that was for nobody is asked about at the prompt, and verified by y",
  ignore: !hasScript(),
  fn: async () => {
    const port = String(freePort());
    const data = ["--data", Deno.makeTempDirSync({ prefix: "p2pchat-words-" })];
    const command = [PROGRAM, "mesh", "Ann", "--host", "127.0.0.1", "--port", port, ...data];
    await using ann = await openTerminal({ command });
    await ann.untilCursorLine("Ann> |");
    await ann.press("/invite --words\r");
    const code = / (\d+)(-\S+-\S+)\n/;
    await ann.until("the words", ({ text }) => code.test(text));
    const [, number, words] = code.exec(ann.screen.text)!;
    const bob = ["mesh", "Bob", "--words", number + words!, "127.0.0.1", port, "--port", "0"];
    await using _ = Node.start(bob);
    await ann.untilCursorLine(`Ann (code ${number}: y/n)> |`);
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // to read it: `READING_MS_MIN`
    await ann.press("y\r");
    await ann.until("that he is", ({ text }) => text.includes("Bob is verified: with this key"));
    await ann.untilCursorLine("Ann> |");
  },
});
