import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../lib/base/ids.ts";
import { Bans } from "../../lib/runtime/bans.ts";

const EVE = "e".repeat(64) as PeerKey;
const ANN = "a".repeat(64) as PeerKey;

Deno.test("Bans.isBanned() holds for key and address until the time is over", () => {
  const bans = new Bans();

  bans.ban(EVE, "203.0.113.9", 1_000);

  assertEquals(bans.isBanned(EVE, null, 999), true);
  assertEquals(bans.isBanned(ANN, "203.0.113.9", 999), true);
  assertEquals(bans.isBanned(EVE, "203.0.113.9", 1_000), false);
});

Deno.test("Bans.ban() never shuts out a loopback address, behind which others are too", () => {
  const bans = new Bans();

  for (const host of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) bans.ban(EVE, host, 1_000);

  assertEquals(bans.isBanned(ANN, "127.0.0.1", 0), false);
  assertEquals(bans.isBanned(EVE, "127.0.0.1", 0), true);
});

Deno.test("Bans.ban() forgets the oldest where an attacker has ever new keys", () => {
  const bans = new Bans();
  bans.ban(EVE, null, 1_000);

  for (let i = 0; i < 4_096; i++) bans.ban(String(i) as PeerKey, null, 1_000);

  assertEquals(bans.isBanned(EVE, null, 0), false);
});
