/** The file on the disk that the user wants to send. */

import { resolve } from "node:path";
import { isForbidden, P2pchatError } from "../../base/errors.ts";
import type { Clock } from "../../base/machine/clock.ts";
import { isDoneWithin } from "../../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { numberText } from "../../base/text/words.ts";
import { FILE_BYTES_MAX } from "../../protocols/transfer/limits.ts";
import { isNamed } from "../../store/disk/real_disk.ts";
import { nodeFiles } from "../../store/disk/node_files.ts";
import { RandomFile } from "../../store/files/random_file.ts";
import { dataFolders, isKey } from "../args/least_privilege.ts";
import { isLinkedByOthers } from "../args/owner.ts";
import { pathsDropped } from "./path_typed.ts";

/** How often it is looked: who swaps what is there fails in one of three, and gets through once in 10^11. */
const LOOKS = 64;
/** How long opening may take: where others put a pipe there meanwhile, it would wait for who writes to that. */
const OPEN_MS_MAX = 10_000;

/**
 * Opens it first: what is checked is what is open, wherever a name leads by then. In a folder that others can write to,
 * they may swap a file, or a folder above it, for a link between two calls. So it is looked in an order that nobody
 * knows whether no link of theirs is on the way, where the way leads, and whether the open file is there: as long as
 * they swap, one of the three is wrong at any moment.
 * @throws {P2pchatError} `bad-file` or `not-allowed`, with why it can't be sent.
 */
export async function openToSend(
  typed: string,
  dataFolder: string,
  clock: Clock = SYSTEM_LINK_CLOCK,
): Promise<RandomFile> {
  const path = resolve(typed);
  const isOwn = (at: string) =>
    [resolve(dataFolder), ...dataFolders].some((data) =>
      at.startsWith(`${data}/`) && !USERS_FILES.test(at.slice(data.length))
    );
  let file: RandomFile | null = null;
  try {
    if (isOwn(path)) throw ownFile(path);
    const { isFile, isDirectory, size } = await Deno.stat(path);
    if (!isFile) {
      const why = isDirectory
        ? "it is a folder; send one file at a time, or an archive of it"
        : "it isn't a regular file";
      throw new P2pchatError("bad-file", `Cannot send ${path}: ${why}`);
    }
    if (size > FILE_BYTES_MAX) {
      const text = `Cannot send ${path}: it has ${numberText(size)} bytes, and ` +
        `${numberText(FILE_BYTES_MAX)} are possible`;
      throw new P2pchatError("too-long", text);
    }
    const real = await Deno.realPath(path);
    if (isOwn(real)) throw ownFile(path);
    if (!isInReach(real)) throw outOfReach(path);
    const opening = RandomFile.openToRead(real); // by this name, for which there is a right
    if (!await isDoneWithin(clock, OPEN_MS_MAX, opening)) {
      opening.then((late) => late.close(), () => {});
      const text = `Cannot send ${path}: it can't be opened, or is a pipe by now; try again`;
      throw new P2pchatError("bad-file", text);
    }
    file = await opening;
    const looks = [
      () => !isLinkedByOthers(path),
      () => Deno.realPathSync(path) === real,
      () => isNamed(real, file!.file),
    ];
    for (const order of crypto.getRandomValues(new Uint8Array(LOOKS))) {
      if (looks[order % looks.length]!()) continue;
      const why = "another user's link is on the way, or it is being replaced";
      throw new P2pchatError("not-allowed", `Cannot send ${path}: ${why}; copy it elsewhere first`);
    }
    const info = file.file.statSync();
    if (!info.isFile || isKey(info)) throw ownFile(path);
    // Of another data folder, or a copy.
    const head = new TextDecoder().decode(await file.read(0, HEAD_BYTES));
    if (OWN_HEAD.test(head)) throw ownFile(path);
    return file;
  } catch (error) {
    file?.close();
    throw notSent(path, error instanceof P2pchatError ? error.cause ?? error : error);
  }
}

/** How each of p2pchat's own files begins (`record_line.ts`). */
const OWN_HEAD = /^[0-9a-f]{8}\s+p2pchat\s/;
const HEAD_BYTES = 32;
const UPLOADS = /^\/users\/[^/]+\/uploads\//;
/** Of the data folder what is the user's: files that were received, and those that were dropped onto a page. */
const USERS_FILES = new RegExp(`^/downloads/|${UPLOADS.source}`);

/** Whether a file is a copy of one that was dropped onto the page, which goes when the program ends. */
export function isPageCopy(path: string, dataFolder: string): boolean {
  const data = resolve(dataFolder);
  return path.startsWith(`${data}/`) && UPLOADS.test(path.slice(data.length));
}

/**
 * The paths of what was dropped onto the terminal, where a line is that alone; null: it is something else. What begins as a
 * command is one, unless something is there.
 */
export function droppedPaths(line: string): readonly string[] | null {
  const ways = pathsDropped(line);
  const there = ways.find((paths) => paths.some(isThere));
  return there ?? (line.trimStart().startsWith("/") ? null : ways[0] ?? null);
}

export function nameIn(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function isInReach(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

function isThere(path: string): boolean {
  return isInReach(path) && nodeFiles().existsSync(path);
}

function notSent(path: string, error: unknown): P2pchatError {
  if (error instanceof P2pchatError) return error;
  if (error instanceof Deno.errors.NotFound) {
    return new P2pchatError("bad-file", `Cannot send ${path}: there is no such file`);
  }
  if (isForbidden(error)) return outOfReach(path);
  const reason = error instanceof Error ? error.message : String(error);
  return new P2pchatError("bad-file", `Cannot send ${path}: ${reason}`);
}

function ownFile(path: string): P2pchatError {
  const text = `Cannot send ${path}: it is one of p2pchat's own files, with keys and messages`;
  return new P2pchatError("not-allowed", text);
}

function outOfReach(path: string): P2pchatError {
  const text = `Cannot send ${path}: p2pchat isn't allowed to read it; move it to your home, ` +
    "or start p2pchat in its folder";
  return new P2pchatError("not-allowed", text);
}
