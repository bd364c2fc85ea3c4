/**
 * What nobody would send or leave on a disk, for a receiver of a file that is also a holder: messages that aren't
 * expected, wrong leaves, files of leaves that were damaged, names. Whatever comes, nothing is written that isn't in the
 * file, nothing but the file's leaves goes out, memory stays bounded, and a name is harmless.
 *
 * An input is a row of pieces: what it is (a byte), its length (two), its bytes.
 */

import { assert, assertEquals } from "@std/assert";
import { concatBytes, nodeCrypto, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { sameBytes } from "../../../lib/base/collections/bytes.ts";
import { RemoteProtocolError } from "../../../lib/base/errors.ts";
import { utf8Length } from "../../../lib/base/text/text.ts";
import { SAFE_NAME_BYTES_MAX, safeFileName } from "../../../lib/protocols/transfer/file_names.ts";
import { LeafSet, leavesText, readLeaves } from "../../../lib/protocols/transfer/leaf_set.ts";
import {
  DOWNLOADS_MAX,
  LEAF_BYTES,
  LEAVES_HELD_MAX,
} from "../../../lib/protocols/transfer/limits.ts";
import {
  TRANSFER_MESSAGES,
  type TransferMessage,
} from "../../../lib/protocols/transfer/messages.ts";
import type { TransferEffect } from "../../../lib/protocols/transfer/transfer_io.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import {
  fileOf,
  leafOf,
  machineOf,
  offerOf,
  signerOf,
  type TestMachine,
} from "../../protocols/transfer/fixtures.ts";
import type { Random } from "../../sim/random.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import { NUMBERS } from "../numbers.ts";
import type { Target } from "../target.ts";

const CODEC = createCodec(TRANSFER_MESSAGES);
const ANN = signerOf(1);
const PEERS = [ANN.key, signerOf(2).key];
/** Its last leaf is short, so that inputs can hold it. */
const FILE = fileOf(2 * LEAF_BYTES + 40);
const { signed, id } = offerOf(ANN, FILE);

const NAMES = ["../x", "CON.txt", "a\u202eb", ".", "x".repeat(300), "\ud800", "é", " . "];
const PIECES = [...NAMES, "p2pchat-leaves 1 ", " 0 3 AA== ", "\n"].map(utf8)
  .concat(NUMBERS as Uint8Array<ArrayBuffer>[], NO_TEXT);

function messages(random: Random): readonly TransferMessage[] {
  return [
    { type: "offer", offer: signed },
    { type: "want", file: id },
    { type: "have", file: id, leaves: random.chance(0.5) ? null : random.bytes(1) },
    { type: "lack", file: id, reason: "busy" },
    { type: "request", file: id, first: random.below(4), count: random.below(17) },
    { type: "release", file: id },
    { type: "withdraw", file: id, reason: "changed", signature: random.bytes(64) },
    leafOf(FILE, id, 2),
  ];
}

function piece(random: Random): Uint8Array {
  const kind = random.below(8);
  let bytes: Uint8Array;
  if (kind < 5) bytes = CODEC.encode(random.pick(messages(random))).slice();
  else if (kind === 5) bytes = utf8(leavesText(nodeCrypto, id, new LeafSet(3)));
  else bytes = utf8(random.pick(NAMES));
  bytes = random.chance(0.3) ? spoilt(bytes, PIECES, random) : bytes;
  return concatBytes(Uint8Array.of(kind, bytes.length >> 8, bytes.length), bytes);
}

/** @returns Whether some message was one. */
function check(input: Uint8Array): boolean {
  const bob = machineOf(9, { filesBytesMax: 10 * LEAF_BYTES });
  let [isTaken, nowMs] = [false, 0];
  for (const peer of PEERS) bob.step({ type: "peer-up", peer });
  bob.step({ type: "message", from: ANN.key, message: { type: "offer", offer: signed } });
  carryOut(bob, bob.step({ type: "command", command: { command: "get", file: 1 }, ref: "" }), null);
  for (let at = 0; at + 3 <= input.length;) {
    const [kind = 0, high = 0, low = 0] = input.subarray(at, at + 3);
    const bytes = input.subarray(at + 3, at + 3 + high * 256 + low);
    at += 3 + high * 256 + low;
    nowMs += kind * 300;
    if (kind % 8 === 5) checkLeaves(new TextDecoder().decode(bytes));
    else if (kind % 8 > 5) checkName(new TextDecoder().decode(bytes));
    else isTaken = said(bob, PEERS[kind % 2]!, bytes, nowMs) || isTaken;
    carryOut(bob, bob.step({ type: "tick" }, nowMs), null);
  }
  return isTaken;
}

function said(bob: TestMachine, from: typeof PEERS[number], bytes: Uint8Array, nowMs: number) {
  let message: ReturnType<typeof CODEC.decode>;
  try {
    message = CODEC.decode(bytes);
  } catch (error) {
    if (error instanceof RemoteProtocolError) return false;
    throw error;
  }
  if (message.type === "unknown-message") return false;
  carryOut(bob, bob.step({ type: "message", from, message }, nowMs), null);
  const { leaves, offers } = bob.machine.held;
  assert(leaves <= DOWNLOADS_MAX * LEAVES_HELD_MAX && offers < 100, "memory is bounded");
  return true;
}

/** The disk answers at once. */
function carryOut(
  bob: TestMachine,
  effects: readonly TransferEffect[],
  leaves: string | null,
): void {
  for (const effect of effects) {
    if (effect.type === "send-bulk" || effect.type === "write") {
      const { leaf, bytes } = effect.type === "write" ? effect : effect.message;
      assert(sameBytes(bytes, FILE.leaves[leaf]!), "only what is in the file is written or sent");
    }
    if (!("token" in effect)) continue;
    const { token } = effect;
    switch (effect.type) {
      case "begin":
        carryOut(bob, bob.step({ type: "begun", token, isThere: false, leaves }), leaves);
        continue;
      case "write":
        carryOut(bob, bob.step({ type: "written", token }), leaves);
        continue;
      case "sync":
        carryOut(bob, bob.step({ type: "synced", token }), leaves);
        continue;
      case "finish":
        carryOut(bob, bob.step({ type: "finished", token, path: effect.name }), leaves);
        continue;
      case "read": {
        const { leaf } = effect;
        const [bytes, proof] = [FILE.leaves[leaf]!, FILE.tree.proof(leaf)];
        carryOut(bob, bob.step({ type: "read", token, bytes, proof }), leaves);
      }
    }
  }
}

function checkLeaves(text: string): void {
  const set = readLeaves(nodeCrypto, id, 3, text);
  if (set !== null) assertEquals(leavesText(nodeCrypto, id, set), text, "a set has one text");
}

function checkName(offered: string): void {
  const name = safeFileName(offered);
  assert(name !== "" && utf8Length(name) <= SAFE_NAME_BYTES_MAX, "a name of a length that fits");
  assert(
    !/^[.~-]|[/\\\p{C}:*?"<>|\p{Zl}\p{Zp}]|[. ]$/u.test(name),
    `${JSON.stringify(name)} is harmless`,
  );
  assertEquals(safeFileName(name), name, "what is safe stays");
}

export const transfersTarget: Target = {
  name: "transfers",
  pieces: PIECES,
  bytesMax: 8_192,
  make: (random) =>
    concatBytes(...Array.from({ length: 1 + random.below(20) }, () => piece(random))),
  check,
};
