/** Events of `peer --users` as lines of text. */

import { endpointText } from "../../base/ids.ts";
import { shownName } from "../../base/text/names.ts";
import { saidByText } from "../../base/trust/name_answers.ts";
import { quotedStart } from "../../base/text/text.ts";
import type { FriendsEvent, FriendView } from "../../protocols/friends/events.ts";
import { FRIENDS_WORDS } from "../../protocols/friends/friends_words.ts";
import { countText, numberText } from "../../base/text/words.ts";
import type { FileEvent } from "../files/file_events.ts";
import { fileLines } from "../files/file_rendering.ts";
import { roundTripText } from "../rendering/moments.ts";
import { recalledLines, saidTo } from "../rendering/recalled_lines.ts";
import type { AddedEvent } from "./contacts.ts";
import type { OwnLineEvent } from "./own_lines.ts";
import type { ToEvent } from "./partner.ts";
import {
  awayLine,
  awayText,
  isEarlier,
  listed,
  messageLine,
  messageStart,
  nameSpan,
  nothingSaid,
  ownAwayLines,
  ownKeyLine,
  ownNameSpan,
  problemLine,
  starLine,
  wrongLine,
} from "../rendering/spans.ts";
import { connectionText, undeliveredText } from "../rendering/arrival_words.ts";
import type { Line, RenderContext, Span } from "../rendering/user_interface.ts";
import {
  comparedText,
  listedName,
  type OwnEventOf,
  verifyLines,
  whoisLines,
} from "../rendering/verify_rendering.ts";

/** The events that only this mode shows. */
export type FriendsOwnEvent =
  | OwnEventOf<FriendsEvent>
  | ToEvent
  | OwnLineEvent
  | AddedEvent
  | FileEvent;

type EventNamed<Name extends FriendsOwnEvent["event"]> = Extract<
  FriendsOwnEvent,
  { readonly event: Name }
>;

/** The most names in the first line. */
const FRIENDS_NAMED_MAX = 12;

/**
 * The lines of an event, in the order in which they are printed.
 * @param self The user's own name.
 */
export function friendsLines(
  event: FriendsOwnEvent,
  context: RenderContext,
  self: string,
): Iterable<Line> {
  const { nowMs } = context;
  switch (event.event) {
    case "ready":
      return [readyLine(event)];
    case "message":
      if (isOwnLine(event, context)) return [];
      return [saidLine({ ...event, history: isEarlier(event, nowMs) }, nowMs)];
    case "own":
      return [ownMessageLine(event, self, nowMs)];
    case "added":
      return []; // what was edited has been said
    case "to":
      return [toLine(event, nowMs)];
    case "history":
      return historyLines(event, nowMs);
    case "delivery":
      return deliveryLines(event, context);
    case "connection":
      return context.verbose ? [connectionLine(event, nowMs)] : [];
    case "presence":
      return [awayLine(event, nowMs)];
    case "friends":
      return event.friends.length === 0
        ? [["The table has no friends."]]
        : [ownLine(self, event), ...friendLines(event.friends)];
    case "outbox":
      return outboxLines(event);
    case "status":
      return statusLines(event);
    case "whois":
      return whoisLines(event, "others", connectionText({ ...event, connected: false }));
    case "verify":
      return verifyLines(event);
    case "offer":
    case "transfer":
    case "dropped":
    case "files":
      return fileLines(event, context);
  }
}

/** What was said elsewhere, at a door: a terminal shows each line of the user's by itself, with whether it has arrived. */
function isOwnLine(
  { self, history, to }: EventNamed<"message">,
  { interactive }: RenderContext,
): boolean {
  return interactive && self && !history && to !== undefined;
}

/** One's own is there only where it is shown again, was said at a door, or is a note to oneself. */
function saidLine(event: EventNamed<"message">, nowMs: number): Line {
  const { from, self, to, text } = event;
  if (!self || to === undefined) return messageLine(event, nowMs);
  return [...messageStart(event, nowMs), ...saidTo(to, from, text)];
}

function historyLines(
  { messages, searched, name }: EventNamed<"history">,
  nowMs: number,
): Iterable<Line> {
  if (messages.length === 0) return [nothingSaid(searched, name)];
  return recalledLines(messages, searched, nowMs);
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
    more > 0 ? ` and ${numberText(more)} more` : "",
    ` (${users}). `,
    ...names.length === 1
      ? ["What you type goes to ", nameSpan(names[0]!)]
      : [`Write to one of them with ${shownName(named[0]!)}/hello`],
  ];
}

const OWN_MARKS: Readonly<Record<OwnLineEvent["state"], Span>> = {
  arrived: " ✓ ",
  waiting: " … ",
  refused: { text: " ! ", as: "mark" },
  late: " ✓ ",
};

/** The mark comes first: behind a long text nobody would look for it. */
function ownMessageLine({ to, text, saidMs, state }: OwnLineEvent, self: string, nowMs: number) {
  const mark = OWN_MARKS[state];
  if (state === "late") {
    return [{ timeMs: nowMs }, mark, nameSpan(to), ` has your ${quotedStart(text)}`];
  }
  return [{ timeMs: saidMs }, mark, ...saidTo(to, self, text)] satisfies Line;
}

function toLine({ name, was }: ToEvent, nowMs: number): Line {
  if (name !== null) return starLine(nowMs, "What you type goes to ", nameSpan(name));
  const how = "write NAME/TEXT, or /to NAME first";
  return was === undefined
    ? starLine(nowMs, `What you type goes to nobody: ${how}`)
    : starLine(nowMs, "What you type no longer goes to ", nameSpan(was), `: ${how}`);
}

/** At a terminal only unexpected states are shown, not that a message was stored or has arrived. */
function deliveryLines(
  { id, state, to, reason, told, text }: EventNamed<"delivery">,
  { nowMs, interactive }: RenderContext,
): readonly Line[] {
  const short = id.slice(0, ID_LETTERS);
  if (state !== "failed") {
    if (interactive) return [];
    const how = state === "queued" ? "Kept for " : "Delivered to ";
    return [starLine(nowMs, how, nameSpan(to), `: ${short}`)];
  }
  if (reason === FRIENDS_WORDS.part["taken-back"]) {
    return [starLine(nowMs, `Taken back: ${short} to `, nameSpan(to))];
  }
  const because = reason === undefined || told ? "" : `: ${reason}`;
  const what = text === undefined ? short : quotedStart(text);
  return [wrongLine(nowMs, `${what} isn't sent to `, nameSpan(to), because)];
}

function connectionLine(event: EventNamed<"connection">, nowMs: number): Line {
  const what = event.state === "opened" ? "Connected with " : "No longer connected with ";
  const because = event.said ? saidByText("it", event.reason) : event.reason;
  return starLine(nowMs, what, nameSpan(event.friend), ` (${because})`);
}

function ownLine(name: string, { self }: EventNamed<"friends">): Line {
  const away = self.away === undefined ? "" : `  ${awayText(self.away)}`;
  return [ownNameSpan(name), `  ${endpointText(self)}  (you)${away}`];
}

function friendLines(friends: readonly FriendView[]): readonly Line[] {
  return friends.map((friend) => {
    const compared = comparedText(friend);
    const { waiting = 0 } = friend;
    const waits = waiting === 0 ? "" : `, ${countText(waiting, "message waits", "messages wait")}`;
    const how = `${connectionText(friend)}${waits}`;
    const doubt = friend.doubt === undefined ? null : DOUBTS[friend.doubt];
    const notes = [compared, doubt].filter((note) => note !== null).join(", but ");
    const name = nameSpan(listedName(friend.name, friend.changed));
    const away = friend.away === undefined ? "" : `  ${awayText(friend.away)}`; // last: they are the friend's words
    return [name, `  ${endpointText(friend)}  ${how}${notes === "" ? "" : `  ${notes}`}${away}`];
  });
}

const DOUBTS = {
  "another-key": "another key answers there: /status",
  "two-programs": "two programs use this key: /status",
} as const;

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

/** Enough to distinguish messages, for `/unsend`. */
const ID_LETTERS = 8;

function statusLines(status: EventNamed<"status">): readonly Line[] {
  const connected = status.friends.filter((friend) => friend.connected);
  const waiting = status.friends.filter((friend) => friend.waiting > 0);
  return [
    connected.length === 0 ? ["Connected with nobody; a message connects."] : [
      "Connected: ",
      ...listed(connected.map((friend) => [
        nameSpan(friend.name),
        roundTripText(friend.roundTripMs),
      ])),
      ".",
    ],
    [unsentText(status.unsent, waiting.every((friend) => friend.connected))],
    ...waiting.map((friend): Line => [
      "  ",
      nameSpan(friend.name),
      `: ${numberText(friend.waiting)} ${friend.connected ? "on the way" : "waiting"}`,
    ]),
    ...ownAwayLines(status),
    ownKeyLine(status.key),
    ...status.problems.map((problem) => problemLine(problem)),
  ];
}

/** @param isHere Whether all for whom something is left are connected. */
function unsentText(unsent: number, isHere: boolean): string {
  return unsent === 0 ? "Nothing waits to be delivered." : `${undeliveredText(unsent, isHere)}.`;
}
