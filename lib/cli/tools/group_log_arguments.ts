/** The command lines of \`p2pchat log\` and \`p2pchat snapshot\`. */

import { P2pchatError } from "../../base/errors.ts";
import { type CommandForm, type CommandOf, fileOptions } from "../args/arguments.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { fingerprint } from "../args/flags.ts";
import type { CommandLine, FileOptions } from "../args/options.ts";

/** Export formats of entries. */
const EXPORT_FORMATS = ["text", "json", "csv"] as const;
export type ExportFormat = typeof EXPORT_FORMATS[number];

export const verifyLogCommand: CommandOf<CheckedLogOptions> = {
  name: "log verify",
  form: "FILE [KEY...]",
  example: "p2pchat log verify group.txt",
  fileUse: "read-with-state",
  help: "check who wrote and decided what in a group's log, which /status names",
  flags: [],
  options: (line) => checkedLogOptions(line, verifyLogCommand),
};

export const exportLogCommand: CommandOf<ExportLogOptions> = {
  name: "log export",
  form: "FILE [text|json|csv] [KEY...]",
  example: "p2pchat log export group.txt csv",
  fileUse: "read-with-state",
  help: "the entries of a group's log, checked as log verify does",
  flags: [],
  options: exportLogOptions,
};

/** `p2pchat log verify FILE`: a log, and who decided in it. */
export interface CheckedLogOptions extends FileOptions {
  /** The keys that may decide on edits, and sign views; null: the user has named none. */
  readonly keys: readonly Fingerprint[] | null;
}

/** @throws {P2pchatError} `usage` unless a file is given, and after it keys alone. */
function checkedLogOptions({ words, common }: CommandLine, of: CommandForm): CheckedLogOptions {
  const [file, ...keys] = words;
  return {
    ...fileOptions({ words: file === undefined ? [] : [file], common }, of),
    keys: keys.length === 0 ? null : keys.map((key) => fingerprint(key, "KEY")),
  };
}

/** `p2pchat log export FILE`. */
export interface ExportLogOptions extends CheckedLogOptions {
  readonly format: ExportFormat;
}

/** @throws {P2pchatError} `usage`; also for `--json` with another format. */
function exportLogOptions(line: CommandLine): ExportLogOptions {
  const [file = "", ...rest] = line.words;
  const named = EXPORT_FORMATS.find((format) => format === rest[0]);
  const words = [file, ...(named === undefined ? rest : rest.slice(1))];
  const options = checkedLogOptions({ ...line, words }, exportLogCommand);
  if (options.json && named !== undefined && named !== "json") {
    throw new P2pchatError("usage", `--json and ${named} can't both be: leave out one of them`);
  }
  return { ...options, format: named ?? (options.json ? "json" : "text") };
}

export const verifySnapshotCommand: CommandOf<FileOptions> = {
  name: "snapshot verify",
  form: "FILE",
  example: "p2pchat snapshot verify 20261120-204827-123-1f3a9c.txt",
  fileUse: "read",
  help: "check that a group's snapshot, which /snapshots names, is consistent",
  flags: [],
  options: (line) => fileOptions(line, verifySnapshotCommand),
};
