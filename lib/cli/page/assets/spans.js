/**
 * Which chunks of a long list are drawn: those near what is seen. The heights of the others are what they were when they
 * were last drawn, or a guess, so that the scroll bar is nearly right, and what is seen never moves.
 */

/** Drawn beyond what is seen, on either side, in heights of the view. */
const MARGIN = 1;

/**
 * @param chunks In order.
 * @param heightOf The height of a chunk, known or guessed.
 * @returns `first` and `end` of those that are drawn (`end` isn't among them), and the heights `before` and `after`.
 */
export function drawnOf(chunks, heightOf, scrollTop, viewHeight) {
  const top = scrollTop - MARGIN * viewHeight;
  const bottom = scrollTop + (1 + MARGIN) * viewHeight;
  let [at, first, end, before, after] = [0, chunks.length, chunks.length, 0, 0];
  for (const [index, chunk] of chunks.entries()) {
    const height = heightOf(chunk);
    const isDrawn = at + height >= top && at <= bottom;
    if (isDrawn && first === chunks.length) {
      first = index;
      before = at;
    }
    if (!isDrawn && at > bottom) {
      if (end === chunks.length) end = index;
      after += height;
    }
    at += height;
  }
  // Always something, however far a guess was off.
  if (first === chunks.length && chunks.length > 0) {
    return {
      first: chunks.length - 1,
      end: chunks.length,
      before: at - heightOf(chunks.at(-1)),
      after: 0,
    };
  }
  return { first, end: Math.max(end, first), before, after };
}

/** Where the list is to be scrolled to so that what was `offset` below the top of an element stays there. */
export function keptScroll(scrollTop, offsetBefore, offsetNow) {
  return scrollTop + (offsetNow - offsetBefore);
}
