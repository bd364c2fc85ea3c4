/**
 * What calls of `wait` give: each message to one of them alone. Until its answer is written a message is held for it,
 * then it is taken out of the inbox; where the client gives the call up meanwhile, or says only afterwards that it had,
 * the message waits again.
 */

import type { Kept } from "../scripts/script_inbox.ts";
import { type Fields, isWanted } from "../scripts/wanted.ts";
import { ANSWER_UNITS_MAX } from "./said_data.ts";

/** What waits for whoever asks for it. */
export interface Inbox {
  next(isWanted: (event: Fields, id: string) => boolean): Kept | null;
}

/** What an answered wait has given, and whether its answer has gone out. */
interface Given {
  readonly kept: readonly Kept[];
  isTaken: boolean;
}

/** As many answered waits may be given up in retrospect: each by a client that was late once. */
const GIVEN_MAX = 16;

const MESSAGES: ReadonlySet<string> = new Set(["message"]);

export class GivenMessages {
  readonly #inbox: () => Inbox | null;
  /** By call. */
  readonly #given = new Map<number, Given>();
  /** Ids of messages that are held for an answer. */
  readonly #held = new Set<string>();

  /** @param inbox Null before the place is open where it is kept. */
  constructor(inbox: () => Inbox | null) {
    this.#inbox = inbox;
  }

  /**
   * Holds the first messages that wait, no more than fit in one answer.
   * @param from Whose; null: everybody's. @param max How many at most.
   * @returns With whether others wait that are wanted as well; null: none waits.
   */
  hold(
    from: string | null,
    max: number,
  ): { readonly kept: readonly Kept[]; readonly isMore: boolean } | null {
    const wanted = { events: MESSAGES, from, mention: false };
    const isFree = (event: Fields, id: string) => !this.#held.has(id) && isWanted(event, wanted);
    const kept: Kept[] = [];
    let units = 0;
    for (;;) {
      const next = this.#inbox()?.next(isFree) ?? null;
      if (next === null) return kept.length === 0 ? null : { kept, isMore: false };
      units += String(next.event["text"]).length;
      if (kept.length === max || (kept.length > 0 && units > ANSWER_UNITS_MAX)) {
        return { kept, isMore: true };
      }
      kept.push(next);
      this.#held.add(next.id);
    }
  }

  /** They aren't given: others may have them. */
  release(kept: readonly Kept[]): void {
    for (const { id } of kept) this.#held.delete(id);
  }

  /** A call is answered with these, which were held. */
  give(call: number, kept: readonly Kept[]): void {
    this.#given.set(call, { kept, isTaken: false });
    for (const [each, { isTaken }] of this.#given) {
      if (this.#given.size <= GIVEN_MAX) return;
      if (isTaken) this.#given.delete(each);
    }
  }

  /** The answer of a call has gone out. @returns What no later call is to give; null: nothing. */
  written(call: number): readonly Kept[] | null {
    const given = this.#given.get(call);
    if (given === undefined || given.isTaken) return null;
    given.isTaken = true;
    this.release(given.kept);
    return given.kept;
  }

  /** Nobody wants the answer of a call. @returns What was taken for it and waits again; null: nothing. */
  cancelled(call: number): readonly Kept[] | null {
    const given = this.#given.get(call);
    if (given === undefined) return null;
    this.#given.delete(call);
    if (given.isTaken) return given.kept;
    this.release(given.kept);
    return null;
  }
}
