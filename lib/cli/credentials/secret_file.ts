/** Files with a password or an invite, named by the user. */

import type { Clock } from "../../base/machine/clock.ts";
import { isSystemError, P2pchatError, systemErrorCode, systemText } from "../../base/errors.ts";
import { isDoneWithin } from "../../runtime/within.ts";
import { NO_SUCH_FILE } from "../../store/disk/disk.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";

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
  if (!isSystemError(cause)) throw cause;
  const why = code === "ENOENT" ? NO_SUCH_FILE : `${systemText(cause)}; check the path`;
  return new P2pchatError("bad-file", `${failed}: ${why}`, { cause });
}

/** How long to wait for what a pipe brings. */
const PIPE_MS_MAX = 10_000;

export interface SecretFile {
  readonly path: string;
  /** What is in it, for the user. */
  readonly secret: string;
  readonly bytesMax: number;
  /** Shows a notice. */
  readonly notice: (text: string) => Promise<void>;
  readonly clock?: Clock;
}

/**
 * The text of a file, or of a pipe within PIPE_MS_MAX. Of a longer one no more than its start is read (`isLong`).
 * @throws {P2pchatError} `bad-file`.
 */
export async function secretText(
  file: SecretFile,
): Promise<{ readonly text: string; readonly isLong: boolean }> {
  const failed = `Cannot take the ${file.secret} from ${file.path}`;
  // Opening a pipe blocks until somebody writes to it, and can't be cancelled, except by the program's end.
  const reading = startOf(file, failed);
  if (!await isDoneWithin(file.clock ?? SYSTEM_LINK_CLOCK, PIPE_MS_MAX, reading)) {
    const found = `nothing was written to it for ${
      PIPE_MS_MAX / 1_000
    } s; write to it, or name a file`;
    throw new P2pchatError("bad-file", `${failed}: ${found}`);
  }
  const bytes = await reading;
  // Only the start of a longer file was read, which may end within a character.
  const isLong = bytes.length > file.bytesMax;
  try {
    return {
      text: new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: isLong }),
      isLong,
    };
  } catch (cause) {
    throw new P2pchatError("bad-file", `${failed}: it isn't UTF-8 text; save it in UTF-8`, {
      cause,
    });
  }
}

/** The start of a file, one byte more than it may have. */
async function startOf(
  { path, secret, bytesMax, notice }: SecretFile,
  failed: string,
): Promise<Uint8Array> {
  let file: Deno.FsFile | null = null;
  try {
    file = await Deno.open(path, { read: true });
    const { isFile, mode } = await file.stat();
    if (isFile && mayOthersRead(mode)) {
      const what = `${/^[aeiou]/.test(secret) ? "an" : "a"} ${secret}`;
      await notice(`Others can read ${path}, which has ${what} in it; chmod 600 keeps it yours`);
    }
    const buffer = new Uint8Array(bytesMax + 1);
    let length = 0;
    for (let count: number | null = 0; count !== null && length < buffer.length;) {
      count = await file.read(buffer.subarray(length));
      length += count ?? 0;
    }
    return buffer.subarray(0, length);
  } catch (cause) {
    throw unreadable(failed, cause);
  } finally {
    file?.close();
  }
}
