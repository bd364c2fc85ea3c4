/** docs/model: what tools/model.sh runs is what the page tells of, and each rule that is left out is one of that model's. */

import { assertEquals } from "@std/assert";
import { walk } from "@std/fs";

const SCRIPT = await Deno.readTextFile("tools/model.sh");
const PAGE = await Deno.readTextFile("docs/model/README.md");

/** The models' texts, by name. */
const MODELS = new Map<string, string>();
for await (const { name } of Deno.readDir("docs/model")) {
  if (!name.endsWith(".pml")) continue;
  MODELS.set(name.slice(0, -4), await Deno.readTextFile(`docs/model/${name}`));
}

/** The lines of all lists in the script. */
const LINES = [...SCRIPT.matchAll(/^\w*(?:runs|mutations)='\n([^']*)'$/gm)].flatMap(([, lines]) =>
  lines!.trim().split("\n")
);

/** The model that a line is about. */
function modelOf(name: string, bounds: readonly string[]): string {
  return bounds[0]!.includes("=") ? name.split("-")[0]! : "group";
}

Deno.test("docs/model: each run and mutation of tools/model.sh has its row, and no row has none", () => {
  const names = LINES.map((line) => line.split(/\s+/)[0]!);
  const told = [...PAGE.matchAll(/^\| `([a-z]+(?:-[a-z]+)*)` /gm)].map(([, name]) => name!);
  // Some have a sentence instead. A table of what is modelled may begin with a word.
  const untold = names.filter((name) => !PAGE.includes(`\`${name}\``));
  const gone = told.filter((name) => name.includes("-") && !names.includes(name));
  assertEquals([untold, gone], [[], []]);
  assertEquals(names.length, new Set(names).size, "each name is there once");
});

Deno.test("docs/model: each switch of a line is one of its model's", () => {
  const unknown = LINES.flatMap((line) => {
    const [name = "", ...bounds] = line.split(/\s+/);
    const model = MODELS.get(modelOf(name, bounds));
    const switches = bounds.filter((bound) => /^[A-Z]/.test(bound) && bound !== "DEEP");
    return switches.map((bound) => bound.split("=")[0]!)
      .filter((bound) => model === undefined || !new RegExp(`\\b${bound}\\b`).test(model))
      .map((bound) => `${name}: ${bound}`);
  });
  assertEquals(unknown, []);
});

Deno.test("docs/model: each source that a model or the page names is there", async () => {
  const sources = new Set<string>();
  for await (const { name } of walk("lib", { exts: [".ts"], includeDirs: false })) {
    sources.add(name);
  }
  const missing = [...MODELS, ["README", PAGE]].flatMap(([model = "", text = ""]) =>
    [...text.matchAll(/\b\w+(?<!_test)\.ts\b/g)].filter(([name]) => !sources.has(name))
      .map(([name]) => `${model}: ${name}`)
  );

  assertEquals(missing, []);
});
