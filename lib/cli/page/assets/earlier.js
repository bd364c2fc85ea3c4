/** Earlier messages, which the page asks for itself, before those that it shows. */

import { itemsOf, prepended } from "./chunks.js";

/** The place with those of `items` that it doesn't have yet at its beginning. */
export function withEarlier(place, items) {
  const known = new Set();
  let first = 0;
  for (const { id, key } of itemsOf(place.chunks)) {
    first = Math.min(first, key);
    if (id !== undefined) known.add(id);
  }
  const fresh = items.filter(({ id }) => id === undefined || !known.has(id));
  const keyed = fresh.map((item, index) => ({ ...item, key: first - fresh.length + index }));
  const chunks = keyed.length === 0 ? place.chunks : prepended(place.chunks, keyed);
  // What is said now may be in the answer already, and come as news after it.
  const had = new Set(place.had);
  for (const { id } of fresh) if (id !== undefined) had.add(id);
  return { ...place, chunks, had, hasAll: fresh.length === 0 };
}
