/**
 * The life of a directory's instance in the engine: its lease, under which all is that goes when it dies, and its beat,
 * which it sees again in the stream of changes where that doesn't stand still.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { Clock } from "../../base/machine/clock.ts";
import type { RegistrarState } from "../../protocols/directory/schema/registrar_io.ts";
import {
  isStill,
  type LeaseId,
  type Outcome,
  type Revision,
  type SharedStore,
} from "../shared_store.ts";

/** An instance that is gone leaves the list within this time, and that of electing a leader of the engine. */
const LEASE_MS = 5_000;
const RENEWED_MS = 1_000;
/** Without a renewal, or a beat that comes back, for so long, nobody is let in: two were missed. */
const LATE_MS = 2_500;
const LOOK_MS = 250;
/** Beats that are looked for: of a minute without a word, the latest say enough. */
const UNSEEN_MAX = 16;

interface LifePorts {
  readonly store: SharedStore;
  readonly clock: Clock;
  /** Key of the instance's entry. */
  readonly key: string;
  /** What stands there, with the number of the beat. */
  value(beat: number): string;
  /** The former lease has ended, and its keys are gone: puts under this one what should be there. */
  settle(lease: LeaseId): Promise<void>;
  /** The stream of changes seems to stand still. */
  restart(): void;
  state(state: RegistrarState): void;
  /** The engine answers, and makes no changes; part of a sentence. Null: it does again. */
  refused(text: string | null): void;
  failed(error: unknown): void;
}

export class InstanceLife {
  #lease: LeaseId = "";
  #state: RegistrarState = "up";
  #beat = 0;
  /** Of the instance's entry; null: there is none. */
  #modified: Revision | null = null;
  /** When the last renewal that was answered was sent, and when the last beat that came back was put, ms. */
  #renewedAtMs = 0;
  #seenAtMs = 0;
  /** When each beat was put that hasn't come back. */
  readonly #unseen = new Map<number, number>();
  #restartedAtMs = 0;
  #refusal: string | null = null;
  #isSettling = false;
  /** Whether the others are to know of it. */
  #isAnnounced = false;
  #isClosed = false;
  readonly #timers = new Set<{ cancel(): void }>();

  constructor(readonly ports: LifePorts) {}

  get lease(): LeaseId {
    return this.#lease;
  }

  get state(): RegistrarState {
    return this.#state;
  }

  /** What the engine says instead of making changes, part of a sentence; null: it makes them. */
  get refusal(): string | null {
    return this.#refusal;
  }

  /** @throws {P2pchatError} `unreachable`, and what the engine refuses. */
  async begin(): Promise<void> {
    await this.#grant();
    void this.#renewAgain();
  }

  /** Puts the instance's entry, now and again: `value` can be had from now on. */
  announce(): void {
    this.#isAnnounced = true;
    this.#seenAtMs = this.ports.clock.nowMs();
    this.#lookAgain();
    this.#putBeat().catch((error) => this.ports.failed(error));
  }

  #lookAgain(): void {
    this.#look();
    this.#later(LOOK_MS, () => this.#lookAgain());
  }

  /** The beat came back. */
  saw(beat: number): void {
    this.#seenAtMs = this.#unseen.get(beat) ?? this.#seenAtMs;
    for (const each of this.#unseen.keys()) if (each <= beat) this.#unseen.delete(each);
  }

  /** Ends the lease, and all that is under it. @throws {P2pchatError} `unreachable`: then it ends by itself. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) timer.cancel();
    await this.ports.store.revoke(this.#lease);
  }

  async #grant(): Promise<void> {
    const sentAtMs = this.ports.clock.nowMs();
    this.#lease = await this.ports.store.grant(LEASE_MS);
    this.#renewedAtMs = sentAtMs;
    this.#modified = null;
  }

  async #renewAgain(): Promise<void> {
    const { clock } = this.ports;
    while (!this.#isClosed) {
      // At once, where the last one took long: it says little of how long the lease still goes on.
      await this.#pause(this.#renewedAtMs + RENEWED_MS - clock.nowMs());
      try {
        if (!this.#isClosed) await this.#renew();
      } catch (error) {
        const isOutage = error instanceof P2pchatError && error.code === "unreachable";
        if (!isOutage) return this.ports.failed(error);
      }
    }
  }

  async #renew(): Promise<void> {
    const { store, clock } = this.ports;
    const sentAtMs = clock.nowMs();
    if (await store.renew(this.#lease)) this.#renewedAtMs = sentAtMs;
    else {
      this.#isSettling = true;
      if (this.#isAnnounced) this.#look();
      await this.#grant();
      await this.#settle();
      this.#isSettling = false;
    }
    if (this.#isClosed || !this.#isAnnounced) return;
    await this.#putBeat();
    this.#look();
  }

  /** Many sessions may take longer than the new lease lasts: it is renewed meanwhile. */
  async #settle(): Promise<void> {
    const { store, clock, settle } = this.ports;
    let isSettled = false;
    const settling = settle(this.#lease).finally(() => isSettled = true);
    for (;;) {
      await Promise.race([settling, this.#pause(RENEWED_MS)]);
      if (isSettled || this.#isClosed) return;
      const sentAtMs = clock.nowMs();
      const isRenewed = await store.renew(this.#lease).catch(() => false);
      if (isRenewed) this.#renewedAtMs = sentAtMs;
    }
  }

  async #putBeat(): Promise<void> {
    const { store, clock, key, value } = this.ports;
    const when = isStill(key, this.#modified);
    const beat = ++this.#beat;
    const put = { key, value: value(beat), lease: this.#lease };
    this.#unseen.set(beat, clock.nowMs());
    dropOldest(this.#unseen, UNSEEN_MAX);
    const outcome = await store.commit({ when: [when], puts: [put] });
    this.#noteRefusal(outcome);
    if (outcome.outcome === "done") return void (this.#modified = outcome.revision);
    if (outcome.outcome !== "unknown") this.#unseen.delete(beat);
    // Nobody else has this key: an earlier beat was put after all, or it is gone with the lease.
    if (outcome.outcome === "conflict") this.#modified = outcome.seen[0]?.modified ?? null;
  }

  /** An operator can do something about an engine without space, unlike about one that doesn't answer. */
  #noteRefusal(outcome: Outcome): void {
    if (outcome.outcome === "unknown") return;
    const isRefused = outcome.outcome === "refused" &&
      (outcome.code === "disk" || outcome.code === "not-allowed");
    const refusal = isRefused ? outcome.text : null;
    if (refusal === this.#refusal) return;
    this.#refusal = refusal;
    this.ports.refused(refusal);
  }

  #look(): void {
    if (this.#isClosed) return;
    const { clock, restart, state } = this.ports;
    const nowMs = clock.nowMs();
    const unrenewedMs = nowMs - this.#renewedAtMs;
    const unseenMs = nowMs - this.#seenAtMs;
    const now = this.#isSettling || unrenewedMs >= LEASE_MS
      ? "away"
      : Math.max(unrenewedMs, unseenMs) >= LATE_MS
      ? "late"
      : "up";
    const [putAtMs = nowMs] = this.#unseen.values();
    const isStill = nowMs - putAtMs >= LATE_MS && unrenewedMs < LATE_MS;
    if (isStill && nowMs - this.#restartedAtMs >= LATE_MS) {
      this.#restartedAtMs = nowMs;
      restart();
    }
    if (now === this.#state) return;
    this.#state = now;
    state(now);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#later(Math.max(ms, 0), resolve));
  }

  #later(ms: number, callback: () => void): void {
    const { clock } = this.ports;
    const timer = clock.at(clock.nowMs() + ms, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
  }
}
