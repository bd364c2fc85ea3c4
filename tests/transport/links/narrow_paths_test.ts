import { assertEquals, assertStringIncludes } from "@std/assert";
import { NarrowPaths, narrowPathText } from "../../../lib/transport/links/narrow_paths.ts";

const HOST = "192.0.2.1";
const SECOND_MS = 1_000;

Deno.test("NarrowPaths: three links in a row whose long writes had no answer make a narrow path, told once", () => {
  const paths = new NarrowPaths();
  const ended = [1, 5, 9, 13].map((at) => paths.ended(HOST, 2_000, false, at * SECOND_MS));
  assertEquals(ended, [false, false, true, false]);
  assertEquals([paths.isNarrow(HOST), paths.isNarrow("192.0.2.2")], [true, false]);
  assertStringIncludes(narrowPathText(HOST), HOST);
});

Deno.test("NarrowPaths: a path is believed that let one long write through, or broke soon, or seldom", () => {
  const paths = new NarrowPaths();
  const end = (missingMs: number | null, isProven: boolean, atSeconds: number) =>
    paths.ended(HOST, missingMs, isProven, atSeconds * SECOND_MS);
  end(2_000, false, 1);
  end(2_000, false, 5);
  end(null, true, 9); // it came through
  end(2_000, false, 13);
  end(1_400, false, 17); // killed, or cut, at once
  end(null, false, 18); // nothing long was written
  end(2_000, false, 19);
  assertEquals(end(2_000, false, 200), false); // much later than the first of them
  assertEquals(paths.isNarrow(HOST), false);
});

Deno.test("NarrowPaths: nothing lies on the way to this machine itself", () => {
  const paths = new NarrowPaths();
  for (const at of [1, 5, 9]) paths.ended("127.0.0.1", 2_000, false, at * SECOND_MS);
  assertEquals(paths.isNarrow("127.0.0.1"), false);
});
