/**
 * Which counters of a session were seen: those of the last 2,048 below the highest, one bit each, in a ring of
 * words (RFC 6479's way, so that moving on clears words and shifts nothing). Everything below counts as seen.
 *
 * Asking changes nothing: a counter is marked only once its datagram proved authentic, or forged ones would
 * make the true ones look like repetitions.
 */

import { REPLAY_WINDOW } from "./limits.ts";

const WORD_BITS = 32;
/** One word more than the window: the one that the highest counter stands in is only partly filled. */
const WORDS = REPLAY_WINDOW / WORD_BITS + 1;

export class ReplayWindow {
  readonly #words = new Uint32Array(WORDS);
  /** -1 before the first. */
  #highest = -1;

  /** Whether `counter` is higher than all that were marked. */
  isNewest(counter: number): boolean {
    return counter > this.#highest;
  }

  /** Whether `counter` may still be taken. */
  isFresh(counter: number): boolean {
    if (counter > this.#highest) return true;
    if (counter <= this.#highest - REPLAY_WINDOW) return false;
    return (this.#words[wordOf(counter)]! & bitOf(counter)) === 0;
  }

  /** Marks a fresh counter of an authentic datagram as seen. */
  mark(counter: number): void {
    if (counter > this.#highest) {
      const from = Math.floor(this.#highest / WORD_BITS);
      const to = Math.floor(counter / WORD_BITS);
      for (let word = Math.max(from + 1, to - WORDS + 1); word <= to; word++) {
        this.#words[word % WORDS] = 0;
      }
      this.#highest = counter;
    }
    this.#words[wordOf(counter)]! |= bitOf(counter);
  }
}

function wordOf(counter: number): number {
  return Math.floor(counter / WORD_BITS) % WORDS;
}

function bitOf(counter: number): number {
  return 1 << (counter % WORD_BITS);
}
