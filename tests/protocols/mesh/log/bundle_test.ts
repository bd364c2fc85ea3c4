import { assertEquals, assertMatch } from "@std/assert";
import type { BundleId } from "../../../../lib/base/ids.ts";
import { messageId } from "../../../../lib/protocols/mesh/log/bundle.ts";
import { BUNDLE_TEXTS_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";

Deno.test("messageId() names each text of each bundle, in 64 digits", () => {
  const bundles = ["ab", "12"].map((pair) => pair.repeat(32) as BundleId);
  const indexes = Array.from({ length: BUNDLE_TEXTS_MAX }, (_, index) => index);
  const ids = bundles.flatMap((id) => indexes.map((index) => messageId(id, index)));
  for (const id of ids) assertMatch(id, /^[0-9a-f]{64}$/);
  assertEquals(new Set(ids).size, ids.length);
  assertEquals(messageId(bundles[0]!, 255), `${"ab".repeat(28)}000000ff`);
});
