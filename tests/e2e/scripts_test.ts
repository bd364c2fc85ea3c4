/** `--once` and `--wait`: a program for each thing that a script says, or waits for. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FriendsGroup } from "./friends_group.ts";
import { Group, isIn } from "./group_world.ts";
import { Node, Nodes, PROGRAM, type ShownEvent, WAITS } from "./node.ts";
import { slow } from "../given.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

/** What a call printed, and how it ended. */
interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Call implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly ended: Promise<Ended>;

  constructor(args: readonly string[]) {
    const command = new Deno.Command(PROGRAM, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    this.#child = command.spawn();
    this.ended = this.#child.output().then(({ code, stdout, stderr }) => {
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, stdout: text(stdout), stderr: text(stderr) };
    });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill();
    } catch {
      // It has ended.
    }
    await this.ended;
  }
}

/** A profile that scripts use, in a folder of its own. */
class Profile implements Disposable {
  readonly data: string = Deno.makeTempDirSync({ prefix: "p2pchat-script-" });

  /** @param words The command with its address. */
  constructor(readonly words: readonly string[]) {}

  begin(...flags: readonly string[]): Call {
    return new Call([...this.words, "--data", this.data, ...flags]);
  }

  async run(...flags: readonly string[]): Promise<Ended> {
    await using call = this.begin(...flags);
    return await call.ended;
  }

  /** What a `--wait` that finds something prints. */
  async next(...flags: readonly string[]): Promise<ShownEvent> {
    const { code, stdout, stderr } = await this.run("--wait", "--json", ...flags, ...PATIENT);
    assertEquals([code, stderr.replaceAll(WAITS, "")], [0, ""], stdout);
    const lines = stdout.trimEnd().split("\n");
    assertEquals(lines.length, 1, stdout);
    return JSON.parse(lines[0]!);
  }

  async say(text: string, ...flags: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await this.run("--once", text, ...flags, ...PATIENT);
    assertEquals([code, stdout, stderr.replaceAll(WAITS, "")], [0, "", ""]);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.data, { recursive: true });
  }
}

/** For what comes: a machine that has much else to do must not be taken for a fault. */
const PATIENT = ["--timeout", "60s"];
/** For what doesn't come. */
const BRIEF = ["--timeout", "3s"];

function inRoom(name: string, through: Node): Profile {
  const listen = ["--host", "127.0.0.1", "--port", "0"];
  return new Profile(["mesh", name, "127.0.0.1", String(through.port), ...listen]);
}

const isMessage = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;

slow.test("--once and --wait: two scripts talk for 20 rounds in a room, and nothing is missed or comes twice", async () => {
  await using nodes = new Nodes();
  const host = await nodes.ready("Host", null);
  using ann = inRoom("Ann", host);
  using bob = inRoom("Bob", host);
  const heard = { ann: [] as string[], bob: [] as string[] };
  await Promise.all([ann.run("--wait", ...BRIEF), bob.run("--wait", ...BRIEF)]);

  for (let round = 0; round < 20; round++) {
    await Promise.all([ann.say(`ping ${round}`), bob.say(`pong ${round}`)]);
    const [toAnn, toBob] = await Promise.all([ann.next("--from", "Bob"), bob.next()]);
    heard.ann.push(toAnn.text);
    heard.bob.push(toBob.text);
  }

  const all = Array.from({ length: 20 }, (_, round) => round);
  assertEquals(heard.bob, all.map((round) => `ping ${round}`));
  assertEquals(heard.ann, all.map((round) => `pong ${round}`));
  assertEquals((await ann.run("--wait", ...BRIEF)).code, 3);
});

slow.test("--wait: whatever moment it is killed at, nothing is missed, and nothing that a whole call printed comes again", async () => {
  await using nodes = new Nodes();
  const host = await nodes.ready("Host", null);
  using bot = inRoom("bot", host);
  await bot.say("here");
  const texts = Array.from({ length: 12 }, (_, at) => `job ${at}`);
  for (const text of texts) await host.say(text);
  await host.until(isMessage(texts.at(-1)!));

  const whole: string[] = [];
  const broken: string[] = [];
  for (let call = 0; whole.at(-1) !== texts.at(-1); call++) {
    assert(call < 200, "it gets on");
    await using waiting = bot.begin("--wait", "--json", ...PATIENT);
    // At any moment of its life: starting, printing, leaving.
    const timer = setTimeout(() => waiting.kill(), call % 2 === 0 ? 60_000 : 150 * (call % 16));
    const { code, stdout } = await waiting.ended;
    clearTimeout(timer);
    const printed = stdout.endsWith("\n") ? [JSON.parse(stdout).text] : [];
    (code === 0 ? whole : broken).push(...printed);
  }

  assertEquals(whole.length, new Set(whole).size);
  assertEquals([...new Set([...whole, ...broken])].sort(), [...texts].sort());
  assertEquals((await bot.run("--wait", ...BRIEF)).code, 3);
});

Deno.test("--wait: the first call begins with what comes from then on; one's own words are never waited for", async () => {
  await using nodes = new Nodes();
  const host = await nodes.ready("Host", null);
  await host.say("long ago");
  await host.until(isMessage("long ago"));
  using bot = inRoom("bot", host);

  const first = await bot.run("--wait", ...BRIEF);
  await host.say("while nobody waited");
  await host.until(isMessage("while nobody waited"));
  await bot.say("mine");
  const next = await bot.next();
  const none = await bot.run("--wait", ...BRIEF);

  assertEquals([first.code, first.stdout], [3, ""]);
  assertMatch(first.stderr, /^error: Nothing came within 3 s/);
  assertEquals([next.from, next.text, next.self], ["Host", "while nobody waited", false]);
  assertEquals([none.code, none.stdout], [3, ""]);
});

Deno.test("--wait: --from, --mention and --event choose; what isn't asked for waits for another call", async () => {
  await using nodes = new Nodes();
  const host = await nodes.ready("Host", null);
  const carol = await nodes.ready("Carol", host);
  using bot = inRoom("bot", host);
  await bot.say("here");
  await host.say("plain");
  await host.until(isMessage("plain"));
  await carol.until(isMessage("plain"));
  await carol.say("from Carol");
  await host.until(isMessage("from Carol"));
  await host.say("bot: do it");
  await host.until(isMessage("bot: do it"));

  const mention = await bot.next("--mention");
  const fromCarol = await bot.next("--from", "carol");
  const rest = await bot.next();
  await using waiting = bot.begin(
    "--wait",
    "--json",
    "--event",
    "left,joined",
    "--from",
    "Dave",
    ...PATIENT,
  );
  await nodes.ready("Dave", host);
  const joined = JSON.parse((await waiting.ended).stdout);

  assertEquals([mention.text, mention.mention], ["bot: do it", true]);
  assertEquals(fromCarol.text, "from Carol");
  assertEquals(rest.text, "plain");
  assertEquals([joined.event, joined.name], ["joined", "Dave"]);
});

Deno.test("--wait: without --json it prints a line as in a pipe; private messages are messages", async () => {
  await using nodes = new Nodes();
  const host = await nodes.ready("Host", null);
  using bot = inRoom("bot", host);
  await using waiting = bot.begin("--wait", ...PATIENT);
  await host.until(({ event, name }) => event === "joined" && name === "bot");
  await host.tell("bot", "between us\nalone", "private");

  const { code, stdout, stderr } = await waiting.ended;

  assertEquals([code, stderr.replaceAll(WAITS, "")], [0, ""]);
  assertMatch(stdout, /Host.*between us␊alone\n$/);
  await host.until(({ event, state }) => event === "delivery" && state === "delivered");
});

slow.test("--once: with nobody in the room nothing is said; --to says it to one alone", async () => {
  await using nodes = new Nodes();
  using alone = new Profile(["mesh", "Ann", "--host", "127.0.0.1", "--port", "0"]);
  const nobody = await alone.run("--once", "hello?", "--json", ...BRIEF);
  const fatal = JSON.parse(nobody.stdout);
  const host = await nodes.ready("Host", null);
  const carol = await nodes.ready("Carol", host);
  using bot = inRoom("bot", host);

  const missing = await bot.run("--once", "psst", "--to", "Dave", ...BRIEF);
  const own = await bot.run("--once", "psst", "--to", "Bot", ...PATIENT);
  await bot.say("psst", "--to", "Carol");
  const said = await bot.run("--once", "all", "--json", ...PATIENT);

  assertEquals([nobody.code, fatal.event, fatal.code], [3, "fatal", "offline"]);
  assertStringIncludes(fatal.text, "nothing was said");
  assertEquals(missing.code, 3);
  assertStringIncludes(missing.stderr, "Dave wasn't in the room within 3 s");
  assertStringIncludes(own.stderr, "error: Cannot write to yourself");
  const secret = await carol.until(isMessage("psst"));
  assertEquals([secret.from, secret.private], ["bot", true]);
  await host.until(isMessage("all"));
  assertEquals(host.texts("bot"), ["all"]);
  const shown = JSON.parse(said.stdout);
  assertEquals([said.code, shown.event, shown.text, shown.self], [0, "message", "all", true]);
});

Deno.test("--once: a profile that a running program uses in this room is in use", async () => {
  await using nodes = new Nodes();
  const host = await nodes.ready("Host", null);
  const room = host.events.find(({ event }) => event === "ready")!.room;

  const args = ["mesh", "Host", "--room", room, "--port", "0", "--data", host.data];
  await using call = new Call([...args, "--once", "hello"]);
  const { code, stderr } = await call.ended;

  assertEquals(code, 4, stderr);
});

Deno.test("--once and --wait: in a group, once all have it, and by its number", async () => {
  await using group = await Group.open();
  const [ann] = await group.startAll("Ann", "Carol");
  using bot = new Profile(group.words("bot"));

  await bot.say("from a script");
  const said = await ann!.until(isMessage("from a script"));
  await ann!.say("one");
  await ann!.say("two");
  await ann!.until(isMessage("two"));
  const heard = [await bot.next(), await bot.next()];
  const none = await bot.run("--wait", ...BRIEF);
  await ann!.say("are you there, @bot?");
  await ann!.until(isMessage("are you there, @bot?"));
  const mention = await bot.next("--mention");

  assertEquals([mention.seq, mention.mention], [4, true]);
  assertEquals(said.seq, 1);
  assertEquals(heard.map(({ seq, text }) => [seq, text]), [[2, "one"], [3, "two"]]);
  assertEquals([none.code, none.stdout], [3, ""]);
});

Deno.test("--once: a group whose coordinator isn't there: nothing is said, exit 3", async () => {
  await using group = await Group.open();
  using bot = new Profile(group.words("bot"));
  await bot.say("alone in it");
  await group.nodes[Symbol.asyncDispose]();

  const { code, stderr } = await bot.run("--once", "anybody?", ...BRIEF);

  assertEquals(code, 3);
  assertStringIncludes(stderr, "nothing was said");
});

slow.test("--once and --wait: between friends, also what came while nobody waited", async () => {
  await using friends = new FriendsGroup("alice", "bob");
  const words = (name: string) => ["peer", name, "--users", friends.file, "--host", "127.0.0.1"];
  using bot = new Profile(words("alice"));
  const bob = await friends.start("bob");

  await bot.say("are you there?"); // the only friend
  await bob.until(isMessage("are you there?"));
  await bob.tell("alice", "yes");
  await bob.tell("alice", "what is it?");
  await bob.until(({ event, state }) => event === "delivery" && state === "queued");
  const heard = [(await bot.next()).text, (await bot.next("--from", "Bob")).text];
  const none = await bot.run("--wait", ...BRIEF);
  const misspelt = await bot.run("--once", "psst", "--to", "bobb", ...BRIEF);
  const nobody = await bot.run("--once", "psst", "--to", "zoe", ...BRIEF);
  await bob.type("/exit");
  await bob.ended();
  const away = await bot.run("--once", "later", "--to", "bob", ...BRIEF);

  assertEquals(heard, ["yes", "what is it?"]);
  assertEquals(none.code, 3);
  assertEquals(away.code, 3);
  assertStringIncludes(away.stderr, "don't say it again");
  // A script types nothing: it is told its flag.
  const unknown = (name: string) => `error: Cannot find ${name} in ${friends.file}`;
  assertEquals([misspelt.code, misspelt.stderr], [
    2,
    `${unknown("bobb")}; did you mean --to bob?\n`,
  ]);
  assertEquals([nobody.code, nobody.stderr], [2, `${unknown("zoe")}\n`]);
  await using reader = bot.begin("--wait", ...PATIENT);
  const back = await friends.start("bob");
  await back.until(isMessage("later"));
  await back.tell("alice", "got it");
  assertEquals((await reader.ended).code, 0);
});

Deno.test("--once and --wait are refused in a directory, and where they make no sense", async () => {
  const cases: readonly (readonly [args: string, says: string])[] = [
    ["peer Ann --registry 127.0.0.1 --once hi", "has no flag --once"],
    ["peer Ann --registry 127.0.0.1 --wait", "has no flag --wait"],
    ["mesh Ann --wait --event mesage", "message"],
    ["mesh Ann --wait --event status", "only answers a command"],
    ["mesh Ann --wait --once hi", "give one, then the other"],
    ["mesh Ann --from Bob", "add --wait"],
    ["mesh Ann --timeout 3s", "add one of them"],
    ["mesh Ann --wait --stay", "--stay"],
    ["mesh Ann --wait --no-history", "--no-history"],
  ];
  for (const [line, says] of cases) {
    await using call = new Call(line.split(" "));
    const { code, stdout, stderr } = await call.ended;
    assertEquals([code, stdout], [2, ""], line);
    assertStringIncludes(stderr, says);
  }
});

Deno.test("--wait: a group that is joined by a script hears what is said in it", async () => {
  await using group = await Group.open();
  const ann = await group.start("Ann");
  await ann.say("before");
  await ann.until(isMessage("before"));
  using bot = new Profile(group.words("bot"));
  await using waiting = bot.begin("--wait", "--json", ...PATIENT);
  await ann.until(isIn("bot"));
  await ann.say("now");

  const { stdout } = await waiting.ended;

  assertEquals(JSON.parse(stdout).text, "now");
});

Deno.test("docs/scripting.md: --event takes what the page says, in each mode", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/scripting.md", import.meta.url));
  const rows = [
    ["a room", "mesh Ann"],
    ["a group", "peer Ann --server 127.0.0.1"],
    ["friends", "peer ann --users users.txt"],
  ] as const;
  for (const [row, words] of rows) {
    const cells = new RegExp(`^\\| ${row} +\\| (.*?) +\\|$`, "m").exec(page)?.[1] ?? "";
    await using call = new Call([...words.split(" "), "--wait", "--event", "none of these"]);
    const listed = /there are (.*)\n$/.exec((await call.ended).stderr)?.[1] ?? "";

    assertEquals(cells.replaceAll("`", "").split(", "), listed.split(/, | and /), row);
  }
});

Deno.test("docs/scripting.md: ask.sh asks, and goes by Ann's answer", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/scripting.md", import.meta.url));
  const script = /```sh\n(# sh ask\.sh.*?)```/s.exec(page)?.[1];
  assert(script !== undefined);
  await using nodes = new Nodes();
  const ann = await nodes.ready("Ann", null);
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-ask-" });
  const home = temporary.path;
  const asked = new Deno.Command("sh", {
    args: ["-c", script.replace("./p2pchat", PROGRAM), "ask.sh", "127.0.0.1", String(ann.port)],
    env: { P2PCHAT_HOME: home },
    stdin: "null",
  }).output();
  await ann.until(isMessage("Shall I deploy?"));
  await ann.say("wait a moment");
  await ann.say("yes");

  const { code, stdout } = await asked;

  assertEquals([code, new TextDecoder().decode(stdout)], [0, "Ann said yes\n"]);
});
