/** Files in a room, as its members send and fetch them. */

import { assert, assertEquals } from "@std/assert";
import { sameBytes } from "../../lib/base/collections/bytes.ts";
import { LEAF_BYTES } from "../../lib/protocols/transfer/limits.ts";
import {
  FilesFolder,
  isFetched,
  isOffer,
  isOfTransfer,
  LARGE,
  MB,
  safeList,
} from "./files_folder.ts";
import { holds, Node, type NodeOptions, PROGRAM, type ShownEvent, untilRead } from "./node.ts";
import { openPaths } from "./proc.ts";
import { hasScript, openTerminal } from "./pty.ts";
import { canMount, fill, mount, remount, unmount } from "./small_disk.ts";
import { slow } from "../given.ts";

/** Members, each with a folder for what it receives. */
class FilesWorld extends FilesFolder {
  async member(name: string, contact: Node | null, options: NodeOptions = {}): Promise<Node> {
    const args = ["--save", this.saved(name), ...options.args ?? []];
    const node = await Node.ready(name, contact, { ...options, args });
    this.nodes.push(node);
    return node;
  }

  /** Bob, whose files are in `data`, has part of what Alice has sent to all; she stands still until `SIGCONT`. */
  async halfFetched() {
    const { path, content } = this.file("large.iso", LARGE);
    const alice = await this.member("Alice", null);
    const data = `${this.folder}/bob`;
    const bob = await this.member("Bob", alice, { data });
    await send(alice, path, "s");
    await isFetched(this.saved("Bob"), 0.4 * LARGE);
    alice.signal("SIGSTOP");
    return { alice, bob, data, content };
  }
}

async function send(node: Node, path: string, ref: string): Promise<ShownEvent> {
  await node.type(JSON.stringify({ command: "send", file: path, ref }));
  const answer = await node.until((event) => event.ref === ref);
  assertEquals(answer.event, "offer", answer.text);
  return answer;
}

Deno.test("files are saved also where the data folder is inside the folder that they are saved to", async () => {
  await using world = new FilesWorld();
  const { path, content } = world.file("report.bin", 1_000);
  const alice = await world.member("Alice", null);
  const members = ["Bob", "Carol"];
  Deno.mkdirSync(world.saved("Carol")); // Bob's is made by his program
  for (const name of members) {
    const bob = await world.member(name, alice, { data: `${world.saved(name)}/data` });
    await send(alice, path, `to ${name}`);
    const saved = await bob.until(({ event, state }) =>
      event === "transfer" && (state === "done" || state === "failed")
    );
    assertEquals(saved.text, undefined);
    assert(sameBytes(Deno.readFileSync(`${world.saved(name)}/report.bin`), content));
  }
});

Deno.test("a file sent to the room is saved by each member, byte for byte, and never over another", async () => {
  await using world = new FilesWorld();
  const { path, content } = world.file("report.bin", 3 * LEAF_BYTES + 7);
  const alice = await world.member("Alice", null);
  const bob = await world.member("Bob", alice);
  const carol = await world.member("Carol", alice);
  Deno.writeTextFileSync(`${world.saved("Bob")}/report.bin`, "mine");
  Deno.symlinkSync(`${world.folder}/elsewhere`, `${world.saved("Carol")}/report.bin`);

  const own = await send(alice, path, "s");
  const [bobs, carols] = await Promise.all([
    bob.until(isOfTransfer("done")),
    carol.until(isOfTransfer("done")),
  ]);

  const told = await alice.untilCount(isOfTransfer("done"), 2);
  assertEquals(told.map(({ to, self, file, path }) => [to, self, file, path]).sort(), [
    ["Bob", true, own.file, undefined],
    ["Carol", true, own.file, undefined],
  ]);
  assertEquals([own.event, own.self, own.name, own.size], [
    "offer",
    true,
    "report.bin",
    content.length,
  ]);
  const offer = await bob.until(isOffer);
  assertEquals([offer.from, offer.self, offer.digest], ["Alice", false, own.digest]);
  assertEquals(bobs.path, `${Deno.realPathSync(world.saved("Bob"))}/report (2).bin`);
  assertEquals(Deno.readFileSync(bobs.path), content);
  assertEquals(Deno.readTextFileSync(`${world.saved("Bob")}/report.bin`), "mine");
  assertEquals(Deno.readFileSync(carols.path), content);
  assert(!carols.path.endsWith("/report.bin"), "a link isn't followed");
  assertEquals([...Deno.readDirSync(world.folder)].some(({ name }) => name === "elsewhere"), false);
  const left = [...Deno.readDirSync(world.saved("Bob"))].map(({ name }) => name).sort();
  assertEquals(left, ["report (2).bin", "report.bin"]);
  const folders = (await openPaths(bob.pid)).filter((path) =>
    path === Deno.realPathSync(world.saved("Bob"))
  );
  assertEquals(folders, [], "a folder that was synced is closed at once");
});

Deno.test("who has fetched a file serves it: its sender may leave", async () => {
  await using world = new FilesWorld();
  const { path, content } = world.file("photo.jpg", 20 * MB);
  const alice = await world.member("Alice", null);
  const bob = await world.member("Bob", alice);
  await send(alice, path, "s");
  await bob.until(isOfTransfer("done"));
  await alice.type("/quit");
  await alice.ended();
  Deno.removeSync(path);

  const carol = await world.member("Carol", bob);
  const { path: saved } = await carol.until(isOfTransfer("done"));

  assertEquals(Deno.readFileSync(saved), content);
  const { from, self } = await carol.until(isOffer);
  assertEquals([from, self], ["Alice", false]);
});

Deno.test("that a file was changed is known after a start, too, to those who have it: nobody who comes later is told of it", async () => {
  await using world = new FilesWorld();
  Deno.mkdirSync(`${world.folder}/files`);
  const [draft, other] = ["files/draft.txt", "files/other.txt"].map((name) =>
    world.file(name, 100)
  );
  const [aliceData, bobData] = ["alice", "bob"].map((name) => `${world.folder}/${name}`);
  const alice = await world.member("Alice", null, { data: aliceData! });
  const bob = await world.member("Bob", alice, { data: bobData! });
  await send(alice, draft!.path, "s");
  await bob.until(isOfTransfer("done"));
  await send(bob, other!.path, "s");
  await alice.until(isOfTransfer("done"));
  await alice.type("/quit");
  await alice.ended();
  Deno.removeSync(draft!.path);
  const again = await world.member("Alice", bob, { data: aliceData! });
  await again.until(isOfTransfer("failed"));
  const noted = `${bobData}/users/Bob/mesh/${bob.events.find(isReady)!.room}/files/offers`;
  await holds("it is noted", () => rowsOf(noted).some((row) => row.length === 9));
  for (const member of [again, bob]) {
    await member.type("/quit");
    await member.ended();
  }

  const back = await world.member("Bob", null, { data: bobData! });
  const carol = await world.member("Carol", back);

  await carol.until(isOfTransfer("done"));
  assertEquals(carol.events.filter(isOffer).map(({ name }) => name), ["other.txt"]);
  assertEquals(carol.events.filter(isOfTransfer("failed")), []);
});

const isReady = ({ event }: ShownEvent) => event === "ready";

/** Their cells, with the checksum. */
function rowsOf(path: string): readonly (readonly string[])[] {
  return Deno.readTextFileSync(path).split("\n").map((line) => line.split("\t"));
}

/** What a member says of another one in its status, once the member knows that one and has some neighbours. */
async function seen(node: Node, name: string): Promise<ShownEvent> {
  let found: ShownEvent | undefined;
  await holds(`some neighbours, and ${name}, are there`, async () => {
    const { members } = await node.ask("status");
    found = members.find((member: ShownEvent) => member.name === name);
    return members.filter(({ direct }: ShownEvent) => direct).length >= 3 && found !== undefined;
  });
  return found!;
}

slow.test("in a room of ten a file comes to members that are no neighbours of its sender", async () => {
  await using world = new FilesWorld();
  const { path, content } = world.file("large.iso", 20 * MB);
  const members: Node[] = [await world.member("Alice", null)];
  const [alice] = members as [Node];
  for (let at = 1; at < 9; at++) {
    const contact = members[Math.floor(at / 3)]!;
    // As scripts without --save they receive nothing, and so can't pass anything on.
    const member = await Node.ready(`m${at}`, contact);
    world.nodes.push(member);
    members.push(member);
  }
  let far: Node | null = null;
  let name = "";
  for (let at = 0; far === null && at < 10; at++) {
    const member = await world.member(name = `Far${at}`, members[8]!);
    if (!(await seen(member, "Alice")).direct) far = member;
    else {
      await member.type("/quit");
      await member.ended();
    }
  }
  assert(far !== null, "somebody is no neighbour of Alice");

  await send(alice, path, "all");
  const { path: saved } = await far.until(isOfTransfer("done"));
  assertEquals(Deno.readFileSync(saved), content);

  // The link that was made for it ends, or the two have become neighbours: this one comes in either case.
  const one = world.file("one.txt", 1_000);
  assertEquals((await alice.ask("send", { name, file: one.path })).to, name);
  const forOne = await far.until((event) =>
    isOfTransfer("done")(event) && event.name === "one.txt"
  );
  assertEquals(Deno.readFileSync(forOne.path), one.content);
});

slow.test("kill -9 of the receiver costs a tenth of the file at most, and not the name that it is to have", async () => {
  await using world = new FilesWorld();
  const { alice, bob, data, content } = await world.halfFetched();
  assertEquals((await bob.ask("get", { n: 1, as: "mine.iso" })).state, "started");
  await bob.kill();

  const again = await world.member("Bob", null, { data });
  await holds("what was there is there", async () => {
    const { files: [file] } = await again.ask("files");
    return file.state === "fetching" && file.bytes >= 0.3 * LARGE;
  });
  alice.signal("SIGCONT");
  const { path: saved } = await again.until(isOfTransfer("done"));
  assertEquals(saved, `${world.saved("Bob")}/mine.iso`);
  assertEquals(Deno.readFileSync(saved), content);
});

Deno.test("what was begun in another folder, out of reach by now, is fetched anew into the one named now", async () => {
  await using world = new FilesWorld();
  const { alice, bob, data, content } = await world.halfFetched();
  await bob.kill();
  const again = await Node.ready("Bob", null, { data, args: ["--save", world.saved("now")] });
  world.nodes.push(again);
  alice.signal("SIGCONT");

  const { state, text, path } = await again.until((event) =>
    isOfTransfer("done")(event) || isOfTransfer("failed")(event)
  );
  assertEquals([state, text, path], ["done", undefined, `${world.saved("now")}/large.iso`]);
  assert(sameBytes(Deno.readFileSync(path), content), "it is what was offered");
});

Deno.test("a file that a start may not read stays offered by later ones, and the user is told", async () => {
  await using world = new FilesWorld();
  const { content } = world.file("notes.txt", 1_000);
  const home = Deno.makeTempDirSync({ prefix: "p2pchat-home-", dir: "/var/tmp" });
  const path = `${home}/notes.txt`;
  Deno.writeFileSync(path, content);
  const start = async (folder: string) => {
    const env = { HOME: folder };
    const node = await Node.ready("Alice", null, { data: `${world.folder}/alice`, env });
    world.nodes.push(node);
    return node;
  };
  const left = async (node: Node) => {
    await node.type(":q");
    await node.ended();
  };
  const first = await start(home);
  await send(first, path, "s");
  await left(first);

  Deno.mkdirSync(`${world.folder}/other`);
  const second = await start(`${world.folder}/other`);
  const { text } = await second.until(({ event, text }) =>
    event === "notice" && text.includes(path)
  );
  assert(text.includes("p2pchat isn't allowed to read it"), text);
  assertEquals((await second.ask("files")).files, []);
  await left(second);

  const third = await start(home);
  const bob = await world.member("Bob", third);
  const { path: saved } = await bob.until(isOfTransfer("done"));
  assertEquals(Deno.readFileSync(saved), content);
  await Deno.remove(home, { recursive: true });
});

Deno.test("what is altered in a file between two starts is fetched again: what is saved is what was offered", async () => {
  await using world = new FilesWorld();
  const { alice, bob, data, content } = await world.halfFetched();
  await bob.kill();
  const [part] = safeList(world.saved("Bob"));
  const { size } = Deno.statSync(`${world.saved("Bob")}/${part}`);
  Deno.truncateSync(`${world.saved("Bob")}/${part}`, 0);
  Deno.truncateSync(`${world.saved("Bob")}/${part}`, size); // zeros

  const again = await world.member("Bob", null, { data });
  alice.signal("SIGCONT");

  const { path: saved } = await again.until(isOfTransfer("done"));
  assert(sameBytes(Deno.readFileSync(saved), content), "it is what was offered");
});

Deno.test("kill -9 of the sender costs a tenth of the file at most", async () => {
  await using world = new FilesWorld();
  const { path, content } = world.file("large.iso", LARGE);
  const data = `${world.folder}/alice`;
  const alice = await world.member("Alice", null, { data });
  const bob = await world.member("Bob", alice);
  await send(alice, path, "s");
  await isFetched(world.saved("Bob"), 0.4 * LARGE);
  await alice.kill();
  const { files: [file] } = await bob.ask("files");
  assert(file.state === "fetching" && file.bytes >= 0.3 * LARGE, JSON.stringify(file));

  await world.member("Alice", bob, { data });

  const { path: saved } = await bob.until(isOfTransfer("done"));
  assertEquals(Deno.readFileSync(saved), content);
});

slow.test("a file that is changed while it is fetched fails at both, and nothing wrong is saved", async () => {
  await using world = new FilesWorld();
  const { path } = world.file("draft.txt", LARGE);
  const alice = await world.member("Alice", null);
  const bob = await world.member("Bob", alice);
  await send(alice, path, "s");
  await isFetched(world.saved("Bob"), 0.2 * LARGE);
  Deno.writeTextFileSync(path, "something else");

  const [own, theirs] = await Promise.all([
    alice.until(isOfTransfer("failed")),
    bob.until(isOfTransfer("failed")),
  ]);

  assertEquals([own.reason, theirs.reason], ["changed", "changed"]);
  assertEquals(safeList(world.saved("Bob")), []);
});

Deno.test("a script without --save is told of files, and receives none", async () => {
  await using world = new FilesWorld();
  const { path } = world.file("a.txt", 100);
  const alice = await world.member("Alice", null);
  await using bob = await Node.ready("Bob", alice);
  await send(alice, path, "s");
  const { file } = await bob.until(isOffer);

  const { event, code, text } = await bob.ask("get", { n: file });

  assertEquals([event, code], ["error", "not-allowed"]);
  assert(text.includes("--save DIR"), text);
});

Deno.test("a link that leads out of reach isn't sent, and it is said how it could be", async () => {
  await using world = new FilesWorld();
  const alice = await world.member("Alice", null);
  const link = `${world.folder}/link.txt`;
  Deno.symlinkSync("/etc/passwd", link);
  for (const [ref, path] of ["/etc/passwd", link].entries()) {
    await alice.command({ command: "send", file: path, ref: `${ref}` });
    const { event, code, text } = await alice.until((answer) => answer.ref === `${ref}`);
    assertEquals([event, code], ["error", "not-allowed"]);
    assert(text.endsWith("or start p2pchat in its folder"), text);
  }
});

Deno.test("what is the program's own isn't sent, by whichever path the data folder is reached", async () => {
  await using world = new FilesWorld();
  const [real, data] = [`${world.folder}/real`, `${world.folder}/link`];
  Deno.mkdirSync(real);
  Deno.symlinkSync(real, data);
  const alice = await world.member("Alice", null, { data });
  for (const [ref, root] of [data, real].entries()) {
    const file = `${root}/users/Alice/identity`;
    await alice.command({ command: "send", file, ref: `${ref}` });
    const { event, code, text } = await alice.until((answer) => answer.ref === `${ref}`);
    assertEquals([event, code], ["error", "not-allowed"], text);
    assert(text.endsWith("it is one of p2pchat's own files, with keys and messages"), text);
  }
});

Deno.test("a file that somebody swaps for a link to one's key all the time isn't sent as that", async () => {
  await using world = new FilesWorld();
  const [data, shared] = [`${world.folder}/alice`, `${world.folder}/shared`];
  Deno.mkdirSync(shared);
  const alice = await world.member("Alice", null, { data });
  const [path, aside, third] = ["photo", "aside", "third"].map((name) => `${shared}/${name}`);
  Deno.writeFileSync(path!, new Uint8Array(1_000));
  Deno.symlinkSync(`${data}/users/Alice/identity`, aside!);
  const swapper = setInterval(() => {
    Deno.renameSync(path!, third!);
    Deno.renameSync(aside!, path!);
    Deno.renameSync(third!, aside!);
  }, 1);
  try {
    for (let round = 0; round < 100; round++) {
      await alice.command({ command: "send", file: path, ref: `${round}` });
      const { event, size } = await alice.until(({ ref }) => ref === `${round}`);
      assertEquals(event === "offer" && size !== 1_000, false, `after ${round} times`);
    }
  } finally {
    clearInterval(swapper);
  }
});

Deno.test("no file is saved outside of the folder, or hidden, whatever its name says", async () => {
  await using world = new FilesWorld();
  const alice = await world.member("Alice", null);
  const bob = await world.member("Bob", alice);
  const names = [
    "..\\..\\evil.sh",
    ".bashrc",
    "-rf",
    "a\nb\u202etxt.exe",
    "con.txt",
    "x".repeat(250),
  ];
  for (const [at, name] of names.entries()) {
    await send(alice, world.file(name, 10 + at).path, `s${at}`);
  }

  const done = await bob.untilCount(isOfTransfer("done"), names.length);

  const folder = Deno.realPathSync(world.saved("Bob"));
  const saved = done.map(({ path }) => path.slice(folder.length + 1)).sort();
  assertEquals(safeList(folder).toSorted(), saved);
  for (const name of saved) assert(/^[^-.\p{C}/\\][^\p{C}/\\]*$/u.test(name), JSON.stringify(name));
});

Deno.test("a file for one member is offered to that one alone, and taken back by /cancel", async () => {
  await using world = new FilesWorld();
  const { path } = world.file("for Bob.txt", 100);
  const alice = await world.member("Alice", null);
  const [bob, carol] = [await world.member("Bob", alice), await world.member("Carol", alice)];
  await alice.until(({ event, name }) => event === "joined" && name === "Carol");
  await alice.type(`/send Bob ${path}`);
  const { to, file } = await alice.until(isOffer);
  const { path: saved } = await bob.until(isOfTransfer("done"));

  await alice.type(`/cancel ${file}`);
  await alice.until(isOfTransfer("cancelled"));
  await alice.say("that was all");
  await carol.until(({ event }) => event === "message");

  assertEquals(to, "Bob");
  assertEquals(Deno.readFileSync(saved).length, 100);
  assertEquals(carol.events.filter(isOffer), []);
  assertEquals((await carol.ask("files")).files, []);
});

Deno.test({
  name: "a full disk fails the transfer and not the chat; it goes on from there when there is room",
  ignore: !canMount(),
  async fn() {
    await using world = new FilesWorld();
    const { path, content } = world.file("large.iso", 20 * MB);
    const folder = world.saved("Bob");
    Deno.mkdirSync(folder);
    await mount(folder, "10m");
    try {
      const alice = await world.member("Alice", null);
      const bob = await world.member("Bob", alice);
      await send(alice, path, "s");

      const { reason, text, file } = await bob.until(isOfTransfer("failed"));
      await alice.say("still there?");
      await bob.until(({ event, text }) => event === "message" && text === "still there?");
      assertEquals(reason, "disk");
      assert(/No space left/.test(text), text);

      await remount(folder, "40m");
      await bob.command({ command: "get", n: file });
      const { path: saved } = await bob.until(isOfTransfer("done"));
      assertEquals(Deno.readFileSync(saved), content);
    } finally {
      await unmount(folder);
    }
  },
});

Deno.test({
  name:
    "a file isn't offered while the sender's disk is full, as nothing would be known of it later",
  ignore: !canMount(),
  async fn() {
    await using world = new FilesWorld();
    const { path } = world.file("a.bin", MB);
    const data = `${world.folder}/alice`;
    Deno.mkdirSync(data);
    await mount(data);
    try {
      const alice = await world.member("Alice", null, { data });
      const bob = await world.member("Bob", alice);
      await alice.until(({ event }) => event === "joined");
      await fill(data);
      const { event, code, text } = await alice.ask("send", { file: path });
      assertEquals([event, code], ["error", "disk"]);
      assert(text.startsWith("The file can't be offered: "), text);
      assertEquals((await alice.ask("files")).files, []);

      Deno.removeSync(`${data}/filling`);
      await send(alice, path, "again");
      await bob.until(isOfTransfer("done"));
      assertEquals(bob.events.filter(isOffer).length, 1);
      await alice.kill();
    } finally {
      await unmount(data);
    }
  },
});

Deno.test("where files can't be used each command says why, until they can", async () => {
  await using world = new FilesWorld();
  const { path, content } = world.file("a.bin", 100);
  const alice = await world.member("Alice", null);
  const bob = await world.member("Bob", alice);
  const room = bob.events.find(({ event }) => event === "ready")!.room;
  const inTheWay = `${bob.data}/users/Bob/mesh/${room}/files`;
  Deno.writeTextFileSync(inTheWay, "no folder");
  await send(alice, path, "s");
  await bob.until(({ event, code }) => event === "error" && code === "disk");
  for (const command of ["files", "files"]) {
    const { event, code } = await bob.ask(command);
    assertEquals([event, code], ["error", "disk"]);
  }

  Deno.removeSync(inTheWay);
  assertEquals((await bob.ask("files")).event, "files");
  const { path: saved } = await bob.until(isOfTransfer("done"));
  assertEquals(Deno.readFileSync(saved), content);
});

Deno.test("what somebody offers who is ignored is neither shown nor saved", async () => {
  await using world = new FilesWorld();
  const alice = await world.member("Alice", null);
  const bob = await world.member("Bob", alice);
  await bob.type("/ignore Alice");
  await bob.until(({ event, text }) => event === "notice" && text.includes("Alice"));
  await send(alice, world.file("spam", 1_000).path, "s");
  await send(bob, world.file("own", 1_000).path, "s");

  await alice.until(({ event, state, name }) =>
    event === "transfer" && state === "done" && name === "own"
  );

  assertEquals((await bob.ask("files")).files.map(({ name }: ShownEvent) => name), ["own"]);
  assertEquals(bob.events.filter(({ event, to }) => event === "transfer" && !to), []);
});

Deno.test("no more is received than --files-max allows", async () => {
  await using world = new FilesWorld();
  const alice = await world.member("Alice", null);
  const bob = await world.member("Bob", alice, { args: ["--files-max", "6kB"] });
  await send(alice, world.file("one", 1_000).path, "s1");
  await bob.until(isOfTransfer("done"));
  await send(alice, world.file("two", 1_000).path, "s2");

  const { code, text } = await bob.until(({ event }) => event === "error");

  assertEquals(code, "full");
  assert(text.includes("--files-max"), text);
  assertEquals(safeList(world.saved("Bob")), ["one"]);
});

Deno.test({
  name:
    "at a terminal ~ is the user's home, whose files can be sent, and whose Downloads files are saved in",
  ignore: !hasScript(),
  async fn() {
    await using world = new FilesWorld();
    const home = Deno.makeTempDirSync({ dir: "/var/tmp", prefix: "p2pchat-home-" }); // /tmp can be sent from anyway
    try {
      Deno.mkdirSync(`${home}/Downloads`);
      Deno.writeTextFileSync(`${home}/own notes.txt`, "own");
      const bob = await world.member("Bob", null);
      const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`;
      await using alice = await openTerminal({
        command: [PROGRAM, "mesh", "Alice", "127.0.0.1", String(bob.port), "--host", "127.0.0.1"],
        env: { HOME: home, XDG_CACHE_HOME: cache, P2PCHAT_HOME: `${home}/.data` },
        columns: 120,
      });
      await alice.until("Bob", ({ text }) => /Bob (?:is here|joined)/.test(text));

      await alice.press("/send ~/own notes.txt\r");
      await bob.until(isOfTransfer("done"));
      await send(bob, world.file("theirs", 1_000).path, "s");
      await alice.until("the question", ({ text }) => text.includes("y fetches it"));
      await untilRead();
      await alice.press("y\r");

      const saved = `theirs is here: ${home}/Downloads/theirs`;
      await alice.until(saved, ({ text }) => text.includes(saved));
      await alice.press("/get 2\r");
      const already = `theirs is here already: ${home}/Downloads/theirs`;
      await alice.until(already, ({ text }) => text.includes(already));
      await alice.press("/cancel 1\r");
      const taken = 'Offer of "own notes.txt" withdrawn';
      await alice.until(taken, ({ text }) => text.includes(taken));
      assertEquals(Deno.readTextFileSync(`${world.saved("Bob")}/own notes.txt`), "own");
    } finally {
      Deno.removeSync(home, { recursive: true });
    }
  },
});
