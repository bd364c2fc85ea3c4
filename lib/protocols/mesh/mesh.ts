/**
 * One process in a mesh: how it comes in, stays and leaves. Owns the links and admission, which know links;
 * everything behind them knows peers, and is the room (`room.ts`).
 */

import type { Signer } from "../../base/crypto.ts";
import type { Environment } from "../../base/environment.ts";
import { fingerprintOf } from "../../base/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey, RoomId } from "../../base/ids.ts";
import { invariant, unreachable } from "../../base/invariant.ts";
import { Deadlines, earliestMs, type Machine } from "../../base/machine.ts";
import { stalledMs } from "../../base/mode_machine.ts";
import { foldName } from "../../base/names.ts";
import type { ChannelSecret } from "../noise/channel_handshake.ts";
import type { Admission } from "./admission.ts";
import type { AdmissionEffect, AdmissionInput } from "./admission_io.ts";
import {
  type Ending,
  endpointAlone,
  ENTRANCE_LOST,
  type Entry,
  joinFailure,
  metSelfFailure,
  newAdmission,
  newRoom,
  NOTHING_TO_RESUME,
  resumedClaim,
  SECRET_REFUSED,
  type Wanted,
} from "./coming_in.ts";
import { Contacts } from "./contacts.ts";
import { roomIdOf } from "./credentials.ts";
import type { MeshCommand, MeshEvent } from "./events.ts";
import {
  claimAlone,
  type EarlierMembership,
  earlierMembership,
  type FoundedRoom,
  foundRoom,
} from "./genesis.ts";
import { KeptSecrets } from "./kept_secrets.ts";
import {
  ADMITTING_LINKS_MAX,
  ADMITTING_SILENCE_MS,
  HELD_INPUTS_MAX,
  LINK_MESSAGES_PER_SECOND,
  UNKNOWN_MESSAGES_MAX,
} from "./limits.ts";
import { LinkTable } from "./link_table.ts";
import { LocalHosts } from "./local_hosts.ts";
import type { DialFailureReason, MeshConfig, MeshEffect, MeshInput } from "./mesh_io.ts";
import { MESH_PHASES, type MeshPhase } from "./mesh_phases.ts";
import type { Contact, MeshMessage } from "./messages.ts";
import { type MeshRecord, rememberedContacts } from "./records.ts";
import { nameTakenText, REPLACED_TEXT, type Room } from "./room.ts";
import { channelSecret } from "./rotations.ts";
import type { Fault, RoomEffect, RoomInput } from "./room_io.ts";
import type { SignedClaim, SignedGenesis } from "./structures.ts";

/** In the order in which they are served when due at once. */
const DEADLINES = [
  /** When a link that was drained is closed. */
  "drain",
  /** When the next remembered member is dialled although an earlier one hasn't answered. */
  "resume",
  /** When the member that took no connection is dialled again. */
  "join",
  /** When the program leaves although not everything has gone out. */
  "leave",
  /** When it ends although a neighbour may not know yet that it has quit. */
  "part",
] as const;

/** What is under way on a link when it is given up for another arrives within this time. */
const DRAIN_MS = 2_000;
/** As every wait that has no bound of its own. */
const LEAVE_MS_MAX = 10_000;
/** A neighbour answers at once; one that is busier than this hears of it from others. */
const PART_MS_MAX = 500;
/** As in the overlay: a handshake is two round trips; beyond it another member is the better bet. */
const RESUME_ATTEMPT_MS = 2_000;
const RESUME_PARALLEL = 4;
/** A crowd at a member's door is gone within seconds, or it is an attack that a person should hear of. */
const JOIN_RETRIES_MAX = 7;
const JOIN_RETRY_MS_MIN = 500;
const JOIN_RETRY_MS_MAX = 1_000;
/** Whose signatures fail has forged something; its key stays out for so long. */
const FORGER_BAN_MS = 10 * 60_000;
/** Whoever breaks another rule may be an old version, or overloaded. */
const OFFENDER_BAN_MS = 60_000;
const HUNG_UP = "the member that was asked hung up";

interface Dial {
  readonly purpose: "join" | "resume" | "overlay";
  /** Null where anybody may answer. */
  readonly peer: PeerKey | null;
  readonly endpoint: Endpoint;
  readonly room: RoomId | null;
  /** What it is dialled with next where it doesn't know the secret of this attempt. */
  readonly otherSecrets: readonly ChannelSecret[];
}

/** What opening a room waits for: its records. */
type Opening =
  | { readonly kind: "found"; readonly founded: FoundedRoom }
  | { readonly kind: "resume" }
  | {
    readonly kind: "admitted";
    readonly admitted: Extract<AdmissionEffect, { readonly type: "admitted" }>;
  };

export class Mesh implements Machine<MeshInput, MeshEffect> {
  readonly #links: LinkTable;
  readonly #localHosts: LocalHosts;
  readonly #deadlines = new Deadlines(DEADLINES);
  readonly #dials = new Map<number, Dial>();
  /** The attempt that each dialled link answers, until it is a member link. */
  readonly #dialled = new Map<LinkId, Dial>();
  #admission: Admission | null = null;
  #room: Room | null = null;
  #phase: MeshPhase = "idle";
  #opening: Opening | null = null;
  /** Of links, while a room is being opened or another link lets us in; at most HELD_INPUTS_MAX. */
  #held: MeshInput[] = [];
  /** The link over which we ask to come in. */
  #entrance: LinkId | null = null;
  #via: PeerKey | null = null;
  /** Members that a resuming process still has to try. */
  #toTry: Contact[] = [];
  /** What a resuming process was. */
  #earlier: {
    readonly membership: EarlierMembership;
    readonly records: readonly MeshRecord[];
  } | null = null;
  /** Addresses that a newcomer tries. */
  #contacts: Contacts | null = null;
  #joinRetries = 0;
  /** Those of a private room; null in an open one, and before it is known which it is. */
  #secrets: KeptSecrets | null = null;
  /** Whether a remembered member accepts none of them. */
  #isSecretRefused = false;
  #rename: { readonly ref: string | undefined } | null = null;
  /** The name asked for while another one is being taken: the last one counts. */
  #nextName: { readonly name: string; readonly ref: string | undefined } | null = null;
  /** Of the command to leave. */
  #quitRef: string | undefined;
  /** Neighbours that may not know yet that we have quit. */
  readonly #partingFrom = new Set<PeerKey>();
  #nextAttempt = 1;
  #nowMs = 0;
  #dueMs: number | null = null;
  #out: MeshEffect[] = [];

  constructor(
    readonly config: MeshConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {
    this.#links = new LinkTable(signer.key, DRAIN_MS);
    this.#localHosts = new LocalHosts(config.advertise.host);
  }

  /** The room, for whoever looks in: checkers and the store that compacts. Null before it is opened. */
  get room(): Room | null {
    return this.#room;
  }

  get links(): LinkTable {
    return this.#links;
  }

  /** The secrets of a private room, for whoever listens for links to us; null where none is needed. */
  get secrets(): Pick<KeptSecrets, "opening" | "current" | "isCurrent"> | null {
    return this.#secrets;
  }

  /** Whether a proven dialler may come in that knew this secret: with an earlier one only who was in before. */
  admit(peer: PeerKey, secret: ChannelSecret | null): "bad-credentials" | null {
    if (secret === null || this.#secrets === null) return null; // `#passLink` turns away who needed one
    const isAdmitted = this.#secrets.isCurrent(secret) || this.#isKnownMember(peer);
    return isAdmitted ? null : "bad-credentials";
  }

  #isKnownMember(peer: PeerKey): boolean {
    if (this.#room !== null) return this.#room.machines.roster.hasClaimOf(peer);
    const records = this.#earlier?.records ?? [];
    return records.some((record) =>
      record.kind === "claim" && record.claim.claim.value.key === peer
    );
  }

  step(input: MeshInput, nowMs: number): readonly MeshEffect[] {
    this.#out = [];
    if (this.#phase === "stopped") return this.#out;
    const delayMs = stalledMs(this.#dueMs, this.#nowMs, nowMs);
    this.#nowMs = nowMs;
    if (delayMs > 0) this.#postpone(delayMs);
    if (this.#phase === "parting") this.#handleParting(input);
    else this.#handle(input);
    this.#maybeLeave();
    this.#dueMs = this.#hasStopped() ? null : this.#earliestMs();
    return this.#out;
  }

  nextDeadlineMs(): number | null {
    return this.#dueMs;
  }

  /** A method, so that the type checker doesn't hold on to the phase from before a step. */
  #hasStopped(): boolean {
    return this.#phase === "stopped";
  }

  #earliestMs(): number | null {
    const drainedMs = this.#links.nextDrainedMs();
    if (drainedMs === null) this.#deadlines.clear("drain");
    else this.#deadlines.set("drain", drainedMs);
    if (this.#phase === "parting") return this.#deadlines.nextMs();
    return earliestMs(
      this.#deadlines.nextMs(),
      this.#admission?.nextDeadlineMs() ?? null,
      this.#room?.nextDeadlineMs() ?? null,
    );
  }

  #postpone(delayMs: number): void {
    this.environment.log.info("this process stood still", { delayMs });
    this.#deadlines.postpone(delayMs);
    this.#admission?.postpone(delayMs);
    this.#room?.postpone(delayMs);
  }

  #handle(input: MeshInput): void {
    switch (input.type) {
      case "start":
        return this.#start();
      case "room-opened":
        return this.#opened(input.records);
      case "link-up":
      case "message":
      case "unknown-message":
      case "congested":
      case "drained":
        return this.#ofLink(input);
      case "link-down":
        return this.#linkDown(input);
      case "dial-failed":
        return this.#dialFailed(input);
      case "persisted":
      case "persist-failed":
      case "log-restored":
      case "output-seen":
        return this.#toRoom(input);
      case "command":
        return this.#command(input.command, input.ref);
      case "tick":
        return this.#tick();
      default:
        return unreachable(input);
    }
  }

  #enterPhase(phase: MeshPhase): void {
    if (phase === this.#phase) return;
    const allowed: readonly MeshPhase[] = MESH_PHASES[this.#phase].next;
    invariant(
      allowed.includes(phase),
      `a mesh goes from ${this.#phase} to ${allowed.join(" or ")}, not to ${phase}`,
    );
    this.#phase = phase;
  }

  #tick(): void {
    const nowMs = this.#nowMs;
    for (const name of this.#deadlines.takeDue(nowMs)) {
      switch (name) {
        case "drain":
          for (const link of this.#links.takeDrained(nowMs)) this.#close(link, "a second link");
          break;
        case "resume":
          this.#tryNext(true);
          break;
        case "join":
          this.#dialContact();
          break;
        case "leave":
          this.#leave();
          break;
        case "part":
          this.#partingFrom.clear();
          break;
        default:
          unreachable(name);
      }
    }
    if (this.#phase === "parting") return;
    if ((this.#admission?.nextDeadlineMs() ?? Infinity) <= nowMs) {
      this.#toAdmission({ type: "tick" });
    }
    if ((this.#room?.nextDeadlineMs() ?? Infinity) <= nowMs) this.#toRoom({ type: "tick" });
  }

  // Coming in.

  #start(): void {
    const { begin } = this.config;
    switch (begin.kind) {
      case "found": {
        const { name } = this.config;
        const isPrivate = begin.private === true;
        const founded = foundRoom(this.environment, this.signer, { name, isPrivate });
        return this.#open({ kind: "found", founded }, founded.room);
      }
      case "join": {
        this.#enterPhase("coming-in");
        const room = begin.invite?.room ?? null;
        const isPrivate = (begin.invite?.secret ?? null) !== null;
        this.#admission = this.#newAdmission({ room, private: isPrivate }, null);
        this.#contacts = new Contacts(begin);
        return this.#dialContact();
      }
      case "resume":
        this.#open({ kind: "resume" }, begin.room);
        return;
      default:
        return unreachable(begin);
    }
  }

  #open(opening: Opening, room: RoomId): void {
    this.#enterPhase("opening");
    this.#opening = opening;
    this.#out.push({ type: "open-room", room });
  }

  #opened(records: readonly MeshRecord[]): void {
    const opening = this.#opening;
    invariant(opening !== null, "a room's records come when they were asked for");
    this.#opening = null;
    switch (opening.kind) {
      case "found": {
        const { genesis, claim, rotation } = opening.founded;
        const fresh: MeshRecord[] = rotation === null ? [] : [{ kind: "rotation", rotation }];
        this.#secrets = this.#secretsOf(genesis, [...records, ...fresh]);
        return this.#enterAlone({ genesis, claim, records, fresh, founded: true });
      }
      case "resume":
        return this.#resume(records);
      case "admitted": {
        const { genesis, claim, incarnation, endpoint, link } = opening.admitted;
        const entrance = this.#entranceRecords(link);
        const known = [...records, ...entrance];
        const fresh = this.#invitedRecords();
        this.#secrets ??= this.#secretsOf(genesis, [...known, ...fresh]);
        const secrets = this.#secrets;
        const place = { genesis, claim, secrets, records: known, fresh, incarnation, endpoint };
        this.#enter({ ...place, founded: false });
        this.#out.push({ type: "persist", records: entrance, token: null, sync: false });
        this.#enterPhase("coming-in");
        return this.#toAdmission({ type: "entered", link });
      }
      default:
        return unreachable(opening);
    }
  }

  #secretsOf(genesis: SignedGenesis, records: readonly MeshRecord[]): KeptSecrets | null {
    if (!genesis.genesis.value.private) return null;
    const { crypto } = this.environment;
    return new KeptSecrets(roomIdOf(crypto, genesis), crypto, records);
  }

  /** What opens the room to us if we are killed before a neighbour has told us of its rotations. */
  #invitedRecords(): readonly MeshRecord[] {
    const { begin } = this.config;
    const secret = begin.kind === "join" ? begin.invite?.secret ?? null : null;
    return secret === null ? [] : [{ kind: "invited", secret }];
  }

  /** Who lets us in may go away before it has told of anybody: the next start asks it again. */
  #entranceRecords(id: LinkId): readonly MeshRecord[] {
    const link = this.#links.get(id);
    if (link === null) return [];
    const contact = { key: link.peer, endpoint: link.remote };
    return [{ kind: "entrance", contact, heardWallMs: this.environment.wallMs() }];
  }

  #resume(records: readonly MeshRecord[]): void {
    const earlier = earlierMembership(this.environment.crypto, this.signer.key, records);
    if (earlier === null) return this.#fatal(NOTHING_TO_RESUME);
    this.#earlier = { membership: earlier, records };
    const { room, genesis } = earlier;
    this.#secrets = this.#secretsOf(genesis, records);
    this.#admission = this.#newAdmission({ room, private: this.#secrets !== null }, earlier);
    this.#toTry = rememberedContacts(records, this.signer.key);
    this.#enterPhase("coming-in");
    this.#tryNext();
  }

  /**
   * Dials the next remembered members, a few at a time; with nobody left, the room is resumed alone.
   * @param slow Whether those who were dialled have had their time: a dial lasts up to 10 s, and nobody waits so
   *   long for a member that is gone.
   */
  #tryNext(slow = false): void {
    if (this.#phase !== "coming-in" || this.#entrance !== null) return;
    const open = [...this.#dials.values()].filter(({ purpose }) => purpose === "resume").length;
    const batch = this.#toTry.splice(
      0,
      slow ? RESUME_PARALLEL : Math.max(0, RESUME_PARALLEL - open),
    );
    for (const { key, endpoint } of batch) {
      this.#dial({ purpose: "resume", peer: key }, endpoint, this.#admission?.config.room ?? null);
    }
    if (batch.length > 0) this.#deadlines.set("resume", this.#nowMs + RESUME_ATTEMPT_MS);
    else if (open === 0 || slow) this.#resumeAlone();
  }

  #resumeAlone(): void {
    invariant(this.#earlier !== null, "only a room that is on disk is resumed");
    const { membership, records } = this.#earlier;
    const { genesis } = membership;
    const known = rememberedContacts(records, this.signer.key).length;
    const claim = resumedClaim(this, membership);
    this.#enterAlone({ genesis, claim, records, fresh: [], founded: false });
    if (this.#isSecretRefused) {
      return this.#show({ event: "notice", text: SECRET_REFUSED, warning: true }, undefined);
    }
    const text = "Nobody of the room answers now; trying again and again, and letting in who comes";
    if (known > 0) this.#show({ event: "notice", text }, undefined);
  }

  #enterAlone(entry: Omit<Entry, "incarnation" | "endpoint" | "secrets">): void {
    const { genesis } = entry;
    const room = roomIdOf(this.environment.crypto, genesis);
    const secrets = this.#secrets;
    this.#admission ??= this.#newAdmission({ room, private: secrets !== null }, null);
    this.#enter({ ...entry, secrets, incarnation: 0, endpoint: endpointAlone(this.config) });
    this.#enterPhase("in");
    this.#toAdmission({ type: "in-room", room, genesis });
    this.#toRoom({ type: "alone" });
    this.#releaseHeld();
  }

  #enter(entry: Entry): void {
    this.#room = newRoom(this, entry, this.#nowMs);
    this.#fromRoom(this.#room.enter(this.#nowMs));
  }

  #newAdmission(wanted: Wanted, earlier: EarlierMembership | null): Admission {
    return newAdmission(this, wanted, earlier, () => this.#room);
  }

  #entered(): Room {
    invariant(this.#room !== null, "asked for only in a room");
    return this.#room;
  }

  // Links.

  #dial(
    whom: Pick<Dial, "purpose" | "peer">,
    endpoint: Endpoint,
    room: RoomId | null,
  ): void {
    const [secret = null, ...otherSecrets] = this.#secretsToDialWith();
    this.#attempt({ ...whom, endpoint, room, otherSecrets }, secret);
  }

  #secretsToDialWith(): readonly ChannelSecret[] {
    if (this.#secrets !== null) return this.#secrets.toDialWith();
    const { begin } = this.config;
    const invite = begin.kind === "join" ? begin.invite : undefined;
    return invite === undefined || invite.secret === null
      ? []
      : [channelSecret(invite.room, invite.secret)];
  }

  #attempt(dial: Dial, secret: ChannelSecret | null): void {
    const attempt = this.#nextAttempt++;
    this.#dials.set(attempt, dial);
    const { endpoint, peer: expect, room } = dial;
    this.#out.push({ type: "dial", attempt, endpoint, expect, room, secret });
  }

  /** Whatever comes by a link waits while we aren't in, but for the one link that lets us in. */
  #ofLink(input: LinkInput): void {
    if (input.type === "link-up") return this.#linkUp(input);
    if (this.#links.get(input.link) === null) return;
    if (input.type === "message") this.#links.heard(input.link);
    if (this.#mayPass(input)) this.#passLink(input);
    else this.#hold(input);
  }

  #mayPass(input: LinkInput): boolean {
    if (this.#phase === "in" || this.#phase === "leaving") return true;
    return this.#phase === "coming-in" && input.link === this.#entrance;
  }

  #hold(input: MeshInput & { readonly link: LinkId }): void {
    if (this.#held.length < HELD_INPUTS_MAX) this.#held.push(input);
    else this.#close(input.link, "not in the room yet; try again");
  }

  #releaseHeld(): void {
    for (const input of this.#held.splice(0)) {
      if (this.#phase !== "in") return;
      if ("link" in input && this.#links.get(input.link) !== null) {
        this.#passLink(input as LinkInput);
      }
    }
  }

  #linkUp(input: Extract<MeshInput, { readonly type: "link-up" }>): void {
    const { link, peer, dialled, remote, localHost, attempt } = input;
    const dial = attempt === null ? null : this.#dials.get(attempt) ?? null;
    if (attempt !== null) this.#dials.delete(attempt);
    this.#links.add({ link, peer, dialled, remote }, this.#nowMs);
    this.#localHosts.linkUp(link, localHost);
    if (dial !== null) this.#dialled.set(link, dial);
    if (peer === this.signer.key) return this.#metSelf(link, dial);
    if (!dialled && this.#links.admitting > ADMITTING_LINKS_MAX) {
      const displaced = this.#links.makeRoom(link, this.#nowMs - ADMITTING_SILENCE_MS);
      this.#close(displaced, "too many are coming in");
      if (displaced === link) return;
    }
    const asks = dial?.purpose === "join" || dial?.purpose === "resume";
    if (this.#phase === "coming-in" && this.#entrance === null && asks) this.#entrance = link;
    if (this.#mayPass(input)) this.#passLink(input);
    else this.#hold(input);
  }

  /** Another process of this profile, or this one: an address of ours that somebody else was told. */
  #metSelf(link: LinkId, dial: Dial | null): void {
    this.#close(link, "this is the same profile");
    if (this.#phase !== "coming-in" || dial === null) return;
    if (dial.purpose === "resume") return this.#tryNext();
    const contacts = this.#contactsToTry();
    if (contacts.failed("refused", "this very profile answers there", false)) this.#dialContact();
    else if (contacts.failures.length === 1) this.#fatal(metSelfFailure(contacts.present));
    else this.#fatal(joinFailure(this.config, contacts.failures));
  }

  #passLink(input: LinkInput): void {
    switch (input.type) {
      case "link-up": {
        const { link, peer, dialled, remote } = input;
        this.#toAdmission({ type: "link-up", link, peer, dialled, remote });
        if (this.#isUninvited(input)) this.#toAdmission({ type: "uninvited", link });
        return;
      }
      case "message":
        if (this.#mayBring(input.link, input.message.type)) {
          this.#message(input.link, input.message);
        }
        return;
      case "unknown-message":
        if (this.#isPastUnknown(input.link)) return;
        return this.#sendOn(input.link, { type: "unknown", code: input.code });
      case "congested":
      case "drained": {
        const link = this.#links.get(input.link);
        if (link?.state === "member") this.#toRoom({ type: input.type, peer: link.peer });
        return;
      }
      default:
        return unreachable(input);
    }
  }

  /** Who was let through before it was known that an invite is needed, or which one. */
  #isUninvited({ epoch, dialled, peer }: Extract<LinkInput, { type: "link-up" }>): boolean {
    if (this.#secrets === null || dialled) return false;
    return epoch === null || (epoch < this.#secrets.epoch && !this.#isKnownMember(peer));
  }

  /** Whoever came by a secret that isn't the current one any more, and isn't in yet, has come too late. */
  #partWithUninvited(): void {
    for (const { link, peer, dialled, state } of [...this.#links.all()]) {
      if (state !== "admitting" || dialled || this.#isKnownMember(peer)) continue;
      this.#toAdmission({ type: "uninvited", link });
    }
  }

  /** Closes a link on which the two sides have too often not understood each other. */
  #isPastUnknown(link: LinkId): boolean {
    if (this.#links.countUnknown(link) <= UNKNOWN_MESSAGES_MAX) return false;
    this.#close(link, "too many messages of unknown types");
    return true;
  }

  /** Bundles pay for themselves: back pressure, and order's checks. */
  #mayBring(id: LinkId, type: MeshMessage["type"]): boolean {
    if (type === "bundle" || this.#links.takeMessage(id, this.#nowMs)) return true;
    const link = this.#links.get(id);
    const text = `sent more than ${LINK_MESSAGES_PER_SECOND} messages a second`;
    if (link !== null) this.#penalise(link.peer, "flood", text);
    return false;
  }

  #message(id: LinkId, message: MeshMessage): void {
    const link = this.#links.get(id);
    if (link === null) return;
    switch (message.type) {
      case "hello":
      case "join":
      case "offer":
      case "accept":
      case "welcome":
      case "refuse":
        return this.#toAdmission({ type: "message", link: id, message });
      case "hold-name":
      case "hold-reply":
        if (link.state === "admitting") return;
        if (message.type === "hold-reply" && message.owner !== null) {
          this.#toRoom({ type: "name-owner", from: link.peer, entry: message.owner });
        }
        return this.#toAdmission({ type: "hold", from: link.peer, message });
      default:
        if (link.state === "admitting") {
          return this.#close(id, `sent ${message.type} before it was let in`);
        }
        if (message.type === "unknown" && this.#isPastUnknown(id)) return;
        return this.#toRoom({ type: "message", from: link.peer, message });
    }
  }

  #linkDown(input: Extract<MeshInput, { readonly type: "link-down" }>): void {
    const { link, closed } = input;
    const dial = this.#dialled.get(link);
    this.#dialled.delete(link);
    this.#held = this.#held.filter((held) => !("link" in held) || held.link !== link);
    const known = this.#links.get(link);
    const peer = this.#links.remove(link);
    this.#localHosts.linkDown(link);
    this.#toAdmission({ type: "link-down", link });
    if (peer !== null) this.#toRoom({ type: "peer-down", peer, closed });
    else if (dial?.purpose === "overlay" && known !== null) this.#overlayDialFailed(known.peer);
    if (link === this.#entrance) this.#entranceLost(input.reason);
    this.#followAddress();
  }

  #dialFailed(input: Extract<MeshInput, { readonly type: "dial-failed" }>): void {
    const dial = this.#dials.get(input.attempt);
    this.#dials.delete(input.attempt);
    if (dial === undefined) return;
    const [secret, ...otherSecrets] = dial.otherSecrets;
    if (input.reason === "bad-credentials" && secret !== undefined) {
      return this.#attempt({ ...dial, otherSecrets }, secret);
    }
    switch (dial.purpose) {
      case "join":
        return this.#contactFailed(input.reason, input.text, input.reason === "full");
      case "resume":
        this.#isSecretRefused ||= input.reason === "bad-credentials";
        return this.#tryNext();
      case "overlay":
        if (dial.peer !== null) this.#overlayDialFailed(dial.peer);
        return;
      default:
        return unreachable(dial.purpose);
    }
  }

  #overlayDialFailed(peer: PeerKey): void {
    if (this.#links.memberLink(peer) === null) this.#toRoom({ type: "dial-failed", peer });
  }

  #contactsToTry(): Contacts {
    invariant(this.#contacts !== null, "only who joins was given a contact");
    return this.#contacts;
  }

  /**
   * The contact hasn't let us in: the next one is dialled, or all of them once more in a while.
   * @param again Whether this one may let us in yet.
   */
  #contactFailed(reason: DialFailureReason, text: string, again: boolean): void {
    const contacts = this.#contactsToTry();
    if (contacts.failed(reason, text, again)) return this.#dialContact();
    if (contacts.canTryAgain && this.#joinLater(text)) return contacts.startAgain();
    this.#fatal(joinFailure(this.config, contacts.failures));
  }

  /**
   * Dials the contact once more, in a while.
   * @param text Why it hasn't let us in.
   * @returns Whether it is tried again.
   */
  #joinLater(text: string): boolean {
    if (this.#joinRetries === JOIN_RETRIES_MAX) return false;
    const pauseMs = Math.min(JOIN_RETRY_MS_MAX, JOIN_RETRY_MS_MIN * 2 ** this.#joinRetries);
    if (this.#joinRetries++ === 0) {
      this.#show({ event: "notice", text: `Not let in yet: ${text}; trying again` }, undefined);
    }
    this.#deadlines.set("join", this.#nowMs + pauseMs * (1 + this.environment.random()));
    return true;
  }

  #dialContact(): void {
    const { begin } = this.config;
    const room = begin.kind === "join" ? begin.invite?.room ?? null : null;
    this.#dial({ purpose: "join", peer: null }, this.#contactsToTry().present, room);
  }

  #entranceLost(reason: string): void {
    this.#entrance = null;
    if (this.#phase !== "coming-in" && this.#phase !== "opening") return;
    if (this.#room !== null || this.#opening?.kind === "admitted") {
      return this.#fatal(ENTRANCE_LOST);
    }
    if (this.#contacts === null) return this.#tryNext();
    this.#contactFailed("unreachable", `the link broke: ${reason}`, false);
  }

  #close(link: LinkId, reason: string): void {
    this.#out.push({ type: "close", link, reason });
  }

  #sendOn(link: LinkId, message: MeshMessage, lane: "control" | "data" = "control"): void {
    this.#out.push({ type: "send", link, message, lane });
  }

  #sendTo(peer: PeerKey, message: MeshMessage, lane: "control" | "data" = "control"): void {
    const link = this.#links.memberLink(peer);
    if (link !== null) this.#sendOn(link.link, message, lane);
  }

  // Admission.

  #toAdmission(input: AdmissionInput): void {
    const effects = this.#admission?.step(input, this.#nowMs) ?? [];
    for (const effect of effects) this.#fromAdmission(effect);
  }

  #fromAdmission(effect: AdmissionEffect): void {
    switch (effect.type) {
      case "send":
        return this.#sendOn(effect.link, effect.message);
      case "send-to":
        return this.#sendTo(effect.to, effect.message);
      case "close":
        return this.#close(effect.link, effect.reason);
      case "member":
        return this.#member(effect);
      case "claimed":
        return this.#toRoom({ ...effect, type: "peer-again" });
      case "persist":
        this.#out.push({ ...effect, token: null, sync: true });
        return;
      case "admitted":
        if (!effect.rename) return this.#admitted(effect);
        this.#toRoom({ type: "own-claim", claim: effect.claim, ref: this.#rename?.ref });
        return this.#toAdmission({ type: "entered", link: effect.link });
      case "came-in":
        this.#enterPhase("in");
        this.#via = effect.via;
        this.#entrance = null;
        return;
      case "name-claimed":
        return this.#endRename();
      case "refused":
        return this.#refused(effect);
      case "replaced-self":
        return this.#fatal({ code: "replaced", text: REPLACED_TEXT });
      case "penalise":
        return this.#penalise(effect.peer, effect.fault, effect.text);
      default:
        return unreachable(effect);
    }
  }

  /** Let in: with the records of the room that was resumed, or those that the disk has of another one. */
  #admitted(admitted: Extract<AdmissionEffect, { readonly type: "admitted" }>): void {
    const opening = { kind: "admitted", admitted } as const;
    if (this.#earlier?.membership.room !== admitted.room) return this.#open(opening, admitted.room);
    this.#opening = opening;
    this.#opened(this.#earlier.records);
  }

  #member(effect: Extract<AdmissionEffect, { readonly type: "member" }>): void {
    const { link, peer, beacon, claim, endpoint } = effect;
    const dialled = this.#links.get(link)?.dialled ?? false;
    this.#dialled.delete(link);
    const promotion = this.#links.promote(link, beacon.beacon.value.incarnation, this.#nowMs);
    switch (promotion.kind) {
      case "successor":
        // An earlier life of the peer: what it had with us is void.
        this.#toRoom({ type: "peer-down", peer, closed: true });
        this.#toRoom({ type: "peer-up", peer, dialled, endpoint, beacon, claim });
        break;
      case "second":
        this.#toRoom({ type: "peer-again", peer, beacon, claim });
        break;
      case "first":
        this.#toRoom({ type: "peer-up", peer, dialled, endpoint, beacon, claim });
        break;
      default:
        unreachable(promotion);
    }
    this.#followAddress();
    if (this.#via !== peer) return;
    this.#via = null;
    this.#toRoom({ type: "welcomed", by: peer });
    this.#releaseHeld();
  }

  /** Tells the room of this machine's address, where it has changed. */
  #followAddress(): void {
    const { advertise: { fixed, port }, passive } = this.config;
    if (this.#room === null || fixed || passive) return;
    const host = this.#localHosts.moved();
    if (host !== null) this.#toRoom({ type: "own-endpoint", endpoint: { host, port } });
  }

  #refused(effect: Extract<AdmissionEffect, { readonly type: "refused" }>): void {
    const { code, text, rename, link } = effect;
    if (rename) {
      const ref = this.#rename?.ref;
      this.#show({ event: "error", code: code === "wrong-room" ? "protocol" : code, text }, ref);
      return this.#endRename();
    }
    if (this.#phase === "in" || this.#phase === "leaving") return; // one link that came to nothing
    if (code === "name-taken") {
      return this.#fatal({ code, text: nameTakenText(this.config.name) });
    }
    if (isOfOneMember(code)) return this.#memberRefused(code, text, link);
    this.#fatal({ code, text: `Cannot join: ${text}` });
  }

  /** Another member may let us in. */
  #memberRefused(code: OfOneMember, text: string, link: LinkId): void {
    if (link !== this.#entrance) return; // it had greeted us; what we asked of others goes on
    this.#entrance = null;
    this.#isSecretRefused ||= code === "bad-credentials";
    if (this.#contacts === null) return this.#tryNext();
    const isAdmitted = this.#room !== null || this.#opening?.kind === "admitted";
    // Its link broke: there was a crowd perhaps, or the member is gone.
    if (!isAdmitted && code === "unreachable") return this.#contactFailed(code, HUNG_UP, true);
    if (!isAdmitted) return this.#contactFailed(code, text, false);
    this.#contacts.failed(code, text, false);
    const isUninvited = code === "bad-credentials";
    this.#fatal(isUninvited ? joinFailure(this.config, this.#contacts.failures) : ENTRANCE_LOST);
  }

  #penalise(peer: PeerKey, fault: Fault, text: string): void {
    this.environment.log.warn("a peer broke the rules", { key: fingerprintOf(peer), fault, text });
    const durationMs = fault === "invalid-signature" ? FORGER_BAN_MS : OFFENDER_BAN_MS;
    const reason = `${fault}: ${text}`;
    for (const { link, peer: other } of this.#links.all()) {
      if (other !== peer) continue;
      // What we wait for may lie unread before us, since we are slow: another link begins without it.
      if (fault === "broken-promise") this.#close(link, reason);
      else this.#out.push({ type: "ban", link, reason, durationMs });
    }
  }

  // The room.

  #toRoom(input: RoomInput): void {
    const room = this.#room;
    if (room !== null && this.#phase !== "stopped") this.#fromRoom(room.step(input, this.#nowMs));
  }

  #fromRoom(effects: readonly RoomEffect[]): void {
    for (const effect of effects) {
      if (this.#phase === "stopped") return;
      // Who has quit is told nothing more, and looks for no neighbour.
      if (this.#phase === "parting" && effect.type !== "to" && effect.type !== "persist") continue;
      switch (effect.type) {
        case "to":
          this.#sendTo(effect.peer, effect.message, effect.lane);
          break;
        case "bundle-to":
          this.#sendBundle(effect);
          break;
        case "dial": {
          const { key, endpoint } = effect.contact;
          this.#dial({ purpose: "overlay", peer: key }, endpoint, this.#entered().config.room);
          break;
        }
        case "release": {
          const link = this.#links.memberLink(effect.peer);
          if (link !== null) this.#close(link.link, effect.reason);
          break;
        }
        case "penalise":
          this.#penalise(effect.peer, effect.fault, effect.text);
          break;
        case "secret-changed":
          this.#partWithUninvited();
          break;
        case "neighbour-gone":
          this.#toAdmission({ type: "neighbour-down", peer: effect.peer });
          break;
        case "fatal":
          this.#fatal(effect);
          break;
        case "persist":
        case "show":
        case "shown":
        case "await-output":
        case "input":
          this.#out.push(effect);
          break;
        default:
          unreachable(effect);
      }
    }
  }

  #sendBundle({ peer, bundle, hop, reason }: Extract<RoomEffect, { type: "bundle-to" }>): void {
    const link = this.#links.memberLink(peer);
    if (link === null) return;
    const { claim: id } = bundle.header.value;
    // Whoever has to ask lacks perhaps the claim, too.
    if (reason === "graft") this.#links.forgetClaim(peer, id);
    const claim = this.#links.needsClaim(peer, id)
      ? this.#entered().machines.roster.claim(id)?.signed ?? null
      : null;
    this.#sendOn(link.link, this.#bundleMessage(bundle, claim, hop, reason), "data");
  }

  #lastBundle: Extract<MeshMessage, { readonly type: "bundle" }> | null = null;

  /** The same object for the same content: whoever encodes it needs to do so only once. */
  #bundleMessage(
    bundle: Extract<RoomEffect, { type: "bundle-to" }>["bundle"],
    claim: SignedClaim | null,
    hop: number,
    reason: "push" | "graft" | "range",
  ): MeshMessage {
    const last = this.#lastBundle;
    if (
      last !== null && last.bundle === bundle && last.claim === claim && last.hop === hop &&
      last.reason === reason
    ) return last;
    return this.#lastBundle = { type: "bundle", bundle, claim, hop, reason };
  }

  // The user.

  #command(command: MeshCommand, ref: string | undefined): void {
    const isLeaving = this.#phase === "leaving" || this.#phase === "parting";
    if (command.command === "quit") {
      if (isLeaving) return;
      if (this.#room !== null) this.#enterPhase("leaving");
      if (this.#room === null) return this.#stopped({ kind: "bye", reason: "quit", ref });
      this.#quitRef = ref;
      this.#deadlines.set("leave", this.#nowMs + LEAVE_MS_MAX);
      this.#toRoom({ type: "leave" });
      return;
    }
    if (this.#phase !== "in") {
      const text = isLeaving
        ? "Cannot do that while leaving the room"
        : "Cannot do that before the room is reached; wait for it";
      return this.#show({ event: "error", code: "offline", text }, ref);
    }
    if (command.command === "name") return this.#claimName(command.name, ref);
    this.#toRoom({ type: "command", command, ref });
  }

  #claimName(name: string, ref: string | undefined): void {
    const room = this.#entered();
    if (this.#rename !== null) {
      const before = this.#nextName;
      this.#nextName = { name, ref };
      if (before === null) return;
      const text = `The name ${before.name} wasn't taken: you asked for ${name} after it`;
      return this.#show({ event: "error", code: "busy", text }, before.ref);
    }
    if (room.machines.roster.selfClaim().claim.value.name === name) {
      return this.#show({ event: "notice", text: `Your name is ${name} already` }, ref);
    }
    const neighbour = room.neighbours.map((peer) => this.#links.memberLink(peer)).find((link) =>
      link !== null
    );
    if (neighbour !== undefined) {
      this.#rename = { ref };
      return this.#toAdmission({ type: "claim-name", link: neighbour.link, name });
    }
    const owner = room.machines.names.ownerOf(foldName(name));
    if (owner !== null && owner !== this.signer.key) {
      const text = `Cannot take the name ${name}: somebody else has it here; choose another one`;
      return this.#show({ event: "error", code: "name-taken", text }, ref);
    }
    const claim = claimAlone(this.environment, this.signer, {
      room: room.config.room,
      name,
      incarnation: room.config.incarnation,
      admitterTime: room.machines.roster.selfClaim().claim.value.time,
      after: room.machines.latestHead(),
    });
    this.#toRoom({ type: "own-claim", claim, ref });
  }

  /** One's name is settled, until the next one that was asked for meanwhile. */
  #endRename(): void {
    this.#rename = null;
    const next = this.#nextName;
    this.#nextName = null;
    if (next !== null && this.#phase === "in") this.#claimName(next.name, next.ref);
  }

  #show(event: MeshEvent, ref: string | undefined): void {
    this.#out.push({ type: "show", event, ref });
  }

  // Leaving.

  #maybeLeave(): void {
    if (this.#phase === "leaving" && this.#room?.settled === true) this.#leave();
  }

  #leave(): void {
    if (this.#phase !== "leaving") return;
    this.#toRoom({ type: "quit" });
    this.#enterPhase("parting");
    this.#deadlines.clear("leave");
    this.#deadlines.set("part", this.#nowMs + PART_MS_MAX);
    for (const peer of this.#entered().neighbours) this.#partingFrom.add(peer);
    this.#maybePart();
  }

  /**
   * All that matters now is who else quits: of two who leave at once, each would remember the other as one who was
   * there. A neighbour that has read that we quit says `disconnect`.
   */
  #handleParting(input: MeshInput): void {
    if (input.type === "command") this.#command(input.command, input.ref);
    if (input.type === "tick") this.#tick();
    if (input.type === "link-down") {
      const peer = this.#links.remove(input.link);
      if (peer !== null) this.#partingFrom.delete(peer);
    }
    if (input.type === "message") this.#messageWhileParting(input);
    this.#maybePart();
  }

  #messageWhileParting({ link: id, message }: Extract<MeshInput, { type: "message" }>): void {
    const link = this.#links.get(id);
    if (link === null || link.state === "admitting") return;
    if (message.type === "disconnect") this.#partingFrom.delete(link.peer);
    if (message.type !== "beacons" && message.type !== "claims") return;
    this.#toRoom({ type: "message", from: link.peer, message });
    if (!this.#entered().machines.roster.isLive(link.peer)) this.#partingFrom.delete(link.peer);
  }

  #maybePart(): void {
    if (this.#partingFrom.size > 0) return;
    this.#stopped({ kind: "bye", reason: "quit", ref: this.#quitRef });
  }

  #fatal({ code, text }: Ending): void {
    if (this.#phase === "stopped") return;
    // Who lost a name was here a moment ago: others needn't find out by themselves.
    if (code === "name-taken" && this.#room !== null) {
      for (const effect of this.#room.step({ type: "quit" }, this.#nowMs)) {
        if (effect.type === "to") this.#sendTo(effect.peer, effect.message, effect.lane);
        else if (effect.type === "show") this.#out.push(effect);
      }
    }
    this.#stopped({ kind: "fatal", code, text });
  }

  #stopped(outcome: Extract<MeshEffect, { readonly type: "stop" }>["outcome"]): void {
    this.#enterPhase("stopped");
    const reason = outcome.kind === "bye" ? outcome.reason : outcome.code;
    for (const { link } of this.#links.all()) this.#close(link, reason);
    this.#out.push({ type: "stop", outcome });
  }
}

type LinkInput = Extract<
  MeshInput,
  { readonly type: "link-up" | "message" | "unknown-message" | "congested" | "drained" }
>;

/** What one member says that says nothing of the others. */
type OfOneMember = "wrong-room" | "timeout" | "unreachable" | "protocol" | "bad-credentials";

function isOfOneMember(code: string): code is OfOneMember {
  return ["wrong-room", "timeout", "unreachable", "protocol", "bad-credentials"].includes(code);
}
