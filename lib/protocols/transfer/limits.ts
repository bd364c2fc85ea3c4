/** Every bound of file transfer, with its reason. */

/**
 * The codes that messages of file transfer have in every mode; none of a mode's own is among them. From `content` on they
 * are content, which comes to nobody who hasn't asked for it.
 */
export const TRANSFER_CODES = { first: 200, content: 207, last: 215 } as const;

/** Bytes of a leaf of the tree: what is asked for, checked and written at once. The last one may be shorter. */
export const LEAF_BYTES = 65_536;
/** Hashes beside a leaf on its way to the root. Their bytes stay below 1 % of a full leaf's. */
export const PROOF_HASHES_MAX = 18;
export const HASH_BYTES = 32;
export const LEAVES_MAX = 2 ** PROOF_HASHES_MAX;
/** Bytes of a file: 16 GiB. */
export const FILE_BYTES_MAX = LEAVES_MAX * LEAF_BYTES;
/** What a file counts for at least of what may be received: a block of the disk, and its name. */
export const FILE_BYTES_MIN = 4_096;
/** What may be received in all where the user names no other bound. */
export const FILES_BYTES_MAX_DEFAULT = 10_000_000_000;

/** UTF-8 bytes of an offered name, and of a file's name in every common file system. */
export const FILE_NAME_BYTES_MAX = 255;
/** Bytes of an offer as it was signed, with room for what later versions add. */
export const OFFER_BYTES_MAX = 1_024;

/** Open offers of one person: more than anybody reads in a list. */
export const OFFERS_EACH_MAX = 16;
/** Open offers in all: a quarter of the largest room offers one. What was received isn't counted: `SHARES_MAX` more. */
export const OFFERS_MAX = 1_024;
/** Open offers whose signers nobody here knows: of those who left before one came; a liar makes up as many as it likes. */
export const OFFERS_UNKNOWN_MAX = 2 * OFFERS_EACH_MAX;
/** And so many others may come, one a minute: nobody can ignore who makes them up, also where each is taken back. */
export const OFFERS_UNKNOWN_PER_S = 1 / 60;
/** Open offers of those who have come only just: a crowd of them that fills this takes nothing from the others. */
export const OFFERS_NEW_MAX = OFFERS_MAX / 4;
/** An offer that wasn't taken for so long is forgotten: what nobody fetched in a day can be offered again. */
export const OFFER_KEPT_MS = 24 * 60 * 60 * 1_000;
/** Offers and withdrawals from one link that are looked at: each may cost a signature to check. */
export const NEWS_PER_S = 10;
export const NEWS_BURST = 64;
/** So many are sent on one link: fewer than its other end looks at, as they may come there in one heap. */
export const NEWS_SENT_PER_S = NEWS_PER_S / 2;
export const NEWS_SENT_BURST = NEWS_BURST / 2;
/** Those that wait for one peer: all open offers, each taken back. */
export const NEWS_WAITING_MAX = 2 * OFFERS_MAX;
/** Offers of one author that are taken, withdrawn ones too: what a person does by hand. */
export const OFFERS_PER_S = 0.5;
export const OFFERS_BURST = 2 * OFFERS_EACH_MAX;
/** The largest roster: so many people's rates, withdrawals and liars are remembered. */
export const REMEMBERED_MAX = 4_096;

/** Files that are fetched at once: each may hold `LEAVES_HELD_MAX` leaves in memory, 16 MiB in all. */
export const DOWNLOADS_MAX = 4;
/** Leaves of one file asked for or being written, that is, in memory or about to be. */
export const LEAVES_HELD_MAX = 64;
/** Of a file's leaves, this part may be asked for and not synced yet: a kill has so much sent again. */
export const AT_RISK_PART = 0.1;
/** But so many leaves in any case, 1 MiB: nobody minds waiting for them. */
export const AT_RISK_LEAVES_MIN = 16;
/** What was written is synced after this at the latest. */
export const SYNC_MS = 250;
/**
 * And when so many leaves were, 8 MiB: a line of chat that is synced meanwhile waits for the disk to take all of them
 * (its p99: 14.0 ms without a file, 15.8 behind what comes in 250 ms, 13.3 behind 8 MB).
 */
export const SYNC_LEAVES_MAX = 128;
/** Leaves that are read at once of what an earlier process left, 256 KiB in memory. */
export const CHECKED_AT_ONCE = 4;

/** Holders of one file that are known at once: as many as a member has neighbours. */
export const HOLDERS_MAX = 16;
/** Leaves asked of one holder at once, at first and at most: the credit that it has, 1 MiB. */
export const WINDOW_LEAVES = 4;
export const WINDOW_LEAVES_MAX = 16;
/**
 * Leaves that wait on the path: below the first the window grows, above the second it shrinks. With fewer the sender
 * would be idle between two requests; a line of chat waits for all of them, 7 ms at 35 MB/s.
 */
export const PATH_LEAVES_MIN = 2;
export const PATH_LEAVES_MAX = 4;
/** A leaf that takes longer halves the credit: a slow holder then has little that others wait for. */
export const LEAF_MS_SLOW = 1_000;
/** Requests at once for leaves of a file that slow holders were asked for before: so many may come again, 1 MiB. */
export const ASKED_AGAIN_MAX = 16;
/** A holder that sends no leaf for so long is left for another: 64 KiB at 7 KiB a second. */
export const STALL_MS = 10_000;
/** It, or one that is busy, isn't asked again before this. */
export const PAUSE_MS = 5_000;
/** Who has the file is asked again after this, as receivers get more of it and members come. */
export const ASK_MS = 5_000;
/** Peers asked at once: with more the next ones have their turn after `ASK_MS`. */
export const ASKED_MAX = 16;
/** A file of which nothing is on its way is asked of its sender by name after half of this to one and a half times it. */
export const SEEK_MS = 1_000;
/** The same after its last leaf: 64 KiB at 16 KiB a second, and a quick holder is worth a link. */
export const SEEK_SLOW_MS = 4_000;
/** And of anybody after this: those who are there have been asked twice by then. */
export const SEEK_OTHERS_MS = 2 * ASK_MS;
/** Holders of the whole file, beside its sender, that are remembered to be asked by name. */
export const SOUGHT_MAX = 3;
/** Without a leaf from anybody, a file has failed after this; it can be fetched again, from where it was. */
export const NOBODY_MS = 10 * 60 * 1_000;
/** The same where its sender has said that it is gone: time for another holder to answer. */
export const GONE_MS = 3 * ASK_MS;
/** A file of which nothing came for so long gives way to another one that is to be fetched: all were asked for it thrice. */
export const UNSERVED_MS = 3 * ASK_MS;
/** Progress is told twice a second. */
export const PROGRESS_MS = 500;

/** Files that are shown to others: own ones, and those received. */
export const SHARES_MAX = 256;
/** Peers that are sent leaves at once; who has taken none of them for `STALL_MS` isn't counted, and has to find a place again. */
export const SERVED_MAX = 32;
/** Leaves of one peer being read or in its bulk lane: one is read while another one goes out. 4 MiB for those that count. */
export const LANE_LEAVES = 2;
/** Leaves that one peer may have asked for: its whole credit in as many files as it may fetch at once. */
export const QUEUED_LEAVES_MAX = DOWNLOADS_MAX * WINDOW_LEAVES_MAX;
/** Files of one's own that are hashed or stored at once, before they are offered. */
export const PREPARED_MAX = 4;
/** Questions of one peer who has a file that are answered: a bitmap has up to 32 KiB. */
export const WANTS_PER_S = 4;
export const WANTS_BURST = 32;
