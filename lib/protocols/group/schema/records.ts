/** The records that a member, and the coordinator, keep on disk, in the order in which they were written. */

import { MalformedError } from "../../../base/errors.ts";
import type { Hash, PeerKey, RequestId } from "../../../base/ids.ts";
import {
  bytesOf,
  cell,
  type Column,
  count,
  hex,
  hexBytes,
  hexOf,
  hexText,
  packed,
  text,
  word,
} from "../../../base/schema/cells.ts";
import {
  columns,
  mapped,
  mark,
  optional,
  recordLog,
  type RecordOf,
  row,
} from "../../../base/schema/log_records.ts";
import {
  type Fingerprint,
  FINGERPRINT_CHARACTERS,
  fingerprintFault,
  fingerprintOf,
} from "../../../base/text/fingerprint.ts";
import { quotedStart } from "../../../base/text/text.ts";
import { ballotText, signedEpochSchema } from "./epoch.ts";
import {
  ballotCell as ballot,
  batchColumns,
  foundingColumns,
  policyCell,
  requestColumns,
} from "./batch_cells.ts";
import { ABORT_CODES } from "./edit.ts";
import { signedFormerKeysSchema } from "./former_keys.ts";
import type { Founding, Rules } from "./founding.ts";
import { GROUP_SECRET_BYTES } from "./group_secrets.ts";
import type { Placed, SignedBatch } from "./history.ts";
import { INCARNATION_BYTES, INCARNATION_START_BYTES } from "./limits.ts";

/** The next batch of the history, stable at all members. It goes into the log, a file of its own. */
export interface LogRecord {
  readonly kind: "log";
  readonly batch: SignedBatch;
  /** The entries or edits with their digests, where known: the store needn't compute them again. */
  readonly placed?: Placed;
  /** The batch was never `held` here: nothing else on this disk has it, so the log must be synced with its write. */
  readonly isFetched?: true;
}
/**
 * The log starts anew for this group, before other `log` records. A file that has anything in it is set aside first.
 */
export interface NewLogRecord {
  readonly kind: "new-log";
  readonly founding: Founding;
  /** Why the former log can't go on; null where there was none. */
  readonly because: "damaged" | "foreign" | "unlike" | "recovered" | null;
}

/** Older logs have the key itself. */
const fingerprint = cell<Fingerprint>("fingerprint", (value) => value, (text) => {
  if (text.length !== FINGERPRINT_CHARACTERS) return fingerprintOf(hexOf<PeerKey>(text));
  const fault = fingerprintFault(text);
  if (fault !== null) throw new MalformedError(`no fingerprint is ${quotedStart(text)}: ${fault}`);
  return text as Fingerprint;
});

const abortCode = word(
  Object.fromEntries(ABORT_CODES.map((code) => [code, code])),
  (text) => `no reason for an abort is ${quotedStart(text)}`,
);

const keys = cell<readonly PeerKey[]>(
  "ids, with blanks between",
  (keys) => keys.join(" "),
  (text) => text === "" ? [] : text.split(" ").map((id) => hexOf<PeerKey>(id)),
);

/** In the exact bytes that were signed. */
const epoch = packed(signedEpochSchema, {
  ballot: ({ epoch }) => ballotText(epoch.value.ballot),
  start: ({ epoch }) => String(epoch.value.start.position),
  names: ({ epoch }) => epoch.value.members.map(({ name }) => name).join(" "),
});

/** The start that incarnations have in common, and the process's own one. */
const starts: Column<readonly string[]> = {
  width: 2,
  describe: (name) => [`\`${name}\` bytes in 2 cells`],
  write: (cells, starts) => void cells.push(...starts),
  read(cells, at) {
    const starts = cells.slice(at, at + 2);
    starts.forEach((start, index) =>
      bytesOf(start, index === 0 ? INCARNATION_START_BYTES : INCARNATION_BYTES)
    );
    return starts;
  },
};

/** The store's own record: up to this point the log is certainly on the device. */
const logged = row("The log is certainly on the device up to this point.", {
  point: columns({ position: count(), digest: hex<Hash>() }),
});

/** All records of a member but those that are stored in the log. */
export const MEMBER_STATE_LOG = recordLog("group-member", 5, {
  group: row(
    "The group of all records that follow. Where the same group is repeated, what was begun and held before is lost, so that this disk has no say any more in what follows it; what was promised and said stays.",
    {
      group: hex<Hash>(),
      coordinator: hex<PeerKey>(),
      founding: foundingColumns,
      /** See `Standing.starts`; absent where that is empty, or was written for this group before. */
      starts: optional(starts),
    },
  ),
  former: row("The coordinator's former keys, as it named them last.", {
    signed: packed(signedFormerKeysSchema, { keys: ({ former }) => former.value.keys.join(" ") }),
  }),
  promised: row(
    "The member takes part in nothing under a lower ballot any more, except for what `begun` says.",
    {
      ballot,
      /** Whether it promised to be in no view, and so to take part in no round either. */
      isLeaving: mapped(
        mark("leaving"),
        (isLeaving: boolean) => isLeaving ? "leaving" : undefined,
        (leaving) => leaving !== undefined,
      ),
    },
  ),
  view: row(
    "The epoch of a view, as the coordinator signed it: before the `begun` of a round of a view that never began here.",
    { signed: epoch },
  ),
  begun: row("The epoch has begun here; what was held beyond its start is void.", {
    signed: epoch,
  }),
  recovered: row(
    "The log was set aside for another copy of it: what was begun and held is lost. What was said stays said.",
    {},
  ),
  out: row(
    "The member is in no view any more; what it holds still counts where nobody went on after that epoch.",
    {},
  ),
  held: row("The next batch in order, which begins after the position `after`.", {
    after: count(),
    batch: batchColumns,
  }),
  dropped: row(
    "What was held beyond `position` is void. If `givenUp` is there, so are the texts, up to that counter, of the process whose epoch began last: they aren't said again, as the log that had them is given up.",
    { position: count(), givenUp: optional(count()) },
  ),
  levelling: row(
    "Like `dropped`, but the `held` records that follow, up to `levelled`, replace what was held. If `levelled` is missing, they are void instead, and what was held stays.",
    { position: count() },
  ),
  levelled: row("What is held is what all participants of this ballot were brought to.", {
    ballot,
  }),
  said: row(
    "A batch signed here; until it is in the log, it is sent again in each epoch. What an earlier process said and isn't in the history is said again under a new incarnation: those records come before the `begun` of the new process's first epoch, and once that is written they replace all earlier ones. Incarnation 0 marks a draft: typed before the process was in an epoch, and sent to nobody.",
    { batch: batchColumns },
  ),
  prepared: row("We agreed to the edit: from now on, only the coordinator decides on it.", {
    edit: count(),
    /** The view in which we agreed; what we said holds in later ones, too. */
    view: count(),
    /** Whether our user was asked. */
    isConsented: word({ consented: true, unasked: false }, () => "who was asked is missing"),
    signed: requestColumns,
  }),
  asked: row(
    "Our user asked for the edit, and was told its number: so it is told the outcome, too.",
    { edit: count(), signed: requestColumns },
  ),
  settled: row("The edit is settled: it is in the log, or aborted, and our user was told.", {
    id: hex<RequestId>(),
  }),
  logged,
});

export type LoggedRecord = RecordOf<typeof MEMBER_STATE_LOG, "logged">;
export type GroupRecord = RecordOf<typeof MEMBER_STATE_LOG, "group">;
export type SaidRecord = RecordOf<typeof MEMBER_STATE_LOG, "said">;
export type PreparedRecord = RecordOf<typeof MEMBER_STATE_LOG, "prepared">;
export type AskedRecord = RecordOf<typeof MEMBER_STATE_LOG, "asked">;
/** A member's records in its state file, without the store's own. */
export type MemberState = Exclude<RecordOf<typeof MEMBER_STATE_LOG>, LoggedRecord>;
export type MemberRecord = LogRecord | NewLogRecord | MemberState;

/** All records of the coordinator but those that are stored in the log. */
export const COORDINATOR_STATE_LOG = recordLog("group-coordinator", 6, {
  fresh: row(
    "A group may be founded: the key is new, so nobody can have heard of a group of its, or the operator said so.",
    {},
  ),
  group: row("The group that was founded at the first start.", {
    group: hex<Hash>(),
    founding: foundingColumns,
  }),
  rules: row("The rules that were decided last; none: not known, so that they are set again.", {
    rules: mapped(
      optional(policyCell),
      (rules: Rules | null) => rules?.edits,
      (edits) => edits === undefined ? null : { edits },
    ),
  }),
  key: row("The coordinator's key from now on; earlier ones are its former keys.", {
    key: hex<PeerKey>(),
  }),
  number: row("Ballots up to this number have been used.", { number: count() }),
  decided: row("An epoch that is decided; nobody is told before this is synced.", {
    signed: epoch,
  }),
  confirmed: row("The epoch with this ballot has begun at all its members.", { ballot }),
  member: row("Was in a view of this group: in a compacted log, which has but the last views.", {
    key: hex<PeerKey>(),
  }),
  lost: row(
    "The coordinator found this disk to be lost, or an old copy: it decides nothing before `recounted`. It is repeated with what members prove until then: a later view, and how its group was founded.",
    { told: optional(columns({ founding: foundingColumns, signed: epoch })) },
  ),
  recounted: row(
    "After `lost`: the newest view that members know of. It replaces all before, and the next view needs all its members that have a say.",
    { signed: epoch },
  ),
  kicked: row("A member, or a former one, that stays out until it is allowed.", {
    name: text(),
    key: fingerprint,
    /** It signed two different batches as one; absent where the operator removed it. */
    because: mark("equivocated"),
  }),
  allowed: row("A member that was kept out may come in again.", { key: fingerprint }),
  secret: row(
    "Of a private group: from now on this secret admits newcomers; nobody is told before this is synced.",
    { secret: columns({ epoch: count(), secret: hexBytes(GROUP_SECRET_BYTES) }) },
  ),
  edits: row("Edits up to this number may have been accepted.", { number: count() }),
  committed: row(
    "The next edits, decided and signed, not known to be in order yet; nobody is told before this is synced.",
    { batch: batchColumns },
  ),
  applied: row("Those edits, and all before them, are in the logs of all members of a view.", {
    /** Incarnation of the coordinator's process that decided them, in hexadecimal. */
    incarnation: hexText(INCARNATION_BYTES),
    /** Counter of the last edit. */
    counter: count(),
  }),
  aborted: row("An aborted edit, kept to answer members that ask for its outcome.", {
    edit: count(),
    reason: columns({ code: abortCode, who: keys, said: text() }),
    id: hex<RequestId>(),
  }),
  "given-up": row("The operator gave up everything that only members of this view had.", {
    ballot,
  }),
  logged,
  pinned: row("In an engine alone: from now on the member with that name has that key.", {
    name: text(),
    key: fingerprint,
  }),
});

export type PinnedRecord = RecordOf<typeof COORDINATOR_STATE_LOG, "pinned">;
/** The coordinator's records in its state file, without the store's own. */
export type CoordinatorState = Exclude<RecordOf<typeof COORDINATOR_STATE_LOG>, LoggedRecord>;
export type CoordinatorRecord = LogRecord | NewLogRecord | CoordinatorState;
