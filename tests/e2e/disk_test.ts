/** Data on disk: after kills, from a backup, with a torn end, and on a full disk. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { copy } from "@std/fs";
import { Node, Nodes, type ShownEvent } from "./node.ts";
import { FriendsGroup } from "./friends_group.ts";
import { Group } from "./group_world.ts";
import { canMount, fill, mount, unmount } from "./small_disk.ts";
import { TextProgram } from "./text_program.ts";

/**
 * A member records within this time what it has shown, if its disk has much else to do: a kill in this time comes
 * before the record.
 */
const UNNOTED_MS_MAX = 1_500;

/**
 * The number of kills during first starts, between the first file and `ready`; before that, nothing can be half
 * done.
 */
const KILLS = 3;

const isReady = ({ event }: ShownEvent) => event === "ready";
const isMessage = (event: ShownEvent) => event.event === "message";
const shown = (text: string) => (event: ShownEvent) => isMessage(event) && event.text === text;

Deno.test("a profile in a folder where others may write is taken from them, and the user is told", async () => {
  await using nodes = new Nodes();
  const data = await temporaryFolder(nodes);
  const folders = [`${data}/users`, `${data}/users/bob`];
  await Deno.mkdir(folders[1]!, { recursive: true });
  for (const each of folders) await Deno.chmod(each, 0o777);

  const bob = await nodes.ready("bob", null, { data });

  for (const each of folders) {
    assertEquals((await Deno.stat(each)).mode! & 0o777, 0o700);
    await bob.until(({ event, text }) =>
      event === "notice" && text.includes(`Others could write in ${each} (mode 0777)`)
    );
  }
});

Deno.test("nothing is written through a link in place of a profile's folder", async () => {
  await using nodes = new Nodes();
  const data = await temporaryFolder(nodes);
  const other = await temporaryFolder(nodes);
  await Deno.mkdir(`${data}/users`);
  await Deno.symlink(other, `${data}/users/bob`);

  const { code, last } = await nodes.add(Node.mesh("bob", null, { data })).ended();

  assertEquals([...Deno.readDirSync(other)], []);
  assertEquals(code, 5);
  assertMatch(
    last?.text ?? "",
    /^Cannot use .*\/users\/bob: it is a symbolic link; put the folder/,
  );
});

Deno.test("nobody's verified by a link to another file, left by somebody who could write in the folder", async () => {
  await using nodes = new Nodes();
  const data = await temporaryFolder(nodes);
  const others = `${await temporaryFolder(nodes)}/theirs`;
  await Deno.writeTextFile(others, "");
  const folder = `${data}/users/bob`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.symlink(others, `${folder}/known_peers`);
  await Deno.chmod(folder, 0o777);

  // Also once the program has closed the folder to them.
  for (const _ of ["open", "closed"]) {
    const { code, last } = await nodes.add(Node.mesh("bob", null, { data })).ended();
    assertEquals([code, last?.code], [5, "bad-file"]);
    assertMatch(last?.text ?? "", /known_peers: it is a symbolic link; put the file or folder/);
  }
  assertEquals(await Deno.readTextFile(others), "");
});

for (const [what, module] of [["built", undefined], ["as a module", "../../main.ts"]] as const) {
  Deno.test(`a limit for the size of files is an error, and no end without a word: ${what}`, async () => {
    await using nodes = new Nodes();
    await nodes.ready("bob", null); // it is unpacked
    const within = ["sh", "-c", 'ulimit -f 64; exec "$@"', "sh"];
    const ann = await nodes.ready("ann", null, {
      within,
      ...(module === undefined ? {} : { module }),
    });
    for (let at = 0; at < 8; at++) await ann.say("x".repeat(30_000));
    const { code, text } = await ann.until(({ event }) => event === "error");
    assertEquals(code, "disk");
    assertMatch(text, /wasn't sent: Cannot write .*log: File too large/);
    assertEquals((await ann.quit()).code, 0);
  });
}

Deno.test("killed at any moment of a busy room, a member loses nothing it had shown as said", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null);
  const data = await temporaryFolder(nodes);
  const lives: Node[] = [];
  const aliceSaid: string[] = [];

  for (let round = 0; round < 3; round++) {
    const bob = await nodes.ready("Bob", alice, { data });
    lives.push(bob);
    let talking = true;
    const talk = async (node: Node, name: string, note: (text: string) => void) => {
      for (let count = 0; talking; count++) {
        const text = `${name} ${round}.${count}`;
        note(text);
        await node.say(text).catch(() => {}); // he is dead
        await pause(8);
      }
    };
    const talks = [
      talk(alice, "alice", (text) => aliceSaid.push(text)),
      talk(bob, "bob", () => {}),
    ];
    await bob.until(({ event, self }) => event === "message" && self);
    await pause(UNNOTED_MS_MAX + Math.random() * 500);
    await bob.kill();
    talking = false;
    await Promise.all(talks);
    await alice.until(shown(aliceSaid.at(-1)!));
  }
  const bob = await nodes.ready("Bob", alice, { data });
  lives.push(bob);
  await bob.say("the end");
  await alice.until(shown("the end"));
  await untilSame(alice, bob);

  const history: readonly ShownEvent[] = await bob.history();
  const texts = new Set(history.map(({ text }) => text));
  for (const life of lives) {
    for (const { text } of life.events.filter(({ event, self }) => event === "message" && self)) {
      assert(texts.has(text), `Bob's history has "${text}", which he was shown`);
    }
  }
  for (const text of aliceSaid) assert(texts.has(text), `Bob's history has Alice's "${text}"`);
  assertEquals(history.length, texts.size, "nothing is in it twice");
  const atAlice = alice.events.filter(isMessage).map(({ id }) => id);
  assertEquals(atAlice.length, new Set(atAlice).size, "Alice is shown each message once");
  const seen = new Map<string, string>();
  for (const [number, life] of lives.entries()) {
    const lastAt = Date.parse(life.events.at(-1)!.at);
    for (const { id, text, at, history } of life.events.filter(isMessage)) {
      const before = seen.get(id);
      assert(
        before === undefined || history === true && before === "at the end",
        `"${text}" is shown again in life ${number}, ${before}`,
      );
      seen.set(id, lastAt - Date.parse(at) < UNNOTED_MS_MAX ? "at the end" : "long before");
    }
  }
});

Deno.test("killed while it starts for the first time, the program starts the next time", async () => {
  await using nodes = new Nodes();
  const writing = await writingMs(nodes);
  let inTheMidst = 0;

  for (let kill = 0; kill < KILLS; kill++) {
    const data = await temporaryFolder(nodes);
    const bob = nodes.add(startOf("Bob", data));
    await untilFile(data);
    await pause(writing * kill / KILLS);
    await bob.kill();
    if (bob.events.some(isReady)) continue;
    inTheMidst++;

    const again = nodes.add(startOf("Bob", data));
    await again.until(isReady);
    await again.say("here I am");
    await again.until(shown("here I am"));
    await again.kill();
  }

  assert(inTheMidst > 0, `of ${KILLS} kills one came before it was ready`);
});

Deno.test("a torn end of the log is dropped with a notice, and got back from the others", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null);
  const data = await temporaryFolder(nodes);
  const bob = await nodes.ready("Bob", alice, { data });
  for (let count = 0; count < 5; count++) await bob.say(`bob ${count}`);
  await alice.until(shown("bob 4"));
  await alice.say("the last one");
  await bob.until(shown("the last one"));
  await bob.kill();
  const log = await logOf(data, "Bob");
  const { size } = await Deno.stat(log);

  await Deno.truncate(log, size - 400);
  const again = await nodes.ready("Bob", alice, { data });
  const notice = await again.until(({ event, text }) => event === "notice" && /log/.test(text));
  await untilSame(alice, again);

  assertMatch(
    notice.text,
    /^Dropped \d+ bytes at the end of .*log, from line \d+ on: they were being written/,
  );
});

Deno.test("a profile restored from an old backup says new things, and gets what it lacks", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null);
  const data = await temporaryFolder(nodes);
  const backup = await temporaryFolder(nodes);
  const bob = await nodes.ready("Bob", alice, { data });
  for (let count = 0; count < 5; count++) await bob.say(`before ${count}`);
  await alice.until(shown("before 4"));
  await bob.type(":q");
  await bob.ended();
  await copy(data, backup, { overwrite: true });
  const more = await nodes.ready("Bob", alice, { data });
  for (let count = 0; count < 5; count++) await more.say(`since ${count}`);
  await alice.until(shown("since 4"));
  await more.kill();
  await alice.say("meanwhile");
  await alice.until(shown("meanwhile"));

  const restored = await nodes.ready("Bob", alice, { data: backup });
  for (let count = 0; count < 5; count++) await restored.say(`after ${count}`);
  await alice.until(shown("after 4"));
  await restored.until(shown("after 4"));
  await untilSame(alice, restored);

  const five = (word: string) => Array.from({ length: 5 }, (_, index) => `${word} ${index}`);
  assertEquals(alice.texts(), [...five("before"), ...five("since"), "meanwhile", ...five("after")]);
  assertEquals(
    restored.texts().toSorted(),
    [...five("since"), "meanwhile", ...five("after")].toSorted(),
  );
  for (const { event, text } of [...alice.events, ...restored.events]) {
    assert(event !== "error" && !/two things/.test(text ?? ""), `nobody is accused: ${text}`);
  }
});

Deno.test("a room whose folder was removed while the program runs is there again with its folder", async () => {
  await using nodes = new Nodes();
  const data = await temporaryFolder(nodes);
  const alice = await nodes.ready("Alice", null, { data });
  await alice.say("before");
  await alice.until(shown("before"));
  const folder = (await logOf(data, "Alice")).replace(/\/log$/, "");
  await Deno.remove(`${data}/users/Alice/mesh`, { recursive: true });

  const refused = () =>
    alice.events.find(({ event, code }) => event === "error" && code === "disk");
  while (refused() === undefined) {
    await alice.say("is it kept?");
    await pause(100);
  }
  const status = await alice.ask("status");
  await Deno.mkdir(folder, { recursive: true });
  await alice.say("after");
  await alice.until(shown("after"));
  await alice.kill();
  const again = await nodes.ready("Alice", null, { data });
  const history: readonly ShownEvent[] = await again.history();
  const texts = history.map(({ text }) => text);

  assertMatch(refused()!.text, /it was removed or replaced while the program ran/);
  assert(status.problems.length > 0, "it is a problem until the folder is there");
  assertEquals([texts[0], texts.at(-1)], ["before", "after"]);
});

Deno.test("a program whose profile was removed and begun anew by another says nothing more, and leaves that alone", async () => {
  await using nodes = new Nodes();
  const data = await temporaryFolder(nodes);
  const alice = await nodes.ready("Alice", null, { data });
  await alice.say("before");
  await alice.until(shown("before"));
  await Deno.remove(`${data}/users/Alice`, { recursive: true });
  const anew = await nodes.ready("Alice", null, { data });
  await anew.say("anew");
  await anew.until(shown("anew"));

  await pause(1_000); // a log's place is looked at once a second
  await alice.say("and I?");
  const told = await alice.until(({ event }) => event === "error");
  await alice.kill();
  await anew.say("still here");
  await anew.until(shown("still here"));
  await anew.kill();
  const again = await nodes.ready("Alice", null, { data });
  const history: readonly ShownEvent[] = await again.history();

  assertEquals([told.code, alice.events.filter(shown("and I?"))], ["disk", []]);
  assertMatch(told.text, /it was removed or replaced while the program ran/);
  assertEquals(history.map(({ text }) => text), ["anew", "still here"]);
});

Deno.test({
  name: "on a full disk what can't be kept isn't said, and the program goes on",
  ignore: !canMount(),
  async fn() {
    await using nodes = new Nodes();
    const disk = await temporaryFolder(nodes);
    await mount(disk);
    nodes.defer(() => unmount(disk));
    const alice = await nodes.ready("Alice", null);
    const bob = await nodes.ready("Bob", alice, { data: disk });
    await bob.say("there is room");
    await alice.until(shown("there is room"));
    await fill(disk);

    const long = "x".repeat(60_000);
    await bob.command({ command: "msg", text: long, ref: "long" });
    const refused = await bob.until(({ event }) => event === "error");
    await alice.say(`hello ${long}`);
    await bob.until(shown(`hello ${long}`));
    await alice.command({ command: "msg", name: "Bob", text: `alone ${long}` });
    await bob.until(shown(`alone ${long}`));
    await alice.say("are you there?");
    await bob.until(shown("are you there?"));
    const isNotKept = ({ event, ref }: ShownEvent) => event === "error" && ref === undefined;
    await bob.until(isNotKept);
    await Deno.remove(`${disk}/filling`);
    await bob.say("there is room again");
    await alice.until(shown("there is room again"));
    await bob.until(({ event, text }) =>
      event === "notice" && /^Writing to the disk works again/.test(text)
    );
    await bob.type(":q");
    const ended = await bob.ended();
    const notKept = bob.events.filter(isNotKept);
    const [room] = [...Deno.readDirSync(`${disk}/users/Bob/mesh`)].filter((each) =>
      each.isDirectory
    );
    const alone = Deno.readTextFileSync(`${disk}/users/Bob/mesh/${room!.name}/private-000001`);
    assert(alone.includes(`alone ${long}`), "what came privately is kept, too");

    assertEquals([refused.code, refused.ref], ["disk", "long"]);
    assertMatch(refused.text, /No space left on device; free some space there and try again/);
    assertEquals(notKept.map(({ code }) => code), ["disk"], "once, not for each message");
    assertMatch(
      notKept[0]!.text,
      /free some space .*; until then incoming messages are shown but not saved/,
    );
    assertEquals(alice.texts("Bob"), ["there is room", "there is room again"]);
    assert(!bob.texts("Bob").includes(long), "what wasn't said isn't shown");
    assertEquals(ended.code, 0);

    await fill(disk);
    const unable = nodes.add(startOf("Carol", disk));
    const { code, last } = await unable.ended();
    assertEquals([code, last?.event, last?.code], [5, "fatal", "disk"]);
    assertMatch(last?.text, new RegExp(`${disk}.*No space left on device; free some space`));
  },
});

Deno.test({
  name:
    "a pipe that the disk refuses says of each message that it wasn't sent, and leaves properly",
  ignore: !canMount(),
  async fn() {
    await using friends = new FriendsGroup("Bob", "Carol");
    const { nodes } = friends;
    const disk = await temporaryFolder(nodes);
    await mount(disk);
    nodes.defer(() => unmount(disk));
    const starts = [
      ["mesh", "Bob", "--host", "127.0.0.1", "--port", "0"],
      ["peer", "Bob", "--users", friends.file],
    ];
    for (const [mode, ...args] of starts) {
      await using bob = TextProgram.start([mode!, ...args], { data: disk });
      await bob.until(/listening/);
      await fill(disk);
      const to = mode === "mesh" ? "" : "Carol/";
      await bob.type(`${to}${"x".repeat(60_000)}`, `${to}${"y".repeat(60_000)}`);
      assertEquals(await bob.quit(), 0, mode);
      const errors = bob.stderr.trimEnd().split("\n");
      assertEquals(errors.length, 2, mode);
      for (const line of errors) {
        assertMatch(
          line,
          /^error: Your message (to Carol )?wasn't sent: Cannot write .*No space left on device/,
        );
      }
      await Deno.remove(`${disk}/filling`);
    }
  },
});

Deno.test({
  name:
    "a coordinator whose disk is full does nothing that must be stored, and goes on once there is room",
  ignore: !canMount(),
  async fn() {
    await using group = new Group();
    const server = await serveOnSmallDisk(group);
    const [alice, bob] = await group.startAll("Alice", "Bob");
    await alice!.say("there is room");
    await bob!.until(shown("there is room"));
    await fill(group.serverData);

    await alice!.command({ command: "edit", text: "x".repeat(60_000), n: 1 });
    const refused = await server.until(isDiskError);
    assertMatch(
      refused.text,
      /^The coordinator can't store .*free some space there .*; the coordinator tries again by itself$/,
    );
    await alice!.say("is anybody there?");
    await bob!.until(shown("is anybody there?"));
    const waiting = await server.ask("snapshot");
    assertEquals([waiting.event, waiting.code], ["error", "disk"]);

    await Deno.remove(`${group.serverData}/filling`);
    await server.untilCount(({ event }) => event === "ready", 2);
    const carol = await group.start("Carol");
    await carol.until(shown("is anybody there?"));
    assertEquals(
      server.events.filter(isDiskError).filter(({ ref }) => ref === undefined).length,
      1,
    );

    // One that waits for room can be left.
    await fill(group.serverData);
    const from = server.events.length;
    await alice!.command({ command: "edit", text: "y".repeat(60_000), n: 1 });
    await server.until(isDiskError, undefined, from);
    await server.type("/exit");
    const { code, last } = await server.ended();
    assertEquals([code, last?.event, last?.reason], [0, "bye", "quit"]);
  },
});

async function serveOnSmallDisk(group: Group): Promise<Node> {
  await Deno.mkdir(group.serverData);
  await mount(group.serverData);
  group.nodes.defer(() => unmount(group.serverData));
  return await group.serve();
}

function isDiskError({ event, code }: ShownEvent): boolean {
  return event === "error" && code === "disk";
}

function startOf(name: string, data: string): Node {
  return Node.mesh(name, null, { data });
}

/** The time of a first start from its first file until `ready`, ms. */
async function writingMs(nodes: Nodes): Promise<number> {
  const data = await temporaryFolder(nodes);
  const node = nodes.add(startOf("Bob", data));
  await untilFile(data);
  const fromMs = performance.now();
  await node.until(isReady);
  const ms = performance.now() - fromMs;
  await node.kill();
  return ms;
}

/** Waits until there is a file in the folder, or below it. */
async function untilFile(folder: string): Promise<void> {
  for (const until = performance.now() + 60_000; !(await hasFile(folder));) {
    assert(performance.now() < until, "it writes something");
    await pause(1);
  }
}

async function hasFile(folder: string): Promise<boolean> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isDirectory || await hasFile(`${folder}/${name}`)) return true;
  }
  return false;
}

async function temporaryFolder(nodes: Nodes): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-disk-" });
  nodes.defer(() => Deno.remove(folder, { recursive: true }).catch(() => {}));
  return folder;
}

/** The path of the log of the only room of a profile. */
async function logOf(data: string, profile: string): Promise<string> {
  const folder = `${data}/users/${profile}/mesh`;
  const rooms = (await Array.fromAsync(Deno.readDir(folder))).filter((entry) => entry.isDirectory);
  assertEquals(rooms.length, 1);
  return `${folder}/${rooms[0]!.name}/log`;
}

/** Waits until both have the same history. */
async function untilSame(a: Node, b: Node): Promise<void> {
  for (const until = performance.now() + 60_000;;) {
    const [ours, theirs] = await Promise.all([a.history(), b.history()]);
    const ids = (messages: readonly ShownEvent[]) => messages.map(({ id }) => id).join();
    if (ids(ours) === ids(theirs)) return;
    assert(performance.now() < until, `histories of ${ours.length} and ${theirs.length} messages`);
    await pause(200);
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
