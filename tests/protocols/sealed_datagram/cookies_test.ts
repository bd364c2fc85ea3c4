import { assertEquals } from "@std/assert";
import { Cookies } from "../../../lib/protocols/sealed_datagram/responding.ts";
import { COOKIE_SLOT_MS } from "../../../lib/protocols/sealed_datagram/limits.ts";
import { seedOf } from "../noise/channel_pair.ts";
import { endpoint, flipped } from "./programs.ts";

const MESSAGE = Uint8Array.of(1, 2, 3);

Deno.test("Cookies are good for one to two slots of time", () => {
  const cookies = new Cookies(seedOf("secret"));
  const cookie = cookies.make(endpoint(1), MESSAGE, COOKIE_SLOT_MS - 1);

  const times = [COOKIE_SLOT_MS - 1, COOKIE_SLOT_MS, 2 * COOKIE_SLOT_MS - 1, 2 * COOKIE_SLOT_MS];
  const good = times.map((nowMs) => cookies.isGood(cookie, endpoint(1), MESSAGE, nowMs));

  assertEquals(good, [true, true, true, false]);
});

Deno.test("Cookies are good for one address, one message and one process", () => {
  const cookies = new Cookies(seedOf("secret"));
  const cookie = cookies.make(endpoint(1), MESSAGE, 0);
  const isGood = (...given: Parameters<Cookies["isGood"]>) => cookies.isGood(...given);

  assertEquals(isGood(cookie, endpoint(1), MESSAGE, 0), true);
  assertEquals(isGood(cookie, endpoint(2), MESSAGE, 0), false);
  assertEquals(isGood(cookie, endpoint(1), Uint8Array.of(1, 2, 4), 0), false);
  assertEquals(isGood(flipped(cookie, 15), endpoint(1), MESSAGE, 0), false);
  assertEquals(isGood(cookie.subarray(0, 15), endpoint(1), MESSAGE, 0), false);
  assertEquals(new Cookies(seedOf("other")).isGood(cookie, endpoint(1), MESSAGE, 0), false);
});
