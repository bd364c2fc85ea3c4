/** Searches a member's log, which may be far larger than memory: piece by piece, by the present texts of entries. */

import type { NameOf } from "../protocols/group/log/entry_delivery.ts";
import type { EntryView } from "../protocols/group/schema/events.ts";
import type { EntryLog } from "./entry_feed.ts";

/** The most numbers of entries that are held beside those to be shown: about 1 MiB. */
const FOUND_SPARE_MAX = 16_384;

/**
 * The last `count` entries whose present text is found. An edit makes an old entry one that is found, or no longer: only
 * where more entries stop being found than are held beside `count` are older ones missed.
 */
export async function foundEntries(
  log: Pick<EntryLog, "items" | "entryOf">,
  isFound: (text: string) => boolean,
  count: number,
  nameOf: NameOf,
  before = Infinity,
): Promise<readonly EntryView[]> {
  const found = new Set<number>();
  for await (const items of log.items()) {
    for (const { seq, batch, index } of items) {
      if (batch.kind === "rules" || seq >= before) continue;
      const text = batch.kind === "edits"
        ? batch.edits[index]!.signed.request.value.text
        : batch.texts[index]!;
      found.delete(seq);
      if (isFound(text)) found.add(seq);
      if (found.size <= count + FOUND_SPARE_MAX) continue;
      const [oldest] = found;
      found.delete(oldest!);
    }
  }
  const last = count === 0 ? [] : [...found].sort((one, other) => one - other).slice(-count);
  const entries: EntryView[] = [];
  for (const seq of last) {
    const entry = await log.entryOf(seq, nameOf);
    if (entry === null) continue; // the log began anew meanwhile
    const editedBy = entry.edits.at(-1)?.by ?? null;
    entries.push({ ...entry, edits: entry.edits.length, editedBy });
  }
  return entries;
}
