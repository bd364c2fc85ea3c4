/**
 * Runs the reliable-datagrams machine over a datagram port: feeds it what arrives, sends its datagrams, and keeps
 * one timer. Inputs of one turn of the event loop, from the network or the owner, are acknowledged and answered
 * together.
 */

import type { Endpoint } from "../../base/ids.ts";
import type { ReliableDatagrams } from "../../protocols/reliable_datagram/reliable_datagrams.ts";
import type {
  ReliableEffect,
  ReliableInput,
} from "../../protocols/reliable_datagram/reliable_io.ts";
import type { Datagrams } from "../../transport/datagrams.ts";
import type { LinkClock } from "../../transport/link.ts";

/** Effects reported to the owner: all but datagrams to send. */
export type DatagramNews = Exclude<ReliableEffect, { readonly type: "transmit" }>;

const TICK: ReliableInput = { type: "tick" };

export class DatagramHost {
  readonly machine: ReliableDatagrams;
  readonly #datagrams: Datagrams;
  readonly #clock: LinkClock;
  readonly #told: (news: DatagramNews) => void;
  #timer: { readonly dueMs: number; cancel(): void } | null = null;
  #isTickSoon = false;
  #isStopped = false;

  /** `told` may call `feed`, but not while it is itself called from within `feed`. */
  constructor(
    machine: ReliableDatagrams,
    datagrams: Datagrams,
    clock: LinkClock,
    told: (news: DatagramNews) => void,
  ) {
    this.machine = machine;
    this.#datagrams = datagrams;
    this.#clock = clock;
    this.#told = told;
    datagrams.handle({
      datagram: (from: Endpoint, bytes: Uint8Array) =>
        this.#step({ type: "datagram", from, bytes }),
      turn: () => this.#tick(),
    });
  }

  /** Feeds an input of the owner's. Datagrams that it causes may be sent at the end of the present turn. */
  feed(input: ReliableInput): void {
    if (this.#isStopped) return;
    this.#step(input);
    if (this.#isTickSoon) return;
    this.#isTickSoon = true;
    this.#clock.soon(() => {
      this.#isTickSoon = false;
      this.#tick();
    });
  }

  /** Stops: nothing is sent or reported afterwards. The datagram port stays open, as the owner opened it. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #step(input: ReliableInput): void {
    if (this.#isStopped) return;
    for (const effect of this.machine.step(input, this.#clock.nowMs())) {
      if (effect.type === "transmit") this.#datagrams.send(effect.to, effect.bytes);
      else this.#told(effect);
    }
  }

  #tick(): void {
    if (this.#isStopped) return;
    const dueMs = this.machine.nextDeadlineMs();
    if (dueMs !== null && dueMs <= this.#clock.nowMs()) this.#step(TICK);
    this.#arm();
  }

  /**
   * Sets the timer, unless it is set to an earlier time: most deadlines move back, and an early tick changes
   * nothing.
   */
  #arm(): void {
    const dueMs = this.machine.nextDeadlineMs();
    if (dueMs === null || this.#isStopped) return;
    if (this.#timer !== null) {
      if (this.#timer.dueMs <= dueMs) return;
      this.#timer.cancel();
    }
    const timer = this.#clock.at(dueMs, () => {
      this.#timer = null;
      this.#tick();
    });
    this.#timer = { dueMs, cancel: () => timer.cancel() };
  }
}
