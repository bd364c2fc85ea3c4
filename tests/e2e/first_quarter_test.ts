/**
 * The first quarter of an hour with each mode, played at a terminal of 80 columns and 24 rows: what somebody does who has
 * just heard of it. It counts the words that the program prints; what people say to each other is the same each time.
 * With P2PCHAT it plays another build.
 */

import { assert } from "@std/assert";
import { SLOW } from "../given.ts";
import { DirectoryWorld } from "./directory_world.ts";
import { FriendsGroup } from "./friends_group.ts";
import { Group } from "./group_world.ts";
import { Node, Nodes, PROGRAM } from "./node.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

/** Nothing more is printed for so long: the answer is whole. */
const QUIET_MS = 400;

/** Somebody at a terminal, of whom all is counted that they are shown. */
class Newcomer {
  readonly #shown: string[] = [];
  #terminal: Terminal | null = null;

  constructor(readonly home: string) {}

  /** All that was shown, also by programs that have ended. */
  get shown(): string {
    return [...this.#shown, this.#terminal?.screen.text ?? ""].join("\n");
  }

  /** Runs the program, and leaves it once it shows `until`, or has ended. */
  async start(words: string, until?: RegExp): Promise<void> {
    const env = { P2PCHAT_HOME: this.home };
    this.#terminal = await openTerminal({ command: [PROGRAM, ...words.split(" ")], env });
    if (until === undefined) await this.ended();
    else await this.sees(until);
  }

  async sees(pattern: RegExp): Promise<void> {
    await this.#terminal!.until(String(pattern), ({ text }) => pattern.test(text));
    await this.#quiet();
  }

  /** Types lines, each once the one before is answered. */
  async type(...lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      await this.#terminal!.press(`${line}\r`);
      await this.#quiet();
    }
  }

  async leave(line: string): Promise<void> {
    await this.#terminal!.press(`${line}\r`);
    await this.ended();
  }

  async ended(): Promise<void> {
    const terminal = this.#terminal!;
    this.#terminal = null;
    await terminal.ended();
    this.#shown.push(terminal.screen.text);
    await terminal[Symbol.asyncDispose]();
  }

  async #quiet(): Promise<void> {
    for (let before = -1; before !== this.#terminal!.raw.length;) {
      before = this.#terminal!.raw.length;
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    }
  }

  port(): string {
    return /istening at (?:port )?(\d+)/.exec(this.#terminal!.screen.text)![1]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#terminal?.[Symbol.asyncDispose]();
  }
}

async function room(alice: Newcomer): Promise<void> {
  await using nodes = new Nodes();
  const photo = `${alice.home}/harbour.jpg`;
  await Deno.writeTextFile(photo, "a photo");
  await alice.start("help mesh");
  await alice.start("mesh Alice --host 127.0.0.1 --port 0", /istening at \d+/);
  await alice.type("anybody?", "/help");
  const joining = ["mesh", "Bob", "127.0.0.1", alice.port(), "--host", "127.0.0.1", "--port", "0"];
  const bob = nodes.add(Node.start(joining));
  await bob.until(({ event }) => event === "ready");
  await alice.sees(/Bob joined/);
  await bob.say("hello");
  await alice.type("welcome", "/who", "/status", "/invite", "/hlep", "/msg Bbo hi");
  await bob.command({ command: "msg", name: "Alice", text: "only for you" });
  await alice.type("/msg Bob so you are here", "/verify Bob", "/whois Bob");
  await bob.command({ command: "send", file: photo });
  await alice.sees(/harbour\.jpg/);
  await alice.type("/get 1", "/files", `/send ${photo}`, "/search hello", "/history", "/rooms");
  await bob.command({ command: "quit" });
  await alice.sees(/Bob left/);
  await alice.leave(":q");
  await alice.start("mesh Alice --host 127.0.0.1 --port 0", /istening at \d+/);
  await alice.type("back again", "/rooms");
  await alice.leave("/quit");
}

async function group(bob: Newcomer): Promise<void> {
  await using world = new Group();
  const serving = await world.serve();
  const carol = await world.start("Carol");
  await bob.start("help peer");
  const start = `peer Bob --server ${world.server} --host 127.0.0.1 --port 0`;
  await bob.start(start, /Bob @group/);
  await carol.say("at seven?");
  await bob.type("hello", "/help", "/who", "/status", "/msg Carol hi", "/edit at eight? - 1");
  await carol.until(({ event }) => event === "vote-wanted");
  await carol.command({ command: "go", edit: null });
  await bob.sees(/at eight\?[^]*now reads|now reads[^]*at eight/);
  await carol.command({ command: "edit", n: 2, text: "hello all" });
  await bob.sees(/\? Carol/);
  await bob.type("y", "/entry 1", "/log", "/whois Carol", "/verify Carol", "/hlep");
  await serving.kill();
  await bob.sees(/coordinator/);
  await bob.type("still there?");
  await world.serve();
  await bob.sees(/is back|answers again/);
  await bob.leave("/exit");
  await bob.start(start, /Bob @group/);
  await bob.leave("/exit");
}

async function friends(alice: Newcomer): Promise<void> {
  const world = new FriendsGroup("alice", "bob", "carol");
  await using _ = world;
  const start = `peer alice --users ${world.file}`;
  await alice.start("help peer");
  await alice.start(start, /alice>/);
  await alice.type("/help", "hello", "bob/shall we?", "bob/are you there?", "/outbox", "/list");
  const bob = await world.start("bob");
  await alice.sees(/bob is back/);
  await bob.command({ command: "msg", name: "alice", text: "yes" });
  await alice.sees(/<bob> yes/);
  await alice.type("r/fine", "bob/see you", "dave/hi", "/status", "/verify bob", "/whois bob");
  await alice.type("/whoami", "/hlep", "/history bob");
  await bob.kill();
  await alice.type("bob/one more", "bob/and another");
  await alice.leave("/quit");
  await alice.start(start, /alice>/);
  await alice.leave("/quit");
}

async function directory(alice: Newcomer): Promise<void> {
  const { world } = await DirectoryWorld.open(["bob"]);
  await using _ = world;
  const bob = await world.logIn("bob");
  await alice.start("help peer");
  const start = `peer --registry ${world.registry} --host 127.0.0.1 --port 0`;
  await alice.start(start, /guest/);
  await alice.type("2", "alice", "short", "correct horse", "correct horse");
  await alice.sees(/alice \(lobby\)>/);
  await alice.type("1", "/help", "2 hello all", "/status", "carol", "bob");
  await bob.command({ command: "accept", name: "alice" });
  await alice.sees(/onnected with bob/);
  await bob.say("hi");
  await alice.type("hi bob", "/verify bob", "/status", "q", "/missed", "/whois bob", "/hlep");
  await bob.command({ command: "call", name: "alice" });
  await alice.sees(/bob is calling/);
  await alice.type("n", "/missed", "/contacts");
  await alice.leave("/exit");
  await alice.start(start, /guest/);
  await alice.type("1", "alice", "wrong horse");
  await alice.sees(/Wrong name or password/);
  await alice.type("correct horse");
  await alice.sees(/alice \(lobby\)>/);
  await alice.leave("/exit");
}

/** Of each mode how many words may be printed: 0.6 of what was printed in November 2026. */
const MODES = {
  room: [room, 949],
  group: [group, 1_154],
  friends: [friends, 1_193],
  directory: [directory, 1_218],
} as const;

const wordsIn = (shown: string) => shown.split(/\s+/).filter((word) => /\w/.test(word)).length;

for (const [mode, [play, most]] of Object.entries(MODES)) {
  Deno.test({
    name: `the first quarter of an hour (${mode}) has at most ${most} words to read`,
    ignore: !hasScript() || SLOW.ignore,
    async fn() {
      await using home = new TemporaryFolder({ prefix: "p2pchat-quarter-" });
      await using newcomer = new Newcomer(home.path);
      await play(newcomer);
      const words = wordsIn(newcomer.shown);
      assert(words <= most, `${words} words:\n${newcomer.shown}`);
    },
  });
}
