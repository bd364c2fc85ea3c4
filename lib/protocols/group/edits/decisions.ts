/**
 * Edits that the coordinator has decided to commit, and rules that it has set: signed, on disk before anybody is told,
 * and sent to the members of each view until all of them have them in their logs.
 *
 * At most one write is under way: edits that are decided meanwhile share the next one, so that many edits at once
 * cost few syncs, few signatures and few places in the order.
 *
 * Rules change while no edit is under way: they are set when all earlier decisions are in all logs, and nobody votes
 * until they are in all logs themselves. So each edit is decided under the rules that are in force at its place.
 */

import { NO_BALLOT } from "../schema/epoch.ts";
import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Crypto, Signer } from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey, RequestId } from "../../../base/ids.ts";
import type { Attendance } from "../detector/attendance.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import { type Edit, requestId } from "../schema/edit.ts";
import type { EditView } from "../schema/events.ts";
import type { Founding, Rules } from "../schema/founding.ts";
import {
  type Batch,
  batchFault,
  COORDINATOR_NAME,
  isAuthentic,
  keptBatch,
  lastCounter,
  placesOf,
  signBatch,
  type SignedBatch,
} from "../schema/history.ts";
import {
  BATCH_EDITS_BYTES_MAX,
  BATCH_EDITS_MAX,
  DECIDERS_KEPT_MAX,
  EDITS_PENDING_MAX,
} from "../schema/limits.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import type { OwnKeys } from "../identity/own_keys.ts";
import type { CoordinatorRecord } from "../schema/records.ts";
import type { Decided } from "../schema/cut.ts";
import type { Views } from "../detector/views.ts";

interface DecisionsParts {
  readonly group: Hash;
  readonly founding: Founding;
  /** The rules that are to be in force. */
  readonly rules: Rules;
  readonly signer: Signer;
  readonly keys: OwnKeys;
  readonly crypto: Crypto;
  readonly views: Views;
  readonly attendance: Attendance;
  readonly out: CoordinatorOutput;
  /** Draws an incarnation: for this process, and for each history that starts anew. */
  newIncarnation(): Uint8Array;
  wallMs(): number;
}

/** Edits that were decided together. */
interface Committed {
  readonly signed: SignedBatch;
  readonly ids: readonly RequestId[];
  readonly incarnation: string;
  /** Counter of the last edit. */
  readonly through: number;
  isStored: boolean;
  /** Members of the present view that haven't said that these edits are in their logs. */
  readonly awaited: Set<PeerKey>;
  /** Those of them whose logs rule it out, as they say. */
  readonly refusedBy: Set<PeerKey>;
  /** Whether the operator was told that somebody refuses it. */
  isRefusalTold: boolean;
}

/** Decisions that are given up. */
interface GivenUp {
  readonly edits: readonly Edit[];
  readonly refusedBy: readonly PeerKey[];
}

export class Decisions {
  /** Decided edits that wait for the write under way. */
  #waiting: Edit[] = [];
  #isWriting = false;
  /** In the order that they have in the history; bounded by `EDITS_PENDING_MAX`. */
  #committed: Committed[] = [];
  /**
   * Up to which counter the decisions of each process of the coordinator are over: in all logs, or given up. A member
   * that brings one again is ignored. By incarnation, for the latest processes.
   */
  readonly #over = new Map<string, number>();
  /** The rules that were decided last; null: not known. */
  #rules: Rules | null;
  /** Whether none were decided since the founding. */
  #isAsFounded = true;
  #incarnation: Uint8Array;
  #counter = 1;

  constructor(readonly parts: DecisionsParts, readonly stored: (edits: readonly Edit[]) => void) {
    this.#incarnation = parts.newIncarnation();
    this.#rules = { edits: parts.founding.edits };
  }

  /** Whether something waits for a call of `write`. */
  get isWaiting(): boolean {
    return !this.#isWriting && (this.#waiting.length > 0 || this.#mayRule);
  }

  /** Whether the rules that are to be in force aren't known to be so at all members: then nobody may vote. */
  get isRuling(): boolean {
    return this.#isOtherRules ||
      this.#committed.some(({ signed }) => signed.batch.value.kind === "rules");
  }

  get #isOtherRules(): boolean {
    return this.#rules?.edits !== this.parts.rules.edits;
  }

  get #mayRule(): boolean {
    return this.#isOtherRules && this.#committed.length === 0 && this.#waiting.length === 0;
  }

  /** Whether something is decided that nobody was told yet. */
  get isUnderWay(): boolean {
    return this.#isWriting || this.#waiting.length > 0;
  }

  /** Decided edits that nobody was told yet. */
  get undecided(): readonly Edit[] {
    const writing = this.#committed.filter(({ isStored }) => !isStored);
    return [...writing.flatMap(({ signed }) => signed.batch.value.edits), ...this.#waiting];
  }

  /** Edits that are decided and not known to be in all logs. */
  get size(): number {
    return this.#committed.reduce((sum, { ids }) => sum + ids.length, this.#waiting.length);
  }

  /** Up to which counter this incarnation has decided; null where it has decided nothing. */
  get decided(): Decided | null {
    const incarnation = this.#incarnation;
    return this.#counter === 1 ? null : { incarnation, through: this.#counter - 1 };
  }

  /** The number of an edit that is decided and not in all logs; null where it isn't. */
  editOf(id: RequestId): number | null {
    const { crypto } = this.parts;
    const isIt = ({ signed }: Edit) => requestId(crypto, signed.request.value) === id;
    const waiting = this.#waiting.find(isIt);
    if (waiting !== undefined) return waiting.edit;
    for (const { ids, signed: { batch: { value } } } of this.#committed) {
      const at = ids.indexOf(id);
      if (at !== -1) return value.edits[at]!.edit;
    }
    return null;
  }

  // The disk.

  restore(record: Extract<CoordinatorRecord, { kind: "committed" | "applied" | "rules" }>): void {
    if (record.kind === "rules") this.#ruled(record.rules);
    else if (record.kind === "committed") this.#add(record.batch, true);
    else this.#forget(record.incarnation, record.counter);
  }

  #ruled(rules: Rules | null): CoordinatorRecord {
    this.#rules = rules;
    this.#isAsFounded = false;
    return { kind: "rules", rules };
  }

  *records(): IterableIterator<CoordinatorRecord> {
    if (!this.#isAsFounded) yield { kind: "rules", rules: this.#rules };
    for (const [incarnation, counter] of this.#over) {
      yield { kind: "applied", incarnation, counter };
    }
    for (const { signed: batch } of this.#committed) yield { kind: "committed", batch };
  }

  /** A record that was written just before a compaction is in the file twice. */
  #add(signed: SignedBatch, isStored: boolean): Committed {
    const { value } = signed.batch;
    const { incarnation, edits } = value;
    const { crypto, views } = this.parts;
    const committed: Committed = {
      signed,
      ids: edits.map((edit) => requestId(crypto, edit.signed.request.value)),
      incarnation: incarnation.toHex(),
      through: lastCounter(value),
      isStored,
      awaited: new Set(views.members.map(({ key }) => key)),
      refusedBy: new Set(),
      isRefusalTold: false,
    };
    if (!this.#isKnown(committed)) this.#committed.push(committed);
    return committed;
  }

  /** Whether the decision is known, or over. */
  #isKnown({ incarnation, through }: Pick<Committed, "incarnation" | "through">): boolean {
    if (through <= (this.#over.get(incarnation) ?? 0)) return true;
    return this.#committed.some((known) =>
      known.incarnation === incarnation && known.through === through
    );
  }

  #forget(incarnation: string, through: number): void {
    this.#setOver(incarnation, through);
    this.#committed = this.#committed.filter((committed) =>
      committed.incarnation !== incarnation || committed.through > through
    );
  }

  #setOver(incarnation: string, through: number): void {
    this.#over.set(incarnation, Math.max(through, this.#over.get(incarnation) ?? 0));
    dropOldest(this.#over, DECIDERS_KEPT_MAX);
  }

  // Deciding.

  /** All have agreed: the edit is decided once it is on disk. */
  decide(edit: Edit): void {
    this.#waiting.push(edit);
  }

  /** Writes the edits that all have agreed to, or the rules, unless a write is under way. */
  write(): void {
    if (this.#isWriting) return;
    if (this.#waiting.length > 0) {
      return this.#write({ kind: "edits", edits: this.#takeSome(), rules: null });
    }
    if (!this.#mayRule) return;
    const { rules } = this.parts;
    this.#write({ kind: "rules", edits: [], rules }, this.#ruled(rules));
  }

  #write(
    decided: Pick<Batch, "kind" | "edits" | "rules">,
    ...records: readonly CoordinatorRecord[]
  ): void {
    const { signer, group, out } = this.parts;
    const { edits } = decided;
    const signed = signBatch(signer, {
      ...decided,
      group,
      author: signer.key,
      name: COORDINATOR_NAME,
      incarnation: this.#incarnation,
      counter: this.#counter,
      signedIn: NO_BALLOT,
      sentAt: this.parts.wallMs(),
      texts: [],
    });
    this.#counter += placesOf(signed.batch.value);
    const committed = this.#add(signed, false);
    this.#isWriting = true;
    out.storeThen([...records, { kind: "committed", batch: signed }], () => {
      this.#isWriting = false;
      committed.isStored = true;
      const isKept = this.#committed.includes(committed); // otherwise the history was given up meanwhile
      if (isKept) {
        for (const key of committed.awaited) this.#tellOne(key, committed);
      }
      this.stored(isKept ? edits : []);
    });
  }

  /** As many edits as a batch takes, at least one. */
  #takeSome(): readonly Edit[] {
    let bytes = 0;
    let count = 0;
    for (const { signed, agreed } of this.#waiting) {
      bytes += signed.request.bytes.length + 256 + 264 * agreed.length;
      if (count > 0 && (bytes > BATCH_EDITS_BYTES_MAX || count === BATCH_EDITS_MAX)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  // Until all have it.

  /** Another view: all its members need the decisions. */
  viewDecided(members: readonly PeerKey[]): void {
    for (const { awaited, refusedBy } of this.#committed) {
      awaited.clear();
      refusedBy.clear();
      for (const key of members) awaited.add(key);
    }
  }

  /** Sends all decisions that aren't in all logs: the member may be the sequencer, or be told for the first time. */
  tell(key: PeerKey): void {
    for (const committed of this.#committed) this.#tellOne(key, committed);
  }

  #tellOne(key: PeerKey, { signed, isStored }: Committed): void {
    const { attendance, out } = this.parts;
    const link = attendance.get(key)?.link ?? null;
    if (isStored && link !== null) out.send(link, { type: "committed", signed });
  }

  applied(key: PeerKey, { incarnation, through }: GroupMessageOf<"applied">): void {
    const id = incarnation.toHex();
    let isOver = false;
    for (const committed of this.#committed) {
      if (committed.incarnation !== id || committed.through > through) continue;
      if (committed.awaited.delete(key) && committed.awaited.size === 0) isOver = true;
    }
    if (isOver) this.#forgetApplied();
  }

  /** Forgets applied decisions of each process from the first on: a log that lacks one lacks the later ones, too. */
  #forgetApplied(): void {
    const awaited = new Set<string>();
    this.#committed = this.#committed.filter((committed) => {
      const { incarnation, through: counter } = committed;
      const isOver = committed.isStored && committed.awaited.size === 0;
      if (!isOver || awaited.has(incarnation)) {
        awaited.add(incarnation);
        return true;
      }
      this.#setOver(incarnation, counter);
      this.parts.out.note({ kind: "applied", incarnation, counter });
      return false;
    });
  }

  /**
   * A member of the view says that its log rules a decision out. What is decided from now on doesn't follow it.
   * @returns The numbers of its edits, if that is news.
   */
  refusedBy(
    key: PeerKey,
    { incarnation, through }: GroupMessageOf<"impossible">,
  ): readonly number[] {
    const id = incarnation.toHex();
    const committed = this.#committed.find((one) =>
      one.incarnation === id && one.through === through && one.awaited.has(key)
    );
    if (committed === undefined) return [];
    committed.refusedBy.add(key);
    if (committed.isRefusalTold) return [];
    committed.isRefusalTold = true;
    if (id === this.#incarnation.toHex()) this.#countAnew();
    return committed.signed.batch.value.edits.map(({ edit }) => edit);
  }

  /**
   * Gives up what the logs of all members of the view rule out, where it is the first of its process that isn't in all
   * logs, and with it what that process decided after it: no log can have that either, as none has a gap.
   */
  takeRefused(): readonly GivenUp[] {
    const { views, out } = this.parts;
    const firsts = new Map<string, Committed>();
    for (const one of this.#committed) {
      if (!firsts.has(one.incarnation)) firsts.set(one.incarnation, one);
    }
    const size = views.members.length;
    const refused = [...firsts.values()].filter(({ refusedBy }) =>
      size > 0 && refusedBy.size === size
    );
    // Or the rules of their logs aren't those that this disk knows, as it is an old copy: ours are set again.
    if (refused.length > 0) out.store(this.#ruled(null));
    return refused.map(({ incarnation, refusedBy }) => {
      const gone = this.#committed.filter((one) => one.incarnation === incarnation);
      this.#committed = this.#committed.filter((one) => one.incarnation !== incarnation);
      for (const { through: counter } of gone) {
        this.#setOver(incarnation, counter);
        out.store({ kind: "applied", incarnation, counter });
      }
      const edits = gone.flatMap(({ signed }) => signed.batch.value.edits);
      return { edits, refusedBy: [...refusedBy] };
    });
  }

  /** A member knows of a decision that isn't in its log: this disk may have lost it. @returns What is wrong with it. */
  heardOf(signed: SignedBatch): string | null {
    const { keys, group, crypto, out } = this.parts;
    const { value } = signed.batch;
    const { author, incarnation, edits } = value;
    const place = { incarnation: incarnation.toHex(), through: lastCounter(value) };
    if (this.#isKnown(place)) return null;
    if (!keys.mayDecide(author) || batchFault(signed, group) !== null) {
      return "it was never decided";
    }
    if (!isAuthentic(crypto, signed)) return "it brings a decision that isn't signed";
    if (this.size + edits.length > EDITS_PENDING_MAX) return null; // the member brings it again
    const batch = keptBatch(signed);
    const committed = this.#add(batch, false);
    // Its rules may come after those that were set since: they are set again.
    const records = value.kind === "rules" ? [this.#ruled(null)] : [];
    out.storeThen([...records, { kind: "committed", batch }], () => {
      committed.isStored = true;
      for (const key of committed.awaited) this.#tellOne(key, committed);
    });
    return null;
  }

  /**
   * Counts in a new incarnation: the history may lack the latest decisions, and what is decided now doesn't follow
   * them.
   */
  beginAnew(): void {
    // The rules that were set last may be among what is given up: they are set again.
    if (!this.#isAsFounded) this.parts.out.store(this.#ruled(null));
    this.#countAnew();
  }

  #countAnew(): void {
    this.#incarnation = this.parts.newIncarnation();
    this.#counter = 1;
  }

  /**
   * The history is given up for an older one: what was decided for it is void, and later decisions don't follow it.
   * @returns The edits that are void, and the records to write.
   */
  giveUp(): { readonly edits: readonly Edit[]; readonly records: readonly CoordinatorRecord[] } {
    const committed = this.#committed;
    const edits = [
      ...committed.flatMap(({ signed }) => signed.batch.value.edits),
      ...this.#waiting,
    ];
    this.#committed = [];
    this.#waiting = [];
    this.beginAnew();
    const records = committed.map(({ incarnation, through: counter }) => {
      this.#setOver(incarnation, counter);
      return { kind: "applied" as const, incarnation, counter };
    });
    return { edits, records };
  }

  /** The answer to `/edits`. */
  views(): readonly EditView[] {
    return this.#committed.flatMap(({ signed, awaited }) => {
      const names = this.parts.views.members.filter(({ key }) => awaited.has(key))
        .map(({ name }) => name);
      return signed.batch.value.edits.map(({ edit, signed: { request: { value } } }): EditView => ({
        edit,
        seq: value.seq,
        by: value.name,
        text: value.text,
        state: "committed",
        awaited: names,
        deadline: null,
      }));
    });
  }
}
