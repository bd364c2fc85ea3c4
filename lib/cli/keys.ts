/** Parses the bytes that a terminal sends into keys: UTF-8 text, control characters, escape sequences, pastes. */

/** A key press, typed text or a paste. */
export type Key =
  | { readonly type: "text"; readonly text: string }
  /** Pasted text, with line breaks as `\n`. For a paste above `PASTE_UNITS_MAX` only the size is known. */
  | { readonly type: "paste"; readonly text: string }
  | { readonly type: "overlong-paste"; readonly units: number }
  | { readonly type: "press"; readonly name: KeyName };

export type KeyName =
  | "enter"
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
  | "escape";

/**
 * The bytes of one key arrive together: after this time an unfinished sequence was ESC itself, and `timeout` is
 * called.
 */
export const ESCAPE_MS = 50;

/** Longest paste in UTF-16 units: sixteen times the longest message, so more than anybody could send. */
const PASTE_UNITS_MAX = 1_048_576;

/** The bytes of a paste never pause for so long. */
const PASTE_PAUSE_MS = 1_000;

/** A sequence without an end after so many characters isn't one. */
const SEQUENCE_LENGTH_MAX = 64;

const PASTE_START = "\x1b[200~";
const PASTE_END = "\x1b[201~";
// deno-lint-ignore no-control-regex
const INTERRUPTS = /^\x03+$/;

const CONTROL_KEYS: Readonly<Record<string, KeyName>> = {
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x01": "home",
  "\x02": "left",
  "\x03": "interrupt",
  "\x04": "end-of-input",
  "\x05": "end",
  "\x06": "right",
  "\x0b": "kill-right",
  "\x0c": "redraw",
  "\x0e": "down",
  "\x10": "up",
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
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** An incomplete escape sequence. */
  #pending = "";
  /** The paste in progress; `null` outside of one. */
  #paste: { parts: string[]; units: number; tail: string } | null = null;

  /** When anything other than a lone Ctrl+C last arrived. */
  #cameMs: number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#cameMs = nowMs();
  }

  /** Whether the input so far may be incomplete: if nothing follows for a while, call `timeout`. */
  get isWaiting(): boolean {
    return this.#pending !== "" && this.#paste === null;
  }

  /** The keys in `bytes`. */
  push(bytes: Uint8Array): readonly Key[] {
    const keys: Key[] = [];
    const nowMs = this.#nowMs();
    const hasPaused = nowMs - this.#cameMs >= PASTE_PAUSE_MS;
    let rest = this.#pending + this.#decoder.decode(bytes, { stream: true });
    this.#pending = "";
    // The end of a paste may be missing, for example if a program that was killed wrote only its start. Ctrl+C
    // within a paste is part of its text; a lone one after a pause comes from a user whose keys have no effect.
    const isInterrupt = INTERRUPTS.test(rest);
    if (!isInterrupt) this.#cameMs = nowMs;
    else if (this.#paste !== null && hasPaused) rest = PASTE_END + rest;
    while (rest !== "") {
      rest = this.#paste === null ? this.#take(rest, keys) : this.#takePaste(rest, keys);
    }
    return keys;
  }

  /** Nothing followed: a lone ESC is the key, and an unfinished sequence is dropped. */
  timeout(): readonly Key[] {
    const wasEscape = this.#pending === "\x1b";
    this.#pending = "";
    return wasEscape ? [{ type: "press", name: "escape" }] : [];
  }

  /** Takes one key, or a run of text, from the start of `text`, and returns the rest. */
  #take(text: string, keys: Key[]): string {
    if (text.startsWith("\x1b")) return this.#takeSequence(text, keys);
    const name = CONTROL_KEYS[text[0]!];
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
      else pushPress(keys, csiKey(parameters!, final!));
      return after.slice(sequence.length);
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
    pushPress(keys, ALT_KEYS[after[0]!]);
    return after.slice(1);
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

function pushPress(keys: Key[], name: KeyName | undefined): void {
  if (name !== undefined) keys.push({ type: "press", name });
}

function csiKey(parameters: string, final: string): KeyName | undefined {
  const [number = "", modifier = "1"] = parameters.split(";");
  const name = final === "~" ? NUMBERED_KEYS[number] : FINAL_KEYS[final];
  if (name === undefined) return undefined;
  return Number(modifier) >= 3 ? WITH_MODIFIER[name] ?? name : name;
}
