/** `EngineRegistrar` over an engine in memory, in virtual time. */

import { MemoryEngine, MemoryStore } from "../../doubles/memory_store.ts";
import { registrarContract } from "../../contracts/registrar_contract.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";
import { openRegistrar } from "./registrars.ts";

registrarContract("registrar over memory", async (test) => {
  const clock = new VirtualClock();
  const engine = new MemoryEngine(clock);
  const accounts = new Map<string, string>();
  const open = (id: string) =>
    openRegistrar(id, { store: new MemoryStore(engine), prefix: "p/", clock, accounts });
  const until = async (holds: () => boolean) => {
    for (let step = 0; step < 2_000 && !holds(); step++) {
      clock.advance(10);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    }
    if (!holds()) throw new Error("it takes too long");
  };
  const registrars = { a: await open("a"), b: await open("b") };
  const pass = async () => {
    const endMs = clock.nowMs() + 50;
    await until(() => clock.nowMs() >= endMs);
  };
  await test({ registrars, accounts, until, pass });
  await Promise.all([registrars.a.close(), registrars.b.close()]);
});
