import { assertEquals } from "@std/assert";
import { StrangerLimits } from "../../../lib/transport/strangers/stranger_limits.ts";

const LIMITS = {
  strangersMax: 3,
  strangersPerAddressMax: 2,
  unfinishedMs: 500,
};

Deno.test("placeFor() bounds strangers from one address, loopback exempt", () => {
  const limits = new StrangerLimits<string>(LIMITS);
  limits.add("a", "192.0.2.1", 0);
  limits.add("b", "192.0.2.1", 0);

  assertEquals(limits.placeFor("192.0.2.1", 0), { type: "none", untilMs: 500 });
  assertEquals(limits.placeFor("192.0.2.2", 0), { type: "free" });
  limits.remove("a");
  assertEquals(limits.placeFor("192.0.2.1", 0), { type: "free" });

  const local = new StrangerLimits<string>(LIMITS);
  local.add("a", "127.0.0.1", 0);
  local.add("b", "127.0.0.1", 0);
  assertEquals(local.placeFor("127.0.0.1", 0), { type: "free" });
});

Deno.test("placeFor() gives a newcomer the place of the oldest that hasn't got on for long", () => {
  const limits = new StrangerLimits<string>(LIMITS);
  limits.add("a", "127.0.0.1", 0);
  limits.add("b", "127.0.0.1", 100);
  limits.add("c", "127.0.0.1", 200);

  assertEquals(limits.placeFor("127.0.0.1", 499), { type: "none", untilMs: 500 });
  assertEquals(limits.placeFor("127.0.0.1", 500), { type: "instead of", stranger: "a" });
});

Deno.test("placeFor() makes room at a crowded address by that address alone", () => {
  const limits = new StrangerLimits<string>(LIMITS);
  limits.add("other", "192.0.2.9", 0);
  limits.add("a", "192.0.2.1", 100);
  limits.add("b", "192.0.2.1", 200);

  assertEquals(limits.placeFor("192.0.2.1", 599), { type: "none", untilMs: 600 });
  assertEquals(limits.placeFor("192.0.2.1", 600), { type: "instead of", stranger: "a" });
});

Deno.test("placeFor() slows an address that comes often, and never shuts it out", () => {
  const limits = new StrangerLimits<string>({
    perAddressPerSecond: 10,
    perAddressBurst: 3,
  });
  const comeAndGo = (host: string, nowMs: number) => {
    const place = limits.placeFor(host, nowMs);
    if (place.type === "none") return false;
    limits.add("one", host, nowMs);
    limits.remove("one");
    return true;
  };

  const times = Array.from({ length: 1_000 }, (_, nowMs) => nowMs);
  const came = times.filter((nowMs) => comeAndGo("192.0.2.1", nowMs));
  assertEquals(came.slice(0, 4), [0, 1, 2, 100]);
  assertEquals(came.length, 3 + 9);
  assertEquals(comeAndGo("192.0.2.2", 999), true);
  assertEquals(times.every((nowMs) => comeAndGo("127.0.0.1", nowMs)), true);
});
