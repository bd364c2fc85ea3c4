/** Entries of the log that are looked up, and what each is for. */

import type { RequestId } from "../../base/ids.ts";
import { Pending } from "../../base/pending.ts";
import type { LoggedEntryState } from "./member_io.ts";

/** Asks the log for one entry. */
export interface LookEffect {
  readonly type: "look";
  readonly token: number;
  readonly seq: number;
  readonly id: RequestId | null;
}

export class Looks {
  /** Bounded by who asks: a few for each edit under way, and one for each that a member inquires of. */
  readonly #pending = new Pending<(entry: LoggedEntryState | null) => void>();

  constructor(readonly push: (effect: LookEffect) => void) {}

  /**
   * @param id Of an edit that may be there; asking costs more the more edits the entry has. Null: none is asked about.
   * @param done Gets the entry as the log has it by then; null where it has none of that number.
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

  /** The log is another group's now: what that one answers yet is no answer. */
  forget(): void {
    this.#pending.forget();
  }
}
