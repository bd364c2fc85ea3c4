/** Entries of a log as they read now, those that were said, edited or looked up last: others are read from its file. */

import { takeOldest } from "../base/bounded.ts";
import type { Batch } from "../protocols/group/history.ts";
import type { LoggedEntryState } from "../protocols/group/member_io.ts";

export type EntryState = Pick<LoggedEntryState, "author" | "text">;

/** Code units of text that are kept, about 2 MB: what a busy group edits at a time. */
const UNITS_MAX = 1_024 * 1_024;
/** What an entry takes beside its text. */
const ENTRY_UNITS = 256;

export class RecentEntries {
  /** By number, those used last at the end. */
  readonly #states = new Map<number, EntryState>();
  #units = 0;

  /** Null where it isn't kept. */
  get(seq: number): EntryState | null {
    const state = this.#states.get(seq);
    if (state === undefined) return null;
    this.set(seq, state);
    return state;
  }

  /** How the entry reads now. */
  set(seq: number, state: EntryState): void {
    this.#delete(seq);
    this.#states.set(seq, state);
    this.#units += unitsOf(state);
    while (this.#units > UNITS_MAX) this.#units -= unitsOf(takeOldest(this.#states)[1]);
  }

  /** A batch comes into the log. @param seqBefore Of the last entry before it. */
  added({ author: key, name, texts, edits }: Batch, seqBefore: number): void {
    const author = { key, name };
    texts.forEach((text, index) => this.set(seqBefore + index + 1, { author, text }));
    for (const { signed: { request: { value: { seq, text } } } } of edits) {
      const before = this.#states.get(seq);
      if (before !== undefined) this.set(seq, { author: before.author, text });
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
