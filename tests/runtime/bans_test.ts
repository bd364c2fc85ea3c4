import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../lib/base/ids.ts";
import { Bans } from "../../lib/runtime/open_links.ts";

const EVE = "e".repeat(64) as PeerKey;
const ANN = "a".repeat(64) as PeerKey;

Deno.test("Bans.isBanned() holds for a key until the time is over", () => {
  const bans = new Bans();

  bans.ban(EVE, 1_000);

  assertEquals(bans.isBanned(EVE, 999), true);
  assertEquals(bans.isBanned(ANN, 999), false);
  assertEquals(bans.isBanned(EVE, 1_000), false);
});

Deno.test("Bans.ban() forgets the oldest where an attacker has ever new keys", () => {
  const bans = new Bans();
  bans.ban(EVE, 1_000);

  for (let i = 0; i < 4_096; i++) bans.ban(String(i) as PeerKey, 1_000);

  assertEquals(bans.isBanned(EVE, 0), false);
});
