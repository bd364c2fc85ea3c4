/**
 * Inbound streams whose opening, that is, all bytes that a dialler sends before it waits for an answer, isn't
 * complete yet. Each costs a socket and a small buffer, but no key agreement and no place among the strangers, so
 * connections that never speak keep nobody waiting.
 */

import { concatBytes } from "../base/crypto.ts";
import { addressGroup } from "./hosts.ts";
import type { ByteStream } from "./byte_stream.ts";

/** What happens to the streams. None of it is called from within `add`, except `displaced`. */
export interface UnopenedOwner {
  /** Whether these first bytes are a complete opening, or can't become one. */
  isWholeOpening(bytes: Uint8Array): boolean;
  /** The opening has arrived: `bytes`, and perhaps more. Reading is paused; the stream came at `sinceMs`. */
  opened(stream: ByteStream, bytes: Uint8Array, sinceMs: number): void;
  /** The stream had to make room for another one. */
  displaced(stream: ByteStream): void;
  /** The other side hung up, or took too long. */
  gone(stream: ByteStream, reason: string): void;
}

interface Entry {
  readonly address: string;
  readonly sinceMs: number;
  bytes: Uint8Array;
}

export class Unopened {
  readonly #owner: UnopenedOwner;
  readonly #max: number;
  readonly #openingMs: number;
  /** In order of arrival. */
  readonly #streams = new Map<ByteStream, Entry>();

  /**
   * @param max The most streams at a time.
   * @param openingMs Time for an opening to arrive.
   */
  constructor(owner: UnopenedOwner, max: number, openingMs: number) {
    this.#owner = owner;
    this.#max = max;
    this.#openingMs = openingMs;
  }

  /** When `check` must be called; null while there are no streams. */
  get dueMs(): number | null {
    const [first] = this.#streams.values();
    return first === undefined ? null : first.sinceMs + this.#openingMs;
  }

  /** Takes a stream, and reads it. If there are too many, another one is displaced. */
  add(stream: ByteStream, nowMs: number): void {
    if (this.#streams.size >= this.#max) this.#displaceOne();
    const entry = {
      address: addressGroup(stream.remote.host),
      sinceMs: nowMs,
      bytes: new Uint8Array(0),
    };
    this.#streams.set(stream, entry);
    stream.handle({
      received: (bytes) => this.#received(stream, entry, bytes),
      written() {},
      ended: (reason) => this.#remove(stream, reason),
    });
  }

  /** Removes the streams whose time is over. */
  check(nowMs: number): void {
    for (const [stream, { sinceMs }] of this.#streams) {
      if (sinceMs + this.#openingMs > nowMs) return;
      this.#remove(stream, "no complete opening");
    }
  }

  /** Removes and returns all streams. */
  clear(): readonly ByteStream[] {
    const all = [...this.#streams.keys()];
    this.#streams.clear();
    return all;
  }

  #received(stream: ByteStream, entry: Entry, bytes: Uint8Array): void {
    if (!this.#streams.has(stream)) return;
    entry.bytes = concatBytes(entry.bytes, bytes);
    if (!this.#owner.isWholeOpening(entry.bytes)) return;
    this.#streams.delete(stream);
    stream.setReading(false);
    this.#owner.opened(stream, entry.bytes, entry.sinceMs);
  }

  #remove(stream: ByteStream, reason: string): void {
    if (this.#streams.delete(stream)) this.#owner.gone(stream, reason);
  }

  /** Displaces the first stream of the address that most came from, so that a crowd displaces its own. */
  #displaceOne(): void {
    const counts = new Map<string, number>();
    for (const { address } of this.#streams.values()) {
      counts.set(address, (counts.get(address) ?? 0) + 1);
    }
    const most = Math.max(...counts.values());
    for (const [stream, { address }] of this.#streams) {
      if (counts.get(address) !== most) continue;
      this.#streams.delete(stream);
      return this.#owner.displaced(stream);
    }
  }
}
