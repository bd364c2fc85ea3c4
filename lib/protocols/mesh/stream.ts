/** Keys of maps by stream: an author's incarnation has counters, frontier and bundles of its own. */

import type { PeerKey } from "../../base/ids.ts";

declare const brand: unique symbol;
/** `author/incarnation`. */
export type StreamKey = string & { readonly [brand]: "StreamKey" };

export interface Stream {
  readonly author: PeerKey;
  readonly incarnation: number;
}

/** The same for the same author and incarnation, and no other. */
export function streamKey(stream: Stream): StreamKey {
  return `${stream.author}/${stream.incarnation}` as StreamKey;
}

/** Of a header or a head, that alone. */
export function streamOf({ author, incarnation }: Stream): Stream {
  return { author, incarnation };
}
