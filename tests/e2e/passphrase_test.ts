/** A key under a passphrase, as its user sets, gives, changes and removes it. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { failureOf, inTemporaryFolder, jsonFailureOf, outputOf } from "./failures.ts";
import { delivery, FriendsGroup, shows } from "./friends_group.ts";
import { Node, PROGRAM } from "./node.ts";
import { hasScript, openTerminal } from "./pty.ts";
import { slow } from "../given.ts";

const FIRST = "correct horse battery";
const SECOND = "a second one";
const ANSWER = "p2pchat users key alice 192.168.1.4 5001".split(" ").slice(1);

/** Files with passphrases, and runs of the program, with a data folder in which alice has a key. */
async function withAlice(
  test: (alice: {
    readonly data: string;
    readonly identity: () => string;
    readonly file: (passphrase: string) => string;
    readonly set: (...flags: readonly string[]) => ReturnType<typeof outputOf>;
    readonly key: (...flags: readonly string[]) => ReturnType<typeof outputOf>;
  }) => Promise<void>,
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const data = `${folder}/data`;
    const key = (...flags: readonly string[]) => outputOf([...ANSWER, "--data", data, ...flags]);
    await key();
    let count = 0;
    await test({
      data,
      key,
      identity: () => Deno.readTextFileSync(`${data}/users/alice/identity`),
      file(passphrase) {
        const path = `${folder}/passphrase-${++count}`;
        Deno.writeTextFileSync(path, passphrase === "" ? "" : `${passphrase}\n`, { mode: 0o600 });
        return path;
      },
      set: (...flags) => outputOf(["passphrase", "alice", "--data", data, ...flags]),
    });
  });
}

slow.test("passphrase: a key is encrypted, opened and given another one", async () => {
  await withAlice(async ({ data, identity, file, set, key }) => {
    const row = (await key()).stdout;
    const plain = identity();
    const seed = /\tseed\t([0-9a-f]{64})/.exec(plain)![1]!;
    const [first, second] = [file(FIRST), file(SECOND)];

    const made = await set("--new-password-file", first);
    assertEquals([made.status, made.stderr], [0, ""]);
    assertMatch(made.stdout, /^alice's key is encrypted with the passphrase: each start asks/);
    assertMatch(made.stdout, /Not encrypted: everything else in .*\/users\/alice, such as logs/);
    assertEquals(identity().includes(seed), false);
    assertEquals(Deno.statSync(`${data}/users/alice/identity`).mode! & 0o777, 0o600);
    assertEquals([...Deno.readDirSync(`${data}/users/alice`)].map(({ name }) => name).sort(), [
      "identity",
      "profile.lock",
    ]);
    assertEquals((await key("--passphrase-file", first)).stdout, row);

    const changed = await set("--passphrase-file", first, "--new-password-file", second, "--json");
    const events = changed.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(events.map(({ event, state }) => [event, state]), [
      ["passphrase", "changed"],
      ["bye", undefined],
    ]);
    const old = await jsonFailureOf([...ANSWER, "--passphrase-file", first], data);
    assertEquals([old.code, old.status], ["bad-credentials", 4]);
    assertEquals((await key("--passphrase-file", second)).stdout, row);
  });
});

slow.test("passphrase: what can't be done says why, and leaves the key as it was", async () => {
  await withAlice(async ({ data, identity, file, set }) => {
    const fails = (...words: readonly string[]) => jsonFailureOf(words, data);
    const plain = identity();
    const weak = await fails("passphrase", "alice", "--new-password-file", file("short"));
    const nobody = await fails("passphrase", "bob", "--new-password-file", file(FIRST));
    const lines = await fails("passphrase", "alice", "--new-password-file", file("two\nlines"));
    const unasked = await failureOf(["passphrase", "alice"], data, true);
    assertEquals(identity(), plain);
    const profiles = [...Deno.readDirSync(`${data}/users`)].filter((entry) => entry.isDirectory);
    assertEquals(profiles.map(({ name }) => name), ["alice"]);
    await set("--new-password-file", file(FIRST));
    const sealed = identity();
    const empty = await fails(
      ...["passphrase", "alice", "--passphrase-file", file(FIRST)],
      ...["--new-password-file", file("")],
    );
    const start = await failureOf(ANSWER, data, true);
    const wrong = await failureOf([...ANSWER, "--passphrase-file", file("wrong one")], data, true);
    const room = await fails("mesh", "alice", "--host", "127.0.0.1", "--port", "0");
    assertEquals(identity(), sealed);

    assertEquals(
      [weak, nobody, lines, unasked, empty, start, wrong, room].map((
        { code, status },
      ) => [code, status]),
      [
        ["weak-password", 4],
        ["unknown-user", 2],
        ["bad-file", 5],
        ["usage", 2],
        ["weak-password", 4],
        ["usage", 2],
        ["bad-credentials", 4],
        ["usage", 2],
      ],
    );
    assertMatch(weak.text, /^The passphrase is too short: at least 8 characters/);
    assertMatch(empty.text, /^There is no passphrase in .*; a typed empty one takes it away$/);
    assertMatch(
      start.text,
      /^alice's key is under a passphrase, and there is nobody to ask .* --passphrase-file FILE$/,
    );
    assertEquals(wrong.text, "That isn't the passphrase of alice's key");
  });
});

Deno.test("passphrase: before it asks, a plain key left by a kill is gone, and who could read it is told", async () => {
  await withAlice(async ({ data, identity, file, set }) => {
    const path = `${data}/users/alice/identity`;
    const plain = identity();
    await set("--new-password-file", file(FIRST));
    Deno.writeTextFileSync(`${path}.new`, plain, { mode: 0o600 });
    Deno.chmodSync(path, 0o644);

    const { status, stderr } = await set(
      "--passphrase-file",
      file("another"),
      "--new-password-file",
      file(SECOND),
    );

    assertEquals(status, 4);
    assertMatch(stderr, /identity was open to others \(mode 0644\), now it is yours alone/);
    assertEquals([...Deno.readDirSync(`${data}/users/alice`)].map(({ name }) => name).sort(), [
      "identity",
      "profile.lock",
    ]);
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
  });
});

Deno.test("passphrase: a program with one is who it was, and its friends notice nothing", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const bob = await group.start("bob");
  const alice = await group.start("alice");
  await alice.tell("bob", "before");
  await bob.until(shows("before"));
  await alice.ask("exit");
  await alice.ended();
  const file = `${group.folder}/passphrase`;
  Deno.writeTextFileSync(file, `${FIRST}\n`, { mode: 0o600 });
  const words = ["passphrase", "alice", "--new-password-file", file];
  assertEquals((await outputOf([...words, "--data", group.data("alice")])).status, 0);

  const again = await group.start("alice", "--passphrase-file", file);
  await again.tell("bob", "after");
  await again.until(delivery("delivered"));
  await bob.until(shows("after"));

  assertEquals(bob.texts(), ["before", "after"]);
  assertEquals(bob.events.filter(({ event }) => event === "error"), []);
});

const NEW = "New passphrase of alice (at least 8 characters; empty: none): |";

Deno.test({
  name: "passphrase: a terminal asks for it unseen, three times at most, then the chat begins",
  ignore: !hasScript(),
  fn: async () => {
    await withAlice(async ({ data, set }) => {
      Deno.writeTextFileSync(`${data}/users.txt`, "alice 127.0.0.1 25001\nbob 127.0.0.1 25002\n");
      const open = (words: string) =>
        openTerminal({
          command: ["sh", "-c", `exec "${PROGRAM}" ${words} --data "${data}"`],
          columns: 100,
        });
      await using setting = await open("passphrase alice");
      await setting.untilCursorLine(NEW);
      await setting.press("tiny\r");
      await setting.until("why not", ({ text }) => text.includes("at least 8 characters"));
      await setting.untilCursorLine(NEW);
      await setting.press(`${FIRST}\r`);
      await setting.untilCursorLine("Repeat it: |");
      await setting.press(`${FIRST}\r`);
      assertEquals(await setting.ended(), 0);
      assertEquals(
        setting.screen.lines.filter((line) => /each start|nobody can/.test(line)),
        [
          "alice's key is encrypted with the passphrase: each start asks for it, or takes it from",
          "  --passphrase-file FILE, and nobody can be alice without it.",
        ],
      );

      const start = `peer alice --users "${data}/users.txt" --host 127.0.0.1 --port 0`;
      await using chat = await open(start);
      await chat.untilCursorLine("Passphrase of alice: |");
      await chat.press("not this one\r");
      await chat.until("that it is wrong", ({ text }) => text.includes("key; try again"));
      await chat.untilCursorLine("Passphrase of alice: |");
      await chat.press(`${FIRST}\r`);
      await chat.untilCursorLine("alice -> bob> |");
      await chat.press("/exit\r");
      assertEquals(await chat.ended(), 0);
      assertEquals(chat.screen.unexpected, []);

      await using wrong = await open(start);
      for (let attempt = 1; attempt <= 3; attempt++) {
        await wrong.untilCursorLine("Passphrase of alice: |");
        await wrong.press(`wrong ${attempt}\r`);
        if (attempt === 3) break;
        await wrong.until("the next question", ({ lines }) => {
          const asked = lines.filter((line) => line.startsWith("Passphrase of alice:"));
          return asked.length === attempt + 1;
        });
      }
      assertEquals(await wrong.ended(), 4);
      assertStringIncludes(wrong.screen.text, "error: That isn't the passphrase of alice's key");
      for (const terminal of [setting, chat, wrong]) {
        for (const secret of [FIRST, "tiny", "not this one", "wrong 1"]) {
          assertEquals(terminal.raw.includes(secret), false, "it is never shown");
        }
      }
      assertEquals((await set()).status, 2, "without a terminal nobody is asked");

      await using freeing = await open("passphrase alice");
      await freeing.untilCursorLine("Passphrase of alice: |");
      await freeing.press(`${FIRST}\r`);
      await freeing.untilCursorLine(NEW);
      await freeing.press("\r");
      assertEquals(await freeing.ended(), 0);
      assertMatch(freeing.screen.text, /alice's key isn't encrypted any more/);
    });
  },
});

Deno.test({
  name: "passphrase: typed again while it is checked, it is neither shown, nor said, nor kept",
  ignore: !hasScript(),
  fn: async () => {
    await withAlice(async ({ data, file, set }) => {
      await set("--new-password-file", file(FIRST));
      await using bob = await Node.ready("bob", null);
      const room = `mesh alice 127.0.0.1 ${bob.port} --host 127.0.0.1 --port 0 --data "${data}"`;
      for (const term of ["xterm", "dumb"]) {
        await using alice = await openTerminal({
          command: ["sh", "-c", `TERM=${term} exec "${PROGRAM}" ${room}`],
          columns: 120,
        });
        await alice.untilCursorLine("Passphrase of alice: |");
        await alice.press(`${FIRST}\r${FIRST}\r`);
        await alice.until("the check", ({ text }) => text.includes("Checking the passphrase ..."));
        await alice.press(`${FIRST}\r`);
        await alice.until(
          "what was dropped",
          ({ text }) => /2 lines that you typed before .* may be passwords/.test(text),
        );
        await alice.press(`hello from ${term}\r`);
        await bob.until(({ event, text }) => event === "message" && text === `hello from ${term}`);
        await alice.press("/exit\r");
        assertEquals(await alice.ended(), 0);
        assertEquals(alice.raw.includes(FIRST), false, "it is never shown");
      }
      assertEquals(bob.texts("alice"), ["hello from xterm", "hello from dumb"]);
      const kept = Deno.readTextFileSync(`${data}/users/alice/typed`);
      assertEquals([kept.includes(FIRST), kept.includes("hello from xterm")], [false, true]);
    });
  },
});

Deno.test({
  name: "passphrase: Ctrl+C leaves a start after it, too, and the terminal is given back",
  ignore: !hasScript(),
  fn: async () => {
    await withAlice(async ({ data, file, set }) => {
      await set("--new-password-file", file(FIRST));
      const room = `mesh alice --host 127.0.0.1 --port 0 --data "${data}"`;
      await using alice = await openTerminal({
        command: ["sh", "-c", `"${PROGRAM}" ${room}; echo "ended: $?"; stty -a`],
        columns: 120,
      });
      await alice.untilCursorLine("Passphrase of alice: |");
      await alice.press(`${FIRST}\r\x03`);
      await alice.until("the end", ({ text }) => /ended: \d+[^]* echo /.test(text));
      assertMatch(alice.screen.text, / icanon /);
    });
  },
});
