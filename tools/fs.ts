/**
 * What we use of `@std/fs`, over Deno's own calls, under the same name and with the same meaning: the import map points
 * here, so that the published package can take this file's place.
 */

import { basename, join } from "node:path";

export interface WalkOptions {
  /** Whether folders are among what is found; they are looked into all the same. */
  readonly includeDirs?: boolean;
  /** Endings of names, with or without their dot; other files are left out. */
  readonly exts?: readonly string[];
}

export interface WalkEntry extends Deno.DirEntry {
  readonly path: string;
}

/** What is at and below `root`, folders before what is in them. Symbolic links aren't followed. */
export async function* walk(root: string, options: WalkOptions = {}): AsyncIterable<WalkEntry> {
  const { isDirectory, isFile, isSymlink } = await Deno.lstat(root);
  yield* walkEntry({ path: root, name: basename(root), isDirectory, isFile, isSymlink }, options);
}

async function* walkEntry(entry: WalkEntry, options: WalkOptions): AsyncIterable<WalkEntry> {
  if (isIncluded(entry, options)) yield entry;
  if (!entry.isDirectory) return;
  for await (const inner of Deno.readDir(entry.path)) {
    yield* walkEntry({ ...inner, path: join(entry.path, inner.name) }, options);
  }
}

function isIncluded(entry: WalkEntry, { includeDirs = true, exts }: WalkOptions): boolean {
  if (entry.isDirectory) return includeDirs;
  const hasEnding = (ext: string) => entry.path.endsWith(ext.startsWith(".") ? ext : `.${ext}`);
  return exts === undefined || exts.some(hasEnding);
}
