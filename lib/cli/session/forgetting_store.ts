/**
 * `--no-history`: a store on whose disk nothing is that is said from now on. What earlier starts have kept stays.
 */

import type { RecordStore } from "../../runtime/record_log.ts";

/** What a mode leaves on the disk. */
interface Forgetting<Stored> {
  /** What is on the disk of a record; null: nothing. */
  withoutWords(record: Stored): Stored | null;
  /** What is on the disk when all is written anew: of what was said, that alone which was there at the start. */
  withEarlierWords(all: Iterable<Stored>, earlier: readonly Stored[]): Iterable<Stored>;
}

export function forgettingStore<Stored>(
  store: RecordStore<Stored>,
  { withoutWords, withEarlierWords }: Forgetting<Stored>,
): RecordStore<Stored> {
  const { records } = store;
  return {
    records,
    get bytes() {
      return store.bytes;
    },
    append(fresh, sync) {
      const some = fresh.map(withoutWords).filter((record) => record !== null);
      return store.append(some, sync && some.length > 0);
    },
    rewrite: (all) => store.rewrite(withEarlierWords(all, records)),
    close: () => store.close(),
  };
}

/** Told at the start: what it costs. */
export const FORGETS =
  "Nothing that is said is kept on this disk (--no-history): what waits when this program ends is lost, and only " +
  "others still have what was said";
