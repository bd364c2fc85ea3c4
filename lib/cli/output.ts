/**
 * Standard output and error, in the order of their lines and never waiting for a reader.
 *
 * What is written while a write is under way goes out together with the next one, so a burst costs as many
 * writes as its reader needs. Writes are asynchronous: a reader that stops stops nothing here but itself.
 */

import { P2pchatError } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import type { Sink } from "./streams.ts";

export type Channel = "stdout" | "stderr";

/** A reader that takes nothing for so long gets nothing more, when the program closes. */
export const CLOSE_MS_MAX = 2_000;

/** From here on no more should be shown: 5,000 lines of 200 bytes, far more than any pipe holds. */
const PENDING_UNITS_HIGH = 1_048_576;
/** Down here more is welcome: enough that the reader never runs dry while the writer wakes up. */
const PENDING_UNITS_LOW = 262_144;
/** A mode that shows on regardless has a bug: the largest answer, a whole history, has 64 MiB of text. */
const PENDING_UNITS_MAX = 268_435_456;

/** The error for standard output that takes nothing; `null` where its reader has just gone, as `head` does. */
export function outputError(error: unknown): P2pchatError | null {
  if (error instanceof Deno.errors.BrokenPipe) return null;
  const reason = error instanceof Error ? error.message : String(error);
  return new P2pchatError(
    "disk",
    `Cannot write to standard output: ${reason.replace(/ \(os error \d+\)$/, "")}; ` +
      "make room there, or write to another place",
    { cause: error },
  );
}

interface Chunk {
  readonly channel: Channel;
  parts: string[];
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
  readonly #marks: { readonly atUnits: number; readonly resolve: () => void }[] = [];
  #pump: Promise<void> | null = null;
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

  /** Adds text, complete lines or escape sequences, which goes out in this turn of the event loop. */
  write(channel: Channel, text: string): void {
    if (text === "" || this.#closed.has(channel)) return;
    const last = this.#chunks.at(-1);
    if (last?.channel === channel) last.parts.push(text);
    else this.#chunks.push({ channel, parts: [text] });
    this.#addedUnits += text.length;
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

  /** Resolves when everything is written, or nobody reads it. */
  async flush(): Promise<void> {
    while (this.#pump !== null) await this.#pump;
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve(); // the rest of this turn's lines joins the first write
    this.#options.compose?.();
    while (this.#chunks.length > 0) {
      const chunk = this.#chunks.shift()!;
      const text = chunk.parts.join("");
      await this.#writeText(chunk.channel, text);
      this.#writtenUnits += text.length;
      this.#tellWaiting();
      if (this.#chunks.length === 0) this.#options.compose?.();
    }
    this.#pump = null;
  }

  async #writeText(channel: Channel, text: string): Promise<void> {
    if (this.#closed.has(channel)) return;
    let bytes: Uint8Array = this.#encoder.encode(text);
    try {
      while (bytes.length > 0) bytes = bytes.subarray(await this.#options[channel].write(bytes));
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
