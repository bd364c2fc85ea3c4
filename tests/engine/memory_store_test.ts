import { MemoryEngine, MemoryStore } from "../doubles/memory_store.ts";
import { sharedStoreContract } from "../contracts/shared_store_contract.ts";
import { VirtualClock } from "../runtime/virtual_clock.ts";

sharedStoreContract("memory", async (test) => {
  const clock = new VirtualClock();
  const engine = new MemoryEngine(clock);
  const pass = async (ms: number) => {
    clock.advance(ms);
    await Promise.resolve();
  };
  const until = async (holds: () => boolean) => {
    for (let step = 0; step < 1_000 && !holds(); step++) await pass(10);
    if (!holds()) throw new Error("it takes too long");
  };
  await test({
    prefix: "p2pchat/",
    store: new MemoryStore(engine),
    other: new MemoryStore(engine),
    until,
    pass,
  });
});
