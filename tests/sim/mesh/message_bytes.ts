/** The approximate size of a message on a link, without encoding it: exact enough for queues. */

import { encode } from "../../../lib/base/schema/schema.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import { privateEnvelopeSchema } from "../../../lib/protocols/mesh/schema/structures.ts";

/** Record header and tag of the channel, message code. */
const OVERHEAD_BYTES = 24;
const CLAIM_BYTES = 420;
const BEACON_BYTES = 380;

export function messageBytes(message: MeshMessage): number {
  switch (message.type) {
    case "bundle": {
      const { header, texts } = message.bundle;
      const claimBytes = message.claim === null ? 0 : CLAIM_BYTES;
      return OVERHEAD_BYTES + 72 + header.bytes.length + texts.bytes.length + claimBytes;
    }
    case "preview":
      return OVERHEAD_BYTES + 72 + message.header.header.bytes.length;
    case "ihave":
      return OVERHEAD_BYTES + 80 * message.entries.length;
    case "beacons":
      return OVERHEAD_BYTES + BEACON_BYTES * message.beacons.length;
    case "claims":
      return OVERHEAD_BYTES + CLAIM_BYTES * message.claims.length;
    case "statements":
      return OVERHEAD_BYTES + 180 * message.statements.length;
    case "roster-want":
      return OVERHEAD_BYTES + 44 * message.known.length;
    case "roster-part":
      return OVERHEAD_BYTES + (CLAIM_BYTES + BEACON_BYTES) * message.entries.length;
    case "roster-summary":
    case "sync-buckets":
      return OVERHEAD_BYTES + 32 * message.hashes.length;
    case "sync-frontiers":
      return OVERHEAD_BYTES + 2 * message.buckets.length + 84 * message.entries.length;
    case "sync-want":
      return OVERHEAD_BYTES + 42 * message.entries.length;
    case "shuffle":
    case "shuffle-reply":
      return OVERHEAD_BYTES + 60 * (message.contacts.length + 1);
    case "private":
      return OVERHEAD_BYTES + encode(privateEnvelopeSchema, message.envelope).length;
    case "hello":
    case "join":
    case "offer":
    case "accept":
    case "welcome":
    case "proof":
      return OVERHEAD_BYTES + 1_000;
    default:
      return OVERHEAD_BYTES + 60;
  }
}
