/** The effects of one step of a mode's machine that stores records, and the continuation of each write. */

import { ModeOutput } from "./mode_output.ts";
import { Pending, type WriteOutcome } from "./pending.ts";

/** The effect that every storing machine has: records to append to its log. */
interface Persist<Stored> {
  readonly type: "persist";
  readonly records: readonly Stored[];
  readonly token: number | null;
  readonly sync: boolean;
}

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
