/** Every bound of the friends' protocol, with its reason. */

import { TEXT_BYTES_MAX } from "../../base/mode_limits.ts";

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
} from "../../base/mode_limits.ts";

/** What a message takes beside its text, here in memory: without it, a million empty ones would be nothing. */
export const MESSAGE_BYTES_MIN = 512;
/** What waits for one friend: days of talking to somebody who is away. */
export const OUTBOX_MESSAGES_MAX = 10_000;
export const OUTBOX_BYTES_MAX = 64 * 1_024 * 1_024;
/** For all friends together: it is held in memory, too. */
export const ALL_OUTBOXES_BYTES_MAX = 4 * OUTBOX_BYTES_MAX;
/** The user's input pauses while so much waits for a friend who is there: half of the bound. */
export const OUTBOX_MESSAGES_HIGH = OUTBOX_MESSAGES_MAX / 2;

/**
 * Starts of a sender's program that are remembered, those in which something was said: a profile that is put back
 * to a state so many starts ago may deliver again what waited in it. In a `hello`, they have 4 KiB.
 */
export const EPOCHS_MAX = 256;

/** Messages in one frame: a burst shares one frame, one write and one sync at the other side. */
export const BATCH_TEXTS_MAX = 64;
/** Text in one frame, as much as the longest message has. */
export const BATCH_BYTES_MAX = TEXT_BYTES_MAX;
/** So much text, and what stands beside each. */
export const FRAME_TEXTS_BYTES_MAX = BATCH_BYTES_MAX + 64 * BATCH_TEXTS_MAX;
/** Sent and not acknowledged, for each friend: half of a link's data queue, so that it never drops anything. */
export const WINDOW_BYTES = 512 * 1_024;

/** Dials under way: a thousand friends who are away don't take all descriptors. As many more for what is typed now. */
export const DIALS_MAX = 64;
/** What was sent is confirmed within this time, or the link is of no use: 64 KiB at 2 KiB a second. */
export const CONFIRM_MS_MAX = 30_000;
/** Taken in from one friend and not on disk yet: more than this breaks the window, counted over two links. */
export const UNSTORED_BYTES_MAX = 2 * WINDOW_BYTES;
/** A friend that closes properly is dialled again at once, as our message may have crossed its goodbye; so often. */
export const AT_ONCE_INTERVAL_MS = 10_000;
/** Links of one friend on which what is under way still arrives. */
export const DRAINING_LINKS_MAX = 4;

/** Links that say to be of a friend whose key isn't known: they wait for one answer, and keep nobody else out. */
export const CHECKING_LINKS_MAX = 32;
/** Links whose other side isn't known as a friend yet: as many as strangers may hold open below. */
export const UNOPENED_LINKS_MAX = 64;
/** What is under way on a link when another takes its place arrives within this time. */
export const DRAIN_MS = 2_000;
/** A claim to an unknown friend's name makes us dial that friend so often at most. */
export const CHECK_INTERVAL_MS = 5_000;

/** Pauses between attempts to reach a friend something waits for: growing by half, with jitter. */
export const RETRY_MS_MIN = 500;
export const RETRY_MS_MAX = 30_000;
/**
 * The longest pause where few are waited for: who comes back isn't told to wait. For each of them it is longer, so
 * that a thousand cost no more than thirty dials a second.
 */
export const RETRY_MS_FEW = 5_000;
export const RETRY_MS_EACH = 250;

/** Pause until the disk is asked again to take down what may go out: one write for each friend who is there. */
export const RELEASE_RETRY_MS = 5_000;

/** Received messages that a compacted log keeps, for whoever reads the file: 64 MiB of the longest. */
export const RECEIVED_KEPT_MAX = 1_000;
