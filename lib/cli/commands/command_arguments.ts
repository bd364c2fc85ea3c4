/** The kinds of arguments of commands. */

import { P2pchatError } from "../../base/errors.ts";
import { FINGERPRINT_CHARACTERS } from "../../base/text/fingerprint.ts";
import type { VerifyAnswer } from "../../base/machine/mode_machine.ts";
import { NAME_LENGTH_MAX, parseName, withoutMark } from "../../base/text/names.ts";
import {
  ACTION_START,
  checkedMessage,
  quotedStart,
  startOf,
  utf8Length,
} from "../../base/text/text.ts";
import { NOTIFY_LEVELS, type NotifyLevel } from "../../store/profile/settings.ts";
import type { Argument } from "./commands.ts";

/** Placeholders for a name in the usage and docs. */
const NAME_PLACEHOLDERS: readonly string[] = ["NAME", "NEW"];

/**
 * A new name for somebody.
 * @throws {P2pchatError} `bad-name` where it is invalid, or is a placeholder copied from the usage.
 */
export function chosenName(text: string): string {
  if (!NAME_PLACEHOLDERS.includes(text)) return parseName(text);
  throw new P2pchatError(
    "bad-name",
    `${text} stands for a name of your choice, as Alice: put one in its place`,
  );
}

/** Text to be sent exactly as typed, to the end of the line. */
export const messageText: Argument<string> = { parse: checkedMessage, takesRest: true };

/** What the user does: as the text of a message. */
export const actionText: Argument<string> = {
  parse: (text) => checkedMessage(`${ACTION_START}${text}`),
  takesRest: true,
};

/**
 * Text of at most so many bytes of UTF-8, to the end of the line; undefined where there is none.
 * @param what `The reason`.
 */
export function shortText(what: string, bytesMax: number): Argument<string | undefined> {
  return {
    parse: (typed) => {
      const text = checkedMessage(typed).trim();
      const bytes = utf8Length(text);
      if (bytes <= bytesMax) return text;
      throw new P2pchatError(
        "too-long",
        `${what} has ${bytes} bytes, at most ${bytesMax} are possible: make it shorter`,
      );
    },
    takesRest: true,
  };
}

/** A name that two people have is shown with the start of a fingerprint. */
export const SHOWN_NAME_LENGTH_MAX = NAME_LENGTH_MAX + "~".length + FINGERPRINT_CHARACTERS;

/** A name as it is shown, of somebody who may be absent. */
export const memberName: Argument<string> = {
  parse: (text) => {
    const name = withoutMark(text).normalize("NFC");
    if (name.trim() === "") {
      throw new P2pchatError("usage", "NAME is empty: name somebody");
    }
    if ([...name].length <= SHOWN_NAME_LENGTH_MAX) return name;
    throw new P2pchatError("unknown-user", `${quotedStart(name)} isn't a possible name`);
  },
  completesNames: true,
};

/**
 * With whom the user spoke privately. A number alone is how much is to be shown, and whoever is called so is named with
 * one behind it.
 */
export const correspondentName: Argument<string | undefined> = {
  ...memberName,
  typedAs: "(?!\\d+\\s*$)[^\\s/]\\S*",
};

/** What the user found by comparing digits. */
export const verifyAnswer: Argument<VerifyAnswer | undefined> = {
  parse: (text) => {
    const answer = text.toLowerCase();
    if (answer === "yes" || answer === "y") return "yes";
    if (answer === "no" || answer === "n") return "no";
    throw new P2pchatError(
      "usage",
      `${
        quotedStart(text)
      } isn't an answer: /verify NAME shows the digits, then /verify NAME yes where they ` +
        "are the same at both ends, /verify NAME no where they aren't",
    );
  },
};

/** What the user is told of. */
export const notifyLevel: Argument<NotifyLevel | undefined> = {
  parse: (text) => {
    const level = NOTIFY_LEVELS.find((each) => each === text.toLowerCase());
    if (level !== undefined) return level;
    const levels = NOTIFY_LEVELS.join(", ");
    throw new P2pchatError("usage", `LEVEL must be one of ${levels}, not ${quotedStart(text)}`);
  },
};

/** A name to take; throws `bad-name` with the reason where it is invalid. */
export const newName: Argument<string> = { parse: chosenName };

/** A longer text is nothing that anybody looks for. */
const SEARCHED_BYTES_MAX = 1_024;
/** As many messages found are shown where no other number is given. */
export const FOUND_COUNT_DEFAULT = 20;

function parseSearched(typed: string): string {
  const text = checkedMessage(typed).trim();
  if (text === "") throw new P2pchatError("usage", "TEXT is empty: say what to look for");
  const bytes = utf8Length(text);
  if (bytes <= SEARCHED_BYTES_MAX) return text;
  throw new P2pchatError(
    "too-long",
    `TEXT has ${bytes} bytes, at most ${SEARCHED_BYTES_MAX} can be looked for: make it shorter`,
  );
}

/** What to look for in what was said. */
export const searchedText: Argument<string | undefined> = { parse: parseSearched };

/** The same, to the end of the line. */
export const searchedRest: Argument<string> = { parse: parseSearched, takesRest: true };

/** The most entries that a command shows: as many as any room keeps. */
const ENTRY_COUNT_MAX = 10_000;

/** A number of entries, as the flag --history takes it. */
export const entryCount: Argument<number | undefined> = countUpTo(ENTRY_COUNT_MAX);

/** An optional number from 1 to `max`. */
export function countUpTo(max: number): Argument<number | undefined> {
  return {
    parse: (text) => {
      const count = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
      if (count <= max) return count;
      throw new P2pchatError(
        "usage",
        `N must be a number from 0 to ${max}, not "${startOf(text, 40)}"`,
      );
    },
  };
}

/** The id of a message: what was said before it is asked for. */
export const beforeMessage: Argument<string | undefined> = { parse: (text) => text };

/** No log is that long. */
const ENTRY_NUMBER_MAX = 999_999_999_999_999;

/** The number of an entry, from 1. @param form What the user should type, for errors. */
export function entryNumber(form: string): Argument<number> {
  const number = numberOf("an entry", form);
  return {
    parse: (text) => {
      // A number of an object is written as 1e+21 where it is very large.
      const isBeyond = /^\d[\d.]*(e\+\d+)?$/.test(text) && Number(text) > ENTRY_NUMBER_MAX;
      if (!isBeyond) return number.parse(text);
      throw new P2pchatError("no-such-entry", `There is no entry ${startOf(text, 40)}`);
    },
  };
}

/** The number of something, for example an edit, from 1. @param form What the user should type, for errors. */
export function numberOf(what: string, form: string): Argument<number> {
  return {
    parse: (text) => {
      const number = /^\d{1,15}$/.test(text) ? Number(text) : 0;
      if (number >= 1) return number;
      throw new P2pchatError("usage", `${quotedStart(text)} isn't the number of ${what}; ${form}`);
    },
  };
}

/** The same, optional. */
export function maybeNumberOf(what: string, form: string): Argument<number | undefined> {
  return numberOf(what, form);
}

/** A switch: true if it is given. */
export const isGiven: Argument<true | undefined> = { parse: () => true, isSwitch: true };
