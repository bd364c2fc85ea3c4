/**
 * The leader's part in beginning an epoch: all who have a say report what they hold, are brought to one level, and
 * say when they are there; only then it is decided. Coordinator and sequencer lead alike.
 *
 * The picture: virtual synchrony's flush (Birman and Joseph, SOSP 1987), led under ballots. As everything that
 * anybody has shown is held by all members of its epoch, the report of any one of the last epoch that has begun is
 * enough to know it.
 */

import type { PeerKey } from "../../base/ids.ts";
import { type Ballot, compareBallots, isSameBallot, NO_BALLOT } from "./ballot.ts";
import type { HistoryPoint } from "./history.ts";

/** What a participant holds. */
export interface Holding {
  /** The last epoch that has begun for it. */
  readonly begun: Ballot;
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

/** A view that was decided, and may have begun somewhere: its start may have been shown. */
export interface DecidedView {
  readonly ballot: Ballot;
  readonly start: HistoryPoint;
  readonly members: readonly { readonly key: PeerKey }[];
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
    /** Those that may have begun somewhere although nobody here says so. */
    readonly decided: readonly DecidedView[] = [],
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

  /** The last epoch that has begun anywhere among those who have reported. */
  get best(): Ballot {
    let best = this.own?.begun ?? NO_BALLOT;
    for (const { begun } of this.#holdings.values()) {
      if (compareBallots(begun, best) > 0) best = begun;
    }
    return best;
  }

  /**
   * What the longest history of the best epoch has, and who has it; or the start of the last view that was decided
   * after that: whoever began it has shown that, and beyond it nothing is stable. Once all have reported.
   */
  get level(): Level {
    const { best } = this;
    let start: HistoryPoint | null = null;
    let source: PeerKey | null = null;
    if (this.own !== null && isSameBallot(this.own.begun, best)) start = this.own.held;
    for (const [key, { begun, held }] of this.#holdings) {
      if (!isSameBallot(begun, best)) continue;
      if (start !== null && held.position <= start.position) continue;
      start = held;
      source = key;
    }
    const decided = this.#lastDecided(best);
    if (decided !== null) return decided;
    return { best, start: start!, source };
  }

  /** The level of the last view that was decided after an epoch; null where none was of which somebody is here. */
  #lastDecided(after: Ballot): Level | null {
    let last: Level | null = null;
    for (const view of this.decided) {
      if (compareBallots(view.ballot, last?.best ?? after) <= 0) continue;
      const source = this.#holderOf(view);
      if (source !== null) last = { best: view.ballot, start: view.start, source };
    }
    return last;
  }

  /**
   * Who has the start of a view that it was in, if it says so: before a view is decided all its members have its start
   * on disk, and what they are brought to later goes on from there.
   */
  #holderOf({ start, members }: DecidedView): PeerKey | null {
    for (const { key } of members) {
      const holding = this.#holdings.get(key);
      if (holding !== undefined && holding.held.position >= start.position) return key;
    }
    return null;
  }
}
