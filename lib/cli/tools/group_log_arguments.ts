/** The command lines of \`p2pchat log\` and \`p2pchat snapshot\`. */

import { P2pchatError } from "../../base/errors.ts";
import { type CommandForm, type CommandOf, fileOptions } from "../args/arguments.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { fingerprints, oneOf } from "../args/flags.ts";
import type { CommandLine, FileOptions } from "../args/options.ts";

/** Export formats of entries. */
const EXPORT_FORMATS = ["text", "json", "csv"] as const;
export type ExportFormat = typeof EXPORT_FORMATS[number];

const KEYS_FLAG = {
  name: "keys",
  value: "KEY,...",
  help: "the coordinator's present and former keys, of a log that isn't in your own data folder",
  parse: fingerprints,
};

export const verifyLogCommand: CommandOf<CheckedLogOptions> = {
  name: "log verify",
  form: "FILE [--keys KEY,...]",
  example: "p2pchat log verify group.txt",
  fileUse: "read-with-state",
  help:
    "check a group's log, the file that /status names: that its entries are as their authors wrote them, and that only the coordinator decided edits",
  flags: [KEYS_FLAG],
  options: (line) => checkedLogOptions(line, verifyLogCommand),
};

export const exportLogCommand: CommandOf<ExportLogOptions> = {
  name: "log export",
  form: "FILE [--format text|json|csv] [--keys KEY,...]",
  example: "p2pchat log export group.txt --format csv",
  fileUse: "read-with-state",
  help:
    "the entries of a group's log, checked as log verify does, for people or for other programs",
  flags: [
    {
      name: "format",
      value: "FORMAT",
      help:
        "text (default); json, one object per line; csv, with ' put before anything that a spreadsheet would take for a formula",
      ...oneOf(EXPORT_FORMATS),
    },
    KEYS_FLAG,
  ],
  options: exportLogOptions,
};

/** `p2pchat log verify FILE`: a log, and who decided in it. */
export interface CheckedLogOptions extends FileOptions {
  /** The keys that may decide on edits, and sign views; null: the user has named none. */
  readonly keys: readonly Fingerprint[] | null;
}

/** @throws {P2pchatError} `usage` unless exactly one file is given. */
function checkedLogOptions(line: CommandLine, command: CommandForm): CheckedLogOptions {
  const keys = line.value<readonly Fingerprint[]>("keys") ?? null;
  return { ...fileOptions(line, command), keys };
}

/** `p2pchat log export FILE`. */
export interface ExportLogOptions extends CheckedLogOptions {
  readonly format: ExportFormat;
}

/**
 * The format is text unless another one is requested; `--json` counts as a format, too.
 * @throws {P2pchatError} `usage` unless exactly one file is given, and where `--json` and `--format` contradict
 *   each other.
 */
function exportLogOptions(line: CommandLine): ExportLogOptions {
  const options = checkedLogOptions(line, exportLogCommand);
  const format = line.value<ExportFormat>("format") ?? (options.json ? "json" : "text");
  if (options.json && format !== "json") {
    throw new P2pchatError(
      "usage",
      `--json and --format ${format} can't both be: leave out one of them`,
    );
  }
  return { ...options, format };
}

export const verifySnapshotCommand: CommandOf<FileOptions> = {
  name: "snapshot verify",
  form: "FILE",
  example: "p2pchat snapshot verify 20261120-204827-123-1f3a9c.txt",
  fileUse: "read",
  help:
    "check a group's snapshot, a file that /snapshots names: that no member in it has received what wasn't sent, and that nothing is missing",
  flags: [],
  options: (line) => fileOptions(line, verifySnapshotCommand),
};
