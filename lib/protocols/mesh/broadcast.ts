/** Plumtree. */

import type { PeerKey } from "../../base/ids.ts";
import type { Machine } from "../../base/machine.ts";
import type {
  BroadcastConfig,
  BroadcastEffect,
  BroadcastInput,
  DeliveredBundles,
} from "./broadcast_io.ts";

export class Broadcast implements Machine<BroadcastInput, BroadcastEffect> {
  constructor(
    readonly config: BroadcastConfig,
    readonly self: PeerKey,
    readonly delivered: DeliveredBundles,
  ) {}

  step(_input: BroadcastInput, _nowMs: number): readonly BroadcastEffect[] {
    throw new Error("not there yet");
  }

  nextDeadlineMs(): number | null {
    throw new Error("not there yet");
  }

  /** After a stall of `delayMs`: nobody is blamed for it. */
  postpone(_delayMs: number): void {}

  /** Neighbours that are pushed the bundles of `source`. */
  eager(_source: PeerKey): readonly PeerKey[] {
    return [];
  }

  /** Neighbours that are told of the bundles of `source`. */
  lazy(_source: PeerKey): readonly PeerKey[] {
    return [];
  }
}
