/** The disk of one node of etcd is full: that node ends, nobody of a directory notices, and it comes back with room. */

import { assert, assertEquals } from "@std/assert";
import { HAS_ETCD } from "../engine/etcd_nodes.ts";
import { hears, is, tell } from "./directory_world.ts";
import { InstancesWorld } from "./instances_world.ts";
import { holds, type ShownEvent } from "./node.ts";
import { canMount, fill, mount, unmount } from "./small_disk.ts";

/** Two segments of etcd's log, which it takes beforehand, and room for its data. */
const DISK = "256m";
const VALUE = "x".repeat(64 * 1_024);
/** Far more of those than a full disk takes. */
const WRITES_MAX = 1_000;

/** The nodes that don't answer an instance. */
function silentOf({ nodes }: ShownEvent["engine"]): readonly string[] {
  return nodes.flatMap(({ answers, address }: ShownEvent) => answers ? [] : [address]);
}

const CAN = HAS_ETCD && canMount();

Deno.test({
  name:
    `a directory of two instances: the disk of etcd's leader is full: all goes on without it, and with it once there is room${
      CAN ? "" : ": no etcd, or no disk can be mounted"
    }`,
  ignore: !CAN,
  sanitizeOps: false, // what was asked of a node that ends
  sanitizeResources: false,
  fn: async () => {
    await using made = new AsyncDisposableStack();
    const folder = Deno.makeTempDirSync({ prefix: "p2pchat-etcd-" });
    const disks = ["n0", "n1", "n2"].map((name) => `${folder}/${name}`);
    for (const disk of disks) {
      Deno.mkdirSync(disk);
      await mount(disk, DISK);
    }
    const giveBack = async () => {
      for (const disk of disks.splice(0)) await unmount(disk);
    };
    made.defer(giveBack);
    const world = await InstancesWorld.open2(folder);
    made.defer(() => world[Symbol.asyncDispose]());
    made.defer(giveBack); // before the folder is deleted
    const { etcd } = world;
    world.copyKey();
    await world.direct(1);
    const ann = await world.guest("ann", world.at(0));
    const bob = await world.guest("bob", world.at(1));
    await world.see([ann, bob], "ann free", "bob free");
    await tell(bob, "before");

    const full = await etcd.leader();
    await fill(etcd.folderOf(full));
    const store = etcd.store();
    for (let write = 0; !await etcd.hasEnded(full); write++) {
      assert(write < WRITES_MAX, "it ends");
      await store.commit({
        when: [{ key: `filling/${write}`, is: "absent" }],
        puts: [{ key: `filling/${write}`, value: VALUE }],
      });
    }
    await tell(bob, "without it");
    const cat = await world.guest("cat", world.at(0));
    await world.see([ann, bob, cat], "ann free", "bob free", "cat free");
    // The first instance reaches it by a wire.
    const places = [`127.0.0.1:${world.wires[full]!.port}`, new URL(etcd.urls[full]!).host];
    for (const [n, place] of places.entries()) {
      await holds("it says which one is away", async () => {
        const { engine, problems } = await world.instance(n).ask("status");
        assertEquals([engine.answers, problems], [true, []]);
        return silentOf(engine).join() === place;
      });
    }

    await Deno.remove(`${etcd.folderOf(full)}/filling`);
    await etcd.kill(full);
    etcd.start(full);
    for (const n of [0, 1]) {
      await holds("all are there again", async () => {
        const { engine } = await world.instance(n).ask("status");
        return silentOf(engine).length === 0;
      });
    }
    // Nothing can be done without it now.
    await etcd.kill((full + 1) % 3);
    await tell(bob, "with it");
    const dan = await world.guest("dan", world.at(1));
    await world.see([ann, bob, cat, dan], "ann free", "bob free", "cat free", "dan free");
    const told = ["before", "without it", "with it"];
    assertEquals(await hears(ann, told.length), told.map((text) => `bob: ${text}`));
    for (const node of [ann, bob]) {
      assertEquals(node.events.filter(is("session")).length, 1, "nobody was sent away");
      assertEquals(node.events.filter(is("error")), [], "nobody was told of it");
    }
  },
});
