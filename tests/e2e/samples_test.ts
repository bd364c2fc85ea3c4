/**
 * Files written by an earlier version of the program (`tests/samples/files/`), with which the present one goes on:
 * no data of users is missing, and waiting messages arrive.
 *
 * Messages that wait for ever still wait when a test is run in a year. A private message is given up after 30 days,
 * and a broadcast after 30 minutes: in the copies used here, these get today's date. Addresses of others in the
 * files aren't used, since another program may be there now.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { pathDigest } from "../../lib/store/disk/paths.ts";
import {
  copyFolder,
  FACTS,
  type Facts,
  keyOf,
  moveTable,
  rewriteLines,
  SAMPLES,
  TABLE,
  tableOf,
  TEXTS,
} from "../samples/samples.ts";
import { broadcast, connect, DirectoryWorld, heard, login, seesAll } from "./directory_world.ts";
import { inTemporaryFolder, outputOf } from "./failures.ts";
import { delivery, FriendsGroup } from "./friends_group.ts";
import { Group, isView, verifiedLog } from "./group_world.ts";
import { Nodes, type ShownEvent } from "./node.ts";

const THEN: Readonly<Record<string, Facts>> = JSON.parse(Deno.readTextFileSync(FACTS));
const is = (name: string) => (event: ShownEvent) => event.event === name;
const shows = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;

/** Sets the time of all records of a kind in a log to now, as they would have expired otherwise. */
function writtenNow(log: string, kind: string): void {
  let count = 0;
  rewriteLines(log, (cells) => {
    if (cells[1] !== kind) return cells;
    count++;
    return cells.with(2, new Date().toISOString());
  });
  assert(count > 0, `${log} has a line of kind ${kind}`);
}

/** The only folder in `path`. */
function onlyFolder(path: string): string {
  const folders = [...Deno.readDirSync(path)].filter(({ isDirectory }) => isDirectory);
  assertEquals(folders.length, 1, path);
  return `${path}/${folders[0]!.name}`;
}

for (const mode of ["mesh", "private"] as const) {
  Deno.test(`samples: a room is gone back to (${mode})`, async () => {
    await using nodes = new Nodes();
    const data = Deno.makeTempDirSync({ prefix: "p2pchat-samples-" });
    nodes.defer(() => Deno.remove(data, { recursive: true }));
    copyFolder(`${SAMPLES}/${mode}`, data);
    const { keys, history } = THEN[mode]!;
    writtenNow(`${onlyFolder(`${data}/ann/users/Ann/mesh`)}/log`, "private-queued");

    const ann = await nodes.ready("Ann", null, { data: `${data}/ann` });
    const [ready, said, status] = [
      ann.events.find(is("ready"))!,
      await ann.history(),
      await ann.ask("status"),
    ];
    const privately = await ann.ask("history", { name: "Bob" });
    const { invite } = await ann.ask("invite");
    const bob = await nodes.ready("Bob", ann, {
      data: `${data}/bob`,
      args: mode === "private" ? ["--invite", invite] : [],
    });
    await bob.until(shows(TEXTS.waits));
    const delivered = await ann.until(delivery("delivered"));
    await ann.say(TEXTS.last);
    await bob.until(shows(TEXTS.last));

    assertEquals(ready.private === true, mode === "private");
    // Fields may have been added since.
    const asThen = ({ id, from, key, text, sentAt }: ShownEvent) => ({
      id,
      from,
      key,
      text,
      sentAt,
    });
    assertEquals(said.map(asThen), history);
    assertEquals(said.map(({ from, text }: ShownEvent) => [from, text]), [
      ["Ann", TEXTS.hello],
      ["Bob", TEXTS.answer],
    ]);
    assertEquals(status.waiting, [{ name: "Bob", messages: 1 }]);
    assertEquals(privately.messages.map(({ text, to }: ShownEvent) => [to, text]), [
      ["Bob", TEXTS.alone],
      ["Bob", TEXTS.waits],
    ]);
    assertEquals([await keyOf(ann), await keyOf(bob)], keys);
    assertEquals(delivered.to, "Bob");
    assertEquals(bob.texts(), [TEXTS.waits, TEXTS.last], "the rest was shown then");
    assertEquals((await bob.history()).slice(0, 2).map(asThen), history);
    const changed = [ann, bob].flatMap(({ events }) => events).filter(({ warning }) => warning);
    assertEquals(changed, []);
  });
}

/** A group with the files of the sample. */
function sampleGroup(): Group {
  const group = new Group();
  copyFolder(`${SAMPLES}/group/serve`, group.serverData);
  for (const name of ["Alice", "Bob", "Mal"]) {
    copyFolder(`${SAMPLES}/group/${name.toLowerCase()}`, group.data(name));
  }
  return group;
}

Deno.test("samples: a group's log and snapshot are verified", async () => {
  await using group = sampleGroup();
  const { digest, group: id } = THEN["group"]!;
  const [snapshot] = [...Deno.readDirSync(`${group.serverData}/serve/snapshots`)];

  for (const path of [`${group.serverData}/serve/log`, group.logPath("Alice")]) {
    const { status, text } = await verifiedLog(path);
    assertEquals(status, 0, text);
    assert(text.includes(digest), text);
    assertMatch(text, /3 entries/);
    assertEquals(Deno.readTextFileSync(path).split("\t")[3], id);
  }
  const file = `${group.serverData}/serve/snapshots/${snapshot!.name}`;
  const { status, stdout } = await outputOf(["snapshot", "verify", file]);
  assertEquals(status, 0);
  assertMatch(stdout, /a consistent state of view 3 \(Alice, Bob, Mal\)/);
});

Deno.test("samples: a group goes on with its log, its edit, and whom it keeps out", async () => {
  await using group = sampleGroup();
  const { keys, digest, group: id } = THEN["group"]!;

  const server = await group.serve();
  const known = await server.ask("status");
  const snapshots = await server.ask("snapshots");
  const alice = await group.start("Alice");
  const status = await alice.ask("status");
  const log = await alice.ask("log", { n: 10 });
  const bob = await group.start("Bob");
  await alice.until(isView("Alice", "Bob"));
  await bob.say(TEXTS.waits);
  const fourth = await alice.until(shows(TEXTS.waits));
  const mal = group.launch("Mal");
  const { last } = await mal.ended();

  assertEquals(await Promise.all([server, alice, bob].map(keyOf)), keys);
  assertEquals([known.group, status.digest, fourth.seq], [id, digest, 4]);
  assertEquals(snapshots.snapshots.map(({ consistent }: ShownEvent) => consistent), [true]);
  assertEquals(
    log.entries.map(({ seq, from, text, edits }: ShownEvent) => [seq, from, text, edits]),
    [
      [1, "Alice", TEXTS.edited, 1],
      [2, "Bob", TEXTS.answer, 0],
      [3, "Bob", TEXTS.last, 0],
    ],
  );
  const entry = await alice.ask("entry", { n: 1 });
  assertEquals(
    entry.edits.map((edit: ShownEvent) => [edit.by, edit.old, edit.new]),
    [["Alice", TEXTS.hello, TEXTS.edited]],
  );
  assertEquals([last?.event, last?.code], ["fatal", "kicked"]);
});

Deno.test("samples: what waits for a friend is delivered, and nothing else again", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const { keys, outbox } = THEN["friends"]!;
  for (const name of ["alice", "bob"]) {
    copyFolder(`${SAMPLES}/friends/${name}`, group.data(name));
    const profile = `${group.data(name)}/users/${name}`;
    const folder = onlyFolder(`${profile}/friends`);
    assertEquals(await tableOf(folder), TABLE);
    assert(folder.endsWith(`/${pathDigest(TABLE)}`), "a table's folder is found as ever");
    await moveTable(profile, TABLE, group.file);
  }

  const alice = await group.start("alice");
  const { messages } = await alice.ask("outbox");
  const said = await alice.ask("history", { name: "bob" });
  const bob = await group.start("bob");
  const delivered = await alice.until(delivery("delivered"));
  await bob.until(shows(TEXTS.waits));
  await bob.tell("alice", TEXTS.last);
  await alice.until(shows(TEXTS.last));

  assertEquals(await Promise.all([alice, bob].map(keyOf)), keys);
  assertEquals(messages, outbox);
  assertEquals(messages.map(({ to, text }: ShownEvent) => [to, text]), [["bob", TEXTS.waits]]);
  assertEquals(said.messages.map(({ text }: ShownEvent) => text), [
    TEXTS.hello,
    TEXTS.answer,
    TEXTS.waits,
  ]);
  assertEquals(delivered.id, outbox[0].id);
  assertEquals(bob.texts("alice"), [TEXTS.waits]);
  assertEquals(alice.texts("bob"), [TEXTS.last]);
  assertEquals(group.stored("bob").map(({ text }) => text), [
    TEXTS.hello.replace("\t", "\\t"),
    TEXTS.waits,
  ]);
});

Deno.test("samples: the users.txt of then is a table", async () => {
  const { status, stdout } = await outputOf(["users", "check", `${SAMPLES}/friends/users.txt`]);

  assertEquals(status, 0);
  assertMatch(stdout, /^alice +127\.0\.0\.1 +\d+\nbob +127\.0\.0\.1 +\d+$/m);
});

Deno.test("samples: a directory has its accounts, its devices, and what it has to tell", async () => {
  await using world = new DirectoryWorld();
  const { keys } = THEN["directory"]!;
  copyFolder(`${SAMPLES}/directory/regserver`, world.directoryData);
  for (const name of ["alice", "bob"]) {
    copyFolder(`${SAMPLES}/directory/${name}`, world.data(name));
    rewriteLines(
      `${world.data(name)}/users/${name}/known_peers`,
      (cells) => cells.map((cell) => cell.startsWith("host:") ? `host:${world.registry}` : cell),
    );
  }
  writtenNow(`${world.directoryData}/regserver/broadcasts`, "broadcast");

  const listed = await outputOf(["accounts", "list", "--json", "--data", world.directoryData]);
  const directory = await world.serve();
  const alice = await world.logIn("alice");
  const bob = await world.logIn("bob");
  await directory.until(login("bob"));
  await bob.until(broadcast(TEXTS.waits));
  await seesAll(alice, "bob");
  await connect(alice, bob, "bob");
  const connected = alice.events.findLast(is("call"));

  const { accounts } = JSON.parse(listed.stdout.split("\n")[0]!);
  assertEquals(
    accounts.map(({ name, keys, canLogIn }: ShownEvent) => [name, keys, canLogIn]),
    [["alice", [keys[1]], true], ["bob", [keys[2]], true]],
  );
  assertEquals(await Promise.all([directory, alice, bob].map(keyOf)), keys);
  assertEquals(heard(bob), [`alice: ${TEXTS.waits}`], "what he was told then isn't told again");
  assertEquals([connected?.state, connected?.verified], ["connected", true]);
  assertEquals([alice, bob].map((node) => node.events.find(is("directory"))?.known), [
    true,
    true,
  ]);
});

Deno.test("samples: a key is opened with its passphrase", async () => {
  await inTemporaryFolder(async (folder) => {
    const data = `${folder}/data`;
    copyFolder(`${SAMPLES}/passphrase`, data);
    const file = `${folder}/passphrase`;
    Deno.writeTextFileSync(file, TEXTS.passphrase, { mode: 0o600 });

    const words = ["users", "key", "alice", "localhost", "5001", "--passphrase-file", file];
    assertEquals(await outputOf([...words, "--data", data]), {
      status: 0,
      stdout: THEN["passphrase"]!["row"],
      stderr: "",
    });
  });
});
