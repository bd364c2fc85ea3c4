/** Pipes without `--json`: what people read there, what a line means, and how the program ends. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Nodes, PROGRAM, type ShownEvent } from "./node.ts";
import { residentBytes } from "./proc.ts";
import { TextProgram } from "./text_program.ts";
import { slow } from "../given.ts";

const shown = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;
const joined = (name: string) => (event: ShownEvent) =>
  event.event === "joined" && event.name === name;
const left = (name: string) => (event: ShownEvent) => event.event === "left" && event.name === name;

const ANYONE = "(anyone who reaches it; --private for an invite)";

Deno.test("text mode: two people meet, talk and part, and read this", async () => {
  await using alice = TextProgram.mesh("Alice", null);
  const port = await alice.port();
  await using bob = TextProgram.mesh("Bob", port);
  const bobPort = await bob.port();
  await bob.until(/Alice is the founder/);
  await alice.until(/Bob joined/);

  await bob.type("hello");
  await alice.until(/hello/);
  await alice.type("are you coming?");
  await bob.until(/are you coming/);
  await bob.type(":q");
  const status = await bob.ended();
  await alice.until(/left/);

  assertEquals(alice.lines, [
    `>INFO: Alice at address 127.0.0.1 is listening at ${port}.`,
    `Others join with: p2pchat mesh NAME 127.0.0.1 ${port}   ${ANYONE}`,
    "* Bob joined (127.0.0.1)",
    "<Bob> hello",
    "<Alice> are you coming?",
    "* Bob left (quit)",
  ]);
  assertEquals(bob.lines, [
    `>INFO: Bob at address 127.0.0.1 is listening at ${bobPort}.`,
    `Others join with: p2pchat mesh NAME 127.0.0.1 ${bobPort}   ${ANYONE}`,
    "* Alice is here (127.0.0.1)",
    "* Alice is the founder of this room, and can remove members",
    "<Bob> hello",
    "<Alice> are you coming?",
  ]);
  assertEquals([alice.stderr, bob.stderr, status], ["", "", 0]);
});

Deno.test("text mode: what was dropped from a log's end is told after the first line", async () => {
  const data = await Deno.makeTempDir({ prefix: "p2pchat-e2e-" });
  {
    await using alice = TextProgram.mesh("Alice", null, ["--stay"], { data });
    await alice.port();
    await alice.type("hello");
    await alice.until(/<Alice> hello/);
    alice.signal("SIGKILL");
    await alice.ended();
  }
  const rooms = `${data}/users/Alice/mesh`;
  const [room] = [...Deno.readDirSync(rooms)].filter(({ isDirectory }) => isDirectory);
  const log = `${rooms}/${room!.name}/log`;
  await Deno.writeTextFile(log, "torn", { append: true });

  {
    await using again = TextProgram.mesh("Alice", null, ["--stay"], { data });
    await again.until(/Dropped/);
    assertMatch(again.lines[0]!, /^>INFO: Alice at address 127\.0\.0\.1 is listening at \d+\.$/);
  }
  await Deno.remove(data, { recursive: true }); // nobody writes there any more
});

Deno.test("text mode: the later of two names that look alike is marked, whatever its script, and when it comes back", async () => {
  await using alice = TextProgram.mesh("Alice", null, ["--stay"]);
  const port = await alice.port();
  await using anna = TextProgram.mesh("Anna", port, ["--stay"]);
  await alice.until(/\* Anna joined/);
  await using anya = TextProgram.mesh("\u0410\u043d\u044f", port, ["--stay"]);
  await alice.until(/\* \u0410\u043d\u044f joined/);
  for (const imitation of ["\u0410\u04cf\u0456\u0441\u0435"]) {
    await using imitator = TextProgram.mesh(imitation, port, ["--stay"]);
    await alice.until(new RegExp(`\\* \u2248${imitation} joined`));
    await anna.until(new RegExp(`\\* \u2248${imitation} joined`));
    await imitator.type("I am Alice", ":q");
    await alice.until(new RegExp(`<\u2248${imitation}> I am Alice`));
    await imitator.ended();
    await alice.until(new RegExp(`\\* \u2248${imitation} left`));
  }
  await anya.type(":q");
  await anya.ended();
  assertEquals(/\u2248(?:Anna|\u0410\u043d\u044f|Alice)/.exec(anna.stdout + alice.stdout), null);
});

Deno.test("text mode: a name that may imitate another has its mark wherever it stands", async () => {
  const bob = "B\u043eb";
  await using carl = TextProgram.mesh("Carl", null, ["--stay"]);
  await using imitator = TextProgram.mesh(bob, await carl.port(), ["--stay"]);
  await carl.until(/\u2248B\u043eb joined/);
  await carl.type("/msg Bob1 x", "/verify Bobb", `/verify ${bob}`, `/trust ${bob}`, "/peers");
  await carl.until(/There is no new key of \u2248B\u043eb to accept/);
  await imitator.type(`/trust ${bob}`, ":q");
  await imitator.ended();
  await carl.until(/\u2248B\u043eb (?:left|is lost)/); // lost where the machine was so busy that their link broke
  await carl.type(`/msg ${bob} one`, `/msg ${bob} two`, `/verify ${bob}`, "/status", ":q");
  await carl.ended();

  assertMatch(carl.stdout, /Kept: 2 private messages for \u2248B\u043eb/);
  assertMatch(carl.stderr, /did you mean \u2248B\u043eb\?/);
  assertMatch(carl.stderr, /\u2248B\u043eb isn't here now/);
  for (const printed of [carl.stdout, carl.stderr]) {
    assertEquals(/[^\u2248]B\u043eb/.exec(printed)?.input, undefined, printed);
  }
  // At one's own place it stands for what others see, and nowhere else.
  const marked = (imitator.stdout + imitator.stderr).match(/.*\u2248B\u043eb/g);
  const told =
    `* Your name, ${bob}, mixes letters of several scripts: others see it with a mark, \u2248${bob}`;
  assertEquals(marked?.map((line) => line.slice("12:03 ".length)), [told]);
});

Deno.test("text mode: who accepts no connections says so, and has no address in anybody's list", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null);
  await using bob = TextProgram.mesh("Bob", alice.port, ["--passive"]);
  await bob.until(/Alice is the founder/);
  await alice.until(joined("Bob"));

  await bob.type("/peers");
  await bob.until(/Alice .* direct/);
  await alice.command({ command: "peers" });
  const { peers } = await alice.until(({ event }) => event === "peers");

  assertEquals(bob.lines, [
    ">INFO: Bob accepts no connections (--passive).",
    "* Alice is here (127.0.0.1)",
    "* Alice is the founder of this room, and can remove members",
    "Bob (you)  accepts no connections",
    `Alice  127.0.0.1:${alice.port}  direct  founder`,
  ]);
  assertEquals([peers[1].name, peers[1].host, peers[1].port], ["Bob", "", 0]);
});

Deno.test("text mode: who founds a room that nobody can join is told", async () => {
  await using ann = TextProgram.start(["mesh", "Ann", "--private", "--passive"]);
  await ann.until(/let others in/);
  assertEquals(ann.lines, [
    ">INFO: Ann accepts no connections (--passive).",
    "! Nobody can join the room you founded, as --passive accepts no connections; start again without it to let others in",
  ]);
});

Deno.test("text mode: who founds another room is told which one it isn't, and how to go back", async () => {
  await using nodes = new Nodes();
  const data = Deno.makeTempDirSync({ prefix: "p2pchat-text-" });
  nodes.defer(() => Deno.remove(data, { recursive: true }));
  for (const args of [[], ["--private"]]) {
    await using ann = TextProgram.mesh("Ann", null, args, { data });
    await ann.port();
    await ann.type(":q");
    await ann.ended();
    const told = ann.lines.filter((line) => line.startsWith("*"));
    assertEquals(told.length, args.length, told.join());
    for (const line of told) {
      assertMatch(
        line,
        /This isn't your last room\. .*: p2pchat mesh Ann --room [0-9a-f]{8} --data /,
      );
      assert(line.endsWith(` --data ${data}`), line);
    }
  }
  const other = await nodes.ready("Bob", null);
  await using ann = TextProgram.mesh("Ann", other.port, [], { data });
  await ann.until(/This isn't your last room/);
  await ann.type("/msg Bbo hi", "/msg Zacharias hi");
  await ann.until(/did you mean Bob/, "stderr");
  await ann.until(
    /Nobody here is called Zacharias; you can't write to people who left before you joined; \/peers/,
    "stderr",
  );
});

slow.test("text mode: how lines are read, and how the program ends", async (test) => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null);
  const { port } = alice;
  const step = (name: string, run: () => Promise<void>) =>
    test.step(name, async () => {
      alice.events.length = 0;
      await run();
    });

  await step(
    "what begins like a command but is chat, is said; what isn't, is refused",
    async () => {
      await using bob = TextProgram.mesh("Bob", port);
      await bob.port();

      await bob.type(
        " :q",
        ":quitter",
        "//x",
        "//",
        '{"command":"quit"}',
        "/unknown",
        "/histroy",
        "",
      );
      await bob.type("two\u2028lines", "end");
      await alice.until(shown("end"));
      await bob.type("/quit");
      const status = await bob.ended();

      assertEquals(alice.texts(), [
        " :q",
        ":quitter",
        "/x",
        "/",
        '{"command":"quit"}',
        "two\u2028lines",
        "end",
      ]);
      assertEquals(bob.stderr.split("\n"), [
        "error: No command /unknown; /help lists them, //unknown sends it as text",
        "error: No command /histroy; did you mean /history?",
        "",
      ]);
      assertEquals(status, 0);
    },
  );

  await step("a hundred lines piped in at once arrive before the program leaves", async () => {
    await using carol = TextProgram.mesh("Carol", port);

    const lines = Array.from({ length: 100 }, (_, index) => `line ${index}`);
    await carol.type(...lines);
    const status = await carol.quit();
    await alice.until(left("Carol"));

    assertEquals(status, 0);
    assertEquals(alice.texts(), lines);
    assertEquals(alice.events.find(left("Carol"))?.reason, "quit");
    assertEquals(carol.stderr, "");
  });

  await step("the last line counts also where it isn't ended", async () => {
    const command = new Deno.Command("sh", {
      args: ["-c", `printf 'first\\nlast' | "$@"`, "sh", ...commandOf("Dan", port, alice.data)],
      stdout: "piped",
      stderr: "piped",
    });

    const { code } = await command.output();
    await alice.until(shown("last"));

    assertEquals([code, ...alice.texts()], [0, "first", "last"]);
  });

  await step(
    "with --stay the end of input isn't the end; SIGTERM and SIGINT are, properly",
    async () => {
      for (const [name, signal] of [["Eve", "SIGTERM"], ["Fred", "SIGINT"]] as const) {
        await using program = TextProgram.mesh(name, port, ["--stay"]);
        await program.type(`I am ${name}`);
        await program.end();
        await alice.until(shown(`I am ${name}`));
        await alice.say(`hi ${name}`);
        await program.until(new RegExp(`hi ${name}`));

        program.signal(signal);
        const status = await program.ended();
        const parting = await alice.until(left(name));

        assertEquals([status, parting.reason, program.stderr], [0, "quit", ""], signal);
      }
    },
  );

  await step("a reader who has enough ends the program, and the others hear of it", async () => {
    const command = new Deno.Command("sh", {
      args: [
        "-c",
        `{ "$@" --stay; echo "status $?" >&2; } | head -1`,
        "sh",
        ...commandOf("Gus", port, alice.data),
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });

    const ended = command.output();
    await alice.until(joined("Gus"));
    const told = performance.now();
    for (let count = 0; !alice.events.some(left("Gus")); count++) {
      assert(performance.now() < told + 60_000, "Gus leaves soon");
      await alice.say(`are you there? ${count}`);
      await alice.until(shown(`are you there? ${count}`));
    }
    const { stdout, stderr } = await ended;

    assertMatch(new TextDecoder().decode(stdout), /^>INFO: Gus at address 127.0.0.1 .*\n$/);
    assertEquals(new TextDecoder().decode(stderr), "status 0\n");
    assertEquals(alice.events.find(left("Gus"))?.reason, "quit");
  });

  await step("who leaves is told whom the program waits for", async () => {
    await using hal = TextProgram.mesh("Hal", port);
    await hal.until(/Alice is here/);
    await alice.until(joined("Hal"));
    alice.signal("SIGSTOP");
    await hal.type("/msg Alice are you there?", ":q");
    await hal.until(/Leaving; waiting/);
    alice.signal("SIGCONT");
    const status = await hal.ended();

    const told = hal.lines.filter((line) => line.startsWith("* Leaving"));
    assertEquals(told, ["* Leaving; waiting up to 10 s for Alice to confirm"]);
    assertEquals(status, 0);
  });
});

Deno.test("text mode: nothing that a member says moves the reader's cursor or fakes a line", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null);
  await using bob = TextProgram.mesh("Bob", alice.port);
  await bob.port();

  await alice.say("\x1b[2J\x1b]0;title\x07 cleared");
  await alice.say("one\n09:00 <Carol> two\r\nthree");
  await alice.say("\u202egnitirw-thgir\u2066 \u200b\ufeff \x9b31m \x7f \0");
  await alice.say("👩‍👩‍👧‍👦 שלום");
  await bob.until(/שלום/);
  await bob.type("/history");
  await bob.until(/(שלום[^]*){2}/);
  await bob.type(":q");
  await bob.ended();

  const said = [
    "<Alice> ␛[2J␛]0;title␇ cleared",
    "<Alice> one␊09:00 <Carol> two␍␊three",
  ];
  const printed = bob.lines.filter((line) => line.startsWith("<"));
  assertEquals(printed.slice(0, 2), said);
  assertEquals(printed.slice(4, 6), said);
  assertEquals(printed[3], "<Alice> 👩‍👩‍👧‍👦 שלום");
  assertEquals(printed.length, 8, "each message is one line");
  // deno-lint-ignore no-control-regex -- that is what must not be there
  assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff]/.test(bob.stdout));
});

Deno.test("text mode: who pipes into an empty room is told that nobody has it yet", async () => {
  await using alice = TextProgram.mesh("Alice", null);
  await alice.type("one", "two");
  const status = await alice.quit();

  assertEquals(alice.lines.slice(2), [
    "<Alice> one",
    "<Alice> two",
    "* Not delivered: your last messages; sent when you come back",
  ]);
  assertEquals([alice.stderr, status], ["", 0]);
});

slow.test("text mode: a reader who reads nothing costs bounded memory, and the member stays one", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null);
  await using bob = TextProgram.mesh("Bob", alice.port, [], { reads: false });
  await alice.until(joined("Bob"));
  const before = await residentBytes(bob.pid);

  // Well above the 1 MiB that it may hold, and the pipe.
  const text = "x".repeat(30_000);
  for (let count = 0; count < 120; count++) await alice.say(`${count} ${text}`);
  await alice.until(shown(`119 ${text}`));
  // Longer than silence may last: a member that doesn't answer is lost by then.
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  const grown = await residentBytes(bob.pid) - before;
  assert(!alice.events.some(left("Bob")), "Bob is a member all the time");
  // What he says meanwhile waits: each line may be answered, and no answer would be read.
  await bob.type("I am back");

  bob.startReading();
  await alice.until(shown("I am back"));
  await bob.until(/<Alice> 119 x/);
  await bob.type(":q");
  const status = await bob.ended();

  assert(grown < 64 * 1024 * 1024, `memory grew by ${grown / 1024 / 1024} MiB`);
  const numbers = bob.lines.flatMap((line) =>
    /^(?:\(earlier\) )?<Alice> (\d+) x/.exec(line)?.[1] ?? []
  );
  assertEquals(numbers.map(Number), Array.from({ length: 120 }, (_, index) => index));
  assertEquals(status, 0);
});

Deno.test("text mode: a second Ctrl+C doesn't wait for anything", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null);
  await using bob = TextProgram.mesh("Bob", alice.port, [], { reads: false });
  await alice.until(joined("Bob"));
  // Its output is stuck, so that leaving would take its 2 s.
  const text = "x".repeat(60_000);
  for (let count = 0; count < 10; count++) await alice.say(`${count} ${text}`);
  for (let round = 0, unconfirmed: unknown = 1; unconfirmed !== 0; round++) {
    const ref = `round ${round}`;
    await alice.command({ command: "status", ref });
    const status = await alice.until((event) => event.event === "status" && event.ref === ref);
    unconfirmed = status.unconfirmed;
  }

  bob.signal("SIGINT");
  await alice.until(left("Bob"));
  bob.signal("SIGINT");
  const { code } = await bob.status;

  // Once they are over it ends with 0.
  assertEquals(code, 130);
});

Deno.test("text mode: /status, /peers and /history read well, alone and in company", async () => {
  await using alice = TextProgram.mesh("Alice", null);
  const port = await alice.port();
  await alice.type("/history", "/status", "/peers", "hello");
  await alice.until(/<Alice> hello/);
  await using bob = TextProgram.mesh("Bob", port);
  const bobPort = await bob.port();
  await bob.until(/hello[^]*Alice is the founder/);
  await bob.type("hi");
  await bob.until(/<Bob> hi/);
  await bob.type("/history 1", "/peers");
  await bob.until(/direct/);
  await alice.until(/<Bob> hi/);
  await alice.type("/peers", "/status");
  await alice.until(/Links: Bob[^]*\n.*Last message.*\nYour key: \w+\n/);
  const key = alice.lines.at(-1)!;

  assertEquals(alice.lines.slice(2), [
    "No messages.",
    "Room of 1: Alice (you, founder).",
    "Nobody else is here; what you write is kept for who comes. No messages yet.",
    key,
    `Alice (you)  127.0.0.1:${port}  founder`,
    "<Alice> hello",
    "* Bob joined (127.0.0.1)",
    "<Bob> hi",
    `Alice (you)  127.0.0.1:${port}  founder`,
    `Bob  127.0.0.1:${bobPort}  direct`,
    "Room of 2: Alice (you, founder), Bob.",
    ...alice.lines.slice(-3),
  ]);
  assertMatch(
    alice.lines.at(-3)!,
    /^Links: Bob( [\d.]+ m?s)?\. All were heard from within the last [\d.]+ m?s\.$/,
  );
  assertMatch(
    alice.lines.at(-2)!,
    /^(Everything you wrote has reached everybody|What you wrote last is on its way to Bob)\. Last message \d\d:\d\d, from Bob\.$/,
  );
  assertEquals(bob.lines.slice(2), [
    "* Alice is here (127.0.0.1)",
    "(earlier) <Alice> hello",
    "* Alice is the founder of this room, and can remove members",
    "<Bob> hi",
    "<Bob> hi",
    `Bob (you)  127.0.0.1:${bobPort}`,
    `Alice  127.0.0.1:${port}  direct  founder`,
  ]);
});

const hasFullDevice = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "text mode: output to a full device is told on stderr, with status 5",
  hasFullDevice,
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-full-" });
    for (
      const words of [["--help"], ["mesh", "Alice", "--json"]]
    ) {
      const listen = words[0] === "mesh" ? ["--host", "127.0.0.1", "--port", "0"] : [];
      const { code, stderr } = await new Deno.Command("sh", {
        args: ["-c", 'exec "$@" > /dev/full', "sh", PROGRAM, ...words, ...listen],
        env: { P2PCHAT_HOME: folder },
        stdin: "null",
      }).output();
      assertEquals(
        new TextDecoder().decode(stderr),
        "error: Cannot write to standard output: No space left on device; " +
          "make room there, or write to another place\n",
        words.join(" "),
      );
      assertEquals(code, 5);
    }
    await Deno.remove(folder, { recursive: true });
  },
);

/** The command `p2pchat mesh NAME`, joining through the member at this port, with its files below `folder`. */
function commandOf(name: string, port: number, folder: string): readonly string[] {
  const listen = ["--host", "127.0.0.1", "--port", "0"];
  return [PROGRAM, "mesh", name, "127.0.0.1", `${port}`, ...listen, "--data", `${folder}/${name}`];
}
