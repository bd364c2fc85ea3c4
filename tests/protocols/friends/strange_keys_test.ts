/** Of which keys the user is told, and which one `/trust` means. */

import { assertEquals } from "@std/assert";
import { STRANGE_KEPT_MS, STRANGE_TOLD_MS } from "../../../lib/protocols/friends/limits.ts";
import { StrangeKeys } from "../../../lib/protocols/friends/strange_keys.ts";
import { CEM, EVE } from "./fixtures.ts";

Deno.test("StrangeKeys: the user is told of a key once, and of one more at the address after a while", () => {
  const keys = new StrangeKeys();
  const met = (key: typeof EVE, nowMs: number) => keys.met(key, "at-address", true, nowMs);

  assertEquals([met(EVE, 0), met(EVE, 1), keys.told], ["tell", "told", EVE]);
  assertEquals([met(CEM, STRANGE_TOLD_MS - 1), keys.told], ["other", EVE]);
  assertEquals([met(CEM, STRANGE_TOLD_MS), keys.told], ["tell", CEM]);
});

Deno.test("StrangeKeys: while the user decides, nobody who dials in changes what /trust means", () => {
  const keys = new StrangeKeys();
  keys.met(EVE, "at-address", true, 0);

  assertEquals(keys.met(CEM, "dialled-in", true, STRANGE_KEPT_MS - 1), "other");
  assertEquals([keys.met(EVE, "dialled-in", true, 0), keys.told], ["told", EVE]);
  assertEquals([keys.met(CEM, "dialled-in", true, STRANGE_KEPT_MS), keys.told], ["tell", CEM]);
});

Deno.test("StrangeKeys: that the key which has dialled in answers at the address is news", () => {
  const keys = new StrangeKeys();
  keys.met(EVE, "dialled-in", true, 0);

  assertEquals(keys.met(EVE, "at-address", true, 1), "tell");
});

Deno.test("StrangeKeys: where another key is expected from now on, any other is worth telling at once", () => {
  const keys = new StrangeKeys();
  keys.met(EVE, "at-address", true, 0);
  keys.forget();

  assertEquals([keys.told, keys.met(CEM, "at-address", true, 1)], [null, "tell"]);
  keys.refused(EVE);
  assertEquals(keys.told, EVE, "accepted all the same by /trust");
});
