/**
 * Who said each entry of a history, and what each edited one reads: all that is needed to check edits without
 * reading the log. Takes 20 bytes of memory a batch, and some 300 an edit.
 */

import type { Hash, PeerKey, RequestId } from "../../../base/ids.ts";
import type { EntryChange } from "./edit.ts";

/** Where an entry comes from: the batch's author and process, and the text's counter. */
export interface EntryPlace {
  readonly author: PeerKey;
  /** In hexadecimal. */
  readonly incarnation: string;
  readonly counter: number;
}

interface Process {
  readonly author: PeerKey;
  readonly incarnation: string;
}

/** Initial capacity of the arrays, in batches. */
const ROOM_MIN = 64;

/** The batches of one history; several ends of it share them. */
class Batches {
  count = 0;
  /** Numbers of each batch's first entry, ascending; the counter of its first text; and the index of its process. */
  firsts = new Float64Array(ROOM_MIN);
  counters = new Float64Array(ROOM_MIN);
  processes = new Uint32Array(ROOM_MIN);
  readonly known: Process[] = [];
  readonly #indexes = new Map<string, number>();

  add(first: number, { author, incarnation, counter }: EntryPlace): void {
    const at = this.count++;
    if (at === this.firsts.length) {
      const length = 2 * at;
      this.firsts = resized(this.firsts, Float64Array, length);
      this.counters = resized(this.counters, Float64Array, length);
      this.processes = resized(this.processes, Uint32Array, length);
    }
    this.firsts[at] = first;
    this.counters[at] = counter;
    this.processes[at] = this.#indexOf(author, incarnation);
  }

  #indexOf(author: PeerKey, incarnation: string): number {
    const name = `${author} ${incarnation}`;
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    const index = this.known.push({ author, incarnation }) - 1;
    this.#indexes.set(name, index);
    return index;
  }

  /** A copy of the first `count`, to go on with otherwise. */
  first(count: number): Batches {
    const copy = new Batches();
    const { length } = this.firsts;
    copy.firsts = resized(this.firsts, Float64Array, length);
    copy.counters = resized(this.counters, Float64Array, length);
    copy.processes = resized(this.processes, Uint32Array, length);
    copy.count = count;
    for (const { author, incarnation } of this.known) copy.#indexOf(author, incarnation);
    return copy;
  }
}

/** A copy of this length. */
function resized<Numbers extends Float64Array | Uint32Array>(
  array: Numbers,
  Sized: new (length: number) => Numbers,
  length: number,
): Numbers {
  const sized = new Sized(length);
  sized.set(array);
  return sized;
}

/** What an edit has changed, and where. */
interface Change extends EntryChange {
  readonly position: number;
  /** The last change of this entry, and of any, before this one. */
  readonly ofSame: Change | null;
  readonly before: Change | null;
}

export class EntryPlaces {
  #batches = new Batches();
  /** How many of them belong to this end. */
  #count = 0;
  /** By number of the entry. */
  readonly #changes = new Map<number, Change>();
  #last: Change | null = null;
  /** What was asked for and done: all of it, as a request may be repeated at any time. */
  readonly #done = new Set<RequestId>();

  /** Entries were said, the first one with this number. */
  said(first: number, place: EntryPlace): void {
    if (this.#batches.count !== this.#count) this.#batches = this.#batches.first(this.#count);
    this.#batches.add(first, place);
    this.#count++;
  }

  /** An entry reads otherwise since this position. */
  edited(position: number, change: EntryChange): void {
    const ofSame = this.#changes.get(change.seq) ?? null;
    this.#last = { ...change, position, ofSame, before: this.#last };
    this.#changes.set(change.seq, this.#last);
    this.#done.add(change.request);
  }

  /** Forgets what came after this position, at which the last entry had this number. */
  takeBack(position: number, seq: number): void {
    while (this.#count > 0 && this.#batches.firsts[this.#count - 1]! > seq) this.#count--;
    for (; this.#last !== null && this.#last.position > position; this.#last = this.#last.before) {
      const { seq: changed, ofSame, request } = this.#last;
      this.#done.delete(request);
      if (ofSame === null) this.#changes.delete(changed);
      else this.#changes.set(changed, ofSame);
    }
  }

  /** Where an entry comes from. @param seq The number of an entry that there is. */
  at(seq: number): EntryPlace {
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#batches.firsts[middle]! > seq) high = middle;
      else low = middle + 1;
    }
    const { firsts, counters, processes, known } = this.#batches;
    const at = low - 1;
    return { ...known[processes[at]!]!, counter: counters[at]! + seq - firsts[at]! };
  }

  /** Digest of what an edited entry reads; null where it was never edited. */
  textOf(seq: number): Hash | null {
    return this.#changes.get(seq)?.text ?? null;
  }

  /** Whether an edit that was asked for under this id is there. */
  isDone(request: RequestId): boolean {
    return this.#done.has(request);
  }

  copy(): EntryPlaces {
    const copy = new EntryPlaces();
    copy.#batches = this.#batches;
    copy.#count = this.#count;
    copy.#last = this.#last;
    for (const [seq, change] of this.#changes) copy.#changes.set(seq, change);
    for (const request of this.#done) copy.#done.add(request);
    return copy;
  }
}
