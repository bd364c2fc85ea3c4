/** HyParView. */

import type { Environment } from "../../base/environment.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { Machine } from "../../base/machine.ts";
import type { Contact } from "./messages.ts";
import type { MemberDirectory, OverlayConfig, OverlayEffect, OverlayInput } from "./overlay_io.ts";

export class Overlay implements Machine<OverlayInput, OverlayEffect> {
  constructor(
    readonly config: OverlayConfig,
    readonly env: Environment,
    readonly self: PeerKey,
    readonly directory: MemberDirectory,
    /** Monotonic time of the start. */
    nowMs: number,
  ) {
    void nowMs;
  }

  step(_input: OverlayInput, _nowMs: number): readonly OverlayEffect[] {
    throw new Error("not there yet");
  }

  nextDeadlineMs(): number | null {
    throw new Error("not there yet");
  }

  /** After a stall of `delayMs`: nobody is blamed for it. */
  postpone(_delayMs: number): void {}

  /** Neighbours, passive members' links among them. */
  activeView(): readonly PeerKey[] {
    return [];
  }

  passiveView(): readonly Contact[] {
    return [];
  }
}
