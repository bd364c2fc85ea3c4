/** What was said between the user and one person alone, as the profile of each of them keeps it. */

import type { PeerKey } from "../ids.ts";
import { quotedStart } from "../text/text.ts";
import { hex, text, time, word } from "./cells.ts";
import { nullable, recordLog, row } from "./log_records.ts";

/** One message. */
export interface PrivateWords {
  /** Of its author's making: one who lies may use an id twice. */
  readonly id: string;
  /** Of the other one; null where a friend's isn't known yet. */
  readonly key: PeerKey | null;
  /** The other one's name then. */
  readonly name: string;
  /** Whether the user wrote it. */
  readonly self: boolean;
  readonly text: string;
  /** By its author's wall clock, ms. */
  readonly sentAt: number;
}

export const PRIVATE_LOG = recordLog("private-messages", 1, {
  said: row(
    "A private message to this name, or from it; in the order in which they were written and came.",
    {
      sentAt: time(),
      self: word<boolean>(
        { to: true, from: false },
        (text) => `${quotedStart(text)}, which is neither to nor from somebody`,
      ),
      name: text(),
      text: text(),
      id: text(),
      key: nullable(hex<PeerKey>()),
    },
  ),
  "taken-back": row("The user took this one back before it went out: nobody is shown it.", {
    id: text(),
  }),
});
