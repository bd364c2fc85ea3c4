/** The simplest of orders: the bundles of each stream in turn, for networks in which members only broadcast. */

import type { BundleId, ClaimId, Hash, PeerKey, RoomId } from "../../../lib/base/ids.ts";
import type { BroadcastInput } from "../../../lib/protocols/mesh/broadcast/broadcast_io.ts";
import type { BundleReason } from "../../../lib/protocols/mesh/schema/messages.ts";
import {
  type Bundle,
  type Stream,
  type StreamKey,
  streamKey,
} from "../../../lib/protocols/mesh/schema/structures.ts";

const NO_BYTES = new Uint8Array(0);

/** A bundle of one text of `textBytes`; only what broadcast looks at means anything. */
export function bundleOf(
  author: PeerKey,
  counter: number,
  options: { readonly textBytes?: number; readonly count?: number } = {},
): Bundle {
  const zeros = "0".repeat(64);
  return {
    header: {
      bytes: NO_BYTES,
      value: {
        version: 1,
        room: zeros as RoomId,
        author,
        incarnation: 1,
        kind: "texts",
        counter,
        count: options.count ?? 1,
        claim: zeros as ClaimId,
        previous: null,
        heads: [],
        time: counter,
        sentAt: 0,
        textsHash: zeros as Hash,
      },
    },
    signature: NO_BYTES,
    texts: { bytes: new Uint8Array(options.textBytes ?? 0), value: [] },
  };
}

export function idOf(bundle: Bundle): BundleId {
  const { author, counter } = bundle.header.value;
  return (author.slice(32) + counter.toString(16).padStart(32, "0")) as BundleId;
}

/** A bundle, and how it came; from null: its author is here. */
export interface Came {
  readonly bundle: Bundle;
  readonly hop: number;
  readonly reason: BundleReason;
  readonly from: PeerKey | null;
}

export class StreamOrder {
  /** By stream; the first one has counter 1. */
  readonly #delivered = new Map<StreamKey, Came[]>();
  readonly #waiting = new Map<StreamKey, Map<number, Came>>();

  frontier(stream: Stream): number {
    return this.#delivered.get(streamKey(stream))?.length ?? 0;
  }

  has(stream: Stream, counter: number): boolean {
    return this.frontier(stream) >= counter ||
      this.#waiting.get(streamKey(stream))?.has(counter) === true;
  }

  /** What was delivered of a stream after that counter. */
  after(stream: Stream, counter: number): readonly Came[] {
    return this.#delivered.get(streamKey(stream))?.slice(counter) ?? [];
  }

  /** Takes a bundle in. @returns What the broadcast is to be told of it, one after the other. */
  *take(came: Came): Iterable<BroadcastInput> {
    const { bundle: { header: { value } }, hop, reason, from } = came;
    const { author, incarnation, counter } = value;
    const stream = { author, incarnation };
    if (counter === this.frontier(stream) + 1) return yield* this.#deliver(came);
    if (from === null) throw new Error("Own bundles come in their order");
    if (this.has(stream, counter)) {
      return yield { type: "duplicate", stream, counter, from, hop, reason };
    }
    const key = streamKey(stream);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#waiting.set(key, new Map([[counter, came]]));
    else waiting.set(counter, came);
    yield { type: "want", from, stream, after: this.frontier(stream) };
  }

  *#deliver(came: Came): Iterable<BroadcastInput> {
    const key = streamKey(came.bundle.header.value);
    const stream = this.#delivered.get(key) ?? [];
    this.#delivered.set(key, stream);
    const waiting = this.#waiting.get(key);
    for (let next: Came | undefined = came; next !== undefined;) {
      stream.push(next);
      waiting?.delete(stream.length);
      yield { type: "delivered", ...next, id: idOf(next.bundle), kept: true };
      next = waiting?.get(stream.length + 1);
    }
  }

  /** What waits on a link goes with it. */
  linkDown(peer: PeerKey): void {
    for (const waiting of this.#waiting.values()) {
      for (const [counter, { from }] of waiting) if (from === peer) waiting.delete(counter);
    }
  }
}
