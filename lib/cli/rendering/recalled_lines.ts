/** What was said between the user and others before, as lines of text. */

import type { RecalledMessage } from "../../base/machine/mode_machine.ts";
import { actionIn, heardLines, nameSpan, ownNameSpan, saidBy } from "./spans.ts";
import type { Line, Span } from "./user_interface.ts";

export function recalledLines(
  messages: readonly RecalledMessage[],
  searched: string | undefined,
  nowMs: number,
): Iterable<Line> {
  const lineOf = (message: RecalledMessage): Line => {
    const sentMs = Date.parse(message.sentAt);
    const time: Span = { timeMs: Number.isNaN(sentMs) ? nowMs : sentMs };
    const { self, from, to = "?", text } = message;
    if (self) return [time, " ", ...saidTo(to, from, text)];
    return [time, " ", ...saidBy(nameSpan(message.shown), text)];
  };
  return heardLines<RecalledMessage>(messages, lineOf, searched);
}

/** `<alice -> bob> hello`: one's own words to somebody. */
export function saidTo(to: string, self: string, text: string): Line {
  const action = actionIn(text);
  return [
    action === null ? "<" : "<* ",
    ownNameSpan(self),
    " -> ",
    nameSpan(to),
    "> ",
    { text: action ?? text, as: "body" },
  ];
}
