import { assertEquals } from "@std/assert";
import { SourceMap } from "node:module";
import { withSources } from "../../tools/where.ts";

// Column 0 is from 2:4 of a.ts, what begins at column 4 from 3:9 of it; those before line 2 are from nowhere.
const MAP = new SourceMap({
  version: 3,
  file: "p2pchat.js",
  sourceRoot: "",
  sources: ["../lib/a.ts"],
  sourcesContent: [],
  names: [],
  mappings: ";AACG,IACK",
});

const mapOf = (bundle: string) => bundle === "serve" ? null : MAP;

Deno.test("withSources() puts the place in the sources for each place in the bundle", () => {
  const stack = "Error: x\n    at e (file:///home/a/.cache/p2pchat/mesh-1/p2pchat.js:2:2)\n" +
    "    at async file:///tmp/p2pchat-0/program-1/p2pchat.js:2:5\n    at deno:core:1:1";

  assertEquals(
    withSources(stack, mapOf),
    "Error: x\n    at e (lib/a.ts:2:4)\n    at async lib/a.ts:3:9\n    at deno:core:1:1",
  );
});

Deno.test("withSources() leaves a place that the map doesn't know, and a program that wasn't built here", () => {
  for (const place of ["mesh-1/p2pchat.js:1:1", "serve-1/p2pchat.js:2:2", "p2pchat.js:2:2"]) {
    assertEquals(withSources(`at ${place}`, mapOf), `at ${place}`);
  }
});
