/** The list of users, as the directory tells it. */

import { canonicalHost } from "../../../base/text/endpoints.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { Endpoint, FoldedName, PeerKey } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { foldName, isSameName } from "../../../base/text/names.ts";
import { AFTER_CALL_MS, CLIENTS_MAX } from "../schema/limits.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type { KnownKeys } from "./known_keys.ts";
import type { ClientEvent, UserView } from "../schema/events.ts";
import type { DirectoryMessageOf, ListedUser } from "../schema/messages.ts";

type EventNamed<Name extends ClientEvent["event"]> = Extract<ClientEvent, { readonly event: Name }>;

interface LobbyParts {
  readonly out: ClientOutput;
  readonly keys: Pick<KnownKeys, "changeOf">;
  /** Knows who has spoken, too. */
  readonly hearing: { apart(name: string, key: PeerKey): string };
  readonly session: { readonly name: string };
  /** Whether we are in a call: the directory hears of that later. */
  readonly isTalking: () => boolean;
}

export class Lobby {
  #users = new Map<FoldedName, ListedUser>();
  /** The list whose pages are coming; null where it is complete. */
  #coming: Map<FoldedName, ListedUser> | null = null;

  /** Users that talked until a moment ago. */
  #talked: readonly FoldedName[] = [];
  /**
   * Whether the directory has said that we talk, or had the time to: of a short call it may say so only after its
   * end.
   */
  #wasBusy = false;
  readonly deadlines = new Deadlines({
    /** When the list is shown after a call, whatever the directory has said. */
    afterCall: () => this.#showNow(),
  });

  constructor(readonly parts: LobbyParts) {}

  get size(): number {
    return this.#users.size;
  }

  /** We aren't in any more: drops the list. */
  left(): void {
    this.#coming = null;
    this.#users.clear();
    this.deadlines.clear("afterCall");
  }

  /** A page of the whole list. */
  page({ users, isFirst, isLast }: DirectoryMessageOf<"users">): void {
    if (isFirst) this.#coming = new Map();
    const coming = this.#coming;
    if (coming === null) return;
    for (const user of users) take(coming, user);
    if (!isLast) return;
    this.#users = coming;
    this.#coming = null;
    this.#showNow();
  }

  changed({ users, offline }: DirectoryMessageOf<"presence">): void {
    const known = this.#coming ?? this.#users;
    const self = foldName(this.parts.session.name);
    for (const user of users) {
      if (user.state === "busy" && foldName(user.name) === self) this.#wasBusy = true;
      if (!take(known, user) || this.#coming !== null) continue;
      this.#showPresence(user, { state: user.state, guest: user.guest });
    }
    for (const name of offline) {
      const user = known.get(foldName(name));
      known.delete(foldName(name));
      if (user === undefined || this.#coming !== null) continue;
      this.#showPresence(user, { state: "offline" });
    }
    this.#settle();
  }

  #showPresence(
    user: ListedUser,
    { state, ...more }: Pick<EventNamed<"presence">, "state" | "guest">,
  ): void {
    const { name, key } = user;
    const changed = this.#changeOf(user);
    const who = { name, key: fingerprintOf(key) };
    this.parts.out.show({ event: "presence", ...who, state, ...more, ...changed });
  }

  /** @param part Part of the names to show; left out: shows all. */
  show(part: string | undefined, ref: string | undefined): void {
    const users = this.#listed(foldName(part ?? ""));
    this.parts.out.show({ event: "users", users, isAnswer: true }, ref);
  }

  #listed(folded: FoldedName): readonly UserView[] {
    const shown = [...this.#users].filter(([name]) => name.includes(folded));
    shown.sort(([a], [b]) => a < b ? -1 : 1);
    const { session, isTalking } = this.parts;
    const self = foldName(session.name);
    return shown.map(([name, user]) => {
      if (name === self) return { ...viewOf(user), state: isTalking() ? "busy" : "free" };
      return { ...viewOf(user), ...this.#changeOf(user) };
    });
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
    this.parts.out.show({ event: "users", users: this.#listed(foldName("")) });
  }

  find(name: string): ListedUser | null {
    return this.#users.get(foldName(name)) ?? null;
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

function viewOf({ key, ...user }: ListedUser): UserView {
  return { ...user, key: fingerprintOf(key) };
}
