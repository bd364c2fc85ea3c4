/**
 * Stands in for `@std/fs` where JSR can't be reached: what p2pchat uses of it, over Deno's own calls, under the same
 * names and with the same meaning. `links` in deno.json names this folder; without that line the published package
 * takes its place.
 */

import { basename, join } from "node:path";

export interface WalkOptions {
  /** Whether folders are among what is found; they are looked into all the same. */
  readonly includeDirs?: boolean;
  /** Endings of names, with or without their dot; other files are left out. */
  readonly exts?: string[];
}

export interface WalkEntry extends Deno.DirEntry {
  path: string;
}

/** What is at and below `root`, folders before what is in them. Symbolic links aren't followed. */
export async function* walk(
  root: string,
  options: WalkOptions = {},
): AsyncIterableIterator<WalkEntry> {
  const { isDirectory, isFile, isSymlink } = await Deno.lstat(root);
  yield* walkEntry({ path: root, name: basename(root), isDirectory, isFile, isSymlink }, options);
}

async function* walkEntry(
  entry: WalkEntry,
  options: WalkOptions,
): AsyncIterableIterator<WalkEntry> {
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

export interface CopyOptions {
  /** Whether files that are there already are replaced, and folders filled. */
  readonly overwrite?: boolean;
}

/**
 * Copies a file, or a folder with all that is in it. A symbolic link is copied as a link.
 * @throws {Deno.errors.AlreadyExists} If something is at `dest`, and `overwrite` isn't set.
 */
export async function copy(src: string, dest: string, options: CopyOptions = {}): Promise<void> {
  const { isDirectory, isSymlink } = await Deno.lstat(src);
  if (options.overwrite !== true && await exists(dest)) {
    throw new Deno.errors.AlreadyExists(`'${dest}' already exists.`);
  }
  if (isSymlink) {
    await Deno.symlink(await Deno.readLink(src), dest);
  } else if (isDirectory) {
    await ensureDir(dest);
    for await (const { name } of Deno.readDir(src)) {
      await copy(join(src, name), join(dest, name), options);
    }
  } else {
    await Deno.copyFile(src, dest);
  }
}

/**
 * Makes the folder, and those above it, unless it is there.
 * @throws {Deno.errors.AlreadyExists} If something else is there.
 */
export async function ensureDir(dir: string): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
}

/** Whether anything is at `path`; a link counts as what it points to. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
