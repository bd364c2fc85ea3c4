/**
 * Checks which edit of a group `/go` and `/abort` mean if they don't name one: it must not be an edit that the user was
 * asked about only after beginning to type that line.
 */

import { P2pchatError } from "../base/errors.ts";
import type { MemberCommand, MemberEvent } from "../protocols/group/events.ts";

export class VoteQuestions {
  /** How many edits the user was asked about. */
  #asked = 0;
  /** The edit of the last question. */
  #edit = 0;
  /** `#asked` at the beginning of the line that is being run; null: the line wasn't typed at a terminal. */
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
