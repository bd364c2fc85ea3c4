/**
 * Anti-entropy: two neighbours compare what they have delivered, and each gets from the other what it lacks.
 *
 * A round narrows down in four steps, each a message of bounded size: roots; 256 bucket hashes; entries of
 * the buckets that differ, a page of at most 1,024 at a time; then ranges in room order, whose pace the
 * receiver sets. A newcomer that has nothing yet begins with the third, for all buckets. Both sides compare, so that
 * one round brings both what they lack. Neither side stores more than positions and counters for the other: a slow
 * reader costs nothing.
 *
 * Besides rounds, a member asks its neighbours about just the streams in which it misses something: the bundles that
 * wait for it are delivered as soon as all neighbours have said that they lack it, however much else differs.
 *
 * A member to which a neighbour announces more than grafts fetch begins a round with that neighbour at once, or
 * when what is being sent to it already has arrived.
 *
 * Every wait has a deadline. A neighbour that says that it has more and then sends nothing is penalised from the second
 * time on, and another neighbour is asked.
 *
 * Source: Demers et al., Epidemic Algorithms for Replicated Database Maintenance (PODC 1987), section 1.3
 * (anti-entropy with checksums). A tree of hashes has one level of 256 here: with 65,536 authors a
 * page is one bucket, and an idle pair compares 32 bytes.
 */

import type { Environment } from "../../../base/machine/environment.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { talkTimeMs } from "../../../base/machine/common_times.ts";
import { jittered } from "../../../base/rates/retry_pauses.ts";
import type { Machine } from "../../../base/machine/machine.ts";
import type {
  AntiEntropyConfig,
  AntiEntropyEffect,
  AntiEntropyInput,
  AntiEntropyQueries,
} from "./anti_entropy_io.ts";
import { bucketOf, BUCKETS, letGoThrough, nothingOf } from "../log/frontier_table.ts";
import {
  SYNC_AGAIN_MS,
  SYNC_ANSWER_MS_MAX,
  SYNC_ENTRIES_MAX,
  SYNC_HAND_OVER_MS,
  SYNC_INTERVAL_MS,
  SYNC_PAGE_MS_MAX,
  SYNC_ROUND_ENTRIES_MAX,
  SYNC_STREAMS_MAX,
  SYNC_YIELD_MS,
  WANT_RETRY_MS,
} from "../schema/limits.ts";
import type { SyncEntry, SyncMessage } from "../schema/messages.ts";
import type { OrderQueries } from "../log/order_io.ts";
import { SecondSource } from "./second_source.ts";
import type { StreamKey } from "../schema/structures.ts";
import { compareFrontiers, type Want } from "./sync_compare.ts";
import { SyncFetching } from "./sync_fetching.ts";
import { type OwnCounters, type Round, SyncPeer } from "./sync_peer.ts";
import { SyncSupplying } from "./sync_supplying.ts";

type Of<Type extends SyncMessage["type"]> = Extract<SyncMessage, { readonly type: Type }>;
/** A `sync-frontiers` without its entries. */
interface Said extends Omit<Of<"sync-frontiers">, "entries"> {
  readonly entries: readonly SyncEntry[];
}

const NONE: ReadonlySet<never> = new Set();
const ALL_BUCKETS: readonly number[] = Array.from({ length: BUCKETS }, (_, bucket) => bucket);
/** How many neighbours a newcomer asks: one alone may be behind, or lie. */
const NEWCOMER_ROUNDS = 2;

export class AntiEntropy
  implements Machine<AntiEntropyInput, AntiEntropyEffect>, AntiEntropyQueries {
  /** One for each neighbour. */
  readonly #peers = new Map<PeerKey, SyncPeer>();
  #nextRoundMs = Infinity;
  /** The last neighbour that announced much that we lack. */
  #ahead: PeerKey | null = null;
  #caughtUp: boolean;
  /** We are leaving: what we said must reach a member that stays. */
  #handingOver = false;
  #nowMs = 0;
  #effects: AntiEntropyEffect[] = [];
  readonly #supplying: SyncSupplying;
  readonly #fetching: SyncFetching;
  readonly #second: SecondSource;

  constructor(
    readonly config: AntiEntropyConfig,
    readonly env: Environment,
    readonly order: OrderQueries,
  ) {
    this.#caughtUp = !config.newcomer;
    this.#second = new SecondSource(config.mayBeOthers);
    const emit = (effect: AntiEntropyEffect) => this.#effects.push(effect);
    this.#supplying = new SyncSupplying(order, emit);
    this.#fetching = new SyncFetching(order, this.#peers, (effect) => {
      if (effect.type !== "passed-over") return void this.#effects.push(effect);
      this.#effects.push(...this.#second.passedOver(effect, this.#nowMs));
    });
  }

  /** The neighbours that still have something to send. */
  sources(): ReadonlySet<PeerKey> {
    const sources = this.#peers.entries().filter(([, { fetch }]) => fetch !== null);
    return new Set(sources.map(([key]) => key));
  }

  *wanted(): Iterable<Want> {
    for (const { fetch } of this.#peers.values()) yield* fetch?.wants.values() ?? [];
  }

  caughtUp(): boolean {
    return this.#caughtUp;
  }

  hasOwn(key: PeerKey): boolean {
    const held = this.#peers.get(key)?.ownHeld ?? null;
    if (held === null) return false;
    return this.#ownCounters().entries().every(([incarnation, counter]) =>
      (held.get(incarnation) ?? 0) >= counter
    );
  }

  upToDate(key: PeerKey): boolean {
    return this.#peers.get(key)?.equal ?? false;
  }

  step(input: AntiEntropyInput, nowMs: number): readonly AntiEntropyEffect[] {
    this.#nowMs = nowMs;
    this.#effects = [];
    switch (input.type) {
      case "neighbour-up":
        this.#up(input.peer);
        break;
      case "neighbour-down": {
        const wasSending = (this.#peers.get(input.peer)?.fetch ?? null) !== null;
        this.#peers.delete(input.peer);
        this.#second.down(input.peer);
        this.#checkCaughtUp();
        if (wasSending) this.#turnToOthers(input.peer);
        break;
      }
      case "message": {
        const peer = this.#peers.get(input.from);
        // Two members don't become neighbours at the same instant: the earlier one's question is dropped here, and
        // is answered by the round that we begin ourselves.
        if (peer === undefined) break;
        // Beyond the rate limit a neighbour gets no answer: it asks another one, or us again after its deadline.
        if (!isQuestion(input.message) || peer.mayAsk(input.message, nowMs)) {
          this.#message(input.from, peer, input.message);
        }
        break;
      }
      case "arrived":
        this.#fetching.arrived(input.from, input.bundle);
        break;
      case "taken-in":
        this.#fetching.takenIn(input.from, input.bundle, nowMs);
        break;
      case "behind":
        this.#beginSoon(input.peer, 0);
        break;
      case "far-ahead":
        this.#ahead = input.peer;
        break;
      case "congested": {
        const peer = this.#peers.get(input.peer);
        if (peer !== undefined) peer.congested = true;
        break;
      }
      case "drained": {
        const peer = this.#peers.get(input.peer);
        if (peer !== undefined) this.#supplying.drained(input.peer, peer, nowMs);
        break;
      }
      case "hand-over":
        this.#handingOver = true;
        for (const key of this.#peers.keys()) this.#beginSoon(key, 0);
        break;
      case "stuck": {
        const gaps = this.order.gaps();
        for (const [key, peer] of this.#peers) {
          this.#askGaps(key, peer, gaps);
          this.#beginSoon(key, peer.complete ? SYNC_INTERVAL_MS : WANT_RETRY_MS);
        }
        break;
      }
      case "tick":
        break;
      default:
        unreachable(input);
    }
    this.#serveDeadlines();
    return this.#effects;
  }

  nextDeadlineMs(): number | null {
    let next = this.#peers.size === 0 ? Infinity : this.#nextRoundMs;
    next = Math.min(next, this.#second.nextMs());
    for (const peer of this.#peers.values()) next = Math.min(next, peer.nextDeadlineMs());
    return next === Infinity ? null : next;
  }

  #up(key: PeerKey): void {
    const yields = this.#caughtUp && this.config.key > key;
    this.#peers.set(key, new SyncPeer(this.#nowMs + (yields ? SYNC_YIELD_MS : 0)));
    if (this.#nextRoundMs === Infinity) this.#planRound();
  }

  /** Begins a round with `key` as soon as possible, at least `pauseMs` after the last one began. */
  #beginSoon(key: PeerKey, pauseMs: number): void {
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    const atMs = Math.max(this.#nowMs, peer.lastBegunMs + pauseMs);
    peer.beginAtMs = Math.min(peer.beginAtMs, atMs);
  }

  #planRound(): void {
    // Members that joined together must not compare at the same moment for ever.
    const pauseMs = jittered(SYNC_INTERVAL_MS, this.env.random());
    this.#nextRoundMs = talkTimeMs(this.#nowMs + pauseMs);
  }

  #serveDeadlines(): void {
    this.#believe(this.#second.due(this.#nowMs));
    // While another neighbour is sending, this one waits: it may have the same.
    if (this.#ahead !== null && this.sources().size === 0) {
      this.#beginSoon(this.#ahead, SYNC_AGAIN_MS);
      this.#ahead = null;
    }
    for (const [key, peer] of this.#peers) {
      if ((peer.round?.deadlineMs ?? Infinity) <= this.#nowMs) this.#abandonRound(key, peer);
      if ((peer.fetch?.deadlineMs ?? Infinity) <= this.#nowMs) this.#abandonFetch(key, peer);
      if (peer.supply !== null && peer.supplyDeadlineMs <= this.#nowMs) {
        this.#supplying.due(key, peer, this.#nowMs);
      }
      if (peer.busy || peer.beginAtMs > this.#nowMs) continue;
      const restMs = peer.restMs(this.#nowMs);
      if (restMs > 0) peer.beginAtMs = this.#nowMs + restMs;
      else this.#begin(key, peer);
    }
    if (this.#nextRoundMs > this.#nowMs || this.#peers.size === 0) return;
    this.#planRound();
    this.#beginWithAnother(null);
  }

  /** Begins a round with a random neighbour; not with `except` if there is another. */
  #beginWithAnother(except: PeerKey | null): void {
    const idle = [...this.#peers].filter(([key, peer]) =>
      key !== except && !peer.busy && peer.restMs(this.#nowMs) === 0
    );
    const drawn = idle[Math.floor(this.env.random() * idle.length)];
    if (drawn !== undefined) this.#begin(...drawn);
  }

  #said(key: PeerKey, peer: SyncPeer, message: Of<"sync-frontiers">): void {
    const said: Said = { ...message, entries: saidIn(message) };
    if (!said.entries.every(isPossible)) {
      return this.#penalise(key, "protocol", "sent a frontier that can't be");
    }
    if (said.reply) return this.#asked(key, peer, said);
    if (said.buckets.length === 0) return this.#saidOfGaps(key, peer, said);
    return this.#answered(key, peer, said);
  }

  // The side that begins.

  #begin(key: PeerKey, peer: SyncPeer): void {
    peer.begins(this.#nowMs);
    peer.round = {
      own: this.#ownCounters(),
      remaining: [],
      page: null,
      compared: new Set(),
      entries: [],
      deadlineMs: this.#nowMs + SYNC_ANSWER_MS_MAX,
    };
    if (this.config.newcomer && this.#entriesBeside(NONE).length === 0) {
      // All that the neighbour has differs: hashes wouldn't say more, and take a round trip.
      peer.round.remaining = ALL_BUCKETS;
      this.#sendPage(key, peer.round);
    } else {
      peer.questions.push("summary");
      this.#send(key, { type: "sync-summary", root: this.order.root() });
    }
    this.#askGaps(key, peer, this.order.gaps());
  }

  /**
   * Asks how far the neighbour is in the streams in which we miss something. Equal hashes don't show that for a stream
   * of which nothing is kept; and this costs a few entries, where a round compares everything that differs.
   */
  #askGaps(key: PeerKey, peer: SyncPeer, gaps: readonly SyncEntry[]): void {
    if (gaps.length === 0 || !peer.gaps.mayAsk(this.#nowMs) || peer.owedMs(this.#nowMs) > 0) return;
    peer.gaps.asked(gaps, this.#nowMs);
    this.#sendEntries(key, [], gaps, true);
  }

  #saidOfGaps(key: PeerKey, peer: SyncPeer, { entries, last }: Said): void {
    const answer = peer.gaps.answered(entries, last, this.#nowMs);
    if (answer === null) return;
    const { streams, atMs } = answer;
    const wants = this.#compare(key, answer.entries, { gaps: streams }, atMs);
    this.#fetching.want(key, peer, wants, this.#nowMs);
  }

  #abandonRound(key: PeerKey, peer: SyncPeer): void {
    peer.round = null;
    peer.abandoned++;
    this.#forgetQuestion(peer, "summary");
    this.#beginWithAnother(key);
  }

  #buckets(key: PeerKey, peer: SyncPeer, { hashes }: Of<"sync-buckets">): void {
    const { round } = peer;
    peer.abandoned = 0;
    if (round === null || round.page !== null) return;
    this.#forgetQuestion(peer, "summary");
    peer.equal = false;
    if (hashes.length !== BUCKETS) {
      peer.round = null;
      return this.#penalise(key, "protocol", `sent ${hashes.length} bucket hashes`);
    }
    const own = this.order.bucketHashes();
    round.remaining = hashes.flatMap((hash, bucket) => hash === own[bucket] ? [] : [bucket]);
    this.#askOn(key, peer);
  }

  /** Asks about what remains to be compared; ends the round where nothing does. */
  #askOn(key: PeerKey, peer: SyncPeer): void {
    const round = peer.round!;
    if (round.remaining.length === 0) return this.#completeRound(key, peer);
    this.#sendPage(key, round);
  }

  /** Sends as many of the remaining buckets as fit into one message, at least one. */
  #sendPage(key: PeerKey, round: Round): void {
    const { buckets, entries } = this.#pageOf(round.remaining);
    round.page = buckets;
    round.deadlineMs = this.#nowMs + SYNC_PAGE_MS_MAX;
    this.#sendEntries(key, buckets, entries, true);
  }

  #answered(key: PeerKey, peer: SyncPeer, message: Said): void {
    const { round } = peer;
    peer.abandoned = 0;
    if (round === null || round.page === null) return;
    const { page } = round;
    const covered = message.buckets.filter((bucket) => page.includes(bucket));
    // A late answer, to a round that we gave up.
    if (covered.length === 0) return;
    const within = new Set(covered);
    for (const entry of message.entries) {
      if (within.has(bucketOf(entry.author))) round.entries.push(entry);
    }
    const enough = round.entries.length >= SYNC_ROUND_ENTRIES_MAX;
    if (!message.last && !enough) return;
    for (const bucket of covered) round.compared.add(bucket);
    round.remaining = round.remaining.filter((bucket) => !within.has(bucket));
    if (round.remaining.length > 0 && !enough) this.#sendPage(key, round);
    else this.#completeRound(key, peer);
  }

  /** Called once all that differs is compared: reports what the neighbour can't supply, and fetches what it can. */
  #completeRound(key: PeerKey, peer: SyncPeer): void {
    const { own, entries, compared } = peer.round!;
    peer.round = null;
    this.#holdsOwn(
      key,
      peer,
      compared.has(bucketOf(this.config.key)) ? heldOf(own, this.#ownOf(entries)) : own,
    );
    const wants = this.#compare(key, entries, { buckets: compared }, peer.lastBegunMs);
    if (wants.length === 0) peer.disappointments = 0;
    const left = this.#fetching.want(key, peer, wants, this.#nowMs);
    peer.left = peer.complete || left.length > SYNC_STREAMS_MAX ? null : left;
    if (left.length === 0 && peer.fetch === null) this.#becomeComplete(key, peer);
  }

  // The side that answers.

  #summary(key: PeerKey, peer: SyncPeer, { root }: Of<"sync-summary">): void {
    peer.looked(this.order.unhashed(), this.#nowMs);
    peer.equal = root === this.order.root();
    if (peer.equal) peer.ownHeld = this.#ownCounters();
    if (!peer.equal) {
      return this.#send(key, { type: "sync-buckets", hashes: this.order.bucketHashes() });
    }
    this.#send(key, { type: "sync-done" });
    this.#equal(key, peer, -Infinity);
  }

  #asked(key: PeerKey, peer: SyncPeer, message: Said): void {
    const room = SYNC_STREAMS_MAX - peer.asked.length;
    peer.asked.push(...message.entries.slice(0, Math.max(0, room)));
    if (!message.last) return;
    const asked = peer.asked;
    peer.asked = [];
    const { buckets, entries } = this.#pageOf([...new Set(message.buckets)]);
    const gaps = asked.filter(({ author }) => !message.buckets.includes(bucketOf(author)))
      .map((entry) => this.order.entryOf(entry) ?? nothingOf(entry));
    this.#sendEntries(key, buckets, [...entries, ...gaps], false);
    const covered = new Set(buckets);
    const theirs = asked.filter((entry) => covered.has(bucketOf(entry.author)));
    const wants = this.#compare(key, theirs, { buckets: covered }, null);
    this.#fetching.want(key, peer, wants, this.#nowMs);
  }

  // Both sides.

  #message(key: PeerKey, peer: SyncPeer, message: SyncMessage): void {
    switch (message.type) {
      case "sync-summary":
        return this.#summary(key, peer, message);
      case "sync-buckets":
        return this.#buckets(key, peer, message);
      case "sync-frontiers":
        peer.floor = message.floor;
        peer.looked(message.entries.length, this.#nowMs);
        return this.#said(key, peer, message);
      case "sync-want":
        return this.#supplying.wanted(key, peer, message, this.#nowMs);
      case "sync-progress":
        return this.#supplying.progress(key, peer, message, this.#nowMs);
      case "sync-done":
        return this.#done(key, peer);
      default:
        return unreachable(message);
    }
  }

  /** The first of `buckets` whose entries fit into one message, at least one, and these entries. */
  #pageOf(
    buckets: readonly number[],
  ): { readonly buckets: readonly number[]; readonly entries: readonly SyncEntry[] } {
    const entries: SyncEntry[] = [];
    let count = 0;
    for (const bucket of buckets) {
      const more = this.order.entriesOf(bucket);
      if (count > 0 && entries.length + more.length > SYNC_ENTRIES_MAX) break;
      for (const entry of more) entries.push(entry);
      count++;
    }
    return { buckets: buckets.slice(0, count), entries };
  }

  #sendEntries(
    key: PeerKey,
    buckets: readonly number[],
    entries: readonly SyncEntry[],
    reply: boolean,
  ): void {
    this.#peers.get(key)?.looked(entries.length, this.#nowMs);
    for (let start = 0; start === 0 || start < entries.length; start += SYNC_ENTRIES_MAX) {
      const chunk = entries.slice(start, start + SYNC_ENTRIES_MAX);
      const last = start + SYNC_ENTRIES_MAX >= entries.length;
      const floor = this.order.floorTime();
      const unkept = unkeptOf(chunk);
      this.#send(key, {
        type: "sync-frontiers",
        buckets,
        entries: chunk,
        reply,
        last,
        floor,
        unkept,
      });
    }
  }

  #compare(
    key: PeerKey,
    entries: readonly SyncEntry[],
    about: { readonly buckets: ReadonlySet<number> } | { readonly gaps: ReadonlySet<StreamKey> },
    askedMs: number | null,
  ): readonly Want[] {
    const isOfGaps = "gaps" in about;
    const whole = askedMs !== null && !isOfGaps;
    const all = whole && this.config.newcomer;
    const { wants, statements, proofs } = compareFrontiers(this.order, entries, {
      buckets: NONE,
      gaps: NONE,
      ...about,
      whole,
      all,
    });
    // A newcomer heeds only rounds that cover everything, and answers to its own questions.
    if (all || isOfGaps || !this.config.newcomer || this.#caughtUp) {
      const floor = this.#peers.get(key)?.floor ?? 0;
      if (all && this.#peers.get(key)?.complete === false) {
        const entries = [...statements, ...this.#entriesBeside(about.buckets)];
        this.#effects.push({ type: "frontiers", from: key, entries, floor });
      }
      const spoken = { type: "not-kept", from: key, entries: statements, floor } as const;
      const isDoubtful = statements.some((entry) =>
        letGoThrough(entry, this.order.frontier(entry).counter + 1) > 0
      );
      this.#effects.push(
        ...this.#second.hear(
          { ...spoken, askedMs: askedMs ?? -Infinity },
          isOfGaps ? "gaps" : "room",
          isDoubtful,
          this.#nowMs,
        ),
      );
    }
    for (const proof of proofs) this.#effects.push({ type: "send-proof", to: key, proof });
    return wants;
  }

  /** Our own entries outside of these buckets: where hashes are equal, the neighbour has the same. */
  #entriesBeside(buckets: ReadonlySet<number>): readonly SyncEntry[] {
    const entries: SyncEntry[] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (buckets.has(bucket)) continue;
      for (const entry of this.order.entriesOf(bucket)) entries.push(entry);
    }
    return entries;
  }

  #done(key: PeerKey, peer: SyncPeer): void {
    peer.abandoned = 0;
    const mayBeLate = peer.unanswered > 0 && (peer.fetch?.takenBytes ?? 0) === 0;
    if (mayBeLate) return void peer.unanswered--;
    const question = peer.questions.shift();
    if (question === "summary" && peer.round !== null) {
      peer.equal = true;
      return this.#askOn(key, peer);
    }
    if (question === "want" && peer.fetch !== null && !peer.questions.includes("want")) {
      this.#fetched(key, peer);
    }
  }

  /** Notes how much of our own messages the neighbour has; while we are leaving, asks it again until it has all. */
  #holdsOwn(key: PeerKey, peer: SyncPeer, held: OwnCounters): void {
    peer.ownHeld = held;
    if (this.#handingOver && !this.hasOwn(key)) this.#beginSoon(key, SYNC_HAND_OVER_MS);
  }

  #ownOf(entries: readonly SyncEntry[]): readonly SyncEntry[] {
    return entries.filter(({ author }) => author === this.config.key);
  }

  #ownCounters(): OwnCounters {
    const own = this.#ownOf(this.order.entriesOf(bucketOf(this.config.key)));
    return new Map(own.map(({ incarnation, counter }) => [incarnation, counter]));
  }

  #equal(key: PeerKey, peer: SyncPeer, askedMs: number): void {
    peer.equal = true;
    this.#compare(key, [], { buckets: new Set() }, askedMs);
    this.#becomeComplete(key, peer);
  }

  #fetched(key: PeerKey, peer: SyncPeer): void {
    const { isMissing, isNothing, wasLong } = this.#fetching.end(key, peer, this.#nowMs);
    if (!isMissing) this.#becomeComplete(key, peer);
    if (isMissing && isNothing) this.#disappointed(key, peer);
    else peer.disappointments = 0;
    // What came waits for what another one is sending: when that ends, it is this one's turn.
    const isOfOthers = isMissing && !isNothing && peer.left !== null && this.sources().size > 0;
    if ((isMissing && !isOfOthers) || wasLong) this.#beginSoon(key, SYNC_AGAIN_MS);
    this.#turnToOthers(key);
  }

  #abandonFetch(key: PeerKey, peer: SyncPeer): void {
    const { isNothing } = this.#fetching.end(key, peer, this.#nowMs);
    peer.unanswered += peer.questions.filter((question) => question === "want").length;
    peer.questions.length = 0;
    peer.isMixed = true;
    if (isNothing) this.#disappointed(key, peer);
    this.#turnToOthers(key);
  }

  /**
   * After a fetch has ended: the rounds with other neighbours that left it to this one are complete, or what they said
   * they have more is fetched from them.
   */
  #turnToOthers(except: PeerKey): void {
    for (const [key, peer] of this.#peers) {
      if (key === except || peer.complete) continue;
      const isHere = peer.left !== null && !peer.busy && this.#fetching.hasReached(peer.left);
      if (isHere) this.#becomeComplete(key, peer);
      else this.#beginSoon(key, SYNC_AGAIN_MS);
    }
  }

  /**
   * Penalises the neighbour from the second time on. The first may be chance: what it had may have become too old to
   * be kept; its next answer says so.
   */
  #disappointed(key: PeerKey, peer: SyncPeer): void {
    if (++peer.disappointments > 1) {
      this.#penalise(key, "broken-promise", "said that it has more, and sent nothing of it");
    }
    this.#beginSoon(key, SYNC_AGAIN_MS);
    this.#beginWithAnother(key);
  }

  #becomeComplete(key: PeerKey, peer: SyncPeer): void {
    if (peer.complete) return;
    peer.complete = true;
    peer.left = null;
    this.#checkCaughtUp();
    this.#effects.push({ type: "caught-up", peer: key });
  }

  /** Believes statements that were held back: goes on without what no other neighbour is there to supply. */
  #believe(spoken: ReturnType<SecondSource["due"]>): void {
    if (spoken.length === 0) return;
    this.#effects.push(...spoken);
    this.#checkCaughtUp();
    for (const { from } of spoken) {
      if (this.#peers.get(from)?.complete) this.#effects.push({ type: "caught-up", peer: from });
    }
  }

  #checkCaughtUp(): void {
    if (this.#second.isAwaited) return;
    let complete = 0;
    for (const peer of this.#peers.values()) if (peer.complete) complete++;
    const enough = Math.min(NEWCOMER_ROUNDS, this.#peers.size);
    if (complete > 0 && complete >= enough) this.#caughtUp = true;
  }

  #forgetQuestion(peer: SyncPeer, question: "summary" | "want"): void {
    const index = peer.questions.indexOf(question);
    if (index >= 0) peer.questions.splice(index, 1);
  }

  #send(to: PeerKey, message: SyncMessage): void {
    this.#effects.push({ type: "send", to, message });
  }

  #penalise(
    peer: PeerKey,
    fault: Extract<AntiEntropyEffect, { type: "penalise" }>["fault"],
    text: string,
  ): void {
    this.#effects.push({ type: "penalise", peer, fault, text });
  }
}

/** Whether answering the message makes us search our frontiers or bundles. */
function isQuestion(message: SyncMessage): boolean {
  const { type } = message;
  return type === "sync-summary" || type === "sync-want" ||
    (type === "sync-frontiers" && message.reply);
}

/** The part of `own` that a neighbour with these entries has. */
function heldOf(own: OwnCounters, entries: readonly SyncEntry[]): OwnCounters {
  return new Map(
    own.entries().map(([incarnation, counter]) => {
      const theirs = entries.find((entry) => entry.incarnation === incarnation)?.counter ?? 0;
      return [incarnation, Math.min(counter, theirs)];
    }),
  );
}

/** The `unkept` numbers that `sync-frontiers` carries beside its entries; empty where all are 0. */
function unkeptOf(entries: readonly SyncEntry[]): readonly number[] {
  return entries.some(({ unkept }) => unkept > 0) ? entries.map(({ unkept }) => unkept) : [];
}

/** Whether the entry is consistent; a frontier at the largest safe integer couldn't be recorded. */
function isPossible({ low, counter, unkept }: SyncEntry): boolean {
  return counter < Number.MAX_SAFE_INTEGER && low <= counter + 1 && unkept <= counter;
}

function saidIn({ entries, unkept }: Of<"sync-frontiers">): readonly SyncEntry[] {
  return entries.map((entry, index) => ({ ...entry, unkept: unkept[index] ?? 0 }));
}
