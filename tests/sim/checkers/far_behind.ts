/** Who was away while more than is kept was said: of what is as old, it misses some, or sees it late. */

import type { Ledger, Said } from "../mesh/ledger.ts";
import type { Member } from "../mesh/member.ts";

/** Somewhat below the 10,000 that are kept. */
const BEHIND_MAX = 9_000;
/** Some rounds of anti-entropy, and what they bring. */
const CATCHING_UP_MS = 30_000;

/** So many later messages, and one may be kept no more; what liars say takes the place of others'. */
function behindMax({ madeUp }: Ledger): number {
  return BEHIND_MAX - madeUp.size;
}

/** Whether so much comes after it in room time that it is kept no more. */
export function isPassed({ time }: Said, ledger: Ledger): boolean {
  if (time === null || ledger.said.length <= behindMax(ledger)) return false;
  let later = 0;
  for (const other of ledger.said) {
    if (other.to === null && other.time !== null && other.time > time) later++;
  }
  return later > behindMax(ledger);
}

export class FarBehind {
  /** Until when who lacked too many was behind: as a process or a link began, and as long as it takes to catch up. */
  readonly #untilMs = new Map<Member, number>();

  /** To be asked where a process, or a link of one, began. */
  cameBack(member: Member): void {
    const { ledger, time } = member.world;
    if (lacksOf(member, ledger) > behindMax(ledger)) {
      this.#untilMs.set(member, time.nowMs + CATCHING_UP_MS);
    }
  }

  /**
   * Whether it was said before a member that was too far behind had caught up, and comes before in room time what is kept:
   * whoever is that far behind goes on without what is as old, since it may have been shown an answer to it.
   */
  isTooOld(said: Said, member: Member): boolean {
    // It may have stood still, its links alive.
    this.cameBack(member);
    return said.saidAtMs < (this.#untilMs.get(member) ?? 0) && isPassed(said, member.world.ledger);
  }
}

/** How much of what was said to all a user hasn't been shown. */
function lacksOf({ shown }: Member, ledger: Ledger): number {
  const { said: all } = ledger;
  if (all.length <= behindMax(ledger)) return 0;
  return all.filter((said) => said.to === null && !shown.has(said)).length;
}
