// deno-lint-ignore-file no-console -- a program of its own: says what it made
/**
 * Writes `tests/samples/files/`: data folders as the built program leaves them, one for each mode, and beside them what
 * it said of them then, `facts.json`. What they must say for ever is in `tests/e2e/samples_test.ts`.
 *
 *     make && "$(tools/find_deno.sh)" run -A tests/samples/make.ts [MODE...]
 *
 * They are made anew where a format has changed for good: `docs/architecture.md`, "How to change a format".
 */

import { assert } from "@std/assert";
import { connect, DirectoryWorld, seesAll, tell } from "../e2e/directory_world.ts";
import { outputOf } from "../e2e/failures.ts";
import { delivery, FriendsGroup } from "../e2e/friends_group.ts";
import { Group, isView } from "../e2e/group_world.ts";
import { type Node, type NodeOptions, Nodes, type ShownEvent } from "../e2e/node.ts";
import {
  copyFolder,
  FACTS,
  type Facts,
  keyOf,
  moveTable,
  SAMPLES,
  TABLE,
  TEXTS,
} from "./samples.ts";

const shows = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;
const is = (name: string) => (event: ShownEvent) => event.event === name;

/** Ends as a user does. */
async function leave(node: Node): Promise<void> {
  node.signal("SIGTERM");
  const { code } = await node.ended();
  assert(code === 0 || code === 143, `${code}: ${node.stderr.join("\n")}`);
}

/** Says it, and waits until each of `others` has it. */
async function say(node: Node, text: string, ...others: readonly Node[]): Promise<void> {
  await node.say(text);
  await Promise.all([node, ...others].map((each) => each.until(shows(text))));
}

/** Writes to somebody who isn't there. */
async function leaveWaiting(node: Node, name: string): Promise<void> {
  await node.tell(name, TEXTS.waits, "waits");
  await node.until(({ event, ref, state }) =>
    event === "delivery" && ref === "waits" && state === "queued"
  );
}

/** A room that Bob has left before Ann, who has written to him since. */
async function room(name: string, ...founding: readonly string[]): Promise<Facts> {
  await using nodes = new Nodes();
  const folder = `${SAMPLES}/${name}`;
  const options = (user: string, args: readonly string[] = []): NodeOptions => {
    return { data: `${folder}/${user}`, args };
  };
  const ann = await nodes.ready("Ann", null, options("ann", founding));
  const { invite } = await ann.ask("invite");
  const bob = await nodes.ready("Bob", ann, options("bob", ["--invite", invite]));
  await ann.until(is("joined"));
  await say(ann, TEXTS.hello, bob);
  await say(bob, TEXTS.answer, ann);
  await ann.tell("Bob", TEXTS.alone);
  await bob.until(shows(TEXTS.alone));
  await ann.until(delivery("delivered"));
  if (founding.length > 0) {
    const after = ann.events.length;
    await bob.ask("invite", { rotate: true });
    await ann.until(is("notice"), undefined, after);
  }
  await ann.ask("verify", { name: "Bob" });
  await ann.ask("verify", { name: "Bob", answer: "yes" });
  const facts = { keys: [await keyOf(ann), await keyOf(bob)], history: await ann.history() };
  await leave(bob);
  await ann.until(is("left"));
  await leaveWaiting(ann, "Bob");
  await leave(ann);
  return facts;
}

async function group(): Promise<Facts> {
  await using group = new Group();
  const server = await group.serve();
  const [alice, bob] = await group.startAll("Alice", "Bob", "Mal") as [Node, Node, Node];
  await say(alice, TEXTS.hello, bob);
  await say(bob, TEXTS.answer, alice);
  await alice.command({ command: "edit", text: TEXTS.edited, n: 1 });
  for (const node of [alice, bob]) await node.until(is("edit"));
  await server.ask("snapshot");
  await server.command({ command: "remove", name: "Mal" });
  await bob.until(isView("Alice", "Bob"), undefined, bob.events.findIndex(is("edit")));
  await say(bob, TEXTS.last, alice);
  const { digest } = await alice.ask("status");
  const { group: id } = await server.ask("status");
  const facts = { keys: await Promise.all([server, alice, bob].map(keyOf)), digest, group: id };
  for (const node of [bob, alice, server]) await leave(node);
  copyFolder(group.serverData, `${SAMPLES}/group/serve`);
  for (const name of ["Alice", "Bob", "Mal"]) {
    copyFolder(group.data(name), `${SAMPLES}/group/${name.toLowerCase()}`);
  }
  return facts;
}

async function friends(): Promise<Facts> {
  await using group = new FriendsGroup("alice", "bob");
  const [alice, bob] = await group.startAll() as [Node, Node];
  await alice.tell("bob", TEXTS.hello);
  await bob.until(shows(TEXTS.hello));
  await bob.tell("alice", TEXTS.answer);
  await alice.until(shows(TEXTS.answer));
  await bob.until(delivery("delivered"));
  await leave(bob);
  await leaveWaiting(alice, "bob");
  const { messages } = await alice.ask("outbox");
  const keys = [await keyOf(alice), bob.events.find(is("ready"))!.key];
  await leave(alice);
  Deno.mkdirSync(`${SAMPLES}/friends`, { recursive: true });
  Deno.copyFileSync(group.file, `${SAMPLES}/friends/users.txt`);
  for (const name of ["alice", "bob"]) {
    const data = `${SAMPLES}/friends/${name}`;
    copyFolder(group.data(name), data);
    await moveTable(`${data}/users/${name}`, group.file, TABLE);
  }
  return { keys, outbox: messages };
}

async function directory(): Promise<Facts> {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  const alice = await world.signUp("alice");
  const bob = await world.signUp("bob");
  await seesAll(alice, "alice", "bob");
  await connect(alice, bob, "bob");
  await alice.ask("verify", { name: "bob" });
  await alice.ask("verify", { name: "bob", answer: "yes" });
  await alice.type("/hangup");
  await bob.until(({ event, state }) => event === "call" && state === "ended");
  assert(await tell(alice, TEXTS.hello) === 1);
  const keys = await Promise.all([directory, alice, bob].map(keyOf));
  await leave(bob);
  await directory.until(is("logout"));
  assert(await tell(alice, TEXTS.waits) === 0);
  await leave(alice);
  await leave(directory);
  copyFolder(world.directoryData, `${SAMPLES}/directory/regserver`);
  for (const name of ["alice", "bob"]) copyFolder(world.data(name), `${SAMPLES}/directory/${name}`);
  return { keys };
}

/** A key under a passphrase. */
async function passphrase(): Promise<Facts> {
  const data = `${SAMPLES}/passphrase`;
  const run = async (...words: readonly string[]) => {
    const { status, stdout, stderr } = await outputOf([...words, "--data", data]);
    assert(status === 0, stderr);
    return stdout;
  };
  const row = await run("users", "key", "alice", "localhost", "5001");
  const file = Deno.makeTempFileSync();
  Deno.writeTextFileSync(file, TEXTS.passphrase);
  await run("passphrase", "alice", "--new-password-file", file);
  Deno.removeSync(file);
  return { row };
}

/** Locks say which process used the files: none does. */
function removeLocks(folder: string): void {
  for (const { name, isDirectory } of [...Deno.readDirSync(folder)]) {
    const path = `${folder}/${name}`;
    if (isDirectory) removeLocks(path);
    else if (name.endsWith(".lock")) Deno.removeSync(path);
  }
}

const MADE: Readonly<Record<string, () => Promise<Facts>>> = {
  mesh: () => room("mesh"),
  private: () => room("private", "--private"),
  group,
  friends,
  directory,
  passphrase,
};

if (import.meta.main) {
  const modes = Deno.args.length === 0 ? Object.keys(MADE) : Deno.args;
  const facts = JSON.parse(Deno.readTextFileSync(FACTS)) as Record<string, Facts>;
  for (const mode of modes) {
    const make = MADE[mode];
    assert(make !== undefined, `${mode} is one of ${Object.keys(MADE).join(", ")}`);
    if (mode in facts) Deno.removeSync(`${SAMPLES}/${mode}`, { recursive: true });
    facts[mode] = await make();
  }
  removeLocks(SAMPLES);
  Deno.writeTextFileSync(FACTS, `${JSON.stringify(facts, null, 2)}\n`);
  console.log(`Made ${modes.join(", ")} in ${SAMPLES}`);
}
