/** What differs between two texts. */

/** Words, each with the blanks behind it. */
const WORDS = /\s*\S+\s*|\s+/g;

/**
 * What both begin with, where they differ (of the one, of the other), and what both end with, in whole words: put together
 * again, each is the text that it was.
 */
export function changeOf(one, other) {
  const [ones, others] = [one, other].map((text) => text.match(WORDS) ?? []);
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
