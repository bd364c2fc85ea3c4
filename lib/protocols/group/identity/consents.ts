/**
 * Consents to edits. Whoever has to be asked under the group's rules signs its yes to one edit of one entry, from what
 * text to what text; the decision carries these signatures, and each member checks them for itself before the edit
 * takes its place. So no coordinator can say that somebody agreed.
 */

import {
  type Bytes,
  concatBytes,
  type Crypto,
  type Signer,
  utf8,
} from "../../../base/crypto/crypto.ts";
import type { Hash, MessageId, PeerKey, RequestId } from "../../../base/ids.ts";
import { shownName } from "../../../base/text/names.ts";
import { bool, encode, hexId, type Infer, record } from "../../../base/schema/schema.ts";
import { inWords } from "../../../base/text/words.ts";
import {
  changeBy,
  type Edit,
  type EditPolicy,
  type EntryChange,
  needsAgreement,
  type SignedEditRequest,
} from "../schema/edit.ts";
import type { EntryPlace, EntryPlaces } from "../schema/entry_places.ts";
import { type Founding, rulesAt } from "../schema/founding.ts";
import { entryId, type EntryOrigin, type HistoryEnd, type SignedBatch } from "../schema/history.ts";

/** What a voter signs. Exported for its table in PROTOCOL.md. */
export const consentSchema = record({
  group: hexId<Hash>(),
  request: hexId<RequestId>(),
  entry: hexId<MessageId>(),
  /** SHA-256 of the entry's text before, and after. */
  old: hexId<Hash>(),
  new: hexId<Hash>(),
  agrees: bool(),
});
export type Consent = Infer<typeof consentSchema>;

const TAG = utf8("p2pchat group consent 1\0");

/** A yes to a request: to the change of this entry from this text to that one. */
export function consentTo(crypto: Crypto, { request: { value } }: SignedEditRequest): Consent {
  const { request, text } = changeBy(crypto, value);
  const { group, entry, old } = value;
  return { group, request, entry, old, new: text, agrees: true };
}

export function signConsent(signer: Signer, consent: Consent): Bytes {
  return signer.sign(tagged(consent));
}

/** Whether this key has signed the consent. Never throws. */
export function isConsentOf(
  crypto: Crypto,
  key: PeerKey,
  consent: Consent,
  signature: Uint8Array,
): boolean {
  return crypto.verify(key, tagged(consent), signature);
}

function tagged(consent: Consent): Bytes {
  return concatBytes(TAG, encode(consentSchema, consent));
}

/** Where a fault is in a consent: whose it is said to be. */
export interface ConsentFault {
  /** Part of a sentence. */
  readonly text: string;
  /** Keys that a decision says have agreed, and that haven't signed that. */
  readonly forged: readonly PeerKey[];
}

/** An end of a history, as far as consents to what follows depend on it. */
export type ConsentedEnd = Pick<HistoryEnd, "places" | "seq" | "rules">;

/** The members of a view; `unknown`: this one can't tell; `none`: there was no such view. */
export type Voters = readonly PeerKey[] | "unknown" | "none";

/** What consents are checked against: the history before the decision, and what holds there. */
interface ConsentBasis {
  readonly places: EntryPlaces;
  /** The last entry's number. */
  readonly seq: number;
  readonly policy: EditPolicy;
  votersOf(view: number): Voters;
}

/**
 * Why the edits of a batch can't follow this history: they change another entry than was asked for, or what it read
 * before, or lack the consent of somebody who has to be asked, or were done before. Null where they can.
 * @param end That of the history before the batch.
 */
export function consentFault(
  crypto: Crypto,
  founding: Founding,
  end: ConsentedEnd,
  { batch: { value: { edits } } }: Pick<SignedBatch, "batch">,
  votersOf: (view: number) => Voters = () => "unknown",
): ConsentFault | null {
  const { places, seq } = end;
  const basis = { places, seq, policy: rulesAt(founding, end).edits, votersOf };
  /** What the edits before in the batch have changed. */
  const changed: EntryChange[] = [];
  for (const edit of edits) {
    const change = changeBy(crypto, edit.signed.request.value);
    const fault = repetitionFault(basis, change, changed) ??
      entryFault(crypto, basis, edit, changed.findLast(({ seq }) => seq === change.seq) ?? null) ??
      signersFault(crypto, basis, edit);
    if (fault !== null) return { ...fault, text: `edit ${edit.edit}: ${fault.text}` };
    changed.push(change);
  }
  return null;
}

/** Else the coordinator could undo a later edit whenever the entry reads again as when the request was signed. */
function repetitionFault(
  { places }: ConsentBasis,
  { request }: EntryChange,
  changed: readonly EntryChange[],
): ConsentFault | null {
  const isDone = places.isDone(request) ||
    changed.some((before) => before.request === request);
  return isDone ? { text: "what was asked for was done before", forged: [] } : null;
}

/** @param changed What an edit before in the batch made of the entry; null: there is none. */
function entryFault(
  crypto: Crypto,
  { places, seq: last }: ConsentBasis,
  { signed }: Edit,
  changed: EntryChange | null,
): ConsentFault | null {
  const { seq, entry, old } = signed.request.value;
  if (seq < 1 || seq > last) return { text: `there is no entry ${seq}`, forged: [] };
  if (idOfPlace(crypto, places.at(seq)) !== entry) {
    return { text: `it was asked for another entry than entry ${seq}`, forged: [] };
  }
  // An entry that was never edited reads what its author wrote: whoever agreed has signed what its own log has there.
  const text = changed?.text ?? places.textOf(seq);
  if (text === null || text === old) return null;
  return {
    text: `entry ${seq} has been changed since this edit was requested`,
    forged: [],
  };
}

function signersFault(crypto: Crypto, basis: ConsentBasis, edit: Edit): ConsentFault | null {
  const { signed, agreed } = edit;
  const consent = consentTo(crypto, signed);
  const forged = agreed.filter(({ key, signature }) =>
    !isConsentOf(crypto, key, consent, signature)
  );
  if (forged.length > 0) {
    const names = inWords(forged.map(({ name }) => shownName(name)));
    return { text: `${names} hasn't signed to agree`, forged: forged.map(({ key }) => key) };
  }
  const keys = new Set(agreed.map(({ key }) => key));
  const { author } = basis.places.at(signed.request.value.seq);
  const needed = neededOf(basis, edit, author);
  if (needed === "none") {
    return { text: `view ${edit.view}, said to have voted, never was`, forged: [] };
  }
  const isAsked = (key: PeerKey) =>
    needed === "unknown" ? key !== signed.request.value.requester : needed.includes(key);
  if (keys.size < agreed.length || ![...keys].every(isAsked)) {
    return { text: "others are said to agree than had to be asked", forged: [] };
  }
  const lacking = needed === "unknown" ? [] : needed.filter((key) => !keys.has(key));
  if (lacking.length === 0) return null;
  const whose = lacking.includes(author)
    ? "that of the entry's author"
    : `that of ${lacking.length} members`;
  return { text: `a consent is missing that the rules need: ${whose}`, forged: [] };
}

/** Who has to be asked. */
function neededOf(
  { policy, votersOf }: ConsentBasis,
  { view, signed: { request: { value: { requester } } } }: Edit,
  author: PeerKey,
): Voters {
  const candidates = policy === "own" ? [author] : policy === "auto" ? [] : votersOf(view);
  if (typeof candidates === "string") return candidates;
  return candidates.filter((key) => needsAgreement(policy, key, requester, author));
}

/** The id of an entry from where it comes. */
export function idOfPlace(crypto: Crypto, place: EntryPlace): MessageId {
  return entryId(crypto, originOf(place), 0);
}

/** Where an entry comes from, as votes say it. */
export function originOf({ author, incarnation, counter }: EntryPlace): EntryOrigin {
  return { author, incarnation: Uint8Array.fromHex(incarnation), counter };
}
