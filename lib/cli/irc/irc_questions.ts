/** What the user is asked and hasn't answered: a client that comes meanwhile is asked, too. */

import { dropOldest } from "../../base/collections/bounded.ts";
import { type Fields, isTrue } from "./rooms/irc_fields.ts";
import { offerIn } from "./rooms/irc_partners.ts";
import type { IrcEvent } from "./rooms/said_reader.ts";

/** So many are repeated: votes are bounded by the coordinator's, offers come as often as somebody likes. */
const QUESTIONS_MAX = 100;
/** An offer that has one of these isn't to be fetched: it is one's own, fetched by itself, or told by an earlier start. */
const NOT_ASKED = ["self", "taken", "history"] as const;

export class IrcQuestions {
  /** Those that are open, the oldest first. */
  readonly #open = new Map<string, IrcEvent>();

  take(event: IrcEvent): void {
    const { fields } = event;
    switch (fields["event"]) {
      case "vote-wanted":
        return this.#ask(voteIn(fields), event);
      case "edit":
      case "notice": // that the user has voted on it
        return void this.#open.delete(voteIn(fields));
      case "incoming":
        return this.#ask(CALL, event);
      case "call":
        return void this.#open.delete(CALL);
      case "offer":
        return NOT_ASKED.some((name) => isTrue(fields, name))
          ? undefined
          : this.#ask(offerIn(fields), event);
      case "transfer":
        return void this.#open.delete(offerIn(fields));
    }
  }

  #ask(key: string, event: IrcEvent): void {
    this.#open.set(key, event);
    dropOldest(this.#open, QUESTIONS_MAX);
  }

  /** @param shownId Up to there clients have surely been shown everything: an offer isn't repeated to each. */
  unanswered(shownId: number): readonly Fields[] {
    return [...this.#open.values()]
      .filter(({ id, fields }) => fields["event"] !== "offer" || id > shownId)
      .map(({ fields }) => fields);
  }
}

/** One call at a time is asked about. */
const CALL = "call";

function voteIn(fields: Fields): string {
  return `vote ${fields["edit"]}`;
}
