/** Writes that are under way, and what each was for. */

import type { Output } from "./output.ts";
import type { FriendsRecord } from "./records.ts";

/** What follows a write. */
interface Outcome {
  /** It is on disk. */
  done(): void;
  /** The disk refused it; `text` says why. */
  failed(text: string): void;
}

export class Writes {
  readonly #waiting = new Map<number, Outcome>();
  #nextToken = 1;
  /** Why the last write failed; null where it didn't. */
  problem: string | null = null;

  constructor(readonly out: Output) {}

  /** Whether one is under way that something follows. */
  get any(): boolean {
    return this.#waiting.size > 0;
  }

  /** Writes and syncs; what goes out after it waits for that. */
  write(records: readonly FriendsRecord[], outcome: Outcome): void {
    const token = this.#nextToken++;
    this.#waiting.set(token, outcome);
    this.out.push({ type: "persist", records, token, sync: true });
  }

  /** The same where nothing but what goes out depends on it. */
  note(record: FriendsRecord, { sync }: { readonly sync: boolean }): void {
    this.out.push({ type: "persist", records: [record], token: null, sync });
  }

  persisted(token: number): void {
    this.problem = null;
    this.#take(token)?.done();
  }

  /** @param token Null for a note. */
  persistFailed(token: number | null, text: string): void {
    this.problem = text;
    const outcome = token === null ? undefined : this.#take(token);
    if (outcome === undefined) this.out.error("disk", text);
    else outcome.failed(text);
  }

  #take(token: number): Outcome | undefined {
    const outcome = this.#waiting.get(token);
    this.#waiting.delete(token);
    return outcome;
  }
}
