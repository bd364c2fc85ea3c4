import { assertEquals } from "@std/assert";
import { freePort, type OpenPort } from "./ports.ts";

Deno.test("a port that a test was given isn't tried in another one's search, which would take it for a moment", () => {
  const given = freePort();
  const tried: number[] = [];
  const open = (port: number) => {
    tried.push(port);
    return { port, listener: { close() {} }, datagrams: { close() {} } } as OpenPort;
  };
  let draws = 0;
  const found = freePort(() => draws++ === 0 ? given : given + draws, open);
  assertEquals(tried, [found]);
  assertEquals(found !== given, true);
});
