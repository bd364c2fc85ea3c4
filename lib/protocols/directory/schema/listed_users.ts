/** Users as the list shows them. Messages carry beside them who is away, and why: few are. */

import { type Presence, shownPresence } from "../../../base/machine/user_presence.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { UserView } from "./events.ts";
import type { DirectoryMessageOf } from "./messages.ts";

type CarriedUsers = Pick<DirectoryMessageOf<"users">, "users" | "away">;
export type ListedUser = CarriedUsers["users"][number] & Presence;

export function carried(listed: readonly ListedUser[]): CarriedUsers {
  return {
    users: listed.map(({ away: _, ...user }) => user),
    away: listed.flatMap(({ away: why }, user) => why === null ? [] : [{ user, why }]),
  };
}

export function listedIn({ users, away }: CarriedUsers): readonly ListedUser[] {
  const whys = new Map(away.map(({ user, why }) => [user, why]));
  return users.map((user, at) => ({ ...user, away: whys.get(at) ?? null }));
}

/** As people are shown it. */
export function userView({ key, away, ...user }: ListedUser): UserView {
  return { ...user, key: fingerprintOf(key), ...shownPresence({ away }) };
}
