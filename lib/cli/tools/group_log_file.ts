/** Reads a file named by the user that must be the log of a group. */

import { P2pchatError } from "../../base/errors.ts";
import { type Disk, NO_SUCH_FILE } from "../../store/disk/disk.ts";
import { foreignError, versionError } from "./group_log_errors.ts";
import { type LogScan, scanGroupLog, type ScanOptions } from "./group_log_scan.ts";

/** The name of the state file, beside the log unless the user has put that elsewhere. */
export const STATE_FILE = "state";

/** As `scanGroupLog`, but the file must be a log. @throws {P2pchatError} `bad-file`, `disk`. */
export async function scanLogFile(
  disk: Disk,
  path: string,
  options: ScanOptions,
): Promise<LogScan> {
  const entry = await disk.stat(path);
  if (entry === null) {
    throw new P2pchatError("bad-file", `Cannot read ${path}: ${NO_SUCH_FILE}`);
  }
  if (entry.kind !== "file") throw foreignError(path, "it is no file");
  const scan = await scanGroupLog(disk, path, options);
  const { first } = scan;
  if (first === null) throw foreignError(path, "it is empty");
  if (first.kind === "foreign") throw foreignError(path, "it isn't the log of a group");
  if (first.kind === "version") throw versionError(path, first.version);
  return scan;
}

/**
 * @param action What can't be done with the file, for the error text.
 * @param changed What may be the cause where the file is whole.
 */
export function faultError(
  path: string,
  { fault, end }: LogScan,
  action: string,
  changed = "somebody or a disk changed it",
): P2pchatError {
  const { line, name, found, isTorn } = fault!;
  const where = name === null ? `line ${line}` : `line ${line}, ${name},`;
  const cause = isTorn ? "it was cut off there, or is being written" : changed;
  const before = end?.position ?? 0;
  return new P2pchatError(
    "store-corrupt",
    `Cannot ${action} ${path}: ${where} is wrong, ${found}; ${cause}, ` +
      (before === 0
        ? "and nothing before it is whole"
        : `what is before ${name ?? `line ${line}`} is whole`),
  );
}
