/** What the user asks of what was said before: the answer comes when all that was typed before it is on disk. */

import type { PeerKey } from "../../base/ids.ts";
import type { Conversation, RecallEffect } from "../../base/machine/mode_machine.ts";
import { fingerprintFault, fingerprintOf, parseFingerprint } from "../../base/text/fingerprint.ts";
import { isSameName } from "../../base/text/names.ts";
import type { FriendsCommand, FriendsEvent } from "./events.ts";
import type { Friend } from "./friend.ts";
import type { FriendTable } from "./friend_table.ts";
import type { FriendsOutput } from "./friends_output.ts";
import { RECALLED_MAX } from "./limits.ts";

type Asked = Extract<FriendsCommand, { readonly command: "history" }>;

export class Recalling {
  /** Questions that wait for the disk: no more than lines were typed meanwhile. */
  #waiting: RecallEffect<FriendsEvent>[] = [];

  constructor(
    readonly self: { readonly name: string; readonly key: PeerKey },
    readonly table: Pick<FriendTable, "busy">,
    readonly receiving: { readonly isKeeping: boolean },
    readonly out: FriendsOutput,
  ) {}

  /** @param named The friend of a name; null where nobody has it. @returns Whether the user asks about somebody. */
  ask(
    { count, text, name }: Asked,
    ref: string | undefined,
    named: (name: string) => Friend | null,
  ) {
    const about = name === undefined ? {} : this.#conversation(name, named);
    if (about === null) return false;
    const found = text === undefined ? {} : { searched: text };
    const event = { event: "history", messages: [], ...about, ...found } as const;
    this.#waiting.push({ type: "recall", event, count: count ?? RECALLED_MAX, ref });
    return true;
  }

  stepEnds(): void {
    if (this.#waiting.length === 0 || this.receiving.isKeeping) return;
    for (const { outbox } of this.table.busy()) if (outbox.isStoring) return;
    for (const recall of this.#waiting) this.out.push(recall);
    this.#waiting = [];
  }

  #conversation(typed: string, named: (name: string) => Friend | null): Conversation | null {
    const { self } = this;
    if (isSameName(typed, self.name)) return { name: self.name, key: fingerprintOf(self.key) };
    const friend = named(typed);
    if (friend !== null) {
      const { name, expected } = friend;
      return expected === null ? { name } : { name, key: expected };
    }
    if (fingerprintFault(typed) !== null) return null;
    return { name: typed, key: parseFingerprint(typed) };
  }
}
