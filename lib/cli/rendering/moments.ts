/** Local times, dates and durations as people read them. */

import { type Offset, posixOffset, timeZoneProblem } from "./time_zone.ts";
import type { RenderContext } from "./user_interface.ts";

/** The environment variable that names the time zone, see `time_zone.ts`. */
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

/** `0.4 ms`, `12 ms`, `4 s`, `3 min`: as precise as people need. */
export function durationText(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}
