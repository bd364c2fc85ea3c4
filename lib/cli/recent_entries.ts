/**
 * A cache of entries with their present texts: those written, edited or looked up last. Others are read from the
 * log.
 */

import { takeOldest } from "../base/bounded.ts";
import type { Batch } from "../protocols/group/history.ts";
import type { LoggedEntryState } from "../protocols/group/member_io.ts";

export interface EntryState extends Pick<LoggedEntryState, "author" | "text"> {
  /** Of the author's process that said it, and of the text there: its id follows from both. */
  readonly incarnation: Uint8Array;
  readonly counter: number;
}

/** Size of the cache in UTF-16 units of text, about 2 MB: what a busy group edits at a time. */
const UNITS_MAX = 1_024 * 1_024;
/** Units assumed for an entry in addition to its text. */
const ENTRY_UNITS = 256;

export class RecentEntries {
  /** By number, the one used last at the end. */
  readonly #states = new Map<number, EntryState>();
  #units = 0;

  /** Null where it isn't cached. */
  get(seq: number): EntryState | null {
    const state = this.#states.get(seq);
    if (state === undefined) return null;
    this.set(seq, state);
    return state;
  }

  /** Sets the present state of an entry. */
  set(seq: number, state: EntryState): void {
    this.#delete(seq);
    this.#states.set(seq, state);
    this.#units += unitsOf(state);
    while (this.#units > UNITS_MAX) this.#units -= unitsOf(takeOldest(this.#states)[1]);
  }

  /** A batch was appended to the log. @param seqBefore The number of the last entry before it. */
  added(
    { author: key, name, incarnation, counter, texts, edits }: Batch,
    seqBefore: number,
  ): void {
    const said = { author: { key, name }, incarnation: incarnation.slice() };
    texts.forEach((text, index) => {
      this.set(seqBefore + index + 1, { ...said, counter: counter + index, text });
    });
    for (const { signed: { request: { value: { seq, text } } } } of edits) {
      const before = this.#states.get(seq);
      if (before !== undefined) this.set(seq, { ...before, text });
    }
  }

  #delete(seq: number): void {
    const state = this.#states.get(seq);
    if (state === undefined) return;
    this.#states.delete(seq);
    this.#units -= unitsOf(state);
  }
}

function unitsOf({ text }: EntryState): number {
  return ENTRY_UNITS + text.length;
}
