/** Other members and newcomers: whom to meet, which are heard, and which of their messages count in which epoch. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { DeadlineQueue } from "../../../base/collections/deadline_queue.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { UnknownMessages } from "../../../base/machine/unknown_messages.ts";
import { type Endpoint, isSameEndpoint, type PeerKey } from "../../../base/ids.ts";
import { type Ballot, compareBallots, isSameBallot } from "../schema/epoch.ts";
import { batchBytes } from "../schema/history.ts";
import {
  ATTENDEES_MAX,
  CHAT_BURST,
  CHAT_PER_S,
  CONTROL_BURST,
  CONTROL_PER_S,
  FETCHES_BURST,
  FETCHES_PER_S,
  REMEMBERED_MAX,
  UNORDERED_BYTES_MAX,
} from "../schema/limits.ts";
import type { PeerPlaces } from "../schema/member_io.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { GroupMessage, GroupMessageOf } from "../schema/messages.ts";

/** Pause before a peer that couldn't be reached is tried again. */
const MEET_AGAIN_MS = 2_000;
/** How often that is the pause for a peer that was never heard: it may not want to be met. Then each pause doubles. */
const MEET_SOON_TIMES = 3;
const MEET_AGAIN_MS_MAX = 30_000;
/** Messages kept of a peer that isn't introduced yet: they may arrive before the coordinator's introduction. */
const EARLY_MESSAGES_MAX = 64;
/** Bytes that a message about batches takes in memory, and each run of an order. */
const ORDER_BYTES = 64;
const RUN_BYTES = 40;

export interface Peer {
  readonly key: PeerKey;
  /** Where to meet the peer; null: it met us, and the coordinator hasn't introduced it yet. */
  endpoint: Endpoint | null;
  /** Where it can be reached besides. */
  seen: Endpoint | null;
  relay: number | null;
  /** How often the peer couldn't be reached; null once it was heard. */
  misses: number | null;
  isUp: boolean;
  isSilent: boolean;
  /** Something that was sent between us in the present epoch is lost: the epoch can't go on between us. */
  isBroken: boolean;
  isCongested: boolean;
  /**
   * The peer is connected but holds up the others: we tell the coordinator that we don't hear it, until it catches
   * up.
   */
  isLagging: boolean;
  /** Whether it was lagging before in the present epoch. */
  hasLagged: boolean;
  /** The last epoch that the peer has begun, as it said on this channel. */
  begun: Ballot | null;
  /** Messages of that epoch, which hasn't begun here; or messages from before the peer was introduced. */
  waiting: GroupMessage[];
  waitingBytes: number;
  /** Too many messages waited: some are lost. */
  hasGap: boolean;
  /** Whether messages that we sent it since the epoch began may be lost. */
  isLossy: boolean;
  readonly unknownMessages: UnknownMessages;
  /** Rate limits of its messages. */
  readonly buckets: {
    readonly chat: TokenBucket;
    readonly control: TokenBucket;
    readonly fetches: TokenBucket;
  };
}

/** Messages that belong to an epoch, in one order. */
export type EpochMessage = "data" | "order" | "ack" | "contest" | "marker";

/** An epoch's chat and history take many messages; their volume is bounded elsewhere, in bytes. */
function bucketOf({ buckets }: Peer, { type }: GroupMessage): TokenBucket {
  switch (type) {
    case "data":
    case "order":
    case "ack":
    case "contest":
    case "history":
      return buckets.chat;
    case "fetch":
      return buckets.fetches;
    default:
      return buckets.control;
  }
}

export class Peers {
  readonly #peers = new Map<PeerKey, Peer>();
  /** Peers that broke the rules, and until when they aren't met. */
  readonly #banned = new Map<PeerKey, number>();
  /** When peers that couldn't be reached are tried again. */
  readonly #meetAt = new DeadlineQueue<PeerKey>();
  /** The present epoch; null while in none. */
  #epoch: Ballot | null = null;

  constructor(readonly out: MemberOutput) {}

  get(key: PeerKey): Peer | null {
    return this.#peers.get(key) ?? null;
  }

  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  /** Whether datagrams are exchanged with the peer, without a gap in its messages. */
  isHeard(key: PeerKey): boolean {
    const peer = this.#peers.get(key);
    return peer !== undefined && isHeard(peer);
  }

  /** Peers that are introduced, heard, and not lagging. */
  heard(): readonly PeerKey[] {
    const heard: PeerKey[] = [];
    for (const peer of this.#peers.values()) {
      if (peer.endpoint !== null && isHeard(peer) && !peer.isLagging) heard.push(peer.key);
    }
    return heard;
  }

  /**
   * Meets these peers, and parts from all others.
   * @returns Those that had sent something before they were introduced.
   */
  introduce(wanted: ReadonlyMap<PeerKey, PeerPlaces>): readonly Peer[] {
    for (const peer of this.#peers.values()) {
      if (!wanted.has(peer.key)) this.#part(peer, "not in the group");
    }
    const early: Peer[] = [];
    for (const [key, places] of wanted) {
      const peer = this.#peers.get(key);
      if (peer === undefined) {
        const added = this.#add(key, places);
        if (this.#isBanned(key)) this.#meetAt.set(key, this.#banned.get(key)!);
        else this.#meet(added);
      } else if (peer.endpoint === null) {
        Object.assign(peer, places);
        early.push(peer);
        if (places.seen !== null || places.relay !== null) this.#meet(peer);
      } else if (!isSamePlaces(peer, places)) {
        Object.assign(peer, places);
        if (!this.#isBanned(key)) this.#meet(peer);
      }
    }
    return early;
  }

  #add(key: PeerKey, places: PeerPlaces | null): Peer {
    const peer: Peer = {
      key,
      endpoint: places?.endpoint ?? null,
      seen: places?.seen ?? null,
      relay: places?.relay ?? null,
      misses: 0,
      isUp: false,
      isSilent: false,
      isBroken: false,
      isCongested: false,
      isLagging: false,
      hasLagged: false,
      begun: null,
      waiting: [],
      waitingBytes: 0,
      hasGap: false,
      isLossy: false,
      unknownMessages: new UnknownMessages(),
      buckets: {
        chat: new TokenBucket(CHAT_PER_S, CHAT_BURST),
        control: new TokenBucket(CONTROL_PER_S, CONTROL_BURST),
        fetches: new TokenBucket(FETCHES_PER_S, FETCHES_BURST),
      },
    };
    this.#peers.set(key, peer);
    return peer;
  }

  #meet(peer: Peer): void {
    this.#meetAt.set(peer.key, null);
    const { key, endpoint, seen, relay } = peer;
    this.out.push({ type: "meet", peer: key, endpoint: endpoint!, seen, relay });
  }

  #part(peer: Peer, reason: string): void {
    this.#peers.delete(peer.key);
    this.#meetAt.set(peer.key, null);
    this.out.push({ type: "part", peer: peer.key, reason });
  }

  /** The peer broke the rules: we part from it, and meet it again later. */
  ban(key: PeerKey, reason: string, durationMs: number): void {
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    this.#partFor(peer, reason, durationMs);
    // A newcomer is in no epoch: when the ban is over, it must be able to come in.
    peer.isBroken = this.#epoch !== null;
    this.#banned.delete(key);
    this.#banned.set(key, this.out.nowMs + durationMs);
    dropOldest(this.#banned, REMEMBERED_MAX);
  }

  /** The channel ends, and what waits in it goes out for a second more at most; then another one is made. */
  meetAnew(key: PeerKey, reason: string): void {
    const peer = this.#peers.get(key);
    if (peer?.isUp) this.#partFor(peer, reason, MEET_AGAIN_MS);
  }

  /** The peer is met again after so long. */
  #partFor(peer: Peer, reason: string, durationMs: number): void {
    const { key } = peer;
    this.#lose(peer);
    this.#meetAt.set(key, this.out.nowMs + durationMs);
    this.out.push({ type: "part", peer: key, reason });
  }

  #isBanned(key: PeerKey): boolean {
    return (this.#banned.get(key) ?? -Infinity) > this.out.nowMs;
  }

  /**
   * Whether the peer's rate limits admit one more message. Those of unknown peers always pass: they have no effect
   * here.
   */
  mayHear(key: PeerKey, message: GroupMessage, nowMs: number): boolean {
    const peer = this.#peers.get(key);
    return peer === undefined || bucketOf(peer, message).take(nowMs);
  }

  isCongested(key: PeerKey): boolean {
    return this.#peers.get(key)?.isCongested ?? false;
  }

  // What the datagrams say.

  up(key: PeerKey): Peer | null {
    if (this.#isBanned(key)) {
      this.out.push({ type: "part", peer: key, reason: "it broke the rules" });
      return null;
    }
    let peer = this.#peers.get(key);
    if (peer === undefined) {
      if (this.#peers.size >= ATTENDEES_MAX) {
        this.out.push({ type: "part", peer: key, reason: "not in the group" });
        return null;
      }
      peer = this.#add(key, null);
    }
    peer.isUp = true;
    peer.isSilent = false;
    peer.misses = null;
    this.#meetAt.set(key, null);
    return peer;
  }

  setSilent(key: PeerKey, isSilent: boolean): void {
    const peer = this.#peers.get(key);
    if (peer !== undefined) peer.isSilent = isSilent;
  }

  /** These peers hold up the others, and nobody else does. @returns Those for which that is new in this epoch. */
  setLagging(keys: readonly PeerKey[]): readonly PeerKey[] {
    const lagging: PeerKey[] = [];
    for (const peer of this.#peers.values()) {
      peer.isLagging = keys.includes(peer.key) && (peer.isLagging || isHeard(peer));
      if (!peer.isLagging || peer.hasLagged) continue;
      peer.hasLagged = true;
      lagging.push(peer.key);
    }
    return lagging;
  }

  setCongested(key: PeerKey, isCongested: boolean): void {
    const peer = this.#peers.get(key);
    if (peer !== undefined) peer.isCongested = isCongested;
  }

  /** The peer's process is a new one, or doesn't know us any more. */
  reset(key: PeerKey): Peer | null {
    const peer = this.#peers.get(key);
    if (peer === undefined) return null;
    this.#lose(peer);
    peer.isUp = true;
    return peer;
  }

  /** The channel with the peer is over. */
  ended(key: PeerKey): Peer | null {
    const peer = this.#peers.get(key);
    if (peer === undefined) return null;
    this.#lose(peer);
    if (peer.endpoint === null) this.#peers.delete(key);
    else if (!this.#meetAt.has(key)) this.#meetAt.set(key, this.out.nowMs + pauseMs(peer));
    return peer;
  }

  #lose(peer: Peer): void {
    // The peer has spoken in this epoch: its process, or the channel between us, isn't the same any more.
    if (peer.begun !== null && this.#epoch !== null && isSameBallot(peer.begun, this.#epoch)) {
      peer.isBroken = true;
    }
    peer.isUp = peer.isSilent = peer.isCongested = false;
    peer.begun = null;
    peer.waiting = [];
    peer.waitingBytes = 0;
    peer.isLossy = true;
  }

  /** An epoch begins, or is over (null): losses before it don't matter any more. */
  enterEpoch(epoch: Ballot | null): void {
    this.#epoch = epoch;
    for (const peer of this.#peers.values()) {
      peer.isBroken = peer.hasGap; // messages that waited and were lost belong to the epoch that begins
      peer.hasGap =
        peer.isLossy =
        peer.isLagging =
        peer.hasLagged =
          false;
      if (!peer.isUp && this.#meetAt.has(peer.key)) peer.isLossy = true; // what we send it now is dropped
    }
  }

  // Before and after `begin`.

  /** The peer has begun this epoch: what it said before doesn't belong to it. */
  begun(peer: Peer, ballot: Ballot): void {
    if (peer.begun !== null && compareBallots(ballot, peer.begun) <= 0) return; // or a repetition
    peer.begun = ballot;
    peer.hasGap = false;
    peer.waiting = [];
    peer.waitingBytes = 0;
  }

  /**
   * Decides about a message that belongs to an epoch.
   * @returns Whether to process it now; otherwise it waits, or is void.
   */
  isOfEpoch(peer: Peer, message: GroupMessageOf<EpochMessage>): boolean {
    const epoch = this.#epoch;
    if (peer.begun === null) return false;
    if (epoch !== null && isSameBallot(peer.begun, epoch)) return !peer.isBroken;
    if (epoch === null || compareBallots(peer.begun, epoch) > 0) this.#wait(peer, message);
    return false;
  }

  /** Whether what the peer says now is said in the epoch that we are in. */
  isInEpoch({ begun }: Peer): boolean {
    return begun !== null && this.#epoch !== null && isSameBallot(begun, this.#epoch);
  }

  #wait(peer: Peer, message: GroupMessageOf<EpochMessage>): void {
    if (peer.hasGap) return;
    const bytes = bytesOf(message);
    if (peer.waitingBytes + bytes > UNORDERED_BYTES_MAX) {
      peer.hasGap = true;
      peer.waiting = [];
      return;
    }
    peer.waitingBytes += bytes;
    peer.waiting.push(message);
  }

  /** A message of a peer that isn't introduced yet. */
  early(peer: Peer, message: GroupMessage): void {
    if (peer.waiting.length >= EARLY_MESSAGES_MAX) {
      this.#part(peer, "not in the group");
    } else peer.waiting.push(message);
  }

  /** The messages that have waited. */
  takeWaiting(peer: Peer): readonly GroupMessage[] {
    const { waiting } = peer;
    peer.waiting = [];
    peer.waitingBytes = 0;
    return waiting;
  }

  // Time.

  nextMs(): number | null {
    return this.#meetAt.nextMs();
  }

  tick(nowMs: number): void {
    for (const key of this.#meetAt.takeDue(nowMs)) {
      const peer = this.#peers.get(key);
      if (peer !== undefined && peer.endpoint !== null) this.#meet(peer);
    }
  }
}

/** The pause after one more miss. */
function pauseMs(peer: Peer): number {
  if (peer.misses === null) return MEET_AGAIN_MS;
  peer.misses += 1;
  const growth = 2 ** Math.max(0, peer.misses - MEET_SOON_TIMES);
  return Math.min(MEET_AGAIN_MS * growth, MEET_AGAIN_MS_MAX);
}

function isSamePlaces({ endpoint, seen, relay }: Peer, places: PeerPlaces): boolean {
  return relay === places.relay && isSameEndpoint(endpoint, places.endpoint) &&
    isSameEndpoint(seen, places.seen);
}

function isHeard({ isUp, isSilent, isBroken }: Peer): boolean {
  return isUp && !isSilent && !isBroken;
}

/** Bytes that a message takes in memory. */
function bytesOf(message: GroupMessageOf<EpochMessage>): number {
  if ("signed" in message) return batchBytes(message.signed);
  return ORDER_BYTES + ("runs" in message ? RUN_BYTES * message.runs.length : 0);
}
