/** What a program that may lead says of itself in an engine, and hears of others. */

import { assertEquals } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { Candidacy } from "../../lib/engine/candidacy.ts";
import { FencedLog } from "../../lib/engine/fenced_log.ts";
import type { Condition } from "../../lib/engine/shared_store.ts";
import { MemoryEngine, MemoryStore } from "../doubles/memory_store.ts";
import { VirtualClock } from "../runtime/virtual_clock.ts";

const PREFIX = "p2pchat/group/g/";

async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}

class World {
  readonly clock = new VirtualClock();
  readonly engine = new MemoryEngine(this.clock);
  readonly heard: string[] = [];

  candidate(id: string, store = new MemoryStore(this.engine)): Candidacy {
    const say = (text: string) => this.heard.push(`${id}: ${text}`);
    return new Candidacy({
      store,
      prefix: PREFIX,
      clock: this.clock,
      id,
      value: id,
      leaderIs: (value) => say(`leader ${value}`),
      odd: ({ key }, isDeleted) => say(`odd ${key}${isDeleted ? " deleted" : ""}`),
      candidatesAre: (values) => say(`candidates ${values.join()}`),
      heeds: { name: "secrets", is: (value) => say(`secrets ${value}`) },
      troubled: (text) => say(`trouble ${text}`),
      refused: (error) => say(`refused ${error.code}`),
    });
  }

  async lead(leader: string): Promise<FencedLog> {
    const { clock } = this;
    const store = new MemoryStore(this.engine);
    const log = await FencedLog.lead({ store, prefix: PREFIX, clock, leader, lost: () => {} });
    return log as FencedLog;
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      this.clock.advance(500);
      await settled();
    }
  }

  take(): readonly string[] {
    return this.heard.splice(0);
  }
}

Deno.test("Candidacy: hears who leads, who is there, and what it heeds", async () => {
  const world = new World();
  const one = world.candidate("one");
  await settled();
  assertEquals(world.take(), [
    "one: leader null",
    "one: secrets null",
    "one: candidates ",
    "one: candidates one",
  ]);
  const led = await world.lead("one");
  await led.change({ puts: [{ key: `${PREFIX}secrets`, value: "s" }] });
  const two = world.candidate("two");
  await settled();
  assertEquals(world.take().filter((text) => text.startsWith("one")), [
    "one: leader one",
    "one: secrets s",
    "one: candidates one,two",
  ]);
  await led.close();
  await two.close();
  await settled();
  assertEquals(world.take(), ["one: leader null", "two: leader null", "one: candidates one"]);
  await world.pass(60_000);
  assertEquals([...world.engine.entries.keys()].filter((key) => key.includes("standby")), [
    `${PREFIX}standby/one`,
  ]);
  await one.close();
  await world.pass(10_000);
  assertEquals(world.take(), []);
});

Deno.test("Candidacy: says once that the engine doesn't answer, once that it does, and is there again", async () => {
  const world = new World();
  const store = new MemoryStore(world.engine);
  world.candidate("one", store);
  await settled();
  world.take();
  const { renew, grant } = store;
  store.renew = () => Promise.reject(new P2pchatError("unreachable", "no answer"));
  store.grant = store.renew as unknown as typeof grant;
  await world.pass(10_000);
  assertEquals(world.take(), ["one: trouble no answer", "one: candidates "]);
  [store.renew, store.grant] = [renew, grant];
  await world.pass(3_000);
  assertEquals(world.take(), ["one: candidates one", "one: trouble null"]);
});

Deno.test("Candidacy: says that the engine doesn't answer before a request is given up", async () => {
  const world = new World();
  const store = new MemoryStore(world.engine);
  world.candidate("one", store);
  await settled();
  world.take();
  store.renew = () => new Promise(() => {});
  await world.pass(3_500);
  assertEquals(world.take(), []);
  await world.pass(1_000);
  assertEquals(world.take(), ["one: trouble The engine doesn't answer"]);
});

Deno.test("Candidacy: says in a sentence what an engine without space doesn't take", async () => {
  const world = new World();
  const store = new MemoryStore(world.engine);
  const text = "database space exceeded";
  store.commit = () => Promise.resolve({ outcome: "refused", code: "disk", text });
  world.candidate("one", store);
  await settled();
  assertEquals(world.take().at(-1), `one: trouble Cannot use the engine: ${text}`);
});

Deno.test("Candidacy: what the engine refuses ends it", async () => {
  const world = new World();
  const store = new MemoryStore(world.engine);
  store.grant = () => Promise.reject(new P2pchatError("not-allowed", "no"));
  world.candidate("one", store);
  await settled();
  assertEquals(world.take().at(-1), "one: refused not-allowed");
  await world.pass(10_000);
  assertEquals(world.take(), []);
});

Deno.test("Candidacy: what stands where a leader should and has no lease is nobody, and deleted after as long as a lease lasts", async () => {
  const world = new World();
  const key = `${PREFIX}leader`;
  const one = world.candidate("one");
  await settled();
  world.take();
  const put = (value: string, is: Condition) =>
    world.engine.commit({ when: [is], puts: [{ key, value }] });
  put("garbage", { key, is: "absent" });
  await settled();
  assertEquals(world.take(), ["one: leader null", `one: odd ${key}`]);
  await world.pass(4_000);
  put(`{"host":"127.0.0.1","port":9}`, { key, modified: world.engine.entries.get(key)!.modified });
  await settled();
  assertEquals(world.take(), ["one: leader null", `one: odd ${key}`], "by that, too");
  await world.pass(4_500);
  assertEquals([world.take(), world.engine.entries.has(key)], [[], true]);
  await world.pass(500);
  assertEquals(world.take().toSorted(), ["one: leader null", `one: odd ${key} deleted`]);
  const led = await world.lead("one");
  await world.pass(10_000);
  assertEquals(world.take(), ["one: leader one"]);

  put("garbage", { key, modified: world.engine.entries.get(key)!.modified });
  await led.restate();
  await world.pass(20_000);
  assertEquals(world.take(), ["one: leader null", `one: odd ${key}`, "one: leader one"]);
  assertEquals(world.engine.entries.get(key)!.value, "one");
  await led.close();
  await settled();
  assertEquals([world.take(), world.engine.entries.has(key)], [["one: leader null"], false]);
  await one.close();
});

Deno.test("Candidacy: what is odd is deleted once the engine answers, however late", async () => {
  const world = new World();
  const store = new MemoryStore(world.engine);
  const key = `${PREFIX}leader`;
  const one = world.candidate("one", store);
  await settled();
  const { commit } = store;
  store.commit = () => Promise.resolve({ outcome: "unknown", text: "no answer" });
  world.engine.commit({ when: [{ key, is: "absent" }], puts: [{ key, value: "garbage" }] });
  await world.pass(20_000);
  assertEquals(world.engine.entries.has(key), true);
  store.commit = commit;
  await world.pass(2_000);
  assertEquals(world.engine.entries.has(key), false);
  await one.close();
});
