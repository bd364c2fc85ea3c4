/**
 * The number under which members agree: that of the view that is about to begin, and a round of it. A member that has
 * reported for a ballot takes part in nothing under a lower one.
 *
 * Ballots as in Paxos (Lamport, The Part-Time Parliament, TOCS 1998, section 2.2); here the coordinator leads
 * those of round 0, and a view's sequencer, while the coordinator is away, the rounds after that.
 */

import { type Infer, record, uint } from "../../../base/schema/schema.ts";
import { ROUND_MAX } from "./limits.ts";

export const ballotSchema = record({
  number: uint(Number.MAX_SAFE_INTEGER),
  round: uint(ROUND_MAX),
});
export type Ballot = Infer<typeof ballotSchema>;

/** Below all others: the ballot of a member that has never been in a view. */
export const NO_BALLOT: Ballot = { number: 0, round: 0 };

/** Negative where `a` comes first, 0 where they are the same. */
export function compareBallots(a: Ballot, b: Ballot): number {
  return a.number - b.number || a.round - b.round;
}

/** Whether they agree in number and round. */
export function isSameBallot(a: Ballot, b: Ballot): boolean {
  return compareBallots(a, b) === 0;
}

/** `3`, or `3.1` for its first round; for the log and for tests. */
export function ballotText({ number, round }: Ballot): string {
  return round === 0 ? String(number) : `${number}.${round}`;
}
