/** What a member's records say when it starts. */

import type { Crypto } from "../../base/crypto.ts";
import type { PeerKey, RequestId } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import { compareBallots } from "./ballot.ts";
import { requestId } from "./edit.ts";
import type { Member } from "./epoch.ts";
import { Held } from "./held.ts";
import { HistoryEnd, type SignedBatch } from "./history.ts";
import type { AskedRecord, MemberRecord, PreparedRecord, SaidRecord } from "./records.ts";
import { DRAFT_INCARNATION } from "./saying.ts";
import { Standing } from "./standing.ts";

const DRAFT = DRAFT_INCARNATION.toHex();

export interface RestoredMember {
  readonly standing: Standing;
  /** Null before it was ever in a group. */
  readonly held: Held | null;
  /** Said by earlier processes, oldest first. */
  readonly said: readonly SignedBatch[];
  /** Edits of which it isn't known what became of them: agreed to, and asked for. */
  readonly prepared: readonly PreparedRecord[];
  readonly asked: readonly AskedRecord[];
  /** The log lacks what the records say: it doesn't count as having come back. That isn't on disk yet. */
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
  const standing = new Standing();
  const beyond = new RestoredHeld();
  const said = new RestoredSaid(self);
  const edits = {
    prepared: new Map<RequestId, PreparedRecord>(),
    asked: new Map<RequestId, AskedRecord>(),
  };
  const idOf = ({ signed }: PreparedRecord | AskedRecord) =>
    requestId(crypto, signed.request.value);
  for (const record of records) {
    beyond.next(record.kind);
    switch (record.kind) {
      case "group":
        if (standing.group !== null && standing.group !== record.group) {
          beyond.clear();
          said.clear();
          edits.prepared.clear();
          edits.asked.clear();
        } else if (standing.coordinator === record.coordinator) {
          // What was written just before a compaction stands in the file twice: then there was nothing to lose.
          if (standing.hasHeld || beyond.records.length > 0) standing.lose();
          beyond.clear();
          said.startAnew();
        }
        standing.enter(record.group, record.coordinator);
        break;
      case "former":
        standing.former = record.signed;
        break;
      case "promised":
        if (compareBallots(record.ballot, standing.promised) < 0) break;
        standing.promise(record.ballot, record.isLeaving);
        break;
      case "view":
        standing.view = record.signed;
        break;
      case "begun":
        standing.begin(record.signed);
        beyond.truncate(record.signed.epoch.value.start.position);
        said.begun(record.signed.epoch.value.members);
        break;
      case "recovered":
        beyond.clear();
        standing.recover();
        break;
      case "out":
        standing.isOut = true;
        break;
      case "held":
        beyond.add(record);
        break;
      case "dropped":
        beyond.truncate(record.position);
        break;
      case "levelling":
        beyond.level(record.position);
        break;
      case "levelled":
        standing.levelled = record.ballot;
        break;
      case "said":
        said.add(record);
        break;
      case "prepared":
        edits.prepared.set(idOf(record), record);
        break;
      case "asked":
        edits.asked.set(idOf(record), record);
        break;
      case "settled":
        edits.prepared.delete(record.id);
        edits.asked.delete(record.id);
        break;
      case "log":
      case "new-log":
        break;
      default:
        unreachable(record);
    }
  }
  const { group } = standing;
  const open = { prepared: [...edits.prepared.values()], asked: [...edits.asked.values()] };
  if (group === null) return { standing, held: null, said: [], ...open, isDamaged: false };
  const isOurs = history?.group === group;
  const held = new Held(isOurs ? history : new HistoryEnd(crypto, group));
  const isWhole = appendHeld(held, beyond.records);
  const start = standing.isLost ? 0 : standing.begun?.epoch.value.start.position ?? 0;
  const isDamaged = !isOurs || !isWhole || held.position < start;
  if (isDamaged) {
    standing.lose();
    held.truncate(held.log.position);
  }
  return { standing, held, said: said.batches, ...open, isDamaged };
}

/** What was held beyond the log. */
class RestoredHeld {
  #records: HeldRecord[] = [];
  /** What was held before `levelling`, until `levelled` is there. */
  #replaced: HeldRecord[] | null = null;

  get records(): readonly HeldRecord[] {
    return this.#replaced ?? this.#records;
  }

  /** A record comes: where that breaks off what takes the place of something, that stays. */
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

  /** The same, if all that is to follow is there. */
  level(position: number): void {
    this.#replaced = this.#records;
    this.truncate(position);
  }
}

/** @returns Whether all that was held beyond the log follows it. */
function appendHeld(held: Held, records: readonly HeldRecord[]): boolean {
  let isWhole = true;
  for (const { after, batch } of records) {
    if (after < held.position) continue; // in the log meanwhile
    if (after > held.position || held.fault(batch) !== null) {
      isWhole = false;
      break;
    }
    held.append(batch);
  }
  held.setSynced(held.end);
  return isWhole;
}

/** What one process said: what was written just before a compaction stands in the file twice. */
class SaidBatches {
  /** Oldest first. */
  readonly batches: SignedBatch[] = [];
  readonly #known = new Set<string>();

  add(signed: SignedBatch): void {
    const { incarnation, counter } = signed.batch.value;
    const place = `${incarnation.toHex()} ${counter}`;
    if (this.#known.has(place)) return;
    this.#known.add(place);
    this.batches.push(signed);
  }
}

/** What was said, by process: see `SaidRecord`. */
class RestoredSaid {
  #said = new SaidBatches();
  /** Of a process whose first epoch isn't known to have begun. */
  #repeated = new SaidBatches();
  #repeatedBy = "";
  #begunAs = "";

  constructor(readonly self: PeerKey) {}

  get batches(): readonly SignedBatch[] {
    return this.#said.batches;
  }

  clear(): void {
    this.#said = new SaidBatches();
    this.#repeated = new SaidBatches();
    this.#repeatedBy = this.#begunAs = "";
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
