/** The approximate size of a message in transit, without encoding it: exact enough for queues. */

import { batchBytes } from "../../../lib/protocols/group/schema/history.ts";
import type { GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";

const OVERHEAD_BYTES = 40;
const MEMBER_BYTES = 80;

export function messageBytes(message: GroupMessage): number {
  switch (message.type) {
    case "data":
      return OVERHEAD_BYTES + batchBytes(message.signed);
    case "history":
      return message.batches.reduce((sum, batch) => sum + batchBytes(batch), OVERHEAD_BYTES);
    case "peers":
      return OVERHEAD_BYTES + MEMBER_BYTES * message.members.length;
    case "begin":
      return OVERHEAD_BYTES + message.signed.epoch.bytes.length;
    case "entries":
      return OVERHEAD_BYTES + 80 * message.entries.length;
    case "heard":
      return OVERHEAD_BYTES + 32 * message.peers.length;
    case "state":
      return 2 * OVERHEAD_BYTES + 40 * message.points.length + 3 * message.arrivals.length;
    case "recorded":
      return 5 * OVERHEAD_BYTES + 60 * message.state.channels.length;
    case "order":
      return OVERHEAD_BYTES + 4 * message.runs.length;
    default:
      return 2 * OVERHEAD_BYTES;
  }
}
