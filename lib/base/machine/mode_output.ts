/** The effects of one step of a mode's machine, and the time of that step. */

import type { ErrorCode } from "../errors.ts";
import { fingerprintOf } from "../text/fingerprint.ts";
import type { PeerKey } from "../ids.ts";
import { AwakeClock } from "./awake_clock.ts";
import type { KeyChange, ModeEvent, VerifyAnswer } from "./mode_machine.ts";

/** The effect that every mode's machine has: an event to be shown to the user. */
interface Show<Event> {
  readonly type: "show";
  readonly event: Event | ModeEvent;
  readonly ref: string | undefined;
}

/**
 * The event that says that a message of the user's was given up as the disk refused to store it; `reason` says why.
 */
export function unsentEvent(reason: string): Extract<ModeEvent, { readonly event: "error" }> {
  const text = `Your message wasn't sent: ${reason}`;
  return { event: "error", code: "disk", text, unsent: true };
}

/**
 * The event that answers `/verify`.
 * @param name As it is shown before the answer. @param answer Undefined where the user asks for the digits.
 */
export function verifyEvent(
  name: string,
  ownKey: PeerKey,
  peerKey: PeerKey,
  answer: VerifyAnswer | undefined,
): Extract<ModeEvent, { readonly event: "verify" }> {
  const said = answer === undefined ? {} : { answer };
  return { event: "verify", name, key: fingerprintOf(peerKey), ownKey, peerKey, ...said };
}

export class ModeOutput<Event, Effect> {
  readonly clock = new AwakeClock();
  /** Awake time: for deadlines, and for what others are blamed for. */
  nowMs = 0;
  /** Real time: for what a user is told of times and durations. */
  monotonicMs = 0;
  #effects: (Effect | Show<Event>)[] = [];

  begin(monotonicMs: number): void {
    this.monotonicMs = monotonicMs;
    this.nowMs = this.clock.step(monotonicMs);
    this.#effects = [];
  }

  take(): readonly (Effect | Show<Event>)[] {
    return this.#effects;
  }

  push(effect: Effect | Show<Event>): void {
    this.#effects.push(effect);
  }

  show(event: Event | ModeEvent, ref?: string): void {
    this.push({ type: "show", event, ref });
  }

  notice(text: string, ref?: string): void {
    this.show({ event: "notice", text }, ref);
  }

  /** Shows a notice marked as a warning. */
  warn(text: string, ref?: string): void {
    this.show({ event: "notice", text, warning: true }, ref);
  }

  error(code: ErrorCode, text: string, ref?: string): void {
    this.show({ event: "error", code, text }, ref);
  }

  /** Somebody has another key than the one expected. */
  keyChanged(changed: KeyChange, text: string, ref?: string): void {
    this.show({ event: "error", code: "key-changed", text, changed }, ref);
  }
}
