import { assertEquals } from "@std/assert";
import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import { TransferFiles } from "../../../lib/cli/files/transfer_files.ts";
import { LEAF_BYTES } from "../../../lib/protocols/transfer/limits.ts";
import { leafLength, leavesOf } from "../../../lib/protocols/transfer/merkle.ts";
import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { fileOf, leafOf, offerOf, signerOf } from "../../protocols/transfer/fixtures.ts";

Deno.test("a leaf's memory is given back once it is written, unless it shares it with another", async () => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-files-" });
  const files = await TransferFiles.open(
    new RealDisk(),
    nodeCrypto,
    `${folder}/profile`,
    `${folder}/downloads`,
  );
  try {
    const file = fileOf(2 * LEAF_BYTES + 7);
    const { signed, id } = offerOf(signerOf(1), file);
    await files.begin(id, signed, "a");
    const write = (leaf: number, bytes: Uint8Array, proof: Uint8Array) =>
      files.write(id, {
        ...leafOf(file, id, leaf),
        ...{ type: "write", token: 1, offset: leaf * LEAF_BYTES, bytes, proof },
      });
    /** The leaf and its proof in one buffer, as in a message, with so much room for others beside them. */
    const received = (leaf: number, beside: number) => {
      const { bytes, proof } = leafOf(file, id, leaf);
      const buffer = new Uint8Array(bytes.length + proof.length + beside);
      buffer.set(bytes);
      buffer.set(proof, bytes.length);
      return {
        bytes: buffer.subarray(0, bytes.length),
        proof: buffer.subarray(bytes.length, bytes.length + proof.length),
        isGone: () => buffer.length === 0,
      };
    };
    const gone: boolean[] = [];
    for (const [leaf, beside] of [[0, 50], [1, 5_000], [2, 50]] as const) {
      const { bytes, proof, isGone } = received(leaf, beside);
      await write(leaf, bytes, proof);
      gone.push(isGone());
    }
    assertEquals(gone, [true, false, false]);

    const read = async (leaf: number) => {
      const length = leafLength(file.size, leaf);
      const place = { leaf, offset: leaf * LEAF_BYTES, length, proofLength: 0 };
      return (await files.read(id, { type: "read", token: 1, file: id, ...place })).bytes;
    };
    for (let leaf = 0; leaf < leavesOf(file.size); leaf++) {
      assertEquals(await read(leaf), file.leaves[leaf]);
    }
  } finally {
    files.close();
    await Deno.remove(folder, { recursive: true });
  }
});
