/**
 * Bundles whose signature holds and that can't be delivered yet: a parent, or their author's claim, is
 * missing. Each link has a share of its own, so that one neighbour can't displace what another brought.
 *
 * A bundle waits for one thing at a time; when that comes, `Order` looks for the next one.
 */

import type { BundleId, ClaimId, PeerKey } from "../../../base/ids.ts";
import { addTo, removeFrom } from "../../../base/collections/bounded.ts";
import { lastCounter, wireBytes } from "./bundle.ts";
import { WAITING_BUNDLES_MAX, WAITING_BYTES_MAX } from "../schema/limits.ts";
import { compareInRoom } from "./kept_bundles.ts";
import type { BundleReason } from "../schema/messages.ts";
import type { RoomPosition } from "./order_io.ts";
import {
  type Bundle,
  type Head,
  type Header,
  type Stream,
  type StreamKey,
  streamKey,
  streamOf,
} from "../schema/structures.ts";

/** What a bundle waits for. */
export type Blocker =
  /** Its author's bundles before it. */
  | { readonly kind: "previous"; readonly stream: Stream; readonly counter: number }
  /** A bundle that it names. */
  | {
    readonly kind: "head";
    readonly stream: Stream;
    readonly counter: number;
    readonly head: Head;
  }
  | { readonly kind: "claim"; readonly claim: ClaimId }
  /** It may be too late to be shown: this is decided once we have caught up. */
  | { readonly kind: "floor" };

type HeadBlocker = Extract<Blocker, { readonly kind: "head" }>;

export interface WaitingBundle {
  readonly bundle: Bundle;
  readonly id: BundleId;
  readonly hop: number;
  readonly reason: BundleReason;
  /** The link whose share it takes: the first that brought it, of those that are still up. */
  from: PeerKey;
  /** When it came. */
  readonly arrivedMs: number;
  /** When it came, or when what it waits for last changed. */
  sinceMs: number;
  /** Other links that brought it too, each at most once. */
  readonly also: PeerKey[];
  blocker: Blocker;
  /** When its parents are asked for (again), and how often they were. */
  askAtMs: number;
  asked: number;
  /** Heads that no neighbour can supply, and that it doesn't wait for. */
  readonly waived: Set<Head>;
  /** When only neighbours that say nothing of what it waits for last kept it waiting; -Infinity for never. */
  heldMs: number;
  /** The bundle that it waits for came, had to wait itself, and was given up. */
  isOrphan: boolean;
}

/**
 * A path from a waiting bundle to the one it waits for by its id, and so on; ids are hashes, so that no path leads
 * back.
 */
interface Way {
  /** The last bundle of the path that is in the pool. */
  readonly end: WaitingBundle;
  readonly steps: number;
}

interface Share {
  readonly bundles: Set<WaitingBundle>;
  bytes: number;
}

export class WaitingPool {
  readonly #byId = new Map<BundleId, WaitingBundle>();
  readonly #shares = new Map<PeerKey, Share>();
  /** Waiting bundles by what they wait for: a stream, a claim, or the floor. */
  readonly #byBlocker = new Map<StreamKey | ClaimId | typeof FLOOR, Set<WaitingBundle>>();
  readonly #byStream = new Map<StreamKey, Set<WaitingBundle>>();
  #messages = 0;
  /** Cached paths, valid until the next change. */
  #ways = new Map<WaitingBundle, Way>();

  get size(): number {
    return this.#byId.size;
  }

  /** Number of messages in all waiting bundles. */
  get messages(): number {
    return this.#messages;
  }

  get(id: BundleId): WaitingBundle | undefined {
    return this.#byId.get(id);
  }

  all(): Iterable<WaitingBundle> {
    return this.#byId.values();
  }

  /** The waiting bundles of this stream; empty for most. */
  ofStream(stream: Stream): Iterable<WaitingBundle> {
    return this.#byId.size === 0 ? NONE : this.#byStream.get(streamKey(stream)) ?? NONE;
  }

  /** Whether a bundle of this stream that reaches `counter` waits. */
  has(stream: Stream, counter: number): boolean {
    for (const { bundle } of this.ofStream(stream)) {
      const header = bundle.header.value;
      if (header.counter <= counter && lastCounter(header) >= counter) return true;
    }
    return false;
  }

  /**
   * What the waiting bundles of this stream that begin at or before `counter` wait for: `floor` where one of them waits
   * only to learn whether it is late, else `parents`, something before them; null where there are none.
   */
  upTo(stream: Stream, counter: number): "floor" | "parents" | null {
    let found: "parents" | null = null;
    for (const { bundle, blocker } of this.ofStream(stream)) {
      if (bundle.header.value.counter > counter) continue;
      if (blocker.kind === "floor") return "floor";
      found = "parents";
    }
    return found;
  }

  /** Whether the head that the bundle waits for can't exist. */
  isRefuted(waiting: WaitingBundle, head: HeadBlocker): boolean {
    for (const { bundle, id } of this.ofStream(head.stream)) {
      if (isBelied(head, bundle, id)) return true;
    }
    return this.#isCircular(waiting, head);
  }

  /**
   * Whether a bundle before the head in the head's stream waits, by the ids in it, for this very bundle: no hash
   * depends on itself.
   */
  #isCircular(waiting: WaitingBundle, head: HeadBlocker): boolean {
    const before = this.#first(head.stream);
    return before !== undefined && before.bundle.header.value.counter <= head.counter &&
      this.#waitsFor(before, waiting);
  }

  #first(stream: Stream): WaitingBundle | undefined {
    let first: WaitingBundle | undefined;
    for (const waiting of this.ofStream(stream)) {
      const { counter } = waiting.bundle.header.value;
      if (first === undefined || counter < first.bundle.header.value.counter) first = waiting;
    }
    return first;
  }

  #waitsFor(waiting: WaitingBundle, other: WaitingBundle): boolean {
    const [way, otherWay] = [this.#wayOf(waiting), this.#wayOf(other)];
    if (way.end !== otherWay.end) return false;
    let at: WaitingBundle | undefined = waiting;
    for (let step = way.steps; step > otherWay.steps; step--) at = at && this.parentOf(at);
    return at === other;
  }

  /** When it, or the bundle here that it waits for in the end, last waited only for neighbours that say nothing. */
  heldMs(waiting: WaitingBundle): number {
    return this.#wayOf(waiting).end.heldMs;
  }

  /** Cached until the pool changes: a liar can make a thousand bundles wait in a row, and have each looked at. */
  #wayOf(waiting: WaitingBundle): Way {
    const passed: WaitingBundle[] = [];
    let at = waiting;
    let way = this.#ways.get(at);
    while (way === undefined) {
      passed.push(at);
      const parent = this.parentOf(at);
      if (parent === undefined) way = { end: at, steps: -1 };
      else way = this.#ways.get(at = parent);
    }
    let { end, steps } = way;
    for (const each of passed.reverse()) this.#ways.set(each, way = { end, steps: ++steps });
    return way;
  }

  /** The bundle for which it waits by id, where that is in the pool. */
  parentOf({ bundle, blocker }: WaitingBundle): WaitingBundle | undefined {
    const { previous } = bundle.header.value;
    if (blocker.kind === "head") return this.#byId.get(blocker.head.id);
    return blocker.kind === "previous" && previous !== null ? this.#byId.get(previous) : undefined;
  }

  /** Whether the share of `link` has room for `bundle`. */
  hasRoom(link: PeerKey, bundle: Bundle): boolean {
    const share = this.#shares.get(link);
    return share === undefined ||
      (share.bundles.size < WAITING_BUNDLES_MAX &&
        share.bytes + wireBytes(bundle) <= WAITING_BYTES_MAX);
  }

  /** The caller has asked `hasRoom`. */
  add(waiting: WaitingBundle): void {
    this.#changed();
    this.#byId.set(waiting.id, waiting);
    this.#messages += waiting.bundle.texts.value.length;
    this.#charge(waiting);
    addTo(this.#byStream, streamKey(waiting.bundle.header.value), waiting);
    addTo(this.#byBlocker, blockerKey(waiting.blocker), waiting);
  }

  remove(waiting: WaitingBundle): void {
    if (!this.#byId.delete(waiting.id)) return;
    this.#changed();
    this.#messages -= waiting.bundle.texts.value.length;
    this.#discharge(waiting);
    removeFrom(this.#byStream, streamKey(waiting.bundle.header.value), waiting);
    removeFrom(this.#byBlocker, blockerKey(waiting.blocker), waiting);
  }

  /** Notes that a bundle waits for something else now. */
  block(waiting: WaitingBundle, blocker: Blocker): void {
    this.#changed();
    removeFrom(this.#byBlocker, blockerKey(waiting.blocker), waiting);
    waiting.blocker = blocker;
    waiting.isOrphan = false;
    waiting.heldMs = -Infinity;
    addTo(this.#byBlocker, blockerKey(blocker), waiting);
  }

  /** A copy of the list of bundles that wait for this claim, for something of this stream, or for the floor. */
  blockedOn(key: StreamKey | ClaimId | typeof FLOOR): readonly WaitingBundle[] {
    const blocked = this.#byBlocker.get(key);
    return blocked === undefined ? [] : [...blocked];
  }

  /** Whether a bundle waits for something of this stream. */
  isAwaited(stream: StreamKey): boolean {
    return this.#byBlocker.has(stream);
  }

  /** The bundles that wait for a place of this stream that is past. */
  freed(stream: Stream, isPast: (counter: number) => boolean): readonly WaitingBundle[] {
    const freed: WaitingBundle[] = [];
    for (const waiting of this.#byBlocker.get(streamKey(stream)) ?? NONE) {
      if (isPast(placeIn(waiting))) freed.push(waiting);
    }
    return freed;
  }

  /** Notes that a waiting bundle is given up: the ones that wait for it are orphans. */
  orphan({ bundle }: WaitingBundle): void {
    for (const child of this.#childrenOf(bundle)) child.isOrphan = true;
  }

  /**
   * How many messages wait for this bundle, or for what waits for it: all of them follow it. Each waiting bundle is
   * looked at once, however long a row they make.
   */
  messagesAfter(bundle: Bundle): number {
    /** What waits for each stream and wasn't found yet, the latest place last. */
    const rest = new Map<StreamKey, WaitingBundle[]>();
    const found = [bundle];
    let messages = 0;
    for (const { header: { value } } of found) { // further ones come behind
      const key = streamKey(value);
      let waiting = rest.get(key);
      if (waiting === undefined) {
        waiting = [...this.blockedOn(key)].sort((a, b) => placeIn(a) - placeIn(b));
        rest.set(key, waiting);
      }
      for (let last = waiting.at(-1); last !== undefined; last = waiting.at(-1)) {
        if (placeIn(last) < value.counter) break;
        waiting.pop();
        messages += last.bundle.texts.value.length;
        found.push(last.bundle);
      }
    }
    return messages;
  }

  /** The bundles that wait for this one, or for a later one of its stream. */
  #childrenOf({ header: { value } }: Bundle): readonly WaitingBundle[] {
    return this.blockedOn(streamKey(value)).filter((waiting) => placeIn(waiting) >= value.counter);
  }

  /**
   * Drops the share of a link that is gone; a bundle that another link brought too moves to that one's share.
   * @returns The dropped bundles.
   */
  linkDown(link: PeerKey): readonly WaitingBundle[] {
    const dropped: WaitingBundle[] = [];
    for (const waiting of this.#byId.values()) {
      const index = waiting.also.indexOf(link);
      if (index >= 0) waiting.also.splice(index, 1);
    }
    for (const waiting of [...this.#shares.get(link)?.bundles ?? []]) {
      const next = waiting.also.find((other) => this.hasRoom(other, waiting.bundle));
      if (next === undefined) {
        this.remove(waiting);
        dropped.push(waiting);
        continue;
      }
      this.#discharge(waiting);
      waiting.also.splice(waiting.also.indexOf(next), 1);
      waiting.from = next;
      this.#charge(waiting);
    }
    return dropped;
  }

  #changed(): void {
    if (this.#ways.size > 0) this.#ways = new Map();
  }

  #charge(waiting: WaitingBundle): void {
    let share = this.#shares.get(waiting.from);
    if (share === undefined) {
      this.#shares.set(waiting.from, share = { bundles: new Set(), bytes: 0 });
    }
    share.bundles.add(waiting);
    share.bytes += wireBytes(waiting.bundle);
  }

  #discharge(waiting: WaitingBundle): void {
    const share = this.#shares.get(waiting.from);
    if (share === undefined || !share.bundles.delete(waiting)) return;
    share.bytes -= wireBytes(waiting.bundle);
    if (share.bundles.size === 0) this.#shares.delete(waiting.from);
  }
}

const NONE: readonly WaitingBundle[] = [];

/** A new array, the earliest first. */
export function inRoomOrder(some: Iterable<WaitingBundle>): readonly WaitingBundle[] {
  return [...some].sort((a, b) => compareInRoom(placeOf(a), placeOf(b)));
}

/** The place that it waits for in the stream that it waits for; 0 where it waits for something else. */
function placeIn({ blocker }: WaitingBundle): number {
  return "counter" in blocker ? blocker.counter : 0;
}

function placeOf({ bundle, id }: WaitingBundle): RoomPosition {
  return { time: bundle.header.value.time, id };
}

/** Whether `bundle` has the counters at which a head names another bundle: an author signs one bundle for each. */
export function isBelied({ head, counter }: HeadBlocker, bundle: Bundle, id: BundleId): boolean {
  const header = bundle.header.value;
  return head.id !== id && header.counter <= counter && counter <= lastCounter(header);
}

/**
 * The first head that is neither here nor waived. Heads before the one that the bundle waited for aren't looked at
 * again: there can be a thousand, and it has waited for each.
 * @param waiting Null for one that has just come.
 */
export function missingHead(
  { heads }: Header,
  waiting: Pick<WaitingBundle, "blocker" | "waived"> | null,
  isHere: (head: Head) => boolean,
): HeadBlocker | null {
  const first = waiting?.blocker.kind === "head" ? heads.indexOf(waiting.blocker.head) : 0;
  for (let index = first; index < heads.length; index++) {
    const head = heads[index]!;
    if (waiting?.waived.has(head) || isHere(head)) continue;
    return { kind: "head", stream: streamOf(head), counter: head.counter, head };
  }
  return null;
}

/** The key of bundles that wait for the floor. */
export const FLOOR = "floor";

function blockerKey(blocker: Blocker): StreamKey | ClaimId | typeof FLOOR {
  switch (blocker.kind) {
    case "claim":
      return blocker.claim;
    case "floor":
      return FLOOR;
    default:
      return streamKey(blocker.stream);
  }
}
