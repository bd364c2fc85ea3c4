/** The records that a client keeps on disk of broadcasts, in the order in which they were written. */

import type { FoldedName } from "../../../base/ids.ts";
import { checkedText, count, hexText, text, time, word } from "../../../base/schema/cells.ts";
import {
  type InferColumns,
  optional,
  recordLog,
  type RecordOf,
  row,
} from "../../../base/schema/log_records.ts";
import { type Fingerprint, fingerprintFault } from "../../../base/text/fingerprint.ts";
import { foldName } from "../../../base/text/names.ts";
import { quotedStart } from "../../../base/text/text.ts";
import { STORE_ID_BYTES } from "./limits.ts";

/** With two characters, a liar who makes keys until they begin as another's does mutes one stranger in 1,024. */
export const FORGOTTEN_START = 2;

const folded = () =>
  checkedText<FoldedName>(
    "folded name",
    (text) =>
      text !== "" && foldName(text) === text ? null : `no folded name is ${quotedStart(text)}`,
  );

const fingerprint = () =>
  checkedText<Fingerprint>("fingerprint", (text) => {
    const fault = fingerprintFault(text);
    return fault === null ? null : `no fingerprint is ${quotedStart(text)}: ${fault}`;
  });

/** Up to which broadcast something was stored or shown, in the numbering of the store. */
const PLACE = {
  as: folded(),
  /** The directory's store, in hexadecimal. */
  store: hexText(STORE_ID_BYTES),
  number: count(),
};

/** Columns of what a speaker has said, as it has signed it. */
const SPOKE = {
  /** The speaker's wall clock, ms since 1970. */
  sentAt: time(),
  /** The name as it is shown: with `~` and the start of the key where that isn't the name's. */
  from: text(),
  as: folded(),
  key: fingerprint(),
  /** The speaker's own number. */
  own: count(),
  directory: fingerprint(),
  /** Whether the speaker is never forgotten: its key was pinned for the name, or its clock is far ahead of ours. */
  isLasting: word(
    { lasting: true, passing: false },
    (text) => `no speaker is ${quotedStart(text)}`,
  ),
};

export const CLIENT_LOG = recordLog("registry", 3, {
  heard: row(
    "A broadcast was stored for good: the directory is told after this. With `--no-history` the text is empty.",
    {
      sentAt: SPOKE.sentAt,
      from: SPOKE.from,
      text: text(),
      ...PLACE,
      key: SPOKE.key,
      own: SPOKE.own,
      directory: SPOKE.directory,
      isLasting: SPOKE.isLasting,
      guest: optional(word({ guest: true }, (text) => `no sender is ${quotedStart(text)}`)),
    },
  ),
  through: row(
    "All up to here were stored; in a compacted log, this replaces those that aren't kept.",
    PLACE,
  ),
  spoke: row(
    "In a compacted log: the highest own number that was heard of this speaker, and the latest time.",
    SPOKE,
  ),
  forgotten: row(
    "In a compacted log: speakers that aren't told apart any more, those whose fingerprints begin with `start`.",
    {
      /** What one of them says that isn't later may have been said before. */
      sentAt: time(),
      /** `FORGOTTEN_START` characters. */
      start: checkedText<string>(
        `${FORGOTTEN_START} characters`,
        (text) =>
          text.length === FORGOTTEN_START && /^[a-z2-7]+$/.test(text)
            ? null
            : `no fingerprint starts with ${quotedStart(text)}`,
      ),
      as: folded(),
      directory: fingerprint(),
    },
  ),
  said: row("The own number of our last broadcast.", { own: count() }),
  shown: row("This one and all that were stored before it have been shown.", PLACE),
});

export type ClientRecord = RecordOf<typeof CLIENT_LOG>;
export type HeardPlace = InferColumns<typeof PLACE>;
/** The receiver of a broadcast: one device may come in to several accounts, and each gets every broadcast once. */
export type Listener = Pick<HeardPlace, "store" | "as">;
/** What a speaker has said last. */
export type Spoke = InferColumns<typeof SPOKE>;
/** Whose broadcasts they are, to which receiver, at which directory. */
export type Speaker = Pick<Spoke, "directory" | "as" | "key" | "from">;
/** A broadcast that was received. */
export type Heard = Omit<RecordOf<typeof CLIENT_LOG, "heard">, "kind">;
/** Speakers that aren't told apart any more. */
export type Forgotten = Omit<RecordOf<typeof CLIENT_LOG, "forgotten">, "kind">;

/** What a client keeps on disk that is to keep nothing said: that it heard something, so that it takes it once. */
function withoutWords(record: ClientRecord): ClientRecord {
  return record.kind === "heard" ? { ...record, text: "" } : record;
}

/** A compacted log of such a client: of what was said, that alone which was there at the start. */
function withEarlierWords(
  all: Iterable<ClientRecord>,
  earlier: readonly ClientRecord[],
): readonly ClientRecord[] {
  const placeOf = ({ store, as, number }: HeardPlace) => `${store} ${number} ${as}`;
  const there = new Set(
    earlier.flatMap((record) => record.kind === "heard" ? [placeOf(record)] : []),
  );
  return [...all].map((record) =>
    record.kind === "heard" && there.has(placeOf(record)) ? record : withoutWords(record)
  );
}

/** What a client leaves on a disk on which nothing that is said is to be. */
export const FORGETTING_CLIENT = { withoutWords, withEarlierWords };
