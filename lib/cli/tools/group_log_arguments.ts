/** The command lines of `p2pchat log`. */

import { P2pchatError } from "../../base/errors.ts";
import { type CommandLine, type ProgramCommand, wrongWords } from "../args/arguments.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { fingerprints, oneOf } from "../args/flags.ts";
import {
  EXPORT_FORMATS,
  type ExportFormat,
  type ExportLogOptions,
  type VerifyLogOptions,
} from "../args/options.ts";

const verifyWords = {
  name: "log verify",
  form: "FILE [--keys KEY,...]",
  example: "p2pchat log verify group.txt",
};

const exportWords = {
  name: "log export",
  form: "FILE [--format text|json|csv]",
  example: "p2pchat log export group.txt --format csv",
};

export const logProgramCommands: readonly ProgramCommand[] = [
  {
    ...verifyWords,
    fileUse: "read-with-state",
    help:
      "check a group's log, the file that /status names: that its entries are as their authors wrote them, and that only the coordinator decided edits",
    flags: [
      {
        name: "keys",
        value: "KEY,...",
        help:
          "the coordinator's present and former keys, if the files beside the log don't have them",
        parse: fingerprints,
      },
    ],
    prepare(line) {
      const options = verifyLogOptions(line);
      return async () => await (await import("./group_log_verify.ts")).verifyLog(options);
    },
  },
  {
    ...exportWords,
    fileUse: "read",
    help: "the entries of a group's log, for people or for other programs",
    flags: [
      {
        name: "format",
        value: "FORMAT",
        help:
          "text (default); json, one object per line; csv, with ' put before anything that a spreadsheet would take for a formula",
        ...oneOf(EXPORT_FORMATS),
      },
    ],
    prepare(line) {
      const options = exportLogOptions(line);
      return async () => await (await import("./group_log_export.ts")).exportLog(options);
    },
  },
];

/**
 * `keys` is null where the command line gives none. @throws {P2pchatError} `usage` unless exactly one file is
 * given.
 */
export function verifyLogOptions({ words, common, value }: CommandLine): VerifyLogOptions {
  const [file = "", ...rest] = words;
  if (file === "" || rest.length > 0) throw wrongWords(verifyWords, rest[0]);
  return { ...common, file, keys: value<readonly Fingerprint[]>("keys") ?? null };
}

/**
 * The format is text unless another one is requested; `--json` counts as a format, too.
 * @throws {P2pchatError} `usage` unless exactly one file is given, and where `--json` and `--format` contradict
 *   each other.
 */
export function exportLogOptions(line: CommandLine): ExportLogOptions {
  const { words, common } = line;
  const [file = "", ...rest] = words;
  if (file === "" || rest.length > 0) throw wrongWords(exportWords, rest[0]);
  const format = line.value<ExportFormat>("format") ?? (common.json ? "json" : "text");
  if (common.json && format !== "json") {
    throw new P2pchatError(
      "usage",
      `--json and --format ${format} can't both be: leave out one of them`,
    );
  }
  return { ...common, file, format };
}
