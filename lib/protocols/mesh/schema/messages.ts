/**
 * Every message between two members of a mesh: who sends it, when, and what answers it. Encoding,
 * checking and the table in PROTOCOL.md come from here.
 */

import {
  bool,
  fixedBytes,
  hexId,
  type Infer,
  list,
  message,
  type MessageOf,
  nullable,
  oneOf,
  peerKey,
  type Queue,
  record,
  text,
  trailing,
  uint,
} from "../../../base/schema/schema.ts";
import type { BundleId, Hash, RoomId } from "../../../base/ids.ts";
import {
  NAME_BYTES_MAX,
  PROOF_RULINGS_MAX,
  ROSTER_BUCKETS,
  ROSTER_NEWS_MAX,
  ROSTER_PART_MAX,
  ROSTER_WANT_MAX,
  ROTATIONS_IN_MESSAGE_MAX,
  RULINGS_IN_MESSAGE_MAX,
} from "./limits.ts";
import {
  bundleSchema,
  claimSchema,
  endpointSchema,
  privateEnvelopeSchema,
  proofSchema,
  signedBeaconSchema,
  signedClaimSchema,
  signedGenesisSchema,
  signedHeaderSchema,
  signedRotationSchema,
  signedRulingSchema,
  signedStatementSchema,
} from "./structures.ts";
import { embedded } from "../../../base/schema/schema.ts";

const counter = uint(Number.MAX_SAFE_INTEGER);
const signature = fixedBytes(64);

/** A member and where it can be dialled. Exported for its table. */
export const contactSchema = record({ key: peerKey(), endpoint: endpointSchema });
export type Contact = Infer<typeof contactSchema>;

/**
 * A point in an author's stream: covers everything up to `counter`; `id` is that of the bundle that ends there.
 * Exported for its table.
 */
export const frontierEntrySchema = record({
  author: peerKey(),
  incarnation: counter,
  counter,
  id: hexId<BundleId>(),
});
export type FrontierEntry = Infer<typeof frontierEntrySchema>;

/**
 * A frontier, and `low`, the counter from which on everything up to the frontier is kept. Where a proof closed the
 * stream, `counter` and `id` are those of the last bundle before the excluded part.
 */
export const streamEntrySchema = record({
  author: peerKey(),
  incarnation: counter,
  low: counter,
  counter,
  id: hexId<BundleId>(),
  closed: bool(),
});
export type StreamEntry = Infer<typeof streamEntrySchema>;

/**
 * A frontier as announced in anti-entropy: its sender can supply `low` to `counter - unkept`; nothing where `low` is
 * beyond that.
 */
export interface SyncEntry extends StreamEntry {
  /** How many counters at the end were delivered but aren't kept, since their time isn't believed. */
  readonly unkept: number;
}

/** A member as a roster has it. Exported for its table. */
export const rosterEntrySchema = record({
  claim: signedClaimSchema,
  beacon: signedBeaconSchema,
  lost: bool(),
  /** Since the beacon was heard, or since the member was lost. */
  ageMs: counter,
});
export type RosterEntry = Infer<typeof rosterEntrySchema>;

/** Codes of a refusal, the same words as the user's error codes. */
export const REFUSALS = [
  "name-taken",
  "bad-name",
  "full",
  "bad-credentials",
  "version",
  "replaced",
  "too-fast",
  "wrong-room",
  "protocol",
] as const;

const control = "control";
const news = "news";
const data = "data";

// Coming in (admission.ts).
const hello = message(1, "hello", {
  from: "either side of a new link, a member of the room",
  to: "the other",
  when: "the link is up",
  answer: "`hello`, or `refuse`",
  lane: control,
}, { room: hexId<RoomId>(), beacon: signedBeaconSchema, claim: signedClaimSchema });
const join = message(2, "join", {
  from: "a newcomer, or a member that returns",
  to: "any member",
  when: "the link that it dialled is up",
  answer: "`offer`, `welcome` (the earlier claim still holds) or `refuse`",
  lane: control,
}, {
  /** Null where the room isn't known. */
  room: nullable(hexId<RoomId>()),
  name: text(NAME_BYTES_MAX),
  /** A lower bound for the new incarnation: what this process has on its disk, or its wall clock. */
  incarnation: counter,
  /** An empty host is filled in by the admitting member, with the one that the link comes from. */
  endpoint: nullable(endpointSchema),
  /** The claim that a returning member was given before, for the same name. */
  earlier: nullable(signedClaimSchema),
});
const offer = message(3, "offer", {
  from: "the admitting member",
  to: "the newcomer",
  when: "the name is free and held",
  answer: "`accept` within 2 s",
  lane: control,
}, {
  genesis: signedGenesisSchema,
  claim: embedded(claimSchema, 1_024),
  admission: signature,
  /** The newcomer's endpoint as the admitting member would dial it; null where it can't be dialled. */
  endpoint: nullable(endpointSchema),
});
const accept = message(4, "accept", {
  from: "the newcomer",
  to: "the admitting member",
  when: "an `offer` came, or a `welcome` to its earlier claim",
  answer: "`welcome` after an offer; else none",
  lane: control,
}, { claim: signedClaimSchema, beacon: signedBeaconSchema });
const welcome = message(5, "welcome", {
  from: "the admitting member",
  to: "the newcomer",
  when: "its claim is complete",
  answer: "`accept` where the earlier claim was taken; then both are neighbours",
  lane: control,
}, {
  genesis: signedGenesisSchema,
  claim: signedClaimSchema,
  endpoint: nullable(endpointSchema),
  /** 1 + the highest incarnation of the newcomer's key that is known here. */
  incarnation: counter,
  beacon: signedBeaconSchema,
  admitterClaim: signedClaimSchema,
});
const refuse = message(6, "refuse", {
  from: "any member",
  to: "a newcomer, a member of another room, or one whose invite a removal has made void",
  when: "it may not come in, or stay; the link is closed after it",
  lane: control,
}, { code: oneOf(REFUSALS), text: text(1_024), room: nullable(hexId<RoomId>()) });
const renew = message(9, "renew", {
  from: "a member that has the other end as lost, or as having quit",
  to: "that member",
  when: "the beacon in its `hello` isn't later than the last one known",
  answer: "`hello` with a later one; until then it is sent nothing of the room",
  lane: control,
}, {
  /** The last (incarnation, number) that the sender knows. */
  incarnation: counter,
  number: counter,
});
const removed = message(10, "removed", {
  from: "any member",
  to: "a key that was removed from the room",
  when: "it has a link to it, or the removal has become known",
  answer: "none; the link is closed after it",
  lane: control,
}, {
  genesis: signedGenesisSchema,
  /**
   * The appointment of the remover, where that is a deputy; what ended the time of deputies that had let the key in
   * again; the removal.
   */
  rulings: list(signedRulingSchema, PROOF_RULINGS_MAX),
});

// Overlay (overlay.ts): HyParView.
const overlayJoin = message(16, "overlay-join", {
  from: "a member that has just been welcomed",
  to: "the member that welcomed it",
  when: "at once; not yet welcomed, where it quits in that moment",
  answer: "`neighbor-reply`; `forward-join` goes to two others",
  lane: control,
}, {});
const forwardJoin = message(17, "forward-join", {
  from: "a neighbour",
  to: "a neighbour",
  when: "a newcomer is being made known by a random walk",
  answer: "none; its end dials the newcomer and sends `neighbor`",
  lane: news,
}, {
  contact: contactSchema,
  /** Remaining steps; 0 is no walk: a member that has lost the sender as a neighbour may take this one instead. */
  ttl: uint(16),
});
const neighbor = message(18, "neighbor", {
  from: "a member",
  to: "a member it isn't a neighbour of",
  when: "it wants to become one; high where it has no other, or lacks two and was refused",
  answer: "`neighbor-reply`",
  lane: control,
}, { priority: oneOf(["low", "high"]) });
const neighborReply = message(19, "neighbor-reply", {
  from: "the member that was asked",
  to: "the one that asked",
  when: "at once",
  lane: control,
}, { accepted: bool() });
const disconnect = message(20, "disconnect", {
  from: "a neighbour",
  to: "a neighbour",
  when: "its active view is full and another takes the place, or the other has just quit",
  answer: "none; both keep the other in the passive view, or the other goes",
  lane: control,
}, {});
const shuffle = message(21, "shuffle", {
  from: "a member, by random walk",
  to: "a member further on",
  when: "its shuffle is due",
  answer: "`shuffle-reply` from the walk's last member",
  lane: news,
}, { origin: contactSchema, ttl: uint(16), contacts: list(contactSchema, 16) });
const shuffleReply = message(22, "shuffle-reply", {
  from: "the walk's last member; or either side of a `neighbor` with priority high",
  to:
    "the origin of the shuffle where it is a neighbour, else the member before it on the walk; or the other side",
  when: "the walk ended; or the other may know nobody else in this part of the room",
  lane: news,
}, { contacts: list(contactSchema, 16) });

// Whether a member can be dialled (reachability.ts).
const dialBack = message(23, "dial-back", {
  from: "a member that doesn't know whether it can be dialled",
  to: "a neighbour, one that has dialled it first of all",
  when:
    "10 s after it came in or its address changed, and while it can't be dialled at growing intervals, 10 min at most; at once, and then every minute, for an address that a router has mapped",
  answer:
    "`dialled-back`: at once where the neighbour has dialled this endpoint, else after a dial",
  lane: control,
}, {
  /** Where the asker says that it can be dialled. */
  endpoint: endpointSchema,
  /** Whether a router has named it: then it is dialled as it is, or not at all. */
  mapped: trailing(bool(), false),
});
const dialledBack = message(24, "dialled-back", {
  from: "the neighbour",
  to: "the member that asked",
  when: "its dial was answered or has failed; at once where it makes none now",
  lane: control,
}, {
  /** Null where the neighbour can't tell. */
  reachable: nullable(bool()),
  /** Where the neighbour has dialled the asker; null where the asker has dialled the neighbour. */
  reached: nullable(endpointSchema),
  /** As in the question. */
  mapped: trailing(bool(), false),
});

// Roster (roster.ts).
const beacons = message(32, "beacons", {
  from: "a neighbour",
  to: "a neighbour; of its quitting any member that it has a link with",
  when: "beacons newer than known arrived or were made",
  lane: news,
}, {
  /** `ageMs`: time since the sender heard the beacon, so that forwarding it doesn't prolong the lease. */
  beacons: list(record({ signed: signedBeaconSchema, ageMs: counter }), ROSTER_NEWS_MAX),
});
const claims = message(33, "claims", {
  from: "a neighbour",
  to: "a neighbour",
  when:
    "claims not known before arrived or were made: before the beacons that name them, and after them those of " +
    "forgotten members who vouch for them",
  lane: news,
}, { claims: list(signedClaimSchema, ROSTER_NEWS_MAX) });
const statements = message(34, "statements", {
  from: "a neighbour",
  to: "a neighbour",
  when: "a member is accused, or an accusation denied",
  answer: "`beacons` by the accused where it has a later one",
  lane: news,
}, { statements: list(signedStatementSchema, ROSTER_NEWS_MAX) });
const rosterWant = message(35, "roster-want", {
  from: "a neighbour",
  to: "a neighbour",
  when: "its `roster-summary` differs from ours in these buckets",
  answer: "`roster-part`s for each bucket",
  lane: data,
}, {
  buckets: list(uint(ROSTER_BUCKETS - 1), ROSTER_BUCKETS),
  /** What the sender has in these buckets; members for which the bound leaves no place are sent to it once more. */
  known: list(
    record({ key: peerKey(), incarnation: counter, number: counter }),
    ROSTER_WANT_MAX,
  ),
});
const rosterSummary = message(36, "roster-summary", {
  from: "a neighbour",
  to: "a neighbour",
  when: "they have become neighbours, or a beacon's roster digest differs from ours",
  answer: "`roster-want` for the buckets that differ",
  lane: control,
}, { hashes: list(hexId<Hash>(), ROSTER_BUCKETS) });
const rosterPart = message(37, "roster-part", {
  from: "a neighbour",
  to: "a neighbour",
  when: "a `roster-want` came",
  answer: "none; the next `roster-want` after the last part",
  lane: data,
}, {
  bucket: uint(ROSTER_BUCKETS - 1),
  /** Members whose beacon is newer than `known` says, and those not in `known`; also those that died within a day. */
  entries: list(rosterEntrySchema, ROSTER_PART_MAX),
  /** False where more of this bucket follow. */
  last: bool(),
});

// Broadcast (broadcast.ts): Plumtree over bundles.
const bundle = message(48, "bundle", {
  from: "a neighbour that has delivered it",
  to: "a neighbour",
  when: "pushed along the tree, grafted, or asked for as a range",
  answer: "`prune` where it was a duplicate",
  lane: data,
}, {
  bundle: bundleSchema,
  /** The author's claim, where this link hasn't carried it yet. */
  claim: nullable(signedClaimSchema),
  hop: uint(255),
  reason: oneOf(["push", "graft", "range"]),
});
const preview = message(49, "preview", {
  from: "a neighbour that has delivered a large bundle",
  to: "a neighbour off its first tree link",
  when: "the bundle has more than 4 KiB of text",
  answer: "`graft` where the bundle itself doesn't come",
  lane: data,
}, { header: signedHeaderSchema, hop: uint(255) });
const ihave = message(50, "ihave", {
  from: "a neighbour",
  to: "a neighbour off the tree",
  when: "it has delivered the bundles named; may wait 50 ms to be sent with others",
  answer: "`graft` where the bundle itself doesn't come",
  lane: news,
}, {
  entries: list(frontierEntrySchema, 256),
  /** The hop with which the first entry's bundle would have arrived, had it been pushed. */
  hop: uint(255),
});
const graft = message(51, "graft", {
  from: "a neighbour",
  to: "the neighbour that announced the missing bundle",
  when: "an announced bundle hasn't come in time",
  answer: "`bundle` for each after `after`; the link joins the tree",
  lane: control,
}, { author: peerKey(), incarnation: counter, after: counter });
const prune = message(52, "prune", {
  from: "a neighbour",
  to: "a neighbour",
  when: "its pushes come second",
  answer: "none; the link leaves the tree of that author, or of all",
  lane: control,
}, { source: nullable(peerKey()) });

// Anti-entropy (anti_entropy.ts).
const syncSummary = message(64, "sync-summary", {
  from: "a member",
  to: "a neighbour",
  when: "the link is new, or 10 s after the last round; after the bundles pushed before it",
  answer: "`sync-buckets` where the roots differ, else `sync-done`",
  lane: data,
}, { root: hexId<Hash>() });
const syncBuckets = message(65, "sync-buckets", {
  from: "the neighbour",
  to: "the member that began",
  when: "its root differs",
  answer: "`sync-frontiers` for the buckets that differ",
  lane: control,
}, { hashes: list(hexId<Hash>(), 256) });
const syncFrontiers = message(66, "sync-frontiers", {
  from: "either",
  to: "the other",
  when:
    "buckets differ, or the member has nothing yet, or, with no buckets, something is missing in these streams; the other answers with its own for the same",
  answer: "`sync-frontiers` once, then `sync-want` from the side that lacks something",
  lane: data,
}, {
  buckets: list(uint(255), 256),
  entries: list(streamEntrySchema, 1_024),
  reply: bool(),
  /** False where more entries for these buckets follow in another message. */
  last: bool(),
  /** Room time: nothing that the sender has delivered and no longer keeps is later. 0 where it keeps all. */
  floor: uint(Number.MAX_SAFE_INTEGER),
  /** For each entry, how many counters up to `counter` can't be supplied; empty where all from `low` on can. */
  unkept: trailing(list(counter, 1_024), []),
});
const syncWant = message(67, "sync-want", {
  from: "a member",
  to: "a neighbour that has more",
  when: "the frontiers are known",
  answer:
    "`bundle`s in order of time, at most `windowBytes` beyond what `sync-progress` confirmed, then `sync-done`",
  lane: data,
}, {
  entries: list(
    record({ author: peerKey(), incarnation: counter, after: counter }),
    1_024,
  ),
  windowBytes: uint(1_048_576),
});
const syncProgress = message(68, "sync-progress", {
  from: "the member that catches up",
  to: "the neighbour that sends",
  when: "bundles of a range were taken in",
  answer: "more of them",
  lane: control,
}, { bytes: counter });
const syncDone = message(69, "sync-done", {
  from: "either",
  to: "the other",
  when: "nothing differs, or all that was wanted is sent",
  lane: data,
}, {});

// The rest.
const proof = message(80, "proof", {
  from: "a neighbour",
  to: "a neighbour",
  when: "an author provably signed two versions of one message",
  answer: "none; passed on once",
  lane: data,
}, { proof: proofSchema });
const privateMessage = message(81, "private", {
  from: "a neighbour",
  to: "a neighbour",
  when: "a private message, or its acknowledgement, is under way",
  answer: "passed on once; an acknowledgement, from the receiver",
  lane: data,
}, { envelope: privateEnvelopeSchema });
const rotations = message(82, "rotations", {
  from: "a neighbour in a private room",
  to: "a neighbour",
  when:
    "they have become neighbours: all that are kept; later those that are new, and the current one where the other " +
    "doesn't know it",
  answer: "none; new ones are passed on once",
  lane: data,
}, {
  rotations: list(
    // The claim shows who the rotation's author is, who may have left long ago.
    record({ rotation: signedRotationSchema, claim: signedClaimSchema }),
    ROTATIONS_IN_MESSAGE_MAX,
  ),
});
const rulings = message(83, "rulings", {
  from: "a neighbour",
  to: "a neighbour",
  when:
    "they have become neighbours: all that are kept, before anything else; later those that are new",
  answer: "none; new ones are passed on once",
  lane: data,
}, { rulings: list(signedRulingSchema, RULINGS_IN_MESSAGE_MAX) });
const unknown = message(127, "unknown", {
  from: "a member",
  to: "a neighbour",
  when: "a message of a type that it doesn't know came",
  lane: control,
}, { code: uint(65_535) });

/** In the order of their codes. */
export const MESH_MESSAGES = [
  hello,
  join,
  offer,
  accept,
  welcome,
  refuse,
  renew,
  removed,
  overlayJoin,
  forwardJoin,
  neighbor,
  neighborReply,
  disconnect,
  shuffle,
  shuffleReply,
  dialBack,
  dialledBack,
  beacons,
  claims,
  statements,
  rosterWant,
  rosterSummary,
  rosterPart,
  bundle,
  preview,
  ihave,
  graft,
  prune,
  syncSummary,
  syncBuckets,
  syncFrontiers,
  syncWant,
  syncProgress,
  syncDone,
  proof,
  privateMessage,
  rotations,
  rulings,
  unknown,
] as const;

export type MeshMessage = MessageOf<typeof MESH_MESSAGES[number]>;
type Named<Name extends MeshMessage["type"]> = Extract<MeshMessage, { readonly type: Name }>;

export type AdmissionMessage = Named<
  | "hello"
  | "join"
  | "offer"
  | "accept"
  | "welcome"
  | "refuse"
  | "renew"
>;
export type ReachabilityMessage = Named<"dial-back" | "dialled-back">;
export type OverlayMessage = Named<
  | "overlay-join"
  | "forward-join"
  | "neighbor"
  | "neighbor-reply"
  | "disconnect"
  | "shuffle"
  | "shuffle-reply"
>;
export type RosterMessage = Named<
  "beacons" | "claims" | "statements" | "roster-want" | "roster-summary" | "roster-part"
>;
export type BroadcastMessage = Named<"bundle" | "preview" | "ihave" | "graft" | "prune">;
/** Why a bundle comes. */
export type BundleReason = Named<"bundle">["reason"];
export type SyncMessage = Named<
  | "sync-summary"
  | "sync-buckets"
  | "sync-frontiers"
  | "sync-want"
  | "sync-progress"
  | "sync-done"
>;
export type Refusal = typeof REFUSALS[number];

/** The queue that each type of message waits in, as its declaration says. */
export const MESSAGE_LANES = Object.fromEntries(
  MESH_MESSAGES.map(({ name, about }) => [name, about.lane]),
) as Readonly<Record<MeshMessage["type"], Queue>>;
