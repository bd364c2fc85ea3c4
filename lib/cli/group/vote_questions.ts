/**
 * Checks the votes that a user types: which edit of a group `/go` and `/abort` mean if they don't name one; that the
 * user wasn't asked about it only after beginning to type that line; and that nobody agrees to a text before all of it
 * was on the screen.
 */

import { P2pchatError } from "../../base/errors.ts";
import type { MemberCommand, MemberEvent } from "../../protocols/group/schema/events.ts";
import { EDITS_MAX } from "../../protocols/group/schema/limits.ts";
import type { OwnCommand } from "../commands/mode_commands.ts";
import type { Line } from "../rendering/user_interface.ts";

interface Question {
  /** Which question it was, from 1. */
  readonly at: number;
  /** The old and the new text. */
  readonly texts: readonly string[];
  isAnswered: boolean;
}

export class VoteQuestions {
  /** How many edits the user was asked about. */
  #asked = 0;
  /** The edit of the last question. */
  #edit = 0;
  /** `#asked` at the beginning of the line that is being run; null: the line wasn't typed at a terminal. */
  #askedBefore: number | null = null;
  /** Whether the line that is being run was typed where no text is folded. */
  #isWhole = false;
  /** The last question about each edit that isn't known to be over; the last `EDITS_MAX`. */
  readonly #open = new Map<number, Question>();
  /** Texts of open questions that were folded: the number for `/show`; null: shown whole since. */
  readonly #folded = new Map<string, number | null>();

  /** Whether a question that the user hadn't answered is over since the last bare line. */
  #isMissed = false;

  shows(event: MemberEvent): void {
    if (event.event === "edit") {
      this.#isMissed ||= this.#open.get(event.edit)?.isAnswered === false;
      this.#open.delete(event.edit);
      return;
    }
    if (event.event !== "vote-wanted") return;
    this.#asked++;
    this.#edit = event.edit;
    this.#open.delete(event.edit);
    const texts = [event.old, event.new];
    this.#open.set(event.edit, { at: this.#asked, texts, isAnswered: false });
    this.#forgetOldest();
  }

  /** Whether the user's answer to an edit is awaited. */
  get isAsked(): boolean {
    return [...this.#open.values()].some(({ isAnswered }) => !isAnswered);
  }

  /** Whether what was typed now may have been meant as an answer to a question that is over; only once. */
  takeMissed(): boolean {
    const isMissed = this.#isMissed;
    this.#isMissed = false;
    return isMissed;
  }

  /** A line's body was folded, to be shown by that number; null: it is shown whole now. */
  folded(line: Line, number: number | null): void {
    for (const span of line) {
      if (typeof span !== "object" || !("as" in span) || span.as !== "body") continue;
      const { text } = span;
      if (number === null) {
        if (this.#folded.has(text)) this.#folded.set(text, null);
      } else if (this.#folded.get(text) !== null && this.#isAskedAbout(text)) {
        this.#folded.set(text, number);
      }
    }
  }

  /**
   * The first character of a line was typed at a terminal, or a line at a door.
   * @param isWhole Whether it is one of a door's: all texts are seen whole there, and as it is begun and entered at once,
   *   whatever comes next, a script's command, say, wasn't begun with it.
   * @returns To be called before that line is run.
   */
  lineBegins(isWhole = false): () => void {
    const asked = this.#asked;
    return () => {
      this.#askedBefore = isWhole ? null : asked;
      this.#isWhole = isWhole;
    };
  }

  /**
   * Of several edits each answer names its own.
   * @throws {P2pchatError} `not-allowed` where the command may have been meant for another edit, or for less text.
   */
  check(command: MemberCommand | OwnCommand): void {
    const askedBefore = this.#askedBefore ?? this.#asked;
    this.#askedBefore = null; // the next line may be a script's
    if (command.command !== "go" && command.command !== "abort") return;
    const edit = command.edit ?? this.#edit;
    const lastAsked = command.edit === null ? this.#asked : this.#open.get(edit)?.at ?? 0;
    if (lastAsked > askedBefore) {
      const form = `/${command.command} ${edit}`;
      throw new P2pchatError(
        "not-allowed",
        `Nothing was done: you were asked about edit ${edit} after you began that line; ` +
          `if you mean that one, ${form}`,
      );
    }
    if (command.command === "go") this.#checkShown(command.edit);
    const answered = command.edit === null && this.#open.size > 1
      ? undefined
      : this.#open.get(edit);
    if (answered !== undefined) answered.isAnswered = true;
  }

  #checkShown(edit: number | null): void {
    if (this.#isWhole) return;
    const meant = edit === null ? [...this.#open.values()] : [this.#open.get(edit)];
    for (const text of meant.flatMap((question) => question?.texts ?? [])) {
      const number = this.#folded.get(text) ?? null;
      if (number === null) continue;
      throw new P2pchatError(
        "not-allowed",
        `Nothing was done: a text that you would agree to isn't on the screen in full: first /show ${number}`,
      );
    }
  }

  #isAskedAbout(text: string): boolean {
    return [...this.#open.values()].some(({ texts }) => texts.includes(text));
  }

  #forgetOldest(): void {
    const [oldest] = this.#open.keys();
    if (this.#open.size > EDITS_MAX) this.#open.delete(oldest!);
    for (const text of this.#folded.keys()) {
      if (!this.#isAskedAbout(text)) this.#folded.delete(text);
    }
  }
}
