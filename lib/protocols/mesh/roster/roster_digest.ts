/**
 * A roster in buckets, each with a hash: equal hashes mean equal members. Kept up as members change, so
 * that a beacon costs one hash over 64 others.
 *
 * Live, lost and quit members are hashed, each with its claim: lost ones too, as their names must be held by all
 * members or by none. Beacon numbers are left out: at any moment they differ in a healthy room.
 */

import { type Crypto, utf8 } from "../../../base/crypto/crypto.ts";
import type { ClaimId, Hash, PeerKey } from "../../../base/ids.ts";
import { ROSTER_BUCKETS } from "../schema/limits.ts";

interface Bucket {
  /** The line that each member adds to the hash. */
  readonly lines: Map<PeerKey, string>;
  /** Null after a change. */
  hash: Hash | null;
}

/** The bucket of a key: its first byte decides. */
export function rosterBucketOf(key: PeerKey): number {
  return Math.floor(((16 * hexDigit(key, 0) + hexDigit(key, 1)) * ROSTER_BUCKETS) / 256);
}

/** Called for each member whenever rosters are compared: so it makes no string. */
function hexDigit(hex: string, at: number): number {
  const code = hex.charCodeAt(at); // 0x30 to 0x39, 0x61 to 0x66
  return (code & 15) + 9 * (code >> 6);
}

export class RosterDigest {
  readonly #buckets: readonly Bucket[];
  #root: Hash | null = null;

  constructor(readonly crypto: Crypto) {
    this.#buckets = Array.from(
      { length: ROSTER_BUCKETS },
      () => ({ lines: new Map(), hash: null }),
    );
  }

  set(key: PeerKey, incarnation: number, claim: ClaimId, state: "alive" | "lost" | "quit"): void {
    this.#change(key, `${key} ${incarnation} ${claim} ${state}`);
  }

  delete(key: PeerKey): void {
    this.#change(key, null);
  }

  /** The hashes of all buckets, in order. */
  hashes(): readonly Hash[] {
    return this.#buckets.map((bucket) => {
      return bucket.hash ??= this.crypto.sha256<Hash>(
        utf8([...bucket.lines.values()].sort().join("\n")),
      );
    });
  }

  /** One hash over all of them. */
  root(): Hash {
    return this.#root ??= this.crypto.sha256<Hash>(utf8(this.hashes().join("\n")));
  }

  #change(key: PeerKey, line: string | null): void {
    const bucket = this.#buckets[rosterBucketOf(key)]!;
    if ((bucket.lines.get(key) ?? null) === line) return;
    if (line === null) bucket.lines.delete(key);
    else bucket.lines.set(key, line);
    bucket.hash = null;
    this.#root = null;
  }
}
