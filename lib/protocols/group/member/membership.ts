/**
 * A member within its group: what it holds, the epoch it is in, and what other members and the coordinator say. There
 * is one for as long as the group is the same.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import { inWords } from "../../../base/text/words.ts";
import {
  type Ballot,
  ballotText,
  type Epoch,
  isSameBallot,
  type SignedEpoch,
} from "../schema/epoch.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
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
import type { MemberPresences } from "./member_presences.ts";
import { Hearing } from "./hearing.ts";
import type { GroupMessage, GroupMessageOf } from "../schema/messages.ts";
import { Sequencing } from "../log/sequencing.ts";
import { type Leader, ViewChangeParticipant } from "../views/view_change_participant.ts";
import type { CoordinatorPort } from "../detector/coordinator_port.ts";
import type { Peers } from "../detector/peers.ts";
import type { MemberRecord, PreparedRecord } from "../schema/records.ts";
import { LeaderlessRounds } from "../views/leaderless_rounds.ts";
import type { Dropped, SaidThrough, Self, SendQueue } from "../log/send_queue.ts";
import { EntryDelivery } from "../log/entry_delivery.ts";
import type { Promises } from "../log/promises.ts";
import { type Reads, Supplier } from "../catch_up/supplying.ts";
import { OrderReport } from "../catch_up/order_report.ts";
import { SnapshotProcess } from "../snapshot/snapshot_process.ts";
import { Reporting } from "../states/reporting.ts";
import { EditParticipant } from "../edits/edit_participant.ts";

/** How often we try to lead on a view that can't go on, while the coordinator is away. */
const ROUND_MS = 1_000;
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

export interface MembershipParts {
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
  readonly coordinator: CoordinatorPort;
  /** What members say of their users. */
  readonly presences: Pick<MemberPresences, "heard">;
  /** Edits that our user asks for. */
  readonly editing: Editing;
  /** The user was told that nothing goes on: what they write is kept on disk at once. */
  readonly isStalled: () => boolean;
  /** The members that we hear, or whether we are caught up, may have changed. */
  readonly heardChanged: () => void;
  /** A new epoch: its members are to be met before anything is sent to them. */
  readonly epochBegan: (epoch: Epoch) => void;
  /** One of our own texts became an entry. */
  readonly progress: () => void;
}

export class Membership {
  readonly voting: EditParticipant;
  readonly inquiring: Inquiring;
  readonly supplier: Supplier<Source>;
  readonly telling: OrderReport;
  readonly participating: ViewChangeParticipant;
  readonly showing: EntryDelivery;
  readonly contests: EquivocationDetection;
  readonly hearing: Hearing;
  readonly deadlines = new Deadlines({
    /** When we try again to lead on a view that can't go on. */
    round: () => {
      if (this.#rounds.goOn()) this.#dueIn("round", ROUND_MS);
    },
    /** When members may lag behind for too long. */
    laggards: () => this.#partLaggards(),
    /** When orders that differ count. */
    contest: () => this.contests.tick(),
    /** When the outcome of edits is asked for. */
    inquire: () => this.inquiring.tick(),
    /** When the coordinator is told our state. */
    report: () => this.#reporting.tick(),
  });
  ordering: Sequencing | null = null;
  /** The epoch that this process is in; null while in none. */
  epoch: SignedEpoch | null = null;
  /** Everything that was stable at the source of our history is in our log. */
  isCaughtUp = false;
  readonly #catchingUp: CatchingUp;
  readonly #leading: ViewChangeLeader;
  readonly #rounds: LeaderlessRounds;
  /** Where our log ends, for the coordinator; like `#cutPart` it changes nothing in the member. */
  readonly #reporting: Reporting;
  /** Our part in the coordinator's snapshots. */
  readonly #cutPart: SnapshotProcess;
  readonly #newOrdering: (epoch: Epoch) => Sequencing;
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
    readonly parts: MembershipParts,
    readonly group: Hash,
    readonly held: HeldBatches,
    prepared: readonly PreparedRecord[],
  ) {
    const { self, signer, environment, standing, coordinator, editing } = parts;
    const { out, reads, looks, peers, names, saying } = parts;
    const { crypto } = environment;
    const selfKey = self.key;
    const ordering = () => this.ordering;
    const wallMs = () => environment.wallMs();
    const locks = () => this.voting.locks.slice(0, LOCKS_MAX);
    const freeze = () => this.#freeze();
    const stuck = () => this.#stuck();
    const startAnew = () => this.#startAnew();
    const logged = (batches: readonly HeldBatch[]) => this.logged(batches);
    const send = (to: Leader, message: GroupMessage) => this.#send(to, message);
    const offends = (who: Source, text: string) => this.offends(who, text);
    const consentFault = (signed: SignedBatch, end?: ConsentedEnd) =>
      this.consentFault(signed, end);
    const around = { self, selfKey, signer, crypto, out, names, peers, standing, coordinator };
    const own = { group, held, ordering, send, offends, consentFault, logged };
    const shared = { ...around, ...own, freeze, startAnew, stuck };
    const reporting = this.#reporting = new Reporting({
      ...shared,
      wallMs,
      ballot: () => this.epoch?.epoch.value.ballot ?? null,
      locks,
      reports: () => this.voting.undelivered.sayAllApplied(),
      later: (delayMs) => this.#dueIn("report", delayMs),
    });
    const telling = this.telling = new OrderReport({ ...shared, reads });
    const cutPart = this.#cutPart = new SnapshotProcess({ ...shared, saying, telling, locks });
    const voting = this.voting = new EditParticipant({
      ...shared,
      looks,
      rules: () => this.rules,
      wallMs,
      reporting,
      editing,
      misused: (edits) => this.#misused(edits),
    }, prepared);
    const inquiring = this.inquiring = new Inquiring({
      ...shared,
      voting,
      editing,
      looks,
      due: (delayMs) => this.#dueIn("inquire", delayMs),
    });
    const supplier = this.supplier = new Supplier<Source>({
      get log(): HistoryPoint {
        return held.log;
      },
      get held(): HistoryPoint {
        return held.synced;
      },
      heldAfter: (position: number): HistoryRead | null => held.after(position),
      isCongested: (asker: Source) => asker !== null && peers.isCongested(asker),
      answer: send,
    }, reads);
    this.showing = new EntryDelivery(shared);
    const participating = this.participating = new ViewChangeParticipant({
      ...shared,
      roundView: () => this.#rounds.view,
      laterView: () => this.#rounds.laterView,
      becomeMember: (ballot) => this.#becomeMember(ballot),
      begun: (signed) => this.#begun(signed),
      differs: (who, position) => this.#differs(who, position),
    });
    const catchingUp = this.#catchingUp = new CatchingUp({
      ...shared,
      caughtUp: () => this.#caughtUp(),
    });
    const leading = this.#leading = new ViewChangeLeader({ ...shared, participating });
    const rounds = this.#rounds = new LeaderlessRounds({
      ...shared,
      leading,
      participating,
      epoch: () => this.epoch,
    });
    const contests = this.contests = new EquivocationDetection({
      ...shared,
      complains: (member, text) => this.complains(member, text),
      due: (delayMs) => this.#dueIn("contest", delayMs),
    });
    this.hearing = new Hearing({
      ...shared,
      presences: parts.presences,
      supplier,
      catchingUp,
      participating,
      leading,
      rounds,
      voting,
      editing,
      inquiring,
      cutPart,
      contests,
      catchUp: (message) => this.#catchUp(message),
      recover: () => this.#recover(),
    });
    const sequencing = {
      ...shared,
      isKnownRequest: (signed: SignedEditRequest) => voting.isKnown(signed),
      stable: (batches: readonly HeldBatch[]) => this.#stable(batches),
      stored: (batch: HeldBatch) => this.#stored(batch),
      received: (member: PeerKey, signed: SignedBatch) => cutPart.received(member, signed),
      waits: () => this.#waits(),
      disagrees: (member: PeerKey, position: number) => this.#disagrees(member, position),
    };
    this.#newOrdering = (epoch) => new Sequencing(epoch, sequencing);
  }

  /** The rules in force at the end of what is held; null before the group is known. */
  get rules(): Rules | null {
    const { founding } = this.parts.standing;
    return founding && rulesAt(founding, this.held);
  }

  /**
   * Why the consents that a decision brings aren't those that the rules need; null where they are, and for texts. Our
   * user is told where a consent of its own is forged.
   * @param end The history before the decision.
   */
  consentFault(signed: SignedBatch, end: ConsentedEnd = this.held): string | null {
    const { environment: { crypto }, self, standing: { founding } } = this.parts;
    const { kind, edits } = signed.batch.value;
    if (kind !== "edits" || founding === null) return null;
    const votersOf = (view: number) => this.#votersOf(view);
    const fault = consentFault(crypto, founding, end, signed, votersOf);
    const isOwn = ({ key }: Agreed) => key === self.key;
    if (fault?.forged.includes(self.key)) {
      this.#misused(edits.filter(({ agreed }) => agreed.some(isOwn)).map(({ edit }) => edit));
    }
    return fault?.text ?? null;
  }

  /** A view that voted had begun at all its members: while we were never out, there is none that we don't know. */
  #votersOf(view: number): Voters {
    const [first = Infinity] = this.#voters.keys();
    return this.#voters.get(view) ?? (view < first ? "unknown" : "none");
  }

  /** The members of the epoch. */
  get present(): readonly PeerKey[] {
    return (this.ordering?.epoch.members ?? []).map(({ key }) => key);
  }

  /** Names of the other members of the epoch. */
  get others(): readonly string[] {
    return (this.ordering?.others ?? []).map((key) => this.parts.names.of(key));
  }

  /** The view that rounds may go on with; null where we are in none. */
  get roundView(): Epoch | null {
    return this.#rounds.view;
  }

  /** Members that keep our texts from becoming entries; none where the coordinator does. */
  get awaited(): readonly PeerKey[] {
    const { ordering, participating, contests } = this;
    const { self, coordinator } = this.parts;
    const others = (...keys: readonly PeerKey[]) => keys.filter((key) => key !== self.key);
    if (this.#leading.isUnderWay) return others(...this.#leading.awaited);
    if (ordering === null || participating.isUnderWay) {
      const sequencer = coordinator.isDown ? this.roundView?.members[0]?.key : undefined;
      const awaited = participating.leader ?? sequencer;
      return awaited === undefined ? [] : others(awaited);
    }
    if (contests.proven.length > 0) return [];
    const slowest = others(...ordering.slowest);
    return slowest.length > 0 ? slowest : others(ordering.sequencer);
  }

  #misused(edits: readonly number[]): void {
    const news = edits.filter((edit) => !this.misusedFor.has(edit));
    if (news.length === 0) return;
    for (const edit of news) this.misusedFor.add(edit);
    dropOldest(this.misusedFor, REMEMBERED_MAX);
    this.parts.out.warn(misusedText(news));
  }

  /** Sends to the coordinator (null), to a member, or to ourselves where we lead. */
  #send(to: Leader, message: GroupMessage): void {
    const { self, coordinator, out } = this.parts;
    if (to === null) coordinator.tell(message);
    else if (to === self.key) this.hearing.toLeading(to, message);
    else out.tell([to], message);
  }

  #dueIn(name: Parameters<typeof this.deadlines.set>[0], delayMs: number): void {
    this.deadlines.setEarliest(name, this.parts.out.nowMs + delayMs);
  }

  /** A round without the coordinator may be needed. */
  #stuck(): void {
    if (this.parts.coordinator.isDown) this.#dueIn("round", 0);
  }

  // What is said.

  /** Sends what may be sent now. */
  pump(): void {
    const { ordering } = this;
    const { out, saying, isStalled } = this.parts;
    if (this.#isPumping) return;
    if (ordering === null || ordering.isFrozen) {
      const mustKeep = isStalled() || ordering === null;
      if (mustKeep) out.note(...saying.keep(this.group));
      return;
    }
    this.#isPumping = true;
    for (const signed of saying.next(this.group, isStalled())) {
      ordering.say(signed);
    }
    this.#isPumping = false;
  }

  #stored({ signed }: HeldBatch): void {
    if (!this.#isOwn(signed)) return;
    this.parts.saying.stored(signed);
    this.pump();
  }

  #isOwn({ batch: { value } }: SignedBatch): boolean {
    const { self } = this.parts;
    return value.author === self.key && value.incarnation.toHex() === self.incarnationId;
  }

  /** All members have these on disk. */
  #stable(batches: readonly HeldBatch[]): void {
    this.parts.out.note(...batches.map(logRecord));
    this.logged(batches);
    this.pump();
  }

  logged(batches: readonly HeldBatch[]): void {
    const { saying, standing, progress } = this.parts;
    for (const batch of batches) {
      const isOwn = this.#isOwn(batch.signed);
      this.showing.show(
        batch,
        isOwn ? saying.logged(batch.signed) : this.#editRefs(batch),
        standing.founding,
      );
      if (isOwn) progress();
    }
    this.voting.logged(batches);
    this.telling.logged(batches);
    this.#reporting.logged(batches);
  }

  #editRefs({ edits }: HeldBatch): readonly (string | undefined)[] {
    const { editing } = this.parts;
    return edits.map(({ edit }) => editing.placed(edit) ?? this.voting.refOf(edit));
  }

  // Epochs.

  #freeze(): void {
    this.#cutPart.lost();
    this.ordering?.freeze();
    this.#catchingUp.stop();
  }

  #becomeMember(ballot: Ballot): readonly MemberRecord[] {
    const { held } = this;
    const { self: { key, incarnationId }, saying, standing } = this.parts;
    const known = held.everThrough(key, incarnationId);
    const before: MemberRecord[] = [];
    if (standing.isRecovering && saying.isBeyond(known)) {
      saying.goOnAfter(known);
      before.push(standing.lostRecord());
    }
    // Also of an incarnation that later ones of ours followed: another copy of this disk may have been used
    // meanwhile.
    const throughOf = (incarnation: string) => held.everThrough(key, incarnation);
    const isOutdated = this.#isDiskOutdated;
    const { records, dropped } = saying.becomeMember(this.group, ballot, throughOf, isOutdated);
    this.#tellDropped(dropped);
    return [...before, ...records];
  }

  #tellDropped({ texts, refs }: Dropped): void {
    if (texts === 0) return;
    const { out } = this.parts;
    for (const ref of refs) {
      const text = "This wasn't said: another copy of this profile may have said it";
      out.error("not-allowed", text, ref);
    }
    out.warn(
      `Another copy of this profile was in the group since: ${texts} unsent messages of this ` +
        "one aren't sent, as it may have sent them",
    );
  }

  /**
   * Whether a process of ours that our disk doesn't know of has spoken since the last epoch that the disk knows, even
   * where what was held then is lost: that process may have said what this disk has as unsent.
   */
  get #isDiskOutdated(): boolean {
    const { standing, self: { key: self } } = this.parts;
    const begun = standing.begun?.epoch.value ?? null;
    // No process that the disk knows of was ever in a view.
    if (begun === null) return this.held.hasSpokenAs(self, standing.starts);
    const own = begun.members.find(({ key }) => key === self);
    const spoken = this.held.lastSpoken(self);
    if (own === undefined || spoken === null) return false;
    return spoken.incarnation !== own.incarnation.toHex() && spoken.since >= begun.start.position;
  }

  #begun(signed: SignedEpoch): void {
    const epoch = signed.epoch.value;
    const { held } = this;
    const { out, peers, saying, coordinator, heardChanged, epochBegan } = this.parts;
    this.#cutPart.lost();
    this.epoch = signed;
    this.#voters.set(epoch.view, epoch.members.map(({ key }) => key));
    dropOldest(this.#voters, VOTERS_KEPT_MAX);
    this.#rounds.forget();
    this.#differing.clear();
    this.contests.begun(epoch);
    this.#leading.abandon();
    this.isCaughtUp = true;
    this.showing.startedAt(epoch.start.position);
    // Shown before the view: in the log, what was said in the view before stands before this one's start, at all members,
    // and so the last words of somebody come before the line that says how they went.
    const stable: HeldBatch[] = [];
    while (held.first !== null) stable.push(held.shift());
    out.note(...stable.map(logRecord));
    this.logged(stable);
    this.#catchingUp.over();
    saying.restart(epoch.ballot);
    const ordering = this.ordering = this.#newOrdering(epoch);
    peers.enterEpoch(epoch.ballot);
    epochBegan(epoch);
    if (coordinator.isUp) this.#resumeEdits();
    else this.inquiring.soon();
    for (const { key, isCongested } of peers.all()) {
      if (isCongested) ordering.congested(key, true);
    }
    out.tell(ordering.others, { type: "begin", signed });
    coordinator.tell({ type: "begun", ballot: epoch.ballot });
    if (this.#seqBefore !== null) {
      coordinator.tell({ type: "fetched", entries: held.logSeq - this.#seqBefore });
      this.#seqBefore = null;
    }
    heardChanged();
    if (this.participating.isUnderWay) return ordering.freeze();
    this.voting.begun();
    this.pump();
    this.telling.more();
    this.#reporting.changed();
    this.#heedWaiting(ordering);
  }

  /** Handles what members said in this epoch before it began here. */
  #heedWaiting(ordering: Sequencing): void {
    const { peers } = this.parts;
    for (const { key } of ordering.epoch.members) {
      const peer = peers.get(key);
      if (peer?.begun === null || peer === null) continue;
      if (!isSameBallot(peer.begun, ordering.epoch.ballot)) continue;
      for (const message of peers.takeWaiting(peer)) {
        this.hearing.fromMember(key, message);
      }
    }
  }

  #waits(): void {
    this.#dueIn("laggards", LAGGING_MS_MAX);
  }

  #disagrees(member: PeerKey, position: number): void {
    const epoch = this.epoch === null ? "" : ballotText(this.epoch.epoch.value.ballot);
    this.parts.environment.log.warn("acknowledgements differ", { key: member, position, epoch });
    this.contests.disagrees(member, position);
  }

  /**
   * Members that are there and do nothing mustn't hold up the others: the coordinator leaves them out, unless they go
   * on at once.
   */
  #partLaggards(): void {
    const { ordering } = this;
    const { peers, names, out, coordinator, heardChanged } = this.parts;
    if (ordering === null || ordering.isFrozen || !coordinator.isUp) return;
    const { keys, nextMs } = ordering.takeLaggards();
    for (const key of peers.setLagging(keys)) {
      out.warn(
        `${names.written(key)} takes in nothing that is written: the coordinator is told so`,
      );
    }
    if (nextMs !== null) this.deadlines.setEarliest("laggards", nextMs);
    if (keys.length > 0) this.#dueIn("laggards", LAGGING_AGAIN_MS);
    heardChanged();
  }

  /** We are in no view any more. */
  goOut(): void {
    this.#catchingUp.stop();
    this.participating.abandon();
    this.#leaveEpoch();
    this.parts.standing.isOut = true;
    this.#voters.clear();
    this.voting.goOut();
    this.parts.out.store({ kind: "out" });
  }

  #leaveEpoch(): void {
    this.#cutPart.lost();
    this.ordering?.freeze();
    this.ordering = null;
    this.epoch = null;
    this.contests.begun(null);
    this.#rounds.forget();
    this.#leading.abandon();
    this.isCaughtUp = false;
    this.parts.peers.enterEpoch(null);
  }

  /** Our log can't go on as the group's: it is set aside, and with it everything that this disk has a say in. */
  #startAnew(): void {
    const { held, group } = this;
    const { standing, out, saying, editing } = this.parts;
    out.warn(
      "The log of this profile isn't the beginning of the group's: it is set aside, and fetched anew",
    );
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
    saying.startAnew(group, givenUp);
    editing.startAnew();
    this.voting.startAnew();
    this.#beginAnew(null);
  }

  /**
   * What the history has of our process whose epoch began last: nothing, if the history may be of another than that
   * epoch.
   */
  #saidThrough(): SaidThrough {
    const { standing: { begun, isLost }, self: { key: self } } = this.parts;
    const own = begun?.epoch.value.members.find(({ key }) => key === self);
    const incarnation = own?.incarnation.toHex() ?? "";
    return { incarnation, through: isLost ? 0 : this.held.everThrough(self, incarnation) };
  }

  /**
   * The coordinator's operator has our log fetched anew: a view without us has begun. What we said in this history
   * goes on.
   */
  #recover(): void {
    const { standing, out } = this.parts;
    out.warn("The coordinator's operator has the log of this profile set aside, and fetched anew");
    this.#catchingUp.stop();
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
    this.parts.heardChanged();
  }

  /** @param shown Position up to which the history comes again as it was; null where it is another history. */
  #beginAnew(shown: number | null): void {
    this.held.reset(this.parts.environment.crypto, this.group);
    this.supplier.restart();
    this.showing.restart(shown);
    this.telling.restart();
    this.#reporting.restart();
    this.#seqBefore = 0;
  }

  /** The coordinator says where the log can be fetched. */
  #catchUp(message: GroupMessageOf<"catch-up">): void {
    if (this.epoch !== null || this.participating.isBeginning) return;
    this.participating.abandon(); // the change went on without us
    this.#seqBefore ??= this.held.logSeq;
    this.isCaughtUp = false; // told again at the end, though it was before
    this.parts.heardChanged();
    this.#catchingUp.begin(message);
  }

  #caughtUp(): void {
    this.isCaughtUp = true;
    this.parts.heardChanged();
  }

  // The coordinator is there, or isn't.

  /**
   * The coordinator has let us in: what was told to it before may be lost. @param told It knows of everything up to
   * this position.
   */
  coordinatorUp(told: number): void {
    this.deadlines.clear("round");
    this.parts.peers.setLagging([]); // nobody was to be told while the coordinator was away
    this.parts.heardChanged();
    this.#waits();
    this.#leading.abandon();
    this.telling.knows(told);
    this.#cutPart.lost(); // on this link the coordinator knows nothing of us
    this.#reporting.welcomed();
    this.contests.welcomed();
    if (this.epoch !== null) this.#resumeEdits();
  }

  /** We are in an epoch and the coordinator is there again: what was told in either direction may be lost. */
  #resumeEdits(): void {
    this.voting.undelivered.tellCoordinator();
    this.parts.editing.resume();
    this.inquiring.soon();
  }

  /** Rounds without the coordinator are needed now. */
  coordinatorDown(): void {
    this.voting.coordinatorDown();
    this.contests.coordinatorDown();
    this.#rounds.coordinatorDown();
    this.parts.editing.coordinatorDown();
    this.inquiring.soon();
    this.#stuck();
  }

  // Channels.

  /** A member is there, or there again. */
  peerUp(key: PeerKey): void {
    const peer = this.parts.peers.get(key);
    if (peer === null || peer.endpoint === null) return;
    const { ordering, epoch } = this;
    if (
      peer.isLossy && !peer.isBroken && epoch !== null && ordering !== null && ordering.has(key)
    ) {
      peer.isLossy = false;
      this.parts.out.tell([key], { type: "begin", signed: epoch });
      ordering.renew(key);
    }
    this.#catchingUp.sourceUp(key);
    this.participating.sourceUp(key);
    this.#rounds.peerUp(key);
  }

  peerGone(key: PeerKey): void {
    if (this.ordering?.has(key)) this.#cutPart.lost();
    this.supplier.forget(key);
  }

  /**
   * Our user is shown that this newcomer has gone. What it was sent of the log, and waits, doesn't go out any more: it
   * may wait for long on a slow path. Where the newcomer asks again later, all that it lacks is sent to it, and would
   * stand behind the same once more.
   */
  joinsNoMore(key: PeerKey): void {
    if (!this.supplier.hasSent(key)) return;
    this.supplier.forget(key);
    this.parts.peers.meetAnew(key, "not joining any more");
  }

  // Faults.

  /** A member, or the coordinator (null), broke a rule of the protocol. */
  offends(who: Source, text: string): void {
    const { environment, coordinator, self, names, out } = this.parts;
    environment.log.warn("protocol broken", { who, text });
    if (who === null) return coordinator.offends(text);
    if (who === self.key) return;
    const name = names.written(who);
    const said = `${name} sent invalid data: nothing more from ${name} is accepted for a minute`;
    out.show({ event: "error", code: "protocol", text: said, detail: text });
    this.#bans(who, text);
  }

  #bans(who: PeerKey, reason: string): void {
    this.parts.peers.ban(who, reason, OFFENDER_BAN_MS);
    this.parts.heardChanged();
  }

  /**
   * We exchange nothing more with this member in this epoch: the coordinator begins another one without one of us.
   */
  complains(who: PeerKey, text: string): void {
    this.parts.out.error("protocol", text);
    this.#bans(who, "its history differs");
  }

  /**
   * Another member's log differs from ours. One of us is wrong, and we exchange nothing more: a member that differs
   * from most of the others ends. Otherwise the coordinator goes on without one of the two.
   */
  #differs(who: Source, position: number): void {
    if (who === null) return this.offends(who, `its history isn't ours up to entry ${position}`);
    const { names, environment, out } = this.parts;
    const epoch = this.epoch === null ? "" : ballotText(this.epoch.epoch.value.ballot);
    environment.log.warn("histories differ", { key: who, position, epoch });
    this.#differing.add(who);
    const { size } = this.#differing;
    const others = (this.roundView?.members.length ?? 1) - 1;
    if (size > 1 && 2 * size > others) {
      const differing = [...this.#differing].map((key) => names.written(key));
      return out.fatal(
        "store-corrupt",
        `Cannot go on: entry ${position} of this log isn't that of ${inWords(differing)}; ` +
          "compare the logs, and set the damaged one aside before you start again",
      );
    }
    this.complains(who, `The history of ${names.written(who)} differs at entry ${position}`);
  }
}
