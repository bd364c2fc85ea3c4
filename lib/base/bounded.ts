/** Sets and maps that forget: both keep their entries in the order in which they were added. */

import { invariant } from "./invariant.ts";

interface Ordered<Key, Value> {
  readonly size: number;
  entries(): Iterator<[Key, Value]>;
  delete(key: Key): boolean;
}

/**
 * Where each has its oldest entry: all before it has been deleted. A new iterator would pass over the places of those,
 * some 20 us in a map of 10,000 that loses one for each it gets.
 */
const cursors = new WeakMap<object, Iterator<[unknown, unknown]>>();

/** After one was added: the oldest goes where there are more than `sizeMax`. */
export function dropOldest<Key, Value>(entries: Ordered<Key, Value>, sizeMax: number): void {
  if (entries.size > sizeMax) takeOldest(entries);
}

/**
 * After one was added: the oldest that aren't kept go where there are more than `sizeMax`. Those that are move to the
 * back, so that each is passed over once for every turn; where all are kept, the oldest goes all the same.
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

/** Deletes the oldest and returns it. @param entries Not empty. */
export function takeOldest<Key, Value>(entries: Ordered<Key, Value>): [Key, Value] {
  let cursor = cursors.get(entries) as Iterator<[Key, Value]> | undefined;
  if (cursor === undefined) {
    cursor = entries.entries();
    cursors.set(entries, cursor);
  }
  const oldest = cursor.next();
  invariant(oldest.done !== true, "the oldest is taken of what isn't empty");
  entries.delete(oldest.value[0]);
  return oldest.value;
}
