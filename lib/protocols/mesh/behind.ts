/** How far members are behind: others' kept bundles after the room time to which each has come. */

import type { PeerKey } from "../../base/ids.ts";
import type { Behind, KeptBundle } from "./order_io.ts";

const NOTHING: Behind = { messages: 0, bytes: 0 };

/**
 * How far each member is behind, in one walk: made-up members may be thousands, and all of them far behind.
 * @param latest Room time to which each has come.
 * @param backwards The kept bundles, the last in room order first.
 */
export function behindOf(
  latest: ReadonlyMap<PeerKey, number>,
  backwards: Iterable<KeptBundle>,
): ReadonlyMap<PeerKey, Behind> {
  const furthestFirst = [...latest].sort(([, one], [, other]) => other - one);
  const found = new Map<PeerKey, Behind>();
  const ownOf = new Map<PeerKey, Behind>();
  let all = NOTHING;
  const find = (untilTime: number) => {
    while (found.size < furthestFirst.length) {
      const [peer, time] = furthestFirst[found.size]!;
      if (time < untilTime) return;
      const own = ownOf.get(peer) ?? NOTHING;
      found.set(peer, { messages: all.messages - own.messages, bytes: all.bytes - own.bytes });
    }
  };
  for (const { time, messages, bytes, bundle } of backwards) {
    find(time);
    if (found.size === latest.size) return found;
    const { author } = bundle.header.value;
    const own = ownOf.get(author) ?? NOTHING;
    ownOf.set(author, { messages: own.messages + messages, bytes: own.bytes + bytes });
    all = { messages: all.messages + messages, bytes: all.bytes + bytes };
  }
  find(-Infinity);
  return found;
}
