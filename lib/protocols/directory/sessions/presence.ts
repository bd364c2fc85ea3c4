/**
 * Which clients are told about which others. All clients whose links take data are told at the same time, the same:
 * what has changed since the last time, or, if they are new, the whole list. A client that was slow is told what has
 * changed meanwhile: the whole list may be longer than a link's queue, and repeating it would never end. So there is
 * no queue per client, and a message is encoded once for all.
 *
 * Where so many are online that this would cost too much (n² messages for n people), clients search, and subscribe:
 * what one client costs doesn't depend on how many there are.
 */

import type { FoldedName, LinkId } from "../../../base/ids.ts";
import { Deadlines, type Timed } from "../../../base/machine/machine.ts";
import { HERE, presenceOf } from "../../../base/machine/user_presence.ts";
import { PresenceNews } from "../../../base/machine/presence_news.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { foldName } from "../../../base/text/names.ts";
import type { Client } from "./client_session.ts";
import { NameIndex } from "./name_index.ts";
import type { Others } from "./others.ts";
import type { Sessions } from "./sessions.ts";
import { Subscriptions } from "./subscriptions.ts";
import {
  CHANGES_KEPT_MAX,
  LIST_TOLD_AGAIN_MAX,
  LIST_TOLD_MAX,
  ONLINE_MS,
  PRESENCE_MS,
  SEARCHED_BURST,
  SEARCHED_PER_S,
  USERS_PAGE_MAX,
} from "../schema/limits.ts";
import type { DirectoryMessage, DirectoryMessageOf } from "../schema/messages.ts";
import { carried, type ListedUser } from "../schema/listed_users.ts";
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
  readonly #names = new NameIndex();
  readonly #subscriptions = new Subscriptions();
  /** Names that searches may look at. */
  readonly #searched = new TokenBucket(SEARCHED_PER_S, SEARCHED_BURST);
  /** Whether more are online than are told to anybody. */
  #isLong = false;
  /** How many were online when those who ask for the list were told so last. */
  #toldOnline = 0;
  /** What clients say of their users. */
  readonly #said = new PresenceNews<Client>((client, presence) => {
    client.presence = presence;
    this.changed(client);
    this.out.order({ order: "set-presence", session: client.session, presence });
  });
  readonly deadlines = new Deadlines({
    /** When clients that ask for the list are told how long it is. */
    online: () => this.#tellOnline(),
  });

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
    this.#names.set(folded, this.#listed(folded) !== null);
    this.#subscriptions.changed(folded);
    const isLong = this.#names.size > (this.#isLong ? LIST_TOLD_AGAIN_MAX : LIST_TOLD_MAX);
    if (isLong !== this.#isLong) { for (const client of this.sessions.all) client.told = null; }
    this.#isLong = isLong;
    this.#schedule();
  }

  /** The client isn't in any more. */
  left(client: Client): void {
    this.#subscriptions.end(client);
    this.#said.left(client);
    this.changed(client);
  }

  /** When more is told of what clients say of their users. */
  get saying(): Timed {
    return this.#said;
  }

  /** The client says something else of its user. */
  says(client: Client, said: DirectoryMessageOf<"about-me">): void {
    if (!this.#said.has(client)) this.#said.set(client, HERE);
    this.#said.change(client, presenceOf(said), this.out.nowMs);
  }

  /** @returns What is wrong with the request; null where nothing is. */
  subscribe(client: Client, request: DirectoryMessageOf<"subscribe">): string | null {
    this.#schedule();
    return this.#subscriptions.change(client, request);
  }

  search({ link }: Client, { part, after }: DirectoryMessageOf<"search">): void {
    const { nowMs } = this.out;
    const total = this.#names.size;
    const lacking = -Math.min(0, this.#searched.available(nowMs));
    if (!link.searches.take(nowMs) || lacking > 0) {
      const retryMs = 1_000 + Math.ceil((lacking * 1_000) / SEARCHED_PER_S);
      return this.out.send(link.id, {
        type: "page",
        ...carried([]),
        total,
        hasMore: false,
        retryMs,
      });
    }
    const found = this.#names.page(foldName(part), foldName(after), USERS_PAGE_MAX);
    this.#searched.spend(nowMs, found.visited);
    const users = found.names.flatMap((name) => this.#listed(name) ?? []);
    this.out.send(link.id, {
      type: "page",
      ...carried(users),
      total,
      hasMore: found.hasMore,
      retryMs: 0,
    });
  }

  /** Whoever is in under that name, here or at another instance. */
  #listed(folded: FoldedName): ListedUser | null {
    return this.sessions.named(folded)?.listed ?? this.others.listed(folded);
  }

  #asks(client: Client): boolean {
    return this.#isLong || client.asksForList;
  }

  #tellOnline(): void {
    if (this.#toldOnline === this.#names.size) return;
    this.#toldOnline = this.#names.size;
    const links = [...this.sessions.all].filter((client) =>
      this.#asks(client) && !client.isCongested && client.told !== null
    );
    this.#sendOnline(links.map(({ link }) => link.id));
  }

  #sendOnline(links: readonly LinkId[]): void {
    if (links.length > 0) this.out.sendAll(links, { type: "online", total: this.#names.size });
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
    const asking: LinkId[] = [];
    const behind = new Map<number, LinkId[]>();
    let slowest = this.#number;
    let isAsked = false;
    for (const client of this.sessions.all) {
      const { told, link: { id } } = client;
      if (this.#asks(client)) {
        isAsked = true;
        if (told === null && !client.isCongested) {
          client.told = this.#number;
          asking.push(id);
        }
        continue;
      }
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
    this.#sendOnline(asking);
    if (isAsked) this.deadlines.setEarliest("online", nowMs + ONLINE_MS);
    this.#tellSubscribers();
  }

  #tellSubscribers(): void {
    for (const { client, names } of this.#subscriptions.take()) {
      for (const message of this.#presenceOf(names)) this.out.send(client.link.id, message);
    }
  }

  #list(): readonly DirectoryMessage[] {
    const users: ListedUser[] = [];
    for (const { listed } of this.sessions.all) users.push(listed);
    for (const session of this.others.all) users.push(listedSession(session));
    const pages = pagesOf(users);
    return pages.map((users, index) => ({
      type: "users",
      ...carried(users),
      isFirst: index === 0,
      isLast: index === pages.length - 1,
    }));
  }

  #changesAfter(told: number): readonly DirectoryMessage[] {
    const later = [...this.#changed].filter(([, { number }]) => number > told);
    return this.#presenceOf(later.map(([folded, { name }]) => [folded, name]));
  }

  /** @param names By folded name, as they are to be told where nobody has the name now. */
  #presenceOf(names: Iterable<readonly [FoldedName, string]>): readonly DirectoryMessage[] {
    const users: ListedUser[] = [];
    const offline: string[] = [];
    for (const [folded, name] of names) {
      const user = this.#listed(folded);
      if (user === null) offline.push(name);
      else users.push(user);
    }
    const there = pagesOf(users);
    const gone = pagesOf(offline);
    return Array.from({ length: Math.max(there.length, gone.length) }, (_, index) => ({
      type: "presence",
      ...carried(there[index] ?? []),
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
