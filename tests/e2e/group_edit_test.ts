/** Edits in a group of built programs: requested, voted on, and committed everywhere or nowhere. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { AWKWARD } from "./awkward_texts.ts";
import {
  assertCalm,
  coordinatorIs,
  Group,
  isError,
  isMessage,
  isView,
  shows,
  verifiedLog,
} from "./group_world.ts";
import { holds, Node, type ShownEvent } from "./node.ts";

const NAMES = ["Alice", "Bob", "Carol"] as const;

const edited = (outcome: string, text?: string) => (event: ShownEvent): boolean =>
  event.event === "edit" && event.outcome === outcome &&
  (text === undefined || event.text === text);
const isStarted = ({ event }: ShownEvent): boolean => event === "edit-started";
const isVoteWanted = ({ event }: ShownEvent): boolean => event === "vote-wanted";

/** Three members, and one message from each: entries 1, 2 and 3. */
async function three(group: Group): Promise<[Node, Node, Node]> {
  const members = await group.startAll(...NAMES) as [Node, Node, Node];
  for (const [index, node] of members.entries()) {
    await node.say(`by ${NAMES[index]}`);
    await Promise.all(members.map((other) => other.until(shows(`by ${NAMES[index]}`))));
  }
  return members;
}

/** The log as a member shows it: `1 Alice: text (2)`, with the number of edits in parentheses. */
async function logOf(node: Node): Promise<readonly string[]> {
  const from = node.events.length;
  await node.type("/log 1000");
  const { entries } = await node.until(({ event }) => event === "log", undefined, from);
  return (entries as readonly ShownEvent[]).map(({ seq, from, text, edits }) =>
    `${seq} ${from}: ${text}${edits === 0 ? "" : ` (${edits})`}`
  );
}

async function assertSameLogs(group: Group, nodes: readonly Node[], ...names: readonly string[]) {
  await group.sameLogs(...names);
  const [first, ...others] = await Promise.all(nodes.map(logOf));
  for (const other of others) assertEquals(other, first);
  return first!;
}

Deno.test("edit: the author's own is asked of nobody, and reads so everywhere", async () => {
  await using group = new Group();
  const server = await group.serve();
  const members = await three(group);
  const [alice, bob] = members;

  await alice.command({ command: "edit", text: "by Alice, corrected", n: 1, ref: "mine" });
  const started = await alice.until(isStarted);
  assertEquals([started.seq, started.ref], [1, "mine"]);
  const told = await Promise.all(
    [...members, server].map((node) => node.until(edited("committed"))),
  );
  for (const { edit, seq, by, text } of told) {
    assertEquals([edit, seq, by, text], [started.edit, 1, "Alice", "by Alice, corrected"]);
  }
  assertEquals(told[0]!.ref, "mine");
  assertEquals(bob.events.filter(isVoteWanted), []);
  const log = await assertSameLogs(group, members, ...NAMES);
  assertEquals(log, ["1 Alice: by Alice, corrected (1)", "2 Bob: by Bob", "3 Carol: by Carol"]);
  assertCalm(server, ...members);
});

Deno.test("edit: of somebody else's entry its author is asked, who says yes, then no", async () => {
  await using group = await Group.open();
  const members = await three(group);
  const [alice, bob, carol] = members;

  await alice.type("/edit nicer - 2");
  const started = await alice.until(isStarted);
  assertEquals(started.awaited, ["Bob"]);
  const wanted = await bob.until(isVoteWanted);
  assertEquals(
    [wanted.edit, wanted.seq, wanted.by, wanted.old, wanted.new],
    [started.edit, 2, "Alice", "by Bob", "nicer"],
  );
  assert(Date.parse(wanted.deadline) > Date.now() + 20_000);
  await bob.type("/go");
  await Promise.all(members.map((node) => node.until(edited("committed", "nicer"))));

  await carol.type("/edit worse - 2");
  const again = await bob.until(isVoteWanted, undefined, bob.events.indexOf(wanted) + 1);
  assertEquals([again.old, again.new, again.by], ["nicer", "worse", "Carol"]);
  await bob.type(`/abort ${again.edit}`);
  for (const node of [carol, bob]) {
    const { seq, reason } = await node.until(edited("aborted", "worse"));
    assertEquals(seq, 2);
    assertMatch(reason, node === bob ? /you said no/ : /Bob said no/);
  }
  assertEquals(alice.events.filter(edited("aborted")), [], "it is no affair of Alice's");
  assertEquals((await assertSameLogs(group, members, ...NAMES))[1], "2 Bob: nicer (1)");
  const entry = await (async () => {
    await carol.type("/entry 2");
    return await carol.until(({ event }) => event === "entry");
  })();
  assertEquals([entry.seq, entry.from, entry.text], [2, "Bob", "nicer"]);
  const [change, ...more] = entry.edits;
  assertEquals([change.by, change.old, change.new, change.agreed], ["Alice", "by Bob", "nicer", [
    "Bob",
  ]]);
  assertEquals(more, []);
});

Deno.test("edit: --edits ask asks all others, and one no is enough; auto asks nobody", async (test) => {
  await test.step("ask", async () => {
    await using group = await Group.open("--edits", "ask");
    const members = await three(group);
    const [alice, bob, carol] = members;
    await alice.type("/edit mine - 1");
    await Promise.all([bob, carol].map((node) => node.until(isVoteWanted)));
    await bob.type("/go");
    await carol.type("/go");
    const [done] = await Promise.all(members.map((node) => node.until(edited("committed"))));
    assertEquals([...done!.agreed].sort(), ["Bob", "Carol"]);
    await bob.type("/edit his - 1");
    await Promise.all(
      [alice, carol].map((node) => node.until(isVoteWanted, undefined, node.events.length)),
    );
    await alice.type("/go");
    await carol.type("/abort");
    assertMatch((await bob.until(edited("aborted"))).reason, /Carol said no/);
    assertEquals((await assertSameLogs(group, members, ...NAMES))[0], "1 Alice: mine (1)");
  });
  await test.step("auto", async () => {
    await using group = await Group.open("--edits", "auto");
    const members = await three(group);
    await members[2].type("/edit Carol was here - 1");
    await Promise.all(members.map((node) => node.until(edited("committed"))));
    assertEquals(members[0].events.filter(isVoteWanted), []);
    await assertSameLogs(group, members, ...NAMES);
  });
});

Deno.test("edit: an unanswered vote aborts in time, and says who didn't answer", async () => {
  await using group = await Group.open("--vote-timeout", "1s");
  const [alice, bob] = await three(group);
  const fromMs = performance.now();
  await alice.type("/edit never - 2");
  const wanted = await bob.until(isVoteWanted);
  const { reason } = await alice.until(edited("aborted"));
  assert(performance.now() - fromMs < 3_000);
  assertMatch(reason, /Bob didn't answer in time/);
  await bob.until(edited("aborted"));
  await bob.type(`/go ${wanted.edit}`);
  await bob.until(isError("not-allowed"));
  assertEquals((await logOf(alice))[1], "2 Bob: by Bob");
});

Deno.test("edit: a vote by somebody not asked, twice, for another edit or late has no effect", async () => {
  await using group = await Group.open();
  const members = await three(group);
  const [alice, bob, carol] = members;
  await carol.type("/go");
  assertMatch((await carol.until(isError("not-allowed"))).text, /No edit waits for your vote/);
  await alice.type("/edit one - 2");
  const { edit } = await bob.until(isVoteWanted);
  await carol.type(`/go ${edit}`);
  await carol.untilCount(isError("not-allowed"), 2);
  await alice.type(`/go ${edit}`);
  await alice.until(isError("not-allowed"));
  await bob.type(`/go ${edit + 1}`);
  await bob.until(isError("not-allowed"));
  assertEquals(alice.events.filter(edited("committed")), []);
  await bob.type("/go");
  await bob.type("/abort");
  await Promise.all(members.map((node) => node.until(edited("committed", "one"))));
  await bob.untilCount(isError("not-allowed"), 2);
  await bob.type(`/abort ${edit}`);
  await bob.untilCount(isError("not-allowed"), 3);
  await assertSameLogs(group, members, ...NAMES);
});

Deno.test("edit: a locked entry refuses at once and names who edits it; others and chat go on", async () => {
  await using group = await Group.open();
  const members = await three(group);
  const [alice, bob, carol] = members;
  await alice.type("/edit by whom? - 2");
  const { edit } = await bob.until(isVoteWanted);
  const fromMs = performance.now();
  await carol.command({ command: "edit", text: "me too", n: 2, ref: "locked" });
  const refused = await carol.until(isError("entry-locked"));
  assert(performance.now() - fromMs < 1_000);
  assertEquals([refused.seq, refused.ref], [2, "locked"]);
  assertMatch(refused.text, /Alice/);
  await carol.type("/edit my own - 3");
  await carol.until(edited("committed", "my own"));
  await carol.say("chat goes on");
  await Promise.all(members.map((node) => node.until(shows("chat goes on"))));
  assertEquals(alice.events.filter(edited("committed", "by whom?")), []);
  await bob.type(`/go ${edit}`);
  await Promise.all(members.map((node) => node.until(edited("committed", "by whom?"))));
  await carol.type("/edit me too - 2");
  await bob.untilCount(isVoteWanted, 2);
  await bob.type("/go");
  await carol.until(edited("committed", "me too"));
  assertEquals((await assertSameLogs(group, members, ...NAMES))[1], "2 Bob: me too (2)");
});

Deno.test("edit: the number stands after the last ' - '; malformed ones are refused with the form", async () => {
  await using group = await Group.open();
  const alice = await group.start("Alice");
  await alice.say("one");
  await alice.say("two");
  await alice.until(shows("two"));

  await alice.type("/edit a - b - 2");
  await alice.until(edited("committed", "a - b"));
  const malformed = [
    "/edit",
    "/edit text",
    "/edit - 1",
    "/edit text -1",
    "/edit text - ",
    "/edit text - x",
    "/edit text - 0",
    "/edit text - -1",
    "/edit text - 1.5",
    "/edit text - 1e9 x",
  ];
  for (const [index, line] of malformed.entries()) {
    await alice.type(line);
    await alice.untilCount(isError("usage"), index + 1);
  }
  const refusals = alice.events.filter(isError("usage"));
  for (const { text } of refusals) assertMatch(text, /TEXT - N/);
  const given = refusals.map(({ seq }) => seq).filter((seq) => seq !== undefined);
  assertEquals(given, [1, 0, -1]);
  await alice.type("/edit text - 3");
  const missing = await alice.until(isError("no-such-entry"));
  assertEquals(missing.seq, 3);
  await alice.command({ command: "edit", text: "z".repeat(65_537), n: 1 });
  assertEquals((await alice.until(isError("too-long"))).seq, 1);
  assertEquals(await logOf(alice), ["1 Alice: one", "2 Alice: a - b (1)"]);
});

Deno.test("edit: text that looks like a command or a format string is text", async () => {
  await using group = await Group.open();
  const [alice, bob] = await group.startAll("Alice", "Bob") as [Node, Node];
  await alice.say("first");
  await bob.until(shows("first"));
  const texts = [
    ...AWKWARD,
    "/exit",
    "%s %d %n",
    "${HOME} `id`",
    "x - 1",
    "- 7",
    "z".repeat(65_536),
  ];
  for (const text of texts) {
    await alice.command({ command: "edit", text, n: 1 });
    await Promise.all([alice, bob].map((node) => node.until(edited("committed", text))));
  }
  const [line] = await assertSameLogs(group, [alice, bob], "Alice", "Bob");
  assertEquals(line, `1 Alice: ${texts.at(-1)} (${texts.length})`);
});

Deno.test("edit: a group of one; then who comes later has the text and its changes", async () => {
  await using group = await Group.open();
  const alice = await group.start("Alice");
  await alice.say("draft");
  await alice.until(shows("draft"));
  await alice.type("/edit final - 1");
  await alice.until(edited("committed", "final"));
  await alice.say("after");

  const bob = await group.start("Bob");
  await bob.until(shows("after"));
  const shown = bob.events.filter(({ event }) => event === "message" || event === "edit");
  assertEquals(shown.map(({ event, text, history }) => [event, text, history]), [
    ["message", "draft", true],
    ["edit", "final", true],
    ["message", "after", true],
  ]);
  assertEquals(await assertSameLogs(group, [alice, bob], "Alice", "Bob"), [
    "1 Alice: final (1)",
    "2 Alice: after",
  ]);
  await bob.type("/exit");
  await bob.ended();
  const again = await group.start("Bob");
  await again.until(shows("after"));
  assertEquals(await logOf(again), ["1 Alice: final (1)", "2 Alice: after"]);
});

Deno.test("edit: an author who isn't in the group can't be asked: aborted at once, with that reason", async () => {
  await using group = await Group.open();
  const [alice, bob, carol] = await three(group);
  await bob.type("/exit");
  await bob.ended();
  await Promise.all([alice, carol].map((node) => node.until(isView("Alice", "Carol"))));
  const fromMs = performance.now();
  await alice.type("/edit without Bob - 2");
  const { reason } = await alice.until(edited("aborted"));
  assert(performance.now() - fromMs < 2_000);
  assertMatch(reason, /its author, Bob, isn't in the group/);
  await alice.until(isStarted);
});

Deno.test("edit: asked for while the coordinator is down it waits, with a notice, and is done after", async () => {
  await using group = new Group();
  const server = await group.serve();
  const members = await three(group);
  const [alice] = members;
  await server.kill();
  await Promise.all(members.map((node) => node.until(coordinatorIs("down"))));
  await alice.type("/edit later - 1");
  await alice.until(({ event, text }) =>
    event === "notice" && /waits for the coordinator/.test(text)
  );
  await alice.say("chat goes on");
  await Promise.all(members.map((node) => node.until(shows("chat goes on"))));
  assertEquals(alice.events.filter(isStarted), []);
  await group.serve();
  await Promise.all(members.map((node) => node.until(edited("committed", "later"))));
  await assertSameLogs(group, members, ...NAMES);
});

Deno.test("edit: asked for while the coordinator is down it survives who joins at its return", async () => {
  await using group = new Group();
  const server = await group.serve();
  const members = await three(group);
  const [, bob] = members;
  await server.kill();
  await Promise.all(members.map((node) => node.until(coordinatorIs("down"))));
  await bob.type("/edit new - 2");
  await bob.until(({ event, text }) =>
    event === "notice" && /waits for the coordinator/.test(text)
  );
  const dave = group.launch("Dave");
  await dave.until(coordinatorIs("down"));
  await group.serve();
  const all = [...members, dave];
  await Promise.all(all.map((node) => node.until(edited("committed", "new"))));
  assertEquals(bob.events.filter(edited("aborted")), []);
});

Deno.test("edit: who joins or leaves while its author thinks interrupts nothing, and nobody is asked twice", async () => {
  await using group = await Group.open();
  const [alice, bob, carol] = await three(group);
  await alice.type("/edit with time - 2");
  await bob.until(isVoteWanted);
  const dave = await group.start("Dave");
  await bob.until(isView(...NAMES, "Dave"));
  await carol.type("/exit");
  await carol.ended();
  const left = [alice, bob, dave];
  await Promise.all(left.map((node) => node.until(isView("Alice", "Bob", "Dave"))));
  await bob.type("/go");
  await Promise.all(left.map((node) => node.until(edited("committed", "with time"))));
  assertEquals(bob.events.filter(isVoteWanted).length, 1);
  assertEquals(
    (await assertSameLogs(group, left, "Alice", "Bob", "Dave"))[1],
    "2 Bob: with time (1)",
  );
});

Deno.test("edit: the coordinator is killed while a vote is open: in doubt, then aborted; a late vote does nothing", async () => {
  await using group = new Group();
  const server = await group.serve();
  const members = await three(group);
  const [alice, bob] = members;
  await alice.type("/edit in between - 2");
  await bob.until(isVoteWanted);
  await server.kill();
  await alice.until(edited("in-doubt"));
  await bob.type("/go");
  await group.serve();
  const { reason } = await alice.until(edited("aborted", "in between"));
  // Who was asked and had not voted refuses by itself, or the coordinator presumes it when it is back.
  assertMatch(reason, /restarted|went away/);
  await bob.until(edited("aborted", "in between"));
  await alice.type("/edit once more - 2");
  await bob.until(isVoteWanted, undefined, bob.events.length - 1);
  await holds("the second vote is open", () => bob.events.filter(isVoteWanted).length === 2);
  await bob.type("/go");
  await Promise.all(members.map((node) => node.until(edited("committed", "once more"))));
  await assertSameLogs(group, members, ...NAMES);
});

Deno.test("edit: the requester is killed; what became of its edits is told when it is back", async () => {
  await using group = await Group.open("--vote-timeout", "5s");
  const [alice, bob, carol] = await three(group);
  await alice.type("/edit orphaned - 2");
  await alice.until(isStarted);
  await bob.until(isVoteWanted);
  await alice.kill();
  await bob.until(edited("aborted", "orphaned"));
  const again = await group.start("Alice");
  const { reason } = await again.until(edited("aborted", "orphaned"));
  assert(reason.length > 0);
  await Promise.all([bob, carol].map((node) => node.until(isView(...NAMES))));
  assertEquals((await assertSameLogs(group, [again, bob, carol], ...NAMES))[1], "2 Bob: by Bob");
});

Deno.test("edit: the one who is asked is killed: aborted; nothing stays locked", async () => {
  await using group = await Group.open();
  const [alice, bob, carol] = await three(group);
  await alice.type("/edit unanswered - 2");
  await bob.until(isVoteWanted);
  await bob.kill();
  await alice.until(edited("aborted", "unanswered"));
  const again = await group.start("Bob");
  await Promise.all([alice, carol].map((node) => node.until(isView(...NAMES), undefined, 0)));
  await again.type("/edit by Bob himself - 2");
  await again.until(edited("committed"));
  assertEquals(
    (await assertSameLogs(group, [alice, again, carol], ...NAMES))[1],
    "2 Bob: by Bob himself (1)",
  );
});

Deno.test("edit: all are killed at once with edits under way; each entry is the same everywhere", async () => {
  await using group = new Group();
  const server = await group.serve("--edits", "auto");
  const members = await three(group);
  for (let n = 0; n < 30; n++) await members[n % 3]!.type(`/edit change ${n} - ${1 + n % 3}`);
  await members[0].until(edited("committed"));
  await Promise.all([server, ...members].map((node) => node.kill()));
  const seen = members.flatMap((node) => node.events.filter(edited("committed"))).map(({ edit }) =>
    edit
  );
  await group.serve("--edits", "auto");
  const back = await Promise.all(NAMES.map((name) => group.start(name)));
  await Promise.all(back.map((node) => node.until(isView(...NAMES), 60_000)));
  await assertSameLogs(group, back, ...NAMES);
  await back[0]!.say("the end");
  await Promise.all(back.map((node) => node.until(shows("the end"))));
  const kept = new Set(back[1]!.events.filter(edited("committed")).map(({ edit }) => edit));
  for (const edit of seen) {
    assert(kept.has(edit), `edit ${edit} was shown as committed, and is lost`);
  }
  // Whoever was given a number is told.
  for (const [index, node] of members.entries()) {
    for (const { edit } of node.events.filter(isStarted)) {
      await holds(
        `${NAMES[index]} is told of edit ${edit}`,
        () =>
          [...node.events, ...back[index]!.events].some((event) =>
            event.event === "edit" && event.edit === edit && event.outcome !== "in-doubt"
          ),
      );
    }
  }
});

Deno.test("edit: fifty edits while the coordinator is killed at random: all told, all logs the same", async () => {
  await using group = new Group();
  let server = await group.serve("--edits", "auto");
  const members = await three(group);
  let seed = 7;
  const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  for (let n = 0; n < 50; n++) {
    const node = members[n % 3]!;
    await node.command({ command: "edit", text: `edit ${n}`, n: 1 + n % 3, ref: `edit ${n}` });
    if (random() < 0.15) {
      await new Promise((resolve) => setTimeout(resolve, 20 * random()));
      await server.kill();
      server = await group.serve("--edits", "auto");
    }
  }
  const isOver = (node: Node, ref: string) =>
    node.events.some((event) =>
      event.ref === ref &&
      (event.event === "error" || (event.event === "edit" && event.outcome !== "in-doubt"))
    );
  for (let n = 0; n < 50; n++) {
    await holds(`edit ${n} is over`, () => isOver(members[n % 3]!, `edit ${n}`));
  }
  const log = await assertSameLogs(group, members, ...NAMES);
  const committed = members[0].events.filter(edited("committed"));
  assert(committed.length > 0);
  for (const seq of [1, 2, 3]) {
    const last = committed.findLast((event) => event.seq === seq);
    const count = committed.filter((event) => event.seq === seq).length;
    if (last !== undefined) {
      assertEquals(log[seq - 1], `${seq} ${NAMES[seq - 1]}: ${last.text} (${count})`);
    }
  }
});

Deno.test("edit: the same entry at the same instant from all members: one wins, the others hear why", async () => {
  await using group = await Group.open("--edits", "auto");
  const members = await three(group);
  for (let round = 0; round < 10; round++) {
    const refs = members.map((_, index) => `${round} ${index}`);
    await Promise.all(
      members.map((node, index) =>
        node.command({
          command: "edit",
          text: `round ${round} by ${NAMES[index]}`,
          n: 1,
          ref: refs[index],
        })
      ),
    );
    await Promise.all(
      members.map((node, index) =>
        node.until((event) =>
          event.ref === refs[index] &&
          (event.event === "edit" || (event.event === "error" && event.code === "entry-locked"))
        )
      ),
    );
  }
  const log = await assertSameLogs(group, members, ...NAMES);
  assertMatch(log[0]!, /round 9/);
});

Deno.test("edit: piped lines are edited before the program leaves", async () => {
  await using group = await Group.open();
  const [alice, bob] = await group.startAll("Alice", "Bob") as [Node, Node];
  await bob.say("stays");
  await alice.say("typo");
  await Promise.all([alice, bob].map((node) => node.untilCount(isMessage, 2)));
  const seq = alice.events.find(shows("typo"))!.seq;
  await alice.type(`/edit fixed - ${seq}`);
  await alice.end();
  assertEquals((await alice.ended()).code, 0);
  await bob.until(edited("committed", "fixed"));
  await bob.until(isView("Bob"));
});

Deno.test("edit: a coordinator that makes up its author's consent gets it into no log, and all are told", async () => {
  await using group = new Group();
  const liar = group.nodes.add(Node.start(
    ["serve", "--host", "127.0.0.1", "--port", String(group.port)],
    { data: group.serverData, module: "liars/unasking_coordinator.ts" },
  ));
  await liar.until(({ event }) => event === "ready");
  const members = await three(group);
  const [alice, bob] = members;
  await bob.type("/edit I vote for the contract - 1");

  for (const node of members) {
    await node.until(({ event, text }) =>
      event === "notice" && /has decided on an edit that can't be: .*Alice/.test(text)
    );
  }
  await alice.until(({ event, text }) =>
    event === "notice" && /you agreed, and you didn't/.test(text)
  );
  const { problems } = await alice.ask("status");
  assertMatch((problems as readonly string[]).join(), /you agreed, and you didn't/);
  for (const node of members) assertEquals((await logOf(node))[0], "1 Alice: by Alice");
  await bob.say("chat goes on");
  await Promise.all(members.map((node) => node.until(shows("chat goes on"))));
  assertEquals((await verifiedLog(group.logPath("Carol"))).status, 0);
});
