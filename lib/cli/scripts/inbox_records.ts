/** What an inbox keeps on the disk. */

import { count, text } from "../../base/schema/cells.ts";
import { optional, recordLog, row } from "../../base/schema/log_records.ts";

export const INBOX_LOG = recordLog("inbox", 1, {
  came: row(
    "A message of somebody else's waits for a `--wait`: as `--json` prints it. `seq`: its number in a group's log.",
    { id: text(), event: text(), seq: optional(count()) },
  ),
  taken: row("A `--wait` has printed this one, or it went to make room for others.", {
    id: text(),
  }),
  through: row(
    "From here on what comes is kept; of a group's log what is behind this number.",
    { seq: count() },
  ),
  led: row(
    "An address led the program into this room, and not into the one where it was before: its agent is to be told.",
    {},
  ),
  told: row("The agent was told.", {}),
});
