/** Who may write a log in an engine, what is in it, and what a crash or a stall leaves. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { FencedLog, LEADER_LEASE_MS } from "../../lib/engine/fenced_log.ts";
import type { Change, Outcome, SharedStore } from "../../lib/engine/shared_store.ts";
import { MemoryEngine, MemoryStore } from "../doubles/memory_store.ts";
import { VirtualClock } from "../runtime/virtual_clock.ts";

const PREFIX = "p2pchat/group/";

/** A store whose changes a test may stop. */
class TrialStore extends MemoryStore {
  /** How many changes are made before the program is as if killed; then nothing is answered any more. */
  changesLeft = Infinity;
  /** What a change is answered instead of being made. */
  answer: Outcome | null = null;
  /** Called before each change. */
  before: (change: Change) => void = () => {};

  override commit(change: Change): Promise<Outcome> {
    this.before(change);
    if (this.changesLeft-- <= 0) return new Promise(() => {});
    return this.answer === null ? super.commit(change) : Promise.resolve(this.answer);
  }
}

class World {
  readonly clock = new VirtualClock();
  readonly engine = new MemoryEngine(this.clock);
  readonly lost: string[] = [];

  store(): TrialStore {
    return new TrialStore(this.engine);
  }

  lead(leader: string, store: SharedStore = this.store(), clock = this.clock) {
    const lost = (error: P2pchatError) => this.lost.push(`${leader}: ${error.code}`);
    return FencedLog.lead({ store, prefix: PREFIX, clock, leader, lost });
  }

  async leads(leader: string, store?: SharedStore, clock?: VirtualClock): Promise<FencedLog> {
    const log = await this.lead(leader, store, clock);
    assert(log instanceof FencedLog, `${leader} leads`);
    return log;
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      this.clock.advance(100);
      await settled();
    }
  }

  /** Whoever leads is gone, without having given it up. */
  async goes(): Promise<void> {
    this.engine.end(this.engine.entries.get(`${PREFIX}leader`)!.lease!);
    await settled();
  }

  keys(): readonly string[] {
    return [...this.engine.entries.keys()].map((key) => key.slice(PREFIX.length)).toSorted();
  }
}

/** Lets all go on that waits for nothing else. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("FencedLog: one leads, who gives it up leaves all it wrote to the next", async () => {
  const world = new World();
  const one = await world.leads("one");
  assertEquals([one.takeLines(), one.bytes], [[], 0]);
  assertEquals(await world.lead("two"), { leader: "one" });
  await Promise.all([one.append(["a", "b"]), one.append(["c ☕"])]);
  await one.append(["d"]);
  assertEquals(world.keys(), ["leader", "log/0000000000", "log/0000000001"]);
  await one.close();

  const two = await world.leads("two");
  assertEquals(two.takeLines(), ["a", "b", "c ☕", "d"]);
  assertEquals(two.bytes, new TextEncoder().encode("a\nb\nc ☕\nd\n").length);
  assertEquals(world.lost, []);
});

Deno.test("FencedLog: who leads goes on for as long as the engine answers", async () => {
  const world = new World();
  const one = await world.leads("one");
  await world.pass(60_000);
  await one.append(["still"]);
  assertEquals([world.lost, await world.lead("two")], [[], { leader: "one" }]);
  await one.close();
});

Deno.test("FencedLog: who stood still writes nothing when it wakes, and says that another one may lead", async () => {
  const world = new World();
  const asleep = new VirtualClock();
  const one = await world.leads("one", world.store(), asleep);
  await one.append(["a"]);
  await world.pass(LEADER_LEASE_MS + 100);
  const two = await world.leads("two");
  await two.append(["b"]);

  // By its own clock no time has passed: the fence alone tells.
  const error = await assertRejects(() => one.append(["never"]), P2pchatError);
  assertEquals([error.code, world.lost], ["in-use", ["one: in-use"]]);
  await assertRejects(() => one.append(["never"]), P2pchatError);
  await two.append(["c"]);
  await two.close();
  assertEquals((await world.leads("three")).takeLines(), ["a", "b", "c"]);
});

Deno.test("FencedLog: who isn't answered gives up before another one may lead", async () => {
  const world = new World();
  const store = world.store();
  const one = await world.leads("one", store);
  store.renew = () => Promise.reject(new P2pchatError("unreachable", "no answer"));
  store.revoke = store.renew as unknown as typeof store.revoke;
  await world.pass(LEADER_LEASE_MS - 600);
  assertEquals(world.lost, []);
  await world.pass(200);
  assertEquals(world.lost, ["one: in-use"]);
  assertEquals(await world.lead("two"), { leader: "one" });
  await assertRejects(() => one.append(["a"]), P2pchatError);
});

Deno.test("FencedLog: who stood still knows when it is asked, before any timer, that another one may lead", async () => {
  const world = new World();
  let nowMs = 0;
  const clock = new VirtualClock();
  const awake = { nowMs: () => nowMs, at: clock.at.bind(clock) };
  const one = await world.leads("one", world.store(), awake as VirtualClock);
  nowMs = LEADER_LEASE_MS - 501;
  assertEquals([one.leads(), world.lost], [true, []]);
  nowMs = LEADER_LEASE_MS - 500;
  assertEquals([one.leads(), world.lost, one.leads()], [false, ["one: in-use"], false]);
});

Deno.test("FencedLog: a renewal that isn't answered doesn't hold up the next ones", async () => {
  const world = new World();
  const store = world.store();
  const one = await world.leads("one", store);
  const renew = store.renew.bind(store);
  let lost = 5;
  store.renew = (lease) => lost-- > 0 ? new Promise(() => {}) : renew(lease);
  await world.pass(60_000);
  assertEquals([one.leads(), world.lost], [true, []]);
  // Those that are answered are as rare as ever.
  const before = lost;
  await world.pass(15_000);
  assertEquals(before - lost, 10);
});

Deno.test("FencedLog: what isn't known to be written ends the lead", async () => {
  const world = new World();
  const store = world.store();
  const one = await world.leads("one", store);
  store.answer = { outcome: "unknown", text: "no answer" };
  const [first, second] = [one.append(["a"]), one.append(["b"])];
  for (const append of [first, second]) {
    const error = await assertRejects(() => append, P2pchatError);
    assertEquals(error.message, "Cannot write the log in the engine: no answer");
  }
  assertEquals(world.lost, ["one: disk"]);
});

Deno.test("FencedLog: who lost the lead while the engine doesn't answer has it closed at once", async () => {
  const world = new World();
  const store = world.store();
  const one = await world.leads("one", store);
  store.changesLeft = 0;
  const refused = [
    assertRejects(() => one.append(["a"]), P2pchatError),
    assertRejects(() => one.rewrite(["b"]), P2pchatError),
  ];
  await settled();
  await world.goes();
  await world.pass(LEADER_LEASE_MS);
  await Promise.all([one.close(), ...refused]);
  await assertRejects(() => one.rewrite(["b"]), P2pchatError);
  assertEquals(world.lost, ["one: in-use"]);
});

Deno.test("FencedLog: a compacted log has the new lines and what was appended since, and nothing is left of the old", async () => {
  const world = new World();
  const one = await world.leads("one");
  for (let n = 0; n < 200; n++) await one.append([`old ${n}`]);
  const long = "x".repeat(400_000);
  const before = one.append(["before"]);
  const rewriting = one.rewrite(["new", long, long]);
  await Promise.all([before, rewriting, one.append(["after"])]);
  await one.append(["later"]);
  await settled();
  assertEquals(world.keys().filter((key) => !key.startsWith("log/")), [
    "base/1/000000",
    "base/1/000001",
    "head",
    "leader",
  ]);
  const logged = one.rewrite(["newest"]);
  await logged;
  await one.close();

  const two = await world.leads("two");
  assertEquals(two.takeLines(), ["newest"]);
  assertEquals(world.keys(), ["base/2/000000", "head", "leader"]);
});

Deno.test("FencedLog: what is appended while a log is compacted is in it", async () => {
  const world = new World();
  const one = await world.leads("one");
  await one.append(["a"]);
  await Promise.all([
    one.rewrite(["A"]),
    settled().then(() => one.append(["b"])),
    one.append(["c"]),
  ]);
  await one.close();
  const lines = (await world.leads("two")).takeLines();
  assertEquals([lines[0], lines.slice(1).toSorted()], ["A", ["b", "c"]]);
});

Deno.test("FencedLog: what is appended while an earlier append is under way outlives a compaction", async () => {
  const world = new World();
  const one = await world.leads("one");
  const before = one.append(["a"]);
  const rewriting = one.rewrite(["A"]);
  const after = one.append(["b"]);
  await Promise.all([before, rewriting, after]);
  const length = one.bytes;
  await one.close();
  assertEquals([(await world.leads("two")).takeLines(), length], [["A", "b"], 4]);
});

Deno.test("FencedLog: a note goes with the next append, or a second later, or when the lead is given up", async () => {
  const world = new World();
  const one = await world.leads("one");
  const logKeys = () => world.keys().filter((key) => key.startsWith("log/")).length;
  one.note(["a"]);
  await settled();
  assertEquals(logKeys(), 0);
  await one.append(["b"]);
  assertEquals(logKeys(), 1);
  one.note(["c"]);
  await world.pass(1_000);
  assertEquals(logKeys(), 2);
  one.note(["d"]);
  await one.close();
  assertEquals((await world.leads("two")).takeLines(), ["a", "b", "c", "d"]);
});

Deno.test("FencedLog: who reads a log longer than its lease lasts goes on leading", async () => {
  const world = new World();
  const store = world.store();
  const read = store.read.bind(store);
  store.read = async (prefix) => {
    await new Promise<void>((resolve) => world.clock.at(world.clock.nowMs() + 8_000, resolve));
    return await read(prefix);
  };
  const leading = world.lead("one", store);
  await world.pass(20_000);
  assert(await leading instanceof FencedLog);
});

Deno.test("FencedLog: who loses the lead while it reads doesn't begin", async () => {
  const world = new World();
  const store = world.store();
  store.read = async (prefix) => {
    if (prefix.endsWith("base/")) await world.goes();
    return await new MemoryStore(world.engine).read(prefix);
  };
  const error = await assertRejects(() => world.lead("one", store), P2pchatError);
  assertEquals([error.code, world.lost], ["in-use", []]);
});

Deno.test("FencedLog: killed anywhere in a compaction, the next leader reads the old log or the new one, and tidies up", async () => {
  for (let changes = 0; changes < 9; changes++) {
    const world = new World();
    const store = world.store();
    const one = await world.leads("one", store);
    const old = Array.from({ length: 100 }, (_, n) => `old ${n}`);
    for (const line of old) await one.append([line]);
    store.changesLeft = changes;
    const long = "y".repeat(500_000);
    void one.rewrite([long, long, "new"]);
    await settled();
    await settled();
    await world.goes();

    const two = await world.leads("two");
    const lines = two.takeLines();
    const isOld = lines.length === old.length;
    assertEquals(lines, isOld ? old : [long, long, "new"], `after ${changes} changes`);
    await two.append(["more"]);
    await two.rewrite([...lines, "more"]);
    await two.close();
    const three = await world.leads("three");
    assertEquals(three.takeLines(), [...lines, "more"]);
    const parts = new Set(world.keys().map((key) => key.split("/").slice(0, 2).join("/")));
    assertEquals(
      [...parts].filter((part) => part.startsWith("base")).length,
      1,
      "one base is left",
    );
  }
});

Deno.test("FencedLog: what deletes an unfinished compaction takes nothing of the next one where it is held up", async () => {
  const world = new World();
  const killed = world.store();
  const one = await world.leads("one", killed);
  await one.append(["a"]);
  killed.changesLeft = 1;
  void one.rewrite(["A"]);
  await settled();
  await world.goes();

  const store = world.store();
  const deletes: Change[] = [];
  store.before = (change) => {
    if (change.deletes !== undefined) deletes.push(change);
  };
  const two = await world.leads("two", store);
  await settled();
  assertEquals(deletes.map(({ deletes }) => deletes), [[`${PREFIX}base/1/000000`]]);
  await two.rewrite(["A"]);
  for (const change of deletes) await world.store().commit(change);
  await two.close();
  assertEquals((await world.leads("three")).takeLines(), ["A"]);
});

Deno.test("FencedLog: who leads says so again where that was overwritten, and not where another one may lead", async () => {
  const world = new World();
  const one = await world.leads("one");
  const key = `${PREFIX}leader`;
  const put = (value: string) => world.engine.entries.set(key, { ...entry(), value, lease: null });
  const entry = () => world.engine.entries.get(key)!;
  const before = entry();
  put("garbage");
  assert(one.leadsBy(entry()));
  await one.restate();
  const { modified: _, ...again } = entry();
  const { modified: __, ...first } = before;
  assertEquals(again, first, "under its lease, since the same change");
  await one.append(["a"]);

  await world.store().commit({
    when: [{ key, modified: entry().modified }],
    puts: [],
    deletes: [key],
  });
  await world.store().commit({ when: [{ key, is: "absent" }], puts: [{ key, value: "garbage" }] });
  assert(!one.leadsBy(entry()), "though it doesn't know yet");
  const error = await assertRejects(() => one.restate(), P2pchatError);
  assertEquals([error.code, world.lost, entry().value], ["in-use", ["one: in-use"], "garbage"]);
});

Deno.test("FencedLog: a log of which something is missing is refused", async () => {
  const missing = ["log/0000000001", "base/1/000000", "head"];
  for (const key of missing) {
    const world = new World();
    const one = await world.leads("one");
    await one.append(["a"]);
    await one.rewrite(["A"]);
    for (const line of ["b", "c", "d"]) await one.append([line]);
    await one.close();
    const numbers = world.keys().filter((each) => each.startsWith("log/"));
    const gone = key.startsWith("log/") ? numbers[1]! : key;
    world.engine.entries.delete(PREFIX + gone);
    const error = await assertRejects(() => world.lead("two"), P2pchatError);
    assertEquals(error.code, "store-corrupt", gone);
    assert(error.message.startsWith(`Cannot use the log below ${PREFIX} of the engine: `));
  }
});

Deno.test("FencedLog: keys that nobody's program has put among its own make it unreadable at no time", async () => {
  for (
    const key of [
      "base/x/000000",
      "base/",
      "base/1e999/000000",
      "base/9007199254740992/x",
      "base/4503599627370496/x",
      "log/x",
    ]
  ) {
    const world = new World();
    world.engine.commit({ when: [], puts: [{ key: PREFIX + key, value: "x" }] });
    const one = await world.leads("one");
    await one.append(["a"]);
    await one.rewrite(["A"]);
    await one.rewrite(["B"]);
    await one.append(["b"]);
    await one.close();

    const two = await world.leads("two");

    assertEquals(two.takeLines(), ["B", "b"], key);
    await two.close();
  }
});

Deno.test("FencedLog: a head of numbers that can't be counted on is refused, and not written on", async () => {
  for (const [base, from] of [[Number.MAX_SAFE_INTEGER, 0], [0, Number.MAX_SAFE_INTEGER]]) {
    const world = new World();
    const value = JSON.stringify({ base, from, chunks: 0 });
    world.engine.commit({ when: [], puts: [{ key: `${PREFIX}head`, value }] });

    const error = await assertRejects(() => world.lead("one"), P2pchatError, "its head");

    assertEquals(error.code, "store-corrupt");
  }
});

Deno.test("FencedLog: a log of which a value is cut off, or stands at another's place, is refused", async () => {
  const damage = [
    (value: string) => value.slice(0, -1),
    (value: string) => value.replace(/ \d+\n/, " 99\n"),
    () => "garbage",
  ];
  for (const [at, damaged] of damage.entries()) {
    for (const kind of ["log/", "base/"]) {
      const world = new World();
      const one = await world.leads("one");
      await one.append(["a"]);
      await one.rewrite(["A"]);
      await one.append(["b"]);
      await one.close();
      const key = PREFIX + world.keys().find((each) => each.startsWith(kind))!;
      const entry = world.engine.entries.get(key)!;
      world.engine.entries.set(key, { ...entry, value: damaged(entry.value) });
      const error = await assertRejects(
        () => world.lead("two"),
        P2pchatError,
        "is damaged",
        `${at}`,
      );
      assertEquals(error.code, "store-corrupt");
    }
  }
});
