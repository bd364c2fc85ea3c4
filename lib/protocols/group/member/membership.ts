/**
 * A member within its group: what it holds, the epoch it is in, and what other members and the coordinator say. There
 * is one for as long as the group is the same.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Crypto, Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { Hash, PeerKey, RequestId } from "../../../base/ids.ts";
import { inWords } from "../../../base/text/words.ts";
import {
  type Ballot,
  ballotText,
  type Epoch,
  isSameBallot,
  type SignedEpoch,
} from "../schema/epoch.ts";
import { CatchingUp, type Source } from "../catch_up/catching_up.ts";
import { type ConsentedEnd, consentFault, type Voters } from "../identity/consents.ts";
import { EquivocationDetection } from "../views/equivocation_detection.ts";
import type { Agreed, SignedEditRequest } from "../schema/edit.ts";
import type { Editing } from "../edits/editing.ts";
import { type Rules, rulesAt } from "../schema/founding.ts";
import {
  type EntryLookups,
  type HeldBatch,
  type HeldBatches,
  logRecord,
} from "../log/held_batches.ts";
import type { HistoryPoint, SignedBatch } from "../schema/history.ts";
import { Inquiring } from "../edits/inquiring.ts";
import { ViewChangeLeader } from "../views/view_change_leader.ts";
import {
  LAGGING_AGAIN_MS,
  LAGGING_MS_MAX,
  LOCKS_MAX,
  OFFENDER_BAN_MS,
  REMEMBERED_MAX,
} from "../schema/limits.ts";
import type { HistoryRead } from "../schema/member_io.ts";
import type { MemberNames } from "../identity/member_names.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { GroupMessage, GroupMessageOf } from "../schema/messages.ts";
import { Sequencing } from "../log/sequencing.ts";
import { type Leader, ViewChangeParticipant } from "../views/view_change_participant.ts";
import type { EpochMessage, Peers } from "../detector/peers.ts";
import type { MemberRecord, PreparedRecord } from "../schema/records.ts";
import { LeaderlessRounds } from "../views/leaderless_rounds.ts";
import type { Dropped, SaidThrough, Self, SendQueue } from "../log/send_queue.ts";
import { EntryDelivery } from "../log/entry_delivery.ts";
import type { Promises } from "../log/promises.ts";
import { type Reads, Supplier } from "../catch_up/supplying.ts";
import { OrderReport } from "../catch_up/order_report.ts";
import { SnapshotProcess } from "../snapshot/snapshot_process.ts";
import { Reporting } from "../states/reporting.ts";
import { type Aborted, EditParticipant } from "../edits/edit_participant.ts";

/** Views whose members are remembered: a decision is put in order in the view that made it, or soon after. */
const VOTERS_KEPT_MAX = 64;

/** A warning. @param edits Numbers of edits. */
export function misusedText(edits: readonly number[]): string {
  const what = edits.length === 1 ? "Edit" : "Edits";
  const says = edits.length === 1 ? "says" : "say";
  return `${what} ${
    inWords(edits.map(String))
  } ${says} that you agreed, and you didn't: the coordinator lies, or ` +
    "somebody else uses a copy of this profile";
}

/** What a membership shares with the whole member. */
interface MembershipOwner {
  readonly self: Self & { readonly key: PeerKey };
  readonly signer: Signer;
  readonly environment: Environment;
  readonly out: MemberOutput;
  /** Pending questions to the log. */
  readonly reads: Reads;
  readonly looks: EntryLookups;
  readonly peers: Peers;
  readonly saying: SendQueue;
  readonly names: MemberNames;
  readonly standing: Promises;
  /** Whether the coordinator has let this process in, and is there. */
  readonly isCoordinatorUp: boolean;
  /** The coordinator is known to be away. */
  readonly isCoordinatorDown: boolean;
  /** The user was told that nothing goes on: what they write is kept on disk at once. */
  readonly isStalled: boolean;
  toCoordinator(message: GroupMessage): void;
  /** The coordinator broke a rule. */
  coordinatorOffends(text: string): void;
  /** The members that we hear, or whether we are caught up, may have changed. */
  heardChanged(): void;
  /** A new epoch: its members are to be met before anything is sent to them. */
  epochBegan(epoch: Epoch): void;
  /** One of our own texts became an entry. */
  progress(): void;
  /** A round without the coordinator may be needed. */
  stuck(): void;
  /** Edits that our user asks for. */
  readonly editing: Editing;
  /** The outcome of an edit is known: it is in the log (null), or aborted. */
  edited(id: RequestId, aborted: Aborted | null): void;
  askedAnew(id: RequestId): void;
  /** `partLaggards` is to be called after this time. */
  waits(delayMs: number): void;
  /** `inquiring.tick` is to be called after this time. */
  inquiriesDue(delayMs: number): void;
  /** `contests.tick` is to be called after this time. */
  contestsDue(delayMs: number): void;
  /** `reporting.tick` is to be called after this time. */
  reportsLater(delayMs: number): void;
}

export class Membership {
  readonly group: Hash;
  readonly crypto: Crypto;
  readonly voting: EditParticipant;
  readonly inquiring: Inquiring;
  readonly supplier: Supplier<Source>;
  readonly telling: OrderReport;
  readonly participating: ViewChangeParticipant;
  readonly catchingUp: CatchingUp;
  readonly leading: ViewChangeLeader;
  readonly rounds: LeaderlessRounds;
  readonly showing: EntryDelivery;
  /** Where our log ends, for the coordinator; like `cutPart` it changes nothing in the member. */
  readonly reporting: Reporting;
  /** Our part in the coordinator's snapshots. */
  readonly cutPart: SnapshotProcess;
  readonly contests: EquivocationDetection;
  readonly hearing: Hearing;
  ordering: Sequencing | null = null;
  /** The epoch that this process is in; null while in none. */
  epoch: SignedEpoch | null = null;
  /** Everything that was stable at the source of our history is in our log. */
  isCaughtUp = false;
  /** Members whose history differs from ours, since the present epoch began. */
  readonly #differing = new Set<PeerKey>();
  #isPumping = false;
  /** Numbers of edits to which our user has agreed according to a decision, and hasn't. */
  readonly misusedFor = new Set<number>();
  /** The members of the latest views that we were in, by number, since we were out last: those that vote in them. */
  readonly #voters = new Map<number, readonly PeerKey[]>();
  /**
   * Number of entries that we had before the rest was fetched; null where nothing was fetched since the last epoch.
   */
  #seqBefore: number | null = null;

  /** @param prepared Edits that this disk has agreed to. */
  constructor(
    readonly owner: MembershipOwner,
    group: Hash,
    readonly held: HeldBatches,
    prepared: readonly PreparedRecord[],
  ) {
    this.group = group;
    this.crypto = owner.environment.crypto;
    this.voting = new EditParticipant(this, prepared);
    this.inquiring = new Inquiring(this);
    const supply = {
      get log(): HistoryPoint {
        return held.log;
      },
      get held(): HistoryPoint {
        return held.synced;
      },
      heldAfter: (position: number): HistoryRead | null => held.after(position),
      isCongested: (asker: Source) => asker !== null && owner.peers.isCongested(asker),
      answer: (asker: Source, message: GroupMessage) => this.answer(asker, message),
    };
    this.supplier = new Supplier<Source>(supply, owner.reads);
    this.showing = new EntryDelivery(owner);
    this.participating = new ViewChangeParticipant(this);
    this.catchingUp = new CatchingUp(this);
    this.leading = new ViewChangeLeader(this);
    this.rounds = new LeaderlessRounds(this);
    this.telling = new OrderReport(this);
    this.reporting = new Reporting(this);
    this.cutPart = new SnapshotProcess(this);
    this.contests = new EquivocationDetection(this);
    this.hearing = new Hearing(this);
  }

  get self(): MembershipOwner["self"] {
    return this.owner.self;
  }

  get selfKey(): PeerKey {
    return this.owner.self.key;
  }

  get standing(): Promises {
    return this.owner.standing;
  }

  get out(): MemberOutput {
    return this.owner.out;
  }

  get reads(): Reads {
    return this.owner.reads;
  }

  get looks(): EntryLookups {
    return this.owner.looks;
  }

  get coordinator(): PeerKey | null {
    return this.standing.coordinator;
  }

  mayDecide(key: PeerKey): boolean {
    return this.standing.mayDecide(key);
  }

  get view(): SignedEpoch | null {
    const { view } = this.standing;
    return view?.epoch.value.view === this.epoch?.epoch.value.view ? view : null;
  }

  /** The rules in force at the end of what is held; null before the group is known. */
  get rules(): Rules | null {
    const { founding } = this.standing;
    return founding && rulesAt(founding, this.held);
  }

  /**
   * Why the consents that a decision brings aren't those that the rules need; null where they are, and for texts. Our
   * user is told where a consent of its own is forged.
   * @param end The history before the decision.
   */
  consentFault(signed: SignedBatch, end: ConsentedEnd = this.held): string | null {
    const { founding } = this.standing;
    const { kind, edits } = signed.batch.value;
    if (kind !== "edits" || founding === null) return null;
    const votersOf = (view: number) => this.#votersOf(view);
    const fault = consentFault(this.crypto, founding, end, signed, votersOf);
    const isOwn = ({ key }: Agreed) => key === this.selfKey;
    if (fault?.forged.includes(this.selfKey)) {
      this.misused(edits.filter(({ agreed }) => agreed.some(isOwn)).map(({ edit }) => edit));
    }
    return fault?.text ?? null;
  }

  /** A view that voted had begun at all its members: while we were never out, there is none that we don't know. */
  #votersOf(view: number): Voters {
    const [first = Infinity] = this.#voters.keys();
    return this.#voters.get(view) ?? (view < first ? "unknown" : "none");
  }

  get signer(): Signer {
    return this.owner.signer;
  }

  get heard(): readonly PeerKey[] {
    return this.owner.peers.heard();
  }

  get names(): MemberNames {
    return this.owner.names;
  }

  readonly isKnownRequest = (signed: SignedEditRequest): boolean => this.voting.isKnown(signed);

  /** The members of the epoch. */
  get present(): readonly PeerKey[] {
    return (this.ordering?.epoch.members ?? []).map(({ key }) => key);
  }

  /** Names of the other members of the epoch. */
  get others(): readonly string[] {
    return (this.ordering?.others ?? []).map((key) => this.names.of(key));
  }

  get isCoordinatorUp(): boolean {
    return this.owner.isCoordinatorUp;
  }

  get environment(): Environment {
    return this.owner.environment;
  }

  /** Of the present epoch; null while in none. */
  get ballot(): Ballot | null {
    return this.epoch?.epoch.value.ballot ?? null;
  }

  get loggedTexts(): number {
    return this.owner.saying.loggedTexts;
  }

  get tellings(): number {
    return this.telling.messages;
  }

  get locks(): readonly number[] {
    return this.voting.locks.slice(0, LOCKS_MAX);
  }

  reportsLater(delayMs: number): void {
    this.owner.reportsLater(delayMs);
  }

  get editing(): Editing {
    return this.owner.editing;
  }

  inquiriesDue(delayMs: number): void {
    this.owner.inquiriesDue(delayMs);
  }

  wallMs(): number {
    return this.owner.environment.wallMs();
  }

  coordinatorOffends(text: string): void {
    this.owner.coordinatorOffends(text);
  }

  edited(id: RequestId, aborted: Aborted | null): void {
    this.owner.edited(id, aborted);
  }

  askedAnew(id: RequestId): void {
    this.owner.askedAnew(id);
  }

  misused(edits: readonly number[]): void {
    const news = edits.filter((edit) => !this.misusedFor.has(edit));
    if (news.length === 0) return;
    for (const edit of news) this.misusedFor.add(edit);
    dropOldest(this.misusedFor, REMEMBERED_MAX);
    this.out.warn(misusedText(news));
  }

  locksChanged(): void {
    this.reporting.changed();
  }

  get mayTell(): boolean {
    return this.owner.isCoordinatorUp && this.ordering !== null && this.ordering.isSequencer;
  }

  get peers(): Peers {
    return this.owner.peers;
  }

  get roundView(): Epoch | null {
    return this.rounds.view;
  }

  get laterView(): SignedEpoch | null {
    return this.rounds.laterView;
  }

  get isCoordinatorDown(): boolean {
    return this.owner.isCoordinatorDown;
  }

  /** A round without the coordinator may be needed. */
  stuck(): void {
    this.owner.stuck();
  }

  send(message: GroupMessageOf<"entries">): void {
    this.owner.toCoordinator(message);
  }

  toCoordinator(message: GroupMessage): void {
    this.owner.toCoordinator(message);
  }

  received(member: PeerKey, signed: SignedBatch): void {
    this.cutPart.received(member, signed);
  }

  ask(source: Source, message: GroupMessageOf<"fetch">): void {
    this.answer(source, message);
  }

  /** Sends to the coordinator (null), to a member, or to ourselves where we lead. */
  answer(to: Leader, message: GroupMessage): void {
    if (to === null) this.owner.toCoordinator(message);
    else if (to === this.selfKey) this.hearing.toLeading(to, message);
    else this.out.tell([to], message);
  }

  // What is said.

  /** Sends what may be sent now. */
  pump(): void {
    const { ordering } = this;
    if (this.#isPumping) return;
    if (ordering === null || ordering.isFrozen) {
      const mustKeep = this.owner.isStalled || ordering === null;
      if (mustKeep) this.out.note(...this.owner.saying.keep(this.group));
      return;
    }
    this.#isPumping = true;
    for (const signed of this.owner.saying.next(this.group, this.owner.isStalled)) {
      ordering.say(signed);
    }
    this.#isPumping = false;
  }

  stored({ signed }: HeldBatch): void {
    if (!this.#isOwn(signed)) return;
    this.owner.saying.stored(signed);
    this.pump();
  }

  #isOwn({ batch: { value } }: SignedBatch): boolean {
    return value.author === this.selfKey && value.incarnation.toHex() === this.self.incarnationId;
  }

  /** All members have these on disk. */
  stable(batches: readonly HeldBatch[]): void {
    this.out.note(...batches.map(logRecord));
    this.logged(batches);
    this.pump();
  }

  logged(batches: readonly HeldBatch[]): void {
    for (const batch of batches) {
      const isOwn = this.#isOwn(batch.signed);
      this.showing.show(
        batch,
        isOwn ? this.owner.saying.logged(batch.signed) : this.#editRefs(batch),
        this.standing.founding,
      );
      if (isOwn) this.owner.progress();
    }
    this.voting.logged(batches);
    this.telling.logged(batches);
    this.reporting.logged(batches);
  }

  #editRefs({ edits }: HeldBatch): readonly (string | undefined)[] {
    return edits.map(({ edit }) => this.editing.placed(edit) ?? this.voting.refOf(edit));
  }

  // Epochs.

  freeze(): void {
    this.cutPart.lost();
    this.ordering?.freeze();
    this.catchingUp.stop();
  }

  becomeMember(ballot: Ballot): readonly MemberRecord[] {
    const { held, selfKey, owner: { saying } } = this;
    const known = held.everThrough(selfKey, this.self.incarnationId);
    const before: MemberRecord[] = [];
    if (this.standing.isRecovering && saying.isBeyond(known)) {
      saying.goOnAfter(known);
      before.push(this.standing.lostRecord());
    }
    // Also of an incarnation that later ones of ours followed: another copy of this disk may have been used
    // meanwhile.
    const throughOf = (incarnation: string) => held.everThrough(selfKey, incarnation);
    const isOutdated = this.#isDiskOutdated;
    const { records, dropped } = saying.becomeMember(this.group, ballot, throughOf, isOutdated);
    this.#tellDropped(dropped);
    return [...before, ...records];
  }

  #tellDropped({ texts, refs }: Dropped): void {
    if (texts === 0) return;
    for (const ref of refs) {
      const text = "This wasn't said: another copy of this profile may have said it";
      this.out.error("not-allowed", text, ref);
    }
    this.out.warn(
      `Another copy of this profile was in the group since: ${texts} unsent messages of this ` +
        "one aren't sent, as it may have sent them",
    );
  }

  /**
   * Whether a process of ours that our disk doesn't know of has spoken since the last epoch that the disk knows, even
   * where what was held then is lost: that process may have said what this disk has as unsent.
   */
  get #isDiskOutdated(): boolean {
    const begun = this.standing.begun?.epoch.value ?? null;
    // No process that the disk knows of was ever in a view.
    if (begun === null) return this.held.hasSpokenAs(this.selfKey, this.standing.starts);
    const own = begun.members.find(({ key }) => key === this.selfKey);
    const spoken = this.held.lastSpoken(this.selfKey);
    if (own === undefined || spoken === null) return false;
    return spoken.incarnation !== own.incarnation.toHex() && spoken.since >= begun.start.position;
  }

  begun(signed: SignedEpoch): void {
    const epoch = signed.epoch.value;
    const { held, out } = this;
    this.cutPart.lost();
    this.epoch = signed;
    this.#voters.set(epoch.view, epoch.members.map(({ key }) => key));
    dropOldest(this.#voters, VOTERS_KEPT_MAX);
    this.rounds.forget();
    this.#differing.clear();
    this.contests.begun(epoch);
    this.leading.abandon();
    this.isCaughtUp = true;
    this.showing.startedAt(epoch.start.position);
    // Shown before the view: in the log, what was said in the view before stands before this one's start, at all members,
    // and so the last words of somebody come before the line that says how they went.
    const stable: HeldBatch[] = [];
    while (held.first !== null) stable.push(held.shift());
    out.note(...stable.map(logRecord));
    this.logged(stable);
    this.catchingUp.over();
    this.owner.saying.restart(epoch.ballot);
    this.ordering = new Sequencing(epoch, this);
    this.owner.peers.enterEpoch(epoch.ballot);
    this.owner.epochBegan(epoch);
    for (const { key, isCongested } of this.owner.peers.all()) {
      if (isCongested) this.ordering.congested(key, true);
    }
    out.tell(this.ordering.others, { type: "begin", signed });
    this.owner.toCoordinator({ type: "begun", ballot: epoch.ballot });
    if (this.#seqBefore !== null) {
      this.owner.toCoordinator({ type: "fetched", entries: held.logSeq - this.#seqBefore });
      this.#seqBefore = null;
    }
    this.owner.heardChanged();
    if (this.participating.isUnderWay) return this.ordering.freeze();
    this.voting.begun();
    this.pump();
    this.telling.more();
    this.reporting.changed();
    this.#heedWaiting(this.ordering);
  }

  /** Handles what members said in this epoch before it began here. */
  #heedWaiting(ordering: Sequencing): void {
    for (const { key } of ordering.epoch.members) {
      const peer = this.owner.peers.get(key);
      if (peer?.begun === null || peer === null) continue;
      if (!isSameBallot(peer.begun, ordering.epoch.ballot)) continue;
      for (const message of this.owner.peers.takeWaiting(peer)) {
        this.hearing.fromMember(key, message);
      }
    }
  }

  waits(): void {
    this.owner.waits(LAGGING_MS_MAX);
  }

  contestsDue(delayMs: number): void {
    this.owner.contestsDue(delayMs);
  }

  disagrees(member: PeerKey, position: number): void {
    const epoch = this.epoch === null ? "" : ballotText(this.epoch.epoch.value.ballot);
    this.owner.environment.log.warn("acknowledgements differ", { key: member, position, epoch });
    this.contests.disagrees(member, position);
  }

  /**
   * Members that are there and do nothing mustn't hold up the others: the coordinator leaves them out, unless they go
   * on at once.
   */
  partLaggards(): void {
    const { ordering, owner: { peers, names, out } } = this;
    if (ordering === null || ordering.isFrozen || !this.owner.isCoordinatorUp) return;
    const { keys, nextMs } = ordering.takeLaggards();
    for (const key of peers.setLagging(keys)) {
      out.warn(
        `${names.written(key)} takes in nothing that is written: the coordinator is told so`,
      );
    }
    if (nextMs !== null) this.owner.waits(nextMs - out.nowMs);
    if (keys.length > 0) this.owner.waits(LAGGING_AGAIN_MS);
    this.owner.heardChanged();
  }

  /** We are in no view any more. */
  goOut(): void {
    this.catchingUp.stop();
    this.participating.abandon();
    this.#leaveEpoch();
    this.standing.isOut = true;
    this.#voters.clear();
    this.voting.goOut();
    this.out.store({ kind: "out" });
  }

  #leaveEpoch(): void {
    this.cutPart.lost();
    this.ordering?.freeze();
    this.ordering = null;
    this.epoch = null;
    this.contests.begun(null);
    this.rounds.forget();
    this.leading.abandon();
    this.isCaughtUp = false;
    this.owner.peers.enterEpoch(null);
  }

  /**
   * Whether our log may be set aside. A member of a view holds what the group has: whoever says otherwise may be
   * wrong, or lie, and the coordinator finds that out. A newcomer's log, though, may come from a view that was given
   * up, or from elsewhere.
   */
  get maySetAside(): boolean {
    const { begun, isOut, isLost } = this.standing;
    return begun === null || isOut || isLost;
  }

  /** Our log can't go on as the group's: it is set aside, and with it everything that this disk has a say in. */
  startAnew(): void {
    this.out.warn(
      "The log of this profile isn't the beginning of the group's: it is set aside, and fetched anew",
    );
    const { group, standing, out, held } = this;
    this.#leaveEpoch();
    const { position } = held.log;
    held.truncate(position);
    const givenUp = this.#saidThrough();
    standing.lose();
    if (givenUp.through > 0) out.store({ kind: "dropped", position, givenUp: givenUp.through });
    out.store(
      standing.lostRecord(),
      { kind: "new-log", founding: standing.founding!, because: "unlike" },
    );
    this.owner.saying.startAnew(group, givenUp);
    this.editing.startAnew();
    this.voting.startAnew();
    this.#beginAnew(null);
  }

  /**
   * What the history has of our process whose epoch began last: nothing, if the history may be of another than that
   * epoch.
   */
  #saidThrough(): SaidThrough {
    const { standing: { begun, isLost }, selfKey } = this;
    const own = begun?.epoch.value.members.find(({ key }) => key === selfKey);
    const incarnation = own?.incarnation.toHex() ?? "";
    return { incarnation, through: isLost ? 0 : this.held.everThrough(selfKey, incarnation) };
  }

  /**
   * The coordinator's operator has our log fetched anew: a view without us has begun. What we said in this history
   * goes on.
   */
  recover(): void {
    const { standing, out } = this;
    out.warn("The coordinator's operator has the log of this profile set aside, and fetched anew");
    this.catchingUp.stop();
    this.participating.abandon();
    if (!standing.isOut) this.goOut();
    standing.recover();
    out.store(
      { kind: "recovered" },
      { kind: "new-log", founding: standing.founding!, because: "recovered" },
    );
    // We may be fetching it already, because of an earlier such request.
    this.#beginAnew(Math.max(this.held.log.position, this.showing.shownBefore));
    this.isCaughtUp = false;
    this.owner.heardChanged();
  }

  /** @param shown Position up to which the history comes again as it was; null where it is another history. */
  #beginAnew(shown: number | null): void {
    this.held.reset(this.crypto, this.group);
    this.supplier.restart();
    this.showing.restart(shown);
    this.telling.restart();
    this.reporting.restart();
    this.#seqBefore = 0;
  }

  /** The coordinator says where the log can be fetched. */
  catchUp(message: GroupMessageOf<"catch-up">): void {
    if (this.epoch !== null || this.participating.isBeginning) return;
    this.participating.abandon(); // the change went on without us
    this.#seqBefore ??= this.held.logSeq;
    this.isCaughtUp = false; // told again at the end, though it was before
    this.owner.heardChanged();
    this.catchingUp.begin(message);
  }

  caughtUp(): void {
    this.isCaughtUp = true;
    this.owner.heardChanged();
  }

  // The coordinator is there, or isn't.

  /**
   * The coordinator has let us in: what was told to it before may be lost. @param told It knows of everything up to
   * this position.
   */
  coordinatorUp(told: number): void {
    this.leading.abandon();
    this.telling.knows(told);
    this.cutPart.lost(); // on this link the coordinator knows nothing of us
    this.reporting.welcomed();
    this.contests.welcomed();
  }

  /** Rounds without the coordinator are needed now. */
  coordinatorDown(): void {
    this.voting.coordinatorDown();
    this.contests.coordinatorDown();
    this.rounds.coordinatorDown();
  }

  // Channels.

  /** A member is there, or there again. */
  peerUp(key: PeerKey): void {
    const { peers } = this.owner;
    const peer = peers.get(key);
    if (peer === null || peer.endpoint === null) return;
    const { ordering, epoch } = this;
    if (
      peer.isLossy && !peer.isBroken && epoch !== null && ordering !== null && ordering.has(key)
    ) {
      peer.isLossy = false;
      this.out.tell([key], { type: "begin", signed: epoch });
      ordering.renew(key);
    }
    this.catchingUp.sourceUp(key);
    this.participating.sourceUp(key);
    this.rounds.peerUp(key);
  }

  peerGone(key: PeerKey): void {
    if (this.ordering?.has(key)) this.cutPart.lost();
    this.supplier.forget(key);
  }

  // Faults.

  /** A member, or the coordinator (null), broke a rule of the protocol. */
  offends(who: Source, text: string): void {
    this.owner.environment.log.warn("protocol broken", { who, text });
    if (who === null) return this.owner.coordinatorOffends(text);
    if (who === this.selfKey) return;
    const name = this.owner.names.written(who);
    const said = `${name} sent invalid data: nothing more from ${name} is accepted for a minute`;
    this.out.show({ event: "error", code: "protocol", text: said, detail: text });
    this.owner.peers.ban(who, text, OFFENDER_BAN_MS);
    this.owner.heardChanged();
  }

  /**
   * We exchange nothing more with this member in this epoch: the coordinator begins another one without one of us.
   */
  complains(who: PeerKey, text: string): void {
    this.out.error("protocol", text);
    this.owner.peers.ban(who, "its history differs", OFFENDER_BAN_MS);
    this.owner.heardChanged();
  }

  /**
   * Another member's log differs from ours. One of us is wrong, and we exchange nothing more: a member that differs
   * from most of the others ends. Otherwise the coordinator goes on without one of the two.
   */
  differs(who: Source, position: number): void {
    if (who === null) return this.offends(who, `its history isn't ours up to entry ${position}`);
    const { names, environment } = this.owner;
    const epoch = this.epoch === null ? "" : ballotText(this.epoch.epoch.value.ballot);
    environment.log.warn("histories differ", { key: who, position, epoch });
    this.#differing.add(who);
    const { size } = this.#differing;
    const others = (this.roundView?.members.length ?? 1) - 1;
    if (size > 1 && 2 * size > others) {
      const differing = [...this.#differing].map((key) => names.written(key));
      return this.out.fatal(
        "store-corrupt",
        `Cannot go on: entry ${position} of this log isn't that of ${inWords(differing)}; ` +
          "compare the logs, and set the damaged one aside before you start again",
      );
    }
    this.complains(who, `The history of ${names.written(who)} differs at entry ${position}`);
  }
}

/** Dispatches messages of the coordinator and of other members to the parts that take them; others are faults. */
class Hearing {
  constructor(private readonly membership: Membership) {}

  fromCoordinator(message: GroupMessage): void {
    const { membership } = this;
    switch (message.type) {
      case "catch-up":
        return membership.catchUp(message);
      case "flush":
        membership.leading.abandon();
        return membership.participating.flush(null, message);
      case "level":
        return membership.participating.level(null, message);
      case "begin":
        membership.participating.begin(null, message.signed);
        return;
      case "fetch":
        return membership.supplier.fetch(null, message);
      case "history":
        return this.#history(null, message);
      case "unlike":
        return this.#unlike(null, message);
      case "edit-accepted":
        membership.inquiring.later();
        return membership.editing.accepted(message);
      case "edit-refused":
        return membership.editing.refused(message);
      case "prepare":
        return membership.voting.prepare(message);
      case "committed":
        membership.cutPart.received(null, message.signed);
        return membership.voting.committed(null, message);
      case "aborted":
        return membership.voting.aborted(null, message);
      case "recover":
        return membership.recover();
      case "equivocated":
        return membership.contests.judged(message);
      case "marker":
        return membership.cutPart.marker(null, message);
      case "snapshot-over":
        return membership.cutPart.over(message.attempt);
      default:
        membership.coordinatorOffends(`${message.type} isn't for members`);
    }
  }

  fromMember(key: PeerKey, message: GroupMessage): void {
    const { membership } = this;
    const { peers } = membership.owner;
    const peer = peers.get(key);
    if (peer === null) return;
    if (peer.endpoint === null) return peers.early(peer, message);
    switch (message.type) {
      case "data":
      case "order":
      case "ack":
      case "contest":
      case "marker":
        if (peers.isOfEpoch(peer, message)) this.#inEpoch(key, message);
        return;
      case "begin":
        peers.begun(peer, message.signed.epoch.value.ballot);
        if (!membership.participating.begin(key, message.signed)) {
          membership.rounds.heardOf(message.signed);
        }
        return;
      case "flush":
        return membership.rounds.flush(key, message);
      case "level":
        return membership.participating.level(key, message);
      case "report":
      case "ready":
      case "outdone":
        return this.toLeading(key, message);
      case "fetch":
        // After a loss, that we lack the history doesn't mean that it differs from ours.
        if (membership.standing.isLost && message.after.position > membership.held.position) return;
        return membership.supplier.fetch(key, message);
      case "history":
        return this.#history(key, message);
      case "unlike":
        return this.#unlike(key, message);
      case "returned":
        return membership.rounds.returned(key, message);
      case "committed":
        // While the coordinator is connected it sends all decisions itself; one that it doesn't send may be given up.
        if (membership.isCoordinatorUp || !membership.ordering?.has(key)) return;
        return membership.voting.committed(key, message);
      case "inquire":
        return membership.voting.inquired(key, message);
      case "aborted":
        // What was refused in an earlier view may be agreed to in this one.
        if (peers.isInEpoch(peer)) membership.voting.aborted(key, message);
        return;
      case "unknown":
        return;
      default:
        membership.offends(key, `${message.type} isn't for members`);
    }
  }

  /** A member, or this one itself, answers the round that this member leads. */
  toLeading(key: PeerKey, message: GroupMessage): void {
    const { leading } = this.membership;
    if (message.type === "report") leading.report(key, message);
    else if (message.type === "ready") leading.ready(key, message);
    else if (message.type === "outdone" && leading.outdone(key, message)) this.membership.stuck();
  }

  #inEpoch(key: PeerKey, message: GroupMessageOf<EpochMessage>): void {
    const { contests, cutPart, ordering } = this.membership;
    if (ordering === null || !ordering.has(key)) return;
    if (message.type === "data") ordering.data(key, message.signed);
    else if (!isSameBallot(message.ballot, ordering.epoch.ballot)) return;
    else if (message.type === "order") ordering.order(key, message);
    else if (message.type === "contest") contests.contested(key, message);
    else if (message.type === "marker") cutPart.marker(key, message);
    else ordering.ack(key, message);
  }

  #history(source: Source, message: GroupMessageOf<"history">): void {
    const { participating, catchingUp } = this.membership;
    if (!participating.history(source, message)) catchingUp.history(source, message);
  }

  #unlike(source: Source, message: GroupMessageOf<"unlike">): void {
    this.membership.participating.unlike(source, message);
    this.membership.catchingUp.unlike(source, message);
  }
}
