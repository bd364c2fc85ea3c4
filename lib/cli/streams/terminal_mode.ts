/** The terminal's raw mode, which is left however the program ends. */

import { isDoneWithin } from "../../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import type { Streams } from "./streams.ts";

/** Bracketed paste (xterm, DEC mode 2004): the terminal marks pasted text. */
const PASTE_MARKS_ON = "\x1b[?2004h";
const PASTE_MARKS_OFF = "\x1b[?2004l";

/**
 * Switches the terminal's automatic wrapping off and on (DEC mode 7): what it shows wider than was reckoned is then cut
 * off in the last column, instead of going on at the start of the next row, where only the program's own lines begin.
 */
export const WRAPPING_OFF = "\x1b[?7l";
export const WRAPPING_ON = "\x1b[?7h";

/** What terminals disagree about how wide it is. */
export const NON_ASCII = /[^\0-\x7f]/;
/** The most cells that a terminal gives to a UTF-16 unit. */
export const UNIT_CELLS_MAX = 2;

/** A terminal that works takes a write within this time. */
const TAKE_MS_MAX = 500;

/** The output shown on a terminal in raw mode. */
export interface Shown {
  /** The text to write after entering raw mode. */
  firstWords?(): string;
  /** The text to write before leaving raw mode, such as what erases the prompt. */
  lastWords(): string;
  /** Stops writing; resolves when the write in progress has ended. */
  stop(): Promise<void>;
}

interface RawTerminal {
  readonly streams: Streams;
  readonly shown: Shown;
}

/** The terminal in raw mode; a process has at most one. */
let rawTerminal: RawTerminal | null = null;

/** Whether the terminal is in raw mode, so that somebody reads it. */
export function isRawMode(): boolean {
  return rawTerminal !== null;
}

/** Enters raw mode: keys arrive one by one, and pastes are marked. */
export function enterRawMode(streams: Streams, shown: Shown): void {
  streams.stdin.setRaw(true);
  if (rawTerminal === null) globalThis.addEventListener("unload", leaveRawMode);
  rawTerminal = { streams, shown };
  const first = PASTE_MARKS_ON + (shown.firstWords?.() ?? "");
  streams.stdout.writeSync(new TextEncoder().encode(first));
}

/**
 * Enters raw mode again after the program was stopped, since the shell has left it.
 * @returns False where the terminal is gone: SIGHUP also resumes stopped programs, and ends the program by itself.
 */
export function reenterRawMode(streams: Streams, shown: Shown): boolean {
  try {
    enterRawMode(streams, shown);
    return true;
  } catch {
    return false;
  }
}

/** Leaves raw mode. Also called for a program that ends because of a bug; idempotent. */
export function leaveRawMode(): void {
  if (rawTerminal === null) return;
  const { streams, shown } = rawTerminal;
  forgetRawMode();
  try {
    streams.stdin.setRaw(false);
    streams.stdout.writeSync(
      new TextEncoder().encode(shown.lastWords() + PASTE_MARKS_OFF),
    );
  } catch {
    // The terminal is gone, and its mode with it.
  }
}

/**
 * As `leaveRawMode`, for a program that ends while a write may be in progress. Changing the mode of a terminal that
 * takes no output would block for ever, without reacting to signals; such a terminal stays in raw mode.
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
 * Whether the terminal rewraps rows that have become too wide, as nearly all do. The few others are recognized by
 * their environment variables.
 */
export function reflows(variable: (name: string) => string | undefined): boolean {
  if (variable("TMUX")) return true;
  const isScreen = Boolean(variable("STY"));
  const isXterm = Boolean(variable("XTERM_VERSION"));
  return !isScreen && !isXterm && !/^(rxvt|linux)/.test(variable("TERM") ?? "");
}

/**
 * The rows of `text`, none of which a terminal of so many columns wraps, whatever width it gives their characters. Rows
 * of printable ASCII stay as they are: their width is certain, and only a link is wider than the terminal.
 */
export function withoutWrapping(text: string, columns: number): string {
  if (!NON_ASCII.test(text)) return text;
  return text.split("\n").map((row) => {
    const mayWrap = UNIT_CELLS_MAX * row.length >= columns && NON_ASCII.test(row);
    return mayWrap ? WRAPPING_OFF + row + WRAPPING_ON : row;
  }).join("\n");
}
