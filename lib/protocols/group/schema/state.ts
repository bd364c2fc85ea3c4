/** What a member reports of its log: where it ends, which ends of batches it passed, and when its entries came. */

import type { Hash } from "../../../base/ids.ts";
import { hexId, type Infer, record, uint } from "../../../base/schema/schema.ts";

const counter = uint(Number.MAX_SAFE_INTEGER);

/** A history's end, with the number of its last entry. */
export const entryPointSchema = record({
  seq: counter,
  position: counter,
  digest: hexId<Hash>(),
});
export type EntryPoint = Infer<typeof entryPointSchema>;

/** Entries that came at the same time. */
export const arrivalSchema = record({
  /** Number of the last of these entries. */
  through: counter,
  /** How long before the report they came, ms by the member's clock: no two clocks are compared. */
  agoMs: counter,
});
export type Arrival = Infer<typeof arrivalSchema>;
