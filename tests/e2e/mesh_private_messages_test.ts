/** Private messages between real processes that are killed, leave and return. */

import { assert, assertEquals } from "@std/assert";
import { Node, Nodes, PROGRAM, type ShownEvent } from "./node.ts";
import { hasScript, openTerminal } from "./pty.ts";
import { canMount, fill, mount, unmount } from "./small_disk.ts";

const joined = (name: string) => (event: ShownEvent) =>
  event.event === "joined" && event.name === name;
const left = (name: string) => (event: ShownEvent) => event.event === "left" && event.name === name;
const shows = (text: string) => (event: ShownEvent) =>
  event.event === "message" && !event.self && event.text === text;
const delivery = (state: string) => (event: ShownEvent) =>
  event.event === "delivery" && event.state === state;
const notice = (text: string) => (event: ShownEvent) =>
  event.event === "notice" && event.text === text;

/** Members whose profiles outlive their processes. */
class Room extends Nodes {
  readonly #data = new Map<string, string>();

  async come(name: string, contact: Node | null): Promise<Node> {
    return await this.ready(name, contact, { data: this.#dataOf(name) });
  }

  /** Restarts a member in its room, at its former port. */
  async back(name: string): Promise<Node> {
    const options = { data: this.#dataOf(name) };
    const node = this.add(Node.start(["mesh", name, "--host", "127.0.0.1"], options));
    await node.until(({ event }) => event === "ready");
    return node;
  }

  async leaves(node: Node): Promise<void> {
    await node.type(":q");
    assertEquals((await node.ended()).code, 0);
  }

  #dataOf(name: string): string {
    const known = this.#data.get(name);
    if (known !== undefined) return known;
    const data = Deno.makeTempDirSync({ prefix: "p2pchat-e2e-" });
    this.defer(() => Deno.removeSync(data, { recursive: true }));
    this.#data.set(name, data);
    return data;
  }

  /** Alice founds a room, and Bob joins it. */
  async two(): Promise<readonly [Node, Node]> {
    const alice = await this.come("Alice", null);
    const bob = await this.come("Bob", alice);
    await alice.until(joined("Bob"));
    return [alice, bob];
  }
}

/** The private texts that a node was shown, and whether each was shown as history. */
function received(node: Node): readonly (readonly [string, boolean])[] {
  return node.events.filter((event) => event.event === "message" && event.private && !event.self)
    .map(({ text, history }) => [text, history] as const);
}

Deno.test("private messages: to one who was killed are kept, and shown once when he is back", async () => {
  await using room = new Room();
  const [alice, bob] = await room.two();
  await bob.kill();
  await alice.until(left("Bob"));

  await alice.tell("bob", "one", "r1");
  await alice.tell("Bob", "two\nlines", "r2");
  const queued = await alice.untilCount(delivery("queued"), 2);
  const status = await alice.ask("status");
  const again = await room.back("Bob");
  const delivered = await alice.untilCount(delivery("delivered"), 2);
  await alice.until(notice("Bob has the 2 messages that waited"));
  await alice.tell("Bob", "three");
  await again.until(shows("three"));

  assertEquals(queued.map(({ to, ref, waiting }) => [to, ref, waiting]), [
    ["Bob", "r1", 1],
    ["Bob", "r2", 2],
  ]);
  assertEquals([status.waiting, status.unsent], [[{ name: "Bob", messages: 2 }], 2]);
  assertEquals(delivered.map(({ id, ref }) => [id, ref]), queued.map(({ id, ref }) => [id, ref]));
  assertEquals(received(again).map(([text]) => text), ["one", "two\nlines", "three"]);
});

Deno.test("private messages: a sender that is killed once they are queued delivers them at the next start", async () => {
  await using room = new Room();
  const [alice, bob] = await room.two();
  await room.leaves(bob);
  await alice.until(left("Bob"));
  await alice.tell("Bob", "kept", "r");
  const queued = await alice.until(delivery("queued"));
  await alice.kill();

  const aliceAgain = await room.back("Alice");
  await aliceAgain.until(
    notice("Still kept: 1 private message for Bob; sent when you are both here"),
  );
  const bobAgain = await room.back("Bob");
  const delivered = await aliceAgain.until(delivery("delivered"));
  await aliceAgain.until(notice("Bob has the message that waited"));
  await bobAgain.until(shows("kept"));

  assertEquals([delivered.id, delivered.to], [queued.id, "Bob"]);
  assertEquals(received(bobAgain), [["kept", true]]);
});

Deno.test("private messages: a sender that is killed while they are under way repeats nothing that was new", async () => {
  await using room = new Room();
  const [alice, bob] = await room.two();
  for (let round = 0; round < 2; round++) {
    const sender = round === 0 ? alice : await room.back("Alice");
    if (round > 0) await sender.until(joined("Bob"));
    for (let n = 0; n < 50; n++) await sender.tell("Bob", `${round}.${n}`);
    await sender.untilCount(delivery("queued"), 25);
    await sender.kill();
  }
  const last = await room.back("Alice");
  await last.until(joined("Bob"));
  await last.tell("Bob", "end");
  await bob.until(shows("end"));

  const texts = received(bob).map(([text]) => text);
  assertEquals(new Set(texts).size, texts.length);
  for (let round = 0; round < 2; round++) {
    const ofRound = texts.filter((text) => text.startsWith(`${round}.`));
    assert(ofRound.length >= 25, `${ofRound.length} of round ${round}`);
    assertEquals(ofRound, Array.from(ofRound, (_, n) => `${round}.${n}`));
  }
});

Deno.test("private messages: both are away in turn, and everything arrives once, in order", async () => {
  await using room = new Room();
  const [alice, bob] = await room.two();
  await room.leaves(bob);
  await alice.until(left("Bob"));
  await alice.tell("Bob", "first");
  await alice.until(delivery("queued"));
  await room.leaves(alice);
  const kept = "Kept: 1 private message for Bob; sent when you are both here again";
  assert(alice.events.some(notice(kept)));

  const bobAlone = await room.back("Bob");
  await bobAlone.tell("Alice", "to you, too");
  await bobAlone.until(delivery("queued"));
  await room.leaves(bobAlone);
  const aliceAlone = await room.back("Alice");
  await aliceAlone.tell("Bob", "second");
  await aliceAlone.until(delivery("queued"));
  const bobAgain = await room.back("Bob");
  await bobAgain.until(shows("second"));
  await aliceAlone.until(shows("to you, too"));
  await aliceAlone.untilCount(delivery("delivered"), 2);
  await bobAgain.until(delivery("delivered"));

  assertEquals(received(bobAgain), [["first", true], ["second", false]]);
  assertEquals(received(aliceAlone), [["to you, too", true]]);
  assertEquals(received(bobAlone), []);
});

Deno.test("private messages: a pipe waits for a receiver that is there, and nothing is refused", async () => {
  await using room = new Room();
  const [alice, bob] = await room.two();
  const texts = Array.from({ length: 1_200 }, (_, n) => `${n}`);

  await alice.type(["to all", ...texts.map((text) => `/msg Bob ${text}`)].join("\n"));
  await alice.untilCount(delivery("delivered"), texts.length);
  await bob.until(shows(texts.at(-1)!));

  assertEquals(alice.events.filter(({ event }) => event === "error"), []);
  assertEquals(received(bob).map(([text]) => text), texts);

  // To a name that nobody ever had here.
  await alice.tell("Bbo", "x", "r");
  const refused = await alice.until(({ event }) => event === "error");
  assertEquals([refused.code, refused.ref], ["unknown-user", "r"]);
});

Deno.test("private messages: a receiver that is killed right after showing isn't shown them as new again", async () => {
  await using room = new Room();
  const [alice, bob] = await room.two();
  let receiver = bob;
  const news: string[] = [];
  for (let round = 0; round < 2; round++) {
    await alice.tell("Bob", `${round}`);
    await receiver.until(shows(`${round}`));
    await receiver.kill();
    news.push(...received(receiver).flatMap(([text, history]) => history ? [] : [text]));
    receiver = await room.back("Bob");
    await alice.untilCount(delivery("delivered"), round + 1);
    await alice.untilCount(joined("Bob"), round + 2);
  }

  assertEquals(news, ["0", "1"]);
});

Deno.test({
  name: "private messages: what the disk refuses is neither sent nor kept, and what comes is shown",
  ignore: !canMount(),
  async fn() {
    await using room = new Room();
    const disk = Deno.makeTempDirSync({ prefix: "p2pchat-disk-" });
    room.defer(() => Deno.removeSync(disk, { recursive: true }));
    await mount(disk);
    room.defer(() => unmount(disk));
    const alice = await room.come("Alice", null);
    const bob = await room.ready("Bob", alice, { data: disk });
    await alice.until(joined("Bob"));
    await fill(disk);

    await bob.tell("Alice", "x".repeat(60_000), "r");
    const refused = await bob.until(({ event }) => event === "error");
    await alice.tell("Bob", "are you there?");
    await bob.until(shows("are you there?"));
    await alice.until(delivery("delivered"));
    Deno.removeSync(`${disk}/filling`);
    await bob.tell("Alice", "yes");
    await alice.until(shows("yes"));
    await bob.until(delivery("delivered"));

    assertEquals([refused.code, refused.ref], ["disk", "r"]);
    assertEquals(received(alice), [["yes", false]]);
    assertEquals(bob.events.filter(delivery("queued")).length, 1);
  },
});

Deno.test({
  name: "private messages at a terminal: that one is kept, and has arrived, is one line each",
  ignore: !hasScript(),
  async fn() {
    await using room = new Room();
    const bob = await room.come("Bob", null);
    const data = Deno.makeTempDirSync({ prefix: "p2pchat-e2e-" });
    room.defer(() => Deno.removeSync(data, { recursive: true }));
    const words = `mesh Alice 127.0.0.1 ${bob.port} --host 127.0.0.1 --port 0 --data "${data}"`;
    const command = ["sh", "-c", `exec "${PROGRAM}" ${words} --no-color`];
    await using terminal = await openTerminal({ command, columns: 100 });
    await terminal.untilCursorLine("Alice> |");
    await bob.until(joined("Alice"));
    await terminal.press("/msg Bob here\r");
    await bob.until(shows("here"));
    await bob.ask("status"); // what it has shown is acknowledged by then
    await room.leaves(bob);
    await terminal.until("that Bob left", ({ text }) => text.includes("Bob left"));

    await terminal.press("/msg bo\t");
    await terminal.untilCursorLine("Alice> /msg Bob |");
    await terminal.press("away\r");
    await terminal.until("that it waits", ({ text }) => text.includes("(1 waiting)"));
    await terminal.press("/status\r");
    await terminal.until("the status", ({ text }) => text.includes("waits for Bob."));
    const again = await room.back("Bob");
    await again.until(shows("away"));
    await terminal.until("that it arrived", ({ text }) => text.includes("that waited"));

    const lines = terminal.screen.lines.map((line) => line.replace(/^\d\d:\d\d /, ""));
    const from = lines.indexOf("[you -> Bob] here");
    const rest = /^(Alice>|Room of|Nobody|Your key)/;
    assertEquals(lines.slice(from, -1).filter((line) => !rest.test(line)), [
      "[you -> Bob] here",
      "* Bob left (quit)",
      "[you -> Bob] away",
      "! Bob isn't there; kept, and sent when they are back (1 waiting)",
      "1 of your messages waits for Bob.",
      "* Bob joined (127.0.0.1)",
      "* Bob has the message that waited",
    ]);
    assertEquals(terminal.screen.unexpected, []);
  },
});
