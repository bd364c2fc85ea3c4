/** Every bound of the friends' protocol, with its reason. */

import { TEXT_BYTES_MAX } from "../../base/machine/mode_limits.ts";

export {
  HELLO_MS_MAX,
  LEAVE_MS_MAX,
  LEAVE_UNTOLD_MS,
  NAME_BYTES_MAX,
  OFFENDER_BAN_MS,
  STRANGE_KEPT_MS,
  STRANGE_TOLD_MS,
  TEXT_BYTES_MAX,
  UNKNOWN_MESSAGES_MAX,
} from "../../base/machine/mode_limits.ts";

/**
 * Bytes of memory that a message counts for beside its text: otherwise a million empty ones would count for nothing.
 */
export const MESSAGE_BYTES_MIN = 512;
/** Messages that wait for one friend: days of talking to somebody who is away. */
export const OUTBOX_MESSAGES_MAX = 10_000;
export const OUTBOX_BYTES_MAX = 64 * 1_024 * 1_024;
/** Bytes that wait for all friends together: they are held in memory, too. */
export const ALL_OUTBOXES_BYTES_MAX = 4 * OUTBOX_BYTES_MAX;
/** The user's input pauses while this many messages wait for a friend that is there: half of the bound. */
export const OUTBOX_MESSAGES_HIGH = OUTBOX_MESSAGES_MAX / 2;

/**
 * Starts of a sender's program that are remembered, if something was said in them: a profile that is restored to a
 * state older than that may deliver again what waited in it. In a `hello` they take 4 KiB.
 */
export const EPOCHS_MAX = 256;

/** Messages in one frame: a burst shares one frame, and one write and one sync at the other side. */
export const BATCH_TEXTS_MAX = 64;
/** Bytes of text in one frame: as much as the longest message has. */
export const BATCH_BYTES_MAX = TEXT_BYTES_MAX;
/** Those bytes of text, and what stands beside each text. */
export const FRAME_TEXTS_BYTES_MAX = BATCH_BYTES_MAX + 64 * BATCH_TEXTS_MAX;
/** Bytes sent to one friend and not acknowledged: half of a link's data queue, so that it never drops anything. */
export const WINDOW_BYTES = 512 * 1_024;

/**
 * Dials under way: a thousand friends that are away don't take all descriptors. As many more for what is typed now.
 */
export const DIALS_MAX = 64;
/** What was sent is acknowledged within this time, or the link is of no use: 64 KiB at 2 KiB a second. */
export const CONFIRM_MS_MAX = 30_000;
/**
 * Bytes taken in from one friend and not on disk yet: with more, the friend has exceeded its window, counted over two
 * links.
 */
export const UNSTORED_BYTES_MAX = 2 * WINDOW_BYTES;
/**
 * A friend that closes its link properly is dialled again at once, as our message may have crossed its goodbye; this
 * often at most.
 */
export const AT_ONCE_INTERVAL_MS = 10_000;
/**
 * A link that has lived for so long has carried an offer: twice the time in which a dead one is noticed. Until then the
 * friend is dialled again.
 */
export const OFFER_TOLD_MS = 5_000;
/** Links of one friend on which what is under way still arrives. */
export const DRAINING_LINKS_MAX = 4;

/** Links that claim to be a friend whose key isn't known: they wait for one answer, and keep nobody else out. */
export const CHECKING_LINKS_MAX = 32;
/** Links whose other side isn't known to be a friend yet: as many as strangers may hold open below. */
export const UNOPENED_LINKS_MAX = 64;
/** Time for what is still under way on a link that another one replaces. */
export const DRAIN_MS = 2_000;
/** A claim to the name of a friend whose key isn't known makes us dial that friend, this often at most. */
export const CHECK_INTERVAL_MS = 5_000;

/** Pauses between attempts to reach a friend for whom something waits: growing by half, with jitter. */
export const RETRY_MS_MIN = 500;
export const RETRY_MS_MAX = 30_000;
/**
 * The longest pause where few friends are waited for: one that comes back needn't wait longer. With more friends it
 * grows, so that a thousand cost no more than thirty dials a second.
 */
export const RETRY_MS_FEW = 5_000;
export const RETRY_MS_EACH = 250;

/** Pause until the disk is asked again to record what may go out: one write for each friend that is there. */
export const RELEASE_RETRY_MS = 5_000;

/** Received messages that a compacted log keeps, for whoever reads the file: 64 MiB of the longest. */
export const RECEIVED_KEPT_MAX = 1_000;

/** What was said before, in one answer, where the user gives no other number: as much as any room keeps. */
export const RECALLED_MAX = 10_000;
