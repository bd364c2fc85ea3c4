/** What one step brings forth, and the time at which it is made. */

import { StoringOutput } from "../../base/storing_output.ts";
import type { FriendsEvent } from "./events.ts";
import type { Friend } from "./friend.ts";
import { enter, type FriendLink } from "./friend_links.ts";
import type { FriendsEffect } from "./friends_io.ts";
import type { FriendsMessage } from "./messages.ts";
import type { OutboxEntry } from "./outbox.ts";
import type { FriendsRecord } from "./records.ts";

export class Output extends StoringOutput<FriendsEvent, FriendsEffect, FriendsRecord> {
  send(link: FriendLink, message: FriendsMessage): void {
    this.push({ type: "send", link: link.link, message });
  }

  close(link: FriendLink, reason: string): void {
    enter(link, "over");
    link.dueMs = null;
    this.push({ type: "close", link: link.link, reason });
  }

  /**
   * It is safe; of a friend who was tried just now in vain, the user is told how much waits, unless that was said.
   */
  queued({ id, ref }: OutboxEntry, friend: Friend): void {
    const { name: to, outbox: { size: waiting } } = friend;
    const event = { event: "delivery", id, to, state: "queued" } as const;
    const isTold = friend.isAway && friend.attempt === null && waiting > friend.toldWaiting;
    const reason = friend.isRefusing ? "refuses" : "isn't there";
    this.show(isTold ? { ...event, reason, waiting } : event, ref);
    if (isTold) friend.toldWaiting = waiting;
  }

  delivery(
    id: string,
    { name: to }: Pick<Friend, "name">,
    state: "queued" | "delivered",
    ref: string | undefined,
  ): void {
    this.show({ event: "delivery", id, to, state }, ref);
  }

  failed(
    { id, text }: OutboxEntry,
    { name: to }: Friend,
    reason: string,
    ref: string | undefined,
  ): void {
    this.show({ event: "delivery", id, to, state: "failed", reason, text }, ref);
  }
}
