// deno-lint-ignore-file no-console -- a program of its own
/**
 * Puts the page's files (`lib/cli/page/assets/`) into the program: writes `lib/cli/page/page_assets.ts`. After each change
 * of one of them:
 *
 *     deno run -A tools/page_assets.ts
 */

import { brotliCompressSync } from "node:zlib";

const FOLDER = "lib/cli/page/assets";
export const MODULE = "lib/cli/page/page_assets.ts";

/** Texts alone: pictures are SVG. */
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml; charset=utf-8",
  webmanifest: "application/manifest+json; charset=utf-8",
};

/** What the page begins with: the others of its scripts are in it. */
const SCRIPT = "page.js";
const STYLE = "page.css";

interface Asset {
  readonly name: string;
  readonly text: string;
}

/** All of them, by name. */
export async function pageAssets(): Promise<readonly Asset[]> {
  const found: Asset[] = [];
  for await (const { name, isFile } of Deno.readDir(FOLDER)) {
    const path = `${FOLDER}/${name}`;
    if (name === SCRIPT) found.push({ name, text: await bundled(path) });
    else if (name === STYLE) found.push({ name, text: await minified(path) });
    else if (isFile && !/\.(?:js|css|md)$/.test(name)) {
      found.push({ name, text: await Deno.readTextFile(path) });
    }
  }
  return found.toSorted((one, other) => one.name < other.name ? -1 : 1);
}

/** A script with all that it imports: one request, and a third of what the sources have. */
async function bundled(path: string): Promise<string> {
  const args = ["bundle", "--quiet", "--platform", "browser", "--minify", path];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(`Cannot bundle ${path}: ${new TextDecoder().decode(stderr)}`);
  // In a template of `htm` a line's indentation means nothing.
  return new TextDecoder().decode(stdout).replace(/\n\s+/g, "\n");
}

/** A style sheet without comments and what else only people read. */
async function minified(path: string): Promise<string> {
  const text = await Deno.readTextFile(path);
  return text.replace(/\/\*.*?\*\//gs, "").replace(/\s+/g, " ").replace(/ ?([{};,]) ?/g, "$1")
    .trim();
}

/** The module that holds them, compressed. @throws {Error} Where one is of a type that isn't served. */
export function moduleOf(assets: readonly Asset[]): string {
  return [
    "/** Written by `tools/page_assets.ts`: the page's files. */",
    "",
    'import type { PageAsset } from "./page_connection.ts";',
    "",
    "// deno-fmt-ignore-file",
    "export const PAGE_ASSETS: ReadonlyMap<string, PageAsset> = new Map([",
    ...assets.map(({ name, text }) => `  [${JSON.stringify(name)}, ${assetOf(name, text)}],`),
    "]);",
    "",
  ].join("\n");
}

function assetOf(name: string, text: string): string {
  const type = TYPES[name.split(".").at(-1)!];
  if (type === undefined) {
    throw new Error(`Cannot serve ${name}: add its type to tools/page_assets.ts`);
  }
  return `{ type: "${type}", brotli: "${brotliCompressSync(text).toBase64()}" }`;
}

if (import.meta.main) {
  const assets = await pageAssets();
  await Deno.writeTextFile(MODULE, moduleOf(assets));
  console.log(`${MODULE}: ${assets.map(({ name }) => name).join(", ")}`);
}
