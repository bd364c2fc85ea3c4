/**
 * Least privilege: before anything is touched, the program gives up every right over files but those that its command
 * line needs. It starts with rights below `/`, asks for those it keeps, and revokes the others for good. What it never
 * has stands in `tools/build.sh`: no other programs, no native code, only the variables it reads.
 *
 * A right is by name, as the runtime checks it: a path below one that was granted. The program makes no links, so that
 * it can't reach further by one of its own.
 */

import { resolve } from "node:path";
import { folderOf } from "../../store/disk/disk.ts";
import { asideNames, replacementName } from "../../store/disk/replacement.ts";

/** What is done with a file or folder that the command line names. */
export type FileUse =
  /** It is read. */
  | "read"
  /** It is read together with files beside it, whatever their names. */
  | "read-beside"
  /** It is read, written and created, with all that is in it. */
  | "write"
  /** It is replaced: read and written, as are its new versions beside it, and the names in its folder are synced. */
  | "replace"
  /** As `replace`; and set aside under other names, damaged or not. */
  | "keep-log";

export interface FileNeed {
  readonly path: string;
  readonly use: FileUse;
}

/** Paths of which, with all below them, a right holds. */
interface FileRights {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** The file system, as far as rights depend on it. */
export interface Places {
  exists(path: string): boolean;
  /** The path without links; null where nothing is there. */
  realPath(path: string): string | null;
}

/** The rights that `needs` take. A file that isn't there needs those to make the folders above it. */
export function rightsFor(needs: readonly FileNeed[], places: Places): FileRights {
  const read = new Set<string>();
  const write = new Set<string>();
  for (const { path, use } of needs) {
    const absolute = resolve(path);
    for (const each of new Set([absolute, places.realPath(absolute) ?? absolute])) {
      addRights({ path: each, use }, places, read, write);
    }
  }
  return { read: [...read], write: [...write] };
}

function addRights(
  { path, use }: FileNeed,
  places: Places,
  read: Set<string>,
  write: Set<string>,
): void {
  const missing = topmostMissing(path, places);
  // Whose folder it is, and that its new name is synced, is a matter of the folder above.
  if (missing !== null) read.add(folderOf(missing));
  read.add(use === "read" || use === "write" ? path : folderOf(path));
  if (use === "read" || use === "read-beside") return;
  write.add(missing ?? path);
  if (use === "write") return;
  for (const name of [`${path}.lock`, replacementName(path)]) write.add(name);
  if (use === "keep-log") {
    for (const name of asideNames(path, performance.timeOrigin)) write.add(name);
  }
}

/** The outermost folder, or the file, that has to be made before there is anything at `path`; null where it is there. */
function topmostMissing(path: string, { exists }: Places): string | null {
  let missing: string | null = null;
  for (let at = path; !exists(at) && folderOf(at) !== at; at = folderOf(at)) missing = at;
  return missing;
}

/** Gives up all rights over files but those that `needs` take, for the rest of the process. */
export function keepOnly(needs: readonly FileNeed[]): void {
  const rights = rightsFor(needs, REAL_PLACES);
  for (const name of ["read", "write"] as const) {
    for (const path of rights[name]) Deno.permissions.requestSync({ name, path });
  }
  // Both last: to look at a path that is asked for takes the right to read it.
  for (const name of ["read", "write"] as const) Deno.permissions.revokeSync({ name, path: "/" });
}

const REAL_PLACES: Places = {
  exists(path) {
    try {
      Deno.lstatSync(path);
      return true;
    } catch {
      return false; // or can't be seen: using it reports the error
    }
  },
  realPath(path) {
    try {
      return Deno.realPathSync(path);
    } catch {
      return null; // as above
    }
  },
};
