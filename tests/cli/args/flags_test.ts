import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { duration, durationWithin } from "../../../lib/cli/args/flags.ts";

const DURATIONS: readonly (readonly [text: string, ms: number])[] = [
  ["500ms", 500],
  ["30s", 30_000],
  ["30m", 1_800_000],
  ["12h", 43_200_000],
  ["7d", 604_800_000],
  ["24d", 2_073_600_000],
];

for (const [text, ms] of DURATIONS) {
  Deno.test(`a duration of ${text} has ${ms} ms`, () => {
    assertEquals(duration(text, "--idle"), ms);
    assertEquals(durationWithin(0, ms)(text, "--idle"), ms);
  });
}

for (const text of ["25d", "597h", "12", "1w", "1.5h", "-1h", "1 h", "h", "1H", ""]) {
  Deno.test(`${JSON.stringify(text)} is no duration`, () => {
    const error = assertThrows(() => duration(text, "--idle"), P2pchatError);
    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, "such as 500ms, 30s, 30m, 12h or 7d");
  });
}

Deno.test("a duration beyond its bounds is refused with them, in days and hours too", () => {
  const error = assertThrows(
    () => durationWithin(3_600_000, 604_800_000)("8d", "--broadcast-ttl"),
    P2pchatError,
  );
  assertStringIncludes(error.message, "--broadcast-ttl must be a duration from 1h to 7d");
});
