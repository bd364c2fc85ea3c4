/**
 * Private messages: each is sealed to its receiver's box key (Noise N), signed inside, and flooded through the
 * overlay as an envelope that nobody else can open and nobody keeps. The sender sends it again until the
 * receiver's sealed acknowledgement comes.
 *
 * Messages from one sender to one receiver are shown in order: the receiver takes the next counter and holds a
 * few that come early. `base` in each says the lowest counter that its sender still holds, so that a receiver
 * that knows nothing of the sender's earlier ones doesn't wait for them.
 *
 * Each names the heads that its sender had been shown, and waits at the receiver until those have been shown
 * there, so that a private answer doesn't come before its question either; not longer than `causeMs`.
 *
 * Members see who writes to whom, and when. Forward secrecy begins when a box key is forgotten: at the next
 * start, or a day after it was replaced.
 */

import { sameBytes } from "../../base/bytes.ts";
import { concatBytes, type Signer, utf8 } from "../../base/crypto.ts";
import type { Environment } from "../../base/environment.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/fingerprint.ts";
import type { Hash, MessageId, PeerKey, RoomId } from "../../base/ids.ts";
import { Deadlines, type Machine } from "../../base/machine.ts";
import {
  bytes,
  decode,
  encode,
  fixedBytes,
  hexId,
  list,
  oneOf,
  record,
  uint,
} from "../../base/schema.ts";
import { openFrom, sealTo } from "../noise/sealed_box.ts";
import { type KeyPair, keyPairFromSeed } from "../noise/primitives.ts";
import {
  BUNDLE_TEXT_BYTES_MAX,
  FRONTIER_AUTHORS_MAX,
  HEADS_MAX,
  PRIVATE_EARLY_CHARACTERS_MAX,
  PRIVATE_EARLY_MAX,
  PRIVATE_UNACKNOWLEDGED_MAX,
} from "./limits.ts";
import type { MeshRecord } from "./records.ts";
import { RelayedEnvelopes } from "./relayed_envelopes.ts";
import type { LeaveReason } from "./roster_io.ts";
import { type Head, headSchema, type PrivateEnvelope, TAGS } from "./structures.ts";

export type PrivateInput =
  /** From the user. */
  | { readonly type: "say"; readonly to: PeerKey; readonly text: string; readonly ref?: string }
  /** From the roster: a member is here, with this box key. Comes again when the key changes. */
  | { readonly type: "present"; readonly peer: PeerKey; readonly boxKey: Uint8Array }
  /** Who is lost or replaced may come back, and is waited for. */
  | { readonly type: "absent"; readonly peer: PeerKey; readonly reason: LeaveReason }
  /** We leave: what isn't acknowledged is given up. */
  | { readonly type: "quit" }
  /** From a neighbour. */
  | { readonly type: "envelope"; readonly from: PeerKey; readonly envelope: PrivateEnvelope }
  /** More of the room has been shown here: what waited for it is looked at again. */
  | { readonly type: "shown" }
  | { readonly type: "tick" };

/** What the order knows of the room. */
export interface ShownBundles {
  /** The latest bundles that were shown here. */
  heads(): readonly Head[];
  /** Whether this bundle was shown here, or will never be. */
  isShown(head: Head): boolean;
}

export type PrivateEffect =
  /** To all neighbours but `except`; to `envelope.to` alone where there is a link to it. */
  | {
    readonly type: "flood";
    readonly envelope: PrivateEnvelope;
    readonly except: PeerKey | null;
  }
  | { readonly type: "persist"; readonly records: readonly MeshRecord[] }
  | { readonly type: "sent"; readonly message: PrivateMessage; readonly ref: string | undefined }
  | { readonly type: "received"; readonly message: PrivateMessage }
  | {
    readonly type: "delivery";
    readonly id: MessageId;
    readonly to: PeerKey;
    /** `queued`: its receiver was lost before it was acknowledged. */
    readonly state: "queued" | "delivered" | "failed";
    readonly reason?: string;
    readonly ref: string | undefined;
  }
  | {
    readonly type: "refused";
    readonly code: "offline" | "full";
    readonly to: PeerKey;
    readonly ref: string | undefined;
  };

export interface PrivateMessage {
  readonly id: MessageId;
  readonly from: PeerKey;
  readonly to: PeerKey;
  readonly text: string;
  readonly sentAt: number;
}

export interface PrivateConfig {
  readonly room: RoomId;
  readonly incarnation: number;
  /** guess: a flood crosses a room in well under a second; twice as long each time until the maximum. */
  readonly resendFirstMs: number;
  readonly resendMsMax: number;
  /** How long a message waits for what its sender had been shown; then it may be a gap that nobody can fill. */
  readonly causeMs: number;
  /** A box key lives so long, and its secret half as long again. */
  readonly boxKeyLifeMs: number;
  /** What this member had received before it was restarted. */
  readonly records: readonly MeshRecord[];
}

export const PRIVATE_DEFAULTS = {
  resendFirstMs: 1_000,
  resendMsMax: 30_000,
  causeMs: 10_000, // as every wait that has no bound of its own
  boxKeyLifeMs: 24 * 60 * 60 * 1_000,
} as const;

/** What binds a sealed text to its place; the prologue of the seal. */
const prologueSchema = record({
  room: hexId<RoomId>(),
  from: hexId<PeerKey>(),
  to: hexId<PeerKey>(),
  incarnation: uint(Number.MAX_SAFE_INTEGER),
  counter: uint(Number.MAX_SAFE_INTEGER),
  kind: oneOf(["message", "acknowledgement"]),
});

/** Lengths that a text is padded to, so that its length says little. */
const PADDED_BYTES = [256, 1_024, 4_096, 16_384, BUNDLE_TEXT_BYTES_MAX] as const;
const LENGTH_BYTES = 4;

const contentSchema = record({
  /** The sender's identity, over the prologue and everything below. */
  signature: fixedBytes(64),
  base: uint(Number.MAX_SAFE_INTEGER),
  sentAt: uint(Number.MAX_SAFE_INTEGER),
  heads: list(headSchema, HEADS_MAX),
  /** The text's length (4 bytes, big-endian), the text, zeros. */
  padded: bytes(BUNDLE_TEXT_BYTES_MAX + LENGTH_BYTES),
});

interface Content {
  readonly base: number;
  readonly sentAt: number;
  readonly heads: readonly Head[];
  readonly text: string;
}

/** To one receiver, under our incarnation. At most PRIVATE_UNACKNOWLEDGED_MAX messages are held. */
interface Outgoing {
  nextCounter: number;
  readonly held: Map<
    number,
    {
      readonly message: PrivateMessage;
      /** What we had been shown when it was typed. */
      readonly heads: readonly Head[];
      readonly ref: string | undefined;
    }
  >;
  resendMs: number;
  resendAtMs: number | null;
}

/** From one sender: the incarnation that it speaks under and what it has shown. */
interface Incoming {
  incarnation: number;
  /** The last counter shown. */
  counter: number;
  /** Those that came before what they follow, by counter; at most PRIVATE_EARLY_MAX. */
  early: Map<number, Content>;
  /** Since when the next one waits for what its sender had been shown. */
  waitsSinceMs: number | null;
}

const DEADLINES = ["resend", "boxKey", "cause"] as const;
/** It is in memory alone. */
const LOST_TEXT = "lost before it arrived; sent again once back, as long as you stay";
const UTF8_STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class PrivateMessages implements Machine<PrivateInput, PrivateEffect> {
  readonly #deadlines = new Deadlines(DEADLINES);
  readonly #boxKeys: KeyPair[] = [];
  /** Members that are here; bounded by the roster. */
  readonly #present = new Map<PeerKey, Uint8Array>();
  readonly #outgoing = new Map<PeerKey, Outgoing>();
  readonly #incoming = new Map<PeerKey, Incoming>();
  /** Length of all texts that came early. */
  #earlyCharacters = 0;
  readonly #relayed: RelayedEnvelopes;

  constructor(
    readonly config: PrivateConfig,
    readonly signer: Signer,
    readonly environment: Environment,
    readonly room: ShownBundles,
    /** Whether this is the key of somebody who is in the roster, alive or not. */
    readonly isMember: (key: PeerKey) => boolean,
  ) {
    this.#relayed = new RelayedEnvelopes(environment.crypto);
    this.#newBoxKey();
    for (const kept of config.records) {
      if (kept.kind !== "private-received") continue;
      this.#incoming.set(kept.from, {
        incarnation: kept.incarnation,
        counter: kept.counter,
        early: new Map(),
        waitsSinceMs: null,
      });
    }
  }

  /** The public box key to put into our beacon; another one after `boxKeyLifeMs`. */
  get boxKey(): Uint8Array {
    return (this.#boxKeys.at(-1) as KeyPair).publicKey;
  }

  /** Messages that wait for their acknowledgement. */
  get unacknowledged(): number {
    let count = 0;
    for (const { held } of this.#outgoing.values()) count += held.size;
    return count;
  }

  /** Whether somebody who is here hasn't acknowledged yet. */
  get isAwaitingPresent(): boolean {
    return this.#outgoing.entries().some(([peer, { held }]) =>
      held.size > 0 && this.#present.has(peer)
    );
  }

  /** The records that a compacted log needs. */
  snapshot(): readonly MeshRecord[] {
    return [...this.#incoming].map(([from, { incarnation, counter }]) => ({
      kind: "private-received" as const,
      from,
      incarnation,
      counter,
    }));
  }

  postpone(delayMs: number): void {
    this.#deadlines.postpone(delayMs);
    for (const outgoing of this.#outgoing.values()) {
      if (outgoing.resendAtMs !== null) outgoing.resendAtMs += delayMs;
    }
    for (const incoming of this.#incoming.values()) {
      if (incoming.waitsSinceMs !== null) incoming.waitsSinceMs += delayMs;
    }
  }

  nextDeadlineMs(): number | null {
    return this.#deadlines.nextMs();
  }

  step(input: PrivateInput, nowMs: number): readonly PrivateEffect[] {
    if (this.#deadlines.get("boxKey") === null) {
      this.#deadlines.set("boxKey", nowMs + this.config.boxKeyLifeMs);
    }
    switch (input.type) {
      case "say":
        return this.#say(input, nowMs);
      case "present":
        return this.#memberPresent(input.peer, input.boxKey, nowMs);
      case "absent":
        return this.#memberAbsent(input.peer, input.reason);
      case "quit":
        return this.#quit();
      case "envelope":
        return this.#envelopeReceived(input.envelope, input.from, nowMs);
      case "shown":
        return this.#showWaiting(nowMs);
      case "tick":
        return this.#tick(nowMs);
    }
  }

  #say(
    { to, text, ref }: Extract<PrivateInput, { type: "say" }>,
    nowMs: number,
  ): readonly PrivateEffect[] {
    if (!this.#present.has(to)) return [{ type: "refused", code: "offline", to, ref }];
    let outgoing = this.#outgoing.get(to);
    if (outgoing === undefined) {
      outgoing = {
        nextCounter: 1,
        held: new Map(),
        resendMs: this.config.resendFirstMs,
        resendAtMs: null,
      };
      this.#outgoing.set(to, outgoing);
    }
    if (this.unacknowledged >= PRIVATE_UNACKNOWLEDGED_MAX) {
      return [{ type: "refused", code: "full", to, ref }];
    }
    const counter = outgoing.nextCounter++;
    const message: PrivateMessage = {
      id: this.#messageId(this.signer.key, to, this.config.incarnation, counter),
      from: this.signer.key,
      to,
      text,
      sentAt: this.environment.wallMs(),
    };
    const heads = this.room.heads().slice(0, HEADS_MAX);
    outgoing.held.set(counter, { message, heads, ref });
    this.#scheduleResend(outgoing, nowMs);
    return [{ type: "sent", message, ref }, ...this.#seal(to, outgoing, counter)];
  }

  #memberPresent(peer: PeerKey, boxKey: Uint8Array, nowMs: number): readonly PrivateEffect[] {
    const before = this.#present.get(peer);
    this.#present.set(peer, boxKey);
    const outgoing = this.#outgoing.get(peer);
    const same = before !== undefined && sameBytes(before, boxKey);
    if (outgoing === undefined || same) return [];
    outgoing.resendMs = this.config.resendFirstMs;
    outgoing.resendAtMs = null;
    return this.#resend(peer, outgoing, nowMs);
  }

  #memberAbsent(peer: PeerKey, reason: LeaveReason): readonly PrivateEffect[] {
    this.#present.delete(peer);
    const outgoing = this.#outgoing.get(peer);
    if (outgoing === undefined) return [];
    switch (reason) {
      case "quit":
        return this.#giveUp(outgoing, "quit before it arrived");
      case "lost":
        return deliveries(outgoing, "queued", LOST_TEXT);
      case "replaced":
        return []; // its next process is here in the same moment
    }
  }

  #quit(): readonly PrivateEffect[] {
    return [...this.#outgoing.values()].flatMap((outgoing) =>
      this.#giveUp(outgoing, "you left before it was confirmed")
    );
  }

  #giveUp(outgoing: Outgoing, reason: string): readonly PrivateEffect[] {
    const failed = deliveries(outgoing, "failed", reason);
    outgoing.held.clear();
    outgoing.resendAtMs = null;
    this.#armResend();
    return failed;
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
    // Only a member can have a claim on our memory; a newcomer's message comes again after its beacon.
    if (!this.#present.has(envelope.from)) return [];
    // What a neighbour says itself goes no further, and its acknowledgement to that neighbour alone.
    if (envelope.from !== from && !this.#relayed.take(from, envelope, nowMs)) return [];
    const content = this.#open(envelope);
    if (content === null) return [];
    return envelope.kind === "acknowledgement"
      ? this.#acknowledged(envelope, nowMs)
      : this.#messageReceived(envelope, content, nowMs);
  }

  #acknowledged(envelope: PrivateEnvelope, nowMs: number): readonly PrivateEffect[] {
    const outgoing = this.#outgoing.get(envelope.from);
    if (outgoing === undefined || envelope.incarnation !== this.config.incarnation) return [];
    const effects: PrivateEffect[] = [];
    for (const [counter, { message, ref }] of outgoing.held) {
      if (counter > envelope.counter) continue;
      outgoing.held.delete(counter);
      effects.push({
        type: "delivery",
        id: message.id,
        to: envelope.from,
        state: "delivered",
        ref,
      });
    }
    outgoing.resendMs = this.config.resendFirstMs;
    outgoing.resendAtMs = null;
    this.#scheduleResend(outgoing, nowMs);
    return effects;
  }

  #messageReceived(
    envelope: PrivateEnvelope,
    content: Content,
    nowMs: number,
  ): readonly PrivateEffect[] {
    const { from, incarnation, counter } = envelope;
    let incoming = this.#incoming.get(from);
    if (incoming === undefined || incoming.incarnation < incarnation) {
      this.#forgetEarly(incoming);
      incoming = { incarnation, counter: 0, early: new Map(), waitsSinceMs: null };
      this.#incoming.delete(from); // to the end: the longest silent is forgotten first
      this.#incoming.set(from, incoming);
      if (this.#incoming.size > FRONTIER_AUTHORS_MAX) this.#forgetOldest();
    }
    if (incarnation < incoming.incarnation) return [];
    // What was acknowledged is acknowledged again: the answer was lost.
    if (counter <= incoming.counter) {
      return this.#acknowledge(from, incarnation, incoming.counter);
    }
    if (!this.#holdEarly(incoming, counter, content)) return [];
    // What its sender no longer holds was acknowledged by an earlier life of ours, or given up.
    incoming.counter = Math.max(incoming.counter, content.base - 1);
    return this.#showNext(from, incoming, nowMs);
  }

  /** Shows what may be shown of one sender's, in order, and acknowledges it. */
  #showNext(from: PeerKey, incoming: Incoming, nowMs: number): readonly PrivateEffect[] {
    const { incarnation } = incoming;
    const shown: PrivateEffect[] = [];
    for (;;) {
      const next = incoming.early.get(incoming.counter + 1);
      if (next === undefined) {
        incoming.waitsSinceMs = null;
        break;
      }
      if (!next.heads.every((head) => this.room.isShown(head))) {
        incoming.waitsSinceMs ??= nowMs;
        if (incoming.waitsSinceMs + this.config.causeMs > nowMs) break;
      }
      incoming.waitsSinceMs = null;
      incoming.counter++;
      this.#dropEarly(incoming, incoming.counter);
      const id = this.#messageId(from, this.signer.key, incarnation, incoming.counter);
      const message = { id, from, to: this.signer.key, text: next.text, sentAt: next.sentAt };
      shown.push({ type: "received", message });
    }
    for (const early of incoming.early.keys()) {
      if (early <= incoming.counter) this.#dropEarly(incoming, early);
    }
    this.#armCause();
    if (shown.length === 0) return [];
    // Shown, then remembered, then acknowledged: who is killed in between shows it again rather than never.
    return [
      ...shown,
      {
        type: "persist",
        records: [{ kind: "private-received", from, incarnation, counter: incoming.counter }],
      },
      ...this.#acknowledge(from, incarnation, incoming.counter),
    ];
  }

  #showWaiting(nowMs: number): readonly PrivateEffect[] {
    if (this.#deadlines.get("cause") === null) return [];
    const effects: PrivateEffect[] = [];
    for (const [from, incoming] of this.#incoming) {
      if (incoming.waitsSinceMs !== null) effects.push(...this.#showNext(from, incoming, nowMs));
    }
    return effects;
  }

  #armCause(): void {
    this.#deadlines.clear("cause");
    for (const { waitsSinceMs } of this.#incoming.values()) {
      if (waitsSinceMs === null) continue;
      this.#deadlines.setEarliest("cause", waitsSinceMs + this.config.causeMs);
    }
  }

  /** Whether there is room for it; its sender sends it again where there isn't. */
  #holdEarly(incoming: Incoming, counter: number, content: Content): boolean {
    if (incoming.early.has(counter)) return true;
    const next = counter === incoming.counter + 1 || counter === content.base;
    const full = incoming.early.size >= PRIVATE_EARLY_MAX ||
      this.#earlyCharacters + content.text.length > PRIVATE_EARLY_CHARACTERS_MAX;
    if (full && !next) return false;
    incoming.early.set(counter, content);
    this.#earlyCharacters += content.text.length;
    return true;
  }

  #dropEarly(incoming: Incoming, counter: number): void {
    this.#earlyCharacters -= incoming.early.get(counter)?.text.length ?? 0;
    incoming.early.delete(counter);
  }

  #forgetEarly(incoming: Incoming | undefined): void {
    for (const counter of incoming?.early.keys() ?? []) {
      if (incoming !== undefined) this.#dropEarly(incoming, counter);
    }
  }

  #forgetOldest(): void {
    for (const [from, incoming] of this.#incoming) {
      this.#forgetEarly(incoming);
      this.#incoming.delete(from);
      return;
    }
  }

  /** Says that everything up to `counter` has been shown; also for a repeated message, whose answer was lost. */
  #acknowledge(to: PeerKey, incarnation: number, counter: number): readonly PrivateEffect[] {
    const boxKey = this.#present.get(to);
    if (boxKey === undefined) return []; // it will ask again when its beacon has come
    const text = { base: 0, sentAt: this.environment.wallMs(), heads: [], text: "" };
    const place = { to, incarnation, counter, kind: "acknowledgement" as const };
    return this.#flood(place, boxKey, text);
  }

  #tick(nowMs: number): readonly PrivateEffect[] {
    const effects: PrivateEffect[] = [];
    for (const due of this.#deadlines.takeDue(nowMs)) {
      switch (due) {
        case "boxKey":
          this.#newBoxKey();
          this.#deadlines.set("boxKey", nowMs + this.config.boxKeyLifeMs);
          break;
        case "cause":
          for (const [from, incoming] of this.#incoming) {
            if (incoming.waitsSinceMs !== null) {
              effects.push(...this.#showNext(from, incoming, nowMs));
            }
          }
          break;
        case "resend":
          for (const [peer, outgoing] of this.#outgoing) {
            if (outgoing.resendAtMs === null || outgoing.resendAtMs > nowMs) continue;
            outgoing.resendMs = Math.min(2 * outgoing.resendMs, this.config.resendMsMax);
            outgoing.resendAtMs = null;
            effects.push(...this.#resend(peer, outgoing, nowMs));
          }
          break;
      }
    }
    this.#armResend();
    return effects;
  }

  /** The oldest few again: the receiver takes them in order, and no more early ones than these. */
  #resend(peer: PeerKey, outgoing: Outgoing, nowMs: number): readonly PrivateEffect[] {
    if (!this.#present.has(peer) || outgoing.held.size === 0) return [];
    const oldest = [...outgoing.held.keys()].slice(0, PRIVATE_EARLY_MAX);
    this.#scheduleResend(outgoing, nowMs);
    return oldest.flatMap((counter) => this.#seal(peer, outgoing, counter));
  }

  #scheduleResend(outgoing: Outgoing, nowMs: number): void {
    if (outgoing.held.size > 0) {
      const jitter = 1 + this.environment.random() / 4;
      outgoing.resendAtMs ??= nowMs + outgoing.resendMs * jitter;
    }
    this.#armResend();
  }

  #armResend(): void {
    this.#deadlines.clear("resend");
    for (const { resendAtMs } of this.#outgoing.values()) {
      if (resendAtMs !== null) this.#deadlines.setEarliest("resend", resendAtMs);
    }
  }

  #seal(to: PeerKey, outgoing: Outgoing, counter: number): readonly PrivateEffect[] {
    const boxKey = this.#present.get(to);
    const held = outgoing.held.get(counter);
    if (boxKey === undefined || held === undefined) return [];
    const base = Math.min(...outgoing.held.keys());
    const { text, sentAt } = held.message;
    const place = { to, incarnation: this.config.incarnation, counter, kind: "message" as const };
    return this.#flood(place, boxKey, { base, sentAt, heads: held.heads, text });
  }

  #flood(
    place: Pick<PrivateEnvelope, "to" | "incarnation" | "counter" | "kind">,
    boxKey: Uint8Array,
    content: Content,
  ): readonly PrivateEffect[] {
    const bound = { room: this.config.room, from: this.signer.key, ...place };
    const prologue = encode(prologueSchema, bound);
    const padded = pad(utf8(content.text));
    const signature = this.signer.sign(this.#signed(prologue, content, padded));
    const { base, sentAt, heads } = content;
    const plaintext = encode(contentSchema, { signature, base, sentAt, heads, padded });
    let sealed: Uint8Array;
    try {
      sealed = sealTo(boxKey, prologue, plaintext, this.environment.randomBytes(32));
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      return []; // its beacon names a key that nobody can seal to: it hurts itself alone
    }
    const envelope: PrivateEnvelope = { ...bound, boxKey, sealed };
    return [{ type: "flood", envelope, except: null }];
  }

  /** The content of an envelope that is sealed to us and signed by its sender, else null. */
  #open(envelope: PrivateEnvelope): Content | null {
    const pair = this.#boxKeys.find(({ publicKey }) => sameBytes(publicKey, envelope.boxKey));
    if (pair === undefined) return null; // sealed to a key of before: the sender seals it anew
    const { room, from, to, incarnation, counter, kind } = envelope;
    const prologue = encode(prologueSchema, { room, from, to, incarnation, counter, kind });
    try {
      const content = decode(contentSchema, openFrom(pair, prologue, envelope.sealed));
      const { signature, base, sentAt, heads, padded } = content;
      const signed = this.#signed(prologue, content, padded);
      if (!this.environment.crypto.verify(from, signed, signature)) {
        throw new RemoteProtocolError("Cannot accept a private message: its signature is wrong");
      }
      return { base, sentAt, heads, text: unpad(padded) };
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      // Anybody may have made it: no neighbour answers for what it cannot check.
      const fields = { key: fingerprintOf(from), reason: error.message };
      this.environment.log.info("private envelope dropped", fields);
      return null;
    }
  }

  #signed(
    prologue: Uint8Array,
    { base, sentAt, heads }: Omit<Content, "text">,
    padded: Uint8Array,
  ): Uint8Array {
    const rest = encode(signedRestSchema, { base, sentAt, heads });
    const hash = this.environment.crypto.sha256<Hash>(
      utf8(TAGS.privateMessage),
      prologue,
      rest,
      padded,
    );
    return Uint8Array.fromHex(hash);
  }

  #messageId(from: PeerKey, to: PeerKey, incarnation: number, counter: number): MessageId {
    const place = {
      room: this.config.room,
      from,
      to,
      incarnation,
      counter,
      kind: "message",
    } as const;
    return this.environment.crypto.sha256<MessageId>(
      utf8(TAGS.message),
      encode(prologueSchema, place),
    );
  }

  #newBoxKey(): void {
    this.#boxKeys.push(keyPairFromSeed(this.environment.randomBytes(32)));
    if (this.#boxKeys.length > 2) this.#boxKeys.shift();
  }
}

/** What became of all that a receiver hasn't acknowledged. */
function deliveries(
  { held }: Outgoing,
  state: "queued" | "failed",
  reason: string,
): readonly PrivateEffect[] {
  return [...held.values()].map(({ message: { id, to }, ref }) => ({
    type: "delivery",
    id,
    to,
    state,
    reason,
    ref,
  }));
}

const signedRestSchema = record({
  base: uint(Number.MAX_SAFE_INTEGER),
  sentAt: uint(Number.MAX_SAFE_INTEGER),
  heads: list(headSchema, HEADS_MAX),
});

function pad(text: Uint8Array): Uint8Array {
  const size = PADDED_BYTES.find((bytes) => bytes >= text.length) ?? BUNDLE_TEXT_BYTES_MAX;
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, text.length);
  return concatBytes(length, text, new Uint8Array(size - text.length));
}

/** @throws {RemoteProtocolError} If there is no such text in it. */
function unpad(padded: Uint8Array): string {
  if (padded.length < LENGTH_BYTES) throw badText();
  const length = new DataView(padded.buffer, padded.byteOffset, padded.length).getUint32(0);
  if (length > padded.length - LENGTH_BYTES) throw badText();
  try {
    return UTF8_STRICT.decode(padded.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
  } catch (cause) {
    throw badText(cause);
  }
}

function badText(cause?: unknown): RemoteProtocolError {
  return new RemoteProtocolError("Cannot read a private message: its text isn't UTF-8", { cause });
}
