/** "Did you mean": the known word nearest to an unknown one. */

/** Words with more edits between them aren't alike. */
const EDITS_MAX = 2;

/** A single letter is the start of too many words. */
const START_LENGTH_MIN = 2;

/** Longer words aren't compared: the table grows with the product of both lengths. */
const LENGTH_MAX = 64;

/**
 * The candidate that `word` most likely means: one that begins with `word`, or the one fewest edits away (insert,
 * delete, replace, swap neighbours). Edits are at most two and at most half of the word's length; case is ignored.
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const lower = word.toLowerCase();
  if (lower === "" || lower.length > LENGTH_MAX) return null;
  let best: string | null = null;
  let fewest = Math.min(EDITS_MAX, Math.floor(lower.length / 2)) + 1;
  for (const candidate of candidates) {
    const known = candidate.toLowerCase();
    if (known.length > LENGTH_MAX) continue;
    const isStart = lower.length >= START_LENGTH_MIN && known.startsWith(lower);
    const edits = isStart ? 0.5 : distance(lower, known);
    if (edits < fewest) {
      fewest = edits;
      best = candidate;
    }
  }
  return best;
}

/** `; did you mean X?`, or an empty string where no candidate is near. `form` formats the candidate. */
export function didYouMean(
  word: string,
  candidates: Iterable<string>,
  form: (candidate: string) => string = (candidate) => candidate,
): string {
  const candidate = nearest(word, candidates);
  return candidate === null ? "" : `; did you mean ${form(candidate)}?`;
}

/** Optimal string alignment distance (Damerau, CACM 1964, each neighbour pair swapped once). */
function distance(left: string, right: string): number {
  let twoBack: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let edits = Math.min(
        previous[column]! + 1,
        current[column - 1]! + 1,
        previous[column - 1]! + (same ? 0 : 1),
      );
      const swapped = row > 1 && column > 1 && left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1];
      if (swapped) edits = Math.min(edits, twoBack[column - 2]! + 1);
      current.push(edits);
    }
    twoBack = previous;
    previous = current;
  }
  return previous[right.length]!;
}
