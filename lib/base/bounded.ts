/** Sets and maps that forget: both keep their entries in the order in which they were added. */

/** After one was added: the oldest goes where there are more than `sizeMax`. */
export function dropOldest<Key>(
  entries: { readonly size: number; keys(): Iterable<Key>; delete(key: Key): boolean },
  sizeMax: number,
): void {
  if (entries.size <= sizeMax) return;
  for (const oldest of entries.keys()) {
    entries.delete(oldest);
    return;
  }
}
