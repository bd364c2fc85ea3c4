import { assertEquals } from "@std/assert";
import { didYouMean, nearest } from "../../../lib/base/text/nearest.ts";

const WORDS = ["mesh", "serve", "peer", "regserver", "help"];

const CASES: readonly (readonly [word: string, meant: string | null])[] = [
  ["mehs", "mesh"],
  ["mes", "mesh"],
  ["mash", "mesh"],
  ["meshh", "mesh"],
  ["MESH", "mesh"],
  ["reg", "regserver"],
  ["pere", "peer"],
  ["x", null],
  ["", null],
  ["chat", null],
  ["sevres", "serve"],
  ["s", null],
  ["x".repeat(1_000_000), null],
];

for (const [word, meant] of CASES) {
  Deno.test(`nearest() takes "${word.slice(0, 12)}" for ${meant ?? "nothing"}`, () => {
    assertEquals(nearest(word, WORDS), meant);
  });
}

Deno.test("nearest() takes no letter for another one", () => {
  assertEquals(["?", "h", "q"].map((word) => nearest(word, ["q", "w"])), [null, null, "q"]);
});

Deno.test("didYouMean() is part of a sentence, or nothing", () => {
  assertEquals(didYouMean("mehs", WORDS, (word) => `/${word}`), "; did you mean /mesh?");
  assertEquals(didYouMean("chat", WORDS), "");
});
