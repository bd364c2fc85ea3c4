/** Who came and went, one after the other: in one line, as it matters who is here now, and not how that came about. */

import { replaced } from "./chunks.js";
import { listed, namePart } from "./phrases.js";

/** Who comes or goes later than this has a line of its own, which says when. */
const PAUSE_MS = 30 * 60_000;
/** So many of them share a line. */
const CROWD_MAX = 200;
/** So many are named, and the others only counted. */
const NAMED_MAX = 3;

/**
 * The chunks with the line `item` as a part of the last one, where that, too, only says who came and went; null: it needs
 * a line of its own.
 */
export function withCrowd(chunks, item) {
  const last = chunks.at(-1)?.items.at(-1);
  if (last?.crowd === undefined || item.crowd === undefined) return null;
  const crowd = [...last.crowd, ...item.crowd];
  const isSoon = Date.parse(item.at) - Date.parse(last.at) < PAUSE_MS;
  if (!isSoon || crowd.length > CROWD_MAX) return null;
  const merged = { ...last, at: item.at, crowd, parts: crowdParts(crowd) };
  return replaced(chunks, (each) => each === last, () => merged);
}

const WORDS = {
  "true true": " joined",
  "false false": " left",
  "false true": " left and came back",
  "true false": " came and left",
};

/** In a directory nobody joins anything. */
const OF_DIRECTORY = { "true true": " came online" };

/** `Bob, Carol and 3 others joined; Dave left`. @param crowd `{name, isIn}` in order. */
export function crowdParts(crowd) {
  const people = new Map();
  for (const { name, isIn } of crowd) {
    const first = people.get(name)?.first ?? isIn;
    people.set(name, { first, last: isIn });
  }
  const words = { ...WORDS, ...(crowd.some(({ isOnline }) => isOnline) ? OF_DIRECTORY : {}) };
  return Object.entries(words).flatMap(([how, word]) => {
    const names = [...people].filter(([, { first, last }]) => `${first} ${last}` === how)
      .map(([name]) => name);
    return names.length === 0 ? [] : [["; "], [...namesParts(names), word]];
  }).flat().slice(1);
}

function namesParts(names) {
  if (names.length <= NAMED_MAX) return listed(names.map(namePart));
  const named = names.slice(0, NAMED_MAX - 1);
  return listed([...named.map(namePart), { others: names.slice(named.length) }]);
}
