/** Which attendees are put out of the view, or sent away, and for how long. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { LinkId, PeerKey } from "../../../base/ids.ts";
import type { Attendance, Attendee } from "../detector/attendance.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import type { LeftReason } from "../schema/events.ts";
import {
  HELLO_MS_MAX,
  REMEMBERED_MAX,
  RETURN_PAUSE_FORGOTTEN_MS,
  RETURN_PAUSE_MS_MAX,
  RETURN_PAUSE_MS_MIN,
  WAIT_MS_MAX,
} from "../schema/limits.ts";
import type { Parting } from "../schema/messages.ts";

interface Pause {
  readonly ms: number;
  readonly fromMs: number;
}

/** How it is told that an attendee is parted. */
const LEFT_BECAUSE: Readonly<Record<Parting, LeftReason>> = {
  left: "quit",
  silent: "lost",
  kicked: "removed",
  replaced: "lost",
};

export class Partings {
  readonly #pauses = new Map<PeerKey, Pause>();
  /** Why attendees are gone, by key. */
  readonly #reasons = new Map<PeerKey, string>();

  constructor(
    readonly attendance: Attendance,
    readonly out: CoordinatorOutput,
    /** The attendee isn't in the attendance any more. */
    readonly parted: (attendee: Attendee, reason: LeftReason) => void,
  ) {}

  /** The attendee was silent for too long, or broke the rules; it may say hello on another link. */
  gone(attendee: Attendee, reason: string): void {
    this.attendance.remove(attendee.key);
    this.#reasons.set(attendee.key, reason);
    dropOldest(this.#reasons, REMEMBERED_MAX);
    if (attendee.link !== null) this.out.close(attendee.link, reason);
    this.parted(attendee, "lost");
  }

  /** Why the attendee was last gone, part of a sentence; null where that isn't known. */
  reasonOf(key: PeerKey): string | null {
    return this.#reasons.get(key) ?? null;
  }

  /** The attendee holds up the others, and is in no view: each time it stays out for longer. */
  pause(attendee: Attendee): void {
    const { nowMs } = this.out;
    const { key } = attendee;
    const last = this.#recentPause(key);
    const ms = last !== null ? Math.min(2 * last.ms, RETURN_PAUSE_MS_MAX) : RETURN_PAUSE_MS_MIN;
    this.#pauses.delete(key);
    this.#pauses.set(key, { ms, fromMs: nowMs });
    dropOldest(this.#pauses, REMEMBERED_MAX);
    this.#part(attendee, "silent", ms);
  }

  #recentPause(key: PeerKey): Pause | null {
    const last = this.#pauses.get(key);
    if (last === undefined) return null;
    return this.out.nowMs - last.fromMs < last.ms + RETURN_PAUSE_FORGOTTEN_MS ? last : null;
  }

  /** Whether the owner of this key held up the others of late, and was out for that. */
  wasOut(key: PeerKey): boolean {
    return this.#recentPause(key) !== null;
  }

  /** The last one is out: it closes the link itself once that is on its disk. */
  dismissLast(attendee: Attendee, why: "left" | "kicked"): void {
    const link = attendee.link === null ? null : this.attendance.link(attendee.link);
    this.attendance.remove(attendee.key);
    if (link !== null) {
      link.isLastOut = true;
      link.greetByMs = this.out.nowMs + WAIT_MS_MAX;
      this.out.send(link.id, { type: "parted", why, pauseMs: 0 });
    }
    this.parted(attendee, LEFT_BECAUSE[why]);
  }

  /** The attendee is out for good: `left`, `kicked` or `replaced`. */
  dismiss(attendee: Attendee, why: Exclude<Parting, "silent">): void {
    this.#part(attendee, why, 0);
  }

  /** When the owner of this key may be in a view again. */
  notBeforeMs(key: PeerKey): number {
    const pause = this.#pauses.get(key);
    return pause === undefined ? -Infinity : pause.fromMs + pause.ms;
  }

  #part(attendee: Attendee, why: Parting, pauseMs: number): void {
    const { link, key } = attendee;
    this.attendance.remove(key);
    if (link !== null) this.#tell(link, why, pauseMs);
    this.parted(attendee, LEFT_BECAUSE[why]);
  }

  #tell(link: LinkId, why: Parting, pauseMs: number): void {
    this.out.send(link, { type: "parted", why, pauseMs });
    if (why !== "silent") return this.out.close(link, `out of the group: ${why}`);
    const known = this.attendance.link(link);
    // It says hello again, on this link or another one.
    if (known !== null) known.greetByMs = this.out.nowMs + pauseMs + HELLO_MS_MAX;
  }
}
