/**
 * What one step of the roster brings forth: its effects, and what it passes on, each thing once to each
 * neighbour but the one it came from, in as few messages as hold it, claims before the beacons that name
 * them.
 */

import type { PeerKey } from "../../base/ids.ts";
import { ROSTER_NEWS_MAX } from "./limits.ts";
import type { RosterMessage } from "./messages.ts";
import type { RosterEffect } from "./roster_io.ts";
import type { SignedBeacon, SignedClaim, SignedStatement } from "./structures.ts";

interface Passed<T> {
  readonly item: T;
  /** Null for our own. */
  readonly from: PeerKey | null;
}

export class RosterOutbox {
  #effects: RosterEffect[] = [];
  #claims: Passed<SignedClaim>[] = [];
  #beacons: Passed<{ readonly signed: SignedBeacon; readonly ageMs: number }>[] = [];
  #vouchers: Passed<SignedClaim>[] = [];
  #statements: Passed<SignedStatement>[] = [];

  effect(effect: RosterEffect): void {
    this.#effects.push(effect);
  }

  send(to: PeerKey, message: RosterMessage): void {
    this.effect({ type: "send", to, message });
  }

  /** Always false: the rest of what came isn't worth reading. */
  penalise(
    peer: PeerKey,
    fault: "invalid-signature" | "flood" | "protocol",
    text: string,
  ): false {
    this.effect({ type: "penalise", peer, fault, text });
    return false;
  }

  /** To one neighbour alone. */
  claimsTo(to: PeerKey, all: readonly SignedClaim[]): void {
    for (const claims of inParts(all)) this.send(to, { type: "claims", claims });
  }

  claim(claim: SignedClaim, from: PeerKey | null): void {
    this.#claims.push({ item: claim, from });
  }

  beacon(signed: SignedBeacon, ageMs: number, from: PeerKey | null): void {
    this.#beacons.push({ item: { signed, ageMs: Math.round(ageMs) }, from });
  }

  /** A claim that vouches for one that was passed on: after the beacon that names that one. */
  voucher(claim: SignedClaim, from: PeerKey): void {
    this.#vouchers.push({ item: claim, from });
  }

  statement(statement: SignedStatement, from: PeerKey | null): void {
    this.#statements.push({ item: statement, from });
  }

  /** All of this step's effects; nothing is left behind. */
  take(neighbours: Iterable<PeerKey>): readonly RosterEffect[] {
    if (this.#claims.length + this.#beacons.length + this.#statements.length > 0) {
      for (const to of neighbours) this.#passOn(to);
    }
    const effects = this.#effects;
    this.#effects = [];
    this.#claims = [];
    this.#beacons = [];
    this.#vouchers = [];
    this.#statements = [];
    return effects;
  }

  #passOn(to: PeerKey): void {
    for (const claims of parts(this.#claims, to)) this.send(to, { type: "claims", claims });
    for (const beacons of parts(this.#beacons, to)) this.send(to, { type: "beacons", beacons });
    for (const claims of parts(this.#vouchers, to)) this.send(to, { type: "claims", claims });
    for (const statements of parts(this.#statements, to)) {
      this.send(to, { type: "statements", statements });
    }
  }
}

/** What goes to `to`, in lists that fit a message. */
function parts<T>(passed: readonly Passed<T>[], to: PeerKey): T[][] {
  return inParts(passed.filter(({ from }) => from !== to).map(({ item }) => item));
}

function inParts<T>(items: readonly T[]): T[][] {
  const lists: T[][] = [];
  for (let start = 0; start < items.length; start += ROSTER_NEWS_MAX) {
    lists.push(items.slice(start, start + ROSTER_NEWS_MAX));
  }
  return lists;
}
