/**
 * A member's part where two members acknowledge different things at one position of an epoch. That was shown to
 * nobody and is in no log, so no log is at fault: an author signed two batches for one, or the sequencer sent two
 * orders.
 *
 * The two members tell each other what they hold there. Two batches with one counter prove the first case, and go to
 * the coordinator, which keeps the author out; the others go on. The second case can't be proven, as orders aren't
 * signed: both members complain of the sequencer. Nothing becomes stable meanwhile. A member that doesn't say what it
 * holds is complained of itself.
 */

import { sameBytes } from "../../../base/collections/bytes.ts";
import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import type { CoordinatorPort } from "../detector/coordinator_port.ts";
import type { Epoch } from "../schema/epoch.ts";
import type { HeldBatches } from "../log/held_batches.ts";
import {
  batchFault,
  isAuthentic,
  keptBatch,
  placesOf,
  type SignedBatch,
} from "../schema/history.ts";
import { CONTEST_MS } from "../schema/limits.ts";
import type { MemberNames } from "../identity/member_names.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import type { Promises } from "../log/promises.ts";
import type { Sequencing } from "../log/sequencing.ts";

interface EquivocationDetectionParts {
  readonly selfKey: PeerKey;
  readonly standing: Pick<Promises, "mayDecide">;
  readonly coordinator: CoordinatorPort;
  readonly crypto: Crypto;
  readonly group: Hash;
  readonly held: HeldBatches;
  readonly out: MemberOutput;
  readonly names: MemberNames;
  /** Null while in no epoch. */
  readonly ordering: () => Sequencing | null;
  /** The member broke a rule of the protocol. */
  readonly offends: (member: PeerKey, text: string) => void;
  /** The group can't go on with this member: the coordinator decides who goes. @param text For the user. */
  readonly complains: (member: PeerKey, text: string) => void;
  /** Asks for a call of `tick` after this time. */
  readonly due: (delayMs: number) => void;
}

interface Contest {
  readonly position: number;
  /** When the other member must have said what it holds; null once it is known why that differs. */
  dueMs: number | null;
}

export class EquivocationDetection {
  /** Members that hold something else than we do in the present epoch. */
  readonly #contests = new Map<PeerKey, Contest>();
  /** Members that we have complained of in the present epoch. */
  readonly #complained = new Set<PeerKey>();
  /**
   * By author, a member of the epoch in which the proof was found. Kept until the coordinator's word, or a view
   * without it.
   */
  readonly #proofs = new Map<PeerKey, Equivocation>();
  /** Members of the present epoch that are known to be at fault: the coordinator begins another view. */
  readonly #proven = new Set<PeerKey>();

  constructor(readonly parts: EquivocationDetectionParts) {}

  /** Members that signed two batches for one, and that the coordinator hasn't put out of the view yet. */
  get proven(): readonly PeerKey[] {
    return [...this.#proven];
  }

  /** A member acknowledges something else than we hold: tells it what we hold. */
  disagrees(member: PeerKey, position: number): void {
    const { held, out } = this.parts;
    const ordering = this.parts.ordering();
    if (ordering === null) return;
    const { ballot } = ordering.epoch;
    this.#contests.set(member, { position, dueMs: out.nowMs + CONTEST_MS });
    const agreed = ordering.agreedWith(member);
    for (const { before: { position: after }, signed } of held.batches) {
      if (after < agreed || after >= position) continue;
      out.tell([member], { type: "contest", ballot, after, signed });
    }
    this.parts.due(CONTEST_MS);
  }

  /** A member says what it holds; we told it the same, or do now. */
  contested(member: PeerKey, { after, signed }: GroupMessageOf<"contest">): void {
    const { held, crypto, group } = this.parts;
    const ordering = this.parts.ordering();
    if (ordering === null || ordering.isFrozen) return;
    const own = held.batchAfter(after)?.signed ?? null;
    if (own === null || sameBytes(own.batch.bytes, signed.batch.bytes)) return;
    ordering.contest(member, after + 1);
    const contest = this.#contests.get(member)!;
    if (contest.dueMs === null) return; // after the first difference, others needn't fit
    contest.dueMs = null;
    const proof = { one: own, other: keptBatch(signed) };
    if (isEquivocation(crypto, group, proof)) return this.#proves(proof);
    const hadSame = after < ordering.agreedWith(member);
    if (!hadSame && this.#mayBeHeld(signed)) return this.#ordersDiffer(member);
    this.parts.offends(member, "it says that it holds what it can't");
  }

  #mayBeHeld(signed: SignedBatch): boolean {
    const { crypto, group, ordering, standing } = this.parts;
    const { kind, author } = signed.batch.value;
    const isOfEpoch = kind === "texts" ? ordering()!.has(author) : standing.mayDecide(author);
    return isOfEpoch && batchFault(signed, group) === null && isAuthentic(crypto, signed);
  }

  /** Either the sequencer or the other member is wrong: we know which only if we are the sequencer, or the other is. */
  #ordersDiffer(member: PeerKey): void {
    const { ordering, selfKey, names } = this.parts;
    const { sequencer } = ordering()!;
    if (sequencer === selfKey || sequencer === member) return this.#complain(member);
    const [first, other] = [names.written(sequencer), names.written(member)];
    this.#complains(
      sequencer,
      `${other} says that ${first} puts messages in another order for ${other} than for us: the ` +
        `coordinator is told, and goes on without ${first}`,
    );
  }

  #complain(member: PeerKey): void {
    const { position } = this.#contests.get(member)!;
    const name = this.parts.names.written(member);
    this.#complains(member, `${name} has another message at place ${position} than we have`);
  }

  #complains(member: PeerKey, text: string): void {
    if (this.#complained.has(member)) return;
    this.#complained.add(member);
    this.parts.complains(member, text);
  }

  // Proofs.

  #proves(proof: Equivocation): void {
    const { author } = proof.one.batch.value;
    if (this.#proven.has(author)) return;
    this.#proven.add(author);
    this.#proofs.set(author, proof);
    const { coordinator } = this.parts;
    if (coordinator.isUp) this.#tell(proof);
    else if (coordinator.isDown) this.#tellAwaited(author);
  }

  #tell(proof: Equivocation): void {
    this.parts.coordinator.tell({ type: "equivocated", ...proof });
  }

  #tellAwaited(author: PeerKey): void {
    const { names, out } = this.parts;
    out.warn(
      `${
        names.written(author)
      } signed two different texts as one: chat pauses until the coordinator ` +
        "is back and takes it out; what you write is kept",
    );
  }

  coordinatorDown(): void {
    for (const author of this.proven) this.#tellAwaited(author);
  }

  /** What the coordinator was told before may be lost. */
  welcomed(): void {
    for (const proof of this.#proofs.values()) this.#tell(proof);
  }

  /** The coordinator keeps somebody out, and shows the proof. */
  judged(proof: GroupMessageOf<"equivocated">): void {
    const { crypto, group, names, out, ordering, coordinator } = this.parts;
    if (!isEquivocation(crypto, group, proof)) {
      return coordinator.offends("it keeps somebody out without a proof");
    }
    const { author } = proof.one.batch.value;
    this.#proofs.delete(author);
    if (ordering()?.has(author)) this.#proven.add(author);
    out.warn(equivocatedText(names.written(author)));
  }

  // Epochs and time.

  /** All contests are over. @param epoch Null: we are in none. */
  begun(epoch: Epoch | null): void {
    this.#contests.clear();
    this.#complained.clear();
    this.#proven.clear();
    for (const author of [...this.#proofs.keys()]) {
      if (!epoch?.members.some(({ key }) => key === author)) this.#proofs.delete(author);
    }
    this.welcomed();
  }

  tick(): void {
    const { out } = this.parts;
    const ordering = this.parts.ordering();
    if (this.#proven.size > 0 || ordering === null || ordering.isFrozen) return;
    for (const [member, contest] of this.#contests) {
      if (contest.dueMs === null || contest.dueMs > out.nowMs) continue;
      contest.dueMs = null;
      this.#complain(member);
    }
    const nextMs = earliestMs(...Array.from(this.#contests.values(), ({ dueMs }) => dueMs));
    if (nextMs !== null) this.parts.due(nextMs - out.nowMs);
  }
}

export interface Equivocation {
  readonly one: SignedBatch;
  readonly other: SignedBatch;
}

/**
 * Whether one process of a member has signed both, with a common counter: an honest process signs each counter once,
 * in one batch, unless everything that the others had of it was given up. Never throws.
 */
export function isEquivocation(
  crypto: Crypto,
  group: Hash,
  { one, other }: Equivocation,
): boolean {
  const a = one.batch.value;
  const b = other.batch.value;
  return a.kind === "texts" && b.kind === "texts" && a.author === b.author &&
    sameBytes(a.incarnation, b.incarnation) &&
    a.counter < b.counter + placesOf(b) && b.counter < a.counter + placesOf(a) &&
    !sameBytes(one.batch.bytes, other.batch.bytes) &&
    [one, other].every((signed) =>
      batchFault(signed, group) === null && isAuthentic(crypto, signed)
    );
}

/** @param name The name as it is shown. */
export function equivocatedText(name: string): string {
  return `${name} signed two different texts as one: it stays out until /allow ${name}`;
}
