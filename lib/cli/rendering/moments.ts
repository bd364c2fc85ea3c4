/** Local times, dates and durations as people read them. */

import type { RenderContext } from "./user_interface.ts";

/** The environment variable that names the time zone. */
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

/** The zone of the system may change, as on a journey: it is looked up anew, once a second at most. */
const LOOK_MS = 1_000;
let lookedMs = 0;
/** Null where the program hasn't said. */
let zone: string | null = null;

/** Local time is that of this zone. @param name As `TZ` has it; empty: that of the system. */
export function useTimeZone(name: string): void {
  zone = name;
}

/** A date whose fields in UTC are those of local time. */
function localDate(timeMs: number): Date {
  if (zone === "" && performance.now() - lookedMs > LOOK_MS) {
    lookedMs = performance.now();
    Deno.env.delete(ZONE_VARIABLE); // the runtime looks then, also where it wasn't set
  }
  return new Date(timeMs - new Date(timeMs).getTimezoneOffset() * 60_000);
}

/** What to tell the user of the time zone; null where there is nothing to tell. */
export function momentProblem(): string | null {
  return timeZoneProblem(zone ?? "");
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

/** What to tell the user of a zone for which the runtime shows UTC; null where it knows the zone, or none is set. */
export function timeZoneProblem(zone: string): string | null {
  if (zone === "" || isKnown(zone.replace(/^:?(.*\/zoneinfo\/)?/, ""))) return null;
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
