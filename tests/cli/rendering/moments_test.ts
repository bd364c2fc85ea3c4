import { assertEquals } from "@std/assert";
import { durationText } from "../../../lib/cli/rendering/moments.ts";

Deno.test("a duration below two minutes is told in seconds, and a longer one is told no longer than it is", () => {
  const told = [0.44, 12, 4_000, 59_980, 60_000, 89_970, 90_000, 119_400, 119_980, 120_000];
  assertEquals(told.map(durationText), [
    "0.4 ms",
    "12 ms",
    "4 s",
    "60 s",
    "60 s",
    "90 s",
    "90 s",
    "119 s",
    "2 min",
    "2 min",
  ]);
  assertEquals([149_980, 150_000, 179_980].map(durationText), ["2 min", "2 min", "3 min"]);
});
