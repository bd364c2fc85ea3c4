/**
 * Places for newcomers. A fresh key and a hello cost nothing, so a newcomer always finds a place: that of the
 * stranger that has waited longest without exchanging datagrams with anybody. An honest newcomer is heard within a
 * moment, and comes in; a crowd that only says hello displaces itself. Few strangers of one address wait at once;
 * others of that address get a place when one of those has had the time to be heard. A newcomer that alone can speak
 * for a view that may have shown something needs no place: nothing goes on without it.
 */

import { ipv6Prefix } from "../../../base/text/endpoints.ts";
import type { PeerKey } from "../../../base/ids.ts";
import type { Attendance, Attendee, GroupLink } from "../detector/attendance.ts";
import { JOINERS_MAX, STRANGER_MS_MIN, STRANGERS_PER_ADDRESS_MAX } from "../schema/limits.ts";
import type { GroupRefusal } from "../schema/messages.ts";
import type { Views, Voice } from "../detector/views.ts";

/** Why a link isn't let in. */
export interface Refusal {
  readonly code: GroupRefusal;
  /** Text for the one that is refused. */
  readonly text: string;
}

export type Place =
  | { readonly type: "free" }
  | { readonly type: "instead of"; readonly attendee: Attendee }
  | { readonly type: "none"; readonly refusal: Refusal };

const FREE = { type: "free" } as const;
/** There are places, but not enough time for all: there will be one in a moment. */
export const CROWDED: Refusal = {
  code: "too-fast",
  text: "Too many are coming into the group at once; come back later",
};

/** Somebody else has the name now, and may not be heard either: the former holder may come back. */
export const NAMESAKE: Refusal = {
  code: "too-fast",
  text: "Somebody else has come under your name; come back later",
};

export class Places {
  constructor(
    readonly config: { readonly membersMax: number },
    readonly views: Views,
    readonly attendance: Attendance,
  ) {}

  /** Whether each place in the view is taken. */
  get isFull(): boolean {
    return this.views.members.length >= this.config.membersMax;
  }

  /** The refusal for newcomers while the group is full. */
  get full(): Refusal {
    const text = `The group is full, it has ${this.config.membersMax} members; come back later`;
    return { code: "full", text };
  }

  /**
   * @param voice What the newcomer says of itself.
   * @param isKnown Whether it was a member before: then it goes before strangers, and none of them takes its place.
   */
  placeFor({ peer, host }: GroupLink, voice: Voice, isKnown: boolean, nowMs: number): Place {
    if (this.views.member(peer) !== null || this.attendance.get(peer) !== null) return FREE;
    if (this.#isNeeded(voice)) return FREE;
    if (this.isFull) return { type: "none", refusal: this.full };
    const { joining } = this;
    const unheard = joining.filter(({ key }) => !this.isHeard(key));
    const strangers = unheard.filter((attendee) => !attendee.isKnown);
    // Many programs may run on the coordinator's own machine, and dial it there.
    const same = isKnown || host === null
      ? []
      : strangers.filter(({ seenHost }) => seenHost !== null && isSameAddress(seenHost, host));
    if (same.length >= STRANGERS_PER_ADDRESS_MAX) {
      return insteadOf(same.find(({ cameAtMs }) => cameAtMs + STRANGER_MS_MIN <= nowMs));
    }
    if (joining.length < JOINERS_MAX) return FREE;
    if (!isKnown) return insteadOf(strangers[0]);
    // A known newcomer goes before strangers even if they are heard; without strangers, before one that isn't heard.
    const unknown = joining.find((attendee) => !attendee.isKnown);
    return insteadOf(strangers[0] ?? unknown ?? unheard[0]);
  }

  /** Whether the newcomer speaks for an open view that nobody here speaks for: then one is let in at a time. */
  #isNeeded(voice: Voice): boolean {
    const lacking = this.views.lacking(this.attendance.here);
    return lacking.some((view) => this.views.isVoiceOf(view, voice));
  }

  /** Those that are here and not in the view, in the order in which they came. */
  get joining(): readonly Attendee[] {
    return this.attendance.here.filter(({ key }) => this.views.member(key) === null);
  }

  /**
   * Whether nobody else may come in under the holder's name: it is in a view, a member of the view hears it, or it
   * may be heard soon. Anybody can say hello under any name, and stay as long as it answers.
   */
  keepsName(holder: Attendee, nowMs: number): boolean {
    return !this.mayLoseName(holder) || nowMs < holder.cameAtMs + STRANGER_MS_MIN;
  }

  /** Whether the attendee is in no view, and no member of the view hears it yet. */
  mayLoseName({ key }: Attendee): boolean {
    if (this.views.isInOpen(key) || this.isHeard(key)) return false;
    return this.attendance.here.some((other) => this.views.member(other.key) !== null);
  }

  /** Whether a member of the view exchanges datagrams with this attendee. */
  isHeard(key: PeerKey): boolean {
    return this.views.members.some((member) =>
      this.attendance.get(member.key)?.hears?.has(key) === true
    );
  }
}

function insteadOf(attendee: Attendee | undefined): Place {
  return attendee === undefined
    ? { type: "none", refusal: CROWDED }
    : { type: "instead of", attendee };
}

/** A /64 of IPv6 counts as one address, as that is what one customer gets. */
function isSameAddress(one: string, other: string): boolean {
  return (ipv6Prefix(one) ?? one) === (ipv6Prefix(other) ?? other);
}
