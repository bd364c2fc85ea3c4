/** One connection of a client: bytes to lines, and lines to bytes, within bounds. */

import { TokenBucket } from "../../base/rates/token_bucket.ts";
import { type ClientLine, IrcLineSplitter } from "./lines/irc_line_splitter.ts";

/** Any stream of bytes. */
type Stream = Pick<Deno.Conn, "read" | "write" | "close" | "closeWrite">;

/** So much waits for a client; one that reads less is dropped: a room's flood of ten seconds, or all that is replayed. */
const WAITING_UNITS_MAX = 4_194_304;
const READ_BYTES = 16_384;
/** Lines of a client: what is pasted at once passes, a program that never stops is read as slowly as this. */
const LINES_PER_SECOND = 100;
const LINES_BURST = 3_000;
/** While so much waits for a client none of its lines is taken: what it asks for may be as much again. */
const UNREAD_UNITS_MAX = 1_048_576;
/** How often it is looked at whether a line may be taken again. */
const HELD_MS = 10;
/** How long a client is read, and nothing done about it, that is told why its connection ends. */
const FAREWELL_MS_MAX = 2_000;
/** How long a client is waited for that takes nothing any more and sends nothing. */
const DEAF_MS_MAX = 2_000;

interface ConnectionPorts {
  /** Asked before each line: null: it may be taken now; otherwise to be asked again once that resolves. */
  ready(): Promise<void> | null;
  line(line: ClientLine): void;
  /** All that was sent has been written. */
  drained(): void;
  /** No line comes any more, and nothing is written. Called once. */
  gone(): void;
  nowMs(): number;
}

export class IrcConnection {
  readonly #stream: Stream;
  readonly #ports: ConnectionPorts;
  readonly #waiting: string[] = [];
  readonly #lines = new TokenBucket(LINES_PER_SECOND, LINES_BURST);
  #units = 0;
  #isWriting = false;
  #isEnding = false;
  #isClosed = false;
  #isBehind = false;
  /** The client takes nothing any more. What it has sent before it went is still said: then it is closed. */
  #isDeaf = false;
  #farewell: ReturnType<typeof setTimeout> | undefined;
  #pause: { readonly timer: ReturnType<typeof setTimeout>; readonly wake: () => void } | null =
    null;

  constructor(stream: Stream, ports: ConnectionPorts) {
    this.#stream = stream;
    this.#ports = ports;
    void this.#readAll();
  }

  /** Whether lines have come that may not be taken yet. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Sends lines. A client that doesn't read is dropped. */
  send(lines: readonly string[]): void {
    if (this.#isClosed || this.#isDeaf) return;
    const text = `${lines.join("\r\n")}\r\n`;
    this.#waiting.push(text);
    this.#units += text.length;
    if (this.#units > WAITING_UNITS_MAX) return this.close();
    if (!this.#isWriting) void this.#writeAll();
  }

  /** Closes the connection once everything sent is written. What the client sends meanwhile is dropped. */
  end(): void {
    if (this.#isEnding || this.#isClosed) return;
    this.#isEnding = true;
    clearTimeout(this.#farewell);
    this.#farewell = setTimeout(() => this.close(), FAREWELL_MS_MAX);
    this.#pause?.wake();
    if (!this.#isWriting) void this.#writeAll();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#farewell);
    this.#pause?.wake();
    try {
      this.#stream.close();
    } catch {
      // The other side has closed it before.
    }
    this.#ports.gone();
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    const encoder = new TextEncoder();
    try {
      while (this.#waiting.length > 0 && !this.#isClosed) {
        const text = this.#waiting.splice(0).join("");
        let bytes = encoder.encode(text);
        while (bytes.length > 0) bytes = bytes.subarray(await this.#stream.write(bytes));
        this.#units -= text.length;
      }
      if (this.#isEnding) {
        // Whoever closes with input unread takes away what it has just said: the rest is read first.
        await this.#stream.closeWrite();
      } else if (!this.#isClosed) this.#ports.drained();
    } catch {
      this.#isDeaf = true;
      this.#waiting.length = 0;
      this.#units = 0; // none of its lines waits for this
      if (this.#isEnding) this.close();
      else this.#closeIfDeaf();
    }
    this.#isWriting = false;
    if (this.#waiting.length > 0 && !this.#isClosed) void this.#writeAll();
  }

  async #readAll(): Promise<void> {
    const splitter = new IrcLineSplitter();
    const buffer = new Uint8Array(READ_BYTES);
    try {
      for (;;) {
        this.#closeIfDeaf();
        const length = await this.#stream.read(buffer);
        if (length === null) break;
        if (this.#isEnding) continue;
        for (const line of splitter.push(buffer.subarray(0, length))) {
          for (let held = this.#held(); held !== null; held = this.#held()) {
            this.#isBehind = true;
            await held;
          }
          this.#isBehind = false;
          if (this.#isEnding || this.#isClosed) break;
          this.#lines.take(this.#ports.nowMs());
          this.#ports.line(line);
        }
      }
    } catch {
      // The client is gone.
    }
    this.close();
  }

  /** A client that takes nothing any more may keep its own side open, and isn't to keep its place: once it is silent. */
  #closeIfDeaf(): void {
    if (!this.#isDeaf || this.#isEnding || this.#isClosed) return;
    clearTimeout(this.#farewell);
    this.#farewell = setTimeout(() => {
      if (!this.#isBehind) this.close(); // otherwise once its lines have been said: they are read on then
    }, DEAF_MS_MAX);
  }

  /** Null: the next line may be taken. */
  #held(): Promise<void> | null {
    if (this.#isEnding || this.#isClosed) return null;
    const hasRoom = this.#units <= UNREAD_UNITS_MAX &&
      this.#lines.available(this.#ports.nowMs()) >= 1;
    return hasRoom ? this.#ports.ready() : this.#wait();
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(this.#pause?.timer);
        this.#pause = null;
        resolve();
      };
      this.#pause = { timer: setTimeout(wake, HELD_MS), wake };
    });
  }
}
