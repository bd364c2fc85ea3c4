/**
 * What a member has delivered: frontiers, kept bundles, heads, and what equivocation excludes. It is restored
 * from the records that `Order` persists, whatever prefix of them is on disk. It judges nothing: the caller
 * decides whether a bundle may be delivered.
 */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { BundleId, ClaimId, Hash, MessageId, PeerKey } from "../../../base/ids.ts";
import {
  type Bundle,
  type Head,
  type Header,
  type Proof,
  type SignedHeader,
  type Stream,
  streamOf,
} from "../schema/structures.ts";
import {
  HEADS_PER_AUTHOR_MAX,
  PROOF_BYTES_MAX,
  PROOFS_MAX,
  RUNAWAYS_MAX,
} from "../schema/limits.ts";
import type { FrontierEntry, StreamEntry, SyncEntry } from "../schema/messages.ts";
import { inParts, type MeshRecord } from "../schema/records.ts";
import {
  bundleId,
  compacted,
  detached,
  headerOf,
  keptBytes,
  lastCounter,
  messageId,
} from "./bundle.ts";
import { type Guilt, guiltOf } from "./equivocation.ts";
import {
  BUCKETS,
  frontierEntry,
  FrontierTable,
  ID_UNKNOWN,
  indexAfter,
  keep,
  lastKept,
  letGo,
  letGoFrom,
  type StreamState,
} from "./frontier_table.ts";
import { compareInRoom, KeptBundles } from "./kept_bundles.ts";
import type { HistoryEntry, KeptBundle, NamedBundle, RoomPosition } from "./order_io.ts";
import { RoomTime } from "./room_time.ts";

export class Ledger {
  readonly table: FrontierTable;
  readonly kept: KeptBundles;
  readonly time: RoomTime;
  readonly #keptById = new Map<BundleId, KeptBundle>();
  /** The latest bundles whose time wasn't believed; at most `RUNAWAYS_MAX`. */
  readonly #runaways: NamedBundle[] = [];
  /** How many kept bundles name each claim. */
  readonly #claimUses = new Map<ClaimId, number>();
  readonly #heads = new Heads();
  /** Closed streams that still have their proof, in the order of closing. */
  readonly #proven = new Map<StreamState, { readonly proof: Proof; readonly bytes: number }>();
  #provenBytes = 0;

  constructor(
    readonly crypto: Crypto,
    wallMs: () => number,
    /** The stream of this process. */
    readonly own: Stream,
    keptMessagesMax?: number,
  ) {
    const dropped = (state: StreamState) => {
      this.#heads.clear(state);
      this.#forgetProof(state);
    };
    this.table = new FrontierTable(crypto, dropped, () => this.kept.floor?.time ?? 0);
    this.kept = new KeptBundles(keptMessagesMax);
    this.time = new RoomTime(wallMs);
  }

  /** Whether a bundle that reaches `counter`, of room time `time`, must not be delivered (again). */
  isPast(stream: Stream, counter: number, time: number): boolean {
    const state = this.table.find(stream);
    if (state === undefined) return this.isForgotten(stream, time);
    return isPassed(state, counter);
  }

  /** Whether what a head names was delivered, or never will be. */
  isSatisfied(head: Head): boolean {
    return this.isPast(head, head.counter, head.time);
  }

  isForgotten(stream: Stream, time: number): boolean {
    return this.table.mayBeForgotten(stream, time);
  }

  /** Whether our own stream is closed: somebody else has written as this incarnation. */
  get isOwnClosed(): boolean {
    return (this.table.find(this.own)?.closed ?? null) !== null;
  }

  /** Delivers a bundle whose ancestors are delivered; returns it, copied where it is a view into more. */
  deliver(received: Bundle, id: BundleId): Bundle {
    const bundle = detached(received);
    const header = bundle.header.value;
    const state = this.table.open(header);
    const last = lastCounter(header);
    if (last > state.counter) {
      state.counter = last;
      state.id = id;
    }
    const isBelieved = this.time.believe(header.time);
    if (isBelieved) {
      this.#moveHeads(header, id, state, last);
      this.#keep(bundle, id, state);
    } else this.#setAside(bundle, id);
    // An author whose times are never believed is evicted first.
    this.table.changed(state, isBelieved ? header.time : 0);
    return bundle;
  }

  /** Moves the frontier to `counter`, past bundles that nobody has any more. */
  skip(stream: Stream, counter: number, id: BundleId | null): StreamEntry {
    const state = this.table.open(stream);
    state.counter = counter;
    state.id = id;
    this.table.changed(state, 0);
    return recordEntry(state);
  }

  /** The kept bundle with this id. */
  keptBundle(id: BundleId): KeptBundle | null {
    return this.#keptById.get(id) ?? null;
  }

  /** Whether a bundle of this room time is kept, or was set aside since its time isn't believed. */
  isHere(time: number): boolean {
    return this.kept.sameTime.has(time) ||
      this.#runaways.some(({ bundle }) => bundle.header.value.time === time);
  }

  isClaimKept(id: ClaimId): boolean {
    return this.#claimUses.has(id);
  }

  /** Delivered bundles with which a bundle of these counters may be in conflict: neighbours and overlaps. */
  nearby(header: Header): readonly NamedBundle[] {
    const state = this.table.find(header);
    if (state === undefined) return [];
    const last = lastCounter(header);
    const near: NamedBundle[] = [];
    for (let index = indexAfter(state, header.counter - 2); index < state.kept.length; index++) {
      const entry = state.kept[index]!;
      if (entry.bundle.header.value.counter > last + 1) break;
      near.push(entry);
    }
    if (state.closed?.excluded) near.push(state.closed.excluded);
    for (const entry of this.#runaways) {
      const { author, incarnation } = entry.bundle.header.value;
      if (author === state.author && incarnation === state.incarnation) near.push(entry);
    }
    return near;
  }

  /**
   * Excludes from the history what `guilt` proves false.
   * @returns False where as much is excluded already, or the table has no place for the stream.
   */
  close(guilt: Guilt, proof: Proof): boolean {
    return this.mayClose(guilt, proof) && this.#exclude(guilt.stream, guilt.from, proof);
  }

  /** Whether what `guilt` says isn't excluded yet, and there is a place for it. */
  mayClose({ stream, from }: Guilt, proof: Proof): boolean {
    const state = this.table.find(stream);
    if (state !== undefined) return !isExcluded(state, from);
    return this.table.hasPlaceFor(stream, proof.first.header.value.time);
  }

  #exclude(stream: Stream, from: number, proof: Proof | null): boolean {
    const state = this.table.open(stream);
    if (state.closed !== null && state.closed.from <= from) return false;
    const known = state.closed?.excluded ?? null;
    const excluded = letGoFrom(state, from);
    if (state.head !== null && state.head.counter >= from) this.#heads.clear(state);
    for (const entry of excluded) {
      this.kept.remove(entry);
      this.#forget(entry);
      // The heads that the excluded bundle covered are heads again.
      for (const { id } of entry.bundle.header.value.heads) {
        const named = this.#keptById.get(id);
        if (named !== undefined) this.#restoreHead(headOf(id, named.bundle.header.value));
      }
    }
    const first = excluded[0] === undefined ? null : namedBundle(excluded[0]);
    const earlier = state.closed?.before ?? from;
    const before = Math.min(from, earlier, first?.bundle.header.value.counter ?? from);
    state.closed = { from, before, proof: null, excluded: null };
    if (proof === null) this.#forgetProof(state);
    else this.#rememberProof(state, proofOf(proof), first ?? known);
    this.table.changed(state, 0);
    return true;
  }

  /** Heads in room order, except those whose time isn't believed. */
  heads(): readonly Head[] {
    return this.#heads.all();
  }

  get headCount(): number {
    return this.#heads.count;
  }

  /** Room time of the last kept bundle that isn't by `author`, or of the floor. */
  latestBesides(author: PeerKey): number {
    for (const { time, bundle } of this.kept.backwards()) {
      if (bundle.header.value.author !== author) return time;
    }
    return this.kept.floor?.time ?? 0;
  }

  entriesOf(bucket: number): readonly SyncEntry[] {
    return this.table.entriesOf(bucket);
  }

  *frontiers(): Generator<FrontierEntry> {
    for (const state of this.table.states()) if (state.counter > 0) yield frontierEntry(state);
  }

  bucketHashes(): readonly Hash[] {
    return Array.from({ length: BUCKETS }, (_, bucket) => this.table.bucketHash(bucket));
  }

  bundlesAfter(stream: Stream, counter: number): readonly Bundle[] {
    const state = this.table.find(stream);
    if (state === undefined) return [];
    return state.kept.slice(indexAfter(state, counter)).map((entry) => entry.bundle);
  }

  /** Whether the bundle kept here at the entry's counter has another id than the entry says. */
  disagrees(entry: FrontierEntry): boolean {
    if (entry.id === ID_UNKNOWN || entry.counter === 0) return false;
    const state = this.table.find(entry);
    if (state === undefined || entry.counter > state.counter) return false;
    const kept = state.kept[indexAfter(state, entry.counter - 1)];
    return kept !== undefined && kept.id !== entry.id;
  }

  history(count: number): readonly HistoryEntry[] {
    const wanted = Math.min(count, this.kept.messagesMax);
    const entries: HistoryEntry[] = [];
    for (const { bundle, id, time } of this.kept.backwards()) {
      const { kind, count: texts, author, claim, sentAt } = bundle.header.value;
      if (kind === "heads") continue;
      const textAt = decodedOnce(bundle);
      for (let index = texts - 1; index >= 0; index--) {
        if (entries.length >= wanted) return entries.reverse();
        const message = messageId(id, index);
        entries.push(new KeptMessage(message, author, claim, sentAt, time, textAt, index));
      }
    }
    return entries.reverse();
  }

  reachOf(latest: number): number {
    const follows = this.kept.sameTime.follows(latest);
    const own = this.table.find(this.own);
    const lacked = own?.kept[indexAfter(own, follows)];
    return lacked === undefined ? latest : Math.min(latest, lacked.time - 1);
  }

  /** The records that the next process needs, and no others, in the order that `restore` needs. */
  snapshot(): readonly MeshRecord[] {
    const floor = this.kept.floor ?? START_OF_ROOM;
    const heads = this.heads().filter((head) => !this.#keptById.has(head.id));
    const { authorsTime } = this.table;
    const place = { time: floor.time, id: floor.id, authorsTime };
    const records: MeshRecord[] = inParts(heads).map((part) => ({
      kind: "floor",
      ...place,
      heads: part,
    }));
    const time = this.time.record();
    if (time !== null) records.unshift(time);
    const entries: StreamEntry[] = [];
    for (const state of this.table.states()) {
      if (state.counter > 0) entries.push(recordEntry(state));
    }
    // Bundles first, in the order of delivery: a frontier restored before might be further on than they are, and a
    // stream of which nothing is kept yet might be forgotten.
    for (const { bundle } of this.kept.entries()) records.push({ kind: "bundle", bundle });
    for (const part of inParts(entries)) {
      if (part.length > 0) records.push({ kind: "frontier", entries: part });
    }
    for (const { proof } of this.#proven.values()) records.push({ kind: "proof", proof });
    for (const state of this.table.states()) {
      const { closed } = state;
      if (closed === null || (closed.proof !== null && closed.before === closed.from)) continue;
      const { from, before } = closed;
      records.push({ kind: "closed", stream: streamOf(state), from, before });
    }
    return records;
  }

  /** Applies a record; those of other machines change nothing. */
  restore(record: MeshRecord): void {
    switch (record.kind) {
      case "floor":
        this.kept.restoreFloor(record);
        this.table.restoreAuthorsTime(record.authorsTime);
        for (const head of record.heads) this.#restoreHead(head);
        return;
      case "time":
        this.time.restore(record);
        return;
      case "frontier":
        for (const entry of record.entries) this.#restoreFrontier(entry);
        return;
      case "bundle":
        this.#restoreBundle(record.bundle);
        return;
      case "proof":
        this.#restoreProof(record.proof);
        return;
      case "closed":
        this.#restoreClosed(record);
        return;
      default:
        return;
    }
  }

  #restoreFrontier(entry: StreamEntry): void {
    const state = this.table.open(entry);
    if (entry.counter > state.counter) {
      state.counter = entry.counter;
      state.id = entry.id === ID_UNKNOWN ? null : entry.id;
    }
    // The disk holds no time for what isn't kept: it is at most this.
    this.table.changed(state, this.kept.floor?.time ?? 0);
  }

  #restoreBundle(bundle: Bundle): void {
    const header = bundle.header.value;
    const state = this.table.open(header);
    const id = bundleId(this.crypto, bundle.header.bytes);
    if (this.#keptById.has(id) || isExcluded(state, lastCounter(header))) return;
    this.deliver(bundle, id);
  }

  #restoreClosed({ stream, from, before }: Extract<MeshRecord, { kind: "closed" }>): void {
    this.#exclude(stream, from, null);
    const state = this.table.open(stream);
    if (state.closed !== null && before < state.closed.before) {
      state.closed = { ...state.closed, before };
      this.table.changed(state, 0);
    }
  }

  #restoreProof(proof: Proof): void {
    const [first, second] = [proof.first, proof.second].map(({ header }) => ({
      id: bundleId(this.crypto, header.bytes),
      header: header.value,
    }));
    const guilt = guiltOf(first!, second!);
    if (guilt !== null) this.close(guilt, proof);
  }

  #keep(bundle: Bundle, id: BundleId, state: StreamState): void {
    const header = bundle.header.value;
    const entry = entryOf(bundle, id, this.#follows(header, state));
    const evicted = this.kept.add(entry);
    if (evicted === null) return;
    keep(state, entry);
    this.#keptById.set(id, entry);
    this.#claimUses.set(header.claim, (this.#claimUses.get(header.claim) ?? 0) + 1);
    for (const old of evicted) this.#letGo(old);
  }

  /** The counter of our own stream up to which the bundle's author had received our messages when it wrote. */
  #follows({ heads }: Header, state: StreamState): number {
    const own = this.table.find(this.own);
    if (own === undefined || state === own) return own?.counter ?? 0;
    let follows = state.kept.at(-1)?.follows ?? 0;
    for (const { author, incarnation, counter, id } of heads) {
      const isOwn = author === own.author && incarnation === own.incarnation;
      const named = isOwn ? Math.min(counter, own.counter) : this.#keptById.get(id)?.follows ?? 0;
      if (named > follows) follows = named;
    }
    return follows;
  }

  /** Remembers the bundle for a while, so that its author can't replace it by another one undetected. */
  #setAside(bundle: Bundle, id: BundleId): void {
    this.#runaways.push(namedBundle({ id, bundle }));
    if (this.#runaways.length > RUNAWAYS_MAX) this.#runaways.shift();
  }

  #forget({ id, bundle }: KeptBundle): void {
    if (!this.#keptById.delete(id)) return;
    const { claim } = bundle.header.value;
    const uses = this.#claimUses.get(claim)! - 1;
    if (uses > 0) this.#claimUses.set(claim, uses);
    else this.#claimUses.delete(claim);
  }

  #letGo(entry: KeptBundle): void {
    this.#forget(entry);
    const header = entry.bundle.header.value;
    const state = this.table.find(header);
    if (state === undefined) return;
    letGo(state, entry);
    if (state.kept.length === 0) this.table.changed(state, 0);
  }

  #moveHeads(header: Header, id: BundleId, state: StreamState, last: number): void {
    for (const named of header.heads) {
      const other = this.table.find(named);
      if (other !== undefined && standsFor(named, other)) this.#heads.clear(other);
    }
    if (last < state.counter) return; // an earlier bundle of a restored stream
    this.#heads.set(state, headOf(id, header));
  }

  #restoreHead(head: Head): void {
    const state = this.table.open(head);
    // A liar's bundles may have covered several heads of one stream, one after the other.
    if (state.head !== null && state.head.counter >= head.counter) return;
    if (isExcluded(state, head.counter) || !this.time.believe(head.time)) return;
    this.#heads.set(state, head);
  }

  #rememberProof(state: StreamState, proof: Proof, excluded: NamedBundle | null): void {
    this.#forgetProof(state);
    if (state.closed !== null) state.closed = { ...state.closed, proof, excluded };
    const bytes = headerBytes(proof.first) + headerBytes(proof.second) +
      (excluded === null ? 0 : headerBytes(excluded.bundle));
    this.#proven.set(state, { proof, bytes });
    this.#provenBytes += bytes;
    while (this.#proven.size > PROOFS_MAX || this.#provenBytes > PROOF_BYTES_MAX) {
      const least = this.#leastProven();
      this.#forgetProof(least);
      if (least.closed !== null) least.closed = { ...least.closed, proof: null, excluded: null };
    }
  }

  /**
   * The stream whose proof is dropped first: the oldest of which nothing was ever delivered here, as such are made up
   * at no cost; otherwise the oldest.
   */
  #leastProven(): StreamState {
    for (const state of this.#proven.keys()) {
      const excluded = state.closed?.excluded ?? null;
      if (state.counter === 0 && excluded === null) return state;
    }
    return this.#proven.keys().next().value!;
  }

  #forgetProof(state: StreamState): void {
    const proven = this.#proven.get(state);
    if (proven === undefined) return;
    this.#proven.delete(state);
    this.#provenBytes -= proven.bytes;
  }
}

function entryOf(bundle: Bundle, id: BundleId, follows: number): KeptBundle {
  return {
    time: bundle.header.value.time,
    id,
    bundle: compacted(bundle),
    messages: bundle.texts.value.length,
    bytes: keptBytes(bundle),
    follows,
  };
}

function headOf(id: BundleId, header: Header): Head {
  const { author, incarnation, time } = header;
  return { author, incarnation, counter: lastCounter(header), time, id };
}

/**
 * Whether a header that names `named` thereby covers the stream's current head. That a bundle beyond what was delivered
 * here exists is only its namer's word: if it covered the head, nothing said here would follow the head any more.
 */
function standsFor(named: Head, { head, counter }: StreamState): boolean {
  if (head === null || named.counter > counter || named.counter < head.counter) return false;
  return named.counter === head.counter ? named.id === head.id : named.time >= head.time;
}

function namedBundle({ id, bundle }: NamedBundle): NamedBundle {
  return { id, bundle: headerOf(bundle) };
}

function proofOf({ first, second }: Proof): Proof {
  return { first: headerOf(first), second: headerOf(second) };
}

function headerBytes({ header }: SignedHeader): number {
  return header.bytes.length;
}

/** A class, as a getter that each of ten thousand objects is given by itself takes longer than all else of them. */
class KeptMessage implements HistoryEntry {
  readonly #textAt: (index: number) => string;
  readonly #index: number;

  constructor(
    readonly id: MessageId,
    readonly author: PeerKey,
    readonly claim: ClaimId,
    readonly sentAt: number,
    readonly time: number,
    textAt: (index: number) => string,
    index: number,
  ) {
    this.#textAt = textAt;
    this.#index = index;
  }

  get text(): string {
    return this.#textAt(this.#index);
  }
}

/** The texts of a bundle, decoded when the first one is read: 64 MiB of them take long. */
function decodedOnce({ texts }: Bundle): (index: number) => string {
  let decoded: readonly string[] | null = null;
  return (index) => (decoded ??= texts.value)[index]!;
}

const START_OF_ROOM: RoomPosition = { time: 0, id: ID_UNKNOWN };

/** Whether a proof excludes a bundle of this stream that reaches `counter`. */
export function isExcluded(state: StreamState, counter: number): boolean {
  return state.closed !== null && counter >= state.closed.from;
}

/** Whether nothing of this stream that reaches `counter` is to be delivered any more. */
export function isPassed(state: StreamState, counter: number): boolean {
  return counter <= state.counter || isExcluded(state, counter);
}

/** What is persisted of a stream: how far it was delivered, including what was excluded later. */
function recordEntry(state: StreamState): StreamEntry {
  const { author, incarnation, counter, id, keptFrom } = state;
  const low = lastKept(state) === counter ? keptFrom : counter + 1;
  return { author, incarnation, low, counter, id: id ?? ID_UNKNOWN, closed: false };
}

/**
 * Heads: the last bundle of each stream that no other bundle names. A member's next bundle names all of them, so that
 * nobody is shown it before what its author had been shown.
 *
 * Of one author only the last few count: a new process names what the previous one had said. An author that begins a
 * stream for each message, and names nothing, would otherwise have everybody name all of them before anybody can write;
 * so an answer to such an author may be shown before the earliest of its messages.
 *
 * A bundle that isn't later than the previous one of its stream, which it follows, is a liar's. It doesn't replace that
 * one as a head: our next bundle would precede in history what we have been shown.
 */
export class Heads {
  readonly #byAuthor = new Map<PeerKey, Set<StreamState>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** In room order. */
  all(): readonly Head[] {
    const heads: Head[] = [];
    for (const states of this.#byAuthor.values()) {
      for (const { head } of states) if (head !== null) heads.push(head);
    }
    return heads.sort(compareInRoom);
  }

  set(state: StreamState, head: Head): void {
    if (state.head !== null && state.head.time > head.time) return;
    state.head = head;
    const states = this.#byAuthor.get(state.author) ?? new Set();
    this.#byAuthor.set(state.author, states);
    if (states.has(state)) return;
    states.add(state);
    this.#count++;
    if (states.size > HEADS_PER_AUTHOR_MAX) this.clear(earliestOf(states));
  }

  clear(state: StreamState): void {
    state.head = null;
    const states = this.#byAuthor.get(state.author);
    if (states === undefined || !states.delete(state)) return;
    this.#count--;
    if (states.size === 0) this.#byAuthor.delete(state.author);
  }
}

function earliestOf(states: Iterable<StreamState>): StreamState {
  const [first, ...others] = states as Iterable<StreamState & { readonly head: Head }>;
  return others.reduce((a, b) => compareInRoom(b.head, a.head) < 0 ? b : a, first!);
}
