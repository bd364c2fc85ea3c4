/**
 * Every error that a user, a file or the network can cause, with its stable code.
 *
 * The text says in one sentence what failed, the offending value, and what to do. It never repeats a secret.
 */

/**
 * The codes of `error` and `fatal` events, each with the exit status that the program ends with, grouped by that
 * status.
 */
export const EXIT_STATUS_BY_CODE = {
  "internal": 1,

  "usage": 2,
  "bad-name": 2,
  "too-long": 2,
  "unknown-command": 2,
  "unknown-user": 2,

  "unreachable": 3,
  "port-in-use": 3,
  "timeout": 3,
  "protocol": 3,
  "offline": 3,
  "busy": 3,
  "declined": 3,
  "coordinator-down": 3,
  "in-doubt": 3,

  "name-taken": 4,
  "bad-credentials": 4,
  "weak-password": 4,
  "guests-refused": 4,
  "locked-out": 4,
  "full": 4,
  "key-changed": 4,
  "in-use": 4,
  "replaced": 4,
  "kicked": 4,
  "too-fast": 4,
  "version": 4,
  "not-allowed": 4,
  "not-logged-in": 4,
  "no-such-entry": 4,
  "entry-locked": 4,
  "edit-aborted": 4,

  "bad-file": 5,
  "store-corrupt": 5,
  "disk": 5,
} as const;

export type ErrorCode = keyof typeof EXIT_STATUS_BY_CODE;

/** An error with a code and a sentence for the user. `cause` is the underlying error. */
export class P2pchatError extends Error {
  override readonly name: string = "P2pchatError";
  /** The entry of a group's log that the error is about, as its number was given. */
  readonly seq: number | undefined;
  constructor(
    readonly code: ErrorCode,
    text: string,
    options?: { readonly cause?: unknown; readonly seq?: number | undefined },
  ) {
    super(text, options);
    this.seq = options?.seq;
  }

  get exitStatus(): number {
    return EXIT_STATUS_BY_CODE[this.code];
  }
}

/**
 * The content of a file isn't anything that this program ever wrote; the text is part of a sentence. The reader of
 * the file, which knows its path and the line, turns it into a `store-corrupt` error; any other error thrown while
 * reading is a bug of the program.
 */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}

/**
 * Bytes or a message from another program that violate the protocol. The link on which they arrived is closed with
 * this reason, and nothing they contained takes effect.
 */
export class RemoteProtocolError extends P2pchatError {
  override readonly name: string = "RemoteProtocolError";
  constructor(text: string, options?: { readonly cause?: unknown; readonly code?: "version" }) {
    super(options?.code ?? "protocol", text, options);
  }
}

/**
 * Whether the operating system reported the error, or the runtime, which gives this program no more than it needs. Rare
 * ones have no code in the runtime, so the text is checked, too.
 */
export function isSystemError(error: unknown): boolean {
  if (systemErrorCode(error) !== null || isForbidden(error)) return true;
  return error instanceof Error && SYSTEM_ERROR.test(error.message);
}

/** The end of a system error's text: the error number, and the path if there is one. */
const SYSTEM_ERROR = / \(os error \d+\).*$/s;

/**
 * Whether the runtime denied the access: to special files in `/proc`, `/sys` and `/dev`, or to what is in none of the
 * folders that the program was started with, though a link there leads to it.
 */
export function isForbidden(error: unknown): boolean {
  return error instanceof Error && error.name === "NotCapable";
}

/** The system's description of a failure, without the error number and path at its end. */
export function systemText(error: unknown): string {
  if (isForbidden(error)) return "it, or where a link there leads, is out of this program's reach";
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(SYSTEM_ERROR, "");
}

/** The operating system's name for a failure (`ENOSPC`); also searched for in the causes of `error`. */
export function systemErrorCode(error: unknown): string | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    const code: unknown = "code" in at ? at.code : undefined;
    if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
  }
  return null;
}

/** What to do when no more files or sockets can be opened, by the operating system's name for the failure. */
export const OPEN_FILES_ADVICE: Readonly<Record<string, string>> = {
  EMFILE: "raise the limit of this program (ulimit -n)",
  ENFILE: "close some programs",
};
