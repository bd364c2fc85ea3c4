import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { isFresh, joinInstances, noteFresh } from "../../lib/engine/join_instances.ts";
import { keyNumber } from "../contracts/accounts_contract.ts";
import { MemoryEngine, MemoryStore } from "../doubles/memory_store.ts";
import { VirtualClock } from "../runtime/virtual_clock.ts";

function engineOf() {
  const engine = new MemoryEngine(new VirtualClock());
  const join = (key = keyNumber(1), what: "directory" | "group" = "directory") =>
    joinInstances(new MemoryStore(engine), {
      what,
      prefix: "p/",
      key,
      keyFile: "/data/regserver/identity",
    });
  return { engine, join };
}

async function refusal(joined: Promise<void>): Promise<readonly string[]> {
  const { code, message } = await assertRejects(() => joined, P2pchatError);
  return [code, message];
}

Deno.test("joinInstances() takes who has the first instance's key, and says to another what to copy", async () => {
  const { engine, join } = engineOf();
  await Promise.all([join(), join()]);
  await join();
  assertEquals([...engine.entries.keys()], ["p/schema", "p/identity"]);

  assertEquals(await refusal(join(keyNumber(2))), [
    "key-changed",
    `The instances of this directory have the key ${keyNumber(1)}, this one has ${keyNumber(2)}: ` +
    "overwrite /data/regserver/identity with that file of one of them, or give another prefix in --engine",
  ]);
  const [, ofGroup] = await refusal(join(keyNumber(2), "group"));
  assertMatch(ofGroup!, /this group .*, or give another name with --group$/);
});

Deno.test("joinInstances() leaves alone what a later version has written", async () => {
  for (const value of ['{"now":3,"min":2}', '{"now":1}', "x"]) {
    const { engine, join } = engineOf();
    const key = "p/schema";
    engine.commit({ when: [{ key, is: "absent" }], puts: [{ key, value }] });
    const [code, text] = await refusal(join());
    assertEquals(code, "version");
    assert(text!.includes(value.replaceAll('"', "'")), text);
  }
  const { engine, join } = engineOf();
  const key = "p/schema";
  engine.commit({ when: [{ key, is: "absent" }], puts: [{ key, value: '{"now":2,"min":1}' }] });
  await join();
});

Deno.test("isFresh(): whether the key was new is what the first instance has noted", async () => {
  const fresh = async (isNew: boolean, key = keyNumber(1), engine = engineOf()) => {
    const store = new MemoryStore(engine.engine);
    const joining = { prefix: "p/", key };
    if (isNew) await noteFresh(store, joining);
    await engine.join(key).catch(() => {});
    return [await isFresh(store, joining), engine] as const;
  };
  const [isNew, engine] = await fresh(true);
  assertEquals([isNew, (await fresh(false, keyNumber(1), engine))[0]], [true, true]);
  assertEquals((await fresh(true, keyNumber(2), engine))[0], false);
  const [isKnown, known] = await fresh(false);
  assertEquals([isKnown, (await fresh(true, keyNumber(1), known))[0]], [false, false]);
});
