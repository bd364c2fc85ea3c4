/** Answers what was said privately, and keeps it: the same in rooms and among friends. */

import { fingerprintOf } from "../../base/text/fingerprint.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { KeepEffect, RecalledMessage, RecallEffect } from "../../base/machine/mode_machine.ts";
import type { PrivateWords } from "../../base/schema/private_words.ts";
import { isSameName } from "../../base/text/names.ts";
import { finder, saidBefore } from "../../base/text/search.ts";
import { dateText } from "../../base/text/words.ts";
import type { KeptWords } from "../../runtime/hosts/mode_host.ts";
import type { Disk } from "../../store/disk/disk.ts";
import type { PrivateStore } from "./private_store.ts";

/** What the answers are made with. */
interface Surroundings {
  /** Opened with the first message, or the first question. */
  open(): Promise<PrivateStore>;
  readonly ownKey: string;
  /** The user's own name now. */
  ownName(): string;
  /** Under which name the owner of the key is shown, who was called `name` when the message was kept. */
  shownName(key: PeerKey | null, name: string): string;
  /** Whether the message is one of the conversation with whom `about` names. */
  isWith(words: PrivateWords, about: { readonly name: string; readonly key?: string }): boolean;
}

/** As many words of a conversation are looked through for those before one of them: as many as an answer may have. */
const FOUND_MAX = 10_000;

/** An answer that was said in public, or privately. */
interface Said {
  readonly sentAt: string;
}

interface HistoryEvent {
  readonly event: "history";
  readonly messages: readonly Said[];
  readonly searched?: string;
  readonly name?: string;
  readonly key?: string;
}

/**
 * Whether it was said to whoever is called so, or to the owner of that key: where a name has one owner at a time, whatever
 * key that one has by now.
 */
export function isWithNamed(
  words: Pick<PrivateWords, "key" | "name">,
  { name, key }: { readonly name: string; readonly key?: string },
): boolean {
  return isSameName(words.name, name) || (words.key !== null && fingerprintOf(words.key) === key);
}

/** @param folder Made with the first message. @param isKept False with `--no-history`. */
export async function openPrivateStore(
  disk: Disk,
  folder: string,
  isKept: boolean,
  warn: (text: string) => void,
): Promise<PrivateStore> {
  const { PrivateLog } = await import("./private_log.ts"); // most start without it
  const log = new PrivateLog(disk, folder, warn);
  if (isKept) return log;
  const { PrivateMemory } = await import("./private_memory.ts");
  return new PrivateMemory(log);
}

export class PrivateHistory<Event extends { readonly event: string }> implements KeptWords<Event> {
  #opening: Promise<PrivateStore> | null = null;
  /** Set once something is kept. */
  #store: PrivateStore | null = null;

  constructor(readonly around: Surroundings) {}

  /** Those that share a write of the store share its promise, too: each would cost as much as the words themselves. */
  keep(effect: Omit<KeepEffect, "type">): Promise<void> {
    return this.#store === null ? this.#keepFirst(effect) : keptIn(this.#store, effect);
  }

  async #keepFirst(effect: Omit<KeepEffect, "type">): Promise<void> {
    this.#store = await this.#opened();
    await keptIn(this.#store, effect);
  }

  /** The last `count` of all, as an answer has them: with the names of the time at which that is asked for. */
  async last(count: number): Promise<() => readonly RecalledMessage[]> {
    const words = await (await this.#opened()).find(() => true, count);
    return () => words.map((one) => this.#message(one));
  }

  async recalled({ event, count, before }: RecallEffect<Event>): Promise<Event> {
    const { messages, searched, name, key } = event as unknown as HistoryEvent;
    const isFound = searched === undefined ? () => true : finder(searched);
    const about = name === undefined ? null : key === undefined ? { name } : { name, key };
    const isWanted = (words: PrivateWords) =>
      (about === null || this.around.isWith(words, about)) && isFound(words.text);
    const store = await this.#opened();
    const words = before === undefined
      ? await store.find(isWanted, count)
      : saidBefore(before, await store.find(isWanted, FOUND_MAX));
    const found = words.slice(-count).map((one) => this.#message(one));
    return { ...event, messages: count === 0 ? [] : inTime(messages, found).slice(-count) };
  }

  /** Syncs and closes what was opened. */
  async close(): Promise<void> {
    await (await this.#opening)?.close();
  }

  #opened(): Promise<PrivateStore> {
    return this.#opening ??= this.around.open();
  }

  #message({ id, key, name, self, text, sentAt }: PrivateWords): RecalledMessage {
    const { ownKey, ownName, shownName } = this.around;
    const shown = shownName(key, name);
    const author = self
      ? { from: ownName(), shown: ownName(), key: ownKey }
      : { from: name, shown, key: key === null ? "" : fingerprintOf(key) };
    const message = { id, ...author, text, sentAt: dateText(sentAt), private: true, self } as const;
    return self ? { ...message, to: shown } : message;
  }
}

function keptIn(
  store: PrivateStore,
  { words, takenBack }: Omit<KeepEffect, "type">,
): Promise<void> {
  return takenBack === true ? store.takeBack(words) : store.keep(words);
}

/** Both in one list by the times at which they were written; each stays in its own order, whatever their authors' clocks. */
export function inTime<One extends Said>(
  some: readonly One[],
  others: readonly One[],
): readonly One[] {
  const merged: One[] = [];
  let next = 0;
  for (const one of some) {
    while (next < others.length && others[next]!.sentAt < one.sentAt) merged.push(others[next++]!);
    merged.push(one);
  }
  return [...merged, ...others.slice(next)];
}
