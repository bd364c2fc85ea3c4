/**
 * Streams that this side is done with, until the other side has read the last bytes (lingering close): if a stream
 * with unread input is closed, the system discards what was sent last, the goodbye or the refusal.
 */

import type { ByteStream } from "../byte_stream.ts";

/** Time for the other side to read the last bytes and end its direction. */
const PARTING_MS = 1_000;
/** The most lingering streams of strangers: as many as may be accepted. For a further one the oldest is cut off. */
const STRANGERS_MAX = 64;
/**
 * The most lingering streams of former links while the program runs: far more than end within a second in normal
 * use, but few compared with the links that are up, so that peers that reconnect in a loop don't use up the
 * connections of others.
 */
const LINKS_MAX = 256;
/** Bytes that a lingering stream may still receive: as much as a link can have in flight. */
const PARTING_BYTES_MAX = 2 * 1_024 * 1_024;

interface Parting {
  readonly untilMs: number;
  bytesLeft: number;
}

export class LingeringClose {
  readonly #streams = new Map<ByteStream, Parting>();
  /** Lingering streams that never were a link, and the others, the oldest first. */
  readonly #strangers = new Set<ByteStream>();
  readonly #links = new Set<ByteStream>();
  #isEnding = false;
  readonly #emptied: () => void;

  /** `emptied` is called each time the last stream is gone. */
  constructor(emptied: () => void) {
    this.#emptied = emptied;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** The program ends: from now on there is no limit for former links, so that each gets its goodbye. */
  ending(): void {
    this.#isEnding = true;
  }

  /**
   * Takes over a stream.
   * @param state.isStranger Whether it never was a link.
   * @param state.writing Whether a write is in progress, after which this direction is ended.
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

  /** Cuts off the streams whose time is over. @returns When to call again; `null` where none is left. */
  check(nowMs: number): number | null {
    let next: number | null = null;
    for (const [stream, { untilMs }] of [...this.#streams]) {
      if (untilMs <= nowMs) this.#remove(stream);
      else if (next === null || untilMs < next) next = untilMs;
    }
    return next;
  }

  /** Cuts off all streams. */
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
