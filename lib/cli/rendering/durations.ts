/** Durations for people. */

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
