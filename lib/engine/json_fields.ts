/** Values of entries that are lines of JSON. Somebody may have put there anything. */

import { pointFault } from "../base/crypto/ed25519_points.ts";
import type { PeerKey } from "../base/ids.ts";

/** None where it isn't a JSON object. */
export function fieldsIn(value: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(value));
  } catch {
    return {};
  }
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** So many can be counted on from there: without end, as far as anybody counts. */
const COUNTED_ON_MAX = 2 ** 52;

/** Whether it is a count from which others go on. */
export function isSerial(value: unknown): value is number {
  return isCount(value) && value <= COUNTED_ON_MAX;
}

/** Whether it is a key that clients take: they leave a directory that names another one. */
export function isPeerKey(value: unknown): value is PeerKey {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value) && pointFault(value) === null;
}

/** The wall clock that a text says, ms since 1970; NaN for anything else: not of all that JSON has a text can be made. */
export function timeIn(value: unknown): number {
  return typeof value === "string" ? Date.parse(value) : NaN;
}
