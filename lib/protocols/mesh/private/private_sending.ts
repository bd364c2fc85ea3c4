/**
 * Sends private messages: each is on our disk before it is shown or sent, and is retransmitted, by this process or a
 * later one, until its receiver has it, or it is too old.
 */

import { agedMs } from "../../../base/machine/clock.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { Pending } from "../../../base/machine/pending.ts";
import { HEADS_MAX, PRIVATE_WAITING_HIGH, PRIVATE_WAITING_MAX } from "../schema/limits.ts";
import type {
  PrivateConfig,
  PrivateEffect,
  PrivateInput,
  ShownBundles,
  Waiting,
} from "./private_messages_io.ts";
import {
  endedRecord,
  noteLateness,
  type OutboxEntry,
  outboxEntry,
  PrivateOutbox,
  type Queue,
  queuedRecord,
} from "./private_outbox.ts";
import type { PrivateSealing } from "./private_sealing.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { PrivateEnvelope } from "../schema/structures.ts";

const EXPIRED_TEXT = "it wasn't delivered within 30 days";

export class PrivateSending {
  readonly #deadlines = new Deadlines({
    /** When messages that are too old are given up. */
    expiry: (nowMs) => this.#expire(nowMs),
    /** When messages that aren't acknowledged are sent again. */
    resend: (nowMs) => this.#resendDue(nowMs),
  });
  /** The first look at the clocks; null before it. */
  #began: { readonly wallMs: number; readonly nowMs: number } | null = null;
  readonly #outbox: PrivateOutbox;
  /** Messages that are being written to the disk; at most PRIVATE_WAITING_MAX. */
  readonly #writes = new Pending<OutboxEntry>();

  /** @param present Box keys of the members that are here. */
  constructor(
    readonly config: Omit<PrivateConfig, "room" | "causeMs" | "boxKeyLifeMs">,
    readonly environment: Pick<Environment, "wallMs" | "random">,
    readonly sealing: Pick<PrivateSealing, "flood" | "messageId" | "signer">,
    readonly room: Pick<ShownBundles, "heads">,
    readonly present: ReadonlyMap<PeerKey, Uint8Array>,
    /** As of `PrivateMessages`: then nothing goes to the key until the user accepts it. */
    readonly isRefused: (key: PeerKey, name: string) => boolean,
  ) {
    this.#outbox = new PrivateOutbox(sealing, config.records);
  }

  waiting(): readonly Waiting[] {
    return this.#outbox.waiting();
  }

  /** Messages that wait, on disk or on their way there. */
  get size(): number {
    return this.#outbox.size;
  }

  /**
   * The receivers for which the user's input should wait: they are here, and there is room again once they have their
   * messages. A receiver that stays silent until retransmissions are as rare as can be, some 30 s, isn't waited for.
   */
  awaited(): readonly PeerKey[] {
    if (this.size <= PRIVATE_WAITING_HIGH) return [];
    const { resendMsMax } = this.config;
    return this.#outbox.queues().filter(([peer, queue]) =>
      queue.resendMs < resendMsMax && this.#boxKeyOf(peer, queue) !== undefined
    ).map(([peer]) => peer).toArray();
  }

  /** Whether a message is being written to the disk. */
  get isStoring(): boolean {
    return this.#outbox.isStoring;
  }

  /** Whether a message is being written to the disk, or waits for a receiver that is here. */
  get isBusy(): boolean {
    return this.#outbox.isStoring ||
      this.#outbox.queues().some(([peer, queue]) => this.#boxKeyOf(peer, queue) !== undefined);
  }

  /** To what key messages that wait are sealed; undefined where none does, or nothing goes out now. */
  #boxKeyOf(peer: PeerKey, { entries }: Queue): Uint8Array | undefined {
    const isMeant = entries.length > 0 && !entries.some(({ name }) => this.isRefused(peer, name));
    return isMeant ? this.present.get(peer) : undefined;
  }

  /** The records that a compacted log needs. */
  snapshot(): readonly MeshRecord[] {
    return this.#outbox.snapshot();
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  /** Gives up messages that are too old, and reports those that earlier processes left waiting. */
  start(nowMs: number): readonly PrivateEffect[] {
    return [...this.#expire(nowMs), ...this.tellWaiting("start")];
  }

  tick(nowMs: number): readonly PrivateEffect[] {
    return this.#deadlines.tick(nowMs).flat();
  }

  say(
    { to, name, text, ref }: Extract<PrivateInput, { type: "say" }>,
    nowMs: number,
  ): readonly PrivateEffect[] {
    if (this.#outbox.size >= PRIVATE_WAITING_MAX) {
      return [{ type: "refused", code: "full", to, name, text: "", ref }];
    }
    const queue = this.#outbox.queueFor(to);
    const { incarnation } = this.config;
    const counter = ++queue.lastCounter;
    const { key: from } = this.sealing.signer;
    const id = this.sealing.messageId(from, to, incarnation, counter);
    const message = { id, from, to, text, sentAt: this.environment.wallMs() };
    // Where not all heads fit, the latest: they cover the question that this may answer, and our own last message;
    // earlier ones have long arrived everywhere.
    const heads = this.room.heads().slice(-HEADS_MAX);
    const typed = { message, name, incarnation, counter, heads };
    const entry = outboxEntry(typed, { ref, typedMs: nowMs });
    queue.entries.push(entry);
    return [{ type: "persist", records: [queuedRecord(entry)], token: this.#writes.add(entry) }];
  }

  stored(token: number, nowMs: number): readonly PrivateEffect[] {
    const entry = this.#writes.take(token);
    if (entry === undefined) return [];
    entry.isStored = true;
    if (this.#deadlines.get("expiry") === null) {
      this.#deadlines.set("expiry", nowMs + this.config.expiryCheckMs);
    }
    const { message, name, ref } = entry;
    const { id, to } = message;
    const queue = this.#outbox.queueFor(to);
    const queued = { type: "delivery", id, to, name, state: "queued", ref } as const;
    const sent = { type: "sent", message, name, ref } as const;
    if (this.present.has(to)) return [sent, queued, ...this.#pump(to, nowMs)];
    queue.arrivedSinceTold ??= 0;
    return [sent, { ...queued, waiting: queue.stored.length }];
  }

  notStored(token: number, text: string): readonly PrivateEffect[] {
    const entry = this.#writes.take(token);
    if (entry === undefined) return [];
    const { message: { to }, name, ref } = entry;
    this.#outbox.queueFor(to).take((other) => other === entry);
    return [{ type: "refused", code: "disk", to, name, text, ref }];
  }

  /** A member is here, with another box key than before. */
  met(peer: PeerKey, nowMs: number): readonly PrivateEffect[] {
    const queue = this.#outbox.queueOf(peer);
    if (queue === null) return [];
    if (queue.keys.take(nowMs)) {
      queue.begin();
      queue.resendAfter(this.config.resendFirstMs);
    }
    return this.#pump(peer, nowMs);
  }

  /** A member isn't here any more. */
  parted(peer: PeerKey): readonly PrivateEffect[] {
    const waiting = this.#outbox.waitingFor(peer);
    if (waiting === null) return [];
    this.#outbox.queueFor(peer).arrivedSinceTold ??= 0;
    return [{ type: "waits", when: "absent", receivers: [waiting] }];
  }

  tellWaiting(when: "start" | "quit"): readonly PrivateEffect[] {
    const receivers = this.waiting();
    if (receivers.length === 0) return [];
    for (const { to } of receivers) this.#outbox.queueFor(to).arrivedSinceTold ??= 0;
    return [{ type: "waits", when, receivers }];
  }

  /** Gives up what has waited for too long. */
  #expire(nowMs: number): readonly PrivateEffect[] {
    const { keptMs, earlierMs = Infinity } = this.config;
    const wallMs = this.environment.wallMs();
    const began = this.#began ??= { wallMs, nowMs };
    // By both clocks: a wall clock that was just set right must not end messages typed in this process.
    const isOver = ({ message: { sentAt }, isStored, typedMs }: OutboxEntry) => {
      const ageMs = typedMs === -Infinity
        ? agedMs(sentAt, began.wallMs, earlierMs) + nowMs - began.nowMs
        : nowMs - typedMs;
      return isStored && wallMs - sentAt > keptMs && ageMs > keptMs;
    };
    const effects: PrivateEffect[] = [];
    for (const [, queue] of this.#outbox.queues()) {
      const expired = queue.take(isOver);
      if (expired.length === 0) continue;
      effects.push(...this.#ended(expired, { state: "failed", reason: EXPIRED_TEXT }));
      if (queue.entries.length === 0) queue.arrivedSinceTold = null;
    }
    if (this.#outbox.size > 0) this.#deadlines.set("expiry", nowMs + this.config.expiryCheckMs);
    return effects;
  }

  /** These messages wait no more. No sync is needed: at worst they are sent and acknowledged once more. */
  #ended(
    entries: readonly OutboxEntry[],
    outcome: Pick<Extract<PrivateEffect, { type: "delivery" }>, "state" | "reason" | "waited">,
  ): readonly PrivateEffect[] {
    const earlier = entries.filter(({ typedMs }) => typedMs === -Infinity);
    return [
      ...earlier.map(({ message, name }) => ({ type: "was-waiting", message, name } as const)),
      { type: "persist", records: entries.map(endedRecord), token: null },
      ...entries.map(({ message: { id, to }, name, ref }): PrivateEffect => ({
        type: "delivery",
        id,
        to,
        name,
        ...outcome,
        ref,
      })),
    ];
  }

  /** Sends the messages that may be in flight and aren't, if their receiver is here. */
  #pump(peer: PeerKey, nowMs: number): readonly PrivateEffect[] {
    const queue = this.#outbox.queueOf(peer);
    if (queue === null || !this.present.has(peer)) return [];
    const boxKey = this.#boxKeyOf(peer, queue);
    const effects = boxKey === undefined ? [] : queue.takeUnsent().flatMap((entry) => {
      noteLateness(entry, boxKey, this.config.onItsWayMs, nowMs);
      const { incarnation, counter, heads, isLate: late, message: { text, sentAt } } = entry;
      const place = { to: peer, incarnation, counter, kind: "message" } as const;
      const previous = queue.previousOf(entry);
      return this.sealing.flood(place, boxKey, { previous, late, sentAt, heads, text });
    });
    if (queue.entries.length > 0 && queue.resendAtMs === null) {
      queue.resendMs ||= this.config.resendFirstMs;
      const jitter = 1 + this.environment.random() / 4;
      queue.resendAtMs = nowMs + queue.resendMs * jitter;
    }
    this.#armResend();
    return effects;
  }

  #resendDue(nowMs: number): readonly PrivateEffect[] {
    const effects: PrivateEffect[] = [];
    for (const [peer, queue] of this.#outbox.queues()) {
      if (queue.resendAtMs === null || queue.resendAtMs > nowMs) continue;
      queue.begin();
      queue.resendAfter(Math.min(2 * queue.resendMs, this.config.resendMsMax));
      effects.push(...this.#pump(peer, nowMs));
    }
    this.#armResend();
    return effects;
  }

  #armResend(): void {
    this.#deadlines.clear("resend");
    for (const [, { resendAtMs }] of this.#outbox.queues()) {
      if (resendAtMs !== null) this.#deadlines.setEarliest("resend", resendAtMs);
    }
  }

  acknowledged(envelope: PrivateEnvelope, nowMs: number): readonly PrivateEffect[] {
    const { from, incarnation, counter } = envelope;
    const queue = this.#outbox.queueOf(from);
    const arrived =
      queue?.take((entry) =>
        entry.isStored && entry.incarnation === incarnation && entry.counter <= counter
      ) ?? [];
    if (queue === null || arrived.length === 0) return []; // known already
    queue.resendAfter(this.config.resendFirstMs);
    return [
      ...this.#ended(arrived, {
        state: "delivered",
        ...(queue.arrivedSinceTold === null ? {} : { waited: true }),
      }),
      ...this.#arrived(from, arrived),
      ...this.#pump(from, nowMs),
    ];
  }

  /** If the user was told that messages wait for this receiver, reports when all of them have arrived. */
  #arrived(to: PeerKey, entries: readonly OutboxEntry[]): readonly PrivateEffect[] {
    const queue = this.#outbox.queueFor(to);
    if (queue.arrivedSinceTold === null) return [];
    queue.arrivedSinceTold += entries.length;
    if (queue.entries.length > 0) return [];
    const receiver = { to, name: entries.at(-1)!.name, messages: queue.arrivedSinceTold };
    queue.arrivedSinceTold = null;
    return [{ type: "arrived", receiver }];
  }
}
