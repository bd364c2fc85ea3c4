/** Every bound and time of the directory's protocol, with its unit and reason. */

import type { ChannelConfig } from "../../noise/config.ts";

export {
  HELLO_MS_MAX,
  LEAVE_MS_MAX,
  LEAVE_UNTOLD_MS,
  NAME_BYTES_MAX,
  OFFENDER_BAN_MS,
  TEXT_BYTES_MAX,
  UNKNOWN_MESSAGES_MAX,
  WAIT_MS_MAX,
} from "../../../base/machine/mode_limits.ts";

/** The reason of a refusal, in a few sentences. */
export const REASON_BYTES_MAX = 1_024;
/** A host name or an address. */
export const HOST_BYTES_MAX = 253;

/** How often a name is claimed, as it went from one to another meanwhile: each time somebody had it, or gave it up. */
export const CLAIMS_MAX = 8;
/** A client tries again after this where the directory's engine doesn't answer: it elects a leader within 2 s. */
export const ENGINE_RETRY_MS = 1_000;
/** How often an instance says how far its accounts have the broadcasts: once for all of them. */
export const MARKED_MS = 1_000;
/** Accounts that lack some of what it says: with more, it says less. */
export const MARK_EXCEPT_MAX = 256;
/** By so much sooner than the sender's instance another one gives up waiting for its clients. */
export const REACHED_AHEAD_MS = 500;
/** Instances of one directory that a client is told of. */
export const INSTANCES_MAX = 32;

/** `--max-clients`, unless told otherwise. */
export const CLIENTS_MAX_DEFAULT = 1_000;
/** Largest `--max-clients`: each client costs memory and a descriptor, and is told of all others. */
export const CLIENTS_MAX = 10_000;

/**
 * Wrong passwords of one name from one address within the time below; after them nothing more is tried for as long.
 */
export const WRONG_MAX = 5;
/** Wrong passwords of all names from one address; with more, the same goes for the address. */
export const WRONG_FROM_ADDRESS_MAX = 50;
export const LOCK_OUT_MS = 60_000;
/** Pairs of name and address, and likewise addresses, whose wrong passwords are counted: the oldest are forgotten. */
export const LOCK_OUTS_MAX = 4_096;
/** `--signup-limit`: sign-ups an hour from one address, unless told otherwise. */
export const SIGN_UPS_MAX_DEFAULT = 10;
export const SIGN_UPS_MS = 3_600_000;

/**
 * The use of one of an account's 16 devices is noted once this many others were used after it: most uses cost no
 * write.
 */
export const USED_LATER_MAX = 8;
/** Uses noted for one account within this time, one of each device: each rewrites all accounts. */
export const USES_MAX = 16;
export const USES_MS = 3_600_000;
/** Accounts whose uses are counted: the oldest are forgotten. */
export const USED_ACCOUNTS_MAX = 4_096;

/**
 * How long a guest's name is kept for its key after its link was lost: as long as a dead client may be in the list.
 */
export const GUEST_HELD_MS = 15_000;

/**
 * With more online than this, a client isn't told the whole list: it asks for pages, and hears of those to whose names
 * it has subscribed. Telling everybody about everybody costs the square of their number.
 */
export const LIST_TOLD_MAX = 1_000;
/** With no more than this, it is told the whole list again: far from the number above, so that few changes flip it. */
export const LIST_TOLD_AGAIN_MAX = 900;
/** Searches of one user that wait for their answer. */
export const SEARCHES_MAX = 16;
/** People met at the directory, to whose names a client subscribes at first. */
export const SUBSCRIBED_PINS_MAX = 32;
/** Names to which one client may subscribe: two pages and some people that it cares for. */
export const SUBSCRIPTIONS_MAX = 256;
/** How often such a client is told how many are online, where that has changed. */
export const ONLINE_MS = 10_000;
/** Pages that one client may ask for. */
export const SEARCHES_PER_S = 2;
export const SEARCHES_BURST = 10;
/**
 * Names that searches of all clients may look at, some 50 ns each: a tenth of a core. What goes beyond is answered
 * later.
 */
export const SEARCHED_PER_S = 2_000_000;
export const SEARCHED_BURST = 1_000_000;
/** Users in one page of the list: a page fits in a record. */
export const USERS_PAGE_MAX = 100;
/**
 * Changes are told at once where none were told for this long, and otherwise together: a storm of them costs 40
 * messages a second.
 */
export const PRESENCE_MS = 25;
/**
 * Names whose changes are kept for a slow client; the oldest are forgotten, and the client is sent the whole list.
 */
export const CHANGES_KEPT_MAX = CLIENTS_MAX;
/** A client that takes nothing in for this long is dropped. */
export const SLOW_MS_MAX = 15_000;

/** Bytes of the random id of a call, or of the directory's store: 32, or 16, hexadecimal digits in memory. */
export const CALL_ID_BYTES = 16;
/** The most calls that one client may be in at a time: it declines those that ring while it talks. */
export const CALLS_EACH_MAX = 32;
export const STORE_ID_BYTES = 8;
/** Keys under one name that a caller has refused, of which the directory is told: with more there is no call. */
export const CALL_REFUSED_MAX = 64;

/** How long a call rings. */
export const RINGING_MS_MAX = 30_000;
/** How long both sides try to dial each other; then their words go through the directory. */
export const DIRECT_MS_MAX = 4_000;
/** From the answer until both sides talk; after that the callee is unreachable. */
export const CONNECTING_MS_MAX = 10_000;
/** Missed calls kept, the latest ones. */
export const MISSED_MAX = 100;
/** Lines of a call shown without a `heard`: one `heard` for this many costs little in a flood. */
export const HEARD_LINES_MAX = 32;
/** A shown line is acknowledged after this: long for lines that come together, short for a writer that waits. */
export const HEARD_MS = 200;
/** Sealed bytes in one piece that is relayed. */
export const RELAY_BYTES_MAX = 16 * 1_024;
/** Of those, bytes in each direction that the other side hasn't taken yet: the directory holds no more. */
export const RELAY_CREDIT_BYTES = 64 * 1_024;
/** Bytes relayed for one call, in each direction: enough to talk, not to transfer files at the operator's cost. */
export const RELAY_BYTES_PER_S = 256 * 1_024;

/** Broadcasts of one sender within the time below. */
export const BROADCASTS_MAX = 60;
export const BROADCASTS_MS = 60_000;
/** Broadcasts kept for users that are away; the oldest go first. */
export const KEPT_MAX = 10_000;
export const KEPT_BYTES_MAX = 64 * 1_024 * 1_024;
/** `--broadcast-ttl`, unless told otherwise. */
export const TTL_MS_DEFAULT = 30 * 60_000;
/** Longest `--broadcast-ttl`: a file of 64 MiB holds no more anyway. */
export const TTL_MS_MAX = 7 * 24 * 60 * 60_000;
/** Broadcasts sent to one client and not acknowledged. */
export const WINDOW_MAX = 32;
/**
 * Datagrams under way to all clients at once, and for how long one may count as under way. They are answered
 * together, and systems buffer some 270 short answers for a program: with more, answers would be lost, and the
 * datagrams repeated.
 */
export const FLYING_MAX = 192;
export const FLYING_MS_MAX = 250;
/**
 * Pauses after a datagram that isn't acknowledged: it is repeated after each pause but the last, then sent over TCP.
 */
export const REPEAT_MS = [250, 500, 1_000] as const;
/** Acknowledgements of one client under way: of two windows, for each repetition, over link and datagrams. */
export const ACKNOWLEDGEMENTS_MAX = 2 * WINDOW_MAX * (REPEAT_MS.length + 1) * 2;
/** Devices that came in with the password while the disk refused to remember them: the oldest are forgotten. */
export const UNREMEMBERED_MAX = 1_000;
/** An Ed25519 signature. */
export const SIGNATURE_BYTES = 64;
/** Text that fits in one datagram beside its other fields; longer ones go over TCP. */
export const DATAGRAM_TEXT_BYTES_MAX = 800;
/**
 * The sender is told how many have it when all clients that are there do, or after this: in time even for a sender
 * that leaves and waits 10 s.
 */
export const REACHED_MS_MAX = 9_000;

/** Pauses between attempts to come in again: growing by half, with jitter. */
export const RETRY_MS_MIN = 500;
export const RETRY_MS_MAX = 30_000;
/** How long a client goes on trying where the directory says that it is full, or is there and never answers. */
export const FULL_MS_MAX = 10 * 60_000;
/** A client tries again after this when the disk didn't take what it asked for. */
export const DISK_FULL_RETRY_MS = 1_000;
/** How often the operator is told that the disk takes none of the clients' broadcasts. */
export const REFUSAL_TOLD_MS = 60_000;
/** Links that have said nothing yet: the one that has waited longest is closed. */
export const SILENT_LINKS_MAX = 1_024;
/**
 * Refusals on one link that nobody came in on; the last one closes it, as each gives the link 10 s more: five wrong
 * passwords, and as many names that can't be had. A user who isn't in by then comes on another link.
 */
export const REFUSALS_MAX = 10;
/** A client tries again after this when the directory was full. */
export const FULL_RETRY_MS = 15_000;
/** A client tries again after this when too many passwords were waiting: ten are checked meanwhile. */
export const PASSWORDS_RETRY_MS = 5_000;
/**
 * A user that was kicked out isn't let in for this long, by name and by key; this many are remembered, the latest.
 */
export const KICKED_MS = 60_000;
export const KICKED_MAX = 1_024;
/** Names held for guests; the oldest are given up. */
export const HELD_GUESTS_MAX = 1_024;
/** Programs of guests that are known to have been in; the oldest are forgotten, and come in as newcomers do. */
export const FORMER_GUESTS_MAX = 1_024;
/** After a restart all clients come back at once: they spread over this time. */
export const RETURN_SPREAD_MS = 2_000;
/** Calls made by one client: each rings a bell. A script may well call thirty times in a row. */
export const CALLS_PER_S = 1;
export const CALLS_BURST = 30;
/**
 * Calls that ring at one client, and others that it is told of while busy, whoever makes them: more than people make.
 * What it is told of a burst, reasons included, is less than two thirds of what may wait in its control lane; with
 * twice as much, a crowd would have its link closed.
 */
export const RINGS_PER_S = 1;
export const RINGS_BURST = 30;
/**
 * Messages of one client that aren't counted otherwise: more than its user, or a script, can bring about. A call that
 * connects costs each side three, a broadcast one.
 */
export const CONTROL_PER_S = 20;
export const CONTROL_BURST = 3 * (CALLS_BURST + RINGS_BURST) + BROADCASTS_MAX + 40;
/** Relayed pieces, and reports of taken ones, from one client: lines typed fast, and a handshake. */
export const RELAY_PIECES_PER_S = 500;
export const RELAY_PIECES_BURST = 2_000;
/**
 * How long a client counts as busy after the other side has hung up, at most; what is being relayed still arrives.
 */
export const ENDING_MS_MAX = 10_000;
/** Bytes of text sent to one client over its link and not acknowledged: a quarter of what the link queues. */
export const WINDOW_BYTES_MAX = 256 * 1_024;
/** What a broadcast takes in memory beside its text. */
export const BROADCAST_BYTES_MIN = 512;
/** Senders whose broadcasts of the last minute are counted; the oldest are forgotten. */
export const SENDERS_MAX = 4_096;
/** Broadcasts on their way to the disk. */
export const UNSTORED_MAX = 256;
/** Broadcasts for which it is counted who has them; the oldest are reported as they stand. */
export const REPORTS_MAX = 256;
/** A sender that comes back so soon after it should have been told how many have it is told then. */
export const REPORTS_KEPT_MS = 30_000;

/**
 * A client that is gone leaves the list within 15 s, and a thousand silent clients cost one ping each in 6 s. The
 * silence after which a link counts as dead is longer than two ping intervals, and shorter than 15 s by the time
 * that it takes to notify others.
 */
export const DIRECTORY_CHANNEL = {
  pingAfterMs: 6_000,
  // Pings that are due in the same second share one wake-up; between these a link costs nothing.
  pingGridMs: 1_000,
  listenerPingLagMs: 1_500,
  listenerPingGridMs: 1_000,
  deadAfterMs: 13_000,
} as const satisfies Partial<ChannelConfig>;

// Of a client alone.

/**
 * The directory answers within this time whether the client may come in: a thousand passwords may be checked before.
 */
export const ENTER_MS_MAX = 60_000;
/** How long another instance has to let us in, from the dial on, while the present one is cut off. */
export const MOVE_MS_MAX = 5_000;
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
/** How long `/list` waits, just after we came in, for the list that the directory sends then. */
export const LIST_MS_MAX = 2_000;
/** So many `/list` wait for it. */
export const LISTS_WAITING_MAX = 16;
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
/** What was said before, in one answer, where the user gives no other number: as much as any room keeps. */
export const RECALLED_MAX = 10_000;
/** Pause before a disk that refused is tried again. */
export const DISK_RETRY_MS = 5_000;
