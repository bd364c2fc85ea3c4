import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { broadcastsId, SharedBroadcasts } from "../../../lib/engine/directory/shared_broadcasts.ts";
import type { Change } from "../../../lib/engine/shared_store.ts";
import { MemoryEngine, MemoryStore } from "../../doubles/memory_store.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";

Deno.test("broadcastsId() is the one that was drawn first", async () => {
  const engine = new MemoryEngine(new VirtualClock());
  const id = (drawn: string) => broadcastsId(new MemoryStore(engine), "p/", drawn);
  const drawn = ["07", "08", "09"].map((byte) => byte.repeat(8));
  const ids = await Promise.all(drawn.map(id));
  assertEquals(ids, ids.map(() => ids[0]!));
  assertEquals(await id("0a".repeat(8)), ids[0]);

  const other = new MemoryStore(new MemoryEngine(new VirtualClock()));
  await other.commit({
    when: [{ key: "p/store", is: "absent" }],
    puts: [{ key: "p/store", value: "x" }],
  });
  const { code } = await assertRejects(() => broadcastsId(other, "p/", ids[0]!), P2pchatError);
  assertEquals(code, "store-corrupt");
});

Deno.test("SharedBroadcasts: of own numbers the earliest go, in whatever order they were told", async () => {
  const changes: Change[] = [];
  const store = {
    commit: (change: Change) => {
      changes.push(change);
      return Promise.resolve({ outcome: "done", revision: 1 } as const);
    },
  };
  const broadcasts = new SharedBroadcasts({ store, prefix: "p/", wallMs: () => 0 });
  const count = 10_002;
  for (let n = 0; n < count; n++) {
    const key = `p/tell/own/${String(n).padStart(5, "0")}/1`;
    const modified = count - n; // those told first are the latest
    broadcasts.told({ key, entry: { key, value: "", modified, created: modified, lease: null } });
  }
  await broadcasts.prune();
  assertEquals(changes.flatMap(({ deletes = [] }) => deletes), [
    "p/tell/own/10001/1",
    "p/tell/own/10000/1",
  ]);
});
