/** Edits as members ask for them and the coordinator decides on them, for tests of who deals with them. */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { Hash, MessageId, RequestId } from "../../../lib/base/ids.ts";
import {
  type AbortReason,
  type Edit,
  type EditRequest,
  requestId,
  type SignedEditRequest,
  signEditRequest,
  textDigest,
} from "../../../lib/protocols/group/schema/edit.ts";
import { consentTo, signConsent } from "../../../lib/protocols/group/identity/consents.ts";
import type { LoggedEntryState } from "../../../lib/protocols/group/schema/member_io.ts";
import {
  type Batch,
  COORDINATOR_NAME,
  entryId,
  type EntryOrigin,
  type HistoryEnd,
  signBatch,
  type SignedBatch,
} from "../../../lib/protocols/group/schema/history.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";

interface Somebody {
  readonly name: string;
  readonly signer: Signer;
  /** Of its present process. */
  readonly incarnationBytes?: Uint8Array;
  /** The end of its log, where no more is known of that. */
  readonly end?: HistoryEnd;
  /** An entry as its log has it. */
  entryNow?(seq: number): Pick<LoggedEntryState, "id" | "text"> | null;
}

/** Why an edit was aborted, as it is sent. @param who Those concerned, by their names. */
export function because(
  code: AbortReason["code"],
  who: readonly string[] = [],
  said = "",
): AbortReason {
  return { code, who: who.map((name) => fakeSigner(name).key), said };
}

/** Where an entry comes from that nobody looks up. */
export function originOf(
  { signer, end }: Pick<Somebody, "signer" | "end">,
  seq: number,
): EntryOrigin {
  if (end === undefined || seq < 1 || seq > end.seq) {
    return { author: signer.key, incarnation: new Uint8Array(8), counter: seq };
  }
  const place = end.places.at(seq);
  return { ...place, incarnation: Uint8Array.fromHex(place.incarnation) };
}

function entryAt(author: Somebody, seq: number): { readonly id: MessageId; readonly text: string } {
  return { id: entryId(fakeCrypto, originOf(author, seq), 0), text: "old" };
}

let numbers = 0;

/** What somebody asks for; each is another request. @param author Who has said the entry, where nobody looks that up. */
export function requestOf(
  somebody: Somebody,
  group: Hash,
  seq: number,
  text: string,
  changes: Partial<EditRequest> = {},
  author = somebody,
): SignedEditRequest {
  const { name, signer, incarnationBytes } = somebody;
  const { id: entry, text: read } = somebody.entryNow?.(seq) ?? entryAt(author, seq);
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

/** @param agreed Those that have signed to agree. */
export function editOf(
  edit: number,
  signed: SignedEditRequest,
  agreed: readonly Pick<Somebody, "name" | "signer">[] = [],
  changes: Partial<Edit> = {},
): Edit {
  const consent = consentTo(fakeCrypto, signed);
  const all = agreed.map(({ name, signer }) => {
    return { key: signer.key, name, signature: signConsent(signer, consent) };
  });
  return { edit, signed, view: 1, agreed: all, ...changes };
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
      signedIn: { number: 0, round: 0 },
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
