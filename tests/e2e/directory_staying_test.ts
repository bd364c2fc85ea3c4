/** A directory that is full, killed, stopped, put back from a copy, or busy with passwords; and what a client keeps of it. */

import { assert, assertEquals } from "@std/assert";
import {
  broadcast,
  DirectoryWorld,
  endOf,
  failure,
  heard,
  hears,
  is,
  logout,
  seesAll,
  session,
  tell,
  untilListed,
} from "./directory_world.ts";
import { BUSY_MS, type Node } from "./node.ts";
import { People } from "./people.ts";
import { slow } from "../given.ts";

Deno.test("directory: an account that was acknowledged is there after kill -9", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  const launched = world.launch("--signup", "alice");
  await launched.until(session("up"));
  await directory.kill();
  assertEquals(world.accounts(), ["alice"]);
  const again = await world.serve();
  assertEquals(again.events[0]!.accounts, 1);
  const other = await world.logIn("alice", { device: "other" });
  await other.until(session("up"));
});

slow.test("directory: a torn last line of what a client has heard is dropped with a notice, damage elsewhere ends it, named", async () => {
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

slow.test("directory: one put back from a copy has the accounts of then, and what is told from then on comes once", async () => {
  const { world, directory } = await DirectoryWorld.open(["bob"]);
  await using _ = world;
  const [alice, bob] = await Promise.all([world.guest("alice"), world.logIn("bob")]);
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
  for (const node of [alice, bob]) {
    const down = await node.until(session("down"));
    await node.until(session("up"), undefined, node.events.indexOf(down));
  }
  await tell(alice, "since it is back");
  await tell(await world.signUp("carol", { device: "c2" }), "new, with an old name");
  const texts = ["before the copy", "after the copy", "since it is back"]
    .map((text) => `alice: ${text}`);
  assertEquals(await hears(bob, 4), [...texts, "carol: new, with an old name"]);
});

slow.test("directory: busy with passwords, stopped by its operator, and full: what those who are in notice of it", async () => {
  const { world, directory } = await DirectoryWorld.open([], "--max-clients", "3");
  await using _ = world;
  const [alice, bob] = await world.guests("alice", "bob") as [Node, Node];

  // Wrong passwords don't hold up who is there.
  {
    await using people = new People(world.port);
    const ghost = people.somebody("ghost").enters({ how: "log-in", password: "wrong horse" });
    await people.until(() => ghost.link !== null);
    assertEquals(await tell(alice, "before"), 1);
    assertEquals((await people.said(ghost, "refused")).code, "bad-credentials");
  }

  // Clients are told when the operator stops it, and wait for it.
  await directory.type("/exit");
  assertEquals(await endOf(directory), [0, "bye", "quit"]);
  for (const node of [alice, bob]) {
    const { reason } = await node.until(session("down"));
    assert(/closing|stopped/.test(reason), reason);
  }
  const again = await world.serve("--max-clients", "2");
  await again.untilCount(is("login"), 2, 45_000 + BUSY_MS);
  assertEquals(await tell(alice, "after"), 1);
  await bob.until(broadcast("after"));
  assertEquals(heard(bob), ["alice: before", "alice: after"]);

  // Whoever finds it full gets in when somebody leaves.
  const last = world.launch("--guest", "last");
  await last.until(failure("full"));
  await bob.type("q");
  await again.until(logout("bob"));
  await last.until(session("up"), 60_000 + BUSY_MS);
  await untilListed(last, "alice free", "last free");
});
