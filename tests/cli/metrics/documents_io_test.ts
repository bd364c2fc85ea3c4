/** docs/operations.md explains each figure that there is, and names no other; nor does docs/dashboard.json. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { MeshMetering } from "../../../lib/cli/metrics/mesh_metering.ts";
import { RegserverMetering } from "../../../lib/cli/metrics/regserver_metering.ts";
import { ServeMetering } from "../../../lib/cli/metrics/serve_metering.ts";

const KINDS = [MeshMetering, ServeMetering, RegserverMetering];
const SUFFIXES = { counter: ["_total"], gauge: [""], histogram: [""] } as const;

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

/** Names as a monitor has them. */
async function figures(): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const Kind of KINDS) {
    const metering = new Kind();
    for (const { name, type } of metering.families) {
      for (const suffix of SUFFIXES[type]) names.add(name + suffix);
    }
    await metering.close();
  }
  return names;
}

const NAME = /\b(?:p2pchat|process)_[a-z_]+/g;

/** Those that stand in a text; of a histogram's series its name. */
function namedIn(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(NAME)].map(([name]) => name.replace(/_(bucket|count|sum)$/, "")),
  );
}

Deno.test("docs/operations.md: all figures, and no others", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/operations.md", import.meta.url));
  const [, section = ""] = page.split("\n## Figures for a monitor\n");
  const [own = ""] = section.split("\n## ");
  const named = namedIn(own);
  const there = await figures();

  assertEquals([...named].filter((name) => !there.has(name)), []);
  assertEquals([...there].filter((name) => !named.has(name)), []);
  assert(there.size > 50);
});

Deno.test("docs/dashboard.json: shows only figures that there are, each of them explained", async () => {
  const text = await Deno.readTextFile(new URL("../../../docs/dashboard.json", import.meta.url));
  const dashboard = JSON.parse(text);
  const there = await figures();

  assertEquals([...namedIn(text)].filter((name) => !there.has(name)), []);
  for (const { type, title, description, targets } of dashboard.panels) {
    assert(type === "row" || description.endsWith("."), title);
    assert(type === "row" || targets.length > 0, title);
  }
});

Deno.test("docs/dashboard.json: shows each figure of which an alarm is worth something", async () => {
  const [page, dashboard] = await Promise.all(
    ["operations.md", "dashboard.json"].map((file) =>
      Deno.readTextFile(new URL(`../../../docs/${file}`, import.meta.url))
    ),
  );
  const [, alarms = ""] = page!.split("\nalarm is worth:\n");
  const watched = namedIn(alarms.split("\nAll modes:\n")[0]!);
  const shown = namedIn(dashboard!);

  assert(watched.size > 8);
  assertEquals([...watched].filter((name) => !shown.has(name)), []);
});

Deno.test("docs/dashboard.json: an instance stands by only while another one of its group leads", async () => {
  const text = await Deno.readTextFile(new URL("../../../docs/dashboard.json", import.meta.url));
  const panels: readonly Panel[] = JSON.parse(text).panels;
  const ready = panels.find(({ title }) => title === "Ready")!;
  const [standsBy = ""] = ready.targets[0]!.expr.split(" + 2 or ");

  // Whichever instance is looked at: the one that leads may be another.
  assertMatch(standsBy, / and on\(job\) max by \(job\) \(p2pchat_leader\{job=~"\$job"\}\) == 1\)$/);
});

Deno.test("without --metrics nothing that measures is loaded", async () => {
  const lib = new URL("../../../lib/", import.meta.url);
  const eager = /^import (?!type )[^;]*?from "[^"]*\/metrics\/(?!with_metering)[^"]*";/gms;
  for (const folder of ["mesh", "group", "directory"]) {
    for await (const { name } of Deno.readDir(new URL(`cli/${folder}/`, lib))) {
      const text = await Deno.readTextFile(new URL(`cli/${folder}/${name}`, lib));
      assertEquals(text.match(eager), null, name);
    }
  }
  const seam = await Deno.readTextFile(new URL("cli/metrics/with_metering.ts", lib));
  assertEquals(seam.match(/^import (?!type )[^;]*?from "\.\/[^"]*";/gms), null);
});
