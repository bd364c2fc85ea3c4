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
 * before it is synced here; only own bundles, and what others rely on us to remember, are synced before
 * anything is sent.
 */

import type { Crypto, Signer } from "../../base/crypto.ts";
import type { Environment } from "../../base/environment.ts";
import type { BundleId, ClaimId, MessageId, PeerKey } from "../../base/ids.ts";
import { P2pchatError } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/fingerprint.ts";
import { unreachable } from "../../base/invariant.ts";
import { Deadlines, earliestMs, type Machine } from "../../base/machine.ts";
import { AntiEntropy } from "./anti_entropy.ts";
import type { AntiEntropyEffect, AntiEntropyInput } from "./anti_entropy_io.ts";
import { Arrival, BASELINE_MS_MAX, CATCH_UP_MS_MAX } from "./arrival.ts";
import { AuthorFlow } from "./author_flow.ts";
import { Broadcast } from "./broadcast.ts";
import { BROADCAST_LAN, type BroadcastEffect, type BroadcastInput } from "./broadcast_io.ts";
import { bundleId, lastCounter, messageId } from "./bundle.ts";
import { claimIdOf, type KnownClaim } from "./credentials.ts";
import { GRAFT_ANSWER_BYTES_MAX, PROMPT_BYTES_MAX, PROMPT_MESSAGES_MAX } from "./limits.ts";
import type { Contact, MeshMessage, SyncEntry } from "./messages.ts";
import { Names } from "./names.ts";
import { NAME_RACE_MS, type NamesEffect, type NamesInput } from "./names_io.ts";
import { Order } from "./order.ts";
import type { OrderEffect, OrderInput } from "./order_io.ts";
import { Overlay } from "./overlay.ts";
import { OVERLAY_LAN, type OverlayEffect, type OverlayInput } from "./overlay_io.ts";
import {
  PRIVATE_DEFAULTS,
  type PrivateEffect,
  type PrivateInput,
  PrivateMessages,
} from "./private_messages.ts";
import { type MeshRecord, rememberedContacts } from "./records.ts";
import { type DeliveredText, type LiveMember, type RoomFacts, RoomView } from "./room_view.ts";
import type { RoomConfig, RoomEffect, RoomInput } from "./room_io.ts";
import { type Member, Roster } from "./roster.ts";
import { ROSTER_LAN, type RosterEffect, type RosterInput } from "./roster_io.ts";
import type { Stream } from "./stream.ts";
import type { Bundle, PrivateEnvelope, SignedClaim } from "./structures.ts";

/** So many own messages are small against what a member may be behind. */
const FLOW_CHECK_MESSAGES = 256;

/** In the order in which they are served when due at once. */
const DEADLINES = [
  /** When the baseline of a newcomer hasn't come. */
  "baseline",
  /** When a newcomer has waited long enough for what was before it. */
  "catchUp",
] as const;

export class Room implements Machine<RoomInput, RoomEffect> {
  readonly order: Order;
  readonly antiEntropy: AntiEntropy;
  readonly overlay: Overlay;
  readonly broadcast: Broadcast;
  readonly roster: Roster;
  readonly names: Names;
  readonly privateMessages: PrivateMessages;
  readonly #view: RoomView;
  readonly #flow: AuthorFlow;
  readonly #arrival: Arrival<DeliveredText>;
  readonly #deadlines = new Deadlines(DEADLINES);
  readonly #self: PeerKey;

  #nowMs = 0;
  /** Of the step that is under way: what goes out first, and what comes after it. */
  #out: RoomEffect[] = [];
  #later: RoomEffect[] = [];

  #neighbours: readonly PeerKey[] = [];
  /** Whether the link that was just lost ended properly. */
  #downClosed = true;
  #liveMembers = 1;
  #via: PeerKey | null = null;
  /** Members that the disk knows, for finding the room again. */
  readonly #stored: readonly Contact[];
  /** Refs of the user's lines that wait for the disk, by token; bounded by the order's own bound. */
  readonly #lines = new Map<number, string | undefined>();
  readonly #refs = new Map<MessageId, string>();
  #nextToken = 1;
  #pausedBecause: string | null = null;
  #lastOwnTime = 0;
  #lastDelivered: BundleId | null = null;
  /** Own messages since the laggards were looked for, and those found. */
  #ownSinceFlow = 0;
  #laggards: readonly PeerKey[] = [];
  #quitting = false;

  constructor(
    readonly config: RoomConfig,
    readonly signer: Signer,
    readonly environment: Environment,
    nowMs: number,
  ) {
    const { room, incarnation, records, passive } = config;
    const self = signer.key;
    this.#self = self;
    this.#stored = rememberedContacts(records, self);
    const newcomer = !config.founded && !records.some(({ kind }) => kind === "shown");
    const knowsMessages = records.some(({ kind }) => kind === "bundle" || kind === "frontier");
    this.roster = new Roster(
      { records, timing: ROSTER_LAN },
      environment,
      signer,
      { frontier: () => this.order.root(), latest: () => this.order.latest() },
    );
    this.names = new Names({ self, records, raceMs: NAME_RACE_MS }, fingerprintOf);
    this.order = new Order(
      {
        room,
        genesisTime: config.genesis.genesis.value.time,
        incarnation,
        claim: null,
        records,
      },
      environment,
      signer,
      (id: ClaimId) => this.roster.claim(id)?.signed.claim.value ?? null,
    );
    this.antiEntropy = new AntiEntropy(
      { key: self, newcomer: newcomer && !knowsMessages },
      environment,
      this.order,
    );
    this.overlay = new Overlay({ ...OVERLAY_LAN, passive }, environment, self, {
      own: () => {
        const endpoint = this.roster.selfBeacon().beacon.value.endpoint;
        return endpoint === null ? null : { key: self, endpoint };
      },
      live: () => this.#liveContacts(),
      remembered: () => this.#rememberedContacts(),
    }, nowMs);
    this.broadcast = new Broadcast(BROADCAST_LAN, {
      frontier: (stream) => this.order.frontier(stream),
      has: (stream, counter) => this.order.has(stream, counter),
    });
    this.privateMessages = new PrivateMessages(
      { ...PRIVATE_DEFAULTS, room, incarnation, records },
      signer,
      environment,
      {
        heads: () => this.order.heads(),
        isShown: (head) =>
          this.#arrival.state === "here" && this.order.frontier(head).counter >= head.counter,
      },
    );
    this.#view = new RoomView(config, self, this.#facts(), (effect) => this.#later.push(effect));
    this.#flow = new AuthorFlow((latest) => this.order.behindOf(latest));
    const begun = records.findLast(({ kind }) => kind === "arrival");
    this.#arrival = new Arrival(newcomer, begun?.kind === "arrival" ? begun.baseline : null);
  }

  /** Enters the room: what must be on disk before anybody hears of us, and our first beacon. */
  enter(nowMs: number): readonly RoomEffect[] {
    return this.#inStep(nowMs, () => {
      const { genesis, room, incarnation, claim, endpoint, passive, records } = this.config;
      const fresh: MeshRecord[] = [{ kind: "incarnation", incarnation }, { kind: "claim", claim }];
      if (!records.some(({ kind }) => kind === "genesis")) {
        fresh.unshift({ kind: "genesis", genesis });
      }
      this.#out.push({ type: "persist", records: fresh, token: null, sync: true });
      const self = {
        claim,
        endpoint,
        passive,
        boxKey: this.privateMessages.boxKey,
        epoch: 0,
      };
      this.#toRoster({ type: "enter", room, genesis, incarnation, self });
      this.#ownClaim(claim);
      if (this.#arrival.state !== "here") this.#takeStored();
    });
  }

  step(input: RoomInput, nowMs: number): readonly RoomEffect[] {
    return this.#inStep(nowMs, () => this.#handle(input));
  }

  nextDeadlineMs(): number | null {
    return earliestMs(
      this.#deadlines.nextMs(),
      this.overlay.nextDeadlineMs(),
      this.broadcast.nextDeadlineMs(),
      this.order.nextDeadlineMs(),
      this.antiEntropy.nextDeadlineMs(),
      this.roster.nextDeadlineMs(),
      this.names.nextDeadlineMs(),
      this.privateMessages.nextDeadlineMs(),
      this.#flow.nextDeadlineMs(),
    );
  }

  /** After a stall of our own, nobody is blamed for the time that was lost. */
  postpone(delayMs: number): void {
    this.#deadlines.postpone(delayMs);
    this.overlay.postpone(delayMs);
    this.broadcast.postpone(delayMs);
    this.order.postpone(delayMs);
    this.antiEntropy.postpone(delayMs);
    this.roster.postpone(delayMs);
    this.privateMessages.postpone(delayMs);
    this.#flow.postpone(delayMs);
  }

  /** What a compacted log holds; valid when nothing that was delivered waits to be shown. */
  snapshot(): readonly MeshRecord[] {
    const heardWallMs = this.environment.wallMs();
    const claims = new Map<ClaimId, SignedClaim>();
    const members: MeshRecord[] = [];
    for (const { key, claim } of this.roster.members()) {
      const credentials = this.roster.credentialsOf(key);
      if (credentials === null) continue;
      claims.set(claim.id, claim.signed);
      members.push({ kind: "member", beacon: credentials.beacon, heardWallMs });
    }
    const kept = this.order.snapshot();
    for (const record of kept) {
      if (record.kind !== "bundle") continue;
      const { claim } = record.bundle.header.value;
      const known = this.roster.claim(claim);
      if (known !== null) claims.set(claim, known.signed);
    }
    // The claims first: a bundle is shown under its own.
    return [
      { kind: "genesis", genesis: this.config.genesis },
      { kind: "incarnation", incarnation: this.config.incarnation },
      ...claims.values().map((claim) => ({ kind: "claim" as const, claim })),
      ...members,
      ...this.names.snapshot(),
      ...kept,
      ...this.privateMessages.snapshot(),
      ...this.#shownRecords(),
    ];
  }

  #shownRecords(): readonly MeshRecord[] {
    if (this.#arrival.state === "here") return [{ kind: "shown", through: null }];
    const { baseline } = this.#arrival;
    return baseline === null ? [] : [{ kind: "arrival", baseline }];
  }

  /** Whether everything the user typed is with the neighbours, so that one may leave. */
  get settled(): boolean {
    const alone = this.#liveMembers <= 1;
    return this.order.unsaid().messages === 0 && (alone || this.#neighbours.length > 0);
  }

  get liveMembers(): number {
    return this.#liveMembers;
  }

  get neighbours(): readonly PeerKey[] {
    return this.#neighbours;
  }

  get ready(): boolean {
    return this.#view.ready;
  }

  #inStep(nowMs: number, work: () => void): readonly RoomEffect[] {
    this.#nowMs = nowMs;
    this.#out = [];
    this.#later = [];
    work();
    this.#settle();
    return this.#later.length === 0 ? this.#out : [...this.#out, ...this.#later];
  }

  #handle(input: RoomInput): void {
    switch (input.type) {
      case "peer-up":
        this.#member(input.peer, input);
        return this.#toOverlay({
          type: "peer-up",
          peer: input.peer,
          endpoint: input.endpoint,
          dialled: input.dialled,
        });
      case "peer-again":
        return this.#member(input.peer, input);
      case "peer-down":
        this.#downClosed = input.closed;
        this.#toOverlay({ type: "peer-down", peer: input.peer });
        this.#downClosed = true;
        return this.#toOrder({ type: "peer-down", peer: input.peer });
      case "dial-failed":
        return this.#toOverlay({ type: "dial-failed", peer: input.peer });
      case "welcomed":
        this.#via = input.by;
        this.#toOverlay({ type: "welcomed", by: input.by });
        return this.#welcomed();
      case "alone":
        this.#toOverlay({ type: "tick" });
        this.#finishArrival();
        return;
      case "message":
        return this.#message(input.from, input.message);
      case "congested":
      case "drained":
        return this.#toBroadcast(input);
      case "persisted":
        return this.#toOrder({ type: "stored", token: input.token });
      case "persist-failed":
        return this.#persistFailed(input.token, input.text);
      case "command":
        try {
          return this.#command(input.command, input.ref);
        } catch (error) {
          if (!(error instanceof P2pchatError)) throw error;
          return this.#view.error(error.code, error.message, input.ref);
        }
      case "own-claim":
        this.#out.push({
          type: "persist",
          records: [{ kind: "claim", claim: input.claim }],
          token: null,
          sync: true,
        });
        this.#toRoster({ type: "self", change: { claim: input.claim } });
        return this.#ownClaim(input.claim);
      case "quit":
        this.#quitting = true;
        return this.#toRoster({ type: "quit" });
      case "tick":
        return this.#tick();
      default:
        return unreachable(input);
    }
  }

  #tick(): void {
    const nowMs = this.#nowMs;
    const due = (machine: { nextDeadlineMs(): number | null }) =>
      (machine.nextDeadlineMs() ?? Infinity) <= nowMs;
    const tick = { type: "tick" } as const;
    if (due(this.roster)) this.#toRoster(tick);
    if (due(this.names)) this.#toNames(tick);
    if (due(this.overlay)) this.#toOverlay(tick);
    if (due(this.order)) this.#toOrder(tick);
    if (due(this.broadcast)) this.#toBroadcast(tick);
    if (due(this.antiEntropy)) this.#toAntiEntropy(tick);
    if (due(this.privateMessages)) this.#toPrivate(tick);
    for (const name of this.#deadlines.takeDue(nowMs)) {
      switch (name) {
        case "baseline":
          this.#setBaseline([]);
          break;
        case "catchUp":
          this.#finishArrival();
          break;
        default:
          unreachable(name);
      }
    }
  }

  // Peers and their messages.

  #member(
    from: PeerKey,
    { beacon, claim }: Pick<Extract<RoomInput, { type: "peer-up" }>, "beacon" | "claim">,
  ): void {
    this.#toRoster({ type: "member", from, beacon, claim });
  }

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
        if (claim !== null) this.#toRoster({ type: "claim", from, claim });
        this.#toBroadcast({ type: "message", from, message });
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
        return this.#toAntiEntropy({ type: "message", from, message });
      case "proof":
        return this.#toOrder({ type: "proof", from, proof: message.proof });
      case "private":
        return this.#toPrivate({ type: "envelope", from, envelope: message.envelope });
      case "unknown":
        this.environment.log.info("a peer doesn't know a message type", {
          from,
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
        return; // admission's
      default:
        return unreachable(message);
    }
  }

  #send(peer: PeerKey, message: MeshMessage, lane: "control" | "data" = "control"): void {
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

  #toOverlay(input: OverlayInput): void {
    for (const effect of this.overlay.step(input, this.#nowMs)) this.#fromOverlay(effect);
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
        this.#toRoster({ type: "neighbour-up", peer: effect.peer });
        this.#toOrder({ type: "neighbours", peers: this.#neighbours });
        this.#toBroadcast(effect);
        return this.#toAntiEntropy(effect);
      case "neighbour-down": {
        const { peer } = effect;
        this.#neighbours = this.#neighbours.filter((neighbour) => neighbour !== peer);
        this.#toRoster({ type: "neighbour-down", peer, closed: this.#downClosed });
        this.#toBroadcast(effect);
        this.#toAntiEntropy(effect);
        this.#toOrder({ type: "neighbours", peers: this.#neighbours });
        this.#out.push({ type: "neighbour-gone", peer });
        return;
      }
      case "isolated":
        // Alone is no trouble where nobody else is.
        if (this.roster.liveCount > 1) this.#view.isolated(true);
        return;
      case "connected":
        return this.#view.isolated(false);
      default:
        return unreachable(effect);
    }
  }

  #toBroadcast(input: BroadcastInput): void {
    for (const effect of this.broadcast.step(input, this.#nowMs)) this.#fromBroadcast(effect);
  }

  #fromBroadcast(effect: BroadcastEffect): void {
    switch (effect.type) {
      case "push":
        return this.#sendBundle(effect.to, effect.bundle, effect.hop, "push");
      case "send":
        return this.#send(effect.to, effect.message);
      case "supply": {
        let bytes = 0;
        for (const bundle of this.order.bundlesAfter(effect.stream, effect.after)) {
          if (bytes >= GRAFT_ANSWER_BYTES_MAX) {
            return this.#toAntiEntropy({ type: "behind", peer: effect.to });
          }
          bytes += bundle.texts.bytes.length + bundle.header.bytes.length;
          this.#sendBundle(effect.to, bundle, 0, "graft");
        }
        return;
      }
      case "behind":
        return this.#toAntiEntropy(effect);
      case "penalise":
        this.#out.push(effect);
        return;
      default:
        return unreachable(effect);
    }
  }

  #toOrder(input: OrderInput): void {
    const effects = this.order.step(input, this.#nowMs);
    // The lines that an own bundle answers must be known before it is shown.
    for (const effect of effects) if (effect.type === "said") this.#said(effect);
    for (const effect of effects) this.#fromOrder(effect);
  }

  #fromOrder(effect: OrderEffect): void {
    switch (effect.type) {
      case "persist":
        if (effect.token === null) this.#later.push({ ...effect, sync: true });
        else this.#out.push({ ...effect, sync: true });
        return;
      case "delivered":
        return this.#delivered(effect);
      case "duplicate":
        this.#toBroadcast(effect);
        return this.#takenIn(effect);
      case "dropped":
        return this.#takenIn(effect);
      case "want":
        return this.#toBroadcast(effect);
      case "skipped":
        return this.#view.skipped(effect.stream.author, effect.messages);
      case "equivocation":
        for (const peer of this.#neighbours) {
          if (peer !== effect.from) this.#send(peer, { type: "proof", proof: effect.proof });
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
        for (const token of effect.tokens) {
          this.#view.error(effect.code, effect.text, this.#lines.get(token));
          this.#lines.delete(token);
        }
        return;
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
      kept: this.order.bundlesAfter(header, header.counter - 1).length > 0,
    });
    if (reason === "range" && from !== null) {
      this.#toAntiEntropy({ type: "taken-in", from, bundle });
    }
    this.#toRoster({
      type: "delivered",
      messages: messages.length,
      bytes: bundle.texts.bytes.length,
    });
    if (own) {
      this.#lastOwnTime = header.time;
      this.#ownSinceFlow += messages.length;
    }
    const history = reason === "range";
    for (const { id: message, text } of messages) {
      const event = { id: message, text, author: header.author, claim: header.claim };
      const shown = { ...event, sentAt: header.sentAt, history, through: id };
      if (this.#arrival.take(header, lastCounter(header), shown)) this.#showMessage(shown);
    }
    this.#lastDelivered = id;
    if (this.#arrival.state === "here") {
      this.#later.push({ type: "shown", through: id });
      this.#toPrivate({ type: "shown" });
    } else if (this.#arrival.full) this.#finishArrival();
  }

  #takenIn({ from, bundle, reason }: { from: PeerKey; bundle: Bundle; reason: string }): void {
    if (reason === "range") this.#toAntiEntropy({ type: "taken-in", from, bundle });
  }

  #toAntiEntropy(input: AntiEntropyInput): void {
    for (const effect of this.antiEntropy.step(input, this.#nowMs)) this.#fromAntiEntropy(effect);
  }

  #fromAntiEntropy(effect: AntiEntropyEffect): void {
    switch (effect.type) {
      case "send":
        return this.#send(
          effect.to,
          effect.message,
          effect.message.type === "sync-done" ? "data" : "control",
        );
      case "send-bundle":
        return this.#sendBundle(effect.to, effect.bundle, 0, "range");
      case "send-proof":
        return this.#send(effect.to, { type: "proof", proof: effect.proof });
      case "not-kept":
        if (effect.from === this.#via && this.#arrival.state === "joining") {
          this.#setBaseline(effect.entries);
        }
        return this.#toOrder(effect);
      case "caught-up":
        if (!this.antiEntropy.caughtUp()) return;
        this.#toOrder({ type: "caught-up" });
        return this.#finishArrival();
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
    for (const effect of this.roster.step(input, this.#nowMs)) this.#fromRoster(effect);
  }

  #fromRoster(effect: RosterEffect): void {
    switch (effect.type) {
      case "send":
        return this.#send(effect.to, effect.message);
      case "joined": {
        const { key, beacon } = effect;
        this.#toNames(effect);
        this.#flow.heard(key, beacon.latest);
        this.#toPrivate({ type: "present", peer: key, boxKey: beacon.boxKey });
        return this.#view.joined(key, beacon.endpoint, effect.present || !this.#view.ready);
      }
      case "left":
        // The name is told before it is taken away.
        this.#view.left(effect.key, effect.reason);
        this.#flow.left(effect.key);
        this.#toPrivate({ type: "absent", peer: effect.key, quit: effect.reason === "quit" });
        return this.#toNames(effect);
      case "absent":
      case "forgotten":
      case "reclaimed":
        return this.#toNames(effect);
      case "updated":
        this.#flow.heard(effect.key, effect.beacon.latest);
        return this.#toPrivate({ type: "present", peer: effect.key, boxKey: effect.beacon.boxKey });
      case "suspected":
      case "unsuspected":
        return;
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

  #toNames(input: NamesInput): void {
    for (const effect of this.names.step(input, this.#nowMs)) this.#fromNames(effect);
  }

  #fromNames(effect: NamesEffect): void {
    switch (effect.type) {
      case "renamed":
        return this.#view.renamed(effect.key, effect.from, effect.name);
      case "pin-moved":
        return this.#view.pinMoved(effect.name, effect.from, effect.to);
      case "key-changed":
        return this.#view.keyChanged(effect.name, effect.shown, effect.pinned, effect.key);
      case "name-lost-self":
        if (effect.consequence === "leave") {
          return this.#fatal("name-taken", nameTakenText(effect.winner.signed.claim.value.name));
        }
        return this.#view.nameLost(effect.winner.signed.claim.value.name, effect.shown);
      case "persist":
        this.#later.push({ ...effect, token: null, sync: true });
        return;
      default:
        return unreachable(effect);
    }
  }

  #toPrivate(input: PrivateInput): void {
    for (const effect of this.privateMessages.step(input, this.#nowMs)) this.#fromPrivate(effect);
  }

  #fromPrivate(effect: PrivateEffect): void {
    switch (effect.type) {
      case "flood":
        return this.#flood(effect.envelope, effect.except);
      case "persist":
        this.#later.push({ ...effect, token: null, sync: true });
        return;
      case "sent":
        return this.#view.privateMessage(effect.message, effect.ref);
      case "received":
        return this.#view.privateMessage(effect.message, undefined);
      case "delivery":
        return this.#view.delivery(effect);
      case "refused":
        return this.#view.privateRefused(effect.code, effect.to, effect.ref);
      default:
        return unreachable(effect);
    }
  }

  /**
   * To the receiver alone where it is a neighbour, else to all others; in its place among what is shown and
   * stored, since it may acknowledge that.
   */
  #flood(envelope: PrivateEnvelope, except: PeerKey | null): void {
    const message: MeshMessage = { type: "private", envelope };
    const direct = this.#neighbours.includes(envelope.to);
    for (const peer of direct ? [envelope.to] : this.#neighbours) {
      if (peer !== except) this.#later.push({ type: "to", peer, message, lane: "data" });
    }
  }

  // The user.

  #command(
    command: Extract<RoomInput, { type: "command" }>["command"],
    ref: string | undefined,
  ): void {
    switch (command.command) {
      case "say": {
        const token = this.#nextToken++;
        this.#lines.set(token, ref);
        return this.#toOrder({ type: "say", texts: [{ text: command.text, token }] });
      }
      case "msg": {
        const to = this.#view.member(command.name);
        this.#view.checkKey(to);
        const say = { type: "say", to, text: command.text } as const;
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
          unsent: this.order.unsaid().messages,
          unacknowledged: this.privateMessages.unacknowledged,
          upToDate: (peer) => this.#flow.has(peer, this.#lastOwnTime),
          catchingUp: this.antiEntropy.busy(),
          pausedBecause: this.#pausedBecause,
        }, ref);
      case "verify":
        return this.#view.verify(this.#view.member(command.name), ref);
      case "trust": {
        const key = this.#view.stranger(command.name);
        this.#toNames({ type: "trust", key });
        return this.#view.trusted(key, ref);
      }
      default:
        return unreachable(command);
    }
  }

  #said({ tokens, messages }: Extract<OrderEffect, { readonly type: "said" }>): void {
    tokens.forEach((token, index) => {
      const ref = this.#lines.get(token);
      const message = messages[index];
      if (ref !== undefined && message !== undefined) this.#refs.set(message, ref);
      this.#lines.delete(token);
    });
  }

  #showMessage(message: DeliveredText): void {
    this.#view.message(message, this.#takeRef(message.id));
  }

  #takeRef(id: MessageId): string | undefined {
    const ref = this.#refs.get(id);
    this.#refs.delete(id);
    return ref;
  }

  #persistFailed(token: number | null, text: string): void {
    if (token !== null) return this.#toOrder({ type: "not-stored", token, text });
    this.#view.diskRefused(text, this.#nowMs);
  }

  #ownClaim(claim: SignedClaim): void {
    const known: KnownClaim = { id: claimIdOf(this.environment.crypto, claim), signed: claim };
    this.#toNames({ type: "own", claim: known });
    this.#toOrder({ type: "own-claim", claim: known.id });
  }

  // Arriving.

  #welcomed(): void {
    switch (this.#arrival.state) {
      case "joining":
        this.#deadlines.set("baseline", this.#nowMs + BASELINE_MS_MAX);
        return;
      case "catching-up":
        return this.#catchUp();
      case "here":
        return this.#return();
    }
  }

  #setBaseline(baseline: readonly SyncEntry[]): void {
    this.#arrival.setBaseline(baseline);
    this.#later.push({
      type: "persist",
      records: [{ kind: "arrival", baseline }],
      token: null,
      sync: false,
    });
    this.#catchUp();
  }

  #catchUp(): void {
    this.#deadlines.clear("baseline");
    this.#deadlines.set("catchUp", this.#nowMs + CATCH_UP_MS_MAX);
    this.#view.becomeReady();
  }

  /** Back in a room that this profile knows: first, what an earlier process had stored and perhaps not shown. */
  #return(): void {
    if (this.#view.ready) return;
    this.#view.becomeReady();
    const stored = unshownMessages(this.config.records, this.environment.crypto);
    for (const message of stored) this.#view.message(message, undefined);
    const last = stored.at(-1);
    if (last !== undefined) this.#later.push({ type: "shown", through: last.through });
    else this.#noteArrived();
  }

  /** What an earlier process received on its way in, and was killed before it could show. */
  #takeStored(): void {
    for (const message of unshownMessages(this.config.records, this.environment.crypto)) {
      this.#arrival.take(message.stream, message.counter, message);
      this.#lastDelivered = message.through;
    }
  }

  /** From now on all that comes is new to this profile. */
  #noteArrived(): void {
    if (this.config.records.some(({ kind }) => kind === "shown")) return;
    this.#later.push({
      type: "persist",
      records: [{ kind: "shown", through: null }],
      token: null,
      sync: false,
    });
  }

  #finishArrival(): void {
    this.#deadlines.clear("baseline");
    this.#deadlines.clear("catchUp");
    if (this.#arrival.state === "here") return this.#return();
    const held = this.#arrival.finish();
    this.#view.becomeReady();
    this.#view.arrival(this.config.historyShown, held, (id) => this.#takeRef(id));
    if (this.#lastDelivered === null) this.#noteArrived();
    else this.#later.push({ type: "shown", through: this.#lastDelivered });
    this.#toPrivate({ type: "shown" });
  }

  // What follows from all of the above, at the end of each step.

  #settle(): void {
    const live = this.roster.liveCount;
    if (live !== this.#liveMembers) {
      this.#liveMembers = live;
      this.#toOverlay({ type: "members", live });
      this.#toBroadcast({ type: "members", live });
    }
    this.#pauseInput();
  }

  #pauseInput(): void {
    const reason = this.#pauseReason();
    if (reason === this.#pausedBecause) return;
    this.#pausedBecause = reason;
    this.#later.push({ type: "input", pausedBecause: reason });
  }

  #pauseReason(): string | null {
    if (this.#quitting) return null;
    if (this.#arrival.state !== "here") return "catching up with the room";
    const unsaid = this.order.unsaid();
    if (unsaid.messages > PROMPT_MESSAGES_MAX || unsaid.bytes > PROMPT_BYTES_MAX) {
      return "waiting for the disk";
    }
    // Looking costs as much as members are behind: now and then while we write, always while we wait.
    if (this.#ownSinceFlow >= FLOW_CHECK_MESSAGES || this.#laggards.length > 0) {
      this.#ownSinceFlow = 0;
      this.#laggards = this.#flow.laggards(this.#nowMs);
    }
    return this.#laggards.length === 0 ? null : `waiting for ${this.#view.namesOf(this.#laggards)}`;
  }

  #fatal(code: "name-taken" | "replaced", text: string): void {
    this.#later.push({ type: "fatal", code, text });
  }

  // What others may know.

  /** The latest head that was shown here; null in a room without messages. */
  latestHead(): { readonly time: number; readonly id: BundleId } | null {
    let latest: { readonly time: number; readonly id: BundleId } | null = null;
    for (const { time, id } of this.order.heads()) {
      if (latest === null || time > latest.time) latest = { time, id };
    }
    return latest;
  }

  #liveContacts(): readonly Contact[] {
    return this.#contacts(({ state }) => state === "alive");
  }

  /** Those of the last 7 days, from disk and roster, that aren't live. */
  #rememberedContacts(): readonly Contact[] {
    const contacts = new Map(this.#stored.map((contact) => [contact.key, contact]));
    for (const contact of this.#contacts(({ state }) => state !== "alive")) {
      contacts.set(contact.key, contact);
    }
    return [...contacts.values()].filter(({ key }) => !this.roster.isLive(key));
  }

  #contacts(choose: (member: Member) => boolean): readonly Contact[] {
    const contacts: Contact[] = [];
    for (const member of this.roster.members()) {
      const { endpoint } = member.beacon;
      if (member.key !== this.#self && endpoint !== null && choose(member)) {
        contacts.push({ key: member.key, endpoint });
      }
    }
    return contacts;
  }

  #facts(): RoomFacts {
    return {
      live: () => this.#liveMembersByName(),
      ownEndpoint: () => this.roster.selfBeacon().beacon.value.endpoint,
      shownName: (key) => this.names.shownName(key),
      memberNamed: (name) => {
        const key = this.names.keyOf(name);
        return key !== null && this.roster.isLive(key) ? key : null;
      },
      strangerNamed: (name) => this.names.keyOf(name),
      keyChanged: (key) => !this.names.isTrusted(key),
      claimedName: (claim) => this.roster.claim(claim)?.signed.claim.value.name ?? null,
      history: (count) => this.order.history(count),
      messages: () => this.order.messages(),
    };
  }

  #liveMembersByName(): readonly LiveMember[] {
    const members: (LiveMember & { readonly name: string })[] = [];
    for (const { key, state, beacon, suspected, sinceMs } of this.roster.members()) {
      if (key === this.#self || state !== "alive") continue;
      const name = this.names.shownName(key) ?? "";
      members.push({ key, endpoint: beacon.endpoint, suspected, heardMs: sinceMs, name });
    }
    return members.toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  }
}

/** A text on disk, and where it ends in its author's stream. */
interface StoredText extends DeliveredText {
  readonly stream: Stream;
  readonly counter: number;
}

/** What the disk holds beyond the last record `shown`, in the order of delivery. */
function unshownMessages(records: readonly MeshRecord[], crypto: Crypto): readonly StoredText[] {
  let messages: StoredText[] = [];
  for (const record of records) {
    if (record.kind === "bundle") {
      const through = bundleId(crypto, record.bundle.header.bytes);
      const header = record.bundle.header.value;
      const { author, claim, sentAt } = header;
      const place = { stream: header, counter: lastCounter(header) };
      record.bundle.texts.value.forEach((text, index) => {
        const id = messageId(crypto, through, index);
        messages.push({ ...place, id, author, claim, text, sentAt, history: true, through });
      });
    } else if (record.kind === "shown") {
      const { through } = record;
      const last = through === null
        ? messages.length - 1
        : messages.findLastIndex((message) => message.through === through);
      messages = messages.slice(last + 1);
    }
  }
  return messages;
}

/** Whoever's key is used at two places at once reads this. */
export const REPLACED_TEXT =
  "Left the room: the same key came in again from another place; use one profile at one place at a time";

/** Whoever lost the race for a name reads this. */
export function nameTakenText(name: string): string {
  return `Cannot come in as ${name}: somebody else has that name here; choose another one`;
}
