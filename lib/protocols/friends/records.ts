/** The records that a friend keeps on disk, in the order in which they were written. */

import type { PeerKey } from "../../base/ids.ts";
import { checkedText, count, hex, text, time } from "../../base/schema/cells.ts";
import { columns, nullable, recordLog, type RecordOf, row } from "../../base/schema/log_records.ts";
import { quotedStart } from "../../base/text/text.ts";
import { isSamePosition, type Position } from "./positions.ts";

/** Identifies a received message. Not by its id: a friend's program may use one twice. */
export interface ReceivedPlace {
  readonly key: PeerKey;
  readonly position: Position;
}

const position = () => columns({ epoch: count(), number: count() });

const messageId = () =>
  checkedText<string>(
    "16 bytes",
    (text) => /^[0-9a-f]{32}$/.test(text) ? null : `no message's id is ${quotedStart(text)}`,
  );

export const FRIENDS_LOG = recordLog("friends", 1, {
  queued: row("A message was typed, and must be delivered.", {
    sentAt: time(),
    to: text(),
    text: text(),
    id: messageId(),
    /** Null where it couldn't go out yet. */
    position: nullable(position()),
  }),
  released: row(
    "A link to the friend came up: messages queued before without a position get positions from here on, in their order.",
    { to: text(), from: position() },
  ),
  delivered: row("The friend has stored everything up to here.", {
    to: text(),
    through: position(),
  }),
  unsent: row("A message was taken back before it went out.", { to: text(), id: messageId() }),
  received: row("A message was stored for good: the sender is told after this.", {
    sentAt: time(),
    from: text(),
    text: text(),
    id: messageId(),
    position: position(),
    key: hex<PeerKey>(),
  }),
  skipped: row("The sender no longer has the messages up to here.", {
    key: hex<PeerKey>(),
    through: position(),
  }),
  shown: row("This one and all that were received before it have been shown.", {
    key: hex<PeerKey>(),
    through: position(),
  }),
});

export type FriendsRecord = RecordOf<typeof FRIENDS_LOG>;

/** What a friend keeps on disk that is to keep nothing said: up to where both have everything. */
function withoutWords(record: FriendsRecord): FriendsRecord | null {
  switch (record.kind) {
    case "queued":
      return null;
    case "received":
      return { kind: "skipped", key: record.key, through: record.position };
    default:
      return record;
  }
}

/** A compacted log of such a friend: of what was said, that alone which was there at the start. */
function withEarlierWords(
  all: Iterable<FriendsRecord>,
  earlier: readonly FriendsRecord[],
): readonly FriendsRecord[] {
  const there = new Set(
    earlier.flatMap((record) =>
      record.kind === "queued" || record.kind === "received" ? [record.kind + record.id] : []
    ),
  );
  const received: ReceivedRecord[] = [];
  return [...all].flatMap((record) => {
    if (record.kind === "received") received.push(record);
    if (record.kind === "shown") return shownOf(record, received, there);
    const isThere = "id" in record && there.has(record.kind + record.id);
    return (isThere ? record : withoutWords(record)) ?? [];
  });
}

/** What was shown, by the last message of that which is there. */
function shownOf(
  shown: Extract<FriendsRecord, { readonly kind: "shown" }>,
  received: readonly ReceivedRecord[],
  there: ReadonlySet<string>,
): FriendsRecord {
  const end = received.findIndex(({ key, position }) =>
    key === shown.key && isSamePosition(position, shown.through)
  );
  const last = received.slice(0, end + 1).findLast(({ kind, id }) => there.has(kind + id));
  return last === undefined ? shown : { kind: "shown", key: last.key, through: last.position };
}

type ReceivedRecord = Extract<FriendsRecord, { readonly kind: "received" }>;

/** What friends leave on a disk on which nothing that is said is to be. */
export const FORGETTING_FRIENDS = { withoutWords, withEarlierWords };
