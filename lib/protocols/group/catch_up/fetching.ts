/**
 * Fetching history from a member or the coordinator: for a newcomer, and for a participant that lacks some.
 *
 * One question is open at a time. The source needn't be trusted: each batch has its author's signature and its place,
 * an edit the coordinator's signature, and a caller that knows the digest at the end compares it.
 */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import { deciderFault } from "../schema/former_keys.ts";
import type { HeldBatches } from "../log/held_batches.ts";
import {
  batchFault,
  type HistoryPoint,
  isAuthentic,
  placesOf,
  type SignedBatch,
  viewSignatureFault,
} from "../schema/history.ts";
import type { GroupMessageOf } from "../schema/messages.ts";

/** The source: a member, or the coordinator (null). */
export type Source = PeerKey | null;

export interface FetchingOwner {
  readonly held: HeldBatches;
  readonly crypto: Crypto;
  readonly group: Hash;
  /** Whether decisions on edits that this key signed are the coordinator's. */
  mayDecide(key: PeerKey): boolean;
  ask(source: Source, message: GroupMessageOf<"fetch">): void;
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

export class Fetching {
  /** The open question. */
  #after: HistoryPoint | null = null;
  /** The position up to which everything asked for has come. */
  #position = 0;
  #cameOfThis = 0;

  constructor(
    readonly owner: FetchingOwner,
    readonly source: Source,
    readonly through: number,
  ) {}

  /** Asks for what comes after a point. */
  ask(after: HistoryPoint): void {
    this.#after = after;
    this.#position = after.position;
    this.#cameOfThis = 0;
    this.owner.ask(this.source, { type: "fetch", after, through: this.through });
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
    const { crypto, group } = this.owner;
    const mayDecide = (key: PeerKey) => this.owner.mayDecide(key);
    const fault = batchFault(signed, group) ?? deciderFault(signed, mayDecide);
    if (fault !== null || isKnown(signed)) return fault;
    if (!isAuthentic(crypto, signed)) return "a batch isn't signed";
    return viewSignatureFault(crypto, signed, mayDecide);
  }
}
