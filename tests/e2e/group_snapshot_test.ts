/** Global states and snapshots of a group, as its operator sees them. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { failureOf, outputOf } from "./failures.ts";
import { Group, isView, sharedGroup } from "./group_world.ts";
import { BUSY_MS, holds, type Node, type ShownEvent } from "./node.ts";

const MEMBERS = ["Alice", "Bob", "Carol"] as const;
/** Who stands still for a moment isn't given up. */
const shared = sharedGroup(MEMBERS, "--fail-after", "20s");
const SNAPSHOTS = 10;
/** How many texts a member sends before it waits until half of them are shown. */
const BURST = 100;

/** Sends bursts until `isOver`, as fast as the program takes them. @returns How many texts were sent. */
async function talk(node: Node, name: string, isOver: () => boolean): Promise<number> {
  let said = 0;
  while (!isOver()) {
    for (let n = 0; n < BURST; n++) await node.say(`${name} ${++said}`);
    const half = `${name} ${said - BURST / 2}`;
    await node.until(({ event, text }) => event === "message" && text === half);
  }
  return said;
}

const isSnapshot = ({ event }: ShownEvent) => event === "snapshot";

Deno.test(`group: ${SNAPSHOTS} snapshots under load are consistent, and their files say why`, async () => {
  const { group, server, members } = await shared();
  let isOver = false;
  const talking = members.map((node, at) => talk(node, MEMBERS[at]!, () => isOver));

  const snapshots: ShownEvent[] = [];
  for (let n = 0; n < SNAPSHOTS; n++) snapshots.push(await server.ask("snapshot"));
  isOver = true;
  await Promise.all(talking);

  for (const snapshot of snapshots) {
    assertEquals([snapshot.event, snapshot.consistent], ["snapshot", true], snapshot.text);
    assertEquals(snapshot.members.map(({ name }: ShownEvent) => name), [
      ...MEMBERS,
      "*coordinator*",
    ]);
    assertEquals(snapshot.channels.length, 12);
    assert(snapshot.file.startsWith(`${group.serverData}/serve/snapshots/`), snapshot.file);
  }
  const flying = snapshots.filter(({ channels }) =>
    channels.some(({ messages }: { messages: unknown[] }) => messages.length > 0)
  );
  assert(flying.length > 0, "something was under way in one of them");
  await namesEntries(members[0], flying.at(-1)!);
  for (const { file } of [snapshots[0]!, flying.at(-1)!]) {
    const { status, stdout, stderr } = await outputOf(["snapshot", "verify", file, "--json"]);
    assertEquals([status, stderr], [0, ""]);
    const [verified] = stdout.split("\n").map((line) => line === "" ? null : JSON.parse(line));
    assertEquals([verified.event, verified.consistent], ["snapshot-verified", true]);
  }
});

/** Checks that the messages in flight between members in this snapshot became entries later. */
async function namesEntries(member: Node, { channels }: ShownEvent): Promise<void> {
  const ids = new Set<string>();
  for (const { messages } of channels) for (const { id } of messages) ids.add(id);
  await holds("all that was under way is an entry", () => {
    const shown = new Set(member.events.map(({ id }) => id));
    return [...ids].every((id) => shown.has(id));
  });
}

Deno.test("group: a snapshot's file that somebody changed is found out", async () => {
  const { group, server } = await shared();
  const { file } = await server.ask("snapshot");
  const text = await Deno.readTextFile(file);
  const changed = `${group.folder}/changed.txt`;

  const inWords = await outputOf(["snapshot", "verify", file]);
  assertEquals([inWords.status, inWords.stderr], [0, ""]);
  assertMatch(inWords.stdout, /: a consistent state of view \d+ \(Alice, Bob, Carol\), of 20\d\d-/);

  await Deno.writeTextFile(changed, text.replace(/^view\t\d+/m, "view\t999"));
  const sum = await failureOf(["snapshot", "verify", changed], `${group.folder}/data`);
  assertEquals([sum.code, sum.status], ["store-corrupt", 5]);
  assertMatch(sum.text, /its checksum doesn't fit/);
  const none = await outputOf(["snapshot", "verify", `${changed}.none`]);
  assertEquals([none.status, none.stdout], [5, ""]);
  assertStringIncludes(none.stderr, `${changed}.none`);
  const log = await failureOf(
    ["snapshot", "verify", group.logPath("Alice")],
    `${group.folder}/data`,
  );
  assertEquals([log.code, log.status], ["bad-file", 5]);
});

Deno.test("group: --snapshot-every takes one so often; /snapshots lists them, after a restart too", async () => {
  await using group = new Group();
  const server = await group.serve("--snapshot-every", "200ms");
  await group.start("Alice");
  await server.untilCount(isSnapshot, 3);
  await server.type("/exit");
  await server.ended();

  const again = await group.serve();
  const { snapshots } = await again.ask("snapshots");

  const shown = server.events.filter(isSnapshot);
  assertEquals(shown.map(({ scheduled }) => scheduled), shown.map(() => true));
  assertEquals(
    snapshots.map(({ id, file, consistent }: ShownEvent) => [id, file, consistent]),
    shown.map(({ id, file }) => [id, file, true]),
  );
  assertEquals(snapshots[0].members.slice(0, 1), ["Alice"]);
  await Deno.writeTextFile(snapshots[0].file, "nothing\n");
  const { snapshots: checked } = await again.ask("snapshots");
  assertEquals(checked[0].consistent, null);
});

Deno.test("group: /states shows what all share, when it came, and who lags", async () => {
  const { server, members, seq } = await shared();
  const [alice, , carol] = members;
  await alice.say("one");
  await alice.say("two");
  await server.until(({ event, seq: last }) => event === "consistent" && last === seq + 2);

  const states = await server.ask("states", { n: seq + 2 });

  const { digest } = await alice.ask("log", { digest: true });
  assertEquals(states.consistent, { seq: seq + 2, digest });
  for (const member of states.members) {
    assertEquals([member.seq, member.digest, member.locks], [seq + 2, digest, []]);
    assert(member.lagMs < BUSY_MS, `${member.name} lags ${member.lagMs} ms`);
  }
  assertEquals(states.members.map(({ name }: ShownEvent) => name), MEMBERS);
  assertEquals(states.arrivals.seq, seq + 2);
  assert(Date.parse(states.arrivals.first) > 0);
  for (const { has, afterMs } of states.arrivals.members) {
    assert(has && afterMs < BUSY_MS, `${afterMs} ms`);
  }

  carol.signal("SIGSTOP");
  await holds("Carol lags", async () => {
    const { members } = await server.ask("states");
    return members[2].lagMs > 2_000 && members[0].lagMs < 1_000;
  });
  carol.signal("SIGCONT");
  await holds("Carol lags no more", async () => {
    const { members } = await server.ask("states");
    return members[2].lagMs < 1_000;
  });
});

Deno.test("group: a snapshot that meets a member's end is taken again without it", async () => {
  await using group = new Group();
  const server = await group.serve();
  const members = await group.startAll(...MEMBERS) as Node[];

  members[1]!.signal("SIGSTOP");
  const asked = server.ask("snapshot");
  await members[1]!.kill();
  const snapshot = await asked;

  assertEquals(snapshot.members.map(({ name }: ShownEvent) => name), [
    "Alice",
    "Carol",
    "*coordinator*",
  ]);
  assertEquals(snapshot.consistent, true);
  await members[0]!.until(isView("Alice", "Carol"));
});
