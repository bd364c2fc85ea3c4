/** What the user is asked and hasn't answered: a client that comes meanwhile is asked, too. */

import { dropOldest } from "../../base/collections/bounded.ts";
import { askedBy, settledBy } from "../commands/question_kinds.ts";
import type { DoorEvent } from "../doors/door.ts";
import type { Fields } from "./rooms/irc_fields.ts";

/** So many are repeated: votes are bounded by the coordinator's, offers come as often as somebody likes. */
export const QUESTIONS_MAX = 100;

export class IrcQuestions {
  /** Those that are open, the oldest first. */
  readonly #open = new Map<string, DoorEvent>();

  take(event: DoorEvent): void {
    const settled = settledBy(event.fields);
    if (settled !== null) this.#open.delete(settled);
    // Of what this program doesn't fetch it is told, too.
    const asked = askedBy({ ...event.fields, unfetchable: false } as Fields);
    if (asked === null) return;
    this.#open.set(asked.id, event);
    dropOldest(this.#open, QUESTIONS_MAX);
  }

  /** @param shownId Up to there clients have surely been shown everything: an offer isn't repeated to each. */
  unanswered(shownId: number): readonly DoorEvent[] {
    return [...this.#open.values()]
      .filter(({ id, fields }) => fields["event"] !== "offer" || id > shownId);
  }
}
