/** Lists in words, numbers of things, and points in time, for people and for scripts. */

/** `Bob`, `Bob and Carol`, `Bob, Carol or Dave`. */
export function inWords(all: readonly string[], joint: "and" | "or" = "and"): string {
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} ${joint} ${all.at(-1)}`;
}

/** Thousands separated by commas: `12,400`. */
export function numberText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 message`, `12,400 messages`. */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${numberText(count)} ${count === 1 ? one : many}`;
}

/** `1.2 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const units = ["kB", "MB", "GB"];
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1_000 ** power).toFixed(1)} ${units[power - 1]}`;
}

/** How many percent of a file are here, rounded down; of an empty one all. */
export function percentOf(bytes: number, size: number): number {
  return size === 0 ? 100 : Math.floor(100 * bytes / size);
}

/** Titles that are one, however they are written. */
export function foldTitle(title: string): string {
  return title.normalize("NFKC").toLowerCase();
}

/** Whether both are there, and one title. */
export function isSameTitle(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && foldTitle(one) === foldTitle(other);
}

/** `1 entry`, `12,400 entries`. */
export function entriesText(count: number): string {
  return countText(count, "entry", "entries");
}

/** How much of an answer isn't shown: `2 messages from people you ignore are left out`. */
export function ignoredText(count: number): string {
  return `${countText(count, "message")} from people you ignore ${
    count === 1 ? "is" : "are"
  } left out`;
}

/** The latest time that a JavaScript `Date` can hold, ms since 1970; the earliest is its negative. */
const DATE_MS_MAX = 8.64e15;

let last = { ms: 0, text: "1970-01-01T00:00:00.000Z" };

/** Whether a `Date` can hold `ms`: a wrong clock, or a time from another program, may be anything. */
export function isDate(ms: number): boolean {
  return Math.abs(ms) <= DATE_MS_MAX;
}

/** The day of `ms`, in UTC, as in 2026-01-31. */
export function dayText(ms: number): string {
  return dateText(ms).slice(0, 10);
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

/** `42 s`, `1 min 3 s`, `2 h 5 min`: the duration of a call. */
export function talkText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How a command is written, with an example where that says more. */
export function usageOf(form: string, example: string): string {
  return `Usage: ${form}${form === example ? "" : `, for example ${example}`}`;
}
