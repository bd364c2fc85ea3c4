/**
 * Bytes that no program wrote, for the files that programs keep, made from those in `tests/samples/files`: each is opened
 * as if nothing had happened, mended with a notice, or refused with a sentence that names it; what was opened once is
 * opened again, also after a power cut. An input's first byte says which file it is for.
 */

import { assert } from "@std/assert";
import { concatBytes, nodeCrypto, utf8 } from "../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import { folderOf } from "../../lib/store/disk/disk.ts";
import { MemoryDisk } from "../doubles/memory_disk.ts";
import { checksumOf, checksumText } from "../../lib/store/disk/record_line.ts";
import { SAMPLES } from "../samples/samples.ts";
import type { Random } from "../sim/random.ts";
import { NO_TEXT, spoilt } from "./changes.ts";
import type { Target } from "./target.ts";

export interface StoredFile {
  /** Of the file, and of those beside it that are needed. */
  readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  /** The one that is spoilt. */
  readonly path: string;
  open(disk: MemoryDisk): Promise<unknown>;
}

export function sampleBytes(path: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(`${SAMPLES}/${path}`);
}

/** The only entry of a folder. */
export function onlyEntry(folder: string): string {
  const [entry] = [...Deno.readDirSync(`${SAMPLES}/${folder}`)].filter(({ name }) =>
    name !== "last"
  );
  return entry!.name;
}

/** The folder of the only profile in a data folder of the samples. */
export function profileIn(data: string): string {
  return `${data}/users/${onlyEntry(`${data}/users`)}`;
}

/** One that needs no other file. */
export function oneFile(from: string, path: string, open: StoredFile["open"]): StoredFile {
  return { files: { [path]: sampleBytes(from) }, path, open };
}

const PIECES = ["\t", "\n", "\r", "\\", "\\t", "\\x", "\\ud800", "0", "-1", "9".repeat(20), "1e9"]
  .concat(["p2pchat", "ff", "00".repeat(32), "\0", "x".repeat(300), "-", "1970-01-01", "#", "end"])
  .map(utf8)
  .concat(NO_TEXT);

/** @param kinds What lines begin with. */
export function storedFiles(
  name: string,
  all: readonly StoredFile[],
  kinds: readonly string[],
): Target {
  return {
    name,
    pieces: [...PIECES, ...kinds.map(utf8)],
    make(random: Random) {
      const at = random.below(all.length);
      const { files, path } = all[at]!;
      const whole = files[path]!;
      const part = random.chance(0.2) ? whole.subarray(0, random.below(whole.length + 1)) : whole;
      const bytes = spoilt(
        random.chance(0.2) ? withLinesMoved(part, random) : part,
        PIECES,
        random,
      );
      return concatBytes(Uint8Array.of(at), random.chance(0.5) ? withChecksums(bytes) : bytes);
    },
    mend: (input) => concatBytes(input.subarray(0, 1), withChecksums(input.subarray(1))),
    check: (input) => isOpened(all[(input[0] ?? 0) % all.length]!, input.slice(1)),
  };
}

async function isOpened(
  { files, path, open }: StoredFile,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const disk = new MemoryDisk();
  for (const [name, content] of Object.entries(files)) {
    await disk.makeFolder(folderOf(name));
    disk.place(name, name === path ? bytes : content);
  }
  try {
    await open(disk);
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    assert(["store-corrupt", "bad-file", "disk"].includes(error.code), error.code);
    assert(error.message.includes(path), `it names the file: ${error.message.slice(0, 500)}`);
    assert(error.message.length < 2_000, "a sentence, however long the line");
    return false;
  }
  await open(disk.crash());
  return true;
}

function withLinesMoved(bytes: Uint8Array, random: Random): Uint8Array {
  const [first = "", ...lines] = new TextDecoder().decode(bytes).split("\n");
  const at = random.below(lines.length + 1);
  const line = lines.length === 0 ? "" : random.pick(lines);
  return utf8([first, ...lines.slice(0, at), line, ...lines.slice(at)].join("\n"));
}

/** Each line, batch, table or snapshot with the checksum of what it holds now. */
function withChecksums(bytes: Uint8Array): Uint8Array {
  const lines = new TextDecoder().decode(bytes).split("\n");
  let [above, batch] = ["", ""];
  let rows = -1;
  const checked = lines.map((line) => {
    const cells = line.split("\t");
    let mended = line;
    if (CHECKSUM.test(cells[0]!)) {
      if (cells[1] === "end") cells.splice(2, 2, String(rows), crcOf(above));
      const content = cells.slice(1).join("\t");
      mended = `${crcOf(content)}\t${content}`;
      rows++;
    } else if (cells[0] === "sum") {
      mended = `sum\t${nodeCrypto.sha256(utf8(above))}`;
    } else if (cells.length > 6 && CHECKSUM.test(cells.at(-1)!)) { // of a batch
      const content = cells.slice(0, -1).join("\t");
      mended = `${content}\t${crcOf(batch + content)}`;
    }
    above += `${mended}\n`;
    batch = mended === line ? `${batch}${line}\n` : "";
    if (cells[0] === "p2pchat") batch = "";
    return mended;
  });
  return utf8(checked.join("\n"));
}

const CHECKSUM = /^[0-9a-f]{8}$/;

function crcOf(text: string): string {
  return checksumText(checksumOf(utf8(text)));
}
