/** Where members of one's room are said to listen. */

import { assertEquals } from "@std/assert";
import type { Endpoint } from "../../../lib/base/ids.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import type { Member } from "../../sim/mesh/member.ts";
import { annAndBob, neighboursOf, SECOND_MS } from "./mesh_cases.ts";

const ELSEWHERE: readonly Endpoint[] = [
  { host: "10.9.0.1", port: 4_001 },
  { host: "10.9.0.2", port: 4_002 },
];
const NOWHERE = { host: "10.9.9.9", port: 1 };

function hint(member: Member, endpoint: Endpoint): void {
  member.process!.sim.deliver({ type: "hint", endpoint });
}

/** Both have left, and moved to addresses that the other doesn't know. */
function moved(world: EvenWorld, isPrivate: boolean): readonly [Member, Member] {
  const [ann, bob] = isPrivate ? annAndBobInPrivate(world) : annAndBob(world);
  world.end(ann.process!, false, 0);
  world.end(bob.process!, false, 0);
  ann.endpoint = ELSEWHERE[0]!;
  bob.endpoint = ELSEWHERE[1]!;
  world.network.listen(NOWHERE, { host: 3, answer: "unreachable" });
  return [ann, bob];
}

function annAndBobInPrivate(world: EvenWorld): readonly [Member, Member] {
  const [ann, bob] = world.addAll("Ann", "Bob");
  const founder = world.start(ann, { kind: "found", private: true });
  world.pass(SECOND_MS);
  founder.command({ command: "invite", rotate: false });
  const [invite] = world.invites.values();
  world.start(bob, { kind: "join", contact: ann.endpoint, invite: invite! });
  world.pass(5 * SECOND_MS);
  return [ann, bob];
}

for (const isPrivate of [false, true]) {
  const kind = isPrivate ? "private" : "open";
  Deno.test(`Mesh finds its ${kind} room where a member is said to be, and nowhere else`, () => {
    const world = new EvenWorld(4);
    const [ann, bob] = moved(world, isPrivate);
    world.start(ann, { kind: "resume", room: ann.room! });
    world.pass(3 * SECOND_MS);
    const hints = [NOWHERE, ann.endpoint];
    world.start(bob, { kind: "resume", room: bob.room!, hints });
    world.pass(5 * SECOND_MS);

    assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
  });

  Deno.test(`Mesh that went on alone in its ${kind} room meets whoever is said to be there`, () => {
    const world = new EvenWorld(4);
    const [ann, bob] = moved(world, isPrivate);
    world.start(ann, { kind: "resume", room: ann.room! });
    world.start(bob, { kind: "resume", room: bob.room! });
    world.pass(8 * SECOND_MS);
    assertEquals([neighboursOf(ann), neighboursOf(bob)], [[], []]);

    hint(bob, NOWHERE);
    hint(bob, ann.endpoint);
    world.pass(3 * SECOND_MS);

    assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
  });
}

Deno.test("Mesh dials nobody who is in its room, at whichever address, nor itself twice", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = annAndBob(world);
  const other = { host: "10.9.0.7", port: 4_007 };
  world.network.listen(other, ann.process!);
  hint(bob, ann.endpoint);
  assertEquals(bob.process!.dialling, 0);

  hint(bob, other);
  assertEquals(bob.process!.dialling, 1);
  world.pass(3 * SECOND_MS);
  hint(bob, other);
  hint(bob, bob.endpoint);
  assertEquals(bob.process!.dialling, 0);
  world.pass(60 * SECOND_MS);

  assertEquals([neighboursOf(ann), neighboursOf(bob)], [["Bob"], ["Ann"]]);
});

Deno.test("Mesh stays undisturbed by a member of another room where one of its own is said to be", () => {
  const world = new EvenWorld(4);
  const [ann, bob] = annAndBob(world);
  const cem = world.add("Cem");
  world.start(cem, { kind: "found" });
  world.pass(SECOND_MS);
  hint(bob, cem.endpoint);
  world.pass(30 * SECOND_MS);

  assertEquals([ann, bob, cem].map(neighboursOf), [["Bob"], ["Ann"], []]);
});
