/**
 * The history of a group: what was said, in the one order that all members have. It consists of batches, each signed
 * by its author and ordered as a whole. Each text of a batch is an entry; each edit of a batch changes an earlier
 * entry; a batch of rules changes the rules of the group. Texts, edits and rules each take a position; only entries
 * have a number.
 *
 * Each position has a digest, chained to the one before, so that two members can compare one line.
 */

import { sameBytes } from "../../../base/collections/bytes.ts";
import {
  type Bytes,
  concatBytes,
  type Crypto,
  type Signer,
  utf8,
} from "../../../base/crypto/crypto.ts";
import type { FoldedName, Hash, MessageId, PeerKey } from "../../../base/ids.ts";
import { foldName, nameFault } from "../../../base/text/names.ts";
import {
  type Embedded,
  embedded,
  encode,
  fixedBytes,
  hexId,
  type Infer,
  list,
  makeEmbedded,
  nullable,
  oneOf,
  peerKey,
  record,
  text,
  uint,
} from "../../../base/schema/schema.ts";
import {
  changeBy,
  type Edit,
  editSchema,
  type EntryChange,
  isRequestAuthentic,
  requestFault,
  type SignedEditRequest,
} from "./edit.ts";
import {
  type Ballot,
  ballotSchema,
  compareBallots,
  type HistoryPoint,
  historyPointSchema,
  isSameBallot,
  isViewSignedBy,
  keptView,
  NO_BALLOT,
  type RecordedView,
  type SignedView,
  signedViewSchema,
} from "./epoch.ts";
import { ID_BYTES, VARINT_BYTES_MAX, writeVarint } from "../../../base/schema/schema_codec.ts";
import { EntryPlaces } from "./entry_places.ts";
import { type Rules, rulesSchema } from "./founding.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_EDITS_BYTES_MAX,
  BATCH_EDITS_MAX,
  BATCH_TEXTS_BYTES_MAX,
  BATCH_TEXTS_MAX,
  INCARNATION_BYTES,
  NAME_BYTES_MAX,
  TEXT_BYTES_MAX,
} from "./limits.ts";

export { type HistoryPoint, historyPointSchema };

/** What a batch holds: texts of a member, or edits, or rules, that the coordinator, as its author, has decided. */
const BATCH_KINDS = ["texts", "edits", "rules"] as const;

/** The coordinator's name where members' names stand: no member can have it. */
export const COORDINATOR_NAME = "*coordinator*";

const batchSchema = record({
  kind: oneOf(BATCH_KINDS),
  /** The group in which it was said: the batch can't be replayed in another. */
  group: hexId<Hash>(),
  author: peerKey(),
  /** The author's name at that time. */
  name: text(NAME_BYTES_MAX),
  incarnation: fixedBytes(INCARNATION_BYTES),
  /** The counter of the first text or edit; it counts from 1 in each incarnation, without gaps. */
  counter: uint(Number.MAX_SAFE_INTEGER),
  /**
   * The epoch that the author was in when it signed texts: what it says later has no lower one, so nobody can have what
   * it said before placed after that. `NO_BALLOT` in drafts, and in what the coordinator decides.
   */
  signedIn: ballotSchema,
  /** The author's wall clock, ms since 1970; for display alone. */
  sentAt: uint(Number.MAX_SAFE_INTEGER),
  texts: list(text(TEXT_BYTES_MAX), BATCH_TEXTS_MAX, BATCH_TEXTS_BYTES_MAX + 3 * BATCH_TEXTS_MAX),
  edits: list(editSchema, BATCH_EDITS_MAX, BATCH_EDITS_BYTES_MAX),
  /** Null in other kinds. */
  rules: nullable(rulesSchema),
});
export type Batch = Infer<typeof batchSchema>;

/** A batch in its exact bytes, and its author's signature over them: it is sent, kept and exported in this form. */
export const signedBatchSchema = record({
  batch: embedded(batchSchema, BATCH_BYTES_MAX),
  signature: fixedBytes(64),
  /**
   * In a history: the view in which it was ordered, as the coordinator signed it, where that has other members, or
   * other names of them, than the last such view before it. Null where it hasn't, and outside a history.
   */
  view: nullable(signedViewSchema),
});
export interface SignedBatch {
  readonly batch: Embedded<Batch>;
  readonly signature: Uint8Array;
  readonly view: SignedView | null;
}

/** Where an entry comes from: the batch's author and process, and the text's counter. Its id is the digest of this. */
export const entryOriginSchema = record({
  author: peerKey(),
  incarnation: fixedBytes(INCARNATION_BYTES),
  counter: uint(Number.MAX_SAFE_INTEGER),
});
export type EntryOrigin = Infer<typeof entryOriginSchema>;

const TAGS = {
  batch: utf8("p2pchat group batch 1\0"),
  message: utf8("p2pchat group message 1\0"),
  history: utf8("p2pchat group history 1\0"),
  view: utf8("p2pchat group recorded view 1\0"),
} as const;

/** Signs a batch of our own. */
export function signBatch(signer: Signer, batch: Batch): SignedBatch {
  const made = makeEmbedded(batchSchema, batch);
  const exact = { bytes: made.bytes.slice(), value: made.value };
  return { batch: exact, signature: signer.sign(concatBytes(TAGS.batch, exact.bytes)), view: null };
}

/** A batch from its parts, as a log keeps them. */
export function batchFrom(batch: Batch, signature: Uint8Array): SignedBatch {
  const made = makeEmbedded(batchSchema, batch);
  return { batch: { bytes: made.bytes.slice(), value: made.value }, signature, view: null };
}

/** A copy to keep: a decoder's bytes belong to the link's buffer. */
export function keptBatch({ batch, signature, view }: SignedBatch): SignedBatch {
  return {
    batch: { bytes: batch.bytes.slice(), value: batch.value },
    signature: signature.slice(),
    view: view && keptView(view),
  };
}

/** Whether two batches are the same, with the same view, unless Ed25519 is broken. */
export function isSameRecord(one: SignedBatch, other: SignedBatch): boolean {
  return sameBytes(one.signature, other.signature) &&
    (one.view === null || other.view === null
      ? one.view === other.view
      : sameBytes(one.view.recorded.bytes, other.view.recorded.bytes));
}

/**
 * What is wrong with the signature of the batch's view, as part of a sentence; null where nothing is.
 * @param isCoordinator Whether a key is, or was, the coordinator's.
 */
export function viewSignatureFault(
  crypto: Crypto,
  { view }: Pick<SignedBatch, "view">,
  isCoordinator: (key: PeerKey) => boolean,
): string | null {
  if (view === null) return null;
  const { by, view: number } = view.recorded.value;
  return isCoordinator(by) && isViewSignedBy(crypto, by, view)
    ? null
    : `the coordinator hasn't signed view ${number}`;
}

/**
 * Whether the signatures of the author, and of those who asked for its edits, fit. Never throws.
 * @param isKnown Whether exactly this request was checked before.
 */
export function isAuthentic(
  crypto: Crypto,
  { batch, signature }: SignedBatch,
  isKnown: (signed: SignedEditRequest) => boolean = () => false,
): boolean {
  return crypto.verify(batch.value.author, concatBytes(TAGS.batch, batch.bytes), signature) &&
    batch.value.edits.every(({ signed }) => isKnown(signed) || isRequestAuthentic(crypto, signed));
}

/** How many positions of the history the batch takes. */
export function placesOf(
  { texts, edits, rules }: Pick<Batch, "texts" | "edits" | "rules">,
): number {
  return texts.length + edits.length + (rules === null ? 0 : 1);
}

/** The counter of the batch's last text or edit, or of its rules. */
export function lastCounter(
  batch: Pick<Batch, "counter" | "texts" | "edits" | "rules">,
): number {
  return batch.counter + placesOf(batch) - 1;
}

/** What is wrong with a batch by itself, the signature aside; null where nothing is. */
export function batchFault({ batch: { value } }: SignedBatch, group: Hash): string | null {
  if (value.group !== group) return "it was said in another group";
  const { kind, texts, edits, rules, counter, name } = value;
  if (placesOf(value) === 0) return "it is empty";
  if (counter < 1) return "its counter is below 1";
  if (counter + placesOf(value) > Number.MAX_SAFE_INTEGER) return "its counter overflows";
  if (kind === "texts") {
    if (edits.length > 0) return "it has edits among texts";
    if (rules !== null) return "it has rules among texts";
    const fault = nameFault(name);
    return fault === null ? null : `its author's name ${fault}`;
  }
  if (texts.length > 0) return `it has texts among ${kind}`;
  if (!isSameBallot(value.signedIn, NO_BALLOT)) return `its ${kind} were decided in an epoch`;
  if (name !== COORDINATOR_NAME) return `its ${kind} are decided by somebody else`;
  if ((kind === "rules") !== (rules !== null)) return "its rules aren't what they should be";
  if (kind === "rules" && edits.length > 0) return "it has edits among rules";
  for (const { edit, signed } of edits) {
    const fault = edit < 1 ? "its number is below 1" : requestFault(signed, group);
    if (fault !== null) return `edit ${edit}: ${fault}`;
  }
  return null;
}

/** About how many bytes the batch takes in memory and on the wire. */
export function batchBytes({ batch, view }: SignedBatch): number {
  return batch.bytes.length + 80 + (view === null ? 0 : view.recorded.bytes.length + 70);
}

/**
 * The id of a text: the same however often it is sent, and unlike any other in the history. It isn't unique across
 * groups, nor across a history that was given up and its successor: there a process that goes on counts from 1 again.
 */
export function entryId(
  crypto: Crypto,
  batch: Pick<Batch, "author" | "incarnation" | "counter">,
  index: number,
): MessageId {
  const place = encode(entryOriginSchema, {
    author: batch.author,
    incarnation: batch.incarnation,
    counter: batch.counter + index,
  });
  return crypto.sha256<MessageId>(TAGS.message, place);
}

const linkFields = {
  before: hexId<Hash>(),
  /** Digest of the batch's view, at its first place. */
  view: nullable(hexId<Hash>()),
  kind: oneOf(BATCH_KINDS),
  author: peerKey(),
  name: text(NAME_BYTES_MAX),
  incarnation: fixedBytes(INCARNATION_BYTES),
  counter: uint(Number.MAX_SAFE_INTEGER),
  signedIn: ballotSchema,
  sentAt: uint(Number.MAX_SAFE_INTEGER),
};
const linkSchema = record({ ...linkFields, text: text(TEXT_BYTES_MAX) });
/** What the links of a batch have in common: before the counter, and behind it. */
const saidBySchema = record({
  kind: linkFields.kind,
  author: linkFields.author,
  name: linkFields.name,
  incarnation: linkFields.incarnation,
});
const saidAtSchema = record({ signedIn: linkFields.signedIn, sentAt: linkFields.sentAt });
const editLinkSchema = record({ ...linkFields, edit: editSchema });
const rulesLinkSchema = record({ ...linkFields, rules: rulesSchema });

/** Up to which counter an author has spoken, in the last of its incarnations that spoke. */
export interface Spoken {
  readonly incarnation: string;
  readonly through: number;
  /** As its last batch says. */
  readonly signedIn: Ballot;
  /** The position before its first text or edit. */
  readonly since: number;
}

/** Whether an author can have said this after that: later, or as the same process. */
export function isSaidAfter(
  last: Pick<Spoken, "incarnation" | "signedIn">,
  next: Pick<Spoken, "incarnation" | "signedIn">,
): boolean {
  const later = compareBallots(next.signedIn, last.signedIn);
  return later > 0 || (later === 0 && next.incarnation === last.incarnation);
}

/** An incarnation that another one of its author followed; linked to the earlier ones of all authors. */
interface Earlier {
  readonly author: PeerKey;
  readonly spoken: Spoken;
  readonly before: Earlier | null;
}

/** The digest of an empty history. */
export function emptyDigest(crypto: Crypto, group: Hash): Hash {
  return crypto.sha256<Hash>(TAGS.history, Uint8Array.fromHex(group));
}

/** One entry, with its place in the history. */
export interface Entry {
  readonly seq: number;
  readonly position: number;
  readonly digest: Hash;
  readonly id: MessageId;
  readonly batch: Batch;
  readonly text: string;
}

/** Computes an entry's id only when it is asked for: reading a long log needs none. */
class BatchEntry implements Entry {
  constructor(
    readonly seq: number,
    readonly position: number,
    readonly digest: Hash,
    readonly batch: Batch,
    readonly index: number,
    readonly crypto: Crypto,
  ) {}

  get id(): MessageId {
    return entryId(this.crypto, this.batch, this.index);
  }

  get text(): string {
    return this.batch.texts[this.index]!;
  }
}

/** One edit, with its place in the history. */
export interface PlacedEdit {
  readonly position: number;
  readonly digest: Hash;
  readonly edit: Edit;
  readonly batch: Batch;
}

/** A change of the rules, with its place in the history. */
export interface PlacedRules {
  readonly position: number;
  readonly digest: Hash;
  readonly rules: Rules;
  /** Those that were set before; null: none were, and those of the group's founding were in force. */
  readonly before: Rules | null;
}

/** What a batch brings to the history: entries, or edits, or rules. */
export interface Placed {
  readonly entries: readonly Entry[];
  readonly edits: readonly PlacedEdit[];
  readonly rules: PlacedRules | null;
}

/** The places of a batch, in order. */
export function placesIn({ entries, edits, rules }: Placed): readonly HistoryPoint[] {
  return rules === null ? [...entries, ...edits] : [rules];
}

/** What an edit is known to bring. */
export interface BroughtEdit extends EntryChange {
  readonly edit: number;
}

/** What a batch is known to bring: so many entries, or these edits, or rules. */
export interface Brought {
  readonly entries: number;
  readonly edits: readonly BroughtEdit[];
  readonly rules: Rules | null;
  /** The view that comes with it. */
  readonly view: SignedView | null;
}

/** The part of a batch that its place in the history depends on. */
interface BatchOnly {
  readonly batch: Pick<Embedded<Batch>, "value">;
  readonly view: SignedView | null;
}

/** The names of a view that is recorded in the history. */
interface Named {
  readonly view: number;
  readonly names: ReadonlyMap<PeerKey, string>;
}

function namesOf({ members }: Pick<RecordedView, "members">): ReadonlyMap<PeerKey, string> {
  return new Map(members.map(({ key, name }) => [key, name]));
}

/**
 * The links of a batch's texts behind the first, byte for byte as `linkSchema` has them. There are thousands a second,
 * and most of each is that of the one before it: so it takes a third of the time.
 */
class TextLinks {
  readonly #bytes: Bytes;
  /** Where the counter stands: behind the digest, the byte for no view, and who said it. */
  readonly #counterAt: number;
  readonly #saidAt: Bytes;

  constructor(batch: Batch) {
    const saidBy = encode(saidBySchema, batch);
    this.#saidAt = encode(saidAtSchema, batch);
    this.#counterAt = ID_BYTES + 1 + saidBy.length;
    const units = batch.texts.reduce((most, { length }) => Math.max(most, length), 0);
    const around = this.#counterAt + 2 * VARINT_BYTES_MAX + this.#saidAt.length;
    this.#bytes = new Uint8Array(around + UNIT_BYTES_MAX * units);
    this.#bytes.set(saidBy, ID_BYTES + 1);
  }

  /** @param before The digest before it. @returns Bytes that are valid until the next call. */
  next(before: Hash, counter: number, text: string): Bytes {
    const bytes = this.#bytes;
    bytes.setFromHex(before);
    const saidAt = writeVarint(bytes, this.#counterAt, counter);
    bytes.set(this.#saidAt, saidAt);
    const lengthAt = saidAt + this.#saidAt.length;
    // The length goes before the text, and is known behind it.
    const from = lengthAt + VARINT_BYTES_MAX;
    const { written } = UTF8.encodeInto(text, bytes.subarray(from));
    const textAt = writeVarint(bytes, lengthAt, written);
    bytes.copyWithin(textAt, from, from + written);
    return bytes.subarray(0, textAt + written);
  }
}

const UTF8 = new TextEncoder();
/** UTF-8 bytes of a UTF-16 unit, at most. */
const UNIT_BYTES_MAX = 3;

/** An end of a history, as it was before a batch of this author. */
export interface HistoryMark extends HistoryPoint {
  readonly seq: number;
  readonly author: PeerKey;
  readonly spoken: Spoken | null;
  readonly earlier: Earlier | null;
  readonly rules: Rules | null;
  readonly named: Named | null;
}

/** The end of a history, appended to batch by batch: the same for all who append the same. */
export class HistoryEnd {
  #position = 0;
  #seq = 0;
  #lastEdit = 0;
  #rules: Rules | null = null;
  #places = new EntryPlaces();
  /** The keys that had each name in recorded views, also in some that were taken back: copies share this. */
  #claims = new Map<FoldedName, PeerKey[]>();
  /** The last view that is recorded. */
  #named: Named | null = null;
  #digest: Hash;
  readonly #spoken = new Map<PeerKey, Spoken>();
  /** Copies share this list. It has at most one item for each batch, as the log's index has. */
  #earlier: Earlier | null = null;

  constructor(readonly crypto: Crypto, readonly group: Hash) {
    this.#digest = emptyDigest(crypto, group);
  }

  get point(): HistoryPoint {
    return { position: this.#position, digest: this.#digest };
  }

  get position(): number {
    return this.#position;
  }

  get digest(): Hash {
    return this.#digest;
  }

  /** The last entry's number. */
  get seq(): number {
    return this.#seq;
  }

  /** At least as high as any edit's number in this history: batches that were taken back may count as well. */
  get lastEdit(): number {
    return this.#lastEdit;
  }

  /** The rules in force: those that were set last; null: those of the group's founding, see `rulesAt`. */
  get rules(): Rules | null {
    return this.#rules;
  }

  /** Who said each entry, and what edited ones read. */
  get places(): EntryPlaces {
    return this.#places;
  }

  /** The keys that had each name, as far as views are recorded. */
  get claims(): ReadonlyMap<FoldedName, readonly PeerKey[]> {
    return this.#claims;
  }

  /** Whether the next batch of this view records it: it has other members or names than the last recorded one. */
  lacksNames({ members }: Pick<RecordedView, "members">): boolean {
    const { names } = this.#named ?? { names: new Map<PeerKey, string>() };
    return members.length !== names.size ||
      members.some(({ key, name }) => names.get(key) !== name);
  }

  /**
   * Why a batch of this author, under this name, can't be the next one, as part of a sentence; null where it can. Texts
   * count only under a name that the last recorded view, which may come with the batch, gives to their author's key:
   * members order only what members of their view say, and record the view with the first batch of it, so this holds
   * for whatever honest members say. It does for what was held in a view, and became stable in a later one: the batch
   * keeps the view in which it was ordered. A batch that is said again is ordered, and recorded, anew. Views that order
   * nothing, or never begin, leave no record. Names in edits are the coordinator's word in themselves: it signs them.
   * @param view A view that comes with the batch.
   */
  nameFault(
    { kind, author, name }: Pick<Batch, "kind" | "author" | "name">,
    view: RecordedView | null,
  ): string | null {
    const fault = view === null ? null : this.#viewFault(view);
    if (fault !== null || kind !== "texts") return fault;
    const names = view === null ? this.#named?.names : namesOf(view);
    if (names?.get(author) === name) return null;
    const known = names?.has(author)
      ? "its author had another name then"
      : "its author was no member";
    return `nobody says that ${name} said it: ${known}`;
  }

  /** Views are recorded in ascending order, from where they start, and only where they change a name. */
  #viewFault(view: RecordedView): string | null {
    const { group, view: number, start } = view;
    const isBefore = number <= (this.#named?.view ?? 0);
    const isOther = start.position === this.#position && start.digest !== this.#digest;
    if (group !== this.group || isOther) {
      return `view ${number} isn't one of this history`;
    }
    if (start.position > this.#position || isBefore) return `view ${number} isn't in its place`;
    return this.lacksNames(view) ? null : `view ${number} changes no name`;
  }

  /** Up to which counter an incarnation has spoken; 0 where it isn't the last one of its author that spoke. */
  through(author: PeerKey, incarnation: string): number {
    const spoken = this.#spoken.get(author);
    return spoken?.incarnation === incarnation ? spoken.through : 0;
  }

  /**
   * Up to which counter an incarnation has ever spoken; 0 where it hasn't. Takes time linear in the number of
   * incarnations, unless it is the author's last one that spoke.
   */
  everThrough(author: PeerKey, incarnation: string): number {
    // Each counter follows the one before: the latest is the highest.
    const through = this.through(author, incarnation);
    if (through > 0) return through;
    for (let one = this.#earlier; one !== null; one = one.before) {
      if (one.author === author && one.spoken.incarnation === incarnation) {
        return one.spoken.through;
      }
    }
    return 0;
  }

  /**
   * Whether an incarnation that begins with one of these has ever spoken. Takes time linear in the number of
   * incarnations.
   */
  hasSpokenAs(author: PeerKey, starts: readonly string[]): boolean {
    const isOne = ({ incarnation }: Spoken) =>
      starts.some((start) => incarnation.startsWith(start));
    const last = this.#spoken.get(author);
    if (last !== undefined && isOne(last)) return true;
    for (let one = this.#earlier; one !== null; one = one.before) {
      if (one.author === author && isOne(one.spoken)) return true;
    }
    return false;
  }

  /** The author's incarnation that spoke last; null where none has. */
  lastSpoken(author: PeerKey): Spoken | null {
    return this.#spoken.get(author) ?? null;
  }

  #speaks(author: PeerKey, spoken: Omit<Spoken, "since">, before: number): void {
    const { incarnation } = spoken;
    const last = this.#spoken.get(author);
    const isOther = last?.incarnation !== incarnation;
    if (last !== undefined && isOther) {
      this.#earlier = { author, spoken: last, before: this.#earlier };
    }
    this.#spoken.set(author, { ...spoken, since: isOther ? before : last.since });
  }

  /**
   * The counter that a process goes on with, also after others of its author have spoken: so no counter, and no
   * entry's id, comes twice, and nobody can append old words once more. Decisions of a former process of the
   * coordinator may follow those of a later one: each is ordered when the sequencer hears of it.
   */
  nextCounter(author: PeerKey, incarnation: string): number {
    return 1 + this.everThrough(author, incarnation);
  }

  /**
   * Why texts can't follow what their author has said, as part of a sentence; null where they can. The author's own
   * signature says in which epoch it said them. So what it said, and has said again as a later process since, or taken
   * back, can't be placed after that by somebody who had kept it to himself.
   */
  timeFault(
    { kind, author, incarnation, signedIn }: Pick<Batch, "kind" | "author" | "signedIn"> & {
      readonly incarnation: string;
    },
  ): string | null {
    const last = this.lastSpoken(author);
    if (kind !== "texts" || last === null) return null;
    return isSaidAfter(last, { incarnation, signedIn }) ? null : "its author has said more since";
  }

  /** Why the batch can't be the next one; null where it can. */
  fault({ batch: { value }, view }: BatchOnly): string | null {
    const expected = this.nextCounter(value.author, value.incarnation.toHex());
    if (value.counter !== expected) {
      return `counter ${expected} was expected, it is ${value.counter}`;
    }
    const fault = this.nameFault(value, view?.recorded.value ?? null) ??
      this.timeFault({ ...value, incarnation: value.incarnation.toHex() });
    if (fault !== null) return fault;
    for (const { signed: { request: { value: { seq } } } } of value.edits) {
      if (seq > this.#seq) return `entry ${seq} is edited, the last one is ${this.#seq}`;
    }
    return null;
  }

  /** Appends a batch that has no fault. */
  append({ batch: { value }, view }: BatchOnly): Placed {
    const { author, name, kind, incarnation, counter, signedIn, sentAt } = value;
    const { texts, edits, rules } = value;
    const start = this.#position;
    const viewDigest = view === null
      ? null
      : this.crypto.sha256<Hash>(TAGS.view, view.recorded.bytes);
    if (view !== null) this.#records(view);
    const linkAt = (index: number) => ({
      before: this.#digest,
      view: index === 0 ? viewDigest : null,
      kind,
      author,
      name,
      incarnation,
      counter: counter + index,
      signedIn,
      sentAt,
    });
    const links = texts.length > 1 ? new TextLinks(value) : null;
    const placed: Placed = {
      entries: texts.map((text, index) => {
        this.#goOn(
          index === 0 || links === null
            ? encode(linkSchema, { ...linkAt(index), text })
            : links.next(this.#digest, counter + index, text),
        );
        const { position, digest } = this.point;
        return new BatchEntry(++this.#seq, position, digest, value, index, this.crypto);
      }),
      edits: edits.map((edit, index) => {
        this.#lastEdit = Math.max(this.#lastEdit, edit.edit);
        this.#goOn(encode(editLinkSchema, { ...linkAt(index), edit }));
        return { ...this.point, edit, batch: value };
      }),
      rules: rules === null ? null : this.#ruled(rules, linkAt(0)),
    };
    const process = incarnation.toHex();
    const through = lastCounter(value);
    this.#speaks(author, { incarnation: process, through, signedIn }, start);
    if (texts.length > 0) {
      const first = this.#seq - texts.length + 1;
      this.#places.said(first, { author, incarnation: process, counter });
    }
    for (const { position, edit: { signed: { request } } } of placed.edits) {
      this.#places.edited(position, changeBy(this.crypto, request.value));
    }
    return placed;
  }

  #records({ recorded: { value } }: SignedView): void {
    this.#named = { view: value.view, names: namesOf(value) };
    for (const { key, name } of value.members) {
      const folded = foldName(name);
      const keys = this.#claims.get(folded);
      if (keys === undefined) this.#claims.set(folded, [key]);
      else if (!keys.includes(key)) keys.push(key);
    }
  }

  #ruled(rules: Rules, link: Omit<Infer<typeof rulesLinkSchema>, "rules">): PlacedRules {
    const before = this.#rules;
    this.#rules = rules;
    this.#goOn(encode(rulesLinkSchema, { ...link, rules }));
    return { ...this.point, rules, before };
  }

  #goOn(link: Bytes): void {
    this.#digest = this.crypto.sha256<Hash>(TAGS.history, link);
    this.#position++;
  }

  /**
   * Like `append`, for a batch of so many entries, or of the edits with these numbers, or of rules, whose digest was
   * computed before: for reading a log whose checksums fit.
   */
  appendKnown(
    author: PeerKey,
    spoken: Omit<Spoken, "since">,
    { entries, edits, rules, view }: Brought,
    digest: Hash,
  ): void {
    const { incarnation, through } = spoken;
    this.#speaks(author, spoken, this.#position);
    for (const [index, { edit, ...change }] of edits.entries()) {
      this.#lastEdit = Math.max(this.#lastEdit, edit);
      this.#places.edited(this.#position + index + 1, change);
    }
    if (entries > 0) {
      this.#places.said(this.#seq + 1, { author, incarnation, counter: through - entries + 1 });
    }
    this.#seq += entries;
    this.#position += entries + edits.length + (rules === null ? 0 : 1);
    if (rules !== null) this.#rules = rules;
    if (view !== null) this.#records(view);
    this.#digest = digest;
  }

  /** A mark to return to after the author's next batch. */
  mark(author: PeerKey): HistoryMark {
    const spoken = this.#spoken.get(author) ?? null;
    const at = { position: this.#position, seq: this.#seq, digest: this.#digest };
    return {
      ...at,
      author,
      spoken,
      earlier: this.#earlier,
      rules: this.#rules,
      named: this.#named,
    };
  }

  /** Takes back the last batch. @param mark Made before that batch. */
  takeBack({ position, seq, digest, author, spoken, earlier, rules, named }: HistoryMark): void {
    this.#position = position;
    this.#seq = seq;
    this.#digest = digest;
    this.#rules = rules;
    this.#places.takeBack(position, seq);
    this.#named = named;
    this.#earlier = earlier;
    if (spoken === null) this.#spoken.delete(author);
    else this.#spoken.set(author, spoken);
  }

  /** A copy of this end, which goes on independently. */
  copy(): HistoryEnd {
    const copy = new HistoryEnd(this.crypto, this.group);
    copy.#position = this.#position;
    copy.#seq = this.#seq;
    copy.#lastEdit = this.#lastEdit;
    copy.#rules = this.#rules;
    copy.#places = this.#places.copy();
    copy.#named = this.#named;
    copy.#claims = this.#claims;
    copy.#digest = this.#digest;
    copy.#earlier = this.#earlier;
    for (const [author, spoken] of this.#spoken) copy.#spoken.set(author, spoken);
    return copy;
  }
}
