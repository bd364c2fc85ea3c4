/**
 * Least privilege: before the network is used, or anything read that others have written, the program gives up every
 * right over files but those that its command line needs. It starts with rights below `/`, asks for those it keeps, and
 * revokes the others for good. What it never has stands in `tools/build.sh`: no other programs, no native code, only the
 * variables it reads.
 *
 * A right is by name, as the runtime checks it: a path, and all below it. The program makes no links, so that it can't
 * reach further by one of its own.
 */

import { resolve } from "node:path";
import { folderOf } from "../../store/disk/disk.ts";
import { holdFolder } from "../../store/disk/held_folders.ts";
import { STATE_FILE } from "../../store/disk/paths.ts";
import { identityPath } from "../../store/profile/identity.ts";
import { PROFILE_NAMES } from "../../store/profile/profile_folder.ts";
import { asideNames, DAMAGED_INFIX, replacementName } from "../../store/disk/replacement.ts";
import { checkOwner, refuseOthersPath, refuseSharedFolder } from "./owner.ts";

/** What is done with a file or folder that the command line names. */
export type FileUse =
  /** It is read. */
  | "read"
  /** It is a folder of whose files some may be sent: it is read, without the data folder. */
  | "send"
  /** It is read together with the state of a group's member beside it. */
  | "read-with-state"
  /** It is read, written and created, with all that is in it. */
  | "write"
  /** It is a socket to which others are let in; as `write`. */
  | "listen"
  /** It is a folder in the data folder, made where it is missing; as `write`. */
  | "make"
  /** It is replaced: read and written, as are its new versions beside it, and the names in its folder are synced. */
  | "replace"
  /** As `replace`; and set aside under other names, damaged or not. */
  | "keep-log";

export interface FileNeed {
  readonly path: string;
  readonly use: FileUse;
  /** Whether the path is known to be without links: there may be hundreds of them. */
  readonly isReal?: boolean;
}

/** Paths of which, with all below them, a right holds. */
interface FileRights {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

const KINDS: readonly (keyof FileRights)[] = ["read", "write"];

/** The path without links; of a file that isn't there, the one that it would have. Null where its folder isn't there. */
type RealPath = (path: string) => string | null;

/** The rights that `needs` take. */
export function rightsFor(needs: readonly FileNeed[], realPath: RealPath): FileRights {
  const read = new Set<string>();
  const write = new Set<string>();
  for (const { path, use, isReal = false } of needs) {
    const absolute = resolve(path);
    for (const each of isReal ? [absolute] : [absolute, realPath(absolute) ?? absolute]) {
      for (const name of namesOf(each, use)) {
        read.add(name);
        if (!isReading(use)) write.add(name);
      }
    }
  }
  return { read: [...read], write: [...write] };
}

function isReading(use: FileUse): boolean {
  return ["read", "send", "read-with-state"].includes(use);
}

function namesOf(path: string, use: FileUse): readonly string[] {
  if (use === "read-with-state") return [path, resolve(folderOf(path), STATE_FILE)];
  if (use !== "replace" && use !== "keep-log") return [path];
  const asides = use === "keep-log" ? asideNames(path, performance.timeOrigin, DAMAGED_INFIX) : [];
  return [path, `${path}.lock`, replacementName(path), ...asides];
}

/** The folders over which rights are kept until the program has made, or found, its own in them. */
let roots: readonly string[] = [];
/** What of the data folder the command line needs, made or not. */
let made: readonly string[] = [];
/** The data folder as it was given, and without links, made or not. */
export let dataFolders: readonly string[] = [];
/** What stays in reach, with all below it: a right that is given up takes those over the folders above with it. */
let lasting: FileRights = { read: [], write: [] };

/**
 * Gives up all rights over files but those that `needs` take, for the rest of the process.
 * @throws {P2pchatError} `not-allowed` where something is another user's.
 */
export function keepOnly(needs: readonly FileNeed[]): void {
  for (const { path, use } of needs) {
    if (!isReading(use)) refuseOthersPath(path);
    if (use === "listen") refuseSharedFolder(path);
  }
  made = needs.flatMap(({ path, use }) => use === "make" ? [path] : []);
  dataFolders = made.map((path) => resolve(folderOf(path))).flatMap((path) => [path, realOr(path)]);
  const kept = needs.flatMap((given): readonly FileNeed[] => {
    const { path, use } = given;
    if (use === "send") return beside(given);
    if (use === "make") checkOwner(path, folderOf(path));
    const missing = use === "make" ? topmostMissing(path) : null;
    const need = missing === null ? given : { path: missing, use };
    const needsFolder = missing !== null || use === "replace" || use === "keep-log";
    // Where no folder can be held, nothing is there to be read, and to look at it tells what is wrong.
    return !needsFolder || hold(need.path) ? [need] : [need, { path: folderOf(path), use: "read" }];
  });
  holdReceived();
  keep(kept, ["/"]);
  lasting = rightsFor(kept.filter(({ use }) => use === "read" || use === "write"), realPathOf);
  roots = kept.flatMap(({ path, use }) => use === "make" ? [path] : []);
}

/** Of a folder what isn't the data folder, in which the keys are: where that is in it, what is there now. */
function beside({ path: given, isReal = false }: FileNeed): readonly FileNeed[] {
  const path = resolve(given);
  const real = isReal ? path : realOr(path);
  const isOwn = (data: string) => isIn(real, data) && !isIn(real, `${data}/downloads`);
  if (dataFolders.some(isOwn)) return [];
  if (!dataFolders.some((data) => isIn(data, real))) return [{ path, use: "read", isReal }];
  return namesIn(real).flatMap((name) => beside({ path: `${path}/${name}`, use: "send" }));
}

/** Of one folder. Each right makes the next one slower to ask for: 5,000 take 5 s, so many 0.1 s. */
const SENT_MAX = 500;

/** What of a folder may be sent: where that is too much, its folders first, and of both what was changed last. */
export function sendableOf(folder: string, all: readonly Deno.DirEntry[]): typeof all {
  if (all.length <= SENT_MAX) return all;
  const dated = all.map((entry) => ({ entry, at: statOf(`${folder}/${entry.name}`)?.mtime ?? 0 }));
  dated.sort((a, b) => +b.entry.isDirectory - +a.entry.isDirectory || +b.at - +a.at);
  return dated.slice(0, SENT_MAX).map(({ entry }) => entry);
}

function namesIn(folder: string): readonly string[] {
  try {
    return sendableOf(folder, [...Deno.readDirSync(folder)]).map(({ name }) => name);
  } catch {
    return []; // it is a file, or closed to us: using what is said to be in it reports the error
  }
}

export function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? folder : `${folder}/`);
}

/** What in a folder may be read, or leads to what may, as far as the command line needs it: for folders out of reach. */
export function readableIn(folder: string): readonly string[] {
  const start = folder === "/" ? folder : `${folder}/`;
  const inside = lasting.read.filter((path) => path.startsWith(start));
  return [...new Set(inside.map((path) => path.slice(start.length).split("/", 1)[0]!))];
}

/** What is received may have to be made in the data folder later, which is there at the start, or once it was made. */
function holdReceived(): void {
  for (const data of dataFolders) hold(`${data}/downloads`);
}

/** Gives up the rights over all that is in the data folder but `folder`, and what isn't above it that is needed. */
export function keepOwn(folder: string): void {
  const others = made.filter((path) => !isIn(folder, path));
  for (const path of others) hold(path); // it may have to be made later
  holdReceived();
  keep([folder, ...others].map((path) => ({ path, use: "write" })), roots);
}

/** Which file is the key that this process uses; null: none yet. */
let key: Pick<Deno.FileInfo, "dev" | "ino"> | null = null;

/** Whether it is the key that this process uses, under whichever name. */
export function isKey({ dev, ino }: Deno.FileInfo): boolean {
  return key !== null && key.dev === dev && key.ino === ino;
}

/** From now on `isKey` knows the key in that profile. */
export function knowKey(folder: string): void {
  key = Deno.lstatSync(identityPath(folder));
}

/** Gives up the right to read the key in a profile, once it is loaded: what else a profile has stays in reach. */
export function closeKey(folder: string): void {
  knowKey(folder);
  hold(identityPath(folder));
  const names = [folder, realOr(folder)].flatMap((at) =>
    PROFILE_NAMES.map((name): FileNeed => ({ path: `${at}/${name}`, use: "read", isReal: true }))
  );
  keep(names, [folder], ["read"]);
}

/** Keeps the rights that `needs` take, and gives up those over what else is below `folders`. */
function keep(needs: readonly FileNeed[], folders: readonly string[], kinds = KINDS): void {
  const rights = rightsFor(needs, realPathOf);
  const given = folders.flatMap((path) => [resolve(path), realOr(path)]);
  for (const name of kinds) {
    for (const path of rights[name]) Deno.permissions.requestSync({ name, path });
  }
  // Both last: to look at a path that is asked for takes the right to read it.
  for (const name of kinds) {
    for (const path of new Set(given)) {
      const stays = lasting[name].some((above) => isIn(path, above));
      if (!stays && !rights[name].includes(path)) Deno.permissions.revokeSync({ name, path });
    }
  }
}

/** The outermost folder that has to be made before there is anything at `path`; null where it is there. */
function topmostMissing(path: string): string | null {
  let missing: string | null = null;
  for (let at = path; statOf(at) === null && folderOf(at) !== at; at = folderOf(at)) missing = at;
  return missing;
}

function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch {
    return null; // it isn't there, or can't be seen: using it reports the error
  }
}

/** Holds the folder that `path` is in, under all its names. @returns Whether there is one. */
function hold(path: string): boolean {
  const real = realPathOf(path);
  if (real === null) return false;
  return [path, resolve(path), real].every((each) => holdFolder(folderOf(each), folderOf(real)));
}

/** The path without links, as far as it is there. */
export function realOr(path: string): string {
  const above = folderOf(path);
  if (above === path) return path;
  return realPathOf(path) ?? resolve(realOr(above), path.slice(path.lastIndexOf("/") + 1));
}

export function realPathOf(path: string): string | null {
  try {
    return Deno.realPathSync(path);
  } catch {
    // It isn't there, or can't be seen.
  }
  try {
    return resolve(Deno.realPathSync(folderOf(path)), path.slice(path.lastIndexOf("/") + 1));
  } catch {
    return null; // using it reports the error
  }
}
