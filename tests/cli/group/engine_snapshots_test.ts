/** Which snapshots whoever leads next has. */

import { assert, assertEquals } from "@std/assert";
import { EngineSnapshots } from "../../../lib/cli/group/engine_snapshots.ts";
import { SnapshotStore } from "../../../lib/cli/tools/snapshot_store.ts";
import { FencedLog } from "../../../lib/engine/fenced_log.ts";
import type { Cut } from "../../../lib/protocols/group/schema/cut.ts";
import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { MemoryEngine, MemoryStore } from "../../doubles/memory_store.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";
import { cutWith } from "../../protocols/group/snapshot/cuts.ts";

const PREFIX = "p2pchat/group/g/";

function cutOf(id: string): Cut {
  return { ...cutWith(), id };
}

async function world() {
  const clock = new VirtualClock();
  const engine = new MemoryEngine(clock);
  const store = new MemoryStore(engine);
  const ports = { store, prefix: PREFIX, clock, leader: "one", lost: () => {} };
  const fenced = await FencedLog.lead(ports);
  assert(fenced instanceof FencedLog);
  /** An instance, with files of its own. */
  const instance = async () => {
    const disk = new MemoryDisk();
    await disk.makeFolder("/s");
    const files = new SnapshotStore(disk, nodeCrypto, "/s");
    return new EngineSnapshots({ store, prefix: PREFIX, fenced, crypto: nodeCrypto, files });
  };
  const keys = () => [...engine.entries.keys()].filter((key) => key.includes("/snapshots/"));
  return { instance, keys };
}

Deno.test("EngineSnapshots: another instance lists what one has taken, and has its file then", async () => {
  const { instance } = await world();
  const [one, two] = [await instance(), await instance()];
  const cut: Cut = cutOf("20260102-030405-006-abcdef");
  await one.keep(cut);
  const [shown] = await one.list();
  assertEquals(await two.list(), [shown!]);
  assertEquals([shown!.id, shown!.file], [cut.id, `/s/snapshots/${cut.id}.txt`]);
});

Deno.test("EngineSnapshots: of many the last twenty are shared", async () => {
  const { instance, keys } = await world();
  const [one, two] = [await instance(), await instance()];
  for (let n = 10; n < 35; n++) await one.keep(cutOf(`20260102-0304${n}-006-abcdef`));
  assertEquals(keys().length, 20);
  assertEquals([(await one.list()).length, (await two.list()).length], [25, 20]);
  assertEquals((await two.list())[0]!.id, "20260102-030415-006-abcdef");
});
