/**
 * One process in a mesh: how it comes in, stays and leaves. It owns the links, and admission, which knows links;
 * everything behind them knows peers, and is the room (`room.ts`).
 */

import type { Signer } from "../../base/crypto/crypto.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import type { Endpoint, LinkId, PeerKey, RoomId } from "../../base/ids.ts";
import { invariant, unreachable } from "../../base/invariant.ts";
import { Agenda, Deadlines, type Machine, whenDue } from "../../base/machine/machine.ts";
import { AwakeClock } from "../../base/machine/clock.ts";
import type { ChannelSecret } from "../noise/channel_handshake.ts";
import { Access } from "./access.ts";
import type { Admission } from "./joining/admission.ts";
import type { AdmissionEffect, AdmissionInput } from "./joining/admission_io.ts";
import {
  Bootstrap,
  failedDial,
  isOfOneMember,
  LINK_BROKE,
  MET_SELF,
  type OfOneMember,
  refusalOf,
} from "./joining/bootstrap.ts";
import {
  contactsToJoin,
  type Ending,
  endpointAlone,
  ENTRANCE_LOST,
  ENTRANCE_OUTSIDE,
  entranceRecords,
  type Entry,
  invitedRecords,
  isContactNamed,
  type JoinFailure,
  joinFailure,
  keptSecrets,
  newAdmission,
  newRoom,
  NOTHING_TO_RESUME,
  resumedClaim,
  SECRET_REFUSED,
  type Wanted,
} from "./joining/room_setup.ts";
import { genesisFault, roomIdOf } from "./schema/credentials.ts";
import { type Dial, Dialling } from "./links/dialling.ts";
import { isMessage, type MeshCommand, type MeshEvent } from "./schema/events.ts";
import {
  type EarlierMembership,
  earlierMembership,
  type FoundedRoom,
  foundRoom,
} from "./joining/genesis.ts";
import {
  HeldInputs,
  isForAnybody,
  LinkBundles,
  type LinkInput,
  penalties,
} from "./link_traffic.ts";
import type { KeptSecrets } from "./authority/kept_secrets.ts";
import {
  ADMITTING_LINKS_MAX,
  ADMITTING_SILENCE_MS,
  ENTRIES_PER_MESSAGE,
  LEAVE_MS_MAX,
  LINK_MESSAGES_PER_SECOND,
  RESUME_CONTACTS_MAX,
} from "./schema/limits.ts";
import { HintedAddresses } from "./links/hinted_addresses.ts";
import { LinkTable, type MeshLink, reachedAt } from "./links/link_table.ts";
import type {
  Fault,
  MeetingPointNews,
  MeshConfig,
  MeshEffect,
  MeshInput,
} from "./schema/mesh_io.ts";
import { checkPhaseChange, type MeshPhase, Parting } from "./mesh_phases.ts";
import { type MeshMessage, MESSAGE_LANES } from "./schema/messages.ts";
import { OwnAddress } from "./links/own_address.ts";
import { OwnName } from "./own_name.ts";
import { type MeshRecord, rememberedContacts, rulingRecord, wasInRoom } from "./schema/records.ts";
import { KeptRulings } from "./authority/kept_rulings.ts";
import type { ArrivedPeer, Room } from "./room/room.ts";
import { nameTakenText, REPLACED_TEXT } from "./room/membership_routes.ts";
import type { RoomLinks } from "./room/room_io.ts";
import type { RoomMessage } from "./room/room_inbox.ts";
import { RoomOutput } from "./room/room_output.ts";
import { removedText } from "./room/rulings_view.ts";
import type { SignedClaim, SignedGenesis } from "./schema/structures.ts";

/** Why a member's link ends that came by an invite from before a removal. */
const VOID_INVITE = "somebody was removed since, by a member who didn't know this one";

/** Time for what is still under way on a link that another one replaces. */
const DRAIN_MS = 2_000;
/** By then a member that dialled us while we dialled in vain is in: three slow round trips. */
const ALONE_TOLD_MS = 1_000;
/** A neighbour acknowledges our last beacon at once; one that is busier than this hears of it from others. */
const PART_MS_MAX = 500;
/** Why a room is being opened, while its records are read. */
type Opening =
  | { readonly kind: "found"; readonly founded: FoundedRoom }
  | { readonly kind: "resume" }
  /** The members that we asked as a newcomer want an invite: we try again as one they know. */
  | { readonly kind: "known" }
  | {
    readonly kind: "admitted";
    readonly admitted: Extract<AdmissionEffect, { readonly type: "admitted" }>;
  };

export class Mesh implements Machine<MeshInput, MeshEffect> {
  readonly #links: LinkTable;
  readonly #ownAddress: OwnAddress;
  readonly #deadlines = new Deadlines({
    /** When the user of a resumed room is told that nobody answers. */
    alone: () => this.#tellAlone(),
    /** When drained links are closed. */
    drain: (nowMs) => {
      for (const link of this.#links.takeDrained(nowMs)) this.#close(link, "a second link");
    },
    /** When what a leaving user has typed waits for another name no longer. */
    name: () => this.#giveUpName(),
    /** When we leave although not everything has gone out. */
    leave: () => this.#leave(),
    /** When the program ends although a neighbour may not know yet that we have quit. */
    part: () => this.#parting?.timeOut(),
  });
  readonly #agenda: Agenda;
  readonly #dialling: Dialling;
  readonly #access = new Access((peer) => this.#isKnownMember(peer));
  readonly #bundles: LinkBundles;
  readonly #hinted = new HintedAddresses();
  readonly #ownName: OwnName;
  /** Finds a member that lets us in; null once we are in. */
  #bootstrap: Bootstrap | null = null;
  #admission: Admission | null = null;
  #room: Room | null = null;
  #phase: MeshPhase = "idle";
  #opening: Opening | null = null;
  readonly #held = new HeldInputs();
  #via: PeerKey | null = null;
  /** The member that has let us in and then closed the link, perhaps only since it has no place for a neighbour. */
  #leftBy: PeerKey | null = null;
  /** Our earlier membership, when we resume a room. */
  #earlier: {
    readonly membership: EarlierMembership;
    readonly records: readonly MeshRecord[];
  } | null = null;
  /** Why we weren't let in as a newcomer; set once we ask again as a known member. */
  #asNewcomer: Ending | null = null;
  /** Whether we were let in as a newcomer, and ask as a known member, whose name it was: nobody may know us as one. */
  #wasLetIn = false;
  /** With whom links are wanted for files, which may be known before the room is entered. */
  #fileLinks: Extract<MeshInput, { readonly type: "file-links" }> | null = null;
  /** How things stand with our meeting point, which may be known before, too. */
  #meetingPoint: MeetingPointNews | null = null;
  /** The `ref` of the command to leave. */
  #quitRef: string | undefined;
  /** Whether a peer that took us for lost may still be waiting for a later beacon of ours. */
  #isAskedToRenew = false;
  /** Set once we have quit. */
  #parting: Parting | null = null;
  readonly #awake = new AwakeClock();
  #nowMs = 0;
  /** Why this step is our last; null where it isn't. */
  #ending: Ending | null = null;
  readonly #out = new RoomOutput((peer) => this.#links.memberLink(peer)?.link ?? null);

  constructor(
    readonly config: MeshConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {
    this.#links = new LinkTable(signer.key, DRAIN_MS);
    const emit = (effect: MeshEffect) => this.#out.first(effect);
    this.#dialling = new Dialling(config.begin, () => this.#access.secrets, emit);
    this.#ownAddress = new OwnAddress(config, {
      neighbours: () =>
        this.#entered().neighbours.map((peer) => this.#links.memberLink(peer))
          .filter((link) => link !== null),
      send: (to, message) => this.#out.send(to, message),
      dial: (dial) => this.#dialling.dial({ ...dial, room: this.#entered().config.room }),
      moved: (...news) => this.#room?.ownEndpoint(...news),
      reachable: (...news) => this.#room?.reachable(...news),
      proven: (endpoint) => this.#out.first({ type: "mapping-proven", endpoint }),
    });
    this.#bundles = new LinkBundles(this.#links);
    this.#ownName = new OwnName(environment, signer, this.#links, {
      ask: (link, name) => this.#toAdmission({ type: "claim-name", link, name }),
      claimed: (claim, ref) => this.#room?.ownClaim(claim, ref),
      show: (event, ref) => this.#show(event, ref),
    });
    const parts = new Agenda([
      {
        nextMs: () => this.#bootstrap?.deadlines.nextMs() ?? null,
        tick: (nowMs) => this.#bootstrap?.deadlines.tick(nowMs),
      },
      this.#ownAddress.deadlines,
      whenDue(
        () => this.#admission?.nextDeadlineMs() ?? null,
        () => this.#toAdmission({ type: "tick" }),
      ),
      {
        nextMs: () => this.#room?.agenda.nextMs() ?? null,
        tick: (nowMs) => this.#room?.agenda.tick(nowMs),
      },
    ]);
    const isParting = () => this.#phase === "parting";
    this.#agenda = new Agenda([
      this.#deadlines,
      {
        nextMs: () => isParting() ? null : parts.nextMs(),
        tick: (nowMs) => {
          if (!isParting()) parts.tick(nowMs);
        },
      },
    ]);
  }

  /** The room, for checkers and for the store that compacts its log. Null before the room is opened. */
  get room(): Room | null {
    return this.#room;
  }

  get links(): LinkTable {
    return this.#links;
  }

  /** The secrets of a private room, for the listener that accepts links to us; null where none is needed. */
  get secrets():
    | Pick<KeptSecrets, "all" | "opening" | "current" | "currentRotation" | "isCurrent" | "compare">
    | null {
    return this.#access.secrets;
  }

  /** Whether an authenticated dialler that knew this secret may come in. */
  admit(peer: PeerKey, secret: ChannelSecret | null): "bad-credentials" | null {
    return this.#access.admit(peer, secret);
  }

  /**
   * Whether this key may answer a dial by which we look for another: any member may, as addresses are handed out anew.
   */
  mayAnswer(wanted: PeerKey, peer: PeerKey): boolean {
    if (peer === wanted) return true;
    if (peer === this.signer.key || this.#access.isRemoved(peer)) return false;
    return this.#isKnownMember(peer) || (this.#room?.machines.roster.member(peer) ?? null) !== null;
  }

  #isKnownMember(peer: PeerKey): boolean {
    if (this.#room !== null) return this.#room.machines.known.has(peer);
    const records = this.#earlier?.records ?? [];
    return records.some((record) =>
      record.kind === "claim" && record.claim.claim.value.key === peer
    );
  }

  /** Those who may be sent what is of the room at this moment, each with the link over which to talk to it. */
  recipients(): ReadonlyMap<PeerKey, LinkId> {
    const found = new Map<PeerKey, LinkId>();
    if (this.#phase !== "in") return found;
    for (const { link, peer, state } of this.#links.all()) {
      const isTheirs = state === "member" && !this.#links.isClosing(link);
      if (isTheirs && this.#isRecipient(link)) found.set(peer, link);
    }
    return found;
  }

  step(input: MeshInput, nowMs: number): readonly MeshEffect[] {
    if (this.#phase === "stopped") return [];
    this.#nowMs = this.#out.nowMs = this.#awake.step(nowMs);
    if (this.#awake.stalledMs > 0) this.#awoke(this.#awake.stalledMs);
    if (this.#phase === "parting") this.#handleParting(input);
    else {
      this.#handle(input);
      // Who has quit is told nothing more of the room.
      if (this.#parting === null && !this.#hasStopped()) this.#room?.stepEnds();
    }
    if (this.#ending !== null) this.#fatal(this.#ending);
    this.#maybeLeave();
    this.#maybeShowRenewed();
    this.#awake.dueMs = this.#hasStopped() ? null : this.#earliestMs();
    return this.#toRecipients(this.#out.take());
  }

  /** The effects without what would go to somebody who isn't in the room. */
  #toRecipients(effects: readonly MeshEffect[]): readonly MeshEffect[] {
    const goesOut = (effect: MeshEffect) =>
      effect.type !== "send" || isForAnybody(effect.message, this.signer.key) ||
      this.#isRecipient(effect.link);
    return effects.every(goesOut) ? effects : effects.filter(goesOut);
  }

  /** Whether the peer is listed, and its link doesn't end in this step since a removal doesn't let it stay. */
  #isRecipient(id: LinkId): boolean {
    const link = this.#links.get(id);
    return link !== null && this.#isListed(link) && this.#access.leftOutBy(link) === null;
  }

  #isListed({ peer }: MeshLink): boolean {
    return this.#room?.isListed(peer) === true;
  }

  nextDeadlineMs(): number | null {
    return this.#awake.nextDeadlineMs();
  }

  /** A method, so that the type checker doesn't assume the phase from before the step. */
  #hasStopped(): boolean {
    return this.#phase === "stopped";
  }

  #earliestMs(): number | null {
    const drainedMs = this.#links.nextDrainedMs();
    if (drainedMs === null) this.#deadlines.clear("drain");
    else this.#deadlines.set("drain", drainedMs);
    return this.#agenda.nextMs();
  }

  #awoke(stalledMs: number): void {
    this.environment.log.info("this process stood still", { delayMs: stalledMs });
    this.#room?.machines.awoke(stalledMs, this.#nowMs);
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
      case "missed":
        return this.#ofLink(input);
      case "link-down":
        return this.#linkDown(input);
      case "dial-failed":
        return this.#dialFailed(input);
      case "persisted":
        return this.#room?.persisted(input.token);
      case "persist-failed":
        return this.#room?.persistFailed(input.token, input.text);
      case "log-restored":
        return this.#room?.logRestored();
      case "output-seen":
        return this.#room?.outputSeen(input.token);
      case "command":
        return this.#command(input.command, input.ref);
      case "hint":
        return this.#dialHint(input.endpoint);
      case "mapped":
        return this.#ownAddress.mapped(input.endpoint, this.#nowMs);
      case "machine-addresses":
        return this.#ownAddress.machineHas(input.hosts, input.best, this.#nowMs);
      case "file-links":
        this.#fileLinks = input;
        return this.#room?.give("overlay", input);
      case "meeting-point":
        this.#meetingPoint = input;
        return this.#room?.meetingPoint(input);
      case "file-traffic": {
        const link = this.#links.get(input.link);
        if (link?.state !== "member") return;
        return this.#room?.give("overlay", { type: "file-traffic", peer: link.peer });
      }
      case "tick":
        return this.#agenda.tick(this.#nowMs);
      default:
        return unreachable(input);
    }
  }

  #enterPhase(phase: MeshPhase): void {
    if (phase !== this.#phase) checkPhaseChange(this.#phase, phase);
    this.#phase = phase;
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
      case "join":
        return this.#joinAsNewcomer(begin);
      case "resume":
        this.#open({ kind: "resume" }, begin.room);
        return;
      default:
        return unreachable(begin);
    }
  }

  #joinAsNewcomer(begin: Extract<MeshConfig["begin"], { readonly kind: "join" }>): void {
    this.#enterPhase("coming-in");
    const room = begin.invite?.room ?? null;
    const isPrivate = (begin.invite?.secret ?? null) !== null;
    this.#admission = this.#newAdmission({ room, private: isPrivate }, null);
    this.#seekEntrance("join", contactsToJoin(begin));
  }

  #open(opening: Opening, room: RoomId): void {
    this.#enterPhase("opening");
    this.#opening = opening;
    this.#out.first({ type: "open-room", room });
  }

  #opened(records: readonly MeshRecord[]): void {
    const opening = this.#opening;
    invariant(opening !== null, "a room's records come when they were asked for");
    this.#opening = null;
    switch (opening.kind) {
      case "found": {
        const { genesis, claim, rotation } = opening.founded;
        const fresh: MeshRecord[] = rotation === null ? [] : [{ kind: "rotation", rotation }];
        this.#openAccess(genesis, [...records, ...fresh]);
        return this.#enterAlone({ genesis, claim, records, fresh, founded: true });
      }
      case "resume":
        return this.#resume(records);
      case "known":
        return this.#joinAsKnown(records);
      case "admitted": {
        const { genesis, claim, incarnation, endpoint, link } = opening.admitted;
        const entrance = entranceRecords(this.#links.get(link), this.environment.wallMs());
        const known = [...records, ...entrance];
        const fresh = [...entrance, ...invitedRecords(this.config)];
        if (this.#access.rulings === null) this.#openAccess(genesis, [...known, ...fresh]);
        if (this.#isOutside(link)) return this.#fatal(ENTRANCE_OUTSIDE);
        if (this.#earlier === null && !this.#wasLetIn && this.#hadName(claim, records)) {
          // By a claim of now, we would come after whoever has the name since.
          this.#wasLetIn = true;
          this.#close(link, "this profile was in that room");
          return this.#joinAsKnown(records);
        }
        const { secrets } = this.#access;
        const place = { genesis, claim, secrets, records: known, fresh, incarnation, endpoint };
        this.#enter({ ...place, founded: false });
        this.#enterPhase("coming-in");
        return this.#toAdmission({ type: "entered", link });
      }
      default:
        return unreachable(opening);
    }
  }

  #hadName({ claim }: SignedClaim, records: readonly MeshRecord[]): boolean {
    const earlier = earlierMembership(this.environment.crypto, this.signer.key, records);
    return earlier?.ownClaims.some((own) => own.claim.value.name === claim.value.name) === true;
  }

  /** Whether who let us in is out since a removal, as our disk shows: its invite is one from before. */
  #isOutside(entrance: LinkId): boolean {
    const link = this.#links.get(entrance);
    return link !== null && this.#access.isTooLate(link);
  }

  /** The room is known, and from its records who may be in it. */
  #openAccess(genesis: SignedGenesis, records: readonly MeshRecord[]): void {
    const { crypto } = this.environment;
    const rulings = new KeptRulings({ id: roomIdOf(crypto, genesis), genesis }, crypto, records);
    this.#access.rulings = rulings;
    this.#access.secrets = keptSecrets(crypto, genesis, records, rulings);
  }

  #resume(records: readonly MeshRecord[]): void {
    const earlier = earlierMembership(this.environment.crypto, this.signer.key, records);
    if (earlier === null) return this.#fatal(NOTHING_TO_RESUME);
    this.#comeAsKnown(earlier, records);
    const contacts = rememberedContacts(records, this.signer.key)
      .filter(({ key }) => !this.#access.isRemoved(key)).slice(0, RESUME_CONTACTS_MAX);
    // If it went on alone, it would let others in though it was removed or by an invite that no member may accept any
    // more, or wait for ever in a room where nobody has heard of it.
    const isOurs = earlier.genesis.genesis.value.founder === this.signer.key;
    const { begin } = this.config;
    const hints = begin.kind === "resume" ? begin.hints ?? [] : [];
    const isLost = contacts.length + hints.length === 0 && !isOurs;
    const isNewcomer = this.#access.isRemoved(this.signer.key) ||
      ((this.#access.secrets !== null || isLost) && !wasInRoom(records));
    this.#seekEntrance(
      isNewcomer ? "join" : "resume",
      // Any member may let a newcomer in.
      [
        ...hints.map((endpoint) => ({ peer: null, endpoint })),
        ...contacts.map(({ key, endpoint }) => ({ peer: isNewcomer ? null : key, endpoint })),
      ],
    );
  }

  #comeAsKnown(earlier: EarlierMembership, records: readonly MeshRecord[]): void {
    this.#earlier = { membership: earlier, records };
    const { room, genesis } = earlier;
    this.#openAccess(genesis, [...records, ...invitedRecords(this.config)]);
    this.#admission = this.#newAdmission({ room, private: this.#access.secrets !== null }, earlier);
    this.#enterPhase("coming-in");
  }

  /** Nobody let us in. Where an invite is wanted, the last room's secrets may open as well. */
  #joinFailed(failures: readonly JoinFailure[]): void {
    const { begin } = this.config;
    if (begin.kind === "join" && this.#wasLetIn && this.#earlier !== null) {
      this.#earlier = this.#access.rulings = this.#access.secrets = null;
      return this.#joinAsNewcomer(begin);
    }
    const last = begin.kind === "join" ? begin.last ?? null : null;
    const isUninvited = failures.some(({ reason }) => reason === "bad-credentials");
    const ending = this.#asNewcomer ?? joinFailure(this.config, failures);
    this.#refusedAsNewcomer(ending, isUninvited ? last : null);
  }

  /** Somebody has the name in this room; whoever had it there before has it again. */
  #nameTaken(room: RoomId | null): void {
    const { begin, name } = this.config;
    const ending = { code: "name-taken", text: nameTakenText(name) } as const;
    if (begin.kind !== "join" || this.#isAdmitted()) return this.#fatal(ending);
    const wanted = begin.invite?.room ?? room;
    this.#refusedAsNewcomer(ending, begin.kept?.find((kept) => kept === wanted) ?? null);
  }

  /** Asks once more, as one who was in this room; null where that can't help. */
  #refusedAsNewcomer(ending: Ending, room: RoomId | null): void {
    if (room === null || this.#asNewcomer !== null) return this.#fatal(ending);
    this.#asNewcomer = ending;
    this.#bootstrap = null;
    this.#open({ kind: "known" }, room);
  }

  #joinAsKnown(records: readonly MeshRecord[]): void {
    const { begin } = this.config;
    invariant(begin.kind === "join", "who resumes asks nobody as a newcomer");
    const earlier = earlierMembership(this.environment.crypto, this.signer.key, records);
    if (earlier === null) return this.#joinFailed([]);
    this.#comeAsKnown(earlier, records);
    this.#seekEntrance("join", contactsToJoin(begin));
  }

  #seekEntrance(
    purpose: "join" | "resume",
    contacts: readonly Pick<Dial, "peer" | "fingerprint" | "endpoint">[],
  ): void {
    const room = this.#admission!.config.room;
    const dials = contacts.map((contact) => ({ ...contact, purpose, room }));
    this.#bootstrap = new Bootstrap(purpose, dials, this.#dialling, {
      random: this.environment.random,
      delayed: (text) => {
        this.#show({ event: "notice", text: `Not let in yet: ${text}; trying again` }, undefined);
      },
      exhausted: (failures) => {
        if (purpose === "join") this.#joinFailed(failures);
        else this.#resumeAlone(failures);
      },
    }, isContactNamed(this.config));
    this.#bootstrap.start(this.#nowMs);
  }

  /** No known member answers: the room is resumed alone. */
  #resumeAlone(failures: readonly JoinFailure[]): void {
    invariant(this.#earlier !== null, "only a room that is on disk is resumed");
    const { membership, records } = this.#earlier;
    const { genesis } = membership;
    const known = rememberedContacts(records, this.signer.key).length;
    if (this.#room !== null) this.#beAlone(genesis); // the member that let us in went away before its welcome
    else {
      const claim = resumedClaim(this, membership);
      this.#enterAlone({ genesis, claim, records, fresh: [], founded: false });
    }
    if (failures.some(({ reason }) => reason === "bad-credentials")) {
      return this.#show({ event: "notice", text: SECRET_REFUSED, warning: true }, undefined);
    }
    if (known > 0) this.#deadlines.set("alone", this.#nowMs + ALONE_TOLD_MS);
  }

  #tellAlone(): void {
    const isFound = [...this.#links.all()].some(({ state }) => state !== "admitting");
    if (isFound || this.#phase !== "in") return;
    const others = rememberedContacts(this.#earlier?.records ?? [], this.signer.key);
    const text = others.some(({ key }) => !this.#access.isRemoved(key))
      ? "Nobody else is online; still trying"
      : "All others of the room were removed; others can join";
    this.#show({ event: "notice", text }, undefined);
  }

  #enterAlone(entry: Omit<Entry, "incarnation" | "endpoint" | "secrets" | "rulings">): void {
    const { genesis } = entry;
    const room = roomIdOf(this.environment.crypto, genesis);
    const secrets = this.#access.secrets;
    this.#admission ??= this.#newAdmission({ room, private: secrets !== null }, null);
    this.#enter({ ...entry, secrets, incarnation: 0, endpoint: endpointAlone(this.config) });
    this.#beAlone(genesis);
  }

  /** We are in the room, and no other member is there to say so. */
  #beAlone(genesis: SignedGenesis): void {
    this.#enterPhase("in");
    this.#bootstrap = null;
    this.#toAdmission({ type: "in-room", room: this.#entered().config.room, genesis });
    this.#entered().alone();
    this.#releaseHeld();
  }

  #enter(entry: Omit<Entry, "rulings">): void {
    invariant(this.#room === null, "a process enters one room, once");
    const { rulings } = this.#access;
    invariant(rulings !== null, "who may be in a room is known when it is entered");
    const room = newRoom(this, { ...entry, rulings }, this.#awake, this.#out, this.#roomLinks());
    this.#room = room;
    room.enter();
    if (this.#fileLinks !== null) room.give("overlay", this.#fileLinks);
    if (this.#meetingPoint !== null) room.meetingPoint(this.#meetingPoint);
    this.#ownAddress.entered(room.machines.ownEndpoint(), this.#nowMs);
  }

  #newAdmission(wanted: Wanted, earlier: EarlierMembership | null): Admission {
    return newAdmission(this, wanted, earlier, () => this.#room);
  }

  #entered(): Room {
    invariant(this.#room !== null, "asked for only in a room");
    return this.#room;
  }

  /** Whoever answers there is a stranger until it has shown that it is a member. */
  #dialHint(endpoint: Endpoint): void {
    if (this.#phase !== "in" || this.#entered().isSomebodyAt(endpoint)) return;
    const met = this.#hinted.peerAt(endpoint);
    if (met !== null && this.#isThere(met)) return;
    const { room } = this.#entered().config;
    this.#dialling.dial({ purpose: "resume", peer: null, endpoint, room });
  }

  #isThere(peer: PeerKey): boolean {
    return peer === this.signer.key || this.#room?.isListed(peer) === true;
  }

  // Links.

  /** Inputs of a link wait while we aren't in the room, except those of the one link that lets us in. */
  #ofLink(input: LinkInput): void {
    if (input.type === "link-up") return this.#linkUp(input);
    if (this.#links.get(input.link) === null) return;
    if (input.type === "message") this.#links.heard(input.link);
    if (this.#mayPass(input)) this.#passLink(input);
    else this.#hold(input);
  }

  #mayPass(input: LinkInput): boolean {
    if (this.#phase === "in" || this.#phase === "leaving") return true;
    return this.#phase === "coming-in" && input.link === this.#bootstrap?.entrance?.link;
  }

  #hold(input: LinkInput): void {
    if (this.#links.isClosing(input.link) || this.#held.hold(input)) return;
    this.#held.drop(input.link);
    this.#close(input.link, "not in the room yet; try again");
  }

  #releaseHeld(): void {
    for (const input of this.#held.takeAll()) {
      if (this.#phase !== "in") return;
      if (this.#links.get(input.link) !== null) this.#passLink(input);
    }
  }

  #linkUp(input: Extract<MeshInput, { readonly type: "link-up" }>): void {
    const { link, peer, dialled, remote, localHost, attempt, secret } = input;
    const dial = this.#dialling.linkUp(link, attempt);
    const met = { link, peer, dialled, remote: dial?.endpoint ?? remote, secret };
    this.#links.add(met, this.#nowMs);
    if (dial?.peer === null) this.#hinted.met(dial.endpoint, peer);
    if (peer === this.signer.key) return this.#metSelf(link, dial);
    this.#ownAddress.linkUp({ ...met, remote }, localHost, this.#nowMs);
    if (!dialled && this.#links.admitting > ADMITTING_LINKS_MAX) {
      const displaced = this.#links.makeRoom(link, this.#nowMs - ADMITTING_SILENCE_MS);
      this.#close(displaced, "too many are coming in");
      if (displaced === link) return;
    }
    if (dial?.purpose === "dial-back") {
      this.#ownAddress.dialledBack(dial, null);
      return this.#close(link, "dialled back");
    }
    if (dial !== null && dial.purpose !== "overlay") {
      const isOfUse = this.#bootstrap?.linkUp(link, dial) ??
        (dial.purpose === "resume" && !(dial.peer !== peer && this.#isThere(peer)));
      if (!isOfUse) return this.#close(link, "another member has answered first");
    }
    if (dial?.purpose === "overlay" && dial.peer !== peer) {
      if (this.#links.memberLink(peer) !== null) return this.#close(link, "a second link");
      this.#overlayDialFailed(dial, false, peer);
    }
    if (this.#mayPass(input)) this.#passLink(input);
    else this.#hold(input);
  }

  /** We dialled another process of this profile, or this one: somebody else was told an address of ours. */
  #metSelf(link: LinkId, dial: Dial | null): void {
    this.#close(link, "this is the same profile");
    if (dial === null) return;
    this.#bootstrap?.dialFailed(dial, MET_SELF, this.#nowMs);
  }

  #passLink(input: LinkInput): void {
    switch (input.type) {
      case "link-up": {
        const { link, peer, process, dialled, remote, secret } = input;
        if (this.#access.isRemoved(peer)) return this.#partWithRemoved();
        this.#toAdmission({ type: "link-up", link, peer, process, dialled, remote });
        // A dial, too: by an earlier secret, somebody may answer there who was never a member.
        if (!this.#access.isUninvited(peer, secret)) return;
        this.#toAdmission({ type: "uninvited", link });
        return;
      }
      case "message":
        if (this.#mayBring(input.link, input.message)) {
          this.#message(input.link, input.message);
        }
        return;
      case "unknown-message":
        if (this.#isPastUnknown(input.link)) return;
        return this.#sendOn(input.link, { type: "unknown", code: input.code });
      case "congested":
      case "drained":
        this.#links.noteCongested(input.link, input.type === "congested");
        return this.#ofMemberLink(input);
      case "missed":
        return this.#ofMemberLink(input);
      default:
        return unreachable(input);
    }
  }

  #ofMemberLink({ link, type }: Extract<MeshInput, { type: "congested" | "drained" | "missed" }>) {
    const entry = this.#links.get(link);
    if (entry?.state === "member") this.#room?.[type](entry.peer);
  }

  /** A link that came by a secret which is no longer current, and isn't in yet, has come too late. */
  #partWithUninvited(): void {
    for (const link of [...this.#links.all()].filter((link) => this.#access.isTooLate(link))) {
      this.#toAdmission({ type: "uninvited", link: link.link });
    }
    for (const link of [...this.#links.all()]) {
      const by = this.#access.leftOutBy(link);
      if (by === null || this.#links.isClosing(link.link)) continue;
      const room = this.#admission?.room ?? null;
      this.#sendOn(link.link, { type: "refuse", code: "bad-credentials", text: VOID_INVITE, room });
      this.#close(link.link, VOID_INVITE);
      this.#tellLeftOut(link.peer, by);
    }
  }

  /** Nobody has removed the member, and no ruling says so: the user is told whose list it is that ends its link. */
  #tellLeftOut(peer: PeerKey, by: PeerKey): void {
    const named = (key: PeerKey) => {
      const name = this.#room?.nameOf(key) ?? null;
      return name === null ? fingerprintOf(key) : shownName(name);
    };
    const { rulings } = this.#access;
    const isOurs = by === this.signer.key;
    const undo = rulings?.isFounder(this.signer.key) === true && rulings.isDeputy(by)
      ? `; if ${named(by)} leaves out members, /deputy ${named(by)} --end undoes that`
      : "";
    const text = `${named(peer)} can't stay: ${isOurs ? "you have" : `${named(by)} has`} removed ` +
      `somebody, and made a new invite without knowing ${
        named(peer)
      }, who needs it to come back${undo}`;
    this.#show({ event: "notice", text }, undefined);
  }

  /** Ends every link to a key that may not be in the room, and shows it why. */
  #partWithRemoved(): void {
    const { rulings } = this.#access;
    if (rulings === null) return;
    for (const { link, peer } of [...this.#links.all()]) {
      if (this.#links.isClosing(link) || !rulings.isRemoved(peer)) continue;
      const { genesis } = rulings.room;
      this.#sendOn(link, { type: "removed", genesis, rulings: [...rulings.proofOf(peer)] });
      this.#close(link, "it was removed from the room");
    }
  }

  /** A member says that we are removed: it must show that the founder, or a deputy, has decided so. */
  #heardRemoved(
    link: MeshLink,
    { genesis, rulings }: Extract<MeshMessage, { readonly type: "removed" }>,
  ): void {
    const { crypto } = this.environment;
    const room = roomIdOf(crypto, genesis);
    const wanted = this.#admission?.room ?? this.#admission?.config.room ?? null;
    if (wanted !== null && wanted !== room) {
      return this.#close(link.link, "another room answers there");
    }
    const isFounded = genesisFault(crypto, genesis, room) === null;
    const known = this.#access.rulings ?? new KeptRulings({ id: room, genesis }, crypto, []);
    const shown = isFounded ? known.showRemoved(this.signer.key, rulings) : null;
    if (shown !== null) {
      // The next start doesn't go on alone, and lets nobody in.
      const records = shown.fresh.map(rulingRecord);
      const isOpen = this.#room !== null || this.#earlier !== null;
      if (isOpen) this.#out.persistFirst(records);
      const text = removedText(shown.by, known, this.#nameOf(shown.by));
      return this.#fatal({ code: "kicked", text });
    }
    this.#close(link.link, "it takes us for removed, and we aren't");
  }

  /** The name of somebody who is or was in the room; null where we don't know it. */
  #nameOf(key: PeerKey): string | null {
    if (this.#room !== null) return this.#room.nameOf(key);
    const claims = (this.#earlier?.records ?? []).filter((record) => record.kind === "claim");
    const last = claims.findLast(({ claim }) => claim.claim.value.key === key);
    return last?.claim.claim.value.name ?? null;
  }

  /** Counts a message of an unknown type, in either direction; closes the link on which there were too many. */
  #isPastUnknown(link: LinkId): boolean {
    const fault = this.#links.unknownFault(link, this.#nowMs);
    if (fault !== null) this.#close(link, fault);
    return fault !== null;
  }

  /** Bundles aren't counted: back pressure and the order's checks bound them. */
  #mayBring(id: LinkId, message: MeshMessage): boolean {
    if (message.type === "bundle") return true;
    const entries = "entries" in message ? message.entries.length : 0;
    const messages = 1 + Math.floor(entries / ENTRIES_PER_MESSAGE);
    if (this.#links.takeMessages(id, messages, this.#nowMs)) return true;
    const link = this.#links.get(id);
    const text = `sent more than ${LINK_MESSAGES_PER_SECOND} messages a second`;
    if (link !== null) this.#penalise(link.peer, "flood", text);
    return false;
  }

  #message(id: LinkId, message: MeshMessage): void {
    const link = this.#links.get(id);
    if (link === null) return;
    switch (message.type) {
      case "refuse":
        if (message.code !== "bad-credentials" || link.state === "admitting") {
          return this.#toAdmission({ type: "message", link: id, message });
        }
        return this.#inviteVoid(link, message.text);
      case "hello":
      case "join":
      case "offer":
      case "accept":
      case "welcome":
      case "renew":
        return this.#toAdmission({ type: "message", link: id, message });
      case "removed":
        return this.#heardRemoved(link, message);
      default:
        if (link.state === "admitting") {
          // The peer doesn't know yet that we took it for lost.
          if (this.#admission?.isRenewing(id) === true) return;
          return this.#close(id, `sent ${message.type} before it was let in`);
        }
        if (message.type === "dial-back" || message.type === "dialled-back") {
          return this.#ownAddress.message(link, message, this.#nowMs);
        }
        if (message.type === "unknown" && this.#isPastUnknown(id)) return;
        return this.#room?.message(link.peer, message);
    }
  }

  /** A removal that didn't know of us has come to the member there. */
  #inviteVoid(link: MeshLink, text: string): void {
    const contact = reachedAt(link);
    if (contact === null || this.#isShown()) {
      return this.#room?.inviteVoid(link.peer);
    }
    this.#fatal(joinFailure(this.config, [{ contact, reason: "bad-credentials", text }]));
  }

  /** Whether our user has been told that we are in the room. */
  #isShown(): boolean {
    return this.config.begin.kind !== "join" || this.#room?.ready === true;
  }

  #linkDown(input: Extract<MeshInput, { readonly type: "link-down" }>): void {
    const { link, closed } = input;
    const dial = this.#dialling.linkDone(link);
    this.#held.drop(link);
    const peer = this.#links.remove(link);
    this.#ownAddress.linkDown(link, peer, this.#nowMs);
    this.#toAdmission({ type: "link-down", link });
    if (peer !== null) this.#memberLinkDown(peer, closed);
    else if (dial?.purpose === "overlay") this.#overlayDialFailed(dial, false);
    if (link === this.#bootstrap?.entrance?.link) this.#entranceLost();
    if (closed && this.#isStranded()) this.#leftBy = peer;
    if (this.#room !== null) this.#ownAddress.follow(this.#nowMs);
  }

  /** Whether we are in a room of which we know nobody but the member that let us in, and the user isn't told so. */
  #isStranded(): boolean {
    if (this.#phase !== "in" || this.#isShown()) return false;
    const isLinked = [...this.#links.all()].some(({ state }) => state !== "admitting");
    return !isLinked && (this.#room?.liveMembers ?? 1) <= 2;
  }

  #memberLinkDown(peer: PeerKey, closed: boolean): void {
    const heir = this.#links.inherit(peer);
    // The end of one of two links is nobody's fault.
    this.#room?.peerDown(peer, closed || heir !== null);
    if (heir === null) return;
    const credentials = this.#room?.machines.roster.credentialsOf(peer) ?? null;
    if (credentials === null) return this.#close(heir.link, "unknown by now");
    const { endpoint } = credentials.beacon.beacon.value;
    this.#room?.peerUp({ peer, reached: reachedAt(heir), endpoint, ...credentials });
    if (this.#links.isCongested(heir.link)) this.#room?.congested(peer);
  }

  #dialFailed(
    { attempt, reason, text }: Extract<MeshInput, { readonly type: "dial-failed" }>,
  ): void {
    const dial = this.#dialling.attemptFailed(attempt, reason);
    if (dial === null) return;
    const isUninvited = reason === "bad-credentials";
    if (dial.purpose === "overlay") return this.#overlayDialFailed(dial, isUninvited);
    if (dial.purpose === "dial-back") return this.#ownAddress.dialledBack(dial, reason);
    this.#bootstrap?.dialFailed(dial, failedDial(reason, text), this.#nowMs);
  }

  /** @param answering Another member, which has answered; null where none has. */
  #overlayDialFailed(
    { peer, endpoint }: Dial,
    isUninvited: boolean,
    answering: PeerKey | null = null,
  ): void {
    invariant(peer !== null, "the overlay dials members that it knows");
    if (!isUninvited && peer === this.#leftBy && this.#isStranded()) {
      return this.#fatal(ENTRANCE_LOST);
    }
    if (this.#links.memberLink(peer) === null) {
      this.#room?.dialFailed(peer, { endpoint, answering }, isUninvited);
    }
  }

  #entranceLost(): void {
    if (this.#isAdmitted()) return this.#fatal(ENTRANCE_LOST);
    this.#bootstrap?.entranceFailed(LINK_BROKE, this.#nowMs);
  }

  /** Whether a member has let us in, although it may not have said so yet. */
  #isAdmitted(): boolean {
    return this.#room !== null || this.#opening?.kind === "admitted";
  }

  #close(link: LinkId, reason: string): void {
    this.#links.closes(link);
    this.#out.first({ type: "close", link, reason });
  }

  #sendOn(link: LinkId, message: MeshMessage): void {
    this.#out.first({ type: "send", link, message, lane: MESSAGE_LANES[message.type] });
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
      case "close":
        return this.#close(effect.link, effect.reason);
      case "member":
        return this.#member(effect);
      case "claimed":
        return this.#again(effect);
      case "renew":
        this.#isAskedToRenew = true;
        return this.#room?.give("roster", effect);
      case "persist":
        return this.#out.persistFirst(effect.records);
      case "admitted":
        if (!effect.rename) return this.#admitted(effect);
        this.#ownName.admitted(effect.claim);
        return this.#toAdmission({ type: "entered", link: effect.link });
      case "came-in":
        this.#enterPhase("in");
        this.#via = effect.via;
        this.#bootstrap = null;
        return;
      case "name-claimed":
        return this.#nameSettled();
      case "refused":
        return this.#refused(effect);
      case "copied":
        return this.#room?.copied(effect.peer);
      case "replaced-self":
        return this.#fatal({ code: "replaced", text: REPLACED_TEXT });
      case "penalise":
        return this.#penalise(effect.peer, effect.fault, effect.text);
      default:
        return unreachable(effect);
    }
  }

  /**
   * A member has let us in: opens the room with the records we resumed with, or reads those of another room from
   * disk.
   */
  #admitted(admitted: Extract<AdmissionEffect, { readonly type: "admitted" }>): void {
    const opening = { kind: "admitted", admitted } as const;
    if (this.#earlier?.membership.room !== admitted.room) return this.#open(opening, admitted.room);
    this.#opening = opening;
    this.#opened(this.#earlier.records);
  }

  #member(effect: Extract<AdmissionEffect, { readonly type: "member" }>): void {
    const { link, peer, beacon } = effect;
    const arrived = { ...effect, reached: reachedAt(this.#links.get(link)) };
    this.#dialling.linkDone(link);
    const promotion = this.#links.promote(link, beacon.beacon.value.incarnation, this.#nowMs);
    switch (promotion.kind) {
      case "successor":
        // The other link was of an earlier process of this peer: what it had with us is void.
        this.#room?.peerDown(peer, true);
        this.#room?.peerUp(arrived);
        break;
      case "second":
        this.#again(effect);
        // The other link, which may be dead, was full; that doesn't hold back what goes out by this one.
        if (this.#links.isCongested(promotion.drained)) this.#room?.drained(peer);
        break;
      case "first":
        this.#room?.peerUp(arrived);
        break;
      default:
        unreachable(promotion);
    }
    if (this.#room !== null) this.#ownAddress.follow(this.#nowMs);
    if (this.#via !== peer) return;
    this.#via = null;
    this.#room?.welcomed(peer);
    this.#releaseHeld();
  }

  /** A peer that is up already shows itself once more: only its beacon and its claim may be new. */
  #again({ peer, beacon, claim }: Pick<ArrivedPeer, "peer" | "beacon" | "claim">): void {
    this.#room?.give("roster", { type: "member", from: peer, beacon, claim });
  }

  #refused(effect: Extract<AdmissionEffect, { readonly type: "refused" }>): void {
    const { code, text, rename, link } = effect;
    if (rename) {
      // Neighbours change: that its link ended says nothing of the name, and another one can be asked.
      if (code === "unreachable" && this.#ownName.askAnother(this.#entered())) return;
      this.#ownName.refused(code === "wrong-room" ? "protocol" : code, text);
      return this.#nameSettled();
    }
    if (this.#phase === "in" || this.#phase === "leaving") return; // just one link that came to nothing
    if (code === "name-taken") return this.#nameTaken(effect.room);
    if (isOfOneMember(code)) return this.#memberRefused(code, text, link);
    this.#fatal({ code, text: `Cannot join: ${text}` });
  }

  /** One member refused us; another may let us in. */
  #memberRefused(code: OfOneMember, text: string, link: LinkId): void {
    const entrance = this.#bootstrap?.entrance ?? null;
    if (entrance?.link !== link) return; // that member had greeted us; what we asked of others goes on
    if (entrance.dial.purpose === "join" && this.#isAdmitted()) {
      const failure = { contact: entrance.dial.endpoint, reason: code, text };
      const isUninvited = code === "bad-credentials";
      return this.#fatal(isUninvited ? joinFailure(this.config, [failure]) : ENTRANCE_LOST);
    }
    this.#bootstrap?.entranceFailed(refusalOf(code, text), this.#nowMs);
  }

  #penalise(peer: PeerKey, fault: Fault, text: string): void {
    this.environment.log.warn("a peer broke the rules", { key: fingerprintOf(peer), fault, text });
    for (const effect of penalties(this.#links, peer, fault, text)) {
      this.#links.closes(effect.link);
      this.#out.first(effect);
    }
  }

  #maybeShowRenewed(): void {
    if (!this.#isAskedToRenew || this.#hasStopped()) return;
    this.#toAdmission({ type: "renewed" });
    this.#isAskedToRenew = this.#admission?.isAskedToRenew === true;
  }

  /** What the room asks of us. */
  #roomLinks(): RoomLinks {
    return {
      sendBundle: (...bundle) => this.#sendBundle(...bundle),
      dial: ({ key: peer, endpoint }) => {
        const { room } = this.#entered().config;
        this.#dialling.dial({ purpose: "overlay", peer, endpoint, room });
      },
      release: (peer, reason) => {
        const link = this.#links.memberLink(peer);
        if (link !== null) this.#close(link.link, reason);
      },
      penalise: (...offence) => this.#penalise(...offence),
      claimName: (name, ref) => this.#claimName(name, ref),
      secretChanged: () => this.#partWithUninvited(),
      rulingsChanged: () => this.#partWithRemoved(),
      fatal: (code, text) => {
        if (this.#phase === "parting") return;
        this.#ending ??= { code, text };
        this.#out.ends();
      },
    };
  }

  #sendBundle(...[peer, bundle, hop, reason]: Parameters<RoomLinks["sendBundle"]>): void {
    const link = this.#links.memberLink(peer);
    if (link === null) return;
    const { roster } = this.#entered().machines;
    this.#sendOn(link.link, this.#bundles.message({ peer, bundle, hop, reason }, roster));
  }

  // The user.

  #command(command: MeshCommand, ref: string | undefined): void {
    const isLeaving = this.#phase === "leaving" || this.#phase === "parting";
    if (command.command === "quit") {
      if (isLeaving) return;
      if (this.#phase !== "in") return this.#turnBack(ref);
      this.#enterPhase("leaving");
      this.#quitRef = ref;
      this.#deadlines.set("name", this.#nowMs + LEAVE_MS_MAX - PART_MS_MAX);
      this.#deadlines.set("leave", this.#nowMs + LEAVE_MS_MAX);
      return this.#entered().leave();
    }
    if (this.#phase !== "in") {
      const what = isMessage(command) ? "Cannot send that" : "Cannot do that";
      const when = isLeaving
        ? "you are leaving the room"
        : "the room isn't reached yet; wait for it";
      return this.#show({ event: "error", code: "offline", text: `${what}: ${when}` }, ref);
    }
    this.#entered().command(command, ref);
  }

  #claimName(name: string, ref: string | undefined): void {
    this.#ownName.claim(this.#entered(), { name, ref });
    if (!this.#ownName.isAsking) this.#entered().nameSettled();
  }

  #nameSettled(): void {
    this.#ownName.ended();
    this.#room?.nameSettled();
  }

  /** What waits for the name goes out under the one that we have. */
  #giveUpName(): void {
    while (this.#ownName.isAsking) {
      this.#ownName.refused("timeout", "no member has admitted it in time");
      this.#nameSettled();
    }
  }

  #show(event: MeshEvent, ref: string | undefined): void {
    this.#out.later({ type: "show", event, ref });
  }

  // Leaving.

  /**
   * Leaves while still coming in: the member that lets us in takes us for a member before we hear that we are one.
   */
  #turnBack(ref: string | undefined): void {
    this.#room?.quit();
    this.#room?.stepEnds();
    const link = this.#bootstrap?.entrance?.link;
    if (this.#room !== null && link !== undefined) {
      // Its roster listens only to neighbours.
      this.#sendOn(link, { type: "overlay-join" });
      this.#sendLastBeacon(link);
    }
    this.#stopped({ kind: "bye", reason: "quit", ref });
  }

  #sendLastBeacon(link: LinkId): void {
    const signed = this.#entered().machines.roster.selfBeacon();
    this.#sendOn(link, { type: "beacons", beacons: [{ signed, ageMs: 0 }] });
  }

  #maybeLeave(): void {
    if (this.#phase === "leaving" && this.#room?.settled === true) this.#leave();
  }

  #leave(): void {
    if (this.#phase !== "leaving") return;
    this.#giveUpName();
    const room = this.#entered();
    room.quit();
    room.stepEnds();
    this.#enterPhase("parting");
    for (const one of ["name", "leave"] as const) this.#deadlines.clear(one);
    this.#deadlines.set("part", this.#nowMs + PART_MS_MAX);
    // A peer that we have asked to be our neighbour may be the only one that knows us, and its answer may be on its
    // way.
    for (const { link, peer, state } of this.#links.all()) {
      if (state === "member" && !room.neighbours.includes(peer)) this.#sendLastBeacon(link);
    }
    this.#parting = new Parting(room.neighbours, {
      learn: (from, message) => this.#learn(from, message),
      isLive: (peer) => room.machines.roster.isLive(peer),
    });
    this.#maybePart();
  }

  #handleParting(input: MeshInput): void {
    if (input.type === "command") this.#command(input.command, input.ref);
    if (input.type === "tick") this.#agenda.tick(this.#nowMs);
    if (input.type === "link-down") {
      const peer = this.#links.remove(input.link);
      if (peer !== null) this.#parting?.gone(peer);
    }
    if (input.type === "message") {
      const link = this.#links.get(input.link);
      if (link !== null && link.state !== "admitting") {
        this.#parting?.message(link.peer, input.message);
      }
    }
    this.#maybePart();
  }

  /** Once we have quit, members are told nothing more of the room, and no neighbour is looked for. */
  #learn(from: PeerKey, message: RoomMessage): void {
    const effects = this.#out.during(() => {
      this.#entered().message(from, message);
      this.#entered().stepEnds();
    });
    const isKept = ({ type }: MeshEffect) =>
      type === "send" || type === "persist" || type === "pin" || type === "keep";
    for (const effect of effects.filter(isKept)) this.#out.first(effect);
  }

  #maybePart(): void {
    if (this.#parting?.isOver !== true) return;
    this.#stopped({ kind: "bye", reason: "quit", ref: this.#quitRef });
  }

  #fatal({ code, text }: Ending): void {
    if (this.#phase === "stopped") return;
    // Whoever can't stay is told what hasn't arrived, as who leaves. Whoever loses the name was here a moment ago: the
    // others are told so, rather than left to find out; those who have removed somebody need no word from that one.
    if ((code === "name-taken" || code === "kicked") && this.#room !== null) {
      const room = this.#room;
      const effects = this.#out.during(() => {
        room.quit();
        room.stepEnds();
      });
      for (const effect of effects) {
        if (effect.type === "send" && code === "name-taken") this.#out.first(effect);
        else if (effect.type === "show") this.#out.last(effect);
      }
    }
    this.#stopped({ kind: "fatal", code, text });
  }

  #stopped(outcome: Extract<MeshEffect, { readonly type: "stop" }>["outcome"]): void {
    this.#enterPhase("stopped");
    const reason = outcome.kind === "bye" ? outcome.reason : outcome.code;
    for (const { link } of this.#links.all()) {
      this.#links.closes(link);
      this.#out.last({ type: "close", link, reason });
    }
    this.#out.last({ type: "stop", outcome });
  }
}
