/**
 * Compares rosters with neighbours and fetches what differs: on a new link, and when a neighbour's beacon
 * has another digest than ours. Fetched entries are handled as if they had been passed on.
 */

import type { Hash, PeerKey } from "../../../base/ids.ts";
import {
  INBOUND_LINKS_MAX,
  ROSTER_BUCKETS_AT_ONCE,
  ROSTER_PART_MAX,
  ROSTER_WANT_MAX,
} from "../schema/limits.ts";
import type { RosterEntry, RosterMessage } from "../schema/messages.ts";
import type { RosterClaims } from "./roster_claims.ts";
import { type Entry, isNewer, rankOf, rosterBucketOf, type RosterTable } from "./roster_table.ts";
import type { RosterOutbox } from "./roster_outbox.ts";
import type { Statement } from "../schema/structures.ts";
import { dropOldest } from "../../../base/collections/bounded.ts";
import { earliestMs } from "../../../base/machine/machine.ts";

/** The same two digests are not compared again for so long: they differ for a reason that time removes. */
const SAME_DIGESTS_MS = 60_000;
/** Pause between comparisons: while members come and go, digests always differ; this finds lost news soon enough. */
const COMPARE_MS = 1_000;

type Message<Type extends RosterMessage["type"]> = Extract<RosterMessage, { readonly type: Type }>;

export class RosterExchange {
  readonly #pull: RosterPull;
  /** Neighbours that have sent their hashes. */
  readonly #told = new Set<PeerKey>();
  /** Both sides' digests when they were last compared with a neighbour; at most one for each. */
  readonly #compared = new Map<PeerKey, { readonly digests: string; readonly atMs: number }>();

  constructor(
    readonly self: PeerKey,
    readonly table: RosterTable,
    readonly claims: Pick<RosterClaims, "vouch">,
    readonly outbox: Pick<RosterOutbox, "send">,
    /** How long parts are awaited. */
    pullMs: number,
  ) {
    this.#pull = new RosterPull(pullMs);
  }

  /** Sends a neighbour our hashes; it asks for what it lacks. */
  tell(to: PeerKey): void {
    this.outbox.send(to, { type: "roster-summary", hashes: this.table.digest.hashes() });
  }

  /** Compares the digest in a neighbour's beacon with ours. */
  compare(peer: PeerKey, theirs: Hash, nowMs: number): void {
    const ours = this.table.digest.root();
    if (theirs === ours) return;
    const digests = ours + theirs;
    const compared = this.#compared.get(peer);
    const pauseMs = compared?.digests === digests ? SAME_DIGESTS_MS : COMPARE_MS;
    if (compared !== undefined && nowMs - compared.atMs < pauseMs) return;
    this.#compared.set(peer, { digests, atMs: nowMs });
    this.tell(peer);
  }

  /** A neighbour wasn't sent all that we passed on: sends it our hashes, so that it can ask for it. */
  missed(peer: PeerKey, nowMs: number): void {
    const compared = this.#compared.get(peer);
    if (compared !== undefined && nowMs - compared.atMs < COMPARE_MS) return;
    this.#compared.set(peer, { digests: "", atMs: nowMs });
    this.tell(peer);
  }

  /**
   * A neighbour brought a statement about us. An accusation with an earlier beacon than our latest, made while no link
   * was up perhaps, is answered with our latest: comparing rosters wouldn't bring it where they have the same members.
   */
  answer(to: PeerKey, { verdict, incarnation, number }: Statement, nowMs: number): void {
    const own = this.table.get(this.self);
    if (verdict !== "accuse" || own?.state !== "alive") return;
    if (!isNewer(rankOf(own.signed.beacon.value), { incarnation, number, quit: false })) return;
    const { beacon, ageMs } = entryToSend(own, nowMs);
    this.outbox.send(to, { type: "beacons", beacons: [{ signed: beacon, ageMs }] });
  }

  /** A neighbour has sent its hashes. */
  offer(from: PeerKey, { hashes }: Message<"roster-summary">): void {
    this.#pull.offer(from, hashes);
    this.#told.add(from);
  }

  /** Whether we have all that some neighbour knew when it sent its hashes. */
  hasOne(): boolean {
    for (const peer of this.#told) if (!this.#pull.isOpenWith(peer)) return true;
    return false;
  }

  /** A neighbour named a member whose claim we lack. */
  need(from: PeerKey, member: PeerKey): void {
    this.#pull.need(from, rosterBucketOf(member));
  }

  /** Answers a neighbour's question, bucket by bucket. */
  supply(to: PeerKey, want: Message<"roster-want">, nowMs: number): void {
    const known = new Map(want.known.map((rank) => [rank.key, { ...rank, quit: false }]));
    const wanted = new Map<number, Entry[]>(want.buckets.map((bucket) => [bucket, []]));
    for (const [bucket, entries] of wanted) {
      for (const entry of this.table.entriesIn(bucket)) {
        const rank = known.get(entry.key);
        // The question doesn't say which members have quit: such an entry may be sent once more than needed.
        const isLacking = rank === undefined || isNewer(rankOf(entry.signed.beacon.value), rank);
        if (isLacking) entries.push(entry);
      }
    }
    for (const [bucket, entries] of wanted) {
      for (let start = 0; start === 0 || start < entries.length; start += ROSTER_PART_MAX) {
        const part = entries.slice(start, start + ROSTER_PART_MAX);
        this.outbox.send(to, {
          type: "roster-part",
          bucket,
          entries: part.map((entry) => entryToSend(entry, nowMs)),
          last: start + ROSTER_PART_MAX >= entries.length,
        });
      }
    }
    const sent = [...wanted.values()].flat().map(({ claim }) => claim);
    this.claims.vouch(to, sent, nowMs);
  }

  /** Whether this part was asked for, and not so long ago that another neighbour was asked since. */
  isAwaited(from: PeerKey, part: Message<"roster-part">): boolean {
    return this.#pull.awaits(from, part.bucket);
  }

  /** Notes that a part was taken in. */
  partDone(from: PeerKey, { bucket, last }: Message<"roster-part">, nowMs: number): void {
    this.#pull.partCame(from, bucket, last, nowMs);
  }

  /** Asks the next question, if the last one is answered or has timed out. */
  ask(nowMs: number): void {
    const pull = this.#pull.next(() => this.table.digest.hashes(), nowMs);
    if (pull === null) return;
    const known: { key: PeerKey; incarnation: number; number: number }[] = [];
    for (const bucket of pull.buckets) {
      for (const { key, signed } of this.table.entriesIn(bucket)) {
        // We don't name ourselves, so that our own entry comes in any case: the neighbour may hold us for lost.
        if (key === this.self) continue;
        if (known.length === ROSTER_WANT_MAX) break;
        const { incarnation, number } = signed.beacon.value;
        known.push({ key, incarnation, number });
      }
    }
    this.outbox.send(pull.peer, { type: "roster-want", buckets: pull.buckets, known });
  }

  neighbourDown(peer: PeerKey): void {
    this.#pull.drop(peer);
    this.#told.delete(peer);
    this.#compared.delete(peer);
  }

  tick(nowMs: number): void {
    this.#pull.expire(nowMs);
  }

  nextMs(): number | null {
    return this.#pull.dueMs;
  }
}

/** The entry as it is sent: with its age in ms at `nowMs`, so that no clocks are compared. */
function entryToSend({ claim, signed, state, sinceMs }: Entry, nowMs: number): RosterEntry {
  return {
    claim: claim.signed,
    beacon: signed,
    lost: state === "lost",
    ageMs: Math.min(Math.max(0, Math.round(nowMs - sinceMs)), Number.MAX_SAFE_INTEGER),
  };
}

/** A question for a neighbour: the buckets that it is to send. */
interface Pull {
  readonly peer: PeerKey;
  readonly buckets: readonly number[];
}

/** A question that a neighbour is to answer: the buckets that are still to come. */
interface Question {
  readonly buckets: Set<number>;
  /** Until when the next part is awaited. */
  untilMs: number;
  /** Until when no other neighbour is asked; null where others are. */
  aloneUntilMs: number | null;
}

/**
 * Fetching what neighbours' rosters have and ours lacks: from one neighbour at a time, some buckets at a
 * time. With all at once a newcomer to a room of 1,000 would be sent five rosters of 1 MB.
 *
 * A neighbour that lets us wait for long, with a part now and then, keeps its turn; others are asked besides, then and
 * later.
 */
export class RosterPull {
  /** For each neighbour the hashes that haven't been compared yet, by bucket; null: ask in any case. */
  readonly #offers = new Map<PeerKey, Map<number, Hash | null>>();
  /** One for each neighbour at most. */
  readonly #open = new Map<PeerKey, Question>();
  /** Neighbours that once didn't answer, or not within the time in which nobody else is asked. */
  readonly #slow = new Set<PeerKey>();

  /** @param pullMs How long the next part is awaited; twice that nobody else is asked. */
  constructor(private readonly pullMs: number) {}

  /** A neighbour has sent its hashes. */
  offer(peer: PeerKey, hashes: readonly Hash[]): void {
    this.#offers.set(peer, new Map(hashes.entries())); // a known neighbour keeps its turn
    dropOldest(this.#offers, 2 * INBOUND_LINKS_MAX);
  }

  /** A neighbour surely knows something in this bucket that we don't. */
  need(peer: PeerKey, bucket: number): void {
    const offer = this.#offers.get(peer);
    if (offer === undefined) this.#offers.set(peer, new Map([[bucket, null]]));
    else offer.set(bucket, null);
  }

  /** Whether parts of this bucket are awaited from this neighbour. */
  awaits(peer: PeerKey, bucket: number): boolean {
    return this.#open.get(peer)?.buckets.has(bucket) ?? false;
  }

  /** Whether something that this neighbour announced is still to be asked for, or awaited. */
  isOpenWith(peer: PeerKey): boolean {
    return this.#offers.has(peer) || this.#open.has(peer);
  }

  /** A part of this bucket came; the next one is waited for. @param last Of this bucket. */
  partCame(peer: PeerKey, bucket: number, last: boolean, nowMs: number): void {
    const question = this.#open.get(peer);
    if (question === undefined) return;
    question.untilMs = nowMs + this.pullMs;
    if (last) question.buckets.delete(bucket);
    if (question.buckets.size === 0) this.#open.delete(peer);
  }

  /** The neighbour is gone. */
  drop(peer: PeerKey): void {
    this.#offers.delete(peer);
    this.#open.delete(peer);
    this.#slow.delete(peer);
  }

  /**
   * The next question, once the last one is answered, or has had its time.
   * @param hashesNow Our own hashes: what the last neighbour supplied isn't asked for again.
   */
  next(hashesNow: () => readonly Hash[], nowMs: number): Pull | null {
    if (this.#offers.size === 0) return null;
    if (this.#open.values().some(({ aloneUntilMs }) => aloneUntilMs !== null)) return null;
    const own = hashesNow();
    for (const [peer, offer] of this.#offers) {
      if (this.#open.has(peer)) continue;
      const buckets: number[] = [];
      for (const [bucket, hash] of offer) {
        if (buckets.length === ROSTER_BUCKETS_AT_ONCE) break;
        // Compared once: it may go on differing for good reasons.
        offer.delete(bucket);
        if (hash !== own[bucket]) buckets.push(bucket);
      }
      // The others come first next time: a neighbour that offers without end, and answers nothing, holds up nobody.
      this.#offers.delete(peer);
      if (offer.size > 0) this.#offers.set(peer, offer);
      if (buckets.length === 0) continue;
      this.#open.set(peer, {
        buckets: new Set(buckets),
        untilMs: nowMs + this.pullMs,
        aloneUntilMs: this.#slow.has(peer) ? null : nowMs + 2 * this.pullMs,
      });
      return { peer, buckets };
    }
    return null;
  }

  /** Gives up what hasn't come in time. */
  expire(nowMs: number): void {
    for (const [peer, question] of this.#open) {
      const { untilMs, aloneUntilMs } = question;
      const isOver = untilMs <= nowMs;
      if (!isOver && (aloneUntilMs === null || nowMs < aloneUntilMs)) continue;
      this.#slow.add(peer);
      question.aloneUntilMs = null;
      if (isOver) this.#open.delete(peer);
    }
  }

  /** When `expire` has something to do, and `next` may have something to ask then. */
  get dueMs(): number | null {
    let next: number | null = null;
    for (const { untilMs, aloneUntilMs } of this.#open.values()) {
      next = earliestMs(next, untilMs, aloneUntilMs);
    }
    return next;
  }
}
