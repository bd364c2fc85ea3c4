/** The kinds of arguments that commands take. */

import { P2pchatError } from "../base/errors.ts";
import { parseName, withoutMark } from "../base/names.ts";
import { checkedMessage } from "../base/text.ts";
import type { Argument } from "./commands.ts";

/** Text to be sent, literally, to the end of the line. */
export const messageText: Argument<string> = { parse: checkedMessage, takesRest: true };

/** A name as it is shown, of somebody who need not be there. */
export const memberName: Argument<string> = {
  parse: (text) => withoutMark(text).normalize("NFC"),
  completesNames: true,
};

/** A name to take; `bad-name` with the reason where it cannot be one. */
export const newName: Argument<string> = { parse: parseName };

/** How many entries to show: as many as any room keeps. */
const ENTRY_COUNT_MAX = 10_000;

/** A number of entries, from 1. */
export const entryCount: Argument<number | undefined> = {
  parse: (text) => {
    const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    if (count < 1 || count > ENTRY_COUNT_MAX) {
      throw new P2pchatError(
        "usage",
        `N must be a number from 1 to ${ENTRY_COUNT_MAX}, is "${text.slice(0, 40)}"`,
      );
    }
    return count;
  },
};
