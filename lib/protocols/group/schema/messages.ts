/**
 * Every message of a group: between a member and the coordinator (over TCP) and between two members (over
 * datagrams, all in one lane: what one says arrives in the order in which it was said).
 */

import { presenceFields } from "../../../base/machine/user_presence.ts";
import type { Hash, RequestId } from "../../../base/ids.ts";
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
  personName,
  record,
  text,
  trailing,
  uint,
} from "../../../base/schema/schema.ts";
import {
  ballotSchema,
  endpointSchema,
  memberSchema,
  RECORDED_VIEW_BYTES_MAX,
  signedEpochSchema,
} from "./epoch.ts";
import { abortReasonSchema, signedEditRequestSchema } from "./edit.ts";
import { LEFT_REASONS } from "./events.ts";
import { signedFormerKeysSchema } from "./former_keys.ts";
import { foundingSchema } from "./founding.ts";
import { entryOriginSchema, historyPointSchema, signedBatchSchema } from "./history.ts";
import { groupSecretSchema } from "./group_secrets.ts";
import { arrivalSchema, attemptSchema, entryPointSchema, memberStateSchema } from "./cut.ts";
import {
  ATTENDEES_MAX,
  BATCH_BYTES_MAX,
  EDIT_REASON_BYTES_MAX,
  EDITS_MAX,
  HISTORY_BATCHES_MAX,
  HISTORY_BYTES_MAX,
  INCARNATION_BYTES,
  INSTANCES_MAX,
  LOCKS_MAX,
  MEMBERS_MAX,
  NAME_BYTES_MAX,
  ORDER_RUNS_MAX,
  RELAY_NUMBER_MAX,
  STATE_ARRIVALS_MAX,
  STATE_POINTS_MAX,
  TOLD_ENTRIES_MAX,
} from "./limits.ts";

const counter = uint(Number.MAX_SAFE_INTEGER);
/** How somebody's datagrams come and go, as the coordinator sees it. */
const pathSchema = record({
  key: peerKey(),
  /** By which the coordinator is told for whom a datagram is that it relays. */
  number: uint(RELAY_NUMBER_MAX),
  /** The address as seen from outside, where that isn't the one in `members`: it may be a router's. */
  seen: nullable(endpointSchema),
});
export type MemberPath = Infer<typeof pathSchema>;
const lane = "data";

/** Codes of a refusal, the same words as the user's error codes. */
const GROUP_REFUSALS = [
  "name-taken",
  "key-changed",
  "kicked",
  "full",
  "disk",
  "protocol",
  "bad-name",
  "too-fast",
  "replaced",
] as const;
export type GroupRefusal = typeof GROUP_REFUSALS[number];

/** Codes of an edit that isn't accepted, the same words as the user's error codes. */
const EDIT_REFUSALS = ["entry-locked", "no-such-entry", "full", "not-allowed"] as const;
export type EditRefusal = typeof EDIT_REFUSALS[number];

/** Why a member is in no view any more. */
const PARTINGS = ["left", "silent", "kicked", "replaced"] as const;
export type Parting = typeof PARTINGS[number];

/** Reason with which a coordinator closes its links when its operator ends it. */
export const COORDINATOR_GOODBYE = "the coordinator was stopped";

/** Reason for closing the link of somebody who came with an invite that is void by now. */
export const VOID_INVITE = "bad-credentials";

/** What a member's program says to the others when it ends because its user leaves. */
export const MEMBER_GOODBYE = "left";

const hello = message(1, "hello", {
  from: "a member",
  to: "the coordinator",
  when: "the link is up",
  answer: "`welcome` or `refuse`",
  lane,
}, {
  name: text(NAME_BYTES_MAX),
  /** Incarnation of the member's process. */
  incarnation: fixedBytes(INCARNATION_BYTES),
  /** Where the member receives datagrams; null: at the address that the coordinator sees. */
  host: nullable(text(255)),
  port: uint(65_535),
  /** The group whose log the member has; null where it has none. */
  group: nullable(hexId<Hash>()),
  /** The last epoch that has begun for the member, and the highest ballot that it has reported for. */
  begun: ballotSchema,
  promised: ballotSchema,
});
const refuse = message(2, "refuse", {
  from: "the coordinator",
  to: "a member",
  when: "it can't come in; the link is closed after it",
  lane,
}, { code: oneOf(GROUP_REFUSALS), text: text(1_024) });
const welcome = message(3, "welcome", {
  from: "the coordinator",
  to: "a member",
  when:
    "a `hello` came; again when its `isMember` or `awaited` has changed, and to a new sequencer for `told`",
  answer: "none; a newcomer meets the `peers`, and waits for `catch-up`",
  lane,
}, {
  group: hexId<Hash>(),
  /** How the group was founded: its id is the digest of this. */
  founding: foundingSchema,
  /** Whether the member has a say in the next view: this process of it, or an earlier one, is in the present view. */
  isMember: bool(),
  /** The coordinator knows the entries up to this position: the sequencer reports those after it. */
  told: counter,
  /**
   * Names of the members that the newcomer waits for, where nobody is there whose history could go on. If they are
   * too many, as they were in several views, the latest view's come first; the coordinator's `/status` has all.
   */
  awaited: list(personName(NAME_BYTES_MAX), MEMBERS_MAX),
  /** The coordinator's former keys; null where it knows of none. */
  former: trailing(nullable(signedFormerKeysSchema), null),
});
const peers = message(4, "peers", {
  from: "the coordinator",
  to: "members and newcomers",
  when:
    "after `welcome`, and when there is a new member to connect to, or one whose address has changed, or a newcomer begins to join or joins no more, or a change of the view begins for a member that is behind",
  answer: "none; each meets each, and says in `heard` whom it shows as joining",
  lane,
}, {
  /** Members of the present view, then newcomers. */
  members: list(memberSchema, ATTENDEES_MAX),
  /**
   * The newcomers that are about to be sent the log, once every member has shown them; during a change of the view also
   * members that haven't begun the present one. Nobody else outside a view is sent what was said.
   */
  joining: list(peerKey(), ATTENDEES_MAX),
  /** Those of them that exchange datagrams with the coordinator. */
  paths: trailing(list(pathSchema, ATTENDEES_MAX), []),
});
const probe = message(5, "probe", {
  from: "the coordinator",
  to: "members and newcomers",
  when: "every 500 ms",
  answer: "`alive`",
  lane,
}, {});
const alive = message(6, "alive", {
  from: "members and newcomers",
  to: "the coordinator",
  when: "a `probe` came",
  lane,
}, {
  end: historyPointSchema,
  /** Number of the last entry there. */
  seq: counter,
});
const heard = message(7, "heard", {
  from: "members and newcomers",
  to: "the coordinator",
  when: "after `welcome`, and when it changes",
  answer: "none; of two members that don't hear each other, one must go",
  lane,
}, {
  /** Those with which the sender exchanges datagrams at present. */
  peers: list(peerKey(), ATTENDEES_MAX),
  /** Of a newcomer: whether it has nearly all of the log. */
  isCaughtUp: bool(),
  /** The newcomers that the sender shows as joining. */
  joining: list(peerKey(), ATTENDEES_MAX),
  /** Members that said to the sender that they leave, and haven't come again. */
  left: trailing(list(peerKey(), MEMBERS_MAX), []),
});
const catchUp = message(8, "catch-up", {
  from: "the coordinator",
  to: "a newcomer",
  when:
    "it hears a member that has the log, and the members show that it joins; again when that one sends nothing",
  answer: "`fetch` to that one; `heard` in the end",
  lane,
}, {
  /** Null: the coordinator, which keeps the log while nobody is in the group. */
  source: nullable(peerKey()),
  /**
   * Others that can say whether a log is the group's: some of those that have a say in the next view, and no
   * newcomer.
   */
  others: list(peerKey(), MEMBERS_MAX),
});
const flush = message(9, "flush", {
  from: "the coordinator, or the view's sequencer where that is down",
  to: "all that have a say in the next epoch",
  when: "another epoch is to begin",
  answer: "`report`, or `outdone`",
  lane,
}, {
  ballot: ballotSchema,
  /** In round 0: the number of the new view. Otherwise the view that goes on. */
  view: counter,
  /** Whether the receiver will be in no view: it takes part in no round after this. */
  isLeaving: bool(),
});
const report = message(10, "report", {
  from: "a receiver of `flush`",
  to: "its leader",
  when: "nothing is acknowledged or shown any more under lower ballots: that is on disk",
  answer: "`level`",
  lane,
}, {
  ballot: ballotSchema,
  begun: ballotSchema,
  /** Under which ballot its history was last brought to one level with others'; `begun` or higher. */
  levelled: ballotSchema,
  incarnation: fixedBytes(INCARNATION_BYTES),
  /** Everything that the sender holds on disk in order, shown or not; and the part of it that is in its log. */
  held: historyPointSchema,
  log: historyPointSchema,
});
const outdone = message(11, "outdone", {
  from: "a receiver of `flush`",
  to: "its leader",
  when: "it has reported for a higher ballot",
  answer: "another `flush`, under a higher one",
  lane,
}, { ballot: ballotSchema, promised: ballotSchema });
const level = message(12, "level", {
  from: "the leader",
  to: "all that have reported",
  when: "all have",
  answer: "`ready` when all up to there is on disk",
  lane,
}, {
  ballot: ballotSchema,
  /**
   * The highest ballot that a participant was levelled under: what others hold under lower ones, and isn't in the
   * log, is void.
   */
  best: ballotSchema,
  start: historyPointSchema,
  /** Who has everything up to there; null: the coordinator. */
  source: nullable(peerKey()),
});
const ready = message(13, "ready", {
  from: "a receiver of `level`",
  to: "the leader",
  when: "all up to there is on disk",
  answer: "`begin` when all are ready",
  lane,
}, { ballot: ballotSchema });
const begin = message(14, "begin", {
  from: "the leader, and each member that has begun it",
  to: "members of the epoch, and those of the one before",
  when: "it is decided, and on disk; before anything else is said in it",
  answer: "`begun`, to the coordinator",
  lane,
}, { signed: signedEpochSchema });
const begun = message(15, "begun", {
  from: "a member",
  to: "the coordinator",
  when: "the epoch has begun for it",
  lane,
}, { ballot: ballotSchema });
const leave = message(16, "leave", {
  from: "a member",
  to: "the coordinator",
  when: "its user leaves, and all it said is an entry",
  answer: "`flush`, and `parted` in the end",
  lane,
}, {});
const parted = message(17, "parted", {
  from: "the coordinator",
  to: "a member that is in no view any more",
  when: "the view without it is decided",
  answer: "none; a member removed as `silent` says `hello` again after a pause",
  lane,
}, { why: oneOf(PARTINGS), pauseMs: uint(60_000) });
const fetch = message(18, "fetch", {
  from: "a process that lacks history",
  to: "a member that has it, or the coordinator",
  when:
    "`catch-up` or `level` says so, and when the history of the `fetch` before has come (at a newcomer: is on disk)",
  answer: "`history` up to 1 MiB, or `unlike`",
  lane,
}, {
  /** The sender has the history up to here. */
  after: historyPointSchema,
  /** The position up to which history is wanted. */
  through: counter,
});
const history = message(19, "history", {
  from: "the receiver of a `fetch`",
  to: "its sender",
  when: "a `fetch` came",
  lane,
}, {
  /** Position before the first of these batches. */
  after: counter,
  batches: list(
    signedBatchSchema,
    HISTORY_BATCHES_MAX,
    HISTORY_BYTES_MAX + BATCH_BYTES_MAX + RECORDED_VIEW_BYTES_MAX + 256,
  ),
  /** Whether this ends the answer to a `fetch`. */
  isLast: bool(),
  /** Where the sender's log ends at this time: everything up to there is stable. */
  stable: counter,
});
const unlike = message(20, "unlike", {
  from: "the receiver of a `fetch`",
  to: "its sender",
  when: "its history has another digest at that position, or ends before it",
  answer: "none; a newcomer sets its log aside and begins anew if all members that it hears say so",
  lane,
}, { after: historyPointSchema });
const entries = message(21, "entries", {
  from: "the sequencer",
  to: "the coordinator",
  when: "they are in its log",
  lane,
}, {
  /** The message has all entries at positions after the first of these, up to the second. */
  after: counter,
  through: counter,
  /** Number of the first entry. */
  seq: counter,
  entries: list(
    record({ id: fixedBytes(32), author: peerKey(), name: personName(NAME_BYTES_MAX) }),
    TOLD_ENTRIES_MAX,
  ),
});
const data = message(22, "data", {
  from: "a member",
  to: "all other members",
  when: "its user sends texts, and again in each epoch until they are entries",
  answer: "`order`, from the sequencer",
  lane,
}, { signed: signedBatchSchema });
const order = message(23, "order", {
  from: "the sequencer",
  to: "all other members",
  when: "batches came to it",
  answer: "`ack` when they are on disk, with all before them",
  lane,
}, {
  ballot: ballotSchema,
  /** Position before the first of these batches. */
  after: counter,
  /** The next so many batches of the member at that place in the epoch. */
  runs: list(
    record({ member: uint(MEMBERS_MAX), batches: uint(ORDER_RUNS_MAX) }),
    ORDER_RUNS_MAX,
  ),
});
const ack = message(24, "ack", {
  from: "a member",
  to: "all other members",
  when: "all up to there is on its disk, with its number",
  answer: "none; entries that all members have are shown",
  lane,
}, { ballot: ballotSchema, held: historyPointSchema });
const returned = message(25, "returned", {
  from: "a member that was started again",
  to: "all other members of its last epoch",
  when: "they meet, and it hasn't heard of the coordinator",
  answer: "`flush` from the sequencer, where that hasn't either",
  lane,
}, { begun: ballotSchema });
const unknown = message(26, "unknown", {
  from: "any receiver",
  to: "the sender of that message",
  when: "a message of a type that it doesn't know came",
  lane,
}, { code: uint(16_383) });
const departed = message(40, "departed", {
  from: "the coordinator",
  to: "the members of the next view",
  when: "a member of the view before isn't in it; before `begin`",
  answer: "none; users are told why",
  lane,
}, { left: list(record({ key: peerKey(), reason: oneOf(LEFT_REASONS) }), MEMBERS_MAX) });

const edit = message(41, "edit", {
  from: "a member",
  to: "the coordinator",
  when: "its user wants an entry to read otherwise, and again on each link until that is answered",
  answer: "`edit-accepted` or `edit-refused`",
  lane,
}, { signed: signedEditRequestSchema });
const editAccepted = message(42, "edit-accepted", {
  from: "the coordinator",
  to: "the member that asked for the edit",
  when: "no other edit of that entry is under way",
  answer: "none; in the end it is in the history, or `aborted`",
  lane,
}, {
  id: hexId<RequestId>(),
  edit: counter,
  /** How long users may take to vote, ms. */
  voteMs: counter,
});
const editRefused = message(43, "edit-refused", {
  from: "the coordinator",
  to: "the member that asked for the edit",
  when: "it isn't accepted: nothing is locked",
  lane,
}, { id: hexId<RequestId>(), code: oneOf(EDIT_REFUSALS), text: text(1_024) });
const prepare = message(44, "prepare", {
  from: "the coordinator",
  to: "the members of the view",
  when: "an edit was accepted, and again to members that come back while it isn't decided",
  answer: "`vote`",
  lane,
}, {
  edit: counter,
  /** The view whose members vote on it. */
  view: counter,
  signed: signedEditRequestSchema,
  /** Time left to vote, ms. */
  voteMs: counter,
});
const vote = message(45, "vote", {
  from: "a member",
  to: "the coordinator",
  when:
    "its entry is locked and, where it agrees, that is on disk; once its user, if asked, has answered",
  answer: "`committed` or `aborted`",
  lane,
}, {
  id: hexId<RequestId>(),
  /** Number of the edit: a request that is accepted again is voted on anew. */
  edit: counter,
  view: counter,
  agrees: bool(),
  /** Where it agrees: where the entry comes from, as its log has it; that has the id which the request names. */
  origin: nullable(entryOriginSchema),
  /** Where its user was asked, and agreed: its signature over that, see `consents.ts`. */
  consent: nullable(fixedBytes(64)),
  /** Why the member refuses; part of a sentence, empty where its user says no. */
  reason: text(EDIT_REASON_BYTES_MAX),
});
const committed = message(46, "committed", {
  from: "the coordinator, or a member that knows while it is away",
  to: "the members of the view, or its sequencer",
  when: "all have agreed and it is on disk, and again in each view until it is in all logs",
  answer: "`applied`, to the coordinator",
  lane,
}, { signed: signedBatchSchema });
const aborted = message(47, "aborted", {
  from:
    "the coordinator; while it is away a member that hasn't voted, to the requester, which then tells it to all",
  to: "members that have voted or inquired",
  when: "it will never be committed: that is on disk",
  lane,
}, {
  id: hexId<RequestId>(),
  /** Number of the edit, or the one that was inquired about; 0 where the coordinator doesn't know the edit any more. */
  edit: counter,
  reason: abortReasonSchema,
});
const applied = message(48, "applied", {
  from: "a member",
  to: "the coordinator",
  when: "edits are in its log: with the next `state`, or at once where others may wait for that",
  lane,
}, {
  /** Incarnation of the coordinator's process that decided them. */
  incarnation: fixedBytes(INCARNATION_BYTES),
  /** Counter of the last edit. */
  through: counter,
});
const inquire = message(49, "inquire", {
  from: "a member that has agreed, or whose user asked",
  to: "the coordinator; while that is away, other members",
  when: "a view has begun, the coordinator is back, and every few seconds",
  answer: "`committed`, `aborted`, or nothing while it isn't decided",
  lane,
}, {
  edits: list(
    record({
      id: hexId<RequestId>(),
      edit: counter,
      /** Number of the entry. */
      seq: counter,
      /**
       * Where its requester asks another member: the view that votes on it, in which that one may refuse it. Otherwise
       * 0: the answer is the decision, where it is known.
       */
      view: counter,
    }),
    EDITS_MAX,
  ),
});

const state = message(51, "state", {
  from: "members and newcomers",
  to: "the coordinator",
  when: "after `welcome`, and when the log or a lock has changed; once in 100 ms at most",
  lane,
}, {
  /** Ballot of the sender's epoch; 0 while it is in none. */
  ballot: ballotSchema,
  end: entryPointSchema,
  /** Its wall clock, ms since 1970; for display alone. */
  at: counter,
  /** Numbers of the entries that wait for an edit to be decided. */
  locks: list(counter, LOCKS_MAX),
  /** Ends of batches since the last report, chosen by the rule that all members share. */
  points: list(entryPointSchema, STATE_POINTS_MAX),
  /**
   * Number of the last entry at the last report; `arrivals` says, in order, when later entries came, several at a
   * time.
   */
  after: counter,
  arrivals: list(arrivalSchema, STATE_ARRIVALS_MAX),
});
const marker = message(54, "marker", {
  from: "the coordinator, and each member on its first one",
  to: "all members; members to the coordinator, too",
  when: "a snapshot is taken: its sender has recorded itself, and said nothing since",
  answer: "`recorded`, to the coordinator, when one has come from everybody",
  lane,
}, { attempt: attemptSchema, ballot: ballotSchema });
const recorded = message(55, "recorded", {
  from: "a member",
  to: "the coordinator",
  when: "a `marker` has come from everybody",
  lane,
}, { attempt: attemptSchema, state: memberStateSchema });
const snapshotOver = message(56, "snapshot-over", {
  from: "the coordinator, or a member",
  to: "the members; the coordinator",
  when: "the snapshot can't be taken: its epoch, a process or a link is over, or it takes too long",
  answer: "none; the coordinator begins another one",
  lane,
}, { attempt: attemptSchema });

const recount = message(58, "recount", {
  from: "the coordinator",
  to: "a sender of `hello`",
  when: "its disk is lost or old, or may be; again when the members that it waits for change",
  answer: "`account`; `welcome` when it knows the group's past",
  lane,
}, {
  /** Whether the coordinator doesn't know its group; otherwise it only makes sure. */
  isLost: bool(),
  /** Names of members of the newest view that the coordinator has heard of, whose accounts it lacks. */
  awaited: list(personName(NAME_BYTES_MAX), MEMBERS_MAX),
});
const account = message(59, "account", {
  from: "a receiver of `recount`",
  to: "the coordinator",
  when: "at once, from its disk",
  lane,
}, {
  group: nullable(hexId<Hash>()),
  /** How that group was founded; null like `group`. */
  founding: nullable(foundingSchema),
  /** The last epoch that has begun for the member. */
  epoch: nullable(signedEpochSchema),
  /** If that is a round: the epoch of its view, which the coordinator signed. */
  view: nullable(signedEpochSchema),
  promised: ballotSchema,
  /** Whether what the member held in that epoch is lost. */
  isLost: bool(),
  /** Whether the member was told that it is in no view any more. */
  isOut: bool(),
  /** The highest number of an edit that the member knows. */
  edit: counter,
  /** The coordinator's former keys, as the coordinator signed them; null where it named none. */
  former: trailing(nullable(signedFormerKeysSchema), null),
});
const recover = message(60, "recover", {
  from: "the coordinator",
  to: "a member that is in no view any more",
  when: "its operator says so, and a view without it has begun",
  answer: "none; it sets its log aside, and waits for `catch-up` as a newcomer",
  lane,
}, {});
const fetched = message(61, "fetched", {
  from: "a member",
  to: "the coordinator",
  when: "an epoch has begun for it, and it had caught up before; after `begun`",
  lane,
}, {
  /** How many entries were sent to the member. */
  entries: counter,
});

const contest = message(62, "contest", {
  from: "a member",
  to: "another one",
  when: "the other's `ack`, or its `contest`, differs from the history here",
  answer:
    "`contest`, once in an epoch; `equivocated`, to the coordinator, where the two prove that",
  lane,
}, {
  ballot: ballotSchema,
  /** Position before `signed`; each side sends what it holds from the last position where both had the same. */
  after: counter,
  signed: signedBatchSchema,
});
const equivocated = message(63, "equivocated", {
  from: "a member, or the coordinator",
  to: "the coordinator; all members and newcomers",
  when:
    "one author has signed both versions; the coordinator keeps the author out, and that is on disk",
  answer: "from the coordinator, the same, then a view without the author",
  lane,
}, { one: signedBatchSchema, other: signedBatchSchema });

const secret = message(64, "secret", {
  from: "the coordinator of a private group",
  to: "a member, or a newcomer with the present invite",
  when: "after `welcome`, and when there is another secret, which is on disk",
  lane,
}, { secret: groupSecretSchema });

const impossible = message(65, "impossible", {
  from: "a member",
  to: "the coordinator",
  when: "a decision came that its log rules out",
  answer: "`aborted`, once all members of a view have said so",
  lane,
}, {
  /** Incarnation of the coordinator's process that decided it. */
  incarnation: fixedBytes(INCARNATION_BYTES),
  /** Counter of the last edit. */
  through: counter,
});

const instances = message(67, "instances", {
  from: "the coordinator",
  to: "a member",
  when:
    "after `welcome`, where the coordinator runs as several programs; again when another one has begun",
  answer: "none; the member dials them where this one can't be",
  lane,
}, {
  /** Where they listen, this one among them. */
  addresses: list(endpointSchema, INSTANCES_MAX),
});
const elsewhere = message(66, "elsewhere", {
  from: "a coordinator that stands by",
  to: "a sender of `hello`",
  when: "another instance of the coordinator leads the group; the link is closed after it",
  answer: "none; the member dials that one",
  lane,
}, {
  /** Where the one that leads listens; null: none leads at present, or it isn't known. */
  leader: nullable(endpointSchema),
});

const presence = message(68, "presence", {
  from: "a member",
  to: "the other members of its view",
  when:
    "its user says something else of itself, after a few at once once in 10 s; and to whom it meets after that",
  lane,
}, { ...presenceFields });

const datagramKeys = message(69, "datagram-keys", {
  from: "the coordinator",
  to: "a member or newcomer",
  when: "after the first `welcome` on a link, where the coordinator takes datagrams at its port",
  answer: "`here`, in a datagram",
  lane,
}, {
  /** Number of these datagrams, in both directions, and the keys for what the coordinator and what the member sends. */
  index: uint(0xffff_ffff),
  toMember: fixedBytes(32),
  toCoordinator: fixedBytes(32),
});

export const GROUP_MESSAGES = [
  hello,
  refuse,
  welcome,
  peers,
  probe,
  alive,
  heard,
  catchUp,
  flush,
  report,
  outdone,
  level,
  ready,
  begin,
  begun,
  leave,
  parted,
  fetch,
  history,
  unlike,
  entries,
  data,
  order,
  ack,
  returned,
  unknown,
  departed,
  edit,
  editAccepted,
  editRefused,
  prepare,
  vote,
  committed,
  aborted,
  applied,
  inquire,
  state,
  marker,
  recorded,
  snapshotOver,
  recount,
  account,
  recover,
  fetched,
  contest,
  equivocated,
  secret,
  impossible,
  elsewhere,
  instances,
  presence,
  datagramKeys,
] as const;

export type GroupMessage = MessageOf<typeof GROUP_MESSAGES[number]>;
/** One kind of message. */
export type GroupMessageOf<Type extends GroupMessage["type"]> = Extract<
  GroupMessage,
  { readonly type: Type }
>;

/**
 * Messages with what was said in the group, or part of it. They go only to those who are listed: see `listed.ts`, and
 * `isListed` at the coordinator.
 */
const CONTENT: ReadonlySet<GroupMessage["type"]> = new Set([
  "history",
  "data",
  "prepare",
  "committed",
  "contest",
  "equivocated",
  "presence",
]);

export function isContent({ type }: GroupMessage): boolean {
  return CONTENT.has(type);
}
