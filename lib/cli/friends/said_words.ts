/** Where there are doors: what the user says to friends, wherever that is typed, is shown there as soon as it is kept. */

import { dateText } from "../../base/text/words.ts";
import type { KeepEffect, RecallEffect } from "../../base/machine/mode_machine.ts";
import type { PrivateWords } from "../../base/schema/private_words.ts";
import type { FriendsEvent } from "../../protocols/friends/events.ts";
import type { KeptWords } from "../../runtime/hosts/mode_host.ts";

interface SaidWordsPorts {
  /** What keeps the words. */
  readonly words: KeptWords<FriendsEvent>;
  /** What was said before this (wall time, ms) isn't news, though it is delivered now. */
  readonly sinceMs: number;
  ownName(): string;
  show(event: FriendsEvent, ref: string | undefined): void;
}

export class SaidWords implements KeptWords<FriendsEvent> {
  /** By id, each until its delivery is told, which comes in the same step. */
  readonly #untold = new Map<string, PrivateWords>();

  constructor(readonly ports: SaidWordsPorts) {}

  keep(effect: Omit<KeepEffect, "type">): Promise<void> {
    const { words, takenBack } = effect;
    const { id, self, sentAt } = words;
    if (self && takenBack !== true && sentAt >= this.ports.sinceMs) this.#untold.set(id, words);
    return this.ports.words.keep(effect);
  }

  recalled(effect: RecallEffect<FriendsEvent>): Promise<FriendsEvent> {
    return this.ports.words.recalled(effect);
  }

  /** An event is about to be shown: of what was said, the words come before how it fares. */
  before(event: FriendsEvent, ref: string | undefined): void {
    if (event.event !== "delivery") return;
    const words = this.#untold.get(event.id);
    if (words === undefined) return;
    this.#untold.delete(event.id);
    const { id, name: to, text, sentAt } = words;
    const said = { id, from: this.ports.ownName(), text, sentAt: dateText(sentAt), to } as const;
    this.ports.show({ event: "message", ...said, self: true, history: false }, ref);
  }
}
