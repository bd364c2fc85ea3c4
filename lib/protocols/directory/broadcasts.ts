/**
 * What was told to all, kept for accounts that aren't there: numbered, on disk, for a time. An account is told each
 * one once: the number up to which it has them is kept, too.
 */

import { dropOldest } from "../../base/bounded.ts";
import type { FoldedName, PeerKey } from "../../base/ids.ts";
import { foldName } from "../../base/names.ts";
import { utf8Length } from "../../base/text.ts";
import { BROADCAST_BYTES_MIN, KEPT_BYTES_MAX, KEPT_MAX, STORE_ID_BYTES } from "./limits.ts";
import type { BroadcastRecord, DirectoryRecord } from "./records.ts";

export type Broadcast = BroadcastRecord;

export class Broadcasts {
  readonly store: string;
  /** Whether the store is a new one, which isn't on disk. */
  readonly isNew: boolean;
  /** In the order of their numbers. */
  readonly #kept: Broadcast[] = [];
  #bytes = 0;
  /** The highest number that was given. */
  #last = 0;
  /** That of the last one on disk. */
  #stored = 0;
  /** Numbers by sender and its own number, also of those that are gone: who comes back late tells them again. */
  readonly #own = new Map<string, number>();
  /** Up to where each account has them. */
  readonly #through = new Map<FoldedName, number>();
  /** Accounts whose own may be kept: most of those that are forgotten told nothing. */
  readonly #tellers = new Set<FoldedName>();

  constructor(
    records: readonly DirectoryRecord[],
    randomBytes: (length: number) => Uint8Array,
  ) {
    let store: string | null = null;
    for (const record of records) {
      switch (record.kind) {
        case "store":
          store = record.store;
          this.#last = Math.max(this.#last, record.last);
          break;
        case "broadcast":
          this.#last = Math.max(this.#last, record.number);
          this.add(record);
          break;
        case "got":
          this.got(record.account, record.through);
          break;
        case "forgotten":
          this.forget(record.account);
          break;
      }
    }
    this.#stored = this.#last;
    this.isNew = store === null;
    this.store = store ?? randomBytes(STORE_ID_BYTES).toHex();
  }

  /** The number of the last one. */
  get last(): number {
    return this.#last;
  }

  /** The same of those on disk: whoever comes in is there for all after it. */
  get stored(): number {
    return this.#stored;
  }

  get size(): number {
    return this.#kept.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * A number for the next one. It follows the wall clock, so that a store that was put back to an earlier state gives
   * no number twice: whoever has that one would take the new one for it.
   */
  number(wallMs: number): number {
    return this.#last = Math.max(this.#last + 1, Math.floor(wallMs));
  }

  /** It is on disk. The oldest go where there are too many. */
  add(broadcast: Broadcast): void {
    if (broadcast.fromAccount) this.#tellers.add(foldName(broadcast.from));
    this.#kept.push(broadcast);
    this.#stored = broadcast.number;
    this.#bytes += bytesOf(broadcast);
    this.#own.set(ownOf(broadcast.fromKey, broadcast.own), broadcast.number);
    dropOldest(this.#own, KEPT_MAX);
    let over = 0;
    while (this.#kept.length - over > KEPT_MAX || this.#bytes > KEPT_BYTES_MAX) {
      this.#gone(this.#kept[over++]!);
    }
    this.#kept.splice(0, over);
  }

  #gone(broadcast: Broadcast): void {
    this.#bytes -= bytesOf(broadcast);
  }

  /** The number of what this sender gave that number, of the last `KEPT_MAX`; null: of none. */
  numberOf(key: PeerKey | null, own: number): number | null {
    return this.#own.get(ownOf(key, own)) ?? null;
  }

  /** The first one with a higher number. */
  after(number: number): Broadcast | null {
    return this.#kept[this.#placeAfter(number)] ?? null;
  }

  #placeAfter(number: number): number {
    let from = 0;
    let to = this.#kept.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#kept[middle]!.number > number) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  /** Lets go of those whose time is over, up to the first that is still wanted. @param through All have them. */
  expire(wallMs: number, through: number): void {
    let over = 0;
    for (const broadcast of this.#kept) {
      if (broadcast.number > through || !isOver(broadcast, wallMs)) break;
      this.#gone(broadcast);
      over += 1;
    }
    this.#kept.splice(0, over);
  }

  /** Up to where the account has them. */
  through(account: FoldedName): number {
    return this.#through.get(account) ?? 0;
  }

  got(account: FoldedName, through: number): void {
    this.#through.set(account, Math.max(through, this.through(account)));
  }

  /**
   * There is no such account any more: another of that name is told what is kept, and what this one told as well.
   * @returns Whether that changes anything.
   */
  forget(account: FoldedName): boolean {
    const hadAny = this.#through.delete(account);
    if (!this.#tellers.delete(account)) return hadAny;
    for (const [at, broadcast] of this.#kept.entries()) {
      this.#kept[at] = withoutAccount(broadcast, account);
    }
    return true;
  }

  /** What a compacted log holds. */
  records(): readonly DirectoryRecord[] {
    const first = this.#kept[0]?.number ?? Infinity;
    for (const [account, through] of this.#through) {
      if (through < first) this.#through.delete(account); // as whoever never had any
    }
    const records: DirectoryRecord[] = [
      { kind: "store", store: this.store, last: this.#last },
      ...this.#kept,
    ];
    for (const [account, through] of this.#through) records.push({ kind: "got", account, through });
    return records;
  }
}

/** Whether it is too late to come for it. */
export function isOver({ sentAt, ttlMs }: Broadcast, wallMs: number): boolean {
  return sentAt + ttlMs <= wallMs;
}

/** The same, where that account has told it and isn't there any more. */
export function withoutAccount(broadcast: Broadcast, account: FoldedName): Broadcast {
  const isIts = broadcast.fromAccount && foldName(broadcast.from) === account;
  return isIts ? { ...broadcast, fromAccount: false } : broadcast;
}

function bytesOf({ text }: Broadcast): number {
  return BROADCAST_BYTES_MIN + utf8Length(text);
}

function ownOf(key: PeerKey | null, own: number): string {
  return `${key ?? ""} ${own}`;
}
