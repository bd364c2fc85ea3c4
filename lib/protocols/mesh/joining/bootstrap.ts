/**
 * Bootstrapping: through which member a process joins a room. A newcomer dials the addresses that it was given, a
 * returning member the members that it remembers: a few at a time, and the next ones as soon as one fails or when none
 * has answered for a while, while the earlier dials go on (as in "happy eyeballs", RFC 8305, section 5). The first that
 * answers is asked for admission, then the next, where that fails. A newcomer that met a crowd begins again with the
 * first of them, some times.
 */

import type { LinkId } from "../../../base/ids.ts";
import { invariant } from "../../../base/invariant.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import type { JoinFailure } from "./room_setup.ts";
import type { Dial, Dialling } from "../links/dialling.ts";
import type { DialFailureReason } from "../schema/mesh_io.ts";

/**
 * As in the overlay: a handshake is two round trips; beyond it another member is the better bet. The longest pause
 * that RFC 8305 knows, since a member that is dialled in vain has done a handshake for nothing.
 */
const ATTEMPT_MS = 2_000;
/** How many are dialled at once: newcomers with one invite dial the same members, returning members various ones. */
const PARALLEL = { join: 2, resume: 4 } as const;
/** A crowd of newcomers at a member is gone within seconds, or it is an attack of which the user should hear. */
const JOIN_RETRIES_MAX = 7;
const JOIN_RETRY_MS_MIN = 500;
const JOIN_RETRY_MS_MAX = 1_000;

interface Entrance {
  readonly link: LinkId;
  readonly dial: Dial;
}

interface BootstrapPort {
  random(): number;
  /** Nobody admits us yet, and all contacts are tried again; called once. */
  delayed(text: string): void;
  /** Nobody has admitted us, or answered in time; the failures are in the order of the contacts. */
  exhausted(failures: readonly JoinFailure[]): void;
}

export class Bootstrap {
  /** Contacts still to be dialled in this round. */
  #waiting: Dial[];
  /** Failures of this round. */
  readonly #failures = new Map<Dial, Refusal>();
  #entrance: Entrance | null = null;
  #retries = 0;
  readonly deadlines = new Deadlines({
    /** When the next ones are dialled although those before haven't answered. */
    attempt: (nowMs) => this.#dialNext(nowMs, true),
    /** When all are dialled once more. */
    retry: (nowMs) => {
      this.#startAgain();
      this.#dialNext(nowMs, false);
    },
  });

  /**
   * @param contacts Whom to dial, the best bet first; none twice.
   * @param isFirstDecisive Whether the others are dialled only once the first can't be reached or doesn't let us in,
   *   and never where another room, or another key than the named one, answers there.
   */
  constructor(
    private readonly purpose: "join" | "resume",
    private readonly contacts: readonly Dial[],
    private readonly dialling: Dialling,
    private readonly port: BootstrapPort,
    private readonly isFirstDecisive = false,
  ) {
    this.#waiting = [...contacts];
  }

  /** The link over which we ask for admission, and the dial that it answers; null while nobody has answered. */
  get entrance(): Entrance | null {
    return this.#entrance;
  }

  start(nowMs: number): void {
    this.#dialNext(nowMs, false);
  }

  #startAgain(): void {
    this.#waiting = [...this.contacts];
    this.#failures.clear();
  }

  /**
   * A contact has answered.
   * @returns Whether its link is of use. A newcomer asks one member at a time, and is a stranger to the others; for a
   *   returning member they are future neighbours.
   */
  linkUp(link: LinkId, dial: Dial): boolean {
    if (this.#entrance === null) {
      this.#entrance = { link, dial };
      return true;
    }
    if (this.purpose === "join") this.#waiting.unshift(dial);
    return this.purpose === "resume";
  }

  /** A contact can't be reached, or isn't the member for which we look. */
  dialFailed(dial: Dial, refusal: Refusal, nowMs: number): void {
    this.#failures.set(dial, refusal);
    if (this.#isDecided(dial, refusal)) this.#exhausted(nowMs);
    else this.#dialNext(nowMs, false);
  }

  #isDecided(dial: Dial, { reason }: Refusal): boolean {
    const isOther = reason === "wrong-room" || reason === "wrong-key";
    return this.isFirstDecisive && dial === this.contacts[0] && isOther;
  }

  /** The member that was asked hasn't admitted us. */
  entranceFailed(refusal: Refusal, nowMs: number): void {
    const entrance = this.#entrance;
    invariant(entrance !== null, "only who was asked turns us away");
    this.#entrance = null;
    if (this.purpose === "join" || refusal.reason !== "timeout") {
      return this.dialFailed(entrance.dial, refusal, nowMs);
    }
    // It has answered the dial and isn't in the room itself: where all members start at once each asks another one, and
    // the next ones are no further.
    this.#failures.set(entrance.dial, refusal);
    this.#exhausted(nowMs);
  }

  /** Why the contacts that were tried haven't admitted us. */
  get failures(): readonly JoinFailure[] {
    return this.contacts.flatMap((dial) => {
      const refusal = this.#failures.get(dial);
      if (refusal === undefined) return [];
      return [{ contact: dial.endpoint, reason: refusal.reason, text: refusal.text }];
    });
  }

  /**
   * Dials the next ones.
   * @param isSlow Whether those that were dialled have had their time, though a dial lasts up to 10 s.
   */
  #dialNext(nowMs: number, isSlow: boolean): void {
    if (this.#entrance !== null) return;
    const underWay = this.dialling.underWay(this.purpose);
    if (underWay > 0 && this.#isFirstAwaited()) return;
    const parallel = PARALLEL[this.purpose];
    const room = isSlow ? parallel : Math.max(0, parallel - underWay);
    const batch = this.#waiting.splice(0, this.#isFirstAwaited() ? 1 : room);
    for (const dial of batch) this.dialling.dial(dial);
    if (batch.length > 0) this.deadlines.set("attempt", nowMs + ATTEMPT_MS);
    else if (this.#waiting.length > 0) {
      this.deadlines.setEarliest("attempt", nowMs + ATTEMPT_MS); // there is none where the entrance has failed
    } // A returning member can be alone in the room, and waits for nobody that is gone; a newcomer can only wait.
    else if (underWay === 0 || (isSlow && this.purpose === "resume")) this.#exhausted(nowMs);
  }

  #isFirstAwaited(): boolean {
    const [first] = this.contacts;
    return this.isFirstDecisive && first !== undefined && !this.#failures.has(first);
  }

  #exhausted(nowMs: number): void {
    this.deadlines.clear("attempt");
    const again = [...this.#failures.values()].findLast(({ again }) => again);
    if (this.purpose === "resume" || again === undefined || this.#retries === JOIN_RETRIES_MAX) {
      return this.port.exhausted(this.failures);
    }
    const pauseMs = Math.min(JOIN_RETRY_MS_MAX, JOIN_RETRY_MS_MIN * 2 ** this.#retries);
    if (this.#retries++ === 0) this.port.delayed(again.text);
    this.deadlines.set("retry", nowMs + pauseMs * (1 + this.port.random()));
  }
}

export interface Refusal extends Pick<JoinFailure, "reason" | "text"> {
  /** Whether it may yet admit us. */
  readonly again: boolean;
}

/** Another process of this profile answers, or this one. */
export const MET_SELF: Refusal = {
  reason: "self",
  text: "this very profile answers there",
  again: false,
};

/** Refusals by one member that say nothing about the others. */
const OF_ONE_MEMBER = [
  "wrong-room",
  "timeout",
  "unreachable",
  "protocol",
  "bad-credentials",
  "full",
  "too-fast",
] as const;
export type OfOneMember = typeof OF_ONE_MEMBER[number];

/** Whether another member may admit us all the same. */
export function isOfOneMember(code: string): code is OfOneMember {
  return OF_ONE_MEMBER.some((known) => known === code);
}

/** The refusal of a member that was asked. */
export function refusalOf(reason: OfOneMember, text: string): Refusal {
  switch (reason) {
    case "unreachable": // there was a crowd perhaps, or the member is gone
      return { reason, text: "the member closed the connection", again: true };
    case "too-fast":
      return { reason, text: "it admits no more newcomers at the moment", again: true };
    default:
      return { reason, text, again: false };
  }
}

/** The link to the member broke before it could be asked. */
export const LINK_BROKE: Refusal = {
  reason: "unreachable",
  text: "the connection to it broke",
  again: false,
};

/** The refusal for a member that was dialled in vain. */
export function failedDial(reason: DialFailureReason, text: string): Refusal {
  return { reason, text, again: reason === "full" };
}
