/**
 * For each ballot there is at most one epoch, with the same members and the same start for all; and each epoch
 * starts at a point of the canonical history.
 */

import type { Hash } from "../../../../lib/base/ids.ts";
import { ballotText, type SignedEpoch } from "../../../../lib/protocols/group/schema/epoch.ts";
import type { Entry } from "../../../../lib/protocols/group/schema/history.ts";
import type {
  CoordinatorRecord,
  MemberRecord,
} from "../../../../lib/protocols/group/schema/records.ts";
import type { CanonicalHistory, Said } from "../canonical_history.ts";
import type { Checker } from "../checker.ts";
import { Violation } from "../violation.ts";
import type { Party } from "../world.ts";

export class Epochs implements Checker {
  readonly #byBallot = new Map<string, string>();
  /** Starts of epochs at positions that no log has reached yet. */
  readonly #starts = new Map<number, Hash>();

  wrote(party: Party, records: readonly (MemberRecord | CoordinatorRecord)[]): void {
    for (const record of records) {
      if (record.kind !== "begun" && record.kind !== "decided") continue;
      this.#epoch(party, record.signed);
    }
  }

  placed({ position, digest }: Entry, { by: { world } }: Said): void {
    if (world.history.forksMax > 0) return;
    const expected = this.#starts.get(position);
    if (expected === undefined) return;
    this.#starts.delete(position);
    if (expected !== digest) throw new Violation(`An epoch began at another entry ${position}`);
  }

  #epoch({ name, world }: Party, { epoch }: SignedEpoch): void {
    const { history } = world;
    const { ballot, start, view, members } = epoch.value;
    const bytes = epoch.bytes.toHex();
    const number = ballotText(ballot);
    const known = this.#byBallot.get(number);
    if (known === bytes) return;
    // A restored disk of a sequencer doesn't contain the rounds that it led since.
    const isForgotten = ballot.round > 0 && world.memberOf(members[0]!.key).isDamaged;
    if (known !== undefined && !isForgotten && !world.coordinator.hasForked) {
      throw new Violation(`${name} has another epoch ${number}`);
    }
    if (ballot.round === 0 && ballot.number !== view) {
      throw new Violation(`Epoch ${number} is of view ${view}`);
    }
    this.#byBallot.set(number, bytes);
    this.#start(history, number, start);
  }

  #start(
    history: CanonicalHistory,
    number: string,
    { position, digest }: { readonly position: number; readonly digest: Hash },
  ): void {
    if (position === 0 || history.forksMax > 0) return;
    const there = history.digests[position - 1];
    if (there === undefined) this.#starts.set(position, digest);
    else if (there !== digest) {
      throw new Violation(`Epoch ${number} begins at another entry ${position}`);
    }
  }
}
