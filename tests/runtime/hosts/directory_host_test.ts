import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { LinkId } from "../../../lib/base/ids.ts";
import type { DirectoryConfig } from "../../../lib/protocols/directory/schema/directory_io.ts";
import type {
  DirectoryCommand,
  DirectoryEvent,
} from "../../../lib/protocols/directory/schema/events.ts";
import { DIRECTORY_CHANNEL } from "../../../lib/protocols/directory/schema/limits.ts";
import {
  DIRECTORY,
  type DirectoryProgram as Program,
  DirectoryWorld,
  PASSWORD,
} from "../directory_world.ts";
import { type Place, signerOf } from "../host_world.ts";
import { CLIENT_ACCESS, LeanClient } from "../lean_client.ts";

class World extends DirectoryWorld {
  #clients = 0;

  client(name: string): LeanClient {
    const seed = ++this.#clients;
    const place: Place = this.place(seed, 0, `127.0.1.${seed}`);
    const datagrams = this.datagrams.open({ host: place.address.host, port: 9_000 });
    const client = new LeanClient(name, {
      directory: DIRECTORY,
      signer: signerOf(seed),
      open: (handler) => place.open({ ...CLIENT_ACCESS }, () => handler, DIRECTORY_CHANNEL),
      send: (to, bytes) => datagrams.send(to, bytes),
    });
    datagrams.handle({
      datagram: (_, bytes) => void client.datagram(bytes),
      turn: () => client.turn(),
    });
    return client;
  }
}

const wordsOf = ({ events }: Program) =>
  events.map((event) => {
    switch (event.event) {
      case "login":
        return `${event.name} in${event.guest ? ", a guest" : ""}`;
      case "logout":
        return `${event.name} out: ${event.reason}`;
      case "signup":
        return `${event.name} signed up`;
      case "notice":
      case "error":
        return event.text;
      default:
        return event.event;
    }
  });
const named = <Name extends DirectoryEvent["event"]>({ events }: Program, name: Name) =>
  events.filter((event): event is Extract<DirectoryEvent, { event: Name }> => event.event === name);
const listOf = ({ list }: LeanClient) => [...list.keys()].sort();
const saidTo = ({ said }: LeanClient) =>
  said.map((message) => message.type === "refused" ? `refused ${message.code}` : message.type);

function command(program: Program, command: DirectoryCommand, ref?: string): void {
  program.host.command(command, ref);
}

/** Ann has an account, Bob is a guest; both are in. */
async function annAndBob(config: Partial<DirectoryConfig> = {}) {
  const world = new World();
  const directory = world.serve(config);
  const ann = world.client("ann").enters({ how: "sign-up", password: PASSWORD, port: 5_000 });
  const bob = world.client("bob").enters({ how: "guest" });
  await world.pass(200);
  return { world, directory, ann, bob };
}

Deno.test("DirectoryHost: sign-up and guest come in over sealed links, and know each other", async () => {
  const { world, directory, ann, bob } = await annAndBob();

  assertEquals([saidTo(ann), saidTo(bob)], [["entered"], ["entered"]]);
  assertEquals([listOf(ann), listOf(bob)], [["ann", "bob"], ["ann", "bob"]]);
  assertEquals(bob.list.get("ann")?.host, "127.0.1.1");
  const [account] = await world.accounts.list();
  assertEquals([account?.name, account?.keys], ["ann", [fingerprintOf(signerOf(1).key)]]);
  bob.hangsUp();
  await world.pass(100);
  assertEquals(wordsOf(directory), [
    "ready",
    "bob in, a guest",
    "ann signed up",
    "ann in",
    "bob out: quit",
  ]);
  assertEquals(listOf(ann), ["ann"]);
});

Deno.test("DirectoryHost: what one tells all comes to the others by datagrams, and is on disk", async () => {
  const { world, directory, ann, bob } = await annAndBob();

  ann.broadcast(1, "dinner");
  await world.pass(100);

  assertEquals([ann.told, bob.told, bob.byDatagram], [[], ["dinner"], 1]);
  assertEquals(saidTo(ann), ["entered", "broadcast-taken", "broadcast-sent"]);
  const kinds = world.store.records.map(({ kind }) => kind);
  assertEquals(kinds.slice(0, 2), ["store", "broadcast"]);
  assertEquals(named(directory, "broadcast").map(({ from }) => from), ["ann"]);
});

Deno.test("DirectoryHost: started again, it tells an account what it missed, once", async () => {
  const { world, directory, ann, bob } = await annAndBob();
  ann.hangsUp();
  await world.pass(100);
  bob.broadcast(1, "dinner");
  await world.pass(100);
  command(directory, { command: "quit" });
  await directory.outcome;
  await Promise.all([directory.close(), world.pass(2_000)]);

  const later = world.serve();
  ann.enters({ how: "resume" });
  await world.pass(500);
  assertEquals(ann.told, ["dinner"]);
  ann.hangsUp();
  await world.pass(100);
  ann.enters({ how: "resume" });
  await world.pass(500);

  assertEquals(ann.told, ["dinner"]);
  assertEquals(wordsOf(later), ["ready", "ann in", "ann out: quit", "ann in"]);
});

Deno.test("DirectoryHost: an account that another program removes is out", async () => {
  const { world, directory, ann } = await annAndBob();

  const account = await world.accounts.find("ann");
  await world.accounts.remove(account!);
  await world.pass(100);

  assertEquals(saidTo(ann), ["entered", "dismissed"]);
  assertEquals(wordsOf(directory).at(-1), "ann out: forgotten");
});

Deno.test("DirectoryHost: so is one that another program removes and makes anew, but not who is in as that", async () => {
  const { world, ann, bob } = await annAndBob();

  const account = (await world.accounts.find("ann"))!;
  await world.accounts.makeAnew({ ...account, createdMs: account.createdMs + 1, keys: [] });
  await world.pass(100);
  assertEquals(saidTo(ann), ["entered", "dismissed"]);

  ann.enters({ how: "log-in", password: PASSWORD });
  await world.pass(500);
  const anew = (await world.accounts.find("ann"))!;
  await world.accounts.makeAnew({ ...anew, createdMs: anew.createdMs + 1 });
  await world.pass(100);
  assertEquals(saidTo(ann).at(-1), "entered");
  assertEquals(saidTo(bob), ["entered"]);
});

Deno.test("DirectoryHost: accounts that others change aren't looked up one by one: they may be a hundred thousand", async () => {
  const { world, ann } = await annAndBob();
  const account = (await world.accounts.find("ann"))!;
  let lookUps = 0;
  world.accounts.find = () => {
    lookUps++;
    return Promise.resolve(account);
  };

  await world.accounts.makeAnew({ ...account, createdMs: account.createdMs + 1, keys: [] });
  await world.pass(100);
  assertEquals([lookUps, saidTo(ann)], [0, ["entered", "dismissed"]]);
});

Deno.test("DirectoryHost: a disk that refuses refuses what would be stored, and it goes on", async () => {
  const { world, directory, ann, bob } = await annAndBob();

  world.accounts.failure = new P2pchatError("disk", "Cannot write accounts.csv: no space");
  world.store.refuses = true;
  const cem = world.client("cem").enters({ how: "sign-up", password: PASSWORD });
  ann.broadcast(1, "dinner");
  await world.pass(200);
  assertEquals(saidTo(cem), ["refused disk"]);
  assertEquals(saidTo(ann), ["entered", "refused disk"]);
  assertEquals(bob.told, []);

  world.accounts.failure = null;
  world.store.refuses = false;
  cem.enters({ how: "sign-up", password: PASSWORD });
  ann.broadcast(2, "lunch");
  await world.pass(200);

  assertEquals([saidTo(cem).at(-1), bob.told], ["entered", ["lunch"]]);
  assertEquals(named(directory, "error").map(({ code }) => code), ["disk"]);
  assertEquals(named(directory, "notice").map(({ text }) => text), [
    "Writing to the disk works again: broadcasts are kept for users who are away",
  ]);
});

Deno.test("DirectoryHost: accounts that can't be read are in /status until they can", async () => {
  const { world, directory } = await annAndBob();
  const problems = () => {
    command(directory, { command: "status" });
    return named(directory, "status").at(-1)!.problems;
  };

  world.accounts.broken(new P2pchatError("bad-file", "Cannot use accounts.csv: line 3"));
  assertStringIncludes(problems().join(), "line 3");
  assertStringIncludes(wordsOf(directory).join(), "line 3");
  world.accounts.mended();

  assertEquals(problems(), []);
  assertStringIncludes(wordsOf(directory).join(), "can be read again");
});

Deno.test("DirectoryHost: nobody reads the output, and clients notice nothing", async () => {
  const { world, directory, ann, bob } = await annAndBob();
  const before = directory.events.length;

  directory.reader.stop();
  const cem = world.client("cem").enters({ how: "guest" });
  bob.broadcast(1, "dinner");
  await world.pass(200);
  bob.hangsUp();
  await world.pass(200);
  assertEquals([saidTo(cem), ann.told], [["entered"], ["dinner"]]);
  assertEquals(listOf(ann), ["ann", "cem"]);
  assertEquals(directory.events.length, before);
  command(directory, { command: "list" });
  assertEquals(wordsOf(directory).at(-1), "users");
  directory.reader.goOn();
  await world.pass(100);

  assertStringIncludes(wordsOf(directory).at(-1)!, "3 events were dropped");
  cem.hangsUp();
  await world.pass(100);
  assertEquals(wordsOf(directory).at(-1), "cem out: quit");
});

Deno.test("DirectoryHost: what is said wrongly ends the link, and the key is out for a while", async () => {
  const { world, directory, bob } = await annAndBob();

  bob.links.send(bob.link!, Uint8Array.of(1, 255, 255), "control");
  await world.pass(100);
  assertEquals(bob.link, null);
  bob.enters({ how: "guest" });
  await world.pass(100);

  assertEquals([bob.link, saidTo(bob)], [null, ["entered"]]);
  assert(directory.logged.includes("peer banned"));
});

Deno.test("DirectoryHost: a client that is cut off leaves the list within 15 s", async () => {
  const { world, directory, ann } = await annAndBob();

  world.cut("127.0.1.2", DIRECTORY.host);
  await world.pass(15_000);

  assertEquals(listOf(ann), ["ann"]);
  assertEquals(wordsOf(directory).at(-1), "bob out: lost");
});

Deno.test("DirectoryHost: whoever proves a key and says nothing is let go of within 15 s", async () => {
  const { world, directory, ann } = await annAndBob();

  const end = await world.silentFor15s(DIRECTORY, "directory", DIRECTORY_CHANNEL);

  assertEquals(end, { closed: true, reason: "nothing came" });
  assert(directory.logged.includes("link down"));
  assertEquals(listOf(ann), ["ann", "bob"]);
});

Deno.test("DirectoryHost: a client that takes nothing in leaves the list within 15 s", async () => {
  const { world, directory, ann } = await annAndBob();

  // Ann's was the first link, Bob's the second.
  directory.host.congested(2 as LinkId);
  await world.pass(14_000);
  assertEquals(listOf(ann), ["ann", "bob"]);
  await world.pass(1_100);

  assertEquals(listOf(ann), ["ann"]);
  assertEquals(wordsOf(directory).at(-1), "bob out: slow");
});

Deno.test("DirectoryHost: at its end it says so to all, and frees its ports", async () => {
  const { world, directory, ann, bob } = await annAndBob();

  command(directory, { command: "quit" }, "q");
  const outcome = await directory.outcome;
  await Promise.all([directory.close(), world.pass(2_000)]);

  assertEquals(outcome, { kind: "bye", reason: "quit", ref: "q" });
  assertEquals([saidTo(ann).at(-1), saidTo(bob).at(-1)], ["dismissed", "dismissed"]);
  assertEquals([ann.end?.closed, bob.end?.closed], [true, true]);
  assertEquals(world.accounts.watchers, 0);
  await world.datagrams.open(DIRECTORY).close();
});
