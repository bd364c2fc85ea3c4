/** Restores a member's state from its records when it starts. */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { PeerKey, RequestId } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { compareBallots, type Member } from "../schema/epoch.ts";
import { requestId } from "../schema/edit.ts";
import { HeldBatches } from "./held_batches.ts";
import { HistoryEnd, type SignedBatch } from "../schema/history.ts";
import type {
  AskedRecord,
  GroupRecord,
  MemberRecord,
  PreparedRecord,
  SaidRecord,
} from "../schema/records.ts";
import { DRAFT_INCARNATION, saidBeyond } from "./send_queue.ts";
import { Promises } from "./promises.ts";

const DRAFT = DRAFT_INCARNATION.toHex();

interface RestoredMember {
  readonly standing: Promises;
  /** Null before this member was ever in a group. */
  readonly held: HeldBatches | null;
  /** Batches of earlier processes that aren't in the log; oldest first. */
  readonly said: readonly SignedBatch[];
  /** Edits whose outcome isn't known: those that we agreed to, and those that our user asked for. */
  readonly prepared: readonly PreparedRecord[];
  readonly asked: readonly AskedRecord[];
  /** Whether the log lacks what the records say: then the member counts as lost. The records don't say so yet. */
  readonly isDamaged: boolean;
}

interface HeldRecord {
  readonly after: number;
  readonly batch: SignedBatch;
}

/** @param history The log's end; null where there is no log that can go on. */
export function restoreMember(
  records: readonly MemberRecord[],
  history: HistoryEnd | null,
  self: PeerKey,
  crypto: Crypto,
): RestoredMember {
  const restored = new Restored(self, crypto);
  for (const record of records) restored.next(record);
  return restored.end(history);
}

/** The state after the records up to a certain one. */
class Restored {
  readonly #standing = new Promises();
  readonly #beyond = new RestoredHeld();
  readonly #said: RestoredSaid;
  readonly #prepared = new Map<RequestId, PreparedRecord>();
  readonly #asked = new Map<RequestId, AskedRecord>();

  constructor(self: PeerKey, readonly crypto: Crypto) {
    this.#said = new RestoredSaid(self);
  }

  next(record: MemberRecord): void {
    const standing = this.#standing;
    const beyond = this.#beyond;
    beyond.next(record.kind);
    switch (record.kind) {
      case "group":
        return this.#enter(record);
      case "former":
        standing.former = record.signed;
        return;
      case "promised":
        if (compareBallots(record.ballot, standing.promised) < 0) return;
        return standing.promise(record.ballot, record.isLeaving);
      case "view":
        standing.view = record.signed;
        return;
      case "begun":
        standing.begin(record.signed);
        beyond.truncate(record.signed.epoch.value.start.position);
        return this.#said.begun(record.signed.epoch.value.members);
      case "recovered":
        beyond.clear();
        return standing.recover();
      case "out":
        standing.isOut = true;
        return;
      case "held":
        return beyond.add(record);
      case "dropped":
        if (record.givenUp !== undefined) this.#said.giveUp(record.givenUp);
        return beyond.truncate(record.position);
      case "levelling":
        return beyond.level(record.position);
      case "levelled":
        standing.levelled = record.ballot;
        return;
      case "said":
        return this.#said.add(record);
      case "prepared":
        this.#prepared.set(this.#idOf(record), record);
        return;
      case "asked":
        this.#asked.set(this.#idOf(record), record);
        return;
      case "settled":
        this.#prepared.delete(record.id);
        this.#asked.delete(record.id);
        return;
      case "log":
      case "new-log":
        return;
      default:
        return unreachable(record);
    }
  }

  #enter({ group, founding, coordinator, starts }: GroupRecord): void {
    const standing = this.#standing;
    const beyond = this.#beyond;
    if (standing.group !== null && standing.group !== group) {
      beyond.clear();
      this.#said.clear();
      this.#prepared.clear();
      this.#asked.clear();
    } else if (standing.coordinator === coordinator) {
      // A record that was written just before a compaction is in the file twice: then there was nothing to lose.
      if (standing.mayHaveHeld || beyond.records.length > 0) standing.lose();
      beyond.clear();
      this.#said.startAnew();
    }
    standing.enter(group, founding, coordinator);
    if (starts !== undefined) standing.starts = starts;
  }

  #idOf({ signed }: PreparedRecord | AskedRecord): RequestId {
    return requestId(this.crypto, signed.request.value);
  }

  /** The state after all records, combined with the log's end. */
  end(history: HistoryEnd | null): RestoredMember {
    const standing = this.#standing;
    const { group } = standing;
    const edits = { prepared: [...this.#prepared.values()], asked: [...this.#asked.values()] };
    if (group === null) return { standing, held: null, said: [], ...edits, isDamaged: false };
    const isOurs = history?.group === group;
    const held = new HeldBatches(isOurs ? history : new HistoryEnd(this.crypto, group));
    const start = standing.isLost ? 0 : standing.begun?.epoch.value.start.position ?? 0;
    const { records } = this.#beyond;
    // What the last epoch began with was in the log, even if the device has lost the log's end since; what follows
    // isn't known to have been.
    const hasStart = appendHeld(held, records.filter(({ after }) => after < start));
    const unlogged = isOurs ? this.#said.unlogged(history) : [];
    const isWhole = hasStart && appendHeld(held, records.filter(({ after }) => after >= start));
    const isDamaged = !isOurs || !isWhole || held.position < start;
    if (isDamaged) {
      standing.lose();
      held.truncate(held.log.position);
    }
    // The log of a member that lost something may be of another history than the one that it spoke in last.
    const said = standing.isLost ? this.#said.batches : unlogged;
    return { standing, held, said, ...edits, isDamaged };
  }
}

/** Restores what was held beyond the log. */
class RestoredHeld {
  #records: HeldRecord[] = [];
  /** What was held before `levelling`, until `levelled` comes. */
  #replaced: HeldRecord[] | null = null;

  get records(): readonly HeldRecord[] {
    return this.#replaced ?? this.#records;
  }

  /** Another record comes: if it interrupts a replacement before `levelled`, what was held stays. */
  next(kind: MemberRecord["kind"]): void {
    if (this.#replaced === null || kind === "held") return;
    if (kind !== "levelled") this.#records = this.#replaced;
    this.#replaced = null;
  }

  add(record: HeldRecord): void {
    this.#records.push(record);
  }

  clear(): void {
    this.#records = [];
  }

  truncate(position: number): void {
    this.#records = this.#records.filter(({ after }) => after < position);
  }

  /** Like `truncate`, but only if the whole replacement follows. */
  level(position: number): void {
    this.#replaced = this.#records;
    this.truncate(position);
  }
}

/** @returns Whether everything that was held beyond the log follows it. */
function appendHeld(held: HeldBatches, records: readonly HeldRecord[]): boolean {
  let isWhole = true;
  for (const { after, batch } of records) {
    if (after < held.position) continue; // the batch is in the log meanwhile
    if (after > held.position || held.fault(batch) !== null) {
      isWhole = false;
      break;
    }
    held.append(batch);
  }
  held.setSynced(held.end);
  return isWhole;
}

/** Batches of one process. A record that was written just before a compaction is in the file twice. */
class SaidBatches {
  /** Oldest first. */
  batches: SignedBatch[] = [];
  readonly #known = new Set<string>();

  add(signed: SignedBatch): void {
    const { incarnation, counter } = signed.batch.value;
    const place = `${incarnation.toHex()} ${counter}`;
    if (this.#known.has(place)) return;
    this.#known.add(place);
    this.batches.push(signed);
  }
}

/** Restores what was said, by process: see `SaidRecord`. */
class RestoredSaid {
  #said = new SaidBatches();
  /** Batches of a process whose first epoch isn't known to have begun. */
  #repeated = new SaidBatches();
  #repeatedBy = "";
  #begunAs = "";

  constructor(readonly self: PeerKey) {}

  get batches(): readonly SignedBatch[] {
    return this.#said.batches;
  }

  /** The batches that the log lacks: should the log be given up later, those in it aren't said again. */
  unlogged(log: HistoryEnd): readonly SignedBatch[] {
    return this.#beyond(log.everThrough(this.self, this.#begunAs));
  }

  clear(): void {
    this.#said = new SaidBatches();
    this.#repeated = new SaidBatches();
    this.#repeatedBy = this.#begunAs = "";
  }

  /** What was said up to this counter was in a log that is given up. */
  giveUp(through: number): void {
    this.#said.batches = this.#beyond(through);
  }

  #beyond(through: number): SignedBatch[] {
    return saidBeyond(this.batches, { incarnation: this.#begunAs, through });
  }

  /** The process that wrote this says the rest from the beginning, in its next epoch. */
  startAnew(): void {
    this.#begunAs = this.#repeatedBy = "";
  }

  add({ batch: signed }: SaidRecord): void {
    const incarnation = signed.batch.value.incarnation.toHex();
    if (incarnation === DRAFT || incarnation === this.#begunAs) return this.#said.add(signed);
    if (incarnation !== this.#repeatedBy) this.#repeated = new SaidBatches();
    this.#repeatedBy = incarnation;
    this.#repeated.add(signed);
  }

  begun(members: readonly Member[]): void {
    const incarnation = members.find(({ key }) => key === this.self)?.incarnation.toHex();
    if (incarnation === undefined || incarnation === this.#begunAs) return;
    this.#begunAs = incarnation;
    this.#said = this.#repeatedBy === incarnation ? this.#repeated : new SaidBatches();
    this.#repeated = new SaidBatches();
    this.#repeatedBy = "";
  }
}
