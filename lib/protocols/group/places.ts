/**
 * Places for those who come. A fresh key and a hello cost nothing, so whoever comes always finds one: that of the
 * stranger who has it for the longest time without exchanging datagrams with anybody. An honest newcomer is heard
 * within a moment, and comes in; a crowd that only says hello displaces itself. Of one address few wait at once, and
 * whoever comes beside those finds a place when one of them has had the time to be heard. Who alone can speak for a view
 * that may have shown something needs none: nothing goes on without.
 */

import { ipv6Prefix } from "../../base/endpoints.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { Refusal } from "./admission.ts";
import type { Attendance, Attendee, GroupLink } from "./attendance.ts";
import { JOINERS_MAX, STRANGER_MS_MIN, STRANGERS_PER_ADDRESS_MAX } from "./limits.ts";
import type { Views, Voice } from "./views.ts";

export type Place =
  | { readonly type: "free" }
  | { readonly type: "instead of"; readonly attendee: Attendee }
  | { readonly type: "none"; readonly refusal: Refusal };

const FREE = { type: "free" } as const;
/** There are places, and no time for all: there will be one in a moment. */
export const CROWDED: Refusal = {
  code: "too-fast",
  text: "Too many are coming into the group at once; come back later",
};

/** Somebody else has the name now, and may not be heard either: it may come back. */
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

  /** For whoever comes, or waits, while it is. */
  get full(): Refusal {
    const text = `The group is full, it has ${this.config.membersMax} members; come back later`;
    return { code: "full", text };
  }

  /**
   * @param voice What it says of itself.
   * @param isKnown Whether it was a member before: it goes before strangers, and none takes its place.
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
    // It goes before strangers that are heard, too; where there are none, before one who isn't heard.
    const unknown = joining.find((attendee) => !attendee.isKnown);
    return insteadOf(strangers[0] ?? unknown ?? unheard[0]);
  }

  /** Whether it speaks for an open view for which nobody who is here does: of each that is one at a time. */
  #isNeeded(voice: Voice): boolean {
    const lacking = this.views.lacking(this.attendance.here);
    return lacking.some((view) => this.views.isVoiceOf(view, voice));
  }

  /** Those who are here and not in the view, in the order in which they came. */
  get joining(): readonly Attendee[] {
    return this.attendance.here.filter(({ key }) => this.views.member(key) === null);
  }

  /**
   * Whether nobody else may come under its name: it is in a view, somebody of the view hears it, or it may be heard yet.
   * Anybody can say hello under any name, and stay for as long as it answers.
   */
  keepsName(holder: Attendee, nowMs: number): boolean {
    return !this.mayLoseName(holder) || nowMs < holder.cameAtMs + STRANGER_MS_MIN;
  }

  /** Whether it is in no view, and nobody of the view hears it yet. */
  mayLoseName({ key }: Attendee): boolean {
    if (this.views.isInOpen(key) || this.isHeard(key)) return false;
    return this.attendance.here.some((other) => this.views.member(other.key) !== null);
  }

  /** Whether somebody of the view exchanges datagrams with it. */
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

/** Of IPv6 a /64 counts as one, which is what one customer gets. */
function isSameAddress(one: string, other: string): boolean {
  return (ipv6Prefix(one) ?? one) === (ipv6Prefix(other) ?? other);
}
