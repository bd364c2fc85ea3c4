/** What the operator is shown of the clients that are in. */

import { dateText } from "../../base/dates.ts";
import { fingerprintOf } from "../../base/fingerprint.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { Client } from "./client_session.ts";
import type { DirectoryEvent } from "./events.ts";

/** All clients, sorted by name. */
export function usersView(clients: Iterable<Client>): DirectoryEvent {
  const users = [...clients]
    .sort((one, other) => one.folded < other.folded ? -1 : 1)
    .map(({ listed, key, link, sinceMs, relayedBytes }) => ({
      ...listed,
      key: fingerprintOf(key),
      address: link.host,
      since: dateText(sinceMs),
      relayedBytes,
    }));
  return { event: "users", users };
}

export interface StatusFacts {
  readonly key: PeerKey;
  readonly accounts: number;
  readonly clients: number;
  readonly clientsMax: number;
  readonly calls: number;
  readonly relayedBytes: number;
  readonly kept: number;
  /** Of each store: why the disk refused the last write; null where it didn't. */
  readonly diskProblems: readonly (string | null)[];
}

export function statusView({ key, diskProblems, ...facts }: StatusFacts): DirectoryEvent {
  const problems = diskProblems.filter((problem) => problem !== null);
  return { event: "status", key: fingerprintOf(key), ...facts, problems };
}
