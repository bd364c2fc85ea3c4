/**
 * Which links there are, and which of them is *the* link to a member.
 *
 * A link starts as `admitting` and becomes `member` when both ends have shown that they belong to the room.
 * Two links between the same two members happen when both dial at once. Both ends then keep the one that
 * the smaller key dialled (of two by the same end, the newer; of two processes of the peer, the later's), send no
 * more on the other, go on listening to it while what is in flight arrives, and close it.
 *
 * The ends may disagree about which link is newer, so that each drains the one that the other keeps. So the end with
 * the larger key waits longer before it closes, and where the link that was kept goes down first, the other one is
 * the member's link again: two links become one at both ends, and never none.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { ClaimId, Endpoint, LinkId, PeerKey } from "../../../base/ids.ts";
import { invariant } from "../../../base/invariant.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { UnknownMessages } from "../../../base/machine/unknown_messages.ts";
import type { ChannelSecret } from "../../noise/channel_handshake.ts";
import {
  CLAIMS_ON_LINK_MAX,
  LINK_MESSAGES_BURST,
  LINK_MESSAGES_PER_SECOND,
} from "../schema/limits.ts";

export interface MeshLink {
  readonly link: LinkId;
  readonly peer: PeerKey;
  readonly dialled: boolean;
  /** Where we dialled the peer, or from where it dialled us. */
  readonly remote: Endpoint;
  /** The secret that both ends know; null where none was needed. */
  readonly secret: ChannelSecret | null;
  readonly state: "admitting" | "member" | "draining";
}

/** Where our dial has met the link's peer; null where the peer dialled us, which proves no address. */
export function reachedAt(link: MeshLink | null): Endpoint | null {
  return link?.dialled === true ? link.remote : null;
}

interface Entry extends MeshLink {
  state: MeshLink["state"];
  readonly upAtMs: number;
  /** The link has brought a message of a known type. */
  heard: boolean;
  /** The link has to make room for another one, and is being closed. */
  displaced: boolean;
  /** We are closing the link. */
  closing: boolean;
  /** The peer's incarnation, from the beacon that made it a member link. */
  incarnation: number;
  /** Claims that this link has carried; the oldest are forgotten first, and sent again. */
  readonly claimsSent: Set<ClaimId>;
  drainedAtMs: number | null;
  /** The link's data queue is full. */
  congested: boolean;
  readonly unknownMessages: UnknownMessages;
  readonly rate: TokenBucket;
}

/** The outcome for a link that is a member link now. */
type Promotion =
  /** It is the peer's only member link: the peer has come. */
  | { readonly kind: "first" }
  /** It takes the place of `other`, which belongs to an earlier process of the peer. */
  | { readonly kind: "successor"; readonly other: LinkId }
  /** There are two links, and one is drained: this one, or the earlier one. Nothing changes for the peer. */
  | { readonly kind: "second"; readonly drained: LinkId };

export class LinkTable {
  readonly #links = new Map<LinkId, Entry>();
  readonly #members = new Map<PeerKey, Entry>();
  /** Links with a `drainedAtMs`. */
  readonly #draining = new Set<Entry>();

  constructor(
    readonly self: PeerKey,
    /** What is in flight on a link arrives within this time; the larger key gives it twice as long. */
    readonly drainMs: number,
  ) {}

  get size(): number {
    return this.#links.size;
  }

  /** Links that aren't member links yet, without those that had to make room. */
  get admitting(): number {
    let count = 0;
    for (const { state, displaced } of this.#links.values()) {
      if (state === "admitting" && !displaced) count++;
    }
    return count;
  }

  /** Notes that a message of a known type came on the link. */
  heard(link: LinkId): void {
    this.#entry(link).heard = true;
  }

  /**
   * Makes room for `newcomer`: takes its place from the oldest inbound link that came up by `silentSinceMs` and has
   * never said anything.
   * @returns Which link has no place any more, to be closed: the newcomer itself where there is no such link.
   */
  makeRoom(newcomer: LinkId, silentSinceMs: number): LinkId {
    const entry = this.#oldestSilent(silentSinceMs) ?? this.#entry(newcomer);
    entry.displaced = true;
    return entry.link;
  }

  #oldestSilent(sinceMs: number): Entry | null {
    for (const entry of this.#links.values()) {
      if (entry.upAtMs > sinceMs) return null;
      const { dialled, displaced, heard, state } = entry;
      if (!dialled && !displaced && !heard && state === "admitting") return entry;
    }
    return null;
  }

  add(link: Omit<MeshLink, "state">, nowMs: number): void {
    invariant(!this.#links.has(link.link), "a link comes up once");
    this.#links.set(link.link, {
      ...link,
      state: "admitting",
      upAtMs: nowMs,
      heard: false,
      displaced: false,
      closing: false,
      incarnation: 0,
      claimsSent: new Set(),
      drainedAtMs: null,
      congested: false,
      unknownMessages: new UnknownMessages(),
      rate: new TokenBucket(LINK_MESSAGES_PER_SECOND, LINK_MESSAGES_BURST),
    });
  }

  get(link: LinkId): MeshLink | null {
    return this.#links.get(link) ?? null;
  }

  /** The link over which to talk to a member. */
  memberLink(peer: PeerKey): MeshLink | null {
    return this.#members.get(peer) ?? null;
  }

  /** All links, in the order in which they came up. */
  all(): Iterable<MeshLink> {
    return this.#links.values();
  }

  /**
   * Forgets a link that is down.
   * @returns The peer whose member link it was, null where it was none.
   */
  remove(link: LinkId): PeerKey | null {
    const entry = this.#links.get(link);
    this.#links.delete(link);
    if (entry !== undefined) this.#draining.delete(entry);
    if (entry === undefined || this.#members.get(entry.peer) !== entry) return null;
    this.#members.delete(entry.peer);
    return entry.peer;
  }

  /** Notes that we are closing this link: it must not take another one's place. */
  closes(link: LinkId): void {
    const entry = this.#links.get(link);
    if (entry !== undefined) entry.closing = true;
  }

  isClosing(link: LinkId): boolean {
    return this.#links.get(link)?.closing === true;
  }

  /**
   * Called when the peer's member link is down: a link that is being drained takes its place.
   * @returns That link; null where there is none.
   */
  inherit(peer: PeerKey): MeshLink | null {
    const heir = this.#links.values().find((entry) =>
      entry.peer === peer && entry.state === "draining" && !entry.closing
    );
    if (heir === undefined) return null;
    heir.state = "member";
    heir.drainedAtMs = null;
    this.#draining.delete(heir);
    this.#members.set(peer, heir);
    return heir;
  }

  /** Makes a link a member link; `incarnation` is that of the beacon its peer showed on it. */
  promote(link: LinkId, incarnation: number, nowMs: number): Promotion {
    const entry = this.#entry(link);
    const before = this.#members.get(entry.peer);
    entry.incarnation = incarnation;
    if (before === entry) return { kind: "first" };
    if (before === undefined) {
      entry.state = "member";
      this.#members.set(entry.peer, entry);
      return { kind: "first" };
    }
    if (this.#wins(entry, before)) {
      this.#drain(before, nowMs);
      entry.state = "member";
      this.#members.set(entry.peer, entry);
      return incarnation > before.incarnation
        ? { kind: "successor", other: before.link }
        : { kind: "second", drained: before.link };
    }
    this.#drain(entry, nowMs);
    return { kind: "second", drained: entry.link };
  }

  noteCongested(link: LinkId, congested: boolean): void {
    const entry = this.#links.get(link);
    if (entry !== undefined) entry.congested = congested;
  }

  isCongested(link: LinkId): boolean {
    return this.#links.get(link)?.congested === true;
  }

  /** The links that were drained long enough and are to be closed; each is returned once. */
  takeDrained(nowMs: number): readonly LinkId[] {
    const due: LinkId[] = [];
    for (const entry of this.#links.values()) {
      if (entry.drainedAtMs === null || entry.drainedAtMs > nowMs) continue;
      entry.drainedAtMs = null;
      this.#draining.delete(entry);
      due.push(entry.link);
    }
    return due;
  }

  nextDrainedMs(): number | null {
    let next: number | null = null;
    for (const { drainedAtMs } of this.#draining) {
      if (drainedAtMs !== null && (next === null || drainedAtMs < next)) next = drainedAtMs;
    }
    return next;
  }

  /** Whether the link's rate limit allows so many more messages now. */
  takeMessages(link: LinkId, messages: number, nowMs: number): boolean {
    return this.#entry(link).rate.take(nowMs, messages);
  }

  /** Counts one more message of an unknown type. @returns What is wrong with that; null where it is ignored. */
  unknownFault(link: LinkId, nowMs: number): string | null {
    return this.#entry(link).unknownMessages.fault(nowMs);
  }

  /** Whether this link hasn't carried the claim; remembers that it has from now on. */
  needsClaim(peer: PeerKey, claim: ClaimId): boolean {
    const sent = this.#members.get(peer)?.claimsSent;
    if (sent === undefined || sent.has(claim)) return false;
    sent.add(claim);
    dropOldest(sent, CLAIMS_ON_LINK_MAX);
    return true;
  }

  /** The peer lacks this claim after all: the next bundle carries it again. */
  forgetClaim(peer: PeerKey, claim: ClaimId): void {
    this.#members.get(peer)?.claimsSent.delete(claim);
  }

  #wins(fresh: Entry, old: Entry): boolean {
    if (fresh.incarnation !== old.incarnation) return fresh.incarnation > old.incarnation;
    const freshDialler = fresh.dialled ? this.self : fresh.peer;
    const oldDialler = old.dialled ? this.self : old.peer;
    return freshDialler === oldDialler || freshDialler < oldDialler;
  }

  #drain(entry: Entry, nowMs: number): void {
    entry.state = "draining";
    entry.drainedAtMs = nowMs + (this.self < entry.peer ? this.drainMs : 2 * this.drainMs);
    this.#draining.add(entry);
  }

  #entry(link: LinkId): Entry {
    const entry = this.#links.get(link);
    invariant(entry !== undefined, "only a link that is up is asked for");
    return entry;
  }
}
