/** One message of each type of file transfer, made of fixed values: for golden bytes, fuzzing and measuring. */

import type { Hash, OfferId, PeerKey } from "../../lib/base/ids.ts";
import { makeEmbedded } from "../../lib/base/schema/schema.ts";
import { offerSchema, type TransferMessage } from "../../lib/protocols/transfer/messages.ts";

const file = "0f".repeat(32) as OfferId;
/** Keys that are points of the curve: of the seeds 1 and 2. */
const ann = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c" as PeerKey;
const signature = new Uint8Array(64).fill(0x5a);
const offer = makeEmbedded(offerSchema, {
  version: 1,
  context: "c0".repeat(32) as Hash,
  from: ann,
  to: null,
  at: 1_790_000_000_000,
  name: "notes.txt",
  size: 131_073,
  digest: "d1".repeat(32) as Hash,
});

/** In the order of their codes. */
export const TRANSFER_SAMPLES: readonly TransferMessage[] = [
  {
    type: "offer",
    offer: { offer: { bytes: offer.bytes.slice(), value: offer.value }, signature },
  },
  { type: "withdraw", file, reason: "changed", signature },
  { type: "want", file },
  { type: "have", file, leaves: Uint8Array.of(5) },
  { type: "lack", file, reason: "busy" },
  { type: "request", file, first: 1, count: 2 },
  { type: "release", file },
  {
    type: "leaf",
    file,
    leaf: 2,
    proof: new Uint8Array(32).fill(0xa5),
    bytes: Uint8Array.of(0x21),
  },
];
