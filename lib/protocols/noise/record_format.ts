/** Sizes of a record, for the code that fills records and the code that seals them. */

import { TAG_BYTES } from "./primitives.ts";

/** The length before a record. */
export const RECORD_LENGTH_BYTES = 2;
/** The kind, first in a record's plaintext. */
export const RECORD_KIND_BYTES = 1;
/** Longest plaintext: large enough that sealing costs 1 ns a byte, small enough to be held for each link. */
export const RECORD_PLAINTEXT_BYTES_MAX = 16 * 1_024;
/** What a record adds to its content. */
export const RECORD_OVERHEAD_BYTES = RECORD_LENGTH_BYTES + RECORD_KIND_BYTES + TAG_BYTES;
/** Longest content. */
export const RECORD_CONTENT_BYTES_MAX = RECORD_PLAINTEXT_BYTES_MAX - RECORD_KIND_BYTES;
