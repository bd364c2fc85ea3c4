/**
 * Messages of a group on their way to the user. While nobody takes the output they aren't kept in memory: they are in
 * the log, and are read from there when somebody does. So a reader that stands still holds up nobody else, and a long
 * history is shown piece by piece.
 */

import type { Crypto } from "../base/crypto.ts";
import { dateText } from "../base/dates.ts";
import type { PeerKey } from "../base/ids.ts";
import type { EntryView, MemberEvent } from "../protocols/group/events.ts";
import { type Batch, entryId } from "../protocols/group/history.ts";
import type { HistoryRead } from "../protocols/group/member_io.ts";

/** An entry as the log has it. */
export interface LoggedEntry {
  readonly seq: number;
  readonly batch: Batch;
  /** Of its text in the batch. */
  readonly index: number;
}

/** A member's log, read while it is written. Reading rejects with `disk` or `store-corrupt`. */
export interface EntryLog {
  /** Whole batches after a position, at most so many bytes, but one at least where there is one. */
  read(after: number, bytesMax: number): Promise<HistoryRead>;
  /** The last `count` entries. */
  tail(count: number): Promise<readonly EntryView[]>;
  /** The entries in order, piece by piece, from the batch on that ends behind position `after`. */
  entries(after?: number): AsyncIterable<readonly LoggedEntry[]>;
}

export interface EntryFeedPorts {
  readonly log: Pick<EntryLog, "entries">;
  readonly crypto: Crypto;
  /** One's own key. */
  readonly self: PeerKey;
  show(event: MemberEvent, ref: string | undefined): void;
  /** Null while output is taken; otherwise resolves when its reader has caught up. */
  outputReady(): Promise<void> | null;
  /** The log couldn't be read, or a bug of ours. */
  failed(error: unknown): void;
}

/** What waits for the reader: entries of the log, or anything else. */
type Waiting =
  | { readonly type: "event"; readonly event: MemberEvent; readonly ref: string | undefined }
  /** `through`: grows while nothing else comes. */
  | { readonly type: "entries"; next: number; through: number; readonly history: boolean };

/** Shows entries strictly by number, each once. */
export class EntryFeed {
  #waiting: Waiting[] = [];
  /** Of the log's entries, all up to this number are shown or wait. */
  #through = 0;
  #pump: Promise<void> | null = null;
  #isStopped = false;
  /** Counts what was shown late: whoever waits sees whether anything moves. */
  #shown = 0;

  constructor(readonly ports: EntryFeedPorts) {}

  /** Shows the entries that the log has, up to number `through`, as history. */
  replay(through: number): void {
    this.#through = through;
    if (through > 0) this.#add({ type: "entries", next: 1, through, history: true });
  }

  /** Shows an event, after all that came before. */
  show(event: MemberEvent, ref: string | undefined): void {
    if (event.event === "message" && !this.#isNext(event.seq)) return;
    if (this.#waiting.length === 0 && this.ports.outputReady() === null) {
      return this.ports.show(event, ref);
    }
    if (event.event !== "message") return this.#add({ type: "event", event, ref });
    const { seq, history } = event;
    const last = this.#waiting.at(-1);
    const continues = last?.type === "entries" && last.history === history &&
      last.through + 1 === seq;
    if (continues) last.through = seq;
    else this.#add({ type: "entries", next: seq, through: seq, history });
  }

  /** Whether the entry wasn't given before. With the first one a log begins anew: what waits of the old one is gone. */
  #isNext(seq: number): boolean {
    if (seq === 1) this.#waiting = this.#waiting.filter(({ type }) => type !== "entries");
    else if (seq <= this.#through) return false;
    this.#through = seq;
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
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#pump ??= this.#showAll().catch(this.ports.failed);
  }

  async #showAll(): Promise<void> {
    for (;;) {
      await this.ports.outputReady();
      const next = this.#waiting[0];
      if (next === undefined || this.#isStopped) {
        this.#pump = null;
        return;
      }
      if (next.type === "event") this.ports.show(next.event, next.ref);
      else {
        const from = next.next;
        await this.#showSome(next);
        // More may have joined it meanwhile. A log that was set aside has no more: the new one's come by themselves.
        if (this.#waiting[0] !== next) continue;
        if (next.next <= next.through && next.next > from) continue;
      }
      this.#shown++;
      // Only now: what comes meanwhile is behind it.
      if (this.#waiting[0] === next) this.#waiting.shift();
    }
  }

  /** Shows entries of the log, as many as it has. */
  async #showSome(range: Waiting & { readonly type: "entries" }): Promise<void> {
    // A number is never above its position.
    for await (const entries of this.ports.log.entries(range.next - 1)) {
      for (const entry of entries) {
        if (this.#waiting[0] !== range || entry.seq > range.through) return;
        if (entry.seq < range.next) continue;
        this.ports.show(this.#message(entry, range.history), undefined);
        range.next = entry.seq + 1;
        this.#shown++;
        const waiting = this.ports.outputReady();
        if (waiting !== null) await waiting;
      }
    }
  }

  #message({ seq, batch, index }: LoggedEntry, history: boolean): MemberEvent {
    return {
      event: "message",
      seq,
      id: entryId(this.ports.crypto, batch, index),
      from: batch.name,
      text: batch.texts[index]!,
      self: batch.author === this.ports.self,
      history,
      sentAt: dateText(batch.sentAt),
    };
  }
}
