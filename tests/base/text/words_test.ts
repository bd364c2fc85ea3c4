import { assertEquals } from "@std/assert";
import { inWords } from "../../../lib/base/text/words.ts";

Deno.test("inWords() has commas between all but the last two", () => {
  const all = ["Bob", "Carol", "Dave"];
  assertEquals(
    [0, 1, 2, 3].map((count) => inWords(all.slice(0, count))),
    ["", "Bob", "Bob and Carol", "Bob, Carol and Dave"],
  );
  assertEquals(inWords(all, "or"), "Bob, Carol or Dave");
});
