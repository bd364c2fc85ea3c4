/** The records of this profile's friends on disk, read at the start and rewritten when the log is compacted. */

import { unreachable } from "../../base/invariant.ts";
import type { Friend } from "./friend.ts";
import { FriendTable } from "./friend_table.ts";
import { Inbox, type Received } from "./inbox.ts";
import { RECEIVED_KEPT_MAX } from "./limits.ts";
import { messageBytes, type OutboxEntry } from "./outbox.ts";
import { isSamePosition } from "./positions.ts";
import type { FriendsRecord, ReceivedPlace } from "./records.ts";

export interface Restored {
  /** Messages that were stored, and perhaps never shown. */
  readonly unshown: readonly Received[];
  /** The messages that were received last. */
  readonly received: readonly Received[];
}

/**
 * Restores the state from the records.
 * @param friendOf The friend of that name, in the table or not.
 */
export function restoreFriends(
  records: readonly FriendsRecord[],
  friendOf: (name: string) => Friend,
  inbox: Inbox,
): Restored {
  let unshown: Received[] = [];
  const received: Received[] = [];
  for (const record of records) {
    switch (record.kind) {
      case "queued":
        friendOf(record.to).outbox.add(entryOf(record));
        break;
      case "released": {
        let { epoch, number } = record.from;
        const { outbox } = friendOf(record.to);
        outbox.release(() => ({ epoch, number: number++ }));
        outbox.released();
        break;
      }
      case "delivered": {
        const { outbox } = friendOf(record.to);
        outbox.acknowledge(record.through);
        outbox.delivered = record.through;
        break;
      }
      case "unsent": {
        const { outbox } = friendOf(record.to);
        for (const entry of outbox.find(record.id)) outbox.remove(entry);
        break;
      }
      case "received":
        inbox.restore(record);
        unshown.push(record);
        received.push(record);
        break;
      case "skipped":
        inbox.restore(record);
        break;
      case "shown":
        unshown = unshown.slice(indexAfter(unshown, { key: record.key, position: record.through }));
        break;
      default:
        unreachable(record);
    }
  }
  return { unshown, received: received.slice(-RECEIVED_KEPT_MAX) };
}

/** How many messages wait, for all friends together. */
export function waitingIn(records: readonly FriendsRecord[]): number {
  const table = new FriendTable([], new Map());
  restoreFriends(records, (name) => table.kept(name), new Inbox());
  return table.waiting();
}

/** The ids of those that the next process shows, as the one that stored them may not have. */
export function unshownIn(records: readonly FriendsRecord[]): ReadonlySet<string> {
  const table = new FriendTable([], new Map());
  const { unshown } = restoreFriends(records, (name) => table.kept(name), new Inbox());
  return new Set(unshown.map(({ id }) => id));
}

/**
 * How many messages there are up to this one; 0 where it isn't among them. The first one counts: if a sender uses a
 * position twice, which takes hundreds of epochs, a message is shown again rather than never.
 */
export function indexAfter(
  received: readonly Received[],
  { key, position }: ReceivedPlace,
): number {
  return received.findIndex((other) =>
    other.key === key && isSamePosition(other.position, position)
  ) + 1;
}

/** The records of a compacted log, if the first `shown` received messages have been shown. */
export function snapshotFriends(
  friends: Iterable<Friend>,
  inbox: Inbox,
  received: readonly Received[],
  shown: number,
): readonly FriendsRecord[] {
  const records: FriendsRecord[] = [...received];
  const last = received[shown - 1];
  if (last !== undefined) records.push({ kind: "shown", key: last.key, through: last.position });
  records.push(...inbox.places());
  for (const { name: to, outbox } of friends) {
    if (outbox.delivered !== null) {
      records.push({ kind: "delivered", to, through: outbox.delivered });
    }
    for (const { position, id, sentAt, text, state } of outbox.entries) {
      // A message that is being taken back is included: the record of that is written after it.
      if (state !== "stored" && state !== "leaving") continue;
      records.push({ kind: "queued", to, position, id, sentAt, text });
    }
  }
  return records;
}

/** A message that an earlier process left on disk; nobody waits for the answer to its command any more. */
function entryOf(record: Extract<FriendsRecord, { readonly kind: "queued" }>): OutboxEntry {
  const { position, id, text, sentAt } = record;
  const bytes = messageBytes(text);
  return { position, id, text, sentAt, bytes, ref: undefined, state: "stored", isEarlier: true };
}
