/** What the page asks the program by itself: who is here, and what was said before. */

import { itemsOf } from "./chunks.js";
import { isClosed, roomOf } from "./typed.js";

/** So many earlier messages are asked for at once. */
const EARLIER_STEP = 200;
/** Where fewer were shown, so many are asked for when one comes there. */
const FIRST_MESSAGES = 50;
/** At most this many messages are kept by a program. */
const EARLIER_MAX = 10_000;

export class Asking {
  #run;
  /** The places in which it was asked what was said last, in this run of the program. */
  #asked = new Set();
  /** Whether it is still to be asked who is here. */
  #isNew = false;

  /** @param run Gives the program a command about a place: an answer with that kind of ref is shown nowhere. */
  constructor(run) {
    this.#run = run;
  }

  /** The window is let in. @param isAnew It has nothing of this run of the program. */
  welcomed(isAnew) {
    if (isAnew) this.#asked.clear();
    this.#isNew = true;
  }

  /**
   * What the page shows all the time, and may have missed: once after each welcome, when all that there was has said which
   * rooms are open. What names no room is about the one in which the console is.
   */
  whoIsHere(state) {
    if (!this.#isNew || state.last < state.upTo) return;
    this.#isNew = false;
    if (state.mode !== "mesh") return this.#run({ command: "list" }, "main", "q");
    this.#run({ command: "rooms" }, "main", "q");
    for (const place of state.places.values()) {
      if (place.type !== "room" || place.isOver) continue;
      this.#run({ command: "peers", ...roomOf(state, place) }, place.id, "q");
    }
  }

  /** @param more So many more than there are, as far as they are kept. */
  earlier(state, place, more = EARLIER_STEP) {
    const n = Math.min(EARLIER_MAX, saidIn(place) + more);
    const command = state.mode === "group" ? "log" : "history";
    const name = place.person === null ? {} : { name: place.person };
    this.#run({ command, n, ...name, ...roomOf(state, place) }, place.id, "e");
  }

  /** What was said last, where a program that was started again hasn't shown it. */
  whatWasSaid(state, place) {
    if (state.last < state.upTo || this.#asked.has(place.id) || !mayAsk(state, place)) return;
    this.#asked.add(place.id);
    if (saidIn(place) < FIRST_MESSAGES) this.earlier(state, place, FIRST_MESSAGES);
  }
}

/** Whether there may be earlier messages of a place. */
export function mayAsk(state, place) {
  return state.link.state === "open" && place.type !== "lobby" && place.type !== "friends" &&
    !isClosed(state, place);
}

function saidIn({ chunks }) {
  let count = 0;
  for (const { kind } of itemsOf(chunks)) if (kind === "said") count++;
  return count;
}
