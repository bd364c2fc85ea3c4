/**
 * Friends' keys that are known from another table. A table that was moved or renamed counts as another table: that must
 * not let whoever answers at a friend's address become that friend.
 */

import type { PeerKey } from "../../base/ids.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { foldName, shownName } from "../../base/text/names.ts";
import type { KnownPeers } from "../../store/profile/known_peers.ts";
import type { Pin } from "../../store/profile/known_peers_file.ts";
import type { UserInfoRow } from "../../store/users/user_info.ts";
import { pinnedKeys } from "../credentials/pinned_keys.ts";

const SCOPE_KIND = "users:";

/** The most names mentioned in a notice. */
const NAMED_MAX = 8;

/** The scope of a table's keys in `known_peers`. */
export function friendsScope(table: string): string {
  return `${SCOPE_KIND}${table}`;
}

/**
 * At the first use of a table: pins for its friends the keys they have in other tables, the last one met where
 * these differ. A key in the table itself has precedence.
 * @returns The notice for the user, or null; and a promise that resolves when the pins are durable.
 */
export function takeOverPins(
  knownPeers: KnownPeers,
  scope: string,
  friends: readonly UserInfoRow[],
): { readonly notice: string | null; readonly written: Promise<unknown> } {
  const elsewhere = new Map<string, Pin>();
  for (const pin of knownPeers.pins()) {
    if (!pin.scope.startsWith(SCOPE_KIND) || pin.scope === scope) continue;
    elsewhere.set(foldName(pin.name), pin);
  }
  const taken = friends.flatMap(({ name, fingerprint }) => {
    const pin = elsewhere.get(foldName(name));
    const isOpen = fingerprint === null && knownPeers.pinOf(scope, name) === null;
    return pin !== undefined && isOpen ? [{ ...pin, name }] : [];
  });
  const written = Promise.all(taken.map((pin) => knownPeers.takeOver(scope, pin)));
  return { notice: taken.length === 0 ? null : takenText(taken), written };
}

/**
 * The keys that friends must have, by folded name: those met with the table; else those verified under their names,
 * of several the one in the table where that is among them.
 */
export function expectedKeys(
  knownPeers: KnownPeers,
  scope: string,
  friends: readonly UserInfoRow[],
): ReadonlyMap<string, Fingerprint> {
  const keys = new Map<string, Fingerprint>();
  for (const { name, fingerprint } of knownPeers.verified()) keys.set(foldName(name), fingerprint);
  for (const { name, fingerprint } of friends) {
    if (fingerprint === null || !knownPeers.isVerified(name, fingerprint)) continue;
    keys.set(foldName(name), fingerprint);
  }
  return new Map([...keys, ...pinnedKeys(knownPeers, scope)]);
}

function takenText(pins: readonly Pin[]): string {
  const names = pins.slice(0, NAMED_MAX).map(({ name }) => shownName(name)).join(", ");
  const more = pins.length > NAMED_MAX ? ` and ${pins.length - NAMED_MAX} more` : "";
  const tables = [...new Set(pins.map(({ scope }) => scope.slice(SCOPE_KIND.length)))];
  const from = tables.length === 1 ? tables[0] : "other tables";
  return `Expecting the keys known from ${from} of ${names}${more}: if it is somebody else here, you ` +
    "are told of another key, and /trust NAME accepts it";
}

/** The notice about a friend's first key where another table has another key for that name; else null. */
export function otherKeyText(
  knownPeers: KnownPeers,
  scope: string,
  name: string,
  key: PeerKey,
): string | null {
  if (knownPeers.pinOf(scope, name) !== null) return null;
  const other = knownPeers.otherElsewhere(scope, name, key);
  if (other === null) return null;
  const shown = shownName(name);
  return `${shown} has the key ${fingerprintOf(key)} here; the ${shownName(other.name)} of ` +
    `${other.scope.slice(SCOPE_KIND.length)} has ${other.fingerprint}: perhaps somebody else. ` +
    `/verify ${shown} tells`;
}
