/**
 * Parses the bytes that a terminal sends into keys: UTF-8 text, control characters, escape sequences, pastes. They may
 * arrive in any pieces. What a terminal answers to somebody's question (OSC, DCS, CSI) is no key.
 */

import { concatBytes } from "../../base/crypto/crypto.ts";

/** A key press, typed text or a paste. */
export type Key =
  | { readonly type: "text"; readonly text: string }
  /** Pasted text, with line breaks as `\n`. For a paste above `PASTE_UNITS_MAX` only the size is known. */
  | { readonly type: "paste"; readonly text: string }
  | { readonly type: "overlong-paste"; readonly units: number }
  /** Bytes came that aren't UTF-8; each is U+FFFD in the text that follows. */
  | { readonly type: "malformed" }
  /** The terminal tells that it has got the focus, or lost it (DEC mode 1004). */
  | { readonly type: "focus"; readonly hasFocus: boolean }
  /** Alt and a digit, 1 to 9. */
  | { readonly type: "number"; readonly number: number }
  /** Alt+A: to where something is unseen. */
  | { readonly type: "unseen" }
  | { readonly type: "press"; readonly name: KeyName };

export type KeyName =
  | "enter"
  /** A line break within the message: Alt+Enter, Ctrl+J. */
  | "newline"
  | "tab"
  | "backspace"
  | "delete"
  | "left"
  | "right"
  | "up"
  | "down"
  | "home"
  | "end"
  | "word-left"
  | "word-right"
  | "delete-word-left"
  | "delete-to-blank"
  | "delete-word-right"
  | "kill-right"
  | "kill-left"
  | "yank"
  | "transpose"
  | "interrupt"
  | "end-of-input"
  | "redraw"
  | "suspend"
  | "log-out"
  /** Ctrl+R: looks for an earlier line. */
  | "search"
  /** Ctrl+G. */
  | "cancel"
  | "escape";

/**
 * After this time ESC was a key itself, and bytes that begin a character are all that comes of it. A slow link may
 * deliver a sequence in pieces, nobody presses Esc and the next key so fast, and readline waits as long.
 */
const ESCAPE_MS = 500;

/** After this time the rest of an unfinished sequence isn't coming any more. */
const SEQUENCE_MS = 2_000;

/** After the terminal became raw, a first read within this time has what was typed before: Enter was a line feed. */
const TYPED_AHEAD_MS = 1_000;

/** Longest paste in UTF-16 units: sixteen times the longest message, so more than anybody could send. */
const PASTE_UNITS_MAX = 1_048_576;

/** The bytes of a paste never pause for so long. */
const PASTE_PAUSE_MS = 1_000;

/** A sequence without an end after so many characters isn't one. */
const SEQUENCE_LENGTH_MAX = 64;

/** Strings that terminals send as answers: OSC, DCS, PM and APC (ECMA-48, 8.3). */
const STRING_START = /^[\]P^_]/;
/** What ends it: BEL or ST, of whose two forms ESC \ is a key without function; and what it can't contain. */
// deno-lint-ignore no-control-regex
const STRING_END = /\x07|\x9c|(?=[\x00-\x1f])/;

const PASTE_START = "\x1b[200~";
const PASTE_END = "\x1b[201~";
// deno-lint-ignore no-control-regex
const INTERRUPTS = /^\x03+$/;

const CONTROL_KEYS: Readonly<Record<string, KeyName>> = {
  "\r": "enter",
  "\n": "newline",
  "\t": "tab",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x01": "home",
  "\x02": "left",
  "\x03": "interrupt",
  "\x04": "end-of-input",
  "\x05": "end",
  "\x06": "right",
  "\x07": "cancel",
  "\x0b": "kill-right",
  "\x0c": "redraw",
  "\x0e": "down",
  "\x10": "up",
  "\x12": "search",
  "\x14": "transpose",
  "\x15": "kill-left",
  "\x17": "delete-to-blank",
  "\x18": "log-out",
  "\x19": "yank",
  "\x1a": "suspend",
};

/** Keys pressed with Alt, which sends ESC first. */
const ALT_KEYS: Readonly<Record<string, KeyName>> = {
  "b": "word-left",
  "f": "word-right",
  "d": "delete-word-right",
  "\x7f": "delete-word-left",
  "\b": "delete-word-left",
  "\r": "newline",
  "\n": "newline",
};

/** Keys by the final character of a CSI or SS3 sequence. */
const FINAL_KEYS: Readonly<Record<string, KeyName>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
};

/** Keys by the number before `~`, as VT220 and rxvt number them. */
const NUMBERED_KEYS: Readonly<Record<string, KeyName>> = {
  "1": "home",
  "7": "home",
  "4": "end",
  "8": "end",
  "3": "delete",
};

/** Keys with Ctrl or Alt held: modifiers 3 to 8 in xterm's numbering, excluding Shift alone. */
const WITH_MODIFIER: Partial<Record<KeyName, KeyName>> = {
  left: "word-left",
  right: "word-right",
  delete: "delete-word-right",
};

export class KeyParser {
  readonly #nowMs: () => number;
  readonly #strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  /** The first bytes of a character, three at most. */
  #bytes: Uint8Array = new Uint8Array();
  /** An incomplete escape sequence. */
  #pending = "";
  /** Whether the terminal is in the middle of an answer, which is dropped. */
  #isInString = false;
  /** The paste in progress; `null` outside of one. */
  #paste: { parts: string[]; units: number; tail: string } | null = null;

  /** When anything other than a lone Ctrl+C last arrived. */
  #cameMs: number;
  /** When the incomplete character, sequence or answer began. */
  #begunMs = 0;
  /** Until then, the first input was typed before the terminal was in raw mode. */
  #typedAheadUntilMs: number;
  #isTypedAhead = false;

  /** @param nowMs Monotonic time. The terminal has just entered raw mode. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#cameMs = nowMs();
    this.#typedAheadUntilMs = this.#cameMs + TYPED_AHEAD_MS;
  }

  /** The terminal has entered raw mode again. */
  resumed(): void {
    this.#typedAheadUntilMs = this.#nowMs() + TYPED_AHEAD_MS;
  }

  /** How long to wait for the rest of the input before calling `timeout`; `null` where nothing is incomplete. */
  get waitMs(): number | null {
    const isIncomplete = this.#bytes.length > 0 || this.#pending !== "" || this.#isInString;
    if (!isIncomplete || this.#paste !== null) return null;
    const isShort = !this.#isInString && (this.#bytes.length > 0 || this.#pending === "\x1b");
    return Math.max(0, this.#begunMs + (isShort ? ESCAPE_MS : SEQUENCE_MS) - this.#nowMs());
  }

  /** The keys in `bytes`, which aren't retained. */
  push(bytes: Uint8Array): readonly Key[] {
    const nowMs = this.#nowMs();
    const keys: Key[] = this.waitMs === 0 ? [...this.timeout()] : [];
    const hasPaused = nowMs - this.#cameMs >= PASTE_PAUSE_MS;
    this.#isTypedAhead = nowMs < this.#typedAheadUntilMs;
    this.#typedAheadUntilMs = -Infinity;
    let rest = this.#pending + this.#decoded(bytes, keys);
    this.#pending = "";
    // The end of a paste may be missing, for example if a program that was killed wrote only its start. Ctrl+C
    // within a paste is part of its text; a lone one after a pause comes from a user whose keys have no effect.
    const isInterrupt = INTERRUPTS.test(rest);
    if (!isInterrupt) this.#cameMs = nowMs;
    else if (this.#paste !== null && hasPaused) rest = PASTE_END + rest;
    while (rest !== "") {
      rest = this.#paste !== null
        ? this.#takePaste(rest, keys)
        : this.#isInString
        ? this.#takeString(rest)
        : this.#take(rest, keys);
    }
    if (!this.#isInString) this.#begunMs = nowMs;
    return keys;
  }

  /** Nothing followed: a lone ESC is the key, a character in part is U+FFFD, and an unfinished sequence is dropped. */
  timeout(): readonly Key[] {
    const keys: Key[] = [];
    if (this.#paste !== null) return keys;
    if (this.#bytes.length > 0) {
      this.#bytes = new Uint8Array();
      keys.push({ type: "malformed" });
      this.#take("\ufffd", keys);
    }
    if (this.#pending === "\x1b") keys.push({ type: "press", name: "escape" });
    this.#pending = "";
    this.#isInString = false;
    return keys;
  }

  /** The text that is complete with `bytes`. */
  #decoded(bytes: Uint8Array, keys: Key[]): string {
    const all = concatBytes(this.#bytes, bytes);
    const end = all.length - unfinished(all);
    this.#bytes = all.slice(end);
    const whole = all.subarray(0, end);
    try {
      return this.#strict.decode(whole);
    } catch {
      keys.push({ type: "malformed" });
      return this.#lenient.decode(whole);
    }
  }

  /** Takes one key, or a run of text, from the start of `text`, and returns the rest. */
  #take(text: string, keys: Key[]): string {
    if (text.startsWith("\x1b")) return this.#takeSequence(text, keys);
    const name = this.#isTypedAhead && text[0] === "\n" ? "enter" : CONTROL_KEYS[text[0]!];
    if (name !== undefined) {
      keys.push({ type: "press", name });
      return text.slice(1);
    }
    const run = /^[^\p{Cc}]+/u.exec(text)?.[0];
    if (run === undefined) return text.slice(1); // a control character with no function
    keys.push({ type: "text", text: run });
    return text.slice(run.length);
  }

  /** As `#take`, where `text` starts with ESC. */
  #takeSequence(text: string, keys: Key[]): string {
    const after = text.slice(1);
    const csi = /^\[([0-?]*)[ -/]*([@-~])/.exec(after);
    if (csi !== null) {
      const [sequence, parameters, final] = csi;
      if (`\x1b${sequence}` === PASTE_START) this.#paste = { parts: [], units: 0, tail: "" };
      else if (parameters === "" && (final === "I" || final === "O")) {
        keys.push({ type: "focus", hasFocus: final === "I" });
      } else pushPress(keys, csiKey(parameters!, final!));
      return after.slice(sequence.length);
    }
    if (STRING_START.test(after)) {
      this.#isInString = true;
      this.#begunMs = this.#nowMs();
      return after.slice(1);
    }
    const ss3 = /^O([@-~])/.exec(after);
    if (ss3 !== null) {
      pushPress(keys, FINAL_KEYS[ss3[1]!]);
      return after.slice(ss3[0].length);
    }
    if (/^(?:\[[0-?]*[ -/]*|O)?$/.test(after) && after.length < SEQUENCE_LENGTH_MAX) {
      this.#pending = text;
      return "";
    }
    if (/^[[O]/.test(after)) return after.slice(1); // incomplete or unknown: not text that was typed
    if (after.startsWith("\x1b")) return after; // the next ESC starts a sequence of its own
    if (/^[1-9]/.test(after)) keys.push({ type: "number", number: Number(after[0]) });
    else if (/^[aA]/.test(after)) keys.push({ type: "unseen" });
    else pushPress(keys, ALT_KEYS[after[0]!]);
    return after.slice(1);
  }

  #takeString(text: string): string {
    const end = STRING_END.exec(text);
    if (end === null) return "";
    this.#isInString = false;
    return text.slice(end.index + end[0].length);
  }

  #takePaste(text: string, keys: Key[]): string {
    const paste = this.#paste!;
    const whole = paste.tail + text;
    const end = whole.indexOf(PASTE_END);
    // The first characters of the end sequence may arrive before the rest.
    const kept = end >= 0 ? end : Math.max(0, whole.length - PASTE_END.length + 1);
    paste.units += kept;
    if (paste.units <= PASTE_UNITS_MAX) paste.parts.push(whole.slice(0, kept));
    else paste.parts = [];
    if (end < 0) {
      paste.tail = whole.slice(kept);
      return "";
    }
    this.#paste = null;
    keys.push(
      paste.units > PASTE_UNITS_MAX
        ? { type: "overlong-paste", units: paste.units }
        : { type: "paste", text: paste.parts.join("").replace(/\r\n?/g, "\n") },
    );
    return whole.slice(end + PASTE_END.length);
  }
}

/** How many bytes at the end of `bytes` may be the start of a character (RFC 3629, 4). */
function unfinished(bytes: Uint8Array): number {
  for (let count = 1; count <= 3 && count <= bytes.length; count++) {
    const byte = bytes[bytes.length - count]!;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const length = byte < 0xc2 || byte > 0xf4 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length > count ? count : 0;
  }
  return 0;
}

function pushPress(keys: Key[], name: KeyName | undefined): void {
  if (name !== undefined) keys.push({ type: "press", name });
}

function csiKey(parameters: string, final: string): KeyName | undefined {
  const [number = "", modifier = "1"] = parameters.split(";");
  const name = final === "~" ? NUMBERED_KEYS[number] : FINAL_KEYS[final];
  if (name === undefined) return undefined;
  return Number(modifier) >= 3 ? WITH_MODIFIER[name] ?? name : name;
}
