/** `EtcdStore` over three nodes of a real etcd, while they are killed, stopped, and come back. */

import { assert, assertEquals } from "@std/assert";
import type { EtcdStore } from "../../lib/engine/etcd/etcd_store.ts";
import type { Changed, Entry, Revision } from "../../lib/engine/shared_store.ts";
import { SYSTEM_LINK_CLOCK } from "../../lib/transport/system_clock.ts";
import { EtcdNodes, HAS_ETCD, pass } from "./etcd_nodes.ts";

const COUNTER = "p2pchat/counter";

/** Counts as fast as the engine lets it: each value by a change of the one before. */
class Counter {
  count = 0;
  #isOver = false;
  readonly #run: Promise<void>;

  constructor(readonly store: EtcdStore) {
    this.#run = this.#count();
  }

  async #count(): Promise<void> {
    let modified: Revision | null = null;
    while (!this.#isOver) {
      const value = `${this.count + 1}`;
      const outcome = await this.store.commit({
        when: [modified === null ? { key: COUNTER, is: "absent" } : { key: COUNTER, modified }],
        puts: [{ key: COUNTER, value }],
      });
      assert(outcome.outcome === "done", `${value}: ${JSON.stringify(outcome)}`);
      modified = outcome.revision;
      this.count++;
    }
  }

  /** Waits for values that weren't under way when it was called. */
  async goesOn(): Promise<void> {
    const { count } = this;
    for (let waited = 0; this.count < count + 3; waited += 50) {
      assert(waited < 60_000, "it goes on within a minute");
      await pass(50);
    }
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#run;
  }
}

/** The values that a follower was told, as numbers. */
function followed(store: EtcdStore) {
  const values: number[] = [];
  const following = store.follow("p2pchat/", {
    all: (entries: readonly Entry[]) => values.push(...entries.map(({ value }) => Number(value))),
    changed: (changes: readonly Changed[]) =>
      values.push(...changes.map(({ entry }) => Number(entry!.value))),
    refused: (error) => {
      throw error;
    },
  });
  return { values, following };
}

const trial = (name: string, run: (nodes: EtcdNodes) => Promise<void>) =>
  Deno.test({
    name,
    ignore: !HAS_ETCD,
    // A follower that is closed in a pause ends after it.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      await using nodes = await EtcdNodes.open(3);
      await run(nodes);
    },
  });

/** Counts while `trouble` goes on, and for 2 s more: nothing is lost, done twice, or told twice. */
async function counts(
  nodes: EtcdNodes,
  trouble: (leader: number, counter: Counter) => Promise<void>,
): Promise<void> {
  const [store, other] = [nodes.store(), nodes.store()];
  const { values, following } = followed(other);
  const counter = new Counter(store);
  await pass(1_000);
  await trouble(await nodes.leader(), counter);
  await counter.goesOn();
  await pass(2_000);
  await counter.end();
  for (let waited = 0; values.at(-1) !== counter.count && waited < 60_000; waited += 50) {
    await pass(50);
  }
  following.close();
  assertEquals((await other.get(COUNTER))?.value, `${counter.count}`);
  const first = values[0]!;
  assertEquals(values, Array.from({ length: counter.count - first + 1 }, (_, n) => first + n));
}

trial(
  "etcd: its leader is killed: writes go on without it, each done and told once, also when it is back",
  async (nodes) => {
    await counts(nodes, async (leader, counter) => {
      await nodes.kill(leader);
      await counter.goesOn();
      nodes.start(leader);
    });
  },
);

trial(
  "etcd: its leader stands still: writes go on without it, each done and told once",
  async (nodes) => {
    await counts(nodes, async (leader, counter) => {
      nodes.signal(leader, "SIGSTOP");
      await counter.goesOn();
      nodes.signal(leader, "SIGCONT");
    });
  },
);

trial(
  "etcd: two of three are killed for 5 s: what was under way is done when they are back",
  async (nodes) => {
    await counts(nodes, async (leader) => {
      const other = (leader + 1) % 3;
      await Promise.all([nodes.kill(leader), nodes.kill(other)]);
      await pass(5_000);
      nodes.start(leader);
      nodes.start(other);
    });
  },
);

trial(
  "etcd: all are killed at one instant, and go on with an image of their disks: nothing is lost, or done twice",
  async (nodes) => {
    await counts(nodes, async () => await nodes.cutPower());
  },
);

trial(
  "etcd: all are killed: an outcome is unknown after 10 s, and reading says why it can't",
  async (nodes) => {
    const store = nodes.store(SYSTEM_LINK_CLOCK);
    await Promise.all([0, 1, 2].map((n) => nodes.kill(n)));
    const beganMs = performance.now();
    const change = {
      when: [{ key: COUNTER, is: "absent" }],
      puts: [{ key: COUNTER, value: "1" }],
    } as const;
    const [outcome, error] = await Promise.all([
      store.commit(change),
      store.get(COUNTER).catch((error) => error),
    ]);
    const tookMs = performance.now() - beganMs;
    assert(tookMs > 9_000 && tookMs < 30_000, `${tookMs} ms`);
    assertEquals(outcome.outcome, "unknown");
    assertEquals(error.code, "unreachable");
    assert(store.health.trouble !== null);
  },
);

trial(
  "etcd: all are killed: who leaves doesn't wait longer than some seconds for a lease that ends by itself",
  async (nodes) => {
    const store = nodes.store(SYSTEM_LINK_CLOCK);
    const lease = await store.grant(60_000);
    await Promise.all([0, 1, 2].map((n) => nodes.kill(n)));
    const beganMs = performance.now();
    const error = await store.revoke(lease).catch((error) => error);
    const tookMs = performance.now() - beganMs;
    assert(tookMs < 8_000, `${tookMs} ms`);
    assertEquals(error.code, "unreachable");
  },
);
