/** Rooms of real processes on loopback, driven as scripts drive them. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { AWKWARD } from "./awkward_texts.ts";
import { BUSY_MS, Node, Nodes, type ShownEvent } from "./node.ts";
import { freePort, openPort } from "./ports.ts";
import { NAME_RACE_MS } from "../../lib/protocols/mesh/names/names_io.ts";
import { slow } from "../given.ts";

const isMessage = (event: ShownEvent) => event.event === "message";
const joined = (name: string) => (event: ShownEvent) =>
  event.event === "joined" && event.name === name;
const left = (name: string) => (event: ShownEvent) => event.event === "left" && event.name === name;
const text = (wanted: string) => (event: ShownEvent) => isMessage(event) && event.text === wanted;

let opened: Promise<readonly [Nodes, Node, Node, Node]> | undefined;
// Its programs outlive each test.
Deno.test.sanitizer({ ops: false, resources: false });
Deno.test.afterAll(async () => await (await opened)?.[0].disposeAsync());

/** Alice, Bob and Carol in the room that tests share, which goes on as it is; each of them leaves as many there as it found. */
async function shared(): Promise<readonly [Nodes, Node, Node, Node]> {
  opened ??= (async () => {
    const nodes = new Nodes();
    const alice = await nodes.ready("Alice", null);
    const bob = await nodes.ready("Bob", alice);
    const carol = await nodes.ready("Carol", bob);
    await alice.untilCount(({ event }) => event === "joined", 2);
    await bob.until(joined("Carol"));
    return [nodes, alice, bob, carol];
  })();
  const [, ...members] = await opened;
  for (const node of members) node.forget();
  return opened;
}

/** A visitor of that room leaves, and all have seen it. */
async function leaves(visitor: Node, ...members: readonly Node[]): Promise<void> {
  const { key } = await visitor.until(({ event }) => event === "ready");
  await visitor.type(":q");
  assertEquals((await visitor.ended()).code, 0);
  const isGone = (event: ShownEvent) => event.event === "left" && event.key === key;
  await Promise.all(members.map((node) => node.until(isGone)));
}

Deno.test("mesh: the first lines and the first words, as the README shows them", async () => {
  const [nodes, alice] = await shared();
  const ivo = await nodes.ready("Ivo", alice);
  await alice.until(joined("Ivo"));

  await ivo.say("hello");
  await alice.until(text("hello"));
  await alice.say("hi Ivo");
  await ivo.until(text("hi Ivo"));
  await ivo.type(":q");
  await alice.until(left("Ivo"));
  const ended = await ivo.ended();

  assertEquals(alice.texts(), ["hello", "hi Ivo"]);
  assertEquals(ivo.texts(), ["hello", "hi Ivo"]);
  assertEquals(ended.code, 0);
  assertEquals(ended.last?.event, "bye");
  assertEquals(alice.events.find(left("Ivo"))?.reason, "quit");
});

Deno.test("mesh: five members in a chain all send at once, each text once everywhere", async () => {
  await using nodes = new Nodes();
  const names = ["Ann", "Ben", "Cem", "Dan", "Eva"];
  const members: Node[] = [];
  for (const name of names) members.push(await nodes.ready(name, members.at(-1) ?? null));
  for (const member of members) {
    await member.untilCount((event) => event.event === "joined", names.length - 1);
  }

  await Promise.all(members.map(async (member, index) => {
    for (let i = 0; i < 30; i++) {
      const awkward = AWKWARD[i % 3 === 0 ? i / 3 : -1] ?? "";
      await member.say(`${names[index]} ${i} ${awkward}`);
    }
    await member.say(AWKWARD.at(-1) as string);
  }));
  for (const member of members) await member.untilCount(isMessage, 155);

  const histories = await Promise.all(members.map((member) => member.history()));
  for (const [index, member] of members.entries()) {
    assertEquals(new Set(member.events.filter(isMessage).map(({ id }) => id)).size, 155);
    assertEquals(member.texts().length, 155);
    for (const [author, name] of names.entries()) {
      const wanted = histories[0].filter((entry: ShownEvent) => entry.from === name);
      const shown = member.texts(name);
      assertEquals(
        shown,
        wanted.map((entry: ShownEvent) => entry.text),
        `${names[index]}/${author}`,
      );
    }
    assertEquals(histories[index], histories[0]);
  }
});

Deno.test("mesh: a second Bob is refused before he enters, and the room hears nothing of it", async () => {
  const [nodes, alice, bob] = await shared();

  const second = nodes.add(Node.mesh("BOB", alice));
  const ended = await second.ended();
  await bob.say("still here");
  await alice.until(text("still here"));

  assertEquals(ended.code, 4);
  assertEquals(ended.last?.event, "fatal");
  assertEquals(ended.last?.code, "name-taken");
  assertEquals(second.events.filter(({ event }) => event === "ready"), []);
  assertEquals(alice.events.filter(({ event }) => event !== "ready").map(({ event }) => event), [
    "message",
  ]);
});

Deno.test("mesh: of two Gils who come in at once through different members exactly one stays", async () => {
  const [nodes, alice, bob, carol] = await shared();

  const gils = [nodes.add(Node.mesh("Gil", alice)), nodes.add(Node.mesh("Gil", carol))];
  const first = await Promise.race(gils.map((gil) => gil.ended()));
  const stays = gils.find((gil) => gil.events.at(-1)?.event !== "fatal") as Node;
  await stays.until(({ event }) => event === "ready");
  await stays.say("it's me");
  await alice.until(text("it's me"));
  await carol.until(text("it's me"));
  await alice.command({ command: "peers", ref: "p" });
  const peers = await alice.until((event) => event.event === "peers" && event.ref === "p");

  assertEquals([first.code, first.last?.code], [4, "name-taken"]);
  assertEquals(
    peers.peers.map(({ name }: { name: string }) => name).toSorted(),
    ["Alice", "Bob", "Carol", "Gil"],
  );
  await leaves(stays, alice, bob, carol);
});

Deno.test("mesh: a killed member finds the room again without an address, and gets what it missed", async () => {
  const [nodes, alice, ...others] = await shared();
  const data = await Deno.makeTempDir({ prefix: "p2pchat-e2e-" });
  nodes.defer(() => Deno.remove(data, { recursive: true }));
  const jan = await nodes.ready("Jan", alice, { data });
  await alice.until(joined("Jan"));
  await alice.say("seen");
  await jan.until(text("seen"));

  await jan.kill();
  for (let i = 0; i < 20; i++) await alice.say(`missed ${i}`);
  await alice.until(text("missed 19"));
  const again = await nodes.ready("Jan", null, { data });
  await again.until(text("missed 19"));
  await alice.say("now");
  await again.until(text("now"));
  await again.say("back");
  await Promise.all([alice, again].map((node) => node.until(text("back"))));

  // What was shown just before the kill may come again: whether it was, the program perhaps hadn't noted yet.
  const shown = again.events.filter(isMessage).filter(({ text }) =>
    /^(?:missed \d+|now|back)$/.test(text)
  );
  assertEquals(shown.map(({ text }) => text), [
    ...Array.from({ length: 20 }, (_, i) => `missed ${i}`),
    "now",
    "back",
  ]);
  assertEquals(shown.map(({ history }) => history), [...Array(20).fill(true), false, false]);
  await leaves(again, alice, ...others);
});

Deno.test("mesh: two members at any free ports find each other again after both were away, and by an address; a new room is elsewhere", async () => {
  await using nodes = new Nodes();
  const [annsData, bobsData] = [Deno.makeTempDirSync(), Deno.makeTempDirSync()];
  nodes.defer(() => Deno.removeSync(annsData, { recursive: true }));
  nodes.defer(() => Deno.removeSync(bobsData, { recursive: true }));
  const back = ["--host", "127.0.0.1"];
  const ann = nodes.add(await Node.ready("Ann", null, { data: annsData }));
  const bob = nodes.add(await Node.ready("Bob", ann, { data: bobsData }));
  await ann.until(({ event }) => event === "joined");
  for (const node of [bob, ann]) {
    await node.type(":q");
    await node.ended();
  }

  // The default port may be free by now, or taken: neither is where the other looks.
  const annAgain = nodes.add(Node.start(["mesh", "Ann", ...back], { data: annsData }));
  await annAgain.until(({ event }) => event === "ready");
  const bobAgain = nodes.add(Node.start(["mesh", "Bob", ...back], { data: bobsData }));
  await bobAgain.until(({ event }) => event === "ready");

  await annAgain.until(({ event, name }) => event === "joined" && name === "Bob");
  assertEquals([annAgain.port, bobAgain.port], [ann.port, bob.port]);

  // By an address it listens where it did, too; and who founds a room, where anybody does.
  let last = bobAgain;
  const ports: number[] = [];
  for (const words of [["127.0.0.1", String(ann.port)], ["--new"]]) {
    await last.type(":q");
    await last.ended();
    last = nodes.add(Node.start(["mesh", "Bob", ...words, ...back], { data: bobsData }));
    await last.until(({ event }) => event === "ready");
    ports.push(last.port);
  }
  assertEquals(ports.map((port) => port === bob.port), [true, false]);
});

Deno.test("mesh: a passive member listens nowhere, says so, and talks with those that it dialled", async () => {
  const [nodes, ann, ...others] = await shared();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const words = ["mesh", "Eve", "127.0.0.1", String(ann.port), "--passive"];
  const eve = nodes.add(Node.start([...words, "--host", "127.0.0.1", "--port", String(port)]));
  const ready = await eve.until(({ event }) => event === "ready");
  assertEquals([ready.host, ready.port, ready.passive], ["", 0, true]);
  await assertRejects(
    () => Deno.connect({ hostname: "127.0.0.1", port }),
    Deno.errors.ConnectionRefused,
  );

  await eve.say("hello");
  await ann.until(({ event, from }) => event === "message" && from === "Eve");
  await leaves(eve, ann, ...others);
});

Deno.test("mesh: an answer is never shown before its question", async () => {
  const [nodes, alice, bob, carol] = await shared();
  const dave = await nodes.ready("Dave", carol);
  for (const node of [alice, bob, carol]) await node.until(joined("Dave"));

  for (let round = 0; round < 20; round++) {
    await alice.say(`question ${round}`);
    await bob.until(text(`question ${round}`));
    await bob.say(`answer ${round}`);
    await dave.until(text(`answer ${round}`));
    await carol.until(text(`answer ${round}`));
  }

  for (const member of [carol, dave]) {
    const shown = member.texts();
    for (let round = 0; round < 20; round++) {
      const [question, answer] = [`question ${round}`, `answer ${round}`].map((line) =>
        shown.indexOf(line)
      ) as [number, number];
      assert(question >= 0 && question < answer, `round ${round}: ${question}, ${answer}`);
    }
  }
  await leaves(dave, alice, bob, carol);
});

Deno.test("mesh: a private message reaches its receiver alone, and its sender is told", async () => {
  const [, alice, bob, carol] = await shared();

  await alice.command({ command: "msg", name: "bob", text: "only you", ref: "r1" });
  const got = await bob.until(text("only you"));
  const told = await alice.until(({ event, state }) =>
    event === "delivery" && state === "delivered"
  );
  await alice.say("all of you");
  await carol.until(text("all of you"));

  assertEquals([got.private, got.from, got.self], [true, "Alice", false]);
  assertEquals([told.ref, told.to], ["r1", "Bob"]);
  assertEquals(carol.texts(), ["all of you"]);
});

Deno.test("mesh: a name can be changed, and what it was is free", async () => {
  const [nodes, alice, ...others] = await shared();
  const dora = await nodes.ready("Dora", alice);
  await alice.until(joined("Dora"));

  await dora.type("/name Theodora");
  const renamed = await alice.until(({ event }) => event === "renamed");
  await dora.until(({ event }) => event === "renamed");
  await dora.say("it's me");
  const message = await alice.until(text("it's me"));
  await Promise.all(others.map((node) => node.until(text("it's me"))));
  const other = await nodes.ready("Dora", alice);

  assertEquals([renamed.from, renamed.name], ["Dora", "Theodora"]);
  assertEquals(message.from, "Theodora");
  await leaves(dora, alice, ...others);
  await leaves(other, alice, ...others);
});

Deno.test("mesh: what quick visitors say stays, and is shown before they leave", async () => {
  const [nodes, alice, bob, carol] = await shared();
  const data = await Deno.makeTempDir({ prefix: "p2pchat-e2e-" });
  nodes.defer(() => Deno.remove(data, { recursive: true }));

  for (let visit = 0; visit < 3; visit++) {
    const [before, beforeBob] = [alice.events.length, bob.events.length];
    const visitor = nodes.add(Node.mesh("Visitor", alice, { data, args: ["--history", "0"] }));
    await visitor.say(`build ${visit} begins`);
    await visitor.say(`build ${visit} is done`);
    const { code } = await visitor.quit();
    await alice.until(left("Visitor"), undefined, before);
    await bob.until(left("Visitor"), undefined, beforeBob);

    const seen = alice.events.slice(before).filter(({ event, from }) =>
      event === "left" || (event === "message" && from === "Visitor")
    );
    assertEquals(code, 0);
    assertEquals(
      seen.map(({ event, text }) => text ?? event),
      [`build ${visit} begins`, `build ${visit} is done`, "left"],
    );
  }
  // To others they may come by way of Alice, and the word that the visitor has left at once.
  await Promise.all([bob, carol].map((node) => node.untilCount(isMessage, 6)));
  const history = await alice.history(6);

  assertEquals(history.map(({ from }: ShownEvent) => from), Array(6).fill("Visitor"));
  assertEquals(await bob.history(6), history);
});

Deno.test("mesh: whoever takes the port at which it looks for others is told that nobody listens there", async () => {
  await using nodes = new Nodes();
  const port = String(freePort());
  const refused = async (...args: readonly string[]) => {
    const carl = nodes.add(Node.start(["mesh", "Carl", ...args, "--port", port]));
    const { code, last } = await carl.ended();
    return [code, last?.code, last?.text];
  };
  for (const host of ["localhost", "127.0.0.1"]) {
    const [code, as, text] = await refused(host, port);
    assertEquals([code, as], [3, "unreachable"]);
    assert(text.includes("nobody listens there; check the address"), text);
  }

  const ann = nodes.add(Node.start(["mesh", "Ann", "--port", port]));
  await ann.until(({ event }) => event === "ready");
  const { invite } = await ann.ask("invite");
  await ann.type(":q");
  await ann.ended();

  const [code, as, text] = await refused("--invite", invite);
  assertEquals([code, as], [3, "unreachable"]);
  assert(text.includes("nobody listens there") && !text.includes("another room"), text);
});

Deno.test("mesh: while whoever has the address doesn't answer, that is said", async () => {
  await using nodes = new Nodes();
  const { port, listener, datagrams } = openPort();
  const carl = nodes.add(Node.start(["mesh", "Carl", "127.0.0.1", String(port)]));
  const { text } = await carl.until(({ event }) => event === "notice");
  assertEquals(text, `Connecting to 127.0.0.1:${port}...`);
  listener.close();
  datagrams.close();
});

slow.test("mesh: nine members on one machine, which are not all neighbours, hear each other", async () => {
  const [nodes, ...founding] = await shared();
  const members: Node[] = [...founding];
  for (let i = 3; i < 9; i++) {
    members.push(await nodes.ready(`m${i}`, members[Math.floor(i / 3)]!));
  }
  for (const [index, member] of members.entries()) {
    await member.untilCount(({ event }) => event === "joined", index < 3 ? 6 : 8, 60_000);
  }
  const neighbours = await Promise.all(members.map(async (member) => {
    const { members: others } = await member.ask("status");
    return others.filter(({ direct }: ShownEvent) => direct).length;
  }));
  assert(neighbours.every((count) => count < 8), `${neighbours}`);

  for (const [index, member] of members.entries()) await member.say(`from ${index}`);
  const isOne = ({ event, text }: ShownEvent) => event === "message" && /^from \d$/.test(text);
  for (const member of members) await member.untilCount(isOne, 9, 60_000);

  for (const member of members) {
    assertEquals(new Set(member.events.filter(isOne).map(({ text }) => text)).size, 9);
  }
  for (const visitor of members.slice(3)) await leaves(visitor, ...founding);
});

Deno.test("mesh: a member that was stopped gets everything once when it goes on", async () => {
  const [, alice, bob, carol] = await shared();

  carol.signal("SIGSTOP");
  await alice.until(left("Carol"));
  for (let i = 0; i < 300; i++) await (i % 2 === 0 ? alice : bob).say(`m${i}`);
  await alice.untilCount(isMessage, 300);
  carol.signal("SIGCONT");
  await carol.untilCount(isMessage, 300, 60_000);
  await bob.say("end");
  await Promise.all([alice, bob, carol].map((node) => node.untilCount(isMessage, 301)));
  const histories = await Promise.all([alice, bob, carol].map((node) => node.history()));

  assertEquals(carol.texts().length, 301);
  assertEquals(new Set(carol.texts()).size, 301);
  assertEquals(histories[1], histories[0]);
  assertEquals(histories[2], histories[0]);
});

Deno.test("mesh: the founder has her name again by an address and without one, and who took it chooses another", async () => {
  await using nodes = new Nodes();
  const founder = await Deno.makeTempDir({ prefix: "p2pchat-e2e-" });
  nodes.defer(() => Deno.remove(founder, { recursive: true }));
  const first = await nodes.ready("Alice", null, { data: founder });
  const bob = await nodes.ready("Bob", first);
  const back = (contact: Node | null) => nodes.ready("Alice", contact, { data: founder });
  const quits = async (alice: Node) => {
    const from = bob.events.length;
    await alice.type(":q");
    await bob.until(left("Alice"), undefined, from);
  };
  await quits(first);

  const stranger = await nodes.ready("Alice", bob);
  // Until then, it would end as one of two that join at once.
  await new Promise((resolve) => setTimeout(resolve, NAME_RACE_MS + 100));
  const byAddress = await back(bob);
  const isTaken = ({ event, code }: ShownEvent) => event === "error" && code === "name-taken";
  await stranger.until(isTaken);
  await quits(byAddress);
  const alice = await back(null);
  const { peers } = await alice.ask("peers");
  const names: string[] = peers.map(({ name }: { name: string }) => name.slice(0, 6)).toSorted();
  assertEquals(names, ["Alice", "Alice~", "Bob"]);
  await stranger.ask("name", { new: "Carol" });
  await alice.until(({ event, name }) => event === "renamed" && name === "Carol");
});

Deno.test("mesh: after the founder's death others let newcomers in, and chat goes on", async () => {
  // The last of the tests that share the room, for she founded it.
  const [nodes, alice, bob, carol] = await shared();
  await alice.say("before");
  await carol.until(text("before"));

  await alice.kill();
  await bob.say("first after");
  await carol.until(text("first after"));
  await bob.until(left("Alice"), 5_000 + BUSY_MS);
  const kim = await nodes.ready("Kim", carol);
  await kim.until(text("first after"));
  await kim.say("hi, I'm new");
  await bob.until(text("hi, I'm new"));
  await bob.say("second after");
  await kim.until(text("second after"));

  assertEquals(bob.events.find(left("Alice"))?.reason, "lost");
  assertEquals(kim.texts().slice(-4), ["before", "first after", "hi, I'm new", "second after"]);
});
