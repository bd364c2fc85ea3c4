/** Bounds and times that are the same in every mode, each with its unit and reason. */

import { NAME_LENGTH_MAX } from "./names.ts";
import { MESSAGE_BYTES_MAX } from "./text.ts";

/** A name in UTF-8. */
export const NAME_BYTES_MAX = 4 * NAME_LENGTH_MAX;
/** Longest message. */
export const TEXT_BYTES_MAX = MESSAGE_BYTES_MAX;

/** A wait that has no bound of its own. */
export const WAIT_MS_MAX = 10_000;
/** Whoever is linked says who it is at once; a silent one takes no place for longer. */
export const HELLO_MS_MAX = 10_000;
/** When the program leaves although not everything has gone out. */
export const LEAVE_MS_MAX = 10_000;
/** Who leaves is told what is waited for, where that takes longer than this. */
export const LEAVE_UNTOLD_MS = 1_000;

/** Types that this version doesn't know, on one link or from one peer: more is another program. */
export const UNKNOWN_MESSAGES_MAX = 100;
/** Whoever breaks a rule may be an old version; it comes back after this. */
export const OFFENDER_BAN_MS = 60_000;
/** Another key than is known, at an address or of a name, is told so often: who has it can come as often as it likes. */
export const STRANGE_TOLD_MS = 60_000;
/** How long the key that was told stays the one that `/trust` accepts: time to ask by another way whose it is. */
export const STRANGE_KEPT_MS = 10 * 60_000;
