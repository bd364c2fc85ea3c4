/** What several tests of the roster say and look at. */

import type { RosterMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { SignedBeacon } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { claimOf, keyOf } from "../membership_fixtures.ts";

export const [bob, carl, dora] = [keyOf("Bob"), keyOf("Carl"), keyOf("Dora")];

export function beacons(...signed: readonly SignedBeacon[]): RosterMessage {
  return { type: "beacons", beacons: signed.map((beacon) => ({ signed: beacon, ageMs: 0 })) };
}

export function claims(...names: readonly string[]): RosterMessage {
  return { type: "claims", claims: names.map((name) => claimOf(name).signed) };
}
