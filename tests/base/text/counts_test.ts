import { assertEquals } from "@std/assert";
import { countText, entriesText, numberText } from "../../../lib/base/text/counts.ts";

Deno.test("numbers are grouped by thousands, and one is one", () => {
  assertEquals([0, 999, 1_000, 1_234_567].map(numberText), ["0", "999", "1,000", "1,234,567"]);
  assertEquals([0, 1, 12_400].map(entriesText), ["0 entries", "1 entry", "12,400 entries"]);
  assertEquals([1, 2].map((count) => countText(count, "line")), ["1 line", "2 lines"]);
});
