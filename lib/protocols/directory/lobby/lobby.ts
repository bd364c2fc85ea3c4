/** The list of users, as the directory tells it; or, where it is too long for that, those that our user cares for. */

import { canonicalHost } from "../../../base/text/endpoints.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { Endpoint, FoldedName, PeerKey } from "../../../base/ids.ts";
import { Deadlines, type Timed } from "../../../base/machine/machine.ts";
import {
  isSamePresence,
  type Presence,
  presenceOf,
  shownPresence,
} from "../../../base/machine/user_presence.ts";
import { foldName, isSameName, withoutMark } from "../../../base/text/names.ts";
import { AFTER_CALL_MS, CLIENTS_MAX, LIST_MS_MAX, LISTS_WAITING_MAX } from "../schema/limits.ts";
import { AskedList } from "./asked_list.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type { KnownKeys } from "./known_keys.ts";
import type { ClientEvent, UserView } from "../schema/events.ts";
import type { DirectoryMessage, DirectoryMessageOf } from "../schema/messages.ts";
import { listedIn, type ListedUser, userView } from "../schema/listed_users.ts";

type EventNamed<Name extends ClientEvent["event"]> = Extract<ClientEvent, { readonly event: Name }>;

interface LobbyParts {
  readonly out: ClientOutput;
  readonly keys: Pick<KnownKeys, "changeOf">;
  /** Knows who has spoken, too. */
  readonly hearing: { apart(name: string, key: PeerKey): string };
  readonly session: {
    readonly name: string;
    /** Whether the directory's engine doesn't answer it. */
    readonly isCutOff: boolean;
    tell(message: DirectoryMessage): void;
  };
  /** Whether we are in a call: the directory hears of that later, as of what our user says of itself. */
  readonly isTalking: () => boolean;
  readonly ownPresence: () => Presence;
}

export class Lobby {
  #users = new Map<FoldedName, ListedUser>();
  /** The list whose pages are coming; null where it is complete. */
  #coming: Map<FoldedName, ListedUser> | null = null;

  /** What our user has asked for since we came in, before the list is there; null: it is. */
  #waiting: { readonly part: string | undefined; readonly ref: string | undefined }[] | null = null;
  /** Users that talked until a moment ago. */
  #talked: readonly FoldedName[] = [];
  /**
   * Whether the directory has said that we talk, or had the time to: of a short call it may say so only after its
   * end.
   */
  #wasBusy = false;
  /** Names that our user cares for, and pages. */
  readonly #asked: AskedList;
  readonly deadlines = new Deadlines({
    /** When the list is shown after a call, whatever the directory has said. */
    afterCall: () => this.#showNow(),
    /** When the list is no longer waited for. */
    list: () => this.#known(),
  });

  constructor(readonly parts: LobbyParts) {
    const { out, session } = parts;
    this.#asked = new AskedList({ out, session });
  }

  /** How many are online. */
  get size(): number {
    return this.#asked.total ?? this.#users.size;
  }

  /** Deadlines of searches. */
  get searching(): Timed {
    return this.#asked.deadlines;
  }

  /** We are in: the list comes. */
  entered(): void {
    this.#waiting ??= [];
    this.deadlines.set("list", this.parts.out.nowMs + LIST_MS_MAX);
  }

  /** All is known that there is to tell, or it takes too long. */
  #known(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    this.deadlines.clear("list");
    for (const { part, ref } of waiting) this.list(part, ref);
  }

  /** We aren't in any more: drops the list. */
  left(): void {
    this.#known();
    this.#coming = null;
    this.#users.clear();
    this.deadlines.clear("afterCall");
    this.#giveUpSearches();
  }

  /** Searches are answered with nothing: there is no such list any more. */
  #giveUpSearches(): void {
    for (const { ref } of this.#asked.end()) this.#show([], ref, true);
  }

  /** Our user calls, is called by or knows these people: their presence is told, too, where not everybody's is. */
  cares(...names: readonly string[]): void {
    this.#asked.cares(names);
  }

  /** More are online than we are told. */
  online({ total }: DirectoryMessageOf<"online">): void {
    if (!this.#asked.isLong(total)) return;
    this.#coming = null;
    this.#users.clear();
    this.#showNow();
    this.#known();
  }

  /** A page that our user has asked for. */
  found(page: DirectoryMessageOf<"page">): void {
    const search = this.#asked.page(page);
    if (search === null) return;
    const { hasMore } = page;
    const users = listedIn(page);
    for (const user of users) take(this.#users, user);
    this.#forgetOthers();
    this.#show(users.map((user) => this.#viewOf(user)), search.ref, true, hasMore);
  }

  /** Of whom we don't hear any more, we know nothing. */
  #forgetOthers(): void {
    for (const folded of this.#users.keys()) {
      if (!this.#asked.isCaredFor(folded)) this.#users.delete(folded);
    }
  }

  /** A page of the whole list. */
  page({ isFirst, isLast, ...page }: DirectoryMessageOf<"users">): void {
    if (isFirst) this.#coming = new Map();
    const coming = this.#coming;
    if (coming === null) return;
    for (const user of listedIn(page)) take(coming, user);
    if (!isLast) return;
    this.#users = coming;
    this.#coming = null;
    this.#giveUpSearches();
    this.#showNow();
    this.#known();
  }

  changed({ offline, ...there }: DirectoryMessageOf<"presence">): void {
    const known = this.#coming ?? this.#users;
    const self = foldName(this.parts.session.name);
    for (const user of listedIn(there)) {
      const folded = foldName(user.name);
      if (user.state === "busy" && folded === self) this.#wasBusy = true;
      const before = known.get(folded);
      if (!take(known, user) || this.#coming !== null) continue;
      // What we hear first of a name to which we have subscribed answers that.
      const isAnswer = this.#asked.takeAwaited(folded);
      if (isAnswer && (before === undefined || isSame(before, user))) continue;
      // What our user says of itself was shown as it said so; the directory hears of it later.
      const isOwn = folded === self;
      const isTold = before !== undefined && isSame(before, { ...user, ...presenceOf(before) });
      if (isOwn && isTold) continue;
      // Whoever comes in the place of another, with another key, may be shown by another name: the other one is out.
      if (!isOwn && before !== undefined && before.key !== user.key) this.#showOffline(before);
      const { state, guest } = user;
      const said = isOwn ? this.parts.ownPresence() : user;
      this.#showPresence(user, { state, guest, ...shownPresence(said) });
    }
    for (const name of offline) {
      const folded = foldName(name);
      const user = known.get(folded);
      known.delete(folded);
      this.#asked.takeAwaited(folded);
      if (user === undefined || this.#coming !== null) continue;
      this.#showOffline(user);
    }
    this.#settle();
  }

  #showOffline(user: ListedUser): void {
    this.#showPresence(user, { state: "offline" });
  }

  #showPresence(
    user: ListedUser,
    { state, ...more }: Pick<EventNamed<"presence">, "state" | "guest" | keyof Presence>,
  ): void {
    const { name, key } = user;
    const changed = this.#changeOf(user);
    const who = { name, key: fingerprintOf(key) };
    this.parts.out.show({ event: "presence", ...who, state, ...more, ...changed });
  }

  /** @param part Part of the names to show; left out: shows all, or the first page of them. */
  list(part: string | undefined, ref: string | undefined): void {
    const waiting = this.#waiting;
    if (waiting !== null && waiting.length < LISTS_WAITING_MAX) waiting.push({ part, ref });
    else if (this.#asked.total === null) this.#show(this.#listed(foldName(part ?? "")), ref, true);
    else if (!this.#asked.search(part ?? "", ref)) this.#isTooFast(ref);
  }

  /** The page behind the last one. */
  more(ref: string | undefined): void {
    const { total, hasMore } = this.#asked;
    if (total === null || !hasMore) {
      const text = "There is no more to show: /list has shown all that it found";
      return this.parts.out.notice(text, ref);
    }
    if (!this.#asked.more(ref)) this.#isTooFast(ref);
  }

  #isTooFast(ref: string | undefined): void {
    const text = "The directory hasn't answered yet what you asked before: wait for it";
    this.parts.out.error("too-fast", text, ref);
  }

  #show(
    users: readonly UserView[],
    ref: string | undefined,
    isAnswer: boolean,
    more = !isAnswer && this.#asked.total !== null,
  ): void {
    const { out, session } = this.parts;
    const answers = isAnswer ? { isAnswer } as const : {};
    const age = session.isCutOff ? { outOfDate: true } as const : {};
    out.show({ event: "users", users, total: this.size, more, ...answers, ...age }, ref);
  }

  #listed(folded: FoldedName): readonly UserView[] {
    const shown = [...this.#users].filter(([name]) => name.includes(folded));
    shown.sort(([a], [b]) => a < b ? -1 : 1);
    return shown.map(([, user]) => this.#viewOf(user));
  }

  #viewOf(user: ListedUser): UserView {
    const { session, isTalking, ownPresence } = this.parts;
    return isSameName(user.name, session.name)
      ? { ...userView({ ...user, ...ownPresence() }), state: isTalking() ? "busy" : "free" }
      : { ...userView(user), ...this.#changeOf(user) };
  }

  #changeOf({ name, key }: ListedUser): Pick<UserView, "shown" | "changed"> {
    const { session, keys, hearing } = this.parts;
    const changed = isSameName(name, session.name) ? null : keys.changeOf(name, key);
    return changed === null ? {} : { shown: hearing.apart(name, key), changed };
  }

  /**
   * Shows the list after a call, once the directory has said that both are free, or after `AFTER_CALL_MS`.
   * @param talkedMs How long the users in `talked` have talked.
   */
  showAfter(talked: readonly string[], talkedMs: number): void {
    this.#talked = talked.map(foldName);
    this.#wasBusy ||= talkedMs >= AFTER_CALL_MS;
    this.deadlines.set("afterCall", this.parts.out.nowMs + AFTER_CALL_MS);
    this.#settle();
  }

  #settle(): void {
    const isBusy = (name: FoldedName) => this.#users.get(name)?.state === "busy";
    if (this.deadlines.get("afterCall") === null || !this.#wasBusy) return;
    if (!this.#talked.some(isBusy)) this.#showNow();
  }

  #showNow(): void {
    this.deadlines.clear("afterCall");
    this.#wasBusy = false;
    this.#show(this.#listed(foldName("")), undefined, false);
  }

  find(name: string): ListedUser | null {
    return this.#users.get(foldName(name)) ?? null;
  }

  /** As the list shows the user of that name; null where nobody in the list has it. */
  view(name: string): UserView | null {
    const user = this.find(withoutMark(name));
    return user === null ? null : this.#viewOf(user);
  }

  /** The user that takes calls at this address; null where nobody in the list does. */
  at({ host, port }: Endpoint): ListedUser | null {
    for (const user of this.#users.values()) {
      if (user.port === port && canonicalHost(user.host) === canonicalHost(host)) return user;
    }
    return null;
  }

  names(): Iterable<string> {
    return [...this.#users.values()].map(({ name }) => name);
  }
}

/** Adds or updates a user. @returns False if the list is fuller than any can be. */
function take(known: Map<FoldedName, ListedUser>, user: ListedUser): boolean {
  const folded = foldName(user.name);
  if (known.size >= CLIENTS_MAX && !known.has(folded)) return false;
  known.set(folded, user);
  return true;
}

function isSame(one: ListedUser, other: ListedUser): boolean {
  return one.key === other.key && one.state === other.state && one.guest === other.guest &&
    isSamePresence(one, other);
}
