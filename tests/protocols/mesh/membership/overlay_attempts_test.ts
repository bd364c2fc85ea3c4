/** Who is being dialled or asked, and for how long. */

import { assertEquals } from "@std/assert";
import { DIALLED_ENDPOINTS_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import { OverlayAttempts } from "../../../../lib/protocols/mesh/membership/overlay_dials.ts";
import { contactOf, keyOf } from "../overlay_network.ts";

const [ann, bob] = [keyOf(1), keyOf(2)];

function at(...contacts: readonly (typeof ann)[]) {
  const [endpoint, ...others] = contacts.map((key) => contactOf(key).endpoint);
  return { endpoint: endpoint!, others };
}

Deno.test("OverlayAttempts: each address has its own time, and so has the answer over the link", () => {
  const attempts = new OverlayAttempts(2_000);
  attempts.dials(ann, "fill", at(ann, bob), 0);
  attempts.dials(bob, "walk", at(bob), 500);
  assertEquals([attempts.nextMs(), attempts.due(1_999), attempts.due(2_000)], [2_000, [], [ann]]);

  attempts.dials(ann, "fill", at(bob), 2_000);
  assertEquals([attempts.asked, attempts.due(2_500)], [0, [bob]]);
  attempts.asks(bob, "walk", "low", 2_400);
  assertEquals([attempts.asked, attempts.size, attempts.nextMs()], [1, 2, 4_000]);
  assertEquals(attempts.due(4_400), [ann, bob]);

  assertEquals([attempts.end(ann)?.purpose, attempts.end(ann)], ["fill", undefined]);
  assertEquals([attempts.has(ann), attempts.nextMs()], [false, 4_400]);
});

Deno.test("OverlayAttempts: a dial that was given up is known once when it is answered, of the last ones", () => {
  const attempts = new OverlayAttempts(2_000);
  attempts.giveUp(ann);
  assertEquals([attempts.answered(bob), attempts.answered(ann), attempts.answered(ann)], [
    false,
    true,
    false,
  ]);

  attempts.giveUp(ann);
  for (let n = 0; n < DIALLED_ENDPOINTS_MAX; n++) attempts.giveUp(keyOf(100 + n));
  assertEquals([attempts.answered(ann), attempts.answered(keyOf(100))], [false, true]);
});
