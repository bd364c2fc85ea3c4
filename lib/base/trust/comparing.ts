/**
 * What the user is asked when digits are shown (`/verify NAME`), and whether an answer is one to that: names change
 * hands, and whoever has the name by now may not be the one whose digits were compared.
 */

import type { PeerKey } from "../ids.ts";
import type { ModeEvent, VerifyAnswer } from "../machine/mode_machine.ts";
import { verifyEvent } from "../machine/mode_output.ts";
import { foldName, shownName, withoutMark } from "../text/names.ts";

/** Whose digits were shown last under a name. */
interface Question {
  /** The name under which it was shown. */
  readonly shown: string;
  readonly key: PeerKey;
  /** The digits were different: they have to be shown again before they can be the same. */
  readonly isRefused?: boolean;
}

export class Comparing {
  /** By what the user has typed, and by the names shown; bounded by what the user has asked for. */
  readonly #questions = new Map<string, Question>();

  constructor(
    readonly ownKey: PeerKey,
    readonly out: { show(event: ModeEvent, ref: string | undefined): void },
  ) {}

  /**
   * Shows the digits; or takes the answer, if it is one to the digits that were shown last under the name that the user
   * has typed. A `no` may come by another name of the same key: it takes more away than it gives.
   * @param shown The name under which the key is shown before the answer.
   * @returns Whether the key is refused now.
   */
  verify(
    typed: string,
    shown: string,
    key: PeerKey,
    answer: VerifyAnswer | undefined,
    ref: string | undefined,
  ): boolean {
    const question = this.#questions.get(folded(typed));
    const isSameKey = question?.key === key;
    const isSame = isSameKey && folded(question.shown) === folded(shown);
    const counts = answer === "no" ? isSameKey : isSame && question.isRefused !== true;
    const taken = counts ? answer : undefined;
    const isRefused = taken === "no";
    for (const name of [typed, shown]) {
      this.#questions.set(folded(name), { shown, key, isRefused });
    }
    this.out.show(verifyEvent(shown, this.ownKey, key, taken), ref);
    if (taken !== answer) {
      const text = otherDigitsText(shownName(shown), answer!);
      this.out.show({ event: "error", code: "not-allowed", text }, ref);
    }
    return isRefused;
  }
}

function folded(name: string): string {
  return foldName(withoutMark(name));
}

function otherDigitsText(shown: string, answer: VerifyAnswer): string {
  const nothing = answer === "yes" ? `${shown} isn't verified` : `Nothing is noted of ${shown}`;
  return `${nothing}: compare these digits with ${shown} first, by voice`;
}
