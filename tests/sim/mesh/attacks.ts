/** The attacks of malicious members on the others: each is one lie, told again and again. */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { Environment } from "../../../lib/base/machine/environment.ts";
import type { Random } from "../random.ts";
import type { Adversary } from "./adversary.ts";
import {
  AsksAgain,
  ComesBackAndQuits,
  FallsSilentAndStays,
  LeavesAndStays,
} from "./leave_attacks.ts";
import type { MeshMachine } from "./member.ts";
import {
  Accuses,
  BackDates,
  Crowds,
  Forges,
  MakesAuthorsUp,
  MakesMembersUp,
  NamesTheDead,
  Rotates,
  StripsClaims,
  TellsRemoved,
  UsesEpochsUp,
  VouchesUnseen,
} from "./member_attacks.ts";
import { ComesIn, Flaps } from "./overlay_attacks.ts";
import {
  BeginsStreams,
  Boasts,
  ClockAhead,
  Floods,
  Grafts,
  InventsHeads,
  Promises,
  Replays,
  RunsAhead,
  SaysNotKept,
  Swallows,
  WithholdsParents,
} from "./word_attacks.ts";

/** The adversary of each kind of attack. */
export const ATTACKS = {
  forges: Forges,
  replays: Replays,
  inventsHeads: InventsHeads,
  withholdsParents: WithholdsParents,
  saysNotKept: SaysNotKept,
  boasts: Boasts,
  makesMembersUp: MakesMembersUp,
  crowds: Crowds,
  backDates: BackDates,
  makesAuthorsUp: MakesAuthorsUp,
  accuses: Accuses,
  runsAhead: RunsAhead,
  clockAhead: ClockAhead,
  swallows: Swallows,
  promises: Promises,
  grafts: Grafts,
  namesTheDead: NamesTheDead,
  floods: Floods,
  beginsStreams: BeginsStreams,
  comesIn: ComesIn,
  flaps: Flaps,
  rotates: Rotates,
  stripsClaims: StripsClaims,
  tellsRemoved: TellsRemoved,
  usesEpochsUp: UsesEpochsUp,
  vouchesUnseen: VouchesUnseen,
  leavesAndStays: LeavesAndStays,
  fallsSilentAndStays: FallsSilentAndStays,
  asksAgain: AsksAgain,
  comesBackAndQuits: ComesBackAndQuits,
} as const satisfies Record<
  string,
  new (inner: MeshMachine, signer: Signer, env: Environment, random: Random) => Adversary
>;

/**
 * Attacks that claim others' names. A name claimed just while its owner joins drives the owner out:
 * docs/security.md.
 */
export const NAME_TAKERS: ReadonlySet<string> = new Set<Attack>(["makesMembersUp", "backDates"]);

export type Attack = keyof typeof ATTACKS;
export const ALL_ATTACKS = Object.keys(ATTACKS) as readonly Attack[];
/** Attacks that only work in a private room. */
const ON_INVITES: readonly Attack[] = ["rotates", "stripsClaims", "vouchesUnseen"];
/** Attacks that work in any room. */
export const COMMON_ATTACKS = ALL_ATTACKS.filter((attack) => !ON_INVITES.includes(attack));
