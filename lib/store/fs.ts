/**
 * The functions of `@std/fs` that we use, over Deno's own calls, under the same names and with the same
 * meaning: the import map points there, so that the published package can take this file's place.
 */

import { basename, join } from "node:path";

/** Makes a folder and those above it, unless it is there. @throws {Error} If a file is in the way. */
export async function ensureDir(dir: string): Promise<void> {
  try {
    await Deno.mkdir(dir, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    if (!(await Deno.stat(dir)).isDirectory) throw error;
  }
}

export interface ExistsOptions {
  readonly isDirectory?: boolean;
  readonly isFile?: boolean;
}

/** Whether something is at `path`, of the kind asked for. */
export async function exists(path: string, options: ExistsOptions = {}): Promise<boolean> {
  try {
    const info = await Deno.stat(path);
    if (options.isDirectory === true && !info.isDirectory) return false;
    return !(options.isFile === true && !info.isFile);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

export interface WalkOptions {
  /** How deep to go; 0 is `root` alone. Unbounded unless set. */
  readonly maxDepth?: number;
  readonly includeFiles?: boolean;
  readonly includeDirs?: boolean;
  /** Endings of names, with or without their dot; other files are left out. */
  readonly exts?: readonly string[];
  /** Paths that match none of these are left out. */
  readonly match?: readonly RegExp[];
  /** Paths that match one of these are left out, with all below them. */
  readonly skip?: readonly RegExp[];
}

export interface WalkEntry extends Deno.DirEntry {
  readonly path: string;
}

/** What is at and below `root`, folders before what is in them. Symbolic links aren't followed. */
export async function* walk(root: string, options: WalkOptions = {}): AsyncIterable<WalkEntry> {
  const info = await Deno.lstat(root);
  const { isDirectory, isFile, isSymlink } = info;
  yield* walkEntry(
    { path: root, name: basename(root), isDirectory, isFile, isSymlink },
    options.maxDepth ?? Infinity,
    options,
  );
}

async function* walkEntry(
  entry: WalkEntry,
  depth: number,
  options: WalkOptions,
): AsyncIterable<WalkEntry> {
  if (options.skip?.some((pattern) => pattern.test(entry.path)) === true) return;
  if (isIncluded(entry, options)) yield entry;
  if (!entry.isDirectory || depth === 0) return;
  for await (const inner of Deno.readDir(entry.path)) {
    yield* walkEntry({ ...inner, path: join(entry.path, inner.name) }, depth - 1, options);
  }
}

function isIncluded(entry: WalkEntry, options: WalkOptions): boolean {
  const { includeFiles = true, includeDirs = true, exts, match } = options;
  if (entry.isDirectory ? !includeDirs : !includeFiles) return false;
  const hasEnding = (ext: string) => entry.path.endsWith(ext.startsWith(".") ? ext : `.${ext}`);
  if (exts !== undefined && !exts.some(hasEnding)) return false;
  return match === undefined || match.some((pattern) => pattern.test(entry.path));
}
