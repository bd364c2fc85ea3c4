/**
 * Decisions that a member knows of and that aren't in its log yet. The sequencer puts them in order; while the
 * coordinator is away the other members pass them on to the sequencer, and to members that ask. Only the coordinator
 * has them on disk: a member that was started again is told them anew.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey, RequestId } from "../../../base/ids.ts";
import type { CoordinatorPort } from "../detector/coordinator_port.ts";
import { requestId, type SignedEditRequest } from "../schema/edit.ts";
import { deciderFault } from "../schema/former_keys.ts";
import type { HeldBatches } from "../log/held_batches.ts";
import {
  batchFault,
  isAuthentic,
  keptBatch,
  lastCounter,
  type SignedBatch,
} from "../schema/history.ts";
import { DECIDERS_KEPT_MAX, EDITS_MAX, EDITS_PENDING_MAX } from "../schema/limits.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { Promises } from "../log/promises.ts";
import type { Sequencing } from "../log/sequencing.ts";

export interface UndeliveredParts {
  readonly crypto: Crypto;
  readonly group: Hash;
  readonly held: HeldBatches;
  readonly out: MemberOutput;
  /** Null while in no epoch. */
  readonly ordering: () => Sequencing | null;
  readonly standing: Pick<Promises, "mayDecide">;
  /** Why the consents that a decision brings aren't those that the rules need; null where they are. */
  readonly consentFault: (signed: SignedBatch) => string | null;
  readonly coordinator: Pick<CoordinatorPort, "isUp" | "offends" | "tell">;
  readonly offends: (member: PeerKey, text: string) => void;
}

export interface Decision {
  readonly signed: SignedBatch;
  /** Whether its signatures were checked, and fit. */
  isChecked: boolean;
}

/** The fault that a decision isn't signed. */
const UNSIGNED = "a decision isn't signed";

export class Undelivered {
  /** At most `EDITS_PENDING_MAX`, in the order in which they came. */
  #decisions: Decision[] = [];
  /** Decisions that our log rules out, refused for good; the latest `EDITS_PENDING_MAX`. */
  readonly #refused = new Set<string>();
  /** The last decision of each of the coordinator's processes that it wasn't told is in our log. */
  readonly #unsaid = new Map<string, SignedBatch>();
  /** How many edits it wasn't told of. */
  #unsaidEdits = 0;
  #lie: string | null = null;

  /** @param isKnown Whether exactly this request was checked before. */
  constructor(
    readonly parts: UndeliveredParts,
    readonly isKnown: (signed: SignedEditRequest) => boolean,
  ) {}

  /** @param from The sender; null: the coordinator, which has signed it in any case. */
  take(from: PeerKey | null, signed: SignedBatch): void {
    if (this.#isLogged(signed)) return this.sayApplied(signed);
    if (this.#refused.has(placeText(signed))) return this.#sayImpossible(signed);
    // A repetition. Earlier decisions may have arrived after it, so we try the order again. It isn't passed on again:
    // we did that when it came, or when the coordinator went, and repetitions must not make us send more.
    if (this.#decisions.some((known) => isSameBatch(known.signed, signed))) return this.#order();
    const isChecked = this.#mustCheck(from);
    const fault = this.#fault(signed, isChecked);
    if (fault !== null) {
      const { coordinator, offends } = this.parts;
      return from === null ? coordinator.offends(fault) : offends(from, fault);
    }
    const consentFault = this.#consentFault(signed);
    if (consentFault !== null) return this.#refuse(signed, consentFault);
    if (this.#decisions.length >= EDITS_PENDING_MAX) return; // it will be sent again
    const decision = { signed: keptBatch(signed), isChecked };
    this.#decisions.push(decision);
    this.#order();
    const ordering = this.parts.ordering();
    if (ordering !== null && from !== ordering.sequencer) this.#passOn([decision]);
  }

  #fault(signed: SignedBatch, isChecked: boolean): string | null {
    const { standing, group } = this.parts;
    if (signed.view !== null) return "a decision says which view it belongs to";
    const fault = deciderFault(signed, (key) => standing.mayDecide(key)) ??
      batchFault(signed, group);
    if (fault !== null) return fault;
    return isChecked && !this.#isAuthentic(signed) ? UNSIGNED : null;
  }

  /**
   * Nobody else speaks on the coordinator's own link; the sequencer must be sure that the others will accept the
   * decision.
   */
  #mustCheck(from: PeerKey | null): boolean {
    return from !== null || this.parts.ordering()?.isSequencer === true;
  }

  /**
   * Null also where it is in order already, or follows others that aren't: then it is checked there. What it changes
   * is in the log of each epoch's members, as it was in those of all who voted; outside of epochs it may be to come.
   */
  #consentFault(signed: SignedBatch): string | null {
    const { edits } = signed.batch.value;
    const { held, ordering } = this.parts;
    if (this.#isHeld(signed)) return null;
    const last = ordering() === null ? held.seq : Infinity;
    const seqs = edits.map((edit) => edit.signed.request.value.seq);
    const isEarly = seqs.some((seq) => seq > last || this.changes(seq, signed));
    return isEarly ? null : this.parts.consentFault(signed);
  }

  /**
   * The decision can never be in our log. That alone doesn't prove that the coordinator lies: it knows no log, and a
   * view of liars can have it believe what they say of one. So we go on with it, and tell it.
   */
  #refuse(signed: SignedBatch, fault: string): void {
    this.#refused.add(placeText(signed));
    dropOldest(this.#refused, EDITS_PENDING_MAX);
    this.#drop(signed);
    this.#lie = `The coordinator has decided on an edit that can't be: ${fault}`;
    this.parts.out.warn(`${this.#lie}; it is refused here`);
    this.#sayImpossible(signed);
  }

  /** While the coordinator is away this is lost: it brings the decision again. */
  #sayImpossible(signed: SignedBatch): void {
    this.#say("impossible", signed);
  }

  /** The coordinator gives the decision on this edit up: no log has it. */
  givenUp(id: RequestId): void {
    const { crypto } = this.parts;
    this.#decisions = this.#decisions.filter(({ signed: { batch: { value } } }) =>
      !value.edits.some(({ signed }) => requestId(crypto, signed.request.value) === id)
    );
  }

  /** The last decision that can't be, in words; null where there was none. */
  get lie(): string | null {
    return this.#lie;
  }

  #isAuthentic(signed: SignedBatch): boolean {
    return isAuthentic(this.parts.crypto, signed, this.isKnown);
  }

  /** Whether others will accept it from us: a coordinator that signs badly must not make members blame each other. */
  #isGood(decision: Decision): boolean {
    decision.isChecked ||= this.#isAuthentic(decision.signed);
    if (decision.isChecked) return true;
    this.#decisions = this.#decisions.filter((other) => other !== decision);
    this.parts.coordinator.offends(UNSIGNED);
    return false;
  }

  /** Whether all of the batch is in order here. */
  #isHeld({ batch: { value } }: { readonly batch: Pick<SignedBatch["batch"], "value"> }): boolean {
    const through = this.parts.held.everThrough(value.author, value.incarnation.toHex());
    return through >= lastCounter(value);
  }

  /** Whether all of the batch is in the log. */
  #isLogged({ batch: { value } }: SignedBatch): boolean {
    const { held } = this.parts;
    if (!this.#isHeld({ batch: { value } })) return false;
    const isIt = (signed: SignedBatch) => isSameBatch(signed, { batch: { value } });
    for (const { signed } of held.batches) if (isIt(signed)) return false;
    return true;
  }

  /**
   * The batch is in the log. The coordinator is told that with the next report of our state, as nobody waits for it:
   * but votes do for new rules, and other edits where too many are pending.
   */
  logged(signed: SignedBatch): void {
    this.#drop(signed);
    if (this.parts.ordering() === null) return;
    const { kind, incarnation, edits } = signed.batch.value;
    this.#unsaid.set(incarnation.toHex(), signed);
    dropOldest(this.#unsaid, DECIDERS_KEPT_MAX);
    this.#unsaidEdits += edits.length;
    if (kind === "rules" || this.#unsaidEdits >= EDITS_MAX) this.sayAllApplied();
  }

  #drop(signed: SignedBatch): void {
    this.#decisions = this.#decisions.filter((known) => !isSameBatch(known.signed, signed));
  }

  /** Tells the coordinator what it wasn't told yet. What it isn't told, as it is away, it asks for when it is back. */
  sayAllApplied(): void {
    for (const signed of this.#unsaid.values()) this.sayApplied(signed);
    this.startAnew();
  }

  /** What was in the log is in it no more, or is known to be there. */
  startAnew(): void {
    this.#unsaid.clear();
    this.#unsaidEdits = 0;
  }

  /**
   * Tells the coordinator that this batch, and all that the same process of the coordinator decided before, is in the
   * log.
   */
  sayApplied(signed: SignedBatch): void {
    this.#say("applied", signed);
  }

  #say(type: "applied" | "impossible", { batch: { value } }: SignedBatch): void {
    const { incarnation } = value;
    this.parts.coordinator.tell({ type, incarnation, through: lastCounter(value) });
  }

  /** We are in no view any more: the coordinator tells us all decisions again when it takes us back. */
  clear(): void {
    this.#decisions = [];
    this.startAnew();
  }

  /** An epoch begins. */
  offer(): void {
    for (const { signed } of [...this.#decisions]) {
      const fault = this.#consentFault(signed);
      if (fault !== null) this.#refuse(signed, fault);
    }
    this.#order();
    if (this.parts.ordering() !== null) this.passOn();
  }

  #order(): void {
    const ordering = this.parts.ordering();
    if (ordering === null) return;
    // The decisions may have arrived in another order than that of their counters.
    const inOrder = this.#decisions.toSorted((a, b) =>
      a.signed.batch.value.counter - b.signed.batch.value.counter
    );
    for (const decision of ordering.isSequencer ? inOrder : []) {
      if (!this.#isGood(decision)) continue;
      const fault = ordering.decide(decision.signed);
      if (fault !== null) this.#refuse(decision.signed, fault);
    }
  }

  /** Passes all decisions on to the sequencer, while the coordinator is away. */
  passOn(): void {
    this.#passOn(this.#decisions);
  }

  #passOn(decisions: readonly Decision[]): void {
    const ordering = this.parts.ordering();
    if (ordering === null || ordering.isSequencer || this.parts.coordinator.isUp) return;
    for (const decision of [...decisions]) this.tell(ordering.sequencer, decision);
  }

  tell(key: PeerKey, decision: Decision): void {
    if (!this.#isGood(decision)) return;
    // In the log it may say which view begins with it, which the coordinator doesn't.
    this.parts.out.tell([key], { type: "committed", signed: { ...decision.signed, view: null } });
  }

  /** The coordinator is back, perhaps with a disk that has lost decisions: tells it those that we know. */
  tellCoordinator(): void {
    for (const { signed } of this.#decisions) {
      this.parts.coordinator.tell({ type: "committed", signed });
    }
  }

  /** Whether a decision, another than this one, that isn't in the log yet changes this entry. */
  changes(seq: number, but: SignedBatch | null = null): boolean {
    const isIt = (signed: SignedBatch) =>
      (but === null || !isSameBatch(signed, but)) &&
      signed.batch.value.edits.some((edit) => edit.signed.request.value.seq === seq);
    return this.#decisions.some(({ signed }) => isIt(signed));
  }

  /** The decision on this edit; null where none is known. */
  on(id: RequestId): Decision | null {
    const { crypto, held } = this.parts;
    const isIt = ({ signed: { batch: { value } } }: Pick<Decision, "signed">) =>
      value.edits.some(({ signed }) => requestId(crypto, signed.request.value) === id);
    const decision = this.#decisions.find(isIt);
    if (decision !== undefined) return decision;
    // Decisions that are in order already were checked before.
    for (const { signed } of held.batches) if (isIt({ signed })) return { signed, isChecked: true };
    return null;
  }
}

function placeText({ batch: { value: { author, incarnation, counter } } }: SignedBatch): string {
  return `${author} ${incarnation.toHex()} ${counter}`;
}

function isSameBatch(
  { batch: { value: a } }: { readonly batch: Pick<SignedBatch["batch"], "value"> },
  { batch: { value: b } }: { readonly batch: Pick<SignedBatch["batch"], "value"> },
): boolean {
  return a.kind === b.kind && a.author === b.author && a.counter === b.counter &&
    a.incarnation.toHex() === b.incarnation.toHex();
}
