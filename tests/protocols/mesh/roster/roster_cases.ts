/** What several tests of the roster say and look at. */

import type { RosterMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
import { type Entry, RosterTable } from "../../../../lib/protocols/mesh/roster/roster_table.ts";
import type { SignedBeacon } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { beaconOf, claimOf, keyOf } from "../membership_fixtures.ts";

export const [bob, carl, dora] = [keyOf("Bob"), keyOf("Carl"), keyOf("Dora")];

export function beacons(...signed: readonly SignedBeacon[]): RosterMessage {
  return { type: "beacons", beacons: signed.map((beacon) => ({ signed: beacon, ageMs: 0 })) };
}

export function claims(...names: readonly string[]): RosterMessage {
  return { type: "claims", claims: names.map((name) => claimOf(name).signed) };
}

/** `who` as a roster has it, by this beacon. */
export function entryOf(
  who: string,
  number: number,
  more: Partial<Pick<Entry, "state" | "sinceMs" | "claim" | "signed">> = {},
): Entry {
  const { claim = claimOf(who), state = "alive", sinceMs = 0 } = more;
  const signed = more.signed ?? beaconOf(who, number, { claim: claim.id });
  return { key: keyOf(who), signed, claim, state, sinceMs };
}

export function tableWith(...entries: readonly Entry[]): RosterTable {
  const table = new RosterTable(fakeCrypto);
  for (const entry of entries) table.put(entry);
  return table;
}
