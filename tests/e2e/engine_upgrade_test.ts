/**
 * Instances of a directory are replaced one after the other, while a later version has begun to write into the engine what
 * this one doesn't know: people move, a call goes on, and what isn't known is kept.
 */

import { assert, assertEquals } from "@std/assert";
import type { EtcdStore } from "../../lib/engine/etcd/etcd_store.ts";
import { HAS_ETCD } from "../engine/etcd_nodes.ts";
import { callStates, connect, endOf, hears, message, session, tell } from "./directory_world.ts";
import { InstancesWorld } from "./instances_world.ts";
import { holds, type Node, type ShownEvent } from "./node.ts";

/** An entry gets other fields, as a later version would write it. */
async function extend(store: EtcdStore, key: string, fields: object): Promise<void> {
  const entry = (await store.get(key))!;
  const value = JSON.stringify({ ...JSON.parse(entry.value), ...fields });
  const { lease } = entry;
  const put = { key, value, ...(lease === null ? {} : { lease }) };
  const { outcome } = await store.commit({
    when: [{ key, modified: entry.modified }],
    puts: [put],
  });
  assertEquals(outcome, "done");
}

async function talk(one: Node, other: Node, text: string): Promise<void> {
  await one.say(`${text} there`);
  await other.until(message(`${text} there`));
  await other.say(`${text} back`);
  await one.until(message(`${text} back`));
}

Deno.test({
  name:
    `a directory of two instances: one after the other is replaced, beside what a later version writes${
      HAS_ETCD ? "" : ": etcd isn't installed"
    }`,
  ignore: !HAS_ETCD,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    await using world = await InstancesWorld.open2();
    world.copyKey();
    await world.direct(1);
    const store = world.etcd.store();
    const ann = await world.signUp("ann", world.at(0));
    const bob = await world.guest("bob", world.at(1));
    await world.see([ann, bob], "ann free", "bob free");
    await connect(ann, bob, "bob");

    await extend(store, "test/schema", { now: 2 });
    await extend(store, "test/accounts/ann", { later: { color: "blue" } });
    const lease = await store.grant(600_000);
    const put = async (key: string, value: object) => {
      const puts = [{ key: `test/${key}`, value: JSON.stringify(value), lease }];
      await store.commit({ when: [{ key: `test/${key}`, is: "absent" }], puts });
    };
    const online = JSON.parse((await store.get("test/online/bob"))!.value);
    await put("instances/later", {
      ...{ host: "127.0.0.1", port: 9, clients: 1, room: 9, version: "99.0.0", beat: 1, later: 1 },
      wall: online.since,
    });
    await put("online/zoe", {
      ...online,
      ...{ name: "zoe", instance: "later", session: "later-1", process: "zoe", later: 1 },
      ...{ key: "ab".repeat(32), busy: false },
    });
    await world.see([ann, bob], "ann busy", "bob busy", "zoe free");

    for (const n of [0, 1]) {
      const at = [ann, bob].map((node) => node.events.length);
      const places = (await world.instance(n).ask("list")).users as readonly ShownEvent[];
      const here = places.find(({ instance }) => instance === `127.0.0.1:${world.portOf(n)}`);
      assert(here !== undefined, "somebody has to move");
      await world.instance(n).type("/exit");
      await world.instance(n).ended();
      for (const [index, node] of [ann, bob].entries()) {
        if (
          !places.some(({ name, instance }) =>
            name === ["ann", "bob"][index] && instance === here.instance
          )
        ) continue;
        await node.until(session("up"), 30_000, at[index]);
      }
      await talk(ann, bob, `without ${n}`);
      await tell(ann, `told without ${n}`);
      await world.direct(n);
      await world.see([ann, bob], "ann busy", "bob busy", "zoe free");
    }
    assertEquals(await hears(bob, 2), ["ann: told without 0", "ann: told without 1"]);
    for (const node of [ann, bob]) assertEquals(callStates(node).at(-1), "connected");

    // This version changes the account, and keeps what it doesn't know.
    await world.logIn("ann", { ...world.at(0), device: "laptop" });
    await holds("the account has both devices", async () => {
      const account = JSON.parse((await store.get("test/accounts/ann"))!.value);
      assertEquals(account.later, { color: "blue" });
      return account.keys.length === 2;
    });

    await extend(store, "test/schema", { min: 2 });
    await world.instance(1).type("/exit");
    await world.instance(1).ended();
    assertEquals(await endOf(world.launchInstance(1)), [4, "fatal", "version"]);
  },
});
