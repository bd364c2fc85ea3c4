/** Messages as text, the same in every mode. */

import { numberText } from "../../base/text/words.ts";
import { nameSpan, ownNameSpan } from "./spans.ts";
import type { Line } from "./user_interface.ts";

/** The parts of a message that its line shows. */
interface Said {
  readonly from: string;
  readonly text: string;
  readonly self: boolean;
  readonly history: boolean;
  /** Whether the author was removed before it came. */
  readonly removed?: true;
  /** ISO 8601, UTC, the author's clock. */
  readonly sentAt: string;
}

/** The line of a message: time, author, text. */
export function messageLine(message: Said, nowMs: number): Line {
  const { from, text, self } = message;
  const author = self ? ownNameSpan(from) : nameSpan(from);
  return [...messageStart(message, nowMs), "<", author, "> ", { text, as: "body" }];
}

/** Messages older than this were delayed: for their receiver, or in becoming an entry. */
const LATE_MS = 60_000;

/** Whether the message is shown as an earlier one: it is from the history, or was delayed. */
export function isEarlier(
  { history, sentAt }: Pick<Said, "history" | "sentAt">,
  nowMs: number,
): boolean {
  return history || nowMs - Date.parse(sentAt) > LATE_MS;
}

/** The start of the line. An earlier message has its author's time; any other one the present time. */
export function messageStart(
  { history, removed, sentAt }: Pick<Said, "history" | "removed" | "sentAt">,
  nowMs: number,
): Line {
  const sentMs = history ? Date.parse(sentAt) : NaN;
  const timeMs = Number.isNaN(sentMs) ? nowMs : sentMs;
  return [{ timeMs }, removed === true ? " (removed) " : history ? " (earlier) " : " "];
}

/** How many of the user's messages wait: the beginning of a sentence. */
export function waitText(messages: number): string {
  return `${numberText(messages)} of your messages ${messages === 1 ? "waits" : "wait"}`;
}
