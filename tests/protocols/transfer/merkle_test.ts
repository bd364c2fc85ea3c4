import { assert, assertEquals } from "@std/assert";
import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import {
  HASH_BYTES,
  LEAF_BYTES,
  PROOF_HASHES_MAX,
} from "../../../lib/protocols/transfer/limits.ts";
import {
  LeafChecker,
  leafLength,
  leavesOf,
  proofLength,
} from "../../../lib/protocols/transfer/merkle.ts";
import { fileOf } from "./fixtures.ts";

/** By a checker that has seen no other leaf. */
function isLeaf(
  file: ConstructorParameters<typeof LeafChecker>[1],
  leaf: number,
  bytes: Uint8Array,
  proof: Uint8Array,
): boolean {
  return new LeafChecker(nodeCrypto, file).isLeaf(leaf, bytes, proof);
}

Deno.test("every leaf of files of 0 to 20 leaves is proven, by a proof of the length that is expected", () => {
  for (let leaves = 0; leaves <= 20; leaves++) {
    const file = fileOf(Math.max(0, leaves * LEAF_BYTES - 7));
    file.leaves.forEach((bytes, leaf) => {
      const proof = file.tree.proof(leaf);
      assertEquals(proof.length, proofLength(file.leaves.length, leaf) * HASH_BYTES);
      assert(isLeaf(file, leaf, bytes, proof), `${leaf} of ${leaves}`);
    });
  }
});

Deno.test("a leaf is refused at another place, with another byte, length, proof, size or digest", () => {
  const file = fileOf(5 * LEAF_BYTES + 1);
  const proof = file.tree.proof(2);
  const bytes = file.leaves[2]!;
  const other = bytes.slice();
  other[LEAF_BYTES - 1]! ^= 1;
  const spoilt = proof.slice();
  spoilt[70]! ^= 1;
  const check = (leaf: number, bytes: Uint8Array, proof: Uint8Array, more = {}) =>
    isLeaf({ ...file, ...more }, leaf, bytes, proof);

  assert(check(2, bytes, proof));
  assert(!check(3, bytes, proof));
  assert(!check(2, other, proof));
  assert(!check(2, bytes.subarray(1), proof));
  assert(!check(2, bytes, spoilt));
  assert(!check(2, bytes, proof.subarray(HASH_BYTES)));
  assert(!check(2, bytes, new Uint8Array(proof.length + HASH_BYTES)));
  for (const size of [file.size - 1, file.size + 1, file.size + LEAF_BYTES]) {
    assert(!check(2, bytes, proof, { size }), "each proof proves the size");
  }
  assert(!check(2, bytes, proof, { digest: "0".repeat(64) }));
  for (const leaf of [-1, 6, 0.5, NaN, 2 ** 40]) assert(!check(leaf, bytes, proof), `${leaf}`);
});

Deno.test("a checker that has seen other leaves takes the same leaves and proofs for right, in any order", () => {
  for (let leaves = 2; leaves <= 20; leaves++) {
    const file = fileOf(leaves * LEAF_BYTES - 7);
    const checker = new LeafChecker(nodeCrypto, file);
    for (let turn = 0; turn < 4 * leaves; turn++) {
      const leaf = turn < leaves ? turn : (turn * 7 + leaves) % leaves;
      const bytes = file.leaves[leaf]!;
      const proof = file.tree.proof(leaf);
      for (let at = 5; at < proof.length; at += HASH_BYTES) {
        const spoilt = proof.slice();
        spoilt[at]! ^= 1;
        assert(!checker.isLeaf(leaf, bytes, spoilt), `${leaf} of ${leaves}, byte ${at}`);
      }
      assert(!checker.isLeaf(leaf, bytes.slice().fill(1, 3, 4), proof));
      assert(checker.isLeaf(leaf, bytes, proof), `${leaf} of ${leaves}`);
    }
  }
});

Deno.test("leaves in their order take three hashes each beside their own, or fewer, but for the first", () => {
  let hashes = 0;
  const counting = {
    ...nodeCrypto,
    sha256: (...parts: Uint8Array[]) => (hashes++, nodeCrypto.sha256(...parts)),
  };
  const file = fileOf(64 * LEAF_BYTES);
  const checker = new LeafChecker(counting as typeof nodeCrypto, file);
  file.leaves.forEach((bytes, leaf) => assert(checker.isLeaf(leaf, bytes, file.tree.proof(leaf))));

  assert(hashes < 64 * 4, `${hashes}`);
});

Deno.test("an inner node is no leaf", () => {
  const file = fileOf(2 * LEAF_BYTES);
  // The two hashes below the top, as if they were a file of 64 bytes.
  const pair = new Uint8Array([...file.tree.proof(1), ...file.tree.proof(0)]);

  assert(!isLeaf({ size: 64, digest: file.digest }, 0, pair, new Uint8Array(0)));
});

Deno.test("proofs take less than 1 % of what they prove, up to the largest file", () => {
  const leaves = 2 ** PROOF_HASHES_MAX;

  assert(proofLength(leaves, leaves - 1) * HASH_BYTES < LEAF_BYTES / 100);
  assertEquals(leavesOf(1e9), 15_259);
  assertEquals(leafLength(1e9, 15_258), 1e9 - 15_258 * LEAF_BYTES);
  assert(proofLength(15_259, 0) * HASH_BYTES < LEAF_BYTES * 0.007);
});
