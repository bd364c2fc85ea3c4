/** "Did you mean": the known word that is nearest to one that isn't known. */

/** Beyond this many edits nobody would call two words alike. */
const EDITS_MAX = 2;

/** Words above this length aren't compared: the table grows with the product of both lengths. */
const LENGTH_MAX = 64;

/**
 * The candidate that `word` most likely meant: one it is the start of, or the one fewest edits away
 * (insert, delete, replace, swap neighbours), at most two, at most half of the word; case doesn't count.
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  return fewestEdits(word, candidates, {
    editsMax: Math.min(EDITS_MAX, Math.floor(word.length / 2)),
    startLengthMin: 2,
  });
}

/** The candidate with the fewest edits, however many; `null` for a word that is empty or absurdly long. */
export function closest(word: string, candidates: Iterable<string>): string | null {
  return fewestEdits(word, candidates, { editsMax: Infinity, startLengthMin: 1 });
}

function fewestEdits(
  word: string,
  candidates: Iterable<string>,
  { editsMax, startLengthMin }: { readonly editsMax: number; readonly startLengthMin: number },
): string | null {
  const lower = word.toLowerCase();
  if (lower === "" || lower.length > LENGTH_MAX) return null;
  let best: string | null = null;
  let fewest = editsMax + 1;
  for (const candidate of candidates) {
    const known = candidate.toLowerCase();
    if (known.length > LENGTH_MAX) continue;
    const isStart = lower.length >= startLengthMin && known.startsWith(lower);
    const edits = isStart ? 0.5 : distance(lower, known);
    if (edits < fewest) {
      fewest = edits;
      best = candidate;
    }
  }
  return best;
}

/** `; did you mean X?`, or nothing where no candidate is near. `form` writes the candidate. */
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
