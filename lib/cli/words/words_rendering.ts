/** What `/invite --words` and `/invite --qr` show. */

import { timeText } from "../rendering/moments.ts";
import type { Line, Span } from "../rendering/user_interface.ts";

/** A word code: it is good once, and so may stand on a command line. */
export interface WordsEvent {
  readonly event: "words";
  /** The code: a number and two words. */
  readonly words: string;
  /** The command for others to type. */
  readonly line: string;
  /** ISO 8601, UTC. */
  readonly expires: string;
}

/** An invite, as a QR code too: rows of at most 80 columns. */
export interface QrInviteEvent {
  readonly event: "invite";
  readonly invite: string;
  readonly line: string;
  readonly qr: readonly string[];
}

export function wordsLines({ words, line, expires }: WordsEvent): readonly Line[] {
  return [
    ["Say these to whoever is to join: ", exact(words)],
    [`They are good once, until ${timeText(Date.parse(expires), false)}. Others join with:`],
    [exact(line)],
  ];
}

function exact(text: string): Span {
  return { text, as: "exact" };
}
