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

/** A text that is read where it is asked about. */
const SHORT_MAX = 2_000;
/** So much is shown of what is the same before and behind a change. */
const AROUND = 300;
/** What stands for the rest. */
const REST = "\u2026";

export function isShort(text) {
  return text.length <= SHORT_MAX;
}

/**
 * Of each text the beginning of what differs, with some of what is around it. It takes next to no time, however long the
 * texts are.
 */
export function excerptsOf(one, other) {
  const most = Math.min(one.length, other.length);
  let start = 0;
  while (start < most && one.charCodeAt(start) === other.charCodeAt(start)) start++;
  let end = 0;
  while (
    end < most - start &&
    one.charCodeAt(one.length - 1 - end) === other.charCodeAt(other.length - 1 - end)
  ) end++;
  const from = Math.max(0, start - AROUND);
  return [one, other].map((text) => {
    const to = Math.min(from + SHORT_MAX, text.length - Math.max(0, end - AROUND));
    const part = text.slice(from, to).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, "");
    return `${from > 0 ? REST : ""}${part}${to < text.length ? REST : ""}`;
  });
}
