/** Edits as members ask for them and the coordinator decides on them, for tests of who deals with them. */

import type { Signer } from "../../../lib/base/crypto.ts";
import type { Hash, MessageId, RequestId } from "../../../lib/base/ids.ts";
import {
  type Edit,
  type EditRequest,
  type NamedKey,
  requestId,
  type SignedEditRequest,
  signEditRequest,
  textDigest,
} from "../../../lib/protocols/group/edit.ts";
import type { LoggedEntryState } from "../../../lib/protocols/group/member_io.ts";
import {
  type Batch,
  COORDINATOR_NAME,
  signBatch,
  type SignedBatch,
} from "../../../lib/protocols/group/history.ts";
import { fakeCrypto } from "../../sim/fake_crypto.ts";

interface Somebody {
  readonly name: string;
  readonly signer: Signer;
  /** Of its present process. */
  readonly incarnationBytes?: Uint8Array;
  /** An entry as its log has it. */
  entryNow?(seq: number): Pick<LoggedEntryState, "id" | "text"> | null;
}

/** An entry that nobody looks up. */
const ANY_ENTRY = { id: "e1".repeat(32) as MessageId, text: "old" };

let numbers = 0;

/** What somebody asks for; each is another request. */
export function requestOf(
  somebody: Somebody,
  group: Hash,
  seq: number,
  text: string,
  changes: Partial<EditRequest> = {},
): SignedEditRequest {
  const { name, signer, incarnationBytes } = somebody;
  const { id: entry, text: read } = somebody.entryNow?.(seq) ?? ANY_ENTRY;
  return signEditRequest(signer, {
    group,
    requester: signer.key,
    name,
    incarnation: incarnationBytes ?? new Uint8Array(8),
    number: ++numbers,
    askedAt: 0,
    seq,
    entry,
    old: textDigest(fakeCrypto, read),
    text,
    ...changes,
  });
}

export function idOf({ request }: SignedEditRequest): RequestId {
  return requestId(fakeCrypto, request.value);
}

/** The same, said by one who hasn't signed it. */
export function forged<Signed extends { readonly signature: Uint8Array }>(signed: Signed): Signed {
  return { ...signed, signature: new Uint8Array(64).fill(7) };
}

export function editOf(
  edit: number,
  signed: SignedEditRequest,
  agreed: readonly NamedKey[] = [],
): Edit {
  return { edit, signed, agreed };
}

/** One process of the coordinator's, which numbers what it decides. */
export class Decider {
  #counter = 1;
  readonly incarnation: Uint8Array;

  constructor(readonly signer: Signer, readonly group: Hash, incarnation = 1) {
    this.incarnation = new Uint8Array(8).fill(incarnation);
  }

  decides(edits: readonly Edit[], changes: Partial<Batch> = {}): SignedBatch {
    const counter = this.#counter;
    this.#counter += edits.length;
    return signBatch(this.signer, {
      kind: "edits",
      rules: null,
      group: this.group,
      author: this.signer.key,
      name: COORDINATOR_NAME,
      incarnation: this.incarnation,
      counter,
      sentAt: 1_000,
      texts: [],
      edits,
      ...changes,
    });
  }
}
