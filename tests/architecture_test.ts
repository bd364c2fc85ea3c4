/**
 * The rules of the layers, held against every source file. A broken rule is reported as
 * `path:line: error: what is wrong, and what to do`.
 */

import { assert, assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { importsOf, layersAsSvg } from "../tools/layers.ts";

/** What each folder may import, besides itself. Nothing of ours that isn't named here. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "lib/base": [],
  "lib/protocols": ["lib/base"],
  "lib/wire": ["lib/base", "lib/protocols"],
  "lib/transport": ["lib/base", "lib/wire", "lib/protocols"],
  "lib/store": ["lib/base"],
  "lib/runtime": ["lib/base", "lib/protocols", "lib/wire", "lib/transport", "lib/store"],
  "lib/cli": [
    "lib/base",
    "lib/protocols",
    "lib/wire",
    "lib/transport",
    "lib/store",
    "lib/runtime",
  ],
};

/** Within a layer that may be imported, only these files may: ports, not adapters. */
const ONLY: readonly { readonly from: string; readonly of: string; readonly files: RegExp }[] = [
  { from: "lib/wire", of: "lib/protocols", files: /\/messages\.ts$/ },
  { from: "lib/transport", of: "lib/wire", files: /\/frame\.ts$/ },
  { from: "lib/transport", of: "lib/protocols", files: /^lib\/protocols\/noise\// },
  {
    from: "lib/runtime",
    of: "lib/transport",
    files: /^lib\/transport\/(link|datagrams|relays)\.ts$/,
  },
  {
    from: "lib/runtime",
    of: "lib/store",
    files: /^lib\/store\/(log_format|record_line|accounts)\.ts$/,
  },
];

/** What reaches the world, or time, or chance: only at the edge. */
const BANNED: readonly {
  readonly in: RegExp;
  readonly pattern: RegExp;
  readonly instead: string;
}[] = [
  {
    in: /^lib\/(base|protocols|wire|runtime)\//,
    pattern: /\bDeno\./,
    instead: "take a port, its adapter belongs to lib/transport, lib/store or lib/cli",
  },
  {
    in: /^lib\/(base|protocols|wire|runtime|store)\//,
    pattern: /\bDate\.now\b|\bperformance\.now\b|\bnew Date\(\)/,
    instead: "take the time as a parameter or from Environment",
  },
  {
    in: /^lib\//,
    pattern: /\bMath\.random\b/,
    instead: "use Environment.random or randomBytes",
  },
  {
    in: /^lib\/(base|protocols|wire|runtime)\//,
    pattern: /\b(setTimeout|setInterval|setImmediate)\(/,
    instead: "give the machine a deadline",
  },
  { in: /^(lib|main\.ts)/, pattern: /\bconsole\.\w/, instead: "use the user interface or Logger" },
  {
    in: /^lib\/(base|protocols|wire)\//,
    pattern: /^\s*(async |.*\bawait |.*\bPromise\b)/,
    instead: "machines answer at once; what waits is an effect",
  },
];

interface Source {
  readonly path: string;
  readonly text: string;
}

/** The complaints about one file. */
function complaints({ path, text }: Source): readonly string[] {
  const found: string[] = [];
  const layer = layerOf(path);
  let inComment = false;
  text.split("\n").forEach((line, index) => {
    const at = `${path}:${index + 1}: error:`;
    const trimmed = line.trim();
    if (trimmed.startsWith("/*")) inComment = true;
    const comment = inComment || trimmed.startsWith("//");
    if (trimmed.includes("*/")) inComment = false;
    if (comment) return;
    const code = line.replace(/(["'`])(?:(?!\1).)*\1/g, '""').replace(/\/\/.*/, "");
    for (const rule of BANNED) {
      const match = rule.in.test(path) ? rule.pattern.exec(code) : null;
      if (match !== null) found.push(`${at} ${match[0].trim()} is banned here, ${rule.instead}`);
    }
    const imported = /(?:from|import)\s*\(?\s*"(\.[^"]+)"/.exec(line)?.[1];
    if (imported === undefined || layer === null) return;
    const target = new URL(imported, `file:///${path}`).pathname.slice(1);
    const targetLayer = layerOf(target) ?? target.split("/")[0] ?? "";
    if (targetLayer === layer) return;
    if (!(MAY_IMPORT[layer] ?? []).includes(targetLayer)) {
      found.push(`${at} ${layer} imports ${target}, it may import ${listOf(MAY_IMPORT[layer])}`);
    }
    for (const rule of ONLY) {
      if (rule.from === layer && rule.of === targetLayer && !rule.files.test(target)) {
        found.push(`${at} ${layer} imports ${target}, of ${rule.of} only ${rule.files.source}`);
      }
    }
  });
  return found;
}

function listOf(layers: readonly string[] | undefined): string {
  return layers === undefined || layers.length === 0 ? "nothing" : layers.join(", ");
}

function layerOf(path: string): string | null {
  return Object.keys(MAY_IMPORT).find((layer) => path.startsWith(`${layer}/`)) ?? null;
}

async function sources(): Promise<readonly Source[]> {
  const found: Source[] = [];
  for await (const { path } of walk("lib", { exts: [".ts"], includeDirs: false })) {
    found.push({ path, text: await Deno.readTextFile(path) });
  }
  found.push({ path: "main.ts", text: await Deno.readTextFile("main.ts") });
  return found;
}

Deno.test("architecture: every source keeps to its layer", async () => {
  const all = await sources();

  const found = all.flatMap(complaints);

  assert(all.length > 20, `only ${all.length} sources were found`);
  assertEquals(found, []);
});

const BAD: readonly (Source & { readonly complaint: RegExp })[] = [
  {
    path: "lib/base/a.ts",
    text: 'import { x } from "../protocols/mesh/order.ts";',
    complaint: /:1: error: lib\/base imports lib\/protocols.*it may import nothing/,
  },
  {
    path: "lib/protocols/mesh/a.ts",
    text: 'import type { Codec } from "../../wire/codec.ts";',
    complaint: /imports lib\/wire/,
  },
  {
    path: "lib/runtime/a.ts",
    text: 'const { x } = await import("../transport/tcp_links.ts");',
    complaint: /of lib\/transport only/,
  },
  {
    path: "lib/protocols/a.ts",
    text: "\nconst t = Date.now();",
    complaint: /:2: error: Date\.now/,
  },
  { path: "lib/store/a.ts", text: "const t = Math.random();", complaint: /Math\.random is banned/ },
  { path: "lib/runtime/a.ts", text: "Deno.exit(1);", complaint: /Deno\. is banned/ },
  { path: "lib/wire/a.ts", text: "  setTimeout(f, 1);", complaint: /give the machine a deadline/ },
  { path: "lib/cli/a.ts", text: "console.log(1);", complaint: /console\.l is banned/ },
  { path: "lib/protocols/a.ts", text: "async function f() {}", complaint: /answer at once/ },
];

for (const { complaint, ...bad } of BAD) {
  Deno.test(`architecture: complains about ${JSON.stringify(bad.text)} in ${bad.path}`, () => {
    const found = complaints(bad);

    assertEquals(found.length, 1, found.join("\n"));
    assert(complaint.test(found[0] as string), found[0]);
  });
}

Deno.test("architecture: comments and strings may name what code may not", () => {
  const text = '// Date.now() is banned\nconst said = "console.log";\n/**\n * Deno.exit\n */';

  const found = complaints({ path: "lib/protocols/a.ts", text });

  assertEquals(found, []);
});

Deno.test("architecture: docs/layers.svg shows who imports from whom", async () => {
  const drawn = await Deno.readTextFile("docs/layers.svg");

  assertEquals(drawn, layersAsSvg(await importsOf(Deno.cwd())), "deno run -A tools/layers.ts");
});

Deno.test("architecture: the program may read the variables that it reads, and no others", async () => {
  const read = new Set<string>();
  for await (const { path } of walk("lib", { includeDirs: false, exts: ["ts"] })) {
    const text = await Deno.readTextFile(path);
    for (const [, name] of text.matchAll(/(?:variable\(|_VARIABLE = )"([A-Z0-9_]+)"/g)) {
      read.add(name!);
    }
  }
  const build = await Deno.readTextFile("tools/build.sh");

  assertEquals(/^variables=(.*)$/m.exec(build)?.[1], [...read].sort().join(","));
});
