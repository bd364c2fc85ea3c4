/** Flags about files, of all modes that carry them, and the rights that these take. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { FILES_BYTES_MAX_DEFAULT } from "../../protocols/transfer/limits.ts";
import { dataSize, fileName, type Flags, type OptionsOf, type ValueFlag } from "../args/flags.ts";
import type { FileNeed } from "../args/least_privilege.ts";
import type { CommandLine } from "../args/options.ts";
import { homeFolder, isAtTerminal, processStreams } from "../streams/streams.ts";

const filesMax = {
  name: "files-max",
  value: "SIZE",
  help: "receive no more than this in all, such as 500MB (10GB)",
  parse: dataSize(0, Infinity),
  default: FILES_BYTES_MAX_DEFAULT,
} satisfies ValueFlag<number>;

export const fileFlags = {
  downloads: {
    name: "downloads",
    value: "DIR",
    help: "save files that you fetch there (~/Downloads)",
    use: "write",
    parse: fileName,
  },
  save: {
    name: "save",
    value: "DIR",
    help: "fetch all files that are offered, and save them there: scripts receive in no other way",
    use: "write",
    parse: fileName,
  },
  filesMax,
  sendFrom: {
    name: "send-from",
    value: "DIR",
    help: "send files of this folder alone (those of your home, of this folder, of /tmp)",
    use: "read",
    parse: fileName,
  },
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

/** What is needed beside what the flags name. */
export function filesNeeded({ value, common, isOn }: CommandLine): Promise<readonly FileNeed[]> {
  const isGiven = (flag: keyof typeof fileFlags) => value(fileFlags[flag].name) !== undefined;
  const read = isGiven("sendFrom") ? [] : sendable();
  const isReceiving = !isGiven("downloads") && !isGiven("save") && !isOn("json") &&
    isAtTerminal(processStreams());
  const write = isReceiving ? [usualDownloads(common.dataFolder)] : [];
  return Promise.resolve([
    ...read,
    ...write.map((path): FileNeed => ({ path, use: "write" })),
  ]);
}

/**
 * Of the home folder what isn't hidden: keys, this program's among them, are in hidden folders. So what is put into the
 * home folder itself while the program runs can't be sent.
 */
function sendable(): readonly FileNeed[] {
  const home = resolve(homeFolder() ?? "/");
  const folder = Deno.cwd();
  const isAbove = folder === "/" || folder === home || home.startsWith(`${folder}/`);
  const places = isAbove ? PLACES : [folder, ...PLACES];
  return [
    ...visibleIn(home),
    ...isAbove ? visibleIn(folder) : [],
    ...places.filter(isFolder).map((path): FileNeed => ({ path, use: "read" })),
  ];
}

function visibleIn(folder: string): readonly FileNeed[] {
  if (folder === "/") return [];
  try {
    const isReal = Deno.realPathSync(folder) === folder;
    return [...Deno.readDirSync(folder)].flatMap(({ name, isSymlink }): readonly FileNeed[] =>
      name.startsWith(".")
        ? []
        : [{ path: `${folder}/${name}`, use: "read", isReal: isReal && !isSymlink }]
    );
  } catch {
    return []; // what can't be listed isn't there, or is out of reach
  }
}

/** Where received files are saved; null where nothing is received. */
export function downloadsOf(options: SharingOptions, isInteractive: boolean): string | null {
  if (options.save !== null) return resolve(options.save);
  if (!isInteractive) return null;
  return resolve(options.downloads ?? usualDownloads(options.dataFolder));
}

function usualDownloads(data: string): string {
  const home = homeFolder();
  const usual = `${home}/Downloads`;
  return home !== undefined && isFolder(usual) ? usual : `${data}/downloads`;
}

/** Not by an error where it isn't there: the first one of a start has its stack mapped to the sources, for 45 ms. */
function isFolder(path: string): boolean {
  try {
    return existsSync(path) && Deno.statSync(path).isDirectory;
  } catch {
    return false; // it has gone, or is out of reach
  }
}
