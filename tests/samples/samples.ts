/** Where the samples of files are, what they are made of, and how they are brought to a place of the day. */

import { fileURLToPath } from "node:url";
import { FRIENDS_TABLE_FORMAT } from "../../lib/cli/friends/friends_store.ts";
import { pathDigest } from "../../lib/store/disk/paths.ts";
import { RealDisk } from "../../lib/store/disk/real_disk.ts";
import { checksumOf, checksumText } from "../../lib/store/disk/record_line.ts";
import { replacementName } from "../../lib/store/disk/replacement.ts";
import { Table } from "../../lib/store/disk/table.ts";
import type { Node } from "../e2e/node.ts";

export const SAMPLES = fileURLToPath(new URL("files", import.meta.url));
/** What the program said of them when they were made. */
export const FACTS = `${SAMPLES}/facts.json`;

// deno-lint-ignore no-explicit-any -- whatever the program says; a test compares it
export type Facts = Readonly<Record<string, any>>;

/** What is said in each of them. */
export const TEXTS = {
  hello: "hello\tthere",
  answer: 'two\nlines, and "quotes"',
  alone: "for you alone",
  edited: "good evening",
  last: "see you",
  waits: "for when you are back",
  passphrase: "correct horse battery",
} as const;

/** Where the friends' table is in what they keep. */
export const TABLE = "/home/friends/users.txt";

/** The fingerprint of a program's own key. */
export async function keyOf(node: Node): Promise<string> {
  return (await node.ask("status")).key;
}

/**
 * Files and folders as the program makes them: its user's alone. A program that runs may put a new version of a file in
 * its place meanwhile.
 */
export function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    const [path, copy] = [`${from}/${name}`, `${to}/${name}`];
    if (isDirectory) {
      copyFolder(path, copy);
      continue;
    }
    try {
      Deno.copyFileSync(path, copy);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || !isReplacement(name)) throw error;
      continue;
    }
    Deno.chmodSync(copy, 0o600);
  }
}

function isReplacement(name: string): boolean {
  return name.endsWith(replacementName(""));
}

/** Changes the cells of each line of a file whose lines have their checksums in front. */
export function rewriteLines(
  path: string,
  change: (cells: readonly string[]) => readonly string[],
): void {
  const lines = Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => {
    const [, ...cells] = line.split("\t");
    const content = change(cells).join("\t");
    return `${checksumText(checksumOf(new TextEncoder().encode(content)))}\t${content}\n`;
  });
  Deno.writeTextFileSync(path, lines.join(""));
}

/** The path of the table that a folder of `friends/` is for. */
export async function tableOf(folder: string): Promise<string | undefined> {
  return (await openTable(folder)).rows?.[0]?.[0];
}

/** What a profile keeps for the friends of one table is for those of another from now on. */
export async function moveTable(profile: string, from: string, to: string): Promise<void> {
  const folder = `${profile}/friends/${pathDigest(to)}`;
  Deno.renameSync(`${profile}/friends/${pathDigest(from)}`, folder);
  await (await openTable(folder)).table.write([[to]]);
  rewriteLines(
    `${profile}/known_peers`,
    (cells) => cells.map((cell) => cell === `users:${from}` ? `users:${to}` : cell),
  );
}

function openTable(folder: string): ReturnType<typeof Table.open> {
  return Table.open(new RealDisk(), `${folder}/table`, FRIENDS_TABLE_FORMAT);
}
