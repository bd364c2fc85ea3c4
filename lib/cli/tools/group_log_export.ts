/** `p2pchat log export`: writes a group's log in other formats. */

import { dateText, numberText } from "../../base/text/words.ts";
import { nodeCrypto } from "../../base/crypto/crypto.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import { visibleText } from "../../base/text/text.ts";
import { type NameOf, saidBy } from "../../protocols/group/log/entry_delivery.ts";
import type { EntryEdit, SaidBy } from "../../protocols/group/schema/events.ts";
import { entryId } from "../../protocols/group/schema/history.ts";
import type { Disk, ReadOptions } from "../../store/disk/disk.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import { type Deciders, decidersFor, GroupLogVerifier } from "./group_log_verifier.ts";
import { faultError, removedError, scanLogFile } from "./group_log_scan.ts";
import { GroupLogIndex, indexing } from "./group_log_index.ts";
import {
  editOf,
  type EntryAndEdits,
  GroupLogReader,
  requestOf,
  textOf,
} from "./group_log_reader.ts";
import { showBye, showNoticeBeside, terminalAt } from "../session/answers.ts";
import { JsonFormat } from "../rendering/json_format.ts";
import { openLog } from "../session/log.ts";
import type { ExportFormat, ExportLogOptions } from "./group_log_arguments.ts";
import { outputError } from "../streams/output_queue.ts";
import { writeWhole } from "../streams/write_whole.ts";
import { STANDARD_OUTPUT } from "../streams/streams.ts";
import { TextFormat, type TextFormatOptions } from "../streams/text_format.ts";
import { nameSpan } from "../rendering/spans.ts";
import type { Line } from "../rendering/user_interface.ts";

/**
 * `p2pchat log export`: writes the entries to standard output, until its reader is gone.
 * @throws {P2pchatError} `store-corrupt` where the log is damaged, or isn't what its authors have signed, after all
 *   entries before that; `bad-file`; `disk`.
 */
export async function exportLog(options: ExportLogOptions): Promise<void> {
  await openLog(options);
  const { file, format } = options;
  const write = async (text: string) => {
    const failure = text === "" ? null : await writeWhole(STANDARD_OUTPUT, text);
    const error = failure === null ? null : outputError(failure);
    if (error !== null) throw error;
    return failure === null;
  };
  const disk = new RealDisk();
  const deciders = await decidersFor(disk, options);
  const terminal = await terminalAt("stdout");
  const notice = await exportEntries(disk, file, format, write, deciders, terminal);
  if (notice !== null) await showNoticeBeside(options, notice);
  if (options.json) await showBye();
}

/**
 * Writes the entries of a log with their present texts, piece by piece. The log is first read through once, because
 * an entry's edits come after it, and verified as `log verify` does.
 * @param write Takes some lines. Resolves to false when it takes no more.
 * @param deciders As `GroupLogVerifier`'s.
 * @param terminal Where text is shown: no row of an entry begins like another entry there.
 * @returns A notice about the file's end, or null.
 * @throws {P2pchatError} As `exportLog`.
 */
export async function exportEntries(
  disk: Disk,
  path: string,
  format: ExportFormat,
  write: (text: string) => Promise<boolean>,
  deciders: Deciders | null = null,
  terminal: TextFormatOptions["terminal"] = null,
): Promise<string | null> {
  const formatted = formatsFor(terminal)[format];
  const index = new GroupLogIndex();
  const verifier = new GroupLogVerifier(nodeCrypto, deciders);
  const add = indexing(index);
  const scan = await scanLogFile(disk, path, {
    crypto: nodeCrypto,
    digests: true,
    visit: (batch) => verifier.visit(batch) ?? add(batch),
  });
  const { names } = verifier;
  names.markImitations();
  const { end, fault, goodBytes, bytes } = scan;
  if (format === "csv" && !await write(`${CSV_HEADER.join(",")}\r\n`)) return null;
  if (end !== null) {
    const file = { readChunks: (part: ReadOptions) => chunksOf(disk, path, part) };
    const reader = new GroupLogReader(nodeCrypto, path, file, end.group, index, goodBytes);
    for await (const entries of reader.entries()) {
      const lines = entries.map((entry) => formatted(exportedEntry(entry, names.shown)));
      if (!await write(lines.join(""))) return null;
    }
  }
  if (fault === null) return null;
  if (!fault.isTorn) throw faultError(path, scan, "read all of", verifier.cause ?? undefined);
  return `The last ${
    numberText(bytes - goodBytes)
  } bytes of ${path}, from line ${fault.line} on, are left ` +
    "out: they are no whole entry or edit";
}

/** A part of the file at `path`. @throws {P2pchatError} `disk`, also where the file is gone. */
async function* chunksOf(
  disk: Disk,
  path: string,
  part: ReadOptions,
): AsyncIterable<Uint8Array> {
  if (await disk.stat(path) === null) throw removedError(path);
  yield* disk.readChunks(path, part);
}

/** An edit of an entry, as it is exported. */
interface ExportedEdit extends EntryEdit {
  /** Fingerprint of the requester. */
  readonly key: string;
}

/** An entry, as it is exported. */
interface ExportedEntry extends SaidBy {
  readonly seq: number;
  readonly id: string;
  /** The present text. */
  readonly text: string;
  /** ISO 8601, UTC, the author's clock. */
  readonly sentAt: string;
  readonly digest: string;
  /** The text before any edit. */
  readonly original: string;
  readonly edits: readonly ExportedEdit[];
}

function exportedEntry({ entry, edits }: EntryAndEdits, shownAs: NameOf): ExportedEntry {
  const { seq, batch, index, digest } = entry;
  const original = textOf(entry);
  let text = original;
  const changes = edits.map((edit): ExportedEdit => {
    const change = {
      ...editOf(edit, text, shownAs),
      key: fingerprintOf(requestOf(edit).requester),
    };
    text = change.new;
    return change;
  });
  return {
    seq,
    id: entryId(nodeCrypto, batch, index),
    ...saidBy(batch, shownAs),
    text,
    sentAt: dateText(batch.sentAt),
    digest,
    original,
    edits: changes,
  };
}

/**
 * An entry in each format, with line feeds. Only JSON has the exact texts; in the others, which people may view,
 * control characters and hidden characters are made visible.
 */
function formatsFor(
  terminal: TextFormatOptions["terminal"],
): Readonly<Record<ExportFormat, (entry: ExportedEntry) => string>> {
  const text = new TextFormat({ colour: false, verbose: false, terminal }, Date.now());
  return {
    text: (entry) => textLines(entry).map((line) => text.format(line, true)).join(""),
    json: (entry) => JSON_FORMAT.format({ event: "entry", ...entry }, undefined, Date.now()),
    csv: (entry) => {
      const cells: Readonly<Record<typeof CSV_HEADER[number], string>> = csvCells(entry);
      return `${CSV_HEADER.map((column) => csvCell(cells[column])).join(",")}\r\n`;
    },
  };
}

const JSON_FORMAT = new JsonFormat();

/** The entry's present text; for an edited one also its earlier texts, indented, as no entry begins that way. */
function textLines(entry: ExportedEntry): readonly Line[] {
  const { seq, sentAt, shown, text, original, edits } = entry;
  const line = [`${seq} ${sentAt} `, nameSpan(shown), ": ", bodySpan(text)];
  if (edits.length === 0) return [line];
  const changes = edits.map((edit): Line => {
    const [by, ...agreed] = [edit.by, ...edit.agreed].map(shownName);
    const who = agreed.length === 0 ? by! : `${by}, agreed by ${agreed.join(", ")}`;
    return [`  edit ${edit.edit} ${edit.committedAt} ${who}: `, bodySpan(edit.new)];
  });
  return [line, ["  at first: ", bodySpan(original)], ...changes];
}

function bodySpan(text: string): Line[number] {
  return { text, as: "body" };
}

const CSV_HEADER = [
  "seq",
  "sentAt",
  "from",
  "text",
  "key",
  "id",
  "digest",
  "original",
  "edits",
  "editedBy",
  "editedAt",
] as const;

/** The cells of a row, with the number of edits, and who made each of them and when. */
function csvCells({ seq, edits, shown, ...entry }: ExportedEntry) {
  return {
    ...entry,
    from: shownName(shown),
    seq: String(seq),
    edits: String(edits.length),
    editedBy: edits.map(({ by }) => shownName(by)).join("; "),
    editedAt: edits.map(({ committedAt }) => committedAt).join("; "),
  };
}

/** Text for a table's cell: tabs and line feeds are kept, as programs that read tables treat them as text. */
function shownInTable(text: string): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  return lines.map((parts) => parts.map(visibleText).join("\t")).join("\n");
}

/** A cell as RFC 4180 has it: in quotes, unless it is a number. */
function csvCell(text: string): string {
  if (/^\d+$/.test(text)) return text;
  return `"${inert(shownInTable(text)).replaceAll('"', '""')}"`;
}

/**
 * Makes a cell literal: spreadsheets compute cells that begin like this when they open a file, unless a quote precedes.
 * Where they take another character than the comma for the end of a cell, as in many countries, a part of ours is one.
 */
function inert(cell: string): string {
  const literal = cell.replace(/(?<=[;\t|\r\n])(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g, "'");
  return /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(literal) ? `'${literal}` : literal;
}
