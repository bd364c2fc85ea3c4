import { assertEquals } from "@std/assert";
import { Pending } from "../../../lib/base/machine/pending.ts";

Deno.test("Pending: each answer is taken once, in whatever order they come", () => {
  const pending = new Pending<string>();
  assertEquals([pending.size, pending.lastToken], [0, 0]);
  const [first, second, third] = ["first", "second", "third"].map((each) => pending.add(each));
  assertEquals([first, second, third, pending.size, pending.lastToken], [1, 2, 3, 3, 3]);

  assertEquals(pending.take(second!), "second");
  assertEquals(
    [pending.take(second!), pending.take(9), pending.take(null)],
    Array(3).fill(undefined),
  );
  assertEquals([pending.take(third!), pending.take(first!), pending.size], ["third", "first", 0]);
  assertEquals([pending.add("fourth"), pending.lastToken], [4, 4], "no token is used twice");
  pending.forget();
  assertEquals([pending.take(4), pending.add("fifth"), pending.size], [undefined, 5, 1]);
});
