/** What several tests of the causal order say and look at. */

import fc from "fast-check";
import type { SyncEntry } from "../../../../lib/protocols/mesh/schema/messages.ts";
import { idOf, Member } from "../order_members.ts";

export const weights = fc.array(fc.nat(1_000), { minLength: 8, maxLength: 40 });

/**
 * Bob keeps nothing of what ann said before "5"; carl was there until "2". @param mayBeOthers Whether he knows of
 * members besides his neighbours.
 */
export function gap(mayBeOthers = false) {
  const [ann, bob, dora] = [new Member("ann"), new Member("bob"), new Member("dora")];
  const all = ["1", "2", "3", "4", "5"].map((text) => ann.sayOne(text));
  const records = all.slice(0, 2).map((bundle) => ({ kind: "bundle" as const, bundle }));
  const carl = new Member("carl", { records, mayBeOthers });
  const stream = { author: ann.key, incarnation: 1 };
  const entry = { ...stream, low: 5, counter: 5, id: idOf(all[4]!), unkept: 0, closed: false };
  carl.step({ type: "neighbours", peers: [bob.key, dora.key] });
  return { ann, bob, carl, dora, all, stream, entry };
}

/** `from` tells `member` of these streams as soon as it is asked. */
export function says(
  member: Member,
  from: Member,
  entries: readonly SyncEntry[],
  nowMs: number,
  floor = 0,
) {
  return member.step({ type: "not-kept", from: from.key, entries, askedMs: nowMs, floor }, nowMs);
}
