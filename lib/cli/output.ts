/**
 * Standard output and error: lines are written in order, and writing never waits for a reader.
 *
 * What is output during a write goes out together in the next one, so a burst takes only as many writes as its
 * reader needs. Writes are asynchronous: a reader that stops holds up nothing but itself.
 *
 * Long output, such as a whole history, is generated in pieces as its reader takes them: escaped it is several
 * times as long as its source, and generating it at once would block everything else for seconds.
 */

import { P2pchatError, systemText } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import type { Sink } from "./patient_sink.ts";

export type Channel = "stdout" | "stderr";

/** Above this, no more should be output: 5,000 lines of 200 bytes, far more than any pipe holds. */
const PENDING_UNITS_HIGH = 1_048_576;
/** Below this, output is welcome again: enough that the reader never runs dry while the producer resumes. */
const PENDING_UNITS_LOW = 262_144;
/** Exceeding this is a bug of the mode: the largest answer, a whole history, has 64 MiB of text. */
const PENDING_UNITS_MAX = 268_435_456;
/** Above this, not even a person's requests should be answered: a whole history is waiting already. */
const PENDING_UNITS_FULL = 67_108_864;
/** Late output is written in pieces of this size: some milliseconds' work. */
const PIECE_UNITS = 131_072;

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
  /** Size of its source in UTF-16 units. */
  units: number;
  readonly content: { readonly texts: string[] } | { readonly later: Iterator<string> };
}

export interface OutputOptions {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** The reader of standard output is gone. Called once. */
  readonly onClosed: () => void;
  /** Called before each write, to append the prompt, which is only worth composing then. */
  readonly compose?: () => void;
}

export class Output {
  readonly #options: OutputOptions;
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

  constructor(options: OutputOptions) {
    this.#options = options;
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
    if (text === "" || this.#closed.has(channel)) return;
    const last = this.#chunks.at(-1);
    if (last?.channel === channel && "texts" in last.content) {
      last.content.texts.push(text);
      last.units += text.length;
    } else this.#chunks.push({ channel, units: text.length, content: { texts: [text] } });
    this.#added(text.length);
  }

  /**
   * Adds text that is generated at once if it is short, otherwise in pieces when its turn comes; in either case
   * after everything added before.
   * @param units The size of its source, which is kept in memory until then: `unitsOf`.
   */
  writeParts(channel: Channel, units: number, parts: () => Iterable<string>): void {
    if (this.#closed.has(channel)) return;
    if (this.#laterChunks === 0 && this.#pendingUnits + units <= PENDING_UNITS_LOW) {
      for (const part of parts()) this.write(channel, part);
      return;
    }
    this.#laterChunks++;
    this.#chunks.push({ channel, units, content: { later: begunLater(parts) } });
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
    if (this.#pendingUnits <= PENDING_UNITS_HIGH) return null;
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
    this.#options.compose?.();
    while (this.#chunks.length > 0) {
      const { channel } = this.#chunks[0]!;
      const { text, units } = this.#taken(channel);
      this.#writing = this.#writeText(channel, text);
      await this.#writing;
      this.#writtenUnits += units;
      this.#tellWaiting();
      if (this.#chunks.length === 0) this.#options.compose?.();
    }
    this.#pump = null;
  }

  /** Takes the next text for `channel`, and the size of the sources of the chunks that it completes. */
  #taken(channel: Channel): { readonly text: string; readonly units: number } {
    const texts: string[] = [];
    let madeUnits = 0;
    let units = 0;
    while (this.#chunks[0]?.channel === channel && madeUnits < PIECE_UNITS) {
      const chunk = this.#chunks[0];
      if ("later" in chunk.content && !this.#closed.has(channel)) {
        const { done, value } = chunk.content.later.next();
        if (done !== true) {
          texts.push(value);
          madeUnits += value.length;
          continue;
        }
      }
      if ("texts" in chunk.content) texts.push(chunk.content.texts.join(""));
      else this.#laterChunks--;
      units += chunk.units;
      this.#chunks.shift();
    }
    return { text: texts.join(""), units };
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
    if (this.#pendingUnits > PENDING_UNITS_LOW) return;
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
