/** Every bound and time of the directory's protocol, with its unit and reason. */

export {
  HELLO_MS_MAX,
  LEAVE_MS_MAX,
  LEAVE_UNTOLD_MS,
  NAME_BYTES_MAX,
  OFFENDER_BAN_MS,
  TEXT_BYTES_MAX,
  UNKNOWN_MESSAGES_MAX,
  WAIT_MS_MAX,
} from "../../base/mode_limits.ts";

/** Why something isn't done, in a few sentences. */
export const REASON_BYTES_MAX = 1_024;
/** A host name or an address. */
export const HOST_BYTES_MAX = 253;

/** `--max-clients`, unless told otherwise. */
export const CLIENTS_MAX_DEFAULT = 1_000;
/** Of `--max-clients`: each costs memory and a descriptor, and hears of all others. */
export const CLIENTS_MAX = 10_000;

/** Wrong passwords of one name from one address within the time below, and for as long nothing more is tried. */
export const WRONG_MAX = 5;
/** More than so many of all names from one address: the same for the address. */
export const WRONG_FROM_ADDRESS_MAX = 50;
export const LOCK_OUT_MS = 60_000;
/** Names with addresses, or addresses, of which wrong passwords are counted: the oldest are forgotten. */
export const LOCK_OUTS_MAX = 4_096;
/** `--signup-limit`: sign-ups an hour from one address, unless told otherwise. */
export const SIGN_UPS_MAX_DEFAULT = 10;
export const SIGN_UPS_MS = 3_600_000;

/** Of an account's 16 devices so many are used later before the use of one is noted: most uses cost no write. */
export const USED_LATER_MAX = 8;
/** Of one account so many uses are noted within this time, one of each device: each writes all accounts anew. */
export const USES_MAX = 16;
export const USES_MS = 3_600_000;
/** Accounts of which uses are counted: the oldest are forgotten. */
export const USED_ACCOUNTS_MAX = 4_096;

/** A guest's name is kept for its key when its link was lost: as long as a dead client may be in the list. */
export const GUEST_HELD_MS = 15_000;

/** People in one page of the list: a page fits in a record. */
export const USERS_PAGE_MAX = 100;
/** Changes are told at once where none were told for so long, and else together: a storm of them costs 40 a second. */
export const PRESENCE_MS = 25;
/** Names whose changes are kept for who is slow; the oldest are forgotten, and it is told the whole list. */
export const CHANGES_KEPT_MAX = CLIENTS_MAX;
/** A client that takes nothing in for so long is dropped. */
export const SLOW_MS_MAX = 15_000;

/** A number of a call, or of the directory's store, drawn at random: 32, or 16, hexadecimal digits in memory. */
export const CALL_ID_BYTES = 16;
export const STORE_ID_BYTES = 8;
/** How long a call rings. */
export const RINGING_MS_MAX = 30_000;
/** Both sides dial for so long; then their words go through the directory. */
export const DIRECT_MS_MAX = 4_000;
/** From the answer until both talk; then the callee is unreachable. */
export const CONNECTING_MS_MAX = 10_000;
/** Calls that were missed, the latest are kept. */
export const MISSED_MAX = 100;
/** Lines of a call that were shown without a `heard`: one in so many costs a flood little. */
export const HEARD_LINES_MAX = 32;
/** A line that was shown is told of after this: long for lines that come together, short for who waits. */
export const HEARD_MS = 200;
/** Sealed bytes in one piece that is relayed. */
export const RELAY_BYTES_MAX = 16 * 1_024;
/** Of those in each direction that the other side hasn't taken: the directory holds no more. */
export const RELAY_CREDIT_BYTES = 64 * 1_024;
/** Relayed for one call, in each direction: talk, and no transfer of files at the operator's cost. */
export const RELAY_BYTES_PER_S = 256 * 1_024;

/** Broadcasts of one sender within the time below. */
export const BROADCASTS_MAX = 60;
export const BROADCASTS_MS = 60_000;
/** Kept for who isn't there; the oldest go first. */
export const KEPT_MAX = 10_000;
export const KEPT_BYTES_MAX = 64 * 1_024 * 1_024;
/** `--broadcast-ttl`, unless told otherwise. */
export const TTL_MS_DEFAULT = 30 * 60_000;
/** Longer, a file of 64 MiB holds no more anyway. */
export const TTL_MS_MAX = 7 * 24 * 60 * 60_000;
/** Sent to one client and not acknowledged. */
export const WINDOW_MAX = 32;
/**
 * Datagrams to all clients that are on their way at once, and for how long one may count as that. They are answered
 * together, and systems keep some 270 short answers for a program: more would be lost, and repeated.
 */
export const FLYING_MAX = 192;
export const FLYING_MS_MAX = 250;
/** Pauses after a datagram that isn't acknowledged: it is repeated after each but the last, then it goes over TCP. */
export const REPEAT_MS = [250, 500, 1_000] as const;
/** Acknowledgements of one client on their way: of two windows, of each repetition, over link and datagrams. */
export const ACKNOWLEDGEMENTS_MAX = 2 * WINDOW_MAX * (REPEAT_MS.length + 1) * 2;
/** A text that fits in one datagram, with what stands beside it; longer ones go over TCP. */
export const DATAGRAM_TEXT_BYTES_MAX = 900;
/** The sender is told how many have it when all who are there do, or after this: also one that leaves and waits 10 s. */
export const REACHED_MS_MAX = 9_000;
/** A sealed datagram from an address that isn't proved is as long at least as what answers it. */
export const HERE_PADDING_BYTES = 64;
export const CHALLENGE_BYTES = 8;

/** Pauses between attempts to come in again: growing by half, with jitter. */
export const RETRY_MS_MIN = 500;
export const RETRY_MS_MAX = 30_000;
/** Who is told that the directory is full, or never answered although it is there, tries again so long. */
export const FULL_MS_MAX = 10 * 60_000;
/** Who is told that the disk doesn't take what it asks for tries again after this. */
export const DISK_FULL_RETRY_MS = 1_000;
/** The operator is told so often that it takes nothing of what clients tell all. */
export const REFUSAL_TOLD_MS = 60_000;
/** Links that have said nothing yet: the one that has waited longest goes. */
export const SILENT_LINKS_MAX = 1_024;
/**
 * Refusals on one link that nobody came in on; it is closed with the last, as each gives it 10 s more: five wrong
 * passwords, and as many names that can't be had. Who isn't through then comes on another link.
 */
export const REFUSALS_MAX = 10;
/** Who is told that the directory is full tries again after this. */
export const FULL_RETRY_MS = 15_000;
/** And who is told that too many passwords wait: ten are checked meanwhile. */
export const PASSWORDS_RETRY_MS = 5_000;
/** Who was kicked out isn't let in for so long, by name and by key; so many are remembered, the latest. */
export const KICKED_MS = 60_000;
export const KICKED_MAX = 1_024;
/** Names of guests that are held; the oldest go. */
export const HELD_GUESTS_MAX = 1_024;
/** Guests' programs of which it is known that they were in; the oldest are forgotten, and come as any newcomer. */
export const FORMER_GUESTS_MAX = 1_024;
/** All come back at once after a restart: over so long. */
export const RETURN_SPREAD_MS = 2_000;
/** Calls of one client: each rings a bell. A script may well call thirty in a row. */
export const CALLS_PER_S = 1;
export const CALLS_BURST = 30;
/**
 * Calls that ring at one client, and others that it is told of as it is busy, whoever makes them: more than people make.
 * What it is told of so many at once, reasons included, is less than two thirds of what may wait in its control lane;
 * with twice that a crowd would have its link closed.
 */
export const RINGS_PER_S = 1;
export const RINGS_BURST = 30;
/**
 * Messages of one client that aren't counted otherwise: more than its user, or a script of its, can bring about. A call
 * that connects costs each of the two three, a broadcast one.
 */
export const CONTROL_PER_S = 20;
export const CONTROL_BURST = 3 * (CALLS_BURST + RINGS_BURST) + BROADCASTS_MAX + 40;
/** Pieces that are relayed, and taken, of one client: lines typed fast, and a handshake. */
export const RELAY_PIECES_PER_S = 500;
export const RELAY_PIECES_BURST = 2_000;
/** Who talks is called busy for so long after the other has hung up; what is relayed still arrives. */
export const ENDING_MS_MAX = 10_000;
/** Text sent to one client over its link and not acknowledged: a quarter of what that queues. */
export const WINDOW_BYTES_MAX = 256 * 1_024;
/** What a broadcast takes in memory beside its text. */
export const BROADCAST_BYTES_MIN = 512;
/** Senders whose broadcasts of the last minute are counted; the oldest are forgotten. */
export const SENDERS_MAX = 4_096;
/** Broadcasts on their way to the disk. */
export const UNSTORED_MAX = 256;
/** Broadcasts of which it is counted who has them; the oldest are told as they are then. */
export const REPORTS_MAX = 256;
