/** What is measured of the datagrams of a coordinator, or a directory. */

import type { Counter, Registry } from "./registry.ts";

export class DatagramFigures {
  readonly #received: Counter;
  readonly #receivedBytes: Counter;
  readonly #sent: Counter;
  readonly #sentBytes: Counter;

  constructor(registry: Registry) {
    this.#received = registry.counter("p2pchat_datagrams_received", "Datagrams that came.");
    this.#receivedBytes = registry.counter(
      "p2pchat_datagrams_received_bytes",
      "Bytes of the datagrams that came.",
      "bytes",
    );
    this.#sent = registry.counter("p2pchat_datagrams_sent", "Datagrams that were sent.");
    this.#sentBytes = registry.counter(
      "p2pchat_datagrams_sent_bytes",
      "Bytes of the datagrams that were sent.",
      "bytes",
    );
  }

  received(bytes: number): void {
    this.#received.add();
    this.#receivedBytes.add(bytes);
  }

  sent(bytes: number): void {
    this.#sent.add();
    this.#sentBytes.add(bytes);
  }
}
