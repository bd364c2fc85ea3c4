/**
 * Broadcast: every bundle reaches every member, over as few links as there are members, and over others
 * where those fail. Plumtree (Leitão, Pereira, Rodrigues: Epidemic broadcast trees, SRDS 2007).
 *
 * The picture: a branch of the tree carries bundles as they come (eager push), all other links carry
 * word of them (lazy push). Who hears of a bundle and doesn't get it asks for it (graft), and the link
 * it comes over is a branch from then on. Who gets bundles twice says so (prune), and that branch goes.
 *
 * Departures from the paper, beside those in `broadcast_trees.ts` and `missing_bundles.ts`:
 * - What is announced is a stream's frontier: the latest bundle stands for all before it, and nothing is
 *   announced to a neighbour that is known to have it. Announcements wait up to 50 ms for company, then
 *   always go: after the last bundle before a silence no later one would tell.
 * - A bundle that came in catching up is announced, not pushed: most neighbours have it. One that isn't
 *   kept is pushed to all: whoever missed it couldn't ask for it later.
 * - Large bundles go whole to one branch, as their header to the others, which ask at once.
 * - A neighbour whose data queue is full isn't waited for: it is told of nothing until anti-entropy has
 *   brought it up.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { earliestMs, type Machine } from "../../../base/machine/machine.ts";
import type {
  BroadcastConfig,
  BroadcastEffect,
  BroadcastInput,
  DeliveredBundles,
} from "./broadcast_io.ts";
import { BroadcastLink } from "./broadcast_link.ts";
import { type Tree, Trees } from "./broadcast_trees.ts";
import { lastCounter } from "../log/bundle.ts";
import { LINK_MESSAGES_PER_SECOND } from "../schema/limits.ts";
import type { BroadcastMessage, FrontierEntry } from "../schema/messages.ts";
import { MissingBundles, type Presence } from "./missing_bundles.ts";
import { type Header, type Stream, type StreamKey, streamKey } from "../schema/structures.ts";

/** Entries in one `ihave`. */
const IHAVE_ENTRIES_MAX = 256;
const HOP_MAX = 255;
/** How often an honest neighbour sends a bundle that we have from another: pushed, and in an answer. */
const DUPLICATES_OF_EACH = 2;

type Delivered = Extract<BroadcastInput, { readonly type: "delivered" }>;
type Duplicate = Extract<BroadcastInput, { readonly type: "duplicate" }>;
type Named<Type extends BroadcastMessage["type"]> = Extract<
  BroadcastMessage,
  { readonly type: Type }
>;

/** The way by which a stream's latest bundle was pushed to us. */
interface Path {
  readonly counter: number;
  readonly hop: number;
  readonly from: PeerKey;
}

/** Plumtree for one member of a room. */
export class Broadcast implements Machine<BroadcastInput, BroadcastEffect> {
  readonly #links = new Map<PeerKey, BroadcastLink>(); // the overlay's neighbours
  readonly #trees: Trees;
  readonly #missing: MissingBundles;
  readonly #paths = new Map<StreamKey, Path>(); // at most streamsMax
  /** When the waiting announcements go out. */
  #announceAtMs: number | null = null;
  #effects: BroadcastEffect[] = [];

  constructor(readonly config: BroadcastConfig, readonly bundles: DeliveredBundles) {
    this.#trees = new Trees(config);
    this.#missing = new MissingBundles(
      config.streamsMax,
      config.graftAnswersMax,
      (stream, counter) => this.#presence(stream, counter),
    );
  }

  step(input: BroadcastInput, nowMs: number): readonly BroadcastEffect[] {
    this.#effects = [];
    switch (input.type) {
      case "neighbour-up":
        if (!this.#links.has(input.peer)) {
          this.#links.set(input.peer, new BroadcastLink(this.config));
        }
        break;
      case "neighbour-down":
        this.#links.delete(input.peer);
        this.#trees.forget(input.peer);
        this.#missing.neighbourDown(input.peer);
        break;
      case "delivered":
        this.#delivered(input, nowMs);
        break;
      case "duplicate":
        this.#duplicate(input, nowMs);
        break;
      case "message":
        this.#message(input.from, input.message, nowMs);
        break;
      case "want":
        this.#want(input.from, input.stream, input.after, nowMs);
        break;
      case "congested":
        this.#congested(input.peer);
        break;
      case "drained":
        this.#drained(input.peer, nowMs);
        break;
      case "supplied":
        this.#supplied(input.peer, nowMs);
        break;
      case "members":
        this.#trees.setMembers(input.live);
        break;
      case "tick":
        this.#tick(nowMs);
        break;
      default:
        unreachable(input);
    }
    return this.#effects;
  }

  nextDeadlineMs(): number | null {
    let next = earliestMs(this.#announceAtMs, this.#missing.nextMs);
    for (const link of this.#links.values()) {
      next = earliestMs(next, link.nextPromiseMs(), link.congested ? null : link.behindUntilMs);
    }
    return next;
  }

  /** Neighbours to which the bundles of `source` are pushed. */
  eager(source: PeerKey): readonly PeerKey[] {
    const { lazy } = this.#trees.of(source);
    return [...this.#links.keys()].filter((peer) => !lazy.has(peer));
  }

  /** Neighbours to which the bundles of `source` are announced. */
  lazy(source: PeerKey): readonly PeerKey[] {
    const { lazy } = this.#trees.of(source);
    return [...this.#links.keys()].filter((peer) => lazy.has(peer));
  }

  // Bundles.

  #delivered(input: Delivered, nowMs: number): void {
    const { bundle, from, reason, kept } = input;
    const header = bundle.header.value;
    const key = streamKey(header);
    const counter = lastCounter(header);
    const hop = Math.min(input.hop + 1, HOP_MAX);
    const tree = this.#trees.of(header.author);
    tree.bundles++;
    this.#missing.delivered(key, counter);
    if (from !== null && reason === "push") {
      tree.first(from);
      this.#rememberPath(key, { counter, hop: input.hop, from });
    }
    const entry = { ...streamOf(header), counter, id: input.id };
    const large = bundle.texts.bytes.length > this.config.eagerTextBytesMax;
    let pushed = false;
    for (const [peer, link] of this.#links) {
      link.duplicatesIn.spend(nowMs, -DUPLICATES_OF_EACH);
      if (peer === from || link.hasBy(key, counter)) continue;
      const push = !kept || (reason !== "range" && !tree.lazy.has(peer));
      const asHeader = large && kept && pushed;
      // Headers sent ahead count as announcements at the receiver; beyond what it allows, they are announced instead,
      // many at once.
      if (link.held || !push || (asHeader && !link.entriesOut.take(nowMs))) {
        if (push && link.held) this.#fallsBehind(peer, link, tree, nowMs);
        link.announce(key, { entry, hop });
        this.#announceSoon(nowMs);
      } else if (asHeader) {
        const preview = { header: bundle.header, signature: bundle.signature };
        this.#send(peer, { type: "preview", header: preview, hop });
      } else {
        pushed = true;
        link.learnt(key, counter);
        this.#effects.push({ type: "push", to: peer, bundle, hop });
      }
    }
  }

  #rememberPath(key: StreamKey, path: Path): void {
    this.#paths.set(key, path);
    dropOldest(this.#paths, this.config.streamsMax);
  }

  #fallsBehind(peer: PeerKey, link: BroadcastLink, tree: Tree, nowMs: number): void {
    tree.makeLazy(peer);
    if (link.behindUntilMs !== null) return;
    link.behindUntilMs = nowMs + this.config.behindMsMax;
    this.#effects.push({ type: "behind", peer });
  }

  #duplicate({ stream, from, reason }: Duplicate, nowMs: number): void {
    const link = this.#links.get(from);
    if (link === undefined) return;
    if (!link.duplicatesIn.take(nowMs)) {
      this.#flood(from, "duplicates", LINK_MESSAGES_PER_SECOND);
      return;
    }
    if (reason !== "push") return;
    const tree = this.#trees.of(stream.author);
    if (tree.duplicate(from, nowMs)) this.#prune(from, link, tree, stream.author, nowMs);
  }

  #prune(
    peer: PeerKey,
    link: BroadcastLink,
    tree: Tree,
    source: PeerKey,
    nowMs: number,
  ): void {
    if (!link.prunesOut.take(nowMs)) return; // its next duplicate asks for it again
    tree.prune(peer, nowMs);
    this.#send(peer, { type: "prune", source: this.#trees.nameOf(source) });
  }

  // Messages.

  #message(from: PeerKey, message: BroadcastMessage, nowMs: number): void {
    const link = this.#links.get(from);
    if (link === undefined) return; // no neighbour any more
    switch (message.type) {
      case "bundle":
        this.#bundle(from, link, message, nowMs);
        break;
      case "preview":
        this.#preview(from, link, message, nowMs);
        break;
      case "ihave":
        this.#ihave(from, link, message, nowMs);
        break;
      case "graft":
        this.#grafted(from, link, message, nowMs);
        break;
      case "prune":
        if (link.prunesIn.take(nowMs)) {
          for (const tree of this.#trees.named(message.source)) tree.makeLazy(from);
        } else this.#flood(from, "prunes", this.config.prunesPerSecond);
        break;
      default:
        unreachable(message);
    }
  }

  /**
   * Handled before the order looks at the bundle: whatever comes of that, the peer has the bundle, and has kept its
   * promise.
   */
  #bundle(from: PeerKey, link: BroadcastLink, message: Named<"bundle">, nowMs: number): void {
    const header = message.bundle.header.value;
    const key = streamKey(header);
    const counter = lastCounter(header);
    link.learnt(key, counter);
    link.bundleCame(key, counter, nowMs);
    const delayOf = (peer: PeerKey) => this.#links.get(peer)!.graftDelayMs;
    for (const arrival of this.#missing.arrived(key, counter, delayOf, nowMs)) {
      if (message.reason !== "push" || arrival.peer === from) continue;
      this.#links.get(arrival.peer)!.measuredLag(arrival.lagMs);
      const path = { counter, hop: message.hop, from };
      this.#compare(arrival.peer, arrival.hop, header, path, nowMs);
    }
  }

  #preview(from: PeerKey, link: BroadcastLink, { header, hop }: Named<"preview">, nowMs: number) {
    if (!link.entriesIn.take(nowMs)) {
      this.#flood(from, "announcements", this.config.announcedEntriesPerSecond);
      return;
    }
    const entry = { ...streamOf(header.header.value), counter: lastCounter(header.header.value) };
    this.#announced(from, link, entry, hop, 0, nowMs); // the bundle won't come by itself
    this.#askDue(nowMs);
  }

  #ihave(
    from: PeerKey,
    link: BroadcastLink,
    { entries, hop }: Named<"ihave">,
    nowMs: number,
  ): void {
    if (!link.entriesIn.take(nowMs, entries.length)) {
      this.#flood(from, "announcements", this.config.announcedEntriesPerSecond);
      return;
    }
    for (const [index, entry] of entries.entries()) {
      const known = index === 0 ? hop : HOP_MAX;
      this.#announced(from, link, entry, known, link.graftDelayMs, nowMs);
    }
  }

  #announced(
    from: PeerKey,
    link: BroadcastLink,
    entry: Omit<FrontierEntry, "id">,
    hop: number,
    delayMs: number,
    nowMs: number,
  ): void {
    const key = streamKey(entry);
    const { counter } = entry;
    link.learnt(key, counter);
    const presence = this.#presence(entry, counter);
    if (presence === "here") {
      const path = this.#paths.get(key);
      if (path?.counter !== counter) return;
      link.measuredLag(0);
      this.#compare(from, hop, entry, path, nowMs);
      return;
    }
    // A member that is this far behind catches up in order: a graft as well would bring everything twice.
    if (counter - this.bundles.frontier(entry).counter > this.config.graftGapMax) {
      if (presence === "missing") this.#effects.push({ type: "far-ahead", peer: from });
      return;
    }
    const stream = { author: entry.author, incarnation: entry.incarnation };
    this.#missing.announced(key, stream, { peer: from, counter, hop }, delayMs, nowMs);
  }

  #presence(stream: Stream, counter: number): Presence {
    if (this.bundles.frontier(stream).counter >= counter) return "here";
    return this.bundles.has(stream, counter) ? "waiting" : "missing";
  }

  /** Plumtree, section 3.3: a much shorter way takes the place of the branch in use. */
  #compare(lazyPeer: PeerKey, hop: number, stream: Stream, path: Path, nowMs: number): void {
    const tree = this.#trees.of(stream.author);
    if (lazyPeer === path.from || !tree.lazy.has(lazyPeer)) return;
    if (!tree.compare(lazyPeer, path.hop - hop)) return;
    const nearer = this.#links.get(lazyPeer);
    const present = this.#links.get(path.from);
    if (nearer === undefined || present === undefined) return;
    for (const link of [nearer, present]) {
      if (nowMs < link.optimisedAtMs + this.config.optimiseIntervalMs) return;
    }
    nearer.optimisedAtMs = present.optimisedAtMs = nowMs;
    if (this.#graft(lazyPeer, nearer, stream, nowMs)) tree.adopt(lazyPeer);
    this.#prune(path.from, present, tree, stream.author, nowMs);
  }

  /**
   * Asks for the bundles after our frontier; the link is a branch from now on. @returns Whether the question was
   * sent.
   */
  #graft(peer: PeerKey, link: BroadcastLink, stream: Stream, nowMs: number): boolean {
    if (!link.graftsOut.take(nowMs)) return false;
    this.#trees.of(stream.author).graft(peer);
    const after = this.bundles.frontier(stream).counter;
    this.#send(peer, { type: "graft", ...streamOf(stream), after });
    return true;
  }

  #want(from: PeerKey, stream: Stream, after: number, nowMs: number): void {
    const link = this.#links.get(from);
    if (link === undefined || !link.graftsOut.take(nowMs)) return; // the order asks again, or drops the bundle
    this.#trees.of(stream.author).graft(from); // as the other side does on receipt
    this.#send(from, { type: "graft", ...streamOf(stream), after });
  }

  #grafted(from: PeerKey, link: BroadcastLink, message: Named<"graft">, nowMs: number): void {
    if (!link.graftsIn.take(nowMs)) {
      this.#flood(from, "grafts", this.config.graftsPerSecond);
      return;
    }
    const { after } = message;
    const stream = streamOf(message);
    const key = streamKey(stream);
    this.#trees.of(stream.author).graft(from);
    if (this.bundles.frontier(stream).counter <= after || !link.maySupply(key, after)) return;
    if (link.congested) link.supplyLater(key, stream, after);
    else this.#effects.push({ type: "supply", to: from, stream, after });
  }

  #flood(peer: PeerKey, what: string, perSecond: number): void {
    const text = `more than ${perSecond} ${what} a second`;
    this.#effects.push({ type: "penalise", peer, fault: "flood", text });
  }

  // Links that are full.

  #congested(peer: PeerKey): void {
    const link = this.#links.get(peer);
    if (link !== undefined) link.congested = true;
  }

  #drained(peer: PeerKey, nowMs: number): void {
    const link = this.#links.get(peer);
    if (link === undefined) return;
    link.congested = false;
    if (link.behindUntilMs !== null) link.behindUntilMs = nowMs + this.config.behindMsMax;
    for (const { stream, after } of link.waitingSupplies.values()) {
      this.#effects.push({ type: "supply", to: peer, stream, after });
    }
    link.waitingSupplies.clear();
    this.#announceSoon(nowMs);
  }

  #supplied(peer: PeerKey, nowMs: number): void {
    const link = this.#links.get(peer);
    if (link === undefined) return;
    link.behindUntilMs = null;
    this.#announceSoon(nowMs);
  }

  // Time.

  #tick(nowMs: number): void {
    for (const [peer, link] of this.#links) {
      if (!link.congested && link.behindUntilMs !== null && link.behindUntilMs <= nowMs) {
        this.#supplied(peer, nowMs);
      }
      const has = (stream: Stream, counter: number) => this.bundles.has(stream, counter);
      if (!link.brokeTooMany(has, nowMs)) continue;
      const text = `${this.config.brokenPromisesMax} announced bundles didn't come`;
      this.#effects.push({ type: "penalise", peer, fault: "broken-promise", text });
    }
    this.#askDue(nowMs);
    if (this.#announceAtMs !== null && this.#announceAtMs <= nowMs) this.#announceAll(nowMs);
  }

  #askDue(nowMs: number): void {
    const replyOf = (peer: PeerKey) => {
      const link = this.#links.get(peer)!;
      return link.graftsOut.available(nowMs) >= 1 ? link.graftReplyMs : null;
    };
    for (const { peer, key, stream, counter } of this.#missing.due(replyOf, nowMs)) {
      const link = this.#links.get(peer)!;
      if (this.#graft(peer, link, stream, nowMs)) link.promised(key, stream, counter, nowMs);
    }
  }

  #announceSoon(nowMs: number): void {
    this.#announceAtMs ??= nowMs + this.config.announceDelayMs;
  }

  #announceAll(nowMs: number): void {
    this.#announceAtMs = null;
    for (const [peer, link] of this.#links) {
      if (link.held || link.announcements.size === 0) continue;
      const entries: FrontierEntry[] = [];
      let hop: number | null = null;
      for (const [key, announcement] of link.announcements) {
        if (entries.length >= IHAVE_ENTRIES_MAX || !link.entriesOut.take(nowMs)) break;
        link.announcements.delete(key);
        entries.push(announcement.entry);
        hop ??= announcement.hop;
      }
      if (hop !== null) this.#send(peer, { type: "ihave", entries, hop });
      if (link.announcements.size > 0) this.#announceSoon(nowMs);
    }
  }

  #send(to: PeerKey, message: Exclude<BroadcastMessage, { readonly type: "bundle" }>): void {
    this.#effects.push({ type: "send", to, message });
  }
}

function streamOf(of: Stream | Header): Stream {
  return { author: of.author, incarnation: of.incarnation };
}
