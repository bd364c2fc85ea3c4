/** Reads parts of a group's log, also while it is written: by position, by entry, from the end. */

import type { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import { takeOldest } from "../../base/collections/bounded.ts";
import type { Crypto } from "../../base/crypto/crypto.ts";
import { MalformedError } from "../../base/errors.ts";
import type { Hash, MessageId, RequestId } from "../../base/ids.ts";
import { dateText } from "../../base/text/words.ts";
import { type NameOf, saidBy } from "../../protocols/group/log/entry_delivery.ts";
import { type EditRequest, type NamedKey, requestId } from "../../protocols/group/schema/edit.ts";
import type { EntryEdit, EntryView } from "../../protocols/group/schema/events.ts";
import {
  type Batch,
  batchBytes,
  emptyDigest,
  entryId,
  type SignedBatch,
} from "../../protocols/group/schema/history.ts";
import type { HistoryRead, LoggedEntryState } from "../../protocols/group/schema/member_io.ts";
import type { EntryWithEdits, LoggedItem } from "../../runtime/entry_feed.ts";
import { BatchReader, type LoggedBatch } from "../../runtime/records/group_log_lines.ts";
import { corruptError } from "../../store/disk/disk.ts";
import type { GroupLogIndex } from "./group_log_index.ts";
import { type LogFile, readRange } from "./group_log_scan.ts";

/** File bytes assumed per byte of a batch. Texts with many escapes take more; then a read returns less. */
const FILE_BYTES_PER_BYTE = 2;
/** Bytes of the file that are read in one go: of the shortest entries they take 10 ms. */
const PIECE_BYTES = 64 * 1_024;
/** Gaps between wanted batches up to this size are read, too, rather than skipped. */
const GAP_BYTES_MAX = 16 * 1_024;

/** What reading yields where there is no log. */
export const NOTHING: HistoryRead = { batches: [], digest: null, seq: 0 };

/** An entry of the log and all its edits, oldest first. */
export interface EntryAndEdits {
  readonly entry: LoggedItem;
  readonly edits: readonly LoggedItem[];
}

/** Reads the log as it was at the start of each call; if the log begins anew meanwhile, less may be found. */
export class GroupLogReader {
  #file: LogFile;
  #bytes: number;
  #isOver = false;
  readonly #recent = new RecentEntries();

  /**
   * @param path For error texts.
   * @param index The index of all batches in the first `bytes` of the file.
   */
  constructor(
    readonly crypto: Crypto,
    readonly path: string,
    file: LogFile,
    readonly group: Hash,
    readonly index: GroupLogIndex,
    bytes: number,
  ) {
    this.#file = file;
    this.#bytes = bytes;
  }

  /** Length of the part of the file that is read. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A batch was appended to the file. @param bytes Its length there. */
  added(batch: Batch, bytes: number): void {
    const { texts, edits, rules } = batch;
    const edited = edits.map(({ signed }) => signed.request.value.seq);
    this.#recent.added(batch, this.index.seq);
    this.index.add(this.#bytes, texts.length, edited, rules === null ? 0 : 1);
    this.#bytes += bytes;
  }

  /** The log continues in another file; the previous one may be closed now. */
  movedTo(file: LogFile): void {
    this.#file = file;
  }

  /** The file is closed, or isn't that log any more: reads in progress find nothing. */
  stop(): void {
    this.#isOver = true;
  }

  /** Offset of the first byte of batch `index`; the end of the log where there is no such batch. */
  offset(index: number): number {
    return this.index.offset(index, this.#bytes);
  }

  /**
   * Whole batches after a position, of at most `bytesMax` bytes in total, but at least one if there is one.
   * @throws {P2pchatError} `store-corrupt` where the file was changed by others; `disk`.
   */
  async read(after: number, bytesMax: number): Promise<HistoryRead> {
    const { index } = this;
    const from = index.batchAfter(after);
    if (index.start(from) !== after) return NOTHING;
    const seq = index.seqBefore(from);
    // The digest at this position is in the last line of the previous batch.
    const first = Math.max(from - 1, 0);
    const end = this.offset(from) + FILE_BYTES_PER_BYTE * bytesMax;
    const to = Math.max(index.batchFrom(end), Math.min(from + 1, index.count));
    const logged = await this.#batches(first, to);
    if (logged === null) return NOTHING;
    const digest = from === 0 ? emptyDigest(this.crypto, this.group) : logged[0]!.digest;
    return { batches: this.#within(logged.slice(from - first), bytesMax), digest, seq };
  }

  /**
   * Entries and edits, piece by piece, from the first batch that ends after position `after`.
   * @throws {P2pchatError} As `read`.
   */
  async *items(after = 0): AsyncIterable<readonly LoggedItem[]> {
    const { count } = this.index;
    for (let from = this.index.batchAfter(after); from < count;) {
      const end = this.offset(from) + PIECE_BYTES;
      const to = Math.min(Math.max(from + 1, this.index.batchFrom(end)), count);
      const logged = await this.#batches(from, to);
      if (logged === null) return;
      yield logged.flatMap((one) => this.#itemsOf(one));
      from = to;
      if (from < count) await everythingElse();
    }
  }

  /** As `EntryLog.tail`. @throws {P2pchatError} As `read`. */
  async tail(count: number, nameOf: NameOf, before = Infinity): Promise<readonly EntryView[]> {
    const last = Math.min(this.index.seq, before - 1);
    const first = Math.max(1, last - count + 1);
    const { wanted, edits } = this.#entriesFrom(first, last);
    const views = new Map<number, EntryView>();
    for await (const piece of this.#picked(wanted)) {
      for (const item of piece) {
        const { seq, batch } = item;
        const view = views.get(seq);
        if (batch.kind === "texts") {
          if (seq >= first && seq <= last) {
            views.set(seq, this.#view(item, edits.get(seq) ?? 0, nameOf));
          }
        } else if (view !== undefined) {
          const editedBy = nameOf(requesterOf(item));
          views.set(seq, { ...view, text: textOf(item), editedBy });
        }
      }
    }
    return this.#isOver ? [] : [...views.values()];
  }

  /**
   * The batches with the entries from `first` to `last` and with the last edit of each; and the number of edits of each
   * edited entry.
   */
  #entriesFrom(first: number, last: number) {
    const { index } = this;
    const wanted = new Set<number>();
    const edits = new Map<number, number>();
    if (first > last) return { wanted, edits };
    const end = last < index.seq ? index.batchOfEntry(last) + 1 : index.count;
    for (let at = index.batchOfEntry(first); at < end; at++) {
      if (index.hasEntries(at)) wanted.add(at);
    }
    for (let seq = first; seq <= last; seq++) {
      const positions = index.editsOf(seq);
      const lastEdit = positions.at(-1);
      if (lastEdit === undefined) continue;
      edits.set(seq, positions.length);
      wanted.add(index.batchAfter(lastEdit - 1));
    }
    return { wanted, edits };
  }

  /**
   * An entry with its present text, and whether a certain edit is in the log; null where there is no such entry. At
   * once where the file needn't be read.
   * @throws {P2pchatError} As `read`.
   */
  look(seq: number, id: RequestId | null): LoggedEntryState | Promise<LoggedEntryState | null> {
    const recent = id === null ? this.#recent.get(seq) : null;
    if (recent !== null) return { ...this.#stateOf(recent), isEdited: false };
    return this.#lookInFile(seq, id);
  }

  async #lookInFile(seq: number, id: RequestId | null): Promise<LoggedEntryState | null> {
    const { crypto, bytes } = this;
    let entry: LoggedItem | null = null;
    let text = "";
    let isEdited = false;
    for await (const item of this.#storyOf(seq, id === null ? "last" : "all")) {
      entry ??= item;
      text = textOf(item);
      if (item !== entry) isEdited ||= requestId(crypto, requestOf(item)) === id;
    }
    if (entry === null || this.#isOver) return null;
    const { author: key, name, incarnation, counter } = entry.batch;
    const author = { key, name };
    const state: EntryState = { author, incarnation, counter: counter + entry.index, text };
    if (this.bytes === bytes) this.#recent.set(seq, state);
    return { ...this.#stateOf(state), isEdited };
  }

  #stateOf(state: EntryState): Omit<LoggedEntryState, "isEdited"> {
    const { author, incarnation, counter, text } = state;
    const place = { author: author.key, incarnation, counter };
    return { id: state.id ??= entryId(this.crypto, place, 0), author, text };
  }

  /** An entry and its edits in the form for users. @throws {P2pchatError} As `read`. */
  async entryOf(seq: number, nameOf: NameOf): Promise<EntryWithEdits | null> {
    let entry: LoggedItem | null = null;
    let text = "";
    const edits: EntryEdit[] = [];
    for await (const item of this.#storyOf(seq)) {
      entry ??= item;
      if (item !== entry) edits.push(editOf(item, text, nameOf));
      text = textOf(item);
    }
    if (entry === null || this.#isOver) return null;
    const editedBy = edits.at(-1)?.by ?? null;
    return { ...this.#view(entry, 0, nameOf), text, editedBy, edits };
  }

  /** An entry, then its edits, or only the last one, in order; nothing where there is no such entry. */
  async *#storyOf(seq: number, which: "all" | "last" = "all"): AsyncIterable<LoggedItem> {
    const { index } = this;
    if (seq < 1 || seq > index.seq) return;
    const edits = this.#editBatches(seq).slice(which === "all" ? 0 : -1);
    for await (const piece of this.#picked(new Set([index.batchOfEntry(seq), ...edits]))) {
      yield* piece.filter((item) => item.seq === seq);
    }
  }

  /** All entries, piece by piece, each with its edits. @throws {P2pchatError} As `read`. */
  async *entries(): AsyncIterable<readonly EntryAndEdits[]> {
    for await (const items of this.items()) {
      const entries = items.filter(({ batch }) => batch.kind === "texts");
      const edits = new Map<number, LoggedItem[]>(entries.map(({ seq }) => [seq, []]));
      const wanted = entries.flatMap(({ seq }) => this.#editBatches(seq));
      for await (const piece of this.#picked(new Set(wanted))) {
        for (const item of piece) edits.get(item.seq)?.push(item);
      }
      if (this.#isOver) return;
      yield entries.map((entry) => ({ entry, edits: edits.get(entry.seq)! }));
    }
  }

  /** The batches with edits of an entry. */
  #editBatches(seq: number): readonly number[] {
    return this.index.editsOf(seq).map((position) => this.index.batchAfter(position - 1));
  }

  /** The items of some batches, in the order of the log; batches near each other are read together. */
  async *#picked(wanted: ReadonlySet<number>): AsyncIterable<readonly LoggedItem[]> {
    const batches = [...wanted].sort((a, b) => a - b);
    for (let at = 0; at < batches.length;) {
      const from = batches[at]!;
      let to = from + 1;
      for (at++; at < batches.length; at++) {
        const next = batches[at]!;
        if (this.offset(next) - this.offset(to) > GAP_BYTES_MAX) break;
        if (this.offset(next + 1) - this.offset(from) > PIECE_BYTES) break;
        to = next + 1;
      }
      const logged = await this.#batches(from, to);
      if (logged === null) return;
      yield logged.flatMap((one, index) => wanted.has(from + index) ? this.#itemsOf(one) : []);
      if (at < batches.length) await everythingElse();
    }
  }

  #itemsOf(logged: LoggedBatch): readonly LoggedItem[] {
    const [batch, digests] = this.#checked(logged, () => [logged.batch(), logged.digests()]);
    const { position, seq } = logged;
    const seqs = batch.kind === "texts"
      ? batch.texts.map((_, index) => seq + index + 1)
      : batch.kind === "edits"
      ? batch.edits.map(({ signed }) => signed.request.value.seq)
      : [NO_ENTRY];
    return seqs.map((seq, index) => {
      return { position: position + index + 1, seq, digest: digests[index]!, batch, index };
    });
  }

  #view(item: LoggedItem, edits: number, nameOf: NameOf): EntryView {
    const { seq, batch, index } = item;
    return {
      seq,
      id: entryId(this.crypto, batch, index),
      ...saidBy(batch, nameOf),
      text: textOf(item),
      edits,
      editedBy: null,
      sentAt: dateText(batch.sentAt),
    };
  }

  /** Batches `from` to `to` (exclusive); null where the log began anew meanwhile. */
  async #batches(from: number, to: number): Promise<readonly LoggedBatch[] | null> {
    if (from >= to) return [];
    const reader = new BatchReader(this.group, this.index.start(from), this.index.seqBefore(from));
    const bytes = await this.#range(this.offset(from), this.offset(to));
    if (bytes === null) return null;
    const found: LoggedBatch[] = [];
    let line = reader.position + FIRST_LINE;
    try {
      for (let at = 0; at < bytes.length; line++) {
        const feed = bytes.indexOf(LINE_FEED, at);
        if (feed < 0) throw new MalformedError("its end is missing");
        const batch = reader.add(bytes, at, feed);
        if (batch !== null) found.push(batch);
        at = feed + 1;
      }
      if (found.length !== to - from) throw new MalformedError("lines are missing");
    } catch (error) {
      throw this.#corrupt(error, line);
    }
    return found;
  }

  /** Bytes of the log; null where the log began anew meanwhile. */
  async #range(from: number, to: number): Promise<Buffer | null> {
    const file = this.#file;
    try {
      if (this.#isOver) return null;
      const bytes = await readRange(file, from, to);
      return this.#isOver ? null : bytes;
    } catch (error) {
      if (this.#isOver) return null;
      if (this.#file === file) throw error;
      return await this.#range(from, to);
    }
  }

  /** As many batches as fit, but at least the first. */
  #within(logged: readonly LoggedBatch[], bytesMax: number): readonly SignedBatch[] {
    const batches: SignedBatch[] = [];
    let bytes = 0;
    for (const one of logged) {
      const batch = this.#checked(one, () => one.signed());
      bytes += batchBytes(batch);
      if (bytes > bytesMax && batches.length > 0) break;
      batches.push(batch);
    }
    return batches;
  }

  /** Parses a batch whose checksum is right, which somebody may have forged. */
  #checked<T>({ position, count }: LoggedBatch, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.#corrupt(error, position + count + FIRST_LINE - 1);
    }
  }

  #corrupt(error: unknown, line: number): unknown {
    if (!(error instanceof MalformedError)) return error;
    return corruptError(this.path, line, error.message);
  }
}

const LINE_FEED = 0x0a;
/** The line number, from 1, of position 1: the first line names the group. */
const FIRST_LINE = 2;
/** The number of the entry of an item that is about none. */
const NO_ENTRY = 0;

/** Lets happen whatever is due: reading a file waits for nothing. */
function everythingElse(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** The text of an entry, or the new text of an edit. */
export function textOf(item: LoggedItem): string {
  const { batch, index } = item;
  return batch.kind === "texts" ? batch.texts[index]! : requestOf(item).text;
}

/** The request of an edit. @param item An edit. */
export function requestOf({ batch, index }: LoggedItem): EditRequest {
  return batch.edits[index]!.signed.request.value;
}

function requesterOf(item: LoggedItem): NamedKey {
  const { requester: key, name } = requestOf(item);
  return { key, name };
}

/** An edit in the form for users. @param old The entry's text before it. */
export function editOf(item: LoggedItem, old: string, nameOf: NameOf): EntryEdit {
  const { batch, index } = item;
  const { edit, agreed } = batch.edits[index]!;
  return {
    edit,
    by: nameOf(requesterOf(item)),
    old,
    new: textOf(item),
    agreed: agreed.map(nameOf),
    committedAt: dateText(batch.sentAt),
  };
}

// A cache of entries with their present texts: those written, edited or looked up last. Others are read from the
// log.

interface EntryState extends Pick<LoggedEntryState, "author" | "text"> {
  /** Of the author's process that said it, and of the text there: its id follows from both. */
  readonly incarnation: Uint8Array;
  readonly counter: number;
  /** Absent until it is asked for. */
  id?: MessageId;
}

/** Size of the cache in UTF-16 units of text, about 2 MB: what a busy group edits at a time. */
const UNITS_MAX = 1_024 * 1_024;
/** Units assumed for an entry in addition to its text. */
const ENTRY_UNITS = 256;

export class RecentEntries {
  /** By number, the one used last at the end. */
  readonly #states = new Map<number, EntryState>();
  #units = 0;

  /** Null where it isn't cached. */
  get(seq: number): EntryState | null {
    const state = this.#states.get(seq);
    if (state === undefined) return null;
    this.set(seq, state);
    return state;
  }

  /** Sets the present state of an entry. */
  set(seq: number, state: EntryState): void {
    this.#delete(seq);
    this.#states.set(seq, state);
    this.#units += unitsOf(state);
    while (this.#units > UNITS_MAX) this.#units -= unitsOf(takeOldest(this.#states)[1]);
  }

  /** A batch was appended to the log. @param seqBefore The number of the last entry before it. */
  added(
    { author: key, name, incarnation, counter, texts, edits }: Batch,
    seqBefore: number,
  ): void {
    const said = { author: { key, name }, incarnation: incarnation.slice() };
    texts.forEach((text, index) => {
      this.set(seqBefore + index + 1, { ...said, counter: counter + index, text });
    });
    for (const { signed: { request: { value: { seq, text } } } } of edits) {
      const before = this.#states.get(seq);
      if (before !== undefined) this.set(seq, { ...before, text });
    }
  }

  #delete(seq: number): void {
    const state = this.#states.get(seq);
    if (state === undefined) return;
    this.#states.delete(seq);
    this.#units -= unitsOf(state);
  }
}

function unitsOf({ text }: EntryState): number {
  return ENTRY_UNITS + text.length;
}
