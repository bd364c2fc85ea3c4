/**
 * Edits at the coordinator: two-phase commit with every member of the view, presumed abort (Mohan, Lindsay,
 * Obermarck, Transaction Management in the R* Distributed Database Management System, TODS 1986, section 3).
 *
 * The picture: all members of the view vote on an accepted edit. If all agree, the decision is signed and on disk
 * before anybody is told, and is sent to the members of each view until it is in all their logs. An edit that this
 * disk doesn't know as committed is aborted: votes aren't stored here.
 *
 *     accepted <-> voting --> deciding --> committed --> (forgotten)
 *        \___________\__________________________________> aborted
 *
 * Where the view changes before all have agreed, the edit waits for the next one, whose members vote on it anew, under
 * its number and until the same deadline: no yes of an earlier view counts, as each voter must hold the entry's lock
 * now. A member that has agreed says so again without asking its user.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { sameBytes } from "../../../base/collections/bytes.ts";
import type { Crypto, Signer } from "../../../base/crypto/crypto.ts";
import { dateText, inWords } from "../../../base/text/words.ts";
import type { Hash, PeerKey, RequestId } from "../../../base/ids.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { foldName, namesInWords, shownName } from "../../../base/text/names.ts";
import type { Attendance, Attendee } from "../detector/attendance.ts";
import { abortText } from "./edit_phases.ts";
import { consentTo, idOfPlace, isConsentOf } from "../identity/consents.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import { Decisions } from "./decisions.ts";
import {
  type AbortReason,
  type Agreed,
  type Edit,
  type EditPolicy,
  type EditRequest,
  isRequestAuthentic,
  keptRequest,
  type NamedKey,
  needsAgreement,
  requestFault,
  requestId,
  type SignedEditRequest,
} from "../schema/edit.ts";
import type { CoordinatorEvent, EditEvent, EditView } from "../schema/events.ts";
import type { EntryPlace } from "../schema/entry_places.ts";
import type { Founding } from "../schema/founding.ts";
import { entryId, type EntryOrigin } from "../schema/history.ts";
import {
  ABORTED_KEPT_MAX,
  EDITS_MAX,
  EDITS_PENDING_MAX,
  MEMBERS_MAX,
  REFUSED_KEPT_MAX,
} from "../schema/limits.ts";
import type { EditRefusal, GroupMessage, GroupMessageOf } from "../schema/messages.ts";
import type { OwnKeys } from "../identity/own_keys.ts";
import type { CoordinatorRecord } from "../schema/records.ts";
import type { Decided } from "../schema/cut.ts";
import type { Views } from "../detector/views.ts";

/**
 * A round of votes holds up the decisions it has made, and the next round, no longer than this: a user may think, or
 * a member stand still.
 */
const ROUND_MS_MAX = 50;
/** Edit numbers reserved with one write, so that most edits need none. */
const NUMBERS_TAKEN = EDITS_MAX;

/** An edit that isn't decided yet. */
interface Open {
  readonly id: RequestId;
  readonly edit: number;
  readonly signed: SignedEditRequest;
  /** Whether its requester was told that it is accepted, and under which number. */
  isTold: boolean;
  /** Null before the vote begins, and after a change of the view until it begins again. */
  vote: Vote | null;
  /** Who was asked to vote, in any view: all of them are told if the edit is aborted. */
  readonly asked: Set<PeerKey>;
  /** The members of the view in which it was voted on last; empty before. */
  members: readonly NamedKey[];
  /** Those that joined or left since it was first voted on: at most `MEMBERS_MAX`, the latest. */
  readonly changed: Map<PeerKey, NamedKey>;
  /** Who said the entry that the request names: proven by that one's id. Null until it is shown. */
  author: PeerKey | null;
  /** When the edit is aborted, unless all have agreed by then; set anew when it is first voted on. */
  dueMs: number;
}

interface Vote {
  readonly round: number;
  /** The view whose members vote. */
  readonly view: number;
  readonly members: readonly NamedKey[];
  readonly awaited: Set<PeerKey>;
  /** Those that had to be asked, and agreed. */
  readonly agreed: Agreed[];
}

interface Aborted {
  readonly edit: number;
  readonly reason: AbortReason;
}

/** Why an edit is aborted, as this process knows those concerned. */
interface Because {
  readonly code: AbortReason["code"];
  readonly who?: readonly NamedKey[];
  readonly said?: string;
}

interface TransactionsParts {
  readonly group: Hash;
  readonly founding: Founding;
  readonly signer: Signer;
  readonly keys: OwnKeys;
  readonly crypto: Crypto;
  readonly policy: EditPolicy;
  readonly voteTimeoutMs: number;
  readonly views: Views;
  readonly attendance: Attendance;
  readonly out: CoordinatorOutput;
  newIncarnation(): Uint8Array;
  wallMs(): number;
  /** Where an entry comes from, as far as the log is known here; null where it isn't. */
  originOf(seq: number): EntryPlace | null;
  /** What a key's owner is called, or was. */
  nameOf(key: PeerKey): string;
  /** Whether the view stays as it is, as far as is known: then votes may begin. */
  isSteady(): boolean;
}

interface Refusal {
  readonly code: EditRefusal;
  readonly text: string;
}

export class EditCoordinator {
  /** Accepted and not decided, by id, in the order of acceptance. At most `EDITS_MAX`. */
  readonly #open = new Map<RequestId, Open>();
  readonly #decisions: Decisions;
  /** The latest aborted edits. */
  readonly #aborted = new Map<RequestId, Aborted>();
  /**
   * The latest refusals: a request that comes again, for another epoch, gets the same one, as its user may have been
   * told.
   */
  readonly #refused = new Map<RequestId, Refusal>();
  /** Numbers of edits of earlier processes that the operator was told are dropped; at most `EDITS_MAX`. */
  readonly #dropped = new Set<number>();
  /** The first number that this process gave. */
  #firstNumber = Infinity;
  /** Number of the last round of votes; and until when that holds others up. */
  #round = 0;
  #roundDueMs = -Infinity;
  /** The last number that was given, and the highest one that is reserved on disk. */
  #number = 0;
  #taken = 0;

  constructor(readonly parts: TransactionsParts) {
    const committed = (edits: readonly Edit[]) => {
      for (const edit of edits) this.#tellCommitted(edit);
      this.#goOn();
    };
    this.#decisions = new Decisions({ ...parts, rules: { edits: parts.policy } }, committed);
  }

  /** Entries that are locked, by number. */
  get locks(): readonly number[] {
    return Array.from(this.#undecided(), ({ signed }) => signed.request.value.seq)
      .toSorted((a, b) => a - b);
  }

  /** Up to where this process has decided; null where it has decided nothing. */
  get decided(): Decided | null {
    return this.#decisions.decided;
  }

  // The disk.

  restore(
    record: Extract<
      CoordinatorRecord,
      { kind: "edits" | "rules" | "committed" | "applied" | "aborted" }
    >,
  ): void {
    switch (record.kind) {
      case "edits":
        return this.raise(record.number);
      case "aborted":
        return this.#remember(record.id, record);
      default:
        this.#decisions.restore(record);
    }
  }

  /** Edits up to this number have been accepted, by us or as members told us. */
  raise(number: number): void {
    this.#number = Math.max(this.#number, number);
    this.#taken = Math.max(this.#taken, number);
  }

  /** The records of a compacted log. */
  *records(): IterableIterator<CoordinatorRecord> {
    if (this.#taken > 0) yield { kind: "edits", number: this.#taken };
    for (const [id, aborted] of this.#aborted) yield { kind: "aborted", id, ...aborted };
    yield* this.#decisions.records();
  }

  #remember(id: RequestId, { edit, reason }: Aborted): void {
    this.#aborted.set(id, { edit, reason });
    dropOldest(this.#aborted, ABORTED_KEPT_MAX);
  }

  // What members say.

  /**
   * A member's user wants an entry to read otherwise. @returns What is wrong with the request; null where nothing is.
   */
  edit(attendee: Attendee, { signed }: GroupMessageOf<"edit">): string | null {
    const { group, crypto, views } = this.parts;
    const { value } = signed.request;
    const fault = requestFault(signed, group);
    if (fault !== null) return fault;
    if (value.requester !== attendee.key) return "it asks for somebody else's edit";
    if (!sameBytes(value.incarnation, attendee.incarnation)) {
      return "another process asked for that";
    }
    // All logs keep the edit under this name, and show it so.
    if (foldName(value.name) !== attendee.folded) return "it uses another name";
    // The member asks again when the next view begins. After a recount that view's number is what the members' disks keep
    // of the numbers that edits had since: if all are aborted, those are in no log.
    if (views.member(attendee.key) === null || views.needsAll) return null;
    const id = requestId(crypto, value);
    if (this.#isKnown(id, attendee)) return null;
    if (!isRequestAuthentic(crypto, signed)) return "it hasn't signed the edit that it asks for";
    const refusal = this.#refused.get(id) ?? this.#refusal(value);
    if (refusal !== null) {
      this.#refused.set(id, refusal);
      dropOldest(this.#refused, REFUSED_KEPT_MAX);
      this.#tell(attendee.key, { type: "edit-refused", id, ...refusal });
      return null;
    }
    this.#accept(id, keptRequest(signed));
    return null;
  }

  /** Answers a request that is known already: a member may repeat it on another link. */
  #isKnown(id: RequestId, { key }: Attendee): boolean {
    const open = this.#open.get(id);
    const edit = open?.edit ?? this.#decisions.editOf(id) ?? this.#aborted.get(id)?.edit;
    if (edit === undefined) return false;
    if (open !== undefined) open.isTold = true;
    this.#tellAccepted(key, id, edit);
    this.#answer(key, [id]);
    return true;
  }

  #tellAccepted(key: PeerKey, id: RequestId, edit: number): void {
    const { voteTimeoutMs: voteMs } = this.parts;
    this.#tell(key, { type: "edit-accepted", id, edit, voteMs });
  }

  /**
   * Tells the requester, unless it was told. This follows the `prepare` of the first vote: both are one message on the
   * way, and what they have the requester write is one write.
   */
  #tellRequester(open: Open): void {
    if (open.isTold) return;
    open.isTold = true;
    this.#tellAccepted(open.signed.request.value.requester, open.id, open.edit);
  }

  #refusal({ seq }: EditRequest): Refusal | null {
    for (const { edit, signed: { request: { value } } } of this.#undecided()) {
      if (value.seq !== seq) continue;
      const by = shownName(value.name);
      const text =
        `Entry ${seq} is being edited by ${by} (edit ${edit}): try again when that is over`;
      return { code: "entry-locked", text };
    }
    const pending = this.#open.size + this.#decisions.size;
    if (this.#open.size < EDITS_MAX && pending < EDITS_PENDING_MAX) return null;
    return { code: "full", text: `${pending} edits are under way: try again when some are over` };
  }

  /** Edits that lock their entries here: after a decision, whatever follows is ordered after it. */
  *#undecided(): IterableIterator<{ readonly edit: number; readonly signed: SignedEditRequest }> {
    yield* this.#open.values();
    yield* this.#decisions.undecided;
  }

  #accept(id: RequestId, signed: SignedEditRequest): void {
    const { out, voteTimeoutMs } = this.parts;
    const edit = ++this.#number;
    this.#firstNumber = Math.min(this.#firstNumber, edit);
    if (edit > this.#taken) {
      this.#taken = edit - 1 + NUMBERS_TAKEN;
      out.store({ kind: "edits", number: this.#taken });
    }
    const dueMs = out.nowMs + voteTimeoutMs;
    this.#open.set(id, openEdit({ id, edit, signed, dueMs, isTold: false }));
    this.settle();
  }

  vote(attendee: Attendee, message: GroupMessageOf<"vote">): void {
    this.#vote(attendee, message);
    this.#goOn();
  }

  #vote(
    { key, name }: Attendee,
    { id, edit, view, agrees, origin, consent, reason }: GroupMessageOf<"vote">,
  ): void {
    const open = this.#open.get(id);
    const vote = open?.vote ?? null;
    // A vote that is late, repeated, for an earlier acceptance of the same request, or not asked for has no effect.
    if (open === undefined || vote === null || edit !== open.edit || view !== vote.view) return;
    if (!vote.awaited.has(key)) return;
    const voter = { key, name };
    if (!agrees) return this.#abort(open, { code: "no", who: [voter], said: reason });
    const disagreement = this.#disagreement(open, origin, voter) ??
      this.#consent(open, vote, voter, consent);
    if (disagreement !== null) return this.#abort(open, disagreement);
    vote.awaited.delete(key);
    if (vote.awaited.size === 0) this.#decide(open, vote);
  }

  /** Why the edit can't be committed although one more member agrees; null where it can. */
  #disagreement(open: Open, origin: EntryOrigin | null, voter: NamedKey): Because | null {
    if (origin === null) return { code: "no-entry", who: [voter] };
    // A voter's word isn't enough: it might say that an entry of somebody who is away is its own.
    if (entryId(this.parts.crypto, origin, 0) !== open.signed.request.value.entry) {
      return { code: "other-entry", who: [voter] };
    }
    open.author = origin.author;
    return this.#authorFault(open);
  }

  /** Takes the signature of a voter that had to be asked. @returns Why the edit can't be committed without it. */
  #consent(
    { signed, author }: Open,
    vote: Vote,
    voter: NamedKey,
    signature: Uint8Array | null,
  ): Because | null {
    const { policy, crypto } = this.parts;
    const { requester } = signed.request.value;
    if (!needsAgreement(policy, voter.key, requester, author)) return null;
    const consent = consentTo(crypto, signed);
    if (signature === null || !isConsentOf(crypto, voter.key, consent, signature)) {
      return { code: "unsigned", who: [voter] };
    }
    vote.agreed.push({ ...voter, signature: signature.slice() });
    return null;
  }

  /**
   * Why the author, where it has to be asked, can't be; null where it can, or isn't known yet. Where all who are there are
   * asked, it may be away; but who is asked about words of its own doesn't agree by leaving.
   */
  #authorFault({ author: key, asked, signed }: Open): Because | null {
    const { policy, views } = this.parts;
    if (key === null || policy === "auto" || (policy === "ask" && !asked.has(key))) return null;
    if (key === signed.request.value.requester || views.member(key) !== null) return null;
    const author = { key, name: this.parts.nameOf(key) };
    return { code: asked.has(key) ? "author-gone" : "author-absent", who: [author] };
  }

  /**
   * Why the request isn't one for this entry: its requester names another. Members see that in their logs; here it is
   * seen of entries in the log that was handed over when the group was empty, and those who said them may be away.
   */
  #entryFault(open: Open): Because | null {
    const { originOf, crypto } = this.parts;
    const { seq, entry, requester: key, name } = open.signed.request.value;
    const origin = originOf(seq);
    if (origin === null) return null;
    if (idOfPlace(crypto, origin) !== entry) return { code: "other-entry", who: [{ key, name }] };
    open.author = origin.author;
    return null;
  }

  #decide({ id, edit, signed }: Open, { view, agreed }: Vote): void {
    this.#open.delete(id);
    this.#decisions.decide({ edit, signed, view, agreed });
  }

  applied({ key }: Attendee, message: GroupMessageOf<"applied">): void {
    this.#decisions.applied(key, message);
    this.#giveUpRefused();
  }

  /** A member's log rules out what was decided: a whole view may have lied about an entry, or this disk is old. */
  impossible({ key }: Attendee, message: GroupMessageOf<"impossible">): void {
    const { views, out, nameOf } = this.parts;
    if (views.member(key) === null || !views.isConfirmed) return;
    const edits = this.#decisions.refusedBy(key, message);
    if (edits.length > 0) {
      const what = edits.length === 1 ? "edit" : "edits";
      const name = shownName(nameOf(key));
      out.warn(
        `The log of ${name} rules out ${what} ${
          inWords(edits.map(String))
        }: somebody who agreed may have ` +
          "lied about the entry; given up once all members say so",
      );
    }
    this.#giveUpRefused();
  }

  #giveUpRefused(): void {
    for (const { edits, refusedBy } of this.#decisions.takeRefused()) {
      const who = refusedBy.map((key) => ({ key, name: this.parts.nameOf(key) }));
      for (const edit of edits) this.#giveUp(edit, who, refusedBy);
    }
  }

  /** @param asked Who is told. */
  #giveUp({ edit, signed }: Edit, who: readonly NamedKey[], asked: readonly PeerKey[] = []): void {
    const id = requestId(this.parts.crypto, signed.request.value);
    const open = openEdit({ id, edit, signed, dueMs: this.parts.out.nowMs, isTold: true });
    for (const key of asked) open.asked.add(key);
    this.#abort(open, { code: "given-up", who });
  }

  /**
   * A member tells a decision signed with a key of ours that this disk may have lost. @returns What is wrong with it.
   */
  committed({ signed }: GroupMessageOf<"committed">): string | null {
    return this.#decisions.heardOf(signed);
  }

  /** A member that agreed, or whose user asked, wants to know an edit's outcome. */
  inquire({ key }: Attendee, { edits }: GroupMessageOf<"inquire">): void {
    // A forgotten edit is in the log of every member of the view, once the view has begun everywhere.
    if (this.parts.views.member(key) === null || !this.parts.views.isConfirmed) return;
    this.#answer(key, edits.map(({ id }) => id));
    for (const asked of edits) this.#tellDropped(asked);
  }

  /**
   * An earlier process accepted this edit and ended before it was decided: only now is it heard of here. No more can
   * have been under way then than are told, whatever members say. Where as many aborted edits are known as are kept,
   * this may be one that was aborted before them.
   */
  #tellDropped({ id, edit, seq }: GroupMessageOf<"inquire">["edits"][number]): void {
    if (edit < 1 || edit >= this.#firstNumber || edit > this.#taken) return;
    if (this.#dropped.has(edit) || this.#dropped.size >= EDITS_MAX) return;
    if (this.#open.has(id) || this.#aborted.has(id) || this.#decisions.editOf(id) !== null) return;
    this.#dropped.add(edit);
    const what = this.#aborted.size < ABORTED_KEPT_MAX
      ? "is dropped:"
      : "is over: it was aborted, or";
    this.parts.out.notice(
      `Edit ${edit} of entry ${seq} ${what} this coordinator was started again before it was decided`,
    );
  }

  /** All decisions are told at once, however many of them are asked about. */
  #answer(key: PeerKey, ids: readonly RequestId[]): void {
    const isDecided = (id: RequestId) => this.#decisions.editOf(id) !== null;
    if (ids.some(isDecided)) this.#decisions.tell(key);
    for (const id of ids) if (!this.#open.has(id) && !isDecided(id)) this.#answerAborted(key, id);
  }

  #answerAborted(key: PeerKey, id: RequestId): void {
    const { edit, reason } = this.#aborted.get(id) ??
      { edit: 0, reason: reasonOf({ code: "forgotten" }) };
    this.#tell(key, { type: "aborted", id, edit, reason });
  }

  // Views.

  /** The member asks to leave: it gives up its undecided edits, and is told so before it is let go. */
  leaves({ key }: Attendee): void {
    for (const open of [...this.#open.values()]) {
      if (open.signed.request.value.requester === key) this.#abort(open, { code: "asker-left" });
    }
  }

  /**
   * The view is about to change: undecided edits are voted on anew in the next one, as not all voters may be there in
   * the end.
   */
  viewChanges(): void {
    this.#voteAnew();
    this.#decisions.write();
  }

  /** The history is given up for an older one, whose entries may be others: none of its edits is committed any more. */
  historyGivenUp(): void {
    // Decided edits may be in the history of another view that is open.
    if (this.parts.views.members.length > 0) return this.#decisions.beginAnew();
    for (const open of [...this.#open.values()]) this.#abort(open, { code: "given-up" });
    const { edits, records } = this.#decisions.giveUp();
    if (records.length > 0) this.parts.out.store(...records);
    for (const edit of edits) this.#giveUp(edit, []);
  }

  /** Another view is decided: its members need all decisions. */
  viewDecided(): void {
    this.#decisions.viewDecided(this.parts.views.members.map(({ key }) => key));
  }

  /** The present view has begun at this member, or its link is a new one: what it was told may be lost. */
  begunAt({ key }: Attendee): void {
    this.#decisions.tell(key);
    for (const open of this.#open.values()) {
      if (open.vote?.awaited.has(key)) this.#prepare([key], open, open.vote);
    }
  }

  /** Called after each step: does what became due in it. */
  settle(): void {
    this.#goOn();
    // The next round of votes comes soon, and tells the requesters; otherwise it isn't known when one comes.
    if (this.#mayVote) return;
    for (const open of this.#open.values()) this.#tellRequester(open);
  }

  // Voting.

  /**
   * Once a round of votes is over, its decisions are written; then the edits accepted meanwhile are voted on. So
   * edits that come at once are voted on and decided together, and share writes, syncs and a place in the order.
   */
  #goOn(): void {
    // A member has brought lost rules, or ours are set again: what is voted on comes after these.
    if (this.#decisions.isRuling) this.#voteAnew();
    const isOverdue = this.parts.out.nowMs >= this.#roundDueMs;
    if (!isOverdue && this.#isVoting) return;
    this.#decisions.write();
    if (!isOverdue && this.#decisions.isUnderWay) return;
    const accepted = this.#heldUp;
    if (accepted.length === 0) return;
    this.#round++;
    this.#roundDueMs = this.parts.out.nowMs + ROUND_MS_MAX;
    for (const open of accepted) this.#begin(open);
  }

  /** No vote counts that was given so far. */
  #voteAnew(): void {
    for (const open of this.#open.values()) open.vote = null;
  }

  /** Whether an edit of the last round isn't decided yet. */
  get #isVoting(): boolean {
    for (const { vote } of this.#open.values()) if (vote?.round === this.#round) return true;
    return false;
  }

  /** Accepted edits that the next round votes on. */
  get #heldUp(): readonly Open[] {
    if (!this.#mayVote) return [];
    return [...this.#open.values()].filter(({ vote }) => vote === null);
  }

  get #mayVote(): boolean {
    return this.parts.isSteady() && !this.#decisions.isRuling;
  }

  #begin(open: Open): void {
    const { views, out, voteTimeoutMs } = this.parts;
    const fault = this.#askerFault(open) ?? this.#entryFault(open) ?? this.#authorFault(open);
    if (fault !== null) return this.#abort(open, fault);
    const keys = views.members.map(({ key }) => key);
    open.vote = {
      round: this.#round,
      view: views.ballot.number,
      members: views.members,
      awaited: new Set(keys),
      agreed: [],
    };
    if (open.asked.size === 0) open.dueMs = out.nowMs + voteTimeoutMs;
    else noteChanges(open, views.members);
    open.members = views.members;
    for (const key of keys) open.asked.add(key);
    this.#prepare(keys, open, open.vote);
    this.#tellRequester(open);
  }

  /** An edit ends with the process that asked for it: only that one can say that it has given it up. */
  #askerFault(
    { signed: { request: { value: { requester, incarnation } } } }: Open,
  ): Because | null {
    const asker = this.parts.views.member(requester);
    if (asker === null) return { code: "asker-gone" };
    return sameBytes(asker.incarnation, incarnation) ? null : { code: "asker-restarted" };
  }

  #prepare(
    keys: readonly PeerKey[],
    { edit, signed, dueMs }: Open,
    { view }: Vote,
  ): void {
    const { out } = this.parts;
    const voteMs = Math.max(0, Math.ceil(dueMs - out.nowMs));
    for (const key of keys) {
      this.#tell(key, { type: "prepare", edit, view, signed, voteMs });
    }
  }

  #abort(open: Open, because: Because): void {
    const { id, edit, signed, asked } = open;
    const { out } = this.parts;
    this.#tellRequester(open);
    const reason = reasonOf(because);
    const { requester: asker } = signed.request.value;
    this.#open.delete(id);
    this.#remember(id, { edit, reason });
    out.store({ kind: "aborted", id, edit, reason });
    for (const key of new Set([...asked, asker])) {
      this.#tell(key, { type: "aborted", id, edit, reason });
    }
    const names = new Map(because.who?.map(({ key, name }) => [key, name]));
    const written = (key: PeerKey) => shownName(names.get(key)!);
    this.#show(edit, signed, "aborted", abortText(reason, { self: null, asker, written }));
  }

  #tellCommitted({ edit, signed, agreed }: Edit): void {
    const reason = agreed.length === 0
      ? "nobody had to be asked"
      : `agreed by ${namesInWords(agreed)}`;
    this.#show(edit, signed, "committed", reason, { agreed: agreed.map(({ name }) => name) });
  }

  #show(
    edit: number,
    { request: { value } }: SignedEditRequest,
    outcome: "committed" | "aborted",
    reason: string,
    more: Pick<EditEvent, "agreed"> = {},
  ): void {
    const { seq, name: by, text } = value;
    this.parts.out.show({ event: "edit", edit, seq, by, text, outcome, reason, ...more });
  }

  // Time, and the operator.

  nextMs(): number | null {
    let dueMs: number | null = null;
    for (const open of this.#open.values()) dueMs = earliestMs(dueMs, open.dueMs);
    const isHeldUp = this.#heldUp.length > 0 || this.#decisions.isWaiting;
    return isHeldUp ? earliestMs(dueMs, this.#roundDueMs) : dueMs;
  }

  tick(nowMs: number): void {
    for (const open of [...this.#open.values()]) {
      if (open.dueMs > nowMs) continue;
      const { awaited, members } = open.vote ?? { awaited: new Set(), members: [] };
      const silent = members.filter(({ key }) => awaited.has(key));
      this.#abort(open, silent.length === 0 ? this.#heldUpBy(open) : { code: "late", who: silent });
    }
    this.#goOn();
  }

  #heldUpBy(open: Open): Because {
    if (this.#decisions.isRuling) return { code: "rules-pending" };
    if (open.members.length > 0) noteChanges(open, this.parts.views.members);
    return { code: "members-changed", who: [...open.changed.values()] };
  }

  /** The answer to `/edits`. */
  view(): Extract<CoordinatorEvent, { readonly event: "edits" }> {
    const { out } = this.parts;
    const wallMs = this.parts.wallMs();
    const voting = Array.from(this.#open.values(), ({ edit, signed, vote, dueMs }): EditView => {
      const { seq, name: by, text } = signed.request.value;
      const awaited = (vote?.members ?? []).filter(({ key }) => vote?.awaited.has(key))
        .map(({ name }) => name);
      const deadline = dateText(wallMs + dueMs - out.nowMs);
      return { edit, seq, by, text, state: "voting", awaited, deadline };
    });
    return { event: "edits", edits: [...voting, ...this.#decisions.views()] };
  }

  #tell(key: PeerKey, message: GroupMessage): void {
    const link = this.parts.attendance.get(key)?.link ?? null;
    if (link !== null) this.parts.out.send(link, message);
  }
}

function openEdit(edit: Pick<Open, "id" | "edit" | "signed" | "dueMs" | "isTold">): Open {
  return {
    ...edit,
    vote: null,
    asked: new Set(),
    members: [],
    changed: new Map(),
    author: null,
  };
}

/** Notes who has joined or left since the edit was voted on last. @param present The members of the view now. */
function noteChanges({ members, changed }: Open, present: readonly NamedKey[]): void {
  const has = (all: readonly NamedKey[], key: PeerKey) => all.some((one) => one.key === key);
  const others = [
    ...members.filter(({ key }) => !has(present, key)),
    ...present.filter(({ key }) => !has(members, key)),
  ];
  for (const one of others) changed.set(one.key, one);
  dropOldest(changed, MEMBERS_MAX);
}

function reasonOf({ code, who = [], said = "" }: Because): AbortReason {
  return { code, who: who.map(({ key }) => key), said };
}
