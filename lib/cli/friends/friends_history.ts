/** What was said to friends and by them, in the folder of their table; and what of it is shown again at a start. */

import { fingerprintOf } from "../../base/text/fingerprint.ts";
import type { KeepEffect, RecalledMessage, RecallEffect } from "../../base/machine/mode_machine.ts";
import type { PrivateWords } from "../../base/schema/private_words.ts";
import { dateText } from "../../base/text/words.ts";
import { unshownIn } from "../../protocols/friends/friends_log.ts";
import type { FriendsEvent } from "../../protocols/friends/events.ts";
import type { FriendsStore } from "../../runtime/hosts/friends_host.ts";
import type { KeptWords } from "../../runtime/hosts/mode_host.ts";
import type { ReturnedEvent } from "../rendering/user_interface.ts";
import { LastSeen, shownAgain } from "../session/last_seen.ts";
import { isWithNamed, openPrivateStore, PrivateHistory } from "../session/private_history.ts";
import type { Session } from "../session/mode_session.ts";
import type { FriendsOwnEvent } from "./friends_rendering.ts";
import type { FriendsOptions } from "./friends_arguments.ts";

type Wiring =
  & Pick<
    Session<FriendsOwnEvent, never>,
    "disk" | "environment" | "identity"
  >
  & {
    readonly ui: { readonly interactive: boolean };
    readonly options: Pick<FriendsOptions, "historyCount" | "keepsWords">;
  };

export class FriendsHistory {
  private constructor(
    readonly wiring: Wiring,
    readonly folder: string,
    readonly words: PrivateHistory<FriendsEvent>,
    readonly warn: (text: string) => void,
    readonly seen: LastSeen | null,
    readonly again: readonly RecalledMessage[],
  ) {}

  /**
   * @param name The user's. @param folder Of the table. @param store What waits to be shown in it isn't shown again.
   * @param warn Tells the user what couldn't be read or written.
   */
  static async open(
    wiring: Wiring,
    name: string,
    folder: string,
    store: Pick<FriendsStore, "records">,
    warn: (text: string) => void,
  ): Promise<FriendsHistory> {
    const { disk, identity, options, ui } = wiring;
    const words = new PrivateHistory<FriendsEvent>({
      open: () => openPrivateStore(disk, folder, options.keepsWords, warn),
      ownKey: fingerprintOf(identity.signer.key),
      ownName: () => name,
      shownName: (_, name) => name,
      // The table says who has a name, whatever key that one has by now.
      isWith: isWithNamed,
    });
    const count = shownAgain(options, ui) ?? 0;
    if (count === 0) return new FriendsHistory(wiring, folder, words, warn, null, []);
    const seen = await LastSeen.open(disk, folder, warn);
    const unshown = unshownIn(store.records);
    const last = (await words.last(count + unshown.size))();
    const again = last.filter(({ id }) => !unshown.has(id)).slice(-count);
    return new FriendsHistory(wiring, folder, words, warn, seen, again);
  }

  /** Shows the last messages again, and below them since when the user was away. */
  showAgain(show: (event: FriendsEvent | ReturnedEvent) => void): void {
    for (const { id, from, text, sentAt, self, to } of this.again) {
      const message = { event: "message", id, from, text, self, history: true, sentAt } as const;
      show(to === undefined ? message : { ...message, to });
    }
    const nowMs = this.wiring.environment.wallMs();
    const returned = this.seen?.returned(nowMs, this.again.at(-1)?.sentAt ?? "") ?? null;
    if (returned !== null) show(returned);
    this.seen?.here(this.wiring.environment.wallMs);
  }

  /** The user leaves: syncs and closes what was opened. */
  async close(): Promise<void> {
    const seen = this.seen ?? await LastSeen.open(this.wiring.disk, this.folder, this.warn);
    await seen.leave(this.wiring.environment.wallMs());
    await this.words.close();
  }
}

interface SaidWordsPorts {
  /** What keeps the words. */
  readonly words: KeptWords<FriendsEvent>;
  ownName(): string;
  show(event: FriendsEvent, ref: string | undefined): void;
}

/** Where there are doors: what the user says, wherever that is typed, is shown there as soon as it is kept. */
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
