/** Moments as people and scripts read them: ISO 8601. */

/** The last moment that a date can hold; the first one is as long before 1970. */
const DATE_MS_MAX = 8.64e15;

let last = { ms: 0, text: "1970-01-01T00:00:00.000Z" };

/** Whether a date can hold it; a clock, and whoever tells of one, may say anything. */
export function isDate(ms: number): boolean {
  return Math.abs(ms) <= DATE_MS_MAX;
}

/** What no date can hold is the first or last one that can. A burst of messages has one time: it is written once. */
export function dateText(ms: number): string {
  if (last.ms !== ms) {
    const held = Math.max(-DATE_MS_MAX, Math.min(ms, DATE_MS_MAX));
    last = { ms, text: new Date(held).toISOString() };
  }
  return last.text;
}
