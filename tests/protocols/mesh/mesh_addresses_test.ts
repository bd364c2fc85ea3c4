/** Where a member says that it is, and where it is found. */

import { assertEquals } from "@std/assert";
import type { Endpoint } from "../../../lib/base/ids.ts";
import { parseInvite } from "../../../lib/protocols/mesh/schema/rotations.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import type { Member } from "../../sim/mesh/member.ts";
import { annAndBob, neighboursOf, SECOND_MS } from "./mesh_cases.ts";

/** Where Ann can be dialled, as by a forwarded port: not where she says. */
const FORWARDED = { host: "203.0.113.7", port: 4_000 };

/** Ann, whom nobody reaches at the address that she announces, and Bob, who came in elsewhere and can't be dialled. */
function annBehindForwardedPort(world: EvenWorld): readonly [Member, Member] {
  const [ann, bob] = [
    world.add("Ann"),
    world.add("Bob", { passive: true }),
  ];
  world.start(ann, { kind: "found" });
  world.network.unlisten(ann.endpoint);
  world.network.listen(FORWARDED, ann.process!);
  world.pass(SECOND_MS);
  world.start(bob, { kind: "join", contact: FORWARDED });
  world.pass(5 * SECOND_MS);
  assertEquals(neighboursOf(bob), ["Ann"]);
  return [ann, bob];
}

Deno.test("Mesh finds a member where it came in, though it announces an address that nobody reaches", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = annBehindForwardedPort(world);

  world.network.setCuts(() => true);
  world.pass(25 * SECOND_MS);
  assertEquals([neighboursOf(ann), neighboursOf(bob)], [[], []]);
  world.network.setCuts(() => false);
  world.pass(30 * SECOND_MS);

  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
});

Deno.test("Mesh is told where others reach it, if nobody does where it says that it is", () => {
  const notices: string[] = [];
  const invited: Endpoint[] = [];
  const world = new EvenWorld(4, [{
    name: "notices",
    shown({ member }, event) {
      if (member.name !== "Ann") return;
      if (event.event === "notice") notices.push(event.text);
      if (event.event === "invite") invited.push(...parseInvite(event.invite).endpoints);
    },
  }]);
  const [ann] = annBehindForwardedPort(world);
  world.pass(20 * SECOND_MS);
  assertEquals(notices, [
    "Nobody can dial you at 10.0.0.0:55107: a member came in at 203.0.113.7:4000; start with " +
    "--advertise 203.0.113.7:4000, and others find you there",
  ]);

  ann.process?.command({ command: "invite", rotate: false });
  world.pass(SECOND_MS);
  assertEquals(invited, [FORWARDED]);

  // Somebody in her own network comes by the address that she announced.
  world.network.listen(ann.endpoint, ann.process!);
  const cem = world.add("Cem");
  world.join(cem, ann);
  world.pass(30 * SECOND_MS);
  assertEquals(notices.slice(1), ["Others can dial you at 10.0.0.0:55107 now"]);
});

Deno.test("Mesh that resumes dials a member where it was met, though it announces another address", () => {
  for (const isCompacted of [false, true]) {
    const world = new EvenWorld(4);
    const [ann, bob] = annBehindForwardedPort(world);
    if (isCompacted) {
      bob.process!.sim.compactSoon();
      world.say(bob.process!, "so that the log is written anew", null);
      world.pass(SECOND_MS);
    }
    world.end(bob.process!, false, 0);
    world.pass(60 * SECOND_MS);

    world.start(bob, { kind: "resume", room: bob.room! });
    world.pass(10 * SECOND_MS);

    assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
  }
});

Deno.test("Mesh names the address that its machine has got, so that two who move one after the other meet", () => {
  const notices: string[] = [];
  const world = new EvenWorld(4, [{
    name: "notices",
    shown({ member }, event) {
      if (event.event === "notice" && event.text.startsWith("This machine's")) {
        notices.push(member.name);
      }
    },
  }]);
  const [ann, bob] = annAndBob(world);

  for (const [at, member] of [ann, bob].entries()) {
    world.roam(member, { host: `10.9.0.${at}`, port: member.endpoint.port });
    world.pass(20 * SECOND_MS);
    assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
  }
  bob.process!.command({ command: "peers" });
  world.pass(SECOND_MS);

  assertEquals(bob.process!.peers?.map(({ host }) => host), ["10.9.0.1", "10.9.0.0"]);
  assertEquals(notices, ["Ann", "Bob"]);
});

Deno.test("Mesh that is alone invites to the address that its machine has got, and says that it has another", () => {
  const notices: string[] = [];
  const invited: Endpoint[] = [];
  const world = new EvenWorld(4, [{
    name: "notices",
    shown(_, event) {
      if (event.event === "notice") notices.push(event.text);
      if (event.event === "invite") invited.push(...parseInvite(event.invite).endpoints);
    },
  }]);
  const ann = world.add("Ann");
  world.start(ann, { kind: "found" });
  world.pass(SECOND_MS);
  const host = "10.9.0.7";
  ann.process!.sim.deliver({ type: "machine-addresses", hosts: ["127.0.0.1", host], best: host });
  ann.process!.command({ command: "invite", rotate: false });
  world.pass(SECOND_MS);

  assertEquals(invited, [{ host, port: ann.endpoint.port }]);
  assertEquals(notices, [`This machine's address is now ${host} (it was ${ann.endpoint.host})`]);
});

Deno.test("Mesh announces no address that nobody can dial, until somebody can", () => {
  const notices: string[] = [];
  const world = new EvenWorld(4, [{
    name: "notices",
    shown({ member }, event) {
      if (event.event === "notice" && event.text.includes(" dial ")) {
        notices.push(`${member.name}: ${event.text.split(/ now|: you/)[0]}`);
      }
    },
  }]);
  const [ann, bob] = world.addAll("Ann", "Bob");
  const fay = world.add("Fay", { natted: true, knowsAddress: false });
  world.start(ann, { kind: "found" });
  world.pass(SECOND_MS);
  for (const member of [bob, fay]) {
    world.join(member, ann);
    world.pass(SECOND_MS);
  }
  const hostsAt = (member: Member) => {
    member.process!.command({ command: "peers" });
    world.pass(SECOND_MS);
    return member.process!.peers?.map(({ name, host }) => `${name} ${host}`).toSorted();
  };
  const [host, port] = [fay.process!.seenHost, fay.endpoint.port];
  const others = [`Ann ${ann.endpoint.host}`, `Bob ${bob.endpoint.host}`];
  assertEquals(hostsAt(ann), [...others, `Fay ${host}`]);
  world.pass(30 * SECOND_MS);

  assertEquals(notices, [`Fay: Nobody can dial you at ${host}:${port}`]);
  assertEquals([hostsAt(ann), hostsAt(fay)], [[...others, "Fay "], [...others, "Fay "]]);
  assertEquals([neighboursOf(fay).length, neighboursOf(ann).length], [2, 2]);

  world.network.listen({ host, port }, fay.process!);
  notices.length = 0;
  world.pass(11 * 60 * SECOND_MS);
  assertEquals(notices, [`Fay: Others can dial you at ${host}:${port}`]);
  assertEquals(hostsAt(ann), [...others, `Fay ${host}`]);
});

Deno.test("Mesh.mayAnswer(): whom it looks for may, and other members, but nobody unknown or removed, nor itself", () => {
  const world = new EvenWorld(5);
  const [ann, bob, cem, dan, eve] = world.addAll("Ann", "Bob", "Cem", "Dan", "Eve");
  world.gather([ann, bob, cem, dan]);
  ann.process!.command({ command: "remove", name: "Dan" });
  world.pass(SECOND_MS);
  const answering = ({ process }: Member, wanted: Member) =>
    world.members.filter(({ key }) => process!.probe!.mayAnswer(wanted.key, key)).map(({ name }) =>
      name
    );

  assertEquals(answering(bob, ann), ["Ann", "Cem"]);
  assertEquals(answering(bob, eve), ["Ann", "Cem", "Eve"]);

  world.end(bob.process!, false, 0);
  bob.process = null;
  world.start(bob, { kind: "resume", room: bob.room! });
  world.time.runUntil(world.time.nowMs + 3); // it has read its records, and dials
  assertEquals(answering(bob, ann), ["Ann", "Cem"]);
});
