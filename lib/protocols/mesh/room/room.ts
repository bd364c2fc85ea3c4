/**
 * One membership of one room: the machines of the mesh, composed. Each machine's effects are routed to the
 * machines they concern, here and nowhere else; what is left goes to the caller.
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
import { P2pchatError } from "../../../base/errors.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { BundleId, Endpoint, PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { earliestMs, type Machine } from "../../../base/machine/machine.ts";
import { shownName } from "../../../base/text/names.ts";
import { Pending } from "../../../base/machine/pending.ts";
import type { Queue } from "../../../base/schema/schema.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import type { AntiEntropyEffect, AntiEntropyInput } from "../sync/anti_entropy_io.ts";
import { AuthorFlow } from "../log/author_flow.ts";
import type { BroadcastEffect, BroadcastInput } from "../broadcast/broadcast_io.ts";
import { lastCounter } from "../log/bundle.ts";
import { claimIdOf, type KnownClaim } from "../schema/credentials.ts";
import { isMessage } from "../schema/events.ts";
import {
  GRAFT_ANSWER_BYTES_MAX,
  HAND_OVER_TO_ALL_MS,
  PRIVATE_WAITING_HIGH,
  PROMPT_BYTES_MAX,
  PROMPT_MESSAGES_MAX,
  PROOFS_BURST,
  PROOFS_PER_SECOND,
} from "../schema/limits.ts";
import { type Contact, type MeshMessage, MESSAGE_LANES } from "../schema/messages.ts";
import type { NamesEffect, NamesInput } from "../names/names_io.ts";
import type { OrderEffect, OrderInput } from "../log/order_io.ts";
import type { OverlayEffect, OverlayInput } from "../membership/overlay_io.ts";
import { OwnWords } from "./own_words.ts";
import type { PrivateEffect, PrivateInput, ReceivedPlace } from "../private/private_messages_io.ts";
import type { FirstHandKind, MeshRecord } from "../schema/records.ts";
import type { RoomConfig, RoomEffect, RoomInput } from "./room_io.ts";
import { RoomMachines } from "./room_machines.ts";
import { RoomEvents } from "./room_events.ts";
import type { RulingsEffect, RulingsInput } from "../authority/room_rulings.ts";
import type { RulingKind } from "../authority/kept_rulings.ts";
import type { SecretsEffect, SecretsInput } from "../authority/secrets_io.ts";
import type { RosterEffect, RosterInput } from "../roster/roster_io.ts";
import { DeliveryGate } from "./delivery_gate.ts";
import type { Bundle, PrivateEnvelope, SignedClaim, SignedRuling } from "../schema/structures.ts";
import { Talkers } from "./talkers.ts";

/**
 * A link that is a day old is dialled anew, and one that broke may be: within this time, five slow round trips. The
 * user needn't read of a separation that is over by then.
 */
const ISOLATED_TOLD_MS = 1_500;

/**
 * A member with a link asks over it to become a neighbour, and is answered within as long again; one that everybody
 * refuses is separated, too.
 */
const ISOLATED_TOLD_MS_MAX = 5_000;

/** The machines whose records are synced before anything else of the step. */
type Writer = "order" | "private" | "secrets";

type WriteOutcome =
  | { readonly type: "stored"; readonly token: number }
  | { readonly type: "not-stored"; readonly token: number; readonly text: string };

export class Room implements Machine<RoomInput, RoomEffect> {
  readonly machines: RoomMachines;
  readonly #view: RoomEvents;
  readonly #showing: DeliveryGate;
  readonly #flow: AuthorFlow;
  readonly #talkers = new Talkers((author) => this.machines.roster.isLive(author));

  #nowMs = 0;
  /** Effects of the current step: those that go out first, and those that come after them. */
  #out: RoomEffect[] = [];
  #later: RoomEffect[] = [];

  #neighbours: readonly PeerKey[] = [];
  /** Members whose link is full, be they neighbours or not; as many as there are links. */
  readonly #congested = new Set<PeerKey>();
  readonly #proofs = new TokenBucket(PROOFS_PER_SECOND, PROOFS_BURST);
  #liveMembers = 1;
  /** Since when we have had no neighbour although other members are here; null while we have one, or are alone. */
  #apartSinceMs: number | null = null;
  /** When the latest link to a member came up. */
  #linkedAtMs = -Infinity;
  #pausedBecause: string | null = null;
  /** Room time of our own last message. */
  #lastOwnTime = 0;
  /** The `ref` of the command that our new name answers, while that name is being taken in. */
  #renameRef: string | undefined;
  readonly #ownWords: OwnWords;
  /** Commands typed after lines that aren't on disk yet, in the order in which they were typed. */
  readonly #heldCommands: { readonly command: UserCommand; readonly ref: string | undefined }[] =
    [];
  #quitting = false;
  /** Until when we wait for all neighbours to have what we said; null before we leave, and once that time is over. */
  #handingOverUntilMs: number | null = null;
  /** Set in the step from which on nothing that is missing is waited for any more. */
  #isCaughtUp = false;
  /** Writes under way: which machine asked for each, and under which token of its own. */
  readonly #writes = new Pending<{ readonly of: Writer; readonly token: number }>();
  /** Private messages that were handed to the user and may not be on the screen yet. */
  readonly #unseen = new Pending<ReceivedPlace>();

  constructor(
    readonly config: RoomConfig,
    readonly signer: Signer,
    readonly environment: Environment,
    nowMs: number,
  ) {
    const isHere = () => this.#showing.state === "here";
    this.machines = new RoomMachines(config, signer, environment, isHere, nowMs);
    const emit = (effect: RoomEffect) => this.#later.push(effect);
    this.#view = new RoomEvents(config, signer.key, this.machines.facts(), emit);
    const isStoring = () => this.machines.order.isStoring();
    this.#showing = new DeliveryGate(
      config,
      environment.crypto,
      environment.wallMs,
      this.#view,
      isStoring,
      emit,
    );
    this.#flow = new AuthorFlow((latest) => this.machines.order.behindOf(latest));
    const hasOwn = (peer: PeerKey) => this.machines.antiEntropy.hasOwn(peer);
    this.#ownWords = new OwnWords(
      () => this.#neighbours.some(hasOwn),
      () => this.#neighbours.every(hasOwn),
      config.records.some((record) =>
        record.kind === "bundle" && record.bundle.header.value.author === signer.key
      ),
    );
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
      this.#out.push({ type: "persist", records: fresh, token: null, sync: true });
      const { boxKey } = this.machines.privateMessages;
      const self = { claim, process, endpoint, passive, boxKey };
      this.#toRoster({ type: "enter", room, genesis, incarnation, self });
      this.#ownClaim(claim);
      this.#toPrivate({ type: "start" });
    });
  }

  step(input: RoomInput, nowMs: number): readonly RoomEffect[] {
    return this.#inStep(nowMs, () => this.#handle(input));
  }

  nextDeadlineMs(): number | null {
    return earliestMs(
      this.machines.nextDeadlineMs(),
      this.#showing.nextDeadlineMs(),
      this.#flow.nextDeadlineMs(),
      this.#isolatedAtMs(),
      this.#handingOverUntilMs,
      this.#view.rulings.nextDeadlineMs(),
    );
  }

  /** Whether we had neighbours, and have none any more. */
  #isCutOff(): boolean {
    return this.#neighbours.length === 0 && this.#linkedAtMs > -Infinity;
  }

  /**
   * When the user is told that we are separated from the others; null where there is nothing to tell, or it was told.
   */
  #isolatedAtMs(): number | null {
    if (this.#apartSinceMs === null || this.#view.isIsolated) return null;
    if (!this.ready) return null; // what is to be told before that waits until then, and may no longer be true
    const toldAtMs = Math.max(this.#apartSinceMs, this.#linkedAtMs) + ISOLATED_TOLD_MS;
    return Math.min(toldAtMs, this.#apartSinceMs + ISOLATED_TOLD_MS_MAX);
  }

  /** The records of a compacted log, see `DeliveryGate.snapshot`. */
  snapshot(shownThrough: BundleId | null): readonly MeshRecord[] | null {
    return this.#showing.snapshot(this.machines.snapshot(this.#nowMs), shownThrough);
  }

  /**
   * Whether everything that the user typed has reached its receiver, or a member that stays, so that we may leave; and
   * whether a newcomer has been shown what it asked for, if that doesn't take too long.
   */
  get settled(): boolean {
    if (this.#showing.state !== "here" && this.#handingOverUntilMs !== null) return false;
    if (this.machines.order.unsaid().messages + this.#heldCommands.length > 0) return false;
    if (this.machines.privateMessages.isBusy) return false;
    return this.#ownWords.isSettled(this.#isAlone, this.#handingOverUntilMs === null);
  }

  get #isAlone(): boolean {
    return this.#liveMembers <= 1;
  }

  get liveMembers(): number {
    return this.#liveMembers;
  }

  get neighbours(): readonly PeerKey[] {
    return this.#neighbours;
  }

  /**
   * Whether a key is in the room, as `/peers` lists it: nothing of the room is sent to any other (`recipients.ts`), and
   * no other is a neighbour.
   */
  isListed(key: PeerKey): boolean {
    return this.machines.roster.isLive(key);
  }

  /** The name under which a key is shown, here or not; null where none is known. */
  nameOf(key: PeerKey): string | null {
    return this.#view.rulings.nameOf(key);
  }

  get ready(): boolean {
    return this.#view.ready;
  }

  #inStep(nowMs: number, work: () => void): readonly RoomEffect[] {
    this.#nowMs = nowMs;
    this.#out = [];
    this.#later = [];
    work();
    this.#showWhatWaited();
    this.#releaseCommands();
    this.#ownWords.stepEnds();
    if (this.machines.roster.hasNeighboursRoster()) this.#showing.rosterKnown();
    this.#membersChanged();
    this.#watchLinks();
    this.#pauseInput();
    this.#view.stepEnds(nowMs);
    const isHere = this.#view.ready && this.#showing.state === "here";
    this.#view.rulings.stepEnds(nowMs, isHere);
    return this.#later.length === 0 ? this.#out : [...this.#out, ...this.#later];
  }

  #handle(input: RoomInput): void {
    switch (input.type) {
      case "peer-up": {
        const { peer, endpoint, reached, beacon, claim } = input;
        this.#linkedAtMs = this.#nowMs;
        this.#toRoster({ type: "member", from: peer, beacon, claim });
        if (!this.isListed(peer)) {
          this.#out.push({ type: "release", peer, reason: "it isn't in the room" });
          return;
        }
        if (reached !== null) this.#met("entrance", { key: peer, endpoint: reached });
        return this.#toOverlay({ type: "peer-up", peer, endpoint, reached });
      }
      case "peer-again": {
        const { peer, beacon, claim } = input;
        return this.#toRoster({ type: "member", from: peer, beacon, claim });
      }
      case "copied":
        return this.#view.copied(input.peer, this.#nowMs);
      case "peer-down":
        this.#ownWords.neighbourGoes();
        this.#congested.delete(input.peer);
        this.#toOverlay({ type: "peer-down", peer: input.peer, closed: input.closed });
        // A newcomer that was just let in may be nobody's neighbour yet: who else would notice that it is gone?
        if (!input.closed) this.#toRoster({ type: "link-lost", peer: input.peer });
        return this.#toOrder({ type: "peer-down", peer: input.peer });
      case "dial-failed":
        if (input.isUninvited && this.#isCutOff()) this.#view.inviteVoid(input.peer);
        return this.#toOverlay(input);
      case "invite-void":
        return this.#view.inviteVoid(input.by);
      case "welcomed":
        this.#toOverlay({ type: "welcomed", by: input.by });
        return this.#showing.welcomed(input.by, this.#nowMs);
      case "alone":
        this.#toOverlay({ type: "tick" });
        this.#isCaughtUp = true;
        return;
      case "name-owner":
        return this.#toRoster({ ...input, type: "entry" });
      case "renew":
        return this.#toRoster(input);
      case "message":
        // Whoever isn't in the room has no say in it: that link is being closed.
        return this.isListed(input.from) ? this.#message(input.from, input.message) : undefined;
      case "congested":
        this.#congested.add(input.peer);
        return this.#tellCongested(input.peer);
      case "drained":
        this.#congested.delete(input.peer);
        this.#toAntiEntropy(input);
        this.#toRulings(input);
        this.#toSecrets(input);
        return this.#toBroadcast(input);
      case "missed":
        this.#toRoster(input);
        return this.#toAntiEntropy({ type: "behind", peer: input.peer });
      case "log-restored":
        return this.#view.diskRestored();
      case "persisted":
        this.#view.diskRestored();
        return this.#persisted(input.token);
      case "output-seen": {
        const upTo = this.#unseen.take(input.token);
        return upTo === undefined ? undefined : this.#toPrivate({ type: "seen", upTo });
      }
      case "persist-failed":
        return this.#persistFailed(input.token, input.text);
      case "command":
        return this.#command(input.command, input.ref);
      case "own-claim":
        this.#out.push({
          type: "persist",
          records: [{ kind: "claim", claim: input.claim }],
          token: null,
          sync: true,
        });
        this.#toRoster({ type: "self", change: { claim: input.claim } });
        this.#renameRef = input.ref;
        this.#ownClaim(input.claim);
        this.#renameRef = undefined;
        return;
      case "own-endpoint":
        this.#announce(input.endpoint);
        return this.#view.moved(input.endpoint);
      case "reachable":
        this.#announce(input.isReachable ? input.endpoint : null);
        return this.#view.reachable(input.endpoint, input.isReachable, input.elsewhere);
      case "leave":
        this.#quitting = true;
        this.#handingOverUntilMs = this.#nowMs + HAND_OVER_TO_ALL_MS;
        return this.#toAntiEntropy({ type: "hand-over" });
      case "quit":
        this.#view.rulings.quit();
        this.#toPrivate({ type: "quit" });
        this.#sayUnheard();
        this.#out.push({
          type: "persist",
          records: [{ kind: "left", reason: "quit" }],
          token: null,
          sync: false,
        });
        return this.#toRoster({ type: "quit" });
      case "tick":
        return this.#tick();
      default:
        return unreachable(input);
    }
  }

  #tellCongested(peer: PeerKey): void {
    this.#toAntiEntropy({ type: "congested", peer });
    this.#toBroadcast({ type: "congested", peer });
  }

  #metNeighbour(peer: PeerKey): void {
    const endpoint = this.machines.roster.member(peer)?.beacon.endpoint ?? null;
    if (endpoint !== null) this.#met("caller", { key: peer, endpoint });
  }

  /** Remembers a member that we have met: the next start dials it first. */
  #met(kind: FirstHandKind, contact: Contact): void {
    const record = this.machines.entrances.met(kind, contact, this.environment.wallMs());
    if (record === null) return;
    this.#later.push({ type: "persist", records: [record], token: null, sync: false });
  }

  /** Remembers in a private room who has been there: an earlier invite is good for these. */
  #present(key: PeerKey): void {
    if (this.config.secrets === null) return;
    const record = this.machines.known.came(key);
    if (record === null) return;
    this.#later.push({ type: "persist", records: [record], token: null, sync: false });
  }

  /** Tells all members where we can be dialled; null: nowhere, as with `--passive`. */
  #announce(endpoint: Endpoint | null): void {
    const passive = endpoint === null;
    this.#toRoster({ type: "self", change: { endpoint, passive } });
    this.#toOverlay({ type: "passive", passive });
  }

  /** Tells the leaving user what isn't known to have reached a member that stays. */
  #sayUnheard(): void {
    const text = this.#ownWords.leavingText(this.#isAlone);
    if (text === null) return;
    this.#out.push({ type: "show", event: { event: "notice", text }, ref: undefined });
  }

  #tick(): void {
    const nowMs = this.#nowMs;
    if ((this.#handingOverUntilMs ?? Infinity) <= nowMs) this.#handingOverUntilMs = null;
    const { overlay, broadcast, order, antiEntropy, roster, privateMessages, secrets } =
      this.machines;
    const due = (machine: Machine<never, unknown>) => this.machines.isDue(machine, nowMs);
    const tick = { type: "tick" } as const;
    if (due(roster)) this.#toRoster(tick);
    if (due(overlay)) this.#toOverlay(tick);
    if (due(order)) this.#toOrder(tick);
    if (due(broadcast)) this.#toBroadcast(tick);
    if (due(antiEntropy)) this.#toAntiEntropy(tick);
    if (due(privateMessages)) this.#toPrivate(tick);
    if (due(secrets)) this.#toSecrets(tick);
    const before = this.#showing.state;
    this.#showing.tick(nowMs);
    if (this.#showing.state !== before) this.#toPrivate({ type: "shown", stream: null });
  }

  // Peers and their messages.

  #message(from: PeerKey, message: MeshMessage): void {
    switch (message.type) {
      case "overlay-join":
      case "forward-join":
      case "neighbor":
      case "neighbor-reply":
      case "disconnect":
      case "shuffle":
      case "shuffle-reply":
        return this.#toOverlay({ type: "message", from, message });
      case "beacons":
      case "claims":
      case "statements":
      case "roster-want":
      case "roster-summary":
      case "roster-part":
        return this.#toRoster({ type: "message", from, message });
      case "bundle": {
        const { bundle, claim, hop, reason } = message;
        if (claim !== null && !this.#isDelivered(bundle)) {
          this.#toRoster({ type: "claim", from, claim, named: bundle.header.value.claim });
        }
        this.#toBroadcast({ type: "message", from, message });
        if (reason === "range") this.#toAntiEntropy({ type: "arrived", from, bundle });
        return this.#toOrder({ type: "bundle", from, bundle, hop, reason });
      }
      case "preview":
      case "ihave":
      case "graft":
      case "prune":
        return this.#toBroadcast({ type: "message", from, message });
      case "sync-summary":
      case "sync-buckets":
      case "sync-frontiers":
      case "sync-want":
      case "sync-progress":
      case "sync-done":
        this.#showing.compares(from, this.#nowMs);
        return this.#toAntiEntropy({ type: "message", from, message });
      case "proof":
        return this.#toOrder({ type: "proof", from, proof: message.proof });
      case "private":
        if (!this.#neighbours.includes(from)) return; // the sender repeats it
        return this.#toPrivate({ type: "envelope", from, envelope: message.envelope });
      case "rotations":
        return this.#toSecrets({ type: "message", from, message });
      case "rulings":
        return this.#toRulings({ type: "message", from, rulings: message.rulings });
      case "unknown":
        this.environment.log.info("a peer doesn't know a message type", {
          key: fingerprintOf(from),
          code: message.code,
        });
        return;
      case "hello":
      case "join":
      case "offer":
      case "accept":
      case "welcome":
      case "refuse":
      case "hold-name":
      case "hold-reply":
      case "renew":
        return; // for admission
      case "removed":
        return; // for the links
      case "dial-back":
      case "dialled-back":
        return; // for the links
      default:
        return unreachable(message);
    }
  }

  #isDelivered({ header: { value } }: Bundle): boolean {
    return this.machines.order.frontier(value).counter >= lastCounter(value);
  }

  #send(peer: PeerKey, message: MeshMessage, lane: Queue = MESSAGE_LANES[message.type]): void {
    this.#out.push({ type: "to", peer, message, lane });
  }

  #sendBundle(
    peer: PeerKey,
    bundle: Bundle,
    hop: number,
    reason: "push" | "graft" | "range",
  ): void {
    this.#out.push({ type: "bundle-to", peer, bundle, hop, reason });
  }

  // One method a machine: give it an input, route its effects.

  #step<Input, Effect>(machine: Machine<Input, Effect>, input: Input): readonly Effect[] {
    return this.machines.step(machine, input, this.#nowMs);
  }

  #toOverlay(input: OverlayInput): void {
    for (const effect of this.#step(this.machines.overlay, input)) this.#fromOverlay(effect);
  }

  #fromOverlay(effect: OverlayEffect): void {
    switch (effect.type) {
      case "dial":
      case "release":
        this.#out.push(effect);
        return;
      case "send":
        return this.#send(effect.to, effect.message);
      case "neighbour-up":
        this.#neighbours = [...this.#neighbours, effect.peer];
        // Before anything else: whom this member keeps out, the neighbour keeps out from then on.
        this.#toRulings(effect);
        this.#toRoster({ type: "neighbour-up", peer: effect.peer });
        this.#toOrder({ type: "neighbours", peers: this.#neighbours });
        this.#toBroadcast(effect);
        this.#toSecrets(effect);
        this.#toAntiEntropy(effect);
        if (this.#congested.has(effect.peer)) this.#tellCongested(effect.peer);
        return this.#metNeighbour(effect.peer);
      case "neighbour-down": {
        const { peer } = effect;
        this.#neighbours = this.#neighbours.filter((neighbour) => neighbour !== peer);
        this.#toRulings(effect);
        this.#toRoster(effect);
        this.#toBroadcast(effect);
        this.#toSecrets(effect);
        this.#toAntiEntropy(effect);
        this.#toOrder({ type: "neighbours", peers: this.#neighbours });
        this.#out.push({ type: "neighbour-gone", peer });
        return;
      }
      default:
        return unreachable(effect);
    }
  }

  #toBroadcast(input: BroadcastInput): void {
    for (const effect of this.#step(this.machines.broadcast, input)) {
      this.#fromBroadcast(effect);
    }
  }

  #fromBroadcast(effect: BroadcastEffect): void {
    switch (effect.type) {
      case "push":
        return this.#sendBundle(effect.to, effect.bundle, effect.hop, "push");
      case "send":
        return this.#send(effect.to, effect.message);
      case "supply": {
        let bytes = 0;
        for (const bundle of this.machines.order.bundlesAfter(effect.stream, effect.after)) {
          if (bytes >= GRAFT_ANSWER_BYTES_MAX) {
            return this.#toAntiEntropy({ type: "behind", peer: effect.to });
          }
          bytes += bundle.texts.bytes.length + bundle.header.bytes.length;
          this.#sendBundle(effect.to, bundle, 0, "graft");
        }
        return;
      }
      case "behind":
      case "far-ahead":
        return this.#toAntiEntropy(effect);
      case "penalise":
        this.#out.push(effect);
        return;
      default:
        return unreachable(effect);
    }
  }

  #toOrder(input: OrderInput): void {
    const effects = this.#step(this.machines.order, input);
    // The lines that an own bundle answers must be known before the bundle is shown.
    for (const effect of effects) if (effect.type === "said") this.#showing.linesSaid(effect);
    for (const effect of effects) this.#fromOrder(effect);
  }

  #fromOrder(effect: OrderEffect): void {
    switch (effect.type) {
      case "persist":
        if (effect.token === null) this.#later.push({ ...effect, sync: true });
        else this.#persistFirst("order", effect.records, effect.token);
        return;
      case "delivered":
        return this.#delivered(effect);
      case "late":
        this.#toBroadcast({ ...effect, type: "delivered", kept: false });
        this.#toPrivate({ type: "shown", stream: effect.bundle.header.value });
        return this.#takenIn(effect);
      case "duplicate":
        this.#toBroadcast(effect);
        return this.#takenIn(effect);
      case "dropped":
        return this.#takenIn(effect);
      case "want":
        // On the way in, the first rounds fetch it anyway: a graft would fetch the whole history once more.
        if (this.#showing.state !== "here") return;
        return this.#toBroadcast(effect);
      case "skipped":
        this.environment.log.info("messages skipped", {
          key: fingerprintOf(effect.stream.author),
          messages: effect.messages,
        });
        this.#view.skipped(effect.stream.author, effect.messages);
        return this.#toPrivate({ type: "shown", stream: effect.stream });
      case "equivocation":
        if (this.#proofs.take(this.#nowMs)) {
          for (const peer of this.#neighbours) {
            if (peer !== effect.from) this.#send(peer, { type: "proof", proof: effect.proof });
          }
        }
        return this.#view.equivocated(effect.proof.first.header.value.author);
      case "stuck":
        return this.#toAntiEntropy(effect);
      case "penalise":
        this.#out.push(effect);
        return;
      case "said":
        return;
      case "refused":
        return this.#showing.linesRefused(effect);
      default:
        return unreachable(effect);
    }
  }

  #delivered(effect: Extract<OrderEffect, { readonly type: "delivered" }>): void {
    const { bundle, id, from, hop, reason, own, messages } = effect;
    const header = bundle.header.value;
    this.#toBroadcast({
      type: "delivered",
      bundle,
      id,
      from,
      hop,
      reason: reason ?? "push",
      kept: this.machines.order.bundlesAfter(header, header.counter - 1).length > 0,
    });
    if (from !== null && reason !== null) this.#takenIn({ from, bundle, reason });
    const bytes = bundle.texts.bytes.length;
    this.#toRoster({ type: "delivered", messages: messages.length, bytes });
    // A bundle of a range may have been said at any time.
    if (reason === "push" || reason === "graft") {
      const said = { author: header.author, from, messages: messages.length, bytes };
      if (this.#talkers.said(said, this.#nowMs)) this.#view.talksTooMuch(header.author);
    }
    if (own) {
      this.#lastOwnTime = header.time;
      this.#ownWords.said(this.#isAlone);
      this.#flow.sent(messages.length);
    }
    this.#showing.delivered(effect);
    this.#toPrivate({ type: "shown", stream: header });
  }

  #takenIn({ from, bundle, reason }: { from: PeerKey; bundle: Bundle; reason: string }): void {
    if (reason === "range") this.#toAntiEntropy({ type: "taken-in", from, bundle });
  }

  #toAntiEntropy(input: AntiEntropyInput): void {
    for (const effect of this.#step(this.machines.antiEntropy, input)) {
      this.#fromAntiEntropy(effect);
    }
  }

  #fromAntiEntropy(effect: AntiEntropyEffect): void {
    switch (effect.type) {
      case "send":
        return this.#send(effect.to, effect.message);
      case "send-bundle":
        return this.#sendBundle(effect.to, effect.bundle, 0, "range");
      case "send-proof":
        return this.#send(effect.to, { type: "proof", proof: effect.proof });
      case "frontiers":
        return this.#showing.frontiers(effect, this.#nowMs);
      case "not-given":
      case "not-kept":
      case "passed-over":
        return this.#toOrder(effect);
      case "caught-up":
        if (!this.machines.antiEntropy.caughtUp()) return;
        this.#toOrder({ type: "caught-up" });
        this.#isCaughtUp = true;
        return;
      case "supplied":
        return this.#toBroadcast(effect);
      case "penalise":
        this.#out.push(effect);
        return;
      default:
        return unreachable(effect);
    }
  }

  #toRoster(input: RosterInput): void {
    for (const effect of this.#step(this.machines.roster, input)) this.#fromRoster(effect);
  }

  #fromRoster(effect: RosterEffect): void {
    switch (effect.type) {
      case "send":
        return this.#send(effect.to, effect.message, effect.lane);
      case "joined": {
        const { key, beacon } = effect;
        this.#present(key);
        this.#toNames(effect);
        this.#heardOf(key, beacon.latest);
        this.#toPrivate({ type: "present", peer: key, boxKey: beacon.boxKey });
        return this.#view.joined(key, beacon.endpoint, effect.present || !this.#view.ready);
      }
      case "left":
        // The user is told of the name before the name is taken away.
        this.#view.left(effect.key, effect.reason, effect.silentMs);
        // The neighbour waits for this before it goes.
        if (effect.reason === "quit" && this.#neighbours.includes(effect.key)) {
          this.#send(effect.key, { type: "disconnect" });
        }
        // Another process with this key is still the same member.
        if (effect.reason !== "replaced") {
          const reason = effect.reason === "quit" ? "quit" : "it is no longer in the room";
          this.#toOverlay({ type: "peer-gone", peer: effect.key, reason });
        }
        this.#flow.left(effect.key);
        this.#toPrivate({ type: "absent", peer: effect.key, reason: effect.reason });
        return this.#toNames(effect);
      case "absent":
      case "forgotten":
      case "reclaimed":
      case "vouched":
        return this.#toNames(effect);
      case "updated":
        this.#heardOf(effect.key, effect.beacon.latest);
        this.#toSecrets({ type: "beacon", peer: effect.key, epoch: effect.beacon.epoch });
        if (this.#neighbours.includes(effect.key)) {
          const { endpoint } = effect.beacon;
          this.#toOverlay({ type: "peer-endpoint", peer: effect.key, endpoint });
        }
        return this.#toPrivate({ type: "present", peer: effect.key, boxKey: effect.beacon.boxKey });
      case "suspected":
      case "unsuspected":
        return;
      case "copied":
        return this.#view.copied(effect.key, this.#nowMs);
      case "claim-known":
        return this.#toOrder(effect);
      case "replaced-self":
        return this.#fatal("replaced", REPLACED_TEXT);
      case "penalise":
        this.#out.push(effect);
        return;
      case "persist":
        // Claims and addresses: nobody relies on them before they are synced.
        this.#later.push({ ...effect, token: null, sync: false });
        return;
      default:
        return unreachable(effect);
    }
  }

  /** A member says up to which room time it has everything. */
  #heardOf(key: PeerKey, latest: number): void {
    this.#flow.heard(key, this.machines.order.reachOf(latest));
    if (this.#flow.has(key, this.#lastOwnTime)) this.#ownWords.heard();
  }

  #toNames(input: NamesInput): void {
    for (const effect of this.machines.names.step(input, this.#nowMs)) this.#fromNames(effect);
  }

  #fromNames(effect: NamesEffect): void {
    switch (effect.type) {
      case "renamed":
        return this.#view.renamed(effect, this.#takeRenameRef(effect.key));
      case "pin-contested":
        return this.#view.pinContested(effect);
      case "key-changed":
        return this.#view.keyChanged(effect);
      case "name-lost-self":
        if (effect.consequence === "leave") {
          return this.#loseName(effect.winner.signed.claim.value.name);
        }
        return this.#view.nameLost(effect.winner.signed.claim.value.name, effect.shown);
      case "persist":
        this.#later.push({ ...effect, token: null, sync: true });
        return;
      case "pin":
        this.#later.push(effect);
        return;
      default:
        return unreachable(effect);
    }
  }

  /**
   * The `ref` of the command that this member's new name answers: it is given out once, and never for another
   * member's name.
   */
  #takeRenameRef(key: PeerKey): string | undefined {
    if (key !== this.signer.key) return undefined;
    const ref = this.#renameRef;
    this.#renameRef = undefined;
    return ref;
  }

  #loseName(name: string): void {
    const text = this.#view.ready
      ? `You are no longer in the room: somebody else was first with the name ${
        shownName(name)
      }; ` +
        "start again with another name"
      : nameTakenText(name);
    this.#fatal("name-taken", text);
  }

  #toPrivate(input: PrivateInput): void {
    for (const effect of this.#step(this.machines.privateMessages, input)) {
      this.#fromPrivate(effect);
    }
  }

  #fromPrivate(effect: PrivateEffect): void {
    switch (effect.type) {
      case "flood":
        return this.#flood(effect.envelope, effect.except);
      case "persist":
        if (effect.token === null) this.#view.inOrder({ ...effect, token: null, sync: false });
        else this.#persistFirst("private", effect.records, effect.token);
        return;
      case "waits":
        // A leaving user is told of everything that waits at the end.
        if (this.#quitting && effect.when === "absent") return;
        return this.#view.privateMessages.tell(effect);
      case "sent":
      case "received":
      case "delivery":
      case "arrived":
      case "refused":
        return this.#view.privateMessages.tell(effect);
      case "await-seen":
        return this.#view.inOrder({ type: "await-output", token: this.#unseen.add(effect.upTo) });
      case "box-key":
        return this.#toRoster({ type: "self", change: { boxKey: effect.boxKey } });
      default:
        return unreachable(effect);
    }
  }

  #toSecrets(input: SecretsInput): void {
    for (const effect of this.#step(this.machines.secrets, input)) this.#fromSecrets(effect);
  }

  #fromSecrets(effect: SecretsEffect): void {
    switch (effect.type) {
      case "send":
        return this.#send(effect.to, effect.message);
      case "persist":
        if (effect.token === null) this.#later.push({ ...effect, sync: true });
        else this.#persistFirst("secrets", effect.records, effect.token);
        return;
      case "stays":
        this.#out.push({ type: "secret-changed" });
        return;
      case "changed":
        this.#out.push({ type: "secret-changed" });
        return this.#view.secretChanged(effect.rotation, effect.overOwn);
      case "invite":
        return this.#showInvite(effect.ref);
      case "refused":
        return this.#view.error(effect.code, effect.text, effect.ref);
      case "penalise":
        this.#out.push(effect);
        return;
      default:
        return unreachable(effect);
    }
  }

  #toRulings(input: RulingsInput): void {
    for (const effect of this.machines.rulings.step(input, this.#nowMs)) this.#fromRulings(effect);
  }

  #fromRulings(effect: RulingsEffect): void {
    switch (effect.type) {
      case "send":
        return this.#send(effect.to, effect.message);
      case "persist":
        this.#out.push({ ...effect, token: null, sync: true });
        return;
      case "changed":
        return this.#ruled(effect.rulings, effect.ref);
      case "refused":
        return this.#view.error(effect.code, effect.text, effect.ref);
      case "penalise":
        this.#out.push(effect);
        return;
      default:
        return unreachable(effect);
    }
  }

  /** Who may be in the room may have changed. */
  #ruled(rulings: readonly SignedRuling[], ref: string | undefined): void {
    const kept = this.config.rulings;
    if (kept.isRemoved(this.signer.key)) {
      return this.#fatal("kicked", this.#view.rulings.removedText());
    }
    const own = this.signer.key;
    this.#view.rulings.ruled(rulings, this.#view.ready, ref);
    const removed = rulings.map(({ ruling: { value } }) => value.subject)
      .filter((key) => kept.isRemoved(key));
    this.#toRoster({ type: "removed", keys: removed });
    this.#out.push({ type: "rulings-changed" });
    const isOwn = rulings.some(({ ruling: { value } }) => value.author === own);
    this.#toSecrets({ type: "ruled", isOwn, ref });
  }

  #rule(
    kind: RulingKind,
    typed: string,
    ref: string | undefined,
  ): void {
    const denial = this.machines.rulings.denial(kind, shownName(typed));
    if (denial !== null) return this.#view.error(denial.code, denial.text, ref);
    const subject = kind === "allow"
      ? this.#removedNamed(typed)
      : this.#view.stranger(typed, kind === "remove" ? "remove" : "deputy");
    const name = this.#view.nameOf(subject, typed);
    this.#toRulings({ type: "rule", kind, subject, name, ref });
  }

  /** @throws {P2pchatError} `unknown-user`, if it is nobody, or several. */
  #removedNamed(typed: string): PeerKey {
    const removed = this.machines.removedNamed(typed);
    const [key, ...others] = removed;
    if (key === undefined) return this.#view.stranger(typed);
    if (others.length === 0) return key;
    const keys = removed.map(fingerprintOf).join(", ");
    throw new P2pchatError(
      "unknown-user",
      `Several that were removed have been called ${
        shownName(typed)
      }: name the key, one of ${keys}`,
    );
  }

  #showInvite(ref: string | undefined): void {
    this.#view.invite(this.config.secrets?.current() ?? null, this.#entrances(), ref);
  }

  #entrances(): readonly Endpoint[] {
    const endpoints: Endpoint[] = [];
    for (const peer of this.#neighbours) {
      const endpoint = this.machines.roster.member(peer)?.beacon.endpoint ?? null;
      if (endpoint !== null) endpoints.push(endpoint);
    }
    return this.#view.entrances(endpoints);
  }

  /**
   * Sends an envelope to the receiver alone where that is a neighbour, else to all others; in its place among what is
   * shown and stored, since it may acknowledge that.
   */
  #flood(envelope: PrivateEnvelope, except: PeerKey | null): void {
    const message: MeshMessage = { type: "private", envelope };
    const direct = this.#neighbours.includes(envelope.to);
    for (const peer of direct ? [envelope.to] : this.#neighbours) {
      if (peer === except) continue;
      const effect: RoomEffect = { type: "to", peer, message, lane: "data" };
      if (envelope.from === this.signer.key) this.#view.inOrder(effect);
      else this.#later.push(effect);
    }
  }

  // The user.

  /** A message to one member comes after what was said to all before it, here too; a status doesn't wait. */
  #command(command: UserCommand, ref: string | undefined): void {
    const waits = isMessage(command) || command.command === "history";
    if (waits) this.#heldCommands.push({ command, ref });
    else this.#carryOut(command, ref);
  }

  /** Carries out the commands that waited for the disk, as far as the disk has what was before them. */
  #releaseCommands(): void {
    for (let next; (next = this.#heldCommands[0]) !== undefined;) {
      const { command, ref } = next;
      if (command.command !== "say" && this.machines.order.unsaid().messages > 0) return;
      this.#heldCommands.shift();
      this.#carryOut(command, ref);
    }
  }

  #carryOut(command: UserCommand, ref: string | undefined): void {
    try {
      this.#perform(command, ref);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      this.#view.error(error.code, error.message, ref);
    }
  }

  /** @throws {P2pchatError} What is wrong with the command. */
  #perform(command: UserCommand, ref: string | undefined): void {
    switch (command.command) {
      case "say": {
        const token = this.#showing.lineTyped(ref);
        return this.#toOrder({ type: "say", texts: [{ text: command.text, token }] });
      }
      case "msg": {
        const receiver = this.#view.receiver(command.name);
        const say = { type: "say", ...receiver, text: command.text } as const;
        return this.#toPrivate(ref === undefined ? say : { ...say, ref });
      }
      case "peers":
        return this.#view.peers(new Set(this.#neighbours), ref);
      case "history":
        return this.#view.history(command.count, ref);
      case "status":
        return this.#view.status({
          nowMs: this.#nowMs,
          direct: new Set(this.#neighbours),
          unsent: this.machines.order.unsaid().messages,
          waiting: this.machines.privateMessages.waiting(),
          upToDate: (peer) =>
            this.#flow.has(peer, this.#lastOwnTime) || this.machines.isLevel(peer),
          sources: this.machines.antiEntropy.sources(),
          pausedBecause: this.#pausedBecause,
          talkers: this.#talkers.loud(this.#nowMs),
          strangers: this.#talkers.strangers.told(this.#nowMs),
        }, ref);
      case "verify": {
        const key = this.#view.member(command.name);
        const name = this.machines.names.shownName(key)!;
        // The answer comes first: it says why the member is shown under another name then.
        this.#view.verify(key, name, command.answer, ref);
        if (command.answer !== "no") return;
        this.#toNames({ type: "refuse", key });
        return this.#view.refused(key);
      }
      case "refuse": {
        const { name, key: fingerprint } = command;
        return this.#toNames({ type: "refused", name, fingerprint });
      }
      case "unrefuse": {
        const { name, key: fingerprint } = command;
        return this.#toNames({ type: "unrefused", name, fingerprint });
      }
      case "invite": {
        const { rotate } = command;
        // Checked before the secret is rotated: nobody could see the new invite.
        if (this.#entrances().length === 0) return this.#view.noEntrance(rotate, ref);
        return this.#toSecrets({ type: "invite", rotate, ref });
      }
      case "remove":
      case "allow":
        return this.#rule(command.command, command.name, ref);
      case "deputy":
        return this.#rule(command.appoint ? "deputy" : "no-deputy", command.name, ref);
      case "trust": {
        const key = this.#view.stranger(command.name);
        const isNew = !this.machines.names.isKnown(key);
        this.#toNames({ type: "trust", key });
        return this.#view.trusted(key, command.name, isNew, ref);
      }
      default:
        return unreachable(command);
    }
  }

  /** Persists the user's own words: they are synced before anything else of this step goes out. */
  #persistFirst(of: Writer, records: readonly MeshRecord[], token: number): void {
    const write = this.#writes.add({ of, token });
    this.#out.push({ type: "persist", records, token: write, sync: true });
  }

  #persisted(token: number): void {
    const write = this.#writes.take(token);
    if (write !== undefined) this.#written(write.of, { type: "stored", token: write.token });
  }

  #persistFailed(token: number | null, text: string): void {
    this.#view.diskRefused(text, token !== null);
    const write = this.#writes.take(token);
    if (write === undefined) return;
    this.#written(write.of, { type: "not-stored", token: write.token, text });
  }

  #written(of: Writer, outcome: WriteOutcome): void {
    switch (of) {
      case "order":
        return this.#toOrder(outcome);
      case "private":
        return this.#toPrivate(outcome);
      case "secrets":
        return this.#toSecrets(outcome);
      default:
        return unreachable(of);
    }
  }

  #ownClaim(claim: SignedClaim): void {
    const known: KnownClaim = { id: claimIdOf(this.environment.crypto, claim), signed: claim };
    this.#toNames({ type: "own", claim: known });
    this.#toOrder({ type: "own-claim", claim: known.id });
  }

  // Done at the end of each step, as a consequence of everything above.

  /** Only now: what the step delivered would be taken for history as long as it isn't shown. */
  #showWhatWaited(): void {
    const isOver = this.#isCaughtUp && !this.#isStillToHear;
    if (!isOver && !this.#showing.isFull) return;
    this.#isCaughtUp = false;
    this.#showing.caughtUp();
    this.#toPrivate({ type: "shown", stream: null });
  }

  /**
   * Whether a newcomer waits for the neighbour that let it in, or for what one has begun to send: the first to say that
   * there is nothing may be coming in themselves.
   */
  get #isStillToHear(): boolean {
    if (this.#showing.awaitsBaseline) return true;
    return this.#showing.state !== "here" && this.machines.antiEntropy.sources().size > 0;
  }

  #membersChanged(): void {
    const live = this.machines.roster.liveCount;
    if (live === this.#liveMembers) return;
    this.#liveMembers = live;
    this.#toOverlay({ type: "members", live });
    this.#toBroadcast({ type: "members", live });
  }

  /** A newcomer that nobody took as a neighbour is as separated as a member that has lost all its neighbours. */
  #watchLinks(): void {
    // Having no neighbour is no trouble where no other member is.
    const isApart = this.#neighbours.length === 0 && !this.#isAlone;
    this.#apartSinceMs = isApart ? this.#apartSinceMs ?? this.#nowMs : null;
    if (this.#neighbours.length > 0) this.#view.isolated(false);
    else if ((this.#isolatedAtMs() ?? Infinity) <= this.#nowMs) this.#view.isolated(true);
  }

  #pauseInput(): void {
    const reason = this.#pauseReason();
    if (reason === this.#pausedBecause) return;
    this.#pausedBecause = reason;
    this.#out.push({ type: "input", pausedBecause: reason });
  }

  #pauseReason(): string | null {
    if (this.#quitting) return null;
    if (this.#showing.state !== "here") return "catching up with the room";
    const unsaid = this.machines.order.unsaid();
    const held = this.#heldCommands.length;
    const waiting = unsaid.messages + held;
    const { privateMessages } = this.machines;
    // Commands that are held are carried out at once when the disk has what is before them: there must be room for
    // them.
    const isCrowded = held > 0 && privateMessages.size + held > PRIVATE_WAITING_HIGH;
    if (waiting > PROMPT_MESSAGES_MAX || unsaid.bytes > PROMPT_BYTES_MAX || isCrowded) {
      return "waiting for the disk";
    }
    const laggards = this.#flow.waitedFor(this.#nowMs);
    const receivers = privateMessages.awaited();
    if (laggards.length + receivers.length === 0) return null;
    return `waiting for ${this.#view.namesOf([...new Set([...laggards, ...receivers])])}`;
  }

  #fatal(code: "name-taken" | "replaced" | "kicked", text: string): void {
    this.#later.push({ type: "fatal", code, text });
  }
}

type UserCommand = Extract<RoomInput, { readonly type: "command" }>["command"];

/** Shown when the same key is in use at two places at once. */
export const REPLACED_TEXT =
  "Left the room: the same key came in again from another place; use one profile at one place at a time";

/** Shown to a newcomer whose name somebody else had first. */
export function nameTakenText(name: string): string {
  return `Cannot come in as ${
    shownName(name)
  }: somebody else has that name here, or was lost less than a day ago; choose another one`;
}
