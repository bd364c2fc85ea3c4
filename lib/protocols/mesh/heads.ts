/**
 * Heads: the last bundle of each stream that no other names. What one says next names all of them, so that nobody
 * is shown it before what one had been shown oneself.
 *
 * Of one author the last few alone: a process that begins names what the one before it had said. Who begins a stream
 * for each word, and names nothing, would else have everybody name them all before anybody can say a word; so what
 * answers such an author may be shown before the earliest of its words.
 *
 * A stream's bundle that isn't later than the one before it, which it follows, is a liar's. It doesn't stand for that
 * one: what we say would be in history before what we have been shown.
 */

import type { PeerKey } from "../../base/ids.ts";
import type { StreamState } from "./frontier.ts";
import { compareInRoom } from "./kept.ts";
import { HEADS_PER_AUTHOR_MAX } from "./limits.ts";
import type { Head } from "./structures.ts";

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
