/** Times and dates as the reader's locale has them. */

const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const SHORT = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const DAY_OF_YEAR = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

const DAY_MS = 86_400_000;

/** `14:03`; with the date, where it isn't the day of `nowMs`. */
export function timeText(iso, nowMs = null) {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return "";
  const time = TIME.format(ms);
  return nowMs === null || dayNumber(ms) === dayNumber(nowMs)
    ? time
    : `${dayWithin(iso, nowMs)}, ${time}`;
}

/** `2:03`: without what half of the day it is, for where there is no room. */
export function shortTimeText(iso) {
  return SHORT.formatToParts(Date.parse(iso)).filter(({ type }) => type !== "dayPeriod")
    .map(({ value }) => value).join("").trim();
}

export function fullText(iso) {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? "" : FULL.format(ms);
}

/** A number for each day of the reader's time zone. */
export function dayNumber(ms) {
  const date = new Date(ms);
  return Math.floor((ms - date.getTimezoneOffset() * 60_000) / DAY_MS);
}

/** `Today`, `Yesterday`, `Friday, 27 November`, or with the year where that is another. */
export function dayText(iso, nowMs) {
  const text = dayWithin(iso, nowMs);
  return text[0].toLocaleUpperCase() + text.slice(1);
}

/** The same within a sentence: `yesterday`. */
function dayWithin(iso, nowMs) {
  const ms = Date.parse(iso);
  const days = dayNumber(ms) - dayNumber(nowMs);
  if (days === 0 || days === -1) return RELATIVE.format(days, "day");
  const isSameYear = new Date(ms).getFullYear() === new Date(nowMs).getFullYear();
  return (isSameYear ? DAY : DAY_OF_YEAR).format(ms);
}

/** `0:24`, `1:00:24`: of time that is running. @param seconds Whole, or less than none. */
export function clockText(seconds) {
  if (seconds < 0) return clockText(0);
  const minutes = Math.floor(seconds / 60);
  const two = (number) => String(number).padStart(2, "0");
  const whole = minutes < 60 ? minutes : `${Math.floor(minutes / 60)}:${two(minutes % 60)}`;
  return `${whole}:${two(seconds % 60)}`;
}
