import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { broadcastsId } from "../../../lib/engine/directory/shared_broadcasts.ts";
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
