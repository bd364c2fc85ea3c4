/**
 * The coordinator of a group: it alone decides who is in it, view after view, each on its disk before anybody is
 * told. What is said goes past it: it orders nothing, and sees no texts but the new ones of edits, and the log that
 * it keeps while nobody is there.
 *
 * The picture: the group membership service of virtual synchrony (Birman and Joseph, SOSP 1987) by one process,
 * whose crash stops joining and leaving, not the chat. `next_view.ts` says who should be in the next view,
 * `view_change_coordinator.ts` brings it about, `views.ts` has the rule that makes it safe; here is what comes in, and
 * the time.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { Endpoint, Hash, LinkId, PeerKey } from "../../../base/ids.ts";
import { shownName } from "../../../base/text/names.ts";
import { unreachable } from "../../../base/invariant.ts";
import {
  Agenda,
  earliestMs,
  type Machine,
  servedEachStep,
  whenDue,
} from "../../../base/machine/machine.ts";
import type { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { MemberAdmission } from "./member_admission.ts";
import { Arriving } from "./arriving.ts";
import {
  Attendance,
  type Attendee,
  expected,
  type GroupLink,
  isListed,
} from "../detector/attendance.ts";
import { isSameBallot } from "../schema/epoch.ts";
import { ViewChangeCoordinator } from "../views/view_change_coordinator.ts";
import type {
  CoordinatorConfig,
  CoordinatorEffect,
  CoordinatorInput,
} from "../schema/coordinator_io.ts";
import { type Group, groupOf, restoreCoordinator, snapshotCoordinator } from "./coordinator_log.ts";
import { DatagramRelay } from "./datagram_relay.ts";
import { CoordinatorOutput } from "../schema/coordinator_output.ts";
import { type CoordinatorFacts, inviteView, membersView, statusView } from "./coordinator_view.ts";
import { Escrow } from "../catch_up/escrow.ts";
import { accessFault, groupIdOf, NONCE_BYTES } from "../schema/founding.ts";
import type { CoordinatorCommand } from "../schema/events.ts";
import {
  COORDINATOR_SILENT_MS,
  FORMER_KEYS_MAX,
  HEARTBEAT_MS,
  INCARNATION_BYTES,
  LEAVE_MS_MAX,
  LEAVE_UNTOLD_MS,
  OFFENDER_BAN_MS,
  WAIT_MS_MAX,
} from "../schema/limits.ts";
import type { HistoryEnd } from "../schema/history.ts";
import { EquivocationJudgement } from "./equivocation_judgement.ts";
import {
  COORDINATOR_GOODBYE,
  type GroupMessage,
  type GroupMessageOf,
  VOID_INVITE,
} from "../schema/messages.ts";
import { Operator, type Rotation } from "./operator.ts";
import { OwnKeys } from "../identity/own_keys.ts";
import { awaitedOf } from "../detector/next_view.ts";
import { Partings } from "./partings.ts";
import { Places } from "./places.ts";
import type { CoordinatorRecord } from "../schema/records.ts";
import type { GroupSecret } from "../schema/group_secrets.ts";
import { SnapshotInitiator } from "../snapshot/snapshot_initiator.ts";
import { GlobalStates } from "../states/global_states.ts";
import { MembershipDecider } from "./membership_decider.ts";
import { EditCoordinator } from "../edits/edit_coordinator.ts";
import { Views } from "../detector/views.ts";

/** A write that takes longer than this delays what members are asked, so that they can't answer in time. */
const DISK_MS_MAX = 100;

/** The goodbye of a member that ends because its disk takes nothing: the others needn't wait for it to come back. */
const DISK_GOODBYE = "disk";

/** The operator is ending us: when they are told what is waited for, and when we end at the latest. */
interface Leaving {
  readonly ref: string | undefined;
  tellMs: number;
  readonly dueMs: number;
}

export class Coordinator implements Machine<CoordinatorInput, CoordinatorEffect> {
  readonly #out = new CoordinatorOutput((link) => this.#mayReceive(link));
  readonly #views = new Views((key) =>
    this.#admission.isOut(key) && this.#attendance.get(key) === null
  );
  readonly #attendance: Attendance;
  readonly #admission: MemberAdmission;
  readonly #escrow: Escrow;
  readonly #changing: ViewChangeCoordinator;
  readonly #partings: Partings;
  readonly #relay: DatagramRelay;
  readonly #arriving: Arriving;
  readonly #steering: MembershipDecider;
  readonly #judging: EquivocationJudgement;
  readonly #operator: Operator;
  readonly #transactions: EditCoordinator;
  readonly #states: GlobalStates;
  readonly #taking: SnapshotInitiator;
  readonly #agenda: Agenda;
  /** When all attendees are asked for a sign of life; null while there is nobody. */
  #beatAtMs: number | null = null;
  /** Whether nobody was left of several at once since our start. */
  #wasCutOff = false;
  readonly #group: Group;
  readonly #keys: OwnKeys;
  readonly #isFounded: boolean;
  /** Position up to which we were told of the entries. */
  #told: number;
  /** Number of the last entry that we were told of; 0 while there is none. */
  #toldSeq = 0;
  #stopped = false;
  /** The disk refused the last note, and the operator was told so. */
  #isRefused = false;
  /** Set while the operator is ending us. */
  #leaving: Leaving | null = null;

  constructor(
    readonly config: CoordinatorConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {
    const { failAfterMs, records, history } = config;
    const { crypto } = environment;
    const views = this.#views;
    const out = this.#out;
    const attendance = this.#attendance = new Attendance(failAfterMs, out.clock);
    const places = new Places(config, views, attendance);
    const founded = groupOf(records);
    this.#isFounded = founded !== null;
    const admission = this.#admission = new MemberAdmission(
      config,
      views,
      attendance,
      places,
      out,
    );
    const { group, founding } = this.#group = founded ?? this.#newGroup();
    const keys = this.#keys = new OwnKeys(signer, group, founding.coordinator, records);
    const incarnation = environment.randomBytes(INCARNATION_BYTES);
    const wallMs = () => Math.max(0, Math.floor(environment.wallMs()));
    const isSteady = () => this.#changing.isSteady;
    const transactions = this.#transactions = new EditCoordinator({
      group,
      founding,
      signer,
      keys,
      crypto,
      views,
      attendance,
      out,
      policy: config.edits,
      voteTimeoutMs: config.voteTimeoutMs,
      newIncarnation: () => environment.randomBytes(INCARNATION_BYTES),
      wallMs,
      isSteady,
      originOf: (seq) => this.#escrow.originOf(seq),
      nameOf: (key) => admission.nameOf(key),
    });
    restoreCoordinator(records, views, admission, transactions);
    transactions.viewDecided();
    const escrow = this.#escrow = new Escrow(
      group,
      founding,
      keys,
      crypto,
      history,
      out,
      () => this.#changing.escrowGrew(),
    );
    this.#told = views.present?.epoch.value.start.position ?? escrow.log.position;
    const parts = {
      group,
      founding,
      keys,
      failAfterMs,
      signer,
      crypto,
      views,
      attendance,
      admission,
      escrow,
      out,
    };
    const changing = this.#changing = new ViewChangeCoordinator({
      ...parts,
      departures: () => this.#steering.departures,
      decided: ({ epoch: { value: { start } } }) => {
        this.#startsAt(start.position);
        transactions.viewDecided();
        this.#steering.decided();
      },
      mayGo: () => this.#steering.mayGo(),
      excludes: (keys) => this.#steering.excludes(keys),
      begins: () => transactions.viewChanges(),
      begunAt: (attendee) => {
        transactions.begunAt(attendee);
        this.#arriving.begunAt(attendee);
      },
    });
    const partings = this.#partings = new Partings(
      attendance,
      out,
      (attendee, reason) => this.#steering.parted(attendee, reason),
    );
    const told = () => this.#told;
    const relay = this.#relay = new DatagramRelay({
      views,
      attendance,
      out,
      randomBytes: (length) => environment.randomBytes(length),
      isOpen: config.takesDatagrams ?? false,
    });
    const arriving = this.#arriving = new Arriving({
      ...parts,
      places,
      changing,
      partings,
      relay,
      secrets: config.secrets ?? null,
      instances: config.instances ?? (() => []),
      told,
    });
    const states = this.#states = new GlobalStates({ ...parts, wallMs });
    this.#taking = new SnapshotInitiator({
      ...parts,
      key: signer.key,
      environment,
      incarnation,
      everyMs: config.snapshotEveryMs,
      wallMs,
      isSteady,
      hasSaid: (attendee) => states.hasSaid(attendee),
      consistent: () => states.consistent,
      decided: () => this.#transactions.decided,
      locks: () => this.#transactions.locks,
    });
    const { membersMax } = config;
    const { log } = environment;
    const historyGivenUp = () => transactions.historyGivenUp();
    this.#steering = new MembershipDecider({
      ...parts,
      membersMax,
      changing,
      partings,
      arriving,
      historyGivenUp,
      log,
    });
    const removed = (key: PeerKey) => this.#steering.removed(key);
    const allowed = (key: PeerKey) => this.#steering.allowed(key);
    const recovers = (attendee: Attendee, ref: string | undefined) =>
      this.#steering.recovers(attendee, ref);
    const { key } = signer;
    const rotation = () => this.#rotation();
    const actions = { removed, allowed, recovers, rotation };
    this.#judging = new EquivocationJudgement({ ...parts, removed, rotation });
    this.#operator = new Operator(key, views, attendance, admission, out, actions);
    this.#agenda = new Agenda([
      {
        nextMs: () => earliestMs(attendance.nextMs(), this.#beatAtMs),
        tick: (nowMs) => this.#listen(nowMs),
      },
      transactions,
      whenDue(() => changing.nextMs(), () => this.#awaitedLong()),
      this.#taking.deadlines,
      this.#steering,
      servedEachStep(() => states.nextMs()),
      servedEachStep(() => this.#leaving && Math.min(this.#leaving.tellMs, this.#leaving.dueMs)),
    ]);
  }

  /** Whether the member on this link is listed here. */
  #mayReceive(link: LinkId): boolean {
    const attendee = this.#attendance.on(link);
    return attendee !== null && isListed(this.#views, attendee);
  }

  #newGroup(): Group {
    const { environment, signer: { key: coordinator }, config: { edits, secrets } } = this;
    const nonce = environment.randomBytes(NONCE_BYTES);
    const founding = { coordinator, nonce, edits, private: Boolean(secrets) };
    return { group: groupIdOf(environment.crypto, founding), founding };
  }

  get group(): Hash {
    return this.#group.group;
  }

  get views(): Views {
    return this.#views;
  }

  /** The end of the log that is kept while nobody is in the group; null where there is none. */
  get history(): HistoryEnd | null {
    return this.#escrow.end;
  }

  /** The records of a compacted log: everything that it must hold, except the history. */
  snapshot(): Iterable<CoordinatorRecord> | null {
    return snapshotCoordinator(
      this.#group,
      this.#keys,
      this.#views,
      this.#admission,
      this.#transactions,
      this.config.secrets ?? null,
    );
  }

  step(input: CoordinatorInput, nowMs: number): readonly CoordinatorEffect[] {
    this.#out.begin(nowMs);
    if (this.#stopped) {
      // What waited for the disk is sent before we go.
      if (input.type === "persisted") this.#out.persisted(input.token);
      else if (input.type === "persist-failed") this.#persistFailed(input);
      return this.#out.take();
    }
    if (this.#out.clock.stalledMs > 0) this.#attendance.awoke(this.#out.nowMs);
    const isRelayed = input.type === "datagram" && !this.#relay.datagram(input.from, input.bytes);
    // Nothing else depends on what is relayed, and there may be thousands a second.
    if (isRelayed) return this.#out.take();
    this.#handle(input);
    if (!this.#stopped) this.#settle();
    if (!this.#stopped && this.#leaving !== null) this.#leaveInTime(this.#leaving);
    this.#out.clock.dueMs = this.#stopped ? null : this.#agenda.nextMs();
    return this.#out.take();
  }

  nextDeadlineMs(): number | null {
    return this.#out.clock.nextDeadlineMs();
  }

  /** Where others find us. */
  get #listening(): Endpoint {
    return this.config.announced?.() ?? this.config.listening;
  }

  #settle(): void {
    this.#steering.settle();
    this.#transactions.settle();
    this.#states.settle();
    this.#taking.settle();
    this.#states.tell();
  }

  #handle(input: CoordinatorInput): void {
    switch (input.type) {
      case "start":
        return this.#start();
      case "link-up":
        return this.#linkUp(input);
      case "link-down":
        return this.#linkDown(input);
      case "drained":
        return;
      case "datagram":
        this.#steering.isUnsettled = true; // all are told where it is now
        return;
      case "message":
        return this.#message(input.link, input.message);
      case "unknown-message":
        return this.#unknown(input.link, input.code);
      case "persisted":
        return this.#persisted(input.token);
      case "persist-failed":
        return this.#persistFailed(input);
      case "read":
        return this.#escrow.read(input.token, input.read);
      case "read-failed":
        return this.#endsFor(`The coordinator can't read the log: ${input.text}`);
      case "snapshot-kept":
        return this.#taking.kept(input.token, input);
      case "command":
        return this.#command(input.command, input.ref);
      case "tick":
        return this.#agenda.tick(this.#out.nowMs);
      default:
        return unreachable(input);
    }
  }

  #start(): void {
    const { secrets } = this.config;
    const fault = accessFault(this.#group.founding, Boolean(secrets));
    // Found out only now where members had to tell how the group was founded.
    if (fault !== null) return this.#stop({ kind: "fatal", code: "not-allowed", text: fault });
    // Persisted before anybody is told of these views: what this key signs has to count after we have another key.
    const { missing } = this.#keys;
    if (!this.#isFounded) this.#found(missing);
    else if (missing.length > 0) this.#out.store(...missing);
    this.#tellDropped();
    this.#pinMembers();
    for (const member of this.#views.members) {
      if (this.#admission.isOut(member.key)) continue; // it would be refused
      this.#attendance.put(expected(member, this.#out.nowMs));
      this.#beatSoon();
    }
    this.#out.show({
      event: "ready",
      command: "serve",
      ...this.#listening,
      key: fingerprintOf(this.signer.key),
      members: this.#views.members.map(({ name }) => name),
      ...(secrets ? { private: true } : {}),
    });
    this.#steering.isUnsettled = true;
    this.#taking.start();
  }

  #found(keys: readonly CoordinatorRecord[]): void {
    // The operator says so: a later start needn't ask any more what was there.
    const wasLost = this.config.records.some(({ kind }) => kind === "lost");
    if (wasLost) this.#out.store({ kind: "fresh" });
    this.#out.store({ kind: "group", ...this.#group }, ...keys);
  }

  /**
   * A view that was decided a moment before a crash may be on disk without the keys that were met in it: nobody else
   * is to come in under a name of its members. The keys of a confirmed view are there, unless the operator has
   * deleted them.
   */
  #pinMembers(): void {
    if (this.#views.isConfirmed) return;
    for (const { epoch: { value: { members } } } of this.#views.open.toReversed()) {
      for (const member of members) this.#admission.pin(member);
    }
  }

  #tellDropped(): void {
    if (this.#keys.dropped === 0) return;
    this.#out.warn(
      `This coordinator had more than ${FORMER_KEYS_MAX} other keys: edits that it decided under the ` +
        "first ones don't count any more, and nobody new takes over a log that has some",
    );
  }

  // Links.

  #linkUp(input: Extract<CoordinatorInput, { readonly type: "link-up" }>): void {
    const crowded = this.#attendance.linkUp(input, this.#out.nowMs);
    if (crowded !== null) this.#close(crowded, "too many wait to say hello");
  }

  #linkDown({ link: id, closed, reason }: Extract<CoordinatorInput, { type: "link-down" }>): void {
    this.#escrow.forget(id);
    this.#relay.linkDown(id);
    const link = this.#attendance.link(id);
    const attendee = this.#attendance.linkDown(id);
    if (attendee !== null) {
      if (closed && reason === DISK_GOODBYE) attendee.silentAtMs = this.#out.nowMs;
      this.#steering.unlinked(attendee);
    }
    if (link?.isLastOut) this.#steering.lastLinkDown(link.peer, closed);
  }

  #close(link: GroupLink, reason: string): void {
    link.greetByMs = Infinity;
    link.isLastOut = false;
    this.#out.close(link.id, reason);
  }

  #offends({ id, peer }: GroupLink, text: string): void {
    this.environment.log.warn("a member broke the rules", { key: fingerprintOf(peer), text });
    const attendee = this.#attendance.on(id);
    // Keys cost a stranger nothing: only of members the operator is told.
    const member = this.#views.member(peer);
    if (member !== null) {
      const name = shownName(member.name);
      const said = `${name} sent invalid data: nothing more from ${name} is accepted for a minute`;
      this.#out.show({ event: "error", code: "protocol", text: said, detail: text });
    }
    if (attendee !== null) this.#partings.gone(attendee, text);
    this.#out.push({ type: "ban", link: id, reason: text, durationMs: OFFENDER_BAN_MS });
  }

  #unknown(id: LinkId, code: number): void {
    const link = this.#attendance.link(id);
    if (link === null) return;
    this.#out.send(id, { type: "unknown", code });
    this.#countUnknown(link);
  }

  #countUnknown(link: GroupLink): void {
    const fault = link.unknownMessages.fault(this.#out.nowMs);
    if (fault !== null) this.#offends(link, fault);
  }

  #message(id: LinkId, message: GroupMessage): void {
    const link = this.#attendance.link(id);
    if (link === null || link.isUninvited) return;
    if (message.type === "unknown") return this.#countUnknown(link);
    const isFetched = message.type === "history" && this.#escrow.fetchesFrom(id);
    // Who was never a member has nothing to say about edits.
    const isStranger = !this.#views.wasMember(link.peer);
    if (!isFetched && !bucketOf(link, message, isStranger).take(this.#out.nowMs)) {
      return this.#offends(link, "too many messages");
    }
    const attendee = this.#attendance.on(id) ?? this.#arriving.answered(link);
    if (message.type === "hello" && attendee === null) {
      this.#arriving.hello(link, message);
      this.#beatSoon();
      this.#steering.isUnsettled = true;
      return;
    }
    if (attendee !== null) return this.#attends(attendee, link, message);
    // A member that was sent out may have said this before it knew.
    if (!link.isGreeted) this.#offends(link, `${message.type} before hello`);
  }

  #attends(attendee: Attendee, link: GroupLink, message: GroupMessage): void {
    this.#attendance.heard(attendee, this.#out.nowMs);
    const fault = this.#said(attendee, link.id, message);
    if (fault !== null) this.#offends(link, fault);
  }

  /** @returns What is wrong with the message; null where nothing is. */
  #said(attendee: Attendee, link: LinkId, message: GroupMessage): string | null {
    switch (message.type) {
      case "alive":
        if (message.end.position !== attendee.end?.position) {
          attendee.progressAtMs = this.#out.nowMs;
          attendee.fruitless.clear();
        }
        attendee.end = message.end;
        attendee.seq = message.seq;
        return null;
      case "heard":
        attendee.hears = new Set(message.peers);
        if (attendee.wasCaughtUp === null) attendee.isCaughtUp = message.isCaughtUp;
        attendee.showsJoining = new Set(message.joining);
        attendee.knowsLeft = new Set(message.left);
        this.#steering.heard(attendee);
        return null;
      case "report":
        this.#steering.isUnsettled ||= this.#changing.isParticipant(attendee.key);
        return this.#changing.reported(attendee, message);
      case "outdone":
        this.#steering.isUnsettled ||= this.#changing.isParticipant(attendee.key);
        return this.#changing.outdone(attendee, message);
      case "ready":
        this.#changing.ready(attendee, message);
        return null;
      case "begun":
        if (isSameBallot(message.ballot, this.#views.ballot)) this.#changing.begun(attendee);
        return null;
      case "leave":
        this.#transactions.leaves(attendee);
        this.#steering.leaves(attendee);
        return null;
      case "fetch":
        this.#escrow.fetch(link, message);
        return null;
      case "history":
        return this.#escrow.history(link, message);
      case "unlike":
        return this.#escrow.unlike(link, message);
      case "entries":
        return this.#entries(attendee, message);
      case "edit":
        return this.#transactions.edit(attendee, message);
      case "vote":
        this.#transactions.vote(attendee, message);
        return null;
      case "committed":
        return this.#transactions.committed(message);
      case "applied":
        this.#transactions.applied(attendee, message);
        return null;
      case "impossible":
        this.#transactions.impossible(attendee, message);
        return null;
      case "inquire":
        this.#transactions.inquire(attendee, message);
        return null;
      case "fetched":
        this.#steering.fetched(attendee, message.entries);
        return null;
      case "equivocated":
        return this.#judging.equivocated(message);
      case "state":
        return this.#states.said(attendee, message);
      case "marker":
        this.#taking.marker(attendee, message);
        return null;
      case "recorded":
        return this.#taking.recorded(attendee, message);
      case "snapshot-over":
        this.#taking.over(attendee, message);
        return null;
      case "account": // late: the group goes on
        return null;
      case "hello":
        return "hello twice";
      default:
        return `${message.type} isn't for the coordinator`;
    }
  }

  /**
   * The sequencer reports new entries; after the sequencer has changed, some are reported twice. @returns What is
   * wrong with the message; null where nothing is.
   */
  #entries(attendee: Attendee, message: GroupMessageOf<"entries">): string | null {
    const { after, through, seq, entries } = message;
    // Each entry takes a place, as edits do.
    if (through - after < entries.length || seq > after + 1) {
      return "it tells of entries that can't be";
    }
    this.#taking.entries(attendee, message);
    if (this.#views.members[0]?.key !== attendee.key) return null; // the sender was the sequencer, or lies
    if (after > this.#told || through <= this.#told) return null;
    this.#told = attendee.told = through;
    for (const [index, { id, author, name: from }] of entries.entries()) {
      if (seq + index <= this.#toldSeq) continue;
      this.#toldSeq = seq + index;
      const key = fingerprintOf(author);
      this.#out.show({ event: "entry", seq: this.#toldSeq, id: id.toHex(), from, key });
    }
    return null;
  }

  /**
   * A view was decided: each member has all the entries that we were told of, unless they were given up; then others
   * take their places.
   */
  #startsAt(position: number): void {
    if (position >= this.#told) return;
    this.#told = position;
    this.#toldSeq = 0;
  }

  // Time, the disk, the user.

  #beatSoon(): void {
    this.#beatAtMs = earliestMs(this.#beatAtMs, this.#out.nowMs + HEARTBEAT_MS);
  }

  /** A disk that sleeps, or is far away, isn't the members' fault. */
  get #isHeldUp(): boolean {
    return this.#out.waitingMs > DISK_MS_MAX;
  }

  /** Parts with links and attendees that are silent, and asks the others for a sign of life. */
  #listen(nowMs: number): void {
    for (const link of this.#attendance.ungreeted(nowMs)) {
      // The welcome, or the word that it is out, which the link is to answer, waits for the disk, too.
      if (this.#isHeldUp && link.isGreeted) link.greetByMs = nowMs + WAIT_MS_MAX;
      else this.#close(link, "no hello came");
    }
    const { isHurried } = this.#changing;
    const { silent, probe } = this.#attendance.takeDue(nowMs, isHurried, this.#isHeldUp);
    for (const attendee of silent) this.#partings.gone(attendee, this.#silenceText(attendee));
    if (silent.length > 0) this.#awaitAll();
    const isBeat = this.#beatAtMs !== null && this.#beatAtMs <= nowMs;
    for (const { link } of isBeat ? this.#attendance.here : probe) {
      if (link !== null) this.#out.send(link, { type: "probe" });
    }
    if (!isBeat) return;
    this.#arriving.tellInstances();
    // Also while all are away for a moment: these beats show us when we have stood still.
    this.#beatAtMs = this.#attendance.isAnybodyAwaited ? nowMs + HEARTBEAT_MS : null;
  }

  /**
   * Where nobody of several is left, it is our own way to them that fails, while their chat goes on: once the first one
   * is back, the others have as much time to come as after our restart.
   */
  #awaitAll(): void {
    const { members } = this.#views;
    if (members.length < 2 || this.#attendance.here.length > 0) return;
    this.#wasCutOff = true;
    for (const member of members) {
      if (this.#attendance.get(member.key) !== null || this.#admission.isOut(member.key)) continue;
      this.#attendance.put(expected(member, this.#out.nowMs));
    }
  }

  #silenceText({ heardAtMs }: Attendee): string {
    if (heardAtMs > -Infinity) return "no answer";
    const since = this.#wasCutOff
      ? "nobody answered the coordinator"
      : "the coordinator was started";
    return `no answer since ${since}`;
  }

  #awaitedLong(): void {
    if (this.#isHeldUp) this.#changing.postpone(WAIT_MS_MAX);
    else this.#steering.excludeAwaited();
  }

  #persisted(token: number): void {
    this.#isRefused = false;
    if (this.#isHeldUp) this.#attendance.wasHeldUp(this.#out.nowMs);
    // What the members were last told may have gone out just before the disk stalled.
    const isLong = this.#out.waitingMs >= COORDINATOR_SILENT_MS - HEARTBEAT_MS;
    if (isLong) {
      this.#attendance.diskAnswers(this.#out.nowMs);
      this.#changing.diskAnswers();
    }
    this.#out.persisted(token);
  }

  /**
   * Our decisions are in memory before they are on disk, and it isn't known whether the disk has part of a refused
   * write: only a new start from what is on disk goes on with the same state as before. A note is different: it is
   * found out again.
   */
  #persistFailed({ token, text }: Extract<CoordinatorInput, { type: "persist-failed" }>): void {
    if (token !== null) {
      return this.#endsFor(`The coordinator can't store what it decides: ${text}`);
    }
    if (this.#isRefused || this.#stopped) return;
    this.#isRefused = true;
    this.#out.error("disk", `The coordinator goes on until it must store a decision: ${text}`);
  }

  #endsFor(text: string): void {
    this.#stop({ kind: "fatal", code: "disk", text });
  }

  #stop(outcome: Extract<CoordinatorEffect, { readonly type: "stop" }>["outcome"]): void {
    this.#stopped = true;
    if (outcome.kind === "bye") this.#out.push({ type: "stop", outcome });
    else this.#out.stop({ type: "stop", outcome });
  }

  #command(command: CoordinatorCommand, ref: string | undefined): void {
    switch (command.command) {
      case "list":
        return this.#out.show(membersView(this.#facts()), ref);
      case "status":
        return this.#out.show(statusView(this.#facts()), ref);
      case "edits":
        return this.#out.show(this.#transactions.view(), ref);
      case "states":
        return this.#out.show(this.#states.view(command.seq), ref);
      case "snapshot":
        return this.#taking.ask(ref);
      case "snapshots":
        return this.#out.push({ type: "show-snapshots", ref });
      case "invite":
        return this.#invite(command, ref);
      case "remove":
        return this.#operator.remove(command.name, ref);
      case "allow":
        return this.#operator.allow(command.name, ref);
      case "recover":
        return this.#operator.recover(command.name, ref);
      case "trust":
        return this.#operator.trust(command.name, ref);
      case "refuse":
        return this.#operator.refuse(command.name, command.key);
      case "unrefuse":
        return this.#admission.unrefuse(command.name, command.key);
      case "verify":
        return this.#operator.verify(command, ref);
      case "whois":
        return this.#operator.whois(command.name, this.#listening, ref);
      case "quit":
        return this.#leaveSoon(ref);
      default:
        return unreachable(command);
    }
  }

  // The invite.

  #invite(
    { rotate, as }: Extract<CoordinatorCommand, { readonly command: "invite" }>,
    ref: string | undefined,
  ): void {
    if (rotate) {
      const rotation = this.#rotation();
      if (rotation === null) return this.#out.error("not-allowed", NOTHING_TO_ROTATE, ref);
      this.#out.store(...rotation.records);
      rotation.tell();
    }
    const { config: { secrets }, signer: { key } } = this;
    this.#out.show(inviteView(key, secrets?.current ?? null, this.#listening, as), ref);
    if (rotate) this.#out.notice(ROTATED, ref);
  }

  /** Another secret, which counts at once; null in an open group. */
  #rotation(): Rotation | null {
    const { config: { secrets }, environment } = this;
    if (!secrets) return null;
    const records = [secrets.rotate((length) => environment.randomBytes(length))];
    return { records, tell: () => this.#tellSecret(secrets.current!) };
  }

  /**
   * Those who stay are told the secret. Whoever isn't a member, or hasn't been one, came with an invite that is void:
   * nothing more is heard of it, and it isn't told.
   */
  #tellSecret(secret: GroupSecret): void {
    for (const link of this.#attendance.links) {
      const { id, peer } = link;
      if (this.#admission.isOut(peer)) continue; // it is parted with
      if (this.#views.wasMember(peer)) {
        if (link.isGreeted) this.#out.send(id, { type: "secret", secret });
        continue;
      }
      link.isUninvited = true;
      const attendee = this.#attendance.on(id);
      if (attendee === null) this.#close(link, VOID_INVITE);
      else this.#partings.gone(attendee, VOID_INVITE);
    }
  }

  /** Ends us soon: what the operator asked for is answered first. */
  #leaveSoon(ref: string | undefined): void {
    if (this.#leaving !== null) return;
    const { nowMs } = this.#out;
    this.#leaving = { ref, tellMs: nowMs + LEAVE_UNTOLD_MS, dueMs: nowMs + LEAVE_MS_MAX };
  }

  #leaveInTime(leaving: Leaving): void {
    const { ref, tellMs, dueMs } = leaving;
    if (!this.#taking.isAwaited || this.#out.nowMs >= dueMs) return this.#leave(ref);
    if (this.#out.nowMs < tellMs) return;
    leaving.tellMs = Infinity;
    const seconds = Math.ceil((dueMs - this.#out.nowMs) / 1_000);
    this.#out.notice(`Leaving when the snapshot is taken, or in ${seconds} s`, ref);
  }

  /**
   * Ends this coordinator because its disk is old, and another one leads the group: whoever asked for a snapshot is
   * told, and an operator who is ending it waits no longer. @returns The effects, and whether it has ended.
   */
  giveWay(
    nowMs: number,
  ): { readonly effects: readonly CoordinatorEffect[]; readonly isOver: boolean } {
    this.#out.begin(nowMs);
    const leaving = this.#leaving;
    if (leaving === null) this.#taking.end("the coordinator's disk is old");
    else this.#leave(leaving.ref);
    return { effects: this.#out.take(), isOver: leaving !== null };
  }

  /** Ends: members see that we are gone, and go on. */
  #leave(ref: string | undefined): void {
    this.#taking.end("the coordinator ends");
    for (const { id } of this.#attendance.links) {
      this.#out.close(id, COORDINATOR_GOODBYE);
    }
    this.#stop({ kind: "bye", reason: "quit", ref });
  }

  #facts(): CoordinatorFacts {
    const { members } = this.#views;
    // While the group has no members, its log is the one we keep.
    const seqs = members.length === 0
      ? [this.history?.seq ?? 0]
      : members.map(({ key }) => this.#attendance.get(key)?.seq ?? 0);
    return {
      key: this.signer.key,
      group: this.group,
      listening: this.config.listening,
      views: this.#views,
      attendance: this.#attendance,
      told: Math.max(this.#toldSeq, ...seqs),
      lacking: awaitedOf(this.#views, this.#attendance.here),
      awaited: this.#changing.awaited,
      instances: this.config.instances?.() ?? [],
    };
  }
}

const NOTHING_TO_ROTATE =
  "Cannot rotate the invite: this group is open, anybody may join; to have a " +
  "private one, end this one and start with --private --new";

const ROTATED =
  "This is the group's invite from now on: older invites no longer admit newcomers; " +
  "members can still come back";

/** Part of a sentence. */
function bucketOf(
  { fetches, edits, bucket }: GroupLink,
  { type }: GroupMessage,
  isStranger: boolean,
): TokenBucket {
  switch (type) {
    case "fetch":
      return fetches;
    case "edit":
    case "vote":
    case "committed":
    case "applied":
    case "impossible":
    case "inquire":
      return isStranger ? bucket : edits;
    default:
      return bucket;
  }
}
