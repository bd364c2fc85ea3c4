/**
 * A member's part in edits: it locks the entry, asks its user where that is wanted, has its agreement on disk before it
 * says so, and from then on does as the coordinator has decided (two-phase commit's participant; Bernstein, Hadzilacos,
 * Goodman, Concurrency Control and Recovery in Database Systems, section 7.4).
 *
 * `VOTE_PHASES` says how an edit goes on here.
 *
 * Who has agreed never decides alone. While the coordinator is away it asks the others: one that hasn't voted refuses,
 * and that is the end of it (cooperative termination, section 7.4); one that knows the decision passes it on.
 *
 * The lock goes when the edit is in the log, or aborted: until then another edit of the entry waits here.
 */

import { dropOldest } from "../../base/bounded.ts";
import { sameBytes } from "../../base/bytes.ts";
import { dateText } from "../../base/dates.ts";
import type { PeerKey, RequestId } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import {
  type EditPolicy,
  type EditRequest,
  isRequestAuthentic,
  keptRequest,
  type NamedKey,
  needsAgreement,
  requestFault,
  requestId,
  type SignedEditRequest,
} from "./edit.ts";
import { VOTE_PHASES, type VotePhase } from "./edit_phases.ts";
import type { MemberEditView } from "./events.ts";
import type { HeldBatch } from "./held.ts";
import type { SignedBatch } from "./history.ts";
import { EDITS_PENDING_MAX, INQUIRE_MS, REMEMBERED_MAX } from "./limits.ts";
import type { Looks } from "./looks.ts";
import type { LoggedEntryState } from "./member_io.ts";
import type { MemberNames } from "./member_names.ts";
import type { GroupMessageOf } from "./messages.ts";
import type { PreparedRecord } from "./records.ts";
import { type Decision, Undelivered, type UndeliveredOwner } from "./undelivered.ts";

export interface VotingOwner extends UndeliveredOwner {
  readonly selfKey: PeerKey;
  readonly looks: Looks;
  readonly names: MemberNames;
  wallMs(): number;
  /** What `locks` are is another thing than before. */
  locksChanged(): void;
  /** It is known what became of it: it is in the log (null), or aborted. */
  edited(id: RequestId, aborted: Aborted | null): void;
}

export interface Aborted {
  /** The number under which it was; 0 where that is whichever is known. */
  readonly edit: number;
  /** Part of a sentence. */
  readonly reason: string;
}

interface Open {
  readonly id: RequestId;
  readonly edit: number;
  readonly signed: SignedEditRequest;
  /** The view that votes on it. */
  readonly view: number;
  readonly policy: EditPolicy;
  readonly dueMs: number;
  phase: VotePhase;
  /** Nothing that was asked for so late is in the log. */
  readonly isNew: boolean;
  /** From when on it is asked what became of it. */
  inquireMs: number;
  wasAsked: boolean;
  /** As the log has it. */
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

/** Voted on, or decided and not in our log; and as many of before that are in doubt. */
const OPEN_MAX = 2 * EDITS_PENDING_MAX;

type Inquired = GroupMessageOf<"inquire">["edits"][number];

/** An edit of which it isn't known what became of it. */
export type Inquiry = Inquired & {
  /** Whether we agreed: then other members may know. */
  readonly isAgreed: boolean;
};

export class Voting {
  /** At most `OPEN_MAX`. */
  readonly #open = new Map<RequestId, Open>();
  /** Which edit has the lock of an entry. */
  readonly #locks = new Map<number, RequestId>();
  /** Refused in the present view: not asked about again. */
  readonly #refused = new Set<RequestId>();
  /** Others were told so, and go by it: these are never agreed to in the present view. None is forgotten before. */
  readonly #abandoned = new Set<RequestId>();
  /** Edits that the log is asked for, since a member inquired of them. */
  #lookedFor = 0;
  /** The latest that came into the log; as many as may be asked about again. */
  readonly #logged = new Set<RequestId>();
  /** The highest number of a request that came into the log, of each requester's last process that had one. */
  readonly #requested = new Map<PeerKey, { readonly incarnation: Uint8Array; number: number }>();
  #view = 0;
  readonly undelivered: Undelivered;

  constructor(readonly owner: VotingOwner, prepared: readonly PreparedRecord[]) {
    this.undelivered = new Undelivered(owner, (signed) => this.isKnown(signed));
    for (const { edit, view, signed } of prepared) {
      const id = requestId(owner.crypto, signed.request.value);
      const seq = signed.request.value.seq;
      this.#open.set(id, {
        id,
        edit,
        signed,
        view,
        policy: "auto",
        dueMs: Infinity,
        phase: "agreed",
        isNew: false,
        inquireMs: owner.out.nowMs,
        wasAsked: false,
        author: null,
      });
      this.#locks.set(seq, id);
    }
  }

  /** Entries that are locked, by number. */
  get locks(): readonly number[] {
    return [...this.#locks.keys()].toSorted((a, b) => a - b);
  }

  /** The highest number of an edit that is known here. */
  get number(): number {
    return Math.max(0, ...Array.from(this.#open.values(), ({ edit }) => edit));
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  has(id: RequestId): boolean {
    return this.#open.has(id);
  }

  /** Whether this very request was checked: it is voted on. */
  isKnown({ request, signature }: SignedEditRequest): boolean {
    const known = this.#open.get(requestId(this.owner.crypto, request.value))?.signed;
    return known !== undefined && sameBytes(known.request.bytes, request.bytes) &&
      sameBytes(known.signature, signature);
  }

  *records(): IterableIterator<PreparedRecord> {
    for (const { phase, edit, view, signed } of this.#open.values()) {
      if (phase === "agreed" || phase === "agreeing") {
        yield { kind: "prepared", edit, view, signed };
      }
    }
  }

  /** Of what it has never heard it is over. */
  phaseOf(id: RequestId): VotePhase {
    return this.#open.get(id)?.phase ?? "over";
  }

  #those(phase: VotePhase): readonly Open[] {
    return [...this.#open.values()].filter((open) => open.phase === phase);
  }

  // The vote.

  prepare({ edit, view, signed, policy, voteMs }: GroupMessageOf<"prepare">): void {
    const { group, crypto, out, ordering } = this.owner;
    const { value } = signed.request;
    if (ordering === null || ordering.epoch.view !== view) return; // it isn't voted on any more
    const id = requestId(crypto, value);
    const vote = { id, edit, view, author: null };
    if (this.#abandoned.has(id)) return this.#sayRefused(vote, ABANDONED);
    if (this.#refused.has(id)) return this.#sayRefused(vote, "");
    // We were asked twice, and others were faster than the link on which we are asked again.
    if (this.#logged.has(id)) return;
    const known = this.#open.get(id);
    if (known?.edit === edit) {
      if (known.phase === "agreed") this.#sayAgreed(known);
      return;
    }
    // The coordinator has accepted it anew: of the vote before it knows nothing, and so that is aborted.
    if (known !== undefined) this.#anew(known);
    const fault = requestFault(signed, group) ??
      (isRequestAuthentic(crypto, signed) ? null : "it isn't signed by who asks for it");
    if (fault !== null) return this.owner.coordinatorOffends(`edit ${edit}: ${fault}`);
    // What a process that is gone asked for was decided, or aborted, by the view that it was in: it is repeated.
    const isPresent = ordering.epoch.members.some(({ key, incarnation }) =>
      key === value.requester && sameBytes(incarnation, value.incarnation)
    );
    if (!isPresent) return this.#sayRefused(vote, "who asked for it was started again, or is gone");
    if (this.#open.size >= OPEN_MAX) {
      return this.owner.coordinatorOffends(`more than ${EDITS_PENDING_MAX} edits at once`);
    }
    const open: Open = {
      id,
      edit,
      signed: keptRequest(signed),
      view,
      policy,
      dueMs: out.nowMs + voteMs,
      phase: "waiting",
      isNew: this.#isNew(value),
      inquireMs: out.nowMs + INQUIRE_MS,
      wasAsked: false,
      author: null,
    };
    this.#open.set(id, open);
    this.#goOn(open);
  }

  /** What has waited for an entry, or for its lock. */
  #goOnAll(): void {
    for (const open of this.#those("waiting")) this.#goOn(open);
  }

  #goOn(open: Open): void {
    if (open.phase !== "waiting") return; // one before it was refused, so that it went on already
    const { held, looks } = this.owner;
    const { seq } = open.signed.request.value;
    const lock = this.#locks.get(seq) ?? open.id;
    if (lock !== open.id) return;
    // Who asks has it in its log, so that all members hold it, in this order.
    if (seq > held.seq) return this.#refuseOpen(open, `there is no entry ${seq}`);
    this.#locks.set(seq, open.id);
    this.owner.locksChanged();
    if (seq > held.logSeq) return;
    enter(open, "looking");
    looks.look(seq, open.isNew ? null : open.id, (entry) => this.#looked(open, entry));
  }

  #looked(open: Open, entry: LoggedEntryState | null): void {
    if (this.#open.get(open.id) !== open) return; // it is over
    if (entry?.isEdited) return this.#forget(open); // it is asked about again, after others
    const { selfKey, out, names } = this.owner;
    const { requester, name, seq, text } = open.signed.request.value;
    if (entry === null) return this.#refuseOpen(open, `there is no entry ${seq}`);
    open.author = entry.author;
    const isAsked = needsAgreement(open.policy, selfKey, requester, entry.author.key);
    if (!isAsked) return this.#agree(open);
    enter(open, "asked");
    open.wasAsked = true;
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

  #deadline({ dueMs }: Open): string {
    return dateText(this.owner.wallMs() + dueMs - this.owner.out.nowMs);
  }

  /** Edits that wait for our user's vote. */
  get wanted(): readonly MemberEditView[] {
    const { names, out } = this.owner;
    return this.#those("asked").filter(({ dueMs }) => dueMs > out.nowMs).map((open) => {
      const { seq, requester, name, text } = open.signed.request.value;
      const by = names.shown(requester, name);
      const deadline = this.#deadline(open);
      return { edit: open.edit, seq, by, text, state: "vote-wanted", deadline };
    });
  }

  #agree(open: Open): void {
    enter(open, "agreeing");
    const { edit, view, signed } = open;
    this.owner.out.storeThen([{ kind: "prepared", edit, view, signed }], () => {
      if (this.#open.get(open.id) !== open) return;
      enter(open, "agreed");
      this.#sayAgreed(open);
    });
  }

  #sayAgreed({ id, edit, view, author }: Open): void {
    if (author === null) return; // an earlier process of ours agreed: it is asked what became of it
    this.owner.toCoordinator({ type: "vote", id, edit, view, agrees: true, author, reason: "" });
  }

  #refuseOpen(open: Open, reason: string): void {
    this.#forget(open);
    this.#refused.add(open.id);
    dropOldest(this.#refused, REMEMBERED_MAX);
    this.#sayRefused(open, reason);
  }

  #sayRefused(
    { id, edit, view, author }: Pick<Open, "id" | "edit" | "view" | "author">,
    reason: string,
  ): void {
    this.owner.toCoordinator({ type: "vote", id, edit, view, agrees: false, author, reason });
  }

  #forget(open: Open): void {
    const { id, signed } = open;
    enter(open, "over");
    const { seq } = signed.request.value;
    this.#open.delete(id);
    if (this.#locks.get(seq) !== id) return;
    this.#locks.delete(seq);
    this.owner.locksChanged();
    this.#goOnAll();
  }

  /** Our user's vote. @param edit Null: the only one that is open. */
  answer(agrees: boolean, edit: number | null, ref: string | undefined): void {
    const { out } = this.owner;
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
    if (open.dueMs <= out.nowMs) {
      return out.error("not-allowed", `Edit ${open.edit} doesn't wait for your vote any more`, ref);
    }
    if (agrees) return this.#agree(open);
    this.#refuseOpen(open, "");
    this.#tellAsked(open, "you said no");
  }

  /** Whoever was asked is told how it ended. */
  #tellAsked(
    { edit, signed, wasAsked }: Open,
    reason: string,
    outcome: "aborted" | "in-doubt" = "aborted",
  ): void {
    const { names, out, selfKey } = this.owner;
    const { seq, requester, name, text } = signed.request.value;
    if (!wasAsked || requester === selfKey) return;
    const by = names.shown(requester, name);
    out.show({ event: "edit", edit, seq, by, text, outcome, reason });
  }

  // The decision.

  /** It will never be committed. @param from A member that says so, null the coordinator. */
  aborted(from: PeerKey | null, { id, edit, reason }: GroupMessageOf<"aborted">): void {
    const { isCoordinatorUp, ordering } = this.owner;
    const open = this.#open.get(id);
    if (from !== null) {
      // Of the members who had a vote only who is in doubt believes it, while the coordinator can't be asked. It may
      // come late, when the request was accepted anew: that one is another edit.
      const isOne = ordering !== null && ordering.has(from) && ordering.epoch.view === open?.view;
      if (isCoordinatorUp || open?.phase !== "agreed" || open.edit !== edit || !isOne) return;
      if (this.undelivered.on(id) !== null) return; // the coordinator has signed otherwise
    }
    // Told twice after a crash rather than never.
    this.owner.edited(id, { edit, reason });
    if (open !== undefined) this.#over(open, reason);
  }

  /** It is another edit from now on: that is on disk in this one's place, where we agree again. */
  #anew(open: Open): void {
    this.#tellAsked(open, RESTARTED);
    this.#forget(open);
  }

  /** It is aborted, whether we agreed or not. */
  #over(open: Open, reason: string): void {
    const { id, phase, signed: { request: { value: { requester } } } } = open;
    const { out, selfKey } = this.owner;
    this.#tellAsked(open, reason);
    if (phase === "agreed" || phase === "agreeing") {
      const settled = { kind: "settled" as const, id };
      // Who asked for it is told first.
      if (requester === selfKey) out.noteBehind(settled);
      else out.note(settled);
    }
    this.#forget(open);
  }

  /** Whoever sends it: the coordinator has signed it. */
  committed(from: PeerKey | null, { signed }: GroupMessageOf<"committed">): void {
    this.undelivered.take(from, signed);
  }

  /** Edits are in the log. */
  logged(batches: readonly HeldBatch[]): void {
    /** The last one of each of the coordinator's processes. */
    const last = new Map<string, SignedBatch>();
    for (const { signed, edits } of batches) {
      if (edits.length === 0) continue;
      last.set(signed.batch.value.incarnation.toHex(), signed);
      this.undelivered.logged(signed);
      for (const { edit } of edits) this.#applied(edit.signed);
    }
    for (const one of this.owner.ordering === null ? [] : last.values()) {
      this.undelivered.sayApplied(one);
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

  #applied(signed: SignedEditRequest): void {
    this.#requestLogged(signed.request.value);
    const id = requestId(this.owner.crypto, signed.request.value);
    const open = this.#open.get(id);
    this.#logged.add(id);
    dropOldest(this.#logged, EDITS_PENDING_MAX);
    if (open !== undefined) {
      this.owner.out.note({ kind: "settled", id });
      this.#forget(open);
    }
    this.owner.edited(id, null);
  }

  // Epochs, and the coordinator's absence.

  /** An epoch begins. What wasn't agreed to before another view is aborted: its coordinator has said so, or will. */
  begun(): void {
    const view = this.owner.ordering?.epoch.view ?? 0;
    if (view !== this.#view) this.#forgetRefused();
    this.#view = view;
    for (const open of [...this.#open.values()]) {
      if (open.view === view || open.phase === "agreed" || open.phase === "agreeing") continue;
      this.#forget(open);
      this.#tellAsked(open, "the group's members changed meanwhile");
    }
    this.undelivered.offer();
    this.#goOnAll();
  }

  /** In no view any more. */
  goOut(): void {
    this.undelivered.clear();
    this.#forgetRefused();
  }

  /** Nobody votes in that view any more. */
  #forgetRefused(): void {
    this.#refused.clear();
    this.#abandoned.clear();
  }

  /** Nobody can say now what becomes of what we agreed to. */
  coordinatorDown(): void {
    const { out, names, selfKey } = this.owner;
    for (const open of this.#those("agreed")) {
      const { edit, signed: { request: { value: { requester, name, seq } } } } = open;
      if (requester === selfKey) continue; // that is told as its own edit's outcome
      this.#tellAsked(open, "the coordinator doesn't answer; told when it is back", "in-doubt");
      if (open.wasAsked) continue;
      const by = names.shown(requester, name);
      out.notice(
        `Entry ${seq} stays locked until the coordinator is back, or another member knows what ` +
          `became of edit ${edit}, asked for by ${by}`,
      );
    }
    this.undelivered.passOn();
  }

  /** Another member has agreed, and the coordinator is away. */
  inquired(key: PeerKey, { edits }: GroupMessageOf<"inquire">): void {
    const { ordering } = this.owner;
    if (this.owner.isCoordinatorUp || ordering === null || !ordering.has(key)) return;
    /** Each once, however many of its edits are asked about. */
    const known = new Map<SignedBatch, Decision>();
    for (const asked of edits) {
      const { id } = asked;
      const decision = this.undelivered.on(id);
      const open = this.#open.get(id);
      if (decision !== null) known.set(decision.signed, decision);
      else if (open?.phase === "agreed" || open?.phase === "agreeing") continue;
      else if (open !== undefined) this.#refuseFor(key, asked, open);
      else if (this.#refused.has(id)) this.#abandon(key, asked);
      else this.#lookFor(key, asked);
    }
    for (const decision of known.values()) this.undelivered.tell(key, decision);
  }

  #refuseFor(key: PeerKey, asked: Inquired, open: Open): void {
    if (!this.#abandon(key, asked)) return;
    this.#forget(open);
    this.#tellAsked(open, ABANDONED);
    this.owner.edited(open.id, { edit: open.edit, reason: ABANDONED });
  }

  /** @returns False where more is remembered than there can be edits: who asks so much waits for the coordinator. */
  #abandon(key: PeerKey, { id, edit }: Inquired): boolean {
    if (this.#abandoned.size >= REMEMBERED_MAX && !this.#abandoned.has(id)) return false;
    this.#abandoned.add(id);
    this.owner.out.tell([key], { type: "aborted", id, edit, reason: ABANDONED });
    return true;
  }

  /** We never heard of it: where we would have had to vote on it, and it isn't in our log, it is refused. */
  #lookFor(key: PeerKey, asked: Inquired): void {
    const { id, seq, view } = asked;
    if (this.owner.ordering?.epoch.view !== view) return;
    // No more are abandoned than are remembered: nor is the log asked for more.
    if (this.#abandoned.size + this.#lookedFor >= REMEMBERED_MAX) return;
    this.#lookedFor++;
    this.owner.looks.look(seq, id, (entry) => {
      this.#lookedFor--;
      const isStill = !this.owner.isCoordinatorUp && this.owner.ordering?.epoch.view === view;
      if (!isStill || this.#open.has(id) || this.undelivered.on(id) !== null) return;
      if (entry?.isEdited) return; // it comes with the history
      this.#abandon(key, asked);
    });
  }

  /** It was found in the log. */
  found(id: RequestId): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.owner.out.note({ kind: "settled", id });
    this.#forget(open);
  }

  /** What was told, or asked, may be lost. */
  inquireSoon(): void {
    for (const open of this.#open.values()) open.inquireMs = this.owner.out.nowMs;
  }

  /** What became of these should be known by now; of those that we agreed to, others may know. */
  inquiries(): readonly Inquiry[] {
    const { nowMs } = this.owner.out;
    const inquiries: Inquiry[] = [];
    for (const open of this.#open.values()) {
      const { id, edit, signed, view, phase } = open;
      if (open.inquireMs > nowMs || this.undelivered.on(id) !== null) continue;
      open.inquireMs = nowMs + INQUIRE_MS;
      const { seq } = signed.request.value;
      inquiries.push({ id, edit, seq, view, isAgreed: phase === "agreed" });
    }
    return inquiries;
  }
}

/** Part of a sentence. */
const ABANDONED = "the coordinator went away before all had agreed";
const RESTARTED = "the coordinator was restarted before all had agreed";
