/** Files in a call of a directory, as its two sides send and fetch them. */

import { assert, assertEquals } from "@std/assert";
import { LEAF_BYTES } from "../../lib/protocols/transfer/limits.ts";
import { call, connect, DirectoryWorld, is } from "./directory_world.ts";
import { FilesFolder, isFetched, isOffer, isOfTransfer, LARGE, MB } from "./files_folder.ts";
import { holds, type Node, type ShownEvent } from "./node.ts";
import { slow } from "../given.ts";

/** Others are told an address at which nobody answers. */
const UNREACHABLE = { host: "127.0.0.2" };

async function send(node: Node, path: string): Promise<ShownEvent> {
  const answer = await node.ask("send", { file: path });
  assertEquals(answer.event, "offer", answer.text);
  return answer;
}

/** Two who are logged in, and save what they receive. */
async function two(folder: FilesFolder) {
  const { world } = await DirectoryWorld.open(["alice", "bob"]);
  const start = (name: string) => world.logIn(name, { args: ["--save", folder.saved(name)] });
  const [alice, bob] = [await start("alice"), await start("bob")];
  await alice.until(({ event, name }) => event === "presence" && name === "bob");
  return { world, alice, bob, start };
}

slow.test("a file for the other side of a call is saved there, byte for byte", async () => {
  await using folder = new FilesFolder();
  const { path, content } = folder.file("report.bin", 3 * LEAF_BYTES + 7);
  const { world, alice, bob } = await two(folder);
  await using _ = world;
  await connect(alice, bob, "bob");

  await alice.type(`/send ${path}`);
  const { path: saved } = await bob.until(isOfTransfer("done"));

  const [own, offer] = [await alice.until(isOffer), await bob.until(isOffer)];
  assertEquals([own.self, own.to, own.name], [true, "bob", "report.bin"]);
  assertEquals([offer.from, offer.to, offer.digest], ["alice", "bob", own.digest]);
  assertEquals(Deno.readFileSync(saved), content);
});

slow.test("a relayed call carries files, too, and what is said beside them", async () => {
  await using folder = new FilesFolder();
  const { path, content } = folder.file("photo.jpg", 5 * MB);
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const args = ["--save", folder.saved("bob")];
  const [alice, bob] = await world.talking("alice", "bob", { ...UNREACHABLE, args });
  assertEquals((await bob.until(call("connected"))).route, "relay");

  await send(alice, path);
  await bob.until(isOfTransfer("started"));
  await alice.say("do you get it?");
  await bob.until(({ event, text }) => event === "message" && text === "do you get it?");

  const { path: saved } = await bob.until(isOfTransfer("done"));
  assertEquals(Deno.readFileSync(saved), content);
});

Deno.test("what a call, or a kill, has interrupted goes on in the next call between the two", async () => {
  await using folder = new FilesFolder();
  const { path, content } = folder.file("large.iso", LARGE);
  const { world, alice, bob, start } = await two(folder);
  await using _ = world;
  await connect(alice, bob, "bob");
  await send(alice, path);
  await isFetched(folder.saved("bob"), 0.4 * LARGE);
  await bob.kill();
  const again = await start("bob");
  const offer = await again.until(isOffer);
  assertEquals([offer.from, offer.history], ["alice", true]); // by name, though no call is there
  await holds("what was there is there", async () => {
    const { files: [file] } = await again.ask("files");
    return file?.state === "fetching" && file.bytes >= 0.3 * LARGE && file.bytes < LARGE;
  });
  await alice.until(call("ended"));

  await connect(again, alice, "alice");

  const { path: saved } = await again.until(isOfTransfer("done"));
  assertEquals(Deno.readFileSync(saved), content);
});

slow.test("kill -9 of the sender in a call: its file goes on in the next call, from where it was", async () => {
  await using folder = new FilesFolder();
  const { path, content } = folder.file("large.iso", LARGE);
  const { world, alice, bob, start } = await two(folder);
  await using _ = world;
  await connect(alice, bob, "bob");
  await send(alice, path);
  await isFetched(folder.saved("bob"), 0.4 * LARGE);
  await alice.kill();
  await bob.until(call("ended"));
  const { files: [file] } = await bob.ask("files");
  assert(file.state === "fetching" && file.bytes >= 0.3 * LARGE, JSON.stringify(file));
  assert(file.bytes < LARGE, "it was killed while the file was sent");

  const again = await start("alice");
  const offer = await again.until(isOffer);
  await connect(again, bob, "bob");

  const { path: saved } = await bob.until(isOfTransfer("done"));
  assertEquals(Deno.readFileSync(saved), content);
  assertEquals([offer.self, offer.history], [true, true]);
  const { to, file: fetched } = await again.until(isOfTransfer("done"));
  assertEquals([to, fetched], ["bob", offer.file]);
});

Deno.test("outside of a call nothing is offered, and in one that is being connected once it is", async () => {
  await using folder = new FilesFolder();
  const { path } = folder.file("a.txt", 100);
  const { world, alice, bob } = await two(folder);
  await using _ = world;
  const refused = await alice.ask("send", { file: path });
  assertEquals([refused.event, refused.code], ["error", "not-allowed"]);
  assert(refused.text.includes("you are in no call"), refused.text);

  await alice.type("/call bob");
  await alice.until(call("ringing"));
  await alice.command({ command: "send", file: path, ref: "waits" });
  await alice.ask("list"); // it waits for the call from before that on
  await bob.until(is("incoming"));
  await bob.type("/decline");
  const failed = await alice.until(({ ref }) => ref === "waits");
  assertEquals([failed.event, failed.code], ["error", "offline"]);

  await alice.type("/call bob");
  await alice.command({ command: "send", file: path, ref: "again" });
  const declined = bob.events.indexOf(await bob.until(call("declined")));
  await bob.until(is("incoming"), undefined, declined);
  await bob.type("/accept");
  assertEquals((await alice.until(({ ref }) => ref === "again")).event, "offer");
  await bob.until(isOfTransfer("done"));
});
