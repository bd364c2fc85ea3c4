/** What a group refuses, and the errors it shows: names, keys, ports, files, command lines. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  coordinatorIs,
  entriesOf,
  Group,
  isError,
  isIn,
  isView,
  sharedGroup,
  shows,
} from "./group_world.ts";
import { holds, Node, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";

const NAMES = ["Alice", "Bob"] as const;
const shared = sharedGroup(NAMES);

const fatalOf = async (node: Node) => {
  const { code, last } = await node.ended();
  assertEquals(last?.event, "fatal");
  return { status: code, code: last!.code, text: last!.text as string };
};

const keyOf = (node: Node): string => node.events.find(({ event }) => event === "ready")!.key;

async function leaves(node: Node): Promise<void> {
  await node.type("/exit");
  await node.ended();
}

Deno.test("group: /remove puts a member out for good, /allow lets it come back", async () => {
  const { group, server, members, seq } = await shared();
  const [alice, bob] = members;
  await bob.say("before");
  await alice.until(shows("before"));

  await server.command({ command: "remove", name: "bob", ref: "r" });
  const removed = await fatalOf(bob);
  assertEquals([removed.status, removed.code], [4, "kicked"]);
  const without = await alice.until(isView("Alice"));
  assertEquals([without.joined, without.left], [[], [{ name: "Bob", reason: "removed" }]]);
  const left = await server.until(({ event, name }) => event === "left" && name === "Bob");
  assertEquals(left.reason, "removed");
  const refused = await fatalOf(group.launch("Bob"));
  assertEquals([refused.status, refused.code], [4, "kicked"]);
  await alice.say("meanwhile");
  await alice.until(shows("meanwhile"));

  await server.command({ command: "allow", name: "Bob" });
  await holds("the coordinator has allowed it", async () => (await server.ask("status")).view > 0);
  const again = await group.start("Bob");
  await again.until(shows("meanwhile"));
  assertEquals(
    entriesOf(again).slice(seq).map(({ from, text }) => [from, text]),
    [["Bob", "before"], ["Alice", "meanwhile"]],
  );
  const nobody = await server.ask("remove", { name: "Dave" });
  assertEquals([nobody.event, nobody.code], ["error", "unknown-user"]);
});

Deno.test("group: a name that somebody has is refused, and nobody is disturbed", async () => {
  const { group, members } = await shared();
  const [alice, bob] = members;
  const words = ["peer", "ALICE", "--server", group.server, "--host", "127.0.0.1"];
  const twin = group.nodes.add(Node.start([...words, "--port", "0"], { data: group.data("twin") }));

  const { status, code, text } = await fatalOf(twin);
  assertEquals([status, code], [4, "name-taken"]);
  assertMatch(text, /has that name, or one that counts as the same/);
  await alice.say("undisturbed");
  await bob.until(shows("undisturbed"));
});

Deno.test("group: another key under a name that was here is refused until the operator trusts it, and why is told", async () => {
  const { group, server } = await shared();
  const dave = await group.start("Dave");
  await leaves(dave);
  await Deno.remove(`${group.data("Dave")}/users/Dave/identity`);

  const again = group.launch("Dave");
  const { status, code, text } = await fatalOf(again);
  assertEquals([status, code], [4, "key-changed"]);
  assert(text.includes(keyOf(dave)), text);
  const told = again.events.findIndex(({ text }) => text?.includes("identity was missing"));
  assertEquals([again.events.at(told)?.event, told], ["notice", again.events.length - 2]);
  await server.ask("trust", { name: "Dave" });
  await group.start("Dave");
});

Deno.test("group: a coordinator whose key is named is the only one that is met", async () => {
  const { group, server } = await shared();
  const key = keyOf(server);
  const other = "ijtghrlfdthizyo5oecdgsej2yv";
  const words = (fingerprint: string) =>
    group.words("Eve").map((word) => word === group.server ? `${word}#${fingerprint}` : word);
  const launch = (fingerprint: string) =>
    group.nodes.add(Node.start(words(fingerprint), { data: group.data("Eve") }));

  const unmet = await fatalOf(launch(other));
  assertEquals([unmet.status, unmet.code], [4, "key-changed"]);
  const eve = launch(key);
  await eve.until(isIn("Eve"));
  await leaves(eve);
  const contrary = await fatalOf(launch(other));
  assertEquals([contrary.status, contrary.code], [4, "key-changed"]);
  for (const { text } of [unmet, contrary]) {
    assert([key, other].every((part) => text.includes(part)), text);
  }
});

Deno.test("group: --no-wait ends where nobody answers, and what is taken is told", async () => {
  const { group } = await shared();
  const start = (words: readonly string[], data: string) =>
    fatalOf(group.nodes.add(Node.start(words, { data })));
  const nowhere = `127.0.0.1:${freePort()}`;
  const unmet = await start(
    ["peer", "Fay", "--server", nowhere, "--host", "127.0.0.1", "--port", "0", "--no-wait"],
    group.data("Fay"),
  );
  assertEquals([unmet.code, unmet.status], ["unreachable", 3]);
  assert(unmet.text.includes(nowhere), unmet.text);

  const taken = Deno.listenDatagram({
    transport: "udp",
    hostname: "127.0.0.1",
    port: group.datagramPort("Fay"),
  });
  const port = await start(group.words("Fay"), group.data("Fay"));
  taken.close();
  assertEquals([port.code, port.status], ["port-in-use", 3]);
  const serve = ["serve", "--host", "127.0.0.1", "--port"];
  const other = await start([...serve, String(group.port)], `${group.folder}/other`);
  assertEquals([other.code, other.status], ["port-in-use", 3]);
  const same = await start([...serve, "0"], group.serverData);
  assertEquals([same.code, same.status], ["in-use", 4]);
  const twice = await start(group.words("Alice"), group.data("Alice"));
  assertEquals([twice.code, twice.status], ["in-use", 4]);
});

Deno.test("group: the usual ports are tried in their order, that of the last time first", async () => {
  const { group } = await shared();
  const taken: Deno.DatagramConn[] = [];
  const isFree = (port: number) => {
    try {
      taken.push(Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port }));
      return true;
    } catch {
      return false;
    }
  };
  const words = ["peer", "Gus", "--server", group.server, "--host", "127.0.0.1"];
  const launch = () => group.nodes.add(Node.start(words, { data: group.data("Gus") }));
  try {
    for (let port = 9_000; port <= 9_256; port++) isFree(port);
    const { code, text, status } = await fatalOf(launch());
    assertEquals([code, status], ["port-in-use", 3]);
    assertMatch(text, /UDP port 9256/);
    const free = taken.splice(taken.length - 2).map((socket) => {
      const { port } = socket.addr as Deno.NetAddr;
      socket.close();
      return port;
    });

    const first = launch();
    await first.until(({ event }) => event === "ready");
    assertEquals(first.port, free[0]);
    await leaves(first);
    for (const socket of taken.splice(0, 1)) socket.close(); // a lower one is free now
    const again = launch();
    await again.until(({ event }) => event === "ready");
    assertEquals(again.port, free[0]);
    await leaves(again);
  } finally {
    for (const socket of taken) socket.close();
  }
});

Deno.test("group: --db keeps the log where it says, from then on, and refuses what is no log", async () => {
  const { group } = await shared();
  const db = `${group.folder}/chat.log`;
  const hal = await group.start("Hal", "--db", db);
  const named = async (node: Node) => {
    const ready = await node.until(({ event }) => event === "ready");
    return [ready.log, (await node.ask("status")).log];
  };
  assertEquals(await named(hal), [db, db]);
  await hal.say("here");
  await hal.until(shows("here"));
  await leaves(hal);
  assert(Deno.readTextFileSync(db).includes("here"));
  const again = await group.start("Hal");
  assertEquals(await named(again), [db, db]);
  await again.say("here too");
  await again.until(shows("here too"));
  assert(Deno.readTextFileSync(db).includes("here too"));
  await leaves(again);

  const notes = `${group.folder}/notes.txt`;
  await Deno.writeTextFile(notes, "not a log\n");
  const refused = async (name: string, path: string) => {
    const { code, status, text } = await fatalOf(group.launch(name, { args: ["--db", path] }));
    assertEquals([code, status], ["bad-file", 5]);
    return text;
  };
  for (const name of ["Hal", "Ida"]) { // he was in the group
    await refused(name, notes);
    assertEquals(Deno.readTextFileSync(notes), "not a log\n");
  }
  const missing = `${group.folder}/none/log`;
  const text = await refused("Ida", missing);
  assert(text.includes(`${missing}: there is no folder ${group.folder}/none`), text);
  assertEquals(
    [...Deno.readDirSync(group.folder)].map(({ name }) => name).filter((name) =>
      name.startsWith("notes.txt.")
    ),
    [],
  );
  assertMatch(await refused("Ida", "/proc/x.txt"), /\/proc\/x\.txt.*name another file with --db/);
});

Deno.test("group: a line that is no command says what is possible", async () => {
  const { server, members } = await shared();
  const [alice] = members;

  await alice.type("/lgo");
  await alice.type("/log all");
  await alice.type("{not json");
  await server.type("hello");
  await server.type("/rmove Bob");
  await server.type("/remove");
  await alice.untilCount(({ event }) => event === "error", 3);
  await server.untilCount(({ event }) => event === "error", 3);

  const told = (node: Node) =>
    node.events.filter(({ event }) => event === "error").map((
      { code, text }: ShownEvent,
    ) => `${code}: ${text.slice(0, 40)}`);
  assertEquals(told(alice), [
    "unknown-command: No command /lgo; did you mean /go?",
    "usage: N must be a number from 0 to 1000000, no",
    "usage: A line that starts with { must be one JS",
  ]);
  assertEquals(told(server), [
    'unknown-command: Nothing was done about "hello": commands',
    "unknown-command: No command /rmove; did you mean",
    "usage: Usage: /remove NAME, for example /r",
  ]);
  assertEquals(alice.texts(), []);
});

Deno.test("group: the same profile somewhere else replaces the first", async () => {
  const { group, members } = await shared();
  const [alice] = members;
  const first = await group.start("Jon");
  await first.say("first");
  await alice.until(shows("first"));
  await Deno.mkdir(`${group.data("copy")}/users/Jon`, { recursive: true });
  const profile = `${group.data("Jon")}/users/Jon`;
  await Deno.copyFile(`${profile}/identity`, `${group.data("copy")}/users/Jon/identity`);
  const words = ["peer", "Jon", "--server", group.server, "--host", "127.0.0.1", "--port"];
  const second = group.nodes.add(
    Node.start([...words, String(freePort())], { data: group.data("copy") }),
  );

  const { status, code } = await fatalOf(first);
  assertEquals([status, code], [4, "replaced"]);
  await second.until(isIn("Jon"));
  await second.say("second");
  await alice.until(shows("second"));
  assertEquals(alice.events.filter(isError("key-changed")), []);
  await leaves(second);
});

Deno.test("group: --max-clients is heeded", async () => {
  const { server } = await shared();
  await leaves(server);
  // What it is told is the group's from then on, so other tests come first.
  const { group } = await shared("--max-clients", "2");
  const { status, code } = await fatalOf(group.launch("Carol"));
  assertEquals([status, code], [4, "full"]);
});

Deno.test("group: piped messages wait for a coordinator that comes, and are told as lost where it doesn't", async () => {
  await using group = new Group();
  const alice = group.launch("Alice");
  await alice.say("early");
  await alice.end();
  await alice.until(coordinatorIs("down"));
  await group.serve();
  await alice.until(shows("early"));
  const { code, last } = await alice.ended();
  assertEquals([code, last?.event], [0, "bye"]);

  await using nowhere = new Group();
  const bob = nowhere.launch("Bob");
  await bob.command({ command: "msg", text: "unheard", ref: "r" });
  await bob.end();
  const lost = await fatalOf(bob);
  assertEquals([lost.status, lost.code], [3, "coordinator-down"]);
  assert(lost.text.includes(nowhere.server), lost.text);
  const told = bob.events.find(({ ref }) => ref === "r");
  assertEquals([told?.event, told?.code], ["error", "coordinator-down"]);
});

Deno.test("group: another coordinator at the known address is an error with both keys; the chat goes on, and who comes back isn't let in", async () => {
  await using group = new Group();
  const server = await group.serve();
  const alice = await group.start("Alice");
  await server.kill();
  await Deno.remove(group.serverData, { recursive: true });
  const other = await group.serve();
  const keys = [server, other].map(keyOf);

  const { text } = await alice.until(isError("key-changed"));
  for (const key of keys) assert(text.includes(key), text);
  await alice.say("on");
  await alice.until(shows("on"));
  await leaves(alice);

  const refused = await fatalOf(group.launch("Alice"));
  assertEquals([refused.status, refused.code], [4, "key-changed"]);
  for (const key of keys) assert(refused.text.includes(key), refused.text);
  assert(refused.text.includes(`${group.data("Alice")}/users/Alice/known_peers`), refused.text);
});
