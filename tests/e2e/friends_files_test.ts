/** Files between friends, as they send and fetch them. */

import { assert, assertEquals } from "@std/assert";
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
import { connection, FriendsGroup } from "./friends_group.ts";
import { holds, type Node, type ShownEvent } from "./node.ts";
import { slow } from "../given.ts";

/** Friends, each with a folder for what they receive. */
class FilesOfFriends extends FilesFolder {
  readonly group = new FriendsGroup("alice", "bob", "carol");

  async friend(name: string, ...args: readonly string[]): Promise<Node> {
    return await this.group.start(name, "--save", this.saved(name), ...args);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.group[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }
}

async function send(node: Node, name: string, path: string): Promise<ShownEvent> {
  const answer = await node.ask("send", { name, file: path });
  assertEquals(answer.event, "offer", answer.text);
  return answer;
}

Deno.test("a file for a friend is saved there, byte for byte, and nobody else hears of it", async () => {
  await using world = new FilesOfFriends();
  const { path, content } = world.file("report.bin", 3 * LEAF_BYTES + 7);
  const alice = await world.friend("alice");
  const bob = await world.friend("bob");
  const carol = await world.friend("carol");
  await carol.tell("alice", "here, too");
  await alice.until(connection("opened", "carol"));

  await alice.type(`/send bob ${path}`);
  const { path: saved } = await bob.until(isOfTransfer("done"));
  const own = await alice.until(isOffer);
  await alice.tell("carol", "that was all");
  await carol.until(({ event, self }) => event === "message" && self === false);

  const offer = await bob.until(isOffer);
  assertEquals([own.self, own.to, own.name, own.size], [true, "bob", "report.bin", content.length]);
  assertEquals([offer.from, offer.to, offer.digest], ["alice", "bob", own.digest]);
  assertEquals(saved, `${Deno.realPathSync(world.saved("bob"))}/report.bin`);
  assertEquals(Deno.readFileSync(saved), content);
  assertEquals(carol.events.filter(isOffer), []);
  assertEquals((await carol.ask("files")).files, []);
});

Deno.test("kill -9 of the receiver costs a tenth of the file at most", async () => {
  await using world = new FilesOfFriends();
  const { path, content } = world.file("large.iso", LARGE);
  const alice = await world.friend("alice");
  const bob = await world.friend("bob");
  await send(alice, "bob", path);
  await isFetched(world.saved("bob"), 0.4 * LARGE);
  alice.signal("SIGSTOP");
  await bob.kill();

  const again = await world.friend("bob");
  await holds("what was there is there", async () => {
    const { files: [file] } = await again.ask("files");
    return file?.state === "fetching" && file.bytes >= 0.3 * LARGE;
  });
  alice.signal("SIGCONT");
  const { path: saved } = await again.until(isOfTransfer("done"));

  assertEquals(Deno.readFileSync(saved), content);
});

slow.test("kill -9 of the sender costs a tenth of the file at most: the receiver dials on", async () => {
  await using world = new FilesOfFriends();
  const { path, content } = world.file("large.iso", LARGE);
  const alice = await world.friend("alice");
  const bob = await world.friend("bob");
  await send(alice, "bob", path);
  await isFetched(world.saved("bob"), 0.4 * LARGE);
  await alice.kill();
  const { files: [file] } = await bob.ask("files");
  assert(file.state === "fetching" && file.bytes >= 0.3 * LARGE, JSON.stringify(file));

  await world.friend("alice");

  const { path: saved } = await bob.until(isOfTransfer("done"));
  assertEquals(Deno.readFileSync(saved), content);
});

Deno.test("a friend that isn't there is offered a file when that one is back, after a restart too", async () => {
  await using world = new FilesOfFriends();
  const { path, content } = world.file("photo.jpg", MB);
  const alice = await world.friend("alice");
  const bob = await world.friend("bob");
  await bob.tell("alice", "hello"); // so that the key is known, and kept
  await alice.until(({ event }) => event === "message");
  await bob.kill();
  await send(alice, "bob", path);
  await alice.until(({ event, text }) =>
    event === "notice" && text.includes("bob isn't there") && text.includes("are offered when")
  );
  await alice.kill();
  const again = await world.friend("alice");
  const { files: [file] } = await again.ask("files");
  assertEquals([file?.self, file?.to], [true, "bob"]);

  const back = await world.friend("bob");

  const { path: saved } = await back.until(isOfTransfer("done"));
  assertEquals(Deno.readFileSync(saved), content);
});

Deno.test("a friend that was never met is offered a file once that one answers", async () => {
  await using world = new FilesOfFriends();
  const { path, content } = world.file("first.txt", 100);
  const alice = await world.friend("alice");
  await alice.command({ command: "send", name: "bob", file: path });
  await alice.until(({ event, text }) =>
    event === "notice" && text.includes("while this program runs")
  );

  const bob = await world.friend("bob");

  const { path: saved } = await bob.until(isOfTransfer("done"));
  assertEquals(Deno.readFileSync(saved), content);
});

slow.test("an idle link is made for an offer, and stays while a file is fetched", async () => {
  await using world = new FilesOfFriends();
  const { path, content } = world.file("large.iso", LARGE);
  const alice = await world.friend("alice", "--idle", "1s");
  const bob = await world.friend("bob", "--idle", "1s");
  await alice.tell("bob", "hello");
  await alice.until(connection("closed", "bob"));

  await send(alice, "bob", path);
  const { path: saved } = await bob.until(isOfTransfer("done"));

  assertEquals(Deno.readFileSync(saved), content);
  const [started, done] = ["started", "done"].map((state) =>
    bob.events.findIndex(isOfTransfer(state))
  );
  const wasFetching = bob.events.slice(started, done);
  assertEquals(wasFetching.filter(connection("closed", "alice")), []);
});

Deno.test("what somebody offers who is ignored is neither shown nor saved", async () => {
  await using world = new FilesOfFriends();
  const alice = await world.friend("alice");
  const bob = await world.friend("bob");
  await alice.tell("bob", "hello");
  await bob.until(({ event }) => event === "message");
  await bob.type("/ignore alice");
  await bob.until(({ event, text }) => event === "notice" && text.includes("alice"));
  await send(alice, "bob", world.file("spam", 1_000).path);
  await send(bob, "alice", world.file("own", 1_000).path);

  await alice.until(({ event, state, name }) =>
    event === "transfer" && state === "done" && name === "own"
  );

  assertEquals((await bob.ask("files")).files.map(({ name }: ShownEvent) => name), ["own"]);
  assertEquals(bob.events.filter(({ event, to }) => event === "transfer" && !to), []);
});

Deno.test("an offer is taken back by /cancel, also from a friend who has left meanwhile", async () => {
  await using world = new FilesOfFriends();
  const { path } = world.file("draft.txt", 100);
  const alice = await world.friend("alice");
  const bob = await world.group.start("bob"); // saves nothing
  const { file } = await send(alice, "bob", path);
  await bob.until(isOffer);

  await alice.type(`/cancel ${file}`);
  await alice.until(isOfTransfer("cancelled"));

  await holds("it is gone", async () => (await bob.ask("files")).files.length === 0);
  assertEquals(safeList(world.saved("bob")), []);
});

Deno.test("whom a file can't be for is said, and with --no-queue nothing waits", async () => {
  await using world = new FilesOfFriends();
  const { path } = world.file("a.txt", 100);
  const alice = await world.friend("alice", "--no-queue");
  const codeOf = async (fields: Readonly<Record<string, unknown>>) => {
    const { event, code, text } = await alice.ask("send", { file: path, ...fields });
    assertEquals(event, "error");
    return [code, text];
  };

  assertEquals((await codeOf({ name: "bbo" }))[0], "unknown-user");
  assertEquals((await codeOf({ name: "alice" }))[0], "unknown-user");
  assertEquals((await codeOf({}))[0], "usage");
  const [code, text] = await codeOf({ name: "bob" });
  assertEquals(code, "offline");
  assert(text.includes("--no-queue"), text);
});
