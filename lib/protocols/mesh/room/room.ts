/**
 * One membership of one room: the machines of the mesh, composed. Each machine's effects are routed to the
 * machines they concern, in one table (`room_routes.ts`); what is left goes to the caller.
 *
 *     links -- admission --+                        (mesh.ts)
 *                          |
 *     peers -- overlay --- broadcast --- order --- shown to the user
 *                 |            |           |
 *              roster ----- names     anti-entropy
 *
 * In one step the sends come first and what the disk and the user get comes last, so that a bundle is relayed
 * before it is synced here; only what the user says, and what others rely on us to remember, is synced before
 * anything is sent.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { type BundleId, type Endpoint, isSameEndpoint, type PeerKey } from "../../../base/ids.ts";
import { Agenda, type Machine, servedEachStep, whenDue } from "../../../base/machine/machine.ts";
import { AuthorFlow } from "../log/author_flow.ts";
import { HAND_OVER_TO_ALL_MS } from "../schema/limits.ts";
import type { MeshRecord } from "../schema/records.ts";
import { DeliveryGate } from "./delivery_gate.ts";
import { RoomCommands, RoomPause } from "./room_commands.ts";
import { Neighbourhood } from "./neighbourhood.ts";
import { OwnWords } from "./own_words.ts";
import { RoomEvents } from "./room_events.ts";
import { RoomInbox } from "./room_inbox.ts";
import { HERE } from "../../../base/machine/user_presence.ts";
import type { RoomConfig, RoomEffect, RoomInput } from "./room_io.ts";
import { RoomMachines } from "./room_machines.ts";
import { RoomOutput } from "./room_output.ts";
import type { RoomParts } from "./room_parts.ts";
import { RoomRoutes } from "./room_routes.ts";
import { handle, type Handlers } from "./router.ts";

type InputOf<Type> = Extract<RoomInput, { readonly type: Type }>;

export class Room implements Machine<RoomInput, RoomEffect> {
  readonly machines: RoomMachines;
  readonly #parts: RoomParts;
  /** Where others can dial us; null: nowhere. */
  #own: Endpoint | null = null;
  /** Where they reach us through a meeting point; null: nowhere. */
  #meeting: Endpoint | null = null;
  readonly #routes: RoomRoutes;
  readonly #inbox: RoomInbox;
  readonly #commands: RoomCommands;
  readonly #pause: RoomPause;
  readonly #handlers: Handlers<RoomInput>;
  readonly #agenda: Agenda;
  /** Until when we wait for all neighbours to have what we said; null before we leave, and once that time is over. */
  #handingOverUntilMs: number | null = null;

  constructor(
    readonly config: RoomConfig,
    readonly signer: Signer,
    readonly environment: Environment,
    nowMs: number,
  ) {
    const { crypto, wallMs } = environment;
    const isHere = (): boolean => showing.state === "here";
    const machines = new RoomMachines(config, signer, environment, isHere, nowMs);
    const { order, antiEntropy } = machines;
    const out = new RoomOutput();
    const emit = (effect: RoomEffect) => out.later(effect);
    const view = new RoomEvents(config, signer.key, machines.facts(), emit);
    const isStoring = () => order.isStoring();
    const showing = new DeliveryGate(config, crypto, wallMs, view, isStoring, emit);
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
      ...{ config, signer, environment, machines, neighbours },
      ...{ view, showing, flow, ownWords, out },
    };
    this.#routes = new RoomRoutes(this.#parts);
    this.#inbox = new RoomInbox(this.#parts, this.#routes.give);
    this.#pause = new RoomPause(this.#parts);
    this.#commands = new RoomCommands(this.#parts, this.#routes, () => this.#pause.because);
    this.#handlers = this.#inputs();
    this.#agenda = new Agenda([
      whenDue(() => this.#handingOverUntilMs, () => this.#handingOverUntilMs = null),
      { nextMs: () => machines.nextDeadlineMs(), tick: () => this.#routes.tick() },
      whenDue(() => showing.deadlines.nextMs(), (nowMs) => this.#showDue(nowMs)),
      servedEachStep(() => flow.nextMs()),
      servedEachStep(() => neighbours.nextMs()),
      servedEachStep(() => view.rulings.nextMs()),
    ]);
  }

  /** Enters the room: emits the records that must be on disk before anybody hears of us, and our first beacon. */
  enter(nowMs: number): readonly RoomEffect[] {
    return this.#inStep(nowMs, () => {
      const { genesis, room, incarnation, claim, process, endpoint, passive, records } =
        this.config;
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
      this.#routes.give("roster", { type: "enter", room, genesis, incarnation, self });
      this.#routes.membership.ownClaim(claim);
      this.#routes.give("privateMessages", { type: "start" });
    });
  }

  step(input: RoomInput, nowMs: number): readonly RoomEffect[] {
    return this.#inStep(nowMs, () => handle(this.#handlers, input));
  }

  nextDeadlineMs(): number | null {
    return this.#agenda.nextMs();
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
    return this.#parts.neighbours.liveMembers;
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
    return this.#routes.membership.isNew(key) ? "new" : "known";
  }

  get ready(): boolean {
    return this.#parts.view.ready;
  }

  #inStep(nowMs: number, work: () => void): readonly RoomEffect[] {
    const { out, view, showing, ownWords, neighbours } = this.#parts;
    out.stepBegins(nowMs);
    work();
    this.#showWhatWaited();
    this.#commands.release();
    ownWords.stepEnds();
    if (this.machines.roster.hasNeighboursRoster()) showing.rosterKnown();
    this.#routes.stepEnds();
    neighbours.stepEnds(nowMs);
    this.#pause.stepEnds(this.#commands, this.#routes.dissemination.isQuitting);
    view.stepEnds(nowMs);
    view.rulings.stepEnds(nowMs, view.ready && showing.state === "here");
    return out.stepEnds();
  }

  /** Only now: what the step delivered would be taken for history as long as it isn't shown. */
  #showWhatWaited(): void {
    const { showing, out } = this.#parts;
    const isOver = this.#routes.dissemination.isCaughtUp && !this.#isStillToHear;
    if (!isOver && !showing.isFull) return;
    this.#routes.dissemination.isCaughtUp = false;
    showing.caughtUp(out.nowMs);
    this.#routes.give("privateMessages", { type: "shown", stream: null });
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

  // What the room is given.

  #inputs(): Handlers<RoomInput> {
    return { ...this.#fromLinks(), ...this.#fromDisk(), ...this.#fromUser() };
  }

  #fromLinks() {
    const { view, showing, neighbours, out } = this.#parts;
    const { give } = this.#routes;
    return {
      "peer-up": (input) => this.#peerUp(input),
      "peer-again": ({ peer, beacon, claim }) =>
        give("roster", { type: "member", from: peer, beacon, claim }),
      "peer-down": (input) => this.#peerDown(input),
      copied: ({ peer }) => view.copied(peer, out.nowMs),
      "dial-failed": (input) => {
        if (input.isUninvited && neighbours.isCutOff) view.inviteVoid(input.peer);
        give("overlay", input);
      },
      "invite-void": ({ by }) => view.inviteVoid(by),
      welcomed: ({ by }) => {
        give("overlay", { type: "welcomed", by });
        showing.welcomed(by, out.nowMs);
      },
      alone: () => {
        give("overlay", { type: "tick" });
        this.#routes.dissemination.isCaughtUp = true;
      },
      "name-owner": (input) => give("roster", { ...input, type: "entry" }),
      renew: (input) => give("roster", input),
      message: ({ from, message }) => {
        // Whoever isn't in the room has no say in it: that link is being closed.
        if (this.isListed(from)) this.#inbox.read(from, message);
      },
      congested: ({ peer }) => {
        neighbours.congested(peer);
        this.#routes.membership.congested(peer);
      },
      drained: (input) => {
        neighbours.drained(input.peer);
        give("antiEntropy", input);
        give("rulings", input);
        give("secrets", input);
        give("broadcast", input);
      },
      missed: (input) => {
        give("roster", input);
        give("antiEntropy", { type: "behind", peer: input.peer });
      },
      "file-links": (input) => give("overlay", input),
      "file-traffic": (input) => give("overlay", input),
      "own-endpoint": ({ endpoint, before }) => {
        this.#own = endpoint;
        this.#announce();
        view.moved(endpoint, before);
      },
      reachable: ({ endpoint, isReachable, elsewhere }) => {
        this.#own = isReachable ? endpoint : null;
        this.#announce();
        view.reachable(endpoint, isReachable, elsewhere);
      },
      "meeting-point": (news) => {
        view.meetingPoint(news);
        if (news.address === null) return;
        this.#meeting = news.address;
        this.#announce();
      },
    } satisfies Partial<Handlers<RoomInput>>;
  }

  #peerUp({ peer, endpoint, reached, beacon, claim }: InputOf<"peer-up">): void {
    const { neighbours, out } = this.#parts;
    const { give } = this.#routes;
    neighbours.linked(out.nowMs);
    give("roster", { type: "member", from: peer, beacon, claim });
    if (!this.isListed(peer)) {
      return out.first({ type: "release", peer, reason: "it isn't in the room" });
    }
    if (reached !== null) this.#routes.membership.met("entrance", { key: peer, endpoint: reached });
    give("overlay", { type: "peer-up", peer, endpoint, reached });
  }

  #peerDown({ peer, closed }: InputOf<"peer-down">): void {
    const { neighbours, ownWords } = this.#parts;
    const { give } = this.#routes;
    ownWords.neighbourGoes();
    neighbours.drained(peer);
    give("overlay", { type: "peer-down", peer, closed });
    // A newcomer that was just let in may be nobody's neighbour yet: who else would notice that it is gone?
    if (!closed) give("roster", { type: "link-lost", peer });
    give("order", { type: "peer-down", peer });
  }

  /** Tells all members where they reach us: at our own address, or nobody does, as with `--passive`; or at a meeting point. */
  #announce(): void {
    const endpoint = this.#own ?? this.#meeting;
    const meeting = this.#own === null ? null : this.#meeting;
    const passive = endpoint === null;
    this.#routes.give("roster", { type: "self", change: { endpoint, passive, meeting } });
    this.#routes.give("overlay", { type: "passive", passive });
  }

  #fromDisk() {
    const { view, out } = this.#parts;
    const { give, dissemination: { unseen } } = this.#routes;
    return {
      "log-restored": () => view.diskRestored(),
      persisted: (input) => {
        view.diskRestored();
        const write = out.takeWrite(input.token);
        if (write !== undefined) give(write.of, { type: "stored", token: write.token });
      },
      "persist-failed": ({ token, text }) => {
        view.diskRefused(text, token !== null);
        const write = out.takeWrite(token);
        if (write !== undefined) give(write.of, { type: "not-stored", token: write.token, text });
      },
      "output-seen": ({ token }) => {
        const upTo = unseen.take(token);
        if (upTo !== undefined) give("privateMessages", { type: "seen", upTo });
      },
    } satisfies Partial<Handlers<RoomInput>>;
  }

  #fromUser() {
    const { view, out } = this.#parts;
    const { give } = this.#routes;
    return {
      command: ({ command, ref }) => this.#commands.typed(command, ref),
      "name-settled": () => this.#commands.nameSettled(),
      "own-claim": ({ claim, ref }) => {
        out.persistFirst([{ kind: "claim", claim }]);
        give("roster", { type: "self", change: { claim } });
        this.#routes.membership.ownClaim(claim, ref);
      },
      leave: () => {
        this.#routes.dissemination.isQuitting = true;
        this.#parts.showing.leaves();
        this.#handingOverUntilMs = out.nowMs + HAND_OVER_TO_ALL_MS;
        give("antiEntropy", { type: "hand-over" });
      },
      quit: () => {
        view.rulings.quit();
        give("privateMessages", { type: "quit" });
        this.#sayUnheard();
        out.persistFirst([{ kind: "left", reason: "quit" }], false);
        give("roster", { type: "quit" });
      },
      tick: () => this.#agenda.tick(out.nowMs),
    } satisfies Partial<Handlers<RoomInput>>;
  }

  /** Tells the leaving user where it isn't known that anybody has all that was said. */
  #sayUnheard(): void {
    const { ownWords, out } = this.#parts;
    const text = ownWords.leavingText();
    if (text === null) return;
    out.first({ type: "show", event: { event: "notice", text }, ref: undefined });
  }

  #showDue(nowMs: number): void {
    const { showing } = this.#parts;
    const before = showing.state;
    showing.deadlines.tick(nowMs);
    if (showing.state === before) return;
    this.#routes.give("privateMessages", { type: "shown", stream: null });
  }
}
