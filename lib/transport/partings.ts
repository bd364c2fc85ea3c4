/**
 * Streams that are over for us, until the other side has read our last bytes: closing a stream that still has
 * unread input makes the system throw away what we sent last, the goodbye or the refusal.
 */

import type { ByteStream } from "./byte_stream.ts";

/** How long the other side may take to read our last bytes and end its direction. */
const PARTING_MS = 1_000;
/** Streams of strangers in this state, as many as may be let in; for a further one the oldest is cut off. */
const STRANGERS_MAX = 64;
/**
 * The same of links while the program runs: far more than leave within a second by themselves, and few beside those
 * that are up, so that who comes and goes in a loop uses up no connections of others.
 */
const LINKS_MAX = 256;
/** Bytes that such a stream may still bring: what a link may have had under way. */
const PARTING_BYTES_MAX = 2 * 1_024 * 1_024;

interface Parting {
  readonly untilMs: number;
  bytesLeft: number;
}

export class Partings {
  readonly #streams = new Map<ByteStream, Parting>();
  /** Those of them that never were a link, and the others, the oldest first. */
  readonly #strangers = new Set<ByteStream>();
  readonly #links = new Set<ByteStream>();
  #isEnding = false;
  readonly #emptied: () => void;

  /** `emptied` is called each time when the last one is gone. */
  constructor(emptied: () => void) {
    this.#emptied = emptied;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** The program ends: from now on all links are told goodbye, as many as they are. */
  ending(): void {
    this.#isEnding = true;
  }

  /**
   * Takes a stream over.
   * @param state.isStranger Whether it never was a link.
   * @param state.writing Whether a write is under way, after which the stream is finished.
   * @returns When `check` must be called.
   */
  add(
    stream: ByteStream,
    { isStranger, writing }: { readonly isStranger: boolean; readonly writing: boolean },
    nowMs: number,
  ): number {
    if (isStranger) this.#addTo(this.#strangers, STRANGERS_MAX, stream);
    else this.#addTo(this.#links, this.#isEnding ? Infinity : LINKS_MAX, stream);
    const parting = { untilMs: nowMs + PARTING_MS, bytesLeft: PARTING_BYTES_MAX };
    this.#streams.set(stream, parting);
    stream.handle({
      received: (bytes) => {
        parting.bytesLeft -= bytes.length;
        if (parting.bytesLeft < 0) this.#remove(stream);
      },
      written: () => stream.finish(),
      ended: () => this.#remove(stream),
    });
    stream.setReading(true);
    if (!writing) stream.finish();
    return parting.untilMs;
  }

  /** Cuts off those whose time is over. @returns When to call again, `null` where none is left. */
  check(nowMs: number): number | null {
    let next: number | null = null;
    for (const [stream, { untilMs }] of [...this.#streams]) {
      if (untilMs <= nowMs) this.#remove(stream);
      else if (next === null || untilMs < next) next = untilMs;
    }
    return next;
  }

  /** Cuts all of them off. */
  abort(): void {
    for (const stream of [...this.#streams.keys()]) this.#remove(stream);
  }

  #addTo(streams: Set<ByteStream>, max: number, stream: ByteStream): void {
    if (streams.size >= max) {
      const [oldest] = streams;
      this.#remove(oldest!);
    }
    streams.add(stream);
  }

  #remove(stream: ByteStream): void {
    if (!this.#streams.delete(stream)) return;
    this.#strangers.delete(stream);
    this.#links.delete(stream);
    stream.abort();
    if (this.#streams.size === 0) this.#emptied();
  }
}
