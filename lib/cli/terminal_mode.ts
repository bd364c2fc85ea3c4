/** The terminal's raw mode, given back however the program ends. */

import type { Streams } from "./streams.ts";

/** Bracketed paste (xterm, DEC mode 2004): a paste arrives marked as such. */
const PASTE_MARKS_ON = "\x1b[?2004h";
const PASTE_MARKS_OFF = "\x1b[?2004l";

/** The streams whose terminal is in raw mode; a process has one terminal at most. */
let rawStreams: Streams | null = null;

/** Keys arrive one by one from now on, pastes marked. */
export function enterRawMode(streams: Streams): void {
  streams.stdin.setRaw(true);
  if (rawStreams === null) globalThis.addEventListener("unload", leaveRawMode);
  rawStreams = streams;
  streams.stdout.writeSync(new TextEncoder().encode(PASTE_MARKS_ON));
}

/** Gives the terminal back as it was. Also called for a program that ends by its own fault; idempotent. */
export function leaveRawMode(): void {
  const streams = rawStreams;
  if (streams === null) return;
  rawStreams = null;
  globalThis.removeEventListener("unload", leaveRawMode);
  try {
    streams.stdin.setRaw(false);
    streams.stdout.writeSync(new TextEncoder().encode(PASTE_MARKS_OFF));
  } catch {
    // The terminal is gone, and its mode with it.
  }
}
