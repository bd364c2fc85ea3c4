/** Local times and dates as people read them. */

import type { RenderContext } from "./user_interface.ts";

const MINUTES = "00:00".length;
const SECONDS = "00:00:00".length;

/** `2026-01-31`. */
export function dayText(timeMs: number): string {
  const date = new Date(timeMs);
  const digits = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${digits(date.getMonth() + 1)}-${digits(date.getDate())}`;
}

/** `12:03`; with seconds where output is verbose. */
export function timeText(timeMs: number, verbose: boolean): string {
  return new Date(timeMs).toTimeString().slice(0, verbose ? SECONDS : MINUTES);
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
