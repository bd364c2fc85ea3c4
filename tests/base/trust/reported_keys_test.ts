// Which of the keys that come under a name the user is told of, and may accept.

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { STRANGE_KEPT_MS } from "../../../lib/base/machine/mode_limits.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import { ReportedKeys } from "../../../lib/base/trust/reported_keys.ts";

const MALLORY = "mallory" as PeerKey;
const EVE = "eve" as PeerKey;
const BOB = foldName("Bob");

Deno.test("While the user checks the key that was reported, no other one takes its place", () => {
  const keys = new ReportedKeys(2);
  assertEquals(keys.isNews(BOB, MALLORY, 0), true);
  keys.report("Bob", MALLORY, 0);
  const untilMs = STRANGE_KEPT_MS - 1;
  assertEquals(keys.isNews(BOB, MALLORY, untilMs), false);
  assertEquals(keys.isNews(BOB, EVE, untilMs), false);
  assertEquals(keys.rivalOf(BOB, EVE, untilMs)?.key, MALLORY);
  assertEquals(keys.rivalOf(BOB, MALLORY, untilMs), undefined);
  assertEquals(keys.isNews(BOB, EVE, STRANGE_KEPT_MS), true);
  assertEquals(keys.isNews(BOB, MALLORY, STRANGE_KEPT_MS), false, "it was told, however long ago");
});

Deno.test("Names spelt alike share one report; the first reported of too many names is forgotten", () => {
  const keys = new ReportedKeys(2);
  keys.report("Ann", EVE, 0);
  keys.report("Bob", EVE, 0);
  keys.report("BOB", MALLORY, 1);
  assertEquals(keys.get(BOB)?.key, MALLORY);
  assertEquals(keys.get(foldName("Ann"))?.key, EVE);
  keys.report("Cem", EVE, 2);
  assertEquals(keys.get(foldName("Ann")), undefined);
  assertEquals(keys.get(BOB)?.name, "BOB");
  keys.forget(BOB);
  assertEquals(keys.get(BOB), undefined);
});
