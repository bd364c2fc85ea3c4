/** The terminal's raw mode, given back however the program ends. */

import { isDoneWithin } from "../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../transport/system_clock.ts";
import type { Streams } from "./streams.ts";

/** Bracketed paste (xterm, DEC mode 2004): a paste arrives marked as such. */
const PASTE_MARKS_ON = "\x1b[?2004h";
const PASTE_MARKS_OFF = "\x1b[?2004l";

/** A terminal that reads takes a write within this. */
const TAKE_MS_MAX = 500;

/** What is shown at a terminal in raw mode. */
export interface Shown {
  /** What to write before the terminal is given back, such as what erases the prompt. */
  lastWords(): string;
  /** Writes nothing more; resolves when the terminal has taken what is being written. */
  stop(): Promise<void>;
}

interface RawTerminal {
  readonly streams: Streams;
  readonly shown: Shown;
}

/** The terminal that is in raw mode; a process has one at most. */
let rawTerminal: RawTerminal | null = null;

/** Keys arrive one by one from now on, pastes marked. */
export function enterRawMode(streams: Streams, shown: Shown): void {
  streams.stdin.setRaw(true);
  if (rawTerminal === null) globalThis.addEventListener("unload", leaveRawMode);
  rawTerminal = { streams, shown };
  streams.stdout.writeSync(new TextEncoder().encode(PASTE_MARKS_ON));
}

/**
 * The same after the program was stopped: a shell takes the mode back then.
 * @returns False where the terminal is gone: a hang-up continues who is stopped, too, and ends the program by itself.
 */
export function reenterRawMode(streams: Streams, shown: Shown): boolean {
  try {
    enterRawMode(streams, shown);
    return true;
  } catch {
    return false;
  }
}

/** Gives the terminal back as it was. Also called for a program that ends by its own fault; idempotent. */
export function leaveRawMode(): void {
  if (rawTerminal === null) return;
  const { streams, shown } = rawTerminal;
  forgetRawMode();
  try {
    streams.stdin.setRaw(false);
    streams.stdout.writeSync(new TextEncoder().encode(shown.lastWords() + PASTE_MARKS_OFF));
  } catch {
    // The terminal is gone, and its mode with it.
  }
}

/**
 * The same for a program that ends while something may still be written. A terminal that takes no output doesn't change
 * its mode either: to ask for it waits for ever, deaf to all signals. It stays as it is then.
 */
export async function endRawMode(): Promise<void> {
  if (rawTerminal === null) return;
  const isTaken = await isDoneWithin(SYSTEM_LINK_CLOCK, TAKE_MS_MAX, rawTerminal.shown.stop());
  if (isTaken) leaveRawMode();
  else forgetRawMode();
}

function forgetRawMode(): void {
  rawTerminal = null;
  globalThis.removeEventListener("unload", leaveRawMode);
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
