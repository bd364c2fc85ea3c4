/** Reads a file named by the user that must be the log of a group. */

import { P2pchatError } from "../../base/errors.ts";
import { type Disk, NO_SUCH_FILE } from "../../store/disk/disk.ts";
import { type LogScan, scanGroupLog, type ScanOptions } from "./group_log_scan.ts";
import { GROUP_LOG_VERSION } from "../../runtime/records/group_log_lines.ts";
import { holderOf } from "../../store/disk/held_lock.ts";
import { ASIDE_INFIX } from "../../store/disk/replacement.ts";

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

/** The error for a log that another process has open. */
export function inUseError(path: string, lock: { readonly heldBy: string }): P2pchatError {
  return new P2pchatError(
    "in-use",
    `Cannot use ${path}: ${holderOf(lock)} keeps its log there; end that one, or name another ` +
      "file with --db",
  );
}

/** The error for a log that this process has set aside too often. */
export function asidesError(path: string, asides: number): P2pchatError {
  const text =
    `Cannot set ${path} aside again: this program did so ${asides} times; move the files ` +
    `beside it whose names go on with ${ASIDE_INFIX} away, and start it again`;
  return new P2pchatError("disk", text);
}

/** The error for a log that was removed while it was being read. */
export function removedError(path: string): P2pchatError {
  const text = `Cannot read ${path}: it was removed meanwhile; see that it is there and try again`;
  return new P2pchatError("disk", text);
}

/** The error for a file that isn't a group's log; it stays unchanged. */
export function foreignError(path: string, found: string): P2pchatError {
  return new P2pchatError(
    "bad-file",
    `Cannot use ${path}: ${found}; name another file, or move this one away`,
  );
}

/** The error for a log written by a later version of the program. */
export function versionError(path: string, version: string): P2pchatError {
  return new P2pchatError(
    "bad-file",
    `Cannot read ${path}: its version is ${version}, this program reads ${GROUP_LOG_VERSION}; use ` +
      "the program that wrote it",
  );
}
