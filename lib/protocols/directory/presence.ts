/**
 * Who is told of whom. All who take data in are told at once, the same: what has changed since the last time, or the
 * whole list to who is new or was slow. So nobody has a queue, and a message is encoded once for all.
 */

import type { FoldedName, LinkId } from "../../base/ids.ts";
import type { Client, Sessions } from "./client_session.ts";
import { PRESENCE_MS, USERS_PAGE_MAX } from "./limits.ts";
import type { DirectoryMessage, ListedUser } from "./messages.ts";
import type { Output } from "./output.ts";

export class Presence {
  /** Names that have come or gone, or have another state, since the last time. */
  readonly #changed = new Map<FoldedName, string>();
  #dueMs: number | null = null;
  #flushedAtMs = -Infinity;

  constructor(readonly sessions: Sessions, readonly out: Output) {}

  /** The name has come or gone, or its state is another one. */
  changed({ folded, name }: Pick<Client, "folded" | "name">): void {
    this.#changed.set(folded, name);
    this.#schedule();
  }

  /** It is told the whole list: it is new, or what it was told may be lost. */
  tellAll(client: Client): void {
    client.hasList = false;
    this.#schedule();
  }

  #schedule(): void {
    this.#dueMs ??= Math.max(this.out.nowMs, this.#flushedAtMs + PRESENCE_MS);
  }

  nextMs(): number | null {
    return this.#dueMs;
  }

  postpone(delayMs: number): void {
    if (this.#dueMs !== null) this.#dueMs += delayMs;
  }

  /** Tells what is due. */
  flush(): void {
    const { nowMs } = this.out;
    if (this.#dueMs === null || this.#dueMs > nowMs) return;
    this.#dueMs = null;
    this.#flushedAtMs = nowMs;
    const withList: LinkId[] = [];
    const withoutList: LinkId[] = [];
    for (const client of this.sessions.all) {
      if (client.isCongested) continue; // it is told the whole list later
      (client.hasList ? withList : withoutList).push(client.link.id);
      client.hasList = true;
    }
    if (withList.length > 0) {
      for (const message of this.#changes()) this.out.sendAll(withList, message);
    }
    if (withoutList.length > 0) {
      for (const message of this.#list()) this.out.sendAll(withoutList, message);
    }
    this.#changed.clear();
  }

  #list(): readonly DirectoryMessage[] {
    const pages = pagesOf([...this.sessions.all].map(({ listed }) => listed));
    return pages.map((users, index) => ({
      type: "users",
      users,
      isFirst: index === 0,
      isLast: index === pages.length - 1,
    }));
  }

  #changes(): readonly DirectoryMessage[] {
    const users: ListedUser[] = [];
    const offline: string[] = [];
    for (const [folded, name] of this.#changed) {
      const client = this.sessions.named(folded);
      if (client === null) offline.push(name);
      else users.push(client.listed);
    }
    const there = pagesOf(users);
    const gone = pagesOf(offline);
    return Array.from({ length: Math.max(there.length, gone.length) }, (_, index) => ({
      type: "presence",
      users: there[index] ?? [],
      offline: gone[index] ?? [],
    }));
  }
}

function pagesOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  const pages: T[][] = [];
  for (let start = 0; start < items.length; start += USERS_PAGE_MAX) {
    pages.push(items.slice(start, start + USERS_PAGE_MAX));
  }
  return pages;
}
