/**
 * A long list in chunks that are never changed, only replaced: whoever shows it compares chunks, and draws those that
 * are others than before. A chunk keeps its `id` for as long as it holds the same part of the list.
 */

/** Few enough to be drawn at once, many enough for 10,000 items to be 250 elements. */
export const CHUNK_ITEMS_MAX = 40;
/** The oldest chunks go first. */
export const ITEMS_MAX = 20_000;
/** So many characters of a list are kept, and those of a chunk more: texts may be long. */
export const CHARACTERS_MAX = 16_000_000;

export const NO_CHUNKS = Object.freeze([]);

/** The list with `item` at its end. */
export function appended(chunks, item) {
  const last = chunks.at(-1);
  if (last === undefined || last.items.length >= CHUNK_ITEMS_MAX) {
    const id = last === undefined ? 0 : last.id + 1;
    return bounded([...chunks, { id, items: [item] }]);
  }
  return [...chunks.slice(0, -1), { id: last.id, items: [...last.items, item] }];
}

function bounded(chunks) {
  let from = Math.max(0, chunks.length - ITEMS_MAX / CHUNK_ITEMS_MAX);
  let characters = 0;
  for (let at = chunks.length - 1; at > from; at--) {
    characters += charactersOf(chunks[at]);
    if (characters > CHARACTERS_MAX) from = at;
  }
  return from === 0 ? chunks : chunks.slice(from);
}

/** As chunks are never changed, each is counted once. */
const counted = new WeakMap();

function charactersOf(chunk) {
  const known = counted.get(chunk);
  if (known !== undefined) return known;
  const characters = charactersIn(chunk.items);
  counted.set(chunk, characters);
  return characters;
}

function charactersIn(value) {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum, each) => sum + charactersIn(each), 0);
}

/** The list with `items`, in order, at its beginning. */
export function prepended(chunks, items) {
  const before = [];
  let id = (chunks[0]?.id ?? 0) - 1;
  for (let end = items.length; end > 0; end -= CHUNK_ITEMS_MAX) {
    before.unshift({ id: id--, items: items.slice(Math.max(0, end - CHUNK_ITEMS_MAX), end) });
  }
  return [...before, ...chunks];
}

/** The list with the last item that fits replaced; the same list where none fits. */
export function replaced(chunks, fits, by) {
  for (let at = chunks.length - 1; at >= 0; at--) {
    const { id, items } = chunks[at];
    const index = items.findLastIndex(fits);
    if (index < 0) continue;
    const chunk = { id, items: items.with(index, by(items[index])) };
    return chunks.with(at, chunk);
  }
  return chunks;
}

/** The list without the items that fit; the same list where none does. */
export function without(chunks, fits) {
  const less = chunks.map((chunk) => {
    const items = chunk.items.filter((item) => !fits(item));
    return items.length === chunk.items.length ? chunk : { id: chunk.id, items };
  });
  const isSame = less.every((chunk, at) => chunk === chunks[at]);
  return isSame ? chunks : less.filter(({ items }) => items.length > 0);
}

/** All items, from the first to the last. */
export function* itemsOf(chunks) {
  for (const { items } of chunks) yield* items;
}

export function lengthOf(chunks) {
  return chunks.reduce((sum, { items }) => sum + items.length, 0);
}
