/**
 * What one step of the roster passes on: each thing once to each neighbour but the one it came from, all
 * in as few messages as hold it, claims before the beacons that name them.
 */

import type { PeerKey } from "../../base/ids.ts";
import { ROSTER_PART_MAX } from "./limits.ts";
import type { RosterMessage } from "./messages.ts";
import type { SignedBeacon, SignedClaim, SignedStatement } from "./structures.ts";

interface Passed<T> {
  readonly item: T;
  /** Null for our own. */
  readonly from: PeerKey | null;
}

export class RosterOutbox {
  #claims: Passed<SignedClaim>[] = [];
  #beacons: Passed<{ readonly signed: SignedBeacon; readonly ageMs: number }>[] = [];
  #statements: Passed<SignedStatement>[] = [];

  claim(claim: SignedClaim, from: PeerKey | null): void {
    this.#claims.push({ item: claim, from });
  }

  beacon(signed: SignedBeacon, ageMs: number, from: PeerKey | null): void {
    this.#beacons.push({ item: { signed, ageMs }, from });
  }

  statement(statement: SignedStatement, from: PeerKey | null): void {
    this.#statements.push({ item: statement, from });
  }

  /** The messages of this step; nothing is left behind. */
  flush(
    neighbours: Iterable<PeerKey>,
  ): { readonly to: PeerKey; readonly message: RosterMessage }[] {
    const sends: { readonly to: PeerKey; readonly message: RosterMessage }[] = [];
    if (this.#claims.length + this.#beacons.length + this.#statements.length > 0) {
      for (const to of neighbours) {
        for (const claims of parts(this.#claims, to)) {
          sends.push({ to, message: { type: "claims", claims } });
        }
        for (const beacons of parts(this.#beacons, to)) {
          sends.push({ to, message: { type: "beacons", beacons } });
        }
        for (const statements of parts(this.#statements, to)) {
          sends.push({ to, message: { type: "statements", statements } });
        }
      }
    }
    this.#claims = [];
    this.#beacons = [];
    this.#statements = [];
    return sends;
  }
}

/** What goes to `to`, in lists that fit a message. */
function parts<T>(passed: readonly Passed<T>[], to: PeerKey): T[][] {
  const items = passed.filter(({ from }) => from !== to).map(({ item }) => item);
  const lists: T[][] = [];
  for (let start = 0; start < items.length; start += ROSTER_PART_MAX) {
    lists.push(items.slice(start, start + ROSTER_PART_MAX));
  }
  return lists;
}
