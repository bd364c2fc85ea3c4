// deno-lint-ignore-file no-console -- a program of its own
/** `make where < LOG`: what the built program's log says of a fault, with the places in the sources (`docs/building.md`). */

import { SourceMap } from "node:module";

/** A place in a bundle, as a stack trace has it: its folder in the cache begins with the bundle's name. */
const PLACE = /(?:file:\/\/)?[^\s()]*\b([a-z]+)-\w+\/p2pchat\.js:(\d+):(\d+)/g;

/** `text` with the place in the sources for each in a bundle; what the bundle's map doesn't know stays as it is. */
export function withSources(text: string, mapOf: (bundle: string) => SourceMap | null): string {
  return text.replaceAll(PLACE, (place, bundle, line, column) => {
    const map = mapOf(bundle);
    if (map === null) return place;
    // Both count from 0, stack traces from 1.
    const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
    if (!("originalSource" in entry)) return place;
    const path = entry.originalSource.replace(/^\.\.\//, "");
    return `${path}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  });
}

if (import.meta.main) {
  const maps = new Map<string, SourceMap | null>();
  const text = withSources(await new Response(Deno.stdin.readable).text(), (bundle) => {
    if (!maps.has(bundle)) maps.set(bundle, builtMap(bundle));
    return maps.get(bundle)!;
  });
  console.log(text.trimEnd());
}

/** @returns Null where no such program was built here. */
function builtMap(bundle: string): SourceMap | null {
  try {
    const path = new URL(`../build/${bundle}.js.map`, import.meta.url);
    return new SourceMap(JSON.parse(Deno.readTextFileSync(path)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
