/** Every bound and time of sealed datagrams, with its unit and reason. */

/** Longest datagram: under 1,200 bytes, which every path carries whole (RFC 9000, section 14). */
export const DATAGRAM_BYTES_MAX = 1_199;
/**
 * What a relay adds at most to a datagram that it passes on: header, tag, code and the numbers of member and length
 * (`group/schema/datagram_messages.ts`).
 */
const RELAY_OVERHEAD_BYTES = 13 + 16 + 1 + 3 + 2;
/** Longest datagram between two peers: with a relay's header around it, it is a datagram still. */
export const RELAYED_BYTES_MAX = DATAGRAM_BYTES_MAX - RELAY_OVERHEAD_BYTES;

/** First pause before a handshake message is repeated; each further one is twice as long (RFC 6298's idea). */
export const REPEAT_MS = 250;
/** From the first message until a handshake is over: five messages into a network that loses a third. */
export const HANDSHAKE_MS_MAX = 5_000;

/** How long an answered first message is remembered: its third may be repeated until the handshake is over. */
export const HALF_OPEN_MS = HANDSHAKE_MS_MAX + 1_000;
/** Half-open handshakes with addresses that proved nothing; each took 0.3 ms to make. Above it: a cookie first. */
export const HALF_OPEN_MAX = 64;
/** More of them, with addresses that have shown a cookie: a group of 256 that starts at once. 3 KB each. */
export const HALF_OPEN_PROVEN_MAX = 256;
/** Of these for one host, or one IPv6 /64: it can take a quarter of the places. */
export const HALF_OPEN_PROVEN_FOR_HOST_MAX = 64;
/**
 * Wrong third messages of one handshake that only its initiator can have made: each costs a key agreement or a
 * verification, and no program of ours makes one.
 */
export const WRONG_CONFIRMATIONS_MAX = 4;
/** Cookies in answer to which one attempt sends its first message at once, rather than at the next repetition. */
export const COOKIES_ANSWERED_MAX = 3;
/** A cookie is valid for one to two of these: it must outlive a slow round trip and nothing else. */
export const COOKIE_SLOT_MS = 10_000;

/** Age at which fresh ephemeral keys are agreed on by the side that made the session. */
export const REKEY_AFTER_MS = 3_600_000;
/** Datagrams after which the same happens, if that comes first: far below what ChaCha20-Poly1305 allows. */
export const REKEY_AFTER_DATAGRAMS = 2 ** 32;
/** How much later the other side does it, where the first doesn't: more than the time of a handshake. */
export const REKEY_LAG_MS = 60_000;
/** Pause after an attempt at fresh keys that failed. */
export const REKEY_RETRY_MS = 30_000;
/** How long what was sealed with the old keys is still opened. */
export const PREVIOUS_SESSION_MS = 10_000;
/** Age at which a session ends all the same: ten minutes of attempts at another have failed. */
export const SESSION_MS_MAX = REKEY_AFTER_MS + 600_000;

/** Counters that may come late, as a number of datagrams: IPsec's and WireGuard's largest. A multiple of 32. */
export const REPLAY_WINDOW = 2_048;
/** Highest counter, so that a number holds each; no session lives long enough to get there. */
export const COUNTER_MAX = 2 ** 52;

/** What an address that hasn't proved that it receives is sent, as a multiple of what came from it. */
export const UNPROVEN_FACTOR = 3;
/** Pause before a challenge to a new address is repeated; each further one is twice as long. */
export const CHALLENGE_REPEAT_MS = 250;
/** Challenges to one address; a peer that answers none isn't there, unless more comes from there afterwards. */
export const CHALLENGES_MAX = 4;
/** Bytes of a challenge: nobody guesses one. */
export const CHALLENGE_BYTES = 8;

/** A keyed datagram from an unproven address is at least as long as the answer to it. */
export const HERE_PADDING_BYTES = 64;
/** How often a program repeats where datagrams reach it: a router in between forgets it after 30 s. */
export const HERE_MS = 15_000;
/** Pauses before that is repeated while no answer has come. */
export const HERE_REPEAT_MS = [250, 500, 1_000] as const;
