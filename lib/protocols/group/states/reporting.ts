/**
 * A member reports each change of its log to the coordinator: at once if it hasn't reported for a while, otherwise
 * everything that came meanwhile in one message.
 */

import type { CoordinatorPort } from "../detector/coordinator_port.ts";
import type { HeldBatch, HeldBatches } from "../log/held_batches.ts";
import { type Ballot, NO_BALLOT } from "../schema/epoch.ts";
import type { HistoryPoint } from "../schema/history.ts";
import { STATE_ARRIVALS_MAX, STATE_MS, STATE_POINTS_MAX } from "../schema/limits.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { EntryPoint } from "../schema/cut.ts";

interface ReportingParts {
  readonly out: MemberOutput;
  readonly held: HeldBatches;
  readonly wallMs: () => number;
  readonly coordinator: Pick<CoordinatorPort, "isUp" | "tell">;
  /** Ballot of the present epoch; null while in none. */
  readonly ballot: () => Ballot | null;
  /** Entries that wait for an edit to be decided. */
  readonly locks: () => readonly number[];
  /** A report is sent: whatever else can wait for one may go with it. */
  readonly reports: () => void;
  /** Asks for a call of `tick` after this time. */
  readonly later: (delayMs: number) => void;
}

interface Came {
  through: number;
  readonly atMs: number;
}

export class Reporting {
  readonly #points = new PassedPoints(STATE_POINTS_MAX);
  /** Arrivals since the last report; at most `STATE_ARRIVALS_MAX`. */
  #arrivals: Came[] = [];
  /** Number of the last entry at the last report. */
  #after: number;
  #reportedAtMs = -Infinity;
  #isDue = false;

  constructor(readonly parts: ReportingParts) {
    this.#after = parts.held.logSeq;
  }

  /** A new link: the coordinator knows nothing of us on it. */
  welcomed(): void {
    this.#report();
  }

  /** These batches came into the log. */
  logged(batches: readonly HeldBatch[]): void {
    for (const { before, point, entries } of batches) {
      const seq = before.seq + entries.length;
      this.#points.add(before, { ...point, seq });
      if (entries.length > 0) this.#came(seq);
    }
    this.changed();
  }

  #came(through: number): void {
    const { monotonicMs: atMs } = this.parts.out;
    const last = this.#arrivals.at(-1);
    if (last?.atMs === atMs) last.through = through;
    else this.#arrivals.push({ through, atMs });
    // The dropped arrivals are reported as coming with the next ones.
    if (this.#arrivals.length > STATE_ARRIVALS_MAX) this.#arrivals.shift();
  }

  /** The log, the epoch or the locks have changed. */
  changed(): void {
    if (this.#isDue || !this.parts.coordinator.isUp) return;
    const waitMs = this.#reportedAtMs + STATE_MS - this.parts.out.nowMs;
    if (waitMs <= 0) return this.#report();
    this.#isDue = true;
    this.parts.later(waitMs);
  }

  /** The log starts anew, empty. */
  restart(): void {
    this.#points.take();
    this.#arrivals = [];
    this.#after = 0;
    this.changed();
  }

  tick(): void {
    if (this.#isDue) this.#report();
  }

  #report(): void {
    const { out, held, coordinator, wallMs, ballot, locks } = this.parts;
    this.#isDue = false;
    if (!coordinator.isUp) return;
    this.#reportedAtMs = out.nowMs;
    this.parts.reports();
    const arrivals = this.#arrivals.map(({ through, atMs }) => ({
      through,
      agoMs: Math.round(out.monotonicMs - atMs),
    }));
    const after = this.#after;
    this.#arrivals = [];
    this.#after = held.logSeq;
    coordinator.tell({
      type: "state",
      ballot: ballot() ?? NO_BALLOT,
      end: { seq: held.logSeq, ...held.log },
      at: Math.max(0, Math.floor(wallMs())),
      locks: locks(),
      points: this.#points.take(),
      after,
      arrivals,
    });
  }
}

// Ends of batches that a log has passed: only a few, however many there were, chosen so that two logs that grew at
// different times have some in common.
//
// The rule that all members share: for a stride of 1, 16, 256 and so on, the first end of a batch at or after each
// multiple of the stride. Each point of a coarser stride is one of every finer stride, too.

const FACTOR = 16;

interface Passed {
  /** Position of the end before this one. */
  readonly before: number;
  readonly point: EntryPoint;
}

export class PassedPoints {
  #stride = 1;
  #passed: Passed[] = [];

  /** @param max How many points are kept, at least 1. */
  constructor(readonly max: number) {}

  /** The log has passed the end, `point`, of the batch that begins after `before`. */
  add({ position: before }: Pick<HistoryPoint, "position">, point: EntryPoint): void {
    const passed = { before, point };
    if (!isAtMultiple(passed, this.#stride)) return;
    this.#passed.push(passed);
    while (this.#passed.length > this.max) {
      this.#stride *= FACTOR;
      this.#passed = this.#passed.filter((passed) => isAtMultiple(passed, this.#stride));
    }
  }

  /** The points since the last call, in order; starts again with the finest stride. */
  take(): readonly EntryPoint[] {
    const points = this.#passed.map(({ point }) => point);
    this.#passed = [];
    this.#stride = 1;
    return points;
  }
}

/** Whether a multiple of the stride lies after the one end, and at or before the other. */
function isAtMultiple({ before, point }: Passed, stride: number): boolean {
  return Math.floor(point.position / stride) > Math.floor(before / stride);
}
