/** Files of simulated people: leaves that differ, hashed once each, however often they are sent, checked and written. */

import type { Crypto } from "../../../lib/base/crypto/crypto.ts";
import type { Hash, HexId, OfferId } from "../../../lib/base/ids.ts";
import { LEAF_BYTES } from "../../../lib/protocols/transfer/limits.ts";
import {
  FileTree,
  leafHash,
  leafLength,
  leavesOf,
} from "../../../lib/protocols/transfer/merkle.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import type { Random } from "../random.ts";

/** Leaves aren't changed in place: what changes is another array. */
const hashes = new WeakMap<Uint8Array, string>();

/** As `fakeCrypto`; a leaf that was hashed is remembered. */
export const simCrypto: Crypto = {
  ...fakeCrypto,
  sha256<Id extends HexId>(...parts: readonly Uint8Array[]): Id {
    const [, leaf] = parts;
    // Only leaves are hashed with one tag before so many bytes.
    if (parts.length !== 2 || leaf!.length < 1_024) return fakeCrypto.sha256<Id>(...parts);
    let hash = hashes.get(leaf!);
    if (hash === undefined) hashes.set(leaf!, hash = fakeCrypto.sha256<Hash>(...parts));
    return hash as Id;
  },
};

/** A file as it is somewhere: its leaves, each with its proof. */
export interface Content {
  readonly size: number;
  readonly leaves: readonly Uint8Array[];
  readonly tree: FileTree;
  readonly digest: Hash;
}

export function contentOf(random: Random, size: number): Content {
  const leaves = Array.from({ length: leavesOf(size) }, (_, leaf) => {
    const bytes = new Uint8Array(leafLength(size, leaf));
    bytes.set(random.bytes(Math.min(8, bytes.length)));
    return bytes;
  });
  const tree = new FileTree(simCrypto);
  for (const bytes of leaves) tree.add(leafHash(simCrypto, bytes));
  return { size, leaves, tree, digest: tree.finish(size) };
}

/** A size of some leaves, the last of which is mostly not full. */
export function sizeOf(random: Random, leavesMax: number): number {
  return Math.max(0, random.below(leavesMax + 1) * LEAF_BYTES - random.pick([0, 0, 1, 60_000]));
}

/** A part on somebody's disk. */
export interface Part {
  readonly leaves: Map<number, { readonly bytes: Uint8Array; readonly proof: Uint8Array }>;
  /** Written and not synced: a power cut takes some of them. */
  readonly unsynced: Set<number>;
  /** The text of the file of leaves; null: there is none. */
  text: string | null;
  readonly id: OfferId;
}
