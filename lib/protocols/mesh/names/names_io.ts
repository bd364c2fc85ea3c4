/** The inputs and effects of `Names`: what the mesh composes it with. */

import type { Fingerprint } from "../../../base/text/fingerprint.ts";
import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import type { PinEffect } from "../../../base/machine/mode_machine.ts";
import type { KnownClaim } from "../schema/credentials.ts";
import type { ComparedKey } from "../../../base/trust/refused_keys.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { RosterEffect } from "../roster/roster_io.ts";

/** The roster's effects that concern names; the caller passes them on unchanged. */
type MembershipChange = Extract<
  RosterEffect,
  { readonly type: "joined" | "left" | "absent" | "forgotten" | "reclaimed" | "vouched" }
>;

export type NamesInput =
  | MembershipChange
  /** Our own claim, at first and after each `/name`. */
  | { readonly type: "own"; readonly claim: KnownClaim }
  /** The user accepts the key that is shown under this name (`/trust`). */
  | { readonly type: "trust"; readonly key: PeerKey }
  /**
   * The user found other digits than its owner (`/verify NAME no`), here or in another program of the profile: under the
   * name that its owner claims the key is a stranger's, until `trust`.
   */
  | { readonly type: "refused"; readonly name: string; readonly fingerprint: Fingerprint }
  /** Another program of the profile was told that it is, after all. */
  | { readonly type: "unrefused"; readonly name: string; readonly fingerprint: Fingerprint }
  | { readonly type: "tick" };

export type NamesEffect =
  /** A live member, or we ourselves, is shown under another name. */
  | {
    readonly type: "renamed";
    readonly key: PeerKey;
    readonly from: string;
    readonly name: string;
    /**
     * Set where the member was shown by its own name and lost that to one that had it first: the name as the winner
     * writes it.
     */
    readonly lostTo?: string;
  }
  /**
   * The name was won by another key than the one it is known with; the known one is here, and lost it. Emitted once.
   */
  | {
    readonly type: "pin-contested";
    readonly name: string;
    /** The name as it was written when the pinned key was met. */
    readonly known: string;
    readonly pinned: PeerKey;
    readonly key: PeerKey;
  }
  /** A stranger has a known member's name: it is shown under `shown` until `/trust`. */
  | {
    readonly type: "key-changed";
    readonly name: string;
    readonly shown: string;
    readonly known: string;
    /** Absent where the user refused the key itself. */
    readonly pinned?: PeerKey;
    readonly key: PeerKey;
  }
  /**
   * Another member won our name. `leave`: both came in at once, and we are the one that ends with `name-taken`.
   * `stay`: a split has healed; we are shown as `shown` and may choose another name.
   */
  | {
    readonly type: "name-lost-self";
    readonly winner: KnownClaim;
    readonly shown: string;
    readonly consequence: "leave" | "stay";
  }
  | { readonly type: "persist"; readonly records: readonly MeshRecord[] }
  | PinEffect;

export interface NamesConfig {
  readonly self: PeerKey;
  /** The room's records on disk: its pins are restored. */
  readonly records: readonly MeshRecord[];
  /** Keys that the user has refused, each for a name. */
  readonly refused?: readonly ComparedKey[];
  /** Keys that the user has verified, each under a name as it was shown: none of another key is shown like it. */
  readonly verified?: readonly ComparedKey[];
  /** Whether a claim's time can be believed; only then does it win over one that is vouched for. */
  readonly isVouched: (claim: KnownClaim) => boolean;
  /** Keys known to have claimed this name at any time, present or not. */
  readonly claimants: (folded: FoldedName) => Iterable<PeerKey>;
  /**
   * Two claims are of a race to come in if they are no further apart than this, and ours is no older than this when
   * the other one is seen.
   */
  readonly raceMs: number;
}

/**
 * Two members that come in at once learn of each other within a few round trips; their claims are no further apart.
 */
export const NAME_RACE_MS = 5_000;
