/**
 * A member's part in edits: it locks the entry, asks its user where the policy wants that, has its agreement on disk
 * before it votes, and from then on obeys the coordinator's decision (the participant of two-phase commit; Bernstein,
 * Hadzilacos, Goodman, Concurrency Control and Recovery in Database Systems, section 7.4).
 *
 * `VOTE_PHASES` says how an edit goes on here.
 *
 * A member that has agreed never decides alone. While the coordinator is away it asks the others: a member that
 * knows the decision passes it on (cooperative termination, section 7.4). The edit may be voted on in several views, by
 * other members in each, but in none without the process that asked for it. So that one alone may give it up while the
 * coordinator is away, where a member that hasn't voted refuses: it never agrees to it again, and the others believe it.
 *
 * A change of the view changes nothing here: whoever was asked is still asked, and what was said holds. The coordinator
 * asks all members of the next view, or says that the edit is aborted.
 *
 * The lock is released when the edit is in the log, aborted or refused here: until then another edit of the entry waits.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { sameBytes } from "../../../base/collections/bytes.ts";
import type { Signer } from "../../../base/crypto/crypto.ts";
import { dateText, inWords } from "../../../base/text/words.ts";
import type { Hash, PeerKey, RequestId } from "../../../base/ids.ts";
import { invariant } from "../../../base/invariant.ts";
import { shownName } from "../../../base/text/names.ts";
import { ABANDONED, abortText, VOTE_PHASES, type VotePhase } from "./edit_phases.ts";
import { consentTo, originOf, signConsent } from "../identity/consents.ts";
import {
  type Edit,
  type EditRequest,
  isRequestAuthentic,
  keptRequest,
  type NamedKey,
  needsAgreement,
  requestFault,
  requestId,
  type SignedEditRequest,
  textDigest,
  TOLD_LATER,
} from "../schema/edit.ts";
import type { MemberEditView } from "../schema/events.ts";
import type { Rules } from "../schema/founding.ts";
import type { EntryLookups, HeldBatch } from "../log/held_batches.ts";
import type { SignedBatch } from "../schema/history.ts";
import { EDITS_PENDING_MAX, INQUIRE_MS, REMEMBERED_MAX } from "../schema/limits.ts";
import type { LoggedEntryState } from "../schema/member_io.ts";
import type { MemberNames } from "../identity/member_names.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import type { PreparedRecord } from "../schema/records.ts";
import type { Promises } from "../log/promises.ts";
import type { Reporting } from "../states/reporting.ts";
import type { Editing } from "./editing.ts";
import { type Decision, Undelivered, type UndeliveredParts } from "./undelivered.ts";

interface EditParticipantParts extends UndeliveredParts {
  readonly selfKey: PeerKey;
  readonly signer: Signer;
  readonly looks: EntryLookups;
  readonly names: MemberNames;
  /** The rules in force at the end of what is held; null before the group is known. */
  readonly rules: () => Rules | null;
  readonly wallMs: () => number;
  /** Is told when `locks` changes. */
  readonly reporting: Pick<Reporting, "changed">;
  readonly standing: Pick<Promises, "begun" | "isLost" | "mayDecide">;
  /** What our user asks for itself. */
  readonly editing: Pick<Editing, "aborted" | "askedAnew" | "committed" | "has" | "hasSigned">;
  /** A decision says that our user has agreed, and it hasn't. */
  readonly misused: (edits: readonly number[]) => void;
}

interface Open {
  readonly id: RequestId;
  readonly edit: number;
  readonly signed: SignedEditRequest;
  /** The view in which we were asked last; where an earlier process of ours was, that in which it agreed. */
  view: number;
  readonly dueMs: number;
  phase: VotePhase;
  /** Where it is refused: why, part of a sentence, empty where our user said no. */
  refusal: string;
  /** Whether the log is known not to have this request: its number is above all of its process's that the log has. */
  readonly isNew: boolean;
  /** When the coordinator, or another member, is next asked for the outcome. */
  inquireMs: number;
  wasAsked: boolean;
  /** Whether our user was told that the entry stays locked while the coordinator is away: it is told the end, too. */
  isLockTold: boolean;
  /** Whether our user was asked, and agreed: then our vote says so, with our signature. */
  isConsented: boolean;
  /** The `ref` of our user's vote. */
  ref: string | undefined;
  /** Who said the entry, according to our log; null until it is looked up. */
  author: NamedKey | null;
}

function enter(open: Open, phase: VotePhase): void {
  const allowed: readonly VotePhase[] = VOTE_PHASES[open.phase].next;
  invariant(
    allowed.includes(phase),
    `a vote goes from ${open.phase} to ${allowed.join(" or ")}, not to ${phase}`,
  );
  open.phase = phase;
}

/** Edits that are voted on, or decided and not in our log; and as many of earlier views whose outcome is in doubt. */
const OPEN_MAX = 2 * EDITS_PENDING_MAX;

type Inquired = GroupMessageOf<"inquire">["edits"][number];

/** An edit whose outcome isn't known here. */
export type Inquiry = Inquired & {
  /** Whether we agreed: then other members may know the outcome. */
  readonly isAgreed: boolean;
};

/** Edits of one member that we never heard of, and about which it has inquired in the present view. */
interface Unheard {
  /**
   * Those of which we told it that we refuse them: it may rely on that, so we never agree to them in the present view.
   * None is forgotten before the view ends; then the requester's own refusal takes this one's place. At most
   * `REMEMBERED_MAX`.
   */
  readonly refused: Set<RequestId>;
  /** Look-ups in the log under way. */
  looking: number;
}

export class EditParticipant {
  /** At most `OPEN_MAX`. */
  readonly #open = new Map<RequestId, Open>();
  /** Which edit holds the lock of an entry, by the entry's number. */
  readonly #locks = new Map<number, RequestId>();
  /** By the member that inquired: nobody has us refuse another one's edit, or keeps another one from being answered. */
  readonly #unheard = new Map<PeerKey, Unheard>();
  /**
   * Digests of the requests about which our user was asked, by the number that it read: its answer names nothing else,
   * and a request's id isn't enough, as its requester can sign two under one. The latest; those before are up to
   * `#askedBefore`.
   */
  readonly #askedAbout = new Map<number, Hash>();
  #askedBefore = 0;
  /** The latest edits that came into the log; as many as we may be asked about again. */
  readonly #logged = new Set<RequestId>();
  /** The highest number of a request that came into the log, for each requester's last process that had one there. */
  readonly #requested = new Map<PeerKey, { readonly incarnation: Uint8Array; number: number }>();
  #view = 0;
  readonly undelivered: Undelivered;

  constructor(readonly parts: EditParticipantParts, prepared: readonly PreparedRecord[]) {
    this.undelivered = new Undelivered(parts, (signed) => this.isKnown(signed));
    for (const { edit, view, isConsented, signed } of prepared) {
      const id = requestId(parts.crypto, signed.request.value);
      const seq = signed.request.value.seq;
      this.#open.set(id, {
        id,
        edit,
        signed,
        view,
        dueMs: Infinity,
        phase: "agreed",
        refusal: "",
        isNew: false,
        inquireMs: parts.out.nowMs,
        wasAsked: false,
        isLockTold: false,
        isConsented,
        ref: undefined,
        author: null,
      });
      this.#locks.set(seq, id);
    }
  }

  /** The present view's number; undefined while in none. */
  get #viewHere(): number | undefined {
    return this.parts.ordering()?.epoch.view;
  }

  /** Entries that are locked, by number. */
  get locks(): readonly number[] {
    return [...this.#locks.keys()].toSorted((a, b) => a - b);
  }

  /** The highest number of an open edit. */
  get number(): number {
    return Math.max(0, ...Array.from(this.#open.values(), ({ edit }) => edit));
  }

  /** How many edits are open. */
  get size(): number {
    return this.#open.size;
  }

  has(id: RequestId): boolean {
    return this.#open.has(id);
  }

  /** Whether exactly this request, with this signature, is open here: it was checked already. */
  isKnown({ request, signature }: SignedEditRequest): boolean {
    const known = this.#open.get(requestId(this.parts.crypto, request.value))?.signed;
    return known !== undefined && sameBytes(known.request.bytes, request.bytes) &&
      sameBytes(known.signature, signature);
  }

  *records(): IterableIterator<PreparedRecord> {
    for (const { phase, edit, view, isConsented, signed } of this.#open.values()) {
      if (phase === "agreed" || phase === "agreeing") {
        yield { kind: "prepared", edit, view, isConsented, signed };
      }
    }
  }

  /** An edit that was never heard of counts as over. */
  phaseOf(id: RequestId): VotePhase {
    return this.#open.get(id)?.phase ?? "over";
  }

  #those(phase: VotePhase): readonly Open[] {
    return [...this.#open.values()].filter((open) => open.phase === phase);
  }

  // The vote.

  prepare({ edit, view, signed, voteMs }: GroupMessageOf<"prepare">): void {
    const { group, crypto, out, coordinator, editing } = this.parts;
    const { value } = signed.request;
    if (this.#viewHere !== view) return; // the edit isn't voted on any more
    const id = requestId(crypto, value);
    const vote = { id, edit, view };
    if (this.#unheard.get(value.requester)?.refused.has(id)) {
      return this.#sayRefused(vote, ABANDONED);
    }
    // The coordinator asked twice; the edit came into the log before it asked again on another link.
    if (this.#logged.has(id)) return;
    const known = this.#open.get(id);
    if (known?.edit === edit) {
      if (known.view !== view && value.requester === this.parts.selfKey) editing.askedAnew(id);
      known.view = view; // perhaps another view than before: what we said holds in this one, too
      if (known.phase === "agreed") this.#sayAgreed(known);
      else if (known.phase === "refused") this.#sayRefused(known, known.refusal);
      return;
    }
    // The coordinator has accepted the request anew: it knows nothing of the earlier vote, which is thereby aborted.
    if (known !== undefined) this.#anew(known);
    const isAuthentic = editing.hasSigned(id, signed) || isRequestAuthentic(crypto, signed);
    const fault = requestFault(signed, group) ??
      (isAuthentic ? null : "it isn't signed by who asks for it");
    if (fault !== null) return coordinator.offends(`edit ${edit}: ${fault}`);
    // What a process that is gone asked for was decided, or aborted, by that process's view: this is a repetition.
    if (!this.#isPresent(value)) return this.#sayRefused(vote, RESTARTED_OR_GONE);
    if (this.#isNumberOpen(edit)) {
      return coordinator.offends(`edit ${edit} is another one, too`);
    }
    if (this.#meansOther(edit, signed)) return this.#sayRefused(vote, TAKEN);
    if (this.#open.size >= OPEN_MAX) {
      return coordinator.offends(`more than ${EDITS_PENDING_MAX} edits at once`);
    }
    const open: Open = {
      id,
      edit,
      signed: keptRequest(signed),
      view,
      dueMs: out.monotonicMs + voteMs,
      phase: "waiting",
      refusal: "",
      isNew: this.#isNew(value),
      inquireMs: out.nowMs + INQUIRE_MS,
      wasAsked: false,
      isLockTold: false,
      isConsented: false,
      ref: undefined,
      author: null,
    };
    this.#open.set(id, open);
    this.#goOn(open);
  }

  #isNumberOpen(edit: number): boolean {
    return this.#open.values().some((open) => open.edit === edit);
  }

  /** Whether a yes or no to this number may be meant for another request: our user was asked about that one. */
  #meansOther(edit: number, signed: SignedEditRequest): boolean {
    const asked = this.#askedAbout.get(edit);
    return asked === undefined ? edit <= this.#askedBefore : asked !== this.#digestOf(signed);
  }

  #digestOf({ request: { bytes } }: SignedEditRequest): Hash {
    return this.parts.crypto.sha256<Hash>(bytes);
  }

  #notesAsked({ edit, signed }: Open): void {
    this.#askedAbout.set(edit, this.#digestOf(signed));
    if (this.#askedAbout.size <= REMEMBERED_MAX) return;
    const lowest = Math.min(...this.#askedAbout.keys());
    this.#askedAbout.delete(lowest);
    this.#askedBefore = Math.max(this.#askedBefore, lowest);
  }

  /** Goes on with the edits that have waited for an entry, or for its lock. */
  #goOnAll(): void {
    for (const open of this.#those("waiting")) this.#goOn(open);
  }

  #goOn(open: Open): void {
    if (open.phase !== "waiting") return; // an edit before this one was refused, which let this one go on already
    const { held, looks } = this.parts;
    const { seq } = open.signed.request.value;
    const lock = this.#locks.get(seq) ?? open.id;
    if (lock !== open.id) return;
    // Decided before we came: it will change the entry, and `logged` goes on with this one.
    if (this.undelivered.changes(seq)) return;
    // The requester has the entry in its log, so all members hold it, at this place.
    if (seq > held.seq) return this.#refuseOpen(open, `there is no entry ${seq}`);
    this.#locks.set(seq, open.id);
    this.parts.reporting.changed();
    if (seq > held.logSeq) return;
    enter(open, "looking");
    looks.look(seq, open.isNew ? null : open.id, (entry) => this.#looked(open, entry));
  }

  #looked(open: Open, entry: LoggedEntryState | null): void {
    // The edit is over, or was refused meanwhile.
    if (this.#open.get(open.id) !== open || open.phase !== "looking") return;
    if (entry?.isEdited) return this.#forget(open); // the edit is in the log already: we were asked again, late
    const { out, names } = this.parts;
    const { requester, name, seq, text } = open.signed.request.value;
    if (entry === null) return this.#refuseOpen(open, `there is no entry ${seq}`);
    const other = this.#differs(open, entry);
    if (other !== null) return this.#refuseOpen(open, other);
    open.author = entry.author;
    if (!this.#mustAsk(open, entry.author.key)) return this.#agree(open);
    enter(open, "asked");
    open.wasAsked = true;
    this.#notesAsked(open);
    out.show({
      event: "vote-wanted",
      edit: open.edit,
      seq,
      by: names.shown(requester, name),
      old: entry.text,
      new: text,
      deadline: this.#deadline(open),
    });
  }

  /** Why the request isn't one for this entry as it reads now, as part of a sentence; null where it is. */
  #differs({ signed }: Open, { id, text }: LoggedEntryState): string | null {
    const { seq, entry, old } = signed.request.value;
    if (id !== entry) return `it was asked for another entry than entry ${seq}`;
    if (textDigest(this.parts.crypto, text) === old) return null;
    return `entry ${seq} has been changed since this edit was requested`;
  }

  /** Whether our user has to be asked under the rules of the group, whatever the coordinator says. */
  #mustAsk({ signed }: Open, author: PeerKey): boolean {
    const { selfKey, rules } = this.parts;
    const policy = rules()?.edits ?? "ask";
    return needsAgreement(policy, selfKey, signed.request.value.requester, author);
  }

  #deadline({ dueMs }: Open): string {
    return dateText(this.parts.wallMs() + dueMs - this.parts.out.monotonicMs);
  }

  /** Edits that wait for our user's vote, or that we agreed to and that aren't decided; without those of `Editing`. */
  get views(): readonly MemberEditView[] {
    const { monotonicMs } = this.parts.out;
    const wanted = this.#those("asked").filter(({ dueMs }) => dueMs > monotonicMs);
    const agreed = [...this.#those("agreeing"), ...this.#those("agreed")].filter(({ id }) =>
      !this.parts.editing.has(id) && this.undelivered.on(id) === null
    );
    return [
      ...wanted.map((open) => this.#shown(open, "vote-wanted", this.#deadline(open))),
      ...agreed.map((open) => this.#shown(open, "agreed", null)),
    ];
  }

  #shown(open: Open, state: "vote-wanted" | "agreed", deadline: string | null): MemberEditView {
    const { seq, requester, name, text } = open.signed.request.value;
    return {
      edit: open.edit,
      seq,
      by: this.parts.names.shown(requester, name),
      text,
      state,
      deadline,
    };
  }

  #agree(open: Open): void {
    enter(open, "agreeing");
    const { edit, view, isConsented, signed } = open;
    this.parts.out.storeThen([{ kind: "prepared", edit, view, isConsented, signed }], () => {
      if (open.phase !== "agreeing") return;
      enter(open, "agreed");
      this.#sayAgreed(open);
    });
  }

  #sayAgreed(open: Open): void {
    const { id, edit, view, author, isConsented, signed } = open;
    const { seq } = signed.request.value;
    if (author !== null) {
      // We agreed under other rules, and nobody was asked: that is no consent.
      if (!isConsented && this.#mustAsk(open, author.key)) return;
      const { signer, crypto, held, coordinator } = this.parts;
      // Our log was set aside meanwhile, and has the entry again only later: the coordinator asks anew then, or gives up.
      if (seq > held.seq) return;
      const consent = isConsented ? signConsent(signer, consentTo(crypto, signed)) : null;
      const origin = originOf(held.places.at(seq));
      const vote = { id, edit, view, agrees: true, origin, consent, reason: "" };
      return coordinator.tell({ type: "vote", ...vote });
    }
    // An earlier process of ours agreed: its yes holds, and nobody is asked again. The entry was locked since.
    this.parts.looks.look(seq, id, (entry) => {
      if (entry === null || entry.isEdited || this.#open.get(id) !== open) return;
      if (this.#differs(open, entry) !== null) return;
      open.author = entry.author;
      this.#sayAgreed(open);
    });
  }

  /** We never agree to it, in no view; it is over when the coordinator says so. */
  #refuseOpen(open: Open, reason: string): void {
    open.refusal = reason;
    enter(open, "refused");
    this.#unlock(open);
    this.#sayRefused(open, reason);
  }

  #sayRefused(
    { id, edit, view }: Pick<Open, "id" | "edit" | "view">,
    reason: string,
  ): void {
    const vote = { id, edit, view, agrees: false, origin: null, consent: null, reason };
    this.parts.coordinator.tell({ type: "vote", ...vote });
  }

  #forget(open: Open): void {
    enter(open, "over");
    this.#open.delete(open.id);
    this.#unlock(open);
  }

  #unlock({ id, signed: { request: { value: { seq } } } }: Open): void {
    if (this.#locks.get(seq) !== id) return;
    this.#locks.delete(seq);
    this.parts.reporting.changed();
    this.#goOnAll();
  }

  /** Our user's vote. @param edit Null: the only edit that waits for one. */
  answer(agrees: boolean, edit: number | null, ref: string | undefined): void {
    const { out } = this.parts;
    const asked = this.#those("asked");
    const command = agrees ? "/go" : "/abort";
    if (edit === null && asked.length > 1) {
      const numbers = asked.map((open) => `${command} ${open.edit}`).join(", ");
      return out.error("usage", `${asked.length} edits wait for your vote: ${numbers}`, ref);
    }
    const open = asked.find((one) => edit === null || one.edit === edit);
    if (open === undefined) {
      const what = edit === null ? "No edit waits" : `Edit ${edit} doesn't wait`;
      const others = asked.map((one) => one.edit).join(", ");
      const advice = others === "" ? "" : `; those that do: ${others}`;
      return out.error("not-allowed", `${what} for your vote${advice}`, ref);
    }
    if (open.dueMs <= out.monotonicMs) {
      return out.error("not-allowed", `Edit ${open.edit} doesn't wait for your vote any more`, ref);
    }
    open.ref = ref;
    if (agrees) {
      open.isConsented = true;
      this.#answered(open, this.#agreedText(open));
      return this.#agree(open);
    }
    if (!this.parts.coordinator.isUp) {
      const what = `You said no to the change of entry ${open.signed.request.value.seq}`;
      this.#answered(open, `${what}; waiting for the coordinator, which doesn't answer`);
    }
    this.#refuseOpen(open, "");
  }

  #answered({ edit, ref }: Open, text: string): void {
    this.parts.out.show({ event: "notice", text, edit }, ref);
  }

  /** Who else has voted is known to the coordinator alone. */
  #agreedText({ signed: { request: { value: { seq, requester } } } }: Open): string {
    const { names, ordering, coordinator, rules } = this.parts;
    const agreed = `You agreed to the change of entry ${seq}`;
    if (!coordinator.isUp) return `${agreed}; waiting for the coordinator, which doesn't answer`;
    const others = (ordering()?.others ?? []).filter((key) =>
      rules()?.edits === "ask" && key !== requester
    );
    if (others.length === 0) return agreed;
    const whom = inWords(others.map((key) => names.written(key)));
    return `${agreed}; it also needs the agreement of ${whom}, who may have given it already`;
  }

  /** The `ref` with which our user voted on this edit. */
  refOf({ signed: { request: { value } } }: Edit): string | undefined {
    return this.#open.get(requestId(this.parts.crypto, value))?.ref;
  }

  /** Tells our user how the edit ended, if it was asked to vote, or told of the lock. */
  #tellAsked(
    { edit, signed, wasAsked, isLockTold, ref }: Open,
    reason: string,
    outcome: "aborted" | "in-doubt" = "aborted",
  ): void {
    const { names, out, selfKey } = this.parts;
    const { seq, requester, name, text } = signed.request.value;
    if (!(wasAsked || isLockTold) || requester === selfKey) return;
    const by = names.shown(requester, name);
    out.show({ event: "edit", edit, seq, by, text, outcome, reason }, ref);
  }

  // The decision.

  /** The edit will never be committed. @param from The member that says so; null: the coordinator. */
  aborted(from: PeerKey | null, message: GroupMessageOf<"aborted">): void {
    const { id, edit } = message;
    const { selfKey: self, names, out, ordering, coordinator, editing } = this.parts;
    const open = this.#open.get(id);
    // Where nothing is open here, our user may have asked for it.
    const asker = open?.signed.request.value.requester ?? self;
    const reason = abortText(message.reason, {
      self,
      asker,
      written: (key) => names.written(key),
    });
    if (from !== null) {
      const { code, who, said } = message.reason;
      if (code !== "abandoned" || who.length > 0 || said !== "") {
        return this.parts.offends(from, "it says why another than itself aborts an edit");
      }
      // A member's word counts only while the coordinator can't be asked. It may be late: if the request was accepted
      // anew, that is another edit. Where the coordinator has signed a decision, it is committed.
      if (coordinator.isUp || open?.edit !== edit) return;
      if (this.undelivered.on(id) !== null) return;
      if (this.#isAsker(open, from)) return this.#giveUp(open, reason);
      if (!this.#mayGiveUp(open, from)) return;
      editing.aborted(id, { edit, reason });
      this.#giveUp(open, reason);
      return out.tell(ordering()?.others ?? [], message);
    }
    this.undelivered.givenUp(id);
    // After a crash the user is told twice rather than never.
    editing.aborted(id, { edit, reason });
    if (open !== undefined) this.#over(open, reason);
  }

  /**
   * Whether our user asked for the edit, and a member of the view that votes on it, whose yes is missing, refuses: the
   * edit can't be committed in this view, and won't be in a later one if we refuse from now on.
   */
  #mayGiveUp({ phase, view, signed }: Open, from: PeerKey): boolean {
    const { selfKey } = this.parts;
    const ordering = this.parts.ordering();
    return signed.request.value.requester === selfKey && phase === "agreed" &&
      ordering !== null && ordering.has(from) && ordering.epoch.view === view;
  }

  /**
   * The process that asked for the edit has given it up: users needn't wait for the coordinator. That one doesn't know
   * yet: where it asks again, we refuse.
   */
  #giveUp(open: Open, reason: string): void {
    const { id, phase } = open;
    this.#tellEnd(open, reason);
    open.wasAsked = open.isLockTold = false;
    if (phase === "agreed" || phase === "agreeing") {
      this.parts.out.noteBehind({ kind: "settled", id });
    }
    if (phase !== "refused") this.#refuseOpen(open, ABANDONED);
  }

  #tellEnd(open: Open, reason: string): void {
    const hasRefused = open.phase === "refused" && open.refusal === "";
    const { seq } = open.signed.request.value;
    const unlocked = open.isLockTold ? `; entry ${seq} isn't locked by it any more` : "";
    this.#tellAsked(open, hasRefused ? "you said no" : reason + unlocked);
  }

  /** Whether this is the process that asked for the edit, without which it can't be committed. */
  #isAsker({ signed: { request: { value: { requester, incarnation } } } }: Open, from: PeerKey) {
    return from === requester && this.#isPresent({ requester, incarnation });
  }

  #isPresent({ requester, incarnation: process }: Pick<EditRequest, "requester" | "incarnation">) {
    return this.parts.ordering()?.epoch.members.some(({ key, incarnation }) =>
      key === requester && sameBytes(incarnation, process)
    ) ?? false;
  }

  /**
   * The request is voted on anew, under another number: what we said counts for the earlier one alone. After a restart
   * nothing of that one may be left. Where our user asked for it, `settled` would end the request, too: how it ends is
   * awaited still, and settles both.
   */
  #anew(open: Open): void {
    const { id, phase, signed: { request: { value: { requester } } } } = open;
    const { out, selfKey } = this.parts;
    this.#tellAsked(open, RESTARTED);
    if ((phase === "agreed" || phase === "agreeing") && requester !== selfKey) {
      out.note({ kind: "settled", id });
    }
    this.#forget(open);
  }

  /** The edit is aborted, whether we agreed or not. */
  #over(open: Open, reason: string): void {
    const { id, phase, signed: { request: { value: { requester } } } } = open;
    const { out, selfKey } = this.parts;
    this.#tellEnd(open, reason);
    if (phase === "agreed" || phase === "agreeing") {
      const settled = { kind: "settled" as const, id };
      // If our user asked for the edit, the outcome is shown before the record is written.
      if (requester === selfKey) out.noteBehind(settled);
      else out.note(settled);
    }
    this.#forget(open);
  }

  /** A decision, signed by the coordinator, whoever passes it on. */
  committed(from: PeerKey | null, { signed }: GroupMessageOf<"committed">): void {
    this.undelivered.take(from, signed);
  }

  /** Edits are in the log. */
  logged(batches: readonly HeldBatch[]): void {
    for (const { signed, edits } of batches) {
      if (signed.batch.value.kind === "texts") continue;
      this.undelivered.logged(signed);
      for (const { edit } of edits) {
        this.#checkOwn(edit);
        this.#applied(edit.signed);
      }
    }
    this.#goOnAll();
  }

  #isNew({ requester, incarnation, number }: EditRequest): boolean {
    const last = this.#requested.get(requester);
    return last !== undefined && sameBytes(last.incarnation, incarnation) && number > last.number;
  }

  #requestLogged({ requester, incarnation, number }: EditRequest): void {
    const last = this.#requested.get(requester);
    if (last !== undefined && sameBytes(last.incarnation, incarnation)) {
      last.number = Math.max(last.number, number);
      return;
    }
    this.#requested.delete(requester);
    this.#requested.set(requester, { incarnation: incarnation.slice(), number });
    dropOldest(this.#requested, REMEMBERED_MAX);
  }

  /**
   * The decision says that our user has agreed: this profile must know of that. Not so where history is fetched that
   * this disk has lost, or never had.
   */
  #checkOwn({ edit, signed, agreed }: Edit): void {
    const { selfKey, standing, crypto } = this.parts;
    if (standing.begun === null || standing.isLost) return;
    if (!agreed.some(({ key }) => key === selfKey)) return;
    const open = this.#open.get(requestId(crypto, signed.request.value));
    const isIt = open?.isConsented === true &&
      sameBytes(open.signed.request.bytes, signed.request.bytes);
    if (!isIt) this.parts.misused([edit]);
  }

  #applied(signed: SignedEditRequest): void {
    this.#requestLogged(signed.request.value);
    const id = requestId(this.parts.crypto, signed.request.value);
    const open = this.#open.get(id);
    this.#logged.add(id);
    dropOldest(this.#logged, EDITS_PENDING_MAX);
    if (open !== undefined) {
      this.parts.out.note({ kind: "settled", id });
      this.#forget(open);
    }
    this.parts.editing.committed(id);
  }

  // Epochs, and the coordinator's absence.

  /** An epoch begins. Of undecided edits the coordinator asks again, or says that they are aborted. */
  begun(): void {
    const view = this.#viewHere ?? 0;
    if (view !== this.#view) this.#unheard.clear();
    this.#view = view;
    this.undelivered.offer();
    this.#goOnAll();
  }

  /** The log is set aside: what our user is asked about may be another entry in the one that is fetched. */
  startAnew(): void {
    this.undelivered.startAnew();
    for (const open of [...this.#open.values()]) {
      if (["waiting", "looking", "asked"].includes(open.phase)) this.#forget(open);
    }
  }

  /** We are in no view any more. */
  goOut(): void {
    this.undelivered.clear();
    this.#unheard.clear();
  }

  /** The coordinator is away: nobody can say now what becomes of the edits that we agreed to. */
  coordinatorDown(): void {
    const { out, names, selfKey } = this.parts;
    for (const open of this.#those("agreed")) {
      const { edit, signed: { request: { value: { requester, name, seq } } } } = open;
      if (requester === selfKey) continue; // our user is told as the requester, by `Editing`
      if (open.wasAsked) {
        this.#tellAsked(open, `the coordinator doesn't answer; ${TOLD_LATER}`, "in-doubt");
        continue;
      }
      open.isLockTold = true;
      const by = shownName(names.shown(requester, name));
      out.notice(
        `Entry ${seq} stays locked until the coordinator is back, or another member knows what ` +
          `became of edit ${edit}, asked for by ${by}`,
      );
    }
    this.undelivered.passOn();
  }

  /**
   * Another member, which has agreed, asks for outcomes while the coordinator is away. Any member of the epoch is told
   * a decision that is known here; only the requester of an edit has us refuse it.
   */
  inquired(key: PeerKey, { edits }: GroupMessageOf<"inquire">): void {
    const ordering = this.parts.ordering();
    if (this.parts.coordinator.isUp || ordering === null || !ordering.has(key)) return;
    /** The decisions to pass on, each once, however many of its edits are asked about. */
    const known = new Map<SignedBatch, Decision>();
    for (const asked of edits) {
      const { id } = asked;
      const decision = this.undelivered.on(id);
      const open = this.#open.get(id);
      if (decision !== null) known.set(decision.signed, decision);
      else if (open?.phase === "agreed" || open?.phase === "agreeing") continue;
      // Another than the requester, or one that voted in another view, couldn't rely on what we say.
      else if (ordering.epoch.view !== asked.view) continue;
      else if (open === undefined) this.#lookFor(key, asked);
      else if (this.#isAsker(open, key)) this.#refuseFor(key, asked, open);
    }
    for (const decision of known.values()) this.undelivered.tell(key, decision);
  }

  #refuseFor(key: PeerKey, asked: Inquired, open: Open): void {
    if (open.edit !== asked.edit) return;
    if (open.phase !== "refused") {
      this.#refuseOpen(open, ABANDONED);
      this.#tellAsked(open, `${ABANDONED}; ${TOLD_LATER}`, "in-doubt");
    }
    this.#sayAbandoned(key, asked);
  }

  #sayAbandoned(key: PeerKey, { id, edit }: Inquired): void {
    const reason = { code: "abandoned" as const, who: [], said: "" };
    this.parts.out.tell([key], { type: "aborted", id, edit, reason });
  }

  /**
   * We never heard of this edit: if we would have had to vote on it, and it isn't in our log, we refuse it. Whose it is
   * isn't known yet: it is refused only if it turns out to be this member's.
   */
  #lookFor(key: PeerKey, asked: Inquired): void {
    const { id, seq, view } = asked;
    const unheard = this.#unheard.get(key) ?? { refused: new Set(), looking: 0 };
    this.#unheard.set(key, unheard);
    if (unheard.refused.has(id)) return this.#sayAbandoned(key, asked);
    // Each look-up may end in a refusal: together they stay within what is remembered.
    if (unheard.refused.size + unheard.looking >= REMEMBERED_MAX) return;
    unheard.looking++;
    this.parts.looks.look(seq, id, (entry) => {
      unheard.looking--;
      const isStill = !this.parts.coordinator.isUp && this.#viewHere === view &&
        this.#unheard.get(key) === unheard;
      if (!isStill || this.#open.has(id) || this.undelivered.on(id) !== null) return;
      if (entry?.isEdited) return; // the edit comes with the history
      unheard.refused.add(id);
      this.#sayAbandoned(key, asked);
    });
  }

  /** The edit was found in the log. */
  found(id: RequestId): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.parts.out.note({ kind: "settled", id });
    this.#forget(open);
  }

  /** What we were told, or asked, may be lost: asks again at once. */
  inquireSoon(): void {
    for (const open of this.#open.values()) open.inquireMs = this.parts.out.nowMs;
  }

  /** The edits whose outcome is asked for now. Of those that we agreed to, other members may know it. */
  inquiries(): readonly Inquiry[] {
    const { nowMs } = this.parts.out;
    const inquiries: Inquiry[] = [];
    for (const open of this.#open.values()) {
      const { id, edit, signed, view, phase } = open;
      if (open.inquireMs > nowMs || this.undelivered.on(id) !== null) continue;
      open.inquireMs = nowMs + INQUIRE_MS;
      const { seq, requester } = signed.request.value;
      const relies = requester === this.parts.selfKey ? view : 0;
      inquiries.push({ id, edit, seq, view: relies, isAgreed: phase === "agreed" });
    }
    return inquiries;
  }
}

/** Part of a sentence. */
const RESTARTED = "the coordinator was restarted before all had agreed";
/** Part of a sentence. */
const TAKEN = "its number is that of another edit, about which its user was asked before";
/** Part of a sentence. */
const RESTARTED_OR_GONE = "the member that asked for it was restarted, or is gone";
