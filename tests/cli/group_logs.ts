/** Members of a group, what they say, and files of it. */

import { nodeCrypto, nodeSigner, type Signer, utf8 } from "../../lib/base/crypto.ts";
import type { Hash } from "../../lib/base/ids.ts";
import { GroupLog, type GroupLogPorts } from "../../lib/cli/group_log.ts";
import {
  type Batch,
  HistoryEnd,
  signBatch,
  type SignedBatch,
} from "../../lib/protocols/group/history.ts";
import { batchLines, firstLine } from "../../lib/runtime/group_log_lines.ts";
import type { Disk } from "../../lib/store/disk.ts";

export const GROUP = "5a".repeat(32) as Hash;
export const OTHER_GROUP = "c3".repeat(32) as Hash;
/** 2026-01-31T12:00:00.000Z. */
export const NOON_MS = 1_769_860_800_000;

/** A member's process. */
export class Speaker {
  readonly signer: Signer;
  readonly incarnation: Uint8Array;
  #counter = 0;

  constructor(readonly name: string, seed: number, incarnation = seed) {
    this.signer = nodeSigner(new Uint8Array(32).fill(seed));
    this.incarnation = new Uint8Array(8).fill(incarnation);
  }

  /** What it says next, in one go. */
  say(...texts: readonly string[]): SignedBatch {
    return signBatch(this.signer, this.batch(texts));
  }

  batch(texts: readonly string[], group = GROUP): Batch {
    const counter = this.#counter + 1;
    this.#counter += texts.length;
    return {
      kind: "texts",
      edits: [],
      group,
      author: this.signer.key,
      name: this.name,
      incarnation: this.incarnation,
      counter,
      sentAt: NOON_MS + 1_000 * counter,
      texts,
    };
  }
}

/** Six entries in four batches of alice and bob. */
export function sixEntries(): readonly SignedBatch[] {
  const [alice, bob] = [new Speaker("alice", 1), new Speaker("bob", 2)];
  return [
    alice.say("hello"),
    bob.say("hi", "tab\there, line\nfeed \\n \x1b[2J", "how are you?"),
    alice.say("ünï👩‍🚀"),
    bob.say(""),
  ];
}

/** The bytes of a log with these batches. */
export function logBytes(batches: readonly SignedBatch[], group = GROUP): Uint8Array<ArrayBuffer> {
  const end = new HistoryEnd(nodeCrypto, group);
  const parts = [
    utf8(firstLine(nodeCrypto, group)),
    ...batches.map((batch) => batchLines(batch, end.append(batch))),
  ];
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

export function endOf(batches: readonly SignedBatch[]): HistoryEnd {
  const end = new HistoryEnd(nodeCrypto, GROUP);
  for (const batch of batches) end.append(batch);
  return end;
}

export function portsOf(disk: Disk): GroupLogPorts {
  return { disk, crypto: nodeCrypto, pid: 7, wallMs: () => NOON_MS };
}

export function openLogAt(disk: Disk, path: string, certainThrough: number | null = null) {
  return GroupLog.open(portsOf(disk), path, certainThrough);
}
