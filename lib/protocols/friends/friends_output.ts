/** The effects of one step, and the time at which they are made. */

import { StoringOutput } from "../../base/machine/mode_output.ts";
import type { FriendsTold } from "./events.ts";
import type { Friend } from "./friend.ts";
import { enter, type FriendLink } from "./friend_links.ts";
import type { FriendsEffect } from "./friends_io.ts";
import type { FriendsFact } from "./friends_words.ts";
import type { FriendsMessage } from "./messages.ts";
import type { OutboxEntry } from "./outbox.ts";
import type { FriendsRecord } from "./records.ts";

export class FriendsOutput extends StoringOutput<FriendsTold, FriendsEffect, FriendsRecord> {
  send(link: FriendLink, message: FriendsMessage): void {
    this.push({ type: "send", link: link.link, message });
  }

  close(link: FriendLink, reason: string): void {
    enter(link, "over");
    link.dueMs = null;
    this.push({ type: "close", link: link.link, reason });
  }

  tell(fact: FriendsFact, ref?: string): void {
    this.show({ event: "fact", fact }, ref);
  }

  /** A message was given up, as the disk refused to store it. */
  unsent(friend: string, why: string, ref: string | undefined): void {
    this.tell({ fact: "unsent", friend, why, unsent: true }, ref);
  }

  /** The message is safe. @param isLast Of those written together: if the friend was just tried in vain, how many wait. */
  queued({ id, ref }: OutboxEntry, friend: Friend, isLast: boolean): void {
    const { name: to, outbox: { size: waiting } } = friend;
    const isKept = isLast && friend.isAway && friend.attempt === null;
    const event = { event: "delivery", id, to, state: "queued" } as const;
    this.show(isKept ? { ...event, waiting } : event, ref);
    if (isKept) this.kept(friend);
  }

  /** What is there for the friend has to wait. */
  kept(friend: Friend): void {
    const { name, isRefusing, refusedHere, problem, sentWhen: when } = friend;
    friend.waits = isRefusing || refusedHere !== null ? "held" : "away";
    const fact = isRefusing || refusedHere === "trust" ? "kept-again" : "kept";
    const why = problem ?? { fact: "unreached" };
    this.tell({ fact, friend: name, why, when, waiting: friend.outbox.size });
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
    reason: FriendsFact,
    ref: string | undefined,
  ): void {
    this.show({ event: "delivery", id, to, state: "failed", reason, text }, ref);
  }
}
