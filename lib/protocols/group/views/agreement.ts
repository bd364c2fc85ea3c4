/**
 * The leader's part in beginning an epoch: all participants report what they hold, are brought to one level, and say
 * when they are ready; only then the epoch is decided. The coordinator and the sequencer lead in the same way.
 *
 * The picture: the flush of virtual synchrony (Birman and Joseph, SOSP 1987), led under ballots as in Paxos. A
 * history that was brought to one level under a ballot is what Paxos calls accepted: each report names that ballot,
 * and the highest one wins, whether its epoch is known to have begun or not. As all members of an epoch hold
 * everything that any of them has shown, one report of that ballot is enough to know it.
 */

import type { Hash, PeerKey } from "../../../base/ids.ts";
import { type Ballot, compareBallots, isSameBallot, NO_BALLOT } from "../schema/epoch.ts";
import type { HistoryPoint } from "../schema/history.ts";
import type { GroupMessageOf } from "../schema/messages.ts";

/** What a participant holds. */
export interface Holding {
  /** The last epoch that has begun for the participant. */
  readonly begun: Ballot;
  /** The ballot under which its history was last brought to one level with others'. */
  readonly levelled: Ballot;
  /** Incarnation of its process, in hexadecimal. */
  readonly incarnation: string;
  readonly held: HistoryPoint;
  readonly log: HistoryPoint;
}

/** What all participants are brought to. */
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

/** `reporting` and `levelling` wait for the participants in `awaited`; when `ready`, the epoch may be decided. */
type AgreementPhase = "reporting" | "levelling" | "ready";

export class Agreement {
  readonly #holdings = new Map<PeerKey, Holding>();
  readonly #ready = new Set<PeerKey>();

  /**
   * @param participants All with a say: members of the old epoch that are there, and of the new one. If one of them
   * goes, a new ballot begins.
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

  /** Participants that haven't answered yet. */
  get awaited(): readonly PeerKey[] {
    const answered = this.phase === "reporting" ? this.#holdings : this.#ready;
    return this.participants.filter((key) => !answered.has(key));
  }

  holding(key: PeerKey): Holding | null {
    return this.#holdings.get(key) ?? null;
  }

  /** @returns Whether this was the last missing report: now the level may be told. */
  reported(key: PeerKey, ballot: Ballot, holding: Holding): boolean {
    if (!isSameBallot(ballot, this.ballot) || !this.participants.includes(key)) return false;
    if (this.#holdings.has(key)) return false;
    this.#holdings.set(key, holding);
    return this.#holdings.size === this.participants.length;
  }

  /** @returns Whether this was the last missing participant: now the epoch may be decided. */
  isReady(key: PeerKey, ballot: Ballot): boolean {
    if (!isSameBallot(ballot, this.ballot) || this.phase !== "levelling") return false;
    if (!this.participants.includes(key) || this.#ready.has(key)) return false;
    this.#ready.add(key);
    return this.#ready.size === this.participants.length;
  }

  /** The highest ballot that any participant reports to have been levelled under. */
  get best(): Ballot {
    let best = this.own?.levelled ?? NO_BALLOT;
    for (const { levelled } of this.#holdings.values()) {
      if (compareBallots(levelled, best) > 0) best = levelled;
    }
    return best;
  }

  /** Participants in the last epoch that has begun for any participant; none where none has. */
  get oldMembers(): readonly PeerKey[] {
    let last = NO_BALLOT;
    for (const { begun } of this.#holdings.values()) {
      if (compareBallots(begun, last) > 0) last = begun;
    }
    if (isSameBallot(last, NO_BALLOT)) return [];
    return this.participants.filter((key) => isSameBallot(this.#holdings.get(key)!.begun, last));
  }

  /**
   * Participants whose reports can't be true, once all have reported: a report is no proof. All members of an epoch
   * hold what is in any of their logs, and each later level has it: so no level ends before the end of a log, or
   * differs from it. Of the participants that claim the level and those that deny it, the fewer are wrong, not
   * counting newcomers; if they are as many, the longer log is kept, as others can fetch it.
   * @param isMember Whether a participant is in the present view.
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
   * The longest history under the best ballot, and who has it; once all have reported. If several are as long but
   * differ, an author or the sequencer sent two different things as one: nobody can have shown either, and the one
   * that most participants have goes on.
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

/** Whether two histories differ at the same position. */
function isOther(a: HistoryPoint, b: HistoryPoint): boolean {
  return a.position === b.position && a.digest !== b.digest;
}
