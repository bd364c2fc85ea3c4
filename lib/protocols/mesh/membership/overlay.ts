/**
 * The overlay: each member keeps few neighbours, chosen at random, and knows some more for the day they
 * are gone; all these links together connect the room. HyParView (Leitão, Pereira, Rodrigues: HyParView:
 * a membership protocol for reliable gossip-based broadcast, DSN 2007).
 *
 * The picture: everybody in a crowd holds five hands and has thirty names in a pocket. Who loses a hand
 * takes out a name and asks. Who meets a newcomer passes the word along; at its end somebody lets go of
 * a hand, and newcomer and abandoned take each other's.
 *
 * Departures from the paper, each with its reason:
 * - A link becomes active by a request and its acceptance, at both ends or at none (the paper adds first
 *   and tells after): views stay symmetric. Passive contacts are dialled before they are asked.
 * - Who is displaced for a newcomer is introduced to it, so that a link is split in two rather than
 *   lost: no member pays for another's coming, and a crowd of newcomers can't cut the room. A join
 *   therefore takes two walks, not one for each neighbour.
 * - Two neighbours that we chose ourselves are never displaced by those who choose us, and only one in
 *   5 s is: an attacker that dials us never has all our links.
 * - Up to six members are a full mesh. Members that can't be dialled take inbound slots, and no place in
 *   the active view, but where we dialled them before they said so; each of them takes more than one slot only as
 *   long as nobody needs it who has none. Old members are dialled now and then:
 *   no view heals a split of two healthy halves. So are members with whom our neighbours share no words:
 *   all five may be liars.
 */

import type { Environment } from "../../../base/machine/environment.ts";
import {
  distinctEndpoints,
  type Endpoint,
  isSameEndpoint,
  type PeerKey,
} from "../../../base/ids.ts";
import { invariant, unreachable } from "../../../base/invariant.ts";
import { jittered } from "../../../base/rates/retry_pauses.ts";
import { Agenda, Deadlines, type Machine, whenDue } from "../../../base/machine/machine.ts";
import { Rates } from "../../../base/rates/token_bucket.ts";
import { Acquaintances, OverlayCandidates, type Wanted } from "./overlay_candidates.ts";
import { ActiveView, OverlayLinks, takesPlace } from "./active_view.ts";
import {
  FILE_LINKS_MAX,
  FULL_MESH_MEMBERS_MAX,
  NEIGHBOUR_REQUESTERS_MAX,
  NEIGHBOUR_REQUESTS_BURST,
  NEIGHBOUR_REQUESTS_PER_SECOND,
} from "../schema/limits.ts";
import type { Contact, OverlayMessage } from "../schema/messages.ts";
import { OverlayAttempts, OverlayDials, type Purpose } from "./overlay_dials.ts";
import type { MemberDirectory, OverlayConfig, OverlayEffect, OverlayInput } from "./overlay_io.ts";
import { OverlayFileLinks } from "./overlay_file_links.ts";
import { OverlayRareDials } from "./overlay_rare_dials.ts";
import { type Outgoing, OverlayWalks } from "./overlay_walks.ts";
import { PassiveView, randomOf, sample } from "./passive_view.ts";

/**
 * A join reaches two neighbours at the end of each walk: the member at the end, and the neighbour that it displaces.
 */
const JOIN_WALKS = 2;
/**
 * The member at the end of a walk gives up a neighbour at most once in this time: a crowd of newcomers spreads over
 * the room.
 */
const WALK_EVICTION_INTERVAL_MS = 1_000;

/** HyParView for one member of a room. */
export class Overlay implements Machine<OverlayInput, OverlayEffect> {
  readonly #links = new OverlayLinks();
  readonly #active: ActiveView;
  readonly #attempts: OverlayAttempts;
  readonly #passive: PassiveView;
  readonly #acquaintances = new Acquaintances();
  readonly #walks: OverlayWalks;
  readonly #candidates: OverlayCandidates;
  readonly #rareDials: OverlayRareDials;
  readonly #fileLinks: OverlayFileLinks;
  readonly #dials = new OverlayDials();
  /** How often each peer becomes a neighbour at its own request: its rate limits start anew every time. */
  readonly #requests = new Rates<PeerKey>(
    NEIGHBOUR_REQUESTS_PER_SECOND,
    NEIGHBOUR_REQUESTS_BURST,
    NEIGHBOUR_REQUESTERS_MAX,
  );
  readonly #deadlines = new Deadlines({
    /** When the next shuffle is sent on its walk. */
    shuffle: (nowMs) => this.#shuffle(nowMs),
  });
  readonly #agenda: Agenda;
  #live = 1;
  #evictionFromMs = 0;
  #walkEvictionFromMs = 0;
  #effects: OverlayEffect[] = [];

  constructor(
    readonly config: OverlayConfig,
    readonly env: Environment,
    readonly self: PeerKey,
    readonly directory: MemberDirectory,
    nowMs: number,
  ) {
    const emit = (effect: OverlayEffect) => this.#effects.push(effect);
    this.#active = new ActiveView(config, this.#links, emit);
    this.#attempts = new OverlayAttempts(config.attemptMs);
    this.#passive = new PassiveView(config.passiveViewMax, env.random);
    this.#walks = new OverlayWalks(config, self, this.#links, this.#passive, env.random);
    const { random } = env;
    for (const contact of directory.met("caller")) this.#acquaintances.parted(contact, false);
    for (const contact of directory.met("entrance")) this.#acquaintances.parted(contact, true);
    this.#candidates = new OverlayCandidates(
      config,
      self,
      this.#passive,
      this.#acquaintances,
      directory,
      this.#dials,
      random,
    );
    this.#deadlines.set("shuffle", nowMs + jittered(config.shuffleIntervalMs, random()));
    this.#rareDials = new OverlayRareDials(config, directory, this.#candidates, random, nowMs);
    this.#fileLinks = new OverlayFileLinks(directory, random);
    this.#agenda = new Agenda([
      whenDue(() => this.#attempts.nextMs(), (nowMs) => this.#endAttempts(nowMs)),
      this.#candidates,
      whenDue(() => this.#links.nextIdleMs(), (nowMs) => this.#useIdle(nowMs)),
      whenDue(() => this.#rareDials.nextMs(), (nowMs) => this.#rareDial(nowMs)),
      whenDue(() => this.#fileLinks.nextMs(), (nowMs) => this.#dialForFiles(nowMs)),
      this.#deadlines,
    ]);
  }

  step(input: OverlayInput, nowMs: number): readonly OverlayEffect[] {
    this.#effects = [];
    switch (input.type) {
      case "peer-up":
        this.#peerUp(input.peer, input.endpoint, input.reached, nowMs);
        break;
      case "peer-endpoint":
        this.#links.dialAt(input.peer, input.endpoint);
        break;
      case "peer-down":
        this.#peerDown(input.peer, input.closed, nowMs);
        break;
      case "peer-gone":
        this.#peerGone(input.peer, input.reason, nowMs);
        break;
      case "dial-failed":
        if (input.answering) this.#attempts.giveUp(input.answering);
        this.#dialFailed(input.peer, input.endpoint, nowMs);
        break;
      case "message":
        this.#message(input.from, input.message, nowMs);
        break;
      case "welcomed":
        this.#welcomed(input.by, nowMs);
        break;
      case "members":
        this.#live = input.live;
        if (this.#isFullMesh()) this.#candidates.encourage();
        break;
      case "passive":
        this.#active.passive = input.passive;
        break;
      case "file-links":
        this.#fileLinks.want(input.wanted, nowMs);
        this.#dialForFiles(nowMs);
        break;
      case "file-traffic":
        this.#links.carried(input.peer, nowMs + this.config.fileLinkMs);
        break;
      case "tick":
        this.#agenda.tick(nowMs);
        break;
      default:
        unreachable(input);
    }
    this.#fill(nowMs);
    return this.#effects;
  }

  nextDeadlineMs(): number | null {
    return this.#agenda.nextMs();
  }

  /** Current neighbours, including those that can't be dialled. */
  activeView(): readonly PeerKey[] {
    return this.#links.neighbours();
  }

  passiveView(): readonly Contact[] {
    return this.#passive.contacts;
  }

  // Links.

  #peerUp(
    peer: PeerKey,
    endpoint: Endpoint | null,
    reached: Endpoint | null,
    nowMs: number,
  ): void {
    if (this.#links.get(peer)?.released === false) return;
    this.#links.add(peer, endpoint, reached, nowMs + this.config.idleLinkMs);
    if (reached !== null) this.#dials.reached(reached);
    const isLate = this.#attempts.answered(peer);
    const attempt = this.#attempts.get(peer);
    if (attempt !== undefined) this.#ask(peer, attempt.purpose, nowMs);
    else if (isLate && this.#isOfUse()) this.#ask(peer, "fill", nowMs);
    if (reached === null) this.#keepInboundSlots(peer, nowMs);
    else this.#keepFileLinks(peer, nowMs);
  }

  /** Of links that we dialled, and that have no neighbour, ends the one that was idle longest where there are too many. */
  #keepFileLinks(newest: PeerKey, nowMs: number): void {
    const dialled = this.#links.peers((link) =>
      link.reached !== null && link.idleUntilMs !== null && !link.released
    );
    if (dialled.length <= FILE_LINKS_MAX) return;
    const gone = this.#links.idlest(dialled, newest);
    if (gone !== null) this.#active.release(gone, "too many links for files are open", nowMs);
  }

  /**
   * Beyond the last slot, closes the inbound link that was idle longest; where all are in use, that of a neighbour
   * that can do without us, or else the new one.
   */
  #keepInboundSlots(newest: PeerKey, nowMs: number): void {
    const inbound = this.#links.peers((link) => link.reached === null && !link.released);
    if (inbound.length <= this.config.inboundLinksMax) return;
    const gone = this.#links.idlest(inbound, newest) ?? newest;
    if (gone === newest) {
      const spare = this.#evictedNow(this.#active.spareVictim(), nowMs);
      if (spare !== null) return this.#active.dismiss(spare, nowMs);
      this.#put(this.#walks.hand(newest)); // it may know nobody else
    }
    this.#active.release(gone, "all inbound slots are in use", nowMs);
  }

  #peerDown(peer: PeerKey, closed: boolean, nowMs: number): void {
    const wasActive = this.#links.isActive(peer);
    const told = this.#links.contactOf(peer);
    const own = this.#links.ownContactOf(peer);
    const wasDialled = (this.#links.get(peer)?.reached ?? null) !== null;
    if (wasActive) {
      this.#candidates.encourage();
      this.#candidates.lost(peer);
    }
    this.#attempts.end(peer);
    this.#active.deactivate(peer, nowMs);
    this.#links.remove(peer);
    // Perhaps only the link is gone, and it was the only way to half of the room. One dial tells.
    if (!wasActive || closed) return;
    if (told !== null) this.#walks.learn([told], null);
    if (own !== null) this.#acquaintances.parted(own, wasDialled);
  }

  /** A peer is no longer in the room: it is no neighbour then, and its link ends. */
  #peerGone(peer: PeerKey, reason: string, nowMs: number): void {
    const link = this.#links.get(peer);
    if (link === undefined) return;
    if (this.#links.isActive(peer)) {
      this.#candidates.encourage();
      this.#candidates.lost(peer);
    }
    this.#attempts.end(peer);
    this.#active.deactivate(peer, nowMs);
    this.#active.release(peer, reason, nowMs);
  }

  // Neighbours.

  /** Dials a contact, or sends it the request at once where there is a link. */
  #attempt(contact: Contact, purpose: Purpose, nowMs: number): void {
    if (this.#links.has(contact.key)) {
      this.#ask(contact.key, purpose, nowMs);
      return;
    }
    const all = [...this.directory.endpointsOf(contact.key), contact.endpoint];
    this.#dial(contact.key, purpose, distinctEndpoints(all), nowMs);
  }

  /** Dials the first of a peer's addresses; the others follow where that one fails. */
  #dial(
    key: PeerKey,
    purpose: Purpose,
    [endpoint, ...others]: readonly Endpoint[],
    nowMs: number,
  ): void {
    invariant(endpoint !== undefined, "who is dialled has an address");
    this.#attempts.dials(key, purpose, { endpoint, others }, nowMs);
    this.#dials.dialled(endpoint, nowMs);
    this.#effects.push({ type: "dial", contact: { key, endpoint } });
  }

  #dialFailed(peer: PeerKey, endpoint: Endpoint, nowMs: number): void {
    this.#attempts.answered(peer);
    const at = this.#attempts.get(peer)?.at ?? null;
    if (at !== null && isSameEndpoint(at.endpoint, endpoint)) this.#elsewhere(peer, nowMs);
  }

  /** Nobody has answered a dial in time: dials the peer at its next address, if there is one that may be dialled. */
  #elsewhere(peer: PeerKey, nowMs: number): void {
    const { purpose, at } = this.#attempts.get(peer)!;
    const others =
      at?.others.filter((endpoint) =>
        this.#active.isolated || this.#dials.isFree(endpoint, nowMs)
      ) ?? [];
    if (others.length === 0) return this.#failed(peer);
    this.#dial(peer, purpose, others, nowMs);
  }

  #ask(peer: PeerKey, purpose: Purpose, nowMs: number): void {
    const link = this.#links.get(peer)!;
    link.idleUntilMs = null;
    if (purpose === "join") {
      this.#attempts.asks(peer, purpose, "low", nowMs);
      this.#send(peer, { type: "overlay-join" });
      return;
    }
    const isRare = purpose === "rejoin" || purpose === "withheld";
    const priority = isRare || this.#isInNeed() || this.#needsMuch() ? "high" : "low";
    this.#attempts.asks(peer, purpose, priority, nowMs);
    this.#send(peer, { type: "neighbor", priority });
    if (purpose === "rejoin") this.#put(this.#walks.hand(peer));
  }

  /** Whether we are in need: a member that can't be dialled asks several at once, and needs one of them. */
  #isInNeed(): boolean {
    return this.#active.isolated && !(this.#active.passive && this.#attempts.asked > 0);
  }

  /**
   * Whether two places are free here and a peer has refused us, as in a room whose views are full: a link that is split
   * in two for us fills both. One such request at a time, however many others are under way.
   */
  #needsMuch(): boolean {
    return !this.#active.passive && this.#candidates.refusals > 0 && !this.#attempts.isUrgent &&
      this.#links.activeView().length <= this.#active.sizeMax - 2;
  }

  /** Takes in a peer that both sides accepted; `victim` is the neighbour that gives way to it. */
  #takeIn(peer: PeerKey, victim: PeerKey | null, nowMs: number): void {
    this.#attempts.end(peer);
    this.#passive.remove(peer);
    if (victim === null) {
      this.#active.activate(peer, nowMs);
      return;
    }
    this.#active.replace(victim, peer, nowMs);
    this.#rememberLater(victim, nowMs);
  }

  /** Remembers a peer that is alive and no neighbour, as one to come back to. */
  #rememberLater(peer: PeerKey, nowMs: number): void {
    this.#candidates.avoid(peer, nowMs);
    const told = this.#links.contactOf(peer);
    if (told !== null) this.#walks.learn([told], null);
    const own = this.#links.ownContactOf(peer);
    if (own !== null) this.#acquaintances.parted(own, this.#links.get(peer)!.reached !== null);
  }

  #failed(peer: PeerKey): void {
    this.#rareDials.inVain(this.#attempts.end(peer)?.purpose);
    this.#passive.remove(peer);
    this.#acquaintances.failed(peer);
  }

  /** Asks for neighbours as long as places are free and candidates are left in this round. */
  #fill(nowMs: number): void {
    const wanted = this.#wanted();
    if (wanted === null) return;
    const excluded = (peer: PeerKey) => this.#links.has(peer) || this.#attempts.has(peer);
    while (this.#attempts.size < this.config.parallelDialsMax) {
      if (wanted === "some" && this.#freePlaces() <= 0) return;
      const underWay = this.#attempts.size > 0;
      const contact = this.#candidates.next(wanted, excluded, underWay, nowMs);
      if (contact === null) return;
      this.#attempt(contact, "fill", nowMs);
    }
  }

  #wanted(): Wanted | null {
    if (this.#active.isolated) return "any";
    if (this.#isFullMesh() && !this.#active.passive) return "all";
    return this.#freePlaces() > 0 ? "some" : null;
  }

  /** Places in the active view that nobody is being asked for. */
  #freePlaces(): number {
    return this.#active.sizeMax - this.#links.activeView().length - this.#attempts.size;
  }

  #isFullMesh(): boolean {
    return this.#live <= FULL_MESH_MEMBERS_MAX;
  }

  // Messages.

  #message(from: PeerKey, message: OverlayMessage, nowMs: number): void {
    const link = this.#links.get(from);
    if (link === undefined) return; // the link ended while this was on its way
    if (link.released) {
      this.#tooLate(from, message);
      return;
    }
    switch (message.type) {
      case "overlay-join":
        this.#overlayJoin(from, nowMs);
        break;
      case "forward-join":
        if (this.#mayWalk(from, nowMs)) {
          this.#forwardJoin(from, message.contact, message.ttl, nowMs);
        }
        break;
      case "neighbor":
        this.#neighbor(from, message.priority === "high", nowMs);
        break;
      case "neighbor-reply":
        if (message.accepted) this.#accepted(from, nowMs);
        else this.#refused(from, nowMs);
        break;
      case "disconnect":
        this.#disconnected(from, nowMs);
        break;
      case "shuffle":
        if (this.#mayWalk(from, nowMs)) this.#put(this.#walks.shuffleStep(from, message));
        break;
      case "shuffle-reply":
        if (link.walks.take(nowMs)) this.#walks.answered(from, message.contacts);
        break;
      default:
        unreachable(message);
    }
  }

  /**
   * A message on a link that we have released: the end of the link tells the other side, unless a second link takes
   * its place.
   */
  #tooLate(from: PeerKey, message: OverlayMessage): void {
    if (message.type === "neighbor" || message.type === "overlay-join") {
      this.#send(from, { type: "neighbor-reply", accepted: false });
    } else if (message.type === "neighbor-reply" && message.accepted) {
      this.#send(from, { type: "disconnect" });
    }
  }

  /** Walks are accepted from neighbours alone: a stranger can't make us dial the contacts that it names. */
  #mayWalk(from: PeerKey, nowMs: number): boolean {
    return this.#links.isActive(from) && this.#links.get(from)!.walks.take(nowMs);
  }

  #welcomed(by: PeerKey, nowMs: number): void {
    const contact = this.#links.ownContactOf(by);
    if (contact !== null) this.#acquaintances.cameInThrough(contact);
    if (this.#links.has(by) && !this.#links.isActive(by)) this.#ask(by, "join", nowMs);
  }

  /**
   * HyParView, section 4.2: a newcomer is always let in, and made known by walks. A peer that has asked before is
   * treated like any other.
   */
  #overlayJoin(from: PeerKey, nowMs: number): void {
    if (this.#links.isActive(from)) {
      this.#send(from, { type: "neighbor-reply", accepted: true }); // both had asked, or a liar asks on
      return;
    }
    const isFirst = !this.#requests.has(from);
    if (!this.#requests.take(from, nowMs)) return this.#turnAway(from, nowMs);
    let victim: PeerKey | null = null;
    if (!this.#active.hasRoomFor(from)) {
      const next = this.#active.victim();
      victim = isFirst ? next : this.#evictedNow(next, nowMs);
      if (victim === null && !isFirst) return this.#refuse(from, true);
    }
    const neighbours = this.#links.activeView();
    this.#send(from, { type: "neighbor-reply", accepted: true });
    this.#takeIn(from, victim, nowMs);
    const contact = this.#links.contactOf(from);
    if (contact === null || this.#isFullMesh()) return; // in a full mesh the roster makes the newcomer known
    this.#put(this.#walks.hand(from));
    if (!this.#mayWalk(from, nowMs)) return;
    const still = neighbours.filter((peer) => this.#links.isActive(peer));
    for (const peer of sample(still, JOIN_WALKS, this.env.random)) {
      this.#send(peer, { type: "forward-join", contact, ttl: this.config.activeWalkHops });
    }
  }

  /** HyParView, section 4.2. The walk ends at `ttl` 1; with 0 it offers the contact for a place that is free. */
  #forwardJoin(from: PeerKey, contact: Contact, ttl: number, nowMs: number): void {
    const { key } = contact;
    if (key === this.self || this.#links.has(key) || this.#attempts.has(key)) return;
    const onward = this.#walks.joinStep(from, contact, ttl);
    if (onward !== null) {
      this.#put(onward);
      return;
    }
    const mayDial = this.#attempts.size < this.config.parallelDialsMax &&
      this.#mayDial(contact, nowMs) && this.#dials.mayIntroduce(from, nowMs) &&
      (ttl === 0 || this.#mayEndWalk(nowMs));
    if (!mayDial) return this.#walks.learn([contact], from);
    this.#dials.takeIntroduced(from, nowMs);
    this.#attempt(contact, ttl === 0 ? "offered" : "walk", nowMs);
  }

  #mayDial({ endpoint }: Contact, nowMs: number): boolean {
    return this.#dials.isFree(endpoint, nowMs);
  }

  #mayEndWalk(nowMs: number): boolean {
    if (this.#freePlaces() > 0) return true;
    if (nowMs < this.#walkEvictionFromMs) return false;
    this.#walkEvictionFromMs = nowMs + WALK_EVICTION_INTERVAL_MS;
    return true;
  }

  /** HyParView, section 4.3, with one eviction in 5 s at most. */
  #neighbor(from: PeerKey, high: boolean, nowMs: number): void {
    const active = this.#links.isActive(from);
    let victim: PeerKey | null = null;
    if (!active) {
      if (!this.#requests.allows(from, nowMs)) return this.#turnAway(from, nowMs);
      if (!high && this.#needsNoSlot(from)) return this.#refuse(from, high);
      if (!this.#active.hasRoomFor(from)) {
        victim = high ? this.#evictedNow(this.#active.victim(), nowMs) : null;
        if (victim === null) return this.#refuse(from, high);
      }
      this.#requests.take(from, nowMs);
      this.#links.get(from)!.hasOthers = !high;
    }
    this.#send(from, { type: "neighbor-reply", accepted: true });
    if (!active) this.#takeIn(from, victim, nowMs);
    if (high) this.#put(this.#walks.hand(from));
  }

  /**
   * Whether this peer has to do without a slot: it would take a slot and no place, and the last slot is kept for one that
   * asks because it has no neighbour.
   */
  #needsNoSlot(peer: PeerKey): boolean {
    return !takesPlace(this.#links.get(peer)!) &&
      this.#links.inboundInUse >= this.config.inboundLinksMax - 1;
  }

  /**
   * The neighbour that gives way to a peer that asks for its place; null for none, or where one just has given way.
   */
  #evictedNow(victim: PeerKey | null, nowMs: number): PeerKey | null {
    if (nowMs < this.#evictionFromMs) return null;
    if (victim !== null) this.#evictionFromMs = nowMs + this.config.evictionIntervalMs;
    return victim;
  }

  /** Refuses a peer that has become a neighbour too often of late. */
  #turnAway(from: PeerKey, nowMs: number): void {
    this.#refuse(from, false);
    this.#active.release(from, "it comes and goes too often", nowMs);
  }

  #refuse(from: PeerKey, high: boolean): void {
    this.#attempts.end(from); // where both had asked, neither is taken in
    this.#send(from, { type: "neighbor-reply", accepted: false });
    const contact = this.#links.contactOf(from);
    if (contact !== null) this.#walks.learn([contact], null);
    if (high) this.#put(this.#walks.hand(from));
  }

  #accepted(from: PeerKey, nowMs: number): void {
    if (this.#links.isActive(from)) return; // both had asked
    const attempt = this.#attempts.get(from);
    const purpose = attempt?.at === null ? attempt.purpose : null;
    if (purpose !== null && this.#active.hasRoomFor(from)) {
      this.#takeIn(from, null, nowMs);
      return;
    }
    const victim = purpose === null ? null : this.#victimFor(purpose);
    if (victim !== null) {
      this.#takeIn(from, victim, nowMs);
      return;
    }
    this.#attempts.end(from);
    this.#send(from, { type: "disconnect" });
    this.#active.deactivate(from, nowMs);
    this.#rememberLater(from, nowMs);
    this.#active.release(from, "the place it was asked for is taken", nowMs);
  }

  /** The neighbour that gives way, where the view is full, to a peer that was asked for this purpose. */
  #victimFor(purpose: Purpose): PeerKey | null {
    switch (purpose) {
      case "fill":
      case "offered":
        return null;
      case "own":
        return this.#active.inboundVictim();
      case "withheld":
        return this.#active.oldestVictim();
      case "walk":
      case "rejoin":
      case "join":
        return this.#active.victim();
    }
  }

  #refused(from: PeerKey, nowMs: number): void {
    if (this.#links.isActive(from)) {
      this.#disconnected(from, nowMs); // we took it in and it didn't take us: nobody is a neighbour alone
      return;
    }
    const attempt = this.#attempts.end(from);
    if (attempt === undefined) return;
    this.#candidates.avoid(from, nowMs);
    if (attempt.purpose === "fill") this.#candidates.refused();
    this.#rareDials.inVain(attempt.purpose);
    this.#active.release(from, "it has no place for another neighbour", nowMs);
  }

  #disconnected(from: PeerKey, nowMs: number): void {
    this.#attempts.end(from);
    this.#active.deactivate(from, nowMs);
    this.#rememberLater(from, nowMs);
    this.#candidates.encourage();
  }

  // Time.

  #endAttempts(nowMs: number): void {
    for (const peer of this.#attempts.due(nowMs)) {
      if (this.#attempts.get(peer)?.at === null) {
        this.#active.release(peer, "no answer to a request", nowMs);
        this.#failed(peer);
      } else {
        this.#attempts.giveUp(peer);
        this.#elsewhere(peer, nowMs);
      }
    }
  }

  #useIdle(nowMs: number): void {
    for (const peer of this.#links.peers((link) => (link.idleUntilMs ?? Infinity) <= nowMs)) {
      this.#idle(peer, nowMs);
    }
  }

  /** Closes a link that nobody wants, unless we can use it. */
  #idle(peer: PeerKey, nowMs: number): void {
    this.#links.get(peer)!.released = false; // it is still there: another link than the one we released
    if (this.#isOfUse() && !this.#needsNoSlot(peer)) this.#ask(peer, "fill", nowMs);
    else this.#active.release(peer, "no neighbour", nowMs);
  }

  /** Whether we want one more neighbour among the peers with a link: dials may remain unanswered. */
  #isOfUse(): boolean {
    const places = this.#active.sizeMax - this.#links.activeView().length - this.#attempts.asked;
    return places > 0 || this.#wanted() === "all";
  }

  #shuffle(nowMs: number): void {
    const pauseMs = jittered(this.config.shuffleIntervalMs, this.env.random());
    this.#deadlines.set("shuffle", nowMs + pauseMs);
    const own = this.#active.passive || this.#isFullMesh() ? null : this.directory.own();
    if (own !== null) this.#put(this.#walks.shuffle(own));
    this.#replaceByOwn(nowMs);
  }

  /** Where most neighbours chose us, a peer of our own choice takes a place, if it has one for us. */
  #replaceByOwn(nowMs: number): void {
    if (this.#isFullMesh() || this.#freePlaces() !== 0 || this.#attempts.size > 0) return;
    if (this.#active.selfDialledCount() >= this.config.selfDialledMin) return;
    const candidates = this.#passive.contacts.filter((contact) =>
      !this.#links.has(contact.key) && this.#mayDial(contact, nowMs)
    );
    const contact = randomOf(candidates, this.env.random);
    if (contact !== null) this.#attempt(contact, "own", nowMs);
  }

  /** Whether a contact is neither linked nor being dialled, and may be. */
  #isUnlinked(contact: Contact, nowMs: number): boolean {
    return contact.key !== this.self && !this.#links.has(contact.key) &&
      !this.#attempts.has(contact.key) && this.#mayDial(contact, nowMs);
  }

  /** Dials for files, see `overlay_file_links.ts`: nobody is asked to be a neighbour. */
  #dialForFiles(nowMs: number): void {
    const isFree = (contact: Contact) => this.#isUnlinked(contact, nowMs);
    for (const contact of this.#fileLinks.takeDue(isFree, nowMs)) {
      this.#dials.dialled(contact.endpoint, nowMs);
      this.#effects.push({ type: "dial", contact });
    }
  }

  /** Dials that no free place calls for, see `overlay_rare_dials.ts`. */
  #rareDial(nowMs: number): void {
    const isFree = (contact: Contact) => this.#isUnlinked(contact, nowMs);
    for (const { contact, purpose } of this.#rareDials.takeDue(this.#live, isFree, nowMs)) {
      this.#attempt(contact, purpose, nowMs);
    }
  }

  #put(outgoing: Outgoing | null): void {
    if (outgoing !== null) this.#send(outgoing.to, outgoing.message);
  }

  #send(to: PeerKey, message: OverlayMessage): void {
    this.#effects.push({ type: "send", to, message });
  }
}
