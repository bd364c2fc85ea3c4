/** The effects of one step, and the time at which they are made. */

import type { ModeEvent } from "../../base/machine/mode_machine.ts";
import { StoringOutput } from "../../base/machine/mode_output.ts";
import type { FriendsEvent } from "./events.ts";
import type { Friend } from "./friend.ts";
import { enter, type FriendLink } from "./friend_links.ts";
import type { FriendsEffect } from "./friends_io.ts";
import type { FriendsMessage } from "./messages.ts";
import type { OutboxEntry } from "./outbox.ts";
import type { FriendsRecord } from "./records.ts";

type NoticeOrError = Extract<ModeEvent, { readonly event: "notice" | "error" }>;

export class FriendsOutput extends StoringOutput<FriendsEvent, FriendsEffect, FriendsRecord> {
  send(link: FriendLink, message: FriendsMessage): void {
    this.push({ type: "send", link: link.link, message });
  }

  close(link: FriendLink, reason: string): void {
    enter(link, "over");
    link.dueMs = null;
    this.push({ type: "close", link: link.link, reason });
  }

  /** Tells the user something of a friend, which belongs to what is said with that one. */
  tellOf({ name: friend }: Pick<Friend, "name">, told: NoticeOrError): void {
    this.show({ ...told, friend });
  }

  /**
   * The message is safe. If the friend was just tried in vain, also tells the user how much waits, unless it knows
   * that.
   */
  queued({ id, ref }: OutboxEntry, friend: Friend): void {
    const { name: to, outbox: { size: waiting } } = friend;
    const event = { event: "delivery", id, to, state: "queued" } as const;
    const isTold = friend.isAway && friend.attempt === null && waiting > friend.toldWaiting;
    if (!isTold) return this.show(event, ref);
    const reason = friend.refusedHere !== null
      ? "has a key that isn't accepted here"
      : friend.isRefusing
      ? "refuses"
      : "isn't there";
    this.show({ ...event, reason, waiting, sentWhen: friend.sentWhen }, ref);
    friend.tellWaiting();
  }

  /** The profile keeps what was said to the friend. @param takenBack It isn't any more. */
  keep(
    { id, text, sentAt, isEarlier }: OutboxEntry,
    { name, key }: Friend,
    takenBack = false,
  ): void {
    const words = { id, key, name, self: true, text, sentAt };
    const earlier = isEarlier === true ? { isEarlier } : {};
    this.push({ type: "keep", words, ...(takenBack ? { takenBack } : {}), ...earlier });
  }

  delivery(
    id: string,
    { name: to }: Pick<Friend, "name">,
    state: "queued" | "delivered",
    ref: string | undefined,
    waited = false,
  ): void {
    const event = { event: "delivery", id, to, state } as const;
    this.show(waited ? { ...event, waited: true } : event, ref);
  }

  failed(
    { id, text }: OutboxEntry,
    { name: to }: Friend,
    reason: string,
    ref: string | undefined,
    isTold = false,
  ): void {
    const event = { event: "delivery", id, to, state: "failed", reason, text } as const;
    this.show(isTold ? { ...event, told: true } : event, ref);
  }
}
