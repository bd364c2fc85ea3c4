/** Local times and dates as people read them. */

import { variable } from "./streams.ts";
import { type Offset, posixOffset, timeZoneProblem } from "./time_zone.ts";
import type { RenderContext } from "./user_interface.ts";

/** The time zone, see `time_zone.ts`. */
const ZONE_VARIABLE = "TZ";

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

/** Null where the runtime knows the time zone. */
let offset: Offset | null | undefined;

/** A date whose fields in UTC are those of local time. */
function localDate(timeMs: number): Date {
  offset ??= posixOffset(variable(ZONE_VARIABLE) ?? "");
  const offsetMs = offset?.(timeMs) ?? -new Date(timeMs).getTimezoneOffset() * 60_000;
  return new Date(timeMs + offsetMs);
}

/** What to tell the user of the time zone; null where there is nothing to tell. */
export function momentProblem(): string | null {
  return timeZoneProblem(variable(ZONE_VARIABLE) ?? "");
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
