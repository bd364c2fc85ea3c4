import { assertEquals } from "@std/assert";
import { timeZoneProblem } from "../../../lib/cli/rendering/moments.ts";

Deno.test("timeZoneProblem() tells of a zone that nobody knows, and of no other", () => {
  for (
    const zone of [
      "",
      "UTC",
      ":Europe/Berlin",
      "Etc/GMT+3",
      "/usr/share/zoneinfo/UTC",
    ]
  ) {
    assertEquals(timeZoneProblem(zone), null, zone);
  }
  if (new Date().getTimezoneOffset() !== 0) return; // shown in the zone of this machine
  assertEquals(
    timeZoneProblem("Nonsense/Zone"),
    'The time zone in TZ, "Nonsense/Zone", isn\'t known here: times are shown in UTC; ' +
      "set TZ to a name such as Europe/Berlin",
  );
});
