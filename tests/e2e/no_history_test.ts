/** `--no-history`: nothing that is said is on the disk, whatever ends the program. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { delivery, FriendsGroup } from "./friends_group.ts";
import { holds, Node, Nodes, PROGRAM, type ShownEvent } from "./node.ts";
import { hasScript, openTerminal } from "./pty.ts";
import { found } from "./texts_on_disk.ts";

const shows = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;
const is = (name: string) => (event: ShownEvent) => event.event === name;
const notice = (part: string) => (event: ShownEvent) =>
  event.event === "notice" && event.text.includes(part);

/** Alice's profile outlives her programs; Bob keeps what is said. */
class Room extends Nodes {
  readonly alice = Deno.makeTempDirSync({ prefix: "p2pchat-e2e-" });

  constructor() {
    super();
    this.defer(() => Deno.removeSync(this.alice, { recursive: true }));
  }

  async back(...args: readonly string[]): Promise<Node> {
    const node = this.add(
      Node.start(["mesh", "Alice", "--host", "127.0.0.1"], { data: this.alice, args }),
    );
    await node.until(is("ready"));
    return node;
  }
}

const SECRETS = ["said to all", "said to Bob", "said to Alice", "said alone", "said by Bob"];

for (const end of ["leaves", "is killed"] as const) {
  Deno.test(`--no-history in a room: nothing said is on the disk when the program ${end}`, async () => {
    await using room = new Room();
    const flag = { data: room.alice, args: ["--no-history"] };
    const alice = await room.ready("Alice", null, flag);
    await alice.until(notice("Nothing that is said is kept on this disk (--no-history)"));
    await alice.say("said alone");
    await alice.until(shows("said alone"));
    const bob = await room.ready("Bob", alice);
    await alice.until(is("joined"));
    await alice.say("said to all");
    await bob.until(shows("said to all"));
    await bob.say("said by Bob");
    await alice.until(shows("said by Bob"));
    await alice.tell("Bob", "said to Bob");
    await bob.until(shows("said to Bob"));
    await bob.tell("Alice", "said to Alice");
    await alice.until(shows("said to Alice"));
    await bob.until(delivery("delivered"));
    await bob.ask("away", { text: "said by Bob, who is away" });
    await alice.until(is("presence"));
    const { messages } = await alice.ask("history", { name: "Bob" });
    assertEquals(messages.map(({ text }: ShownEvent) => text), ["said to Bob", "said to Alice"]);
    assertEquals((await alice.history()).length, 3, "in memory, as long as the program runs");
    assertEquals(found(room.alice, ...SECRETS), []);
    assertEquals(found(bob.data, ...SECRETS).length > 0, true, "the search finds what is there");
    if (end === "leaves") await alice.type(":q");
    else await alice.kill();
    await alice.status;
    assertEquals(found(room.alice, ...SECRETS), []);

    // The room is found again, and who is there shows what was said.
    const again = await room.back("--no-history");
    await again.until(is("joined"));
    await holds("what was said is there", async () => (await again.history()).length === 3);
    const texts = (await again.history()).map(({ text }: ShownEvent) => text);
    assertEquals(texts, ["said alone", "said to all", "said by Bob"]);
    assertEquals((await again.ask("history", { name: "Bob" })).messages, []);
    await again.say("said again");
    await bob.until(shows("said again"));
    await again.type(":q");
    assertEquals((await again.ended()).code, 0);
    assertEquals(found(room.alice, "said again", ...SECRETS), []);
  });
}

Deno.test("--no-history in a room: of the files that one offers neither name nor path is on the disk; the others fetch them", async () => {
  await using room = new Room();
  const downloads = await Deno.makeTempDir({ prefix: "p2pchat-e2e-" });
  const alice = await room.ready("Alice", null, { data: room.alice, args: ["--no-history"] });
  room.defer(() => Deno.removeSync(downloads, { recursive: true }));
  const bob = await room.ready("Bob", alice, { args: ["--save", downloads] });
  await alice.until(is("joined"));
  const path = `${downloads}/a secret plan.txt`;
  await Deno.writeTextFile(path, "what is in it");
  await alice.command({ command: "send", file: path });
  await alice.until(is("offer"));
  await bob.until(({ event, state }) => event === "transfer" && state === "done");
  const texts = ["a secret plan", btoa("a secret plan.txt").slice(0, 16)];
  const files = `${room.alice}/users/Alice/mesh/${alice.events.find(is("ready"))!.room}/files`;
  const left = () => [...Deno.readDirSync(files)].filter(({ name }) => name.endsWith(".proofs"));
  assertEquals(found(room.alice, ...texts), []);
  assertEquals(Deno.readTextFileSync(`${files}/offers`).includes("own"), false);
  assertEquals(left().length, 1, "it is served as long as the program runs");
  await alice.kill();
  assertEquals(found(room.alice, ...texts), []);
  const again = await room.back("--no-history");
  await again.until(is("joined"));
  // Bob may have said by now that he has it.
  const { files: known } = await again.ask("files");
  assertEquals(known.filter(({ path }: ShownEvent) => path !== undefined), []);
  assertEquals([left(), found(room.alice, ...texts)], [[], []]);
});

Deno.test("--no-history in a room: what waits is lost, as the user is told; what earlier starts kept stays", async () => {
  await using room = new Room();
  const alice = await room.ready("Alice", null, { data: room.alice });
  const bob = await room.ready("Bob", alice);
  await alice.until(is("joined"));
  await alice.tell("Bob", "kept before");
  await bob.until(shows("kept before"));
  await alice.say("for all before");
  await bob.until(shows("for all before"));
  await alice.until(delivery("delivered"));
  await alice.type(":q");
  assertEquals((await alice.ended()).code, 0);

  const forgetting = await room.back("--no-history");
  await forgetting.until(is("joined"));
  await bob.kill();
  await forgetting.until(is("left"));
  await forgetting.tell("Bob", "lost in the end");
  await forgetting.until(delivery("queued"));
  await forgetting.say("to nobody");
  await forgetting.until(shows("to nobody"));
  const { messages } = await forgetting.ask("history", { name: "Bob" });
  assertEquals(messages.map(({ text }: ShownEvent) => text), ["kept before", "lost in the end"]);
  await forgetting.type(":q");
  assertEquals((await forgetting.ended()).code, 0);
  const told = forgetting.events.filter(is("notice")).map(({ text }) => text).join("\n");
  assertStringIncludes(told, "Not delivered: 1 private message for Bob");
  assertStringIncludes(told, "lost, as nothing is kept (--no-history)");

  const last = await room.back();
  assertEquals((await last.history()).map(({ text }: ShownEvent) => text), ["for all before"]);
  const kept = await last.ask("history", { name: "Bob" });
  assertEquals(kept.messages.map(({ text }: ShownEvent) => text), ["kept before"]);
  assertEquals(found(room.alice, "lost in the end", "to nobody"), []);
});

for (const end of ["leaves", "is killed"] as const) {
  Deno.test(`--no-history among friends: nothing said is on the disk when the program ${end}`, async () => {
    await using group = new FriendsGroup("alice", "bob", "carol");
    const bob = await group.start("bob");
    const alice = await group.start("alice", "--no-history");
    await alice.until(notice("Nothing that is said is kept on this disk (--no-history)"));
    await alice.tell("bob", "said to bob");
    await bob.until(shows("said to bob"));
    await bob.tell("alice", "said by bob");
    await alice.until(shows("said by bob"));
    await alice.tell("carol", "said to carol");
    await alice.until((event) => delivery("queued")(event) && event.to === "carol");
    await alice.tell("alice", "said to oneself");
    await alice.until(shows("said to oneself"));
    const texts = ["said to bob", "said by bob", "said to carol", "said to oneself"];
    const { messages } = await alice.ask("history");
    assertEquals(messages.map(({ text }: ShownEvent) => text), texts);
    assertEquals(found(group.data("alice"), ...texts), []);
    assertEquals(found(group.data("bob"), ...texts).length > 0, true, "the search finds it");
    if (end === "is killed") await alice.kill();
    else {
      await alice.type("/exit");
      assertEquals((await alice.ended()).code, 0);
      assertEquals(
        alice.events.filter(notice("Lost: 1 message for carol")).length,
        1,
      );
    }
    assertEquals(found(group.data("alice"), ...texts), []);

    // What both have is known: nothing comes twice, and the next messages do.
    const again = await group.start("alice", "--no-history");
    await bob.tell("alice", "said again");
    await again.until(shows("said again"));
    await again.tell("bob", "said at last");
    await bob.until(shows("said at last"));
    await again.until(delivery("delivered"));
    assertEquals(again.texts("bob"), ["said again"]);
    assertEquals(bob.texts("alice"), ["said to bob", "said at last"]);
    assertEquals((await again.ask("outbox")).messages, []);
    await again.kill();
    assertEquals(found(group.data("alice"), "said again", "said at last", ...texts), []);
  });
}

Deno.test({
  name: "--no-history at a terminal: what is typed isn't kept for the next start",
  ignore: !hasScript(),
  async fn() {
    await using room = new Room();
    const args = `mesh Alice --host 127.0.0.1 --port 0 --no-history --data "${room.alice}"`;
    const command = ["sh", "-c", `exec "${PROGRAM}" ${args} --no-color`];
    await using terminal = await openTerminal({ command, columns: 100 });
    await terminal.untilCursorLine("Alice> |");
    await terminal.press("typed by hand\r");
    await terminal.until("the message", ({ text }) => text.includes("<Alice> typed by hand"));
    await terminal.press("/search by hand\r");
    await terminal.press("\x1b[A");
    await terminal.untilCursorLine("Alice> /search by hand|");
    await terminal.press("\x03:q\r");
    await terminal.until("the end", ({ text }) => text.includes("(--no-history)"));
    await terminal.ended();
    assertEquals(found(room.alice, "by hand"), []);
  },
});
