/** Every bound and time of the group's protocol, with its unit and reason. */

import { NAME_BYTES_MAX, TEXT_BYTES_MAX } from "../../base/mode_limits.ts";

export {
  HELLO_MS_MAX,
  LEAVE_MS_MAX,
  LEAVE_UNTOLD_MS,
  NAME_BYTES_MAX,
  OFFENDER_BAN_MS,
  STRANGE_KEPT_MS,
  TEXT_BYTES_MAX,
  UNKNOWN_MESSAGES_MAX,
  WAIT_MS_MAX,
} from "../../base/mode_limits.ts";

/** Members of a view: each talks to each, and what a burst costs grows with their number. */
export const MEMBERS_MAX = 64;

/** Texts in one signed batch: a burst shares one signature, one record and one sync. */
export const BATCH_TEXTS_MAX = 256;
/** Text in one batch, as much as the longest message has. */
export const BATCH_TEXTS_BYTES_MAX = TEXT_BYTES_MAX;

/** A number of a member's process, drawn at random when it starts: 16 hexadecimal digits in memory. */
export const INCARNATION_BYTES = 8;

/**
 * So many of them are those of all processes of a disk, and of its copies, in one group: enough that one that has lost
 * its files has others than before, and few enough that its processes still differ.
 */
export const INCARNATION_START_BYTES = 3;

/** What a member asks for: the text, and what stands before it. */
export const EDIT_REQUEST_BYTES_MAX = TEXT_BYTES_MAX + NAME_BYTES_MAX + 256;
/** Edits that are under way at once: each member of the largest group may have one, or a few in a small one many. */
export const EDITS_MAX = 64;
/** With those that are decided and not known to be in all logs: more wait for a member that stands still. */
export const EDITS_PENDING_MAX = 4 * EDITS_MAX;
/** Edits in one signed batch: as many as may be under way, in one write. */
export const BATCH_EDITS_MAX = EDITS_MAX;
/** Of one batch's edits: one of the longest text that every member was asked about; more where they are shorter. */
export const BATCH_EDITS_BYTES_MAX = EDIT_REQUEST_BYTES_MAX + MEMBERS_MAX * (NAME_BYTES_MAX + 40) +
  1_024;
/** So much text or as many edits, a length for each, and what stands before them. */
export const BATCH_BYTES_MAX =
  Math.max(BATCH_TEXTS_BYTES_MAX + 3 * BATCH_TEXTS_MAX, BATCH_EDITS_BYTES_MAX) + 1_024;

/** Own texts on their way to being entries; what is typed beyond that waits in the sender's program. */
export const WINDOW_TEXTS = 2_048;
export const WINDOW_BYTES = 512 * 1_024;
/**
 * At first so much of those is sent, and then twice as much as was on its way with a batch that was soon an entry: on a
 * slow line one's own acknowledgements, for which others wait, would stand behind all of it. After one that took long it
 * is half as much.
 */
export const WINDOW_BYTES_MIN = 64 * 1_024;
export const WINDOW_SOON_MS = 500;
export const WINDOW_LONG_MS = 1_000;
/** Taken from one member and not ordered yet: twice its window, as a view change may make it send all again. */
export const UNORDERED_BYTES_MAX = 2 * WINDOW_BYTES + 2 * BATCH_BYTES_MAX;
/** The same of the coordinator's decisions, in the sequencer's row: all that are pending, each of the longest text. */
export const UNORDERED_EDITS_BYTES_MAX = EDITS_PENDING_MAX * BATCH_EDITS_BYTES_MAX;
/** Ordered and not shown: all members' windows, each once. */
export const UNSTABLE_BYTES_MAX = MEMBERS_MAX * WINDOW_BYTES;
/** What was typed and isn't sent: the input pauses above half of it. */
export const OUTBOX_TEXTS_MAX = 4_096;
export const OUTBOX_BYTES_MAX = 8 * 1_024 * 1_024;

/** Batches in one order, of different members or the same: what is waiting. */
export const ORDER_RUNS_MAX = 256;
/** History in one message: a fraction of a lane's window, so that it flows. */
export const HISTORY_BYTES_MAX = 48 * 1_024;
/** Batches in one `history`: their bytes are bounded by the above; one batch may be longer than that by itself. */
export const HISTORY_BATCHES_MAX = 1_024;
/** History sent for one `fetch`; a newcomer asks for the next when all of it is on disk. */
export const FETCH_BYTES = 1_024 * 1_024;
/**
 * Who leaves last waits so long until the coordinator asks for more of its log, or has all: a `fetch` over 140 kbit/s.
 * Where the coordinator is gone, that shows sooner.
 */
export const HAND_OVER_MS_MAX = 60_000;

/** `--vote-timeout`: how long whoever is asked may take to answer, unless told otherwise. */
export const VOTE_TIMEOUT_MS_DEFAULT = 30_000;
/** Shorter, nobody could read what is asked. */
export const VOTE_TIMEOUT_MS_MIN = 500;
/** Longer, a forgotten question would lock an entry for a day. */
export const VOTE_TIMEOUT_MS_MAX = 24 * 60 * 60_000;
/** A member that agreed and hears nothing asks again so often. */
export const INQUIRE_MS = 2_000;
/** Own edits that wait for the coordinator; what is typed beyond that is refused. */
export const EDITS_QUEUED_MAX = EDITS_MAX;
/** Why an edit isn't committed: part of a sentence, with the names of a few members. */
export const EDIT_REASON_BYTES_MAX = 1_024;
/** Aborted edits whose reason the coordinator remembers, for whoever was away: some 200 KB. */
export const ABORTED_KEPT_MAX = 1_024;
/** Processes of the coordinator of which it remembers up to where their decisions are over: some 40 KB. */
export const DECIDERS_KEPT_MAX = 1_024;
/** Requests that were refused, and may be on their way again: all that each of a few members may ask for. */
export const REFUSED_KEPT_MAX = 4 * EDITS_QUEUED_MAX;

/** A member says where its log ends at most so often; once at once where it hasn't for so long. */
export const STATE_MS = 100;
/** Ends of batches in one `state`: the coarser, the more have come. */
export const STATE_POINTS_MAX = 32;
/** Groups of entries that came at once, in one `state`; where there were more, the first ones are told as one. */
export const STATE_ARRIVALS_MAX = 128;
/** Of so many entries the coordinator knows when they came to each member: 2 MB in the largest group. */
export const ARRIVALS_KEPT_MAX = 4_096;
/** Ends of batches that it knows of each member: as many as in a few `state`s. */
export const POINTS_KEPT_MAX = 8 * STATE_POINTS_MAX;

/** Locked entries that a member names: those of the present view's edits, and of more that are in doubt. */
export const LOCKS_MAX = 4 * EDITS_MAX;
/** A snapshot that isn't there by then is begun anew, a few times. */
export const SNAPSHOT_MS_MAX = 10_000;
export const SNAPSHOT_ATTEMPTS_MAX = 5;
/** `--snapshot-every`: more often, one would begin before the last one has ended. */
export const SNAPSHOT_EVERY_MS_MIN = 100;
export const SNAPSHOT_EVERY_MS_MAX = 24 * 60 * 60_000;
/**
 * Attempts that a member takes part in because other members do, all together: anybody may make some up. Twice as many
 * as the shortest time above allows, and a tenth of the messages for which those who are told would ban each other.
 */
export const HEARSAY_PER_S = 20;
export const HEARSAY_BURST = 40;
/** Asked for while one is taken: all get the next one. */
export const SNAPSHOTS_ASKED_MAX = 64;
/** Ids of messages under way in one event; where there are more, they are counted alone. */
export const SNAPSHOT_IDS_MAX = 65_536;
/** Stretches of what is under way on a channel: one of texts, and one for each process of the coordinator's. */
export const SNAPSHOT_RUNS_MAX = 8;

/** `--fail-after`: how long a silent member may delay the others, unless told otherwise. */
export const FAIL_AFTER_MS_DEFAULT = 3_000;
/** Below this a busy machine's pauses would be taken for failures. */
export const FAIL_AFTER_MS_MIN = 500;
/** How often each side of a link to the coordinator is heard; a sixth of the default above. */
export const HEARTBEAT_MS = 500;
/** A coordinator that says nothing for so long is down, as far as its members can tell: G5's 3 s, less a round. */
export const COORDINATOR_SILENT_MS = 2_500;
/** How long datagrams fail to come until the member tells: the coordinator counts the rest of `--fail-after`. */
export const UDP_SILENT_MS = 2_000;
/** Whoever wasn't heard for so long may be dead: whether it is comes out before anybody goes for not hearing it. */
export const HEARD_LATELY_MS = 1_500;
/** A member is asked once more so long before it is removed. */
export const PROBE_BEFORE_MS = 400;
/** A restarted coordinator waits for the members of its last view: their longest pause between dials, and a little. */
export const RETURN_MS = 6_000;

/** As long where others hear it, so that it is alive: a dial that gets no answer (10 s), and a pause. */
export const RETURN_HEARD_MS = 16_000;

/** Pauses between attempts to reach the coordinator: growing by half, with jitter. */
export const RETRY_MS_MIN = 250;
export const RETRY_MS_MAX = 4_000;
/** Pauses before a removed member may come back: growing, with each removal for want of datagrams. */
export const RETURN_PAUSE_MS_MIN = 1_000;
export const RETURN_PAUSE_MS_MAX = 30_000;

/** What is typed stands so long without becoming an entry until the user is told who is awaited. */
export const AWAITED_TOLD_MS = 1_000;
/** Who is there and does nothing toward what the others wait for, for so long, isn't heard until it goes on. */
export const LAGGING_MS_MAX = FAIL_AFTER_MS_DEFAULT;
/** So often it is looked at whether it does: half of the shortest time after which the coordinator leaves it out. */
export const LAGGING_AGAIN_MS = HEARTBEAT_MS / 2;
/** How long another member may take to say what it holds where that isn't what we hold. */
export const CONTEST_MS = 3_000;
/** Ends that a member acknowledged beyond what we hold, to be compared; of more, only the last. */
export const AHEADS_MAX = 16;

/** Joining at once: as many as a view takes. */
export const JOINERS_MAX = MEMBERS_MAX;
/** All who may be there: the members of a view, and those who are joining. */
export const ATTENDEES_MAX = MEMBERS_MAX + JOINERS_MAX;
/** Of one address, joining, whom no member has heard and who never were members: each is heard within a moment. */
export const STRANGERS_PER_ADDRESS_MAX = 8;
/**
 * Before this nobody else of its address takes the place of one: honest ones that come at once would displace each other
 * for ever. Most are heard within a tenth of it; the rest is for lost datagrams and busy machines.
 */
export const STRANGER_MS_MIN = 3_000;
/**
 * Newcomers that say to be found elsewhere than where their links come from: so many have members send there before
 * somebody hears them, for so long. Anybody can name anybody's address.
 */
export const ELSEWHERE_BURST = 4;
export const ELSEWHERE_PER_S = 0.1;
export const ELSEWHERE_MS = 3_000;
/** So often all are told who is there: with strangers that come and go it is some 10 KB for each of them. */
export const PEERS_PER_S = 4;
/** As when all members come back at once. */
export const PEERS_BURST = MEMBERS_MAX;
/** Entries told to the coordinator in one message. */
export const TOLD_ENTRIES_MAX = 256;
/** Entries that `/log` shows where no number is given, and at most. */
export const LOG_COUNT_DEFAULT = 20;
export const LOG_COUNT_MAX = 1_000_000;
/** Links on which no hello has come: each costs a little; the one that waited longest goes. */
export const UNGREETED_LINKS_MAX = 64;
/** `fetch`es of one asker: one for each MiB, as fast as those can come. */
export const FETCHES_PER_S = 50;
export const FETCHES_BURST = 200;
/** Batches, orders and acknowledgements of one member: more than can be taken in. */
export const CHAT_PER_S = 20_000;
export const CHAT_BURST = 100_000;
/** What a member says of edits, to the coordinator: several thousand a second are more than any disk takes. */
export const EDIT_MESSAGES_PER_S = 10_000;
export const EDIT_MESSAGES_BURST = 20_000;
/** Other messages, history that the coordinator fetches aside: what a member hears changes 64 times in a moment at most. */
export const CONTROL_PER_S = 200;
export const CONTROL_BURST = 1_000;
/** So often a participant may make a change begin anew, by what it says: with one disk gone back it is once each. */
export const SPOILS_MAX = 3;
/**
 * How far above the oldest view that may go on a member's word takes the coordinator's numbers, from a disk that outlived
 * its own.
 */
export const NUMBER_JUMP_MAX = 1_000_000;
/**
 * How far above its view members lead, and promise, a round, and the coordinator believes that they did: more than it
 * uses itself where somebody's word took it up as above, so that they believe one another.
 */
export const PROMISE_JUMP_MAX = 2 * NUMBER_JUMP_MAX;
/** Rounds under one number, while the coordinator is away: days of them, one after the other. */
export const ROUND_MAX = 1_000_000;
/** A member's word for the number of an edit counts up to here: nobody edits so often, and as many can follow. */
export const EDIT_NUMBER_MAX = 2 ** 52;
/**
 * How far numbers go on above all that were heard of, after a loss of the coordinator's disk: others may know higher ones.
 */
export const NUMBER_GAP = 1_000;
/**
 * Former keys of a coordinator: each is a disk that lost its key. Whoever has one decides for ever, with a member's
 * help, so they mustn't pile up either.
 */
export const FORMER_KEYS_MAX = 8;
/** Groups that a member remembers to have left: a coordinator has one for each of its disks. */
export const GROUPS_LEFT_MAX = 64;
/** Keys whose pauses, or names whose other keys, the coordinator remembers. */
export const REMEMBERED_MAX = 256;
/** After so long in a view, a pause before coming back is short again. */
export const RETURN_PAUSE_FORGOTTEN_MS = 600_000;
