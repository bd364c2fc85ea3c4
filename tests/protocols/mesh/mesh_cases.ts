/** A quiet world of members, for tests of whole rooms. */

import { fakeSigner } from "../../sim/fake_crypto.ts";
import type { MeshChecker } from "../../sim/mesh/checker.ts";
import { EVEN_WORLD, plainMember } from "../../sim/mesh/even_world.ts";
import type { Member } from "../../sim/mesh/member.ts";
import { meshSubject } from "../../sim/mesh/mesh_subject.ts";
import { World } from "../../sim/mesh/world.ts";

export const SECOND_MS = 1_000;

export function quietWorld(checkers: readonly MeshChecker[] = []): World {
  return new World({ ...EVEN_WORLD, hosts: 4 }, meshSubject(), checkers);
}

export function addMember(world: World, name: string): Member {
  return world.addMember(plainMember(fakeSigner(name), name));
}

export function pass(world: World, forMs: number): void {
  world.time.runUntil(world.time.nowMs + forMs);
}

/** Ann, who has founded a room, and Bob, who has come in. */
export function annAndBob(world: World): readonly [Member, Member] {
  const [ann, bob] = [addMember(world, "Ann"), addMember(world, "Bob")];
  world.start(ann, { kind: "found" });
  pass(world, SECOND_MS);
  world.start(bob, { kind: "join", contact: ann.endpoint });
  pass(world, 5 * SECOND_MS);
  return [ann, bob];
}

export function neighboursOf(member: Member): readonly string[] {
  const keys = [...member.process?.probe?.activeView() ?? []];
  return member.world.members.filter(({ key }) => keys.includes(key)).map(({ name }) => name);
}
