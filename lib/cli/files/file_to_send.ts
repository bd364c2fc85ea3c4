/** The file on the disk that the user wants to send. */

import { resolve } from "node:path";
import { isForbidden, P2pchatError } from "../../base/errors.ts";
import { folderOf } from "../../store/disk/disk.ts";
import { nodeFiles } from "../../store/disk/node_files.ts";
import { pathsDropped } from "./path_typed.ts";

interface FileToSend {
  /** Its path. */
  readonly source: string;
  readonly size: number;
}

/**
 * @param own A folder below the data folder that this program may read; null where none is known yet.
 * @throws {P2pchatError} `bad-file` or `not-allowed`, with why it can't be sent.
 */
export async function fileToSend(
  typed: string,
  dataFolder: string,
  own: string | null,
): Promise<FileToSend> {
  const path = resolve(typed);
  let real: string;
  let size: number;
  try {
    const { isFile, isDirectory, size: bytes } = await Deno.stat(path);
    if (!isFile) {
      const why = isDirectory
        ? "it is a folder; send one file at a time, or an archive of it"
        : "it isn't a regular file";
      throw new P2pchatError("bad-file", `Cannot send ${path}: ${why}`);
    }
    real = await Deno.realPath(path);
    if (!isInReach(real)) throw outOfReach(path);
    size = bytes;
  } catch (error) {
    if (error instanceof P2pchatError) throw error;
    throw notSent(path, error);
  }
  const roots = [resolve(dataFolder), ...await realDataFolder(dataFolder, own)];
  const isOwn = roots.some((data) =>
    [real, path].some((each) =>
      each.startsWith(`${data}/`) && !USERS_FILES.test(each.slice(data.length))
    )
  );
  if (!isOwn) return { source: path, size };
  const text = `Cannot send ${path}: it is one of p2pchat's own files, with keys and messages`;
  throw new P2pchatError("not-allowed", text);
}

/** The data folder without links: it may not be looked at itself, only what is in it. Nothing where that can't be told. */
async function realDataFolder(dataFolder: string, own: string | null): Promise<readonly string[]> {
  const data = resolve(dataFolder);
  for (let at = resolve(own ?? data); at.startsWith(`${data}/`); at = folderOf(at)) {
    const real = await Deno.realPath(at).catch(() => null); // not made yet
    const below = at.slice(data.length);
    if (real !== null) return [real.endsWith(below) ? real.slice(0, -below.length) : real];
  }
  return [];
}

const UPLOADS = /^\/users\/[^/]+\/uploads\//;
/** Of the data folder what is the user's: files that were received, and those that were dropped onto a page. */
const USERS_FILES = new RegExp(`^/downloads/|${UPLOADS.source}`);

/** Whether a file is a copy of one that was dropped onto the page, which goes when the program ends. */
export function isPageCopy(path: string, dataFolder: string): boolean {
  const data = resolve(dataFolder);
  return path.startsWith(`${data}/`) && UPLOADS.test(path.slice(data.length));
}

/** The path of the file that was dropped onto the terminal, where a line is that alone; null: it is something else. */
export function droppedFile(line: string): string | null {
  return pathsDropped(line).find(isFileInReach) ?? null;
}

export function nameIn(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function isInReach(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/** Whether there is a regular file that this program may read. */
function isFileInReach(path: string): boolean {
  if (!isInReach(path)) return false;
  try {
    return nodeFiles().existsSync(path) && Deno.statSync(path).isFile;
  } catch {
    return false; // it has gone
  }
}

function notSent(path: string, error: unknown): P2pchatError {
  if (error instanceof Deno.errors.NotFound) {
    return new P2pchatError("bad-file", `Cannot send ${path}: there is no such file`);
  }
  if (isForbidden(error)) return outOfReach(path);
  const reason = error instanceof Error ? error.message : String(error);
  return new P2pchatError("bad-file", `Cannot send ${path}: ${reason}`);
}

function outOfReach(path: string): P2pchatError {
  const text = `Cannot send ${path}: it is out of this program's reach; move it into a folder ` +
    "of your home, or start again with --send-from DIR";
  return new P2pchatError("not-allowed", text);
}
