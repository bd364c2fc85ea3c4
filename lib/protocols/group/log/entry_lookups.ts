/** Look-ups of entries in the log, and what each is for. */

import type { RequestId } from "../../../base/ids.ts";
import { Pending } from "../../../base/machine/pending.ts";
import type { LoggedEntryState } from "../schema/member_io.ts";

/** Looks up one entry in the log. */
interface LookEffect {
  readonly type: "look";
  readonly token: number;
  readonly seq: number;
  readonly id: RequestId | null;
}

export class EntryLookups {
  /** Bounded by the callers: a few for each edit under way, and some for each member that inquires. */
  readonly #pending = new Pending<(entry: LoggedEntryState | null) => void>();

  constructor(readonly push: (effect: LookEffect) => void) {}

  /**
   * @param id An edit that the entry may have; that costs more the more edits the entry has. Null: no edit is looked
   * for.
   * @param done Gets the entry as the log has it by then; null where the log has none of that number.
   */
  look(
    seq: number,
    id: RequestId | null,
    done: (entry: LoggedEntryState | null) => void,
  ): void {
    const token = this.#pending.add(done);
    this.push({ type: "look", token, seq, id });
  }

  looked(token: number, entry: LoggedEntryState | null): void {
    this.#pending.take(token)?.(entry);
  }

  /** The log is another group's now: answers of the former one are ignored. */
  forget(): void {
    this.#pending.forget();
  }
}
