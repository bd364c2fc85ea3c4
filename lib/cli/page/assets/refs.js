/**
 * The page's own refs, by which answers find their way: what kind of question it was, and in which place it was asked,
 * so that an answer is in its place after a reload, too.
 */

import { hashOf } from "./hashes.js";

/**
 * @param kind `a`: the user has asked; `f`: likewise, in a form, which shows why that isn't done; `q`: the page itself,
 *   for what it shows all the time; `e`: for earlier messages.
 * @param number Differs from that of every other ref of this window.
 */
export function refOf(kind, place, number) {
  return `${kind}.${shortOf(place)}.${number}`;
}

/**
 * The kind of a ref, `a` for `f`, too, with `isOfForm`, and the place among these, which may be gone; null for what isn't a
 * ref of a page.
 */
export function parsedRef(ref, places) {
  const [letter, hash, number] = typeof ref === "string" ? ref.split(".") : [];
  if (number === undefined || !["a", "f", "q", "e"].includes(letter)) return null;
  const isOfForm = letter === "f";
  const kind = isOfForm ? "a" : letter;
  for (const id of places.keys()) if (shortOf(id) === hash) return { kind, isOfForm, place: id };
  return { kind, isOfForm, place: null };
}

/** A short name of a place, the same in each run. */
function shortOf(id) {
  return hashOf(id).toString(36);
}
