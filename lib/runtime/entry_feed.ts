/**
 * Delivers a group's messages, and edits of them, to the user's output. While the output isn't read they aren't
 * kept in memory: they are in the log, and are read from it when reading resumes. So a reader that stops holds up
 * nobody else, and a long history is output piece by piece.
 *
 * Other events are kept in memory until then: answers to commands, which are no more than the commands, and
 * unsolicited events, up to a limit. Events beyond it are dropped, and a notice says how many.
 */

import { dropOldest } from "../base/collections/bounded.ts";
import type { Crypto } from "../base/crypto/crypto.ts";
import { dateText } from "../base/text/words.ts";
import type { Hash, PeerKey, RequestId } from "../base/ids.ts";
import {
  committedEvent,
  type NameOf,
  rulesEvent,
  saidBy,
} from "../protocols/group/log/entry_delivery.ts";
import type { EntryView, MemberEvent, RulesEvent } from "../protocols/group/schema/events.ts";
import { type Batch, entryId } from "../protocols/group/schema/history.ts";
import { EDITS_MAX, TEXT_BYTES_MAX } from "../protocols/group/schema/limits.ts";
import type { HistoryRead, LoggedEntryState } from "../protocols/group/schema/member_io.ts";
import { LeftOut } from "./left_out.ts";

/** An item with a position in the log: an entry, an edit of one, or new rules. */
export interface LoggedItem {
  readonly position: number;
  /** The number of the entry that this is, or that it edits; 0 for rules. */
  readonly seq: number;
  /** The digest of the history up to and including this item. */
  readonly digest: Hash;
  readonly batch: Batch;
  /** The index of its text, or edit, in the batch. */
  readonly index: number;
}

/** An entry with its present text, and its edits, oldest first. */
export type EntryWithEdits = Omit<Extract<MemberEvent, { readonly event: "entry" }>, "event">;

/** A member's log, which is read while it is being written. Reading rejects with `disk` or `store-corrupt`. */
export interface EntryLog {
  /** Whole batches after a position, of at most `bytesMax` bytes in total, but at least one if there is one. */
  read(after: number, bytesMax: number): Promise<HistoryRead>;
  /** An entry with its edits; null where there is no such entry. At once where the file needn't be read. */
  look(
    seq: number,
    id: RequestId | null,
  ): LoggedEntryState | null | Promise<LoggedEntryState | null>;
  /** The same in the form for users. */
  entryOf(seq: number, nameOf: NameOf): Promise<EntryWithEdits | null>;
  /** The last `count` entries, or of those before the entry `before`, with their present texts. */
  tail(count: number, nameOf: NameOf, before?: number): Promise<readonly EntryView[]>;
  /** Entries and edits in order, piece by piece, starting with the first batch that ends after position `after`. */
  items(after?: number): AsyncIterable<readonly LoggedItem[]>;
}

interface EntryFeedPorts {
  readonly log: Pick<EntryLog, "items">;
  readonly crypto: Crypto;
  /** The user's own key and name. */
  readonly self: PeerKey;
  readonly name: string;
  /** How names are shown: as in entries that arrive now. */
  readonly nameOf: NameOf;
  show(event: MemberEvent, ref: string | undefined): void;
  /** Null while the output is being read; otherwise resolves when its reader has caught up. */
  outputReady(): Promise<void> | null;
  /** The log couldn't be read, or a bug occurred. */
  failed(error: unknown): void;
}

/** What waits for the reader: a part of the log, or any other event. */
type Waiting =
  | {
    readonly type: "event";
    readonly event: MemberEvent;
    readonly ref: string | undefined;
    /** Length of an unsolicited event, in UTF-16 units; 0 for others. */
    readonly unaskedUnits: number;
  }
  | Range;

interface Range {
  readonly type: "items";
  next: number;
  /** The last position; grows while only further items of the log arrive. */
  through: number;
  readonly history: boolean;
}

/** `ref`s kept: many more than wait, as no more commands are read while the output isn't read. */
const REFS_MAX = 65_536;

/**
 * Limit of waiting unsolicited events: as many units as all votes that can be requested at once, with the longest
 * texts before and after.
 */
const UNASKED_UNITS_MAX = EDITS_MAX * 2 * TEXT_BYTES_MAX;

/** An event for a position of the log. */
type ItemEvent =
  & (Extract<MemberEvent, { readonly event: "message" | "edit" }> | RulesEvent)
  & { readonly position: number };

/** Outputs entries and edits strictly in the order of their positions, each once. */
export class EntryFeed {
  #waiting: Waiting[] = [];
  /** Parts that the log doesn't have, as it was moved aside: the same or other items will arrive in their place. */
  #lacking: Range[] = [];
  /** Everything in the log up to this position was output, or waits. */
  #through = 0;
  /** `ref`s of waiting entries and edits, by position. */
  readonly #refs = new Map<number, string>();
  #unaskedUnits = 0;
  /** Reported when everything that waits has been output. */
  readonly #leftOut = new LeftOut<MemberEvent>({
    one: "event",
    many: "events",
    again: "/status and /list say how things stand",
    states: ["view", "coordinator", "catching-up"],
  });
  #pump: Promise<void> | null = null;
  #isStopped = false;
  /** Counts events output after waiting, so that others can see whether output is progressing. */
  #shown = 0;

  constructor(readonly ports: EntryFeedPorts) {}

  /** Outputs the log's items up to position `through`, as history. */
  replay(through: number): void {
    this.#through = through;
    if (through > 0) this.#add({ type: "items", next: 1, through, history: true });
  }

  /** Outputs an event after all earlier ones. */
  show(event: MemberEvent, ref: string | undefined): void {
    if (this.#isStopped) return;
    const isItem = isItemEvent(event);
    if (isItem && !this.#isNext(event.position)) return;
    for (const range of this.#lacking.splice(0)) this.#add(range);
    const isWaiting = this.#waiting.length > 0 || !this.#leftOut.isEmpty;
    if (!isWaiting && this.ports.outputReady() === null) return this.ports.show(event, ref);
    if (!isItem) return this.#wait(event, ref);
    const { position, history = false } = event;
    if (ref !== undefined) this.#refs.set(position, ref);
    dropOldest(this.#refs, REFS_MAX);
    const last = this.#waiting.at(-1);
    const continues = last?.type === "items" && last.history === history &&
      last.through + 1 === position;
    if (continues) last.through = position;
    else this.#add({ type: "items", next: position, through: position, history });
  }

  #wait(event: MemberEvent, ref: string | undefined): void {
    const isUnasked = comesUnasked(event, ref, this.ports.name);
    const unaskedUnits = isUnasked ? JSON.stringify(event).length : 0;
    const hasRoom = this.#leftOut.isEmpty && this.#unaskedUnits + unaskedUnits <= UNASKED_UNITS_MAX;
    // After the first dropped event all are dropped, as those reported later mustn't be older than those output.
    if (isUnasked && !hasRoom) return this.#leftOut.add(event);
    this.#unaskedUnits += unaskedUnits;
    this.#add({ type: "event", event, ref, unaskedUnits });
  }

  /** Whether this position is new. Position 1 means that the log began anew: items of the old one no longer wait. */
  #isNext(position: number): boolean {
    if (position === 1) {
      this.#waiting = this.#waiting.filter(({ type }) => type !== "items");
      this.#lacking = [];
      this.#refs.clear();
    } else if (position <= this.#through) return false;
    this.#through = position;
    return true;
  }

  /** The number of events output after waiting. */
  get shownLate(): number {
    return this.#shown;
  }

  /** Null where nothing waits; otherwise resolves when everything that waits has been output. */
  settled(): Promise<void> | null {
    return this.#pump;
  }

  /** Stops the output. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
    this.#lacking = [];
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#pump ??= this.#showAll().catch((error) => {
      // Callers that wait for the rest learn that there is none.
      this.stop();
      this.#pump = null;
      this.ports.failed(error);
    });
  }

  async #showAll(): Promise<void> {
    for (;;) {
      await this.ports.outputReady();
      const next = this.#waiting[0];
      if (this.#isStopped || (next === undefined && this.#leftOut.isEmpty)) {
        this.#pump = null;
        return;
      }
      if (next === undefined) this.#leftOut.tell((event) => this.ports.show(event, undefined));
      else if (next.type === "event") {
        this.#unaskedUnits -= next.unaskedUnits;
        this.ports.show(next.event, next.ref);
      } else {
        const from = next.next;
        await this.#showSome(next);
        if (this.#waiting[0] !== next) continue;
        if (next.next <= next.through) {
          // More items may have been added to the range meanwhile.
          if (next.next === from) this.#setAside();
          continue;
        }
      }
      this.#shown++;
      // Removed only now, so that events arriving meanwhile queue behind it.
      if (this.#waiting[0] === next) this.#waiting.shift();
    }
  }

  /** Puts all parts of the log aside until another event arrives, so that none is output before the missing items. */
  #setAside(): void {
    this.#lacking = this.#waiting.filter((one) => one.type === "items");
    this.#waiting = this.#waiting.filter(({ type }) => type !== "items");
  }

  /** Outputs as much of a part of the log as there is. */
  async #showSome(range: Range): Promise<void> {
    for await (const items of this.ports.log.items(range.next - 1)) {
      for (const item of items) {
        if (this.#waiting[0] !== range || item.position > range.through) return;
        if (item.position < range.next) continue;
        this.ports.show(this.#eventOf(item, range.history), this.#refs.get(item.position));
        this.#refs.delete(item.position);
        range.next = item.position + 1;
        this.#shown++;
        const waiting = this.ports.outputReady();
        if (waiting !== null) await waiting;
      }
    }
  }

  /** Makes the event for an item, as the member's machine does. */
  #eventOf({ position, seq, batch, index }: LoggedItem, history: boolean): MemberEvent {
    if (batch.kind === "edits") {
      const event = committedEvent(batch.edits[index]!, batch, this.ports.nameOf);
      return { ...event, history, position };
    }
    if (batch.kind === "rules") return { ...rulesEvent(batch.rules!, batch), history, position };
    return {
      event: "message",
      seq,
      id: entryId(this.ports.crypto, batch, index),
      ...saidBy(batch, this.ports.nameOf),
      text: batch.texts[index]!,
      self: batch.author === this.ports.self,
      history,
      sentAt: dateText(batch.sentAt),
      position,
    };
  }
}

/** An edit that isn't in the log, because it was aborted or is in doubt, has no position. */
function isItemEvent(event: MemberEvent): event is ItemEvent {
  if (event.event === "notice") return "position" in event && event.position !== undefined;
  return event.event === "message" || (event.event === "edit" && event.position !== undefined);
}

/**
 * Whether the event is unsolicited and can be obtained again with `/status`, `/list` or `/entry`. The outcome of
 * the user's own edits can't: it is reported only once.
 */
function comesUnasked(event: MemberEvent, ref: string | undefined, ownName: string): boolean {
  switch (event.event) {
    case "view":
    case "joining":
    case "left":
    case "coordinator":
    case "catching-up":
    case "vote-wanted":
      return true;
    case "edit":
      return event.outcome === "in-doubt" || event.by !== ownName;
    // Answers to plain text, which has no `ref`, count as unsolicited, too.
    case "notice":
    case "error":
      return ref === undefined;
    default:
      return false;
  }
}
