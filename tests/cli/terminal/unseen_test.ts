import { assertEquals } from "@std/assert";
import { Unseen } from "../../../lib/cli/terminal/unseen.ts";

Deno.test("Unseen counts what is said while the terminal hasn't the focus, and says once since when", () => {
  const unseen = new Unseen(0);
  unseen.focus(true, 0);
  assertEquals([unseen.said(60_000), unseen.count], [null, 0]);
  unseen.focus(false, 70_000);
  assertEquals([unseen.said(80_000), unseen.said(90_000), unseen.count], [70_000, null, 2]);
  unseen.focus(true, 100_000);
  assertEquals([unseen.said(110_000), unseen.count], [null, 0]);
});

Deno.test("Unseen takes who hasn't pressed a key for 10 s for away, where the terminal doesn't tell", () => {
  const unseen = new Unseen(0);
  assertEquals([unseen.said(9_999), unseen.count], [null, 0]);
  assertEquals([unseen.said(10_000), unseen.count], [null, 1]);
  unseen.pressed(11_000);
  assertEquals([unseen.said(20_999), unseen.count], [null, 0]);
});

Deno.test("Unseen takes a key for the focus", () => {
  const unseen = new Unseen(0);
  unseen.focus(false, 0);
  unseen.said(1);
  unseen.pressed(2);
  assertEquals([unseen.said(60_000), unseen.count], [null, 0]);
});
