/** Where there are doors: what the user says to friends, wherever that is typed, is shown there as soon as it is kept. */

import { dateText } from "../../base/text/words.ts";
import type { KeepEffect, RecallEffect } from "../../base/machine/mode_machine.ts";
import type { PrivateWords } from "../../base/schema/private_words.ts";
import type { FriendsEvent } from "../../protocols/friends/events.ts";
import type { KeptWords } from "../../runtime/hosts/mode_host.ts";

interface SaidWordsPorts {
  /** What keeps the words. */
  readonly words: KeptWords<FriendsEvent>;
  ownName(): string;
  show(event: FriendsEvent, ref: string | undefined): void;
}

export class SaidWords implements KeptWords<FriendsEvent> {
  /** By id, each until its delivery is told, which comes in the same step. */
  readonly #untold = new Map<string, PrivateWords>();

  constructor(readonly ports: SaidWordsPorts) {}

  keep(effect: Omit<KeepEffect, "type">): Promise<void> {
    const { words, takenBack, isEarlier } = effect;
    // What was said in an earlier run isn't news, though it is delivered now.
    if (words.self && takenBack !== true && isEarlier !== true) this.#untold.set(words.id, words);
    return this.ports.words.keep(effect);
  }

  recalled(effect: RecallEffect<FriendsEvent>): Promise<FriendsEvent> {
    return this.ports.words.recalled(effect);
  }

  /** An event is about to be shown: of what was said, the words come before how it fares. */
  before(event: FriendsEvent, ref: string | undefined): void {
    // What is said to oneself is shown as it comes.
    if (event.event === "message" && event.self) this.#untold.delete(event.id);
    if (event.event !== "delivery") return;
    const words = this.#untold.get(event.id);
    if (words === undefined) return;
    this.#untold.delete(event.id);
    const { id, name: to, text, sentAt } = words;
    const said = { id, from: this.ports.ownName(), text, sentAt: dateText(sentAt), to } as const;
    this.ports.show({ event: "message", ...said, self: true, history: false }, ref);
  }
}
