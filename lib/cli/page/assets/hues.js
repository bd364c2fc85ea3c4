/**
 * People's colours: of each by their key, so that it is the same after a restart. Where somebody who is there has that
 * colour already, whoever comes gets the next one that is free, and keeps it in this window.
 */

import { folded } from "./harmless.js";
import { hashOf } from "./hashes.js";

/**
 * Hues that are told apart (degrees): none like those of warnings and errors, nor that of what is one's own. They are
 * taken in an order in which neighbours differ.
 */
const HUES = [260, 130, 335, 178, 285, 105, 360, 235, 155, 310];
/** So many people keep theirs; the first are forgotten. */
const KEPT_MAX = 2_000;

/** The colour of somebody. @param who Their key, or their name where it isn't known. */
export function hueOf(state, name, who) {
  const id = idOf(state, name, who);
  return state.hues.get(id) ?? HUES[hashOf(id) % HUES.length];
}

/** A friend's name is the user's own to choose, and there before the key is known. */
function idOf({ mode, keys }, name, who) {
  return mode === "friends" ? folded(name) : keys.get(who) ?? who;
}

/** With a colour for each who has come into some place. @param before What there was until then. */
export function withHues(state, before) {
  if (state.places === before.places) return state;
  const hues = new Map(state.hues);
  for (const [id, { people }] of state.places) {
    if (people === before.places.get(id)?.people) continue;
    const ids = [...people.values()].filter(({ self }) => self !== true)
      .map(({ name, key }) => idOf(state, name, key ?? name));
    const taken = new Set(ids.map((one) => hues.get(one)));
    for (const one of ids) {
      if (hues.has(one)) continue;
      const first = hashOf(one) % HUES.length;
      const order = [...HUES.slice(first), ...HUES.slice(0, first)];
      const hue = order.find((each) => !taken.has(each)) ?? HUES[first];
      hues.set(one, hue);
      taken.add(hue);
    }
  }
  if (hues.size === state.hues.size) return state;
  for (const id of hues.keys()) {
    if (hues.size <= KEPT_MAX) break;
    hues.delete(id);
  }
  return { ...state, hues };
}
