/** Every bound and time of a client alone, with its unit and reason. */

import { REACHED_MS_MAX } from "./limits.ts";

export { LEAVE_MS_MAX, LEAVE_UNTOLD_MS, STRANGE_KEPT_MS } from "../../base/mode_limits.ts";

/** Whether one may come in is answered within this time: passwords of a thousand may be checked before. */
export const ENTER_MS_MAX = 60_000;
/** Who is told that the directory is full tries again after this at most. */
export const FULL_PAUSE_MS_MAX = 60_000;
/** A directory in which one was for so long is one that works: pauses before attempts are short again. */
export const STABLE_MS = 10_000;

/** Lines that wait in a call, for the answer or for a link that takes no more: beyond half, the input pauses. */
export const LINES_MAX = 1_000;
export const LINES_BYTES_MAX = 4 * 1_024 * 1_024;
/** Of those, what is said in one step: what waits beyond a link that takes no more is little more. */
export const SAID_AT_ONCE_BYTES = 64 * 1_024;
/** Links that may become that of a call: two are dialled, one is relayed; the rest are strangers'. */
export const CALL_LINKS_MAX = 8;
/**
 * The callee dials so much later than the caller: where both reach each other, one handshake is enough, and done in a
 * tenth of that. RFC 8305, section 5, has 100 ms as the least between attempts.
 */
export const CALLEE_DIALS_MS = 100;
/** The callee waits so much longer than the caller, who decides: else one of them would talk alone. */
export const DECIDED_MS = 2_000;
/** What is under way through the directory when it says that a call is over arrives within this time. */
export const GOODBYE_MS_MAX = 1_000;
/** After a call the list is shown when both are free in it, or after this: one of them may be in another call. */
export const AFTER_CALL_MS = 500;
/** Calls that our user has ended, and of which it isn't known yet what of the last lines the other was shown. */
export const PARTING_MAX = 8;
/** Keys of others that a client remembers in memory. */
export const KNOWN_MAX = 1_024;
/** Of what a user asks of the directory, so much waits: beyond half, the input pauses. */
export const ASKED_MAX = 100;
export const ASKED_BYTES_MAX = 4 * 1_024 * 1_024;
/** What the directory has refused, for as long as it says, isn't asked again before; at most this long. */
export const REFUSED_MS_MAX = 60_000;
/**
 * What is kept for all while the directory is away waits so long for those who were here and aren't back: most come
 * back within seconds, and the sender shouldn't wonder.
 */
export const OTHERS_MS_MAX = 5_000;
/** Told to all and sent by us, of which it isn't known yet whom they reached. */
export const REACHING_MAX = 100;
/** When the directory has said that, at the latest: its own bound, and the way here. */
export const REPORTED_MS_MAX = REACHED_MS_MAX + 1_000;
/** Where datagrams reach a client is said again so often: a router in between forgets it after 30 s. */
export const HERE_MS = 15_000;
/** What was told to all and is kept for a compacted log, for whoever reads the file. */
export const HEARD_KEPT_MAX = 256;
/** Accounts at directories of which is known what was heard: the oldest are forgotten. */
export const LISTENERS_MAX = 64;
/** A disk that refuses is tried again after this. */
export const DISK_RETRY_MS = 5_000;
