/**
 * All machines of a directory lose their power at once: both instances, and the three nodes of the engine, whose disk has
 * then what was synced. What was answered is there again: accounts, and broadcasts for those who were away.
 */

import { assert, assertEquals } from "@std/assert";
import { HAS_ETCD } from "../engine/etcd_nodes.ts";
import { heard, hears, session, tell } from "./directory_world.ts";
import { InstancesWorld } from "./instances_world.ts";
import { canMountImage, ImageDisk } from "./small_disk.ts";

const DISK_MIB = 2_048;
/** Broadcasts before the power is cut: the last ones just before. */
const TOLD = 20;

const CAN = HAS_ETCD && await canMountImage();

Deno.test({
  name: `a directory of two instances: all lose their power at once, and nothing that was answered${
    CAN ? "" : ": no etcd, or no image of a disk can be mounted"
  }`,
  ignore: !CAN,
  sanitizeOps: false, // what was asked of a node that is killed
  sanitizeResources: false,
  fn: async () => {
    await using disk = await ImageDisk.open(DISK_MIB);
    await using world = await InstancesWorld.open2(`${disk.folder}/etcd`);
    world.copyKey();
    await world.direct(1);
    const ann = await world.signUp("ann", world.at(0));
    const bob = await world.signUp("bob", world.at(1));
    await world.see([ann, bob], "ann free", "bob free");
    await bob.type("/exit");
    await bob.ended();
    const told: string[] = [];
    while (told.length < TOLD) {
      const text = `word ${told.length}`;
      await tell(ann, text);
      told.push(text);
    }
    await world.signUp("eve", world.at(1));
    await tell(ann, "the last word");
    told.push("the last word");
    const from = ann.events.length;
    void ann.type("/broadcast under way");

    await disk.cutPower(async () => {
      await Promise.all([
        ...[0, 1, 2].map((n) => world.etcd.kill(n)),
        ...[0, 1].map((n) => world.instance(n).kill()),
      ]);
    });
    for (const n of [0, 1, 2]) world.etcd.start(n);
    for (const n of [0, 1]) await world.direct(n);

    await ann.until(session("up"), 60_000, from);
    const back = await world.logIn("bob", { ...world.at(0), device: "bob" });
    const all = await hears(back, told.length);
    assertEquals(all.slice(0, told.length), told.map((text) => `ann: ${text}`));
    await world.logIn("eve", { ...world.at(1), device: "another" });
    await tell(ann, "after all");
    await back.until(({ event, text }) => event === "broadcast" && text === "after all");
    const words = heard(back);
    assertEquals(words.length, new Set(words).size, "none is shown twice");
    assert(words.length <= told.length + 2, words.join());
    for (const n of [0, 1]) {
      assertEquals((await world.instance(n).ask("status")).accounts, 3);
    }
  },
});
