/**
 * A visitor of a meeting point, its ends of streams, and what all of its address, or of a room, use together. Each knows
 * the others, so they stand together.
 */

import type { LinkId, PeerKey } from "../../base/ids.ts";
import { UnknownMessages } from "../../base/machine/unknown_messages.ts";
import type { RelayFlow } from "../../base/rates/relay_flow.ts";
import { TokenBucket } from "../../base/rates/token_bucket.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import {
  CONNECTS_BURST,
  CONNECTS_PER_S,
  CONTROL_BURST,
  CONTROL_PER_S,
  CREDIT_BYTES,
  LOOKUPS_BURST,
  LOOKUPS_PER_S,
  PIECES_BURST,
  PIECES_PER_S,
} from "./limits.ts";

/** What all visitors of one address use together, or all members of one room. */
export class Share {
  visitors = 0;
  streams = 0;
  numbers = 0;
  readonly bytes: TokenBucket;
  readonly connects = new TokenBucket(CONNECTS_PER_S, CONNECTS_BURST);
  readonly lookups = new TokenBucket(LOOKUPS_PER_S, LOOKUPS_BURST);

  constructor(readonly streamsMax: number, rate: number) {
    this.bytes = new TokenBucket(rate, Math.max(rate, CREDIT_BYTES));
  }

  get isFull(): boolean {
    return this.streams >= this.streamsMax;
  }

  get isUsed(): boolean {
    return this.visitors > 0 || this.streams > 0;
  }
}

export class Visitor {
  readonly fingerprint: Fingerprint;
  /** The tag of the room in which it can be reached; null where it can't. */
  room: string | null = null;
  numbers: readonly number[] = [];
  readonly streams = new Map<number, StreamEnd>();
  /** The last number that the meeting point gave to a stream. */
  lastStream = -1;
  /** It takes no more for now. */
  isCongested = false;
  readonly control = new TokenBucket(CONTROL_PER_S, CONTROL_BURST);
  readonly pieces = new TokenBucket(PIECES_PER_S, PIECES_BURST);
  readonly unknown = new UnknownMessages();

  constructor(
    readonly link: LinkId,
    readonly peer: PeerKey,
    readonly address: Share,
  ) {
    this.fingerprint = fingerprintOf(peer);
  }

  /** Whether it is here for something. */
  get isOfUse(): boolean {
    return this.room !== null || this.streams.size > 0;
  }
}

/** One visitor's end of a stream. */
export interface StreamEnd {
  readonly stream: Stream;
  readonly visitor: Visitor;
  /** The stream's number at this visitor. */
  readonly number: number;
  /** What it sends. */
  readonly flow: RelayFlow;
  /** Whether it has sent anything. */
  isHeard: boolean;
  /** It sends and takes no more. */
  isOver: boolean;
}

export interface Stream {
  readonly ends: StreamEnd[];
  /** The addresses and the room that it counts for, each once. */
  readonly shares: readonly Share[];
  /** When it is ended as nothing goes on it, or as nobody has answered. */
  idleAtMs: number;
  /** Why one end has ended it; null while none has. */
  reason: string | null;
}
