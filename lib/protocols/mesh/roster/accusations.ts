/**
 * Statements about members that may be gone: makes those about members to which we had a link, and takes in and passes on those
 * of others. When one is believed is decided in `Suspicions`.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { PeerKey, RoomId } from "../../../base/ids.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { graceFor } from "../../../base/machine/slowness.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import {
  isStatementSigned,
  ownedStatement,
  signStatement,
  statementFormFault,
} from "../schema/credentials.ts";
import { ROSTER_NEWS_MAX, SPEAKERS_MAX } from "../schema/limits.ts";
import type { OwnLateness, RosterTiming } from "./roster_io.ts";
import type { RosterOutbox } from "./roster_outbox.ts";
import type { RosterTable } from "./roster_table.ts";
import {
  type Beacon,
  type SignedStatement,
  type Statement,
  STRUCTURE_VERSION,
} from "../schema/structures.ts";

/** Limits each member's statements: one whose neighbourhood dies makes some accusations; more are ignored. */
const STATEMENTS_PER_SECOND = 10;
const STATEMENTS_BURST = 64;
/** How many turns an accusation takes to the accused, and its denial back: over three members each, and one more there. */
const TURNS_TO_DENY = 8;
/** How often we look whether we come late while somebody is suspected: a room has few other deadlines that would show it. */
const LOOK_MS = 250;

export class Accusations {
  readonly #suspicions = new Suspicions();
  /** Accused neighbours whose accusation we will deny, and when. */
  readonly #denialsDueMs = new Map<PeerKey, number>();
  /** Rate limits for each live member's statements. */
  readonly #rates = new Map<PeerKey, TokenBucket>();
  /** When we look next whether we come late; it counts while somebody is suspected. */
  #lookMs = -Infinity;

  constructor(
    readonly table: Pick<RosterTable, "get">,
    readonly outbox: Pick<RosterOutbox, "effect" | "send" | "penalise" | "statement">,
    readonly env: Pick<Environment, "crypto">,
    readonly signer: Signer,
    readonly timing: Pick<RosterTiming, "accusationMs" | "denialDelayMs">,
    readonly own: OwnLateness,
  ) {}

  /** How much longer than otherwise we wait for a denial: it waits for its turn at each member on its way, as we do. */
  get #graceMs(): number {
    return graceFor(this.own.lateMs, TURNS_TO_DENY);
  }

  isSuspected(key: PeerKey): boolean {
    return this.#suspicions.isSuspected(key);
  }

  /** Accuses a member to which our link was lost. */
  accuse(member: PeerKey, nowMs: number): void {
    this.#speak("accuse", member, nowMs);
  }

  /**
   * Handles a statement that a neighbour passed on.
   * @param isNeighbour Whether a member is our neighbour, so that we can deny an accusation of it.
   * @returns False where the neighbour is penalised for it.
   */
  hear(
    from: PeerKey,
    signed: SignedStatement,
    room: RoomId,
    isNeighbour: (key: PeerKey) => boolean,
    nowMs: number,
  ): boolean {
    const { by, accused, verdict, incarnation, number } = signed.statement.value;
    const beacon = this.#liveBeacon(accused);
    // It is about another beacon than the latest: refuted already, or its author knows a later one than we.
    if (beacon?.incarnation !== incarnation || beacon.number !== number) return true;
    if (by === this.signer.key || this.#liveBeacon(by) === null) return true;
    if (this.#suspicions.isKnown(signed) || !this.#rateOf(by).take(nowMs)) return true;
    const fault = statementFormFault(signed.statement.value, room);
    if (fault !== null) {
      return this.outbox.penalise(from, "protocol", `passed on a statement: ${fault}`);
    }
    if (!isStatementSigned(this.env.crypto, signed)) {
      const text = "passed on a statement that nobody signed";
      return this.outbox.penalise(from, "invalid-signature", text);
    }
    this.#believe(signed, from, nowMs);
    const isDefended = verdict === "accuse" && isNeighbour(accused);
    if (isDefended && !this.#denialsDueMs.has(accused)) {
      this.#denialsDueMs.set(accused, nowMs + this.timing.denialDelayMs);
    }
    return true;
  }

  /** Whether the statement accuses us, and names our latest beacon: a higher one refutes it. */
  isAboutUs({ statement: { value } }: SignedStatement, own: Beacon): boolean {
    return value.accused === this.signer.key && value.verdict === "accuse" &&
      value.incarnation === own.incarnation && value.number === own.number;
  }

  /** Settles suspicions: a later beacon came, or the member is gone. @returns Whether it was suspected. */
  settle(key: PeerKey): boolean {
    return this.#suspicions.clear(key);
  }

  /** Forgets a member that is dead, or not in the roster any more. */
  forget(key: PeerKey): void {
    this.#suspicions.clear(key);
    this.#rates.delete(key);
  }

  neighbourDown(key: PeerKey): void {
    this.#denialsDueMs.delete(key);
  }

  /** Tells a new neighbour the statements that aren't settled; one about itself it can refute. */
  tell(to: PeerKey): void {
    const statements = this.#suspicions.statements();
    for (let start = 0; start < statements.length; start += ROSTER_NEWS_MAX) {
      const part = statements.slice(start, start + ROSTER_NEWS_MAX);
      this.outbox.send(to, { type: "statements", statements: part });
    }
  }

  /** Makes the denials that are due. @returns The members whose accusation nobody has denied in time. */
  tick(nowMs: number): readonly PeerKey[] {
    for (const [key, dueMs] of this.#denialsDueMs) {
      if (dueMs > nowMs) continue;
      this.#denialsDueMs.delete(key);
      // Our link to it has outlived the delay: it didn't die together with the accuser's.
      if (this.#suspicions.isSuspected(key)) this.#speak("deny", key, nowMs);
    }
    const due = this.#suspicions.takeDue(nowMs, this.#graceMs);
    this.#lookMs = nowMs + LOOK_MS;
    return due;
  }

  nextMs(): number | null {
    const dueMs = this.#suspicions.nextMs(this.#graceMs);
    return earliestMs(
      dueMs === null ? null : Math.min(dueMs, this.#lookMs),
      ...this.#denialsDueMs.values(),
    );
  }

  #speak(verdict: Statement["verdict"], accused: PeerKey, nowMs: number): void {
    const beacon = this.#liveBeacon(accused);
    if (beacon === null) return;
    const signed = signStatement(this.env.crypto, this.signer, {
      version: STRUCTURE_VERSION,
      room: beacon.room,
      by: this.signer.key,
      verdict,
      accused,
      incarnation: beacon.incarnation,
      number: beacon.number,
    });
    this.#believe(signed, null, nowMs);
  }

  #believe(received: SignedStatement, from: PeerKey | null, nowMs: number): void {
    const signed = ownedStatement(received);
    const { accused } = signed.statement.value;
    const before = this.#suspicions.isSuspected(accused);
    if (this.#suspicions.nextMs() === null) this.#lookMs = nowMs + LOOK_MS;
    if (!this.#suspicions.hear(signed, nowMs, this.timing.accusationMs)) return;
    const after = this.#suspicions.isSuspected(accused);
    if (after !== before) {
      this.outbox.effect({ type: after ? "suspected" : "unsuspected", key: accused });
    }
    this.outbox.statement(signed, from);
  }

  #liveBeacon(key: PeerKey): Beacon | null {
    const entry = this.table.get(key);
    return entry?.state === "alive" ? entry.signed.beacon.value : null;
  }

  #rateOf(key: PeerKey): TokenBucket {
    let rate = this.#rates.get(key);
    if (rate === undefined) {
      rate = new TokenBucket(STATEMENTS_PER_SECOND, STATEMENTS_BURST);
      this.#rates.set(key, rate);
    }
    return rate;
  }
}

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

/** When the accusation takes effect; null while it is denied, or where there is none. */
function dueMs({ effectMs, deniers }: Suspicion, graceMs = 0): number | null {
  return deniers.size === 0 && effectMs !== null ? effectMs + graceMs : null;
}

/**
 * Which members are accused of no longer answering, by whom, and who denies it. At most one entry for each live member:
 * the caller passes on only statements about those.
 *
 * A picture: a member calls "she is gone"; unless she speaks up herself, or a neighbour who still hears her
 * objects, the others believe it after a while. SWIM's suspicion (Das, Gupta, Motivala, DSN 2002, section 4.2), with
 * two departures: only members whose link to her broke accuse, as there is no random probing, and a denial counts
 * until its speaker accuses too. Statements by one speaker travel by several paths and may be
 * reordered: whatever the order, its accusation outweighs its denial, because a member that hears the accused
 * again has received a later beacon, and that ends the whole matter.
 */
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

  /**
   * The members whose accusation takes effect now; they leave the table.
   * @param graceMs How much longer than `hear` was told each may take to be denied.
   */
  takeDue(nowMs: number, graceMs = 0): readonly PeerKey[] {
    const due: PeerKey[] = [];
    for (const [key, suspicion] of this.#byAccused) {
      if ((dueMs(suspicion, graceMs) ?? Infinity) <= nowMs) due.push(key);
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

  /** @param graceMs See `takeDue`. */
  nextMs(graceMs = 0): number | null {
    let next: number | null = null;
    for (const suspicion of this.#byAccused.values()) {
      next = earliestMs(next, dueMs(suspicion, graceMs));
    }
    return next;
  }
}
