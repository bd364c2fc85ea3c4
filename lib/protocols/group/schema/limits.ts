/** Every bound and time of the group's protocol, with its unit and its reason, or that it has none. */

import { NAME_BYTES_MAX, TEXT_BYTES_MAX } from "../../../base/machine/mode_limits.ts";

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

/** Members of a view: each talks to all others, and the cost of a burst grows with their number. */
export const MEMBERS_MAX = 64;
/**
 * Names whose keys are remembered, as in a room of a mesh; beyond that only those for which the user asks: an open group
 * may have any number of members, one after the other.
 */
export const PINS_MAX = 16_384;

/** Texts in one signed batch: a burst shares one signature, one record and one sync. */
export const BATCH_TEXTS_MAX = 256;
/** Bytes of text in one batch: as much as the longest message has. */
export const BATCH_TEXTS_BYTES_MAX = TEXT_BYTES_MAX;

/** A number of a member's process, drawn at random when it starts: 16 hexadecimal digits in memory. */
export const INCARNATION_BYTES = 8;

/**
 * This many bytes of an incarnation are the same for all processes of one disk, and of its copies, in one group:
 * enough that a disk which has lost its files gets others than before, and few enough that its processes still
 * differ.
 */
export const INCARNATION_START_BYTES = 3;

/** An edit request: the text, and what stands before it. */
export const EDIT_REQUEST_BYTES_MAX = TEXT_BYTES_MAX + NAME_BYTES_MAX + 256;
/** Edits under way at once: each member of the largest group may have one, or a few members of a small one many. */
export const EDITS_MAX = 64;
/**
 * The same including edits that are decided and not known to be in all logs: more wait for a member that stands
 * still.
 */
export const EDITS_PENDING_MAX = 4 * EDITS_MAX;
/** Edits in one signed batch: as many as may be under way, in one write. */
export const BATCH_EDITS_MAX = EDITS_MAX;
/**
 * Bytes of edits in one batch: one with the longest text that every member was asked about; more edits where they are
 * shorter.
 */
export const BATCH_EDITS_BYTES_MAX = EDIT_REQUEST_BYTES_MAX + MEMBERS_MAX * (NAME_BYTES_MAX + 104) +
  1_024;
/** A batch has this much text or this many edits, a length for each, and what stands before them. */
export const BATCH_BYTES_MAX =
  Math.max(BATCH_TEXTS_BYTES_MAX + 3 * BATCH_TEXTS_MAX, BATCH_EDITS_BYTES_MAX) + 1_024;

/** Own texts on their way to becoming entries; what is typed beyond that waits in the sender's program. */
export const WINDOW_TEXTS = 2_048;
export const WINDOW_BYTES = 512 * 1_024;
/**
 * At first this many bytes of those are sent, then twice as many as were on their way with a batch that soon became
 * an entry: on a slow line, our own acknowledgements, for which others wait, would stand behind all of it. After a
 * batch that took long it is half as much.
 */
export const WINDOW_BYTES_MIN = 64 * 1_024;
export const WINDOW_SOON_MS = 500;
export const WINDOW_LONG_MS = 1_000;
/** Bytes taken from one member and not ordered yet: twice its window, as a view change may make it send all again. */
export const UNORDERED_BYTES_MAX = 2 * WINDOW_BYTES + 2 * BATCH_BYTES_MAX;
/**
 * The same for the coordinator's decisions in the sequencer's queue: all that are pending, each with the longest
 * text.
 */
export const UNORDERED_EDITS_BYTES_MAX = EDITS_PENDING_MAX * BATCH_EDITS_BYTES_MAX;
/** Bytes ordered and not shown yet: all members' windows, each once. */
export const UNSTABLE_BYTES_MAX = MEMBERS_MAX * WINDOW_BYTES;
/** Texts that were typed and aren't sent yet: the input pauses above half of it. */
export const OUTBOX_TEXTS_MAX = 4_096;
export const OUTBOX_BYTES_MAX = 8 * 1_024 * 1_024;

/** Batches in one order, whoever sent them: all that are waiting. */
export const ORDER_RUNS_MAX = 256;
/** History in one message: a fraction of a lane's window, so that it flows. */
export const HISTORY_BYTES_MAX = 48 * 1_024;
/** Batches in one `history`: the limit above bounds their bytes; a single batch may be longer than that. */
export const HISTORY_BATCHES_MAX = 1_024;
/** History sent for one `fetch`; a newcomer asks for the next when all of it is on disk. */
export const FETCH_BYTES = 1_024 * 1_024;
/**
 * How long a member that leaves last waits for the coordinator to ask for more of its log, or to have all of it: one
 * `fetch` at 140 kbit/s. Where the coordinator is gone, that shows sooner.
 */
export const HAND_OVER_MS_MAX = 60_000;

/** `--vote-timeout`: how long a member that is asked may take to answer, unless told otherwise. */
export const VOTE_TIMEOUT_MS_DEFAULT = 30_000;
/** Least `--vote-timeout`: with less, nobody could read what is asked. */
export const VOTE_TIMEOUT_MS_MIN = 500;
/** Longest `--vote-timeout`: with more, a forgotten question would lock an entry for over a day. */
export const VOTE_TIMEOUT_MS_MAX = 24 * 60 * 60_000;
/** How often a member that agreed, and hears nothing, asks what became of the edit. */
export const INQUIRE_MS = 2_000;
/** Own edits that wait for the coordinator; what is typed beyond that is refused. */
export const EDITS_QUEUED_MAX = EDITS_MAX;
/** Why an edit isn't committed: part of a sentence, with the names of a few members. */
export const EDIT_REASON_BYTES_MAX = 1_024;
/** Aborted edits whose reason the coordinator remembers for members that were away: some 200 KB. */
export const ABORTED_KEPT_MAX = 1_024;
/** Processes of the coordinator for which it remembers up to where their decisions are settled: some 40 KB. */
export const DECIDERS_KEPT_MAX = 1_024;
/**
 * Refused requests that are remembered, as they may be on their way again: all that each of a few members may ask
 * for.
 */
export const REFUSED_KEPT_MAX = 4 * EDITS_QUEUED_MAX;

/**
 * Least time between two messages in which a member says where its log ends; the first after a longer pause goes out
 * at once.
 */
export const STATE_MS = 100;
/** Ends of batches in one `state`: they lie further apart the more batches have come. */
export const STATE_POINTS_MAX = 32;
/**
 * Groups of entries that came together, in one `state`; where there were more, the first ones are reported as one.
 */
export const STATE_ARRIVALS_MAX = 128;
/** Latest entries for which the coordinator knows when they came to each member: 2 MB in the largest group. */
export const ARRIVALS_KEPT_MAX = 4_096;
/** Ends of batches that the coordinator knows of each member: those of a few `state`s. */
export const POINTS_KEPT_MAX = 8 * STATE_POINTS_MAX;

/** Locked entries that a member names: those of the present view's edits, and others still in doubt. */
export const LOCKS_MAX = 4 * EDITS_MAX;
/** A snapshot that isn't complete within this time is begun anew, a few times. */
export const SNAPSHOT_MS_MAX = 10_000;
export const SNAPSHOT_ATTEMPTS_MAX = 5;
/** Least `--snapshot-every`: with less, a snapshot would begin before the last one has ended. */
export const SNAPSHOT_EVERY_MS_MIN = 100;
export const SNAPSHOT_EVERY_MS_MAX = 24 * 60 * 60_000;
/**
 * Snapshot attempts per second, in all, that a member takes part in only because other members do: anybody may make
 * some up. Twice as many as the shortest interval above allows, and a tenth of the rate of messages at which the
 * members that are told would ban each other.
 */
export const HEARSAY_PER_S = 20;
export const HEARSAY_BURST = 40;
/** Users who ask while a snapshot is being taken: all of them get the next one. */
export const SNAPSHOTS_ASKED_MAX = 64;
/** Ids of messages under way in one event; where there are more, they are only counted. */
export const SNAPSHOT_IDS_MAX = 65_536;
/** Runs of what is under way on a channel: one of texts, and one for each process of the coordinator. */
export const SNAPSHOT_RUNS_MAX = 8;

/** `--fail-after`: how long a silent member may delay the others, unless told otherwise. */
export const FAIL_AFTER_MS_DEFAULT = 3_000;
/** Least `--fail-after`: with less, a busy machine's pauses would be taken for failures. */
export const FAIL_AFTER_MS_MIN = 500;
/** Interval of the heartbeats on each side of a link to the coordinator; a sixth of the default above. */
export const HEARTBEAT_MS = 500;
/**
 * A coordinator that says nothing for this long is down, as far as its members can tell: the 3 s after which the
 * simulator expects the chat to go on, less a round.
 */
export const COORDINATOR_SILENT_MS = 2_500;
/**
 * How long a member hears no datagrams of another before it says so: the coordinator counts the rest of
 * `--fail-after`.
 */
export const UDP_SILENT_MS = 2_000;
/**
 * A member that wasn't heard for this long may be dead: that is found out before anybody is removed for not hearing
 * it.
 */
export const HEARD_LATELY_MS = 1_500;
/**
 * All who don't hear a member have said so this long after the first one: a pair notices silence after 1 s if one has
 * sent something, and otherwise within 2.75 s.
 */
export const COMPLAINTS_SPREAD_MS = 1_850;
/** How long it is held against two that they didn't hear each other. */
export const SEPARATIONS_KEPT_MS = 600_000;
/**
 * Who falls silent for half of `--fail-after`, again and again, goes when that was so often within 20 times
 * `--fail-after`: it would hold up the others for a quarter of the time, or more.
 */
export const SILENCES_MAX = 10;
/** The same for one that was out of late. */
export const SILENCES_AGAIN_MAX = SILENCES_MAX / 2;
/** A member is asked for a sign of life once more this long before it is removed. */
export const PROBE_BEFORE_MS = 400;
/**
 * How long a restarted coordinator waits for the members of its last view: their longest pause between dials, and a
 * little.
 */
export const RETURN_MS = 6_000;

/** The same for a member that others hear, so that it is alive: a dial that gets no answer (10 s), and a pause. */
export const RETURN_HEARD_MS = 16_000;

/**
 * How long a newcomer exchanges no datagrams with somebody until users are told: longer than a dead member stays in the
 * view, or is awaited after a restart of the coordinator.
 */
export const UNHEARD_TOLD_MS = RETURN_MS + 1_000;
/** How often the operator is told of such a newcomer: anybody can come under ever new keys. `/status` has all. */
export const KEPT_OUT_BURST = 8;
export const KEPT_OUT_PER_S = 0.1;

/** Pauses between attempts to reach the coordinator: growing by half, with jitter. */
export const RETRY_MS_MIN = 250;
export const RETRY_MS_MAX = 4_000;
/** The same, while the coordinator breaks the rules each time. */
export const OFFENCE_RETRY_MS_MAX = 30_000;
/** Pause before a removed member may come back: it grows with each removal for want of datagrams. */
export const RETURN_PAUSE_MS_MIN = 1_000;
export const RETURN_PAUSE_MS_MAX = 30_000;

/** How long a typed text may wait to become an entry until the user is told who is awaited. */
export const AWAITED_TOLD_MS = 1_000;
/**
 * A member that is there, and does nothing toward what the others wait for, counts as unheard after this, until it
 * goes on.
 */
export const LAGGING_MS_MAX = FAIL_AFTER_MS_DEFAULT;
/** How often that is checked: half of the shortest time after which the coordinator leaves the member out. */
export const LAGGING_AGAIN_MS = HEARTBEAT_MS / 2;
/**
 * How long another member may take to say what it holds at a place where we hold something else. Chosen, not measured:
 * as long as a silent one has by default.
 */
export const CONTEST_MS = 3_000;
/** Acknowledged ends beyond what we hold, kept per member to be compared later; of more, only the last. */
export const AHEADS_MAX = 16;

/** Newcomers joining at once: as many as a view takes. */
export const JOINERS_MAX = MEMBERS_MAX;
/** All who may be present: the members of a view, and those that are joining. */
export const ATTENDEES_MAX = MEMBERS_MAX + JOINERS_MAX;
/** Newcomers from one address that no member has heard and that never were members: each is heard within a moment. */
export const STRANGERS_PER_ADDRESS_MAX = 8;
/**
 * Until this has passed, no other newcomer of its address takes a newcomer's place: honest ones that come together
 * would displace each other for ever. Most are heard within a tenth of it; the rest is for lost datagrams and busy
 * machines.
 */
export const STRANGER_MS_MIN = 3_000;
/**
 * Newcomers that give another address than that of their links: this many at once, then one per interval, have members
 * send there before anybody hears them, for `ELSEWHERE_MS` each. Anybody can name anybody's address.
 */
export const ELSEWHERE_BURST = 4;
export const ELSEWHERE_PER_S = 0.1;
export const ELSEWHERE_MS = 3_000;
/**
 * How often per second all members are told who is there: while strangers come and go, that is some 10 KB for each
 * member.
 */
export const PEERS_PER_S = 4;
/** Burst of the same, as when all members come back at once. */
export const PEERS_BURST = MEMBERS_MAX;
/** Entries told to the coordinator in one message. */
export const TOLD_ENTRIES_MAX = 256;
/** Entries that `/log` shows where no number is given, and at most. */
export const LOG_COUNT_DEFAULT = 20;
export const LOG_COUNT_MAX = 1_000_000;
/** Highest number by which the coordinator names a member in relayed datagrams: then those of who is gone come again. */
export const RELAY_NUMBER_MAX = 2 ** 21 - 1;
/** How long members try to send each other datagrams directly until the coordinator relays them. */
export const RELAY_AFTER_MS = 3_000;
/**
 * Relayed bytes a second from one member to another, and at once: a lane's window each second, so that a log of 10 MB
 * comes within a minute, and one pair can't take what the others need.
 */
export const RELAY_PAIR_BYTES_PER_S = 256 * 1_024;
export const RELAY_PAIR_BURST_BYTES = 256 * 1_024;
/** The same where neither of the two is a member, or shown as joining: a handshake, and signs of life. */
export const RELAY_STRANGER_BYTES_PER_S = 4 * 1_024;
export const RELAY_STRANGER_BURST_BYTES = 16 * 1_024;
/** The same for all these together: whoever asks to join takes no more than a quarter of what members have. */
export const RELAY_STRANGERS_BYTES_PER_S = 1_024 * 1_024;
/** Relayed bytes a second in all, and at once: a third of a 100 Mbit/s line. */
export const RELAY_BYTES_PER_S = 4 * 1_024 * 1_024;
export const RELAY_BURST_BYTES = 2 * 1_024 * 1_024;
/** Other datagrams of one member a second, and at once: it says where it is every 15 s. */
export const OWN_DATAGRAMS_PER_S = 4;
export const OWN_DATAGRAMS_BURST = 32;
/** Pauses between attempts to send directly, while the coordinator relays: each twice as long as the one before. */
export const DIRECT_AGAIN_MS_MIN = 1_000;
export const DIRECT_AGAIN_MS_MAX = 60_000;
/** An attempt sends at these times after it begins: both sides have to send before either receives. */
export const TRIALS_MS = [0, 250, 750] as const;
/** A direct path that lasted for so long isn't one that comes and goes: attempts begin with the shortest pause again. */
export const DIRECT_LASTS_MS = 60_000;
/** Instances of one coordinator that a member is told of. Chosen, not measured: it takes one to go on. */
export const INSTANCES_MAX = 16;
/**
 * When nobody leads, an instance of the coordinator that stands by tries to within this time, at random: so the attempts
 * of several seldom meet, and no one of them is always the first.
 */
export const LEAD_AFTER_MS_MAX = 100;
/** Where the engine didn't take such an attempt. */
export const LEAD_RETRY_MS_MIN = 250;
export const LEAD_RETRY_MS_MAX = 5_000;
/** Who dials a coordinator that stands by, and says no hello, is as good as gone. */
export const STAND_BY_HELLO_MS = 5_000;
/** Links on which no hello has come: each costs a little; the one that has waited longest is closed. */
export const UNGREETED_LINKS_MAX = 64;
/** `fetch`es of one member: one for each MiB, as fast as those can arrive. */
export const FETCHES_PER_S = 50;
export const FETCHES_BURST = 200;
/** Batches, orders and acknowledgements of one member: more than anybody can take in. */
export const CHAT_PER_S = 20_000;
export const CHAT_BURST = 100_000;
/**
 * Messages about edits from one member to the coordinator: several thousand a second are more than any disk takes.
 */
export const EDIT_MESSAGES_PER_S = 10_000;
export const EDIT_MESSAGES_BURST = 20_000;
/**
 * Other messages, apart from history that the coordinator fetches: whom a member hears changes 64 times in a moment
 * at most.
 */
export const CONTROL_PER_S = 200;
export const CONTROL_BURST = 1_000;
/**
 * How often per second the coordinator looks, for what all newcomers together say of whom they hear, at who is to be in
 * the next view: in a group of 60 that takes a millisecond or more. As many at once as when some come together.
 */
export const LOOKS_PER_S = 50;
export const LOOKS_BURST = 256;
/** What is said beyond that is looked at after this time, all of it at once. */
export const LOOK_PAUSE_MS = 50;
/**
 * How often a participant may make a change begin anew by what it says: after one disk was put back, it is once each.
 */
export const SPOILS_MAX = 3;
/**
 * How far above the oldest view that may go on a member's word can take the coordinator's numbers, where that
 * member's disk outlived the coordinator's.
 */
export const NUMBER_JUMP_MAX = 1_000_000;
/**
 * How far above its view's number members lead, and promise, a round, and the coordinator believes that they did:
 * more than the coordinator uses itself after a member's word took it up as above, so that they believe one another.
 */
export const PROMISE_JUMP_MAX = 2 * NUMBER_JUMP_MAX;
/** A newcomer is sent the log, and shown as joining, for so long and the time that the log takes. */
export const JOINING_MS = 30_000;
/** What a place in the history takes a slow link: a thousand a second, a twentieth of what was measured on loopback. */
const JOINING_MS_PER_PLACE = 1;
/** As long a member goes on showing one that the coordinator says is joining no more: its view begins by then, or it goes. */
export const JOINED_MS = 3_000;
/** One that wasn't in by then comes back no sooner: each time all are shown that it joins. */
export const JOIN_AGAIN_MS = 30_000;

/** How long a newcomer may be joining. @param position The end of the history that it is sent. */
export function joiningMs(position: number): number {
  return JOINING_MS + position * JOINING_MS_PER_PLACE;
}

/** Rounds under one number while the coordinator is away: days of them, one after the other. */
export const ROUND_MAX = 1_000_000;
/**
 * A member's word for the number of an edit counts up to here: nobody edits this often, and as many numbers can
 * follow.
 */
export const EDIT_NUMBER_MAX = 2 ** 52;
/**
 * How far numbers go on above all that were heard of, after the coordinator's disk was lost: members that are away
 * may know higher ones.
 */
export const NUMBER_GAP = 1_000;
/**
 * Former keys of a coordinator: each stands for a disk that lost its key. The holder of one can decide for ever, with
 * a member's help, so they mustn't pile up either.
 */
export const FORMER_KEYS_MAX = 8;
/** Groups that a member remembers having left: a coordinator has one for each of its disks. */
export const GROUPS_LEFT_MAX = 64;
/**
 * Keys for which the coordinator remembers pauses, names for which it remembers other keys, and the like. Chosen, not
 * measured: four times the largest view.
 */
export const REMEMBERED_MAX = 256;
/**
 * Members, former ones included, of whom the coordinator remembers that they were in the group: of those beyond, who
 * was in it longest ago needs the present invite to come back.
 */
export const WERE_MEMBERS_MAX = 4_096;
/** After this long in a view, the pause before coming back is short again. */
export const RETURN_PAUSE_FORGOTTEN_MS = 600_000;
