// deno-lint-ignore-file no-console -- a program of its own
/** `make where < LOG`: what the built program's log says of a fault, with the places in the sources (`docs/building.md`). */

import { SourceMap } from "node:module";

/** A place in the bundle, as a stack trace has it. */
const PLACE = /(?:file:\/\/)?[^\s()]*p2pchat\.js:(\d+):(\d+)/g;

/** `text` with the place in the sources for each in the bundle; what `map` doesn't know stays as it is. */
export function withSources(text: string, map: SourceMap): string {
  return text.replaceAll(PLACE, (place, line, column) => {
    // Both count from 0, stack traces from 1.
    const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
    if (!("originalSource" in entry)) return place;
    const path = entry.originalSource.replace(/^\.\.\//, "");
    return `${path}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  });
}

if (import.meta.main) {
  const map = new SourceMap(
    JSON.parse(
      await Deno.readTextFile(new URL("../build/p2pchat.js.map", import.meta.url)),
    ),
  );
  console.log(withSources(await new Response(Deno.stdin.readable).text(), map).trimEnd());
}
