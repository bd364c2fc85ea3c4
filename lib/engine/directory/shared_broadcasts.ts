/**
 * Broadcasts of all instances in the engine, numbered in the order in which they were taken: `tell/last` is the last
 * number, `tell/m/NUMBER` a broadcast, `tell/own/KEY/OWN` the number of a sender's own. Numbers follow the wall clock, so
 * that an engine that was restored to an earlier state gives none twice.
 */

import { P2pchatError } from "../../base/errors.ts";
import type { PeerKey } from "../../base/ids.ts";
import { nameFault } from "../../base/text/names.ts";
import { utf8Length } from "../../base/text/text.ts";
import {
  type BroadcastRecord,
  DIRECTORY_NAME,
  type RegistrarAnswer,
  TEXT_BYTES_MAX,
} from "../../protocols/directory/schema/registrar_io.ts";
import { fieldsIn, isCount, isPeerKey, isSerial } from "../json_fields.ts";
import { sharedValue } from "../join_instances.ts";
import {
  type Changed,
  type Condition,
  type Entry,
  isStill,
  type Revision,
  type SharedStore,
} from "../shared_store.ts";

export const TELL = "tell/";
const LAST = "last";
const MESSAGES = "m/";
const OWN = "own/";
/** Digits of a number in a key: keys are in the order of numbers. */
const DIGITS = 16;

/** Bytes of texts in one change: an engine takes twice as much and more. */
const TEXTS_BYTES_MAX = 512 * 1024;
/** Broadcasts in one change: each puts two keys and compares one. */
const AT_ONCE_MAX = 32;
const TRIES_MAX = 16;
/** Kept at the most, as in a directory that runs alone. */
const KEPT_MAX = 10_000;
const KEPT_BYTES_MAX = 64 * 1024 * 1024;
/** An expired broadcast is kept for so much longer: another instance's clock may be late. */
const LATE_CLOCK_MS = 60_000;
/** Deletes in one change. */
const DELETED_AT_ONCE = 50;

interface SharedBroadcastsPorts {
  readonly store: Pick<SharedStore, "commit">;
  /** Below which the directory has its entries, with a `/` at the end. */
  readonly prefix: string;
  readonly wallMs: () => number;
}

interface Waiting {
  readonly broadcast: BroadcastRecord;
  readonly resolve: (answer: RegistrarAnswer) => void;
}

interface Kept {
  readonly key: string;
  readonly bytes: number;
  readonly modified: Revision;
  readonly overAtMs: number;
}

export class SharedBroadcasts {
  readonly #prefix: string;
  #last: { readonly number: number; readonly modified: Revision | null } = {
    number: 0,
    modified: null,
  };
  /** By number, in their order. */
  readonly #kept = new Map<number, Kept>();
  #bytes = 0;
  /** Keys of own numbers. */
  readonly #own = new Map<string, Revision>();
  /** The highest number that was told. */
  #told = 0;
  readonly #waiting: Waiting[] = [];
  #isTelling = false;

  constructor(readonly ports: SharedBroadcastsPorts) {
    this.#prefix = `${ports.prefix}${TELL}`;
  }

  /** Takes a broadcast; it comes as news then, at all instances. */
  tell(broadcast: BroadcastRecord): Promise<RegistrarAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ broadcast, resolve });
      if (!this.#isTelling) this.#tellAll().catch(reject);
    });
  }

  async #tellAll(): Promise<void> {
    this.#isTelling = true;
    try {
      while (this.#waiting.length > 0) await this.#tellSome(this.#next());
    } finally {
      this.#isTelling = false;
    }
  }

  #next(): Waiting[] {
    let bytes = 0;
    const count = this.#waiting.slice(0, AT_ONCE_MAX).findIndex(({ broadcast: { text } }, at) => {
      bytes += utf8Length(text);
      return at > 0 && bytes > TEXTS_BYTES_MAX;
    });
    return this.#waiting.splice(0, count === -1 ? AT_ONCE_MAX : count);
  }

  async #tellSome(some: Waiting[]): Promise<void> {
    let last = this.#last;
    for (let tries = 1; tries <= TRIES_MAX && some.length > 0; tries++) {
      const numbers = some.map((_, at) => Math.max(last.number + 1, this.#wallMs()) + at);
      const outcome = await this.ports.store.commit(this.#change(some, last.modified, numbers));
      if (outcome.outcome === "done") {
        for (const { resolve } of some) resolve({ outcome: "done", heard: 0 });
        this.#lastIs(numbers.at(-1)!, outcome.revision);
        return;
      }
      if (outcome.outcome !== "conflict") {
        const { text } = outcome;
        const isRefused = outcome.outcome === "refused";
        for (const { resolve } of some) {
          resolve(isRefused ? { outcome: "away", text } : { outcome: "unknown" });
        }
        return;
      }
      const [seenLast = null, ...seenOwn] = outcome.seen;
      last = { number: numberIn(seenLast), modified: seenLast?.modified ?? null };
      const taken = new Set(some.filter((_, at) => seenOwn[at] !== null));
      for (const [at, waiting] of some.entries()) {
        if (!taken.has(waiting)) continue;
        waiting.resolve({ outcome: "before", number: numberIn(seenOwn[at]!) });
      }
      some = some.filter((waiting) => !taken.has(waiting));
    }
    for (const { resolve } of some) resolve({ outcome: "away" });
  }

  #wallMs(): number {
    return Math.max(0, Math.floor(this.ports.wallMs()));
  }

  #change(some: readonly Waiting[], modified: Revision | null, numbers: readonly number[]) {
    const key = `${this.#prefix}${LAST}`;
    const when: Condition[] = [isStill(key, modified)];
    const puts = [{ key, value: valueOf(numbers.at(-1)!, some.at(-1)!.broadcast) }];
    for (const [at, { broadcast }] of some.entries()) {
      const number = numbers[at]!;
      const own = this.#ownKey(broadcast);
      when.push({ key: own, is: "absent" });
      puts.push({ key: own, value: valueOf(number, broadcast) });
      puts.push({
        key: this.#messageKey(number),
        value: broadcastValue({ ...broadcast, number }),
      });
    }
    return { when, puts };
  }

  #messageKey(number: number): string {
    return `${this.#prefix}${MESSAGES}${String(number).padStart(DIGITS, "0")}`;
  }

  #ownKey({ fromKey, own }: BroadcastRecord): string {
    return `${this.#prefix}${OWN}${fromKey ?? "operator"}/${own}`;
  }

  #lastIs(number: number, modified: Revision): void {
    if (modified > (this.#last.modified ?? 0)) this.#last = { number, modified };
  }

  // What the engine tells.

  /** The keys of all entries that are known. */
  get keys(): Iterable<string> {
    const kept = [...this.#kept.values()].map(({ key }) => key);
    return [...kept, ...this.#own.keys()];
  }

  /** @returns The broadcast that is told; null where it is none, or was told before. */
  told({ key, entry }: Changed): BroadcastRecord | null {
    const place = key.slice(this.#prefix.length);
    if (place === LAST && entry !== null) this.#lastIs(numberIn(entry), entry.modified);
    if (place.startsWith(OWN)) {
      if (entry === null) this.#own.delete(key);
      else this.#own.set(key, entry.modified);
    }
    if (!place.startsWith(MESSAGES)) return null;
    if (entry === null) {
      this.#gone(Number(place.slice(MESSAGES.length)));
      return null;
    }
    const broadcast = broadcastIn(entry);
    if (broadcast === null || key !== this.#messageKey(broadcast.number)) return null;
    if (this.#kept.has(broadcast.number)) return null;
    const { number, takenAt, ttlMs } = broadcast;
    const bytes = utf8Length(entry.value);
    this.#bytes += bytes;
    const { modified } = entry;
    this.#kept.set(number, { key, bytes, modified, overAtMs: takenAt + ttlMs });
    if (number <= this.#told) return null;
    this.#told = number;
    return broadcast;
  }

  #gone(number: number): void {
    this.#bytes -= this.#kept.get(number)?.bytes ?? 0;
    this.#kept.delete(number);
  }

  // What isn't kept any more.

  /** Deletes what has expired, or is too much, the oldest first; harmless where another instance does so, too. */
  async prune(): Promise<void> {
    const over: { readonly key: string; readonly modified: Revision }[] = [];
    const nowMs = this.#wallMs();
    let { size } = this.#kept;
    let bytes = this.#bytes;
    for (const kept of this.#kept.values()) {
      const isExpired = kept.overAtMs + LATE_CLOCK_MS < nowMs;
      if (!isExpired && size <= KEPT_MAX && bytes <= KEPT_BYTES_MAX) break;
      over.push(kept);
      size -= 1;
      bytes -= kept.bytes;
    }
    // Those of before this instance began came in the order of their keys.
    const owns = [...this.#own].toSorted(([, one], [, other]) => one - other)
      .slice(0, Math.max(this.#own.size - KEPT_MAX, 0));
    over.push(...owns.map(([key, modified]) => ({ key, modified })));
    for (let from = 0; from < over.length; from += DELETED_AT_ONCE) {
      const some = over.slice(from, from + DELETED_AT_ONCE);
      const when = some.map(({ key, modified }) => ({ key, modified }));
      await this.ports.store.commit({ when, puts: [], deletes: some.map(({ key }) => key) });
    }
  }

  /** The lowest number that is kept; null where none is. */
  get first(): number | null {
    const [first] = this.#kept.keys();
    return first ?? null;
  }
}

/**
 * The id of the numbering of all instances' broadcasts. @param drawn Another one, where none was drawn yet.
 * @throws {P2pchatError} `store-corrupt`; as `sharedValue`.
 */
export async function broadcastsId(
  store: SharedStore,
  prefix: string,
  drawn: string,
): Promise<string> {
  const key = `${prefix}store`;
  const id = await sharedValue(store, key, drawn);
  if (/^[0-9a-f]{16}$/.test(id)) return id;
  const text = `Cannot use the entry ${key} of the engine: it isn't the id of a store; delete it`;
  throw new P2pchatError("store-corrupt", text);
}

/** What stands for a number: no other change puts the same. */
function valueOf(number: number, { fromKey, own }: BroadcastRecord): string {
  return JSON.stringify({ number, key: fromKey, own });
}

function numberIn(entry: Entry | null): number {
  const { number } = fieldsIn(entry?.value ?? "");
  return isSerial(number) ? number : 0;
}

function broadcastValue({ fromKey, fromAccount, signature, kind: _, ...rest }: BroadcastRecord) {
  const by = fromKey === null ? "operator" : fromAccount ? "account" : "guest";
  return JSON.stringify({ ...rest, by, key: fromKey, signature: signature.toHex() });
}

const SIGNATURE = /^[0-9a-f]{128}$/;

/** Null where somebody has put there what is no broadcast. */
function broadcastIn({ value }: Entry): BroadcastRecord | null {
  const { number, from, by, key, own, sentAt, takenAt, ttlMs, text, signature } = fieldsIn(value);
  const isGood = isSerial(number) && [own, sentAt, takenAt, ttlMs].every(isCount) &&
    typeof text === "string" && text !== "" && text.isWellFormed() &&
    utf8Length(text) <= TEXT_BYTES_MAX && typeof from === "string" &&
    (by === "operator"
      ? key === null && from === DIRECTORY_NAME
      : isPeerKey(key) && nameFault(from) === null) &&
    typeof signature === "string" && SIGNATURE.test(signature);
  if (!isGood) return null;
  return {
    kind: "broadcast",
    number: number as number,
    from: from as string,
    fromKey: key as PeerKey | null,
    fromAccount: by === "account",
    own: own as number,
    sentAt: sentAt as number,
    takenAt: takenAt as number,
    ttlMs: ttlMs as number,
    text: text as string,
    signature: Uint8Array.fromHex(signature as string),
  };
}
