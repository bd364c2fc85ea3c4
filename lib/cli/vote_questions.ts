/**
 * Which edit of a group `/go` and `/abort` mean where they name none: not one that the user was asked about after that
 * line was begun.
 */

import { P2pchatError } from "../base/errors.ts";
import type { MemberCommand, MemberEvent } from "../protocols/group/events.ts";

export class VoteQuestions {
  /** How often the user was asked. */
  #asked = 0;
  /** The edit of the last question. */
  #edit = 0;
  /** How often the user had been asked when the line that is run was begun; null: it wasn't typed at a terminal. */
  #askedBefore: number | null = null;

  shows(event: MemberEvent): void {
    if (event.event !== "vote-wanted") return;
    this.#asked++;
    this.#edit = event.edit;
  }

  /** The first character of a line was typed at a terminal. @returns To be called before that line is run. */
  lineBegins(): () => void {
    const asked = this.#asked;
    return () => void (this.#askedBefore = asked);
  }

  /** @throws {P2pchatError} `not-allowed` where the command may have been meant for another edit. */
  check(command: MemberCommand): void {
    if (command.command !== "go" && command.command !== "abort") return;
    if (command.edit !== null || (this.#askedBefore ?? this.#asked) === this.#asked) return;
    const form = `/${command.command} ${this.#edit}`;
    throw new P2pchatError(
      "not-allowed",
      `Nothing was done: you were asked about edit ${this.#edit} after you began that line; ` +
        `if you mean that one, ${form}`,
    );
  }
}
