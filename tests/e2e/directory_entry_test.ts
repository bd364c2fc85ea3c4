/** How a script enters a directory: by log-in, sign-up or as a guest; and what it is told if it isn't admitted. */

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import {
  connect,
  DirectoryWorld,
  endOf,
  failure,
  is,
  listed,
  login,
  logout,
  message,
  notice,
  PASSWORD,
  seesAll,
  session,
} from "./directory_world.ts";
import { copyFolder } from "../samples/samples.ts";
import { failureOf, inTemporaryFolder } from "./failures.ts";
import { type Node, PROGRAM } from "./node.ts";
import { People } from "./people.ts";

Deno.test("directory: who signs up is in, and may log in with the password from then on", async () => {
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

  const again = await world.logIn("alice", { device: "another" });
  assertEquals((await again.until(is("directory"))).known, false);
  await again.end();
  assertEquals(await endOf(again), [0, "bye", "quit"]);
  const same = await world.logIn("alice", { device: "another" });
  assertEquals((await same.until(is("directory"))).known, true);
});

Deno.test("directory: a script's password goes to no directory whose key isn't known", async () => {
  const { world, directory } = await DirectoryWorld.open(["alice"]);
  await using _ = world;
  const { key } = directory.events[0]!;
  const other = "ijtghrlfdthizyo5oecdgsej2yv";
  for (const how of ["--login", "--signup"]) {
    const first = world.launch(how, "alice", { device: "first", trustFirst: false });
    assertEquals(await endOf(first), [2, "fatal", "usage"]);
    const { text } = first.events.at(-1)!;
    assert(text.includes(`--registry 127.0.0.1:${world.port}#FINGERPRINT`), text);
    assertEquals(first.events.find(is("directory"))!.known, false);
  }
  assertEquals(directory.events.filter(is("login")), []);

  const wrong = { device: "wrong", trustFirst: false, registry: `${world.registry}#${other}` };
  assertEquals(await endOf(world.launch("--login", "alice", wrong)), [4, "fatal", "key-changed"]);
  const named = await world.logIn("alice", {
    trustFirst: false,
    registry: `${world.registry}#${key}`,
  });
  assertEquals(named.events.find(is("directory"))!.known, true);
  await named.end();
  await endOf(named);
  const pinned = await world.logIn("alice", { trustFirst: false });
  await pinned.end();
  await endOf(pinned);
  const contrary = world.launch("--login", "alice", { registry: `${world.registry}#${other}` });
  assertEquals(await endOf(contrary), [4, "fatal", "key-changed"]);
  const { text } = contrary.events.at(-1)!;
  assert([key, other, "known_peers"].every((part) => text.includes(part)), text);
});

Deno.test("directory: a log-in makes a weaker hash anew, and the password stays", async () => {
  const { world } = await DirectoryWorld.open(["alice"]);
  await using _ = world;
  const hash = () =>
    /\$scrypt\$ln=\d+,r=\d+,p=\d+\$/.exec(Deno.readTextFileSync(world.accountsFile));
  assertEquals(hash()?.[0], "$scrypt$ln=10,r=8,p=1$");
  await world.logIn("alice");
  assertEquals(hash()?.[0], "$scrypt$ln=17,r=8,p=1$");
  await world.logIn("alice", { device: "another" });
});

Deno.test("directory: a script says how it comes in, and with which password", async () => {
  await inTemporaryFolder(async (folder) => {
    const peer = ["peer", "alice", "--registry", "127.0.0.1:1", "--host", "127.0.0.1"];
    for (
      const args of [
        peer,
        [...peer, "--login"],
        [...peer, "--signup"],
      ]
    ) {
      const { code, status, text } = await failureOf(args, `${folder}/data`);
      assertEquals([code, status], ["usage", 2], text);
      assert(!text.includes(PASSWORD), text);
    }
    const bad = await failureOf(["peer", "-al", "--guest", ...peer.slice(2)], `${folder}/data`);
    assert(bad.status === 2, bad.text);
    const { code, status } = await failureOf(
      [...peer, "--login", "--password-file", `${folder}/none`],
      `${folder}/data`,
    );
    assertEquals([code, status], ["bad-file", 5]);
  });
});

Deno.test("directory: a password from a file; who else may read it is told", async () => {
  const { world } = await DirectoryWorld.open(["alice", "bob"]);
  await using _ = world;
  const secret = world.write("secret.txt", `${PASSWORD}\n`);
  const open = world.write("open.txt", PASSWORD, 0o644);
  const alice = await world.logIn("alice", {
    args: ["--password-file", secret],
    password: "wrong",
  });
  assertEquals(alice.events.filter(is("notice")), []);
  const bob = await world.logIn("bob", { args: ["--password-file", open], password: "" });
  const { text } = await bob.until(is("notice"));
  assertMatch(text, /open\.txt/);
  assert(!text.includes(PASSWORD));
});

/** Exit status, code and text of a client that isn't admitted. */
async function refusal(node: Node): Promise<readonly [number, string, string]> {
  const { code, text } = await node.until(is("fatal"));
  return [(await node.ended()).code, code, text];
}

Deno.test("directory: whoever may not come in is told why, each in its own words", async () => {
  const { world } = await DirectoryWorld.open(["alice"]);
  await using _ = world;
  const refused = await Promise.all([
    refusal(world.launch("--signup", "Alice", { device: "a" })),
    refusal(world.launch("--signup", "bob", { device: "b", password: "seven c" })),
    refusal(world.launch("--signup", "bob", { device: "c", password: "é".repeat(513) })),
    // Seven characters once they are composed.
    refusal(world.launch("--signup", "bob", { device: "d", password: "abcdefé".normalize("NFD") })),
    refusal(world.launch("--login", "alice", { device: "e", password: "wrong horse" })),
    refusal(world.launch("--guest", "ALICE", { device: "f" })),
  ]);
  assertEquals(refused.map(([status]) => status), [4, 4, 4, 4, 4, 4]);
  assertEquals(refused.map(([, code]) => code), [
    "name-taken",
    "weak-password",
    "weak-password",
    "weak-password",
    "bad-credentials",
    "name-taken",
  ]);
  const [taken, short, long, composed, wrong] = refused.map(([, , text]) => text);
  assertEquals(new Set([taken, short, long, wrong]).size, 4);
  assertEquals(short, composed);
  for (const [, , text] of refused) assert(!/horse|seven c/.test(text), text);
  assertEquals(world.accounts(), ["alice"]);

  const least = await world.signUp("bob", { password: "eight ch" });
  assertEquals((await least.until(session("up"))).name, "bob");
});

Deno.test("directory: nobody learns whether there is an account, from words or from time", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const names = ["alice", "bob", "carol"];
  for (const name of names) {
    const owner = await world.signUp(name);
    await owner.type("q");
    await owner.ended();
  }
  await using people = new People(world.port);
  const said = new Set<string>();
  const attempt = async (name: string) => {
    const somebody = people.somebody(name);
    await people.said(somebody.enters({ how: "resume" }), "refused");
    const from = somebody.said.length;
    const startMs = performance.now();
    somebody.enters({ how: "log-in", password: "wrong horse" });
    const { code, text } = await people.said(somebody, "refused", from);
    said.add(`${code}: ${text}`);
    return performance.now() - startMs;
  };
  // On a busy machine each may take longer by chance: the least of some says what there is to do. A name is shut out
  // after the fifth.
  const known: number[] = [];
  const unknown: number[] = [];
  const areAlike = () => {
    const [least, other] = [Math.min(...known), Math.min(...unknown)];
    return Math.abs(least - other) <= 0.2 * Math.max(least, other);
  };
  for (let round = 0; round < 4 * names.length && (round < 4 || !areAlike()); round++) {
    known.push(await attempt(names[round % names.length]!));
    unknown.push(await attempt(`nobody${round}`));
  }
  assertEquals([...said], ["bad-credentials: Wrong name or password"]);
  assert(areAlike(), `${known} | ${unknown}`);
});

Deno.test("directory: five wrong passwords shut a name out, whether there is such a name or not", async () => {
  const { world } = await DirectoryWorld.open(["alice", "bob"]);
  await using _ = world;
  await using people = new People(world.port);
  for (const name of ["alice", "ghost"]) {
    const attempt = async () => {
      const somebody = people.somebody(name).enters({ how: "log-in", password: "wrong horse" });
      return (await people.said(somebody, "refused")).code;
    };
    for (let each = 0; each < 5; each++) assertEquals(await attempt(), "bad-credentials");
    const right = world.launch("--login", name);
    assertEquals((await refusal(right)).slice(0, 2), [4, "locked-out"]);
  }
  const bob = await world.logIn("bob");
  assertEquals(await listed(bob), ["bob free"]);
});

Deno.test("directory: so many may sign up from one address, and those that were refused don't count", async () => {
  const { world } = await DirectoryWorld.open(["taken"], "--signup-limit", "2");
  await using _ = world;
  const again = world.launch("--signup", "taken", { device: "x" });
  assertEquals((await refusal(again))[1], "name-taken");
  await world.signUp("alice");
  await world.signUp("bob");
  const third = world.launch("--signup", "carol");
  assertEquals((await refusal(third)).slice(0, 2), [4, "too-fast"]);
  assertEquals(world.accounts(), ["taken", "alice", "bob"]);
});

Deno.test("directory: with --accounts required guests are refused, and others not", async () => {
  const { world } = await DirectoryWorld.open(["alice"], "--accounts", "required");
  await using _ = world;
  const guest = world.launch("--guest", "bob");
  assertEquals((await refusal(guest)).slice(0, 2), [4, "guests-refused"]);
  await world.logIn("alice");
});

Deno.test("directory: a guest's name is nobody else's while it is there, and for a moment after it was lost", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  const guest = await world.guest("bob");
  assertEquals((await guest.until(session("up"))).guest, true);
  const other = (how: string) => refusal(world.launch(how, "Bob", { device: "other" }));
  assertEquals((await other("--guest"))[1], "name-taken");
  assertEquals((await other("--signup"))[1], "name-taken");
  await guest.kill();
  await directory.until(logout("bob"));
  assertEquals((await other("--signup"))[1], "name-taken");
  const owner = await world.signUp("bob");
  assertEquals((await owner.until(session("up"))).guest, false);
  assertEquals(world.accounts(), ["bob"]);
});

Deno.test("directory: the same profile twice is in use; another device of the account takes over", async () => {
  const { world, directory } = await DirectoryWorld.open(["alice"]);
  await using _ = world;
  const first = await world.logIn("alice");
  assertEquals((await refusal(world.launch("--login", "alice"))).slice(0, 2), [4, "in-use"]);
  const second = await world.logIn("alice", { device: "second" });
  await first.until(session("replaced"));
  assertEquals(await endOf(first), [4, "fatal", "replaced"]);
  assertEquals((await directory.until(logout("alice"))).reason, "replaced");
  assertEquals(await listed(second), ["alice free"]);
});

for (const [how, name] of [["--login", "alice"], ["--guest", "bob"]] as const) {
  Deno.test(`directory: with a copied profile the first (${how}) is replaced, and doesn't come back`, async () => {
    const { world, directory } = await DirectoryWorld.open(["alice"]);
    await using _ = world;
    const before = await world.start(how, name);
    await before.end();
    await before.ended();
    copyFolder(world.data(name), world.data("copy"));

    const first = await world.start(how, name);
    const from = directory.events.length;
    const second = await world.start(how, name, { device: "copy" });
    assertEquals(await endOf(first), [4, "fatal", "replaced"]);
    assertEquals((await directory.until(logout(name), undefined, from)).reason, "replaced");
    assertEquals(await listed(second), [`${name} free`]);
    const states = [first, second].map(({ events }) =>
      events.filter(is("session")).map(({ state }) => state)
    );
    assertEquals(states, [["up", "replaced"], ["up"]]);
  });

  Deno.test(`directory: a killed program (${how}) is back at once under its name`, async () => {
    const { world } = await DirectoryWorld.open(["alice"]);
    await using _ = world;
    const killed = await world.start(how, name);
    await killed.kill();
    const again = await world.start(how, name);
    assertEquals(await listed(again), [`${name} free`]);
  });
}

Deno.test("directory: a first program that slept while a copy of its profile came in ends when it wakes", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  const before = await world.guest("bob");
  await before.end();
  await before.ended();
  copyFolder(world.data("bob"), world.data("copy"));

  const first = await world.guest("bob");
  const from = directory.events.length;
  first.signal("SIGSTOP");
  await directory.until(logout("bob"), undefined, from);
  const second = await world.guest("bob", { device: "copy" });
  first.signal("SIGCONT");
  assertEquals(await endOf(first), [4, "fatal", "replaced"]);
  assertEquals(await listed(second), ["bob free"]);
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

Deno.test("directory: a script that has said all doesn't wait for one that is gone before it has answered", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  const alice = world.launch("--signup", "alice");
  await alice.end();
  await alice.until(is("directory"));
  await directory.kill(); // before the password is hashed
  assertEquals((await refusal(alice)).slice(0, 2), [3, "unreachable"]);
  assertEquals(alice.events.filter(session("up")), []);
});

Deno.test("directory: another key at its address ends a script, and waits for a yes where one was in", async () => {
  const { world, directory } = await DirectoryWorld.open(["alice", "bob"]);
  await using _ = world;
  const old = directory.events[0]!.key;
  const alice = await world.logIn("alice");
  const bob = await world.logIn("bob");
  await bob.type("q");
  await bob.ended();
  await directory.kill();
  const rows = Deno.readTextFileSync(world.accountsFile);
  await Deno.remove(world.directoryData, { recursive: true });
  Deno.mkdirSync(`${world.directoryData}/regserver`, { recursive: true, mode: 0o700 });
  Deno.writeTextFileSync(world.accountsFile, rows, { mode: 0o600 });
  const fresh = (await world.serve()).events[0]!.key;
  assertNotEquals(old, fresh);

  const [status, code, text] = await refusal(world.launch("--login", "bob"));
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
  const again = await world.logIn("bob");
  assertEquals((await again.until(is("directory"))).key, fresh);
});

Deno.test("directory: a password changed with the log-in leaves this device in, and the old password out", async () => {
  const { world } = await DirectoryWorld.open(["alice"]);
  await using _ = world;
  const fresh = "battery staple";
  const file = world.write("new.txt", fresh);
  const alice = await world.logIn("alice", { args: ["--new-password-file", file] });
  await alice.until(is("password-changed"));
  const old = world.launch("--login", "alice", { device: "other" });
  assertEquals((await refusal(old))[1], "bad-credentials");
  const other = await world.logIn("alice", { device: "other", password: fresh });
  await alice.until(session("replaced"));
  assertEquals(await listed(other), ["alice free"]);
});

Deno.test("directory: /forget-me removes the account, and its name is free", async () => {
  const { world, directory } = await DirectoryWorld.open(["alice"]);
  await using _ = world;
  const alice = await world.logIn("alice");
  const bob = await world.guest("bob");
  assertEquals((await alice.ask("passwd")).code, "usage");
  await bob.type("/forget-me");
  await bob.until(failure("not-logged-in"));
  await alice.type("/forget-me");
  assertEquals(await endOf(alice), [0, "bye", "forgotten"]);
  assertEquals((await directory.until(logout("alice"))).reason, "forgotten");
  assertEquals(world.accounts(), []);
  const again = world.launch("--login", "alice");
  assertEquals((await refusal(again))[1], "bad-credentials");
  await world.signUp("alice", { device: "other" });
});

Deno.test("directory: who comes in elsewhere with another password takes over, and the call goes on", async () => {
  const { world, directory } = await DirectoryWorld.open(["alice"]);
  await using _ = world;
  const alice = await world.logIn("alice");
  const bob = await world.guest("bob");
  await seesAll(alice, "alice", "bob");
  await connect(alice, bob, "bob");
  const file = world.write("new.txt", "battery staple");
  await world.logIn("alice", { device: "other", args: ["--new-password-file", file] });

  await alice.until(session("replaced"));
  assertEquals((await directory.until(logout("alice"))).reason, "replaced");
  await alice.say("still here");
  await bob.until(message("still here"));
  await bob.type("q");
  assertEquals(await endOf(alice), [4, "fatal", "replaced"]);
});

Deno.test("directory: the operator's accounts are those of the running directory", async () => {
  const { world, directory } = await DirectoryWorld.open(["alice"]);
  await using _ = world;
  const operator = async (...words: readonly string[]) => {
    const args = ["accounts", ...words, "--data", world.directoryData];
    const env = { P2PCHAT_PASSWORD: "battery staple" };
    const { success, stderr } = await new Deno.Command(PROGRAM, { args, env }).output();
    assert(success, new TextDecoder().decode(stderr));
  };
  await operator("add", "carol");
  const carol = await world.logIn("carol", { password: "battery staple" });
  const alice = await world.logIn("alice");
  // Whoever knew the one before is out, and needs the new one.
  await operator("passwd", "alice");
  assertEquals((await directory.until(logout("alice"))).reason, "password-changed");
  assertEquals((await refusal(alice)).slice(0, 2), [4, "bad-credentials"]);
  const again = await world.logIn("alice", { password: "battery staple", device: "again" });
  const old = world.launch("--login", "alice", { device: "other" });
  assertEquals((await refusal(old))[1], "bad-credentials");
  await operator("remove", "carol");
  await carol.until(({ event }) => event === "fatal");
  assertEquals((await endOf(carol)).slice(0, 2), [4, "fatal"]);
  await directory.until(logout("carol"));
  await seesAll(again, "alice");
  assertEquals(await listed(again), ["alice free"]);
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

Deno.test("directory: what the directory tells of who comes and goes, and its first words", async () => {
  const { world, directory } = await DirectoryWorld.open(["alice"]);
  await using _ = world;
  const [ready] = directory.events;
  assertEquals([ready!.event, ready!.command, ready!.port], ["ready", "regserver", world.port]);
  await world.logIn("alice");
  const guest = await world.guest("bob");
  assertEquals((await directory.until(login("alice"))).guest, false);
  assertEquals((await directory.until(login("bob"))).guest, true);
  const { users } = await directory.ask("list");
  assertEquals(users.map(({ name }: { name: string }) => name), ["alice", "bob"]);
  await guest.type("q");
  await directory.until(logout("bob"));
  const second = world.launchDirectory();
  assertEquals((await refusal(second)).slice(0, 2), [4, "in-use"]);
  await directory.type("/exit");
  assertEquals(await endOf(directory), [0, "bye", "quit"]);
  assertEquals(directory.events.filter(notice(/./)), []);
});
