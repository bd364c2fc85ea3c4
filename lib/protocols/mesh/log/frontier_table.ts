/**
 * What was delivered of each author's incarnation, in bounded memory: the highest contiguous counter and
 * the id of its bundle. At or below it nothing is delivered again, and a head there is satisfied.
 *
 * For anti-entropy the streams stand in 256 buckets by the first byte of their author's key, each with a
 * SHA-256 that is computed anew only after a change. It covers the sorted entries of the streams of which
 * something is kept, and the closed ones: what nobody can supply any more makes no difference.
 *
 * An author without kept bundles may be evicted, and leaves a floor in room time at or below which streams
 * that aren't known are refused. Of an author's incarnations without kept bundles all but the latest few are
 * forgotten. Those with kept ones don't count: a few starts would otherwise have one forgotten that was gone on
 * without, which others may still keep, and bring after what answers it.
 */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { BundleId, Hash, PeerKey } from "../../../base/ids.ts";
import { lastCounter } from "./bundle.ts";
import { FRONTIER_AUTHORS_MAX, INCARNATIONS_PER_AUTHOR_MAX } from "../schema/limits.ts";
import type { FrontierEntry, SyncEntry } from "../schema/messages.ts";
import type { KeptBundle, NamedBundle } from "./order_io.ts";
import type { Head, Proof, Stream } from "../schema/structures.ts";

/** Stands for the id of a bundle that isn't known. */
export const ID_UNKNOWN = "0".repeat(64) as BundleId;

export const BUCKETS = 256;
/** Author, incarnation, counter, id, closed. */
const ENTRY_BYTES = 32 + 8 + 8 + 32 + 1;
/** The share of authors that is evicted at once: finding the oldest costs a walk over all. */
const EVICTED_AUTHORS_PART = 1 / 16;

/** One author's incarnation. */
export interface StreamState extends Stream {
  /** Highest contiguous counter delivered; 0 for none. */
  counter: number;
  /** Id of the bundle that ends at `counter`; null where it isn't known (skipped to). */
  id: BundleId | null;
  /** Kept bundles, by counter: `keep` and `letGo` change them. */
  readonly kept: KeptBundle[];
  /** The counter from which on all up to the last kept one are kept; meaningless where none is. */
  keptFrom: number;
  /** The stream's last bundle, while no other delivered bundle names it (`ledger.ts`). */
  head: Head | null;
  /** Null while nothing is proven against the stream. */
  closed: Closed | null;
}

/** Bundles of a stream that reach `from` or beyond are excluded. */
export interface Closed {
  readonly from: number;
  /** Where the first excluded bundle that was delivered here begins, if that is earlier; else `from`. */
  readonly before: number;
  /** Null where it was dropped to make room for others. */
  readonly proof: Proof | null;
  /** That first bundle, kept as long as the proof: a bundle that overlaps it proves an even lower `from`. */
  readonly excluded: NamedBundle | null;
}

interface AuthorState {
  readonly key: PeerKey;
  readonly bucket: Bucket;
  /** In the order of incarnations. A liar may have as many as there are kept bundles. */
  readonly streams: StreamState[];
  /** The streams of which nothing is kept, and perhaps a few of which something is kept by now. */
  readonly unkept: Set<StreamState>;
  /** Highest room time of the author's bundles whose time is believed. */
  latestTime: number;
}

interface Bucket {
  readonly authors: Map<PeerKey, AuthorState>;
  /** Null after a change. */
  hash: Hash | null;
}

export class FrontierTable {
  readonly #authors = new Map<PeerKey, AuthorState>();
  readonly #buckets: readonly Bucket[] = Array.from(
    { length: BUCKETS },
    () => ({ authors: new Map(), hash: null }),
  );
  /** The hashes of all buckets, one after the other, as of when each was asked for last. */
  readonly #hashes = new Uint8Array(BUCKETS * 32);
  #root: Hash | null = null;
  #authorsTime = 0;

  /**
   * @param dropped Called for each stream that is evicted or forgotten.
   * @param keptFloor The room time below which nothing is kept.
   */
  constructor(
    readonly crypto: Crypto,
    readonly dropped: (state: StreamState) => void,
    readonly keptFloor: () => number,
    readonly authorsMax = FRONTIER_AUTHORS_MAX,
  ) {}

  /** Unknown streams are refused at or below this room time; 0 for none. */
  get authorsTime(): number {
    return this.#authorsTime;
  }

  restoreAuthorsTime(time: number): void {
    this.#authorsTime = Math.max(this.#authorsTime, time);
  }

  find(stream: Stream): StreamState | undefined {
    const streams = this.#authors.get(stream.author)?.streams;
    if (streams === undefined) return undefined;
    const state = streams[placeOf(streams, stream.incarnation) - 1];
    return state?.incarnation === stream.incarnation ? state : undefined;
  }

  /**
   * Whether the stream isn't known, and may have been forgotten: its bundle of room time `time` may have been
   * delivered before.
   */
  mayBeForgotten(stream: Stream, time: number): boolean {
    if (this.find(stream) !== undefined) return false;
    if (time <= this.#authorsTime) return true; // even an author known now may have been forgotten before
    const streams = this.#authors.get(stream.author)?.streams ?? [];
    const later = streams.length - placeOf(streams, stream.incarnation);
    return later >= INCARNATIONS_PER_AUTHOR_MAX && time <= this.keptFloor();
  }

  /**
   * Whether there is a place for an unknown stream of which nothing will be kept, and whose latest known bundle is
   * from room time `time`. A stream that would be evicted next stays forgotten: otherwise two members that remind each
   * other of more streams than fit would never come to an end.
   */
  hasPlaceFor(stream: Stream, time: number): boolean {
    const author = this.#authors.get(stream.author);
    if (author === undefined) return time > this.#authorsTime;
    if (author.unkept.size < INCARNATIONS_PER_AUTHOR_MAX) return true;
    const first = firstUnkept(author, null);
    return first === null || first.incarnation < stream.incarnation;
  }

  /** The state of `stream`, a new one where it isn't known. */
  open(stream: Stream): StreamState {
    const found = this.find(stream);
    if (found !== undefined) return found;
    const author = this.#authors.get(stream.author) ?? this.#addAuthor(stream.author);
    const state: StreamState = {
      author: stream.author,
      incarnation: stream.incarnation,
      counter: 0,
      id: null,
      kept: [],
      keptFrom: 1,
      head: null,
      closed: null,
    };
    author.streams.splice(placeOf(author.streams, stream.incarnation), 0, state);
    author.unkept.add(state);
    return state;
  }

  /** Something that anti-entropy compares has changed in `state`, at room time `time`. */
  changed(state: StreamState, time: number): void {
    const author = this.#authors.get(state.author);
    if (author === undefined) return;
    author.bucket.hash = null;
    this.#root = null;
    if (time > author.latestTime) author.latestTime = time;
    if (state.kept.length > 0) author.unkept.delete(state);
    else if (this.find(state) === state) {
      author.unkept.add(state);
      this.#forgetIncarnation(author, state);
    }
  }

  /** Entries of the non-empty streams of one bucket, ordered by (author, incarnation). */
  entriesOf(bucket: number): readonly SyncEntry[] {
    const entries: SyncEntry[] = [];
    for (const state of sortedStreams(this.#buckets[bucket]!)) {
      if (state.counter > 0 || state.closed !== null) entries.push(syncEntry(state));
    }
    return entries;
  }

  *states(): Generator<StreamState> {
    for (const author of this.#authors.values()) yield* author.streams;
  }

  bucketHash(bucket: number): Hash {
    const state = this.#buckets[bucket]!;
    if (state.hash !== null) return state.hash;
    const hash = this.crypto.sha256<Hash>(packed(this.#keptEntries(state)));
    this.#hashes.subarray(bucket * 32, bucket * 32 + 32).setFromHex(hash);
    return state.hash = hash;
  }

  /** How many streams the next `root` hashes anew: those of the buckets that have changed. */
  unhashed(): number {
    let count = 0;
    for (const { hash, authors } of this.#buckets) {
      if (hash !== null) continue;
      for (const { streams } of authors.values()) count += streams.length;
    }
    return count;
  }

  root(): Hash {
    if (this.#root !== null) return this.#root;
    for (const [bucket, { hash }] of this.#buckets.entries()) {
      if (hash === null) this.bucketHash(bucket);
    }
    return this.#root = this.crypto.sha256<Hash>(this.#hashes);
  }

  #keptEntries(bucket: Bucket): readonly SyncEntry[] {
    const entries: SyncEntry[] = [];
    for (const state of sortedStreams(bucket)) {
      if (state.kept.length > 0) entries.push(syncEntry(state));
      else if (state.closed !== null) {
        entries.push({ ...syncEntry(state), counter: 0, id: ID_UNKNOWN });
      }
    }
    return entries;
  }

  #addAuthor(key: PeerKey): AuthorState {
    if (this.#authors.size >= this.authorsMax) this.#evictAuthors();
    const bucket = this.#buckets[bucketOf(key)]!;
    const author: AuthorState = { key, bucket, streams: [], unkept: new Set(), latestTime: 0 };
    this.#authors.set(key, author);
    bucket.authors.set(key, author);
    return author;
  }

  #evictAuthors(): void {
    const idle = [...this.#authors.values()]
      .filter(({ streams }) => streams.every(({ kept }) => kept.length === 0))
      .sort((a, b) => a.latestTime - b.latestTime);
    const count = Math.ceil(this.authorsMax * EVICTED_AUTHORS_PART);
    let latestTime = 0;
    for (const author of idle.slice(0, count)) {
      this.#authors.delete(author.key);
      author.bucket.authors.delete(author.key);
      author.bucket.hash = null;
      this.#root = null;
      author.streams.forEach(this.dropped);
      latestTime = Math.max(latestTime, author.latestTime);
    }
    // Nothing is kept of an author later than the kept floor only where a proof excluded it: that is no reason to
    // refuse new authors that write now.
    this.restoreAuthorsTime(Math.min(latestTime, this.keptFloor()));
  }

  /** Where nothing is kept of too many incarnations of the author: forgets the first of them, but `except`. */
  #forgetIncarnation(author: AuthorState, except: StreamState): void {
    const { streams, unkept } = author;
    if (unkept.size <= INCARNATIONS_PER_AUTHOR_MAX) return;
    const first = firstUnkept(author, except);
    if (first === null) return;
    unkept.delete(first);
    const index = placeOf(streams, first.incarnation) - 1;
    // Mostly it is the first one, and `shift` moves nothing.
    if (index === 0) streams.shift();
    else streams.splice(index, 1);
    this.dropped(first);
    author.bucket.hash = null;
    this.#root = null;
  }
}

/** The earliest incarnation of which nothing is kept; null where there is none. */
function firstUnkept({ unkept }: AuthorState, except: StreamState | null): StreamState | null {
  let first: StreamState | null = null;
  for (const state of unkept) {
    if (state === except || state.kept.length > 0) continue;
    if (first === null || state.incarnation < first.incarnation) first = state;
  }
  return first;
}

/** How many of `streams` are of this incarnation or earlier ones. */
function placeOf(streams: readonly StreamState[], incarnation: number): number {
  // Mostly it is the latest incarnation, the only one that still writes.
  const last = streams.at(-1);
  if (last === undefined || last.incarnation <= incarnation) return streams.length;
  let low = 0;
  let high = streams.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (streams[middle]!.incarnation <= incarnation) low = middle + 1;
    else high = middle;
  }
  return low;
}

function* sortedStreams(bucket: Bucket): Generator<StreamState> {
  for (const key of [...bucket.authors.keys()].sort()) yield* bucket.authors.get(key)!.streams;
}

/** The bucket of an author: the first byte of the key. */
export function bucketOf(author: PeerKey): number {
  return Number.parseInt(author.slice(0, 2), 16);
}

/** What anti-entropy announces of a stream. */
export function syncEntry(state: StreamState): SyncEntry {
  const entry = frontierEntry(state);
  const { counter } = entry;
  const closed = state.closed !== null;
  const last = lastKept(state);
  if (last === 0) return { ...entry, low: counter + 1, unkept: 0, closed };
  return { ...entry, low: state.keptFrom, unkept: counter - last, closed };
}

/** What anti-entropy announces of a stream of which nothing is known. */
export function nothingOf({ author, incarnation }: Stream): SyncEntry {
  return { author, incarnation, low: 1, counter: 0, unkept: 0, id: ID_UNKNOWN, closed: false };
}

/** Whether nothing of the stream is kept: no hash covers it then. */
export function isUnkept(entry: SyncEntry): boolean {
  return lastToBeHad(entry) === 0 && !entry.closed;
}

/** The last counter that the entry's sender can supply; 0 for none. */
export function lastToBeHad({ low, counter, unkept }: SyncEntry): number {
  const last = counter - unkept;
  return low <= last ? last : 0;
}

/**
 * The counter through which, from `counter` on, the entry's sender keeps nothing of what it has delivered; 0 where it
 * keeps `counter`, or hasn't delivered that far.
 */
export function letGoThrough(entry: SyncEntry, counter: number): number {
  if (counter < entry.low) return entry.low - 1;
  return lastToBeHad(entry) < counter && counter <= entry.counter ? entry.counter : 0;
}

/**
 * How far a stream was delivered here; a closed one at most up to where it was closed. The id is `ID_UNKNOWN` where
 * the bundle that ends there isn't known.
 */
export function frontierEntry(state: StreamState): FrontierEntry {
  const { author, incarnation, closed, kept } = state;
  if (closed === null) {
    return { author, incarnation, counter: state.counter, id: state.id ?? ID_UNKNOWN };
  }
  const counter = Math.min(state.counter, closed.before - 1);
  const last = kept.at(-1);
  const isLast = last !== undefined && lastCounter(last.bundle.header.value) === counter;
  return { author, incarnation, counter, id: isLast ? last.id : ID_UNKNOWN };
}

/** Keeps `entry`, which isn't kept yet. */
export function keep(state: StreamState, entry: KeptBundle): void {
  const { kept } = state;
  const { counter } = entry.bundle.header.value;
  const before = lastKept(state);
  if (counter > before) {
    kept.push(entry);
    if (before === 0 || before < counter - 1) state.keptFrom = counter;
  } else {
    // Restored from a log, which is in the order of time, and by a liar, whose times run backwards.
    kept.splice(indexAfter(state, counter - 1), 0, entry);
    state.keptFrom = lastRunOf(state);
  }
}

/** Removes `entry` from the kept bundles, if it is among them. */
export function letGo(state: StreamState, entry: KeptBundle): void {
  const { kept } = state;
  const index = kept.indexOf(entry);
  if (index < 0) return;
  // Almost always it is the first one, and `shift` moves nothing.
  if (index === 0) kept.shift();
  else kept.splice(index, 1);
  if (entry.bundle.header.value.counter < state.keptFrom || kept.length === 0) return;
  const next = kept[index];
  if (next !== undefined) state.keptFrom = next.bundle.header.value.counter;
  else if (lastKept(state) < state.keptFrom) state.keptFrom = lastRunOf(state);
}

/** Removes the kept bundles that reach `counter` or beyond. @returns The removed ones. */
export function letGoFrom(state: StreamState, counter: number): readonly KeptBundle[] {
  const gone = state.kept.splice(indexAfter(state, counter - 1));
  const last = lastKept(state);
  if (last > 0 && last < state.keptFrom) state.keptFrom = lastRunOf(state);
  return gone;
}

/** The last counter of which the bundle is kept; 0 for none. */
export function lastKept({ kept }: StreamState): number {
  const last = kept.at(-1);
  return last === undefined ? 0 : lastCounter(last.bundle.header.value);
}

/**
 * Where the last gapless run of kept bundles begins. It walks that whole run, so call it only where another run has
 * become the last one.
 */
function lastRunOf({ kept }: StreamState): number {
  let index = kept.length - 1;
  let { counter } = kept[index]!.bundle.header.value;
  while (index > 0 && lastCounter(kept[index - 1]!.bundle.header.value) === counter - 1) {
    index--;
    counter = kept[index]!.bundle.header.value.counter;
  }
  return counter;
}

/** Index in `state.kept` of the first bundle that ends after `counter`. */
export function indexAfter(state: StreamState, counter: number): number {
  const { kept } = state;
  let low = 0;
  let high = kept.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lastCounter(kept[middle]!.bundle.header.value) <= counter) low = middle + 1;
    else high = middle;
  }
  return low;
}

function packed(entries: readonly SyncEntry[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const { author, incarnation, counter, id, closed } of entries) {
    bytes.subarray(offset, offset + 32).setFromHex(author);
    setUint53(view, offset + 32, incarnation);
    setUint53(view, offset + 40, counter);
    bytes.subarray(offset + 48, offset + 80).setFromHex(id);
    bytes[offset + 80] = closed ? 1 : 0;
    offset += ENTRY_BYTES;
  }
  return bytes;
}

function setUint53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, Math.floor(value / 2 ** 32));
  view.setUint32(offset + 4, value % 2 ** 32);
}
