/** How a script enters a directory: by log-in, sign-up or as a guest; and what it is told if it isn't admitted. */

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import {
  connect,
  DirectoryWorld,
  endOf,
  failure,
  is,
  listed,
  logout,
  message,
  PASSWORD,
  seesAll,
  session,
  untilListed,
} from "./directory_world.ts";
import { ASKED_PINS, PINS_MAX } from "../../lib/store/profile/known_peers.ts";
import { copyFolder, SAMPLES } from "../samples/samples.ts";
import { inTemporaryFolder, jsonFailureOf } from "./failures.ts";
import { type Node, PROGRAM } from "./node.ts";
import { People } from "./people.ts";
import { canMount, fill, mount, unmount } from "./small_disk.ts";
import { slow } from "../given.ts";

const ACCOUNTS = ["alice", "ben", "cem", "eva"];
let opened: ReturnType<typeof DirectoryWorld.open> | undefined;
// Its programs outlive each test.
Deno.test.sanitizer({ ops: false, resources: false });
Deno.test.afterAll(async () => await (await opened)?.world[Symbol.asyncDispose]());

/** The directory that tests share, with these accounts; whoever they bring there leaves. */
async function shared() {
  const world = await (opened ??= DirectoryWorld.open(ACCOUNTS));
  world.directory.forget();
  return world;
}

async function leaves(...nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) {
    await node.type("/logout");
    await endOf(node);
  }
}

slow.test("directory: who signs up is in, and may log in with the password from then on", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  const alice = await world.signUp("alice");
  const [ready, key, up, users] = alice.events;
  assertEquals([ready!.event, ready!.command, ready!.name], ["ready", "peer", "alice"]);
  assertEquals([ready!.host, ready!.port], ["127.0.0.1", world.callPort("alice")]);
  assertEquals([key!.event, key!.host, key!.port], ["directory", "127.0.0.1", world.port]);
  assertEquals([key!.key, key!.known], [directory.events[0]!.key, false]);
  assertEquals([up!.event, up!.state, up!.name, up!.guest], ["session", "up", "alice", false]);
  assertEquals(up!.key, key!.key);
  assertEquals(users!.users, [
    {
      name: "alice",
      state: "free",
      host: "127.0.0.1",
      port: world.callPort("alice"),
      key: ready!.key,
      guest: false,
      verified: false,
    },
  ]);
  await directory.until(is("signup"));
  await alice.type("/logout");
  assertEquals(await endOf(alice), [0, "bye", "quit"]);
  assertEquals((await directory.until(logout("alice"))).reason, "quit");
  assertEquals(world.accounts(), ["alice"]);

  // The password is in a file, whatever is in the environment; that others may read it is told.
  const same = await world.logIn("alice", {
    device: "another",
    args: ["--password-file", world.write("open.txt", `${PASSWORD}\n`, 0o644)],
    password: "wrong",
  });
  assertEquals((await same.until(is("directory"))).known, false);
  const { text } = await same.until(is("notice"));
  assertMatch(text, /open\.txt/);
  assert(!text.includes(PASSWORD));
});

Deno.test("directory: a script's password goes to no directory whose key isn't known", async () => {
  const { world, directory } = await shared();
  const { key } = directory.events[0]!;
  const other = "ijtghrlfdthizyo5oecdgsej2yv";
  const first = world.launch("--login", "alice", { device: "first", trustFirst: false });
  assertEquals(await endOf(first), [2, "fatal", "usage"]);
  const usage = first.events.at(-1)!.text;
  assert(usage.includes(`--registry 127.0.0.1:${world.port}#FINGERPRINT`), usage);
  assertEquals(first.events.find(is("directory"))!.known, false);
  assertEquals(directory.events.filter(is("login")), []);

  const named = await world.logIn("alice", {
    trustFirst: false,
    registry: `${world.registry}#${key}`,
  });
  assertEquals(named.events.find(is("directory"))!.known, true);
  await named.end();
  await endOf(named);
  const contrary = world.launch("--login", "alice", { registry: `${world.registry}#${other}` });
  assertEquals(await endOf(contrary), [4, "fatal", "key-changed"]);
  const { text } = contrary.events.at(-1)!;
  assert([key, other, "known_peers"].every((part) => text.includes(part)), text);
});

Deno.test("directory: --trust-first keeps the key that answers before a password goes there, whatever comes of it", async () => {
  const { world } = await shared();
  const wrong = () => world.launch("--login", "zoe", { device: "trusting" });
  for (const known of [false, true]) {
    const zoe = wrong();
    assertEquals(await endOf(zoe), [4, "fatal", "bad-credentials"]);
    assertEquals(zoe.events.find(is("directory"))!.known, known);
    const kept = zoe.events.filter(({ event, text }) => event === "notice" && /kept/.test(text));
    assertEquals(kept.length, known ? 0 : 1, "that a refused start leaves a profile is said");
  }
  const pins = Deno.readTextFileSync(`${world.data("trusting")}/users/zoe/known_peers`);
  assert(pins.includes("*directory*"), pins);
});

Deno.test({
  name: "directory: with --trust-first a password goes to nobody whose key the disk doesn't take",
  ignore: !canMount(),
  fn: async () => {
    await using world = new DirectoryWorld();
    world.addAccounts("alice");
    const disk = world.data("full");
    Deno.mkdirSync(disk, { recursive: true });
    await mount(disk);
    try {
      const alice = world.launch("--login", "alice", { device: "full" });
      assertEquals((await alice.until(is("session"))).state, "down");
      await fill(disk);
      const directory = await world.serve();
      assertEquals(await endOf(alice), [5, "fatal", "disk"]);
      const { text } = alice.events.at(-1)!;
      assert(text.startsWith("No password was sent to the directory at "), text);
      assertEquals(directory.events.filter(is("login")), []);
    } finally {
      await unmount(disk);
    }
  },
});

Deno.test("directory: with --trust-first a password goes to nobody whose key has no place among the known ones", async () => {
  await using world = new DirectoryWorld();
  world.addAccounts("alice");
  const profile = `${world.data("device")}/users/alice`;
  copyFolder(`${SAMPLES}/directory/alice/users/alice`, profile);
  const others = "# of others\n".repeat(PINS_MAX - ASKED_PINS);
  Deno.writeTextFileSync(`${profile}/known_peers`, `6e312b8c\tp2pchat\tknown-peers\t2\n${others}`);
  const directory = await world.serve();

  const alice = world.launch("--login", "alice", { device: "device" });
  assertEquals(await endOf(alice), [5, "fatal", "disk"]);
  assertEquals(alice.events.find(is("error"))?.code, "full");
  assertEquals(directory.events.filter(is("login")), []);
});

Deno.test("directory: a script says how it comes in, and with which password", async () => {
  await inTemporaryFolder(async (folder) => {
    const peer = ["peer", "alice", "--registry", "127.0.0.1:1", "--host", "127.0.0.1"];
    for (
      const args of [
        peer,
        [...peer, "--login"],
      ]
    ) {
      const { code, status, text } = await jsonFailureOf(args, `${folder}/data`);
      assertEquals([code, status], ["usage", 2], text);
      assert(!text.includes(PASSWORD), text);
    }
    const { code, status } = await jsonFailureOf(
      [...peer, "--login", "--password-file", `${folder}/none`],
      `${folder}/data`,
    );
    assertEquals([code, status], ["bad-file", 5]);
  });
});

/** Exit status, code and text of a client that isn't admitted. */
async function refusal(node: Node): Promise<readonly [number, string, string]> {
  const { code, text } = await node.until(is("fatal"));
  return [(await node.ended()).code, code, text];
}

Deno.test("directory: whoever may not come in is told why, and not whether there is such an account", async () => {
  const { world } = await shared();
  const wrong = { password: "wrong horse" };
  const refused = await Promise.all([
    refusal(world.launch("--guest", "ALICE", { device: "a" })),
    refusal(world.launch("--signup", "bob", { device: "b", password: "seven c" })),
    refusal(world.launch("--login", "alice", { device: "c", ...wrong })),
  ]);
  assertEquals(refused.map(([status, code]) => [status, code]), [
    [4, "name-taken"],
    [4, "weak-password"],
    [4, "bad-credentials"],
  ]);
  for (const [, , text] of refused) assert(!/horse|seven c/.test(text), text);
  await using people = new People(world.port);
  const nobody = people.somebody("nobody").enters({ how: "log-in", ...wrong });
  assertEquals((await people.said(nobody, "refused")).text, refused[2]![2]);
  assertEquals(world.accounts(), ACCOUNTS);
});

slow.test("directory: another device of an account takes over, with another password, and the call goes on", async () => {
  const { world, directory } = await shared();
  const ben = await world.logIn("ben");
  assertEquals((await refusal(world.launch("--login", "ben"))).slice(0, 2), [4, "in-use"]);
  const dan = await world.guest("dan");
  await seesAll(ben, "ben", "dan");
  await connect(ben, dan, "dan");
  const file = world.write("new.txt", "battery staple");
  const other = await world.logIn("ben", {
    device: "other",
    args: ["--new-password-file", file],
  });
  await other.until(is("password-changed"));

  await ben.until(session("replaced"));
  assertEquals((await directory.until(logout("ben"))).reason, "replaced");
  await ben.say("still here");
  await dan.until(message("still here"));
  await dan.say("so am I");
  await ben.until(message("so am I"));
  await dan.type("q");
  assertEquals(await endOf(ben), [4, "fatal", "replaced"]);
  await untilListed(other, "ben free", "dan free");
  await leaves(other, dan);
});

slow.test("directory: a killed program is back at once; with a copied profile the first ends for good when it wakes", async () => {
  const { world, directory } = await shared();
  const killed = await world.guest("bob");
  await killed.kill();
  copyFolder(world.data("bob"), world.data("copy"));
  const first = await world.guest("bob");
  await untilListed(first, "bob free");

  const from = directory.events.length;
  first.signal("SIGSTOP");
  await directory.until(logout("bob"), undefined, from);
  const second = await world.guest("bob", { device: "copy" });
  first.signal("SIGCONT");
  assertEquals(await endOf(first), [4, "fatal", "replaced"]);
  assertEquals(await listed(second), ["bob free"]);
  assertEquals(second.events.filter(is("session")).map(({ state }) => state), ["up"]);
  await leaves(second);
});

Deno.test("directory: input waits for the directory, and nobody types anything to come back", async () => {
  await using world = new DirectoryWorld();
  world.addAccounts("alice");
  const alice = world.launch("--login", "alice");
  await alice.command({ command: "list", ref: "early" });
  await alice.until(is("ready"));
  const { reason } = await alice.until(session("down"));
  assertMatch(reason, /./);
  const directory = await world.serve();
  const { users } = await alice.until(({ ref }) => ref === "early");
  assertEquals(users.length, 1);

  const from = alice.events.length;
  await directory.kill();
  await alice.until(session("down"), undefined, from);
  await world.serve();
  // By its key: the password was forgotten when it was in.
  await alice.until(session("up"), undefined, from);
  assertEquals(alice.events.filter(session("down")).length, 2);
});

Deno.test("directory: with --no-wait a client doesn't wait for a directory that isn't there", async () => {
  await using world = new DirectoryWorld();
  const alice = world.launch("--guest", "alice", { args: ["--no-wait"] });
  assertEquals((await refusal(alice)).slice(0, 2), [3, "unreachable"]);
});

slow.test("directory: a script that has said all doesn't wait for one that is gone before it has answered", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  await using people = new People(world.port);
  // Passwords are hashed in turn: theirs leave time to kill the directory.
  const ghosts = [0, 1, 2, 3].map((at) =>
    people.somebody(`ghost${at}`).enters({ how: "log-in", password: "wrong horse" })
  );
  await people.until(() => ghosts.every(({ link }) => link !== null));
  const alice = world.launch("--signup", "alice");
  await alice.end();
  await alice.until(is("directory"));
  await directory.kill(); // before the password is hashed
  assertEquals((await refusal(alice)).slice(0, 2), [3, "unreachable"]);
  assertEquals(alice.events.filter(session("up")), []);
});

Deno.test("directory: another key at its address ends a script, and waits for a yes where one was in", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  const old = directory.events[0]!.key;
  const alice = await world.guest("alice");
  const bob = await world.guest("bob");
  await bob.type("q");
  await bob.ended();
  await directory.kill();
  await Deno.remove(world.directoryData, { recursive: true });
  const fresh = (await world.serve()).events[0]!.key;
  assertNotEquals(old, fresh);

  const [status, code, text] = await refusal(world.launch("--guest", "bob"));
  assertEquals([status, code], [4, "key-changed"]);
  const told = await alice.until(failure("key-changed"));
  for (const said of [text, told.text]) {
    assert(said.includes(old) && said.includes(fresh), said);
  }
  const from = alice.events.length;
  await alice.type("/trust *directory*");
  await alice.until(session("up"), undefined, from);

  // A script does what it was told: it deletes the line.
  const knownPeers = `${world.data("bob")}/users/bob/known_peers`;
  assert(text.includes(knownPeers), text);
  const lines = Deno.readTextFileSync(knownPeers).split("\n");
  const others = lines.filter((line) => !line.includes(old));
  assertEquals(others.length, lines.length - 1);
  Deno.writeTextFileSync(knownPeers, others.join("\n"));
  const again = await world.guest("bob");
  assertEquals((await again.until(is("directory"))).key, fresh);
});

Deno.test("directory: /forget-me removes the account", async () => {
  const { world, directory } = await shared();
  const cem = await world.logIn("cem");
  assertEquals((await cem.ask("passwd")).code, "usage");
  await cem.type("/forget-me");
  assertEquals(await endOf(cem), [0, "bye", "forgotten"]);
  assertEquals((await directory.until(logout("cem"))).reason, "forgotten");
  assert(!world.accounts().includes("cem"));
});

Deno.test("directory: a password that the operator changes puts out who knew the one before", async () => {
  const { world, directory } = await shared();
  const eva = await world.logIn("eva");
  const { success, stderr } = await new Deno.Command(PROGRAM, {
    args: ["accounts", "passwd", "eva", "--data", world.directoryData],
    env: { P2PCHAT_PASSWORD: "battery staple" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));

  assertEquals((await directory.until(logout("eva"))).reason, "password-changed");
  assertEquals((await refusal(eva)).slice(0, 2), [4, "bad-credentials"]);
});

Deno.test("directory: a directory doesn't start on damaged accounts, and says which line it is", async () => {
  await using world = new DirectoryWorld();
  world.addAccounts("alice", "bob", "carol");
  const text = Deno.readTextFileSync(world.accountsFile);
  Deno.writeTextFileSync(world.accountsFile, text.replace("bob,", "rob,"));
  const [status, code, said] = await refusal(world.launchDirectory());
  assertEquals([status, code], [5, "store-corrupt"]);
  assertMatch(said, /accounts\.csv: line 3 /);
});
