/** What one step of a mode's machine brings forth, and the time at which it is made. */

import type { ErrorCode } from "./errors.ts";
import type { ModeEvent } from "./mode_machine.ts";

/** An effect that every mode's machine has: the user is told. */
interface Show<Event> {
  readonly type: "show";
  readonly event: Event | ModeEvent;
  readonly ref: string | undefined;
}

/** That a message of the user's was given up, as the disk took nothing: `reason` says why. */
export function unsentEvent(reason: string): Extract<ModeEvent, { readonly event: "error" }> {
  const text = `Your message wasn't sent: ${reason}`;
  return { event: "error", code: "disk", text, unsent: true };
}

export class ModeOutput<Event, Effect> {
  nowMs = 0;
  #effects: (Effect | Show<Event>)[] = [];

  begin(nowMs: number): void {
    this.nowMs = nowMs;
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

  /** A notice that something is wrong. */
  warn(text: string): void {
    this.show({ event: "notice", text, warning: true });
  }

  error(code: ErrorCode, text: string, ref?: string): void {
    this.show({ event: "error", code, text }, ref);
  }
}
