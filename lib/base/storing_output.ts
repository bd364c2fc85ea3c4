/** What one step of a mode's machine brings forth where some of it is stored, and what follows each write. */

import { ModeOutput } from "./mode_output.ts";
import { Pending, type WriteOutcome } from "./pending.ts";

/** An effect that every mode's machine has: records go to its log. */
interface Persist<Stored> {
  readonly type: "persist";
  readonly records: readonly Stored[];
  readonly token: number | null;
  readonly sync: boolean;
}

export class StoringOutput<Event, Effect, Stored>
  extends ModeOutput<Event, Effect | Persist<Stored>> {
  readonly #writes = new Pending<WriteOutcome>();
  /** Why the disk refused the last write; null where it didn't. */
  problem: string | null = null;

  /** Whether a write is under way that something follows. */
  get isWriting(): boolean {
    return this.#writes.size > 0;
  }

  /** Writes and syncs; what is brought forth later waits for that. The outcome is told in a later step. */
  write(records: readonly Stored[], outcome: WriteOutcome): void {
    this.push({ type: "persist", records, token: this.#writes.add(outcome), sync: true });
  }

  /** Writes what nothing but later effects depends on. Unsynced, it is found out again where it is lost. */
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
    // A full disk refuses each of many notes; the user is told once.
    if (token === null && isNew) this.error("disk", text);
    this.#writes.take(token)?.failed(text);
  }
}
