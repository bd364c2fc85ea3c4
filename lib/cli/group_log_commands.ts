/** `p2pchat log`: a group's log checked, or written out in other forms. */

import { stringify } from "@std/csv/stringify";
import { nodeCrypto } from "../base/crypto.ts";
import { dateText } from "../base/dates.ts";
import { P2pchatError } from "../base/errors.ts";
import { fingerprintOf } from "../base/fingerprint.ts";
import type { PeerKey } from "../base/ids.ts";
import { visibleText } from "../base/text.ts";
import { entryId, isAuthentic } from "../protocols/group/history.ts";
import type { LoggedBatch } from "../runtime/group_log_lines.ts";
import type { Disk } from "../store/disk.ts";
import { RealDisk } from "../store/real_disk.ts";
import { foreignError, versionError } from "./group_log_errors.ts";
import { type LogScan, scanGroupLog, type ScanOptions } from "./group_log_scan.ts";
import { textWidth } from "./graphemes.ts";
import { JsonFormat } from "./json_format.ts";
import { openLog } from "./log.ts";
import type { ExportFormat, ExportLogOptions, VerifyLogOptions } from "./options.ts";
import { outputError } from "./output.ts";
import { print, writeWhole } from "./write_whole.ts";

/** What somebody has said in a log. */
interface LogAuthor {
  /** The last one. */
  name: string;
  readonly key: PeerKey;
  entries: number;
}

/** A log of which everything fits. */
export interface VerifiedLog {
  readonly group: string;
  readonly entries: number;
  /** Of the history with the last entry. */
  readonly digest: string;
  /** In the order of their first entries. */
  readonly authors: readonly Readonly<LogAuthor>[];
}

/**
 * Checks every digest and every signature.
 * @param between As in `ScanOptions`, with the number of entries that have been checked.
 * @throws {P2pchatError} `store-corrupt` with line, entry and reason; `bad-file` where it is no log; `disk`.
 */
export async function verifiedLog(
  disk: Disk,
  path: string,
  between: (entries: number) => Promise<boolean> = () => Promise.resolve(true),
): Promise<VerifiedLog> {
  const authors = new Map<PeerKey, LogAuthor>();
  let entries = 0;
  const scan = await scanLogFile(disk, path, {
    crypto: nodeCrypto,
    digests: true,
    between: () => between(entries),
    visit({ logged }) {
      const { name, author: key, seq, count } = logged;
      if (!isAuthentic(nodeCrypto, logged.signed())) {
        const which = count === 1 ? `entry ${seq}` : `entries ${seq} to ${seq + count - 1}`;
        return `${name}'s signature (key ${fingerprintOf(key)}) doesn't fit ${which}`;
      }
      const author = authors.get(key) ?? { name, key, entries: 0 };
      authors.set(key, author);
      author.name = name;
      author.entries += count;
      entries += count;
      return null;
    },
  });
  const { end } = scan;
  if (scan.fault !== null || end === null) throw faultError(path, scan, "trust");
  const { group, digest } = end;
  return { group, entries, digest, authors: [...authors.values()] };
}

/** `p2pchat log verify`. @throws {P2pchatError} As `verifiedLog`. */
export async function verifyLog(options: VerifyLogOptions): Promise<void> {
  await openLog(options);
  const { file } = options;
  const showsProgress = !options.json && !options.plain && Deno.stderr.isTerminal();
  const between = async (entries: number) => {
    if (showsProgress) await writeWhole(Deno.stderr, `\rChecked ${entries} entries`);
    return true;
  };
  let verified: VerifiedLog;
  try {
    verified = await verifiedLog(new RealDisk(), file, between);
  } finally {
    if (showsProgress) await writeWhole(Deno.stderr, ERASED_LINE);
  }
  const authors = verified.authors.map((author) => ({
    ...author,
    key: fingerprintOf(author.key),
  }));
  if (!options.json) return await print(verifiedText(file, { ...verified, authors }));
  const format = new JsonFormat();
  const events = [
    { event: "log-verified", file, ...verified, authors },
    { event: "bye", reason: "done" },
  ];
  await print(events.map((event) => format.format(event, undefined, Date.now())).join(""));
}

const ERASED_LINE = "\r\x1b[K";

function verifiedText(
  file: string,
  { entries, authors, digest }: {
    readonly entries: number;
    readonly digest: string;
    readonly authors: readonly {
      readonly name: string;
      readonly key: string;
      readonly entries: number;
    }[];
  },
): string {
  const count = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
  const width = Math.max(0, ...authors.map(({ name }) => textWidth(name)));
  const rows = authors.map((author) => {
    const name = author.name + " ".repeat(width - textWidth(author.name));
    return `  ${name}  ${author.key}  ${count(author.entries, "entry", "entries")}\n`;
  });
  return `${visibleText(file)}: ${count(entries, "entry", "entries")} of ` +
    `${count(authors.length, "author", "authors")}, every digest and signature fits\n` +
    `${rows.join("")}digest ${digest}\n`;
}

/**
 * `p2pchat log export`: the entries on standard output, until its reader has gone.
 * @throws {P2pchatError} `store-corrupt` where the log is damaged, after all entries before that; `bad-file`; `disk`.
 */
export async function exportLog(options: ExportLogOptions): Promise<void> {
  await openLog(options);
  const { file, format } = options;
  const write = async (text: string) => {
    const failure = text === "" ? null : await writeWhole(Deno.stdout, text);
    const error = failure === null ? null : outputError(failure);
    if (error !== null) throw error;
    return failure === null;
  };
  const notice = await exportEntries(new RealDisk(), file, format, write);
  if (notice !== null) await writeWhole(Deno.stderr, `${visibleText(notice)}\n`);
}

/**
 * Writes out the entries of a log, piece by piece.
 * @param write Takes some lines. False: it takes no more.
 * @returns What the user should know of the file's end, null for nothing.
 * @throws {P2pchatError} As `exportLog`.
 */
export async function exportEntries(
  disk: Disk,
  path: string,
  format: ExportFormat,
  write: (text: string) => Promise<boolean>,
): Promise<string | null> {
  let lines = format === "csv" ? [stringify([CSV_HEADER])] : [];
  let isTaken = true;
  const flush = async () => {
    const text = lines.join("");
    lines = [];
    return isTaken &&= await write(text);
  };
  const scan = await scanLogFile(disk, path, {
    crypto: nodeCrypto,
    between: flush,
    visit({ logged }) {
      for (const entry of exportedEntries(logged)) lines.push(FORMATS[format](entry));
      return null;
    },
  });
  if (!await flush() || scan.fault === null) return null;
  if (!scan.fault.isTorn) throw faultError(path, scan, "read all of");
  return `The last ${scan.bytes - scan.goodBytes} bytes of ${path}, from line ` +
    `${scan.fault.line} on, are left out: they are no whole entry`;
}

/** An entry as other programs get it. */
interface ExportedEntry {
  readonly seq: number;
  readonly id: string;
  readonly from: string;
  readonly key: string;
  readonly text: string;
  /** ISO 8601, UTC, by the author's clock. */
  readonly sentAt: string;
  readonly digest: string;
}

const CSV_HEADER = ["seq", "sentAt", "from", "text", "key", "id", "digest"] as const;

const JSON_FORMAT = new JsonFormat();

/** Tabs and line feeds are part of a table's text, and obeyed by none that reads it. */
function shownInTable(text: string): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  return lines.map((parts) => parts.map(visibleText).join("\t")).join("\n");
}

/** Line feeds included. JSON alone has texts exactly: where people may look, nothing is obeyed or hidden. */
const FORMATS: Readonly<Record<ExportFormat, (entry: ExportedEntry) => string>> = {
  text: ({ seq, sentAt, from, text }) => `${seq} ${sentAt} ${from}: ${visibleText(text)}\n`,
  json: (entry) => JSON_FORMAT.format({ event: "entry", ...entry }, undefined, Date.now()),
  csv: (entry) => {
    const shown = { ...entry, text: shownInTable(entry.text) };
    return stringify([CSV_HEADER.map((column) => shown[column])]);
  },
};

function exportedEntries(logged: LoggedBatch): readonly ExportedEntry[] {
  const batch = logged.batch();
  const digests = logged.digests();
  const [key, sentAt] = [fingerprintOf(batch.author), dateText(batch.sentAt)];
  return batch.texts.map((text, index) => ({
    seq: logged.seq + index,
    id: entryId(nodeCrypto, batch, index),
    from: batch.name,
    key,
    text,
    sentAt,
    digest: digests[index]!,
  }));
}

/** As `scanGroupLog`, of a file that must be a log. @throws {P2pchatError} `bad-file`, `disk`. */
async function scanLogFile(disk: Disk, path: string, options: ScanOptions): Promise<LogScan> {
  const entry = await disk.stat(path);
  if (entry === null) {
    throw new P2pchatError(
      "bad-file",
      `Cannot read ${path}: there is no such file; name the log of a group`,
    );
  }
  if (entry.kind !== "file") throw foreignError(path, "it is no file");
  const scan = await scanGroupLog(disk, path, options);
  const { first } = scan;
  if (first === null) throw foreignError(path, "it is empty");
  if (first.kind === "foreign") throw foreignError(path, "it isn't the log of a group");
  if (first.kind === "version") throw versionError(path, first.version);
  return scan;
}

/** @param action What can't be done with it. */
function faultError(path: string, { fault, end }: LogScan, action: string): P2pchatError {
  const { line, name, found, isTorn } = fault!;
  const where = name === null ? `line ${line}` : `line ${line}, ${name},`;
  const cause = isTorn
    ? "it was cut off there, or is being written"
    : "somebody or a disk changed it";
  const before = end?.position ?? 0;
  return new P2pchatError(
    "store-corrupt",
    `Cannot ${action} ${path}: ${where} is wrong, ${found}; ${cause}, ` +
      (before === 0
        ? "and nothing before it is whole"
        : `what is before ${name ?? `line ${line}`} is whole`),
  );
}
