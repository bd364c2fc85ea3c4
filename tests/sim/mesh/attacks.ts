/** What members with a program of their own do to the others: each kind one lie, told again and again. */

import type { Signer } from "../../../lib/base/crypto.ts";
import type { Environment } from "../../../lib/base/environment.ts";
import type { Random } from "../random.ts";
import type { Adversary } from "./adversary.ts";
import type { MeshMachine } from "./member.ts";
import {
  Accuses,
  BackDates,
  Crowds,
  Forges,
  HoldsNames,
  MakesAuthorsUp,
  MakesMembersUp,
  NamesTheDead,
  Rotates,
  StripsClaims,
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

/** By the name of each kind. */
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
  holdsNames: HoldsNames,
  comesIn: ComesIn,
  flaps: Flaps,
  rotates: Rotates,
  stripsClaims: StripsClaims,
} as const satisfies Record<
  string,
  new (inner: MeshMachine, signer: Signer, env: Environment, random: Random) => Adversary
>;

/** Who takes somebody's name in the moment in which that one comes in drives it out: docs/security.md says so. */
export const NAME_TAKERS: ReadonlySet<string> = new Set<Attack>(["makesMembersUp", "backDates"]);

export type Attack = keyof typeof ATTACKS;
export const ALL_ATTACKS = Object.keys(ATTACKS) as readonly Attack[];
/** Those that only a private room has. */
const ON_INVITES: readonly Attack[] = ["rotates", "stripsClaims"];
/** Those that any room may have. */
export const COMMON_ATTACKS = ALL_ATTACKS.filter((attack) => !ON_INVITES.includes(attack));
