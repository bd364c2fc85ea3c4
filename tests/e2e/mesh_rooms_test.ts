/** The rooms of one profile: coming back to each of them, listing them, and being in several at once. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { jsonFailureOf } from "./failures.ts";
import { canMakeHosts } from "./hosts.ts";
import { Node, Nodes, type ShownEvent } from "./node.ts";
import { slow } from "../given.ts";

const LISTEN = ["--host", "127.0.0.1", "--port", "0"];

const notice = (part: string) => (event: ShownEvent) =>
  event.event === "notice" && event.text.includes(part);
const text = (wanted: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === wanted;
const isRooms = ({ event }: ShownEvent) => event === "rooms";

/** Starts of one profile, Alice's. */
class Profile implements AsyncDisposable {
  readonly nodes = new Nodes();
  readonly data = Deno.makeTempDirSync({ prefix: "p2pchat-rooms-" });

  async start(...args: readonly string[]): Promise<Node> {
    const node = this.nodes.add(
      Node.start(["mesh", "Alice", ...LISTEN, ...args], { data: this.data }),
    );
    await node.until(({ event }) => event === "ready");
    return node;
  }

  /** A start that says something, and leaves. @returns What it showed. */
  async visit(said: string, ...args: readonly string[]): Promise<readonly ShownEvent[]> {
    const node = await this.start(...args);
    await node.say(said);
    await node.until(text(said));
    await node.type(":q");
    assertEquals((await node.ended()).code, 0);
    return node.events;
  }

  failure(...args: readonly string[]) {
    return jsonFailureOf(["mesh", "Alice", ...LISTEN, ...args], this.data);
  }

  /** What `p2pchat rooms --mine` shows. */
  async rooms(): Promise<readonly ShownEvent[]> {
    const listing = this.nodes.add(Node.start(["rooms", "--mine", "Alice"], { data: this.data }));
    const { rooms } = await listing.until(isRooms);
    assertEquals((await listing.ended()).code, 0);
    return rooms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nodes.disposeAsync();
    Deno.removeSync(this.data, { recursive: true });
  }
}

async function said(node: Node): Promise<readonly string[]> {
  return (await node.history()).map((entry: ShownEvent) => entry.text);
}

Deno.test("mesh: a command that founded a room goes back to it when it is repeated; --new founds another", async () => {
  await using profile = new Profile();
  await profile.visit("open", "--title", "Club");
  await profile.visit("secret", "--private");

  const again = await profile.start("--private");
  await again.until(notice("Back in your last private room"));
  assertEquals(await said(again), ["secret"]);
  await again.type(":q");
  await again.ended();
  const last = await profile.start();
  assertEquals(await said(last), ["secret"]);
  await last.type(":q");
  await last.ended();
  await profile.visit("other", "--private", "--new");
  await profile.visit("third", "--new");
  const privately = await profile.start("--private");
  assertEquals(await said(privately), ["other"]);
  await privately.type(":q");
  await privately.ended();

  assertEquals((await profile.rooms()).map(({ private: isPrivate }) => isPrivate), [
    true,
    false,
    true,
    false,
  ]);
});

Deno.test("mesh: any room of the profile is opened by its title or the start of its id, alone too", async () => {
  await using profile = new Profile();
  await profile.visit("in the club", "--title", "The club");
  await profile.visit("at home", "--private", "--title", "Home");
  const [home, club] = await profile.rooms();

  for (const [room, wanted] of [["the CLUB", "in the club"], [home!.room.slice(0, 6), "at home"]]) {
    const node = await profile.start("--room", room!);
    assertEquals(await said(node), [wanted]);
    await node.type(":q");
    await node.ended();
  }
  const failed = await profile.failure("--room", "garden");
  assertEquals([failed.code, failed.status], ["usage", 2]);
  for (const room of [home!, club!]) {
    assertStringIncludes(failed.text, `${room.room.slice(0, 8)} ("${room.title}")`);
  }
});

Deno.test("mesh: rooms are listed with the names under which members spoke last, be it a former one again", async () => {
  await using profile = new Profile();
  const alice = await profile.start("--new");
  const join = (by: Node | null) => profile.nodes.add(Node.mesh("Bob", by, { data: bobs }));
  const bobs = `${profile.data}/bobs`;
  const bob = join(alice);
  await bob.until(({ event }) => event === "ready");
  await bob.type("/name Robert");
  await alice.until(({ event, name }) => event === "renamed" && name === "Robert");
  await bob.kill();
  const again = join(null);
  await again.until(({ event }) => event === "ready");
  await again.say("as before");
  await alice.until(text("as before"));

  const { rooms: [room] } = await alice.ask("rooms");
  assertEquals([room.members, room.last.from], [["Alice", "Bob"], "Bob"]);
});

Deno.test("mesh: a room is given a title, and another one, by starting again with it", async () => {
  await using profile = new Profile();
  await profile.visit("without a title");
  for (const title of ["Club", "Inn"]) {
    const node = await profile.start("--title", title);
    const { rooms } = await node.ask("rooms");
    assertEquals(rooms.map((room: ShownEvent) => room.title), [title]);
    await node.type(":q");
    await node.ended();
    assertEquals((await profile.rooms()).map((room) => room.title), [title]);
  }

  const node = await profile.start("--room", "inn");
  assertEquals(await said(node), ["without a title"]);
  await node.type(":q");
  await node.ended();
  assertEquals((await profile.rooms()).map(({ title }) => title), ["Inn"]);
});

Deno.test("mesh: the rooms of a profile are listed, by the program and in a room", async () => {
  await using profile = new Profile();
  const bob = await profile.nodes.ready("Bob", null);
  const [, port] = ["127.0.0.1", String(bob.port)];
  const alice = await profile.start("127.0.0.1", port, "--title", "Bob's");
  await alice.say("hi\nBob");
  await bob.until(text("hi\nBob"));
  await bob.say("unseen");
  await alice.until(text("unseen"));
  await alice.ask("ignore", { name: "Bob" });
  await alice.type(":q");
  await alice.ended();
  const privately = await profile.start("--private");
  const { rooms, ref } = await privately.ask("rooms");
  assert(ref !== undefined);
  const mine = await profile.rooms();
  const here = { number: 1, current: true, people: 1, unseen: 0 };
  assertEquals(rooms, [{ ...mine[0], here }, mine[1]]);

  const [own, bobs] = rooms;
  assertMatch(own.room, /^[0-9a-f]{64}$/);
  assertEquals([own.title, own.private, own.members, own.last], [null, true, ["Alice"], null]);
  assertEquals([bobs.title, bobs.private, bobs.members.toSorted()], ["Bob's", false, [
    "Alice",
    "Bob",
  ]]);
  const { at, ...last } = bobs.last;
  assertEquals(last, { from: "Alice", text: "hi\nBob" });
  assert(!Number.isNaN(Date.parse(at)));

  const unlisted = await jsonFailureOf(["rooms", "Alice"], profile.data);
  assertEquals([unlisted.code, unlisted.status], ["usage", 2]);
  assertStringIncludes(unlisted.text, "rooms --mine");
  const nobody = await jsonFailureOf(["rooms", "--mine", "Zoe"], profile.data);
  assertEquals([nobody.code, nobody.status], ["unknown-user", 2]);
  assertEquals([...Deno.readDirSync(`${profile.data}/users`)].map(({ name }) => name).sort(), [
    ".lock",
    "Alice",
  ]);
  for (let n = 1; n <= 9; n++) Deno.mkdirSync(`${profile.data}/users/M${n}`);
  const unnamed = await jsonFailureOf(["rooms", "--mine"], profile.data);
  assertEquals(
    unnamed.text,
    "Name the profile: there are Alice, M1, M2, M3, M4, M5, M6, M7 and 2 more",
  );
});

slow.test("mesh: one person is in several rooms at once, each in its own process, and in none twice", async () => {
  await using profile = new Profile();
  const bob = await profile.nodes.ready("Bob", null);
  const carol = await profile.nodes.ready("Carol", null);
  const contact = (node: Node) => ["127.0.0.1", String(node.port)];

  const [atBobs, atCarols, own] = await Promise.all([
    profile.start(...contact(bob)),
    profile.start(...contact(carol)),
    profile.start("--private"),
  ]);
  await atBobs.say("to Bob");
  await atCarols.say("to Carol");
  await bob.until(text("to Bob"));
  await carol.until(text("to Carol"));
  for (const args of [contact(bob), ["--private"], ["--room", (await profile.rooms())[0]!.room]]) {
    const { code, status } = await profile.failure(...args);
    assertEquals([code, status], ["in-use", 4], args.join(" "));
  }
  await atBobs.say("still here");
  await bob.until(text("still here"));
  assertEquals(bob.events.filter(({ event }) => event === "left"), []);

  const keys = [atBobs, atCarols, own].map(({ events }) =>
    events.find(({ event }) => event === "ready")!.key
  );
  assertEquals(new Set(keys).size, 1);
  const pins = Deno.readTextFileSync(`${profile.data}/users/Alice/known_peers`);
  for (const name of ["Bob", "Carol"]) assertMatch(pins, new RegExp(`\tmesh:\\w+\t${name}\t`));
});

Deno.test("mesh: a refused start leaves no profile behind", async () => {
  await using profile = new Profile();
  const ann = profile.nodes.add(Node.start(["mesh", "Ann", "--private", ...LISTEN]));
  await ann.until(({ event }) => event === "ready");
  const { code } = await profile.failure("127.0.0.1", String(ann.port));
  assertEquals(code, "bad-credentials");
  const { code: other } = await profile.failure("127.0.0.1", "1");
  assertEquals(other, "unreachable");
  const left = [...Deno.readDirSync(`${profile.data}/users`)].filter((one) => one.isDirectory);
  assertEquals(left, []);
});

Deno.test("mesh: who uses a profile under another spelling is told whose it is, and who takes a name, how long it lasts", async () => {
  await using profile = new Profile();
  await profile.visit("hi");
  const alice = profile.nodes.add(Node.start(["mesh", "ALICE", ...LISTEN], { data: profile.data }));
  await alice.until(notice("This is Alice's profile; here you are called ALICE"));
  await alice.command({ command: "name", new: "Zed" });
  await alice.until(notice("You are called Zed until you leave"));
});

Deno.test("mesh: who comes back and asks for it is shown the last messages again, then since when they were away", async () => {
  await using profile = new Profile();
  await profile.visit("one");
  await profile.visit("two");

  const asking = await profile.start("--history", "1");
  await asking.until(({ event }) => event === "returned");
  const returned = asking.events.findIndex(({ event }) => event === "returned");
  assertEquals(
    asking.events.slice(0, returned).flatMap(({ event, text, history, self }) =>
      event === "message" ? [[text, history, self]] : []
    ),
    [["two", true, true]],
  );
  const awayMs = Date.now() - Date.parse(asking.events[returned]!.since);
  assert(awayMs >= 0 && awayMs < 60_000, String(awayMs));
  await asking.type(":q");
  await asking.ended();
  const not = await profile.start();
  assertEquals(not.events.filter(({ event }) => event === "returned" || event === "message"), []);
  await not.type(":q");
  await not.ended();
});

Deno.test("mesh: what was said is found by a part of it, in capitals or not; the last ones by their number", async () => {
  await using profile = new Profile();
  await profile.visit("Dinner at six?");
  await profile.visit("no");
  await profile.visit("then DINNER AT 7/8");
  const node = await profile.start();
  let asked = 0;
  const found = async (command: string, args: Record<string, unknown>) => {
    const ref = String(++asked);
    await node.type(JSON.stringify({ command, ...args, ref }));
    const { messages, searched } = await node.until((event) => event.ref === ref);
    return [searched, ...messages.map((each: ShownEvent) => each.text)];
  };

  const both = ["Dinner at six?", "then DINNER AT 7/8"];
  assertEquals(await found("search", { text: "dinner at" }), ["dinner at", ...both]);
  assertEquals(await found("history", { text: "DINNER", n: 1 }), ["DINNER", both[1]]);
  assertEquals(await found("history", { n: 1 }), [undefined, both[1]]);
  assertEquals(await found("search", { text: "supper" }), ["supper"]);
  await node.type("/history /7/8/ 5");
  const typed = await node.until(({ event, searched }) =>
    event === "history" && searched === "7/8"
  );
  assertEquals(typed.messages.map((each: ShownEvent) => each.text), [both[1]]);
  await node.type(":q");
  await node.ended();
});

Deno.test({
  name: "a room that is open in another container is in use there, whatever process ids say",
  ignore: !canMakeHosts(),
  async fn() {
    await using nodes = new Nodes();
    const within = ["unshare", "--pid", "--fork", "--kill-child"];
    const { data } = await nodes.ready("ann", null, { within });
    const { code, last } = await nodes.add(Node.mesh("ann", null, { within, data })).ended();

    assertEquals([code, last?.code], [4, "in-use"]);
    assertMatch(last?.text, /twice: another process is in it as you already/);
  },
});
