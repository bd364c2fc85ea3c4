/**
 * Passwords typed unseen at a terminal: nothing is echoed, not even their length. Backspace deletes a character,
 * Ctrl+U everything; Ctrl+C, SIGTERM, a hang-up and the end of input give up. In any case the terminal's mode is
 * restored.
 */

import { PASSWORD_BYTES_MAX } from "../../base/crypto/password_hash.ts";
import { DroppedInput } from "../streams/dropped_input.ts";
import { graphemeBefore, ROW_CELLS } from "../rendering/graphemes.ts";
import { Interrupts } from "../streams/interrupts.ts";
import { type Key, KeyParser } from "./key_parser.ts";
import type { Streams } from "../streams/streams.ts";
import { TextFormat } from "../streams/text_format.ts";
import { enterRawMode, isRawMode, leaveRawMode, reenterRawMode } from "../streams/terminal_mode.ts";
import type { InterruptCause } from "../rendering/user_interface.ts";

/** The outcome of a question. */
export type Entry =
  | { readonly password: string }
  /** It wasn't answered. */
  | { readonly ended: InterruptCause | "end-of-input" };

/** Longer than any password: input beyond this is dropped, and the password is refused as too long. */
const TYPED_UNITS_MAX = 4 * PASSWORD_BYTES_MAX + 1;

/** The terminal has taken the question before anything else happens. */
const SHOWN = { lastWords: () => "", stop: () => Promise.resolve() };

/** The input after another key, or the outcome. */
export function onPasswordKey(typed: string, key: Key): string | Entry {
  switch (key.type) {
    case "text":
      return (typed + key.text).slice(0, TYPED_UNITS_MAX);
    case "paste":
      // Copied whole lines end with a line break that isn't part of the password.
      return (typed + key.text.replace(/\n$/, "")).slice(0, TYPED_UNITS_MAX);
    case "overlong-paste":
      return "x".repeat(TYPED_UNITS_MAX);
    case "malformed":
    case "focus":
    case "number":
    case "unseen":
      return typed;
    case "press":
      break;
  }
  switch (key.name) {
    case "enter":
    case "newline":
      return { password: typed };
    case "backspace":
      return typed.slice(0, graphemeBefore(typed, typed.length));
    case "kill-left":
    case "delete-to-blank":
    case "delete-word-left": // words are unseen, so all is deleted
      return "";
    case "interrupt":
      return { ended: "interrupt" };
    case "end-of-input":
      return typed === "" ? { ended: "end-of-input" } : typed;
    default:
      return typed;
  }
}

/** What a key typed, as far as that may be part of a password, ends one, or interrupts. */
function typedText(key: Key): string {
  if (key.type === "text" || key.type === "paste") return key.text;
  if (key.type === "overlong-paste") return "x";
  if (key.type !== "press") return "";
  if (key.name === "interrupt") return "\x03";
  return key.name === "enter" || key.name === "newline" ? "\n" : "";
}

/** Asks one question after the other. Input typed ahead, unseen too, answers the next one. */
export class PasswordEntry {
  readonly #streams: Streams;
  readonly #parser = new KeyParser();
  readonly #keys: Key[] = [];
  readonly #interrupts: Interrupts;
  readonly #interrupted = Promise.withResolvers<Entry>();
  readonly #onContinue = () => this.#continued();
  #reading: Promise<void> | null = null;
  #atEnd = false;
  #prompt = "";
  /** Whether nobody else reads the terminal. */
  readonly #isAlone = !isRawMode();

  /** Puts the terminal, which standard input and output must be, into raw mode until `close`. */
  constructor(streams: Streams) {
    this.#streams = streams;
    const interrupted = (cause: InterruptCause) => {
      this.#interrupted.resolve({ ended: cause });
      return true;
    };
    this.#interrupts = new Interrupts(streams, leaveRawMode);
    this.#interrupts.heed(interrupted);
    streams.onSignal("SIGCONT", this.#onContinue);
    enterRawMode(streams, SHOWN);
  }

  /** @param prompt The question, without control characters. */
  async ask(prompt: string): Promise<Entry> {
    this.#prompt = prompt;
    this.#write(prompt);
    let typed = "";
    for (;;) {
      const key = this.#keys.shift();
      if (key === undefined) {
        const more = this.#atEnd ? { ended: "end-of-input" } as const : await this.#more();
        if (more === null) continue;
        this.#write("\n");
        return more;
      }
      const next = onPasswordKey(typed, key);
      if (typeof next === "string") typed = next;
      else {
        this.#write("\n");
        return next;
      }
    }
  }

  /** Shows a line to the user, broken at words. */
  tell(text: string): void {
    const terminal = { ...ROW_CELLS, columns: () => this.#streams.size().columns };
    const format = new TextFormat({ colour: false, verbose: false, terminal }, Date.now());
    this.#write(format.format([text]));
  }

  /** Restores the terminal. Idempotent. */
  close(): void {
    this.#release();
    leaveRawMode();
  }

  /**
   * Instead of `close`, before somebody else reads the terminal: what is typed until then is dropped, and what was typed
   * ahead, too.
   */
  hold(): void {
    if (!this.#isAlone) return this.close();
    this.#prompt = "";
    // No read is in progress: the last one brought the answer.
    const typed = this.#keys.splice(0).map(typedText).join("");
    new DroppedInput(this.#streams, typed, () => this.#release());
  }

  #release(): void {
    this.#interrupts.close();
    this.#streams.offSignal("SIGCONT", this.#onContinue);
  }

  /** Waits for keys (null), or for a signal to give up. */
  async #more(): Promise<Entry | null> {
    this.#reading ??= this.#read();
    const came = this.#reading.then(() => null);
    const { waitMs } = this.#parser;
    if (waitMs === null) return await Promise.race([came, this.#interrupted.promise]);
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const timer = setTimeout(() => {
      this.#keys.push(...this.#parser.timeout());
      resolve(null);
    }, waitMs);
    try {
      return await Promise.race([came, late, this.#interrupted.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(4_096);
    const count = await this.#streams.stdin.read(buffer).catch(() => null); // the terminal is gone
    if (count === null) this.#atEnd = true;
    else this.#keys.push(...this.#parser.push(buffer.subarray(0, count)));
    buffer.fill(0);
    this.#reading = null;
  }

  #write(text: string): void {
    try {
      this.#streams.stdout.writeSync(new TextEncoder().encode(text));
    } catch {
      // A lost terminal counts as the end of input.
    }
  }

  /** Shows the question again after SIGCONT, as a shell may have used the screen meanwhile. */
  #continued(): void {
    if (reenterRawMode(this.#streams, SHOWN)) this.#write(this.#prompt);
  }
}
