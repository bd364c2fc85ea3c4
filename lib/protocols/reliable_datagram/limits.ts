/** Every bound and time of reliable datagrams, with its unit and reason. */

import { PAYLOAD_BYTES_MAX } from "../sealed_datagram/formats.ts";
import { DATAGRAM_BYTES_MAX } from "../sealed_datagram/limits.ts";

/** Longest message: the longest that any protocol of ours has (`FRAME_BYTES_MAX` of TCP). */
export const MESSAGE_BYTES_MAX = 262_144;
/** Longest one-shot: a whole packet less its headers. */
export const ONE_SHOT_BYTES_MAX = 1_024;
/** One-shots that wait for the next tick; they are news, so the oldest are dropped first. */
export const ONE_SHOTS_MAX = 16;

/** How many taken entries stay at the front of a queue before their memory is given back. */
export const COMPACT_AT = 16;

/** Bytes of header and frame that a packet with one chunk may have around it: varints of 2^53 at worst. */
export const CHUNK_OVERHEAD_BYTES = 32;
/** Longest part of a lane's bytes in one packet, so that it can always be sent again whole. */
export const CHUNK_BYTES_MAX = PAYLOAD_BYTES_MAX - CHUNK_OVERHEAD_BYTES;
/** A remnant of room below this is left empty: a smaller chunk costs more than it carries. */
export const CHUNK_BYTES_MIN = 64;
/** Size of the pages in which a lane's bytes wait: few allocations, little held by a page's last unacknowledged byte. */
export const PAGE_BYTES = 16 * 1_024;

/**
 * Bytes of a lane beyond those delivered that a receiver takes in: what it must be ready to hold for one peer.
 * Data: 2.5 MB/s at a round trip of 100 ms. Control: as on TCP.
 */
export const LANE_WINDOW_BYTES = { control: 65_536, data: 262_144 } as const;
/** A receiver announces new room once it is this part of the window: four times a window. */
export const CREDIT_STEP = 1 / 4;
/** Chunks held out of order for one lane: beyond that small ones are sent again, so that memory is bounded, too. */
export const HELD_CHUNKS_MAX = 1_024;

/** Bytes that may wait for one peer in all; with more, the owner ignores back pressure, or the peer is dead. */
export const SEND_BYTES_MAX = 16 * 1_024 * 1_024;
/** Above so many waiting bytes `congested` is emitted: several windows, so that the sender never runs dry. */
export const CONGESTED_BYTES = 1_024 * 1_024;
/** Back pressure ends when fewer bytes than this wait: two windows. */
export const DRAINED_BYTES = 512 * 1_024;

/** Ranges of packet numbers in one acknowledgement, the latest ones: 32 losses are told apart (RFC 9000, 13.2.3). */
export const ACK_RANGES_MAX = 32;
/** Packets that are acknowledged together when all is well; more are no cheaper (measured, decisions/0005). */
export const ACK_EVERY = 8;
/** Longest time that an acknowledgement waits for a packet to go with (RFC 9000, section 18.2, has 25 ms). */
export const ACK_DELAY_MS = 20;
/** Unit of the delay that an acknowledgement names, ms. */
export const ACK_DELAY_UNIT_MS = 1 / 16;

/** A packet is lost once one sent this much later was acknowledged (RFC 9002, 6.1.1). */
export const PACKET_THRESHOLD = 3;
/** Once a later packet was acknowledged, one is lost this many round trips after its sending (RFC 9002, 6.1.2). */
export const TIME_THRESHOLD = 9 / 8;
/** Resolution of timers, ms (RFC 9002, 6.1.2). */
export const GRANULARITY_MS = 1;
/** Round trip before one was measured, ms: a guess, below RFC 9002's 333 because handshakes have just succeeded. */
export const INITIAL_ROUND_TRIP_MS = 100;
/** Longest pause between probes of a peer that doesn't answer: how late a healed network is noticed. */
export const PROBE_TIMEOUT_MS_MAX = 3_000;
/** Packets sent at once when an acknowledgement is overdue (RFC 9002, 6.2.4). */
export const PROBE_PACKETS = 2;
/** Packets remembered until they are acknowledged or lost: the window, and probes into silence. */
export const SENT_PACKETS_MAX = 1_024;

/** Congestion window at first and at least, bytes: ten packets (RFC 9002, 7.2; why so many: decisions/0005). */
export const CONGESTION_BYTES_MIN = 10 * DATAGRAM_BYTES_MAX;
/** Congestion window at most: both lanes' windows and their headers. */
export const CONGESTION_BYTES_MAX = 400 * DATAGRAM_BYTES_MAX;
/** The part of the window that is left after a loss (RFC 9002, 7.3.2). */
export const LOSS_REDUCTION = 1 / 2;
/** Sent at once without pacing, bytes: the initial window and a little (RFC 9002, 7.7). */
export const BURST_BYTES = 16 * DATAGRAM_BYTES_MAX;
/** How late timers fire, ms (2 to 3 measured, on an idle machine): pacing releases what is due until then. */
export const PACING_QUANTUM_MS = 5;
/** How much faster than one window a round trip: losses and delays don't leave the window unused (RFC 9002, 7.7). */
export const PACING_GAIN = 1.25;

/** Pause before an attempt at a new session with a peer that fell silent; each further one is twice as long. */
export const RECONNECT_MS_MIN = 5_000;
/** As every pause between attempts. */
export const RECONNECT_MS_MAX = 30_000;
/** How long `close` goes on sending what waits, ms. */
export const CLOSE_MS_MAX = 1_000;
/** A tick that comes later than this shows that we were stopped: peers aren't blamed for that time. */
export const STALL_MS = 500;
/** How much longer the side with the larger key waits before it probes: an idle pair has one probe, not two. */
export const PROBE_LAG_MS = 500;
/** Probes of idle peers wait for the next multiple of this, so that all are served at one wake-up. */
export const PROBE_GRID_MS = 250;
