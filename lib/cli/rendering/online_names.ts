/** The names of people online, for completion: each person once, in the present spelling. */

import type { FoldedName } from "../../base/ids.ts";
import { foldName } from "../../base/text/names.ts";
import type { ClientEvent } from "../../protocols/directory/schema/events.ts";

type UsersEvent = Extract<ClientEvent, { readonly event: "users" }>;

export class OnlineNames {
  /** How each is shown: as `bob~k7f3` where the key is another than the one expected. */
  readonly #names = new Map<FoldedName, string>();

  get all(): readonly string[] {
    return [...this.#names.values()];
  }

  has(name: string): boolean {
    return this.#names.has(foldName(name));
  }

  /** Replaces all names. */
  set(names: Iterable<string>): void {
    this.#names.clear();
    for (const name of names) this.#names.set(foldName(name), name);
  }

  /** Takes over the list that an event shows, or adds it, where it answers a command: that may have asked for a part. */
  listed({ users, isAnswer }: Pick<UsersEvent, "isAnswer" | "users">): void {
    if (!isAnswer) this.#names.clear();
    for (const { name, shown = name } of users) this.#names.set(foldName(name), shown);
  }

  changed(name: string, isOnline: boolean, shown = name): void {
    if (isOnline) this.#names.set(foldName(name), shown);
    else this.#names.delete(foldName(name));
  }
}
