/**
 * Ends of batches that a log has passed: few, however many there were, and such that two logs which grew at other times
 * have some in common.
 *
 * The rule that all members share: with a stride of 1, 16, 256 and so on, the first end of a batch at or behind each
 * multiple of it. Each one of a coarser stride is one of every finer stride, too.
 */

import type { HistoryPoint } from "../history.ts";
import type { EntryPoint } from "./state.ts";

const FACTOR = 16;

interface Passed {
  /** The end before it. */
  readonly before: number;
  readonly point: EntryPoint;
}

export class PassedPoints {
  #stride = 1;
  #passed: Passed[] = [];

  /** @param max So many are kept, at least one. */
  constructor(readonly max: number) {}

  /** The log has passed the end of the batch that stands behind `before`. */
  add({ position: before }: Pick<HistoryPoint, "position">, point: EntryPoint): void {
    const passed = { before, point };
    if (!isAtMultiple(passed, this.#stride)) return;
    this.#passed.push(passed);
    while (this.#passed.length > this.max) {
      this.#stride *= FACTOR;
      this.#passed = this.#passed.filter((passed) => isAtMultiple(passed, this.#stride));
    }
  }

  /** Those since the last call, the first one first; the stride is the finest again. */
  take(): readonly EntryPoint[] {
    const points = this.#passed.map(({ point }) => point);
    this.#passed = [];
    this.#stride = 1;
    return points;
  }
}

/** Whether a multiple lies behind the one end, up to the other. */
function isAtMultiple({ before, point }: Passed, stride: number): boolean {
  return Math.floor(point.position / stride) > Math.floor(before / stride);
}
