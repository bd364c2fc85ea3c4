/**
 * One membership of one room: the machines of the mesh, composed. What follows from each effect of each machine stands in
 * one table (`membership_routes.ts`, `dissemination_routes.ts`); all that it comes to in a step goes to one output.
 *
 *     links -- admission --+                        (mesh.ts)
 *                          |
 *     peers -- overlay --- broadcast --- order --- shown to the user
 *                 |            |           |
 *              roster ----- names     anti-entropy
 *
 * It is no machine of its own: the mesh calls it, and `stepEnds` once in each step.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { type BundleId, type Endpoint, isSameEndpoint, type PeerKey } from "../../../base/ids.ts";
import { Agenda, servedEachStep, type Timed, whenDue } from "../../../base/machine/machine.ts";
import { AuthorFlow } from "../log/author_flow.ts";
import type { MeshCommand } from "../schema/events.ts";
import { HAND_OVER_TO_ALL_MS } from "../schema/limits.ts";
import type { MeetingPointNews } from "../schema/mesh_io.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { SignedBeacon, SignedClaim } from "../schema/structures.ts";
import { DeliveryGate } from "./delivery_gate.ts";
import { DisseminationRoutes } from "./dissemination_routes.ts";
import { MembershipRoutes } from "./membership_routes.ts";
import { RoomCommands, RoomPause } from "./room_commands.ts";
import { Neighbourhood } from "./neighbourhood.ts";
import { OwnWords } from "./own_words.ts";
import { RoomEvents } from "./room_events.ts";
import { RoomInbox, type RoomMessage } from "./room_inbox.ts";
import { HERE } from "../../../base/machine/user_presence.ts";
import type { RoomConfig, RoomLinks } from "./room_io.ts";
import { RoomMachines, type RoutedMachines } from "./room_machines.ts";
import type { RoomOutput } from "./room_output.ts";
import type { Give, RoomParts, SharedEffect } from "./room_parts.ts";
import { Router } from "./router.ts";

/** A member with a link to us; admission has checked what it showed. */
export interface ArrivedPeer {
  readonly peer: PeerKey;
  /** Where our dial has met the peer; null where it dialled us. */
  readonly reached: Endpoint | null;
  readonly endpoint: Endpoint | null;
  readonly beacon: SignedBeacon;
  readonly claim: SignedClaim;
}

export class Room {
  readonly machines: RoomMachines;
  /** What is due in the room. */
  readonly agenda: Timed;
  /** Gives a machine an input, and carries out what follows. */
  readonly give: Give = (name, input) => this.#router.give(name, input);
  readonly #parts: RoomParts;
  /** Where others can dial us; null: nowhere. */
  #own: Endpoint | null = null;
  /** Where they reach us through a meeting point; null: nowhere. */
  #meeting: Endpoint | null = null;
  readonly #membership: MembershipRoutes;
  readonly #dissemination: DisseminationRoutes;
  readonly #router: Router<RoutedMachines, SharedEffect>;
  readonly #inbox: RoomInbox;
  readonly #commands: RoomCommands;
  readonly #pause: RoomPause;
  /** Until when we wait for all neighbours to have what we said; null before we leave, and once that time is over. */
  #handingOverUntilMs: number | null = null;

  constructor(
    readonly config: RoomConfig,
    readonly signer: Signer,
    readonly environment: Environment,
    out: RoomOutput,
    links: RoomLinks,
  ) {
    const { crypto, wallMs } = environment;
    const isHere = (): boolean => showing.state === "here";
    const machines = new RoomMachines(config, signer, environment, isHere, out.nowMs);
    const { order, antiEntropy } = machines;
    const view = new RoomEvents(config, signer.key, machines.facts(), out, links);
    const isStoring = () => order.isStoring();
    const showing = new DeliveryGate(config, crypto, wallMs, view, isStoring, out);
    const neighbours = new Neighbourhood(view);
    const flow = new AuthorFlow((latest) => order.behindOf(latest));
    const hasOwn = (peer: PeerKey) => antiEntropy.hasOwn(peer);
    const ownWords = new OwnWords(
      () => neighbours.peers.some(hasOwn),
      () => neighbours.peers.every(hasOwn),
      config.records.some((record) =>
        record.kind === "bundle" && record.bundle.header.value.author === signer.key
      ),
      config.forgets === true,
    );
    this.machines = machines;
    this.#parts = {
      ...{ config, signer, environment, machines, neighbours, links },
      ...{ view, showing, flow, ownWords, out },
    };
    const membership = this.#membership = new MembershipRoutes(this.#parts, this.give);
    const dissemination = this.#dissemination = new DisseminationRoutes(this.#parts, this.give);
    this.#router = new Router<RoutedMachines, SharedEffect>(machines.routed, {
      overlay: membership.overlay(),
      roster: membership.roster(),
      names: membership.names(),
      secrets: membership.secrets(),
      rulings: membership.rulings(),
      broadcast: dissemination.broadcast(),
      order: dissemination.order(),
      antiEntropy: dissemination.antiEntropy(),
      privateMessages: dissemination.privateMessages(),
    }, {
      send: ({ to, message, lane }) => out.send(to, message, lane),
      penalise: ({ peer, fault, text }) => links.penalise(peer, fault, text),
    }, (machine, input) => machines.step(machine, input, out.nowMs));
    this.#inbox = new RoomInbox(this.#parts, this.give);
    this.#pause = new RoomPause(this.#parts);
    const entrances = () => membership.entrances();
    this.#commands = new RoomCommands(this.#parts, this.give, entrances, () => this.#pause.because);
    const tick = () => this.#router.tick((machine) => machines.isDue(machine, out.nowMs));
    this.agenda = new Agenda([
      whenDue(() => this.#handingOverUntilMs, () => this.#handingOverUntilMs = null),
      { nextMs: () => machines.nextDeadlineMs(), tick },
      whenDue(() => showing.deadlines.nextMs(), (nowMs) => this.#showDue(nowMs)),
      servedEachStep(() => flow.nextMs()),
      servedEachStep(() => neighbours.nextMs()),
      servedEachStep(() => view.rulings.nextMs()),
    ]);
  }

  /** Enters the room: emits the records that must be on disk before anybody hears of us, and our first beacon. */
  enter(): void {
    const { genesis, room, incarnation, claim, process, endpoint, passive, records } = this.config;
    // The way back into the room comes first: the end may be torn off.
    const fresh: MeshRecord[] = [
      ...this.config.fresh,
      { kind: "incarnation", incarnation },
      { kind: "claim", claim },
    ];
    if (!records.some(({ kind }) => kind === "genesis")) {
      fresh.unshift({ kind: "genesis", genesis });
    }
    this.#parts.out.persistFirst(fresh);
    const { boxKey } = this.machines.privateMessages;
    const self = { claim, process, endpoint, passive, boxKey, ...HERE };
    this.#own = endpoint;
    this.give("roster", { type: "enter", room, genesis, incarnation, self });
    this.#membership.ownClaim(claim);
    this.#rememberOwn(endpoint);
    this.give("privateMessages", { type: "start" });
  }

  /** Whether a snapshot may lack what is being written. */
  get isWriting(): boolean {
    return this.#parts.out.isWriting;
  }

  /** The records of a compacted log, see `DeliveryGate.snapshot`. */
  snapshot(shownThrough: BundleId | null): readonly MeshRecord[] | null {
    const { showing, out } = this.#parts;
    return showing.snapshot(this.machines.snapshot(out.nowMs), shownThrough);
  }

  /**
   * Whether everything that the user typed has reached its receiver, or a member that stays, so that we may leave; and
   * whether a newcomer has been shown what it asked for, if that doesn't take too long.
   */
  get settled(): boolean {
    const { showing, neighbours, ownWords } = this.#parts;
    const { order, privateMessages, rulings } = this.machines;
    const isHandingOver = this.#handingOverUntilMs !== null;
    if (showing.state !== "here" && isHandingOver) return false;
    if (order.unsaid().messages + this.#commands.held > 0) return false;
    if (privateMessages.isBusy || rulings.isStoring) return false;
    return ownWords.isSettled(neighbours.isAlone, !isHandingOver);
  }

  get liveMembers(): number {
    return this.machines.roster.liveCount;
  }

  get neighbours(): readonly PeerKey[] {
    return this.#parts.neighbours.peers;
  }

  /**
   * Whether a key is in the room, as `/peers` lists it: nothing of the room is sent to any other (`link_traffic.ts`), and
   * no other is a neighbour.
   */
  isListed(key: PeerKey): boolean {
    return this.machines.roster.isLive(key);
  }

  /** Whether a member that is in the room listens there, ourselves included. */
  isSomebodyAt(endpoint: Endpoint): boolean {
    for (const { state, beacon } of this.machines.roster.members()) {
      if (state !== "alive" || beacon.endpoint === null) continue;
      if (isSameEndpoint(beacon.endpoint, endpoint)) return true;
    }
    return false;
  }

  /** Whether somebody who can be written to has this name. */
  isName(name: string): boolean {
    return this.machines.names.keyOf(name) !== null;
  }

  /** Whom the user means. @throws {P2pchatError} `unknown-user`, or what keeps the user from writing to them. */
  receiver(name: string): PeerKey {
    return this.#parts.view.receiver(name).to;
  }

  /** The name under which a key is shown, here or not; null where none is known. */
  nameOf(key: PeerKey): string | null {
    return this.#parts.view.rulings.nameOf(key);
  }

  /** What is known of somebody whose words others pass on. */
  standingOf(key: PeerKey): "known" | "new" | "unknown" | "removed" {
    if (this.#parts.config.rulings.isRemoved(key)) return "removed";
    if (this.nameOf(key) === null) return "unknown";
    return this.#membership.isNew(key) ? "new" : "known";
  }

  get ready(): boolean {
    return this.#parts.view.ready;
  }

  /** What is done once in each step, after all else. */
  stepEnds(): void {
    const { out, view, showing, ownWords, neighbours } = this.#parts;
    if (out.isCrowded) view.becomeReady();
    this.#showWhatWaited();
    this.#commands.release();
    ownWords.stepEnds();
    if (this.machines.roster.hasNeighboursRoster()) showing.rosterKnown();
    this.#tellSize();
    neighbours.stepEnds(out.nowMs);
    this.#pause.stepEnds(this.#commands, this.#dissemination.isQuitting);
    view.stepEnds(out.nowMs);
    view.rulings.stepEnds(out.nowMs, view.ready && showing.state === "here");
  }

  /** Tells the machines how large the room is, where that has changed in this step. */
  #tellSize(): void {
    const { neighbours } = this.#parts;
    const live = this.liveMembers;
    if (live === neighbours.liveMembers) return;
    neighbours.liveMembers = live;
    this.give("overlay", { type: "members", live });
    this.give("broadcast", { type: "members", live });
  }

  /** Only now: what the step delivered would be taken for history as long as it isn't shown. */
  #showWhatWaited(): void {
    const { showing, out } = this.#parts;
    const isOver = this.#dissemination.isCaughtUp && !this.#isStillToHear;
    if (!isOver && !showing.isFull) return;
    this.#dissemination.isCaughtUp = false;
    showing.caughtUp(out.nowMs);
    this.give("privateMessages", { type: "shown", stream: null });
  }

  /**
   * Whether a newcomer waits for the neighbour that let it in, or for what one has begun to send: the first to say that
   * there is nothing may be coming in themselves.
   */
  get #isStillToHear(): boolean {
    const { showing } = this.#parts;
    if (showing.awaitsBaseline) return true;
    return showing.state !== "here" && this.machines.antiEntropy.sources().size > 0;
  }

  // Links.

  /** A link to a member is up. */
  peerUp({ peer, endpoint, reached, beacon, claim }: ArrivedPeer): void {
    const { neighbours, links, out } = this.#parts;
    neighbours.linked(out.nowMs);
    this.give("roster", { type: "member", from: peer, beacon, claim });
    if (!this.isListed(peer)) return links.release(peer, "it isn't in the room");
    if (reached !== null) this.#membership.met("entrance", { key: peer, endpoint: reached });
    this.give("overlay", { type: "peer-up", peer, endpoint, reached });
  }

  peerDown(peer: PeerKey, closed: boolean): void {
    const { neighbours, ownWords } = this.#parts;
    ownWords.neighbourGoes();
    neighbours.drained(peer);
    this.give("overlay", { type: "peer-down", peer, closed });
    // A newcomer that was just let in may be nobody's neighbour yet: who else would notice that it is gone?
    if (!closed) this.give("roster", { type: "link-lost", peer });
    this.give("order", { type: "peer-down", peer });
  }

  /** Another process than is known has said that it is this peer's. */
  copied(peer: PeerKey): void {
    this.#parts.view.copied(peer, this.#parts.out.nowMs);
  }

  /** @param isUninvited Whether no secret that we know was accepted there. */
  dialFailed(
    peer: PeerKey,
    at: { readonly endpoint: Endpoint; readonly answering: PeerKey | null },
    isUninvited: boolean,
  ): void {
    if (isUninvited && this.#parts.neighbours.isCutOff) this.inviteVoid(peer);
    if (at.answering !== null) this.machines.foundAt(at.endpoint);
    this.give("overlay", { type: "dial-failed", peer, ...at });
  }

  /** A member ends its link to us: the invite with which we came doesn't count any more. */
  inviteVoid(by: PeerKey): void {
    this.#parts.view.inviteVoid(by);
  }

  /** We came in through this peer, which is up. */
  welcomed(by: PeerKey): void {
    this.give("overlay", { type: "welcomed", by });
    this.#parts.showing.welcomed(by, this.#parts.out.nowMs);
  }

  /** Nobody is there to come in through: we are in the room alone. */
  alone(): void {
    this.give("overlay", { type: "tick" });
    this.#dissemination.isCaughtUp = true;
  }

  message(from: PeerKey, message: RoomMessage): void {
    // Whoever isn't in the room has no say in it: that link is being closed.
    if (this.isListed(from)) this.#inbox.read(from, message);
  }

  congested(peer: PeerKey): void {
    this.#parts.neighbours.congested(peer);
    this.#membership.congested(peer);
  }

  drained(peer: PeerKey): void {
    this.#parts.neighbours.drained(peer);
    const input = { type: "drained", peer } as const;
    this.give("antiEntropy", input);
    this.give("rulings", input);
    this.give("secrets", input);
    this.give("broadcast", input);
  }

  missed(peer: PeerKey): void {
    this.give("roster", { type: "missed", peer });
    this.give("antiEntropy", { type: "behind", peer });
  }

  // Where others reach us.

  /**
   * Others reach us at this address from now on.
   * @param before The address that this machine had, where it has another one; null where it hasn't, and only its router
   *   has.
   */
  ownEndpoint(endpoint: Endpoint, before: string | null): void {
    this.#own = endpoint;
    this.#rememberOwn(endpoint);
    this.#announce();
    this.#parts.view.moved(endpoint, before);
  }

  #rememberOwn(endpoint: Endpoint | null): void {
    if (endpoint === null) return;
    this.machines.movedTo(endpoint);
    this.#membership.met("caller", { key: this.#parts.signer.key, endpoint });
  }

  /**
   * Others can't dial us at this address, or can again.
   * @param elsewhere Where who is here has dialled us instead; null where that isn't known.
   */
  reachable(endpoint: Endpoint, isReachable: boolean, elsewhere: Endpoint | null): void {
    this.#own = isReachable ? endpoint : null;
    this.#announce();
    this.#parts.view.reachable(endpoint, isReachable, elsewhere);
  }

  meetingPoint(news: MeetingPointNews): void {
    this.#parts.view.meetingPoint(news);
    if (news.address === null) return;
    this.#meeting = news.address;
    this.#announce();
  }

  /** Tells all members where they reach us: at our own address, or nobody does, as with `--passive`; or at a meeting point. */
  #announce(): void {
    const endpoint = this.#own ?? this.#meeting;
    const meeting = this.#own === null ? null : this.#meeting;
    const passive = endpoint === null;
    this.give("roster", { type: "self", change: { endpoint, passive, meeting } });
    this.give("overlay", { type: "passive", passive });
  }

  // The disk and the screen.

  logRestored(): void {
    this.#parts.view.diskRestored();
  }

  persisted(token: number): void {
    const { view, out } = this.#parts;
    view.diskRestored();
    const write = out.takeWrite(token);
    if (write !== undefined) this.give(write.of, { type: "stored", token: write.token });
  }

  persistFailed(token: number | null, text: string): void {
    const { view, out } = this.#parts;
    view.diskRefused(text, token !== null);
    const write = out.takeWrite(token);
    if (write !== undefined) this.give(write.of, { type: "not-stored", token: write.token, text });
  }

  outputSeen(token: number): void {
    const upTo = this.#dissemination.unseen.take(token);
    if (upTo !== undefined) this.give("privateMessages", { type: "seen", upTo });
  }

  #showDue(nowMs: number): void {
    const { showing } = this.#parts;
    const before = showing.state;
    showing.deadlines.tick(nowMs);
    if (showing.state === before) return;
    this.give("privateMessages", { type: "shown", stream: null });
  }

  // The user.

  command(
    command: Exclude<MeshCommand, { readonly command: "quit" }>,
    ref: string | undefined,
  ): void {
    this.#commands.typed(command, ref);
  }

  /** The answer to `claimName`: the name is ours now, or the user was told why not. */
  nameSettled(): void {
    this.#commands.nameSettled();
  }

  /** Our name has changed: a neighbour has admitted the new one, or we did so ourselves. */
  ownClaim(claim: SignedClaim, ref: string | undefined): void {
    this.#parts.out.persistFirst([{ kind: "claim", claim }]);
    this.give("roster", { type: "self", change: { claim } });
    this.#membership.ownClaim(claim, ref);
  }

  /** The user wants to leave: make sure that another member has everything that was said here. */
  leave(): void {
    this.#dissemination.isQuitting = true;
    this.#parts.showing.leaves();
    this.#handingOverUntilMs = this.#parts.out.nowMs + HAND_OVER_TO_ALL_MS;
    this.give("antiEntropy", { type: "hand-over" });
  }

  /** Sends our last beacon, which says that we have quit, and tells the user where nobody may have all that was said. */
  quit(): void {
    const { view, ownWords, out } = this.#parts;
    view.rulings.quit();
    this.give("privateMessages", { type: "quit" });
    const text = ownWords.leavingText();
    // Behind what this step shows: our last message may be among it.
    if (text !== null) {
      out.later({ type: "show", event: { event: "notice", text }, ref: undefined });
    }
    out.persistFirst([{ kind: "left", reason: "quit" }], false);
    this.give("roster", { type: "quit" });
  }
}
