/** What the user sees of private messages: their own and others', what became of them, and what waits. */

import { countText, dateText, inWords, numberText } from "../../../base/text/words.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { unsentEvent } from "../../../base/machine/mode_output.ts";
import { shownName } from "../../../base/text/names.ts";
import type { MeshEvent } from "../schema/events.ts";
import { PRIVATE_WAITING_MAX } from "../schema/limits.ts";
import type { PrivateWords } from "../../../base/schema/private_words.ts";
import type { PrivateEffect, PrivateMessage, Waiting } from "./private_messages_io.ts";

type EffectOf<Type extends PrivateEffect["type"]> = Extract<PrivateEffect, { readonly type: Type }>;

/** What concerns the user. */
export type PrivateNews = EffectOf<
  "sent" | "received" | "delivery" | "waits" | "arrived" | "refused"
>;

/** How many receivers a notice names. */
const NAMED_MAX = 5;

/** What a view asks about names. */
export interface NameFacts {
  /** The name shown for this key; null where it holds no name here. */
  shownName(key: PeerKey): string | null;
  /** The name shown for an author that claimed the name `claimed` when it wrote. */
  authorName(key: PeerKey, claimed: string): string;
  /** The name that a member claims now, or claimed last; null where it isn't known. */
  nameClaimedBy(key: PeerKey): string | null;
}

/** What a message's event says besides where its author is removed; nothing where it isn't. */
export type OfRemoved = Partial<
  Pick<Extract<MeshEvent, { readonly event: "message" }>, "history" | "removed">
>;

export class PrivateView {
  constructor(
    readonly facts: NameFacts,
    readonly ofRemoved: (from: PeerKey) => OfRemoved,
    readonly show: (event: MeshEvent, ref?: string) => void,
    /** Whether nothing that is said is on the disk. */
    readonly forgets: boolean,
  ) {}

  tell(news: PrivateNews): void {
    switch (news.type) {
      case "sent":
        return this.#sent(news);
      case "received":
        return this.#message(news.message, { self: false, history: news.late });
      case "delivery":
        return this.#delivery(news);
      case "waits":
        return this.#waits(news);
      case "arrived":
        return this.#arrived(news.receiver);
      case "refused":
        return this.#refused(news);
      default:
        return unreachable(news);
    }
  }

  /** What the profile keeps of it. */
  words(news: EffectOf<"sent" | "received" | "was-waiting">): PrivateWords {
    const { id, from, to, text, sentAt } = news.message;
    const self = news.type !== "received";
    const key = self ? to : from;
    const name = self ? this.#receiver(to, news.name) : this.#author(from);
    return { id, key, name, self, text, sentAt };
  }

  #sent({ message, name, ref }: EffectOf<"sent">): void {
    const to = this.#receiver(message.to, name);
    this.#message(message, { self: true, history: false, to }, ref);
  }

  #message(
    { id, from, text, sentAt }: PrivateMessage,
    about: { readonly self: boolean; readonly history: boolean; readonly to?: string },
    ref?: string,
  ): void {
    this.show({
      event: "message",
      id,
      from: this.facts.nameClaimedBy(from) ?? this.#author(from),
      shown: this.#author(from),
      key: fingerprintOf(from),
      text,
      private: true,
      sentAt: dateText(sentAt),
      ...about,
      ...this.ofRemoved(from),
    }, ref);
  }

  #delivery({ id, to, name, state, reason, waiting, waited, ref }: EffectOf<"delivery">): void {
    this.show({
      event: "delivery",
      id,
      to: this.#receiver(to, name),
      state,
      ...(reason === undefined ? {} : { reason }),
      ...(waiting === undefined ? {} : { waiting }),
      ...(waiting !== undefined && this.isRemoved(to) ? { removed: true as const } : {}),
      ...(waited === undefined ? {} : { waited }),
    }, ref);
  }

  #waits({ when, receivers }: EffectOf<"waits">): void {
    if (when === "quit" && this.forgets) {
      const what = this.#waitingText(receivers);
      return this.#notice(
        `Not delivered: ${what}; what you typed isn't kept (--no-history)`,
        receivers,
      );
    }
    const until = this.forgets ? "Kept until you leave" : "Kept";
    const kept = when === "start" ? "Still kept" : until;
    const again = when === "start" ? "" : " again";
    const { mayBeBack = [], removed = [] } = Object.groupBy(
      receivers,
      ({ to }) => this.isRemoved(to) ? "removed" : "mayBeBack",
    );
    if (mayBeBack.length > 0) {
      const sent = mayBeBack.length === 1 ? "sent" : "sent to each";
      const what = this.#waitingText(mayBeBack);
      this.#notice(`${kept}: ${what}; ${sent} when you are both here${again}`, mayBeBack);
    }
    const [first, ...others] = removed;
    if (first === undefined) return;
    const allowed = others.length > 0
      ? "who were removed; sent only if they are allowed"
      : `who was removed; sent only if ${this.#written(first.to, first.name)} is allowed`;
    this.#notice(`${kept}: ${this.#waitingText(removed)}, ${allowed} back`, removed);
  }

  /** Whether the receiver was removed from the room: then it can't come back by itself. */
  isRemoved(receiver: PeerKey): boolean {
    return this.ofRemoved(receiver).removed === true;
  }

  #arrived(receiver: Waiting): void {
    const { to, name, messages } = receiver;
    const what = messages === 1 ? "message" : `${numberText(messages)} messages`;
    this.#notice(`${this.#written(to, name)} has the ${what} that waited`, [receiver]);
  }

  #refused({ code, to, name, text: because, ref }: EffectOf<"refused">): void {
    if (code === "disk") return this.show(unsentEvent(because), ref);
    const text =
      `Cannot write to ${this.#written(to, name)} alone: ${
        numberText(PRIVATE_WAITING_MAX)
      } messages wait ` +
      "for their receivers already; try again when some have arrived";
    this.show({ event: "error", code, text }, ref);
  }

  /** @param receivers Of the messages that it is about: with one it belongs to the conversation with that one. */
  #notice(text: string, [receiver, ...others]: readonly Waiting[]): void {
    const isOfOne = receiver !== undefined && others.length === 0;
    const about = isOfOne ? { to: this.#receiver(receiver.to, receiver.name) } : {};
    this.show({ event: "notice", text, ...about });
  }

  /** `2 private messages for Bob and Carol`. */
  #waitingText(receivers: readonly Waiting[]): string {
    const total = receivers.reduce((sum, { messages }) => sum + messages, 0);
    const names = receivers.slice(0, NAMED_MAX).map(({ to, name }) => this.#written(to, name));
    const more = receivers.length - names.length;
    if (more > 0) names.push(`${numberText(more)} more`);
    return `${countText(total, "private message")} for ${inWords(names)}`;
  }

  /** The name of a receiver in a sentence. */
  #written(key: PeerKey, name: string): string {
    return shownName(this.#receiver(key, name));
  }

  /** The name under which an author is shown; the key of one that has no name here. */
  #author(key: PeerKey): string {
    return this.facts.shownName(key) ?? fingerprintOf(key);
  }

  /** The name of a receiver; one that has no name here any more keeps the name under which it was written to. */
  #receiver(key: PeerKey, name: string): string {
    return this.facts.authorName(key, name);
  }
}
