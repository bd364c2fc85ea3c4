/** Who came and who went, one soon after the other: in one line, which stands where the first did, with that one's time. */

import { replaced } from "./chunks.js";
import { listed, namePart } from "./phrases.js";

/** Who comes or goes so long after the first has a line of their own, which says when. */
const TOGETHER_MS = 5 * 60_000;
/** So many of them share a line. */
const CROWD_MAX = 200;
/** So many are named, and the others only counted. */
const NAMED_MAX = 3;

/**
 * The chunks with the line `item` as a part of the last one, where that, too, only says who came and who went; null: it
 * needs a line of its own.
 */
export function withCrowd(chunks, item) {
  const last = chunks.at(-1)?.items.at(-1);
  if (last?.crowd === undefined || item.crowd === undefined) return null;
  const crowd = [...last.crowd, ...item.crowd];
  const isSoon = Date.parse(item.at) - Date.parse(last.at) < TOGETHER_MS;
  if (!isSoon || crowd.length > CROWD_MAX) return null;
  const merged = { ...last, crowd, parts: crowdParts(crowd) };
  return replaced(chunks, (each) => each === last, () => merged);
}

/** What somebody did, by the first and the last time that they came or went. In a directory nobody joins anything. */
function wordOf(first, last) {
  if (first.isIn !== last.isIn) return last.isIn ? " left and came back" : " came and went";
  return last.isIn ? last.isOnline ? " came online" : " joined" : " left";
}

/** `Bob, Carol and 3 others joined; Dave left`. @param crowd `{name, isIn}` each time that somebody came or went, in order. */
function crowdParts(crowd) {
  const times = Map.groupBy(crowd, ({ name }) => name);
  const wordFor = (name) => wordOf(times.get(name)[0], times.get(name).at(-1));
  const namesByWord = Map.groupBy(times.keys(), wordFor);
  return [...namesByWord].flatMap(([word, names], index) => [
    ...(index === 0 ? [] : ["; "]),
    ...namesParts(names),
    word,
  ]);
}

function namesParts(names) {
  if (names.length <= NAMED_MAX) return listed(names.map(namePart));
  const named = names.slice(0, NAMED_MAX - 1);
  return listed([...named.map(namePart), { others: names.slice(named.length) }]);
}
