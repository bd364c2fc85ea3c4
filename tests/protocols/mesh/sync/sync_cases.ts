/** Rooms that differ, for tests of anti-entropy. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { bucketOf, ID_UNKNOWN } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import type { SyncMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { Bundle } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { Member } from "../order_members.ts";
import { SyncNetwork } from "../sync_network.ts";

export function assertEqualRooms(network: SyncNetwork): void {
  const [first, ...others] = network.members;
  for (const other of others) {
    assertEquals(other.member.history(), first!.member.history());
    assertEquals(other.member.order.root(), first!.member.order.root());
  }
}

/** A room in which two take turns. */
export function conversation(count: number, options = {}): readonly Bundle[] {
  const [one, two] = [new Member("one", options), new Member("two", options)];
  const bundles: Bundle[] = [];
  for (let turn = 0; turn < count; turn++) {
    const [speaker, listener] = turn % 2 === 0 ? [one, two] : [two, one];
    const bundle = speaker.sayOne(`${turn}`);
    listener.receive(speaker, bundle);
    bundles.push(bundle);
  }
  return bundles;
}

/** All that there is in these authors' buckets: so much of each. */
export function saysToHave(counter: number, ...authors: readonly PeerKey[]): SyncMessage {
  const rest = { incarnation: 1, low: 1, counter, id: ID_UNKNOWN, closed: false };
  return {
    type: "sync-frontiers",
    buckets: authors.map(bucketOf).sort((a, b) => a - b),
    entries: authors.map((author) => ({ author, ...rest })),
    reply: true,
    last: true,
    floor: 0,
    unkept: [],
  };
}
