/** Files with passwords in them that the user names. */

import { isSystemError, P2pchatError, systemErrorCode } from "../base/errors.ts";
import { NO_SUCH_FILE, systemReason } from "../store/disk.ts";

const OTHERS_READ_BITS = 0o044;

/** Whether it is others' to read, too. @param mode Null where the system knows no such thing. */
export function mayOthersRead(mode: number | null): boolean {
  return ((mode ?? 0) & OTHERS_READ_BITS) !== 0;
}

/**
 * Why the system doesn't let it be read, for the user: `bad-file`.
 * @param failed What can't be done with it.
 * @throws What the system didn't say: a fault of our own.
 */
export function unreadable(failed: string, cause: unknown): P2pchatError {
  const code = systemErrorCode(cause);
  const isOfSystem = isSystemError(cause) || cause instanceof Deno.errors.NotCapable;
  if (!isOfSystem) throw cause;
  const why = code === "ENOENT" ? NO_SUCH_FILE : `${systemReason(cause)}; check the path`;
  return new P2pchatError("bad-file", `${failed}: ${why}`, { cause });
}
