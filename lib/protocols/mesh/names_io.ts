/** The inputs and effects of `Names`: what the mesh composes it with. */

import type { FoldedName, PeerKey } from "../../base/ids.ts";
import type { PinEffect } from "../../base/mode_machine.ts";
import type { KnownClaim } from "./credentials.ts";
import type { MeshRecord } from "./records.ts";
import type { RosterEffect } from "./roster_io.ts";

/** The roster's effects that concern names; the caller passes each on as it is. */
export type MembershipChange = Extract<
  RosterEffect,
  { readonly type: "joined" | "left" | "absent" | "forgotten" | "reclaimed" | "vouched" }
>;

export type NamesInput =
  | MembershipChange
  /** Our own claim, at first and after each `/name`. */
  | { readonly type: "own"; readonly claim: KnownClaim }
  /** The user accepts the key that is shown under this name (`/trust`). */
  | { readonly type: "trust"; readonly key: PeerKey }
  | { readonly type: "tick" };

export type NamesEffect =
  /** A live member, or we ourselves, is shown under another name. */
  | {
    readonly type: "renamed";
    readonly key: PeerKey;
    readonly from: string;
    readonly name: string;
    /** Where it was shown by its name, and lost that to one who had it first: the name as that one writes it. */
    readonly lostTo?: string;
  }
  /** The name was won by another key than the one it is known with, which is here and lost it: told once. */
  | {
    readonly type: "pin-contested";
    readonly name: string;
    /** The name as it was written when the pinned one was met. */
    readonly known: string;
    readonly pinned: PeerKey;
    readonly key: PeerKey;
  }
  /** A stranger has the name of somebody known: it is shown under `shown` until `/trust`. */
  | {
    readonly type: "key-changed";
    readonly name: string;
    readonly shown: string;
    readonly known: string;
    readonly pinned: PeerKey;
    readonly key: PeerKey;
  }
  /**
   * Somebody else won our name. `leave`: both came in at once, and we are the one that ends with
   * `name-taken`. `stay`: a split has healed; we are shown as `shown` and may choose another name.
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
  /** What is on disk of this room: its pins are restored. */
  readonly records: readonly MeshRecord[];
  /** Whether a claim's time can be believed; only then does it win over one that is vouched for. */
  readonly isVouched: (claim: KnownClaim) => boolean;
  /** Who is known to have claimed this name at any time, here or not. */
  readonly claimants: (folded: FoldedName) => Iterable<PeerKey>;
  /** Two claims are of a race to come in where they are no further apart, and ours is no older when it shows. */
  readonly raceMs: number;
}

/** Two who come in at once learn of each other within a few round trips; their claims are no further apart. */
export const NAME_RACE_MS = 5_000;
