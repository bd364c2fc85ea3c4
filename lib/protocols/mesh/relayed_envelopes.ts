/**
 * Which private envelopes of others are taken in: each once, and from each neighbour only so many a second.
 * Nobody on the way can tell whether one is genuine, so that a member can send any number of them; what it
 * sends is dropped here, instead of being multiplied until honest neighbours take one another for flooders.
 *
 * No envelope taken in makes more than one go out to any neighbour, be it itself or its acknowledgement.
 */

import { dropOldest } from "../../base/bounded.ts";
import type { Crypto } from "../../base/crypto.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import { encode } from "../../base/schema.ts";
import { Rates } from "../../base/rates.ts";
import { TokenBucket } from "../../base/token_bucket.ts";
import {
  ENVELOPE_SOURCES_MAX,
  ENVELOPES_BURST,
  ENVELOPES_PER_SECOND,
  ENVELOPES_RELAYED_BURST,
  ENVELOPES_RELAYED_PER_SECOND,
  ENVELOPES_REMEMBERED_MAX,
} from "./limits.ts";
import { type PrivateEnvelope, privateEnvelopeSchema } from "./structures.ts";

export class RelayedEnvelopes {
  /** Hashes of those taken in; the oldest are forgotten first. */
  readonly #taken = new Set<Hash>();
  readonly #rates = new Rates<PeerKey>(
    ENVELOPES_PER_SECOND,
    ENVELOPES_BURST,
    ENVELOPE_SOURCES_MAX,
  );
  readonly #total = new TokenBucket(ENVELOPES_RELAYED_PER_SECOND, ENVELOPES_RELAYED_BURST);

  constructor(readonly crypto: Crypto) {}

  /** Whether this envelope, byte for byte, is new and within the rates. One that isn't may come by another way. */
  take(from: PeerKey, envelope: PrivateEnvelope, nowMs: number): boolean {
    const hash = this.crypto.sha256<Hash>(encode(privateEnvelopeSchema, envelope));
    if (this.#taken.has(hash)) return false;
    if (!this.#rates.take(from, nowMs) || !this.#total.take(nowMs)) return false;
    this.#taken.add(hash);
    dropOldest(this.#taken, ENVELOPES_REMEMBERED_MAX);
    return true;
  }
}
