/** Several rooms in one console: in pipes, as text and as `--json`. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Node, Nodes, type ShownEvent } from "./node.ts";
import { TextProgram } from "./text_program.ts";

const text = (wanted: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === wanted;
const named = (wanted: string) => ({ event }: ShownEvent) => event === wanted;
const roomOf = (node: Node): string => node.events.find(named("ready"))!.room;

function contact(node: Node): string {
  return `127.0.0.1 ${node.port}`;
}

/** Alice, who founds a room, and Bob and Carol, who are in a room of their own each. */
class World implements AsyncDisposable {
  readonly nodes = new Nodes();
  readonly data = Deno.makeTempDirSync({ prefix: "p2pchat-console-" });

  private constructor(readonly bob: Node, readonly carol: Node) {
    this.nodes.add(bob);
    this.nodes.add(carol);
  }

  static async open(): Promise<World> {
    const [bob, carol] = await Promise.all([Node.ready("Bob", null), Node.ready("Carol", null)]);
    return new World(bob, carol);
  }

  /** Alice, in Bob's room. */
  async alice(...args: readonly string[]): Promise<Node> {
    const alice = this.nodes.add(
      await Node.ready("Alice", this.bob, { data: this.data, args: ["--title", "Bob's", ...args] }),
    );
    await this.bob.until(named("joined"));
    return alice;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nodes.disposeAsync();
    Deno.removeSync(this.data, { recursive: true });
  }
}

Deno.test("console: a script is in two rooms; events and objects say which one", async () => {
  await using world = await World.open();
  const { bob, carol } = world;
  const alice = await world.alice();
  const before = alice.events.length;
  await alice.command({ command: "join", where: `${contact(carol)} --title Club`, ref: "j" });
  const ready = await alice.until(named("ready"), undefined, before);
  const current = await alice.until(named("room"), undefined, before);
  assertEquals([ready.room, ready.ref, current.ref], [roomOf(carol), "j", "j"]);
  assertEquals([current.room, current.number, current.title], [roomOf(carol), 2, "Club"]);
  assert(ready.port !== alice.port, "each room listens at a port of its own");

  await alice.say("to the club");
  await carol.until(text("to the club"));
  await bob.say("from Bob");
  assertEquals((await alice.until(text("from Bob"))).room, roomOf(bob));
  await alice.command({ command: "msg", text: "to Bob", room: roomOf(bob), ref: "b" });
  await bob.until(text("to Bob"));
  await bob.tell("Alice", "for you alone");
  assertEquals((await alice.until(text("for you alone"))).room, roomOf(bob));
  const { peers, room } = await alice.ask("peers", { room: roomOf(bob) });
  assertEquals([room, peers.map(({ name }: ShownEvent) => name)], [
    roomOf(bob),
    ["Alice", "Bob"],
  ]);
  const unknown = await alice.ask("peers", { room: "nowhere" });
  assertEquals([unknown.event, unknown.code], ["error", "usage"]);

  const { rooms } = await alice.ask("rooms");
  assertEquals(rooms.map(({ room, title, here }: ShownEvent) => [room, title, here]), [
    [roomOf(bob), "Bob's", { number: 1, current: false, people: 2, unseen: 2 }],
    [roomOf(carol), "Club", { number: 2, current: true, people: 2, unseen: 0 }],
  ]);
  await alice.type("/room Bob's");
  await alice.type("plainly");
  await bob.until(text("plainly"));

  const parting = alice.events.length;
  await alice.command({ command: "part", ref: "p" });
  const parted = await alice.until(named("parted"), undefined, parting);
  assertEquals([parted.room, parted.ref, parted.reason], [roomOf(bob), "p", "quit"]);
  await bob.until(named("left"));
  await alice.say("still in the club");
  await carol.until(text("still in the club"));
  await alice.type("/leave");
  const { code } = await alice.ended();
  assertEquals([code, alice.events.at(-1)!.event], [0, "bye"]);
  assertEquals((await carol.until(named("left"))).reason, "quit");
});

Deno.test("console: a room that can't be joined, or is held elsewhere, leaves the others running", async () => {
  await using world = await World.open();
  const { bob, carol, data } = world;
  const elsewhere = world.nodes.add(await Node.ready("Alice", carol, { data }));
  const alice = await world.alice();
  const fails = async (where: string) => {
    const { event, code, text } = await alice.ask("join", { where });
    assertEquals(event, "error", where);
    return [code, text];
  };
  const [held, why] = await fails(`--room ${roomOf(carol).slice(0, 8)}`);
  assertEquals(held, "in-use");
  assertMatch(why, new RegExp(`process ${elsewhere.pid} is in it as you already`));
  assertEquals((await fails(contact(carol)))[0], "in-use");
  const [twice, here] = await fails(`--room ${roomOf(bob)}`);
  assertEquals(twice, "in-use");
  assertMatch(here, /You are in the room .* already, here: \/rooms says which number it has/);
  assertEquals((await fails(contact(bob)))[0], "in-use");
  assertEquals((await fails("127.0.0.1 1"))[0], "unreachable");
  assertEquals((await fails("--room garden"))[0], "usage");
  assertEquals((await fails("--nonsense"))[0], "usage");
  await alice.say("still here");
  await bob.until(text("still here"));
  await elsewhere.say("I, too");
  await carol.until(text("I, too"));
  assertEquals(bob.events.filter(named("left")), []);

  // Once it is left there, it is free; and the room that was there first may be the one that goes.
  await elsewhere.type(":q");
  await elsewhere.ended();
  const before = alice.events.length;
  await alice.command({ command: "join", where: `--room ${roomOf(carol)}`, ref: "again" });
  await alice.until(named("ready"), undefined, before);
  await alice.command({ command: "part", room: roomOf(bob) });
  await bob.until(named("left"));
  await alice.say("back in Carol's");
  await carol.until(text("back in Carol's"));
  await alice.type(":q");
  assertEquals((await alice.ended()).code, 0);
});

Deno.test("console: who was killed comes back to each room, and to what was said there meanwhile", async () => {
  await using world = await World.open();
  const { bob, carol } = world;
  const alice = await world.alice();
  await alice.command({ command: "join", where: contact(carol) });
  await alice.until(({ event, room }) => event === "room" && room === roomOf(carol));
  await alice.say("before");
  await carol.until(text("before"));
  await alice.kill();
  await bob.say("while you were away, Bob");
  await carol.say("while you were away, Carol");

  const again = await Node.ready("Alice", null, {
    data: world.data,
    args: ["--room", "BOB'S"],
  });
  world.nodes.add(again);
  await again.until(text("while you were away, Bob"));
  await again.command({ command: "join", where: roomOf(carol).slice(0, 8) });
  const missed = await again.until(text("while you were away, Carol"));
  assertEquals(missed.room, roomOf(carol));
  await again.say("after");
  await carol.until(text("after"));
  const { messages } = await again.ask("history");
  assertEquals(messages.map(({ text }: ShownEvent) => text), [
    "before",
    "while you were away, Carol",
    "after",
  ]);
});

Deno.test("console: what is found of a key in one room holds in the others", async () => {
  await using world = await World.open();
  const { bob, carol, nodes } = world;
  const alice = await world.alice();
  const atCarols = nodes.add(await Node.ready("Bob", carol, { data: bob.data }));
  await alice.command({ command: "join", where: contact(carol) });
  await alice.until(({ event, room }) => event === "room" && room === roomOf(carol));
  await alice.until(({ event, name, room }) =>
    event === "joined" && name === "Bob" && room === roomOf(carol)
  );
  await alice.command({ command: "verify", name: "Bob", answer: "no", room: roomOf(bob) });
  const renamed = await alice.until(({ event, room }) =>
    event === "renamed" && room === roomOf(carol)
  );
  assertMatch(renamed.name, /^Bob~/);
  await atCarols.type(":q");
  await atCarols.ended();
});

Deno.test("console: who is away is so in all rooms, also in one that is joined later", async () => {
  await using world = await World.open();
  const { bob, carol } = world;
  const alice = await world.alice();
  const isAlice = (away: string | undefined) => (event: ShownEvent) =>
    event.event === "presence" && event.name === "Alice" && event.away === away;
  await alice.ask("away", { text: "lunch" });
  await bob.until(isAlice("lunch"));
  await alice.command({ command: "join", where: contact(carol) });
  await carol.until(isAlice("lunch"));
  assertEquals((await carol.ask("whois", { name: "Alice" })).away, "lunch");
  const back = await alice.ask("back", { room: roomOf(bob) });
  assertEquals([back.event, back.room], ["presence", roomOf(bob)]);
  await Promise.all([bob.until(isAlice(undefined)), carol.until(isAlice(undefined))]);
});

Deno.test("console: a search finds in all rooms, private words too, and says where; with a room it looks there alone", async () => {
  await using world = await World.open();
  const { bob, carol } = world;
  const alice = await world.alice();
  await alice.command({ command: "join", where: `${contact(carol)} --title Club` });
  await alice.until(({ event, room }) => event === "room" && room === roomOf(carol));
  await bob.say("Dinner at eight?");
  await alice.until(text("Dinner at eight?"));
  await carol.tell("Alice", "no dinner for me");
  await alice.until(text("no dinner for me"));
  await alice.say("dinner it is");
  await alice.until(text("dinner it is"));

  const found = await alice.ask("search", { text: "dinner" });
  assertEquals(found.event, "history");
  const said = found.messages.map((each: ShownEvent) => [each.text, each.room, each.title]);
  assertEquals(said, [
    ["Dinner at eight?", roomOf(bob), "Bob's"],
    ["no dinner for me", roomOf(carol), "Club"],
    ["dinner it is", roomOf(carol), "Club"],
  ]);
  assertEquals(found.rooms, [roomOf(bob), roomOf(carol)]);
  const there = await alice.ask("search", { text: "dinner", room: roomOf(bob) });
  assertEquals([there.room, there.messages.length, there.rooms], [roomOf(bob), 1, undefined]);
});

Deno.test("console: the next start is in the room where one was, killed or not, and says once what else was open", async () => {
  await using world = await World.open();
  const { bob, carol, data } = world;
  const alice = await world.alice();
  await alice.command({ command: "join", where: `${contact(carol)} --title Club` });
  await alice.until(({ event, room }) => event === "room" && room === roomOf(carol));
  await alice.type("/room 1");
  await alice.until(({ event, room }) => event === "room" && room === roomOf(bob));
  await alice.type(":q");
  await alice.ended();

  const told = ({ event, text }: ShownEvent) =>
    event === "notice" && /^You also had .* open/.test(text);
  const start = async () => {
    const node = world.nodes.add(await Node.ready("Alice", null, { data }));
    assertEquals((await node.ask("history")).room ?? roomOf(node), roomOf(bob));
    return node;
  };
  const again = await start();
  const { text: said } = await again.until(told);
  const id = roomOf(carol).slice(0, 8);
  assertEquals(said, `You also had ${id} ("Club") open: /join Club opens it`);
  await again.say("I am back");
  await again.until(text("I am back"));
  await again.kill();
  const third = await start();
  assertEquals(third.events.filter(told), []);

  await third.command({ command: "join", where: "Club" });
  await third.until(({ event, room }) => event === "room" && room === roomOf(carol));
  await third.type("/room 1");
  await third.until(({ event, room }) => event === "room" && room === roomOf(bob));
  await third.command({ command: "part", room: roomOf(carol) });
  await third.until(named("parted"));
  await third.type(":q");
  await third.ended();
  assertEquals((await start()).events.filter(told), []);
});

Deno.test("console: an invite leads into a private room, and other rooms are founded", async () => {
  await using world = await World.open();
  const { bob, nodes } = world;
  const alice = await world.alice();
  const dave = nodes.add(Node.start([
    ..."mesh Dave --private --host 127.0.0.1 --port 0".split(" "),
  ]));
  await dave.until(named("ready"));
  const { invite } = await dave.ask("invite");
  await alice.type(`/join ${invite}`);
  await alice.until(({ event, room }) => event === "room" && room === roomOf(dave));
  await alice.say("let in");
  await dave.until(text("let in"));
  await alice.type("/join --new --title Own");
  const own = await alice.until(({ event, title }) => event === "room" && title === "Own");
  assertEquals(own.number, 3);
  for (let number = 4; number <= 8; number++) {
    await alice.type("/join --new");
    await alice.until((event) => event.event === "room" && event.number === number);
  }
  const full = await alice.ask("join", { where: "--new" });
  assertEquals([full.event, full.code], ["error", "full"]);
  alice.signal("SIGTERM");
  assertEquals((await alice.ended()).code, 0);
  for (const node of [bob, dave]) {
    assertEquals((await node.until(named("left"))).reason, "quit");
  }
});

Deno.test("console: in a pipe lines of other rooms are marked, and lines after /join are for that room", async () => {
  await using world = await World.open();
  const { bob, carol, data } = world;
  await using alice = TextProgram.mesh("Alice", bob.port, ["--title", "Home"], { data });
  await alice.until(/Bob is the founder/);
  await alice.type(`/join ${contact(carol)}`, "hello, Carol", "/room home", "hello, Bob");
  await carol.until(text("hello, Carol"));
  await bob.until(text("hello, Bob"));
  await carol.say("hello\nAlice");
  await alice.until(/#2 <Carol> hello/);
  await bob.say("hi");
  await alice.until(/<Bob> hi/);
  await alice.type("/rooms");
  await alice.until(/there now, you are here/);
  await carol.type(":q");
  await alice.until(/#2 \* Carol left/);
  await alice.type("/part");
  await alice.until(/You are in room 2 now; 1 message/);
  await alice.type("/part", "not said");
  assertEquals(await alice.ended(), 0);

  const lines = alice.lines;
  // Two rooms, two disks: either may be the first to have stored what was said.
  const own = lines.filter((line) => line.includes("<Alice>"));
  assertEquals(own.toSorted(), ["#2 <Alice> hello, Carol", "<Alice> hello, Bob"]);
  const from = lines.findIndex((line) => line.includes("You are in room 2"));
  assertEquals(
    lines.slice(from).filter((line) => !/^>INFO|^Others join/.test(line)),
    [
      "* You are in room 2 now",
      "* Carol is here (127.0.0.1)",
      "* Carol is the founder of this room, and can remove members",
      "* You are in #Home, room 1 now",
      ...own,
      "#2 <Carol> hello␊Alice",
      "<Bob> hi",
    ].concat(
      lines.filter((line) => /there now/.test(line)),
      [
        "#2 * Carol left (quit)",
        "* You left #Home",
        "* You are in room 2 now; 1 message came meanwhile",
        "! 1 line after the command to leave is ignored",
      ],
    ),
  );
  const [home, other] = lines.filter((line) => /there now/.test(line));
  assertMatch(home!, /^1 {2}[0-9a-f]{8} \(Home\) {2}open {2}.*2 there now, you are here$/);
  assertMatch(other!, /^2 {2}[0-9a-f]{8} {2}open {2}.*2 there now, 1 new$/);
  assertEquals(alice.stderr, "");
});

Deno.test("console: /join of a machine without its port says what is missing, and leaves one where one is", async () => {
  await using nodes = new Nodes();
  const ann = await nodes.ready("Ann", null);

  const local = await ann.ask("join", { where: "localhost" });
  const machine = await ann.ask("join", { where: "chat.example" });
  const status = await ann.ask("status");

  assertEquals([local.event, local.code, machine.code], ["error", "usage", "usage"]);
  assertStringIncludes(local.text, "The port is missing after localhost: /join localhost 55107");
  assertStringIncludes(machine.text, 'has the title "chat.example"');
  assertStringIncludes(machine.text, "its port is missing: /join chat.example 55107");
  assertEquals(status.event, "status");
});
