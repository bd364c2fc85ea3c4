/**
 * Marks what loads each module of the bundle as called at once, for V8: it compiles functions in parentheses with the
 * file, and keeps them in the code cache that all later starts read. Otherwise each start compiles them anew, which takes
 * a member an eighth of the processor time until it is ready.
 *
 *     deno run --allow-env --allow-sys --allow-read --allow-write=build tools/eager_modules.ts build/mesh.js
 *
 * The source map beside the file follows. Before that, the bundle is mended (`mended_bundle.ts`).
 */

import { asciiOnly, withoutLeftOut, withRequire } from "./mended_bundle.ts";

/** The bundler's helper: given what loads a module, it returns what loads it the first time it is called. */
const HELPER = /var ([\w$]+)=\((\w+),(\w+)\)=>(\(\)=>\(\2&&\(\3=\2\(\2=0\)\),\3\))/;

/** Where a module is imported when it is asked for: what loads it, and what it exports. */
const IMPORT = /\.then\(\(\)=>\(([\w$]+)\(\),([\w$]+)\)\)/g;

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

interface Bundle {
  readonly text: string;
  /** The field `mappings` of its source map. */
  readonly mappings: string;
}

/**
 * The bundle with parentheses around each of `functions`, the arguments of its helper, in the order in which they stand
 * in it.
 */
export function eager({ text, mappings }: Bundle, functions: readonly string[]): Bundle {
  const helper = HELPER.exec(text)?.[1];
  const parts: string[] = [];
  const insertions: number[] = [];
  let at = 0;
  for (const each of functions) {
    const call = text.indexOf(`${helper}(${each})`, at);
    if (helper === undefined || call < 0) throw new Error(`not in the bundle: ${each}`);
    const begin = call + helper.length + 1;
    parts.push(text.slice(at, begin), "(", each, ")");
    at = begin + each.length;
    insertions.push(begin, at);
  }
  parts.push(text.slice(at));
  return { text: parts.join(""), mappings: shifted(mappings, text, insertions) };
}

/** The mappings after one character has been put before each of these positions in `text`. */
function shifted(mappings: string, text: string, insertions: readonly number[]): string {
  let lineStart = 0;
  let next = 0;
  return mappings.split(";").map((line) => {
    const lineEnd = text.indexOf("\n", lineStart);
    let [column, written, inserted] = [0, 0, 0];
    const segments = line === "" ? [] : line.split(",").map((segment) => {
      const [delta, rest] = firstNumber(segment);
      column += delta;
      while (next < insertions.length && insertions[next]! <= lineStart + column) {
        next++;
        inserted++;
      }
      const out = numberText(column + inserted - written) + rest;
      written = column + inserted;
      return out;
    });
    lineStart = lineEnd < 0 ? text.length : lineEnd + 1;
    while (next < insertions.length && insertions[next]! < lineStart) next++;
    return segments.join(",");
  }).join(";");
}

/** The first of a segment's numbers (base 64, least digit first, each with a bit for "more"), and the text behind it. */
function firstNumber(segment: string): [number, string] {
  let value = 0;
  for (let i = 0;; i++) {
    const digit = DIGITS.indexOf(segment[i]!);
    value += (digit & 31) * 32 ** i;
    if (digit < 32) return [value % 2 === 1 ? -(value >> 1) : value >> 1, segment.slice(i + 1)];
  }
}

/** The sign is the lowest bit. */
function numberText(value: number): string {
  let left = value < 0 ? (-value << 1) + 1 : value << 1;
  let text = "";
  do {
    text += DIGITS[(left & 31) + (left > 31 ? 32 : 0)];
    left >>= 5;
  } while (left > 0);
  return text;
}

/**
 * Of `functions`, those of modules that most starts load: what isn't in a module loads them, they load each other, or they
 * export one of `names` and are imported when asked for. What else is imported only when asked for, few starts need, and
 * all would read it from the cache.
 */
export function needed(
  text: string,
  functions: readonly string[],
  names: readonly string[],
): readonly string[] {
  const helper = HELPER.exec(text)?.[1];
  const modules = new Map<string, string>();
  const outside: string[] = [];
  let at = 0;
  for (const each of functions) {
    const call = `${helper}(${each})`;
    const begin = text.indexOf(call, at);
    outside.push(text.slice(at, begin));
    modules.set(/([\w$]+)=$/.exec(outside.at(-1)!)![1]!, each);
    at = begin + call.length;
  }
  outside.push(text.slice(at));
  const whole = outside.join("");
  const found = new Set<string>();
  const waiting = [
    whole.replaceAll(IMPORT, (site, _, exports) => {
      const exported = whole.slice(whole.indexOf(`(${exports},{`)).split("}", 1)[0]!;
      return names.some((name) => exported.includes(`${name}:`)) ? site : "";
    }),
  ];
  for (let code = waiting.pop(); code !== undefined; code = waiting.pop()) {
    for (const [, name] of code.matchAll(/([\w$]+)\(\)/g)) {
      const each = modules.get(name!);
      if (each === undefined || found.has(each)) continue;
      found.add(each);
      waiting.push(each.replaceAll(IMPORT, ""));
    }
  }
  return functions.filter((each) => found.has(each));
}

/** What the bundle gives its helper, as source text: the bundle itself tells, loaded with a helper that notes it. */
async function functionsOf(text: string): Promise<readonly string[]> {
  const found: string[] = [];
  Object.assign(globalThis, { foundInBundle: (each: unknown) => found.push(String(each)) });
  const noting = text.replace(
    HELPER,
    (_, helper, each, loaded, load) =>
      `var ${helper}=(${each},${loaded})=>(foundInBundle(${each}),${load})`,
  );
  const file = await Deno.makeTempFile({ dir: "build", suffix: ".mjs" });
  try {
    await Deno.writeTextFile(file, noting);
    await import(`file://${await Deno.realPath(file)}`);
  } finally {
    await Deno.remove(file);
  }
  return found;
}

if (import.meta.main) {
  const path = Deno.args[0]!;
  const text = asciiOnly(withoutLeftOut(withRequire(await Deno.readTextFile(path))));
  await Deno.writeTextFile(path, text);
  const mapText = await Deno.readTextFile(`${path}.map`);
  const functions = await functionsOf(text);
  // Another version of Deno may bundle otherwise: then the program is whole, and starts as slowly as without this.
  if (functions.length === 0) Deno.exit();
  const map = JSON.parse(mapText);
  const made = eager({ text, mappings: map.mappings }, needed(text, functions, Deno.args.slice(1)));
  await Deno.writeTextFile(path, made.text);
  await Deno.writeTextFile(`${path}.map`, JSON.stringify({ ...map, mappings: made.mappings }));
}
