/** What the page asks the program by itself: who is here, and what was said before. */

import { itemsOf } from "./chunks.js";
import { isClosed, roomOf } from "./typed.js";

/** So many earlier messages are asked for at once. */
const EARLIER_STEP = 200;
/** Where fewer were shown, so many are asked for when one comes there. */
const FIRST_MESSAGES = 50;
/** Where so many are too long for one answer, an eighth of them is asked for: so many of the longest fit. */
const FEWER = 8;

export class Asking {
  #run;
  /** The places in which it was asked what was said last, in this run of the program. */
  #asked = new Set();
  /** By place: how many earlier messages were asked for last. */
  #earlier = new Map();
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

  /** Asks for what was said before all that is there. @param n So much of it, as far as it is kept. */
  earlier(state, place, n = EARLIER_STEP) {
    const isGroup = state.mode === "group";
    const before = isGroup ? firstSaid(place)?.seq : firstSaid(place)?.id;
    const until = before === undefined ? {} : { before };
    const name = place.person === null ? {} : { name: place.person };
    const command = isGroup ? "log" : "history";
    this.#earlier.set(place.id, n);
    this.#run({ command, n, ...name, ...until, ...roomOf(state, place) }, place.id, "e");
  }

  /** What was asked for is too long for one answer: asks for less. @returns Whether there is less. */
  fewer(state, place) {
    const n = Math.floor((this.#earlier.get(place.id) ?? 0) / FEWER);
    if (n > 0) this.earlier(state, place, n);
    return n > 0;
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
    !isClosed(state, place) && firstSaid(place)?.seq !== 1;
}

/** The oldest message of a place that the program knows by an id or, in a group, by a number. */
function firstSaid({ chunks }) {
  for (const item of itemsOf(chunks)) {
    if (item.kind === "said" && (item.id ?? item.seq) !== undefined) return item;
  }
  return undefined;
}

function saidIn({ chunks }) {
  let count = 0;
  for (const { kind } of itemsOf(chunks)) if (kind === "said") count++;
  return count;
}
