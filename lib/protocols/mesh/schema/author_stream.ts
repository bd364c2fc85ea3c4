/** Streams, and keys for maps of them: each incarnation of an author has its own counters, frontier and bundles. */

import type { PeerKey } from "../../../base/ids.ts";

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

/** The stream alone, of a header or a head. */
export function streamOf({ author, incarnation }: Stream): Stream {
  return { author, incarnation };
}
