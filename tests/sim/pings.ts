/**
 * The pings of one end of a simulated link, by the program's own rule (`Liveness`), with ticks and bytes that come late
 * where its process does. A link without them is lost where the other side stands still for 3 s, and never otherwise.
 */

import { STALL_MS_MIN } from "../../lib/base/machine/slowness.ts";
import type { ChannelConfig } from "../../lib/protocols/noise/config.ts";
import { Liveness } from "../../lib/protocols/noise/liveness.ts";
import { Timer, type VirtualTime } from "./virtual_time.ts";

/** A ping, or the answer to it, on its way. */
export class Sign {
  /** @param number That of the ping; a ping gets its own as it goes out. */
  constructor(readonly isAnswer: boolean, public number: number) {}
}

/** What they need of the end of the link. */
export interface PingedEnd {
  readonly owner: { readonly stalledUntilMs: number };
  readonly dialled: boolean;
  sign(sign: Sign): void;
  lose(reason: string): void;
}

export class Pings {
  readonly #liveness: Liveness;
  readonly #timer = new Timer(() => this.#due());

  constructor(
    readonly time: VirtualTime,
    readonly config: ChannelConfig,
    readonly end: PingedEnd,
  ) {
    this.#liveness = new Liveness(config, end.dialled, time.nowMs);
    this.arm();
  }

  /** Something was read. */
  heard(item: unknown): void {
    const { nowMs } = this.time;
    this.#liveness.received(nowMs);
    if (item instanceof Sign) {
      if (item.isAnswer) this.#liveness.pong(item.number, nowMs);
      else this.end.sign(new Sign(true, item.number));
    }
    this.arm();
  }

  /** Something went out. */
  wrote(item: unknown): void {
    const { nowMs } = this.time;
    if (item instanceof Sign && !item.isAnswer) item.number = this.#liveness.pingWritten(nowMs);
    this.#liveness.written(nowMs);
    this.arm();
  }

  /** Also where its process stands still from now on, or no longer does. */
  arm(): void {
    const dueMs = this.#liveness.nextDeadlineMs();
    if (dueMs === null) return this.stop();
    this.time.arm(this.#timer, Math.max(dueMs, this.end.owner.stalledUntilMs));
  }

  stop(): void {
    this.time.disarm(this.#timer);
  }

  /** As `Channel` does. */
  #due(): void {
    const { nowMs } = this.time;
    const dueMs = this.#liveness.nextDeadlineMs();
    const isLate = this.end.owner.stalledUntilMs > nowMs;
    if (dueMs === null || dueMs > nowMs || isLate) return this.arm();
    if (nowMs - dueMs > STALL_MS_MIN) this.#liveness.excuse(nowMs);
    const due = this.#liveness.check(nowMs, nowMs - dueMs);
    if (due === "lost") return this.end.lose(`no answer for ${this.config.deadAfterMs / 1_000} s`);
    this.arm();
    if (due === "ping") this.end.sign(new Sign(false, 0));
  }
}
