/** Nothing that a program tells is unknown to the page. */

import { assert, assertEquals } from "@std/assert";
import { page } from "./page_modules.ts";

/** What the page has no use for: its own address and another door's, progress, and what a notice says besides. */
const NOT_SHOWN = ["allowed", "catching-up", "irc", "removed", "web"];
const SECTIONS = /^#+ (?:.*What comes out|Friends: |A group: |A directory: )/;

Deno.test("page: each event in docs/scripting.md is shown, or is one that needn't be", async () => {
  const text = await Deno.readTextFile(new URL("../../../docs/scripting.md", import.meta.url));
  const names = new Set<string>();
  let [isOurs, isOfEvents] = [false, false];
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) isOurs = SECTIONS.test(line);
    // Below are those of programs in which nobody talks.
    if (/^The (?:coordinator|directory)'s commands are/.test(line)) isOurs = false;
    const [, name] = /^\| `([a-z-]+)` /.exec(line) ?? [];
    if (name === "event" || name === "command") isOfEvents = name === "event";
    else if (isOurs && isOfEvents && name !== undefined) names.add(name);
  }
  assert(names.size > 40, `only ${names.size} were found`);

  const unknown = [...names].filter((name) => !page.isKnown(name) && !NOT_SHOWN.includes(name));

  assertEquals(unknown, []);
});
