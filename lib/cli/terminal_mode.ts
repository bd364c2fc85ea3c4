/** The terminal's raw mode, given back however the program ends. */

import type { Streams } from "./streams.ts";

/** Bracketed paste (xterm, DEC mode 2004): a paste arrives marked as such. */
const PASTE_MARKS_ON = "\x1b[?2004h";
const PASTE_MARKS_OFF = "\x1b[?2004l";

interface RawTerminal {
  readonly streams: Streams;
  readonly lastWords: () => string;
}

/** The terminal that is in raw mode; a process has one at most. */
let rawTerminal: RawTerminal | null = null;

/**
 * Keys arrive one by one from now on, pastes marked.
 * @param lastWords What to write before the terminal is given back, such as what erases the prompt.
 */
export function enterRawMode(streams: Streams, lastWords: () => string): void {
  streams.stdin.setRaw(true);
  if (rawTerminal === null) globalThis.addEventListener("unload", leaveRawMode);
  rawTerminal = { streams, lastWords };
  streams.stdout.writeSync(new TextEncoder().encode(PASTE_MARKS_ON));
}

/**
 * The same after the program was stopped: a shell takes the mode back then.
 * @returns False where the terminal is gone: a hang-up continues who is stopped, too, and ends the program by itself.
 */
export function reenterRawMode(streams: Streams, lastWords: () => string): boolean {
  try {
    enterRawMode(streams, lastWords);
    return true;
  } catch {
    return false;
  }
}

/** Gives the terminal back as it was. Also called for a program that ends by its own fault; idempotent. */
export function leaveRawMode(): void {
  if (rawTerminal === null) return;
  const { streams, lastWords } = rawTerminal;
  rawTerminal = null;
  globalThis.removeEventListener("unload", leaveRawMode);
  try {
    streams.stdin.setRaw(false);
    streams.stdout.writeSync(new TextEncoder().encode(lastWords() + PASTE_MARKS_OFF));
  } catch {
    // The terminal is gone, and its mode with it.
  }
}

/**
 * Whether the terminal breaks rows anew that have become too wide for it, as nearly all do; going by what the
 * few others say of themselves.
 */
export function reflows(variable: (name: string) => string | undefined): boolean {
  if (variable("TMUX")) return true;
  const isScreen = Boolean(variable("STY"));
  const isXterm = Boolean(variable("XTERM_VERSION"));
  return !isScreen && !isXterm && !/^(rxvt|linux)/.test(variable("TERM") ?? "");
}
