/** Files with passwords, named by the user. */

import { isSystemError, P2pchatError, systemErrorCode } from "../base/errors.ts";
import { NO_SUCH_FILE, systemReason } from "../store/disk.ts";

const OTHERS_READ_BITS = 0o044;

/** Whether others may read the file. @param mode Null where the system has no modes. */
export function mayOthersRead(mode: number | null): boolean {
  return ((mode ?? 0) & OTHERS_READ_BITS) !== 0;
}

/**
 * The error `bad-file` with the system's reason why a file can't be read.
 * @param failed What can't be done with it.
 * @throws `cause` itself where it isn't an error of the system: a bug.
 */
export function unreadable(failed: string, cause: unknown): P2pchatError {
  const code = systemErrorCode(cause);
  const isOfSystem = isSystemError(cause) || cause instanceof Deno.errors.NotCapable;
  if (!isOfSystem) throw cause;
  const why = code === "ENOENT" ? NO_SUCH_FILE : `${systemReason(cause)}; check the path`;
  return new P2pchatError("bad-file", `${failed}: ${why}`, { cause });
}
