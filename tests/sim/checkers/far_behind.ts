/**
 * Members that were away while more messages were sent than are kept: they may miss older messages, or get them
 * late.
 */

import type { Ledger, Said } from "../mesh/ledger.ts";
import type { Member } from "../mesh/member.ts";

/** Somewhat less than the 10,000 messages that are kept. */
const BEHIND_MAX = 9_000;
/** Time for several rounds of anti-entropy and their messages. */
const CATCHING_UP_MS = 30_000;

/** After so many later messages, one may not be kept any more; messages that liars invent take room, too. */
function behindMax({ madeUp }: Ledger): number {
  return BEHIND_MAX - madeUp.size;
}

/** Whether so many messages come later in room time that this one may not be kept any more. */
export function isPassed({ time }: Said, ledger: Ledger): boolean {
  if (time === null || ledger.said.length <= behindMax(ledger)) return false;
  let later = 0;
  for (const other of ledger.said) {
    if (other.to === null && other.time !== null && other.time > time) later++;
  }
  return later > behindMax(ledger);
}

export class FarBehind {
  /** Until when a member counts as far behind: from the start of a process or link until it can have caught up. */
  readonly #untilMs = new Map<Member, number>();

  /** To be called when a process, or a link of one, begins. */
  cameBack(member: Member): void {
    const { ledger, time } = member.world;
    if (lacksOf(member, ledger) > behindMax(ledger)) {
      this.#untilMs.set(member, time.nowMs + CATCHING_UP_MS);
    }
  }

  /**
   * Whether the message was sent before a member that was too far behind had caught up, and precedes in room time
   * all that is kept. A member that is so far behind goes on without such old messages, since it may have been
   * shown an answer to them.
   */
  isTooOld(said: Said, member: Member): boolean {
    // The process may have been stalled while its links stayed up.
    this.cameBack(member);
    return said.saidAtMs < (this.#untilMs.get(member) ?? 0) && isPassed(said, member.world.ledger);
  }
}

/** The number of messages to all that a user hasn't been shown. */
function lacksOf({ shown }: Member, ledger: Ledger): number {
  const { said: all } = ledger;
  if (all.length <= behindMax(ledger)) return 0;
  return all.filter((said) => said.to === null && !shown.has(said)).length;
}
