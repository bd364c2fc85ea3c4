/** What was said privately in a room is found again, by both, at later starts and after kills. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Node, Nodes, type ShownEvent } from "./node.ts";
import { TextProgram } from "./text_program.ts";

/** At the former port, where the others look. */
const LISTEN = ["--host", "127.0.0.1"];

const shows = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;
const is = (name: string) => (event: ShownEvent) => event.event === name;
const delivery = (state: string) => (event: ShownEvent) =>
  event.event === "delivery" && event.state === state;

/** Two members whose profiles outlive their processes. */
class Two extends Nodes {
  readonly data = { Alice: this.#folder(), Bob: this.#folder() };

  #folder(): string {
    const folder = Deno.makeTempDirSync({ prefix: "p2pchat-e2e-" });
    this.defer(() => Deno.removeSync(folder, { recursive: true }));
    return folder;
  }

  async come(): Promise<readonly [Node, Node]> {
    const alice = await this.ready("Alice", null, { data: this.data.Alice });
    const bob = await this.ready("Bob", alice, { data: this.data.Bob });
    await alice.until(is("joined"));
    return [alice, bob];
  }

  async back(name: keyof Two["data"]): Promise<Node> {
    const node = this.add(Node.start(["mesh", name, ...LISTEN], { data: this.data[name] }));
    await node.until(is("ready"));
    return node;
  }

  /** The files with a member's private messages. */
  files(name: keyof Two["data"]): readonly string[] {
    const rooms = `${this.data[name]}/users/${name}/mesh`;
    const room = [...Deno.readDirSync(rooms)].find(({ isDirectory }) => isDirectory)!.name;
    return [...Deno.readDirSync(`${rooms}/${room}`)].map((file) => file.name)
      .filter((file) => file.startsWith("private-")).sort()
      .map((file) => `${rooms}/${room}/${file}`);
  }
}

async function privately(
  node: Node,
  asked: Readonly<Record<string, unknown>> = {},
): Promise<readonly string[]> {
  const { messages } = await node.ask("history", asked);
  return messages.map((message: ShownEvent) => {
    if (message.private !== true) return `all: ${message.text}`;
    return message.self ? `to ${message.to}: ${message.text}` : `${message.shown}: ${message.text}`;
  });
}

Deno.test("private history: both sides find what they said, at once, after a kill, and alone in the room", async () => {
  await using two = new Two();
  const [alice, bob] = await two.come();
  await alice.say("to all: the key");
  await alice.tell("Bob", "where is the key?");
  await bob.until(shows("where is the key?"));
  await bob.tell("Alice", "under the mat");
  await alice.until(shows("under the mat"));
  const conversation = ["to Bob: where is the key?", "Bob: under the mat"];
  assertEquals(await privately(alice, { name: "bob" }), conversation);
  for (const node of [alice, bob]) await node.kill();

  const again = await two.back("Alice");
  assertEquals(await privately(again, { name: "Bob" }), conversation);
  assertEquals(await privately(again, { name: "Bob", n: 1 }), conversation.slice(1));
  assertEquals(await privately(again, { name: "Bob", text: "MAT" }), conversation.slice(1));
  const found = ["all: to all: the key", "to Bob: where is the key?"];
  assertEquals(await privately(again, { text: "key" }), found);
  const search = await again.ask("search", { text: "key" });
  assertEquals(search.messages.map(({ text }: ShownEvent) => text), [
    "to all: the key",
    "where is the key?",
  ]);
  assertEquals(await privately(again), ["all: to all: the key"], "not where none is asked for");
  const bobAgain = await two.back("Bob");
  assertEquals(await privately(bobAgain, { name: "Alice" }), [
    "Alice: where is the key?",
    "to Alice: under the mat",
  ]);

  const unknown = await again.ask("history", { name: "Bbo" });
  assertEquals([unknown.event, unknown.code], ["error", "unknown-user"]);
  assertStringIncludes(unknown.text, "Nobody here is called Bbo");
  for (const name of ["Alice", "Bob"] as const) {
    const [file, ...others] = two.files(name);
    assertEquals([others, Deno.statSync(file!).mode! & 0o777], [[], 0o600]);
  }
});

Deno.test("private history: what waits is there before it is delivered, in its place, and once", async () => {
  await using two = new Two();
  const [alice, bob] = await two.come();
  await bob.kill();
  await alice.until(is("left"));
  await alice.command({ command: "msg", name: "Bob", text: "one" });
  // Asked for in the same breath: the answer has it.
  assertEquals(await privately(alice, { name: "Bob" }), ["to Bob: one"]);
  await alice.kill();
  // As if the kill had come between the two files.
  for (const file of two.files("Alice")) Deno.removeSync(file);

  const again = await two.back("Alice");
  const bobAgain = await two.back("Bob");
  await bobAgain.until(shows("one"));
  await again.until(delivery("delivered"));
  await again.tell("Bob", "two");
  await bobAgain.until(shows("two"));
  assertEquals(await privately(again, { name: "Bob" }), ["to Bob: one", "to Bob: two"]);
  assertEquals(await privately(bobAgain, { name: "Alice" }), ["Alice: one", "Alice: two"]);
});

Deno.test("private history: it goes by the key, whatever either of them is called", async () => {
  await using two = new Two();
  const [alice, bob] = await two.come();
  await bob.tell("Alice", "hi");
  await alice.until(shows("hi"));
  await bob.ask("name", { new: "Robert" });
  await alice.until(is("renamed"));
  assertEquals(await privately(alice, { name: "Robert" }), ["Robert: hi"]);
  const { key } = bob.events.find(is("ready"))!;
  assertEquals(await privately(alice, { name: key }), ["Robert: hi"]);
});

Deno.test("private history: a damaged file is told, and what was said before and after it is found", async () => {
  await using two = new Two();
  const [alice, bob] = await two.come();
  for (const text of ["one", "two", "three"]) {
    await alice.tell("Bob", text);
    await bob.until(shows(text));
  }
  await alice.untilCount(delivery("delivered"), 3);
  await alice.type(":q");
  assertEquals((await alice.ended()).code, 0);
  const [file] = two.files("Alice");
  Deno.writeTextFileSync(file!, Deno.readTextFileSync(file!).replace("\ttwo\t", "\tTWO\t"));

  const again = await two.back("Alice");
  await again.until(is("joined"));
  await again.tell("Bob", "four");
  await bob.until(shows("four"));
  const told = await again.until((event) =>
    event.event === "notice" && event.text.includes("line 3 is damaged")
  );
  assertStringIncludes(told.text, file!);
  assertEquals(await privately(again, { name: "Bob" }), ["to Bob: one", "to Bob: four"]);
  assertEquals(two.files("Alice").length, 2);
});

Deno.test("private history in a pipe: the lines are as when they came, and what is found says that it was private", async () => {
  await using two = new Two();
  const [alice, bob] = await two.come();
  await bob.tell("Alice", "for you");
  await alice.until(shows("for you"));
  await alice.tell("Bob", "for you, too");
  await bob.until(shows("for you, too"));
  await bob.say("for you all");
  await alice.until(shows("for you all"));
  await alice.kill();

  const args = ["mesh", "Alice", ...LISTEN];
  await using program = TextProgram.start(args, { data: two.data.Alice });
  await program.type("/history Bob");
  await program.type("/search for you");
  await program.type("/history Bob /too/ 5");
  await program.type("/history Nobody");
  await program.type(":q");
  assertEquals(await program.ended(), 0);
  const lines = program.lines.filter((line) => /^(\[|<Bob>)/.test(line));
  const both = ["[Bob -> you] for you", "[you -> Bob] for you, too"];
  assertEquals(lines, [...both, ...both, "<Bob> for you all", both[1]]);
  assertMatch(program.stderr, /Nobody here is called Nobody/);
  assert(program.stdout.split("\n").every((line) => !line.includes("undefined")));
});
