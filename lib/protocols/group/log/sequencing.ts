/**
 * Total order in one epoch: authors send their batches to all, the sequencer says in which order they stand, each
 * member says up to where it has them on disk, and what all have is stable: it goes to the log, and is shown.
 *
 * The picture: a fixed sequencer with stability by acknowledgement (Défago, Schiper, Urbán, Total Order Broadcast
 * and Multicast Algorithms: Taxonomy and Survey, ACM CSUR 2004, section 4.1). At most one write is under way; all that
 * comes meanwhile is the next one, so a burst costs few syncs and few acknowledgements.
 *
 * The caller passes on only what members say after their `begin` of this epoch.
 */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { invariant } from "../../../base/invariant.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { graceFor } from "../../../base/machine/slowness.ts";
import type { SignedEditRequest } from "../schema/edit.ts";
import { compareBallots, type Epoch, recordedView } from "../schema/epoch.ts";
import { Fifo } from "../../../base/collections/fifo.ts";
import type { HeldBatch, HeldBatches } from "./held_batches.ts";
import type { Promises } from "./promises.ts";
import {
  batchBytes,
  batchFault,
  type HistoryPoint,
  isAuthentic,
  isSaidAfter,
  lastCounter,
  type SignedBatch,
  type Spoken,
} from "../schema/history.ts";
import { Laggards } from "../detector/laggards.ts";
import {
  AHEADS_MAX,
  LAGGING_MS_MAX,
  MEMBERS_MAX,
  ORDER_RUNS_MAX,
  UNORDERED_BYTES_MAX,
  UNORDERED_EDITS_BYTES_MAX,
  UNSTABLE_BYTES_MAX,
  WINDOW_TEXTS,
} from "../schema/limits.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import type { MemberState } from "../schema/cut.ts";

/** Runs whose batches are awaited: twice each author's window of single texts, as a view change repeats them. */
const RUNS_WAITING_MAX = 2 * MEMBERS_MAX * WINDOW_TEXTS;

interface SequencingParts {
  readonly selfKey: PeerKey;
  readonly crypto: Crypto;
  readonly held: HeldBatches;
  readonly out: MemberOutput;
  readonly standing: Pick<Promises, "coordinator" | "mayDecide" | "view">;
  /** Why the consents that a decision brings aren't those that the rules need; null where they are. */
  readonly consentFault: (signed: SignedBatch) => string | null;
  /** Whether we have voted on exactly this request. */
  readonly isKnownRequest: (signed: SignedEditRequest) => boolean;
  /** These batches are stable; they have been taken off `held`, oldest first. */
  readonly stable: (batches: readonly HeldBatch[]) => void;
  /** This batch, our own or another member's, is on our disk. */
  readonly stored: (batch: HeldBatch) => void;
  /** A batch came that counts as a message of a channel; nothing was changed by it yet. */
  readonly received: (member: PeerKey, signed: SignedBatch) => void;
  /** The member broke a rule of the protocol: it is heard no more. */
  readonly offends: (member: PeerKey, text: string) => void;
  /** Others are waited for: `takeLaggards` is to be asked `LAGGING_MS_MAX` from now. */
  readonly waits: () => void;
  /**
   * The member acknowledges something else than we hold: called once per member and epoch; nothing becomes stable
   * until the next epoch.
   */
  readonly disagrees: (member: PeerKey, position: number) => void;
}

interface Author {
  readonly key: PeerKey;
  readonly name: string;
  readonly incarnation: string;
  /** Batches of this epoch that aren't ordered yet, as they came. */
  readonly unordered: Fifo<SignedBatch>;
  unorderedBytes: number;
  /** Number of the author's next text. */
  counter: number;
  /** What it said last, as far as it has come here; null: nothing. */
  spoken: Pick<Spoken, "incarnation" | "signedIn"> | null;
  /** Position up to which it says it has everything on its disk. */
  acked: number;
  /** Position up to which that is what we have: the rest doesn't count until it is compared. */
  agreed: number;
  /**
   * Ends that it acknowledged beyond what we have, oldest first: compared once we have them. At most `AHEADS_MAX`.
   */
  readonly aheads: HistoryPoint[];
  /** It holds something else than we do. */
  isContested: boolean;
  isCongested: boolean;
}

interface Run {
  /**
   * Position before the run; null where another run of the same order comes before it, or part of it is taken over.
   */
  after: number | null;
  readonly author: Author;
  batches: number;
}

export class Sequencing {
  readonly #authors: readonly Author[];
  readonly #byKey: ReadonlyMap<PeerKey, Author>;
  readonly #own: Author;
  readonly #others: readonly PeerKey[];
  readonly #runs = new Fifo<Run>();
  /**
   * For each process of the coordinator: number up to which its decisions are in the sequencer's queue in this epoch.
   */
  readonly #decided = new Map<string, number>();
  /** The end of the write under way; null while none is. */
  #writing: HistoryPoint | null = null;
  #stable: number;
  /** Members that acknowledgements are sent to: those that aren't congested. */
  #ackTargets: readonly PeerKey[];
  #isFrozen = false;
  /** Members that haven't acknowledged what we have on our disk. */
  readonly #unacked = new Laggards();
  /** The member that has to send or order what comes next; one at most. */
  readonly #unsent = new Laggards();

  /** The epoch starts with what `held` has, and all members have. */
  constructor(readonly epoch: Epoch, readonly parts: SequencingParts) {
    const { held, selfKey } = parts;
    this.#authors = epoch.members.map(({ key, name, incarnation: bytes }) => {
      const incarnation = bytes.toHex();
      return {
        key,
        name,
        incarnation,
        unordered: new Fifo<SignedBatch>(),
        unorderedBytes: 0,
        counter: held.everThrough(key, incarnation) + 1,
        spoken: held.lastSpoken(key),
        acked: epoch.start.position,
        agreed: epoch.start.position,
        aheads: [],
        isContested: false,
        isCongested: false,
      };
    });
    this.#byKey = new Map(this.#authors.map((author) => [author.key, author]));
    const own = this.#byKey.get(selfKey);
    invariant(own !== undefined, "one is a member of the epoch that one is in");
    this.#own = own;
    this.#others = epoch.members.flatMap(({ key }) => key === selfKey ? [] : [key]);
    this.#ackTargets = this.#others;
    this.#stable = epoch.start.position;
  }

  get others(): readonly PeerKey[] {
    return this.#others;
  }

  get sequencer(): PeerKey {
    return this.#authors[0]!.key;
  }

  get isSequencer(): boolean {
    return this.#authors[0] === this.#own;
  }

  /** Whether nothing is said in this epoch any more. */
  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  has(key: PeerKey): boolean {
    return this.#byKey.has(key);
  }

  /** Position up to which a member says it has everything. */
  ackedBy(key: PeerKey): number {
    return this.#byKey.get(key)?.acked ?? 0;
  }

  /** The members that hold least, unless all hold everything. */
  get slowest(): readonly PeerKey[] {
    const { position } = this.parts.held;
    if (this.#stable >= position) return [];
    return this.#authors.flatMap(({ key, agreed }) => agreed === this.#stable ? [key] : []);
  }

  /** Counts of what was said and has arrived, for a snapshot. */
  counts(): Pick<MemberState, "sent" | "acked" | "decided" | "peers"> {
    const { held, standing: { coordinator } } = this.parts;
    const { acked: position, counter } = this.#own;
    const digest = held.digestAt(position);
    invariant(digest !== null, "what is acknowledged ends with a batch");
    const spoken = coordinator === null ? null : held.lastSpoken(coordinator);
    const before = spoken === null ? [] : [[spoken.incarnation, spoken.through] as const];
    const [incarnation, through] = [...before, ...this.#decided].at(-1) ?? [null, 0];
    const decided = incarnation === null
      ? null
      : { incarnation: Uint8Array.fromHex(incarnation), through };
    return {
      sent: counter - 1,
      acked: { position, digest },
      decided,
      peers: this.#authors.map(({ counter, acked }) => ({ texts: counter - 1, acked })),
    };
  }

  // What is said.

  /** Sends our own batch to all others, and puts it into our own queue. */
  say(signed: SignedBatch): void {
    this.parts.out.tell(this.#others, { type: "data", signed });
    this.#enqueueTexts(this.#own, signed);
  }

  /**
   * The sequencer's part: a decision of the coordinator is next in its queue, unless it is there already.
   * @returns Why it can't be: the consents that it brings aren't those that the rules need; null otherwise.
   */
  decide(signed: SignedBatch): string | null {
    if (this.#isFrozen || !this.isSequencer || !this.#isNextDecision(signed)) return null;
    const fault = this.parts.consentFault(signed);
    if (fault !== null) return fault;
    this.parts.out.tell(this.#others, { type: "data", signed });
    this.#enqueueDecision(this.#own, signed);
    return null;
  }

  /**
   * Whether the decision is the next: decisions are repeated until they are known to be ordered, and each counts
   * once.
   */
  #isNextDecision({ batch: { value } }: SignedBatch): boolean {
    const incarnation = value.incarnation.toHex();
    const through = this.#decided.get(incarnation) ??
      this.parts.held.everThrough(value.author, incarnation);
    return value.counter === through + 1;
  }

  #enqueueDecision(sequencer: Author, signed: SignedBatch): void {
    const { value } = signed.batch;
    const incarnation = value.incarnation.toHex();
    this.#decided.set(incarnation, lastCounter(value));
    this.#enqueue(sequencer, signed);
  }

  #dataOfCoordinator(author: Author, signed: SignedBatch): void {
    const { crypto } = this.parts;
    if (author !== this.#authors[0]) {
      return this.#offends(author, "it decides for the coordinator, and isn't the sequencer");
    }
    if (
      !this.parts.standing.mayDecide(signed.batch.value.author) || !this.#isNextDecision(signed)
    ) {
      return this.#offends(author, "it passes on what the coordinator hasn't decided");
    }
    const fault = batchFault(signed, this.epoch.group);
    if (fault !== null) return this.#offends(author, fault);
    const { isKnownRequest } = this.parts;
    if (!isAuthentic(crypto, signed, isKnownRequest)) {
      return this.#offends(author, "a decision isn't signed");
    }
    this.parts.received(author.key, signed);
    this.#enqueueDecision(author, signed);
  }

  data(peer: PeerKey, signed: SignedBatch): void {
    const author = this.#byKey.get(peer);
    if (this.#isFrozen || author === undefined) return;
    const { value } = signed.batch;
    if (author.unorderedBytes + batchBytes(signed) > this.#unorderedMax(author)) {
      return this.#offends(author, "it sends more than its window has");
    }
    if (signed.view !== null) return this.#offends(author, "it says which view it speaks in");
    if (value.kind !== "texts") return this.#dataOfCoordinator(author, signed);
    if (value.author !== peer || value.incarnation.toHex() !== author.incarnation) {
      return this.#offends(author, "it says what another process would");
    }
    if (value.counter + value.texts.length <= author.counter) return; // we have it
    if (value.counter !== author.counter) {
      const { counter } = value;
      return this.#offends(author, `text ${author.counter} was to come, ${counter} came`);
    }
    const fault = this.#fault(author, signed);
    if (fault !== null) return this.#offends(author, fault);
    this.parts.received(peer, signed);
    this.#enqueueTexts(author, signed);
  }

  #unorderedMax(author: Author): number {
    const decisions = author === this.#authors[0] ? UNORDERED_EDITS_BYTES_MAX : 0;
    return UNORDERED_BYTES_MAX + decisions;
  }

  #fault({ name, incarnation, spoken }: Author, signed: SignedBatch): string | null {
    const { value } = signed.batch;
    const { signedIn } = value;
    const isLate = spoken !== null && !isSaidAfter(spoken, { incarnation, signedIn });
    if (isLate || compareBallots(signedIn, this.epoch.ballot) > 0) return "it says when it didn't";
    if (value.name !== name) return "it uses another name";
    const fault = batchFault(signed, this.epoch.group);
    if (fault !== null) return fault;
    return isAuthentic(this.parts.crypto, signed) ? null : "a batch isn't signed by it";
  }

  #enqueueTexts(author: Author, signed: SignedBatch): void {
    const { counter, texts, signedIn } = signed.batch.value;
    author.counter = counter + texts.length;
    author.spoken = { incarnation: author.incarnation, signedIn };
    this.#enqueue(author, signed);
  }

  #enqueue(author: Author, signed: SignedBatch): void {
    author.unordered.push(signed);
    author.unorderedBytes += batchBytes(signed);
    if (this.isSequencer) this.#orderFrom(author);
    else if (this.#runs.first?.author === author) this.#advance();
    this.#noteNext();
  }

  // Order.

  /** The sequencer's part: everything in the author's queue is ordered next. */
  #orderFrom(author: Author): void {
    if (this.#isFrozen) return;
    const member = this.#authors.indexOf(author);
    const { held, out } = this.parts;
    while (author.unordered.size > 0 && !this.#isFull) {
      const batches = Math.min(author.unordered.size, ORDER_RUNS_MAX);
      const runs = [{ member, batches }];
      const after = held.position;
      out.tell(this.#others, { type: "order", ballot: this.epoch.ballot, after, runs });
      for (let count = 0; count < batches; count++) this.#append(author);
    }
    this.#write();
  }

  /** Whether too much is ordered and not stable: then nothing more is ordered until others have it. */
  get #isFull(): boolean {
    return this.parts.held.bytes > UNSTABLE_BYTES_MAX;
  }

  order(peer: PeerKey, { after, runs }: GroupMessageOf<"order">): void {
    if (this.#isFrozen) return;
    const sequencer = this.#authors[0]!;
    if (peer !== sequencer.key || this.isSequencer) {
      const sender = this.#byKey.get(peer);
      if (sender !== undefined) this.#offends(sender, "it orders and isn't the sequencer");
      return;
    }
    if (this.#runs.size + runs.length > RUNS_WAITING_MAX) {
      return this.#offends(sequencer, "it orders what nobody sends");
    }
    let before: number | null = after;
    for (const { member, batches } of runs) {
      const author = this.#authors[member];
      if (author === undefined || batches === 0) {
        return this.#offends(sequencer, "it orders what can't be");
      }
      this.#runs.push({ after: before, author, batches });
      before = null;
    }
    this.#advance();
    this.#noteNext();
  }

  /** Takes over the batches that are ordered and have come, as far as there are any. */
  #advance(): void {
    for (let run = this.#runs.first; run !== undefined; run = this.#runs.first) {
      const { author } = run;
      if (author.unordered.size === 0 || this.#isFull) break;
      const { position } = this.parts.held;
      if (run.after !== null && run.after !== position) {
        // The sequencer's fault, or that of an author that sent it other texts than us.
        this.contest(this.sequencer, position + 1);
        break;
      }
      run.after = null;
      this.#append(author);
      if (--run.batches === 0) this.#runs.shift();
    }
    this.#write();
  }

  #append(author: Author): void {
    const said = author.unordered.shift()!;
    author.unorderedBytes -= batchBytes(said);
    const signed = this.#recorded(said);
    const { held, out } = this.parts;
    const fault = held.fault(signed) ?? this.parts.consentFault(signed);
    if (fault !== null) {
      return this.#offends(this.#authors[0]!, `what it orders can't follow: ${fault}`);
    }
    this.#unsent.only(null, out.nowMs);
    held.append(signed);
    this.#compareAheads();
  }

  /** The batch as the history has it. */
  #recorded(signed: SignedBatch): SignedBatch {
    const { held, standing: { view } } = this.parts;
    // The epoch's view as the coordinator signed it, where that is known.
    if (view?.epoch.value.view !== this.epoch.view) return signed;
    return held.lacksNames(view.epoch.value) ? { ...signed, view: recordedView(view) } : signed;
  }

  // Disk and acknowledgements.

  #write(): void {
    if (this.#writing !== null || this.#isFrozen) return;
    const { held, out } = this.parts;
    if (held.position === held.synced.position) return;
    const batches = held.unsynced();
    const records = batches.map(({ signed: batch, before }) => ({
      kind: "held" as const,
      after: before.position,
      batch,
    }));
    const { end, shifted } = held;
    this.#writing = end;
    out.storeThen(records, () => {
      this.#writing = null;
      held.written(shifted); // has to come before what follows
      if (held.digestAt(end.position) !== end.digest) return; // it was taken back meanwhile
      held.setSynced(end);
      for (const batch of batches) this.parts.stored(batch);
      if (this.#isFrozen) return;
      this.#own.acked = this.#own.agreed = end.position;
      for (const { key, acked, isContested } of this.#authors) {
        if (acked < end.position && !isContested) this.#unacked.owes(key, out.nowMs);
      }
      this.parts.waits();
      out.tell(this.#ackTargets, { type: "ack", ballot: this.epoch.ballot, held: end });
      this.#settle();
      this.#write();
    });
  }

  ack(peer: PeerKey, { held: point }: GroupMessageOf<"ack">): void {
    const author = this.#byKey.get(peer);
    if (this.#isFrozen || author === undefined || author === this.#own) return;
    if (author.isContested || point.position <= author.acked) return;
    const { held } = this.parts;
    const wasLeast = author.agreed === this.#stable;
    author.acked = point.position;
    if (point.position > held.position) {
      if (author.aheads.length === AHEADS_MAX) author.aheads.pop();
      author.aheads.push(point);
    } else this.#compare(author, point);
    if (author.isContested) return;
    const isOwing = author.acked < this.#own.acked;
    this.#unacked.progressed(peer, isOwing, this.parts.out.nowMs);
    if (wasLeast) this.#settle();
  }

  /** Compares what others acknowledged before we had it. */
  #compareAheads(): void {
    const { held } = this.parts;
    for (const author of this.#authors) {
      while (author.aheads.length > 0 && author.aheads[0]!.position <= held.position) {
        this.#compare(author, author.aheads.shift()!);
      }
    }
  }

  #compare(author: Author, { position, digest }: HistoryPoint): void {
    if (this.parts.held.digestAt(position) === digest) author.agreed = position;
    else this.contest(author.key, position);
  }

  /** The member is known to hold something else than we do at this position, or before it. */
  contest(peer: PeerKey, position: number): void {
    const author = this.#byKey.get(peer);
    if (this.#isFrozen || author === undefined || author.isContested) return;
    author.isContested = true;
    author.aheads.length = 0;
    this.#unacked.progressed(peer, false, this.parts.out.nowMs);
    this.parts.disagrees(peer, position);
  }

  /** Position up to which a member is known to hold what we do. */
  agreedWith(peer: PeerKey): number {
    return this.#byKey.get(peer)?.agreed ?? Infinity;
  }

  // Members that are there and hold up the others.

  /** Notes whom the next batch waits for: its author, or the sequencer where all that is ordered is stable. */
  #noteNext(): void {
    if (this.#isFrozen || this.isSequencer) return;
    const { held, out } = this.parts;
    const author = this.#runs.first?.author ?? null;
    let next: Author | null = null;
    if (author !== null) next = author.unordered.size === 0 ? author : null;
    else if (this.#own.unordered.size > 0 && held.first === null) next = this.#authors[0]!;
    this.#unsent.only(next === null || next === this.#own ? null : next.key, out.nowMs);
    if (next !== null) this.parts.waits();
  }

  /**
   * Members that have done nothing for `LAGGING_MS_MAX` toward what is waited for; and when to ask again, null if
   * never.
   */
  takeLaggards(): { readonly keys: readonly PeerKey[]; readonly nextMs: number | null } {
    if (this.#isFrozen) return { keys: [], nextMs: null };
    this.#noteNext();
    const { nowMs, clock } = this.parts.out;
    const all = [this.#unacked, this.#unsent];
    const lateMs = Math.max(clock.lateMs, ...all.map((laggards) => laggards.lateMs));
    const afterMs = LAGGING_MS_MAX + graceFor(lateMs);
    return {
      keys: all.flatMap((laggards) => laggards.overdue(afterMs, nowMs)),
      nextMs: earliestMs(...all.map((laggards) => laggards.nextMs(afterMs, nowMs))),
    };
  }

  /** What all members have goes to the log. */
  #settle(): void {
    let least = Infinity;
    for (const { agreed } of this.#authors) if (agreed < least) least = agreed;
    if (least <= this.#stable) return;
    this.#stable = least;
    const { held } = this.parts;
    const wasFull = this.#isFull;
    const batches: HeldBatch[] = [];
    for (let first = held.first; first !== null; first = held.first) {
      if (first.point.position > least) break;
      batches.push(held.shift());
    }
    if (batches.length > 0) this.parts.stable(batches);
    if (!wasFull || this.#isFull) return;
    if (this.isSequencer) { for (const author of this.#authors) this.#orderFrom(author); }
    else this.#advance();
  }

  /**
   * Repeats everything that was said in this epoch to a member to which earlier messages were lost; it hasn't said
   * anything yet, so nothing is stable.
   */
  renew(peer: PeerKey): void {
    const { held, out } = this.parts;
    const { ballot, start } = this.epoch;
    if (this.#isFrozen || !this.#byKey.has(peer)) return;
    for (const { signed } of held.batches) {
      if (this.#rowOf(signed) !== this.#own) continue;
      out.tell([peer], { type: "data", signed: { ...signed, view: null } });
    }
    for (const signed of this.#own.unordered) out.tell([peer], { type: "data", signed });
    if (this.isSequencer) {
      let after = start.position;
      let runs: { readonly member: number; readonly batches: number }[] = [];
      const order = () => {
        if (runs.length > 0) out.tell([peer], { type: "order", ballot, after, runs });
        runs = [];
      };
      for (const { signed, before } of held.batches) {
        if (runs.length === ORDER_RUNS_MAX) order();
        if (runs.length === 0) after = before.position;
        runs.push({ member: this.#authors.indexOf(this.#rowOf(signed)), batches: 1 });
      }
      order();
    }
    this.#ackTo(peer);
  }

  /** The author in whose queue the batch came: for the coordinator's decisions, the sequencer. */
  #rowOf({ batch: { value: { kind, author } } }: SignedBatch): Author {
    return kind !== "texts" ? this.#authors[0]! : this.#byKey.get(author)!;
  }

  #ackTo(peer: PeerKey): void {
    const { acked: position } = this.#own;
    const digest = this.parts.held.digestAt(position);
    if (digest === null || position === this.epoch.start.position) return;
    const { ballot } = this.epoch;
    this.parts.out.tell([peer], { type: "ack", ballot, held: { position, digest } });
  }

  /** More than 1 MiB waits for the member: it gets only the latest acknowledgement, once there is room again. */
  congested(peer: PeerKey, isCongested: boolean): void {
    const author = this.#byKey.get(peer);
    if (author === undefined || author.isCongested === isCongested) return;
    author.isCongested = isCongested;
    this.#ackTargets = this.#others.filter((key) => !this.#byKey.get(key)!.isCongested);
    if (!isCongested && !this.#isFrozen) this.#ackTo(peer);
  }

  /** Nothing is ordered, acknowledged or shown in this epoch any more; a write under way still counts. */
  freeze(): void {
    if (this.#isFrozen) return;
    this.#isFrozen = true;
    const { held } = this.parts;
    held.truncate((this.#writing ?? held.synced).position);
  }

  #offends(author: Author, text: string): void {
    this.parts.offends(author.key, text);
  }
}
