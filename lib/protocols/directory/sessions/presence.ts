/**
 * Which clients are told about which others. All clients whose links take data are told at the same time, the same:
 * what has changed since the last time, or, if they are new, the whole list. A client that was slow is told what has
 * changed meanwhile: the whole list may be longer than a link's queue, and repeating it would never end. So there is
 * no queue per client, and a message is encoded once for all.
 */

import type { FoldedName, LinkId } from "../../../base/ids.ts";
import type { Client } from "./client_session.ts";
import type { Others } from "./others.ts";
import type { Sessions } from "./sessions.ts";
import { CHANGES_KEPT_MAX, PRESENCE_MS, USERS_PAGE_MAX } from "../schema/limits.ts";
import type { DirectoryMessage, ListedUser } from "../schema/messages.ts";
import { listedSession } from "../schema/registrar_io.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";

interface Change {
  readonly name: string;
  readonly number: number;
}

export class Presence {
  /** Names that came, went, or changed their state since the slowest client was told; the last change comes last. */
  readonly #changed = new Map<FoldedName, Change>();
  /** Number of the last change. */
  #number = 0;
  /** Changes up to this number aren't kept any more. */
  #forgotten = 0;
  #dueMs: number | null = null;
  #flushedAtMs = -Infinity;

  constructor(
    readonly sessions: Pick<Sessions, "all" | "named">,
    readonly others: Pick<Others, "all" | "listed">,
    readonly out: DirectoryOutput,
  ) {}

  /** The client has come or gone, or its state has changed. */
  changed({ folded, name }: Pick<Client, "folded" | "name">): void {
    this.#changed.delete(folded);
    this.#changed.set(folded, { name, number: ++this.#number });
    const [oldest] = this.#changed.values();
    if (this.#changed.size > CHANGES_KEPT_MAX) this.#forget(oldest!.number);
    this.#schedule();
  }

  #forget(through: number): void {
    for (const [folded, { number }] of this.#changed) {
      if (number > through) break;
      this.#changed.delete(folded);
    }
    this.#forgotten = through;
  }

  /** A client is new, or its link takes data again: schedules what it hasn't been told. */
  tell(): void {
    this.#schedule();
  }

  #schedule(): void {
    this.#dueMs ??= Math.max(this.out.nowMs, this.#flushedAtMs + PRESENCE_MS);
  }

  nextMs(): number | null {
    return this.#dueMs;
  }

  /** Sends what is due. */
  flush(): void {
    const { nowMs } = this.out;
    if (this.#dueMs === null || this.#dueMs > nowMs) return;
    this.#dueMs = null;
    this.#flushedAtMs = nowMs;
    const withoutList: LinkId[] = [];
    const behind = new Map<number, LinkId[]>();
    let slowest = this.#number;
    for (const client of this.sessions.all) {
      const { told, link: { id } } = client;
      const hasList = told !== null && told >= this.#forgotten;
      if (client.isCongested) {
        if (hasList) slowest = Math.min(slowest, told);
        continue; // it is told when its link takes data again
      }
      client.told = this.#number;
      if (!hasList) withoutList.push(id);
      else if (told < this.#number) {
        const links = behind.get(told);
        if (links === undefined) behind.set(told, [id]);
        else links.push(id);
      }
    }
    for (const [told, links] of behind) {
      for (const message of this.#changesAfter(told)) this.out.sendAll(links, message);
    }
    if (withoutList.length > 0) {
      for (const message of this.#list()) this.out.sendAll(withoutList, message);
    }
    this.#forget(slowest);
  }

  #list(): readonly DirectoryMessage[] {
    const users: ListedUser[] = [];
    for (const { listed } of this.sessions.all) users.push(listed);
    for (const session of this.others.all) users.push(listedSession(session));
    const pages = pagesOf(users);
    return pages.map((users, index) => ({
      type: "users",
      users,
      isFirst: index === 0,
      isLast: index === pages.length - 1,
    }));
  }

  #changesAfter(told: number): readonly DirectoryMessage[] {
    const users: ListedUser[] = [];
    const offline: string[] = [];
    for (const [folded, { name, number }] of this.#changed) {
      if (number <= told) continue;
      const user = this.sessions.named(folded)?.listed ?? this.others.listed(folded);
      if (user === null) offline.push(name);
      else users.push(user);
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
