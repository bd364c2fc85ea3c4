/**
 * Broadcasts, kept on disk for a time for accounts that are away, and numbered. An account is sent each broadcast
 * once: up to which number it has them is kept, too.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import { foldName } from "../../../base/text/names.ts";
import { utf8Length } from "../../../base/text/text.ts";
import { BROADCAST_BYTES_MIN, KEPT_BYTES_MAX, KEPT_MAX, STORE_ID_BYTES } from "../schema/limits.ts";
import type { BroadcastRecord, DirectoryRecord } from "../schema/records.ts";

/** A broadcast, and what has become of its sender since. */
export interface SaidBroadcast extends BroadcastRecord {
  /** The account that sent it is removed: another account of that name gets it. Absent: it isn't. */
  readonly isOrphan?: true;
}

/**
 * A broadcast that is kept. Its time is measured by this process' own clock, which no change of the wall clock moves;
 * only what an earlier process has stored is measured by the wall clock, once, at the start.
 */
export interface Broadcast extends SaidBroadcast {
  /** A client that comes in later than this, by the machine's clock, doesn't get it any more. */
  readonly overAtMs: number;
}

export class Broadcasts {
  readonly store: string;
  /** Whether the store, or the directory's key, is new, and not on disk yet. */
  readonly isNew: boolean;
  #voided = 0;
  /** In the order of their numbers. */
  readonly #kept: Broadcast[] = [];
  #bytes = 0;
  /** The highest number that was given. */
  #last = 0;
  /** Number of the last broadcast on disk. */
  #stored = 0;
  /**
   * Numbers by the sender's key and own number, including dropped broadcasts: a sender that returns late repeats
   * them.
   */
  readonly #own = new Map<string, number>();
  /** The highest own number of each sender; the one that has sent last comes last. */
  readonly #said = new Map<PeerKey, number>();
  /** The same for each name that it had then: receivers show nothing of its under that name that isn't higher. */
  readonly #saidAs = new Map<string, number>();
  /** Up to which number each account has the broadcasts. */
  readonly #through = new Map<FoldedName, number>();
  /** Accounts that may have sent kept broadcasts: most accounts that are removed sent none. */
  readonly #tellers = new Set<FoldedName>();

  constructor(
    records: readonly DirectoryRecord[],
    /** The directory's key, for which broadcasts are signed. */
    readonly directory: PeerKey,
    randomBytes: (length: number) => Uint8Array,
  ) {
    let store: string | null = null;
    let signedFor = directory;
    for (const record of records) {
      switch (record.kind) {
        case "store":
          store = record.store;
          if (record.directory !== signedFor) this.#void();
          signedFor = record.directory;
          this.#last = Math.max(this.#last, record.last);
          break;
        case "broadcast":
          this.#last = Math.max(this.#last, record.number);
          this.add(record, Infinity); // until `begin`
          break;
        case "got":
          this.got(record.account, record.through);
          break;
        case "forgotten":
          this.forget(record.account);
          break;
      }
    }
    if (signedFor !== directory) this.#void();
    this.#stored = this.#last;
    this.isNew = store === null || signedFor !== directory;
    this.store = store ?? randomBytes(STORE_ID_BYTES).toHex();
  }

  /** The process begins: what earlier ones have stored has so much time left. Never more than it had. */
  begin(nowMs: number, wallMs: number): void {
    for (const [at, broadcast] of this.#kept.entries()) {
      this.#kept[at] = { ...broadcast, overAtMs: this.overAtMs(broadcast, nowMs, wallMs) };
    }
  }

  /** As `begin`, for one that another process has taken: when it is over, by the monotonic clock. */
  overAtMs({ takenAt, ttlMs }: BroadcastRecord, nowMs: number, wallMs: number): number {
    return nowMs + Math.min(Math.max(takenAt + ttlMs - wallMs, 0), ttlMs);
  }

  /** Drops what was signed for another key. */
  #void(): void {
    this.#voided += this.#kept.length;
    this.#kept.length = 0;
    this.#bytes = 0;
  }

  /** How many were dropped at the start, as they were signed for another key of the directory's. */
  get voided(): number {
    return this.#voided;
  }

  /** The highest number that was given. */
  get last(): number {
    return this.#last;
  }

  /** Number of the last broadcast on disk: a client that comes in now is present for all later ones. */
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
   * A number for the next broadcast. It follows the wall clock, so that a store that was restored to an earlier state
   * gives no number twice: a client that has the old one would take the new one for it.
   */
  number(wallMs: number): number {
    return this.#last = Math.max(this.#last + 1, Math.floor(wallMs));
  }

  /** The broadcast is on disk. If there are too many, the oldest are dropped. */
  add(record: SaidBroadcast, overAtMs: number): void {
    const broadcast = { ...record, overAtMs };
    if (isOfAccount(broadcast)) this.#tellers.add(foldName(broadcast.from));
    this.#kept.push(broadcast);
    this.#last = Math.max(this.#last, broadcast.number);
    this.#stored = broadcast.number;
    this.#bytes += bytesOf(broadcast);
    this.#own.set(ownOf(broadcast.fromKey, broadcast.own), broadcast.number);
    dropOldest(this.#own, KEPT_MAX);
    if (broadcast.fromKey !== null) {
      raise(this.#said, broadcast.fromKey, broadcast.own);
      raise(this.#saidAs, speakerOf(broadcast.fromKey, broadcast.from), broadcast.own);
    }
    let over = 0;
    while (this.#kept.length - over > KEPT_MAX || this.#bytes > KEPT_BYTES_MAX) {
      this.#gone(this.#kept[over++]!);
    }
    this.#kept.splice(0, over);
  }

  /** The highest own number of this sender's broadcasts, as far as it is known; 0: none is. */
  saidBy(key: PeerKey): number {
    return this.#said.get(key) ?? 0;
  }

  /** The same of what it sent under this name. */
  saidAs(key: PeerKey, name: string): number {
    return this.#saidAs.get(speakerOf(key, name)) ?? 0;
  }

  #gone(broadcast: Broadcast): void {
    this.#bytes -= bytesOf(broadcast);
  }

  /** The number of this sender's broadcast, among the last `KEPT_MAX`; null where there is none. */
  numberOf(key: PeerKey | null, own: number): number | null {
    return this.#own.get(ownOf(key, own)) ?? null;
  }

  /** The broadcast of this number, if it is still kept. */
  kept(number: number): Broadcast | null {
    const found = this.#kept[this.#placeAfter(number) - 1];
    return found?.number === number ? found : null;
  }

  /** The first broadcast with a higher number. */
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

  /**
   * Drops expired broadcasts, up to the first that hasn't expired. @param through All clients have those up to here.
   */
  expire(nowMs: number, through: number): void {
    let over = 0;
    for (const broadcast of this.#kept) {
      if (broadcast.number > through || !isOver(broadcast, nowMs)) break;
      this.#gone(broadcast);
      over += 1;
    }
    this.#kept.splice(0, over);
  }

  /** Up to which number the account has the broadcasts. */
  through(account: FoldedName): number {
    return this.#through.get(account) ?? 0;
  }

  got(account: FoldedName, through: number): void {
    this.#through.set(account, Math.max(through, this.through(account)));
  }

  /**
   * The account is removed: a later one of that name is sent everything kept, including what this one sent.
   * @returns Whether that changes anything.
   */
  forget(account: FoldedName): boolean {
    const hadAny = this.#through.delete(account);
    if (!this.#tellers.delete(account)) return hadAny;
    for (const [at, broadcast] of this.#kept.entries()) {
      this.#kept[at] = orphanedBy(broadcast, account);
    }
    return true;
  }

  /** The records of a compacted log. */
  records(): readonly DirectoryRecord[] {
    const first = this.#kept[0]?.number ?? Infinity;
    for (const [account, through] of this.#through) {
      if (through < first) this.#through.delete(account); // like an account that never had any
    }
    const records: DirectoryRecord[] = [
      { kind: "store", store: this.store, last: this.#last, directory: this.directory },
      ...this.#keptRecords(),
    ];
    for (const [account, through] of this.#through) records.push({ kind: "got", account, through });
    return records;
  }

  /** Those kept; behind the last one of an account that is removed, that it is. */
  #keptRecords(): readonly DirectoryRecord[] {
    const records: DirectoryRecord[] = [];
    const removed = new Set<FoldedName>();
    for (const { overAtMs: _, isOrphan, ...record } of this.#kept.toReversed()) {
      const account = foldName(record.from);
      if (isOrphan === true && !removed.has(account)) {
        removed.add(account);
        records.push({ kind: "forgotten", account });
      }
      records.push(record);
    }
    return records.reverse();
  }
}

/** Whether an account sent the broadcast that is still there. */
export function isOfAccount({ fromAccount, isOrphan }: SaidBroadcast): boolean {
  return fromAccount && isOrphan !== true;
}

/** Whether the broadcast has expired. */
export function isOver({ overAtMs }: Broadcast, nowMs: number): boolean {
  return overAtMs <= nowMs;
}

/** The broadcast, changed if that account has sent it and is removed. */
export function orphanedBy<Said extends SaidBroadcast>(said: Said, account: FoldedName): Said {
  const isIts = isOfAccount(said) && foldName(said.from) === account;
  return isIts ? { ...said, isOrphan: true } : said;
}

function bytesOf({ text }: BroadcastRecord): number {
  return BROADCAST_BYTES_MIN + utf8Length(text);
}

function ownOf(key: PeerKey | null, own: number): string {
  return `${key ?? ""} ${own}`;
}

function speakerOf(key: PeerKey, name: string): string {
  return `${key} ${foldName(name)}`;
}

/** Whose number was raised last comes last; the first are dropped. */
function raise<Key>(highest: Map<Key, number>, key: Key, number: number): void {
  const raised = Math.max(number, highest.get(key) ?? 0);
  highest.delete(key);
  highest.set(key, raised);
  dropOldest(highest, KEPT_MAX);
}
