/**
 * The leader's part in beginning an epoch: all who have a say report what they hold, are brought to one level, and
 * say when they are there; only then it is decided. Coordinator and sequencer lead alike.
 *
 * The picture: virtual synchrony's flush (Birman and Joseph, SOSP 1987), led under ballots as in Paxos. A history that
 * was brought to one level under a ballot is what Paxos calls accepted: whoever reports says under which, and the
 * highest one wins, whether its epoch is known to have begun or not. As everything that anybody has shown is held by
 * all members of its epoch, one report of that ballot is enough to know it.
 */

import type { Hash, PeerKey } from "../../base/ids.ts";
import { type Ballot, compareBallots, isSameBallot, NO_BALLOT } from "./ballot.ts";
import type { HistoryPoint } from "./history.ts";
import type { GroupMessageOf } from "./messages.ts";

/** What a participant holds. */
export interface Holding {
  /** The last epoch that has begun for it. */
  readonly begun: Ballot;
  /** Under which ballot its history was last brought to one level with others'. */
  readonly levelled: Ballot;
  /** Hexadecimal; of its process. */
  readonly incarnation: string;
  readonly held: HistoryPoint;
  readonly log: HistoryPoint;
}

/** Where all are to be. */
export interface Level {
  readonly best: Ballot;
  readonly start: HistoryPoint;
  /** Null: the coordinator. */
  readonly source: PeerKey | null;
}

/** What is wrong with a report by itself; null where nothing is. */
export function reportFault(
  { ballot, begun, levelled, held, log }: GroupMessageOf<"report">,
): string | null {
  if (compareBallots(levelled, ballot) >= 0 || compareBallots(begun, levelled) > 0) {
    return "it reports what never began";
  }
  if (log.position > held.position) return "its log goes beyond what it holds";
  return isOther(log, held) ? "its log isn't what it holds" : null;
}

/** `reporting` and `levelling` wait for those in `awaited`; when `ready`, the epoch may be decided. */
export type AgreementPhase = "reporting" | "levelling" | "ready";

export class Agreement {
  readonly #holdings = new Map<PeerKey, Holding>();
  readonly #ready = new Set<PeerKey>();

  /**
   * @param participants Whoever has a say: members of the old epoch who are there, and of the new one. More than one
   *   ballot is begun where one of them goes.
   * @param own What the coordinator holds, where nobody was in the group: it keeps the log meanwhile.
   */
  constructor(
    readonly ballot: Ballot,
    readonly participants: readonly PeerKey[],
    readonly own: Holding | null = null,
  ) {}

  get phase(): AgreementPhase {
    if (this.#holdings.size < this.participants.length) return "reporting";
    return this.#ready.size < this.participants.length ? "levelling" : "ready";
  }

  /** Who hasn't answered yet. */
  get awaited(): readonly PeerKey[] {
    const answered = this.phase === "reporting" ? this.#holdings : this.#ready;
    return this.participants.filter((key) => !answered.has(key));
  }

  holding(key: PeerKey): Holding | null {
    return this.#holdings.get(key) ?? null;
  }

  /** @returns Whether that was the last report that was missing: now the level may be told. */
  reported(key: PeerKey, ballot: Ballot, holding: Holding): boolean {
    if (!isSameBallot(ballot, this.ballot) || !this.participants.includes(key)) return false;
    if (this.#holdings.has(key)) return false;
    this.#holdings.set(key, holding);
    return this.#holdings.size === this.participants.length;
  }

  /** @returns Whether that was the last one: now the epoch may be decided. */
  isReady(key: PeerKey, ballot: Ballot): boolean {
    if (!isSameBallot(ballot, this.ballot) || this.phase !== "levelling") return false;
    if (!this.participants.includes(key) || this.#ready.has(key)) return false;
    this.#ready.add(key);
    return this.#ready.size === this.participants.length;
  }

  /** The highest ballot that anybody who has reported was levelled under. */
  get best(): Ballot {
    let best = this.own?.levelled ?? NO_BALLOT;
    for (const { levelled } of this.#holdings.values()) {
      if (compareBallots(levelled, best) > 0) best = levelled;
    }
    return best;
  }

  /** Those for whom the last epoch has begun that has begun for anybody here; none where there was none. */
  get oldMembers(): readonly PeerKey[] {
    let last = NO_BALLOT;
    for (const { begun } of this.#holdings.values()) {
      if (compareBallots(begun, last) > 0) last = begun;
    }
    if (isSameBallot(last, NO_BALLOT)) return [];
    return this.participants.filter((key) => isSameBallot(this.#holdings.get(key)!.begun, last));
  }

  /**
   * Who says what can't be, once all have reported: a report is no proof. What is in a log was held by all members of
   * its epoch, and each level since has it: so no level ends before somebody's log, and none differs from it. Of those
   * who claim the level and those who deny it the fewer are wrong, newcomers aside; where they are as many, the longer
   * log is kept, as that can be had again.
   * @param isMember Whether somebody is in the present view.
   */
  wrong(isMember: (key: PeerKey) => boolean): readonly PeerKey[] {
    const { best, start } = this.level;
    const claiming: PeerKey[] = [];
    const denying: PeerKey[] = [];
    for (const [key, { levelled, log }] of this.#holdings) {
      const isClaiming = isSameBallot(levelled, best);
      if (log.position > start.position || isOther(log, start)) denying.push(key);
      else if (isClaiming) claiming.push(key);
    }
    if (denying.length === 0 || claiming.length === 0) return denying;
    const weight = (keys: readonly PeerKey[]) => keys.filter(isMember).length;
    return weight(denying) < weight(claiming) ? denying : claiming;
  }

  /**
   * What the longest history under the best ballot has, and who has it. Once all have reported. Where some are as long
   * and aren't the same, an author or the sequencer told two things as one: nobody can have shown either, and what most
   * have goes on.
   */
  get level(): Level {
    const { best } = this;
    const ends = [...this.#holdings].flatMap(([source, { levelled, held }]) =>
      isSameBallot(levelled, best) ? [{ source, start: held }] : []
    );
    const position = Math.max(-1, ...ends.map(({ start }) => start.position));
    const own = this.own !== null && isSameBallot(this.own.levelled, best) ? this.own.held : null;
    if (own !== null && own.position >= position) return { best, start: own, source: null };
    const longest = ends.filter(({ start }) => start.position === position);
    const having = (digest: Hash) => longest.filter(({ start }) => start.digest === digest).length;
    const most = Math.max(...longest.map(({ start }) => having(start.digest)));
    return { best, ...longest.find(({ start }) => having(start.digest) === most)! };
  }
}

/** Whether two say that they have something else at one position. */
function isOther(a: HistoryPoint, b: HistoryPoint): boolean {
  return a.position === b.position && a.digest !== b.digest;
}
