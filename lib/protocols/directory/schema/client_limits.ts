/** Every bound and time of a client alone, with its unit and reason. */

import { REACHED_MS_MAX } from "./limits.ts";

export { LEAVE_MS_MAX, LEAVE_UNTOLD_MS } from "../../../base/machine/mode_limits.ts";

/**
 * The directory answers within this time whether the client may come in: a thousand passwords may be checked before.
 */
export const ENTER_MS_MAX = 60_000;
/** Longest pause before a client that was told that the directory is full tries again. */
export const FULL_PAUSE_MS_MAX = 60_000;
/** A directory that kept a client for this long works: pauses before attempts are short again. */
export const STABLE_MS = 10_000;

/** Lines that wait in a call, for the answer or for a link that takes no more: above half of it the input pauses. */
export const LINES_MAX = 1_000;
export const LINES_BYTES_MAX = 4 * 1_024 * 1_024;
/** Of those, bytes said in one step: what waits behind a link that takes no more is little more than this. */
export const SAID_AT_ONCE_BYTES = 64 * 1_024;
/** Links that may become the link of a call: two are dialled, one is relayed; the rest are strangers'. */
export const CALL_LINKS_MAX = 8;
/**
 * How much later than the caller the callee dials: where both reach each other, one handshake is enough, and done in
 * a tenth of this. RFC 8305, section 5, has 100 ms as the least between attempts.
 */
export const CALLEE_DIALS_MS = 100;
/** How much longer than the caller, which decides, the callee waits: otherwise one of them would talk alone. */
export const DECIDED_MS = 2_000;
/** A side of a call that says nothing for so long, not even that it is there, counts as lost. */
export const CALL_DEAD_MS = 7_000;
/** While a call goes on, its length is noted so often: of a process that stands still, it is known from when on. */
export const AWAKE_MS = 2_000;
/**
 * What happened while a process stood still is known to it so soon after it woke: at once where the other side has
 * closed the link, otherwise after as long a silence as it takes, and the time for a ping.
 */
export const WOKE_MS = 1_000;
export const WOKE_LOST_MS = CALL_DEAD_MS + 3_000;
/** What is still under way through the directory when it says that a call is over arrives within this time. */
export const GOODBYE_MS_MAX = 1_000;
/**
 * After a call the list is shown when both sides are free in it, or after this: one of them may be in another call.
 */
export const AFTER_CALL_MS = 500;
/** Calls ended by our user for which it isn't known yet which of the last lines the other side was shown. */
export const PARTING_MAX = 8;
/** Keys of other users kept in memory. */
export const KNOWN_MAX = 1_024;
/** Requests of the user that wait for the directory: above half of it the input pauses. */
export const ASKED_MAX = 100;
export const ASKED_BYTES_MAX = 4 * 1_024 * 1_024;
/** What the directory has refused isn't asked again for as long as the directory says; at most this long. */
export const REFUSED_MS_MAX = 60_000;
/**
 * After the directory comes back, a broadcast that was kept meanwhile waits this long for users that were here before
 * and aren't back: most come back within seconds, and the sender shouldn't wonder.
 */
export const OTHERS_MS_MAX = 5_000;
/** Broadcasts of ours for which it isn't known yet whom they reached. */
export const REACHING_MAX = 100;
/** When the directory has reported that, at the latest: its own bound, and the way here. */
export const REPORTED_MS_MAX = REACHED_MS_MAX + 1_000;
/** How often a client repeats where datagrams reach it: a router in between forgets it after 30 s. */
export const HERE_MS = 15_000;
/** Broadcasts heard that a compacted log keeps, for whoever reads the file. */
export const HEARD_KEPT_MAX = 256;
/** Accounts, at any directory, for which it is known what they have heard: the oldest are forgotten. */
export const LISTENERS_MAX = 64;
/**
 * Senders of broadcasts whose own numbers are known, although their keys aren't pinned: those heard least lately are
 * forgotten, and what they may have said by then isn't taken any more.
 */
export const SPEAKERS_MAX = 1_024;
/** Senders whose numbers are never forgotten, as their keys are pinned; more of them count as if they weren't. */
export const LASTING_SPEAKERS_MAX = 4_096;
/** Up to so many of these there is room for one whose key isn't pinned, and whose clock is far ahead of ours. */
export const LASTING_STRANGERS_MAX = 1_024;
/** A broadcast dated further than this ahead of our clock is only taken of a sender that is never forgotten. */
export const DATED_AHEAD_MS_MAX = 10 * 60_000;
/** Times up to which nothing is taken of those who were forgotten: 1,024 for each listener at most. */
export const FORGOTTEN_MAX = LISTENERS_MAX * 1_024;
/** Own numbers above this aren't believed to be ours: far beyond any clock, and far from the last number there is. */
export const OWN_TOLD_MAX = 2 ** 52;
/** Names that are pinned at one directory for a broadcast alone: guests come under ever new ones. */
export const HEARD_PINS_MAX = 1_000;
/** Our user is told as often as this, at most, that a broadcast isn't shown, for each reason. */
export const NOT_SHOWN_TOLD_MS = 60_000;
/** Pause before a disk that refused is tried again. */
export const DISK_RETRY_MS = 5_000;
