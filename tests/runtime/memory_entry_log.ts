/** The log of a group in memory, as hosts read one. */

import { nodeCrypto } from "../../lib/base/crypto/crypto.ts";
import { dateText } from "../../lib/base/text/words.ts";
import type { Hash, RequestId } from "../../lib/base/ids.ts";
import { requestId } from "../../lib/protocols/group/schema/edit.ts";
import { type NameOf, saidBy } from "../../lib/protocols/group/log/entry_delivery.ts";
import type { EntryEdit, EntryView } from "../../lib/protocols/group/schema/events.ts";
import { entryId, HistoryEnd, type SignedBatch } from "../../lib/protocols/group/schema/history.ts";
import type { HistoryRead, LoggedEntryState } from "../../lib/protocols/group/schema/member_io.ts";
import type { EntryLog, EntryWithEdits, LoggedItem } from "../../lib/runtime/entry_feed.ts";

export class MemoryEntryLog implements EntryLog {
  /**
   * @param batches What is in the log when it is asked.
   * @param pause Before each item that is read.
   */
  constructor(
    readonly group: () => Hash,
    readonly batches: () => readonly SignedBatch[],
    readonly pause: () => Promise<void> = () => Promise.resolve(),
  ) {}

  read(after: number): Promise<HistoryRead> {
    const end = new HistoryEnd(nodeCrypto, this.group());
    const batches = this.batches().filter((batch) => {
      const isAfter = end.position >= after;
      if (!isAfter) end.append(batch);
      return isAfter;
    });
    return Promise.resolve({ batches, digest: end.digest, seq: end.seq });
  }

  look(seq: number, id: RequestId | null): Promise<LoggedEntryState | null> {
    const [entry, ...edits] = this.#storyOf(seq);
    if (entry === undefined) return Promise.resolve(null);
    const requests = edits.map(({ batch, index }) => batch.edits[index]!.signed.request.value);
    const { author: key, name } = entry.batch;
    return Promise.resolve({
      id: entryId(nodeCrypto, entry.batch, entry.index),
      author: { key, name },
      text: requests.at(-1)?.text ?? entry.batch.texts[entry.index]!,
      isEdited: requests.some((request) => requestId(nodeCrypto, request) === id),
    });
  }

  entryOf(seq: number, nameOf: NameOf): Promise<EntryWithEdits | null> {
    const [entry, ...edits] = this.#storyOf(seq);
    if (entry === undefined) return Promise.resolve(null);
    const { batch, index } = entry;
    let text = batch.texts[index]!;
    const changes = edits.map(({ batch, index }): EntryEdit => {
      const { edit, signed: { request: { value } }, agreed } = batch.edits[index]!;
      const old = text;
      text = value.text;
      const committedAt = dateText(batch.sentAt);
      const names = agreed.map(nameOf);
      const by = nameOf({ key: value.requester, name: value.name });
      return { edit, by, old, new: text, agreed: names, committedAt };
    });
    const id = entryId(nodeCrypto, batch, index);
    const sentAt = dateText(batch.sentAt);
    const by = saidBy(batch, nameOf);
    const editedBy = changes.at(-1)?.by ?? null;
    return Promise.resolve({ seq, id, ...by, text, edits: changes, editedBy, sentAt });
  }

  async tail(count: number, nameOf: NameOf, before = Infinity): Promise<readonly EntryView[]> {
    const all = this.#items().filter(({ batch }) => batch.kind === "texts").length;
    const last = Math.min(all, before - 1);
    const views: EntryView[] = [];
    for (let seq = Math.max(1, last - count + 1); seq <= last; seq++) {
      const { edits, ...entry } = (await this.entryOf(seq, nameOf))!;
      views.push({ ...entry, edits: edits.length });
    }
    return views;
  }

  async *items(after = 0): AsyncGenerator<readonly LoggedItem[]> {
    for (const item of this.#items().slice(after)) {
      await this.pause();
      yield [item];
    }
  }

  #storyOf(seq: number): readonly LoggedItem[] {
    return this.#items().filter((item) => item.seq === seq);
  }

  #items(): readonly LoggedItem[] {
    const end = new HistoryEnd(nodeCrypto, this.group());
    return this.batches().flatMap((signed) => {
      const batch = signed.batch.value;
      const { entries, edits } = end.append(signed);
      return [
        ...entries.map(({ seq, position, digest }) => ({ seq, position, digest })),
        ...edits.map(({ edit, position, digest }) => {
          return { seq: edit.signed.request.value.seq, position, digest };
        }),
      ].map((place, index) => ({ ...place, batch, index }));
    });
  }
}
