/** Every bound of the mesh, with its unit and its reason, or that it has none. */

import { NAME_BYTES_MAX } from "../../../base/machine/mode_limits.ts";

export {
  LEAVE_MS_MAX,
  NAME_BYTES_MAX,
  OFFENDER_BAN_MS,
} from "../../../base/machine/mode_limits.ts";

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
/** Heads of one author in one bundle: as many process starts, none of which had seen what the one before it said. */
export const HEADS_PER_AUTHOR_MAX = 8;
/** Heads in a bundle of kind `heads`: when all of a room of 1,000 speak at once, one such bundle joins them. */
export const REFERENCE_HEADS_MAX = 1_024;
/**
 * Bundles of kind `heads` carry no text. A member with something to say makes as many as are needed to name all its
 * heads at once, then none for this long. A person's next line waits no longer than that.
 */
export const REFERENCE_INTERVAL_MS = 500;
/** A header's time is at most this far beyond its latest head: one wrong clock can't run away with the room. */
export const TIME_STEP_MS_MAX = 24 * 60 * 60 * 1_000;
const YEAR_MS = 365 * 24 * 60 * 60 * 1_000;
/** Room time may jump forward by this much in total: honest clocks are within ten years of each other, both ways. */
export const TIME_JUMPS_MS_MAX = 20 * YEAR_MS;
/**
 * The same for a member that is coming in, plus one day: what the others have said since, at most 10 ms each, lies
 * beyond where a liar drove them. A member that was driven further than they were agrees with them again after that
 * day.
 */
export const TIME_COMING_IN_MS_MAX = TIME_JUMPS_MS_MAX + TIME_STEP_MS_MAX;
/**
 * A year of accumulated jumps is forgotten in ten days: a member that judged a time otherwise than the rest agrees
 * with them again, and no faster.
 */
export const TIME_FORGOTTEN_PER_MS = 36.5;
/**
 * A time that is at most this far beyond the expected one isn't a jump: in a room whose time is ahead of the clocks,
 * each message is a millisecond later than the last.
 */
export const TIME_SLACK_MS = 10;
/**
 * The first delivered bundle, with nothing to compare it with, may be this far beyond the local clock: a clock that
 * stands at 1970 is still accepted, and a liar who speaks first cannot drive anybody to the end of time.
 */
export const TIME_FIRST_MS_MAX = 100 * YEAR_MS;

/**
 * Messages kept by every member for those who come late. Chosen, not measured; with so many a program starts, and has
 * `/history`, within a second (docs/performance.md).
 */
export const KEPT_MESSAGES_MAX = 10_000;
/** Chosen, not measured: 1,024 of the longest. With so much a member has up to 200 MB more (docs/operations.md). */
export const KEPT_TEXT_BYTES_MAX = 64 * 1024 * 1024;
/** Authors with a frontier: four times the largest room, for those who came and went. */
export const FRONTIER_AUTHORS_MAX = 65_536;
/** A process start is an incarnation: beside those with kept bundles, the latest so many of each author are known. */
export const INCARNATIONS_PER_AUTHOR_MAX = 8;
/**
 * Bundles that wait for their parents, counted per link that brought them: one link can't displace another's. Both are
 * chosen, not measured; 2 MiB are some thirty bundles with the longest text.
 */
export const WAITING_BUNDLES_MAX = 256;
export const WAITING_BYTES_MAX = 2 * 1024 * 1024;
/**
 * How long a bundle waits for a stream that is itself waiting: two or three round trips, by when all neighbours have
 * spoken.
 */
export const NEXT_IS_HERE_MS_MAX = 3_000;
/**
 * How many waiting bundles are re-examined per second, and at once, because of what neighbours say: each such
 * statement is a reason to re-examine all of them, and costs a liar ten bytes. One look takes 30 us.
 */
export const GAP_LOOKS_PER_S = 2_000;
export const GAP_LOOKS_BURST = 4_000;
/** Parents come from the neighbour that was asked within a round trip, or not at all. */
export const WAITING_MS_MAX = 10_000;

/** Largest room; more are refused with `full`. Chosen, not measured: 1,000 were simulated (docs/performance.md). */
export const ROSTER_MAX = 4_096;
/** All beacons together are 11 a second at most, whatever the room's size. */
export const BEACON_INTERVAL_PER_MEMBER_MS = 90;
/** The longest time between two beacons of one member, reached in the largest room. */
export const BEACON_INTERVAL_MS_MAX = ROSTER_MAX * BEACON_INTERVAL_PER_MEMBER_MS;
/**
 * Members that one member lets in from one address (loopback and private ranges exempt): a household, not an army.
 */
export const ROSTER_PER_ADDRESS_MAX = 64;
/** Remembered addresses of members that we let in, each with at most 64 of them: as many as a room has members. */
export const ENTRANT_ADDRESSES_MAX = ROSTER_MAX;

/** Members that are lost or have quit, kept so that their names stay theirs and their end is passed on. */
export const ROSTER_DEAD_MAX = 4_096;
/**
 * How long a forgotten member is still dialled now and then: two halves of a room may be apart for longer than names
 * are held. At most `ROSTER_DEAD_MAX` such members are remembered.
 */
export const FORGOTTEN_DIALLED_MS = 7 * 24 * 60 * 60 * 1_000;
/**
 * Forgotten members whose last (incarnation, number) is kept, so that no old beacon revives them: as many as there
 * are authors with a frontier.
 */
export const ROSTER_FLOORS_MAX = FRONTIER_AUTHORS_MAX;
/** The highest number of a process start: 256 incarnations in each ms since 1970, until the year 2527; 1 + each is still exact. */
export const INCARNATION_MAX = 2 ** 52;
/** Buckets in which rosters are compared: 16 entries each in a room of 1,000, and hashes of 2 KiB in all. */
export const ROSTER_BUCKETS = 64;
/** Entries asked for in one message: 64 KiB at most, 32 bytes of key and two numbers each. */
export const ROSTER_WANT_MAX = 1_024;
/** Buckets asked for at a time: an answer of 128 KiB in a room of 1,000 leaves room in a link's data queue. */
export const ROSTER_BUCKETS_AT_ONCE = 8;
/** Members in one message about a part of the roster: 144 KiB with the longest names, 30 KiB mostly. */
export const ROSTER_PART_MAX = 64;
/**
 * Beacons, claims or statements in one message: 18 KiB at most, so that one message fits into the share of a control
 * lane that news may take.
 */
export const ROSTER_NEWS_MAX = 16;
/**
 * Beacons, and likewise claims, that wait to be passed on: two full messages go out at once; what a link can't take
 * is dropped.
 */
export const NEWS_WAITING_MAX = 2 * ROSTER_NEWS_MAX;
/** Claims kept: those of the whole roster, dead ones too, and of 10,000 kept messages by as many authors. */
export const CLAIMS_MAX = 2 * ROSTER_MAX + KEPT_MESSAGES_MAX;
/** Claims that a neighbour sent ahead of the beacons that name them: eight full messages. */
export const CLAIMS_AHEAD_MAX = 128;
/** Vouching members whose claims are asked for, since other members' claims rest on them: as many as a room has. */
export const VOUCHERS_WANTED_MAX = ROSTER_MAX;
/**
 * Claims of forgotten members that are checked because another member's claim rests on them: those of a large room at
 * once, then a few per second.
 */
export const VOUCHERS_CHECKED_PER_SECOND = 10;
export const VOUCHERS_CHECKED_BURST = 1_024;
/**
 * Such claims sent to one neighbour: fewer than a neighbour checks, since those that were held up on the way arrive
 * together with the next ones.
 */
export const VOUCHERS_TOLD_PER_SECOND = 8;
export const VOUCHERS_TOLD_MAX = 768;
/** Neighbours for whom the number of claims sent is counted: three times as many as there can be at once. */
export const VOUCHER_READERS_MAX = 64;
/**
 * A claim that was sent isn't repeated with the next claims that it vouches for until this long after: a crowd comes
 * in through one member.
 */
export const VOUCHER_AGAIN_MS = 10_000;
/** A neighbour that wasn't sent all vouching claims is sent more after this time: some 80. */
export const VOUCHERS_REST_MS = 10_000;
/**
 * Vouching claims remembered as sent, for each link: all that a table of claims can hold, so that each has its turn.
 */
export const VOUCHERS_ON_LINK_MAX = CLAIMS_MAX;
/** Members whose word about one accused member is kept: its neighbours, old and new. */
export const SPEAKERS_MAX = 32;
/** How often a member may ask for another name over one link: a person needs one. */
export const RENAMES_PER_SECOND = 1;
export const RENAMES_BURST = 3;
/** Pinned names; beyond that nothing new is pinned: a crowd of made-up members displaces nobody's key. */
export const PINS_MAX = 16_384;
/** Names of which several keys were told apart since the start; of any more, whole fingerprints are shown. */
export const NAMES_APART_MAX = 4_096;
/** The user is warned again that the same key has taken a known name when it does so after this time. */
export const NAME_TAKEN_TOLD_MS = 60_000;

/** As in HyParView's experiments (section 5.1), where most of 10,000 nodes are reached after 80 % failed at once. */
export const ACTIVE_VIEW_MAX = 5;
/** As there. */
export const PASSIVE_VIEW_MAX = 30;
/**
 * Former neighbours remembered to be dialled first: those that we dialled, and as many that dialled us. Three times
 * as many as there are neighbours at once, so that some are still there when the last ones have left.
 */
export const ACQUAINTANCES_MAX = 3 * ACTIVE_VIEW_MAX;
/**
 * Members that a returning member dials before it goes on alone, 4 at a time, 2 s each: 16 s where nobody answers.
 * Then the overlay goes on looking, and others can dial us: a disk may remember thousands who never existed.
 */
export const RESUME_CONTACTS_MAX = 32;
/** Links dialled by others, to five active neighbours and those about to be: bounds memory whatever peers do. */
export const INBOUND_LINKS_MAX = 16;
/**
 * Walks and shuffles that one neighbour may send. While 1,000 members come in within 10 s, a link carries at most 10
 * walks in a second and 16 in a minute (`overlay_network_test.ts`), and 11 shuffles; this is four times that.
 */
export const WALKS_PER_SECOND = 1;
export const WALKS_BURST = 64;
/**
 * How often a peer becomes a neighbour at its own request, whatever became of it before. Each time its rate limits
 * start anew with a full burst of each kind; a link that breaks every few seconds is none to rely on.
 */
export const NEIGHBOUR_REQUESTS_PER_SECOND = 1 / 5;
export const NEIGHBOUR_REQUESTS_BURST = 8;
/** Peers for whom this is remembered: more than are taken in while such a burst comes back. */
export const NEIGHBOUR_REQUESTERS_MAX = 256;
/** Dials caused by one neighbour's walks and contacts: 4 a minute in that storm; a liar causes hardly more. */
export const INTRODUCED_DIALS_PER_MINUTE = 6;
/**
 * Half of this is for walks and offers, which are served at once or lost; contacts can wait, or are in the roster
 * anyway.
 */
export const INTRODUCED_DIALS_BURST = 8;
/** Introducers remembered: more neighbours than come and go within the minute that is counted. */
export const INTRODUCERS_MAX = 256;
/** Members with whom links are wanted for files at once: some for each file fetched, one for each that is offered to one. */
export const FILE_LINKS_WANTED_MAX = 32;
/** Links that were dialled for files and are open: members that lie keep theirs by a leaf now and then, as many as there are. */
export const FILE_LINKS_MAX = FILE_LINKS_WANTED_MAX;
/** An endpoint that never answered is dialled three times a minute; occasional dials, one in 22 s, aren't held up. */
export const ENDPOINT_DIAL_INTERVAL_MS = 20_000;
/** Endpoints remembered: more than are dialled in that time. */
export const DIALLED_ENDPOINTS_MAX = 256;
/**
 * Dials to fill free places, where addresses refuse at once: as many as with silent addresses, 4 at a time, 2 s each.
 */
export const FILL_DIALS_PER_SECOND = 2;
/** In that storm a newcomer makes 35 such dials in 10 s. */
export const FILL_DIALS_BURST = 32;
/** How often we check whether messages are withheld from us: as often as we compare with a neighbour. */
export const WITHHELD_LOOK_MS = 10_000;
/**
 * What another member has had for this long is withheld from us: we have compared with our neighbours three times
 * meanwhile.
 */
export const WITHHELD_MS = 30_000;
/** While a catch-up still brings something, nothing counts as withheld: 64 MiB arrive in this time at 4.5 Mbit/s. */
export const WITHHELD_EXCUSED_MS_MAX = 120_000;
/**
 * A member that doesn't send what it says it has, or doesn't take what it lacks, is dialled again after growing
 * pauses of at most this.
 */
export const WITHHELD_RETRY_MS_MAX = 10 * 60 * 1_000;
/** With up to this many members the active views are the full mesh. */
export const FULL_MESH_MEMBERS_MAX = 6;

/**
 * Dials made at a time for other members that ask whether they can be dialled: each is a handshake, or 10 s of
 * silence.
 */
export const DIAL_BACKS_AT_ONCE_MAX = 4;
/**
 * Such dials for one member: it asks when its address has changed, and every ten minutes while it can't be dialled.
 */
export const DIAL_BACKS_PER_MINUTE = 1;
export const DIAL_BACKS_BURST = 2;
/** Members whose rate is remembered: more than are neighbours within a minute. */
export const DIAL_BACK_ASKERS_MAX = 256;

/**
 * Envelopes of other members taken in from one neighbour; counted apart from those, its own envelopes that bring
 * nothing, each of which costs a key agreement: a sender repeats 64 a second. A room of 1,000 in which each member
 * writes one in 5 s has 400/s in all.
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
/** Neighbours whose rate is remembered: three times as many as there can be at once. */
export const ENVELOPE_SOURCES_MAX = 64;
/**
 * Envelopes remembered so that each is passed on once: those of 10 s, so that none comes round again after it was
 * forgotten.
 */
export const ENVELOPES_REMEMBERED_MAX = ENVELOPES_RELAYED_BURST +
  10 * ENVELOPES_RELAYED_PER_SECOND;
/**
 * Private messages that wait for their receivers, all together; more are refused with `full`. Days of writing to
 * people who are away; 1,000 of the longest take 64 MiB of text in memory, twice that where a character needs two
 * bytes there, and 73 MB of the log with what their sender had been shown.
 */
export const PRIVATE_WAITING_MAX = 1_000;
/** Private messages that arrived before their turn, for each sender. */
export const PRIVATE_EARLY_MAX = 64;
/** Private messages under way to one receiver, which can hold this many until it is their turn. */
export const PRIVATE_WINDOW_MESSAGES = PRIVATE_EARLY_MAX;
/**
 * Above this the user's input pauses, as long as a receiver that is present can take some: the places left are those
 * that may be under way.
 */
export const PRIVATE_WAITING_HIGH = PRIVATE_WAITING_MAX - PRIVATE_WINDOW_MESSAGES;
/**
 * The same in bytes of text: a quarter of a link's data queue, since a frame that finds the queue full is dropped.
 */
export const PRIVATE_WINDOW_BYTES = 256 * 1024;
/**
 * How often what waits for a receiver is sent anew because its box key changed: at its starts, which are rare. A
 * member that announces another key with each beacon, 40 a second, gets the rest when that is due to be sent again.
 */
export const PRIVATE_KEYS_PER_SECOND = 1;
export const PRIVATE_KEYS_BURST = 8;
/**
 * What early private messages take in memory, from all senders together: a hundred of the longest texts, whatever
 * liars send.
 */
export const PRIVATE_EARLY_BYTES_MAX = 16 * 1024 * 1024;
/**
 * Incarnations of senders with messages that wait for their turn. A message that can be shown needs no place here,
 * and the rest is sent again; each is looked at whenever something is shown that it waits for.
 */
export const PRIVATE_EARLY_STREAMS_MAX = 1_024;
/** A head in memory: two ids of 64 characters, three numbers and what holds them. */
export const HEAD_MEMORY_BYTES = 512;
/** What a message takes in memory beside text and heads. */
export const PRIVATE_MEMORY_BYTES_MIN = 512;

/** A bundle of kind `heads` has no text: it counts against the kept 64 MiB with its header, at least this. */
export const KEPT_BUNDLE_BYTES_MIN = 256;
/** The user's own lines that wait for the disk or their turn; a person never gets there, a pipe is paused before. */
export const UNSAID_TEXTS_MAX = 4_096;
export const UNSAID_BYTES_MAX = 4 * 1024 * 1024;
/** A parent that comes by another branch of the tree is seldom later than this; then it is asked for. */
export const PARENT_GRACE_MS = 50;
/** Ranges come in order of time: a parent that isn't there yet comes with another range. */
export const RANGE_PARENT_GRACE_MS = 1_000;
/** A pushed bundle may be this far ahead of its parents on another branch of the tree; after that they are lost. */
export const OVERTAKING_MS_MAX = 1_000;
/** How long a neighbour has to answer before another is asked for the same parents. */
export const WANT_RETRY_MS = 1_000;
/**
 * How long a member may take to get what another neighbour no longer keeps, as after a split: three rounds of the
 * member that takes the place of the only link to the other half, and three of its own.
 */
export const BEHIND_MS_MAX = 6_000;
/** A member that came nearer to what is missing within this time is on its way there. */
export const NEARING_MS_MAX = 3_000;
/**
 * A neighbour that says nothing of a stream for so long, although something waits for it to say what it has of it,
 * isn't waited for, whatever else it says: it was asked twice by then, and nobody holds up a room by saying nothing.
 */
export const MUTE_MS_MAX = 12_000;
/**
 * The same where most neighbours say nothing: then it is rather we that are slow and haven't read yet what they said,
 * and the few that were read may lie.
 */
export const MOST_MUTE_MS_MAX = 60_000;
/**
 * What waits only for those that say nothing, or did so within `WAITING_MS_MAX`, waits for so long: one that comes in
 * meanwhile may say nothing, too.
 */
export const HELD_MS_MAX = MOST_MUTE_MS_MAX + MUTE_MS_MAX;
/**
 * Streams of which it is known since when neighbours say nothing: as many as can be waited for at once, so that a liar
 * that has much waited for makes none of them forgotten. With 21 silent neighbours one takes 1.2 KB: 16 MB.
 */
export const AWAITED_STREAMS_MAX = (ACTIVE_VIEW_MAX + INBOUND_LINKS_MAX + FILE_LINKS_MAX) *
  WAITING_BUNDLES_MAX;
/**
 * Streams of which it is known who announces what it doesn't give: all that can be waited for at once, so that a liar that
 * announces many more makes none of these forgotten, and some others. With 21 liars one takes 2.7 KB: 37 MB; and 27 MB
 * where all of them passed over something, too.
 */
export const NOT_GIVEN_STREAMS_MAX = AWAITED_STREAMS_MAX + WAITING_BUNDLES_MAX;
/**
 * If a neighbour says that it has something, and sends none of it for this long, we don't wait for it before showing
 * what other members went on to show without it: nobody holds up a room by claiming to have what doesn't exist.
 */
export const GIVING_MS_MAX = 5_000;
/**
 * A bundle that may be too late to be shown waits this long for the rest of the catch-up, which decides whether it
 * is.
 */
export const LATE_MS_MAX = 5_000;
/** A range that brings nothing for this long has come to its end, or to nothing. */
export const LATE_QUIET_MS = 2_000;
/** A neighbour's statement that it has nothing of a stream is outdated after this. */
export const STATEMENT_MS_MAX = 10_000;
/**
 * Neighbours' statements about streams, from all of them together, 350 bytes each: about 6,000 from each of 21
 * neighbours, or about a whole table from one.
 */
export const STATEMENTS_MAX = 2 * FRONTIER_AUTHORS_MAX;
/** Bundles with times that aren't believed, remembered for comparison: 10 MiB of the largest. */
export const RUNAWAYS_MAX = 64;
/**
 * Proofs kept, each of two headers of at most 97 KiB, usually a kilobyte; the oldest proof against an author that was
 * never heard is dropped first.
 */
export const PROOFS_MAX = 1_024;
/** What proofs take together: one with the longest headers has 195 KB, most have one. */
export const PROOF_BYTES_MAX = 16 * 1024 * 1024;

/** Proofs passed on as they come; the rest spread by anti-entropy, a few per round. A liar can make any number. */
export const PROOFS_PER_SECOND = 16;
/** More than a room has liars; a proof with the longest headers has 195 KB, and waits where bundles do. */
export const PROOFS_BURST = 32;

/** Claims remembered as sent, for each link: those of the largest room. */
export const CLAIMS_ON_LINK_MAX = ROSTER_MAX;
/** Links whose other end hasn't yet shown that it is a member: as many as strangers may hold while they come in. */
export const ADMITTING_LINKS_MAX = 64;
/**
 * How long such a link may be silent when others want its place: an honest newcomer speaks within a round trip of its
 * proof.
 */
export const ADMITTING_SILENCE_MS = 250;

/**
 * An author pauses while a live member is further behind than this: half of what is kept, so that nothing is missed.
 */
export const LAGGARD_MESSAGES_MAX = KEPT_MESSAGES_MAX / 2;
export const LAGGARD_BYTES_MAX = KEPT_TEXT_BYTES_MAX / 2;
/**
 * This many missing messages of one author are more than a moment's delay; of the longest, they are half of what a
 * member may be behind.
 */
export const MISSING_MESSAGES_MANY = 256;
/** One live member that takes nothing in can't silence the others for longer than this. */
export const LAGGARD_PAUSE_MS_MAX = 30_000;
/**
 * How often we check meanwhile who is still behind: some ms of work each time, and beacons may come by the thousand.
 */
export const LAGGARD_LOOK_MS = 100;
/** Messages held until a newcomer has caught up; beyond it the newcomer starts with what it has. */
export const ARRIVAL_HELD_MAX = KEPT_MESSAGES_MAX;
/** Own messages that wait for the disk or their turn before the user's input pauses: four full bundles. */
export const PROMPT_MESSAGES_MAX = 4 * BUNDLE_TEXTS_MAX;
export const PROMPT_BYTES_MAX = 8 * BUNDLE_TEXT_BYTES_MAX;
/** Bytes sent in answer to one graft at most; the rest comes by anti-entropy. */
export const GRAFT_ANSWER_BYTES_MAX = 256 * 1024;
/**
 * Inputs held for one link while we aren't in the room yet: an honest peer sends a greeting and a question, then
 * waits for the answer. A link that brings more is closed; all of `ADMITTING_LINKS_MAX` together hold 1,024.
 */
export const HELD_INPUTS_MAX = 16;
/** Messages of any type but `bundle` on one link: ten times what the busiest link of a room of 1,000 carries. */
export const LINK_MESSAGES_PER_SECOND = 5_000;
/** So many entries of one message count as a further one. A comparison of 65,536 authors' streams is 4,160. */
export const ENTRIES_PER_MESSAGE = 16;
/** What waited in sockets and queues while one side stood still arrives at once. */
export const LINK_MESSAGES_BURST = 4 * LINK_MESSAGES_PER_SECOND;

/** Anti-entropy: how often we compare with one neighbour when all is quiet; a tenth of a percent of a busy link. */
export const SYNC_INTERVAL_MS = 10_000;
/** An answer to a question of a hundred bytes takes a round trip and what is queued before it. */
export const SYNC_ANSWER_MS_MAX = 5_000;
/**
 * A full data queue takes 35 s at 30 KB a second; this is nearly twice that: what wasn't answered by then never is.
 */
export const SYNC_LATE_MS_MAX = 60_000;
/** Two pages of 80 KiB, one each way, on a line of 16 KiB a second, and what is queued before them. */
export const SYNC_PAGE_MS_MAX = 15_000;
/**
 * If a neighbour said that it has something, and doesn't begin to send it for this long, another one is asked too,
 * and a third after twice that. A long range comes in order of time, so that what is late in it begins late.
 */
export const SYNC_PATIENCE_MS = 30_000;
/** Questions that are answered to one neighbour: each costs 0.3 ms, beside the entries looked at. */
export const SYNC_QUESTIONS_PER_SECOND = 50;
/** Four rounds in which all of 65,536 authors' buckets differ. */
export const SYNC_QUESTIONS_BURST = 1_024;
/**
 * Entries compared with one neighbour, in its rounds and in ours, and bundles looked at for the ranges that it asks
 * for: 2 to 9 us each, so that a neighbour costs a seventh of a core at most. When they are used up, its questions
 * aren't answered and no round is begun with it until some have come back. Honest rounds look only at what differs,
 * once in 10 s or between two ranges.
 */
export const SYNC_LOOKS_PER_SECOND = 16_384;
/** Four rounds in which all of 65,536 authors differ: a newcomer to the largest room needs two, and 10,000 bundles. */
export const SYNC_LOOKS_BURST = 4 * FRONTIER_AUTHORS_MAX;
/** A range that brings nothing for this long is given up, on both sides. */
export const SYNC_PROGRESS_MS_MAX = 10_000;
/** When both sides begin a round at once, the side with the larger key waits this long: usually one round will do. */
export const SYNC_YIELD_MS = 500;
/**
 * For this long a single neighbour isn't believed that something is no longer kept, if there are other members: their
 * links are up within a second, or after two dials of 2 s where the first addresses are dead.
 */
export const SECOND_SOURCE_MS_MAX = 5_000;
/** How often we check meanwhile whether there are other members at all: nobody notices so short a wait. */
export const SECOND_SOURCE_LOOK_MS = 100;
/** Pause between two rounds with one neighbour when the first brought something, or left something open. */
export const SYNC_AGAIN_MS = 250;
/** Entries in one message: 80 KiB. */
export const SYNC_ENTRIES_MAX = 1_024;
/** Bytes in flight for one range: four records of it fill a fast link, and it fits beside what is pushed. */
export const SYNC_WINDOW_BYTES = 256 * 1024;
/** A bundle counts as at least this much of the window: at most 128 are in flight, half of what may wait here. */
export const SYNC_BUNDLE_BYTES_MIN = 2_048;
/**
 * Streams that one neighbour may ask for, or about, at once; the rest comes with the next round. More than the bundles
 * that may wait here, each for a stream of its own.
 */
export const SYNC_STREAMS_MAX = 8 * SYNC_ENTRIES_MAX;
/** Members remembered, for each stream, for not sending what they say they have of it: as many as can be neighbours. */
export const NOT_GIVEN_SOURCES_MAX = ACTIVE_VIEW_MAX + INBOUND_LINKS_MAX;
/** Entries taken from one neighbour in one round. */
export const SYNC_ROUND_ENTRIES_MAX = FRONTIER_AUTHORS_MAX;
/** Proofs sent in one round; the others come with the next ones. */
export const SYNC_PROOFS_MAX = 16;
/** How often a leaving member asks whether a neighbour has all that it said: nobody notices so short a wait. */
export const SYNC_HAND_OVER_MS = 50;
/**
 * One neighbour that has everything may be about to leave as well, so for this long a leaving member waits until all
 * of them have it. Five slow round trips, and pauses between them.
 */
export const HAND_OVER_TO_ALL_MS = 2_000;

/** A private room's secret: nobody guesses 128 bits. */
export const ROOM_SECRET_BYTES = 16;
/** Bytes of a key that name it in a rotation: nobody finds another key that begins with these 128 bits. */
export const STAY_TAG_BYTES = 16;
/** Bytes of a rotation's `removedId`: no two sets of keys have the same 128 bits. */
export const REMOVED_ID_BYTES = 16;
/** Keys that a rotation names at most: of more, a fair share of all that each member has let in. */
export const STAYS_MAX = 4_096;
/** Keys remembered as seen in the room. Of more, as many stay as a rotation names: that is worked out once for thousands. */
export const SEEN_MAX = 2 * STAYS_MAX;
/**
 * Keys that are looked up, from one admitter to the next, to find out whether a dialler has been in the room: members
 * are seen, and made-up claims could lead on through thousands at each dial.
 */
export const ADMITTERS_ASKED_MAX = 256;
/** Rotations in one message: so many fit a frame, however many members each names. */
export const ROTATIONS_IN_MESSAGE_MAX = 3;
/** Epochs take four bytes of a channel's preface. */
export const EPOCH_MAX = 2 ** 32 - 1;
/**
 * Rotations kept: a member that was away finds its way back through one that it knows. The oldest stays, so that
 * nobody who rotates all the time pushes out the one that all have.
 */
export const ROTATIONS_KEPT_MAX = 64;
/**
 * Rotations kept of one epoch: each of them is tried in a handshake, 30 us each. More than four parts of a room
 * seldom rotate at once.
 */
export const ROTATIONS_PER_EPOCH_MAX = 4;
/**
 * A rotation to epoch N is accepted from N - 1,000 seconds after the founding on, by the local clock. Nobody rotates
 * once a second for long; a liar that does so makes each invite void, but can neither use up the epochs before 136
 * years have passed, nor go where others can't follow: what one member accepts, all accept soon. Of who may remove
 * others twice as many are accepted ahead: nobody else's keep a removal from its new secret.
 */
export const EPOCHS_PER_SECOND = 1;
export const EPOCHS_AHEAD_MAX = 1_000;
/**
 * New rotations accepted from one neighbour: people rotate once in a while; in one burst, twice all that are kept.
 */
export const ROTATIONS_PER_SECOND = 0.1;
export const ROTATIONS_BURST = 2 * ROTATIONS_KEPT_MAX;
/**
 * Rotations read, including known ones: a full set a second, and 32 sets at once. One that names members counts as one
 * more for each 4 KiB: two full sets of the largest, 4 MiB each, may come at once, and then four of these a second.
 */
export const ROTATIONS_READ_PER_SECOND = ROTATIONS_KEPT_MAX;
export const ROTATIONS_READ_BURST = 36 * ROTATIONS_KEPT_MAX;
export const ROTATION_WEIGHT_BYTES = 4_096;
/**
 * Bytes of rotations sent to one neighbour at once, and half as much again: more could be dropped, as a link's queue
 * holds 1 MiB. The others wait for its next beacons.
 */
export const ROTATIONS_TOLD_BYTES = 393_216;
/**
 * Parts of sets of rotations sent to one neighbour: one or, where they name many members, up to eleven at each new
 * link, and one after each beacon which shows that it lacks one.
 */
export const ROTATIONS_TOLD_PER_SECOND = 0.1;
export const ROTATIONS_TOLD_BURST = 8;
/** Neighbours whose rates are remembered: three times as many as there can be at once. */
export const ROTATION_SOURCES_MAX = 64;
/**
 * Who may remove others makes a new secret after this time, where somebody else has removed somebody and none has come:
 * that one's is flooded within a second, once it is on its disk.
 */
export const MAKE_UP_AFTER_MS = 10_000;
/** Pauses between attempts to make a secret after a removal, before jitter: the disk refuses it, say. */
export const MAKE_UP_RETRY_MS_MIN = 1_000;
export const MAKE_UP_RETRY_MS_MAX = 30_000;
/** Commands that wait for one rotation to be on disk. */
export const ROTATION_WAITERS_MAX = 64;
/** Addresses in an invite: one is enough where it answers, and each makes the text longer. */
export const INVITE_ADDRESSES_MAX = 4;

/**
 * Rulings kept, 320 bytes each at most: more people than anybody removes from a room. Half are the founder's. The first
 * come stay.
 */
export const RULINGS_MAX = 4_096;
/** Rulings of one deputy that are kept: eight that go wrong leave room for the founder's. */
export const DEPUTY_RULINGS_MAX = 256;
/**
 * The founder's program takes over no removals of former deputies once the founder has as many rulings: a crowd of
 * former deputies leaves half of the founder's places.
 */
export const LATE_REMOVALS_MAX = RULINGS_MAX / 4;
/** Rulings in one message, of 80 KB at most. */
export const RULINGS_IN_MESSAGE_MAX = 256;
/** That show a key why it is removed: a removal, an appointment, and the ends of so many former deputies' time. */
export const PROOF_RULINGS_MAX = 16;
/**
 * Rulings read of one neighbour, known ones included, which cost a hash each: all of them at two links in a row, then
 * one message a second.
 */
export const RULINGS_READ_PER_SECOND = RULINGS_IN_MESSAGE_MAX;
export const RULINGS_READ_BURST = 2 * RULINGS_MAX;
/** Neighbours whose rates are remembered: three times as many as there can be at once. */
export const RULING_SOURCES_MAX = 64;
