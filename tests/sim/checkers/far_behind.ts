/** Who was away while more than is kept was said: of what is as old, it misses some, or sees it late. */

import type { Said } from "../mesh/ledger.ts";
import type { Member } from "../mesh/member.ts";

/** So many later messages, and a member may be too far behind: somewhat below the 10,000 that are kept. */
export const BEHIND_MAX = 9_000;
/** Some rounds of anti-entropy, and what they bring. */
const CATCHING_UP_MS = 30_000;

export class FarBehind {
  /** Until when who lacked too many was behind: as a process or a link began, and as long as it takes to catch up. */
  readonly #untilMs = new Map<Member, number>();

  /** A process, or a link of one, began. */
  cameBack(member: Member): void {
    const { ledger, time } = member.world;
    if (lacksOf(member, ledger.said) > BEHIND_MAX) {
      this.#untilMs.set(member, time.nowMs + CATCHING_UP_MS);
    }
  }

  /**
   * Whether it was said before a member that was too far behind had caught up, and comes before in room time what is kept:
   * whoever is that far behind goes on without what is as old, since it may have been shown an answer to it.
   */
  isTooOld({ saidAtMs, time }: Said, member: Member): boolean {
    if (time === null || saidAtMs >= (this.#untilMs.get(member) ?? 0)) return false;
    let later = 0;
    for (const other of member.world.ledger.said) {
      if (other.to === null && other.time !== null && other.time > time) later++;
    }
    return later > BEHIND_MAX;
  }
}

/** How much of what was said to all a user hasn't been shown. */
function lacksOf({ shown }: Member, all: readonly Said[]): number {
  if (all.length <= BEHIND_MAX) return 0;
  return all.filter((said) => said.to === null && !shown.has(said)).length;
}
