/**
 * Two versions of the program side by side: instances of a directory are killed, one after the other, and each comes back
 * as a later version, while people talk and tell all. The later version is `later_program.ts`, the earlier one the built
 * program; with `P2PCHAT_OLDER=FILE` the earlier one is that executable, and the later one the built program.
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { HAS_ETCD } from "../engine/etcd_nodes.ts";
import { LONG } from "../given.ts";
import { broadcast, callStates, connect, heard, is, message, session } from "./directory_world.ts";
import { InstancesWorld, type Version } from "./instances_world.ts";
import { BUSY_MS, holds, type Node, type ShownEvent } from "./node.ts";

const OLDER = Deno.env.get("P2PCHAT_OLDER");
const EARLIER: Version = OLDER === undefined ? {} : { program: OLDER };
const LATER: Version = OLDER === undefined ? { module: "later_program.ts" } : {};
/** In which order instances are replaced. */
const ORDER = [1, 0] as const;

Deno.test({
  name: `a directory of two instances: each is killed, and comes back as a later version${
    HAS_ETCD ? (LONG ? "" : ": for make engine-test") : ": etcd isn't installed"
  }`,
  ignore: !HAS_ETCD || !LONG,
  sanitizeOps: false, // what was asked of nodes that are killed at the end
  sanitizeResources: false,
  fn: async () => {
    await using world = await InstancesWorld.open2(undefined, EARLIER);
    world.copyKey();
    await world.direct(1, EARLIER);
    const eve = await world.signUp("eve", world.at(1));
    await eve.type("/exit");
    await eve.ended();
    const [ann, bob, cat, dan] = [
      await world.guest("ann", world.at(0)),
      await world.guest("bob", world.at(1)),
      await world.guest("cat", world.at(1)),
      await world.guest("dan", world.at(0)),
    ];
    const people = [ann, bob, cat, dan];
    await world.see(people, "ann free", "bob free", "cat free", "dan free");
    await connect(ann, bob, "bob");
    const told: string[] = [];
    const tells = async (by: Node, text: string) => {
      await by.command({ command: "broadcast", text });
      await bob.until(broadcast(text));
      told.push(`${by === cat ? "cat" : "dan"}: ${text}`);
    };

    for (const [turn, n] of ORDER.entries()) {
      const from = people.map(({ events }) => events.length);
      const { users } = await world.instance(n).ask("list");
      const here = users.filter(({ instance }: ShownEvent) =>
        instance === `127.0.0.1:${world.portOf(n)}`
      ).map(({ name }: ShownEvent) => name);
      assert(here.length > 0, "somebody has to move");
      await tells(cat, `before ${turn}`);
      const beganMs = performance.now();
      await world.instance(n).kill();
      await bob.say(`${turn} goes on`);
      await ann.until(message(`${turn} goes on`));
      for (const [at, name] of ["ann", "bob", "cat", "dan"].entries()) {
        if (here.includes(name)) await people[at]!.until(session("up"), undefined, from[at]);
      }
      assertLess(performance.now() - beganMs, 5_000 + BUSY_MS);
      await tells(dan, `without ${turn}`);
      await world.direct(n, LATER);
      await world.see(people, "ann busy", "bob busy", "cat free", "dan free");

      // Somebody at the new one is seen, heard and called from the other one.
      const name = `new-${turn}`;
      const guest = await world.guest(name, world.at(n));
      await world.see([guest, cat], "ann busy", "bob busy", "cat free", "dan free", `${name} free`);
      await connect(cat, guest, name);
      await guest.say(`from ${name}`);
      await cat.until(message(`from ${name}`));
      await guest.type("/hang-up\n/exit");
      await guest.ended();
      await world.see([...people], "ann busy", "bob busy", "cat free", "dan free");
      // An account that was made by one version, and gets another device by the other.
      const laptop = await world.logIn("eve", { ...world.at(n), device: `laptop-${turn}` });
      await laptop.type("/exit");
      await laptop.ended();
      if (turn === 0 || OLDER !== undefined) continue;
      // What a killed one said of itself ends with its lease.
      await holds("both instances are of the later version, and no other is there", async () => {
        const { entries } = await world.etcd.store().read("test/instances/");
        const versions = entries.map(({ value }) => JSON.parse(value)["version"]);
        return versions.length === 2 && versions.every((version) => version === "99.0.0");
      });
    }
    for (const node of [ann, bob]) {
      await node.untilCount(is("broadcast"), told.length);
      assertEquals(heard(node), told);
      assertEquals(callStates(node).at(-1), "connected");
    }
    for (const node of people) {
      const isFault = ({ event, code }: ShownEvent) =>
        event === "fatal" || (event === "error" && ["protocol", "version"].includes(code));
      assertEquals(node.events.filter(isFault), []);
    }
    for (const n of ORDER) assertEquals(world.instance(n).stderr, []);
  },
});
