/** The effects of one step of a mode's machine, the time of that step, and what follows each write. */

import type { ErrorCode } from "../errors.ts";
import { AwakeClock } from "./clock.ts";
import type { KeyChange, ModeEvent } from "./mode_machine.ts";
import { Pending, type WriteOutcome } from "./pending.ts";

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

/** The effect that every storing machine has: records to append to its log. */
interface Persist<Stored> {
  readonly type: "persist";
  readonly records: readonly Stored[];
  readonly token: number | null;
  readonly sync: boolean;
}

/** The effects of one step of a mode's machine that stores records, and the continuation of each write. */
export class StoringOutput<Event, Effect, Stored>
  extends ModeOutput<Event, Effect | Persist<Stored>> {
  readonly #writes = new Pending<WriteOutcome>();
  /** Why the disk refused the last write; null where it succeeded. */
  problem: string | null = null;

  /** Whether a write with a continuation is in progress. */
  get isWriting(): boolean {
    return this.#writes.size > 0;
  }

  /** Appends and syncs records. Later effects wait for that; `outcome` is called in a later step. */
  write(records: readonly Stored[], outcome: WriteOutcome): void {
    this.push({ type: "persist", records, token: this.#writes.add(outcome), sync: true });
  }

  /** Appends a record that no later effect depends on. An unsynced one that a crash loses is found out again. */
  note(record: Stored, { sync }: { readonly sync: boolean }): void {
    this.push({ type: "persist", records: [record], token: null, sync });
  }

  persisted(token: number): void {
    this.problem = null;
    this.#writes.take(token)?.done();
  }

  /** @param token Null for a note. */
  persistFailed(token: number | null, text: string): void {
    const isNew = this.problem === null;
    this.problem = text;
    // A full disk refuses each of many notes: the user is told only once.
    if (token === null && isNew) this.error("disk", text);
    this.#writes.take(token)?.failed(text);
  }
}
