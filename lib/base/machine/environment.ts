/** What a machine may use of the outside world: randomness, wall time, cryptography and a log; nothing that waits. */

import type { Crypto } from "../crypto/crypto.ts";

/**
 * Structured logging. Callers never log message texts, names of files with secrets, or keys other than public ones.
 */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A logger that discards everything. */
export const SILENT_LOGGER: Logger = { debug() {}, info() {}, warn() {} };

/** Passed to every machine. The simulator's is seeded, so that a run can be repeated. */
export interface Environment {
  /** A number in [0, 1) for decisions that need no secrecy: jitter, sampling. */
  readonly random: () => number;
  /** `length` unpredictable bytes, for nonces and secrets. */
  readonly randomBytes: (length: number) => Uint8Array<ArrayBuffer>;
  /** Wall time, ms since 1970: for display and for order among messages, never for deadlines. */
  readonly wallMs: () => number;
  readonly crypto: Crypto;
  readonly log: Logger;
}
