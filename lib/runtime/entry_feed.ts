/**
 * Messages of a group, and edits of them, on their way to the user. While nobody takes the output they aren't kept in
 * memory: they are in the log, and are read from there when somebody does. So a reader that stands still holds up
 * nobody else, and a long history is shown piece by piece.
 *
 * All else is kept in memory until then: answers to commands, which are as many as those, and what comes unasked, up
 * to a bound. What goes beyond it is left out, and the reader is told so.
 */

import { dropOldest } from "../base/bounded.ts";
import type { Crypto } from "../base/crypto.ts";
import { dateText } from "../base/dates.ts";
import type { Hash, PeerKey, RequestId } from "../base/ids.ts";
import { committedEvent, type NameOf } from "../protocols/group/edit_view.ts";
import type { EntryView, MemberEvent } from "../protocols/group/events.ts";
import { type Batch, entryId } from "../protocols/group/history.ts";
import { EDITS_MAX, TEXT_BYTES_MAX } from "../protocols/group/limits.ts";
import type { HistoryRead, LoggedEntryState } from "../protocols/group/member_io.ts";
import { LeftOut } from "./left_out.ts";

/** What has a position in the log: an entry, or an edit of one. */
export interface LoggedItem {
  readonly position: number;
  /** Of the entry that this is, or changes. */
  readonly seq: number;
  /** Of the history with it. */
  readonly digest: Hash;
  readonly batch: Batch;
  /** Of its text, or its edit, in the batch. */
  readonly index: number;
}

/** An entry as it reads now, and its changes, the oldest first. */
export type EntryWithEdits = Omit<Extract<MemberEvent, { readonly event: "entry" }>, "event">;

/** A member's log, read while it is written. Reading rejects with `disk` or `store-corrupt`. */
export interface EntryLog {
  /** Whole batches after a position, at most so many bytes, but one at least where there is one. */
  read(after: number, bytesMax: number): Promise<HistoryRead>;
  /** An entry and what became of it; null where there is none. */
  look(seq: number, id: RequestId | null): Promise<LoggedEntryState | null>;
  /** The same for people. */
  entryOf(seq: number, nameOf: NameOf): Promise<EntryWithEdits | null>;
  /** The last `count` entries, as they read now. */
  tail(count: number, nameOf: NameOf): Promise<readonly EntryView[]>;
  /** Entries and edits in order, piece by piece, from the batch on that ends behind position `after`. */
  items(after?: number): AsyncIterable<readonly LoggedItem[]>;
}

export interface EntryFeedPorts {
  readonly log: Pick<EntryLog, "items">;
  readonly crypto: Crypto;
  /** One's own key, and name. */
  readonly self: PeerKey;
  readonly name: string;
  /** Names are shown as those of entries that come now. */
  readonly nameOf: NameOf;
  show(event: MemberEvent, ref: string | undefined): void;
  /** Null while output is taken; otherwise resolves when its reader has caught up. */
  outputReady(): Promise<void> | null;
  /** The log couldn't be read, or a bug of ours. */
  failed(error: unknown): void;
}

/** What waits for the reader: a part of the log, or anything else. */
type Waiting =
  | {
    readonly type: "event";
    readonly event: MemberEvent;
    readonly ref: string | undefined;
    /** Of what comes unasked: how long it is. */
    readonly unaskedUnits: number;
  }
  | Range;

interface Range {
  readonly type: "items";
  next: number;
  /** Grows while nothing else comes. */
  through: number;
  readonly history: boolean;
}

/** `ref`s that are kept: many more than wait, as no more is asked for while the output isn't taken. */
const REFS_MAX = 65_536;

/** Of what comes unasked and waits: all votes that can be wanted at once, of the longest texts, before and after. */
const UNASKED_UNITS_MAX = EDITS_MAX * 2 * TEXT_BYTES_MAX;

/** An event that stands for a position of the log. */
type ItemEvent = Extract<MemberEvent, { readonly event: "message" | "edit" }> & {
  readonly position: number;
};

/** Shows entries and edits strictly by position, each once. */
export class EntryFeed {
  #waiting: Waiting[] = [];
  /** Parts that the log lacks, as it was set aside: they come again, or others in their place. */
  #lacking: Range[] = [];
  /** Of the log, all up to this position is shown or waits. */
  #through = 0;
  /** Of entries and edits that wait, by position. */
  readonly #refs = new Map<number, string>();
  #unaskedUnits = 0;
  /** Told of when all that waits is shown. */
  readonly #leftOut = new LeftOut<MemberEvent>({
    one: "event",
    many: "events",
    again: "/status and /list say how things stand",
    states: ["view", "coordinator", "catching-up"],
  });
  #pump: Promise<void> | null = null;
  #isStopped = false;
  /** Counts what was shown late: whoever waits sees whether anything moves. */
  #shown = 0;

  constructor(readonly ports: EntryFeedPorts) {}

  /** Shows what the log has, up to position `through`, as history. */
  replay(through: number): void {
    this.#through = through;
    if (through > 0) this.#add({ type: "items", next: 1, through, history: true });
  }

  /** Shows an event, after all that came before. */
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
    // From the first on all are left out: what is told late mustn't be older than what was shown.
    if (isUnasked && !hasRoom) return this.#leftOut.add(event);
    this.#unaskedUnits += unaskedUnits;
    this.#add({ type: "event", event, ref, unaskedUnits });
  }

  /** Whether it wasn't given before. With the first position a log begins anew: what waits of the old one is gone. */
  #isNext(position: number): boolean {
    if (position === 1) {
      this.#waiting = this.#waiting.filter(({ type }) => type !== "items");
      this.#lacking = [];
      this.#refs.clear();
    } else if (position <= this.#through) return false;
    this.#through = position;
    return true;
  }

  /** How much was shown of what waited. */
  get shownLate(): number {
    return this.#shown;
  }

  /** Null where nothing waits; otherwise resolves when that is shown. */
  settled(): Promise<void> | null {
    return this.#pump;
  }

  /** Nothing more is shown. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
    this.#lacking = [];
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#pump ??= this.#showAll().catch((error) => {
      // Whoever waits for the rest is told that there is none.
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
          // More may have joined it meanwhile.
          if (next.next === from) this.#setAside();
          continue;
        }
      }
      this.#shown++;
      // Only now: what comes meanwhile is behind it.
      if (this.#waiting[0] === next) this.#waiting.shift();
    }
  }

  /** Until something else is shown no part of the log is: none overtakes what it lacks. */
  #setAside(): void {
    this.#lacking = this.#waiting.filter((one) => one.type === "items");
    this.#waiting = this.#waiting.filter(({ type }) => type !== "items");
  }

  /** Shows a part of the log, as much as there is of it. */
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

  /** As the machine makes it. */
  #eventOf({ position, seq, batch, index }: LoggedItem, history: boolean): MemberEvent {
    if (batch.kind === "edits") {
      const event = committedEvent(batch.edits[index]!, batch, this.ports.nameOf);
      return { ...event, history, position };
    }
    return {
      event: "message",
      seq,
      id: entryId(this.ports.crypto, batch, index),
      from: this.ports.nameOf({ key: batch.author, name: batch.name }),
      text: batch.texts[index]!,
      self: batch.author === this.ports.self,
      history,
      sentAt: dateText(batch.sentAt),
      position,
    };
  }
}

/** An edit that isn't in the log, being aborted or in doubt, has no position. */
function isItemEvent(event: MemberEvent): event is ItemEvent {
  return event.event === "message" || (event.event === "edit" && event.position !== undefined);
}

/**
 * Whether nobody asked for it, and it can be had again: by `/status`, `/list` or `/entry`. What became of one's own
 * edits is told once.
 */
function comesUnasked(event: MemberEvent, ref: string | undefined, ownName: string): boolean {
  switch (event.event) {
    case "view":
    case "coordinator":
    case "catching-up":
    case "vote-wanted":
      return true;
    case "edit":
      return event.outcome === "in-doubt" || event.by !== ownName;
    // What was typed as text has no `ref`: its answers count along.
    case "notice":
    case "error":
      return ref === undefined;
    default:
      return false;
  }
}
