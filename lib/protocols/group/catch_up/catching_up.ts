/** A newcomer's history: fetched from a member, or from the coordinator while nobody is in the group. */

import type { Hash, PeerKey } from "../../../base/ids.ts";
import type { Peers } from "../detector/peers.ts";
import { type HeldBatch, type HeldBatches, logRecord } from "../log/held_batches.ts";
import {
  batchFault,
  type HistoryPoint,
  isAuthentic,
  isSameRecord,
  placesOf,
  type SignedBatch,
  viewSignatureFault,
} from "../schema/history.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import type { MemberRecord } from "../schema/records.ts";
import type { Promises } from "../log/promises.ts";
import type { Crypto } from "../../../base/crypto/crypto.ts";
import { deciderFault } from "../schema/former_keys.ts";

/** How often the user is told how far the newcomer is. */
const TOLD_EVERY_MS = 500;

interface CatchingUpParts extends FetchingParts {
  readonly out: MemberOutput;
  readonly peers: Pick<Peers, "heard">;
  /** Why the consents that a decision brings aren't those that the rules need; null where they are. */
  readonly consentFault: (signed: SignedBatch) => string | null;
  /** These batches came into the log; they are being written. */
  readonly logged: (batches: readonly HeldBatch[]) => void;
  /** Sets our log aside, as it can't go on. */
  readonly startAnew: () => void;
  /** Everything that was stable at the source is in the log. */
  readonly caughtUp: () => void;
  readonly offends: (who: Source, text: string) => void;
}

export class CatchingUp {
  #fetching: Fetching | null = null;
  #isAnew = false;
  /** Others that know the group's history. */
  #others: readonly PeerKey[] = [];
  /** Those that were asked whether our log is the group's. */
  readonly #asked = new Set<Source>();
  #toldAtMs = 0;
  /** Whether the user was told that history is missing, and not yet that it is complete. */
  #isTold = false;

  constructor(readonly parts: CatchingUpParts) {}

  /** The coordinator says from whom the log can be fetched. */
  begin({ source, others }: GroupMessageOf<"catch-up">): void {
    this.#others = others;
    this.#isAnew = false;
    this.#toldAtMs = this.parts.out.nowMs + TOLD_EVERY_MS;
    this.#ask(source);
  }

  #ask(source: Source): void {
    this.#asked.add(source);
    this.#fetching = new Fetching(this.parts, source, Number.MAX_SAFE_INTEGER);
    this.#fetching.ask(this.parts.held.log);
  }

  /** The source is connected, perhaps again: an earlier question may be lost. */
  sourceUp(source: Source): void {
    if (this.#fetching?.source === source) this.#ask(source);
  }

  /** An epoch is about to begin: what is held must stay as it is reported. */
  stop(): void {
    this.#fetching = null;
  }

  /** The history is complete: what was missing when this stopped came in another way. */
  over(): void {
    this.stop();
    const { position } = this.parts.held.log;
    if (this.#isTold) this.#show(position, position);
  }

  unlike(source: Source, { after }: GroupMessageOf<"unlike">): void {
    if (this.#fetching?.source !== source || !this.#fetching.isAsked(after)) return;
    if (this.#isAnew && after.position === 0) {
      return this.parts.offends(source, "it has no history from the beginning");
    }
    // The source is a newcomer, too, and has set its own log aside meanwhile: the coordinator names another source.
    if (this.#isAnew) return this.stop();
    // A single member may be wrong, or lie. A newcomer knows no more than we do: its log may be wrong in the same
    // way.
    const heard = new Set(this.parts.peers.heard());
    const other = this.#others.find((key) => heard.has(key) && !this.#asked.has(key));
    if (other !== undefined) return this.#ask(other);
    this.#asked.clear();
    this.#isAnew = true;
    this.parts.startAnew();
    this.#ask(source);
  }

  history(source: Source, message: GroupMessageOf<"history">): void {
    const fetching = this.#fetching;
    if (fetching === null || fetching.source !== source) return;
    const { held } = this.parts;
    const checked = fetching.check(message, (signed) => isFirstHeld(held.first, signed));
    if (checked === null) return;
    const records: MemberRecord[] = [];
    const logged: HeldBatch[] = [];
    let wrong: string | null = null;
    for (const signed of checked.batches) {
      if (held.log.position + placesOf(signed.batch.value) > checked.stable) break;
      wrong = takeStable(this.parts, signed, records, logged);
      if (wrong !== null) break;
    }
    const fault = wrong ?? checked.fault;
    const isAll = held.log.position >= checked.stable;
    const isMore = fault === null && checked.isLast && fetching.hasCome && !isAll;
    // Asks on only once this is on disk: with a slow disk, what waits would grow with the log.
    storeTaken(this.parts, records, logged, () => {
      if (isMore && this.#fetching === fetching) fetching.ask(held.log);
    });
    if (fault !== null) return this.#offends(source, fault);
    this.#tell(checked.stable, isAll && checked.isLast);
    if (!checked.isLast || isMore) return;
    this.#fetching = null;
    this.#asked.clear();
    this.parts.caughtUp();
  }

  #offends(source: Source, text: string): void {
    this.#fetching = null;
    this.parts.offends(source, `history: ${text}`);
  }

  #tell(stable: number, isDone: boolean): void {
    const { out, held } = this.parts;
    if (out.nowMs < this.#toldAtMs && !(isDone && this.#isTold)) return;
    this.#toldAtMs = out.nowMs + TOLD_EVERY_MS;
    this.#show(held.log.position, stable);
  }

  #show(done: number, of: number): void {
    this.#isTold = done < of;
    this.parts.out.show({ event: "catching-up", done, of });
  }
}

/**
 * Takes the next batch of the log from a source that has it as stable. A held batch in that place goes over to the
 * log; if another batch is held there, that is certainly void.
 * @returns What is wrong with the batch; null where nothing is.
 */
export function takeStable(
  parts: Pick<CatchingUpParts, "held" | "consentFault">,
  signed: SignedBatch,
  records: MemberRecord[],
  logged: HeldBatch[],
): string | null {
  const { held, consentFault } = parts;
  if (held.first !== null && !isFirstHeld(held.first, signed)) {
    const { position } = held.log;
    held.truncate(position);
    records.push({ kind: "dropped", position });
  }
  const isHeld = held.first !== null;
  if (!isHeld) {
    const fault = held.fault(signed) ?? consentFault(signed);
    if (fault !== null) return fault;
    held.append(signed);
  }
  const batch = held.shift();
  logged.push(batch);
  const record = logRecord(batch);
  records.push(isHeld ? record : { ...record, isFetched: true });
  return null;
}

/** Writes what `takeStable` has taken; after that, it needn't be kept beside the log any more. */
export function storeTaken(
  parts: Pick<CatchingUpParts, "held" | "out" | "logged">,
  records: readonly MemberRecord[],
  taken: readonly HeldBatch[],
  done: () => void = () => {},
): void {
  if (records.length === 0) return done();
  const { held, out } = parts;
  const { shifted } = held;
  out.storeThen(records, () => {
    held.written(shifted);
    done();
  });
  parts.logged(taken);
}

function isFirstHeld(first: HeldBatch | null, signed: SignedBatch): boolean {
  return first !== null && isSameRecord(first.signed, signed);
}

/** The source: a member, or the coordinator (null). */
export type Source = PeerKey | null;

interface FetchingParts {
  readonly held: HeldBatches;
  readonly crypto: Crypto;
  readonly group: Hash;
  readonly standing: Pick<Promises, "mayDecide">;
  readonly send: (source: Source, message: GroupMessageOf<"fetch">) => void;
}

/** One answer, checked: batches that follow what was there, and up to which position they are stable. */
export interface Fetched {
  /** All up to the first one that is at fault: a liar's own work spoils nothing that comes before it. */
  readonly batches: readonly SignedBatch[];
  /** What is wrong with the next one; null where nothing is. */
  readonly fault: string | null;
  readonly stable: number;
  readonly isLast: boolean;
}

/**
 * Fetching history from a member or the coordinator: for a newcomer, and for a participant that lacks some.
 *
 * One question is open at a time. The source needn't be trusted: each batch has its author's signature and its place,
 * an edit the coordinator's signature, and a caller that knows the digest at the end compares it.
 */
export class Fetching {
  /** The open question. */
  #after: HistoryPoint | null = null;
  /** The position up to which everything asked for has come. */
  #position = 0;
  #cameOfThis = 0;

  constructor(
    readonly parts: FetchingParts,
    readonly source: Source,
    readonly through: number,
  ) {}

  /** Asks for what comes after a point. */
  ask(after: HistoryPoint): void {
    this.#after = after;
    this.#position = after.position;
    this.#cameOfThis = 0;
    this.parts.send(this.source, { type: "fetch", after, through: this.through });
  }

  /** Whether the open question brought anything. */
  get hasCome(): boolean {
    return this.#cameOfThis > 0;
  }

  /** Whether this is the open question: answers to earlier ones may come late. */
  isAsked({ position, digest }: HistoryPoint): boolean {
    return this.#after?.position === position && this.#after.digest === digest;
  }

  /**
   * @param isKnown Whether exactly this batch is there already, so that its signature was checked.
   * @returns The batches to take, in order; null if this answers another question.
   */
  check(
    { after, batches, stable, isLast }: GroupMessageOf<"history">,
    isKnown: (signed: SignedBatch) => boolean,
  ): Fetched | null {
    if (after !== this.#position) return null;
    const good: SignedBatch[] = [];
    let fault: string | null = null;
    for (const signed of batches) {
      fault = this.#fault(signed, isKnown);
      if (fault !== null) break;
      good.push(signed);
      this.#position += placesOf(signed.batch.value);
    }
    this.#cameOfThis += good.length;
    return { batches: good, fault, stable, isLast };
  }

  #fault(signed: SignedBatch, isKnown: (signed: SignedBatch) => boolean): string | null {
    const { crypto, group, standing } = this.parts;
    const mayDecide = (key: PeerKey) => standing.mayDecide(key);
    const fault = batchFault(signed, group) ?? deciderFault(signed, mayDecide);
    if (fault !== null || isKnown(signed)) return fault;
    if (!isAuthentic(crypto, signed)) return "a batch isn't signed";
    return viewSignatureFault(crypto, signed, mayDecide);
  }
}
