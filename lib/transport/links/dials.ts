/** Dials that have no stream yet: each gets one in time, or fails with a reason. */

import type { Endpoint, PeerKey } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import { earliestMs } from "../../base/machine/machine.ts";
import type { ByteStream, StreamAttempt, StreamNetwork } from "../byte_stream.ts";
import type { DialFailure, DialFailureReason } from "../link.ts";

interface Dial {
  readonly stream: StreamAttempt;
  readonly dueMs: number;
}

export class Dials {
  readonly #network: Pick<StreamNetwork, "connect">;
  readonly #connectMs: number;
  readonly #self: PeerKey;
  readonly #failed: (attempt: number, failure: DialFailure) => void;
  readonly #dials = new Map<number, Dial>();

  /**
   * @param connectMs Time limit of each dial. @param self Our own key.
   * @param failed Called once for each dial that gets no stream; the dial is over by then.
   */
  constructor(
    network: Pick<StreamNetwork, "connect">,
    connectMs: number,
    self: PeerKey,
    failed: (attempt: number, failure: DialFailure) => void,
  ) {
    this.#network = network;
    this.#connectMs = connectMs;
    this.#self = self;
    this.#failed = failed;
  }

  get size(): number {
    return this.#dials.size;
  }

  /**
   * @param connected Gets the stream, and the end of the dial's time limit, of which the handshake may use the
   *   rest.
   * @returns When `check` must be called.
   */
  add(
    attempt: number,
    to: Endpoint,
    nowMs: number,
    connected: (stream: ByteStream, endsAtMs: number) => void,
  ): number {
    invariant(!this.#dials.has(attempt), "each attempt has a number of its own");
    const dueMs = nowMs + this.#connectMs;
    const stream = this.#network.connect(
      to,
      (connectedStream) => {
        this.#dials.delete(attempt);
        connected(connectedStream, dueMs);
      },
      (text, isSelf) => this.#fail(attempt, "unreachable", text, isSelf ? this.#self : null),
    );
    this.#dials.set(attempt, { stream, dueMs });
    return dueMs;
  }

  /** Gives up a dial. @returns Whether it had no stream yet; otherwise nothing is done. */
  giveUp(attempt: number, reason: string): boolean {
    const dial = this.#dials.get(attempt);
    if (dial === undefined) return false;
    dial.stream.cancel();
    this.#fail(attempt, "refused", `given up: ${reason}`);
    return true;
  }

  giveUpAll(reason: string): void {
    for (const attempt of [...this.#dials.keys()]) this.giveUp(attempt, reason);
  }

  /** Ends the dials whose time is over. */
  check(nowMs: number): void {
    for (const [attempt, { stream, dueMs }] of [...this.#dials]) {
      if (dueMs > nowMs) continue;
      const text = `${stream.missing} within ${this.#connectMs / 1_000} s`;
      stream.cancel();
      this.#fail(attempt, "timeout", text);
    }
  }

  /** When `check` must be called next; null where there are no dials. */
  nextDeadlineMs(): number | null {
    let next: number | null = null;
    for (const { dueMs } of this.#dials.values()) next = earliestMs(next, dueMs);
    return next;
  }

  #fail(
    attempt: number,
    reason: DialFailureReason,
    text: string,
    key: PeerKey | null = null,
  ): void {
    this.#dials.delete(attempt);
    this.#failed(attempt, { reason, text, key });
  }
}
