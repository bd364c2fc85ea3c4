/** Points in time as people and scripts read them: ISO 8601. */

/** The latest time that a JavaScript `Date` can hold, ms since 1970; the earliest is its negative. */
const DATE_MS_MAX = 8.64e15;

let last = { ms: 0, text: "1970-01-01T00:00:00.000Z" };

/** Whether a `Date` can hold `ms`: a wrong clock, or a time from another program, may be anything. */
export function isDate(ms: number): boolean {
  return Math.abs(ms) <= DATE_MS_MAX;
}

/**
 * `ms` as ISO 8601, clamped to what a `Date` can hold. The last text is cached, as the messages of a burst have the
 * same time.
 */
export function dateText(ms: number): string {
  if (last.ms !== ms) {
    const held = Math.max(-DATE_MS_MAX, Math.min(ms, DATE_MS_MAX));
    last = { ms, text: new Date(held).toISOString() };
  }
  return last.text;
}
