/**
 * A client that lies to one of several instances of a directory. It knows what it can't know, the number of a call
 * between two others, and it has a friend at the other instance; others notice nothing of either.
 */

import { assert, assertEquals } from "@std/assert";
import type { DirectoryMessage } from "../../lib/protocols/directory/schema/messages.ts";
import { HAS_ETCD } from "../engine/etcd_nodes.ts";
import type { LeanClient } from "../runtime/lean_client.ts";
import { call, callStates, connect, hears, is, message, tell } from "./directory_world.ts";
import { InstancesWorld } from "./instances_world.ts";
import { holds, type Node } from "./node.ts";
import { People } from "./people.ts";

const BYTES = new Uint8Array(64);
const LATE = Number.MAX_SAFE_INTEGER;

/** What may be said about a call by who is in it. */
function aboutCall(id: Uint8Array<ArrayBuffer>): readonly DirectoryMessage[] {
  return [
    { type: "answer", call: id, accepts: false, reason: "no" },
    { type: "answer", call: id, accepts: true, reason: "" },
    { type: "hang-up", call: id, reason: "" },
    { type: "relay-please", call: id },
    { type: "relay", call: id, bytes: BYTES },
    { type: "relay-room", call: id, bytes: LATE },
    { type: "begun", call: id, route: "direct" },
    { type: "begun", call: id, route: "relay" },
  ];
}

/** What only the directory, or the other side of a call, says, or what is signed by nobody. */
function othersWords(id: Uint8Array<ArrayBuffer>): readonly DirectoryMessage[] {
  return [
    { type: "outcome", call: id, state: "ended", reason: "" },
    { type: "dismissed", because: "kicked", text: "", retryMs: 0 },
    { type: "users", users: [], isFirst: true, isLast: true, away: [] },
    { type: "presence", users: [], offline: ["alice", "bob"], away: [] },
    { type: "instances", because: "away", addresses: [{ host: "127.0.0.1", port: 9 }] },
    { type: "broadcast-taken", own: 1, number: LATE },
    { type: "hung-up" },
    { type: "line", text: "never shown" },
    { type: "broadcast", own: LATE, sentAt: LATE, text: "never told", signature: BYTES },
  ];
}

/** What a client says to come in, with what it wants to be true. */
function entering(name: string, fields: Partial<DirectoryMessage> = {}): DirectoryMessage {
  const typed = { how: "guest", name, password: "", newPassword: "", port: 9 } as const;
  return {
    ...{ type: "enter", ...typed, busy: false, seen: null, rank: 0, lists: "told" },
    ...fields,
  } as DirectoryMessage;
}

Deno.test({
  name:
    `a directory of two instances: a client that lies to one of them, about calls, names and broadcasts, costs those at both nothing${
      HAS_ETCD ? "" : ": etcd isn't installed"
    }`,
  ignore: !HAS_ETCD,
  sanitizeOps: false, // what was asked of nodes that are killed at the end
  sanitizeResources: false,
  fn: async () => {
    await using world = await InstancesWorld.open2();
    world.copyKey();
    await world.direct(1);
    const alice = await world.guest("alice", world.at(0));
    const bob = await world.guest("bob", world.at(1));
    const carol = await world.guest("carol", world.at(1));
    const honest = [alice, bob, carol];
    const lists = ["alice busy", "bob busy", "carol free"];
    await world.see(honest, "alice free", "bob free", "carol free");
    await connect(alice, bob, "bob");
    await world.see(honest, ...lists);
    const store = world.etcd.store();
    const id = Uint8Array.fromHex(String(alice.events.find(call("connected"))!["call"]));

    await using here = new People(world.portOf(0));
    await using there = new People(world.portOf(1));
    const sides = [here, there];
    const isOver = (client: LeanClient) => () =>
      client.link === null || client.said.some(({ type }) => type === "refused");

    // Names that are others', at either instance, and ranks that were never given.
    for (const people of sides) {
      for (const name of ["alice", "bob", "carol"]) {
        for (const fields of [{ rank: LATE }, { how: "resume", rank: LATE }] as const) {
          const mal = people.somebody(name).connects();
          await people.until(() => mal.link !== null);
          mal.say(entering(name, fields as Partial<DirectoryMessage>));
          await people.until(isOver(mal), `${name} is refused`);
          assertEquals(mal.entered, null);
          mal.hangsUp();
        }
      }
    }

    // About somebody else's call, and one that there isn't.
    for (const [at, people] of sides.entries()) {
      for (const [which, one] of [id, new Uint8Array(id.length)].entries()) {
        const name = `mal-${at}-${which}`;
        const mal = people.somebody(name).connects();
        await people.until(() => mal.link !== null);
        mal.say(entering(name, { busy: true } as Partial<DirectoryMessage>));
        await people.said(mal, "entered");
        for (const said of aboutCall(one)) mal.say(said);
        await bob.say(`beside ${name}`);
        await alice.until(message(`beside ${name}`));
        if (mal.link !== null) mal.hangsUp();
      }
    }

    // Each lie by somebody new: whoever is found out is sent away.
    for (const people of sides) {
      for (const said of [...aboutCall(id), ...othersWords(id)]) {
        const mal = await people.guest(`mal-${said.type}`);
        mal.say(said);
        // It is either gone, or an honest question is answered behind the lie.
        mal.say({ type: "search", part: "", after: "" });
        await people.until(
          () => mal.link === null || mal.said.some(({ type }) => type === "page"),
          `${said.type} is dealt with`,
        );
        mal.hangsUp();
        await people.until(() => mal.link === null);
      }
    }

    // Two liars ring and accept, take it back, talk of relays, and are gone in the midst of it.
    // They are at the instance at which the honest ones' call is.
    const [mal, moe] = [await there.guest("mal"), await there.guest("moe")];
    const own = crypto.getRandomValues(new Uint8Array(id.length));
    mal.say({ type: "call", call: own, name: "moe", refused: [] });
    await there.said(moe, "incoming");
    mal.say({ type: "answer", call: own, accepts: true, reason: "" }); // it isn't the one that is called
    moe.say({ type: "answer", call: own, accepts: true, reason: "" });
    for (const client of [mal, moe]) await there.said(client, "meet");
    mal.say({ type: "call", call: id, name: "carol", refused: [] }); // the number of another call
    mal.say({ type: "begun", call: own, route: "direct" });
    moe.say({ type: "relay", call: own, bytes: BYTES });
    mal.hangsUp();
    await there.until(() => mal.link === null);
    moe.hangsUp();

    await alice.say("still there");
    await bob.until(message("still there"));
    await bob.say("here");
    await alice.until(message("here"));
    assertEquals(await tell(carol, "to all"), 2);
    await world.see(honest, ...lists);
    await holds("the engine has what is so, and nothing else", async () => {
      const names = async (part: string) =>
        (await store.read(`test/${part}/`)).entries.map(({ key }) => key.split("/").slice(2));
      const online = (await names("online")).flat();
      return online.join() === "alice,bob,carol";
    });
    // Nobody else is in a call: who is free can be called.
    const from = carol.events.length;
    await alice.type("/hang-up");
    await bob.until(call("ended"));
    await world.see(honest, "alice free", "bob free", "carol free");
    await connect(alice, carol, "carol");
    assertEquals(callsOf(carol, from), ["connected"]);
    assertEquals([alice, bob].map((node) => callStates(node).slice(0, 3)), [
      ["ringing", "connected", "ended"],
      ["connected", "ended hung-up"],
    ]);
    for (const node of [alice, bob]) assertEquals(await hears(node, 1), ["carol: to all"]);
    for (const node of honest) {
      assertEquals(node.events.filter(is("error")), []);
      assertEquals(node.events.filter(is("session")).length, 1, "nobody was sent away");
      assert(!node.texts().includes("never shown"));
    }
    for (const n of [0, 1]) {
      assertEquals((await world.instance(n).ask("status")).problems, []);
      assertEquals(world.instance(n).stderr, []);
    }
  },
});

/** The states of its calls that a client was told from there on. */
function callsOf(node: Node, from: number): readonly string[] {
  return node.events.slice(from).filter(is("call")).map(({ state }) => state);
}
