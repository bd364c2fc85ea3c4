/**
 * Up to when what was said in each place has been seen in this browser: what came later is new to whoever opens a page,
 * also for the first time.
 */

import { folded } from "./harmless.js";
import { homeOf } from "./places.js";
import { isPair, listIn, ofBrowser } from "./storage.js";

/** So many places are remembered; those that weren't looked at for the longest are forgotten. */
const MARKS_MAX = 300;

/** What a place is remembered by, in each run of the program. */
export function markKey(state, place) {
  const room = homeOf(state, place).room;
  return room === null ? place.id : `${room} ${place.person === null ? "" : folded(place.person)}`;
}

/** The marks with those of another window, the later one of each. */
export function merged(one, other) {
  const all = new Map(one);
  for (const [key, at] of other) if (!(all.get(key) >= at)) all.set(key, at);
  const latest = [...all].sort(([, a], [, b]) => a < b ? 1 : -1).slice(0, MARKS_MAX);
  return new Map(latest);
}

/** As they are kept, by mode: times (ISO 8601) by place. */
export class SeenMarks {
  #key = null;
  #marks = new Map();
  #isStale = false;

  /** @returns The marks of that mode. */
  load(mode) {
    this.#key = `seen ${mode}`;
    this.#marks = merged(this.#marks, kept(this.#key));
    return this.#marks;
  }

  /** What was said in that place has been seen up to then. */
  note(key, at) {
    if (this.#key === null || at === null || this.#marks.get(key) >= at) return;
    this.#marks.set(key, at);
    this.#isStale = true;
  }

  save() {
    if (!this.#isStale) return;
    this.#isStale = false;
    this.#marks = merged(this.#marks, kept(this.#key));
    ofBrowser.set(this.#key, JSON.stringify([...this.#marks]));
  }
}

function kept(key) {
  return new Map(listIn(ofBrowser, key, isPair));
}
