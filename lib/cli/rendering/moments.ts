/** Local times, dates and durations as people read them. */

import type { RenderContext } from "./user_interface.ts";

/** The environment variable that names the time zone, see `posixOffset`. */
export const ZONE_VARIABLE = "TZ";

const MINUTES = "00:00".length;
const SECONDS = "00:00:00".length;

/** `2026-01-31`. */
export function dayText(timeMs: number): string {
  const date = localDate(timeMs);
  const digits = (value: number) => String(value).padStart(2, "0");
  return `${date.getUTCFullYear()}-${digits(date.getUTCMonth() + 1)}-${digits(date.getUTCDate())}`;
}

/** `12:03`; with seconds where output is verbose. */
export function timeText(timeMs: number, verbose: boolean): string {
  const date = localDate(timeMs);
  const fields = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
  const text = fields.map((value) => String(value).padStart(2, "0")).join(":");
  return text.slice(0, verbose ? SECONDS : MINUTES);
}

let zone = "";
/** Null where the runtime knows the time zone. */
let offset: Offset | null = null;

/** Local time is that of this zone from now on. @param name As `TZ` has it; empty: that of the system. */
export function useTimeZone(name: string): void {
  zone = name;
  offset = posixOffset(name);
}

/** A date whose fields in UTC are those of local time. */
function localDate(timeMs: number): Date {
  const offsetMs = offset?.(timeMs) ?? -new Date(timeMs).getTimezoneOffset() * 60_000;
  return new Date(timeMs + offsetMs);
}

/** What to tell the user of the time zone; null where there is nothing to tell. */
export function momentProblem(): string | null {
  return timeZoneProblem(zone);
}

/** The time, preceded by the date if that isn't today's. */
export function momentText(
  timeMs: number,
  { nowMs, verbose }: Pick<RenderContext, "nowMs" | "verbose">,
): string {
  const time = timeText(timeMs, verbose);
  const day = dayText(timeMs);
  return day === dayText(nowMs) ? time : `${day} ${time}`;
}

/** A round-trip time, to append to a name; empty where it isn't known. */
export function roundTripText(ms: number | null): string {
  return ms === null ? "" : ` ${durationText(ms)}`;
}

/**
 * `0.4 ms`, `12 ms`, `90 s`, `3 min`: as precise as people need. Minutes are rounded down: who has to answer within them
 * isn't told of more time than there is.
 */
export function durationText(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1_000);
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
}

/** Ms to add to UTC, by the time in ms since 1970. */
export type Offset = (timeMs: number) => number;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const NAME = "(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)";
const TIME = String.raw`[+-]?\d{1,3}(?::\d{1,2}){0,2}`;
const RULE = String.raw`(?:M\d{1,2}\.[1-5]\.[0-6]|J?\d{1,3})(?:/${TIME})?`;
const ZONE = new RegExp(
  `^${NAME}(${TIME})(?:(${NAME})(${TIME})?(?:,(${RULE}),(${RULE}))?)?$`,
);
/** Where a zone has a summer time and names no days: those of the United States, as in C libraries by themselves. */
const [BEGINS_DEFAULT, ENDS_DEFAULT] = ["M3.2.0", "M11.1.0"];

/**
 * The offset under a zone in the form of POSIX.1-2017, section 8.3; null for any other text, such as the name of a zone.
 * The runtime knows the names of zones, and takes most of what POSIX allows besides for UTC without a word, such as
 * `CET-1CEST,M3.5.0,M10.5.0/3` and `<+0530>-5:30`. Those forms are read here, as the C library reads them.
 */
export function posixOffset(zone: string): Offset | null {
  // Without one nothing is compiled: that takes as long as a fortieth of a start.
  const parts = zone === "" ? null : ZONE.exec(zone);
  if (parts === null) return null;
  const [, west = "", summerName, summerWest, begins = BEGINS_DEFAULT, ends = ENDS_DEFAULT] = parts;
  const winterMs = -timeMsOf(west);
  if (summerName === undefined) return () => winterMs;
  const summerMs = summerWest === undefined ? winterMs + HOUR_MS : -timeMsOf(summerWest);
  return (timeMs) => {
    const year = new Date(timeMs + winterMs).getUTCFullYear();
    const beginsMs = momentOf(begins, year) - winterMs;
    const endsMs = momentOf(ends, year) - summerMs;
    const isSummer = beginsMs < endsMs
      ? beginsMs <= timeMs && timeMs < endsMs
      : beginsMs <= timeMs || timeMs < endsMs; // south of the equator
    return isSummer ? summerMs : winterMs;
  };
}

/** `3`, `-5:30`, `1:00:00` in ms. */
function timeMsOf(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.replace(/^[+-]/, "").split(":").map(Number);
  const ms = hours * HOUR_MS + minutes * MINUTE_MS + seconds * 1_000;
  return text.startsWith("-") ? -ms : ms;
}

/** When a rule's moment is in this year, by the clocks that it ends. */
function momentOf(rule: string, year: number): number {
  const [day = "", time = "2"] = rule.split("/");
  return dayOf(day, year) + timeMsOf(time);
}

function dayOf(day: string, year: number): number {
  const newYearMs = Date.UTC(year, 0, 1);
  if (day.startsWith("J")) {
    // February 29 has no number.
    const number = Number(day.slice(1));
    const isLeapYear = new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1;
    return newYearMs + (number - 1 + (isLeapYear && number >= 60 ? 1 : 0)) * DAY_MS;
  }
  if (!day.startsWith("M")) return newYearMs + Number(day) * DAY_MS;
  const [month = 1, week = 1, weekday = 0] = day.slice(1).split(".").map(Number);
  const first = new Date(Date.UTC(year, month - 1, 1)).getUTCDay();
  const date = 1 + (weekday - first + 7) % 7 + (week - 1) * 7;
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return Date.UTC(year, month - 1, date > last ? date - 7 : date);
}

/** What to tell the user of a zone for which the runtime shows UTC; null where it knows the zone, or none is set. */
export function timeZoneProblem(zone: string): string | null {
  if (
    zone === "" || posixOffset(zone) !== null || isKnown(zone.replace(/^:?(.*\/zoneinfo\/)?/, ""))
  ) return null;
  // A file of the system's: some of these the runtime finds by their names.
  if (new Date(Date.UTC(2026, 0, 1)).getTimezoneOffset() !== 0) return null;
  if (new Date(Date.UTC(2026, 6, 1)).getTimezoneOffset() !== 0) return null;
  return `The time zone in TZ, ${
    JSON.stringify(zone)
  }, isn't known here: times are shown in UTC; ` +
    "set TZ to a name such as Europe/Berlin";
}

function isKnown(name: string): boolean {
  try {
    new Intl.DateTimeFormat(undefined, { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
