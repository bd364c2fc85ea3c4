/** Flags about files, of all modes that carry them, and the rights that these take. */

import { resolve } from "node:path";
import { FILES_BYTES_MAX_DEFAULT } from "../../protocols/transfer/limits.ts";
import { dataSize, fileName, type Flags, type OptionsOf, type ValueFlag } from "../args/flags.ts";
import { type FileNeed, isIn, realOr, realPathOf, sendableOf } from "../args/least_privilege.ts";
import type { CommandLine } from "../args/options.ts";
import { nameIn } from "./file_to_send.ts";
import { P2pchatError, systemText } from "../../base/errors.ts";
import { RECEIVED, refuseOthersPath, refuseSharedFolder } from "../args/owner.ts";
import { folderOf } from "../../store/disk/disk.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import { usersFolder } from "../../store/disk/paths.ts";
import { replacementName } from "../../store/disk/replacement.ts";
import { homeFolder, isAtTerminal, processStreams, variable } from "../streams/streams.ts";

const filesMax = {
  name: "files-max",
  value: "SIZE",
  help: "receive at most this in all (10GB)",
  parse: dataSize(0, Infinity),
  default: FILES_BYTES_MAX_DEFAULT,
} satisfies ValueFlag<number>;

export const fileFlags = {
  downloads: {
    name: "downloads",
    value: "DIR",
    help: "save fetched files there (your desktop's downloads)",
    use: "write",
    parse: fileName,
  },
  save: {
    name: "save",
    value: "DIR",
    help: "fetch all files into it",
    use: "write",
    parse: fileName,
  },
  filesMax,
} satisfies Flags;

type FileFlags = OptionsOf<typeof fileFlags>;

export interface SharingOptions extends FileFlags {
  readonly dataFolder: string;
  readonly json: boolean;
  /** False with `--no-history`; absent where there is none. */
  readonly keepsWords?: boolean;
}

/** Where people have files, besides their home and the folder in which they start a program. Each as a whole. */
const PLACES = ["/tmp", "/media", "/mnt", "/run/media", "/Volumes"];

/**
 * What is needed beside what the flags name. A folder that they name for what is received is made where it is missing:
 * once rights are given up, those above it are out of reach.
 * @throws {P2pchatError} `disk` where nothing can be saved there; `not-allowed` where it is another user's.
 */
export async function filesNeeded(
  { value, common, isOn }: CommandLine,
): Promise<readonly FileNeed[]> {
  const { save, downloads } = fileFlags;
  const list = listings();
  const read = sendable(list);
  const isInteractive = !isOn("json") && isAtTerminal(processStreams());
  const into = [save, ...(isInteractive ? [downloads] : [])].find(({ name }) => value(name));
  if (into !== undefined) await makeReceiving(value<string>(into.name)!, into.name, common);
  if (!isInteractive || into !== undefined) return read;
  return [...read, { path: usualDownloads(common.dataFolder, list), use: "write" }];
}

/** That a file can be made in a folder is known once one is; it goes at once. @param flag Names the folder. */
async function makeReceiving(named: string, flag: string, common: CommandLine["common"]) {
  const path = resolve(named);
  refuseOthersPath(path);
  const disk = new RealDisk();
  const probe = replacementName(`${path}/p2pchat`);
  const refused = (why: string, options?: ErrorOptions) =>
    new P2pchatError(
      "disk",
      `Cannot save files in ${path}: ${why}; name another folder with --${flag}`,
      options,
    );
  const profiles = realOr(resolve(usersFolder(common.dataFolder)));
  if (isIn(realOr(path), profiles)) throw refused("profiles are there");
  let failed = "it can't be made";
  try {
    if (((await disk.stat(path))?.kind ?? "folder") !== "folder") throw refused("it is no folder");
    await disk.makeFolder(path);
    failed = "no file can be made in it";
    refuseSharedFolder(path, RECEIVED);
    (await disk.openAppend(probe, { isNew: true })).close();
    await disk.remove(probe);
  } catch (error) {
    if (!(error instanceof P2pchatError) || error.cause === undefined) throw error;
    throw refused(`${failed}: ${systemText(error.cause)}`, { cause: error });
  }
}

/**
 * Of the home folder what isn't hidden, wherever it is: keys, this program's among them, are in hidden folders. So what is
 * put into the home folder itself, or one above it, while the program runs can't be sent.
 */
function sendable(list: Listings): readonly FileNeed[] {
  const home = resolve(homeFolder() ?? "/");
  const homes = [home, realOr(home)];
  const hasHome = (path: string, isReal = false) =>
    [path, ...(isReal ? [] : [realOr(path)])].some((at) => homes.some((each) => isIn(each, at)));
  const visibleIn = (folder: string): readonly FileNeed[] => {
    const isReal = realPathOf(folder) === folder;
    const visible = list(folder).filter(({ name }) => !name.startsWith("."));
    return sendableOf(folder, visible).flatMap(({ name, isSymlink }): readonly FileNeed[] => {
      const path = `${folder}/${name}`;
      if (homes.includes(path)) return [];
      const need: FileNeed = { path, use: "send", isReal: isReal && !isSymlink };
      if (!hasHome(path, need.isReal)) return [need];
      return isSymlink ? [] : visibleIn(path);
    });
  };
  const all = new Set([home, Deno.cwd(), ...PLACES.filter((path) => isFolder(path, list))]);
  all.delete("/");
  return [...all].flatMap((path) => hasHome(path) ? visibleIn(path) : [{ path, use: "send" }]);
}

/** What is in a folder, read once; nothing where that can't be listed: it isn't there, or is out of reach. */
type Listings = (folder: string) => readonly Deno.DirEntry[];

function listings(): Listings {
  const listed = new Map<string, readonly Deno.DirEntry[]>();
  return (folder) => {
    const entries = listed.get(folder) ?? entriesOf(folder);
    listed.set(folder, entries);
    return entries;
  };
}

function entriesOf(folder: string): readonly Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch {
    return [];
  }
}

/** Where received files are saved; null where nothing is received. */
export function downloadsOf(options: SharingOptions, isInteractive: boolean): string | null {
  if (options.save !== null) return resolve(options.save);
  if (!isInteractive) return null;
  return resolve(options.downloads ?? usualDownloads(options.dataFolder));
}

/** Of each home, what was there at the start: once rights are given up, the home folder itself can't be looked into. */
const homesDownloads = new Map<string, string | null>();

function usualDownloads(data: string, list: Listings = entriesOf): string {
  const home = homeFolder();
  if (home === undefined) return `${data}/downloads`;
  if (!homesDownloads.has(home)) {
    const usual = [desktopDownloads(home, list) ?? home, `${home}/Downloads`];
    homesDownloads.set(home, usual.find((path) => isForReceiving(path, home, list)) ?? null);
  }
  return homesDownloads.get(home) ?? `${data}/downloads`;
}

/** Not where `--downloads` would be refused; nor one that has the home folder, in which every file could be written then. */
function isForReceiving(path: string, home: string, list: Listings): boolean {
  try {
    refuseOthersPath(path);
    refuseSharedFolder(path, RECEIVED);
    return isFolder(path, list) && !isIn(realOr(home), Deno.realPathSync(path));
  } catch {
    return false;
  }
}

/** More than the desktop's list of the user's folders ever has. */
const USER_FOLDERS_BYTES_MAX = 65_536;
const DOWNLOADS_LINE = /^\s*XDG_DOWNLOAD_DIR="((?:[^"\\]|\\.)*)"/gm;

/** The folder that the desktop has for what is downloaded (xdg-user-dirs); null: none. */
function desktopDownloads(home: string, list: Listings): string | null {
  const named = variable("XDG_CONFIG_HOME") ?? "";
  const folder = named.startsWith("/") ? named : `${home}/.config`;
  const name = "user-dirs.dirs";
  if (!isFolder(folder, list) || !list(folder).some((entry) => entry.name === name)) return null;
  try {
    const path = `${folder}/${name}`;
    const { isFile, size } = Deno.statSync(path);
    if (!isFile || size > USER_FOLDERS_BYTES_MAX) return null;
    const [, quoted = ""] = [...Deno.readTextFileSync(path).matchAll(DOWNLOADS_LINE)].at(-1) ?? [];
    const found = quoted.replace(/\\(.)/g, "$1").replace(/^\$HOME(?=\/)/, () => home);
    return found.startsWith("/") ? resolve(found) : null;
  } catch {
    return null; // it can't be read
  }
}

/**
 * Looked up among the names in the folder above: not by an error where it isn't there, as the first one of a start has
 * its stack mapped to the sources, for 45 ms.
 */
function isFolder(path: string, list: Listings): boolean {
  const wanted = nameIn(path);
  const found = list(folderOf(path)).find(({ name }) => name === wanted);
  if (found?.isSymlink !== true) return found?.isDirectory === true;
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // it has gone, or is out of reach
  }
}
