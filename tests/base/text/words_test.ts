import { assertEquals } from "@std/assert";
import {
  countText,
  entriesText,
  inWords,
  isSameTitle,
  numberText,
  talkText,
} from "../../../lib/base/text/words.ts";

Deno.test("inWords() has commas between all but the last two", () => {
  const all = ["Bob", "Carol", "Dave"];
  assertEquals(
    [0, 1, 2, 3].map((count) => inWords(all.slice(0, count))),
    ["", "Bob", "Bob and Carol", "Bob, Carol and Dave"],
  );
  assertEquals(inWords(all, "or"), "Bob, Carol or Dave");
});

Deno.test("numbers are grouped by thousands, and one is one", () => {
  assertEquals([0, 999, 1_000, 1_234_567].map(numberText), ["0", "999", "1,000", "1,234,567"]);
  assertEquals([0, 1, 12_400].map(entriesText), ["0 entries", "1 entry", "12,400 entries"]);
  assertEquals([1, 2].map((count) => countText(count, "line")), ["1 line", "2 lines"]);
});

Deno.test("titles are one in capitals and in wide letters, and where both are there", () => {
  assertEquals(isSameTitle("Club", "ＣLUB"), true);
  assertEquals(isSameTitle("Straße", "STRASSE"), false);
  assertEquals(isSameTitle(null, null), false);
});

Deno.test("how long they talked is told in whole seconds", () => {
  assertEquals([0, 59_999, 60_000, 3_599_000, 7_500_000].map(talkText), [
    "0 s",
    "59 s",
    "1 min 0 s",
    "59 min 59 s",
    "2 h 5 min",
  ]);
});
