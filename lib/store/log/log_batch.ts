/** Batches: records that are written to a log, or synced, together. */

import { numberedContent } from "./log_format.ts";
import type { LineBuffer } from "../disk/record_line.ts";

/** Consecutive appends with the same options: written at once and settled together. */
export class LogBatch {
  readonly contents: string[] = [];
  state: "waiting" | "written" | "refused" = "waiting";
  readonly #settled = Promise.withResolvers<void>();

  constructor(readonly sync: boolean) {}

  get done(): Promise<void> {
    return this.#settled.promise;
  }

  accept(): void {
    this.#settled.resolve();
  }

  refuse(error: unknown): void {
    this.state = "refused";
    this.#settled.reject(error);
  }
}

/** Adds the lines of all records in `batches`, numbered from `count` + 1. @returns The new count. */
export function addRecords(
  lines: LineBuffer,
  count: number,
  syncedAbove: boolean,
  batches: readonly LogBatch[],
): number {
  let number = count;
  for (const { contents } of batches) {
    for (const content of contents) {
      lines.add(numberedContent(++number, syncedAbove && number === count + 1, content));
    }
  }
  return number;
}
