/**
 * The rules of the layers, held against every source file. A broken rule is reported as
 * `path:line: error: what is wrong, and what to do`.
 */

import { assert, assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { importsOf, layersAsSvg, ROOMS } from "../tools/layers.ts";

/** What each folder may import, besides itself. Nothing of ours that isn't named here. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "lib/base": [],
  "lib/protocols": ["lib/base"],
  "lib/wire": ["lib/base", "lib/protocols"],
  "lib/transport": ["lib/base", "lib/wire", "lib/protocols"],
  "lib/store": ["lib/base"],
  "lib/engine": ["lib/base", "lib/store", "lib/protocols"],
  "lib/runtime": ["lib/base", "lib/protocols", "lib/wire", "lib/transport", "lib/store"],
  "lib/cli": [
    "lib/base",
    "lib/protocols",
    "lib/wire",
    "lib/transport",
    "lib/store",
    "lib/engine",
    "lib/runtime",
  ],
};

/** Within a layer that may be imported, only these files may: ports, not adapters. */
const ONLY: readonly { readonly from: string; readonly of: string; readonly files: RegExp }[] = [
  { from: "lib/engine", of: "lib/store", files: /\/accounts\.ts$/ },
  { from: "lib/engine", of: "lib/protocols", files: /\/schema\/registrar_io\.ts$/ },
  { from: "lib/wire", of: "lib/protocols", files: /\/messages\.ts$/ },
  { from: "lib/transport", of: "lib/wire", files: /\/frame\.ts$/ },
  { from: "lib/transport", of: "lib/protocols", files: /^lib\/protocols\/(noise|port_mapping)\// },
  {
    from: "lib/runtime",
    of: "lib/transport",
    files:
      /^lib\/transport\/(link|datagrams|relayed_streams|home_router|discovery\/service_discovery)\.ts$/,
  },
  {
    from: "lib/runtime",
    of: "lib/store",
    files: /^lib\/store\/(log\/log_format|disk\/record_line|accounts\/accounts)\.ts$/,
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
    in: /^(lib|main\.ts)/,
    pattern: /\busing \w+ =/,
    instead:
      "close it in a finally: the bundler drops using (esbuild, issue 4482), and it stays open",
  },
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

/** More than these in one folder, and nobody finds anything. */
const FILES_IN_FOLDER_MAX = 20;
/** Files that each protocol has, under the same name in each. */
const IN_EACH_PROTOCOL = ["messages.ts", "records.ts", "limits.ts", "events.ts"];

/** The files of `lib` that a source imports, types and dynamic imports among them. */
function importsIn({ path, text }: Source): readonly string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(([, target]) =>
    new URL(target!, `file:///${path}`).pathname.slice(1)
  );
}

/** Where a file is: its folder as in `ROOMS`, and its room there; null outside of them. */
function roomOf(path: string): { readonly folder: string; readonly room: string } | null {
  const folder = Object.keys(ROOMS).find((each) => path.startsWith(`lib/${each}/`));
  if (folder === undefined) return null;
  return { folder, room: path.slice(`lib/${folder}/`.length).split("/").slice(0, -1).join("/") };
}

/** Rooms that aren't in the list, and imports that lead up. */
function upwardImports(sources: readonly Source[]): readonly string[] {
  return sources.flatMap((source) => {
    const from = roomOf(source.path);
    if (from === null) return [];
    const rooms = ROOMS[from.folder]!;
    if (!rooms.includes(from.room)) return [`${source.path}: error: its room isn't in ROOMS`];
    return importsIn(source).filter((target) => {
      const to = roomOf(target);
      return to?.folder === from.folder && rooms.indexOf(to.room) < rooms.indexOf(from.room);
    }).map((target) => `${source.path}: error: it imports ${target}, from a room above its own`);
  });
}

/** Files each of which leads to all others of its circle (Tarjan, 1972: strongly connected components). */
function circles(sources: readonly Source[]): readonly string[] {
  const targets = new Map(sources.map((source) => [source.path, importsIn(source)]));
  const numbers = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const found: string[] = [];
  const visit = (path: string) => {
    numbers.set(path, numbers.size);
    lowest.set(path, numbers.get(path)!);
    stack.push(path);
    for (const target of targets.get(path) ?? []) {
      if (!targets.has(target)) continue;
      if (!numbers.has(target)) visit(target);
      else if (!stack.includes(target)) continue;
      lowest.set(path, Math.min(lowest.get(path)!, lowest.get(target)!));
    }
    if (lowest.get(path) !== numbers.get(path)) return;
    const circle = stack.splice(stack.indexOf(path));
    if (circle.length > 1) found.push(`${circle.join(", ")}: error: each imports the others`);
  };
  for (const path of targets.keys()) if (!numbers.has(path)) visit(path);
  return found;
}

/** Folders with too many files, and names that stand twice. */
function misplaced(paths: readonly string[]): readonly string[] {
  const byFolder = Map.groupBy(paths, (path) => path.split("/").slice(0, -1).join("/"));
  const full = [...byFolder].filter(([, files]) => files.length > FILES_IN_FOLDER_MAX)
    .map(([folder, { length }]) =>
      `${folder}: error: ${length} files, at most ${FILES_IN_FOLDER_MAX}`
    );
  const byName = Map.groupBy(paths, (path) => path.split("/").at(-1)!);
  const twice = [...byName]
    .filter(([name, files]) => files.length > 1 && !IN_EACH_PROTOCOL.includes(name))
    .map(([, files]) => `${files.join(", ")}: error: two files of one name`);
  return [...full, ...twice];
}

/** A file that exports a class, and no function or other class, is named as that class. */
function misnamed({ path, text }: Source): readonly string[] {
  const names = [
    ...text.matchAll(/^export (?:abstract )?(?:class|(?:async )?function\*?) (\w+)/gm),
  ];
  const [name] = names.map(([, each]) => each!);
  if (names.length !== 1 || name === undefined || !/^[A-Z]/.test(name)) return [];
  const expected = `${name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toLowerCase()}.ts`;
  const actual = path.split("/").at(-1);
  return actual === expected ? [] : [`${path}: error: it is of the class ${name}: ${expected}`];
}

/** What a file exports and no other file, of `lib` or of the tests, names. */
function unusedExports(
  sources: readonly Source[],
  others: readonly Source[],
): readonly string[] {
  const words = new Map(
    [...sources, ...others].map(({ path, text }) => [path, new Set(text.match(/\w+/g))] as const),
  );
  // What is imported as a whole is asked for by values, as the tables of PROTOCOL.md do.
  const asWhole = new Set(
    [...sources, ...others].flatMap(({ path, text }) =>
      [...text.matchAll(/import \* as \w+ from "(\.[^"]+)"/g)].map(([, target]) =>
        new URL(target!, `file:///${path}`).pathname.slice(1)
      )
    ),
  );
  const declared =
    /^export (?:abstract |async )*(?:class|function\*?|const|let|type|interface) (\w+)/gm;
  return sources.filter(({ path }) => !asWhole.has(path)).flatMap(({ path, text }) =>
    [...text.matchAll(declared)].map(([, name]) => name!)
      .filter((name) => ![...words].some(([other, has]) => other !== path && has.has(name)))
      .map((name) => `${path}: error: no other file uses ${name}: export it no more`)
  );
}

Deno.test("architecture: rooms import downwards, and no file leads back to itself", async () => {
  const all = await sources();

  assertEquals(upwardImports(all), []);
  assertEquals(circles(all), []);
});

Deno.test("architecture: a file is found by its folder and its name", async () => {
  const all = await sources();

  assertEquals(misplaced(all.map(({ path }) => path)), []);
  assertEquals(all.flatMap(misnamed), []);
  const folders = new Set(all.map(({ path }) => path.split("/").slice(0, -1).join("/")));
  folders.delete(""); // main.ts
  for (const folder of folders) {
    const { isFile } = await Deno.stat(`${folder}/README.md`);
    assert(isFile, `${folder} says what lives in it`);
  }
});

Deno.test("architecture: what a file exports, another uses", async () => {
  const others: Source[] = [];
  for (const folder of ["tests", "tools"]) {
    for await (const { path } of walk(folder, { exts: [".ts"], includeDirs: false })) {
      others.push({ path, text: await Deno.readTextFile(path) });
    }
  }

  assertEquals(unusedExports(await sources(), others), []);
});

Deno.test("architecture: complains about imports that lead up, or in a circle", () => {
  const up = { path: "lib/base/text/a.ts", text: 'import type { X } from "../trust/b.ts";' };
  const back = { path: "lib/base/trust/b.ts", text: 'await import("../text/a.ts")' };
  const nowhere = { path: "lib/base/attic/c.ts", text: "" };

  assertEquals(upwardImports([up, back]).length, 1);
  assertEquals(upwardImports([nowhere]), ["lib/base/attic/c.ts: error: its room isn't in ROOMS"]);
  assertEquals(circles([up, back]).length, 1);
  assertEquals(circles([up, nowhere]), []);
});

Deno.test("architecture: complains about full folders, names that stand twice and names that aren't the class's", () => {
  const many = Array.from({ length: 21 }, (_, at) => `lib/base/text/f${at}.ts`);
  const text = "export class FairQueue {}\n";

  assertEquals(misplaced(many), ["lib/base/text: error: 21 files, at most 20"]);
  assertEquals(misplaced(["lib/a/x.ts", "lib/b/x.ts"]).length, 1);
  assertEquals(misplaced(["lib/a/limits.ts", "lib/b/limits.ts"]), []);
  assertEquals(misnamed({ path: "lib/a/queue.ts", text }).length, 1);
  assertEquals(misnamed({ path: "lib/a/fair_queue.ts", text }), []);
  assertEquals(misnamed({ path: "lib/a/queue.ts", text: `${text}export function f() {}` }), []);
});

Deno.test("architecture: complains about exports that nothing uses", () => {
  const a = { path: "lib/a.ts", text: "export const USED = 1;\nexport const UNUSED = USED;" };
  const test = { path: "tests/a_test.ts", text: "USED" };

  assertEquals(unusedExports([a], [test]), [
    "lib/a.ts: error: no other file uses UNUSED: export it no more",
  ]);
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
  { path: "lib/cli/a.ts", text: "using file = open();", complaint: /using file = is banned/ },
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
    for (const [, names] of text.matchAll(/_VARIABLES = \[([^\]]*)\]/g)) {
      for (const [, name] of names!.matchAll(/"(\w+)"/g)) read.add(name!);
    }
  }
  const build = await Deno.readTextFile("tools/build.sh");

  assertEquals(/^variables=(.*)$/m.exec(build)?.[1], [...read].sort().join(","));
});
