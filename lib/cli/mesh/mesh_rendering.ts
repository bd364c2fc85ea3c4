/** Events of a mesh as lines of text. */

import { endpointText } from "../../base/ids.ts";
import type {
  HistoryMessage,
  MeshEvent,
  MeshStatus,
  PeerStatus,
  PeerView,
} from "../../protocols/mesh/schema/events.ts";
import { roomIdStart } from "../../protocols/mesh/joining/room_setup.ts";
import { quotedStart, startOf, titleText } from "../../base/text/text.ts";
import { countText, isSameTitle, numberText } from "../../base/text/words.ts";
import type { RecalledMessage } from "../../base/machine/mode_machine.ts";
import { durationText, roundTripText } from "../rendering/moments.ts";
import { inviteLines } from "../credentials/invites.ts";
import {
  andListed,
  awayLine,
  awayText,
  heardLines,
  leftLine,
  listed,
  lostLine,
  messageLine,
  messageStart,
  nameSpan,
  nothingSaid,
  ownAwayLines,
  ownKeyLine,
  ownNameSpan,
  placedLine,
  presenceLine,
  problemLine,
  saidBy,
  saidPrivately,
  SENDER_REMOVED,
  starLine,
  wrongLine,
} from "../rendering/spans.ts";
import { isUnderWay, JUST_SAID, MAY_LACK, undeliveredText } from "../rendering/arrival_words.ts";
import { type AnnouncedEvent, announcedLines } from "../discovery/announced_texts.ts";
import type { FileEvent } from "../files/file_events.ts";
import { fileLines } from "../files/file_rendering.ts";
import type { ConsoleEvent, FoundMessage, RoomHere, RoomsEvent } from "./room_views.ts";
import { type QrInviteEvent, type WordCodeEvent, wordCodeLines } from "../words/words_rendering.ts";
import type { Line, RenderContext, Span } from "../rendering/user_interface.ts";
import {
  comparedText,
  type OwnEventOf,
  theVerifiedText,
  verifyLines,
  whoisLines,
} from "../rendering/verify_rendering.ts";

/** The machine's events as they are shown: what is shown again comes one by one. */
export type ShownMeshEvent = Exclude<MeshEvent, { readonly event: "returned" }>;

/** The events that only the mesh shows. */
export type MeshOwnEvent =
  | OwnEventOf<ShownMeshEvent>
  | QrInviteEvent
  | WordCodeEvent
  | RoomsEvent
  | AnnouncedEvent
  | ConsoleEvent
  | FileEvent;

type EventNamed<Name extends MeshOwnEvent["event"]> = Extract<
  MeshOwnEvent,
  { readonly event: Name }
>;

/** The lines of an event, in the order in which they are printed. */
export function meshLines(event: MeshOwnEvent, context: RenderContext): Iterable<Line> {
  const { nowMs } = context;
  switch (event.event) {
    case "ready":
      return readyLines(event);
    case "joined":
      return [presenceLine(nowMs, nameSpan(event.name), joinedText(event))];
    case "left":
      return [goneLine(event, nowMs)];
    case "removed":
    case "allowed":
      return []; // a notice says it in words
    case "presence":
      return [awayLine(event, nowMs)];
    case "renamed":
      // That another one was here first, an error says, and what to do.
      return event.self === true && event.lostTo !== undefined ? [] : [renamedLine(event, nowMs)];
    case "message":
      return [anyMessageLine(event, nowMs)];
    case "delivery":
      return deliveryLines(event, context);
    case "invite":
      return inviteLines(event);
    case "words":
    case "code-used":
      return wordCodeLines(event, nowMs);
    case "peers":
      return peersLines(event);
    case "meeting-point":
      return [meetingPointLine(event, nowMs)];
    case "history":
      return "rooms" in event ? foundLines(event, nowMs) : historyLines(event, nowMs);
    case "status":
      return statusLines(event, nowMs);
    case "whois":
      return whoisLines(event, MEETING_POINT);
    case "verify":
      return verifyLines(event);
    case "rooms":
      return isAnnounced(event) ? announcedLines(event, true) : roomsLines(event, nowMs);
    case "room":
      return [roomLine(event, nowMs)];
    case "parted":
      return [starLine(nowMs, `You left #${titleText(event.title ?? String(event.number))}`)];
    case "offer":
    case "transfer":
    case "dropped":
    case "files":
      return fileLines(event, context);
  }
}

function isAnnounced(event: RoomsEvent | AnnouncedEvent): event is AnnouncedEvent {
  return event.rooms.some((room) => "host" in room);
}

function exact(text: string): Span {
  return { text, as: "exact" };
}

function readyLines(event: EventNamed<"ready">): readonly Line[] {
  if (event.passive === true) {
    return [[`>INFO: ${event.name} accepts no connections (--passive).`]];
  }
  if (event.private === true) {
    return [
      [listeningText(event)],
      ["Private: others join with the invite that /invite shows, or a code of /invite --words."],
    ];
  }
  return [
    [listeningText(event)],
    [
      "Others join with: ",
      exact(`p2pchat mesh NAME ${event.host} ${event.port}`),
      "   (anyone who reaches it; --private for an invite)",
    ],
  ];
}

/** Scripts look for it; people read what follows. */
function listeningText({ name, host, port }: EventNamed<"ready">): Span {
  return { text: `>INFO: ${name} at address ${host} is listening at ${port}.`, as: "faint" };
}

function renamedLine(event: EventNamed<"renamed">, nowMs: number): Line {
  const { from, name, self, lostTo } = event;
  // Nobody can take a name with that mark: the program tells two of a name, or a refused key, apart by it.
  const isMarked = name.startsWith(`${from}~`);
  const line = self === true
    ? starLine(nowMs, isMarked ? "You are shown as " : "You are now ", ownNameSpan(name))
    : isMarked
    ? starLine(nowMs, "This ", nameSpan(from), " is shown as ", nameSpan(name), " from now on")
    : starLine(nowMs, nameSpan(from), " is now ", nameSpan(name));
  return lostTo === undefined ? line : [...line, ": another ", nameSpan(lostTo), " was here first"];
}

function goneLine({ name, reason, silentMs }: EventNamed<"left">, nowMs: number): Line {
  switch (reason) {
    case "quit":
      return leftLine(nowMs, name, "quit");
    case "lost": {
      const since = silentMs === undefined ? "" : ` for ${durationText(silentMs)}`;
      const then = "what is said meanwhile is kept for when they return";
      return lostLine(nowMs, name, `no answer${since}; ${then}`);
    }
    case "replaced":
      return leftLine(nowMs, name, "and came back");
    case "removed":
      return leftLine(nowMs, name, "removed");
  }
}

function anyMessageLine(event: EventNamed<"message">, nowMs: number): Line {
  if (!event.private) return messageLine({ ...event, from: event.shown }, nowMs);
  return [...messageStart(event, nowMs), ...saidPrivately(event)];
}

/** At a terminal only unexpected states are shown, not that a message was stored or has arrived. */
function deliveryLines(
  { to, state, reason, waiting, waited, removed }: EventNamed<"delivery">,
  { nowMs, interactive }: RenderContext,
): readonly Line[] {
  if (waiting !== undefined) {
    const kept: Line = removed === true
      ? [" was removed; kept, and sent only if ", nameSpan(to), " is allowed back"]
      : [" isn't there; kept, and sent when they are back"];
    return [wrongLine(nowMs, nameSpan(to), ...kept, ` (${numberText(waiting)} waiting)`)];
  }
  if (state === "failed") {
    const because = reason === undefined ? "" : `: ${reason}`;
    return [wrongLine(nowMs, "Your message didn't reach ", nameSpan(to), because)];
  }
  if (interactive || waited === true) return []; // messages that waited are summed up in another line
  return state === "queued"
    ? [starLine(nowMs, "Kept for ", nameSpan(to), " until it has arrived")]
    : [starLine(nowMs, nameSpan(to), " has your message")];
}

const MEETING_POINT = "a meeting point";

function meetingPointLine(
  { point, state, reason }: EventNamed<"meeting-point">,
  nowMs: number,
): Line {
  if (state === "registered") {
    return starLine(
      nowMs,
      `Others can reach you through the meeting point at ${point}, too; /invite shows what they type`,
    );
  }
  const why = reason === undefined ? "" : ` (${reason})`;
  return starLine(
    nowMs,
    `The meeting point at ${point} can't be used now${why}; trying again, direct connections go on`,
  );
}

function peersLines({ peers, removed = [] }: EventNamed<"peers">): readonly Line[] {
  const own = peers[0]?.key;
  const out = removed.map(({ name, key, by, byKey }): Line => [
    ...(name === key ? [] : [nameSpan(name), "  "]),
    "removed by ",
    byKey === own ? "you" : nameSpan(peers.find(({ key }) => key === byKey)?.name ?? by),
    `  key ${key}`,
  ]);
  return [...peers.map(peerLine), ...out];
}

function peerLine(peer: PeerView, index: number): Line {
  const through = peer.meeting === undefined ? null : `meets at ${peer.meeting}`;
  const own = peer.host === "" ? null : endpointText(peer);
  const address = [own, through].filter(Boolean).join(", ") || "accepts no connections";
  const role = peer.role === undefined ? "" : `  ${peer.role}`;
  const away = peer.away === undefined ? "" : `  ${awayText(peer.away)}`;
  if (index === 0) return [ownNameSpan(peer.name), ` (you)  ${address}${role}${away}`];
  const compared = comparedText(peer);
  const how = `${role}${compared === null ? "" : `  ${compared}`}${away}`;
  return [nameSpan(peer.name), `  ${address}  ${linkText(peer)}${how}`];
}

function linkText({ direct, relayed }: PeerView): string {
  if (!direct) return "through others";
  return relayed === true ? `through ${MEETING_POINT}` : "direct";
}

function historyLines(
  { messages, searched, name }: Exclude<EventNamed<"history">, { readonly rooms: unknown }>,
  nowMs: number,
): Iterable<Line> {
  if (messages.length === 0) return [nothingSaid(searched, name)];
  return heardLines<HistoryMessage | RecalledMessage>(
    messages,
    (message) => pastLine(message, nowMs),
    searched,
  );
}

function pastLine(message: HistoryMessage | RecalledMessage, nowMs: number): Line {
  const sentMs = Date.parse(message.sentAt);
  const timeMs = Number.isNaN(sentMs) ? nowMs : sentMs;
  if ("private" in message) return [{ timeMs }, " ", ...saidPrivately(message)];
  const mark = message.removed === true ? SENDER_REMOVED : "";
  return [{ timeMs }, `${mark} `, ...saidBy(nameSpan(message.shown), message.text)];
}

/** Of all rooms of the console: each says which one. */
function foundLines(
  { messages, searched, rooms }: Extract<EventNamed<"history">, { readonly rooms: unknown }>,
  nowMs: number,
): Iterable<Line> {
  if (messages.length === 0) {
    const where = `in your ${countText(rooms.length, "room")}`;
    return [[`No message ${where} has ${quotedStart(searched)}.`]];
  }
  const titles = new Map(messages.map(({ number, title }) => [number, title]));
  const labelOf = ({ number, title }: FoundMessage) => {
    if (title === null) return String(number);
    const isShared = titles.entries().some(([other, its]) =>
      other !== number && isSameTitle(its, title)
    );
    return `${titleText(title)}${isShared ? ` (${number})` : ""}`;
  };
  return heardLines<FoundMessage>(
    messages,
    (message) => placedLine(pastLine(message, nowMs), labelOf(message)),
    searched,
  );
}

function roomLine({ number, title, unseen }: EventNamed<"room">, nowMs: number): Line {
  const named = title === null ? `room ${number}` : `#${titleText(title)}, room ${number}`;
  const news = unseen === 0 ? "" : `; ${countText(unseen, "message")} came meanwhile`;
  return starLine(nowMs, `You are in ${named} now${news}`);
}

/** Of the last message of a room, to recognise the room by. */
const LAST_CHARACTERS_MAX = 40;

/** The rooms of a profile, a line for each. */
export function roomsLines({ rooms }: RoomsEvent, nowMs: number): readonly Line[] {
  if (rooms.length === 0) return [["You haven't been in any room yet."]];
  const isIn = rooms.some(({ here }) => here !== undefined);
  return rooms.map(({ room, title, private: isPrivate, members, last, here }): Line => [
    ...(isIn ? [`${here?.number ?? "-"}  `] : []),
    roomIdStart(room),
    ...(title === null ? [] : [` (${titleText(title)})`]),
    isPrivate ? "  private  " : "  open  ",
    ...listed([
      ...members.slice(0, SOME_NAMED_MAX).map((name) => [nameSpan(name)]),
      ...(members.length > SOME_NAMED_MAX
        ? [[`${numberText(members.length - SOME_NAMED_MAX)} more`]]
        : []),
    ]),
    ...(last === null ? ["  no messages yet"] : [
      "  ",
      { timeMs: Date.parse(last.at), nowMs },
      " ",
      ...saidBy(nameSpan(last.from), firstLineStart(last.text)),
    ]),
    ...(here === undefined ? [] : [`  ${hereText(here)}`]),
  ]);
}

function hereText({ current, people, unseen }: RoomHere): string {
  const where = current ? "you are here" : unseen === 0 ? "" : `${numberText(unseen)} new`;
  const who = people === 1 ? "nobody else there now" : `${numberText(people)} there now`;
  return where === "" ? who : `${who}, ${where}`;
}

function firstLineStart(text: string): string {
  const line = text.trimStart().split("\n", 1)[0]!;
  const start = startOf(line, LAST_CHARACTERS_MAX);
  return start.length < text.trim().length ? `${start}...` : start;
}

/** The most members that a status line names before it only counts them: one line of a terminal. */
const MEMBERS_NAMED_MAX = 12;
/** The same where the names matter less than the number. */
const SOME_NAMED_MAX = 3;

function statusLines(status: MeshStatus, nowMs: number): readonly Line[] {
  const isAlone = status.members.every(({ key }) => key === status.key);
  const lines: Line[] = [membersLine(status)];
  if (!isAlone) lines.push(linksLine(status));
  lines.push(arrivedLine(status, isAlone, nowMs));
  lines.push(...waitingLines(status));
  const sources = status.members.filter(({ fetching }) => fetching);
  if (sources.length > 0) {
    lines.push(["Fetching what was said before from ", ...someNames(sources), "."]);
  }
  lines.push(...ownAwayLines(status), ownKeyLine(status.key));
  lines.push(...status.problems.map((problem) => problemLine(problem)));
  return lines;
}

function membersLine(status: MeshStatus): Line {
  const others = status.members.filter((member) => member.key !== status.key);
  const named = others.slice(0, MEMBERS_NAMED_MAX);
  const more = others.length - named.length;
  return [
    `Room of ${numberText(others.length + 1)}: `,
    ownNameSpan(status.name),
    status.role === undefined ? " (you)" : ` (you, ${status.role})`,
    ...named.flatMap(({ name, role }): Span[] => [
      ", ",
      nameSpan(name),
      ...(role === undefined ? [] : [` (${role})`]),
    ]),
    more > 0 ? ` and ${numberText(more)} more.` : ".",
  ];
}

function linksLine(status: MeshStatus): Line {
  const direct = status.members.filter((member) => member.direct && member.key !== status.key);
  if (direct.length === 0) return ["No links."];
  const spans = listed(direct.map(({ name, roundTripMs, relayed }) => {
    const by = relayed === true ? ` through ${MEETING_POINT}` : "";
    return [nameSpan(name), `${roundTripText(roundTripMs)}${by}`];
  }));
  return ["Links: ", ...spans, ".", heardText(status)];
}

/**
 * Since when all other members have been heard from, but for those suspected, who are told of below; empty if one hasn't been
 * yet, which changes within a moment.
 */
function heardText({ members, key }: MeshStatus): string {
  const others = members.filter((member) => member.key !== key);
  const ages = others.filter(({ suspected }) => !suspected).map(({ heardMsAgo }) => heardMsAgo);
  if (ages.includes(null) || ages.length === 0) return "";
  const all = ages.length === others.length ? "All" : "All others";
  return ` ${all} were heard from within the last ${durationText(Math.max(...ages.map(Number)))}.`;
}

function arrivedLine(status: MeshStatus, isAlone: boolean, nowMs: number): Line {
  const { lastMessage } = status;
  const sentences: string[] = [];
  const unsent = status.waiting.reduce((rest, { messages }) => rest - messages, status.unsent);
  if (unsent > 0) sentences.push(`${undeliveredText(unsent)} to be sent.`);
  if (isAlone) sentences.push("Nobody else is here; what you write is kept for who comes.");
  const behind = status.members.filter(({ upToDate }) => !upToDate);
  if (sentences.length === 0 && behind.length === 0) {
    sentences.push("Everything you wrote has reached everybody who is here.");
  }
  const isUsual = isUnderWay(status.lastOwnAt, nowMs);
  const line: Line = [
    ...sentences.map((sentence) => `${sentence} `),
    ...behindSpans(behind, isUsual),
  ];
  if (lastMessage === null) return [...line, "No messages yet."];
  return [
    ...line,
    "Last message ",
    { timeMs: Date.parse(lastMessage.at), nowMs },
    ", from ",
    nameSpan(lastMessage.from),
    ".",
  ];
}

function behindSpans(behind: readonly PeerStatus[], isUsual: boolean): readonly Span[] {
  if (behind.length === 0) return [];
  const names = someNames(behind);
  return isUsual ? [JUST_SAID, ...names, ". "] : [...names, `${MAY_LACK}. `];
}

/** A few names, and how many more there are. */
function someNames(members: readonly PeerStatus[]): readonly Span[] {
  const names = members.slice(0, SOME_NAMED_MAX).map(({ name }) => [nameSpan(name)]);
  const more = members.length - names.length;
  return andListed(more > 0 ? [...names, [`${numberText(more)} more`]] : names);
}

/** Waiting private messages by receiver; further receivers are summed up. */
function waitingLines({ waiting, members }: MeshStatus): readonly Line[] {
  const named = waiting.slice(0, MEMBERS_NAMED_MAX);
  const more = waiting.slice(MEMBERS_NAMED_MAX).reduce((sum, { messages }) => sum + messages, 0);
  return [
    ...named.map(({ name, messages, removed }): Line => {
      const isHere = removed !== true && members.some((member) => isReached(member, name));
      return [
        `${undeliveredText(messages, isHere)} ${isHere ? "to" : "for"} `,
        nameSpan(name),
        removed === true ? ", who was removed: sent only if allowed back." : ".",
      ];
    }),
    ...(more === 0 ? [] : [[`${undeliveredText(more)} for others.`]]),
  ];
}

function isReached(member: PeerStatus, name: string): boolean {
  return member.name === name && !member.suspected;
}

/** `present`: the member was there before us. A member that can't be dialled has no address. */
function joinedText(
  { host, present, away, verified, verifiedAs = [] }: EventNamed<"joined">,
): string {
  const text = present === true || away !== undefined ? " is here" : " joined";
  const where = host === "" ? text : `${text} (${host})`;
  const who = verified === true
    ? `${where}, verified`
    : verifiedAs.length === 0
    ? where
    : `${where}: ${theVerifiedText(verifiedAs)}`;
  return away === undefined ? who : `${who}; ${awayText(away)}`; // last: they are somebody else's words
}
