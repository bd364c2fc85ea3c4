/**
 * Who is told of whom. The directory has a counter of changes, and for each name the number of its last one; a
 * client has the number up to which it was told. So one who reads slowly costs no queue, and all who are at the same
 * point are sent the same message, encoded once.
 */

import type { FoldedName } from "../../base/ids.ts";
import type { Client, Sessions } from "./client_session.ts";
import { PRESENCE_MS, USERS_PAGE_MAX } from "./limits.ts";
import type { DirectoryMessage, ListedUser } from "./messages.ts";
import type { Output } from "./output.ts";

interface Change {
  readonly number: number;
  readonly name: string;
}

export class Presence {
  /** Number of the last change. */
  #last = 0;
  /** In the order of their numbers: each name at its last change; those that all were told aren't here. */
  readonly #changes = new Map<FoldedName, Change>();
  #dueMs: number | null = null;
  #flushedAtMs = -Infinity;

  constructor(readonly sessions: Sessions, readonly out: Output) {}

  /** How many changes somebody hasn't been told. */
  get size(): number {
    return this.#changes.size;
  }

  /** The name has come or gone, or its state is another one. */
  changed({ folded, name }: Pick<Client, "folded" | "name">): void {
    this.#changes.delete(folded);
    this.#changes.set(folded, { number: ++this.#last, name });
    this.#schedule();
  }

  /** It is told the whole list: it is new, or what it was told may be lost. */
  tellAll(client: Client): void {
    client.told = null;
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
    const groups = new Map<number | null, Client[]>();
    for (const client of this.sessions.all) {
      if (client.isCongested || client.told === this.#last) continue;
      const group = groups.get(client.told);
      if (group === undefined) groups.set(client.told, [client]);
      else group.push(client);
    }
    for (const [told, clients] of groups) {
      const links = clients.map(({ link }) => link.id);
      const messages = told === null ? this.#list() : this.#since(told);
      for (const message of messages) this.out.sendAll(links, message);
      for (const client of clients) client.told = this.#last;
    }
    this.#forget();
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

  #since(told: number): readonly DirectoryMessage[] {
    const users: ListedUser[] = [];
    const offline: string[] = [];
    for (const [folded, { number, name }] of this.#changes) {
      if (number <= told) continue;
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

  /** Who is congested is told the whole list, so that nobody keeps changes from being forgotten. */
  #forget(): void {
    let toldAll = this.#last;
    for (const { told } of this.sessions.all) toldAll = Math.min(toldAll, told ?? this.#last);
    for (const [folded, { number }] of this.#changes) {
      if (number > toldAll) return;
      this.#changes.delete(folded);
    }
  }
}

function pagesOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  const pages: T[][] = [];
  for (let start = 0; start < items.length; start += USERS_PAGE_MAX) {
    pages.push(items.slice(start, start + USERS_PAGE_MAX));
  }
  return pages;
}
