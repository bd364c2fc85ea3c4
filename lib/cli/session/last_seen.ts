/**
 * When this profile was last in a place: a room, a group, a directory, or with the friends of a table. In the folder of
 * the place, as a table with one time, which is written at the start, each minute, and at the end.
 */

import { P2pchatError } from "../../base/errors.ts";
import { dateText } from "../../base/text/words.ts";
import { corruptError, type Disk } from "../../store/disk/disk.ts";
import { lineOf } from "../../store/disk/record_line.ts";
import { Table, type TableRow } from "../../store/disk/table.ts";
import type { Clock } from "../../base/machine/clock.ts";
import { COMMON_INTERVAL_MS } from "../../base/machine/common_times.ts";
import { COMMON_LINK_CLOCK } from "../../transport/system_clock.ts";
import type { ReturnedEvent } from "../rendering/user_interface.ts";

const LAST_SEEN_FORMAT = { format: "last-seen", version: 1 } as const;

/**
 * How often it is noted that the user is still here, ms: who is killed was last seen less than that ago. Such moments are
 * among those at which a program looks for keys and pings idle links, so that it needn't wake up for this.
 */
const NOTE_MS = 40 * COMMON_INTERVAL_MS;

/** The messages shown again at a terminal where the user gives no other number. */
const SHOWN_AGAIN_DEFAULT = 20;

/** How many of the last messages are shown again to who comes back; null: what the mode shows to scripts. */
export function shownAgain(
  { historyCount }: { readonly historyCount: number | null },
  { interactive }: { readonly interactive: boolean },
): number | null {
  return historyCount ?? (interactive ? SHOWN_AGAIN_DEFAULT : null);
}

export class LastSeen {
  #timer: { cancel(): void } | null = null;

  private constructor(readonly table: Table | null, readonly sinceMs: number | null) {}

  /** What can't be read is told by `warn`, and stays as it is: no program stays away for want of it. */
  static async open(disk: Disk, folder: string, warn: (text: string) => void): Promise<LastSeen> {
    const path = `${folder}/seen`;
    try {
      const { table, rows } = await Table.open(disk, path, LAST_SEEN_FORMAT);
      if (rows === null) return new LastSeen(table, null);
      const sinceMs = Date.parse(rows[0]?.[0] ?? "");
      if (Number.isNaN(sinceMs)) throw corruptError(path, lineOf(0), "it isn't a time");
      return new LastSeen(table, sinceMs);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      warn(`When you were last here isn't known: ${error.message}`);
      return new LastSeen(null, null);
    }
  }

  /**
   * What tells since when the user was away; null where that isn't known.
   * @param shown When the last of what an earlier process showed was said (ISO 8601), or empty: a process that was
   *   killed may have shown it since its last note.
   */
  returned(nowMs: number, shown: string): ReturnedEvent | null {
    if (this.sinceMs === null) return null;
    const shownMs = Date.parse(shown);
    const laterMs = Number.isNaN(shownMs) ? this.sinceMs : Math.max(this.sinceMs, shownMs);
    return { event: "returned", since: dateText(Math.min(laterMs, nowMs)) };
  }

  /** The user is here from now on, until `leave`. */
  here(wallMs: () => number, clock: Clock = COMMON_LINK_CLOCK): void {
    // Without a sync, as two each minute would keep a disk awake: the system writes it to the device when it likes.
    void this.#note((table, rows) => table.overwrite(rows), wallMs());
    this.#timer?.cancel();
    const dueMs = (Math.floor(clock.nowMs() / NOTE_MS) + 1) * NOTE_MS;
    this.#timer = clock.at(dueMs, () => this.here(wallMs, clock));
  }

  /** The user was here until now. */
  async leave(nowMs: number): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    await this.#note((table, rows) => table.write(rows), nowMs);
  }

  /** Where the disk refuses, the next start tells an earlier time. */
  async #note(
    write: (table: Table, rows: readonly TableRow[]) => Promise<void>,
    nowMs: number,
  ): Promise<void> {
    try {
      if (this.table !== null) await write(this.table, [[dateText(nowMs)]]);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
    }
  }
}
