/** A stream whose other side is the test. */

import type { ByteStream, ByteStreamEvents } from "../../lib/transport/byte_stream.ts";

export class HandStream implements ByteStream {
  readonly remote;
  readonly localHost = "";
  isReading = true;
  #events: ByteStreamEvents = { received() {}, written() {}, ended() {} };

  constructor(readonly name: string, host: string) {
    this.remote = { host, port: 1 };
  }

  handle(events: ByteStreamEvents): void {
    this.#events = events;
  }

  setReading(reading: boolean): void {
    this.isReading = reading;
  }

  write(): void {}
  finish(): void {}
  abort(): void {}

  receive(bytes: Uint8Array): void {
    this.#events.received(bytes);
  }

  end(reason: string): void {
    this.#events.ended(reason);
  }
}
