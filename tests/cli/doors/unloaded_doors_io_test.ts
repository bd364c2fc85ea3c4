import { assert, assertEquals } from "@std/assert";

const LIB = new URL("../../../lib/", import.meta.url);
/** What a start loads: the program, and the mode that it is. */
const STARTS = ["program", "mesh/mesh_mode", "group/member_mode", "directory/registry_mode"]
  .concat("friends/friends_mode", "group/serve_mode", "directory/regserver_mode")
  .map((name) => new URL(`cli/${name}.ts`, LIB).href);
const OF_DOORS = /\/cli\/(?:doors|opened_doors|irc|page|http|mcp|scripts|metrics)\//;
/** What loads the rest where a flag is given. */
const ALWAYS = /\/(?:asked_doors|with_metering)\.ts$/;

/** What a file imports, as it is loaded: neither types, nor what is asked for later. */
function importedBy(text: string, path: string): readonly string[] {
  const imports = text.matchAll(/^(?:import|export) (?!type )([^;]*?) ?from "(\.[^"]+)";/gm);
  return [...imports]
    .filter(([, names]) => !/^\{(?:\s*type [^,}]+,?)*\s*\}$/.test(names!))
    .map(([, , target]) => new URL(target!, path).href);
}

Deno.test("without --web, --irc, --mcp, --once, --wait and --metrics nothing of these is loaded", async () => {
  const seen = new Set<string>();
  const ahead = [...STARTS];
  for (let path = ahead.pop(); path !== undefined; path = ahead.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    ahead.push(...importedBy(await Deno.readTextFile(new URL(path)), path));
  }

  assert(seen.size > 200, `only ${seen.size} files were found`);
  assertEquals([...seen].filter((path) => OF_DOORS.test(path) && !ALWAYS.test(path)), []);
});
