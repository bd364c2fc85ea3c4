import { assertEquals } from "@std/assert";
import { freePort } from "./ports.ts";

Deno.test("a port that a test was given isn't tried in another one's search, which would take it for a moment", () => {
  const given = freePort();
  const tried: number[] = [];
  const isFree = (port: number) => tried.push(port) > 0;
  let draws = 0;
  const found = freePort(() => draws++ === 0 ? given : given + draws, isFree);
  assertEquals(tried, [found]);
  assertEquals(found !== given, true);
});
