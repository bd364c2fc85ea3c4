/** Limits and times that are the same in every mode, each with its unit and reason. */

import { NAME_LENGTH_MAX } from "../text/names.ts";
import { MESSAGE_BYTES_MAX } from "../text/text.ts";

/** Longest name in UTF-8 bytes. */
export const NAME_BYTES_MAX = 4 * NAME_LENGTH_MAX;
/** Longest message in UTF-8 bytes. */
export const TEXT_BYTES_MAX = MESSAGE_BYTES_MAX;

/** The timeout of a wait that has no other limit. */
export const WAIT_MS_MAX = 10_000;
/** A link that hasn't identified itself by then is closed, so that silent links hold no places. */
export const HELLO_MS_MAX = 10_000;
/** The program exits after this even if some of its data hasn't been sent. */
export const LEAVE_MS_MAX = 10_000;
/** A user who leaves is told what the program still waits for if leaving takes longer than this. */
export const LEAVE_UNTOLD_MS = 1_000;

/** Messages of unknown types accepted on one link or from one peer, per minute: more come from another program. */
export const UNKNOWN_MESSAGES_MAX = 100;
/** A peer that violates the protocol may only be outdated: it may come back after this. */
export const OFFENDER_BAN_MS = 60_000;
/**
 * At most one warning of a changed key in this time, for each address or name: whoever has the key may connect at
 * will.
 */
export const STRANGE_TOLD_MS = 60_000;
/**
 * How long the changed key of the last warning stays the one that `/trust` accepts: time to ask by another way
 * whose it is.
 */
export const STRANGE_KEPT_MS = 10 * 60_000;
