/** Streams through a relay, combined with those of a network, so that one set of links has both. */

import { type Endpoint, RELAY_HOST } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import { TokenBucket } from "../../base/rates/token_bucket.ts";
import type {
  ByteStream,
  ByteStreamEvents,
  RelayedStreams,
  StreamAttempt,
  StreamNetwork,
} from "../byte_stream.ts";
import type { LinkClock } from "../link.ts";
import {
  type Relay,
  type RelayHandler,
  type RelayLimits,
  type Relays,
} from "../relayed_streams.ts";

const NO_EVENTS: ByteStreamEvents = { received() {}, written() {}, ended() {} };
const OVER = "nothing is relayed any more";

export class RelayNetwork implements Relays, RelayedStreams {
  readonly #clock: LinkClock;
  /** Streams by the identity of their `remote` object, so that no address that somebody names leads to one. */
  readonly #streams = new WeakMap<Endpoint, RelayStream>();
  #accepted: (stream: ByteStream) => void = (stream) => stream.abort();

  constructor(clock: LinkClock) {
    this.#clock = clock;
  }

  open(limits: RelayLimits, handler: RelayHandler): Relay {
    const accepted = (stream: ByteStream) => this.#accepted(stream);
    const stream = new RelayStream(this.#clock, limits, handler, accepted);
    this.#streams.set(stream.remote, stream);
    return stream;
  }

  over(network: StreamNetwork): StreamNetwork {
    return {
      get local() {
        return network.local;
      },
      connect: (to, connected, failed) => {
        const stream = this.#streams.get(to);
        if (stream === undefined) return network.connect(to, connected, failed);
        return this.#connect(stream, connected, failed);
      },
      accept: (accepted) => {
        this.#accepted = accepted;
        network.accept(accepted);
      },
      stopListening: () => network.stopListening(),
      allClosed: () => network.allClosed(),
    };
  }

  #connect(
    stream: RelayStream,
    connected: (stream: ByteStream) => void,
    failed: (reason: string) => void,
  ): StreamAttempt {
    let isCancelled = false;
    this.#clock.soon(() => {
      if (isCancelled) return;
      if (stream.isOver) failed(OVER);
      else connected(stream);
    });
    return { missing: "no connection", cancel: () => isCancelled = true };
  }
}

class RelayStream implements ByteStream, Relay {
  readonly remote: Endpoint = { host: RELAY_HOST, port: 0 };
  readonly localHost = "";
  readonly #clock: LinkClock;
  readonly #limits: RelayLimits;
  readonly #handler: RelayHandler;
  readonly #accepted: (stream: ByteStream) => void;
  /** Limits the rate of pieces, so that small writes are combined into one piece. */
  readonly #pieces: TokenBucket;
  #events: ByteStreamEvents = NO_EVENTS;
  #isHandled = false;
  #isReading = true;
  /** Bytes received and not read yet. */
  #unread: Uint8Array[] = [];
  /** The rest of the write in progress. */
  #unsent: Uint8Array | null = null;
  #roomBytes: number;
  #isTurnAsked = false;
  #wait: { cancel(): void } | null = null;
  /** This side writes and reads no more. */
  #isFinished = false;
  /** The relay passes nothing on any more. */
  #isClosed = false;
  /** No more events are reported. */
  #isEnded = false;
  #whenSent: () => void = () => {};

  constructor(
    clock: LinkClock,
    limits: RelayLimits,
    handler: RelayHandler,
    accepted: (stream: ByteStream) => void,
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#handler = handler;
    this.#accepted = accepted;
    this.#pieces = new TokenBucket(limits.piecesPerS, limits.piecesPerS);
    this.#roomBytes = limits.creditBytes;
  }

  get isOver(): boolean {
    return this.#isFinished || this.#isClosed;
  }

  // Methods of Relay.

  accept(): void {
    this.#clock.soon(() => {
      if (!this.#isClosed) this.#accepted(this);
    });
  }

  came(bytes: Uint8Array): void {
    if (this.#isEnded || this.#isFinished) return;
    this.#unread.push(bytes);
    this.#askTurn();
  }

  room(bytes: number): void {
    this.#roomBytes = Math.min(this.#roomBytes + bytes, this.#limits.creditBytes);
    this.#askTurn();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#askTurn();
  }

  whenSent(task: () => void): void {
    if (this.isOver) return task();
    this.#whenSent = task;
  }

  // Methods of ByteStream.

  handle(events: ByteStreamEvents): void {
    this.#events = events;
    this.#isHandled = true;
    this.#askTurn();
  }

  write(bytes: Uint8Array): void {
    invariant(this.#unsent === null && !this.#isFinished, "one write at a time, none after finish");
    this.#unsent = bytes;
    this.#askTurn();
  }

  setReading(reading: boolean): void {
    this.#isReading = reading;
    this.#askTurn();
  }

  /** Ends the stream altogether: a relay can't signal the end of only one direction. */
  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#askTurn();
  }

  abort(): void {
    this.#isFinished = true;
    this.#isEnded = true;
    this.#events = NO_EVENTS;
    this.#unread = [];
    this.#unsent = null;
    this.#wait?.cancel();
    this.#wait = null;
    this.#askTurn();
  }

  // Callbacks are called only from here on.

  #askTurn(): void {
    if (this.#isTurnAsked) return;
    this.#isTurnAsked = true;
    this.#clock.soon(() => {
      this.#isTurnAsked = false;
      this.#turn();
    });
  }

  #turn(): void {
    this.#read();
    this.#send();
    if (!this.isOver) return;
    if (this.#isHandled && !this.#isEnded) {
      this.#isEnded = true;
      this.#wait?.cancel();
      this.#events.ended(OVER);
    }
    const task = this.#whenSent;
    this.#whenSent = () => {};
    task();
  }

  #read(): void {
    // What came before the end is read before it.
    while (this.#isHandled && this.#isReading && !this.#isFinished) {
      const bytes = this.#unread.shift();
      if (bytes === undefined) return;
      this.#events.received(bytes);
      this.#handler.taken(bytes.length);
    }
  }

  #send(): void {
    const { pieceBytesMax } = this.#limits;
    while (this.#unsent !== null && this.#roomBytes > 0 && !this.#isClosed) {
      if (!this.#takesPiece()) return;
      const bytes = Math.min(this.#unsent.length, this.#roomBytes, pieceBytesMax);
      this.#handler.send(this.#unsent.slice(0, bytes));
      this.#roomBytes -= bytes;
      this.#unsent = this.#unsent.subarray(bytes);
      if (this.#unsent.length > 0) continue;
      this.#unsent = null;
      this.#events.written();
    }
  }

  /** Whether another piece may go out now; if not, schedules the next attempt. */
  #takesPiece(): boolean {
    if (this.#wait !== null) return false;
    const nowMs = this.#clock.nowMs();
    if (this.#pieces.take(nowMs)) return true;
    this.#wait = this.#clock.at(nowMs + 1_000 / this.#limits.piecesPerS, () => {
      this.#wait = null;
      this.#turn();
    });
    return false;
  }
}
