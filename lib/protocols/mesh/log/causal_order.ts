/**
 * Causal order and exactly-once delivery of signed bundles.
 *
 * Picture: a hash graph. Each bundle names its author's previous one and the latest ones that the author
 * had been shown (its heads). A member delivers a bundle when all of these are delivered, and keeps for each
 * author's incarnation how far it got (the frontier), so that nothing is delivered twice, whatever comes
 * again, and whatever prefix of its records the disk holds after a crash.
 *
 * A gap (something between frontier and bundle that isn't there) is asked for at whoever sent the bundle:
 * a member relays only what it has delivered, so it had what came before. It is skipped only when every
 * neighbour has said that it can't supply it. A head of another author that nobody can supply is waived for
 * that one bundle, and moves no frontier: else one liar could make members skip what an honest author has
 * yet to say. So is one in whose place its author said something else, and one that would follow what names
 * it. What was gone on without may have followed what comes later (`causal_floor.ts`).
 *
 * Whether a bundle holds never depends on the receiver: not on its clock, nor on what it has seen. What
 * two members judged differently would part them for ever.
 *
 * Sources: Birman and Joseph, Reliable Communication in the Presence of Failures (ACM TOCS 1987), for causal
 * order; Kang, Wilensky and Kubiatowicz, The Hash History Approach (ICDCS 2003), for histories that name
 * themselves by hashes. Unlike append-only feeds, a restored backup forks nothing here: every start of a
 * process is an incarnation of its own.
 *
 * The caller's duties beside those of `Machine`: what `persist` has no token needs no answer; a bundle's
 * records may be synced after it is passed on, but before its messages are shown. Own bundles are
 * delivered, here too, only after `stored`.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { P2pchatError } from "../../../base/errors.ts";
import type { BundleId, PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { Deadlines, type Machine } from "../../../base/machine/machine.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { Authoring, type OwnBundle } from "./authoring.ts";
import {
  bundleId,
  formFault,
  isAuthentic,
  keptBytes,
  lastCounter,
  latestTime,
  messageId,
} from "./bundle.ts";
import { CausalFloor, type Lateness } from "./causal_floor.ts";
import { type Conflict, findConflict } from "./conflicts.ts";
import { checkProof, type Guilt } from "./equivocation.ts";
import { ID_UNKNOWN } from "./frontier_table.ts";
import { Gaps } from "./gaps.ts";
import { isExcluded, isPassed, Ledger } from "./ledger.ts";
import {
  GAP_LOOKS_BURST,
  GAP_LOOKS_PER_S,
  HELD_MS_MAX,
  NEXT_IS_HERE_MS_MAX,
  PARENT_GRACE_MS,
  RANGE_PARENT_GRACE_MS,
  WAITING_MS_MAX,
  WANT_RETRY_MS,
} from "../schema/limits.ts";
import type { ClaimPort, OrderConfig, OrderEffect, OrderInput, OwnText } from "./order_io.ts";
import { OrderView } from "./order_view.ts";
import type { MeshRecord } from "../schema/records.ts";
import {
  type Bundle,
  type Head,
  type Header,
  type Proof,
  type Stream,
  type StreamKey,
  streamKey,
  streamOf,
} from "../schema/structures.ts";
import {
  type Blocker,
  FLOOR,
  inRoomOrder,
  isBelied,
  missingHead,
  type WaitingBundle,
  WaitingPool,
} from "./waiting_pool.ts";

type Penalty = Extract<OrderEffect, { type: "penalise" }>["fault"];

/** What a user reads when it is proven that two different things were said in their name. */
const CLOSED_TEXT =
  "Not sent: something else was said in your name, by a copy of this program or with a stolen key; " +
  "others take nothing more from this session. Quit, and start again";

/** A bundle, and how it came. */
type Arrival = Extract<OrderInput, { type: "bundle" }>;

export class CausalOrder extends OrderView implements Machine<OrderInput, OrderEffect> {
  readonly #gaps: Gaps;
  readonly #deadlines = new Deadlines({
    /** When parents are asked for, and bundles that have waited too long are dropped. */
    waiting: () => this.#serveWaiting(),
    /** When the waiting bundles are re-examined for what neighbours have said meanwhile. */
    gaps: () => this.#considerGapsInTime(),
    /** When the next bundle of kind `heads` may be made. */
    reference: () => this.#author(),
  });
  #nowMs = 0;
  /** Of the current step. */
  #effects: OrderEffect[] = [];
  #records: MeshRecord[] = [];
  /** Bundles to be re-examined before the step ends, each once for every event that concerns it. */
  #unsettled: WaitingBundle[] = [];
  #isSettling = false;
  /** Streams that have moved on in this round: what waits for a later place of them waits anew. */
  readonly #moved = new Set<StreamKey>();
  /** Bundles that now wait for something else, or anew, and weren't considered since. */
  readonly #newlyBlocked = new Set<WaitingBundle>();
  readonly #gapLooks = new TokenBucket(GAP_LOOKS_PER_S, GAP_LOOKS_BURST);
  /** `stuck` isn't emitted again before this time. */
  #stuckAtMs = -Infinity;
  /** When a bundle was last taken in that had waited or came in a range: the catch-up goes on. */
  #caughtUpAtMs = -Infinity;

  constructor(
    readonly config: OrderConfig,
    readonly env: Environment,
    signer: Signer,
    readonly claimOf: ClaimPort,
  ) {
    super(
      new Ledger(
        env.crypto,
        env.wallMs,
        { author: signer.key, incarnation: config.incarnation },
        config.keptMessagesMax,
      ),
      new WaitingPool(),
      new Authoring(config, env.crypto, signer, env.wallMs),
      new CausalFloor(),
    );
    let newcomer = true;
    let lacksOld = false;
    for (const record of config.records) {
      this.ledger.restore(record);
      if (record.kind === "bundle" || record.kind === "frontier") newcomer = false;
      lacksOld ||= record.kind === "frontier" && record.entries.some(({ low }) => low > 1);
    }
    this.ledger.time.comesIn();
    this.#gaps = new Gaps(
      newcomer,
      config.mayBeOthers,
      (stream) => this.pool.isAwaited(stream),
    );
    // What an earlier process went on without, and after which of its bundles, isn't on disk: perhaps after all of
    // them.
    if (lacksOld) this.causalFloor.raise(latestTime(this.ledger.heads(), config.genesisTime));
  }

  step(input: OrderInput, nowMs: number): readonly OrderEffect[] {
    this.#nowMs = nowMs;
    this.#effects = [];
    this.#records = [];
    const { floor } = this.ledger.kept;
    this.#dispatch(input);
    if (this.ledger.kept.floor !== floor) {
      this.#settleAll(this.pool.blockedOn(FLOOR));
    }
    this.#armReference();
    const { effects, records } = { effects: this.#effects, records: this.#records };
    if (records.length > 0) effects.unshift({ type: "persist", records, token: null });
    return effects;
  }

  nextDeadlineMs(): number | null {
    return this.#deadlines.nextMs();
  }

  #dispatch(input: OrderInput): void {
    switch (input.type) {
      case "bundle":
        return this.#receive(input);
      case "say":
        return this.#say(input.texts);
      case "stored":
        return this.#stored(input.token);
      case "not-stored":
        return this.#notStored(input.token, input.text);
      case "own-claim":
        this.authoring.claim = input.claim;
        return this.#author();
      case "neighbours":
        this.#gaps.setNeighbours(input.peers, this.#nowMs);
        return this.#considerGapsInTime();
      case "not-kept":
        return this.#notKept(input);
      case "not-given":
        this.#gaps.notGiven(input);
        return this.#considerGapsInTime();
      case "passed-over":
        this.#gaps.passedOver(input);
        return this.#considerGapsInTime();
      case "claim-known":
        return this.#settleAll(this.pool.blockedOn(input.claim));
      case "proof":
        return this.#proof(input.from, input.proof);
      case "peer-down":
        this.pool.linkDown(input.peer);
        this.#gaps.peerDown(input.peer);
        return;
      case "caught-up":
        this.#gaps.newcomer = false;
        this.ledger.time.caughtUp();
        return;
      case "tick":
        this.#deadlines.tick(this.#nowMs);
        return;
      default:
        return unreachable(input);
    }
  }

  // Bundles from neighbours: the cheapest checks come first.

  #receive(arrival: Arrival): void {
    const { bundle, from } = arrival;
    const header = bundle.header.value;
    const fault = formFault(bundle, this.config.room, this.config.genesisTime);
    if (fault !== null) return this.#penalise(from, "protocol", `sent a bundle: ${fault}`);
    if (this.ledger.isPast(header, lastCounter(header), header.time)) return this.#past(arrival);

    const id = bundleId(this.env.crypto, bundle.header.bytes);
    const waiting = this.pool.get(id);
    if (waiting !== undefined) {
      if (waiting.from !== from && !waiting.also.includes(from)) waiting.also.push(from);
      return this.#duplicate(arrival);
    }
    if (!isAuthentic(this.env.crypto, bundle, id)) {
      return this.#penalise(from, "invalid-signature", `sent a bundle whose signature fails`);
    }
    const claim = this.claimOf(header.claim);
    if (claim !== null && claim.key !== header.author) {
      return this.#penalise(from, "protocol", `sent a bundle under another's claim`);
    }
    this.#closeOnConflict(findConflict({ id, bundle }, this.ledger, this.pool));
    this.#belie(bundle, id);
    if (!this.#hasPlace(header)) return this.#duplicate(arrival);
    const blocker = this.#blockerOf(header, null) ?? this.#floorOver(bundle, id, this.#nowMs);
    if (arrival.reason === "range") this.causalFloor.rangeCame(header.time, this.#nowMs);
    if (blocker === null) this.#deliverAndWake(arrival, id);
    else this.#wait(arrival, id, blocker);
  }

  /** Below the frontier: it was delivered before, unless its author signed two bundles for one place. */
  #past(arrival: Arrival): void {
    const { bundle } = arrival;
    const near = this.ledger.nearby(bundle.header.value);
    if (near.length > 0) {
      const id = bundleId(this.env.crypto, bundle.header.bytes);
      if (!near.some((entry) => entry.id === id)) {
        const conflict = findConflict({ id, bundle }, this.ledger, this.pool);
        if (conflict !== null && isAuthentic(this.env.crypto, bundle, id)) {
          this.#closeOnConflict(conflict);
        }
      }
    }
    this.#duplicate(arrival);
  }

  /**
   * What the bundle waits for first; null where it may be delivered. @param waiting Null where the bundle has just
   * come.
   */
  #blockerOf(header: Header, waiting: WaitingBundle | null): Blocker | null {
    if (this.claimOf(header.claim) === null) return { kind: "claim", claim: header.claim };
    if (header.counter > this.frontier(header).counter + 1) {
      return { kind: "previous", stream: streamOf(header), counter: header.counter - 1 };
    }
    return missingHead(header, waiting, (head) => this.ledger.isSatisfied(head));
  }

  /** @param sinceMs When the bundle's parents were here. */
  #floorOver(bundle: Bundle, id: BundleId, sinceMs: number): Blocker | null {
    return this.#latenessOf(bundle, id, sinceMs) === "wait" ? { kind: "floor" } : null;
  }

  #latenessOf(bundle: Bundle, id: BundleId, sinceMs: number): Lateness {
    const { time } = bundle.header.value;
    if (time > this.causalFloor.time) return "in-time";
    // Bundles that wait for this one can't come in, and show that it is too old, before this is decided.
    const { kept } = this.ledger;
    const isTooOldBefore = (coming: number) => kept.isTooOldBefore({ time, id }, coming);
    const isTooOld = kept.isTooOld({ time, id }, keptBytes(bundle)) ||
      isTooOldBefore(this.pool.messages) && isTooOldBefore(this.pool.messagesAfter(bundle));
    return this.causalFloor.latenessOf(isTooOld, sinceMs, this.#nowMs);
  }

  #deliverAndWake(arrival: Arrival, id: BundleId): void {
    this.#takeIn(arrival, id);
    this.#wake(arrival.bundle.header.value);
  }

  #takeIn(arrival: Omit<Arrival, "type">, id: BundleId): void {
    const isLate = this.#latenessOf(arrival.bundle, id, -Infinity) === "late";
    if (isLate) this.#miss(arrival, id);
    else this.#deliver(arrival.bundle, id, arrival);
  }

  /** Goes on past a late bundle: it isn't shown here, but passed on to members for which it isn't late. */
  #miss({ bundle, from, hop, reason }: Omit<Arrival, "type">, id: BundleId): void {
    const header = bundle.header.value;
    this.#goOn(header, lastCounter(header), id, bundle.texts.value.length);
    this.#effects.push({ type: "late", bundle, id, from, hop, reason });
  }

  /** @param arrival Null for an own bundle. */
  #deliver(received: Bundle, id: BundleId, arrival: Omit<Arrival, "type"> | null): void {
    const bundle = this.ledger.deliver(received, id);
    const jump = this.ledger.time.takeRecord();
    if (jump !== null) this.#records.push(jump);
    if (arrival !== null) this.#records.push({ kind: "bundle", bundle });
    if (arrival?.reason === "range") {
      this.#caughtUpAtMs = this.#nowMs;
      this.causalFloor.rangeCame(bundle.header.value.time, this.#nowMs);
    }
    const texts = bundle.texts.value;
    this.#effects.push({
      type: "delivered",
      bundle,
      id,
      messages: texts.map((text, index) => ({ id: messageId(id, index), text })),
      from: arrival?.from ?? null,
      hop: arrival?.hop ?? 0,
      reason: arrival?.reason ?? null,
      own: arrival === null,
      kept: this.ledger.keptBundle(id) !== null,
    });
  }

  /**
   * The frontier of `stream` has moved, or the stream was closed: re-examines what waited for no more than that. The
   * rest is looked at once at the end of the round, not for each bundle of a long row.
   */
  #wake(stream: Stream): void {
    if (this.pool.size === 0) return;
    const state = this.ledger.table.find(stream);
    const isPast = (counter: number) => state === undefined || isPassed(state, counter);
    const freed = this.pool.freed(stream, isPast);
    for (const waiting of freed) waiting.sinceMs = this.#nowMs;
    this.#moved.add(streamKey(stream));
    this.#settleAll(freed);
  }

  /**
   * Re-examines these, and all that waits for them, one after the other: liars can build a chain too long for the
   * stack.
   */
  #settleAll(some: readonly WaitingBundle[]): void {
    this.#unsettled.push(...some);
    if (this.#isSettling) return;
    this.#isSettling = true;
    do {
      for (const waiting of this.#unsettled) this.#settle(waiting); // further ones come behind
      this.#unsettled = [];
      this.#waitAnew();
      this.#considerBlocked();
    } while (this.#unsettled.length > 0);
    this.#isSettling = false;
  }

  /** Delivers a bundle that waits for nothing any more, and drops one whose place is taken. */
  #settle(waiting: WaitingBundle): void {
    const { bundle, id } = waiting;
    if (this.pool.get(id) !== waiting) return;
    const header = bundle.header.value;
    if (!this.#hasPlace(header)) {
      this.pool.remove(waiting);
      return this.#duplicate(waiting);
    }
    const claim = this.claimOf(header.claim);
    if (claim !== null && claim.key !== header.author) return this.#drop(waiting);
    const blocker = this.#blockerOf(header, waiting) ??
      this.#floorOver(bundle, id, waiting.sinceMs);
    if (blocker !== null) return this.#block(waiting, blocker);
    this.pool.remove(waiting);
    this.#takeIn(waiting, id);
    this.#wake(header);
  }

  /** What still waits for a stream that has moved on is given its time anew. */
  #waitAnew(): void {
    for (const stream of this.#moved) {
      for (const waiting of this.pool.blockedOn(stream)) {
        waiting.sinceMs = this.#nowMs;
        this.#block(waiting, waiting.blocker);
      }
    }
    this.#moved.clear();
  }

  #block(waiting: WaitingBundle, blocker: Blocker): void {
    this.pool.block(waiting, blocker);
    waiting.asked = 0;
    this.#scheduleAsk(waiting);
    this.#newlyBlocked.add(waiting);
  }

  /** Whether the bundle begins after the frontier, and nothing excludes it. */
  #hasPlace(header: Header): boolean {
    const state = this.ledger.table.find(header);
    if (state === undefined) return true;
    return header.counter > state.counter && !isExcluded(state, lastCounter(header));
  }

  // Bundles that wait for a parent or a claim.

  #wait(arrival: Arrival, id: BundleId, blocker: Blocker): void {
    const { bundle, from, hop, reason } = arrival;
    if (!this.pool.hasRoom(from, bundle)) {
      this.#effects.push({ type: "dropped", bundle, from, reason });
      return;
    }
    const waiting: WaitingBundle = {
      bundle,
      id,
      hop,
      reason,
      from,
      arrivedMs: this.#nowMs,
      sinceMs: this.#nowMs,
      also: [],
      blocker,
      askAtMs: 0,
      asked: 0,
      waived: new Set(),
      heldMs: -Infinity,
      isOrphan: false,
    };
    this.pool.add(waiting);
    this.#scheduleAsk(waiting);
    this.#considerGap(waiting);
  }

  #scheduleAsk(waiting: WaitingBundle): void {
    const graceMs = waiting.reason === "range" ? RANGE_PARENT_GRACE_MS : PARENT_GRACE_MS;
    waiting.askAtMs = this.#nowMs + (waiting.asked === 0 ? graceMs : WANT_RETRY_MS);
    this.#deadlines.setEarliest("waiting", waiting.askAtMs);
  }

  #serveWaiting(): void {
    const asked = new Set<string>();
    const askedAgain: WaitingBundle[] = [];
    const all = [...this.pool.all()];
    // Known before any of them goes: each that goes would have the ways of all that are left looked for anew. Who was
    // found then has some time left to send what is missing.
    const isHeldNow = (waiting: WaitingBundle) =>
      this.#nowMs - this.pool.heldMs(waiting) < WAITING_MS_MAX;
    const held = new Set(all.filter(isHeldNow));
    for (const waiting of all) {
      if (this.pool.get(waiting.id) !== waiting) continue;
      const isHeld = held.has(waiting);
      if (this.#nowMs - waiting.sinceMs >= (isHeld ? HELD_MS_MAX : WAITING_MS_MAX)) {
        this.#giveUp(waiting, isHeld);
        continue;
      }
      if (waiting.blocker.kind === "floor") {
        this.#settleAll([waiting]);
        if (this.pool.get(waiting.id) !== waiting) continue;
      }
      if (waiting.askAtMs <= this.#nowMs) this.#ask(waiting, asked);
      this.#deadlines.setEarliest("waiting", waiting.askAtMs);
      if (waiting.asked > 1) askedAgain.push(waiting);
    }
    this.#considerGapsInTime(askedAgain);
  }

  /**
   * The sender of the bundle has delivered it, and so has its parents: it is asked first, then the others that sent
   * it.
   */
  #ask(waiting: WaitingBundle, asked: Set<string>): void {
    const { blocker, also } = waiting;
    if (blocker.kind === "floor") return;
    const header = waiting.bundle.header.value;
    const from = [waiting.from, ...also][waiting.asked % (also.length + 1)]!;
    const stream = blocker.kind === "claim" ? streamOf(header) : blocker.stream;
    const after = blocker.kind === "claim" ? header.counter - 1 : this.frontier(stream).counter;
    waiting.asked++;
    this.#scheduleAsk(waiting);
    const question = `${from} ${streamKey(stream)}`;
    if (asked.has(question)) return;
    asked.add(question);
    this.#effects.push({ type: "want", from, stream, after });
  }

  #giveUp(waiting: WaitingBundle, isHeld: boolean): void {
    const { from, blocker, isOrphan } = waiting;
    // It may have come later than this one, and wait itself.
    const isParentHere = this.pool.parentOf(waiting) !== undefined;
    this.#drop(waiting);
    this.pool.orphan(waiting);
    if (blocker.kind === "floor" || isOrphan || isHeld || isParentHere) return;
    // While a range comes in, bundles pushed meanwhile may wait for it for long: nobody's fault.
    if (this.#gaps.newcomer || this.#nowMs - this.#caughtUpAtMs < WAITING_MS_MAX) return;
    // Nor is a sender at fault that no longer has them, where another neighbour says that it has them and doesn't
    // give them.
    if (
      blocker.kind !== "claim" &&
      this.#gaps.isExcused(waiting, blocker, this.frontier(blocker.stream).counter)
    ) return;
    const what = blocker.kind === "claim" ? "claim" : "parents";
    this.#penalise(from, "broken-promise", `sent a bundle, and not its ${what} within 10 s`);
  }

  #drop(waiting: WaitingBundle): void {
    const { bundle, from, reason } = waiting;
    this.pool.remove(waiting);
    this.#effects.push({ type: "dropped", bundle, from, reason });
  }

  /**
   * Considers the bundles that now wait for something else, first in room order first, until one of them can go on.
   * Not sooner than the end of a round: a bundle that can be delivered mustn't come behind what answers it, just
   * because something else that it waited for was gone on without.
   */
  #considerBlocked(): void {
    for (const waiting of inRoomOrder(this.#newlyBlocked)) {
      if (this.#unsettled.length > 0) return;
      this.#newlyBlocked.delete(waiting);
      if (this.pool.get(waiting.id) === waiting) this.#considerGap(waiting);
    }
  }

  /** Considers these gaps now, or, where many were considered just before, all of them a little later. */
  #considerGapsInTime(some: readonly WaitingBundle[] | null = null): void {
    const looks = Math.min(some?.length ?? this.pool.size, GAP_LOOKS_BURST);
    if (looks === 0) return;
    if (this.#gapLooks.take(this.#nowMs, looks)) {
      return this.#considerGaps(inRoomOrder(some ?? this.pool.all()));
    }
    const lacking = looks - this.#gapLooks.available(this.#nowMs);
    const pauseMs = Math.ceil((lacking * 1_000) / GAP_LOOKS_PER_S);
    this.#deadlines.setEarliest("gaps", this.#nowMs + pauseMs);
  }

  /** @param some In room order. */
  #considerGaps(some: readonly WaitingBundle[]): void {
    for (const waiting of some) {
      if (this.pool.get(waiting.id) === waiting) this.#considerGap(waiting);
    }
  }

  /** Goes on without what no neighbour can supply; has all neighbours asked where some haven't said. */
  #considerGap(waiting: WaitingBundle): void {
    const { blocker } = waiting;
    if (blocker.kind === "claim" || blocker.kind === "floor") return;
    if (blocker.kind === "head") {
      if (this.pool.isRefuted(waiting, blocker)) return this.#waive(waiting, blocker.head);
      // A bundle that is here under the named id never waits for this one: an id is a hash of all that the bundle
      // names.
      if (this.pool.get(blocker.head.id) !== undefined) return;
    }
    const here = this.pool.upTo(blocker.stream, blocker.counter);
    if (here === "floor") return; // whether it is late is known in some seconds
    // A bundle that waits for something itself isn't given up: the first of the chain goes on. But a liar can make
    // two wait for each other, by what they name.
    const isHere = here === "parents";
    if (isHere && blocker.kind === "previous") return;
    if (isHere && this.#nowMs - waiting.arrivedMs < NEXT_IS_HERE_MS_MAX) return;
    const frontier = this.frontier(blocker.stream).counter;
    const verdict = this.#gaps.verdict(waiting, blocker, frontier, isHere, this.#nowMs);
    if (verdict.kind === "ask" && verdict.isHeld) waiting.heldMs = this.#nowMs;
    switch (verdict.kind) {
      case "wait":
        // A neighbour that can supply it does so in a round, or says there that it no longer can.
        if (waiting.asked > 1) this.#stuck();
        return;
      case "ask":
        // Usually the parent is on its way: all are asked only when the sender of the bundle didn't answer.
        if (verdict.likely || waiting.asked > 1) this.#stuck();
        return;
      case "skip":
        this.#raiseFloor(verdict.floor, waiting.bundle.header.value.time);
        return this.#skip(blocker.stream, verdict.counter, null);
      case "waive":
        this.#raiseFloor(verdict.floor, waiting.bundle.header.value.time);
        if (blocker.kind === "head") this.#waive(waiting, blocker.head);
        return;
      default:
        return unreachable(verdict);
    }
  }

  /**
   * A bundle came whose place others name under another id: they name what the author never said, and don't wait for
   * that any longer.
   */
  #belie(bundle: Bundle, id: BundleId): void {
    if (this.pool.size === 0) return;
    for (const waiting of this.pool.blockedOn(streamKey(bundle.header.value))) {
      const { blocker } = waiting;
      if (blocker.kind === "head" && isBelied(blocker, bundle, id)) {
        this.#waive(waiting, blocker.head);
      }
    }
  }

  #waive(waiting: WaitingBundle, head: Head): void {
    waiting.waived.add(head);
    this.#settleAll([waiting]);
  }

  #stuck(): void {
    if (this.#nowMs < this.#stuckAtMs) return;
    this.#stuckAtMs = this.#nowMs + WANT_RETRY_MS;
    this.#effects.push({ type: "stuck" });
  }

  /**
   * Notes that neighbours no longer keep what isn't later than `floor`, and that something before room time `before`
   * is given up.
   */
  #raiseFloor(floor: number, before: number): void {
    this.causalFloor.raise(Math.min(floor, before - 1, this.ledger.time.latestLikely));
  }

  #skip(stream: Stream, counter: number, id: BundleId | null): void {
    // All of a forgotten stream may have been shown: to say that it was missed would be wrong more often.
    const isForgotten = this.ledger.isForgotten(stream, this.config.genesisTime);
    this.#goOn(stream, counter, id, isForgotten ? 0 : counter - this.frontier(stream).counter);
    this.#wake(stream);
  }

  /** Moves the frontier on, past this many missed messages. */
  #goOn(stream: Stream, counter: number, id: BundleId | null, messages: number): void {
    this.#records.push({ kind: "frontier", entries: [this.ledger.skip(stream, counter, id)] });
    if (!this.#gaps.newcomer && messages > 0) {
      this.#effects.push({ type: "skipped", stream: streamOf(stream), messages });
    }
  }

  #notKept(input: Extract<OrderInput, { type: "not-kept" }>): void {
    const { from, entries, floor, askedMs } = input;
    this.#gaps.note(from, entries, floor, askedMs, this.#nowMs);
    this.#considerGapsInTime();
    for (const entry of entries) {
      const { counter } = this.frontier(entry);
      const missing = entry.counter > counter;
      // Bundles that wait for this stream go on in their turn.
      if (!missing || entry.closed || this.pool.blockedOn(streamKey(entry)).length > 0) continue;
      if (!this.#gaps.agreed(entry, counter, this.#nowMs)) continue;
      this.#raiseFloor(this.#gaps.floor(), this.latest());
      this.#skip(entry, entry.counter, entry.id === ID_UNKNOWN ? null : entry.id);
    }
  }

  // Equivocation.

  #proof(from: PeerKey, proof: Proof): void {
    const isKnown = (guilt: Guilt) => !this.ledger.mayClose(guilt, proof);
    const guilt = checkProof(this.env.crypto, this.config.room, proof, isKnown);
    if (guilt === null) {
      return this.#penalise(from, "protocol", "sent a proof of equivocation that proves nothing");
    }
    this.#close({ guilt, proof }, from);
  }

  #closeOnConflict(conflict: Conflict | null): void {
    if (conflict !== null) this.#close(conflict, null);
  }

  #close({ guilt, proof }: Conflict, from: PeerKey | null): void {
    if (!this.ledger.close(guilt, proof)) return;
    this.#records.push({ kind: "proof", proof });
    this.#effects.push({ type: "equivocation", proof, from });
    for (const waiting of [...this.pool.ofStream(guilt.stream)]) {
      if (!this.#hasPlace(waiting.bundle.header.value)) this.#drop(waiting);
    }
    this.#wake(guilt.stream);
    if (this.ledger.isOwnClosed) this.#refuseClosed(tokensOf(this.authoring.takeQueue()));
  }

  // Own messages.

  #say(texts: readonly OwnText[]): void {
    if (this.ledger.isOwnClosed) return this.#refuseClosed(tokensOf(texts));
    for (const line of texts) {
      try {
        this.authoring.add(line);
      } catch (error) {
        if (!(error instanceof P2pchatError)) throw error;
        const { code, message: text } = error;
        this.#effects.push({ type: "refused", tokens: [line.token], code, text });
      }
    }
    this.#author();
  }

  /** Nobody would accept them; the next process has another incarnation, and is heard. */
  #refuseClosed(tokens: readonly number[]): void {
    if (tokens.length === 0) return;
    this.#effects.push({ type: "refused", tokens, code: "replaced", text: CLOSED_TEXT });
  }

  /**
   * Makes the next own bundle; not in a step that has let others' messages in: our own record would be written before
   * theirs, and name them.
   */
  #author(): void {
    if (this.#records.length > 0) return; // in the next step, which follows at once
    const { time } = this.ledger;
    const own = this.authoring.next(this.ledger.heads(), time.latest, this.#nowMs);
    if (own === null) return;
    const records = [{ kind: "bundle" as const, bundle: own.bundle }];
    this.#effects.push({ type: "persist", records, token: own.persistToken });
  }

  #stored(token: number): void {
    const own = this.authoring.stored(token);
    if (own === null) return;
    if (this.ledger.isOwnClosed) return this.#refuseClosed(own.tokens);
    // The lines that the bundle answers are to be known before it is shown.
    if (own.tokens.length > 0) this.#said(own);
    this.#deliver(own.bundle, own.id, null);
    this.#wake(own.bundle.header.value);
    this.#author();
  }

  #said({ tokens, bundle, id }: OwnBundle): void {
    const messages = bundle.texts.value.map((_, index) => messageId(id, index));
    this.#effects.push({ type: "said", tokens, messages });
  }

  /** The disk is full, perhaps for long: what waits behind the bundle is refused too, and the user decides. */
  #notStored(token: number, text: string): void {
    const own = this.authoring.notStored(token);
    if (own === null) return;
    const tokens = [...own.tokens, ...tokensOf(this.authoring.takeQueue())];
    this.#effects.push({ type: "refused", tokens, code: "disk", text });
  }

  #armReference(): void {
    const atMs = this.authoring.nextReferenceMs(this.ledger.headCount, this.#nowMs);
    if (atMs === null) this.#deadlines.clear("reference");
    else this.#deadlines.set("reference", atMs);
  }

  #duplicate({ bundle, from, hop, reason }: Omit<Arrival, "type">): void {
    const header = bundle.header.value;
    const counter = lastCounter(header);
    const stream = streamOf(header);
    this.#effects.push({ type: "duplicate", stream, counter, from, hop, reason, bundle });
  }

  #penalise(peer: PeerKey, fault: Penalty, text: string): void {
    this.#effects.push({ type: "penalise", peer, fault, text });
  }
}

function tokensOf(lines: readonly OwnText[]): readonly number[] {
  return lines.map(({ token }) => token);
}
