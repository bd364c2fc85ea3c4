/** Files, people and their machines for the tests of file transfer. */

import { nodeCrypto, nodeSigner, type Signer } from "../../../lib/base/crypto/crypto.ts";
import type { Hash, OfferId, PeerKey } from "../../../lib/base/ids.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { LEAF_BYTES } from "../../../lib/protocols/transfer/limits.ts";
import {
  FileTree,
  leafHash,
  leafLength,
  leavesOf,
} from "../../../lib/protocols/transfer/merkle.ts";
import type { Offer, Withdrawal } from "../../../lib/protocols/transfer/messages.ts";
import {
  offerId,
  signedOffer,
  withdrawalSignature,
} from "../../../lib/protocols/transfer/offers.ts";
import type {
  TransferConfig,
  TransferEffect,
  TransferInput,
} from "../../../lib/protocols/transfer/transfer_io.ts";
import { Transfers } from "../../../lib/protocols/transfer/transfers.ts";

export const CONTEXT = "c0".repeat(32) as Hash;

export function signerOf(seed: number): Signer {
  return nodeSigner(new Uint8Array(32).fill(seed));
}

/** A file in its leaves, with its tree. Each leaf begins with its number. */
export function fileOf(size: number) {
  const leaves = Array.from({ length: leavesOf(size) }, (_, leaf) => {
    const bytes = new Uint8Array(leafLength(size, leaf));
    bytes.set([leaf + 1, leaf >> 8].slice(0, bytes.length));
    return bytes;
  });
  const tree = new FileTree(nodeCrypto);
  for (const bytes of leaves) tree.add(leafHash(nodeCrypto, bytes));
  return { size, leaves, tree, digest: tree.finish(size) };
}

/** A file of any number of whole leaves, which takes no more memory than one of them. */
export function fileOfEqualLeaves(count: number): TestFile {
  const bytes = new Uint8Array(LEAF_BYTES);
  const tree = new FileTree(nodeCrypto);
  const hash = leafHash(nodeCrypto, bytes);
  for (let leaf = 0; leaf < count; leaf++) tree.add(hash);
  const size = count * LEAF_BYTES;
  return {
    size,
    leaves: Array.from({ length: count }, () => bytes),
    tree,
    digest: tree.finish(size),
  };
}

export type TestFile = ReturnType<typeof fileOf>;

export function withdrawal(signer: Signer, file: OfferId, reason: Withdrawal) {
  const signature = withdrawalSignature(signer, nodeCrypto, file, reason);
  return { type: "withdraw", file, reason, signature } as const;
}

export function offerOf(signer: Signer, file: TestFile, more: Partial<Offer> = {}) {
  const signed = signedOffer(signer, nodeCrypto, {
    version: 1,
    context: CONTEXT,
    from: signer.key,
    to: null,
    at: 1_790_000_000_000,
    name: "notes.txt",
    size: file.size,
    digest: file.digest,
    ...more,
  });
  return { signed, id: offerId(nodeCrypto, signed) };
}

export function machineOf(seed: number, config: Partial<TransferConfig> = {}) {
  const machine = new Transfers({
    random: () => 0,
    randomBytes: (length) => new Uint8Array(length),
    wallMs: () => 1_790_000_000_000,
    crypto: nodeCrypto,
    log: SILENT_LOGGER,
  }, {
    context: CONTEXT,
    signer: signerOf(seed),
    filesBytesMax: 1_000 * LEAF_BYTES,
    receivedBytes: 0,
    ...config,
  });
  const step = (input: TransferInput, nowMs = 0) => machine.step(input, nowMs);
  return { machine, step, key: signerOf(seed).key };
}

export type TestMachine = ReturnType<typeof machineOf>;

/** The effects of one type. */
export function only<Type extends TransferEffect["type"]>(
  effects: readonly TransferEffect[],
  type: Type,
): readonly Extract<TransferEffect, { readonly type: Type }>[] {
  return effects.filter((effect) => effect.type === type) as never;
}

/** The messages sent, each as its type and receiver. */
export function sent(effects: readonly TransferEffect[]) {
  return only(effects, "send").map(({ to, message }) => ({ to, ...message }));
}

/** A leaf with its proof, as an honest holder sends it. */
export function leafOf(file: TestFile, id: OfferId, leaf: number) {
  return {
    type: "leaf",
    file: id,
    leaf,
    proof: file.tree.proof(leaf),
    bytes: file.leaves[leaf]!,
  } as const;
}

/** A receiver that fetches the file, and knows that `holder` has it whole. @returns What it asks for. */
export function fetching(receiver: TestMachine, author: Signer, file: TestFile, holder: PeerKey) {
  const { signed, id } = offerOf(author, file);
  const { step } = receiver;
  step({ type: "peer-up", peer: holder });
  step({ type: "message", from: holder, message: { type: "offer", offer: signed } });
  const begin = only(
    step({ type: "command", command: { command: "get", file: 1 }, ref: "r" }),
    "begin",
  );
  step({ type: "begun", token: begin[0]!.token, isThere: false, leaves: null });
  const message = { type: "have", file: id, leaves: null } as const;
  return { id, effects: step({ type: "message", from: holder, message }) };
}
