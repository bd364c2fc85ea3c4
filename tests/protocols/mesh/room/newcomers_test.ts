import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import type { Mesh } from "../../../../lib/protocols/mesh/mesh.ts";
import { EvenWorld } from "../../../sim/mesh/even_world.ts";
import type { Member } from "../../../sim/mesh/member.ts";
import { NEWCOMER_MS, Newcomers } from "../../../../lib/protocols/mesh/room/newcomers.ts";
import { ROSTER_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";

const keyOf = (at: number) => at.toString(16).padStart(64, "0") as PeerKey;
const [ann, bob, carl] = [1, 2, 3].map(keyOf) as [PeerKey, PeerKey, PeerKey];

Deno.test("who comes is new for a while, who was there before us isn't, and nobody by coming again", () => {
  const newcomers = new Newcomers();
  newcomers.came(ann, true, 1_000);
  newcomers.came(bob, false, 1_000);

  assertEquals([ann, bob, carl].map((key) => newcomers.isNew(key, 2_000)), [false, true, false]);
  assertEquals(newcomers.isNew(bob, 1_000 + NEWCOMER_MS - 1), true);
  assertEquals(newcomers.isNew(bob, 1_000 + NEWCOMER_MS), false);
  newcomers.came(bob, false, 1_000 + NEWCOMER_MS);
  newcomers.came(ann, false, 1_000 + NEWCOMER_MS);
  assertEquals(newcomers.isNew(bob, 1_000 + NEWCOMER_MS), false);
  assertEquals(newcomers.isNew(ann, 1_000 + NEWCOMER_MS), false);
});

Deno.test("a crowd makes nobody new who was there before it", () => {
  const newcomers = new Newcomers();
  newcomers.came(ann, true, 0);
  for (let at = 0; at < 2 * ROSTER_MAX; at++) newcomers.came(keyOf(100 + at), false, 1_000);

  assertEquals(newcomers.isNew(ann, 2_000), false);
  assertEquals(newcomers.isNew(keyOf(100 + 2 * ROSTER_MAX - 1), 2_000), true);
});

Deno.test("Room: who has come only just is known as new to who was there, and nobody to who has come later", () => {
  const world = new EvenWorld(3);
  const [ann, bob] = world.addAll("Ann", "Bob");
  world.gather([ann, bob]);
  const standing = (at: Member, of: Member) =>
    (at.process!.machine as unknown as Mesh).room!.standingOf(of.key);

  assertEquals([standing(ann, bob), standing(bob, ann)], ["new", "known"]);
  world.pass(NEWCOMER_MS);
  assertEquals(standing(ann, bob), "known");
});
