/**
 * Every message between the directory and its clients, and between the two sides of a call: encoding, checking and
 * the table in PROTOCOL.md come from here.
 */

import { AWAY_TEXT_BYTES_MAX, presenceFields } from "../../../base/machine/user_presence.ts";
import { FINGERPRINT_CHARACTERS } from "../../../base/text/fingerprint.ts";
import {
  bool,
  bytes,
  fixedBytes,
  hostText,
  list,
  message,
  type MessageOf,
  nullable,
  oneOf,
  peerKey,
  personName,
  record,
  text,
  trailing,
  uint,
} from "../../../base/schema/schema.ts";
import { PASSWORD_BYTES_MAX } from "../../../base/crypto/password_hash.ts";
import {
  CALL_ID_BYTES,
  CALL_REFUSED_MAX,
  HOST_BYTES_MAX,
  INSTANCES_MAX,
  NAME_BYTES_MAX,
  REASON_BYTES_MAX,
  RELAY_BYTES_MAX,
  SIGNATURE_BYTES,
  STORE_ID_BYTES,
  SUBSCRIPTIONS_MAX,
  TEXT_BYTES_MAX,
  USERS_PAGE_MAX,
} from "./limits.ts";
import { CHALLENGE_BYTES, HERE_PADDING_BYTES } from "../../sealed_datagram/limits.ts";

const counter = uint(Number.MAX_SAFE_INTEGER);
const port = uint(65_535);
const name = personName(NAME_BYTES_MAX);
/** What a client says that a name is: the directory answers one that can't be. */
const namedByClient = text(NAME_BYTES_MAX);
const host = hostText(HOST_BYTES_MAX);
const reason = text(REASON_BYTES_MAX);
const call = fixedBytes(CALL_ID_BYTES);
const password = text(PASSWORD_BYTES_MAX);

/** Reason with which a client closes its link when its user leaves; after any other, or a loss, it comes in again. */
export const LEAVE_GOODBYE = "quit";

/** How a client comes in; `resume`: by the key of a device that has logged in with the password before. */
export const WAYS_IN = ["log-in", "sign-up", "guest", "resume"] as const;
/** Codes of a refusal, the same words as the user's error codes, but for the last two. */
export const REFUSALS = [
  "bad-name",
  "bad-credentials",
  "weak-password",
  "name-taken",
  "guests-refused",
  "locked-out",
  "too-fast",
  "full",
  "kicked",
  "not-allowed",
  "not-logged-in",
  "too-long",
  "disk",
  "protocol",
  /** It has room, but too many passwords to check. */
  "checking",
  /** It is one of several instances, and their engine doesn't answer. */
  "engine",
] as const;
/** Why the directory ends a link. */
export const DISMISSALS = ["replaced", "kicked", "closing", "slow", "forgotten"] as const;
/** Why a client is told where the directory's instances are. */
const TOLD_INSTANCES = ["in", "full", "away"] as const;
/** How a call ended. */
export const OUTCOMES = [
  "declined",
  "busy",
  "offline",
  "unreachable",
  "timeout",
  "cancelled",
  "ended",
] as const;
export const ROUTES = ["direct", "relay"] as const;
/** How a client hears who is online: the directory tells it all, where these aren't too many, or it asks for pages. */
const LISTS = ["told", "asked"] as const;

/**
 * A user in the list: the key is that of the link by which it is in; host and port are where it takes calls, as the
 * directory sees it; port 0: nowhere.
 */
const user = record({
  name,
  state: oneOf(["free", "busy"]),
  guest: bool(),
  key: peerKey(),
  host,
  port,
});
/** Which of the users are away, by their places in the list beside it, and why. */
const awayAmong = trailing(
  list(
    record({ user: uint(USERS_PAGE_MAX - 1), why: text(AWAY_TEXT_BYTES_MAX) }),
    USERS_PAGE_MAX,
  ),
  [],
);
/** Up to which number a client has received broadcasts, in the numbering of one store. */
const heardThrough = record({ store: fixedBytes(STORE_ID_BYTES), through: counter });

const enter = message(1, "enter", {
  from: "a client",
  to: "the directory",
  when: "the link is up, or a way in was refused",
  answer: "`entered` or `refused`; `dismissed` to a returning program that was replaced meanwhile",
  lane: "control",
}, {
  how: oneOf(WAYS_IN),
  name: namedByClient,
  /** Empty for guests, and with `resume`. */
  password,
  /** The new password, if it is changed with the log-in; else empty. */
  newPassword: password,
  /** Where the client takes calls; 0: nowhere. */
  port,
  /** Whether its user is in a call, which has gone on meanwhile. */
  busy: bool(),
  seen: nullable(heardThrough),
  /** The `rank` of `entered`, if the client comes back by itself; else 0. */
  rank: trailing(counter, 0),
  lists: trailing(oneOf(LISTS), "told"),
});
const entered = message(2, "entered", {
  from: "the directory",
  to: "a client",
  when: "it is in: its account is on disk, and so is its device, unless the disk refuses that",
  answer: "none; `users` follow",
  lane: "control",
}, {
  /** The name as it was registered. */
  name,
  guest: bool(),
  /** The client's address, as the directory sees it. */
  host,
  store: fixedBytes(STORE_ID_BYTES),
  mayBroadcast: bool(),
  /** The datagram session's number, and the keys for what the directory and what the client sends. */
  index: uint(0xffff_ffff),
  toClient: fixedBytes(32),
  toDirectory: fixedBytes(32),
  /** The highest own number of a broadcast that the directory knows of this key; 0: none. */
  said: counter,
  /** Of two programs with this name, the one that came in later has the higher rank; it keeps it when it comes back. */
  rank: trailing(counter, 0),
  /** Whether an account's device is on disk, and may come back by its key after a restart; true for a guest. */
  isRemembered: trailing(bool(), true),
  /** The highest number of a broadcast that was kept when it came in; 0: none. */
  kept: trailing(counter, 0),
});
const refused = message(3, "refused", {
  from: "the directory",
  to: "a client",
  when: "its last request is refused; a client that isn't in yet may try again",
  lane: "control",
}, {
  code: oneOf(REFUSALS),
  text: reason,
  /** When to try again, in ms; 0: at once, or never. */
  retryMs: counter,
});
const users = message(4, "users", {
  from: "the directory",
  to: "a client",
  when:
    "it has come in, or was so slow that changes were dropped, and no more than 1,000 are online: all of them, " +
    "itself included, in pages",
  lane: "data",
}, {
  users: list(user, USERS_PAGE_MAX),
  /** Whether this is the first page: it voids everything told before, as a list that was cut off begins again. */
  isFirst: bool(),
  isLast: bool(),
  away: awayAmong,
});
const presence = message(5, "presence", {
  from: "the directory",
  to: "a client",
  when:
    "users have come or gone, have begun or ended a call, or are away or back: their present state, once for many " +
    "changes; " +
    "with `online`, only those to whom it has subscribed",
  lane: "data",
}, { users: list(user, USERS_PAGE_MAX), offline: list(name, USERS_PAGE_MAX), away: awayAmong });
const aboutMe = message(15, "about-me", {
  from: "a client",
  to: "the directory",
  when: "its user says something else of itself, and when it has come in again",
  answer: "none; all hear of it: after a few changes at once, once in 10 s",
  lane: "control",
}, { ...presenceFields });
const online = message(11, "online", {
  from: "the directory",
  to: "a client",
  when: "it has come in, or every 10 s: more are online than are told, or it wants to ask for them",
  answer: "`search`, `subscribe`, as its user wishes; void once `users` come",
  lane: "data",
}, { total: counter });
const search = message(12, "search", {
  from: "a client",
  to: "the directory",
  when: "its user asks who is online",
  answer: "`page`",
  lane: "control",
}, {
  /** Part of the names, folded as all names are when they are compared. */
  part: namedByClient,
  /** The last name of the page before; empty: the first page. */
  after: namedByClient,
});
const page = message(13, "page", {
  from: "the directory",
  to: "a client",
  when: "it has asked who is online",
  lane: "data",
}, {
  /** Sorted by name. */
  users: list(user, USERS_PAGE_MAX),
  total: counter,
  hasMore: bool(),
  /** Where nothing was looked for, as there are too many searches: when to ask again, in ms; else 0. */
  retryMs: counter,
  away: awayAmong,
});
const subscribe = message(14, "subscribe", {
  from: "a client",
  to: "the directory",
  when: "it shows, calls or knows other people than before: 256 names at most at a time",
  answer: "`presence` for each name that is added",
  lane: "data",
}, { add: list(name, SUBSCRIPTIONS_MAX), drop: list(name, SUBSCRIPTIONS_MAX) });
const changePassword = message(6, "change-password", {
  from: "a client",
  to: "the directory",
  when: "its user wants another password",
  answer: "`done` when it is on disk, or `refused`",
  lane: "control",
}, { old: password, new: password });
const forgetMe = message(7, "forget-me", {
  from: "a client",
  to: "the directory",
  when: "its user wants its account to be removed",
  answer: "`dismissed` when that is on disk, or `refused`",
  lane: "control",
}, { password });
const done = message(8, "done", {
  from: "the directory",
  to: "a client",
  when: "the password is changed",
  lane: "control",
}, {});
const dismissed = message(9, "dismissed", {
  from: "the directory",
  to: "a client",
  when: "its link is closed after this",
  lane: "control",
}, { because: oneOf(DISMISSALS), text: reason, retryMs: counter });
const instances = message(10, "instances", {
  from: "the directory",
  to: "a client",
  when: "it runs as several programs, and the client comes in, is refused, or had better go",
  lane: "control",
}, {
  /**
   * `in`: these are all there are, to be dialled where this one can't be. `full`: these have room; `refused` follows.
   * `away`: the engine doesn't answer this one, perhaps none of them: the client tries these, if there are any, and
   * keeps this link until it is in at another.
   */
  because: oneOf(TOLD_INSTANCES),
  addresses: list(record({ host, port }), INSTANCES_MAX),
});

const ring = message(16, "call", {
  from: "a client",
  to: "the directory",
  when: "its user calls somebody",
  answer: "`outcome`, or `meet`; `rings` alone where the callee has a refused key",
  lane: "control",
}, {
  /** Drawn by the caller. */
  call,
  name: namedByClient,
  /**
   * Fingerprints that the callee mustn't have: the caller's user has found their digits to be different, or was told
   * that the callee has another key than before, and hasn't accepted that.
   */
  refused: trailing(list(text(FINGERPRINT_CHARACTERS), CALL_REFUSED_MAX), []),
});
const incoming = message(17, "incoming", {
  from: "the directory",
  to: "the callee",
  when: "somebody calls",
  answer: "`answer`, within 30 s",
  lane: "control",
}, { call, from: name, guest: bool(), key: peerKey() });
/** The reason of an `answer` by a program whose user has begun another call meanwhile. */
export const BUSY = "busy";
const answer = message(18, "answer", {
  from: "the callee",
  to: "the directory",
  when: "its user has answered",
  answer: "`meet`, or `outcome`",
  lane: "control",
}, { call, accepts: bool(), reason });
const meet = message(19, "meet", {
  from: "the directory",
  to: "caller and callee",
  when: "the callee has accepted",
  answer: "`begun`, or `relay-please`, or `hang-up`",
  lane: "control",
}, {
  call,
  name,
  guest: bool(),
  key: peerKey(),
  host,
  port,
  isCaller: bool(),
  mayRelay: bool(),
});
const begun = message(20, "begun", {
  from: "caller and callee",
  to: "the directory",
  when: "they talk",
  lane: "control",
}, { call, route: oneOf(ROUTES) });
const relayPlease = message(21, "relay-please", {
  from: "the caller",
  to: "the directory",
  when: "neither could dial the other",
  answer: "`relay-on` to both, or `outcome`",
  lane: "control",
}, { call });
const relayOn = message(22, "relay-on", {
  from: "the directory",
  to: "caller and callee",
  when: "it relays from now on the bytes that they seal for each other",
  answer: "`relay`",
  lane: "control",
}, { call });
const relay = message(23, "relay", {
  from: "caller or callee",
  to: "the directory, and by it to the other",
  when: "there are sealed bytes for the other, and room there",
  answer: "`relay-room` when they are taken",
  lane: "data",
}, { call, bytes: bytes(RELAY_BYTES_MAX) });
const relayRoom = message(24, "relay-room", {
  from: "caller or callee",
  to: "the directory, and by it to the other",
  when: "it has taken this many of the bytes received",
  lane: "control",
}, { call, bytes: counter });
const hangUp = message(25, "hang-up", {
  from: "caller or callee",
  to: "the directory",
  when: "it withdraws the call, or the call is over",
  answer: "none; the other is told the `outcome` where it isn't talking yet",
  lane: "control",
}, {
  call,
  reason,
});
const outcome = message(26, "outcome", {
  from: "the directory",
  to: "caller or callee",
  when: "there is no such call any more, or there won't be",
  lane: "control",
}, { call, state: oneOf(OUTCOMES), reason });
const rings = message(28, "rings", {
  from: "the directory",
  to: "the caller",
  when: "it rings at the callee, or doesn't, as `call` refuses its key",
  answer: "none, or `hang-up`, where it isn't the key that is expected",
  lane: "control",
}, { call, name, key: peerKey() });
const callAt = message(27, "call-at", {
  from: "the directory",
  to: "the caller",
  when: "the callee is in at another instance",
  answer: "none here; a link to there, and `visit` on it",
  lane: "control",
}, { call, at: record({ host, port }) });
const visit = message(29, "visit", {
  from: "a client that is in at another instance",
  to: "the directory",
  when: "its user calls somebody who is in here: the first word on a link for this call alone",
  answer: "as of `call`; all else about the call follows on this link",
  lane: "control",
}, {
  as: namedByClient,
  call,
  name: namedByClient,
  refused: list(text(FINGERPRINT_CHARACTERS), CALL_REFUSED_MAX),
});
const busy = message(30, "busy", {
  from: "a client",
  to: "the directory",
  when: "its user talks in a call, or no more",
  answer: "none; the list says it to all",
  lane: "control",
}, { busy: bool() });

const broadcast = message(32, "broadcast", {
  from: "a client",
  to: "the directory",
  when: "its user broadcasts a text",
  answer: "`broadcast-taken` when it is on disk, or `refused`",
  lane: "data",
}, {
  /** Higher than that of any earlier one of this key: each broadcast is taken once, even if either side restarts. */
  own: counter,
  /** The sender's wall clock when it was first sent, ms since 1970. */
  sentAt: counter,
  text: text(TEXT_BYTES_MAX),
  /** The sender's, as in `signed_broadcast.ts`. */
  signature: fixedBytes(SIGNATURE_BYTES),
});
const broadcastTaken = message(33, "broadcast-taken", {
  from: "the directory",
  to: "the sender",
  when: "it is on disk",
  lane: "control",
}, { own: counter, number: counter });
const broadcastSent = message(34, "broadcast-sent", {
  from: "the directory",
  to: "the sender",
  when:
    "all clients that were online have it, or 10 s are over; again when it comes back soon after",
  lane: "control",
}, { number: counter, reached: counter });
const told = message(35, "told", {
  from: "the directory",
  to: "a client",
  when:
    "somebody has broadcast a text; by a datagram where it fits in one, else or after three repeats by TCP",
  answer: "`got`",
  lane: "data",
}, {
  /** The broadcast's number in the directory's store. */
  number: counter,
  /** Number of the broadcast sent to this client before: this one is shown after that. */
  after: counter,
  /** The sender's name; `DIRECTORY_NAME` of the operator's own. */
  from: text(NAME_BYTES_MAX),
  /** The sender's wall clock, ms since 1970, which is signed, too. */
  sentAt: counter,
  text: text(TEXT_BYTES_MAX),
  /** The sender's key, its own number, and its signature. */
  key: peerKey(),
  own: counter,
  signature: fixedBytes(SIGNATURE_BYTES),
  /** Whether the sender is in as a guest, as the directory says. */
  guest: trailing(bool(), false),
});
const got = message(36, "got", {
  from: "a client",
  to: "the directory",
  when: "all broadcasts up to this one are on its disk; by a datagram where it came by one",
  lane: "control",
}, { through: counter });

const talk = message(48, "talk", {
  from: "the side that dialled",
  to: "the other side of the call",
  when: "their link is up",
  answer: "`begin`, if the caller wants that link",
  lane: "control",
}, { call });
const begin = message(49, "begin", {
  from: "the caller",
  to: "the callee",
  when: "this is the link on which they talk; all others are closed",
  lane: "control",
}, { call });
const line = message(50, "line", {
  from: "either",
  to: "the other",
  when: "its user says something",
  lane: "data",
}, { text: text(TEXT_BYTES_MAX) });

const heard = message(51, "heard", {
  from: "either",
  to: "the other",
  when:
    "lines were shown: after 200 ms or 32 of them, and when it ends the call or closes the link",
  lane: "control",
}, {
  /** How many lines of this call were shown so far: more than last time, and no more than were sent. */
  lines: counter,
});

const hungUp = message(52, "hung-up", {
  from: "either",
  to: "the other",
  when: "its user has ended the call, and not all of its lines are heard: they stand before this",
  answer: "`heard`, and the link is closed",
  lane: "data",
}, {});

const here = message(56, "here", {
  from: "a client",
  to: "the directory",
  when: "it has come in, and every 15 s: this is where datagrams reach it",
  answer: "`prove`, where the address is new",
  lane: "control",
}, { padding: fixedBytes(HERE_PADDING_BYTES) });
const prove = message(57, "prove", {
  from: "the directory",
  to: "a client",
  when: "an authentic datagram came from an address that isn't known to be its",
  answer: "`proof`",
  lane: "control",
}, { challenge: fixedBytes(CHALLENGE_BYTES) });
const proof = message(58, "proof", {
  from: "a client",
  to: "the directory",
  when: "it was asked whether it receives there",
  lane: "control",
}, { challenge: fixedBytes(CHALLENGE_BYTES) });

const unknown = message(6_000, "unknown", {
  from: "any receiver",
  to: "the sender of that message",
  when: "a message of a type that it doesn't know came",
  lane: "control",
}, { code: uint(16_383) });

export const DIRECTORY_MESSAGES = [
  enter,
  entered,
  refused,
  users,
  presence,
  online,
  search,
  page,
  subscribe,
  aboutMe,
  changePassword,
  forgetMe,
  done,
  dismissed,
  instances,
  ring,
  rings,
  incoming,
  answer,
  meet,
  begun,
  relayPlease,
  relayOn,
  relay,
  relayRoom,
  hangUp,
  outcome,
  callAt,
  visit,
  busy,
  broadcast,
  broadcastTaken,
  broadcastSent,
  told,
  got,
  talk,
  begin,
  line,
  heard,
  hungUp,
  here,
  prove,
  proof,
  unknown,
] as const;

/** The lane of each message, as its declaration says. */
export const DIRECTORY_LANES = Object.fromEntries(
  DIRECTORY_MESSAGES.map(({ name, about }) => [name, about.lane]),
) as Readonly<Record<DirectoryMessage["type"], "control" | "data">>;

/** The messages that may also go in datagrams. */
export const DATAGRAM_MESSAGES = [told, got, here, prove, proof] as const;

export type DirectoryMessage = MessageOf<typeof DIRECTORY_MESSAGES[number]>;
export type DirectoryMessageOf<Type extends DirectoryMessage["type"]> = Extract<
  DirectoryMessage,
  { readonly type: Type }
>;
export type WayIn = typeof WAYS_IN[number];
export type DirectoryRefusal = typeof REFUSALS[number];
export type Dismissal = typeof DISMISSALS[number];
export type CallOutcome = typeof OUTCOMES[number];
export type CallRoute = typeof ROUTES[number];
