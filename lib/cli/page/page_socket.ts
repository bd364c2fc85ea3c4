/** A WebSocket of a page: texts both ways, bounded, and noticed to be dead. */

import type { Clock } from "../../base/machine/clock.ts";
import type { StreamOutput } from "./stream_output.ts";
import { closeFrame, frame, textFrame } from "./web_socket_frames.ts";
import { WebSocketReader } from "./web_socket_reader.ts";

/** A browser answers a ping at once; one that sleeps doesn't, and comes back. Also how long nothing may be taken. */
const PING_MS = 20_000;
/** How long the other side's goodbye is waited for. */
const CLOSING_MS = 1_000;
/**
 * While so much waits for the browser nothing more is sent, whatever it is: events stop before, and whoever asks on
 * without reading the answers is no page.
 */
const WAITING_BYTES_MAX = 1_024 * 1_024;

/** Why a socket is closed, as in RFC 6455. */
export const CLOSED = { away: 1001, refused: 1008, tooLong: 1009, later: 1013 } as const;

interface SocketPorts {
  message(text: string): void;
  /** All that was sent is written. */
  drained(): void;
  /** Called once, whoever closes it. */
  closed(): void;
}

export class PageSocket {
  /** Its window's. */
  ports: SocketPorts | null = null;
  readonly #reader = new WebSocketReader();
  #timer: { cancel(): void };
  #isClosed = false;
  /** Whether anything came since the last ping. */
  #isHeard = true;
  /** How many were done at the last ping. */
  #writes = 0;

  /** @param abort Ends the connection at once; is idempotent. */
  constructor(readonly output: StreamOutput, readonly clock: Clock, readonly abort: () => void) {
    this.#timer = this.#pingLater();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes that the browser hasn't taken. */
  get waitingBytes(): number {
    return this.output.waitingBytes;
  }

  /** Closes a socket for which too much waits already. */
  send(text: string): void {
    this.#write(textFrame(text));
  }

  /** Says goodbye, however much waits, and closes the connection soon after. @param last A text that is sent before. */
  close(status: number, reason: string, last: string | null = null): void {
    if (this.#isClosed) return;
    if (last !== null) this.output.write(textFrame(last));
    this.output.write(closeFrame(status, reason));
    this.output.finish();
    this.ended();
    this.#timer = this.clock.at(this.clock.nowMs() + CLOSING_MS, this.abort);
  }

  // What the connection reports.

  received(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#isHeard = true;
    for (const input of this.#reader.push(bytes)) {
      if (this.#isClosed) return;
      if (input.type === "text") this.ports?.message(input.text);
      else if (input.type === "ping") this.#write(frame("pong", input.bytes));
      else if (input.type === "close") this.close(1000, "");
      else if (input.type === "fault") this.close(input.status, input.text);
    }
  }

  drained(): void {
    if (!this.#isClosed) this.ports?.drained();
  }

  /** Idempotent. */
  ended(): void {
    this.#timer.cancel();
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.ports?.closed();
  }

  /** All that is sent before the goodbye. */
  #write(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.waitingBytes < WAITING_BYTES_MAX) this.output.write(bytes);
    else this.close(CLOSED.later, "It reads more slowly than it asks");
  }

  #pingLater(): { cancel(): void } {
    return this.clock.at(this.clock.nowMs() + PING_MS, () => {
      const { waitingBytes, writes } = this.output;
      const isStuck = waitingBytes > 0 && writes === this.#writes;
      if (!this.#isHeard || isStuck) return this.abort();
      this.#writes = writes;
      this.#isHeard = waitingBytes > 0; // what it takes of that tells as much as a pong
      if (!this.#isHeard) this.#write(frame("ping"));
      this.#timer = this.#pingLater();
    });
  }
}
