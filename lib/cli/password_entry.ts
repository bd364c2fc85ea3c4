/**
 * Passwords typed at a terminal, unseen: nothing is shown for them, not even how long they are. Backspace takes a
 * character back and Ctrl+U all of it; Ctrl+C, SIGTERM, a hang-up and the end of input give up. However it ends, the
 * terminal is as it was.
 */

import { PASSWORD_BYTES_MAX } from "../base/passwords.ts";
import { graphemeBefore } from "./graphemes.ts";
import { Interrupts } from "./interrupts.ts";
import { ESCAPE_MS, type Key, KeyParser } from "./keys.ts";
import type { Streams } from "./streams.ts";
import { enterRawMode, leaveRawMode, reenterRawMode } from "./terminal_mode.ts";
import type { InterruptCause } from "./user_interface.ts";

/** How a question was answered. */
export type Entry =
  | { readonly password: string }
  /** It wasn't. */
  | { readonly ended: InterruptCause | "end-of-input" };

/** More than anybody's password has: what is typed beyond is not kept, and the password is refused as too long. */
const TYPED_UNITS_MAX = 4 * PASSWORD_BYTES_MAX + 1;

/** What is asked has been taken before anything else is done. */
const SHOWN = { lastWords: () => "", stop: () => Promise.resolve() };

/** What a key makes of what was typed so far. */
export function onPasswordKey(typed: string, key: Key): string | Entry {
  switch (key.type) {
    case "text":
      return (typed + key.text).slice(0, TYPED_UNITS_MAX);
    case "paste":
      // Copied whole lines end with a break that nobody means.
      return (typed + key.text.replace(/\n$/, "")).slice(0, TYPED_UNITS_MAX);
    case "overlong-paste":
      return "x".repeat(TYPED_UNITS_MAX);
    case "press":
      break;
  }
  switch (key.name) {
    case "enter":
      return { password: typed };
    case "backspace":
      return typed.slice(0, graphemeBefore(typed, typed.length));
    case "kill-left":
    case "delete-to-blank":
    case "delete-word-left": // of words that nobody sees all go
      return "";
    case "interrupt":
      return { ended: "interrupt" };
    case "end-of-input":
      return typed === "" ? { ended: "end-of-input" } : typed;
    default:
      return typed;
  }
}

/** Asks one question after the other; what is typed ahead answers the next one, unseen too. */
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

  /** Takes the terminal, on which standard input and output are, until `close`. */
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

  /** @param prompt What is asked, without control characters. */
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

  /** Something for whoever is being asked, on a line of its own. */
  tell(text: string): void {
    this.#write(`${text}\n`);
  }

  /** Gives the terminal back. Idempotent. */
  close(): void {
    this.#interrupts.close();
    this.#streams.offSignal("SIGCONT", this.#onContinue);
    leaveRawMode();
  }

  /** Waits for keys (null), or for a signal to give up. */
  async #more(): Promise<Entry | null> {
    this.#reading ??= this.#read();
    const came = this.#reading.then(() => null);
    if (!this.#parser.isWaiting) return await Promise.race([came, this.#interrupted.promise]);
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const timer = setTimeout(() => {
      this.#keys.push(...this.#parser.timeout());
      resolve(null);
    }, ESCAPE_MS);
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
      // A terminal that is gone ends the input, too.
    }
  }

  /** A shell takes the screen from who is stopped, too. */
  #continued(): void {
    if (reenterRawMode(this.#streams, SHOWN)) this.#write(this.#prompt);
  }
}
