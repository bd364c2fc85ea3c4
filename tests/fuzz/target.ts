/** What is fuzzed: one form for all, so that one program runs them, and one test what was kept of them. */

import type { Random } from "../sim/random.ts";

export interface Target {
  readonly name: string;
  /** An input as nobody would write it, but with the structure of one that somebody would. */
  make(random: Random): Uint8Array;
  /** What inputs consist of, and what breaks their readers: put into those that are changed. */
  readonly pieces: readonly Uint8Array[];
  /** Makes right what would hide the rest of a changed input from the program, such as checksums. */
  mend?(input: Uint8Array): Uint8Array;
  /** The longest input that is tried, where that isn't `INPUT_BYTES_MAX`. */
  readonly bytesMax?: number;
  /** Throws where a promise is broken. @returns Whether the input was taken. */
  check(input: Uint8Array): boolean | Promise<boolean>;
}

/** As long as the longest message: more than linear time is seen at this length. */
export const INPUT_BYTES_MAX = 65_536;
/** Of the processor, for one input of any length: a hundred times what most take. */
export const INPUT_MS_MAX = 1_000;
/** A thousand times the longest input. */
export const INPUT_HEAP_BYTES_MAX = 64 * 1_024 * 1_024;
