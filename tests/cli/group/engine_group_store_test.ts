/** What a coordinator keeps in an engine, and what becomes of it when another instance leads. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { EngineGroupStore, secretsIn } from "../../../lib/cli/group/engine_group_store.ts";
import { FencedLog } from "../../../lib/engine/fenced_log.ts";
import type { Change } from "../../../lib/engine/shared_store.ts";
import { groupChannelSecret } from "../../../lib/protocols/group/schema/group_secrets.ts";
import type { NewLogRecord } from "../../../lib/protocols/group/schema/records.ts";
import { recordStoreContract } from "../../contracts/record_store_contract.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { MemoryEngine, MemoryStore } from "../../doubles/memory_store.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";
import { editedEntries, endOf, FOUNDING, portsOf } from "../group_logs.ts";
import { fetched, openCoordinatorAt } from "../group_stores.ts";

const PREFIX = "p2pchat/group/g/";
const ALL = editedEntries();
const ANEW: NewLogRecord = { kind: "new-log", founding: FOUNDING, because: null };

class World {
  readonly clock = new VirtualClock();
  readonly engine = new MemoryEngine(this.clock);
  readonly store = new MemoryStore(this.engine);
  #leaders = 0;

  /** Another instance leads, on a disk of its own. */
  async open(disk = new MemoryDisk()): Promise<EngineGroupStore> {
    await disk.makeFolder("/p");
    const { store, clock } = this;
    const leader = `${++this.#leaders}`;
    const fenced = await FencedLog.lead({ store, prefix: PREFIX, clock, leader, lost: () => {} });
    assert(fenced instanceof FencedLog);
    const ports = { ...portsOf(disk), store, prefix: PREFIX, fenced, copy: "/p/engine-log" };
    return await EngineGroupStore.open(ports);
  }

  /** Whoever leads is gone, without having given it up. */
  goes(): void {
    this.engine.end(this.engine.entries.get(`${PREFIX}leader`)!.lease!);
  }

  keys(below: string): readonly string[] {
    return [...this.engine.entries.keys()].filter((key) => key.startsWith(PREFIX + below))
      .map((key) => key.slice(PREFIX.length)).toSorted();
  }
}

recordStoreContract("EngineGroupStore", async (test) => {
  const world = new World();
  const disk = new MemoryDisk();
  await test(async () => {
    const store = await world.open(disk);
    return { store, log: store.log, history: store.log.end };
  });
});

recordStoreContract("the coordinator's files", async (test) => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  await test(() => openCoordinatorAt(disk, "/p/serve"));
});

Deno.test("EngineGroupStore: another instance has all that one wrote, on a disk of its own", async () => {
  const world = new World();
  const one = await world.open();
  await one.append([{ kind: "number", number: 5 }, ANEW, ...fetched(ALL)], true);
  await one.pin("Ann", "a".repeat(64) as PeerKey);
  await one.rewrite([{ kind: "number", number: 6 }]);
  world.goes();

  const two = await world.open();
  assertEquals(two.records, [{ kind: "number", number: 6 }]);
  assertEquals(two.log.end?.point, endOf(ALL).point);
  assertEquals([...two.pins], [["ann", fingerprintOf("a".repeat(64) as PeerKey)]]);
  // The one before doesn't know yet, and changes nothing any more.
  for (const record of [{ kind: "number", number: 7 } as const, ...fetched(ALL.slice(0, 1))]) {
    const error = await assertRejects(() => one.append([record], true), P2pchatError);
    assertEquals(error.code, "in-use");
  }
  await two.close();
  const three = await world.open();
  assertEquals([three.records, three.log.end?.point], [two.records, endOf(ALL).point]);
});

Deno.test("EngineGroupStore: nothing is left of a log that was replaced, or given up", async () => {
  const world = new World();
  const one = await world.open();
  await one.append([ANEW], true);
  for (const record of fetched(ALL)) await one.append([record], true);
  assertEquals(world.keys("escrow/").length, 1 + ALL.length + 1);
  await one.append([{ ...ANEW, because: "unlike" }], true);
  assertEquals(world.keys("escrow/"), ["escrow/2/00000000", "escrow/head"]);
  await one.clear();
  assertEquals([world.keys("escrow/"), world.keys("base/"), one.records], [
    ["escrow/head"],
    [],
    [],
  ]);
  await one.append([ANEW, ...fetched(ALL)], true);
  await one.close();
  const two = await world.open();
  assertEquals(two.log.end?.point, endOf(ALL).point);
});

Deno.test("EngineGroupStore: what a node had held up is no part of a log that was given up, or of the next one", async () => {
  const world = new World();
  const one = await world.open();
  const changes: Change[] = [];
  const { store } = world;
  const commit = store.commit.bind(store);
  store.commit = (change) => {
    if (change.puts.some(({ key }) => key.startsWith(`${PREFIX}escrow/`))) changes.push(change);
    return commit(change);
  };
  const isLate = () => changes.map((change) => world.engine.commit(change).outcome);
  await one.append([ANEW, ...fetched(ALL)], true);
  assertEquals(changes.length, 2);
  await one.clear();
  assertEquals(isLate(), ["conflict", "conflict", "conflict"]);
  assertEquals(world.keys("escrow/"), ["escrow/head"]);
  world.goes();
  assertEquals((await world.open()).log.end, null);

  world.goes();
  const two = await world.open();
  changes.length = 0;
  await two.append([ANEW], true);
  await two.append([{ ...ANEW, because: "unlike" }, ...fetched(ALL)], true);
  assertEquals(isLate(), ["conflict", "conflict", "conflict"]);
  world.goes();
  assertEquals((await world.open()).log.end?.point, endOf(ALL).point);
});

Deno.test("EngineGroupStore: who leads no more keeps nothing of what was handed over", async () => {
  const world = new World();
  const disk = new MemoryDisk();
  const one = await world.open(disk);
  await one.append([ANEW, ...fetched(ALL)], true);
  assertEquals((await disk.list("/p")).includes("engine-log"), true);
  world.goes();
  await one.close();
  assertEquals((await disk.list("/p")).filter((name) => !name.endsWith(".lock")), []);
});

Deno.test("EngineGroupStore: those that stand by have the secrets of a private group", async () => {
  const world = new World();
  const one = await world.open();
  const secretOf = (epoch: number) => ({ epoch, secret: new Uint8Array(16).fill(epoch) });
  const told = () => secretsIn(world.engine.entries.get(`${PREFIX}secrets`)!.value);
  await one.append([{ kind: "secret", secret: secretOf(1) }], true);
  assertEquals(told().current, secretOf(1));
  world.goes();
  const two = await world.open();
  await two.append([{ kind: "secret", secret: secretOf(2) }], true);
  assertEquals(told().current, secretOf(2));
  assertEquals(told().opening(1), [groupChannelSecret(secretOf(1)).key]);
});

Deno.test("EngineGroupStore: what isn't of a coordinator is refused, with its place", async () => {
  const refusedFor = async (spoil: (world: World) => void) => {
    const world = new World();
    const one = await world.open();
    await one.append([{ kind: "number", number: 5 }, ANEW, ...fetched(ALL)], true);
    await one.append(fetched([]), true);
    await one.close();
    spoil(world);
    return await assertRejects(() => world.open(), P2pchatError);
  };
  const put = (world: World, key: string, value: string) => {
    const entry = world.engine.entries.get(PREFIX + key)!;
    world.engine.entries.set(PREFIX + key, { ...entry, value });
  };
  const record = await refusedFor((world) => put(world, "log/0000000000", "1 0\nnumber\tmany\n"));
  assertEquals(record.code, "store-corrupt");
  assertEquals(
    record.message.startsWith("Cannot use what the engine has of this group: record 1: "),
    true,
  );
  const logged = await refusedFor((world) => put(world, "log/0000000000", "1 0\nlogged\t1\t00\n"));
  assertEquals(logged.code, "store-corrupt");
  const piece = await refusedFor((world) =>
    world.engine.entries.delete(`${PREFIX}escrow/1/00000000`)
  );
  assertEquals([piece.code, piece.message], [
    "store-corrupt",
    `Cannot use the log below ${PREFIX}escrow/ of the engine: a piece is missing`,
  ]);
});
