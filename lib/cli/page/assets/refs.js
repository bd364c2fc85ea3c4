/**
 * The page's own refs, by which answers find their way: what kind of question it was, and in which place it was asked,
 * so that an answer is in its place after a reload, too.
 */

import { hashOf } from "./hashes.js";

/**
 * @param kind `a`: the user has asked; `q`: the page itself, for what it shows all the time; `e`: for earlier messages.
 * @param number Differs from that of every other ref of this window.
 */
export function refOf(kind, place, number) {
  return `${kind}.${shortOf(place)}.${number}`;
}

/** The kind of a ref, and the place among these, which may be gone; null for what isn't a ref of a page. */
export function parsedRef(ref, places) {
  const [kind, hash, number] = typeof ref === "string" ? ref.split(".") : [];
  if (number === undefined || !["a", "q", "e"].includes(kind)) return null;
  for (const id of places.keys()) if (shortOf(id) === hash) return { kind, place: id };
  return { kind, place: null };
}

/** A short name of a place, the same in each run. */
function shortOf(id) {
  return hashOf(id).toString(36);
}
