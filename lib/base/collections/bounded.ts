/**
 * Sets and maps that are bounded and drop their oldest entries, and maps of sets in which no set is empty: removing the
 * last value removes its key. "Oldest" is insertion order, which JavaScript's Set and Map keep.
 */

import { invariant } from "../invariant.ts";

interface Ordered<Key, Value> {
  readonly size: number;
  entries(): Iterator<[Key, Value]>;
  delete(key: Key): boolean;
}

/**
 * For each collection an iterator that stands before its oldest entry: everything it has passed has been deleted. A
 * new iterator would have to skip the slots of deleted entries, some 20 us in a map of 10,000 that loses an entry
 * for each one it gains. It isn't kept alive: as long as it is, so are all tables that the collection had since it
 * stood still, 40 bytes for each entry that was moved to the back.
 */
const cursors = new WeakMap<object, WeakRef<Iterator<[unknown, unknown]>>>();

/** Call after adding an entry: drops the oldest one if there are more than `sizeMax`. */
export function dropOldest<Key, Value>(entries: Ordered<Key, Value>, sizeMax: number): void {
  if (entries.size > sizeMax) takeOldest(entries);
}

/**
 * Call after adding an entry: while there are more than `sizeMax`, drops the oldest entry for which `isKept` is
 * false. Kept entries move to the back, so a call passes over each at most once; if all are kept, the oldest is
 * dropped all the same.
 */
export function dropOldestUnkept<Key, Value>(
  entries: Map<Key, Value>,
  sizeMax: number,
  isKept: (key: Key) => boolean,
  dropped: (value: Value) => void,
): void {
  for (let turn = entries.size; entries.size > sizeMax; turn--) {
    const [key, value] = takeOldest(entries);
    if (turn > 0 && isKept(key)) entries.set(key, value);
    else dropped(value);
  }
}

/** Deletes the oldest entry and returns it. @param entries Not empty. */
export function takeOldest<Key, Value>(entries: Ordered<Key, Value>): [Key, Value] {
  let cursor = cursors.get(entries)?.deref() as Iterator<[Key, Value]> | undefined;
  if (cursor === undefined) {
    cursor = entries.entries();
    cursors.set(entries, new WeakRef(cursor));
  }
  const oldest = cursor.next();
  invariant(oldest.done !== true, "the oldest is taken of what isn't empty");
  entries.delete(oldest.value[0]);
  return oldest.value;
}

/** Adds `value` to the set of `key`, which is made where there is none. */
export function addTo<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const values = sets.get(key);
  if (values === undefined) sets.set(key, new Set([value]));
  else values.add(value);
}

/** Removes `value`, if it is there, and the key if its set is empty then. */
export function removeFrom<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const values = sets.get(key);
  values?.delete(value);
  if (values?.size === 0) sets.delete(key);
}
