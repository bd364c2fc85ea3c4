/** What `/invite --words` and `/invite --qr` show. */

import { shownName } from "../../base/text/names.ts";
import { timeText } from "../rendering/moments.ts";
import { nameSpan, questionLine } from "../rendering/spans.ts";
import type { Line, Span } from "../rendering/user_interface.ts";

export type WordCodeEvent = WordsEvent | CodeUsedEvent;

/** A word code: it is good once, and so may stand on a command line. */
interface WordsEvent {
  readonly event: "words";
  /** The code: a number and two words. */
  readonly words: string;
  /** The command for others to type. */
  readonly line: string;
  /** ISO 8601, UTC. */
  readonly expires: string;
}

/** Somebody has come in by a word code, of whom the user is to say whether it is the one who was told the code. */
interface CodeUsedEvent {
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

export function wordCodeLines(event: WordCodeEvent, nowMs: number): readonly Line[] {
  if (event.event === "words") {
    const { words, line, expires } = event;
    return [
      ["Say this to one person: ", exact(words)],
      [`Valid once, until ${timeText(Date.parse(expires), false)}. Others join with:`],
      [exact(line)],
    ];
  }
  const { code, name, to } = event;
  const other = to === undefined ? [] : [", not by ", nameSpan(to)];
  const answers = `: is that whom you told it to? (/verify ${shownName(name)} yes, or no)`;
  const used = [`Code ${code} was used by somebody called `, nameSpan(name), ...other, answers];
  return [questionLine(nowMs, ...used)];
}

function exact(text: string): Span {
  return { text, as: "exact" };
}
