/** What differs between two texts. */

/** Words, in whichever script; what stands between them, as a comma or a blank, is apart. */
const WORDS = new Intl.Segmenter("en", { granularity: "word" });

function partsOf(text) {
  return Array.from(WORDS.segment(text), ({ segment }) => segment);
}

/**
 * What both begin with, where they differ (of the one, of the other), and what both end with, in whole words and
 * signs: put together again, each is the text that it was.
 */
export function changeOf(one, other) {
  const [ones, others] = [one, other].map(partsOf);
  const most = Math.min(ones.length, others.length);
  let start = 0;
  while (start < most && ones[start] === others[start]) start++;
  let end = 0;
  while (end < most - start && ones.at(-1 - end) === others.at(-1 - end)) end++;
  const middle = (words) => words.slice(start, words.length - end).join("");
  return [
    ones.slice(0, start).join(""),
    middle(ones),
    middle(others),
    ones.slice(ones.length - end).join(""),
  ];
}
