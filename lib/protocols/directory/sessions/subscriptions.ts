/**
 * Whose presence each client hears of where the list is too long to tell it all (as with IRC's MONITOR): a change costs
 * a message for each client that has subscribed to that name, however many are online.
 */

import type { FoldedName } from "../../../base/ids.ts";
import { foldName } from "../../../base/text/names.ts";
import { SUBSCRIPTIONS_MAX } from "../schema/limits.ts";
import type { DirectoryMessageOf } from "../schema/messages.ts";
import type { Client } from "./client_session.ts";

interface Subscriber {
  readonly names: Map<FoldedName, string>;
  /** Of these, the names whose state it is to be told. */
  readonly news: Set<FoldedName>;
}

export class Subscriptions {
  readonly #subscribers = new Map<Client, Subscriber>();
  readonly #byName = new Map<FoldedName, Set<Client>>();
  /** Clients with news. */
  readonly #due = new Set<Client>();

  /**
   * Each name that is added is news: the client is told its present state.
   * @returns What is wrong with the request; null where nothing is.
   */
  change(client: Client, { add, drop }: DirectoryMessageOf<"subscribe">): string | null {
    const subscriber = this.#subscribers.get(client) ?? { names: new Map(), news: new Set() };
    this.#subscribers.set(client, subscriber);
    for (const name of drop) this.#drop(client, subscriber, foldName(name));
    for (const name of add) {
      const folded = foldName(name);
      subscriber.names.set(folded, name);
      const clients = this.#byName.get(folded);
      if (clients === undefined) this.#byName.set(folded, new Set([client]));
      else clients.add(client);
      subscriber.news.add(folded);
      this.#due.add(client);
    }
    return subscriber.names.size > SUBSCRIPTIONS_MAX ? "too many names" : null;
  }

  #drop(client: Client, subscriber: Subscriber, folded: FoldedName): void {
    subscriber.names.delete(folded);
    subscriber.news.delete(folded);
    const clients = this.#byName.get(folded);
    clients?.delete(client);
    if (clients?.size === 0) this.#byName.delete(folded);
  }

  /** The client isn't in any more. */
  end(client: Client): void {
    const subscriber = this.#subscribers.get(client);
    if (subscriber === undefined) return;
    for (const folded of subscriber.names.keys()) this.#drop(client, subscriber, folded);
    this.#subscribers.delete(client);
    this.#due.delete(client);
  }

  /** Somebody of that name has come or gone, or their state has changed. */
  changed(folded: FoldedName): void {
    for (const client of this.#byName.get(folded) ?? []) {
      this.#subscribers.get(client)!.news.add(folded);
      this.#due.add(client);
    }
  }

  /** The clients with news that take data now, and the names, as they wrote them; these are no news any more. */
  *take(): Iterable<{ readonly client: Client; readonly names: ReadonlyMap<FoldedName, string> }> {
    for (const client of this.#due) {
      if (client.isCongested) continue;
      const { names, news } = this.#subscribers.get(client)!;
      this.#due.delete(client);
      yield { client, names: new Map([...news].map((folded) => [folded, names.get(folded)!])) };
      news.clear();
    }
  }
}
