/**
 * Private messages: each is kept on disk, sealed to its receiver's box key, signed inside, and flooded through the
 * overlay as an envelope that nobody else can open and nobody keeps. It is sent again, by this process or a later
 * one, until the receiver's sealed acknowledgement comes, or 30 days are over.
 *
 * An acknowledgement says that everything up to it has been shown to the receiver's user. The receiver notes that
 * after showing, and doesn't wait for the disk: a process killed in between shows it again, as an earlier message.
 *
 * Each message names the heads that its sender had been shown, the latest 64, and waits at the receiver until those
 * have been shown there, so that a private answer doesn't come before its question; not longer than `causeMs`.
 *
 * Members see who writes to whom, and when. Forward secrecy begins when a box key is forgotten: at the next
 * start, or a day after it was replaced.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { sameBytes } from "../../../base/collections/bytes.ts";
import type { Crypto, Signer } from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { Agenda, Deadlines, type Machine } from "../../../base/machine/machine.ts";
import { Rates, TokenBucket } from "../../../base/rates/token_bucket.ts";
import { encode } from "../../../base/schema/schema.ts";
import type { LeaveReason } from "../roster/roster_io.ts";
import {
  ENVELOPE_SOURCES_MAX,
  ENVELOPES_BURST,
  ENVELOPES_PER_SECOND,
  ENVELOPES_RELAYED_BURST,
  ENVELOPES_RELAYED_PER_SECOND,
  ENVELOPES_REMEMBERED_MAX,
} from "../schema/limits.ts";
import type { MeshRecord } from "../schema/records.ts";
import { type PrivateEnvelope, privateEnvelopeSchema } from "../schema/structures.ts";
import { PrivateInbox } from "./private_inbox.ts";
import type {
  PrivateConfig,
  PrivateEffect,
  PrivateInput,
  ReceivedPlace,
  ShownBundles,
  Waiting,
} from "./private_messages_io.ts";
import { PrivateSealing } from "./private_sealing.ts";
import { PrivateSending } from "./private_sending.ts";

/** The outcome of an envelope; `isOfUse` where it brought something that wasn't here. */
interface Opened {
  readonly effects: readonly PrivateEffect[];
  readonly isOfUse: boolean;
}

export class PrivateMessages implements Machine<PrivateInput, PrivateEffect> {
  readonly #deadlines = new Deadlines({
    /** When our box key is renewed. */
    boxKey: (nowMs) => this.#renewBoxKey(nowMs),
  });
  readonly #agenda: Agenda;
  /** Of the tick that is being served. */
  #due: PrivateEffect[] = [];
  readonly #sealing: PrivateSealing;
  readonly #sending: PrivateSending;
  readonly #inbox: PrivateInbox;
  readonly #relayed: RelayedEnvelopes;
  /** Limits neighbours' own envelopes that can't be opened, or bring nothing new. */
  readonly #useless = new Rates<PeerKey>(
    ENVELOPES_PER_SECOND,
    ENVELOPES_BURST,
    ENVELOPE_SOURCES_MAX,
  );
  /** Box keys of the members that are here; bounded by the roster. */
  readonly #present = new Map<PeerKey, Uint8Array>();

  constructor(
    readonly config: PrivateConfig,
    readonly signer: Signer,
    readonly environment: Environment,
    readonly room: ShownBundles,
    /** Whether a member with this key is in the roster, alive or not. */
    readonly isMember: (key: PeerKey) => boolean,
    /** Whether what was written to this key, by that name, isn't meant for it any more. */
    isRefused: (key: PeerKey, name: string) => boolean,
  ) {
    this.#sealing = new PrivateSealing(config.room, signer, environment);
    const [sealing, present] = [this.#sealing, this.#present];
    this.#sending = new PrivateSending(config, environment, sealing, room, present, isRefused);
    const isHere = (sender: PeerKey) => this.#present.has(sender);
    this.#inbox = new PrivateInbox(config.records, room, isHere, config.causeMs);
    this.#relayed = new RelayedEnvelopes(environment.crypto);
    this.#agenda = new Agenda([
      this.#deadlines,
      {
        nextMs: () => this.#sending.nextMs(),
        tick: (nowMs) => this.#due.push(...this.#sending.tick(nowMs)),
      },
      {
        nextMs: () => this.#inbox.nextMs(),
        tick: (nowMs) => this.#due.push(...this.#showDue(nowMs)),
      },
    ]);
  }

  /** The public box key to put into our first beacon; `box-key` effects carry later ones. */
  get boxKey(): Uint8Array {
    return this.#sealing.boxKey;
  }

  /** How many messages wait for each receiver. */
  waiting(): readonly Waiting[] {
    return this.#sending.waiting();
  }

  /** Messages that wait, on disk or on their way there. */
  get size(): number {
    return this.#sending.size;
  }

  /** Receivers that are here, and for which the user's input should wait since so many messages wait already. */
  awaited(): readonly PeerKey[] {
    return this.#sending.awaited();
  }

  /** Whether a message is on its way to the disk. */
  get isStoring(): boolean {
    return this.#sending.isStoring;
  }

  /** Whether we should stay for a message that is on its way to the disk, to a member that is here, or to the user. */
  get isBusy(): boolean {
    return this.#sending.isBusy || this.#inbox.isAwaitingSeen;
  }

  /** The records that a compacted log needs. */
  snapshot(): readonly MeshRecord[] {
    return [...this.#sending.snapshot(), ...this.#inbox.snapshot()];
  }

  nextDeadlineMs(): number | null {
    return this.#agenda.nextMs();
  }

  step(input: PrivateInput, nowMs: number): readonly PrivateEffect[] {
    switch (input.type) {
      case "start":
        return this.#start(nowMs);
      case "say":
        return this.#sending.say(input, nowMs);
      case "stored":
        return this.#sending.stored(input.token, nowMs);
      case "not-stored":
        return this.#sending.notStored(input.token, input.text);
      case "present":
        return this.#memberPresent(input.peer, input.boxKey, nowMs);
      case "absent":
        return this.#memberAbsent(input.peer, input.reason);
      case "quit":
        return this.#sending.tellWaiting("quit");
      case "envelope":
        return this.#envelopeReceived(input.envelope, input.from, nowMs);
      case "shown":
        this.#inbox.shown(input.stream);
        return this.#showDue(nowMs);
      case "seen":
        return this.#seen(input.upTo);
      case "tick":
        return this.#tick(nowMs);
      default:
        return unreachable(input);
    }
  }

  #start(nowMs: number): readonly PrivateEffect[] {
    this.#deadlines.set("boxKey", nowMs + this.config.boxKeyLifeMs);
    return this.#sending.start(nowMs);
  }

  #tick(nowMs: number): readonly PrivateEffect[] {
    this.#due = [];
    this.#agenda.tick(nowMs);
    return this.#due;
  }

  #renewBoxKey(nowMs: number): void {
    this.#sealing.renewBoxKey();
    this.#deadlines.set("boxKey", nowMs + this.config.boxKeyLifeMs);
    this.#due.push({ type: "box-key", boxKey: this.boxKey });
  }

  #memberPresent(peer: PeerKey, boxKey: Uint8Array, nowMs: number): readonly PrivateEffect[] {
    const before = this.#present.get(peer);
    this.#present.set(peer, boxKey);
    const isSame = before !== undefined && sameBytes(before, boxKey);
    return isSame ? [] : this.#sending.met(peer, nowMs);
  }

  #memberAbsent(peer: PeerKey, reason: LeaveReason): readonly PrivateEffect[] {
    this.#present.delete(peer);
    // The next process of a replaced member is here at the same moment.
    return reason === "replaced" ? [] : this.#sending.parted(peer);
  }

  #envelopeReceived(
    envelope: PrivateEnvelope,
    from: PeerKey,
    nowMs: number,
  ): readonly PrivateEffect[] {
    const { key } = this.signer;
    if (envelope.room !== this.config.room || envelope.from === key) return [];
    if (envelope.to !== key) {
      const mayPass = this.isMember(envelope.from) && this.isMember(envelope.to) &&
        this.#relayed.take(from, envelope, nowMs);
      return mayPass ? [{ type: "flood", envelope, except: from }] : [];
    }
    // Only a member's messages may take memory here; a newcomer's is sent again after its beacon has come.
    if (!this.#present.has(envelope.from)) return [];
    if (envelope.from === from) return this.#saidByNeighbour(envelope, nowMs);
    return this.#relayed.take(from, envelope, nowMs) ? this.#forUs(envelope, nowMs).effects : [];
  }

  /**
   * A neighbour's own envelope for us isn't relayed, and its acknowledgement goes to that neighbour alone; but opening
   * one costs more than making it up, so useless ones are limited.
   */
  #saidByNeighbour(envelope: PrivateEnvelope, nowMs: number): readonly PrivateEffect[] {
    if (!this.#useless.allows(envelope.from, nowMs)) return [];
    const { effects, isOfUse } = this.#forUs(envelope, nowMs);
    if (!isOfUse) this.#useless.take(envelope.from, nowMs);
    return effects;
  }

  #forUs(envelope: PrivateEnvelope, nowMs: number): Opened {
    const content = this.#sealing.open(envelope);
    if (content === null) return { effects: [], isOfUse: false };
    if (envelope.kind === "acknowledgement") {
      const effects = this.#sending.acknowledged(envelope, nowMs);
      return { effects, isOfUse: effects.length > 0 };
    }
    const reception = this.#inbox.take(envelope, content, nowMs);
    // What was acknowledged is acknowledged again: the answer was lost.
    if (typeof reception === "object") {
      const effects = this.#acknowledge({ ...envelope, counter: reception.again });
      return { effects, isOfUse: false };
    }
    return { effects: this.#showDue(nowMs), isOfUse: reception === "new" };
  }

  #showDue(nowMs: number): readonly PrivateEffect[] {
    return this.#inbox.takeDue(nowMs).flatMap((due) => [
      ...due.map(({ place, content: { text, sentAt, late } }): PrivateEffect => {
        const { from, incarnation, counter } = place;
        const to = this.signer.key;
        const id = this.#sealing.messageId(from, to, incarnation, counter);
        return { type: "received", message: { id, from, to, text, sentAt }, late };
      }),
      { type: "await-seen", upTo: due.at(-1)!.place },
    ]);
  }

  /** Seen, then remembered, then acknowledged: a process killed in between shows it again rather than never. */
  #seen(upTo: ReceivedPlace): readonly PrivateEffect[] {
    const record = this.#inbox.seen(upTo);
    if (record === null) return [];
    return [{ type: "persist", records: [record], token: null }, ...this.#acknowledge(upTo)];
  }

  #acknowledge({ from: to, incarnation, counter }: ReceivedPlace): readonly PrivateEffect[] {
    const boxKey = this.#present.get(to);
    // Nothing is seen yet; or the sender isn't here, and sends again once its beacon has come.
    if (counter === 0 || boxKey === undefined) return [];
    const place = { to, incarnation, counter, kind: "acknowledgement" } as const;
    const sentAt = this.environment.wallMs();
    return this.#sealing.flood(place, boxKey, {
      previous: 0,
      late: false,
      sentAt,
      heads: [],
      text: "",
    });
  }
}

/**
 * Which private envelopes of others are taken in: each once, and from each neighbour only so many a second.
 * Nobody on the way can tell whether one is genuine, so that a member can send any number of them; what it
 * sends is dropped here, instead of being multiplied until honest neighbours take one another for flooders.
 *
 * No envelope taken in makes more than one go out to any neighbour, be it itself or its acknowledgement.
 */
class RelayedEnvelopes {
  /** Hashes of those taken in; the oldest are forgotten first. */
  readonly #taken = new Set<Hash>();
  readonly #rates = new Rates<PeerKey>(
    ENVELOPES_PER_SECOND,
    ENVELOPES_BURST,
    ENVELOPE_SOURCES_MAX,
  );
  readonly #total = new TokenBucket(ENVELOPES_RELAYED_PER_SECOND, ENVELOPES_RELAYED_BURST);

  constructor(readonly crypto: Crypto) {}

  /** Whether this envelope, byte for byte, is new and within the rates. One that isn't may come by another way. */
  take(from: PeerKey, envelope: PrivateEnvelope, nowMs: number): boolean {
    const hash = this.crypto.sha256<Hash>(encode(privateEnvelopeSchema, envelope));
    if (this.#taken.has(hash)) return false;
    if (!this.#rates.take(from, nowMs) || !this.#total.take(nowMs)) return false;
    this.#taken.add(hash);
    dropOldest(this.#taken, ENVELOPES_REMEMBERED_MAX);
    return true;
  }
}
