/** What a fenced log's keys hold, and how the lines in them are found again. */

import { P2pchatError } from "../base/errors.ts";
import { utf8Length } from "../base/text/text.ts";
import { fieldsIn, isCount, isSerial } from "./json_fields.ts";
import type { Entry } from "./shared_store.ts";

/** Of one key: etcd takes 1.5 MiB in a request. */
const CHUNK_BYTES_MAX = 512 * 1024;

/** From which `log/` key on those count, and which base stands before. */
export interface Head {
  readonly base: number;
  readonly from: number;
  /** Of the base. */
  readonly chunks: number;
}

/** Key of the `number`-th append, below the log's prefix. */
export function logKey(number: number): string {
  return `log/${String(number).padStart(10, "0")}`;
}

/** Key of a part of the lines of a compaction. */
export function baseKey(base: number, number: number): string {
  return `base/${base}/${String(number).padStart(6, "0")}`;
}

interface Found {
  readonly lines: readonly string[];
  readonly head: Head;
  /** The highest number of a base, be it left from a compaction that wasn't finished. */
  readonly lastBase: number;
  readonly next: number;
  readonly leftovers: readonly string[];
}

/** @throws {P2pchatError} `store-corrupt` where something of the log is missing, or cut off. */
export function foundIn(prefix: string, headEntry: Entry | null, entries: readonly Entry[]): Found {
  const values = new Map(entries.map((entry) => [entry.key.slice(prefix.length), entry.value]));
  const head = headEntry === null
    ? { base: 0, from: 0, chunks: 0 }
    : headIn(prefix, headEntry.value);
  const lines: string[] = [];
  for (let n = 0; n < head.chunks; n++) {
    const value = values.get(baseKey(head.base, n));
    if (value === undefined) throw corruptLog(prefix, `part ${n} of its base is missing`);
    for (const line of linesIn(prefix, baseKey(head.base, n), n, value)) lines.push(line);
  }
  let next = head.from;
  for (;; next++) {
    const value = values.get(logKey(next));
    if (value === undefined) break;
    for (const line of linesIn(prefix, logKey(next), next, value)) lines.push(line);
  }
  const numbers = [...values.keys()].flatMap((key) =>
    key.startsWith("log/") ? [Number(key.slice(4))] : []
  );
  const beyond = numbers.find((number) => number > next);
  if (beyond !== undefined) {
    throw corruptLog(prefix, `${beyond} is there, and ${next} before it isn't`);
  }
  const leftovers = [...values.keys()].map((key) => prefix + key).filter((key) =>
    isOld(prefix, key, head)
  );
  // Somebody may have put there what is no base: the next one is numbered all the same, and as a head may have it.
  const bases = [...values.keys()].flatMap((key) =>
    key.startsWith("base/") ? [Number(key.split("/")[1])].filter((base) => isSerial(2 * base)) : []
  );
  const lastBase = bases.reduce((last, base) => Math.max(last, base), head.base);
  return { lines, head, lastBase, next, leftovers };
}

/** Whether the key is of before that head, or of a compaction that wasn't finished. */
function isOld(prefix: string, key: string, { base, from }: Head): boolean {
  const [kind, number] = key.slice(prefix.length).split("/");
  if (kind === "log") return Number(number) < from;
  return kind === "base" && Number(number) !== base;
}

function headIn(prefix: string, value: string): Head {
  const { base, from, chunks } = fieldsIn(value);
  if (!isSerial(base) || !isSerial(from) || !isCount(chunks)) {
    throw corruptLog(prefix, "its head can't be read");
  }
  return { base, from, chunks };
}

/** The lines of a value, behind its first one, which says who wrote it, and under which number. */
function linesIn(prefix: string, key: string, number: number, value: string): readonly string[] {
  const [head = "", ...lines] = value.split("\n");
  if (head.split(" ")[1] !== String(number) || lines.pop() !== "") {
    throw corruptLog(prefix, `${key} is damaged`);
  }
  return lines;
}

/** The lines, each with its line feed, in as few texts as their length allows. */
export function chunksOf(lines: readonly string[]): readonly string[] {
  const chunks: string[] = [];
  let chunk = "";
  let bytes = 0;
  for (const line of lines) {
    const length = utf8Length(line) + 1;
    if (bytes + length > CHUNK_BYTES_MAX && chunk !== "") {
      chunks.push(chunk);
      chunk = "";
      bytes = 0;
    }
    chunk += `${line}\n`;
    bytes += length;
  }
  return chunk === "" ? chunks : [...chunks, chunk];
}

/** What is below `prefix` can't be read as a log. */
export function corruptLog(prefix: string, why: string): P2pchatError {
  return new P2pchatError(
    "store-corrupt",
    `Cannot use the log below ${prefix} of the engine: ${why}`,
  );
}
