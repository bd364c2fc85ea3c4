/** Writes that are under way, and what each was for. */

import { Pending, type WriteOutcome } from "../../base/pending.ts";
import type { Output } from "./output.ts";
import type { FriendsRecord } from "./records.ts";

export class Writes {
  readonly #pending = new Pending<WriteOutcome>();
  /** Why the last write failed; null where it didn't. */
  problem: string | null = null;

  constructor(readonly out: Output) {}

  /** Whether one is under way that something follows. */
  get any(): boolean {
    return this.#pending.size > 0;
  }

  /** Writes and syncs; what goes out after it waits for that. */
  write(records: readonly FriendsRecord[], outcome: WriteOutcome): void {
    const token = this.#pending.add(outcome);
    this.out.push({ type: "persist", records, token, sync: true });
  }

  /** The same where nothing but what goes out depends on it. */
  note(record: FriendsRecord, { sync }: { readonly sync: boolean }): void {
    this.out.push({ type: "persist", records: [record], token: null, sync });
  }

  persisted(token: number): void {
    this.problem = null;
    this.#pending.take(token)?.done();
  }

  /** @param token Null for a note. */
  persistFailed(token: number | null, text: string): void {
    this.problem = text;
    const outcome = this.#pending.take(token);
    if (outcome === undefined) this.out.error("disk", text);
    else outcome.failed(text);
  }
}
