/** `EngineRegistrar` over an engine in memory, in virtual time. */

import { assertEquals } from "@std/assert";
import { MemoryEngine, MemoryStore } from "../../doubles/memory_store.ts";
import { registrarContract } from "../../contracts/registrar_contract.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";
import { idleOf, openRegistrar } from "./registrars.ts";

registrarContract("registrar over memory", async (test) => {
  const clock = new VirtualClock();
  const engine = new MemoryEngine(clock);
  const accounts = new Map<string, string>();
  const stores = { a: new MemoryStore(engine), b: new MemoryStore(engine) };
  const idle = [idleOf(stores.a), idleOf(stores.b)];
  const open = (id: "a" | "b") =>
    openRegistrar(id, { store: stores[id], prefix: "p/", clock, accounts });
  const until = async (holds: () => boolean) => {
    for (let step = 0; step < 2_000 && !holds(); step++) {
      clock.advance(10);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    }
    if (!holds()) throw new Error("it takes too long");
  };
  const registrars = { a: await open("a"), b: await open("b") };
  await test({ registrars, accounts, until, isIdle: () => idle.every((isIdle) => isIdle()) });
  await Promise.all([registrars.a.close(), registrars.b.close()]);
});

Deno.test("registrar: what groups and accounts have below the same prefix isn't read", async () => {
  const clock = new VirtualClock();
  const engine = new MemoryEngine(clock);
  const store = new MemoryStore(engine);
  const read: string[] = [];
  const { follow } = store;
  store.follow = (prefix, follower, names) => {
    const heed = (key: string) => void read.push(key.split("/")[1]!);
    return follow.call(store, prefix, {
      ...follower,
      all: (entries) => entries.forEach(({ key }) => heed(key)),
      changed: (changes) => changes.forEach(({ key }) => heed(key)),
    }, names);
  };
  const put = (key: string) => {
    const change = { when: [{ key, is: "absent" as const }], puts: [{ key, value: "x" }] };
    return store.commit(change);
  };
  const names = [
    "accounts/ann",
    "counts/x",
    "group/team/log/0000000000",
    "online/ann",
    "tell/last",
  ];
  for (const name of names) await put(`p/${name}`);
  const opening = openRegistrar("a", { store, prefix: "p/", clock, accounts: new Map() });
  void opening.catch(() => {});
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  await put("p/group/team/log/0000000001");
  await put("p/online/bob");
  assertEquals(read, ["online", "tell", "online"]);
});

Deno.test("registrar: says why nobody is let in though the engine answers, until they are", async () => {
  const clock = new VirtualClock();
  const store = new MemoryStore(new MemoryEngine(clock));
  const { follow, commit } = store;
  let isDeaf = false;
  store.follow = (prefix, follower, names) =>
    follow.call(store, prefix, {
      ...follower,
      changed: (...told) => isDeaf ? undefined : follower.changed(...told),
    }, names);
  const address = { host: "10.0.0.1", port: 4_400 };
  const nothing = () => {};
  const registrar = await openRegistrar("a", { store, prefix: "p/", clock, accounts: new Map() });
  registrar.begin({
    address,
    news: nothing,
    stateChanged: nothing,
    notice: nothing,
    failed: nothing,
  });
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    }
  };
  await pass(5_000);
  assertEquals(registrar.trouble, null);

  store.commit = () => Promise.resolve({ outcome: "refused", code: "disk", text: "it is full" });
  await pass(1_100);
  assertEquals(
    registrar.trouble,
    "The engine makes no changes: it is full. Until it does, nobody is let in, and no broadcast is taken",
  );
  store.commit = commit;
  await pass(1_100);
  assertEquals(registrar.trouble, null);

  isDeaf = true;
  await pass(3_600);
  assertEquals(registrar.trouble, "What is changed in the engine doesn't come back here in time");
  isDeaf = false;
  await pass(1_100);
  assertEquals(registrar.trouble, null);
  await registrar.close();
});
