/** How messages read, in every mode. */

import { numberText } from "../base/counts.ts";
import { nameSpan, ownNameSpan } from "./spans.ts";
import type { Line } from "./user_interface.ts";

/** What a line tells of a message. */
interface Said {
  readonly from: string;
  readonly text: string;
  readonly self: boolean;
  readonly history: boolean;
  /** ISO 8601, UTC, by the author's clock. */
  readonly sentAt: string;
}

/** Who said what, and when. */
export function messageLine(message: Said, nowMs: number): Line {
  const { from, text, self } = message;
  const author = self ? ownNameSpan(from) : nameSpan(from);
  return [...messageStart(message, nowMs), "<", author, "> ", { text, as: "body" }];
}

/** A text that is older has waited: for its receiver, or to be an entry. */
const LATE_MS = 60_000;

/** Whether it is an earlier one for whoever reads it now: it was shown before, or has waited. */
export function isEarlier(
  { history, sentAt }: Pick<Said, "history" | "sentAt">,
  nowMs: number,
): boolean {
  return history || nowMs - Date.parse(sentAt) > LATE_MS;
}

/** The time of an earlier message is its author's; any other is of this moment. */
export function messageStart(
  { history, sentAt }: Pick<Said, "history" | "sentAt">,
  nowMs: number,
): Line {
  const sentMs = history ? Date.parse(sentAt) : NaN;
  const timeMs = Number.isNaN(sentMs) ? nowMs : sentMs;
  return [{ timeMs }, history ? " (earlier) " : " "];
}

/** How many of one's own messages wait: the beginning of a sentence. */
export function waitText(messages: number): string {
  return `${numberText(messages)} of your messages ${messages === 1 ? "waits" : "wait"}`;
}
