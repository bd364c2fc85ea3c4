/** Members and the coordinator are killed, frozen and restarted under load. */

import { assert, assertEquals } from "@std/assert";
import {
  assertPrefix,
  coordinatorIs,
  entriesOf,
  isError,
  isIn,
  isMessage,
  isView,
  sharedGroup,
  shows,
} from "./group_world.ts";
import { BUSY_MS, holds, type Node, type ShownEvent } from "./node.ts";

const NAMES = ["Alice", "Bob", "Carol"] as const;
const shared = sharedGroup(NAMES);
/** The bound of G6, the default of `--fail-after`, and time for a view change. */
const PAUSE_MS_MAX = 3_000 + BUSY_MS;

/** Sends one text after the other until stopped. */
class Talk {
  said = 0;
  #isOver = false;
  readonly #done: Promise<void>;

  constructor(readonly node: Node, readonly name: string) {
    this.#done = this.#talk();
  }

  async stop(): Promise<number> {
    this.#isOver = true;
    await this.#done;
    return this.said;
  }

  async #talk(): Promise<void> {
    while (!this.#isOver) {
      await this.node.say(`${this.name} ${this.said}`).catch(() => this.#isOver = true);
      this.said++;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** What was shown of the entries after `seq`; a program that was started since has shown those before, too. */
function linesAfter(seq: number, node: Node): readonly string[] {
  return entriesOf(node).filter((entry) => entry.seq > seq)
    .map(({ from, text }) => `${from}: ${text}`);
}

/** The longest history shown after `seq`; checks that all others are prefixes of it. */
function shownByAll(seq: number, nodes: readonly Node[]): readonly string[] {
  let longest: readonly string[] = [];
  for (const node of nodes) {
    const lines = linesAfter(seq, node);
    assertPrefix(longest, lines);
    if (lines.length > longest.length) longest = lines;
  }
  return longest;
}

/** Checks that the texts of `name` after `seq` are in the log once, and in order. */
function assertOwnOrder(seq: number, node: Node, name: string): void {
  const numbers = linesAfter(seq, node).flatMap((line) =>
    line.startsWith(`${name}: ${name} `) ? [Number(line.split(" ")[2])] : []
  );
  assertEquals(numbers, numbers.map((_, at) => at));
}

Deno.test("group: a member is killed under load; the others go on, and it catches up", async (test) => {
  const { group, members, seq } = await shared();
  const nodes = new Map(members.map((node, at) => [NAMES[at]!, node]));
  const old: Node[] = [];
  // The sequencer, and one that isn't.
  for (const victim of ["Alice", "Carol"] as const) {
    await test.step(victim, async () => {
      const others = NAMES.filter((name) => name !== victim);
      const talks = NAMES.map((name) => new Talk(nodes.get(name)!, `${victim}-${name}`));
      await nodes.get(victim)!.until(isMessage);
      await holds("they talk", () => talks.every(({ said }) => said > 20));
      const from = others.map((name) => nodes.get(name)!.events.length);
      const killedMs = performance.now();
      await nodes.get(victim)!.kill();
      await Promise.all(
        others.map((name, at) => nodes.get(name)!.until(isView(...others), undefined, from[at])),
      );
      assert(performance.now() - killedMs < PAUSE_MS_MAX);
      await Promise.all(talks.map((talk) => talk.stop()));
      for (const name of others) {
        const text = `after ${victim}, ${name}`;
        await nodes.get(name)!.say(text);
        await Promise.all(others.map((other) => nodes.get(other)!.until(shows(text))));
      }

      old.push(nodes.get(victim)!);
      const again = await group.start(victim);
      nodes.set(victim, again);
      await again.until(shows(`after ${victim}, ${others[1]}`));
      await Promise.all(NAMES.map((name) => nodes.get(name)!.until(isView(...NAMES))));
    });
  }
  await nodes.get("Alice")!.say("the end");
  await Promise.all([...nodes.values()].map((node) => node.until(shows("the end"))));

  shownByAll(seq, [...old, ...nodes.values()]);
  await group.sameLogs(...NAMES);
  for (const name of NAMES) {
    for (const victim of NAMES) {
      const numbers = nodes.get(name)!.texts(victim).filter((text) => text.includes("-"));
      assertEquals(new Set(numbers).size, numbers.length);
    }
  }
});

Deno.test("group: the coordinator is killed under load: chat goes on, and it is found again", async () => {
  const { group, server, members, seq } = await shared();
  const talks = members.map((node, at) => new Talk(node, NAMES[at]!));
  await Promise.all(members.map((node) => node.untilCount(isMessage, 100)));

  await server.kill();
  await Promise.all(members.map((node) => node.until(coordinatorIs("down"), 5_000 + BUSY_MS)));
  const counts = members.map((node) => node.events.filter(isMessage).length);
  await Promise.all(
    members.map((node, at) => node.untilCount(isMessage, counts[at]! + 100)),
  );
  const from = members.map((node) => node.events.length);
  await group.serve();
  await Promise.all(
    members.map((node, at) => node.until(coordinatorIs("up"), undefined, from[at])),
  );
  const said = await Promise.all(talks.map((talk) => talk.stop()));
  const total = said.reduce((sum, count) => sum + count, 0);
  await Promise.all(members.map((node) => node.untilCount(isMessage, total)));

  const lines = linesAfter(seq, members[0]);
  assertEquals(lines.length, total);
  for (const [at, node] of members.entries()) {
    assertEquals(linesAfter(seq, node), lines);
    assertOwnOrder(seq, members[0], NAMES[at]!);
  }
  const dave = await group.start("Dave");
  await dave.untilCount(isMessage, total);
  await group.sameLogs(...NAMES, "Dave");
});

Deno.test("group: all are killed at once and started again: what anybody has shown is in every log", async () => {
  const { group, server, members, seq } = await shared();
  const talks = members.map((node, at) => new Talk(node, NAMES[at]!));
  await Promise.all(members.map((node) => node.untilCount(isMessage, 200)));

  await Promise.all([server, ...members].map((node) => node.kill()));
  await Promise.all(talks.map((talk) => talk.stop()));
  await group.serve();
  const again = await Promise.all(NAMES.map((name) => group.start(name)));
  await Promise.all(again.map((node) => node.until(isView(...NAMES))));
  await again[0]!.say("all back");
  await Promise.all(again.map((node) => node.until(shows("all back"))));

  // What was typed and was no entry yet is said again, and may still be coming.
  await holds("all have shown the same", () => {
    const shown = shownByAll(seq, [...members, ...again]);
    return again.every((node) => linesAfter(seq, node).length === shown.length);
  });
  await group.sameLogs(...NAMES);
  for (const name of NAMES) assertOwnOrder(seq, again[0]!, name);
});

Deno.test("group: with the coordinator down, a killed member pauses the chat until it is back; nothing is lost", async () => {
  const { group, server, members } = await shared();
  const [alice, bob, carol] = members;
  await server.kill();
  await Promise.all([alice, bob, carol].map((node) => node.until(coordinatorIs("down"))));
  await carol.kill();

  await alice.say("is anybody there?");
  const isAwaited = ({ event, text, warning }: ShownEvent) =>
    event === "notice" && warning === true && /Carol/.test(text) && /coordinator/.test(text);
  await alice.until(isAwaited);
  const status = await alice.ask("status");
  assertEquals([status.coordinator, status.unsent], ["down", 1]);
  assert(status.problems.length > 0);
  assert(!alice.texts().includes("is anybody there?"));

  const again = group.launch("Carol");
  await Promise.all([alice, bob, again].map((node) => node.until(shows("is anybody there?"))));
  await again.say("now I am");
  await Promise.all([alice, bob, again].map((node) => node.until(shows("now I am"))));
  await group.sameLogs(...NAMES);
});

Deno.test("group: a member that is stopped for 8 s delays the others 5 s at most, and catches up", async () => {
  const { group, members, seq } = await shared();
  const [alice, bob, carol] = members;
  await alice.say("before");
  await carol.until(shows("before"));

  carol.signal("SIGSTOP");
  const stoppedMs = performance.now();
  await alice.say("during");
  await bob.until(shows("during"));
  const delayMs = performance.now() - stoppedMs;
  await bob.until(isView("Alice", "Bob"));
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, 8_000 - delayMs)));
  carol.signal("SIGCONT");
  await carol.until(shows("during"));
  await carol.say("awake again");
  await Promise.all([alice, carol].map((node) => node.until(shows("awake again"))));

  assert(delayMs < 5_000 + BUSY_MS, `${delayMs} ms`);
  assertEquals(linesAfter(seq, carol), ["Alice: before", "Alice: during", "Carol: awake again"]);
  await group.sameLogs(...NAMES);
});

Deno.test("group: a coordinator that is stopped and wakes removes nobody", async () => {
  const { server, members } = await shared();
  const from = members.map((node) => node.events.length);

  server.signal("SIGSTOP");
  await members[0].until(coordinatorIs("down"));
  await members[0].say("still here");
  await Promise.all(members.map((node) => node.until(shows("still here"))));
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  server.signal("SIGCONT");
  await Promise.all(
    members.map((node, at) => node.until(coordinatorIs("up"), undefined, from[at])),
  );
  await members[1].say("and still");
  await Promise.all(members.map((node) => node.until(shows("and still"))));

  for (const [at, node] of members.entries()) {
    const views = node.events.slice(from[at]).filter(({ event }) => event === "view");
    assertEquals(views.filter(({ members }) => members.length < 3), []);
  }
  assertEquals(server.events.filter(({ event }) => event === "left"), []);
});

Deno.test("group: while the coordinator is down, joining waits and says so; then it goes on", async () => {
  const { group, server, members, seq } = await shared();
  const [alice] = members;
  await server.kill();
  await alice.until(coordinatorIs("down"));
  await alice.say("alone");
  await alice.until(shows("alone"));

  const dave = group.launch("Dave");
  await dave.until(({ event }) => event === "ready");
  await dave.until(({ event, state }) => event === "coordinator" && state === "down");
  await dave.say("let me in");
  await group.serve();
  await dave.until(isIn("Dave"));
  await Promise.all([alice, dave].map((node) => node.until(shows("let me in"))));

  assertEquals(linesAfter(seq, dave), ["Alice: alone", "Dave: let me in"]);
});

Deno.test("group: what was typed and isn't an entry at a kill is said at the next start, once", async () => {
  const { group, members, seq } = await shared();
  const [alice, bob] = members;
  bob.signal("SIGSTOP");
  await alice.say("kept");
  await holds("it is on disk", () => {
    const folder = group.logPath("Alice").replace(/log$/, "state");
    return Deno.readTextFileSync(folder).includes("kept");
  });
  await alice.kill();
  bob.signal("SIGCONT");

  const again = await group.start("Alice");
  await Promise.all([again, bob].map((node) => node.until(shows("kept"))));
  await again.say("more");
  await Promise.all([again, bob].map((node) => node.until(shows("more"))));

  assertEquals(bob.texts(), ["kept", "more"]);
  assertEquals(linesAfter(seq, again), ["Alice: kept", "Alice: more"]);
  assertEquals(again.events.filter(isError("protocol")), []);
});
