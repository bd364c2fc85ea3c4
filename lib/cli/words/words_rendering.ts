/** What `/invite --words` and `/invite --qr` show. */

import { shownName } from "../../base/text/names.ts";
import { timeText } from "../rendering/moments.ts";
import { nameSpan, questionLine } from "../rendering/spans.ts";
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

/** Somebody has come in by a word code, of whom the user is to say whether it is the one who was told the code. */
export interface CodeUsedEvent {
  readonly event: "code-used";
  readonly code: number;
  readonly name: string;
  readonly key: string;
  /** Whom the code was for, where the user has said so. */
  readonly to?: string;
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

export function codeUsedLine({ code, name, to }: CodeUsedEvent, nowMs: number): Line {
  const other = to === undefined ? [] : [", not by ", nameSpan(to)];
  const answers = ` (/verify ${shownName(name)} yes, or no)`;
  return questionLine(
    nowMs,
    ...[`Code ${code} was used by somebody called `, nameSpan(name), ...other],
    `: is that whom you told it to?${answers}`,
  );
}

function exact(text: string): Span {
  return { text, as: "exact" };
}
