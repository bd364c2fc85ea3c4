/**
 * Which members are accused of no longer answering, by whom, and who denies it.
 *
 * A picture: a member calls "she is gone"; unless she speaks up herself, or a neighbour who still hears her
 * objects, the others believe it after a while. SWIM's suspicion (Das, Gupta, Motivala, DSN 2002, section 4.2), with
 * two departures: only members whose link to her broke accuse, as there is no random probing, and a denial counts
 * until its speaker accuses too. Statements by one speaker travel by several paths and may be
 * reordered: whatever the order, its accusation outweighs its denial, because a member that hears the accused
 * again has received a later beacon, and that ends the whole matter.
 */

import type { PeerKey } from "../../../base/ids.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { SPEAKERS_MAX } from "../schema/limits.ts";
import type { SignedStatement } from "../schema/structures.ts";

interface Suspicion {
  /** The beacon of the accused that all of this is about; a later one ends it. */
  readonly incarnation: number;
  readonly number: number;
  /** At most `SPEAKERS_MAX` together. */
  readonly accusers: Map<PeerKey, SignedStatement>;
  readonly deniers: Map<PeerKey, SignedStatement>;
  /** When the first accusation takes effect; null before there is one. */
  effectMs: number | null;
}

/** When the accusation takes effect; null while it is denied. */
function dueMs({ effectMs, deniers }: Suspicion): number | null {
  return deniers.size === 0 ? effectMs : null;
}

/** At most one entry for each live member: the caller passes on only statements about those. */
export class Suspicions {
  readonly #byAccused = new Map<PeerKey, Suspicion>();

  /**
   * Takes in a checked statement about a live member's latest beacon.
   * @param effectMs How long an undenied accusation waits.
   * @returns Whether it says anything new, and so is passed on.
   */
  hear(signed: SignedStatement, nowMs: number, effectMs: number): boolean {
    const { by, verdict, accused, incarnation, number } = signed.statement.value;
    let suspicion = this.#byAccused.get(accused);
    if (suspicion?.incarnation !== incarnation || suspicion.number !== number) {
      suspicion = { incarnation, number, accusers: new Map(), deniers: new Map(), effectMs: null };
      this.#byAccused.set(accused, suspicion);
    }
    const { accusers, deniers } = suspicion;
    if (this.isKnown(signed) || accusers.size + deniers.size >= SPEAKERS_MAX) return false;
    if (verdict === "accuse") {
      deniers.delete(by);
      accusers.set(by, signed);
      // Where a denial is taken back, the accused has had its time to speak up since the first accusation.
      suspicion.effectMs ??= nowMs + effectMs;
    } else {
      deniers.set(by, signed);
    }
    return true;
  }

  /** Whether `hear` would learn nothing from it: asked before its signature is checked. */
  isKnown({ statement: { value } }: SignedStatement): boolean {
    const suspicion = this.#byAccused.get(value.accused);
    if (suspicion?.incarnation !== value.incarnation || suspicion.number !== value.number) {
      return false;
    }
    return suspicion.accusers.has(value.by) ||
      (value.verdict === "deny" && suspicion.deniers.has(value.by));
  }

  /** Whether the member is accused, and nobody that still hears it denies that. */
  isSuspected(key: PeerKey): boolean {
    const suspicion = this.#byAccused.get(key);
    return suspicion !== undefined && dueMs(suspicion) !== null;
  }

  /** Ends the matter: a later beacon came, or the member is gone. @returns Whether it was suspected. */
  clear(key: PeerKey): boolean {
    const wasSuspected = this.isSuspected(key);
    this.#byAccused.delete(key);
    return wasSuspected;
  }

  /** The members whose accusation takes effect now; they leave the table. */
  takeDue(nowMs: number): readonly PeerKey[] {
    const due: PeerKey[] = [];
    for (const [key, suspicion] of this.#byAccused) {
      if ((dueMs(suspicion) ?? Infinity) <= nowMs) due.push(key);
    }
    for (const key of due) this.#byAccused.delete(key);
    return due;
  }

  /** Everything that was said and isn't settled, for a new neighbour. */
  statements(): readonly SignedStatement[] {
    const statements: SignedStatement[] = [];
    for (const { accusers, deniers } of this.#byAccused.values()) {
      statements.push(...accusers.values(), ...deniers.values());
    }
    return statements;
  }

  nextMs(): number | null {
    let next: number | null = null;
    for (const suspicion of this.#byAccused.values()) next = earliestMs(next, dueMs(suspicion));
    return next;
  }
}
