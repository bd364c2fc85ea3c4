/** The way from what was found to its line among the others, which may have to be fetched first. */

import { itemsOf } from "./chunks.js";
import { homeOf } from "./places.js";

/** So many are asked for at once, where a line isn't here yet, and so often; then it isn't kept any more. */
const STEP = 500;
const STEPS_MAX = 50;
/** Of two times at which the same words were said in a call, nearer ones are the same. */
const SAME_MS = 2_000;

const NOT_SHOWN = "That line is in a room that isn't shown here: open the room first.";
const NOT_KEPT = "That line isn't kept here any more: it can't be shown among the others.";

export class Seeking {
  #ports;
  /** `{found, place, steps}`; null: nothing is sought. */
  #sought = null;

  /**
   * @param ports `state` and `current` give what there is; `select` and `open` go to a place, or to somebody's; `ask` asks
   *   for more of a place, as far as `mayAsk`; `reveal` shows an item; `hint` says why it can't be shown.
   */
  constructor(ports) {
    this.#ports = ports;
  }

  /** @param found `id`, where it is: `room`, `person`; and the text that was looked for: `searched`. */
  begin(found) {
    const { state, current, select, open, hint } = this.#ports;
    const home = found.room === undefined
      ? homeOf(state(), current()).id
      : state().rooms.get(found.room);
    if (home === undefined) return hint(NOT_SHOWN);
    if (found.person === undefined) select(home);
    else open(found.person, state().places.get(home).room ?? undefined);
    this.#sought = { found, place: current().id, steps: STEPS_MAX };
    this.goOn();
  }

  /** Nothing more comes, and the user is told why. */
  giveUp() {
    this.#sought = null;
  }

  /** More has come: shows what is sought, or asks for more still. */
  goOn() {
    if (this.#sought === null) return;
    const { current, mayAsk, ask, reveal, hint } = this.#ports;
    const { found, place: id, steps } = this.#sought;
    const place = current();
    if (place.id !== id) return void (this.#sought = null); // the user has gone elsewhere
    const item = [...itemsOf(place.chunks)].find((each) => isFound(each, found));
    if (item === undefined && steps > 0 && !place.hasAll && mayAsk(place)) {
      this.#sought.steps -= 1;
      return ask(place, STEP);
    }
    this.#sought = null;
    if (item === undefined) hint(NOT_KEPT);
    else reveal(item.key, found.searched);
  }
}

function isFound(item, { id, text, self, sentAt }) {
  if (item.kind !== "said") return false;
  if (item.id !== undefined) return item.id === id;
  // What is said in a call has no id of its own.
  return item.text === text && item.self === self &&
    Math.abs(Date.parse(item.at) - Date.parse(sentAt)) < SAME_MS;
}
