/** A directory that is full, killed, frozen, out of disk, or kicks a user; and other tests that take a minute. */

import { assert, assertEquals } from "@std/assert";
import {
  broadcast,
  DirectoryWorld,
  endOf,
  failure,
  heard,
  hears,
  is,
  listed,
  logout,
  notice,
  presence,
  seesAll,
  session,
  tell,
} from "./directory_world.ts";
import { canMount, fill, mount, unmount } from "./small_disk.ts";
import type { Node } from "./node.ts";

Deno.test("directory: an account that was acknowledged is there after kill -9", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  for (const name of ["alice", "bob", "carol"]) {
    const launched = world.launch("--signup", name);
    await launched.until(session("up"));
  }
  await directory.kill();
  assertEquals(world.accounts(), ["alice", "bob", "carol"]);
  const again = await world.serve();
  assertEquals(again.events[0]!.accounts, 3);
  const other = await world.logIn("carol", { device: "other" });
  await other.until(session("up"));
});

Deno.test("directory: a torn last line of what a client has heard is dropped with a notice, damage elsewhere ends it, named", async () => {
  const { world, directory } = await DirectoryWorld.open(["bob"]);
  await using _ = world;
  const bob = await world.logIn("bob");
  for (const text of ["one", "two"]) await directory.command({ command: "broadcast", text });
  await hears(bob, 2);
  await directory.untilCount(is("broadcast-sent"), 2);
  await bob.kill();
  const path = `${world.data("bob")}/users/bob/registry/log`;
  const whole = Deno.readTextFileSync(path);
  const lines = whole.split("\n");
  const one = lines.findIndex((line) => line.includes("\tone\t"));
  Deno.writeTextFileSync(path, whole.replace("\tone\t", "\tonce\t"));
  const damaged = world.launch("--login", "bob");
  assertEquals(await endOf(damaged), [5, "fatal", "store-corrupt"]);
  const { text } = damaged.events.at(-1)!;
  assert(text.includes(path) && text.includes(`line ${one + 1} `), text);

  Deno.writeTextFileSync(path, whole.slice(0, -5));
  const again = await world.logIn("bob");
  assert((await again.until(is("notice"))).text.includes(path));
  await directory.command({ command: "broadcast", text: "three" });
  await again.until(broadcast("three"));
  assertEquals(new Set(heard(again)).size, heard(again).length);
});

Deno.test("directory: whoever is thrown out is told, and refused; nobody else is", async () => {
  const { world, directory } = await DirectoryWorld.open(["alice"]);
  await using _ = world;
  const alice = await world.logIn("alice");
  const bob = await world.guest("bob");
  await directory.type("/kick nobody");
  await directory.until(failure("unknown-user"));
  await directory.type("/kick ALICE");
  assertEquals(await endOf(alice), [4, "fatal", "kicked"]);
  await bob.until(presence("alice", "offline"));
  assertEquals((await directory.until(logout("alice"))).reason, "kicked");
  const byName = world.launch("--login", "alice", { device: "other" });
  assertEquals(await endOf(byName), [4, "fatal", "kicked"]);
  const users = `${world.data("alice")}/users`;
  Deno.renameSync(`${users}/alice`, `${users}/al`);
  const byKey = world.launch("--guest", "al", { device: "alice" });
  assertEquals(await endOf(byKey), [4, "fatal", "kicked"]);
  assertEquals(await listed(bob), ["bob free"]);
});

Deno.test("directory: clients are told when the operator stops it, and wait for it", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  const [alice, bob] = await world.guests("alice", "bob") as [Node, Node];
  await directory.type("/exit");
  assertEquals(await endOf(directory), [0, "bye", "quit"]);
  for (const node of [alice, bob]) {
    const { reason } = await node.until(session("down"));
    assert(/closing|stopped/.test(reason), reason);
  }
  await world.serve();
  await alice.until(session("up"), undefined, alice.events.findIndex(session("down")));
});

Deno.test("directory: SIGTERM stops it properly", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  const alice = await world.guest("alice");
  directory.signal("SIGTERM");
  assertEquals((await endOf(directory)).slice(0, 2), [0, "bye"]);
  await alice.until(session("down"));
});

Deno.test("directory: one put back from a copy has the accounts of then, and what is told from then on comes once", async () => {
  const { world, directory } = await DirectoryWorld.open(["alice", "bob"]);
  await using _ = world;
  const [alice, bob] = await Promise.all([world.logIn("alice"), world.logIn("bob")]);
  await seesAll(alice, "alice", "bob");
  await tell(alice, "before the copy");
  await hears(bob, 1);
  const live = `${world.directoryData}/regserver`;
  const files = ["identity", "accounts.csv", "broadcasts"];
  // While it runs.
  const copies = files.map((name) => Deno.readFileSync(`${live}/${name}`));
  const carol = await world.signUp("carol");
  await tell(alice, "after the copy");
  await Promise.all([hears(bob, 2), hears(carol, 1)]);
  directory.signal("SIGTERM");
  await endOf(directory);
  for (const [at, name] of files.entries()) Deno.writeFileSync(`${live}/${name}`, copies[at]!);

  await world.serve();
  assertEquals(await endOf(carol), [4, "fatal", "bad-credentials"]);
  const down = bob.events.findIndex(session("down"));
  await bob.until(session("up"), undefined, down);
  await alice.until(session("up"), undefined, alice.events.findIndex(session("down")));
  await tell(alice, "since it is back");
  await tell(await world.signUp("carol", { device: "c2" }), "new, with an old name");
  const texts = ["before the copy", "after the copy", "since it is back"]
    .map((text) => `alice: ${text}`);
  assertEquals(await hears(bob, 4), [...texts, "carol: new, with an old name"]);
});

/** Accounts that nearly fill a page of their file: another row needs more of the disk. */
function addAccountsOfOnePage(world: DirectoryWorld): void {
  const names = Array.from({ length: 27 }, (_, at) => `filler${at}`);
  world.addAccounts(...names);
  for (let missing = 4_096 - 10 - Deno.statSync(world.accountsFile).size; missing > 0; missing--) {
    const at = missing % names.length;
    names[at] = `${names[at]}x`;
  }
  world.addAccounts(...names);
}

Deno.test({
  name:
    "directory: a full disk refuses who signs up and what is told to all, and nobody who has an account",
  ignore: !canMount(),
  fn: async () => {
    await using world = new DirectoryWorld();
    Deno.mkdirSync(world.directoryData);
    await mount(world.directoryData);
    try {
      addAccountsOfOnePage(world);
      const directory = await world.serve();
      const [alice, bob] = await world.guests("alice", "bob") as [Node, Node];
      await fill(world.directoryData);
      const refused = world.launch("--signup", "carol");
      assertEquals(await endOf(refused), [5, "fatal", "disk"]);
      assert(!world.accounts().includes("carol"));
      await alice.command({ command: "broadcast", text: "x".repeat(20_000) });
      assertEquals((await alice.until(failure("disk"))).unsent, true);
      await directory.until(failure("disk"));
      // The rest goes on: whoever has an account is in, from a new device, too.
      const [holder] = world.accounts();
      const late = await world.logIn(holder!);
      await late.until(notice(/doesn't remember this device/));
      await late.end();
      assertEquals(await endOf(late), [0, "bye", "quit"]);
      await alice.type("bob");
      await bob.until(is("incoming"));
      const dora = await world.guest("dora");
      assertEquals(await listed(dora), ["alice free", "bob free", "dora free"]);
      Deno.removeSync(`${world.directoryData}/filling`);
      await world.signUp("carol");
      assertEquals(world.accounts().at(-1), "carol");
      await directory.type("/exit");
      assertEquals((await endOf(directory))[0], 0);
    } finally {
      await world.nodes[Symbol.asyncDispose]();
      await unmount(world.directoryData);
    }
  },
});

Deno.test("directory: twelve and one more: told once each over a restart, and the last gets in when one leaves", async () => {
  const accounts = ["alice", "bob"];
  const { world, directory } = await DirectoryWorld.open(accounts, "--max-clients", "12");
  await using _ = world;
  const guests = Array.from({ length: 10 }, (_, at) => `guest${at}`);
  const [alice, bob] = await Promise.all(accounts.map((name) => world.logIn(name)));
  const crowd = await Promise.all(guests.map((name) => world.guest(name)));
  const others = [bob!, ...crowd];
  const before = await alice!.ask("broadcast", { text: "before" });
  assertEquals(before.reached, 11);

  await directory.kill();
  const again = await world.serve("--max-clients", "12");
  await again.untilCount(is("login"), 12, 45_000);
  const after = await alice!.ask("broadcast", { text: "after" });
  assertEquals(after.reached, 11);
  for (const node of others) {
    await node.until(broadcast("after"));
    assertEquals(heard(node), ["alice: before", "alice: after"]);
  }

  const last = world.launch("--guest", "last");
  await last.until(failure("full"));
  await crowd[0]!.type("q");
  await again.until(logout("guest0"));
  await last.until(session("up"), 60_000);
  assertEquals((await listed(last)).length, 12);
});

Deno.test("directory: many wrong passwords at once don't hold up who is there", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const [alice, bob] = await world.guests("alice", "bob") as [Node, Node];
  const attempts = Array.from({ length: 6 }, (_, at) => {
    return world.launch("--login", `ghost${at}`, { device: `g${at}` });
  });
  await attempts[0]!.until(is("directory"));
  const since = Date.now();
  const { reached } = await alice.ask("broadcast", { text: "meanwhile" });
  assertEquals(reached, 1);
  assert(Date.now() - since < 3_000, `${Date.now() - since} ms`);
  assertEquals(await hears(bob, 1), ["alice: meanwhile"]);
  const codes = (await Promise.all(attempts.map(endOf))).map(([, , code]) => code);
  assertEquals(codes, Array(6).fill("bad-credentials"));
});
