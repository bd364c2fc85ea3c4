/** What `/list`, `/outbox` and `/status` answer. */

import { dateText } from "../../base/dates.ts";
import type { FriendsEvent } from "./events.ts";
import type { Friend } from "./friend.ts";
import type { FriendTable } from "./friend_table.ts";

type Event<Name extends FriendsEvent["event"]> = Extract<FriendsEvent, { readonly event: Name }>;

export function friendsView(friends: Iterable<Friend>): Event<"friends"> {
  return {
    event: "friends",
    friends: [...friends].map(({ name, row, link }) => ({
      name,
      ...row.endpoint,
      connected: link !== null,
    })),
  };
}

export function outboxView(friends: Iterable<Friend>): Event<"outbox"> {
  return {
    event: "outbox",
    messages: [...friends].flatMap(({ name: to, outbox }) =>
      outbox.entries.map(({ id, text, sentAt }) => ({
        id,
        to,
        text,
        sentAt: dateText(sentAt),
      }))
    ),
  };
}

export function statusView(
  self: { readonly name: string; readonly key: string },
  table: FriendTable,
): Event<"status"> {
  const friends = [...table.listed];
  const problems = friends.flatMap(({ name, problem }) =>
    problem === null ? [] : [`${name}: ${problem}`]
  );
  for (const friend of table.all()) {
    if (friends.includes(friend) || friend.outbox.size === 0) continue;
    problems.push(`${friend.name}: not in the table any more; ${friend.outbox.size} waiting`);
  }
  return {
    event: "status",
    ...self,
    friends: friends.map(({ name, row, link, expected, outbox, problem }) => ({
      name,
      ...row.endpoint,
      connected: link !== null,
      key: expected,
      waiting: outbox.size,
      roundTripMs: null,
      problem,
    })),
    unsent: table.waiting(),
    problems,
  };
}
