/** A quiet world of members, for tests of whole rooms. */

import { EvenWorld } from "../../sim/mesh/even_world.ts";
import type { Member } from "../../sim/mesh/member.ts";

export const SECOND_MS = 1_000;

/** Ann, who has founded a room, and Bob, who has come in. */
export function annAndBob(world: EvenWorld): readonly [Member, Member] {
  const [ann, bob] = world.addAll("Ann", "Bob");
  world.gather([ann, bob]);
  return [ann, bob];
}

export function neighboursOf(member: Member): readonly string[] {
  const keys = [...member.process?.probe?.activeView() ?? []];
  return member.world.members.filter(({ key }) => keys.includes(key)).map(({ name }) => name);
}
