/** The approximate size of a message in transit, without encoding it: exact enough for queues. */

import type { DirectoryMessage } from "../../../lib/protocols/directory/schema/messages.ts";

const OVERHEAD_BYTES = 40;
const USER_BYTES = 30;

export function messageBytes(message: DirectoryMessage): number {
  switch (message.type) {
    case "users":
    case "presence":
      return OVERHEAD_BYTES + USER_BYTES * message.users.length;
    case "relay":
      return OVERHEAD_BYTES + message.bytes.length;
    case "broadcast":
    case "told":
    case "line":
      return OVERHEAD_BYTES + message.text.length;
    default:
      return 2 * OVERHEAD_BYTES;
  }
}
