/**
 * Runs reliable datagrams over a port: feeds what comes, sends what is to be sent, keeps one timer. What comes in one
 * turn of the loop, from the network or from the owner, is answered together.
 */

import type { Endpoint } from "../base/ids.ts";
import type { ReliableDatagrams } from "../protocols/reliable_datagram/reliable_datagrams.ts";
import type { ReliableEffect, ReliableInput } from "../protocols/reliable_datagram/reliable_io.ts";
import type { Datagrams } from "../transport/datagrams.ts";
import type { LinkClock } from "../transport/link.ts";

/** What the owner is told: everything but what goes out. */
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

  /** `told` may call `feed`, never within a call to it. */
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

  /** From the owner. What it makes go out does so after the present turn. */
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

  /** Nothing is sent or told after this. The datagrams' port stays open: it is its owner's. */
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

  /** One that is set earlier stays: most deadlines move on, and an early tick changes nothing. */
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
