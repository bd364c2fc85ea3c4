/**
 * Every error that a user, a file or the network can cause in a mesh: its code, its exit status, and one sentence
 * that says what failed and what to do, on stderr or, with `--json`, as the last event.
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { failureOf, inTemporaryFolder, jsonFailureOf, outputOf } from "./failures.ts";
import { Node, Nodes, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";
import { TextProgram } from "./text_program.ts";
import { slow } from "../given.ts";

const shown = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;
const joined = (name: string) => (event: ShownEvent) =>
  event.event === "joined" && event.name === name;

const LISTEN = ["--host", "127.0.0.1", "--port", "0"];

let opened: Promise<readonly [Nodes, Node, Node]> | undefined;
// Its programs outlive each test.
Deno.test.sanitizer({ ops: false, resources: false });
Deno.test.afterAll(async () => await (await opened)?.[0].disposeAsync());

/** Alice and Bob in the room that tests share; visitors have names that nobody had before, and leave. */
async function shared(): Promise<readonly [Nodes, Node, Node]> {
  opened ??= (async () => {
    const nodes = new Nodes();
    const alice = await nodes.ready("Alice", null);
    const bob = await nodes.ready("Bob", alice);
    await alice.until(joined("Bob"));
    return [nodes, alice, bob];
  })();
  const [, ...members] = await opened;
  for (const node of members) node.forget();
  return opened;
}

/** A visitor of that room leaves, and its members have seen it. */
async function leaves(visitor: Node, ...members: readonly Node[]): Promise<void> {
  const { key } = await visitor.until(({ event }) => event === "ready");
  await visitor.type(":q");
  await visitor.ended();
  const isGone = (event: ShownEvent) => event.event === "left" && event.key === key;
  await Promise.all(members.map((node) => node.until(isGone)));
}

slow.test("errors on the way to a member: nobody there, no such host, another program, silence", async (test) => {
  await inTemporaryFolder(async (folder) => {
    const words = (host: string, port: number) => ["mesh", "Bob", host, String(port), ...LISTEN];
    const join = (host: string, port: number) =>
      jsonFailureOf(words(host, port), `${folder}/${port}`);

    await test.step("nobody listens there", async () => {
      const { code, status, text } = await failureOf(
        words("127.0.0.1", freePort()),
        `${folder}/both`,
      );
      assertEquals([code, status], ["unreachable", 3]);
      assertMatch(text, /127\.0\.0\.1:\d+: nobody listens there; check the address/);
    });
    await test.step("no such host", async () => {
      const { code, status, text } = await join("nobody.invalid", 55107);
      assertEquals([code, status], ["unreachable", 3]);
      assertMatch(
        text,
        /nobody\.invalid:55107: (no host of that name is known|unknown host); check the address/,
      );
    });
    const cases:
      readonly (readonly [string, string, number, RegExp, (conn: Deno.Conn) => unknown])[] = [
        [
          "another program answers",
          "protocol",
          3,
          /: what answers there isn't p2pchat; ask a member for the right address/,
          (conn) => conn.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")),
        ],
        [
          "it has a later version",
          "version",
          4,
          /another version .*\(protocol 9, ours is \d+\); .* update/,
          (conn) => conn.write(Uint8Array.of(2, 1, 9)),
        ],
        [
          "it is full",
          "full",
          4,
          /takes no more connections now; try again in a moment, or/,
          (conn) => conn.write(Uint8Array.of(2, 4, 1)),
        ],
        ["it says nothing", "timeout", 3, /10 s/, () => {}],
      ];
    // At once, for some of them take their 10 s.
    const failures = await Promise.all(cases.map(async ([, , , , answer]) => {
      await using other = new Impostor(answer);
      return { port: other.port, ...await join("127.0.0.1", other.port) };
    }));
    for (const [at, [name, code, status, pattern]] of cases.entries()) {
      await test.step(name, () => {
        const { port, ...failure } = failures[at]!;
        assertEquals([failure.code, failure.status], [code, status], failure.text);
        assertMatch(failure.text, new RegExp(`Cannot join through 127.0.0.1:${port}: .*; `));
        assertMatch(failure.text, pattern);
      });
    }
  });
});

Deno.test("errors at one's own end: the port, the address, the profile in use, the name, the key of the member", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null);

  const listen = (host: string, port: string) => ["mesh", "Bob", "--host", host, "--port", port];
  const port = await jsonFailureOf(listen("127.0.0.1", String(alice.port)), `${alice.data}/b`);
  const address = await jsonFailureOf(listen("192.0.2.77", "4711"), `${alice.data}/c`);
  const profile = await jsonFailureOf(["mesh", "ALICE", ...LISTEN], alice.data);

  assertEquals([port.code, port.status], ["port-in-use", 3]);
  assertMatch(port.text, new RegExp(`port ${alice.port}: another program has it; .*--port`));
  assertEquals([address.code, address.status], ["unreachable", 3]);
  assertMatch(
    address.text,
    /192\.0\.2\.77, port 4711: it is not an address of this machine; choose/,
  );
  assertEquals([profile.code, profile.status], ["in-use", 4]);
  const profiles = [...Deno.readDirSync(`${alice.data}/users`)].filter((one) => one.isDirectory);
  assertEquals(profiles.map(({ name }) => name), ["Alice"]);
  assertMatch(
    profile.text,
    new RegExp(`process ${alice.pid} is in it as you already; .* or open another`),
  );

  // A name that is taken is refused before anything is shown; where the member's key is named, nobody else is joined.
  const through = ["127.0.0.1", String(alice.port), ...LISTEN];
  const name = await jsonFailureOf(["mesh", "alice", ...through], `${alice.data}/d`);
  assertEquals([name.code, name.status], ["name-taken", 4]);
  assertMatch(name.text, /alice.*; .*(another|choose)/i);
  const { key } = alice.events.find(({ event }) => event === "ready")!;
  const other = "ijtghrlfdthizyo5oecdgsej2yv";
  const words = ["mesh", "Bob", ...through, "--key"];
  const changed = await jsonFailureOf([...words, other], `${alice.data}/e`);
  assertEquals([changed.code, changed.status], ["key-changed", 4]);
  assert([key, other].every((part) => changed.text.includes(part)), changed.text);
  const bob = nodes.add(Node.start([...words, key], { data: `${alice.data}/f` }));
  await bob.until(joined("Alice"));
  await alice.until(joined("Bob"));
  assertEquals(alice.events.filter(joined("Bob")).length, 1);

  await alice.kill();
  await nodes.ready("Alice", null, { data: alice.data });
});

Deno.test("errors of commands: each is told, with its ref, and the program goes on", async () => {
  const [, alice, bob] = await shared();
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['{"command":"histroy"}', "unknown-command", /histroy; did you mean \/?history\?/],
    ["/peres", "unknown-command", /\/peres; did you mean \/peers\?/],
    ["/xyzzy", "unknown-command", /\/xyzzy; \/help lists them/],
    ["/msg", "usage", /\/msg NAME TEXT, for example/],
    ["/msg Bob", "usage", /\/msg NAME TEXT, for example/],
    ["/history many", "unknown-user", /Nobody here is called many/],
    ["/name", "usage", /\/name NEW, for example/],
    ["/name no/slash", "bad-name", /letters, digits/],
    ["/name bob", "name-taken", /bob.*choose another/i],
    ["/msg Bbo hi", "unknown-user", /Bbo.*(did you mean Bob\?|\/peers)/],
    ["/trust Carol", "unknown-user", /Carol/],
    ["/verify Carol", "unknown-user", /Carol/],
    ["{broken", "usage", /JSON|object/],
    ['{"command":5}', "usage", /command/],
    ['{"command":"msg"}', "usage", /text/],
    ['{"command":"msg","text":["x"]}', "usage", /text/],
    ['{"command":"history","n":-1}', "usage", /0 to 10000/],
    [`{"command":"msg","text":"${"x".repeat(65_537)}"}`, "too-long", /65[ ,.]?537.*65[ ,.]?536/],
    ["x".repeat(65_537), "too-long", /65[ ,.]?537.*65[ ,.]?536/],
    ["x".repeat(3_000_000), "too-long", /3[ ,.]?000[ ,.]?000/],
    ["x".repeat(5_000_000), "too-long", /line.*5[ ,.]?000[ ,.]?000.*4[ ,.]?194[ ,.]?304/],
    [`{"command":"msg","text":"${"x".repeat(1_000_000)}"}`, "too-long", /1[ ,.]?000[ ,.]?000.*65/],
  ];

  const from = alice.events.length;
  for (const [line] of cases) await alice.type(line);
  const told = await alice.untilCount(
    ({ event }) => event === "error",
    cases.length,
    undefined,
    from,
  );
  await alice.command({ command: "history", n: "x", ref: "mine" });
  const withRef = await alice.until(({ event, ref }) => event === "error" && ref === "mine");
  await alice.say("x".repeat(65_536));
  await Promise.all([alice, bob].map((node) => node.until(shown("x".repeat(65_536)))));

  for (const [line, code, pattern] of cases) {
    const found = told.find((event) => event.code === code && pattern.test(event.text));
    assert(
      found !== undefined,
      `${line.slice(0, 60)}: ${code} ${pattern} among ${
        told.map((event) => `\n${event.code}: ${event.text}`).join("")
      }`,
    );
  }
  assertEquals(withRef.code, "usage");
  assertEquals(alice.texts(), ["x".repeat(65_536)]);
  assertEquals(bob.texts(), ["x".repeat(65_536)]);
});

Deno.test("the same identity from a second folder replaces the first process, which is told", async () => {
  const [nodes, alice, bob] = await shared();
  const kim = await nodes.ready("Kim", alice);
  await Promise.all([alice, bob].map((node) => node.until(joined("Kim"))));
  const copy = await Deno.makeTempDir({ prefix: "p2pchat-errors-" });
  nodes.defer(() => Deno.remove(copy, { recursive: true }));
  await Deno.mkdir(`${copy}/users/Kim`, { recursive: true });
  await Deno.copyFile(`${kim.data}/users/Kim/identity`, `${copy}/users/Kim/identity`);
  const from = { alice: alice.events.length, bob: bob.events.length };

  const again = await nodes.ready("Kim", bob, { data: copy });
  const ended = await kim.ended();
  await again.say("I am the later one");
  await alice.until(shown("I am the later one"));
  await bob.until(shown("I am the later one"));

  assertEquals([ended.code, ended.last?.event, ended.last?.code], [4, "fatal", "replaced"]);
  assertMatch(ended.last?.text, /; /);
  for (const [events, start] of [[alice.events, from.alice], [bob.events, from.bob]] as const) {
    assertEquals(
      events.slice(start).map(({ event, name, reason }) => [event, name, reason]),
      [["left", "Kim", "replaced"], ["joined", "Kim", undefined], [
        "message",
        undefined,
        undefined,
      ]],
    );
  }
  await leaves(again, alice, bob);
});

Deno.test("a stranger under a known name is told apart until he is trusted", async () => {
  const [nodes, alice, bob] = await shared();
  const leo = await nodes.ready("Leo", alice);
  await alice.until(joined("Leo"));
  await leo.say("I am Leo");
  await alice.until(shown("I am Leo"));
  await leaves(leo, alice, bob);
  const from = alice.events.length;

  const stranger = await nodes.ready("Leo", alice);
  const entry = await alice.until(({ event }) => event === "joined", undefined, from);
  await alice.command({ command: "msg", name: entry.name, text: "secret", ref: "m" });
  const refused = await alice.until(({ ref }) => ref === "m");
  await stranger.say("I am Leo, believe me");
  const said = await alice.until(shown("I am Leo, believe me"));
  const warning = alice.events.slice(from).find((event) =>
    /key/.test(event.text ?? "") && event !== refused
  );
  await alice.command({ command: "trust", name: entry.name });
  await alice.until(({ event, name }) => event === "renamed" && name === "Leo", undefined, from);
  await alice.command({ command: "msg", name: "Leo", text: "welcome back" });
  const got = await stranger.until(shown("welcome back"));

  assertMatch(entry.name, /^Leo~[a-z2-7]{4}$/);
  assertEquals([said.from, said.shown], ["Leo", entry.name]);
  assertEquals([refused.event, refused.code], ["error", "key-changed"]);
  assertStringIncludes(refused.text, `/trust ${entry.name}`);
  assert(warning !== undefined, "a warning is shown");
  assertEquals([warning.event, warning.warning], ["notice", true]);
  assertStringIncludes(warning.text, entry.key);
  assertStringIncludes(warning.text, `/trust ${entry.name}`);
  assertEquals(got.private, true);
  assert(!stranger.texts().includes("secret"));
  await leaves(stranger, alice, bob);
});

Deno.test("damaged files are refused with file and line, and what to do", async (test) => {
  const data = await Deno.makeTempDir({ prefix: "p2pchat-errors-" });
  try {
    await using nodes = new Nodes();
    const alice = await nodes.ready("Alice", null, { data });
    const bob = await nodes.ready("Bob", alice);
    for (let count = 0; count < 5; count++) await alice.say(`message ${count}`);
    await bob.until(shown("message 4"));
    await alice.type(":q");
    await alice.ended();
    const profile = `${data}/users/Alice`;
    const [room] = (await Array.fromAsync(Deno.readDir(`${profile}/mesh`)))
      .filter(({ isDirectory }) => isDirectory);
    const log = `${profile}/mesh/${room!.name}/log`;
    const changeLine = (line: number) => (content: string) => {
      const lines = content.split("\n");
      lines[line - 1] = lines[line - 1]!.replace(/.$/, (last) => last === "0" ? "1" : "0");
      return lines.join("\n");
    };
    const cases: readonly (readonly [string, string, string, RegExp, (old: string) => string])[] = [
      ["the identity", `${profile}/identity`, "store-corrupt", /line 2 /, changeLine(2)],
      ["the room's log", log, "store-corrupt", /line 4 /, changeLine(4)],
      ["known_peers", `${profile}/known_peers`, "store-corrupt", /line 1 /, changeLine(1)],
      ["which room was last", `${profile}/mesh/last`, "store-corrupt", /line 2 /, changeLine(2)],
    ];
    for (const [name, path, code, pattern, damage] of cases) {
      await test.step(name, async () => {
        const content = await Deno.readTextFile(path);
        await Deno.writeTextFile(path, damage(content));
        await using _restored = { [Symbol.asyncDispose]: () => Deno.writeTextFile(path, content) };

        const failure = await jsonFailureOf(["mesh", "Alice", ...LISTEN], data);

        assertEquals([failure.code, failure.status], [code, 5], failure.text);
        assertStringIncludes(failure.text, path);
        assertMatch(failure.text, pattern);
        assertMatch(failure.text, /; /);
      });
    }
    await test.step("a log that is missing, which stays so", async () => {
      await Deno.rename(log, `${log}.away`);
      const failure = await jsonFailureOf(["mesh", "Alice", ...LISTEN], data);
      assertEquals([failure.code, failure.status], ["store-corrupt", 5], failure.text);
      assertStringIncludes(failure.text, `${log} is missing; `);
      await assertRejects(() => Deno.stat(log), Deno.errors.NotFound);
      await Deno.rename(`${log}.away`, log);
    });
    await test.step("restored, all is well", async () => {
      const again = await nodes.ready("Alice", null, { data });
      assertEquals((await again.history()).length, 5);
      assertEquals(again.events.filter(({ text }) => text?.includes("key is new")), []);
      await again.type(":q");
      await again.ended();
    });
    await test.step("an identity that is missing: the key is new, which is told", async () => {
      await Deno.remove(`${profile}/identity`);
      const again = await nodes.ready("Alice", null, { data });
      const notice = await again.until(({ event, text }) =>
        event === "notice" && text.includes("key is new")
      );
      assertStringIncludes(notice.text, `${profile}/identity was missing`);
      assertStringIncludes(notice.text, (await again.until(({ event }) => event === "ready")).key);
    });
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("who has lost the identity is told before being refused as somebody else, or ending otherwise", async () => {
  const [nodes, alice] = await shared();
  const data = await Deno.makeTempDir({ prefix: "p2pchat-e2e-" });
  nodes.defer(() => Deno.remove(data, { recursive: true }));
  const mia = await nodes.ready("Mia", alice, { data });
  await alice.until(joined("Mia"));
  await mia.kill();
  const runWithout = async (...words: readonly string[]) => {
    await Deno.remove(`${data}/users/Mia/identity`);
    const { status, stdout, stderr } = await outputOf([...words, "--data", data]);
    const told = stdout.split("\n").filter((line) =>
      line.includes("/users/Mia/identity was missing")
    );
    return { status, stdout, stderr, told: told.length };
  };

  const words = ["mesh", "Mia", "127.0.0.1", String(alice.port), "--host", "127.0.0.1"];
  const refused = await runWithout(...words, "--port", "0");
  assertEquals([refused.status, refused.told, refused.stdout.split("\n").length], [4, 1, 2]);
  assertMatch(refused.stderr, /^error: Cannot come in as Mia: [^\n]*\n$/);
  const taken = await runWithout(...words, "--port", String(alice.port), "--json");
  const events = taken.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals([taken.status, taken.told, taken.stderr], [3, 1, ""]);
  assertEquals(events.map(({ event }) => event), ["notice", "fatal"]);
});

Deno.test("a folder that can't be written to is told with its path, and what to do", async (test) => {
  await inTemporaryFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    for (const data of ["/dev/null", `${folder}/file/x`]) {
      await test.step(data.replace(folder, "FOLDER"), async () => {
        const { code, status, text } = await jsonFailureOf(["mesh", "Alice", ...LISTEN], data);

        assertEquals([code, status], ["disk", 5], text);
        assertMatch(text, new RegExp(`^Cannot .*${data}.*; .*--data`));
      });
    }
    for (const save of ["/dev/null", "/proc", `${folder}/file/x`]) {
      await test.step(`--save ${save.replace(folder, "FOLDER")}`, async () => {
        const args = ["mesh", "Alice", ...LISTEN, "--save", save];
        const { code, status, text } = await jsonFailureOf(args, `${folder}/data`);

        assertEquals([code, status], ["disk", 5], text);
        assertMatch(text, new RegExp(`^Cannot save files in ${save}: .*; .*--save$`));
      });
    }
    await test.step("the log", async () => {
      const args = ["mesh", "Alice", ...LISTEN, "--log-file", `${folder}/none/log`];
      const { code, status, text } = await jsonFailureOf(args, `${folder}/data`);

      assertEquals([code, status], ["disk", 5], text);
      assertMatch(text, /none\/log: No such file or directory; .*--log-file/);
    });
    await test.step("the log, where something else is", async () => {
      const table = `${folder}/users.txt`;
      await Deno.writeTextFile(table, "alice localhost 5001\n");
      const args = ["mesh", "Alice", ...LISTEN, "--log-file", table];
      const { code, status, text } = await jsonFailureOf(args, `${folder}/data`);

      assertEquals([code, status], ["disk", 5], text);
      assertMatch(text, /users\.txt: it isn't a log; .*--log-file/);
      assertEquals(await Deno.readTextFile(table), "alice localhost 5001\n");
    });
    await test.step("the log, where a pipe is that nobody reads", async () => {
      const pipe = `${folder}/pipe`;
      assert((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
      const args = ["mesh", "Alice", ...LISTEN, "--log-file", pipe];
      const { code, status, text } = await jsonFailureOf(args, `${folder}/data`);

      assertEquals([code, status], ["disk", 5], text);
      assertMatch(text, /nobody reads that pipe; .*--log-file/);
    });
  });
});

Deno.test("a device in the place of a file that is named is refused, with what to name instead", async (test) => {
  await inTemporaryFolder(async (folder) => {
    const server = ["--server", "127.0.0.1:1"];
    const named: readonly [string, string, readonly string[]][] = [
      ["users", "the table", ["peer", "alice", ...LISTEN, "--users", "/dev/null"]],
      ["db", "another file with --db", [
        "peer",
        "alice",
        ...LISTEN,
        ...server,
        "--db",
        "/dev/zero",
      ]],
      ["irc", "another with --irc", ["mesh", "alice", ...LISTEN, "--irc", "/dev/x.sock"]],
    ];
    for (const [flag, advice, args] of named) {
      await test.step(`--${flag}`, async () => {
        const { code, text } = await jsonFailureOf([...args], `${folder}/${flag}`);

        assert(code === "bad-file" || code === "disk", `${code}: ${text}`);
        assert(text.includes(advice), text);
      });
    }
  });
});

Deno.test("text mode: what fails while chatting is one line on stderr each", async () => {
  await using program = TextProgram.mesh("Alice", null);
  await program.port();

  await program.type("/nope", "/msg Bob hi", "x".repeat(70_000), "/history x");
  await program.type(":q");
  const status = await program.ended();

  const lines = program.stderr.trimEnd().split("\n");
  assertEquals(status, 0);
  assertEquals(lines.length, 4);
  for (const line of lines) assertMatch(line, /^error: .{20,}/);
});

/** Listens in place of a member, and answers each connection in its own way. */
class Impostor implements AsyncDisposable {
  readonly port: number;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #accepting: Promise<void>;
  readonly #serving: Promise<void>[] = [];

  constructor(answer: (conn: Deno.Conn) => unknown) {
    this.port = this.#listener.addr.port;
    this.#accepting = this.#accept(answer);
  }

  async #accept(answer: (conn: Deno.Conn) => unknown): Promise<void> {
    for await (const conn of this.#listener) this.#serving.push(this.#serve(conn, answer));
  }

  async #serve(conn: Deno.Conn, answer: (conn: Deno.Conn) => unknown): Promise<void> {
    try {
      await answer(conn);
      while (await conn.read(new Uint8Array(1_024)) !== null);
      conn.close();
    } catch {
      // Closed by the answer, or reset by the other side.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    await Promise.all(this.#serving);
  }
}
