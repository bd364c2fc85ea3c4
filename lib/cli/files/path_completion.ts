/** Completes the path of a file to be sent, in the forms in which `pathTyped()` reads it. */

import { resolve } from "node:path";
import { isIn, readableIn } from "../args/least_privilege.ts";
import type { PathsFound } from "../commands/commands.ts";
import { homeFolder } from "../streams/streams.ts";
import { isInReach } from "./file_to_send.ts";
import { pathQuoted } from "./path_typed.ts";

/** As many entries of a folder are looked at: within some ms, and nobody looks for one of more by its first letters. */
export const ENTRIES_MAX = 10_000;
/** Of those that fit, whose kind only a look at each tells, as of links. */
const LOOKED_AT_MAX = 1_000;

type Kind = "file" | "folder";

export interface Entry {
  readonly name: string;
  /** Null: only a look at it tells. */
  readonly kind: Kind | null;
}

/** The folders of the disk, as far as what is in them may be sent. */
export interface Folders {
  /** Null: there is none. */
  readonly home: string | null;
  /** What is in a folder, or leads to what may be sent; nothing where it can't be listed. */
  list(folder: string): Promise<readonly Entry[]>;
  /** Null: it is neither, or isn't there. */
  kindOf(path: string): Promise<Kind | null>;
  /** Whether it is this program's own, which isn't sent. */
  isOwn(path: string): boolean;
}

/** As `FindPaths`. Hidden ones are found where the dot is typed. */
export async function findPaths(typed: string, folders: Folders): Promise<PathsFound | null> {
  const quote = /^['"]/.exec(typed)?.[0] ?? "";
  if (quote !== "" && typed.includes(quote, 1)) return null; // it ends there
  const plain = quote === "" ? typed.replace(/\\(.)/g, "$1") : typed.slice(1);
  const { home } = folders;
  if (plain === "~" && home !== null) return { typed: `${quote}~/`, choices: ["~/"] };
  const above = plain.slice(0, plain.lastIndexOf("/") + 1);
  const folder = resolve(home === null ? above : above.replace(/^~(?=\/)/, home));
  const names = await namesIn(folder, plain.slice(above.length), folders);
  if (names.length === 0) return null;
  const grown = above + commonStart(names);
  const isWhole = names.length === 1 && !grown.endsWith("/");
  if (grown === plain && !(isWhole && quote !== "")) return { typed, choices: names };
  return { typed: pathQuoted(grown, quote, isWhole), choices: names };
}

/** Those that begin so and may be sent, sorted. */
async function namesIn(
  folder: string,
  start: string,
  { list, kindOf, isOwn }: Folders,
): Promise<readonly string[]> {
  if (start === "..") return ["../"];
  const fitting = (await list(folder)).filter(({ name }) =>
    name.startsWith(start) && (start !== "" || !name.startsWith(".")) &&
    !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name) && !isOwn(resolve(folder, name))
  );
  let left = LOOKED_AT_MAX;
  const found = await Promise.all(fitting.map(async ({ name, kind }) => {
    const is = kind ?? (left-- > 0 ? await kindOf(resolve(folder, name)) : null);
    return is === null ? [] : [is === "folder" ? `${name}/` : name];
  }));
  return found.flat().sort();
}

function commonStart([first = "", ...others]: readonly string[]): string {
  let common = "";
  for (const character of first) {
    if (!others.every((name) => name.startsWith(common + character))) break;
    common += character;
  }
  return common;
}

/** Those of this machine. @param dataFolder This program's own, of which only downloads are sent. */
export function ownFolders(dataFolder: string): Folders {
  const data = resolve(dataFolder);
  const received = `${data}/downloads`;
  return {
    home: homeFolder() ?? null,
    list: async (folder) =>
      isInReach(folder) ? await listed(folder) : readableIn(folder).map(unknownKind),
    async kindOf(path) {
      if (!isInReach(path)) return "folder"; // which leads to what may be read
      try {
        const { isFile, isDirectory } = await Deno.stat(path);
        return isDirectory ? "folder" : isFile ? "file" : null;
      } catch {
        return null; // it has gone, or leads out of reach: it can't be sent
      }
    },
    isOwn: (path) => isIn(path, data) && !isIn(path, received),
  };
}

const unknownKind = (name: string): Entry => ({ name, kind: null });

async function listed(folder: string): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  try {
    for await (const { name, isFile, isDirectory, isSymlink } of Deno.readDir(folder)) {
      if (entries.length >= ENTRIES_MAX) break;
      if (isSymlink) entries.push({ name, kind: null });
      else if (isFile || isDirectory) entries.push({ name, kind: isFile ? "file" : "folder" });
    }
  } catch {
    // What can't be listed isn't there, or is out of reach: nothing of it can be sent.
  }
  return entries;
}
