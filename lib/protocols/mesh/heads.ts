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
