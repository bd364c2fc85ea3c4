/**
 * Edits that our user asks for: each request goes to the coordinator until that has accepted or refused it. Our user
 * is told the outcome of each accepted one, after a restart too. `REQUEST_PHASES` says how each goes on.
 */

import { sameBytes } from "../../../base/collections/bytes.ts";
import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { ErrorCode } from "../../../base/errors.ts";
import type { Hash, PeerKey, RequestId } from "../../../base/ids.ts";
import { shownName } from "../../../base/text/names.ts";
import { inWords } from "../../../base/text/words.ts";
import { saidByText } from "../../../base/trust/name_answers.ts";
import type { CoordinatorPort } from "../detector/coordinator_port.ts";
import {
  type Edit,
  requestId,
  type SignedEditRequest,
  signEditRequest,
  textDigest,
  TOLD_LATER,
} from "../schema/edit.ts";
import type { MemberEditView } from "../schema/events.ts";
import type { Rules } from "../schema/founding.ts";
import type { EntryLookups, HeldBatches } from "../log/held_batches.ts";
import { EDITS_QUEUED_MAX, INQUIRE_MS } from "../schema/limits.ts";
import type { LoggedEntryState } from "../schema/member_io.ts";
import type { MemberNames } from "../identity/member_names.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { EditRefusal, GroupMessageOf } from "../schema/messages.ts";
import type { AskedRecord } from "../schema/records.ts";
import type { Self, SendQueue } from "../log/send_queue.ts";

/** The group, where we are in an epoch of it. */
interface EditingGroup {
  readonly group: Hash;
  readonly held: HeldBatches;
  readonly rules: Rules | null;
  /** The members, and how the others are shown. */
  readonly present: readonly PeerKey[];
  readonly others: readonly string[];
}

interface EditingParts {
  readonly self: Self;
  readonly signer: Signer;
  readonly environment: Pick<Environment, "crypto" | "wallMs">;
  readonly out: MemberOutput;
  readonly looks: EntryLookups;
  readonly names: Pick<MemberNames, "shown">;
  /** Null while in no epoch. */
  readonly editingIn: () => EditingGroup | null;
  /** Texts of our user's that aren't entries yet. */
  readonly saying: Pick<SendQueue, "unsent">;
  readonly coordinator: Pick<CoordinatorPort, "isUp" | "tell">;
}

/** That an edit was aborted. */
export interface Aborted {
  /** The edit's number; 0: the abort concerns the request under whichever number it has. */
  readonly edit: number;
  /** Part of a sentence. */
  readonly reason: string;
}

/** A request that isn't accepted yet. */
interface Wanted {
  readonly seq: number;
  readonly text: string;
  readonly ref: string | undefined;
  /** Whether it has waited for the coordinator: then it waits for our earlier edits of that entry as well. */
  readonly hasWaited: boolean;
  /** Whether the entry is being looked up, for the request to name it. */
  isLooking: boolean;
  /** Null until the coordinator is asked. */
  signed: SignedEditRequest | null;
  id: RequestId | null;
}

interface Accepted {
  readonly edit: number;
  readonly signed: SignedEditRequest;
  readonly ref: string | undefined;
  /** Whether its number is on disk, and the user was told it; until then its outcome waits. */
  isTold: boolean;
  /** Why the edit was aborted; null if it wasn't, as far as we know. */
  aborted: string | null;
  /** Names of those that the user was told it waits for, where all other members are asked. */
  awaited: readonly string[];
  /** Whether the user was told, in this absence of the coordinator, that the edit is in doubt. */
  isDoubtTold: boolean;
  /** When the coordinator is next asked for the outcome. */
  inquireMs: number;
}

export class Editing {
  /** At most `EDITS_QUEUED_MAX`. */
  #wanted: Wanted[] = [];
  /** By id. The coordinator accepts `EDITS_MAX` of all members together; those of earlier processes are as many. */
  readonly #accepted = new Map<RequestId, Accepted>();
  #number = 0;

  constructor(readonly parts: EditingParts, asked: readonly AskedRecord[]) {
    for (const { edit, signed } of asked) {
      const id = requestId(parts.environment.crypto, signed.request.value);
      const told = {
        isTold: true,
        aborted: null,
        awaited: [],
        isDoubtTold: false,
        inquireMs: parts.out.nowMs,
      };
      this.#accepted.set(id, { edit, signed, ref: undefined, ...told });
    }
  }

  /** Edits whose outcome isn't known, accepted or not. */
  get size(): number {
    return this.#wanted.length + this.#accepted.size;
  }

  /** Accepted edits whose outcome isn't known. */
  get pending(): number {
    return this.#accepted.size;
  }

  /** The highest number of an accepted edit whose outcome isn't known. */
  get number(): number {
    return Math.max(0, ...Array.from(this.#accepted.values(), ({ edit }) => edit));
  }

  /** Edits that our user has asked for and whose outcome it doesn't know; the oldest first. */
  get views(): readonly MemberEditView[] {
    const own = { by: this.parts.self.name, deadline: null };
    const accepted = Array.from(this.#accepted.values(), ({ edit, signed }): MemberEditView => {
      const { seq, text } = signed.request.value;
      return { ...own, edit, seq, text, state: "under-way" };
    });
    const wanted = this.#wanted.map(({ seq, text }): MemberEditView => {
      return { ...own, edit: null, seq, text, state: "queued" };
    });
    return [...accepted, ...wanted];
  }

  has(id: RequestId): boolean {
    return this.#accepted.has(id);
  }

  /** Whether we have signed exactly this request, under this id: then its signature needs no check. */
  hasSigned(id: RequestId, { request, signature }: SignedEditRequest): boolean {
    const wanted = this.#wanted.find((one) => one.id === id);
    const own = (this.#accepted.get(id) ?? wanted)?.signed ?? null;
    return own !== null && sameBytes(own.request.bytes, request.bytes) &&
      sameBytes(own.signature, signature);
  }

  *records(): IterableIterator<AskedRecord> {
    for (const { edit, signed } of this.#accepted.values()) yield { kind: "asked", edit, signed };
  }

  /** The user wants entry `seq` to read `text`. */
  want(seq: number, text: string, ref: string | undefined): void {
    const { out, coordinator } = this.parts;
    const group = this.parts.editingIn();
    if (group !== null && seq > group.held.logSeq && !this.#mayCome(seq, group)) {
      return this.#noSuchEntry(seq, ref);
    }
    if (this.#wanted.length >= EDITS_QUEUED_MAX) {
      const text = `${this.#wanted.length} of your edits wait for the coordinator: try later`;
      return this.#error("full", text, seq, ref);
    }
    const isAway = !coordinator.isUp || group === null;
    const hasWaited = isAway || this.#wanted.some((one) => one.seq === seq && one.hasWaited);
    this.#wanted.push({ seq, text, ref, hasWaited, isLooking: false, signed: null, id: null });
    if (isAway) {
      const whom = coordinator.isUp ? "until you are in the group" : "for the coordinator";
      const text =
        `Your edit of entry ${seq} waits ${whom}; it is lost if this program ends before`;
      out.show({ event: "notice", text, seq }, ref);
    }
    this.pump();
  }

  /** A user who is alone, says something and edits it right away knows its number before it is an entry. */
  #mayCome(seq: number, { held, others }: EditingGroup): boolean {
    return others.length === 0 && seq <= held.logSeq + this.parts.saying.unsent;
  }

  #noSuchEntry(seq: number, ref: string | undefined): void {
    const last = this.parts.editingIn()?.held.logSeq ?? 0;
    const there = last === 0 ? "there are none yet" : `the last one is ${last}`;
    this.#error("no-such-entry", `There is no entry ${seq}: ${there}`, seq, ref);
  }

  #error(code: ErrorCode, text: string, seq: number, ref: string | undefined): void {
    this.parts.out.show({ event: "error", code, text, seq }, ref);
  }

  /** Asks the coordinator for what it wasn't asked for yet. */
  pump(): void {
    const { coordinator, looks } = this.parts;
    const group = this.parts.editingIn();
    if (group === null || !coordinator.isUp) return;
    for (const wanted of [...this.#wanted]) {
      if (wanted.signed !== null || wanted.isLooking || this.#isBehind(wanted)) continue;
      if (wanted.seq > group.held.logSeq) {
        if (this.#mayCome(wanted.seq, group)) continue;
        this.#wanted.splice(this.#wanted.indexOf(wanted), 1);
        this.#noSuchEntry(wanted.seq, wanted.ref);
        continue;
      }
      wanted.isLooking = true;
      looks.look(wanted.seq, null, (entry) => {
        wanted.isLooking = false;
        if (this.#wanted.includes(wanted)) this.#ask(wanted, entry, group.group);
      });
    }
  }

  /** Whether an earlier edit of ours locks the entry, or will. */
  #isBehind(wanted: Wanted): boolean {
    const { seq, hasWaited } = wanted;
    if (!hasWaited) return false;
    const isFirst = this.#wanted.find((one) => one.seq === seq) === wanted;
    const isRunning = ({ signed }: Accepted) => signed.request.value.seq === seq;
    return !isFirst || [...this.#accepted.values()].some(isRunning);
  }

  /** @param entry As our log has it. */
  #ask(wanted: Wanted, entry: LoggedEntryState | null, group: Hash): void {
    if (entry === null || entry.text === wanted.text) {
      this.#wanted.splice(this.#wanted.indexOf(wanted), 1);
      const text = `Entry ${wanted.seq} already reads so: there is nothing to edit`;
      if (entry === null) this.#noSuchEntry(wanted.seq, wanted.ref);
      else this.#error("usage", text, wanted.seq, wanted.ref);
      return this.pump(); // another one may have waited for it
    }
    wanted.signed = this.#signed(wanted, entry, group);
    wanted.id = requestId(this.parts.environment.crypto, wanted.signed.request.value);
    this.parts.coordinator.tell({ type: "edit", signed: wanted.signed });
  }

  #signed({ seq, text }: Wanted, entry: LoggedEntryState, group: Hash): SignedEditRequest {
    const { self: { name, incarnation }, signer, environment } = this.parts;
    const asker = { requester: signer.key, name, incarnation, number: ++this.#number };
    const askedAt = Math.max(0, Math.floor(environment.wallMs()));
    const old = textDigest(environment.crypto, entry.text);
    return signEditRequest(signer, { group, ...asker, askedAt, seq, entry: entry.id, old, text });
  }

  /** The coordinator is there and we are in an epoch, perhaps again: repeats all requests. */
  resume(): void {
    for (const accepted of this.#accepted.values()) accepted.isDoubtTold = false;
    for (const { signed } of this.#wanted) {
      if (signed !== null) this.parts.coordinator.tell({ type: "edit", signed });
    }
    this.pump();
  }

  /** What we were told, or asked, may be lost: asks again at once. */
  inquireSoon(): void {
    for (const accepted of this.#accepted.values()) accepted.inquireMs = this.parts.out.nowMs;
  }

  /** The edits whose outcome is asked for now. */
  inquiries(): GroupMessageOf<"inquire">["edits"] {
    const { nowMs } = this.parts.out;
    const due = [...this.#accepted].filter(([, { inquireMs }]) => inquireMs <= nowMs);
    return due.map(([id, accepted]) => {
      accepted.inquireMs = nowMs + INQUIRE_MS;
      const { edit, signed: { request: { value: { seq } } } } = accepted;
      return { id, edit, seq, view: 0 };
    });
  }

  accepted(message: GroupMessageOf<"edit-accepted">): void {
    const { out } = this.parts;
    const { id, edit } = message;
    const wanted = this.#take(id);
    if (wanted === null) return;
    const { signed, ref } = wanted;
    const accepted: Accepted = {
      edit,
      signed,
      ref,
      isTold: false,
      aborted: null,
      awaited: [],
      isDoubtTold: false,
      inquireMs: out.nowMs + INQUIRE_MS,
    };
    this.#accepted.set(id, accepted);
    out.storeThen([{ kind: "asked", edit, signed }], () => {
      this.#tellStarted(message, accepted);
    });
  }

  /** Tells the user that the edit has started, and whom it waits for: that depends on who said the entry. */
  #tellStarted({ id, voteMs }: GroupMessageOf<"edit-accepted">, accepted: Accepted): void {
    const { out, looks, names } = this.parts;
    const group = this.parts.editingIn();
    const policy = group?.rules?.edits ?? "auto";
    const { edit, signed, ref } = accepted;
    const { seq } = signed.request.value;
    const tell = (awaited: readonly string[], isAbsent = false) => {
      if (accepted.isTold) return; // the edit was committed meanwhile
      accepted.isTold = true;
      const absent = isAbsent ? { absent: true as const } : {};
      const wait = awaited.length === 0 ? {} : { awaited, voteMs, ...absent };
      out.show({ event: "edit-started", edit, seq, ...wait }, ref);
      if (accepted.aborted !== null) this.#tellAborted(id, accepted, accepted.aborted);
    };
    if (policy === "auto" || group === null) return tell([]);
    if (policy === "ask") return tell(accepted.awaited = group.others);
    looks.look(seq, null, (entry) => {
      const author = entry?.author ?? null;
      if (author === null || author.key === this.parts.signer.key) return tell([]);
      tell([names.shown(author.key, author.name)], !group.present.includes(author.key));
    });
  }

  /** All members of another view vote on the edit: names those that the user doesn't know to be asked. */
  askedAnew(id: RequestId): void {
    const group = this.parts.editingIn();
    const accepted = this.#accepted.get(id);
    if (accepted === undefined || group?.rules?.edits !== "ask") return;
    const { edit, isTold, aborted, awaited, ref } = accepted;
    if (!isTold || aborted !== null) return;
    const more = group.others.filter((name) => !awaited.includes(name));
    if (more.length === 0) return;
    accepted.awaited = [...awaited, ...more];
    this.parts.out.notice(
      `Edit ${edit} waits for ${inWords(more.map(shownName))} to agree, too`,
      ref,
    );
  }

  refused({ id, code, text }: GroupMessageOf<"edit-refused">): void {
    const wanted = this.#take(id);
    if (wanted === null) return;
    const { seq, ref } = wanted;
    const said = text === "" ? "" : `. ${saidByText("The coordinator", text)}`;
    this.#error(code, `${refusalText(code, seq)}${said}`, seq, ref);
    this.pump();
  }

  #take(id: RequestId): (Wanted & { readonly signed: SignedEditRequest }) | null {
    const at = this.#wanted.findIndex((wanted) => wanted.id === id);
    const signed = this.#wanted[at]?.signed ?? null;
    if (signed === null) return null;
    const [wanted] = this.#wanted.splice(at, 1);
    return { ...wanted!, signed };
  }

  /**
   * The edit is in the log, and shown next: if the user wasn't told yet that it was accepted, it is told now.
   * @returns The `ref` with which our user asked for it.
   */
  placed({ edit, signed: { request: { value } } }: Edit): string | undefined {
    const { out, environment: { crypto } } = this.parts;
    const id = requestId(crypto, value);
    const accepted = this.#accepted.get(id);
    const wanted = this.#take(id); // not null if the acceptance was lost on the way
    const ref = accepted?.ref ?? wanted?.ref;
    if (wanted === null && accepted?.isTold !== false) return ref;
    if (accepted !== undefined) accepted.isTold = true;
    out.show({ event: "edit-started", edit, seq: value.seq }, ref);
    return ref;
  }

  /** The edit is in the log, and was shown. */
  committed(id: RequestId): void {
    if (this.#accepted.delete(id)) this.parts.out.note({ kind: "settled", id });
    this.pump();
  }

  /**
   * The edit was aborted. If the request was accepted anew since, that is another edit, and this doesn't concern it.
   */
  aborted(id: RequestId, { edit, reason }: Aborted): void {
    const accepted = this.#accepted.get(id);
    if (accepted === undefined || (edit !== 0 && edit !== accepted.edit)) return;
    if (accepted.isTold) this.#tellAborted(id, accepted, reason);
    else accepted.aborted = reason;
  }

  #tellAborted(id: RequestId, accepted: Accepted, reason: string): void {
    const { out } = this.parts;
    this.#accepted.delete(id);
    this.#show(accepted, "aborted", reason);
    // After a crash the user is told twice rather than never.
    out.noteBehind({ kind: "settled", id });
    this.pump();
  }

  #show(
    { edit, signed: { request: { value } }, ref }: Accepted,
    outcome: "aborted" | "in-doubt",
    reason: string,
  ): void {
    const { seq, name: by, text } = value;
    this.parts.out.show({ event: "edit", edit, seq, by, text, outcome, reason }, ref);
  }

  /** The coordinator is away: nobody can say now what becomes of accepted edits. The user is told once per absence. */
  coordinatorDown(): void {
    this.#tellDoubt(`the coordinator doesn't answer; ${TOLD_LATER}`);
  }

  #tellDoubt(reason: string): void {
    for (const accepted of this.#accepted.values()) {
      if (!accepted.isTold || accepted.aborted !== null || accepted.isDoubtTold) continue;
      accepted.isDoubtTold = true;
      this.#show(accepted, "in-doubt", reason);
    }
  }

  /** The log is set aside for another one, where the same numbers are other entries. */
  startAnew(): void {
    this.#dropWanted("it was for the log that is set aside");
  }

  #dropWanted(why: string): void {
    for (const { seq, ref } of this.#wanted) {
      this.#error("edit-aborted", `Your edit of entry ${seq} is dropped: ${why}`, seq, ref);
    }
    this.#wanted = [];
  }

  /** The requests belong to a group that we aren't in any more. */
  forget(): void {
    this.#dropWanted("it was for another group");
    for (const [id, accepted] of this.#accepted) {
      this.#tellAborted(id, accepted, "the coordinator has another group now");
    }
  }

  /** The program ends: requests that weren't accepted are given up. Those that were may still be committed. */
  giveUp(): void {
    this.#tellDoubt("you leave before it is known; you are told the outcome when you start again");
    for (const { seq, ref } of this.#wanted) {
      const text = `Your edit of entry ${seq} wasn't asked for: the coordinator didn't answer`;
      this.#error("coordinator-down", text, seq, ref);
    }
    this.#wanted = [];
  }
}

/** What a refusal means, in our own words. */
function refusalText(code: EditRefusal, seq: number): string {
  switch (code) {
    case "entry-locked":
      return `Entry ${seq} is locked by another edit`;
    case "no-such-entry":
      return `There is no entry ${seq}`;
    case "full":
      return "Too many edits are under way";
    case "not-allowed":
      return `An edit of entry ${seq} isn't allowed`;
  }
}
