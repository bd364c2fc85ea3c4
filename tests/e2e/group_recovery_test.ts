/** Recovery: the coordinator's files are lost or old; a member's log is missing, short, damaged or foreign. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { checksumOf, checksumText } from "../../lib/store/disk/record_line.ts";
import {
  coordinatorIs,
  Group,
  isError,
  isIn,
  isView,
  linesOf,
  sharedGroup,
  shows,
  verifiedLog,
} from "./group_world.ts";
import { holds, Node, type ShownEvent } from "./node.ts";

const NAMES = ["Alice", "Bob", "Carol"] as const;
const shared = sharedGroup(NAMES);

const isRecovered = (name: string) => (event: ShownEvent): boolean =>
  event.event === "recovered" && event.name === name;

const says = (pattern: RegExp) => (event: ShownEvent): boolean =>
  event.event === "notice" && pattern.test(event.text);

/** All files of the coordinator except its key. */
function stateFiles(group: Group): readonly string[] {
  const folder = `${group.serverData}/serve`;
  const kept = new Set(["identity"]);
  return [...Deno.readDirSync(folder)]
    .filter(({ isFile, name }) => isFile && !kept.has(name) && !name.endsWith(".lock"))
    .map(({ name }) => `${folder}/${name}`);
}

function loseFiles(group: Group): void {
  for (const file of stateFiles(group)) Deno.removeSync(file);
}

/** Each node sends a text, and all show all texts. */
async function talk(nodes: readonly Node[], word: string): Promise<void> {
  for (const [at, node] of nodes.entries()) await node.say(`${word} ${at}`);
  for (const node of nodes) {
    for (const at of nodes.keys()) await node.until(shows(`${word} ${at}`));
  }
}

/** The files that were set aside beside a member's log. */
function setAside(group: Group, name: string): readonly string[] {
  const folder = group.logPath(name).replace(/\/log$/, "");
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((file) => file.startsWith("log.damaged-"));
}

Deno.test("group: a coordinator that has lost all but its key goes on with the same log", async (test) => {
  const { group, server: lost, members } = await shared();
  await talk(members, "before");
  const before = group.logText("Alice");
  await lost.kill();
  loseFiles(group);
  const server = await group.serve();

  await test.step("it says so, and asks the members", async () => {
    await server.until(says(/its files are lost/));
    await members[0].until(says(/lost what it knew of the group/));
  });

  await test.step("the group goes on under higher numbers, nobody's log begins anew", async () => {
    const view = await server.until(isView(...NAMES));
    assert(view.view > 1_000, `view ${view.view}`);
    await server.until(says(/The group is known again .* Lost: /));
    await talk(members, "after");
    await group.sameLogs(...NAMES);
    assert(group.logText("Carol").startsWith(before));
    for (const name of NAMES) assertEquals(setAside(group, name), []);
    for (const node of members) linesOf(node);
  });

  await test.step("a newcomer comes in, and an edit is decided", async () => {
    const dave = await group.start("Dave");
    await dave.until(shows("after 2"));
    const { seq } = await members[0].until(shows("before 0"));
    await members[0].type(`/edit another text - ${seq}`);
    await dave.until(({ event, outcome }) => event === "edit" && outcome === "committed");
  });
});

Deno.test("group: an old copy of the coordinator's files is noticed, and no number is used twice", async () => {
  const { group, server: first, members } = await shared();
  await first.kill();
  const copies = stateFiles(group).map((file) => [file, Deno.readFileSync(file)] as const);
  const second = await group.serve();
  const erin = await group.start("Erin");
  const all = [...members, erin];
  await talk(all, "of now");
  const [last] = erin.events.filter(isView(...NAMES, "Erin"));
  await second.kill();
  for (const [file, bytes] of copies) Deno.writeFileSync(file, bytes);

  const server = await group.serve();
  await server.until(says(/the disk of this coordinator is lost, or an old copy/));
  const view = await server.until(isView(...NAMES, "Erin"));

  assert(view.view > last!.view + 1_000);
  await talk(all, "of later");
  await group.sameLogs(...NAMES, "Erin");
  for (const name of [...NAMES, "Erin"]) assertEquals(setAside(group, name), []);
});

Deno.test("group: /recover has a member fetch its log anew, whose words stay said", async (test) => {
  const { group, server, members } = await shared();
  const [alice, bob, carol] = members;
  await talk(members, "kept");

  await test.step("the log is set aside, and comes back as it was", async () => {
    const text = group.logText("Bob");
    await server.type("/recover Bob");
    await bob.say("meanwhile");
    const { entries } = await server.until(isRecovered("Bob"));
    const { seq } = await bob.until(shows("meanwhile"));
    assert(entries >= seq - 1 && entries <= seq, `${entries} of ${seq} entries were sent`);
    await bob.until(says(/is to be fetched anew: it was set aside as .*log\.damaged-/));
    await group.sameLogs(...NAMES);
    assert(group.logText("Bob").startsWith(text));
    const [aside] = setAside(group, "Bob");
    assert(Deno.readTextFileSync(group.logPath("Bob").replace(/log$/, aside!)).startsWith(text));
    await alice.until(shows("meanwhile")); // what is in its log is perhaps not on its screen yet
    // Nothing was shown twice.
    assertEquals(linesOf(bob), linesOf(alice));
  });

  await test.step("never where it is the only one", async () => {
    for (const node of [alice, carol]) {
      await node.type("/exit");
      await node.ended();
    }
    await server.until(isView("Bob"));
    await server.type("/recover Bob");
    const { text } = await server.until(isError("not-allowed"));
    assertMatch(text, /Bob's log is the only one/);
    assertEquals((await server.ask("recover", { name: "Eve" })).code, "unknown-user");
  });
});

Deno.test("group: a log without the state beside it is kept, and gets what it lacks", async () => {
  const { group, server, members } = await shared();
  const [alice, bob] = members;
  const before = setAside(group, "Bob");
  await bob.type("/exit");
  await bob.status;
  Deno.removeSync(group.logPath("Bob").replace(/log$/, "state"));
  await alice.say("meanwhile");
  await alice.until(shows("meanwhile"));

  const again = await group.start("Bob");
  await again.until(shows("meanwhile"));
  await group.sameLogs(...NAMES);
  assertEquals(setAside(group, "Bob"), before);
  assertEquals(linesOf(again).slice(-1), linesOf(alice).slice(-1));
  assertEquals((await server.until(isRecovered("Bob"))).entries, 1);
});

const SPOILT: readonly (readonly [string, (path: string) => void])[] = [
  ["missing", (path) => Deno.removeSync(path)],
  ["short", (path) => {
    const lines = Deno.readTextFileSync(path).split("\n");
    Deno.writeTextFileSync(path, lines.slice(0, 4).join("\n") + "\n");
  }],
  ["damaged in the middle", (path) => {
    const text = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, text.replace("text 3", "TEXT 3"));
  }],
  ["damaged all through", (path) => Deno.writeTextFileSync(path, "garbage\n")],
];

for (const [what, spoil] of SPOILT) {
  Deno.test(`group: a log that is ${what} is fetched from the others, and the coordinator says so`, async () => {
    const { group, server, members } = await shared();
    const [alice, bob] = members;
    for (let n = 1; n <= 6; n++) {
      await alice.say(`text ${n}`);
      await bob.until(shows(`text ${n}`));
    }
    await bob.type("/exit");
    await bob.status;
    const before = setAside(group, "Bob").length;
    spoil(group.logPath("Bob"));

    const from = server.events.length;
    const again = await group.start("Bob");
    await again.until(shows("text 6"));
    await group.sameLogs(...NAMES);

    const { entries } = await server.until(isRecovered("Bob"), undefined, from);
    assert(entries > 0, `${entries} entries were sent`);
    // Before what the log has, and that it is all there: who reads it last takes it for missing.
    const notice = await again.until(says(/the group is asked for the others|was set aside/));
    const first = again.events.find(({ event }) => event === "message" || event === "ready")!;
    assert(again.events.indexOf(notice) < again.events.indexOf(first), `${notice.text}`);
    await holds(
      "what was there is kept",
      () => setAside(group, "Bob").length === before + (what.startsWith("damaged") ? 1 : 0),
    );
    assertEquals(isIn("Bob")(again.events.find(isIn("Bob"))!), true);
  });
}

Deno.test("group: an entry that can't be right, under a checksum that fits, is named with file and line, and fetched", async () => {
  const { group, members, seq } = await shared();
  const [alice] = members;
  for (let n = 1; n <= 3; n++) {
    await alice.say(`right ${n}`);
    await alice.until(shows(`right ${n}`));
  }
  await alice.type("/exit");
  await alice.ended();
  const path = group.logPath("Alice");
  const lines = Deno.readTextFileSync(path).split("\n");
  const at = lines.findIndex((line) => line.includes("right 2"));
  const content = lines[at]!.replace("\tAlice\t", "\tB!b\t").replace(/\t[^\t]*$/, "");
  lines[at] = `${content}\t${checksumText(checksumOf(new TextEncoder().encode(content)))}`;
  Deno.writeTextFileSync(path, lines.join("\n"));

  const back = await group.start("Alice");
  const { text } = await back.until(({ event }) => event === "notice");
  assert(text.startsWith(`Line ${at + 1} of ${path} is damaged`), text);
  await back.until(shows("right 3"));
  const shown = linesOf(back).slice(seq).map((line) => line.replace(/^\d+ /, ""));
  assertEquals(shown, ["Alice: right 1", "Alice: right 2", "Alice: right 3"]);
});

Deno.test("group: a member that is killed while it fetches its log anew goes on with that", async () => {
  await using group = new Group();
  // Who stands still isn't given up.
  const server = await group.serve("--fail-after", "60s");
  const [alice, bob] = await group.startAll("Alice", "Bob");
  await talk([alice!, bob!], "before");

  // A log so short is back in a moment: it is killed while nobody answers.
  bob!.signal("SIGSTOP");
  await server.type("/recover Bob");
  await alice!.until(isView("Alice"));
  // Once this is told, so is that the view without Bob has begun.
  await alice!.say("meanwhile");
  await server.until(({ event, seq }) => event === "entry" && seq === 3);
  alice!.signal("SIGSTOP");
  bob!.signal("SIGCONT");
  // Until then its log is whole: killed before, it would come back with that.
  await holds("a new log is in its place", () => {
    try {
      return !group.logText("Bob").includes("before");
    } catch {
      return false; // the one before was set aside just now
    }
  });
  await bob!.kill();
  alice!.signal("SIGCONT");
  const again = await group.start("Bob");
  await again.until(shows("meanwhile"));
  await group.sameLogs("Alice", "Bob");

  assertEquals(setAside(group, "Bob").length, 1);
  assertEquals(linesOf(again), linesOf(alice!));
  assert((await server.until(isRecovered("Bob"))).entries > 0);
});

Deno.test("group: without its disk a coordinator waits for all of the last view, or for /remove", async (test) => {
  // Carol is put out in the end, so other tests come first.
  const { group, server: lost, members } = await shared();
  await talk(members, "last");
  await lost.kill();
  for (const node of members) await node.kill();
  loseFiles(group);
  const server = await group.serve();

  await test.step("a newcomer waits", async () => {
    const finn = group.launch("Finn");
    await finn.until(says(/asks all members what there was/));
    await finn.until(({ event }) => event === "ready");
    assertEquals(finn.events.filter(({ event }) => event === "view"), []);
  });

  const again = group.launch("Alice");
  await test.step("who is awaited is said at both, and by /status", async () => {
    await server.until(says(/waiting for (Bob and Carol|Carol and Bob)/));
    await again.until(says(/waits for (Bob and Carol|Carol and Bob)/));
    const { problems } = await server.ask("status");
    assertMatch(problems.join("\n"), /waiting for (Bob and Carol|Carol and Bob).*\/remove/);
    assertEquals((await server.ask("recover", { name: "Bob" })).code, "not-allowed");
  });

  await test.step("all but one, and the operator", async () => {
    const back = group.launch("Bob");
    await server.until(says(/waiting for Carol/));
    await server.type("/remove Carol");
    await server.until(says(/Lost: .*what only Carol knew/));
    await server.until(isView("Alice", "Bob", "Finn"));
    await back.say("after");
    await again.until(shows("after"));
  });
});

Deno.test("group: a coordinator without files waits for its group, unless it is started with --new", async () => {
  await using group = new Group();
  const lost = await group.serve();
  const alice = await group.start("Alice");
  await alice.say("in the old group");
  await alice.until(shows("in the old group"));
  await alice.kill();
  await lost.kill();
  loseFiles(group);

  const server = await group.serve();
  await server.until(says(/start it with --new/));
  await server.kill();
  await group.serve("--new");
  const bob = await group.start("Bob");
  await bob.say("in the new one");

  const again = await group.start("Alice");
  await again.until(shows("in the new one"));
  assertEquals(setAside(group, "Alice").length, 1);
  assertMatch(
    Deno.readTextFileSync(group.logPath("Alice").replace(/log$/, setAside(group, "Alice")[0]!)),
    /in the old group/,
  );
});

Deno.test("group: a first start that ended early founds a group at the next one", async () => {
  await using group = new Group();
  const blocker = Deno.listen({ hostname: "127.0.0.1", port: group.port });
  const words = ["serve", "--host", "127.0.0.1", "--port", String(group.port)];
  const failing = group.nodes.add(Node.start(words, { data: group.serverData }));
  assertEquals((await failing.ended()).code, 3);
  blocker.close();

  await group.serve();
  const alice = await group.start("Alice");
  await alice.say("hello");
  await alice.until(shows("hello"));
});

Deno.test("group: a coordinator that has lost its key goes on under another, and its edits still count", async () => {
  await using group = new Group();
  const old = await group.serve();
  const alice = await group.start("Alice");
  await alice.say("at seven?");
  await alice.until(shows("at seven?"));
  await alice.type("/edit at eight? - 1");
  await alice.until(({ event, outcome }) => event === "edit" && outcome === "committed");
  await old.kill();
  Deno.removeSync(`${group.serverData}/serve/identity`);
  const server = await group.serve();
  await alice.until(isError("key-changed"));
  const from = alice.events.length;
  await alice.type("/trust *coordinator*");
  await alice.until(coordinatorIs("up"), undefined, from);

  // Who is new gets the log, with the edit, from her; then from the coordinator.
  const bob = await group.start("Bob");
  await bob.type("/log");
  const { entries } = await bob.until(({ event }) => event === "log");
  assertEquals(entries.map(({ text }: { text: string }) => text), ["at eight?"]);
  await alice.type("/exit");
  await alice.ended();
  await bob.type("/exit");
  await bob.ended();
  await server.until(({ event, name }) => event === "left" && name === "Bob");
  await group.start("Carol");
  await group.sameLogs("Alice", "Bob", "Carol");
  for (const path of [group.logPath("Carol"), `${group.serverData}/serve/log`]) {
    const { status, text } = await verifiedLog(path);
    assertEquals([status, text.includes("isn't known here")], [0, false], text);
  }
});
