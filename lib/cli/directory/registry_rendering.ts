/** Events of `peer --registry` as lines of text. */

import { endpointText, type FoldedName } from "../../base/ids.ts";
import { didYouMeanName, saidByText } from "../../base/trust/name_answers.ts";
import { saidText } from "../../base/text/text.ts";
import { foldName, isSameName, shownName } from "../../base/text/names.ts";
import {
  type ClientEvent,
  DIRECTORY_NAME,
  type UserView,
} from "../../protocols/directory/schema/events.ts";
import { RINGING_MS_MAX } from "../../protocols/directory/schema/limits.ts";
import { countText, numberText, talkText } from "../../base/text/words.ts";
import type { FileEvent } from "../files/file_events.ts";
import { fileLines } from "../files/file_rendering.ts";
import { durationText } from "../rendering/moments.ts";
import { recalledLines } from "../rendering/recalled_lines.ts";
import {
  awayLine,
  awayText,
  isEarlier,
  leftLine,
  listed,
  messageLine,
  messageStart,
  nameSpan,
  nothingSaid,
  ownAwayLines,
  ownKeyLine,
  ownNameSpan,
  presenceLine,
  problemLine,
  questionLine,
  starLine,
  wrongLine,
} from "../rendering/spans.ts";
import type { Line, RenderContext, Span } from "../rendering/user_interface.ts";
import {
  comparedText,
  type OwnEventOf,
  theVerifiedText,
  verifyLines,
  whoisLines,
} from "../rendering/verify_rendering.ts";

/** The events that only this mode shows. */
export type RegistryOwnEvent = OwnEventOf<ClientEvent> | FileEvent;

type EventNamed<Name extends RegistryOwnEvent["event"]> = Extract<
  RegistryOwnEvent,
  { readonly event: Name }
>;

const RINGING_TEXT = `${RINGING_MS_MAX / 1_000} s`;

type OnlineUser = Pick<UserView, "name" | "key" | "state"> & {
  readonly guest?: boolean | undefined;
  readonly away?: string | undefined;
};

/** Renders events in order. What earlier events have told the reader isn't repeated. */
export class RegistryRendering {
  #self = "";
  #registry = "";
  #wasUp = false;
  #isDown = false;
  #isHintShown = false;
  /** Whether a call is over and the list is about to be shown, which will include changes until then. */
  #isBackSoon = false;
  /** Whose users found our digits to be different, in a call that ended with it: at most one for each call. */
  readonly #refusers = new Set<FoldedName>();
  /** The present call, ringing or connected; null in the lobby. */
  #call: {
    readonly id: string;
    readonly isOurs: boolean;
    isConnected: boolean;
    /** Whether the call is connected and no longer depends on the directory. */
    isDirect: boolean;
  } | null = null;
  readonly #online = new Map<string, OnlineUser>();

  /** The lines of an event, in the order in which they are printed. */
  lines(event: RegistryOwnEvent, context: RenderContext): Iterable<Line> {
    const { nowMs } = context;
    switch (event.event) {
      case "ready":
        this.#registry = event.registry;
        return [];
      case "directory":
        return [this.#directoryLine(event)];
      case "session":
        return this.#sessionLines(event, nowMs);
      case "users":
        return this.#userLines(event, context);
      case "presence":
        return this.#presenceLines(event, nowMs);
      case "incoming":
        return [this.#incomingLine(event, context)];
      case "call":
        return this.#callLines(event, nowMs);
      case "missed":
        return missedLines(event);
      case "message":
        return [messageLine({ history: false, sentAt: "", ...event }, nowMs)];
      case "history":
        return historyLines(event, nowMs);
      case "broadcast":
        return [this.#broadcastLine(event, nowMs)];
      case "broadcast-sent":
        return [starLine(nowMs, this.#reachedText(event))];
      case "password-changed":
        return [starLine(nowMs, "Your password is changed; other devices have to log in with it")];
      case "status":
        return statusLines(event);
      case "whois":
        return whoisLines(event, "the directory");
      case "verify":
        return verifyLines(event);
      case "offer":
      case "transfer":
      case "dropped":
      case "files":
        return fileLines(event, context);
    }
  }

  #directoryLine({ key, known }: EventNamed<"directory">): Line {
    const hint = known ? "" : " (new: compare it with what its operator tells you)";
    // The key is one word, so it stays whole where the line is broken.
    return [`Directory ${this.#registry}, key ${key}${hint}`];
  }

  #sessionLines(event: EventNamed<"session">, nowMs: number): readonly Line[] {
    const { state, name, reason = "" } = event;
    this.#self = name === "" ? this.#self : name;
    if (state === "up") {
      const isBack = this.#wasUp && this.#isDown;
      this.#wasUp = true;
      this.#isDown = false;
      if (!isBack) return [];
      const at = event.instance === undefined ? "" : `, at its instance ${event.instance}`;
      return [starLine(nowMs, "Back in the directory as ", ownNameSpan(this.#self), at)];
    }
    this.#isDown = true;
    this.#isBackSoon = false;
    this.#online.clear();
    if (state === "replaced") {
      if (!this.#call?.isDirect) return []; // the program ends, and says why
      return [
        wrongLine(
          nowMs,
          nameSpan(this.#self),
          " has come in from somewhere else; this program ends when the call is over",
        ),
      ];
    }
    if (event.isFull || event.isCutOff) return []; // an error event says so
    // During a call, "the other side" would be read as the person called.
    const because = reason === "" ? "" : `: ${reason.replace(OTHER_SIDE_CLOSED, CLOSED_TEXT)}`;
    const then = this.#call?.isDirect ? "; the call goes on; trying again" : "; trying again";
    return [wrongLine(nowMs, `No connection with the directory${because}${then}`)];
  }

  // Who is online.

  #userLines(
    { users, isAnswer, outOfDate, total, more }: EventNamed<"users">,
    { nowMs, interactive }: RenderContext,
  ): readonly Line[] {
    // An answer has addresses, and may be a part of the list.
    if (isAnswer) {
      if (users.length === 0) {
        return [[
          this.#isDown || !this.#wasUp
            ? "There is no connection with the directory, which knows who is online."
            : "Nobody of that name is online.",
        ]];
      }
      for (const user of users) this.#online.set(foldName(user.name), user);
      const rest: readonly Line[] = more ? [["There are more: /more shows the next ones."]] : [];
      const age: readonly Line[] = outOfDate ? [[OUT_OF_DATE_TEXT]] : [];
      return [...users.map((user) => this.#tableLine(user)), ...rest, ...age];
    }
    this.#isBackSoon = false;
    this.#online.clear();
    for (const user of users) this.#online.set(foldName(user.name), user);
    const items = users.map((user): Line => [this.#listedName(user), this.#asideOf(user)]);
    const line = more
      ? starLine(nowMs, ...longListText(items, total))
      : starLine(nowMs, "Online: ", ...listed(items));
    if (this.#isHintShown || !interactive) return [line];
    this.#isHintShown = true;
    return [line, ["Call somebody by name; 2 TEXT tells all, /help shows more."]];
  }

  #tableLine(user: UserView): Line {
    const { name, state, host, port, guest } = user;
    const where = port === 0 ? "takes no calls" : endpointText({ host, port });
    const how = state === "busy" ? "in a call" : "free";
    const who = guest ? " (guest)" : "";
    const compared = comparedText(user);
    const note = this.#isSelf(name) ? "  (you)" : compared === null ? "" : `  ${compared}`;
    const away = user.away === undefined ? "" : `  ${awayText(user.away)}`;
    return [this.#listedName(user), `${who}  ${where}  ${how}${note}${away}`];
  }

  #asideOf(user: UserView): string {
    const { name, state, guest } = user;
    const compared = comparedText(user);
    const asides = [
      ...(this.#isSelf(name) ? ["you"] : []),
      ...(guest ? ["guest"] : []),
      ...(state === "busy" ? ["in a call"] : []),
      ...(compared === null ? [] : [compared]),
      ...(user.away === undefined ? [] : [awayText(user.away)]), // last: they are the user's words
    ];
    return asides.length === 0 ? "" : ` (${asides.join(", ")})`;
  }

  /** Not shown: the user's own state, and during a call everybody's. */
  #presenceLines(event: EventNamed<"presence">, nowMs: number): readonly Line[] {
    const { name, self, shown = name, key, state, guest, changed, away } = event;
    if (self) return [awayLine({ ...event, self }, nowMs)];
    const folded = foldName(name);
    const known = this.#online.get(folded);
    // Whoever comes in the place of another, with another key, is somebody else.
    const before = known?.key === key ? known.state : undefined;
    const isAwayNews = away !== (before === undefined ? undefined : known?.away);
    if (state === "offline") this.#online.delete(folded);
    else this.#online.set(folded, { name, key, state, guest, away });
    if ((before === state && !isAwayNews) || this.#isSelf(name)) return [];
    if (this.#call !== null || this.#isBackSoon) return [];
    if (state === "offline") return [leftLine(nowMs, shown)];
    if (before === state) return [awayLine({ name: shown, self: false, away }, nowMs)];
    const text = state === "busy"
      ? " is in a call"
      : before === "busy"
      ? " is free again"
      : " is online";
    const aside = guest === true ? " (guest)" : "";
    const isNews = changed?.before !== undefined && before === undefined;
    const compared = isNews ? ` with ${comparedText(event)}: another device, or somebody else` : "";
    const line = isNews ? starLine : presenceLine;
    const why = away !== undefined && isAwayNews ? `; ${awayText(away)}` : "";
    return [line(nowMs, nameSpan(shown), aside, text, compared, why)];
  }

  // Calls.

  #incomingLine(event: EventNamed<"incoming">, { nowMs, interactive }: RenderContext): Line {
    const { call, from, guest } = event;
    const aside = guest ? " (a guest)" : "";
    this.#call = { id: call, isOurs: false, isConnected: false, isDirect: false };
    const ways = interactive
      ? ` (${RINGING_TEXT}; y accepts, n declines)`
      : `: /accept or /decline within ${RINGING_TEXT}`;
    return questionLine(nowMs, nameSpan(from), `${aside} is calling${ways}`);
  }

  #callLines(event: EventNamed<"call">, nowMs: number): readonly Line[] {
    const wasConnected = this.#call?.isConnected ?? false;
    const line = this.#callLine(event, nowMs);
    // The error about the key has said that there is no call.
    return event.reason === "key-changed" && !wasConnected ? [] : [line];
  }

  #callLine(event: EventNamed<"call">, nowMs: number): Line {
    const { call, state } = event;
    if (state === "ringing") {
      this.#call = { id: call, isOurs: true, isConnected: false, isDirect: false };
    }
    const isOurs = this.#call?.isOurs ?? true;
    if (state === "connected" && this.#call !== null) {
      this.#call.isConnected = true;
      this.#call.isDirect = event.route === "direct";
    }
    const isOver = state !== "ringing" && state !== "connected";
    const wasConnected = this.#call?.isConnected ?? false;
    if (isOver) this.#call = null;
    if (isOver && wasConnected) this.#isBackSoon = !this.#isDown;
    const folded = foldName(event.peer);
    if (state === "connected") this.#refusers.delete(folded);
    else if (wasConnected && event.reason === "not-trusted") this.#refusers.add(folded);
    const who = nameSpan(event.peer);
    const star = starLine(nowMs);
    const mark = wrongLine(nowMs);
    switch (state) {
      case "ringing":
        // A word that isn't an online user's name may not ring anywhere.
        return this.#online.has(foldName(event.peer))
          ? [...star, "Calling ", who, `... ${RINGING_TEXT} to answer; q withdraws`]
          : [...star, "Asking the directory for ", who, "; q withdraws"];
      case "connected":
        return [...star, ...connectedSpans(event, this.#isSelf(event.peer))];
      case "declined":
        if (event.reason === "not-trusted") {
          return [...mark, ...notTrustedSpans(event, this.#self, this.#whyNot(event))];
        }
        if (!isOurs) return [...star, "You declined the call of ", who];
        if (event.reason === "") return [...star, who, " declined"];
        // Whoever declines signs nothing: the directory may have made it up.
        return [...star, "The directory says that ", who, ` declined: ${saidText(event.reason)}`];
      case "busy":
        // The user is the busy one: the directory has another call of theirs.
        if (event.reason !== "") return [...star, "No call with ", who, reasonText(event)];
        return [
          ...star,
          who,
          isOurs ? " is in another call" : " called while you were in another call",
        ];
      case "offline":
        return [...star, who, " isn't online", this.#nearText(event.peer)];
      case "unreachable":
        return [...mark, "No way to ", who, " was found", ...noWaySpans(event)];
      case "timeout":
        if (isOurs) return [...star, who, ` didn't answer within ${RINGING_TEXT}`];
        return [...star, "You missed a call of ", who];
      case "cancelled":
      case "ended":
        return wasConnected
          ? endedLine(event, this.#self, star, mark)
          : notBegunLine(event, this.#self, this.#whyNot(event), star, mark);
    }
  }

  /** Why the other side's program doesn't accept our key, as far as its user has said. */
  #whyNot({ peer }: CallEvent): string {
    return this.#refusers.has(foldName(peer)) ? AS_DIFFERENT : PERHAPS_OTHER_DEVICE;
  }

  /** A suggestion of whom the user may have meant. */
  #nearText(name: string): string {
    if (this.#online.has(foldName(name))) return "";
    const others = [...this.#online.values()].filter(({ name }) => !this.#isSelf(name));
    return didYouMeanName(name, others.map(({ name }) => name));
  }

  /** To how many a broadcast went. The directory decides how long it is kept for others. */
  #reachedText({ reached, start }: EventNamed<"broadcast-sent">): string {
    const of = start === undefined ? "" : ` ${start}`;
    if (reached > 0) {
      return `Your broadcast${of} has reached ${countText(reached, "person", "people")}`;
    }
    const what = `your broadcast${of}`;
    const isAlone = [...this.#online.keys()].every((name) => this.#isSelf(name));
    if (isAlone) return `Nobody else is here: nobody has ${what} yet`;
    return `Nobody has ${what} yet; whoever is here gets it as soon as they can take it`;
  }

  #isSelf(name: string): boolean {
    return isSameName(name, this.#self);
  }

  #listedName({ name, shown = name }: UserView): Span {
    return this.#isSelf(name) ? ownNameSpan(name) : nameSpan(shown);
  }

  /** A broadcast that was kept has the time at which it was sent. */
  #broadcastLine(event: EventNamed<"broadcast">, nowMs: number): Line {
    const { from, text, guest } = event;
    const start = messageStart({ ...event, history: isEarlier(event, nowMs) }, nowMs);
    const who: Span = event.self === true
      ? { text: "you", as: "own" }
      : from === DIRECTORY_NAME
      ? from
      : nameSpan(from);
    return [...start, "[", who, guest === true ? " (guest) -> all] " : " -> all] ", {
      text,
      as: "body",
    }];
  }
}

const OUT_OF_DATE_TEXT = "This list may be out of date: the directory's engine doesn't answer.";

/** The reasons that links give. */
const OTHER_SIDE_CLOSED = /^the other side (?:hung up|cut the connection)$/;
const CLOSED_TEXT = "it closed the connection";

type CallEvent = EventNamed<"call">;

function connectedSpans(
  { peer, route, verified, verifiedAs = [] }: CallEvent,
  isSelf: boolean,
): Line {
  if (isSelf) return ["Connected with yourself; q ends it"];
  const by = route === "relay" ? "through the directory, sealed" : "directly";
  const shown = shownName(peer);
  const other = verifiedAs.length === 0 ? "" : `, but it is ${theVerifiedText(verifiedAs)}`;
  const hint = verified === true ? "Verified." : `Not verified${other}: /verify ${shown}`;
  return ["Connected with ", nameSpan(peer), `, ${by}. ${hint}`];
}

/** Each device has a key of its own. */
const PERHAPS_OTHER_DEVICE = ", perhaps as it knows that of another device of yours";

/** The user was told so at the end of the call in which that was found. */
const AS_DIFFERENT = ", as your digits were found to be different there";

/** The other user's program has refused the call because of a key. @param why As far as is known. */
function notTrustedSpans({ peer }: CallEvent, self: string, why = ""): Line {
  return [
    nameSpan(peer),
    `'s program doesn't accept your key${why}; you can talk once ${
      shownName(peer)
    } has typed /trust ${shownName(self)}`,
  ];
}

function noWaySpans(event: CallEvent): Line {
  switch (event.reason) {
    case "not-relayed":
      return [": neither of you reaches the other, and the directory doesn't relay"];
    case "lost":
      return [": ", nameSpan(event.peer), " is gone"];
    default:
      return [reasonText(event)];
  }
}

/** Where none of our reasons is meant, what the directory says. */
function reasonText({ reason }: CallEvent): string {
  return reason === "" ? "" : `. ${saidByText("The directory", reason)}`;
}

/** The line at the end of a call in which both could talk. */
function endedLine(event: CallEvent, self: string, star: Line, mark: Line): Line {
  const who = nameSpan(event.peer);
  const after = event.durationMs === undefined ? "" : ` after ${talkText(event.durationMs)}`;
  switch (event.reason) {
    case "":
      return [...star, `You hung up${after}`];
    case "hung-up":
      return [...star, who, ` hung up${after}`];
    case "lost":
      return [
        ...mark,
        "The connection with ",
        who,
        ` is lost; you talked for ${talkText(event.durationMs ?? 0)}`,
      ];
    case "directory-down":
      return [...mark, "The call with ", who, ` went through the directory, and is over${after}`];
    case "replaced":
      return [...mark, "The call with ", who, ` ended${after}: it went through the directory`];
    case "kicked":
      return [...mark, "The call with ", who, ` ended${after}: the operator has thrown you out`];
    case "key-changed":
      return [
        ...mark,
        "The call with ",
        who,
        ` ended${after}: you found that the key isn't theirs`,
      ];
    case "not-trusted":
      return [
        ...mark,
        "The call with ",
        who,
        ` ended${after}: your digits were found to be different there. `,
        ...notTrustedSpans(event, self),
        ...(event.verified === true
          ? [`. If you didn't really compare them: /verify ${shownName(event.peer)} no`]
          : []),
      ];
    case "peer-kicked":
      return [...mark, who, ` was thrown out by the operator${after}`];
    default: // "protocol"
      return [...mark, "The call with ", who, ` ended${after}: the other side sent invalid data`];
  }
}

/** The line at the end of a call that wasn't connected. */
function notBegunLine(event: CallEvent, self: string, why: string, star: Line, mark: Line): Line {
  const who = nameSpan(event.peer);
  switch (event.reason) {
    case "not-trusted":
      return [...mark, ...notTrustedSpans(event, self, why)];
    case "quit":
      return [...star, who, " was calling when you left"];
    case "cancelled":
      return event.by === event.peer
        ? [...star, who, " withdrew the call"]
        : [...star, "Call to ", who, " cancelled"];
    case "directory-down":
    case "replaced":
      return [...mark, "No call with ", who, ": the directory is needed for it"];
    case "kicked":
      return [...mark, "No call with ", who, ": the operator has thrown you out"];
    case "lost":
      return [...mark, who, " was calling, and is gone"];
    case "peer-kicked":
      return [...mark, who, " was calling, and was thrown out by the operator"];
    default:
      return [...mark, "No call with ", who, reasonText(event)];
  }
}

// Other events.

function missedLines({ calls }: EventNamed<"missed">): readonly Line[] {
  if (calls.length === 0) return [["No call was missed."]];
  return calls.map(({ from, at }) => [{ timeMs: Date.parse(at) }, " ", nameSpan(from)]);
}

function historyLines(
  { messages, searched, name }: EventNamed<"history">,
  nowMs: number,
): Iterable<Line> {
  if (messages.length > 0) return recalledLines(messages, searched, nowMs);
  const line = nothingSaid(searched, name);
  return [name === undefined ? [...line, " Only calls are kept, no broadcasts."] : line];
}

function statusLines(status: EventNamed<"status">): readonly Line[] {
  const { name, guest, session, registry, online, call, unsent, key, problems, roundTripMs } =
    status;
  const { instance } = status;
  const at = instance === undefined ? "" : `, at its instance ${instance},`;
  const who: Line = name === "" ? ["you"] : [ownNameSpan(name)];
  const how = guest ? ", as a guest" : "";
  const verified = status.serverVerified === true ? " (verified)" : "";
  return [
    session === "up"
      ? [
        `In the directory ${registry}${verified}${at} as `,
        ...who,
        `${how}${farText(roundTripMs)}; ${numberText(online)} online.`,
      ]
      : [`Not in the directory ${registry}${verified} now.`],
    ...(call === null ? [] : [callStatus(call)]),
    [unsent === 0 ? "Nothing is unsent." : `${numberText(unsent)} unsent.`],
    ...ownAwayLines(status),
    ownKeyLine(key),
    ...problems.map((problem) => problemLine(problem)),
  ];
}

function callStatus(
  { peer, state, route, sinceMs, roundTripMs }: NonNullable<EventNamed<"status">["call"]>,
): Line {
  const since = durationText(sinceMs);
  if (state !== "connected") return [nameSpan(peer), `: ${state}, for ${since}.`];
  const by = route === "relay" ? "through the directory" : "directly";
  const far = farText(roundTripMs);
  return ["In a call with ", nameSpan(peer), `, ${by}${far}, for ${talkText(sinceMs)}.`];
}

function farText(roundTripMs: number | null): string {
  return roundTripMs === null ? "" : `, ${durationText(roundTripMs)} away`;
}

/** More are online than are told: those of them that the user knows, and how many there are. */
function longListText(known: readonly Line[], total: number): Line {
  const way = "; /list PART shows those whose names contain PART";
  return known.length === 0
    ? [`${numberText(total)} are online${way}`]
    : ["Online: ", ...listed(known), ` and others, ${numberText(total)} in all${way}`];
}
