/**
 * Standard output and error: lines are written in order, and writing never waits for a reader.
 *
 * What is output during a write goes out together in the next one, so a burst takes only as many writes as its
 * reader needs. Writes are asynchronous: a reader that stops holds up nothing but itself.
 *
 * Long output, such as a whole history, is generated in pieces as its reader takes them: escaped it is several
 * times as long as its source, and generating it at once would block everything else for seconds.
 *
 * The prompt is drawn when all is written, and between two lines of output that doesn't end: otherwise whoever sends
 * more than can be shown would keep the user from seeing what the keys do.
 */

import { P2pchatError, systemText } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import type { Sink } from "./streams.ts";

export type Channel = "stdout" | "stderr";

/** How much waits for the reader, in UTF-16 units. */
interface Window {
  /** Above this, no more should be output. */
  readonly high: number;
  /** Below this, output is welcome again: enough that the reader doesn't run dry while the producer resumes. */
  readonly low: number;
  /** Output is written in pieces of this size, or of one longer line. */
  readonly piece: number;
}
/** 5,000 lines of 200 bytes: with a quarter of that, a group's flood costs a fifth more processor time. */
const PROGRAM_WINDOW: Window = { high: 1_048_576, low: 262_144, piece: 131_072 };
/**
 * What is behind it in the network waits where its authors take turns, so that a reader is at most four of the longest
 * messages behind; and the prompt stands between small pieces. No person reads as fast as a terminal takes these.
 */
const TERMINAL_WINDOW: Window = { high: 262_144, low: 65_536, piece: 32_768 };
/** Exceeding this is a bug of the mode: the largest answer, a whole history, has 64 MiB of text. */
const PENDING_UNITS_MAX = 268_435_456;
/** Above this, not even a person's requests should be answered: a whole history is waiting already. */
const PENDING_UNITS_FULL = 67_108_864;
/** Between two lines the prompt is drawn if it wasn't for so long: nobody notices. */
const COMPOSE_MS = 50;

/** The error where standard output can't be written; `null` where its reader is gone, as with `head`. */
export function outputError(error: unknown): P2pchatError | null {
  if (error instanceof Deno.errors.BrokenPipe) return null;
  const reason = systemText(error);
  return new P2pchatError(
    "disk",
    `Cannot write to standard output: ${reason}; ` +
      "make room there, or write to another place",
    { cause: error },
  );
}

/** Output that waits for one channel. */
interface Chunk {
  readonly channel: Channel;
  /** Size of its source in UTF-16 units, of what isn't taken of it. */
  units: number;
  /** Whether each text is a line, behind which the prompt may stand. */
  readonly areLines: boolean;
  readonly content: { readonly texts: string[] } | { readonly later: Iterator<string> };
}

/** What is written at once. */
interface Piece {
  readonly channel: Channel;
  readonly text: string;
  /** Size of the sources that it completes. */
  readonly units: number;
  readonly endsLine: boolean;
}

export interface OutputOptions {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** The reader of standard output is gone. Called once. */
  readonly onClosed: () => void;
  readonly prompt?: {
    /** Called when nothing else is to be written, and between lines, to append the prompt, if it is out of date. */
    compose(): void;
    /** Called behind a prompt between two lines: appends what erases it. */
    erase(): void;
    /** Any clock, ms. */
    nowMs(): number;
  };
}

export class OutputQueue {
  readonly #options: OutputOptions;
  readonly #window: Window;
  readonly #encoder = new TextEncoder();
  readonly #closed = new Set<Channel>();
  #chunks: Chunk[] = [];
  /** Units added since the start. */
  #addedUnits = 0;
  #writtenUnits = 0;
  /** The number of chunks generated late. Output after them waits for them, to keep the order. */
  #laterChunks = 0;
  readonly #marks: { readonly atUnits: number; readonly resolve: () => void }[] = [];
  #pump: Promise<void> | null = null;
  /** The last write that was started. */
  #writing: Promise<void> = Promise.resolve();
  #error: P2pchatError | null = null;
  #awaited: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;
  #composedMs = -Infinity;

  constructor(options: OutputOptions) {
    this.#options = options;
    this.#window = options.prompt === undefined ? PROGRAM_WINDOW : TERMINAL_WINDOW;
  }

  get #pendingUnits(): number {
    return this.#addedUnits - this.#writtenUnits;
  }

  /** The error that prevents further output, unless the reader is just gone. */
  get error(): P2pchatError | null {
    return this.#error;
  }

  /** Whether to refuse requests for long output: the reader is a whole history behind. */
  get isFull(): boolean {
    return this.#pendingUnits > PENDING_UNITS_FULL;
  }

  /** Adds text, complete lines or escape sequences; it is written in this turn of the event loop. */
  write(channel: Channel, text: string): void {
    this.#add(channel, text, false);
  }

  #add(channel: Channel, text: string, areLines: boolean): void {
    if (text === "" || this.#closed.has(channel)) return;
    const last = this.#chunks.at(-1);
    if (last?.channel === channel && last.areLines === areLines && "texts" in last.content) {
      last.content.texts.push(text);
      last.units += text.length;
    } else {
      this.#chunks.push({ channel, units: text.length, areLines, content: { texts: [text] } });
    }
    this.#added(text.length);
  }

  /**
   * Adds lines in place of the prompt, which is erased. They are text that is generated at once if it is short,
   * otherwise in pieces when its turn comes; in either case after everything added before.
   * @param units The size of its source, which is kept in memory until then: `unitsOf`.
   */
  writeParts(channel: Channel, units: number, parts: () => Iterable<string>): void {
    if (this.#closed.has(channel)) return;
    if (this.#laterChunks === 0 && this.#pendingUnits + units <= this.#window.low) {
      for (const part of parts()) this.#add(channel, part, true);
      return;
    }
    this.#laterChunks++;
    this.#chunks.push({ channel, units, areLines: true, content: { later: begunLater(parts) } });
    this.#added(units);
  }

  #added(units: number): void {
    this.#addedUnits += units;
    invariant(this.#pendingUnits <= PENDING_UNITS_MAX, "nothing is shown while output isn't ready");
    this.wake();
  }

  /** Makes sure that `compose` is called soon. */
  wake(): void {
    this.#pump ??= this.#writeAll();
  }

  /** `null` while more output is welcome; otherwise resolves when it is. */
  ready(): Promise<void> | null {
    if (this.#pendingUnits <= this.#window.high) return null;
    this.#awaited ??= Promise.withResolvers<void>();
    return this.#awaited.promise;
  }

  /** Resolves when everything added before the call is written, or its reader is gone. More may be waiting. */
  written(): Promise<void> {
    const atUnits = this.#addedUnits;
    if (this.#writtenUnits >= atUnits) return Promise.resolve();
    return new Promise((resolve) => void this.#marks.push({ atUnits, resolve }));
  }

  /** Writes nothing more. Resolves when the write in progress has ended, or its reader is gone. */
  async stop(): Promise<void> {
    this.#closed.add("stdout").add("stderr");
    await this.#writing;
  }

  /** Resolves when everything is written, or its reader is gone. */
  async flush(): Promise<void> {
    while (this.#pump !== null) await this.#pump;
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve(); // lets the rest of this turn's lines join the first write
    if (this.#chunks.length === 0) this.#compose();
    while (this.#chunks.length > 0) {
      const piece = this.#taken();
      await this.#writePiece(piece);
      if (this.#chunks.length === 0) this.#compose();
      else if (piece.endsLine) await this.#composeBetween();
    }
    this.#pump = null;
  }

  #compose(): void {
    const { prompt } = this.#options;
    if (prompt === undefined) return;
    this.#composedMs = prompt.nowMs();
    prompt.compose();
  }

  /**
   * Draws the prompt before the output that waits, if it wasn't drawn for long. Whatever erased it last is written, and
   * it was composed only where nothing waited, so it isn't on the screen. In front of the rest it is erased again.
   */
  async #composeBetween(): Promise<void> {
    const { prompt } = this.#options;
    if (prompt === undefined || Math.abs(prompt.nowMs() - this.#composedMs) < COMPOSE_MS) return;
    const rest = this.#chunks;
    this.#chunks = [];
    this.#compose();
    const drawn = this.#chunks.length === 0 ? null : this.#taken();
    prompt.erase();
    this.#chunks = [...this.#chunks, ...rest];
    if (drawn !== null) await this.#writePiece(drawn);
  }

  async #writePiece({ channel, text, units }: Piece): Promise<void> {
    this.#writing = this.#writeText(channel, text);
    await this.#writing;
    this.#writtenUnits += units;
    this.#tellWaiting();
  }

  /** Takes the next piece; the prompt belongs to the last one. */
  #taken(): Piece {
    const { channel } = this.#chunks[0]!;
    const texts: string[] = [];
    let madeUnits = 0;
    let units = 0;
    let endsLine = false;
    while (this.#chunks[0]?.channel === channel && madeUnits < this.#window.piece) {
      const chunk = this.#chunks[0];
      const text = this.#nextOf(chunk);
      if (text === undefined) {
        units += chunk.units;
        this.#chunks.shift();
        if ("later" in chunk.content) this.#laterChunks--;
        if (this.#chunks.length === 0) this.#compose();
        continue;
      }
      texts.push(text);
      madeUnits += text.length;
      endsLine = chunk.areLines;
      if ("later" in chunk.content) continue;
      units += text.length;
      chunk.units -= text.length;
    }
    return { channel, text: texts.join(""), units, endsLine };
  }

  #nextOf({ channel, content }: Chunk): string | undefined {
    if ("texts" in content) return content.texts.shift();
    if (this.#closed.has(channel)) return undefined;
    const { done, value } = content.later.next();
    return done === true ? undefined : value;
  }

  async #writeText(channel: Channel, text: string): Promise<void> {
    if (this.#closed.has(channel)) return;
    let bytes: Uint8Array = this.#encoder.encode(text);
    try {
      while (bytes.length > 0 && !this.#closed.has(channel)) {
        bytes = bytes.subarray(await this.#options[channel].write(bytes));
      }
    } catch (error) {
      // For a pipe without reader or a lost terminal there is nobody to tell. A full disk is reported at the end.
      this.#closed.add(channel);
      if (channel === "stderr") return;
      this.#error = outputError(error);
      this.#options.onClosed();
    }
  }

  #tellWaiting(): void {
    while (this.#marks.length > 0 && this.#marks[0]!.atUnits <= this.#writtenUnits) {
      this.#marks.shift()!.resolve();
    }
    if (this.#pendingUnits > this.#window.low) return;
    this.#awaited?.resolve();
    this.#awaited = null;
  }
}

/** Generates nothing before the first part is requested. */
function* begunLater(parts: () => Iterable<string>): Generator<string> {
  yield* parts();
}

/** Units assumed for a field of an object, in addition to its text. */
const FIELD_UNITS = 16;

/** The approximate memory that an event takes until it is written, in UTF-16 units. */
export function unitsOf(value: unknown): number {
  if (typeof value === "string") return FIELD_UNITS + value.length;
  if (typeof value !== "object" || value === null) return FIELD_UNITS;
  let units = FIELD_UNITS;
  for (const part of Object.values(value)) units += unitsOf(part);
  return units;
}
