/** Errors of files that can't be used as the log of a group. */

import { P2pchatError } from "../../base/errors.ts";
import { GROUP_LOG_VERSION } from "../../runtime/records/group_log_lines.ts";
import { holderOf } from "../../store/disk/held_lock.ts";
import { ASIDE_INFIX } from "../../store/disk/replacement.ts";

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
