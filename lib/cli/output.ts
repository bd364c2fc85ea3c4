/**
 * Standard output and error, in the order of their lines and never waiting for a reader.
 *
 * What is written while a write is under way goes out together with the next one, so a burst costs as many
 * writes as its reader needs. Writes are asynchronous: a reader that stops stops nothing here but itself.
 *
 * Much text, a whole history, is made in pieces as its reader takes them: escaped it is several times as long
 * as what it is made of, and to make it at once would hold up everything else for seconds.
 */

import { P2pchatError, systemText } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import type { Sink } from "./streams.ts";

export type Channel = "stdout" | "stderr";

/** From here on no more should be shown: 5,000 lines of 200 bytes, far more than any pipe holds. */
const PENDING_UNITS_HIGH = 1_048_576;
/** Down here more is welcome: enough that the reader never runs dry while the writer wakes up. */
const PENDING_UNITS_LOW = 262_144;
/** A mode that shows on regardless has a bug: the largest answer, a whole history, has 64 MiB of text. */
const PENDING_UNITS_MAX = 268_435_456;
/** From here on not even what a person asks for should be answered: a whole history waits already. */
const PENDING_UNITS_FULL = 67_108_864;
/** Text that is made late is written when there is so much of it: some milliseconds' work. */
const PIECE_UNITS = 131_072;

/** The error for standard output that takes nothing; `null` where its reader has just gone, as `head` does. */
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

/** What waits for one channel. */
interface Chunk {
  readonly channel: Channel;
  /** What it is made of. */
  units: number;
  readonly content: { readonly texts: string[] } | { readonly later: Iterator<string> };
}

export interface OutputOptions {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Nobody reads standard output any more; called once. */
  readonly onClosed: () => void;
  /** Called before each write, to add what is only worth composing then: the prompt. */
  readonly compose?: () => void;
}

export class Output {
  readonly #options: OutputOptions;
  readonly #encoder = new TextEncoder();
  readonly #closed = new Set<Channel>();
  #chunks: Chunk[] = [];
  /** Of all that was ever added. */
  #addedUnits = 0;
  #writtenUnits = 0;
  /** How many chunks are made late: what comes behind them is, too, in this order. */
  #laterChunks = 0;
  readonly #marks: { readonly atUnits: number; readonly resolve: () => void }[] = [];
  #pump: Promise<void> | null = null;
  /** The last write that was begun. */
  #writing: Promise<void> = Promise.resolve();
  #error: P2pchatError | null = null;
  #awaited: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  get #pendingUnits(): number {
    return this.#addedUnits - this.#writtenUnits;
  }

  /** Why standard output takes nothing more, where its reader hasn't just gone. */
  get error(): P2pchatError | null {
    return this.#error;
  }

  /** Whether nothing more that is long should be asked for: its reader is a whole history behind. */
  get isFull(): boolean {
    return this.#pendingUnits > PENDING_UNITS_FULL;
  }

  /** Adds text, complete lines or escape sequences, which goes out in this turn of the event loop. */
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
   * Adds text that is made at once where that is little, otherwise piece by piece when its turn has come; in
   * either case after all that was added so before.
   * @param units What it is made of, and kept in memory until then: `unitsOf`.
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

  /** `null` while more is taken; otherwise resolves once it is. */
  ready(): Promise<void> | null {
    if (this.#pendingUnits <= PENDING_UNITS_HIGH) return null;
    this.#awaited ??= Promise.withResolvers<void>();
    return this.#awaited.promise;
  }

  /** Resolves when what was added before the call is written, or nobody reads it; more may be waiting. */
  written(): Promise<void> {
    const atUnits = this.#addedUnits;
    if (this.#writtenUnits >= atUnits) return Promise.resolve();
    return new Promise((resolve) => void this.#marks.push({ atUnits, resolve }));
  }

  /** Writes nothing more. Resolves when the reader has taken what is being written, or is gone. */
  async stop(): Promise<void> {
    this.#closed.add("stdout").add("stderr");
    await this.#writing;
  }

  /** Resolves when everything is written, or nobody reads it. */
  async flush(): Promise<void> {
    while (this.#pump !== null) await this.#pump;
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve(); // the rest of this turn's lines joins the first write
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

  /** The next text for `channel`, and what the chunks that end with it were made of. */
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
      // A pipe without a reader, or a terminal that is gone: there is nobody to tell. A full disk is told at the end.
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

/** Nothing of it is made before the first is asked for. */
function* begunLater(parts: () => Iterable<string>): Generator<string> {
  yield* parts();
}

/** What a field of an object takes, beside a text in it. */
const FIELD_UNITS = 16;

/** About how much memory an event takes until it is written, in UTF-16 units. */
export function unitsOf(value: unknown): number {
  if (typeof value === "string") return FIELD_UNITS + value.length;
  if (typeof value !== "object" || value === null) return FIELD_UNITS;
  let units = FIELD_UNITS;
  for (const part of Object.values(value)) units += unitsOf(part);
  return units;
}
