import { assertEquals, assertThrows } from "@std/assert";
import type { LinkId } from "../../lib/base/ids.ts";
import { forwardTo, type LinkHandler } from "../../lib/transport/link.ts";

Deno.test("forwardTo: what links bring goes to the handler that was made meanwhile", () => {
  const drained: LinkId[] = [];
  let handler: LinkHandler | null = null;
  const forwarding = forwardTo(() => handler);
  assertThrows(() => forwarding.drained(1 as LinkId), Error, "before their handler is there");
  handler = { ...forwarding, drained: (link) => drained.push(link) };
  forwarding.drained(2 as LinkId);
  assertEquals(drained, [2 as LinkId]);
});
