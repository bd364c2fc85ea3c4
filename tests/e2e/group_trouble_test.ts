/** What a group refuses, and the errors it shows: names, keys, ports, files, command lines. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { failureOf } from "./failures.ts";
import {
  coordinatorIs,
  Group,
  isError,
  isIn,
  isMessage,
  isView,
  linesOf,
  shows,
} from "./group_world.ts";
import { holds, Node, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";

const fatalOf = async (node: Node) => {
  const { code, last } = await node.ended();
  assertEquals(last?.event, "fatal");
  return { status: code, code: last!.code, text: last!.text as string };
};

Deno.test("group: /remove puts a member out for good, /allow lets it come back", async () => {
  await using group = new Group();
  const server = await group.serve();
  const [alice, bob] = await group.startAll("Alice", "Bob") as [Node, Node];
  await bob.say("before");
  await alice.until(shows("before"));

  await server.command({ command: "remove", name: "bob", ref: "r" });
  const removed = await fatalOf(bob);
  assertEquals([removed.status, removed.code], [4, "kicked"]);
  const without = await alice.until(
    isView("Alice"),
    undefined,
    alice.events.findIndex(isView("Alice", "Bob")),
  );
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
  assertEquals(linesOf(again), ["1 Bob: before", "2 Alice: meanwhile"]);
  const nobody = await server.ask("remove", { name: "Dave" });
  assertEquals([nobody.event, nobody.code], ["error", "unknown-user"]);
});

Deno.test("group: a name that somebody has is refused, and nobody is disturbed", async () => {
  await using group = await Group.open();
  const alice = await group.start("Alice");
  const other = group.launch("Other", {});
  await other.until(isIn("Other"));
  const words = ["peer", "ALICE", "--server", group.server, "--host", "127.0.0.1"];
  const twin = group.nodes.add(
    Node.start([...words, "--port", "0"], { data: group.data("twin") }),
  );

  const { status, code, text } = await fatalOf(twin);
  assertEquals([status, code], [4, "name-taken"]);
  assertMatch(text, /has that name, or one that counts as the same/);
  await alice.say("undisturbed");
  await other.until(shows("undisturbed"));
});

Deno.test("group: somebody else's key under a name that was here is refused until the operator trusts it", async () => {
  await using group = new Group();
  const server = await group.serve();
  const bob = await group.start("Bob");
  await bob.type("/exit");
  await bob.ended();
  const stranger = () => group.launch("Bob", { data: group.data("stranger") });

  const { status, code, text } = await fatalOf(stranger());
  assertEquals([status, code], [4, "key-changed"]);
  assert(text.includes(bob.events.find(({ event }) => event === "ready")!.key), text);
  await server.command({ command: "trust", name: "Bob", ref: "t" });
  await server.until(({ ref }) => ref === "t");
  const accepted = stranger();
  await accepted.until(isIn("Bob"));
});

Deno.test("group: who is refused for having lost the identity is told that it was missing", async () => {
  await using group = await Group.open();
  const bob = await group.start("Bob");
  await bob.type("/exit");
  await bob.ended();
  await Deno.remove(`${group.data("Bob")}/users/Bob/identity`);

  const again = group.launch("Bob");
  const { status } = await fatalOf(again);
  const { events } = again;
  const told = events.findIndex(({ text }) => text?.includes("identity was missing"));
  assertEquals([status, events.at(told)?.event, told], [4, "notice", events.length - 2]);
});

Deno.test("group: another coordinator at the known address is refused, with both keys", async () => {
  await using group = new Group();
  const server = await group.serve();
  const alice = await group.start("Alice");
  await alice.type("/exit");
  await alice.ended();
  await server.kill();
  await Deno.remove(group.serverData, { recursive: true });
  const other = await group.serve();

  const { status, code, text } = await fatalOf(group.launch("Alice"));
  assertEquals([status, code], [4, "key-changed"]);
  for (const node of [server, other]) {
    const { key } = node.events.find(({ event }) => event === "ready")!;
    assert(text.includes(key), text);
  }
  assert(text.includes(`${group.data("Alice")}/users/Alice/known_peers`), text);
});

Deno.test("group: a coordinator whose key is named is the only one that is met", async () => {
  await using group = new Group();
  const server = await group.serve();
  const { key } = server.events.find(({ event }) => event === "ready")!;
  const other = "ijtghrlfdthizyo5oecdgsej2yv";
  const words = (fingerprint: string) =>
    group.words("Alice").map((word) => word === group.server ? `${word}#${fingerprint}` : word);
  const launch = (fingerprint: string) =>
    group.nodes.add(Node.start(words(fingerprint), { data: group.data("Alice") }));

  const unmet = await fatalOf(launch(other));
  assertEquals([unmet.status, unmet.code], [4, "key-changed"]);
  const alice = launch(key);
  await alice.until(isIn("Alice"));
  await alice.type("/exit");
  await alice.ended();
  const contrary = await fatalOf(launch(other));
  assertEquals([contrary.status, contrary.code], [4, "key-changed"]);
  for (const { text } of [unmet, contrary]) {
    assert([key, other].every((part) => text.includes(part)), text);
  }
});

Deno.test("group: --no-wait ends where nobody answers, and a port that is taken is told", async () => {
  await using group = new Group();
  const nobody = await failureOf(
    [...group.words("Alice"), "--no-wait"],
    group.data("Alice"),
    true,
  );
  assertEquals([nobody.code, nobody.status], ["unreachable", 3]);
  assert(nobody.text.includes(group.server), nobody.text);

  const named = ["peer", "Alice", "--server", "nosuch.invalid", "--no-wait"];
  const unknown = await failureOf(named, group.data("Alice"), true);
  assertMatch(unknown.text, /nosuch\.invalid:6000 can't be reached: .*name/);
  await group.serve();
  const taken = Deno.listenDatagram({
    transport: "udp",
    hostname: "127.0.0.1",
    port: group.datagramPort("Alice"),
  });
  const port = await failureOf(group.words("Alice"), group.data("Alice"), true);
  taken.close();
  assertEquals([port.code, port.status], ["port-in-use", 3]);
  const serve = ["serve", "--host", "127.0.0.1", "--port", String(group.port)];
  const other = await failureOf(serve, `${group.folder}/other`);
  assertEquals([other.code, other.status], ["port-in-use", 3]);
  const same = await failureOf(
    ["serve", "--host", "127.0.0.1", "--port", "0"],
    group.serverData,
    true,
  );
  assertEquals([same.code, same.status], ["in-use", 4]);
  await group.start("Alice");
  const twice = await failureOf(group.words("Alice"), group.data("Alice"), true);
  assertEquals([twice.code, twice.status], ["in-use", 4]);
});

Deno.test("group: the usual ports are tried in their order, that of the last time first", async () => {
  await using group = await Group.open();
  const taken: Deno.DatagramConn[] = [];
  const isFree = (port: number) => {
    try {
      taken.push(Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port }));
      return true;
    } catch {
      return false;
    }
  };
  const words = ["peer", "Alice", "--server", group.server, "--host", "127.0.0.1"];
  const launch = () => group.nodes.add(Node.start(words, { data: group.data("Alice") }));
  try {
    for (let port = 9_000; port <= 9_256; port++) isFree(port);
    const { code, text, status } = await fatalOf(launch());
    assertEquals([code, status], ["port-in-use", 3]);
    assertMatch(text, /9000 to 9256/);
    const free = taken.splice(taken.length - 2).map((socket) => {
      const { port } = socket.addr as Deno.NetAddr;
      socket.close();
      return port;
    });

    const first = launch();
    await first.until(({ event }) => event === "ready");
    assertEquals(first.port, free[0]);
    await first.type("/exit");
    await first.ended();
    for (const socket of taken.splice(0, 1)) socket.close(); // a lower one is free now
    const again = launch();
    await again.until(({ event }) => event === "ready");
    assertEquals(again.port, free[0]);
  } finally {
    for (const socket of taken) socket.close();
  }
});

Deno.test("group: --db keeps the log where it says, from then on, and refuses what is no log", async () => {
  await using group = await Group.open();
  const db = `${group.folder}/chat.log`;
  const alice = await group.start("Alice", "--db", db);
  const named = async (node: Node) => {
    const ready = await node.until(({ event }) => event === "ready");
    return [ready.log, (await node.ask("status")).log];
  };
  assertEquals(await named(alice), [db, db]);
  await alice.say("here");
  await alice.until(shows("here"));
  await alice.type("/exit");
  await alice.ended();
  assert(Deno.readTextFileSync(db).includes("here"));
  const again = await group.start("Alice");
  assertEquals(await named(again), [db, db]);
  await again.say("here too");
  await again.until(shows("here too"));
  assert(Deno.readTextFileSync(db).includes("here too"));
  await again.type("/exit");
  await again.ended();

  const notes = `${group.folder}/notes.txt`;
  await Deno.writeTextFile(notes, "not a log\n");
  for (const name of ["Alice", "Bob"]) { // she was in the group
    const foreign = await failureOf([...group.words(name), "--db", notes], group.data(name), true);
    assertEquals([foreign.code, foreign.status], ["bad-file", 5]);
    assertEquals(Deno.readTextFileSync(notes), "not a log\n");
  }
  const missing = `${group.folder}/none/log`;
  const folder = await failureOf(
    [...group.words("Bob"), "--db", missing],
    group.data("Bob"),
    true,
  );
  assertEquals([folder.code, folder.status], ["bad-file", 5]);
  assert(folder.text.includes(`${missing}: there is no folder ${group.folder}/none`), folder.text);
  assertEquals(
    [...Deno.readDirSync(group.folder)].map(({ name }) => name).filter((name) =>
      name.startsWith("notes.txt.")
    ),
    [],
  );
  const proc = await failureOf(
    [...group.words("Bob"), "--db", "/proc/x.txt"],
    group.data("Bob"),
    true,
  );
  assertMatch(proc.text, /\/proc\/x\.txt.*name another file with --db/);
});

Deno.test("group: a damaged log is set aside with a notice, and comes back from the others", async () => {
  await using group = await Group.open();
  const [alice, bob] = await group.startAll("Alice", "Bob") as [Node, Node];
  for (let number = 0; number < 10; number++) await alice.say(`entry ${number}`);
  await bob.untilCount(isMessage, 10);
  await bob.type("/exit");
  await bob.ended();
  const path = group.logPath("Bob");
  const text = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, text.replace("entry 4", "entry X"));

  const again = await group.start("Bob");
  await again.until(shows("entry 9"));
  const notice = again.events.find(({ event, text }) => event === "notice" && /damaged/.test(text));
  assert(notice !== undefined, JSON.stringify(again.events.slice(0, 5)));
  const aside = [...Deno.readDirSync(path.replace(/\/log$/, ""))]
    .filter(({ name }) => name.startsWith("log.aside-"));
  assertEquals(aside.length, 1);
  await group.sameLogs("Alice", "Bob");
});

Deno.test("group: a line that is no command says what is possible", async () => {
  await using group = new Group();
  const server = await group.serve();
  const alice = await group.start("Alice");

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
    "unknown-command: There is no command /lgo; did you mean /",
    "usage: N must be a number from 0 to 1000000, no",
    "usage: A line that starts with { must be one JS",
  ]);
  assertEquals(told(server), [
    'unknown-command: Nothing was done about "hello": commands',
    "unknown-command: There is no command /rmove; did you mean",
    "usage: The form is /remove NAME, for example /r",
  ]);
  assertEquals(alice.texts(), []);
});

Deno.test("group: --max-members is heeded", async () => {
  await using group = new Group();
  await group.serve("--max-members", "2");
  await group.startAll("Alice", "Bob");
  const { status, code } = await fatalOf(group.launch("Carol"));
  assertEquals([status, code], [4, "full"]);
});

Deno.test("group: the same profile somewhere else replaces the first", async () => {
  await using group = await Group.open();
  const alice = await group.start("Alice");
  const first = await group.start("Bob");
  await first.say("first");
  await alice.until(shows("first"));
  await Deno.mkdir(`${group.data("copy")}/users/Bob`, { recursive: true });
  const profile = `${group.data("Bob")}/users/Bob`;
  await Deno.copyFile(`${profile}/identity`, `${group.data("copy")}/users/Bob/identity`);
  const words = ["peer", "Bob", "--server", group.server, "--host", "127.0.0.1", "--port"];
  const second = group.nodes.add(
    Node.start([...words, String(freePort())], { data: group.data("copy") }),
  );

  const { status, code } = await fatalOf(first);
  assertEquals([status, code], [4, "replaced"]);
  await second.until(isIn("Bob"));
  await second.say("second");
  await alice.until(shows("second"));
  assertEquals(alice.events.filter(isError("key-changed")), []);
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

Deno.test("group: another coordinator that comes meanwhile is an error with both keys, and the chat goes on", async () => {
  await using group = new Group();
  const server = await group.serve();
  const alice = await group.start("Alice");
  await server.kill();
  await Deno.remove(group.serverData, { recursive: true });
  const other = await group.serve();

  const { text } = await alice.until(isError("key-changed"));
  for (const node of [server, other]) {
    const { key } = node.events.find(({ event }) => event === "ready")!;
    assert(text.includes(key), text);
  }
  await alice.say("on");
  await alice.until(shows("on"));
});
