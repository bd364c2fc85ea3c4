/**
 * A name that is taken in a room into which one can't just start again under another name: the word code that led there
 * is used up, or the room is one of this profile's. A person is asked for another name. Loaded only for that.
 */

import { P2pchatError } from "../../base/errors.ts";
import { nameFault, shownName } from "../../base/text/names.ts";
import { type AskingInterface, askUser } from "../session/mode_session.ts";

/** A start into a room, under the name of the profile, or another one. */
interface NamedStart {
  readonly ui: AskingInterface;
  readonly options: { readonly name: string };
  readonly as?: string;
}

/** Why lines wait that are entered meanwhile. */
const COMING_IN = "you aren't in the room yet";

function isNameTaken(error: unknown): error is P2pchatError {
  return error instanceof P2pchatError && error.code === "name-taken";
}

/**
 * Comes in under a name that the user gives instead. @param error Says that the name is taken.
 * @param isByWords Whether a code has led there, which is used up.
 * @throws {P2pchatError} `name-taken` where there is nobody to ask, or the user gives no other name; what `enter` throws.
 */
export async function underOtherName<Start extends NamedStart, Result>(
  start: Start,
  error: P2pchatError,
  isByWords: boolean,
  enter: (start: Start) => Promise<Result>,
): Promise<Result> {
  for (let taken = error, as = start.options.name;;) {
    const other = await otherName(start.ui, as);
    if (other === null) throw isByWords ? usedUp(taken) : taken;
    as = other;
    try {
      return await enter({ ...start, as });
    } catch (failure) {
      if (!isNameTaken(failure)) throw failure;
      taken = failure;
    }
  }
}

/** Null where the user leaves, or there is nobody to ask. */
async function otherName(ui: AskingInterface, taken: string): Promise<string | null> {
  const text = `${shownName(taken)} is the name of somebody else there: choose another one, or ` +
    "leave with Ctrl+C";
  const answer = (typed: string) => {
    const fault = nameFault(typed);
    if (fault === null) return typed.normalize("NFC");
    if (typed !== "") ui.show({ event: "notice", text: `That can't be your name: ${fault}` });
  };
  return await askUser(ui, text, "Another name: ", answer, COMING_IN);
}

/** The error of who has come by words, where the name is taken; any other as it is. */
export function usedUp(error: unknown): unknown {
  if (!isNameTaken(error)) return error;
  const { code, message } = error;
  const text = `${message}. The code is used up: ask for another one, which /invite --words makes`;
  return new P2pchatError(code, text);
}
