/**
 * Ends of batches that a log has passed: only a few, however many there were, chosen so that two logs that grew at
 * different times have some in common.
 *
 * The rule that all members share: for a stride of 1, 16, 256 and so on, the first end of a batch at or after each
 * multiple of the stride. Each point of a coarser stride is one of every finer stride, too.
 */

import type { HistoryPoint } from "../history.ts";
import type { EntryPoint } from "./state.ts";

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
