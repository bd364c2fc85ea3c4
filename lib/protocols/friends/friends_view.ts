/** The answers to `/list`, `/outbox` and `/status`. */

import { numberText } from "../../base/counts.ts";
import { dateText } from "../../base/dates.ts";
import type { FriendsEvent } from "./events.ts";
import type { Friend } from "./friend.ts";
import type { FriendTable } from "./friend_table.ts";

type Event<Name extends FriendsEvent["event"]> = Extract<FriendsEvent, { readonly event: Name }>;

/** All friends in the table, in its order, with their addresses. */
export function friendsView(friends: Iterable<Friend>): Event<"friends"> {
  return {
    event: "friends",
    friends: [...friends].map(({ name, expected, row, link }) => ({
      name,
      key: expected,
      ...row.endpoint,
      connected: link !== null,
    })),
  };
}

/** The waiting messages, friend by friend, in the order in which they go out. */
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

/** What is wrong with a friend now. That it was away a while ago is no problem if nothing waits for it. */
function problemOf({ problem, strange, outbox, isContested }: Friend): string | null {
  if (isContested) return "two programs use this friend's key; nothing is sent until /trust";
  return outbox.size > 0 || strange.told !== null ? problem : null;
}

/** @param diskProblem Why nothing can be stored; null where it can. */
export function statusView(
  self: { readonly name: string; readonly key: string },
  table: FriendTable,
  diskProblem: string | null,
): Event<"status"> {
  const friends = [...table.listed];
  const problems = friends.flatMap((friend) => {
    const problem = problemOf(friend);
    return problem === null ? [] : [`${friend.shown}: ${problem}`];
  });
  for (const friend of table.all()) {
    const { outbox: { size }, shown } = friend;
    if (table.listed.has(friend) || size === 0) continue;
    problems.push(`${shown}: not in the table any more; ${numberText(size)} waiting`);
  }
  if (diskProblem !== null) problems.push(diskProblem);
  return {
    event: "status",
    ...self,
    friends: friends.map((friend) => ({
      name: friend.name,
      ...friend.row.endpoint,
      connected: friend.link !== null,
      key: friend.expected,
      waiting: friend.outbox.size,
      roundTripMs: null,
      problem: problemOf(friend),
    })),
    unsent: table.waiting(),
    problems,
  };
}
