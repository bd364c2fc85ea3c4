import { assertEquals } from "@std/assert";
import { latestEpoch, Stays } from "../../../../lib/protocols/mesh/schema/rotations.ts";
import {
  EPOCHS_AHEAD_MAX,
  EPOCHS_PER_SECOND,
  STAY_TAG_BYTES,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { keyOf } from "../membership_fixtures.ts";

Deno.test("Stays has those whose keys begin with its tags", () => {
  const stays = new Stays(
    ["Ann", "Bob"].map((name) => Uint8Array.fromHex(keyOf(name)).slice(0, STAY_TAG_BYTES)),
  );
  assertEquals(["Ann", "Bob", "Cem"].map((name) => stays.has(keyOf(name))), [true, true, false]);
  assertEquals(new Stays([]).has(keyOf("Ann")), false);
});

Deno.test("latestEpoch() grows by the second since the room was founded, and leaves deputies room", () => {
  const latest = (wallMs: number, mayRemove = false) => latestEpoch(10_000, wallMs, mayRemove);
  const ahead = EPOCHS_AHEAD_MAX;
  assertEquals([latest(0), latest(10_999), latest(13_000)], [
    ahead,
    ahead,
    ahead + 3 * EPOCHS_PER_SECOND,
  ]);
  assertEquals(latest(10_000, true), 2 * ahead);
});
