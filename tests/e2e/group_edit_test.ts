/** Edits in a group of built programs: requested, voted on, and committed everywhere or nowhere. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { AWKWARD } from "./awkward_texts.ts";
import {
  assertCalm,
  coordinatorIs,
  Group,
  isError,
  isView,
  sharedGroup,
  shows,
  verifiedLog,
} from "./group_world.ts";
import { BUSY_MS, holds, Node, type ShownEvent } from "./node.ts";

const NAMES = ["Alice", "Bob", "Carol"] as const;
const asUsual = sharedGroup(NAMES);
const auto = sharedGroup(NAMES, "--edits", "auto");

const edited = (outcome: string, text?: string) => (event: ShownEvent): boolean =>
  event.event === "edit" && event.outcome === outcome &&
  (text === undefined || event.text === text);
const isStarted = ({ event }: ShownEvent): boolean => event === "edit-started";
const isVoteWanted = ({ event }: ShownEvent): boolean => event === "vote-wanted";

/** A member of each name, and one message from each: entries `one`, `two` and `three`. */
async function three(shared = asUsual) {
  const { group, server, members } = await shared();
  const [one = 0, two = 0, three = 0] = await saidBy(members);
  return { group, server, members, one, two, three };
}

/** Each says something. @returns The numbers of their entries. */
async function saidBy(members: readonly Node[]): Promise<readonly number[]> {
  const numbers: number[] = [];
  for (const [index, node] of members.entries()) {
    await node.say(`by ${NAMES[index]}`);
    const shown = members.map((other) => other.until(shows(`by ${NAMES[index]}`)));
    numbers.push((await Promise.all(shown))[0]!.seq);
  }
  return numbers;
}

/** The log from an entry on, as a member shows it: `1 Alice: text (2)`, with the number of edits in parentheses. */
async function logOf(node: Node, from: number): Promise<readonly string[]> {
  const { entries } = await node.ask("log", { n: 1_000 });
  return (entries as readonly ShownEvent[]).filter(({ seq }) => seq >= from)
    .map(({ seq, from: author, text, edits }) =>
      `${seq - from + 1} ${author}: ${text}${edits === 0 ? "" : ` (${edits})`}`
    );
}

async function assertSameLogs(
  { group, one = 1 }: { readonly group: Group; readonly one?: number },
  nodes: readonly Node[],
  names: readonly string[] = NAMES,
) {
  await group.sameLogs(...names);
  // A file has an edit before its member has applied it, and after a restart edits from before may still be committed.
  let logs: readonly (readonly string[])[] = [];
  await holds(`the logs of ${names.join(", ")} read the same`, async () => {
    logs = await Promise.all(nodes.map((node) => logOf(node, one)));
    return new Set(logs.map((log) => log.join("\n"))).size === 1;
  });
  return logs[0]!;
}

Deno.test("edit: the author's own is asked of nobody, and reads so everywhere", async () => {
  const world = await three();
  const { server, members } = world;
  const [alice, bob] = members;

  await alice.command({
    command: "edit",
    text: "by Alice, corrected",
    n: world.one,
    ref: "mine",
  });
  const started = await alice.until(isStarted);
  assertEquals([started.seq, started.ref], [world.one, "mine"]);
  const told = await Promise.all(
    [...members, server].map((node) => node.until(edited("committed"))),
  );
  for (const { edit, seq, by, text } of told) {
    assertEquals([edit, seq, by, text], [
      started.edit,
      world.one,
      "Alice",
      "by Alice, corrected",
    ]);
  }
  assertEquals(told[0]!.ref, "mine");
  assertEquals(bob.events.filter(isVoteWanted), []);
  const log = await assertSameLogs(world, members);
  assertEquals(log, ["1 Alice: by Alice, corrected (1)", "2 Bob: by Bob", "3 Carol: by Carol"]);
  assertCalm(server, ...members);
});

Deno.test("edit: of somebody else's entry its author is asked, who says yes, then no", async () => {
  const world = await three();
  const { members } = world;
  const [alice, bob, carol] = members;

  await alice.type(`/edit nicer - ${world.two}`);
  const started = await alice.until(isStarted);
  assertEquals(started.awaited, ["Bob"]);
  const wanted = await bob.until(isVoteWanted);
  assertEquals(
    [wanted.edit, wanted.seq, wanted.by, wanted.old, wanted.new],
    [started.edit, world.two, "Alice", "by Bob", "nicer"],
  );
  assert(Date.parse(wanted.deadline) > Date.parse(wanted.at) + 20_000);
  await bob.type("/go");
  await Promise.all(members.map((node) => node.until(edited("committed", "nicer"))));

  await carol.type(`/edit worse - ${world.two}`);
  const again = await bob.until(isVoteWanted, undefined, bob.events.indexOf(wanted) + 1);
  assertEquals([again.old, again.new, again.by], ["nicer", "worse", "Carol"]);
  await bob.type(`/abort ${again.edit}`);
  for (const node of [carol, bob]) {
    const { seq, reason } = await node.until(edited("aborted", "worse"));
    assertEquals(seq, world.two);
    assertMatch(reason, node === bob ? /you said no/ : /Bob said no/);
  }
  assertEquals(alice.events.filter(edited("aborted")), [], "it is no affair of Alice's");
  assertEquals((await assertSameLogs(world, members))[1], "2 Bob: nicer (1)");
  await carol.type(`/entry ${world.two}`);
  const entry = await carol.until(({ event }) => event === "entry");
  assertEquals([entry.seq, entry.from, entry.text], [world.two, "Bob", "nicer"]);
  const [change, ...more] = entry.edits;
  assertEquals([change.by, change.old, change.new, change.agreed], ["Alice", "by Bob", "nicer", [
    "Bob",
  ]]);
  assertEquals(more, []);
});

Deno.test("edit: a vote by somebody not asked, twice, for another edit or late has no effect", async () => {
  const world = await three();
  const { members } = world;
  const [alice, bob, carol] = members;
  await carol.type("/go");
  assertMatch((await carol.until(isError("not-allowed"))).text, /No edit waits for your vote/);
  await alice.type(`/edit one - ${world.two}`);
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
  await assertSameLogs(world, members);
});

Deno.test("edit: a locked entry refuses at once and names who edits it; others and chat go on", async () => {
  const world = await three();
  const { members } = world;
  const [alice, bob, carol] = members;
  await alice.type(`/edit by whom? - ${world.two}`);
  const { edit } = await bob.until(isVoteWanted);
  await carol.command({ command: "edit", text: "me too", n: world.two, ref: "locked" });
  const refused = await carol.until(isError("entry-locked"));
  assertEquals([refused.seq, refused.ref], [world.two, "locked"]);
  assertMatch(refused.text, /Alice/);
  await carol.type(`/edit my own - ${world.three}`);
  await carol.until(edited("committed", "my own"));
  await carol.say("chat goes on");
  await Promise.all(members.map((node) => node.until(shows("chat goes on"))));
  assertEquals(alice.events.filter(edited("committed", "by whom?")), []);
  await bob.type(`/go ${edit}`);
  await Promise.all(members.map((node) => node.until(edited("committed", "by whom?"))));
  await carol.type(`/edit me too - ${world.two}`);
  await bob.untilCount(isVoteWanted, 2);
  await bob.type("/go");
  await carol.until(edited("committed", "me too"));
  assertEquals((await assertSameLogs(world, members))[1], "2 Bob: me too (2)");
});

Deno.test("edit: an author who isn't in the group can't be asked: aborted at once, with that reason", async () => {
  const world = await three();
  const [alice, bob, carol] = world.members;
  await bob.type("/exit");
  await bob.ended();
  await Promise.all([alice, carol].map((node) => node.until(isView("Alice", "Carol"))));
  const fromMs = performance.now();
  await alice.type(`/edit without Bob - ${world.two}`);
  const { reason } = await alice.until(edited("aborted"));
  // Nobody waited for the votes that are asked for otherwise, 30 s.
  assert(performance.now() - fromMs < BUSY_MS);
  assertMatch(reason, /its author, Bob, isn't in the group/);
  await alice.until(isStarted);
});

Deno.test("edit: asked for while the coordinator is down it waits, with a notice, and is done after", async () => {
  const world = await three();
  const { group, server, members } = world;
  const [alice, bob] = members;
  await server.kill();
  await Promise.all(members.map((node) => node.until(coordinatorIs("down"))));
  await alice.type(`/edit later - ${world.one}`);
  await bob.type(`/edit later, too - ${world.two}`);
  for (const node of [alice, bob]) {
    await node.until(({ event, text }) =>
      event === "notice" && /waits for the coordinator/.test(text)
    );
  }
  await alice.say("chat goes on");
  await Promise.all(members.map((node) => node.until(shows("chat goes on"))));
  assertEquals(alice.events.filter(isStarted), []);
  // Who joins at its return changes the view in which they are asked for.
  const dave = group.launch("Dave");
  await dave.until(coordinatorIs("down"));
  await group.serve();
  for (const text of ["later", "later, too"]) {
    await Promise.all([...members, dave].map((node) => node.until(edited("committed", text))));
  }
  assertEquals(members.flatMap(({ events }) => events.filter(edited("aborted"))), []);
  await assertSameLogs(world, members);
});

Deno.test("edit: who joins or leaves while its author thinks interrupts nothing, and nobody is asked twice", async () => {
  const world = await three();
  const [alice, bob, carol] = world.members;
  await alice.type(`/edit with time - ${world.two}`);
  await bob.until(isVoteWanted);
  const dave = await world.group.start("Dave");
  await bob.until(isView(...NAMES, "Dave"));
  await carol.type("/exit");
  await carol.ended();
  const left = [alice, bob, dave];
  await Promise.all(left.map((node) => node.until(isView("Alice", "Bob", "Dave"))));
  await bob.type("/go");
  await Promise.all(left.map((node) => node.until(edited("committed", "with time"))));
  assertEquals(bob.events.filter(isVoteWanted).length, 1);
  assertEquals(
    (await assertSameLogs(world, left, ["Alice", "Bob", "Dave"]))[1],
    "2 Bob: with time (1)",
  );
});

Deno.test("edit: the coordinator is killed while a vote is open: in doubt, then aborted; a late vote does nothing", async () => {
  const world = await three();
  const { members } = world;
  const [alice, bob] = members;
  await alice.type(`/edit in between - ${world.two}`);
  await bob.until(isVoteWanted);
  await world.server.kill();
  await alice.until(edited("in-doubt"));
  await bob.type("/go");
  await world.group.serve();
  const { reason } = await alice.until(edited("aborted", "in between"));
  // Who was asked and had not voted refuses by itself, or the coordinator presumes it when it is back.
  assertMatch(reason, /restarted|went away/);
  await bob.until(edited("aborted", "in between"));
  await alice.type(`/edit once more - ${world.two}`);
  await bob.untilCount(isVoteWanted, 2);
  await bob.type("/go");
  await Promise.all(members.map((node) => node.until(edited("committed", "once more"))));
  await assertSameLogs(world, members);
});

Deno.test("edit: the requester is killed; what became of its edits is told when it is back", async () => {
  const world = await three();
  const [alice, bob, carol] = world.members;
  await alice.type(`/edit orphaned - ${world.two}`);
  await alice.until(isStarted);
  await bob.until(isVoteWanted);
  await alice.kill();
  await bob.until(edited("aborted", "orphaned"));
  const again = await world.group.start("Alice");
  const { reason } = await again.until(edited("aborted", "orphaned"));
  assert(reason.length > 0);
  await Promise.all([bob, carol].map((node) => node.until(isView(...NAMES))));
  assertEquals((await assertSameLogs(world, [again, bob, carol]))[1], "2 Bob: by Bob");
});

Deno.test("edit: the one who is asked is killed: aborted; nothing stays locked", async () => {
  const world = await three();
  const [alice, bob, carol] = world.members;
  await alice.type(`/edit unanswered - ${world.two}`);
  await bob.until(isVoteWanted);
  await bob.kill();
  await alice.until(edited("aborted", "unanswered"));
  const again = await world.group.start("Bob");
  await Promise.all([alice, carol].map((node) => node.until(isView(...NAMES), undefined, 0)));
  await again.type(`/edit by Bob himself - ${world.two}`);
  await again.until(edited("committed", "by Bob himself"));
  assertEquals(
    (await assertSameLogs(world, [alice, again, carol]))[1],
    "2 Bob: by Bob himself (1)",
  );
});

Deno.test("edit: piped lines are edited before the program leaves", async () => {
  const world = await three();
  const [alice, bob] = world.members;
  await alice.type(`/edit fixed - ${world.one}`);
  assertEquals((await alice.quit()).code, 0);
  await bob.until(edited("committed", "fixed"));
  await bob.until(isView("Bob", "Carol"));
});

Deno.test("edit: the number stands after the last ' - ', and is that of an entry", async () => {
  const world = await three();
  const [alice] = world.members;
  await alice.type(`/edit a - b - ${world.one}`);
  await alice.until(edited("committed", "a - b"));
  await alice.type(`/edit text - ${world.three + 1}`);
  const missing = await alice.until(isError("no-such-entry"));
  assertEquals(missing.seq, world.three + 1);
  assertEquals((await logOf(alice, world.one))[0], "1 Alice: a - b (1)");
});

Deno.test("edit: text that looks like a command or a format string is text", async () => {
  const world = await three();
  const { members } = world;
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
    await members[0].command({ command: "edit", text, n: world.one });
    await Promise.all(members.map((node) => node.until(edited("committed", text))));
  }
  const [line] = await assertSameLogs(world, members);
  assertEquals(line, `1 Alice: ${texts.at(-1)} (${texts.length})`);
});

Deno.test("edit: an unanswered vote aborts in time, and says who didn't answer", async () => {
  // The coordinator is another one from here on.
  const { server } = await three();
  await server.type("/exit");
  await server.ended();
  const world = await three(() => asUsual("--vote-timeout", "1s"));
  const [alice, bob] = world.members;
  const fromMs = performance.now();
  await alice.type(`/edit never - ${world.two}`);
  const wanted = await bob.until(isVoteWanted);
  const { reason } = await alice.until(edited("aborted"));
  // By default they are waited for 30 s.
  assert(performance.now() - fromMs < BUSY_MS);
  assertMatch(reason, /Bob didn't answer in time/);
  await bob.until(edited("aborted"));
  await bob.type(`/go ${wanted.edit}`);
  await bob.until(isError("not-allowed"));
  assertEquals((await logOf(alice, world.one))[1], "2 Bob: by Bob");
});

Deno.test("edit: with --edits auto nobody is asked", async () => {
  const world = await three(auto);
  const { members } = world;
  await members[2].type(`/edit Carol was here - ${world.one}`);
  await Promise.all(members.map((node) => node.until(edited("committed"))));
  assertEquals(members[0].events.filter(isVoteWanted), []);
  await assertSameLogs(world, members);
});

Deno.test("edit: the same entry at the same instant from all members: one wins, the others hear why", async () => {
  const world = await three(auto);
  const { members } = world;
  for (let round = 0; round < 10; round++) {
    const refs = members.map((_, index) => `${round} ${index}`);
    await Promise.all(
      members.map((node, index) =>
        node.command({
          command: "edit",
          text: `round ${round} by ${NAMES[index]}`,
          n: world.one,
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
    // Until it is an entry everywhere, it locks the entry there.
    const won = (event: ShownEvent) =>
      edited("committed")(event) && event.text.startsWith(`round ${round} by `);
    await Promise.all(members.map((node) => node.until(won)));
  }
  const log = await assertSameLogs(world, members);
  assertMatch(log[0]!, /round 9/);
});

Deno.test("edit: all are killed at once with edits under way; each entry is the same everywhere", async () => {
  const world = await three(auto);
  const { group, server, members } = world;
  for (let n = 0; n < 30; n++) {
    await members[n % 3]!.type(
      `/edit change ${n} - ${world.one + n % 3}`,
    );
  }
  await members[0].until(edited("committed"));
  await Promise.all([server, ...members].map((node) => node.kill()));
  const seen = members.flatMap((node) => node.events.filter(edited("committed"))).map((
    { edit },
  ) => edit);
  await group.serve("--edits", "auto");
  const back = await Promise.all(NAMES.map((name) => group.start(name)));
  await Promise.all(back.map((node) => node.until(isView(...NAMES), 60_000)));
  await assertSameLogs(world, back);
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

Deno.test("edit: a group of one; then who comes later has the text and its changes", async () => {
  await using group = await Group.open();
  const alice = await group.start("Alice");
  await alice.say("draft");
  await alice.until(shows("draft"));
  await alice.type("/edit final - 1");
  await alice.until(edited("committed", "final"));
  await alice.say("after");
  await alice.until(shows("after"));

  const bob = await group.start("Bob");
  await bob.until(shows("after"));
  const shown = bob.events.filter(({ event }) => event === "message" || event === "edit");
  assertEquals(shown.map(({ event, text, history }) => [event, text, history]), [
    ["message", "draft", true],
    ["edit", "final", true],
    ["message", "after", true],
  ]);
  assertEquals(await assertSameLogs({ group }, [alice, bob], ["Alice", "Bob"]), [
    "1 Alice: final (1)",
    "2 Alice: after",
  ]);
  await bob.type("/exit");
  await bob.ended();
  const again = await group.start("Bob");
  await again.until(shows("after"));
  assertEquals(await logOf(again, 1), ["1 Alice: final (1)", "2 Alice: after"]);
});

Deno.test("edit: a coordinator that makes up its author's consent gets it into no log, and all are told", async () => {
  await using group = new Group();
  const liar = group.nodes.add(Node.start(
    ["serve", "--host", "127.0.0.1", "--port", String(group.port)],
    { data: group.serverData, module: "liars/unasking_coordinator.ts" },
  ));
  await liar.until(({ event }) => event === "ready");
  const members = await group.startAll(...NAMES) as [Node, Node, Node];
  await saidBy(members);
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
  for (const node of members) assertEquals((await logOf(node, 1))[0], "1 Alice: by Alice");
  await bob.say("chat goes on");
  await Promise.all(members.map((node) => node.until(shows("chat goes on"))));
  assertEquals((await verifiedLog(group.logPath("Carol"))).status, 0);
});
