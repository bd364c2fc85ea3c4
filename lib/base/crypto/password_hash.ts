/**
 * Passwords: which are strong enough, and the bytes that are hashed. They are compared in NFC, so that the same one can be
 * typed on any keyboard. No error, log or argument contains a password.
 *
 * Their hashes as text, in the PHC string format:
 *
 *     $scrypt$ln=17,r=8,p=1$c2l4dGVlbiByYW5kb20u$kp0Y...
 *
 * `ln` is the binary logarithm of scrypt's N (RFC 7914); salt and hash are base64 without padding. Other programs
 * write the same format with other parameters. Parameters that need far more memory or time than ours are rejected,
 * so that write access to the file of accounts doesn't suffice to stall the program.
 */

import { type Bytes, utf8 } from "./crypto.ts";
import { P2pchatError } from "../errors.ts";

/** In code points, after NFC: the minimum of NIST SP 800-63B. */
export const PASSWORD_LENGTH_MIN = 8;
/** In UTF-8, after NFC: room for a long sentence, and cheap to hash. */
export const PASSWORD_BYTES_MAX = 1_024;

/** The password in NFC: the same characters are the same password, however they were typed. */
export function normalPassword(password: string): string {
  return password.normalize("NFC");
}

/** The bytes of `password` that are hashed; `password` needn't be strong enough. */
export function passwordBytes(password: string): Bytes {
  return utf8(normalPassword(password));
}

/** Whether `password` is short enough to be anybody's password. */
export function isPossiblePassword(password: string): boolean {
  return password.length <= 4 * PASSWORD_BYTES_MAX &&
    passwordBytes(password).length <= PASSWORD_BYTES_MAX;
}

/**
 * Why `password` is too weak or too long, as a sentence that doesn't repeat it; null where it is acceptable.
 * @param which The subject of that sentence.
 */
export function weakPassword(password: string, which = "The password"): string | null {
  const fault = passwordFault(password);
  return fault === null ? null : `${which} is ${fault}`;
}

/** As `weakPassword`, what it is: `too short: ...`. */
export function passwordFault(password: string): string | null {
  // NFC shortens a text to a quarter at most; a longer one is too long in any case and isn't worth normalizing.
  if (!isPossiblePassword(password)) return `too long: at most ${PASSWORD_BYTES_MAX} bytes`;
  const control = controlFault(password);
  if (control !== null) return control;
  const length = [...normalPassword(password)].length;
  if (length >= PASSWORD_LENGTH_MIN) return null;
  return `${length === 0 ? "empty" : "too short"}: at least ${PASSWORD_LENGTH_MIN} characters`;
}

/** Why a control character in `password` makes it nobody's: it can't be typed at a prompt. Null without one. */
export function controlFault(password: string): string | null {
  const control = /\p{Cc}/u.exec(password)?.[0];
  if (control === undefined) return null;
  const code = control.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return `untypeable: it has a control character (U+${code})`;
}

/** @throws {P2pchatError} `weak-password` with the reason where `password` isn't acceptable. */
export function checkPassword(password: string): void {
  const text = weakPassword(password);
  if (text !== null) throw new P2pchatError("weak-password", text);
}

/** The cost parameters of scrypt. */
export interface ScryptParameters {
  /** Binary logarithm of N. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** A password's hash with everything needed to compute it again. */
interface ScryptHash extends ScryptParameters {
  readonly salt: Bytes;
  readonly hash: Bytes;
}

/**
 * For new hashes: the minimum that OWASP's Password Storage Cheat Sheet recommends for scrypt. One hash takes 128
 * MiB and about half a second of one core.
 */
export const SCRYPT_PARAMETERS: ScryptParameters = { ln: 17, r: 8, p: 1 };
export const SALT_BYTES = 16;
export const HASH_BYTES = 32;

/** Longest text of a hash, by any algorithm. */
const HASH_TEXT_LENGTH_MAX = 512;

/** Limits for what is read: twice the memory of ours, and four times the work. */
const MEMORY_BYTES_MAX = 256 * 1024 * 1024;
const WORK_MAX = 4 * workOf(SCRYPT_PARAMETERS);
const R_MAX = 32;
const SALT_BYTES_MIN = 8;
const SALT_BYTES_MAX = 64;
const HASH_BYTES_MIN = 16;
const HASH_BYTES_MAX = 64;

const NUMBER = "([1-9][0-9]{0,3})";
const BASE64 = "([A-Za-z0-9+/]+)";
const SCRYPT = new RegExp(
  `^\\$scrypt\\$ln=${NUMBER},r=${NUMBER},p=${NUMBER}\\$${BASE64}\\$${BASE64}$`,
);

/** The PHC string format of any algorithm: its name, a version, parameters, salt, hash. */
const PHC =
  /^\$[a-z0-9-]{1,32}(?:\$v=[0-9]+)?(?:\$[a-z0-9-]{1,32}=[A-Za-z0-9/+.-]+(?:,[a-z0-9-]{1,32}=[A-Za-z0-9/+.-]+)*)?\$[A-Za-z0-9/+.-]+\$[A-Za-z0-9/+]+$/;

/** Whether `text` has the form of a password hash, by any algorithm. */
export function isHashText(text: string): boolean {
  return text.length <= HASH_TEXT_LENGTH_MAX && PHC.test(text);
}

/** The hash in `text`; null where it is of another algorithm, malformed, or too costly to compute. */
export function parseScryptHash(text: string): ScryptHash | null {
  if (text.length > HASH_TEXT_LENGTH_MAX) return null;
  const [, ln, r, p, saltText, hashText] = SCRYPT.exec(text) ?? [];
  if (saltText === undefined || hashText === undefined) return null;
  const parameters = { ln: Number(ln), r: Number(r), p: Number(p) };
  const salt = fromBase64(saltText);
  const hash = fromBase64(hashText);
  if (salt === null || salt.length < SALT_BYTES_MIN || salt.length > SALT_BYTES_MAX) return null;
  if (hash === null || hash.length < HASH_BYTES_MIN || hash.length > HASH_BYTES_MAX) return null;
  return isAffordable(parameters) ? { ...parameters, salt, hash } : null;
}

/** Whether these are parameters of scrypt, and need no more than 256 MiB and four times the work of ours. */
export function isAffordable(parameters: ScryptParameters): boolean {
  // RFC 7914, 2: N is less than 2^(128 r / 8).
  if (parameters.r > R_MAX || parameters.ln >= 16 * parameters.r) return false;
  return memoryBytes(parameters) <= MEMORY_BYTES_MAX && workOf(parameters) <= WORK_MAX;
}

/** The text of a hash; `parseScryptHash` reads it if it is within the limits. */
export function formatScryptHash({ ln, r, p, salt, hash }: ScryptHash): string {
  const options = { omitPadding: true };
  return `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toBase64(options)}$${hash.toBase64(options)}`;
}

/** Whether a hash should be replaced once its password is known: it is weaker than `ours`, or can't be read. */
export function needsRehash(text: string, ours: ScryptParameters = SCRYPT_PARAMETERS): boolean {
  const read = parseScryptHash(text);
  return read === null || read.salt.length < SALT_BYTES || read.hash.length < HASH_BYTES ||
    memoryBytes(read) < memoryBytes(ours) || workOf(read) < workOf(ours);
}

/** The memory that scrypt needs, in bytes. */
export function memoryBytes({ ln, r, p }: ScryptParameters): number {
  return 128 * r * (2 ** ln + p);
}

/**
 * The further hashes to compute after one with `parameters`, which are cheaper than `whole`, so that the total work
 * is that of `whole` but for at most a sixteenth: one with half the work of `whole`, one with a quarter, and so on,
 * as far as each is needed.
 */
export function missingWork(
  parameters: ScryptParameters,
  whole: ScryptParameters,
): readonly ScryptParameters[] {
  const missing: ScryptParameters[] = [];
  let left = workOf(whole) - workOf(parameters);
  for (let ln = whole.ln - 1; ln >= whole.ln - 4; ln--) {
    const part = { ...whole, ln };
    if (workOf(part) > left) continue;
    missing.push(part);
    left -= workOf(part);
  }
  return missing;
}

function workOf({ ln, r, p }: ScryptParameters): number {
  return 2 ** ln * r * p;
}

function fromBase64(text: string): Bytes | null {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "loose" });
  } catch {
    return null;
  }
}
