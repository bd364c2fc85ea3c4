/** How the events of `peer --users` read as lines. */

import { endpointText } from "../base/ids.ts";
import { shownName } from "../base/names.ts";
import {
  type FriendsEvent,
  type FriendStatus,
  type FriendView,
  TAKEN_BACK,
} from "../protocols/friends/events.ts";
import { durationText } from "./durations.ts";
import { messageLine } from "./message_rendering.ts";
import { listed, nameSpan, ownNameSpan } from "./spans.ts";
import type { CommonEvent, Line, RenderContext, Span } from "./user_interface.ts";
import { shownVerifyEvent, type VerifyEvent, verifyLines } from "./verify_rendering.ts";

/** What this mode alone shows. */
export type FriendsOwnEvent =
  | Exclude<FriendsEvent, CommonEvent | { readonly event: "verify" }>
  | VerifyEvent;

type EventNamed<Name extends FriendsOwnEvent["event"]> = Extract<
  FriendsOwnEvent,
  { readonly event: Name }
>;

/** An event as people and scripts see it. */
export function shownFriendsEvent(event: FriendsEvent): FriendsOwnEvent | CommonEvent {
  return event.event === "verify" ? shownVerifyEvent(event) : event;
}

/** Names that a first line has room for. */
const FRIENDS_NAMED_MAX = 12;

/** The lines of an event, in the order they are printed. */
export function friendsLines(event: FriendsOwnEvent, context: RenderContext): readonly Line[] {
  const { nowMs } = context;
  switch (event.event) {
    case "ready":
      return [readyLine(event)];
    case "message":
      return [messageLine(event, nowMs)];
    case "delivery":
      return deliveryLines(event, context);
    case "connection":
      return context.verbose ? [connectionLine(event, nowMs)] : [];
    case "friends":
      return event.friends.length === 0
        ? [["The table has no friends."]]
        : friendLines(event.friends);
    case "outbox":
      return outboxLines(event);
    case "status":
      return statusLines(event);
    case "verify":
      return verifyLines(event);
  }
}

function readyLine({ name: self, port, names, users }: EventNamed<"ready">): Line {
  const named = names.slice(0, FRIENDS_NAMED_MAX);
  const more = names.length - named.length;
  if (named.length === 0) {
    return [ownNameSpan(self), `, listening at ${port}. Nobody else is in ${users}.`];
  }
  return [
    ownNameSpan(self),
    `, listening at ${port}. Friends: `,
    ...listed(named.map((friend) => [nameSpan(friend)])),
    more > 0 ? ` and ${more} more` : "",
    ` (${users}). Write to one of them with ${named[0]}/hello`,
  ];
}

/** That a message is safe, and that it has arrived, is what one expects: at a terminal only the rest is told. */
function deliveryLines(
  { id, state, to, reason, waiting }: EventNamed<"delivery">,
  { nowMs, interactive }: RenderContext,
): readonly Line[] {
  const mark: Span = { text: " ! ", as: "mark" };
  if (waiting !== undefined) {
    const then = reason === "refuses" ? "takes it" : "is back";
    const kept = `; kept, and sent when ${shownName(to)} ${then} (${waiting} waiting)`;
    return [[{ timeMs: nowMs }, mark, nameSpan(to), ` ${reason}${kept}`]];
  }
  if (state !== "failed") {
    if (interactive) return [];
    const text = state === "queued" ? " * Kept for " : " * Delivered to ";
    return [[{ timeMs: nowMs }, text, nameSpan(to), `: ${id.slice(0, ID_LETTERS)}`]];
  }
  const short = id.slice(0, ID_LETTERS);
  if (reason === TAKEN_BACK) {
    return [[{ timeMs: nowMs }, ` * Taken back: ${short} to `, nameSpan(to)]];
  }
  const because = reason === undefined ? "" : `: ${reason}`;
  return [[{ timeMs: nowMs }, mark, `${short} isn't sent to `, nameSpan(to), because]];
}

function connectionLine(event: EventNamed<"connection">, nowMs: number): Line {
  const what = event.state === "opened" ? "Connected with " : "No longer connected with ";
  return [{ timeMs: nowMs }, ` * ${what}`, nameSpan(event.friend), ` (${event.reason})`];
}

function friendLines(friends: readonly FriendView[]): readonly Line[] {
  return friends.map((friend) => [
    nameSpan(friend.name),
    `  ${endpointText(friend)}  ${friend.connected ? "connected" : "not connected"}`,
  ]);
}

function outboxLines({ messages }: EventNamed<"outbox">): readonly Line[] {
  if (messages.length === 0) return [["Nothing waits."]];
  return messages.map(({ id, to, text, sentAt }) => [
    { timeMs: Date.parse(sentAt) },
    ` ${id.slice(0, ID_LETTERS)} to `,
    nameSpan(to),
    ": ",
    { text, as: "body" },
  ]);
}

/** Enough to tell messages apart, for `/unsend`. */
const ID_LETTERS = 8;

function statusLines(status: EventNamed<"status">): readonly Line[] {
  const connected = status.friends.filter((friend) => friend.connected);
  const lines: Line[] = [
    connected.length === 0 ? ["Connected with nobody; a message connects."] : [
      "Connected: ",
      ...listed(connected.map((friend) => [nameSpan(friend.name), roundTripText(friend)])),
      ".",
    ],
    [unsentText(status.unsent)],
    [`Your key: ${status.key}`],
  ];
  for (const friend of status.friends) {
    if (friend.waiting > 0) {
      lines.push(["  ", nameSpan(friend.name), `: ${friend.waiting} waiting`]);
    }
  }
  for (const problem of status.problems) lines.push([{ text: "! ", as: "mark" }, problem]);
  return lines;
}

function roundTripText({ roundTripMs }: FriendStatus): string {
  return roundTripMs === null ? "" : ` ${durationText(roundTripMs)}`;
}

function unsentText(unsent: number): string {
  if (unsent === 0) return "Nothing waits to be delivered.";
  return unsent === 1
    ? "1 message waits to be delivered."
    : `${unsent} messages wait to be delivered.`;
}
