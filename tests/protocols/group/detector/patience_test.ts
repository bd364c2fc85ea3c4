import { assertEquals } from "@std/assert";
import { Patience } from "../../../../lib/protocols/group/detector/complaints.ts";
import { COMPLAINTS_SPREAD_MS } from "../../../../lib/protocols/group/schema/limits.ts";

Deno.test("Patience with the undecided is longer by what others may need to complain, and never shorter", () => {
  const undecided = [100, COMPLAINTS_SPREAD_MS - 1, 9_000].map((ms) =>
    new Patience(ms).undecidedMs
  );
  assertEquals(undecided, [200, COMPLAINTS_SPREAD_MS, 9_000]);
});
