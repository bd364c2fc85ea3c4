/** Every bound of the mesh, with its unit and its reason. */

import { NAME_BYTES_MAX } from "../../base/mode_limits.ts";

export {
  LEAVE_MS_MAX,
  NAME_BYTES_MAX,
  OFFENDER_BAN_MS,
  UNKNOWN_MESSAGES_MAX,
} from "../../base/mode_limits.ts";

/** Case folding and NFKC make at most three code points of one in the scripts that names may use. */
export const FOLDED_NAME_BYTES_MAX = 3 * NAME_BYTES_MAX;
/** Longest host name (RFC 1035, section 2.3.4). */
export const HOST_BYTES_MAX = 255;

/** One message of 64 KiB must fit; a burst of short ones shares one signature. */
export const BUNDLE_TEXT_BYTES_MAX = 65_536;
/** A burst of 256 lines costs one signature; more would delay the first of them. */
export const BUNDLE_TEXTS_MAX = 256;
/** Concurrent authors seldom leave more heads than this; more go into a bundle of kind `heads`. */
export const HEADS_MAX = 64;
/** Of one author: as many starts of a process, none of which had seen what the one before it said. */
export const HEADS_PER_AUTHOR_MAX = 8;
/** Heads in a bundle of kind `heads`: a room of 1,000 that all speak at once is joined by one. */
export const REFERENCE_HEADS_MAX = 1_024;
/**
 * Bundles of kind `heads` carry nothing for people. As many as name all come at once, for whoever has something to say;
 * then none for so long. A person's next line waits no longer than that.
 */
export const REFERENCE_INTERVAL_MS = 500;
/** A header's time is at most this far beyond its latest head: one wrong clock can't run away with the room. */
export const TIME_STEP_MS_MAX = 24 * 60 * 60 * 1_000;
const YEAR_MS = 365 * 24 * 60 * 60 * 1_000;
/** So far in all may room time jump: honest clocks are within ten years, both ways. */
export const TIME_JUMPS_MS_MAX = 20 * YEAR_MS;
/**
 * And for who comes in, a day more: what the others have said since, 10 ms each at most, is beyond where a liar drove
 * them. Who is driven further than they were is with them again after that day.
 */
export const TIME_COMING_IN_MS_MAX = TIME_JUMPS_MS_MAX + TIME_STEP_MS_MAX;
/** Of jumps a year is forgotten in ten days: who judges otherwise than the others is with them again, and no faster. */
export const TIME_FORGOTTEN_PER_MS = 36.5;
/** So far beyond what is expected a time doesn't jump: in a room that is ahead each message is a millisecond later. */
export const TIME_SLACK_MS = 10;
/**
 * The first that is delivered, with which there is nothing to compare, may be so far beyond this clock: one that stands
 * at 1970 is as good as any then, and a liar who speaks first drives nobody to the end of time.
 */
export const TIME_FIRST_MS_MAX = 100 * YEAR_MS;

/** Messages kept by every member for those who come late. */
export const KEPT_MESSAGES_MAX = 10_000;
export const KEPT_TEXT_BYTES_MAX = 64 * 1024 * 1024;
/** Of one author within a minute, half of what is kept: more displaces what others say, and people are told by whom. */
export const TALK_MESSAGES_MAX = KEPT_MESSAGES_MAX / 2;
export const TALK_BYTES_MAX = KEPT_TEXT_BYTES_MAX / 2;
/** Authors of whom it is counted: more can't say as much each. */
export const TALKERS_MAX = 256;
/** So many authors who aren't here, and speak within a minute, haven't all just left: people are told. */
export const STRANGERS_MANY = 64;
/** Of whom it is counted; people needn't know of more. */
export const STRANGERS_MAX = 1_024;
/** Authors with a frontier: four times the largest room, for those who came and went. */
export const FRONTIER_AUTHORS_MAX = 65_536;
/** A process start is an incarnation; a member that restarts more often forgets the oldest. */
export const INCARNATIONS_PER_AUTHOR_MAX = 8;
/** Bundles that wait for their parents, for each link that brought them: one link can't displace another's. */
export const WAITING_BUNDLES_MAX = 256;
export const WAITING_BYTES_MAX = 2 * 1024 * 1024;
/** What waits for a stream of which something waits too: two round trips or three, and all neighbours have spoken. */
export const NEXT_IS_HERE_MS_MAX = 3_000;
/**
 * How many of those that wait are looked at for what neighbours say, a second and at once: each word is a reason to look
 * at all, and costs a liar ten bytes. 30 us each.
 */
export const GAP_LOOKS_PER_S = 2_000;
export const GAP_LOOKS_BURST = 4_000;
/** Parents come within a round trip or not at all from this neighbour. */
export const WAITING_MS_MAX = 10_000;

/** Largest room; more are refused with `full`. */
export const ROSTER_MAX = 4_096;
/** All beacons together are 17 a second, whatever the room's size. */
export const BEACON_INTERVAL_PER_MEMBER_MS = 60;
/** How long the largest room's members may go without a beacon. */
export const BEACON_INTERVAL_MS_MAX = ROSTER_MAX * BEACON_INTERVAL_PER_MEMBER_MS;
/** Let in by one member from one address, loopback and private ranges exempt: a household, not an army. */
export const ROSTER_PER_ADDRESS_MAX = 64;
/** Addresses of whom we let in that are remembered, each with 64 members at most: as many as a room has. */
export const ENTRANT_ADDRESSES_MAX = ROSTER_MAX;

/** Members that are lost or have quit, kept so that their names stay theirs and their end is passed on. */
export const ROSTER_DEAD_MAX = 4_096;
/**
 * Forgotten members that are still dialled now and then: two halves of a room may be apart for longer than names are
 * held. At most `ROSTER_DEAD_MAX`.
 */
export const FORGOTTEN_DIALLED_MS = 7 * 24 * 60 * 60 * 1_000;
/** Forgotten members whose last (incarnation, number) is kept, so that no old beacon revives them: as the author table. */
export const ROSTER_FLOORS_MAX = FRONTIER_AUTHORS_MAX;
export { INCARNATION_MAX } from "./incarnation.ts";
/** Buckets in which rosters are compared: 16 entries each in a room of 1,000, and hashes of 2 KiB in all. */
export const ROSTER_BUCKETS = 64;
/** Entries named in one message of 64 KiB at most: 32 bytes of key and two numbers each. */
export const ROSTER_WANT_MAX = 1_024;
/** Buckets asked for at a time: an answer of 128 KiB in a room of 1,000 leaves room in a link's data queue. */
export const ROSTER_BUCKETS_AT_ONCE = 8;
/** Members in one message about a part of the roster: 144 KiB with the longest names, 30 KiB mostly. */
export const ROSTER_PART_MAX = 64;
/**
 * Beacons, claims or statements in one message: 18 KiB at most, so that one fits into what news may take of a control lane.
 */
export const ROSTER_NEWS_MAX = 16;
/** Beacons, and claims, that wait to be passed on: two messages full go at once; what a link can't take is dropped. */
export const NEWS_WAITING_MAX = 2 * ROSTER_NEWS_MAX;
/** Claims kept: those of the whole roster, dead ones too, and of 10,000 kept messages by as many authors. */
export const CLAIMS_MAX = 2 * ROSTER_MAX + KEPT_MESSAGES_MAX;
/** Claims a neighbour sent ahead of the beacons that name them: eight messages full. */
export const CLAIMS_AHEAD_MAX = 128;
/** Members whose claims are asked after, since they vouch for others': as many as a room has. */
export const VOUCHERS_WANTED_MAX = ROSTER_MAX;
/** Claims of forgotten members, each checked for another's sake: those of a large room at once, then a few. */
export const VOUCHERS_CHECKED_PER_SECOND = 10;
export const VOUCHERS_CHECKED_BURST = 1_024;
/** The same told to one neighbour: fewer than it checks, since what was held up on the way comes with the next ones. */
export const VOUCHERS_TOLD_PER_SECOND = 8;
export const VOUCHERS_TOLD_MAX = 768;
/** Members for whom it is counted how many they were told: the neighbours there can be at once, three times over. */
export const VOUCHER_READERS_MAX = 64;
/** One that was told isn't with the next claims that it vouches for, for so long: a crowd comes in through one member. */
export const VOUCHER_AGAIN_MS = 10_000;
/** Who wasn't told all that vouches for others is told more after this: some 80. */
export const VOUCHERS_REST_MS = 10_000;
/** Those that are remembered as told, for each link: all that a table of claims can have, so that each has its turn. */
export const VOUCHERS_ON_LINK_MAX = CLAIMS_MAX;
/** Those who speak about one accused member: its neighbours, old and new. */
export const SPEAKERS_MAX = 32;
/** Names held for other members' newcomers, 2 s each: as many as members may enter at once. */
export const HOLDS_MAX = 4_096;
/**
 * How often a member may ask for another name over one link: a person needs one. With those who come in, and 20 links
 * a second from one address, a member asks its neighbours to hold fewer names than they let it.
 */
export const RENAMES_PER_SECOND = 1;
export const RENAMES_BURST = 3;
/** So often a neighbour may say in vain that somebody takes a name: honest ones see a newcomer break off. */
export const HOLD_WORDS_BROKEN_MAX = 3;
/** Then it isn't asked for so long: each newcomer whom it delays by 2 s costs it as much. */
export const HOLD_DOUBTED_MS = 10 * 60 * 1_000;
/** Neighbours of whom this is remembered: more than come and go in that time. */
export const HOLD_WORDS_REMEMBERED_MAX = 1_024;
/** Pinned names; beyond that no new ones are: a crowd of made-up members displaces nobody's key. */
export const PINS_MAX = 16_384;

/** HyParView, table 1: active view of 5 keeps 10,000 nodes connected through 80 % failures. */
export const ACTIVE_VIEW_MAX = 5;
/** HyParView, table 1. */
export const PASSIVE_VIEW_MAX = 30;
/**
 * Members that were neighbours, remembered to be dialled first: those that we dialled, and as many that dialled us.
 * Three times as many as there are at once, so that some are there who stayed when the last ones went.
 */
export const ACQUAINTANCES_MAX = 3 * ACTIVE_VIEW_MAX;
/**
 * Members that one who returns dials before it goes on alone, 4 at a time, 2 s each: 16 s where nobody answers. Then
 * the overlay looks on, and others can dial it: what a disk remembers may be thousands who never were.
 */
export const RESUME_CONTACTS_MAX = 32;
/** Links that others dialled, five active ones and those about to be: bounds memory whatever peers do. */
export const INBOUND_LINKS_MAX = 16;
/**
 * Walks and shuffles that one neighbour may send. Of 1,000 that come in within 10 s a link carries at most 10 in
 * a second and 16 in a minute (`overlay_network_test.ts`), and 11 shuffles; four times that.
 */
export const WALKS_PER_SECOND = 1;
export const WALKS_BURST = 64;
/**
 * How often a peer becomes a neighbour because it asks, whatever became of it before. Each time what it may send
 * begins anew, with a whole burst of each kind; a link that breaks every few seconds is none to rely on.
 */
export const NEIGHBOUR_REQUESTS_PER_SECOND = 1 / 5;
export const NEIGHBOUR_REQUESTS_BURST = 8;
/** Peers of whom this is remembered: more than are taken in while such a burst comes back. */
export const NEIGHBOUR_REQUESTERS_MAX = 256;
/** Dials that one neighbour's walks and contacts cause: 4 in a minute in that storm; a liar's hardly more. */
export const INTRODUCED_DIALS_PER_MINUTE = 6;
/** Half of them for walks and offers, which come at once or are lost; contacts can wait, or the roster has others. */
export const INTRODUCED_DIALS_BURST = 8;
/** Introducers remembered: more neighbours than come and go in the minute that is counted. */
export const INTRODUCERS_MAX = 256;
/** An endpoint that never answered is dialled three times a minute; the rare dial, each 22 s, isn't held up. */
export const ENDPOINT_DIAL_INTERVAL_MS = 20_000;
/** Endpoints remembered: more than are dialled in that time. */
export const DIALLED_ENDPOINTS_MAX = 256;
/** Dials for free places: as many as silent addresses allow, 4 at a time, 2 s each, where addresses refuse at once. */
export const FILL_DIALS_PER_SECOND = 2;
/** In that storm a newcomer makes 35 in 10 s. */
export const FILL_DIALS_BURST = 32;
/** How often we look whether words are withheld: beacons of a small room come as often. */
export const WITHHELD_LOOK_MS = 10_000;
/** What a member has had for so long is withheld from us: neighbours were compared with three times meanwhile. */
export const WITHHELD_MS = 30_000;
/** As long as a catch-up brings something nothing is withheld: 64 MiB come in that time by 4.5 Mbit/s. */
export const WITHHELD_EXCUSED_MS_MAX = 120_000;
/**
 * A member that doesn't give what it says to have, or doesn't take what it lacks, is dialled again after pauses up to this.
 */
export const WITHHELD_RETRY_MS_MAX = 10 * 60 * 1_000;
/** With as many members as this the active views are the full mesh. */
export const FULL_MESH_MEMBERS_MAX = 6;

/** Dials made for others, which ask whether they can be dialled, at a time: each is a handshake, or 10 s of silence. */
export const DIAL_BACKS_AT_ONCE_MAX = 4;
/** Of one member: it asks when its address has changed, and every ten minutes while it can't be dialled. */
export const DIAL_BACKS_PER_MINUTE = 1;
export const DIAL_BACKS_BURST = 2;
/** Members whose rate is remembered: more than are neighbours in a minute. */
export const DIAL_BACK_ASKERS_MAX = 256;

/**
 * Envelopes of others taken in from one neighbour, and, apart from those, its own that bring nothing, each of which
 * costs a key agreement: what it sends again is 64 a second. A room of 1,000 in which each writes one in 5 s has 400/s
 * in all.
 */
export const ENVELOPES_PER_SECOND = 400;
/** What one member may have unacknowledged, and as many acknowledgements. */
export const ENVELOPES_BURST = 2_000;
/**
 * The same from all neighbours together. Each makes at most one go out to any neighbour, whoever they are and
 * however they change: 2,000/s where that neighbour allows LINK_MESSAGES_PER_SECOND, 5,000, and a burst of 10,000
 * where it allows 20,000. The rest is for what one says oneself.
 */
export const ENVELOPES_RELAYED_PER_SECOND = ACTIVE_VIEW_MAX * ENVELOPES_PER_SECOND;
export const ENVELOPES_RELAYED_BURST = ACTIVE_VIEW_MAX * ENVELOPES_BURST;
/** Neighbours whose rate is remembered: those there can be at once, three times over. */
export const ENVELOPE_SOURCES_MAX = 64;
/** Envelopes remembered so that each is passed on once: all of 10 s, so that none is met again once forgotten. */
export const ENVELOPES_REMEMBERED_MAX = ENVELOPES_RELAYED_BURST +
  10 * ENVELOPES_RELAYED_PER_SECOND;
/**
 * Private messages that wait for their receivers, all together; more are refused with `full`. Days of writing to
 * people who are away; 1,000 of the longest take 64 MiB of text in memory, twice that where a character needs two
 * bytes there, and 73 MB of the log with what their sender had been shown.
 */
export const PRIVATE_WAITING_MAX = 1_000;
/** Private messages that came before their turn, for each sender. */
export const PRIVATE_EARLY_MAX = 64;
/** Under way to one receiver, who can hold so many until it is their turn. */
export const PRIVATE_WINDOW_MESSAGES = PRIVATE_EARLY_MAX;
/**
 * The user's input pauses while more wait, and somebody who is here can take some: as many are left as may be under way.
 */
export const PRIVATE_WAITING_HIGH = PRIVATE_WAITING_MAX - PRIVATE_WINDOW_MESSAGES;
/** The same in bytes of text: a quarter of a link's data queue, since a frame that finds it full is dropped. */
export const PRIVATE_WINDOW_BYTES = 256 * 1024;
/**
 * How often what waits for a receiver is sent anew since its box key changed: at its starts, which are seldom. Who
 * announces another key with each beacon, 40 a second, gets the rest when it is due to be sent again.
 */
export const PRIVATE_KEYS_PER_SECOND = 1;
export const PRIVATE_KEYS_BURST = 8;
/** What they take in memory, of all senders together: a hundred of the longest texts, whatever liars send. */
export const PRIVATE_EARLY_BYTES_MAX = 16 * 1024 * 1024;
/**
 * Senders' incarnations of which something waits for its turn. What can be shown needs no place, and the rest is sent
 * again; each is looked at whenever something is shown that it waits for.
 */
export const PRIVATE_EARLY_STREAMS_MAX = 1_024;
/** A head in memory: two ids of 64 characters, three numbers and what holds them. */
export const HEAD_MEMORY_BYTES = 512;
/** What a message takes in memory beside text and heads. */
export const PRIVATE_MEMORY_BYTES_MIN = 512;

/** A bundle of kind `heads` has no text: what it takes of the kept 64 MiB is its header, at least this. */
export const KEPT_BUNDLE_BYTES_MIN = 256;
/** Own lines that wait for the disk or a turn; a person never gets there, a pipe is paused before. */
export const UNSAID_TEXTS_MAX = 4_096;
export const UNSAID_BYTES_MAX = 4 * 1024 * 1024;
/** A parent that comes by another branch of the tree is seldom later than this; then it is asked for. */
export const PARENT_GRACE_MS = 50;
/** Ranges come in order of time: a parent that isn't there yet comes by another range. */
export const RANGE_PARENT_GRACE_MS = 1_000;
/** What was pushed may be so far ahead of what comes before it on another branch of the tree; then it is lost. */
export const OVERTAKING_MS_MAX = 1_000;
/** How long an asked neighbour has before another is asked for the same parents. */
export const WANT_RETRY_MS = 1_000;
/**
 * Who hasn't what another neighbour no longer keeps may get it in so long, as after a split: three rounds of whoever
 * takes the place of the only one that led to the other half, and three of its own.
 */
export const BEHIND_MS_MAX = 6_000;
/** Who came nearer to what is missing in so long is on its way there. */
export const NEARING_MS_MAX = 3_000;
/**
 * What one says that it has and gives nothing of for so long isn't waited for by what another went on to show without:
 * nobody holds up a room by having what there isn't.
 */
export const GIVING_MS_MAX = 5_000;
/** What may come too late to be shown waits so long for the rest of what is being caught up with, which shows whether. */
export const LATE_MS_MAX = 5_000;
/** Where a range brings nothing for so long, that has come to its end, or to nothing. */
export const LATE_QUIET_MS = 2_000;
/** What a neighbour said about a stream that it had nothing of is outdated after this. */
export const STATEMENT_MS_MAX = 10_000;
/** What neighbours stated about streams, of all together, 350 bytes each: of 21 about 6,000, of one about all of a table. */
export const STATEMENTS_MAX = 2 * FRONTIER_AUTHORS_MAX;
/** Bundles of times that aren't believed, remembered to be compared: 10 MiB of the largest. */
export const RUNAWAYS_MAX = 64;
/** Proofs kept, each of two headers of at most 97 KiB, a kilobyte mostly; the oldest of an unheard author goes first. */
export const PROOFS_MAX = 1_024;
/** What they take together: a proof by long headers has 195 KB, most have one. */
export const PROOF_BYTES_MAX = 16 * 1024 * 1024;

/** Proofs passed on as they come; the rest comes by anti-entropy, a few a round. A liar can make any number. */
export const PROOFS_PER_SECOND = 16;
/** More than a room has liars; a proof by the longest headers has 195 KB, and waits where bundles do. */
export const PROOFS_BURST = 32;

/** Claims remembered as sent, for each link: those of the largest room. */
export const CLAIMS_ON_LINK_MAX = ROSTER_MAX;
/** Links whose other end hasn't shown that it is a member: as many as strangers may hold on the way there. */
export const ADMITTING_LINKS_MAX = 64;
/** How long such a link may be silent when others want its place: who comes in speaks a round trip after its proof. */
export const ADMITTING_SILENCE_MS = 250;

/** An author pauses while a live member is further behind: half of what is kept, so that nothing is missed. */
export const LAGGARD_MESSAGES_MAX = KEPT_MESSAGES_MAX / 2;
export const LAGGARD_BYTES_MAX = KEPT_TEXT_BYTES_MAX / 2;
/** So many missing of one author are no moment's delay, and, of the longest, half of what a member may be behind. */
export const MISSING_MESSAGES_MANY = 256;
/** One member that is alive but doesn't take in anything can't silence the others for longer. */
export const LAGGARD_PAUSE_MS_MAX = 30_000;
/** Meanwhile it is looked so often who is still behind: some ms of work each time, and beacons may come by the thousand. */
export const LAGGARD_LOOK_MS = 100;
/** Messages held until a newcomer has caught up; beyond it the newcomer starts with what it has. */
export const ARRIVAL_HELD_MAX = KEPT_MESSAGES_MAX;
/** Own messages that wait for the disk or their turn before the user's input pauses: four full bundles. */
export const PROMPT_MESSAGES_MAX = 4 * BUNDLE_TEXTS_MAX;
export const PROMPT_BYTES_MAX = 8 * BUNDLE_TEXT_BYTES_MAX;
/** What one graft is answered with at most; the rest comes by anti-entropy. */
export const GRAFT_ANSWER_BYTES_MAX = 256 * 1024;
/**
 * What one link brings while we aren't in the room yet: honest ones a greeting and a question, and then they wait for
 * the answer. One that brings more is closed; for all of `ADMITTING_LINKS_MAX` together it is 1,024.
 */
export const HELD_INPUTS_MAX = 16;
/** Messages of any type but `bundle` on one link: ten times what the busiest link of a room of 1,000 carries. */
export const LINK_MESSAGES_PER_SECOND = 5_000;
/** What waited in sockets and queues while one side stood still comes at once. */
export const LINK_MESSAGES_BURST = 4 * LINK_MESSAGES_PER_SECOND;

/** Anti-entropy: how often one neighbour is compared with, in quiet; a tenth of a percent of a busy link. */
export const SYNC_INTERVAL_MS = 10_000;
/** An answer to a question of a hundred bytes takes a round trip and what is queued before it. */
export const SYNC_ANSWER_MS_MAX = 5_000;
/** A full data queue takes 35 s at 30 KB a second, here nearly twice that: what wasn't answered by then never is. */
export const SYNC_LATE_MS_MAX = 60_000;
/** Two pages of 80 KiB, one each way, on a line of 16 KiB a second, and what is queued before them. */
export const SYNC_PAGE_MS_MAX = 15_000;
/**
 * What one neighbour said that it has and doesn't begin to give for so long is asked of another too; then of a third
 * after twice that. A long range comes in order of time, so that what is late in it begins late.
 */
export const SYNC_PATIENCE_MS = 30_000;
/** Questions of one neighbour's that are answered: each costs 0.3 ms, and what is looked at. */
export const SYNC_QUESTIONS_PER_SECOND = 50;
/** Four rounds in which all of 65,536 authors' buckets differ. */
export const SYNC_QUESTIONS_BURST = 1_024;
/**
 * Entries compared with one neighbour, in its rounds and in ours, and bundles looked at for the ranges that it asks for:
 * 2 to 9 us each, so that it costs a seventh of a core at most. Then neither its questions are answered nor rounds begun
 * with it until some have come back. Honest rounds look at what differs, once in 10 s or between two ranges.
 */
export const SYNC_LOOKS_PER_SECOND = 16_384;
/** Four rounds in which all of 65,536 authors differ: a newcomer to the largest room needs two, and 10,000 bundles. */
export const SYNC_LOOKS_BURST = 4 * FRONTIER_AUTHORS_MAX;
/** A range that brings nothing for so long is given up, on both sides. */
export const SYNC_PROGRESS_MS_MAX = 10_000;
/** Where the other side begins a round at once too, the larger key waits so long: mostly one will do. */
export const SYNC_YIELD_MS = 500;
/**
 * One neighbour alone isn't believed for so long that something is no longer kept, where others are in the room: their
 * links are up within a second, or after two dials of 2 s where the first addresses are dead.
 */
export const SECOND_SOURCE_MS_MAX = 5_000;
/** How often we look meanwhile whether there are others at all: nobody notices so short a wait. */
export const SECOND_SOURCE_LOOK_MS = 100;
/** Between two rounds with one neighbour when the first brought something, or left something open. */
export const SYNC_AGAIN_MS = 250;
/** Entries in one message: 80 KiB. */
export const SYNC_ENTRIES_MAX = 1_024;
/** In flight for one range: four records of it fill a fast link, and it fits beside what is pushed. */
export const SYNC_WINDOW_BYTES = 256 * 1024;
/** A bundle takes at least this of the window: at most 128 in flight, half of what may wait here. */
export const SYNC_BUNDLE_BYTES_MIN = 2_048;
/**
 * Streams that one neighbour may ask for, or about, at once; the rest comes with the next round. More than the bundles
 * that may wait here, each for a stream of its own.
 */
export const SYNC_STREAMS_MAX = 8 * SYNC_ENTRIES_MAX;
/**
 * Members of whom it is remembered that they don't give what they say to have: the neighbours there can be, three times.
 */
export const NOT_GIVEN_SOURCES_MAX = 64;
/** Entries taken from one neighbour in one round. */
export const SYNC_ROUND_ENTRIES_MAX = FRONTIER_AUTHORS_MAX;
/** Proofs sent in one round; the others come with the next ones. */
export const SYNC_PROOFS_MAX = 16;
/** Who leaves asks this often whether a neighbour has all that it said: nobody notices so short a wait. */
export const SYNC_HAND_OVER_MS = 50;
/**
 * One neighbour that has it may be about to leave, too: for so long all of them are to have it. Five round trips of the
 * slow ones, and pauses between them.
 */
export const HAND_OVER_TO_ALL_MS = 2_000;

/** A private room's secret: nobody guesses 128 bits. */
export const ROOM_SECRET_BYTES = 16;
/** Epochs take four bytes of a channel's preface. */
export const EPOCH_MAX = 2 ** 32 - 1;
/**
 * Rotations kept: a member that was away finds its way back through one that it knows. The oldest stays, so that
 * nobody who rotates all the time pushes out the one that all have.
 */
export const ROTATIONS_KEPT_MAX = 64;
/** Of one epoch: each of them is tried in a handshake, 30 us each. More than four parts of a room seldom rotate at once. */
export const ROTATIONS_PER_EPOCH_MAX = 4;
/**
 * A rotation of epoch N is taken in from N - 1,000 seconds after the founding on, by the clock here. Nobody rotates once a
 * second for long; who lies and does makes each invite void, but can neither use the epochs up before those of 136
 * years have passed, nor go where others can't follow: whatever is taken in by one is taken in by all, soon.
 */
export const EPOCHS_PER_SECOND = 1;
export const EPOCHS_AHEAD_MAX = 1_000;
/** New rotations taken in from one neighbour: people rotate once in a while; and twice all that are kept, at once. */
export const ROTATIONS_PER_SECOND = 0.1;
export const ROTATIONS_BURST = 2 * ROTATIONS_KEPT_MAX;
/** Rotations read, known ones too, whose ids cost a hash each: a full set a second, and 16 at once. */
export const ROTATIONS_READ_PER_SECOND = ROTATIONS_KEPT_MAX;
export const ROTATIONS_READ_BURST = 16 * ROTATIONS_KEPT_MAX;
/** Sets sent to one neighbour, of 90 KB at most: at each new link, and with a beacon that shows that it lacks one. */
export const ROTATIONS_TOLD_PER_SECOND = 0.1;
export const ROTATIONS_TOLD_BURST = 8;
/** Neighbours whose rates are remembered: those there can be at once, three times over. */
export const ROTATION_SOURCES_MAX = 64;
/** Commands that wait for one rotation to be on disk. */
export const ROTATION_WAITERS_MAX = 64;
/** Addresses in an invite: one is enough where it answers, and each makes the text longer. */
export const INVITE_ADDRESSES_MAX = 4;
