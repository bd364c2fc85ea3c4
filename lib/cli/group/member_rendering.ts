/** Events of `peer --server` as lines of text. */

import type {
  EntryView,
  LogEnd,
  MemberEvent,
  MemberView,
} from "../../protocols/group/schema/events.ts";
import { nameBeforeStart, shownName } from "../../base/text/names.ts";
import { quotedStart } from "../../base/text/text.ts";
import { entriesText, numberText } from "../../base/text/words.ts";
import { durationText, roundTripText } from "../rendering/moments.ts";
import {
  editLine,
  editStartedLine,
  entryEditLine,
  memberEditLines,
  voteWantedLines,
} from "../rendering/edit_rendering.ts";
import {
  andListed,
  awayLine,
  awayText,
  heardLines,
  isEarlier,
  listed,
  messageLine,
  nameSpan,
  ownAwayLines,
  ownKeyLine,
  ownNameSpan,
  presenceLine,
  problemLine,
  saidBy,
  starLine,
  wrongLine,
} from "../rendering/spans.ts";
import { undeliveredText } from "../rendering/arrival_words.ts";
import { goneLine, joiningLine, joiningNames, shortDigest } from "../rendering/states_rendering.ts";
import type { Line, RenderContext, Span } from "../rendering/user_interface.ts";
import {
  type OwnEventOf,
  REFUSED_TEXT,
  verifyLines,
  whoisLines,
} from "../rendering/verify_rendering.ts";

/** The events that only this mode shows. */
export type MemberOwnEvent = OwnEventOf<MemberEvent>;

type EventNamed<Name extends MemberOwnEvent["event"]> = Extract<
  MemberOwnEvent,
  { readonly event: Name }
>;

/** Catching up isn't reported if it takes less than this, as nobody could read the line in time. */
export const CATCHING_UP_TOLD_MS = 1_000;

/** Renders events in order. What earlier events have told the reader isn't repeated. */
export class MemberRendering {
  #self = "";
  #server = "";
  /** Whether the user has been in the group since the start. */
  #wasIn = false;
  #isToldByReady = false;
  #isCoordinatorDown = false;
  #wasCoordinatorUp = false;
  #catchingUpSinceMs: number | null = null;
  /** The last entry of the log that isn't shown at the start; 0 after a later one has been shown. */
  #leftOutThrough = 0;
  #isLeavingOut = false;

  /** Shows only the last `count` of the `entries` in the log at the start. */
  replays(entries: number, count: number): void {
    this.#leftOutThrough = Math.max(0, entries - count);
    this.#isLeavingOut = true;
  }

  /** The lines of an event, in the order in which they are printed. */
  lines(event: MemberOwnEvent, context: RenderContext): Iterable<Line> {
    const { nowMs } = context;
    if (this.isLeftOut(event)) return [];
    switch (event.event) {
      case "ready":
        this.#self = event.name;
        this.#server = event.server;
        if (event.members.includes(event.name)) {
          this.#isToldByReady = true;
          return [this.#inLine(event.members, event, nowMs)];
        }
        return [this.#waitingLine(event, nowMs)];
      case "view":
        return this.#viewLines(event, nowMs);
      case "joining":
        return [joiningLine(event, nowMs)];
      case "left":
        return [goneLine(event, nowMs)];
      case "coordinator":
        return this.#coordinatorLines(event, nowMs);
      case "message":
        return [...(event.history ? this.#leftOutLines() : []), entryLine(event, nowMs)];
      case "edit-started":
        return event.absent === true ? [] : [editStartedLine(event, nowMs, this.#nameOf)];
      case "vote-wanted":
        return voteWantedLines(event, context, this.#nameOf);
      case "edit":
        return [editLine(event, nowMs, this.#nameOf, event.by === this.#self)];
      case "catching-up":
        return this.#caughtUpLines(event, nowMs);
      case "log":
        return event.entries.length === 0
          ? [[noEntriesText(event)]]
          : heardLines(event.entries, (entry) => this.#entryLine(entry), event.searched);
      case "entry":
        return this.#entryLines(event);
      case "digest":
        if (event.digest === "") return [["No entries yet, and so no digest."]];
        return [[`${entriesText(event.seq)}, digest `, { text: event.digest, as: "exact" }]];
      case "presence":
        return [awayLine(event, nowMs)];
      case "members":
        return event.members.length === 0
          ? [["You aren't in the group yet", ...joiningNames(event), "."]]
          : [[...this.#names(event), ...joiningNames(event)]];
      case "status":
        return statusLines(event, nowMs, this.#nameOf);
      case "whois":
        return whoisLines(event, "the coordinator");
      case "verify":
        return verifyLines(event, groupAdvice(event.name));
    }
  }

  /** Whether the event is an entry that isn't shown at the start, or an edit before the first entry that is. */
  isLeftOut(event: MemberOwnEvent | MemberEvent): boolean {
    if (!this.#isLeavingOut || (event.event !== "message" && event.event !== "edit")) return false;
    const isLeftOut = event.history === true &&
      (event.event === "edit" || event.seq <= this.#leftOutThrough);
    this.#isLeavingOut = isLeftOut;
    return isLeftOut;
  }

  /** The line before the first entry shown, about those that aren't. */
  #leftOutLines(): readonly Line[] {
    const count = this.#leftOutThrough;
    this.#leftOutThrough = 0;
    if (count === 0) return [];
    return [[
      `... ${count === 1 ? "1 earlier entry" : `${numberText(count)} earlier entries`}: /log N`,
    ]];
  }

  /** Lines about joins and leaves; when the user joins, about all who are there. */
  #viewLines(
    { members, joined, left, entries = 0, last = null }: EventNamed<"view">,
    nowMs: number,
  ): readonly Line[] {
    if (joined.includes(this.#self)) {
      // The line of the `ready` event has said so already.
      if (this.#isToldByReady) {
        this.#isToldByReady = false;
        return [];
      }
      return [this.#inLine(members, { entries, last }, nowMs)];
    }
    const names = andListed(joined.map((name) => [nameSpan(name)]));
    const came = joined.length === 0 ? [] : [presenceLine(nowMs, ...names, " joined")];
    return [...came, ...left.map((one) => goneLine(one, nowMs))];
  }

  #inLine(members: readonly string[], end: LogEnd, nowMs: number): Line {
    const isBack = this.#wasIn;
    this.#wasIn = true;
    const others = members.filter((member) => member !== this.#self);
    const whom: Line = others.length === 0
      ? [", alone so far"]
      : [", with ", ...andListed(others.map((other) => [nameSpan(other)]))];
    return starLine(
      nowMs,
      `${isBack ? "Back in" : "In"} the group of ${this.#server} as `,
      ownNameSpan(this.#self),
      ...whom,
      "; ",
      ...endSpans(end, nowMs),
    );
  }

  #waitingLine({ members, ...end }: EventNamed<"ready">, nowMs: number): Line {
    const there: Line = members.length === 0
      ? []
      : ["; there are ", ...andListed(members.map((other) => [nameSpan(other)]))];
    return starLine(
      nowMs,
      `Waiting to join the group of ${this.#server} as `,
      ownNameSpan(this.#self),
      ...there,
      "; ",
      ...endSpans(end, nowMs),
    );
  }

  #coordinatorLines(
    { state, reason, ended = false, returning = false }: EventNamed<"coordinator">,
    nowMs: number,
  ): readonly Line[] {
    const wasDown = this.#isCoordinatorDown;
    const wasUp = this.#wasCoordinatorUp;
    this.#isCoordinatorDown = state === "down";
    this.#wasCoordinatorUp ||= state === "up";
    if (state === "up") {
      const text = wasUp ? "The coordinator is back." : "The coordinator is there now.";
      return wasDown ? [starLine(nowMs, text)] : [];
    }
    const because = reason === undefined ? "" : `: ${reason}`;
    const what = ended ? "The coordinator was ended" : "The coordinator doesn't answer";
    const others = returning ? ", or all who were in the group last are there" : "";
    const text = this.#wasIn
      ? `${what}. Chat goes on; joining and editing wait.`
      : `${what}${ended ? "" : because}. You will join as soon as it answers${others}.`;
    return [ended ? starLine(nowMs, text) : wrongLine(nowMs, text)];
  }

  /** The line at the end of catching up; progress before that is in the rewritten progress line. */
  #caughtUpLines({ done, of }: EventNamed<"catching-up">, nowMs: number): readonly Line[] {
    const sinceMs = this.#catchingUpSinceMs ??= nowMs;
    if (done < of) return [];
    this.#catchingUpSinceMs = null;
    const ms = nowMs - sinceMs;
    if (ms < CATCHING_UP_TOLD_MS) return [];
    return [starLine(nowMs, `Caught up: ${entriesText(of)} in ${durationText(ms)}`)];
  }

  #entryLine({ seq, shown, text, edits, editedBy, sentAt }: EntryView): Line {
    const sentMs = Date.parse(sentAt);
    const times = edits === 1 ? "" : ` ${edits} times`;
    // Somebody else's words mustn't stand under the author's name alone.
    const by = editedBy === null || editedBy === shown
      ? []
      : [edits === 1 ? " by " : ", last by ", this.#nameOf(editedBy)];
    return [
      `${seq} `,
      ...(Number.isNaN(sentMs) ? [] : [{ timeMs: sentMs }, " "]),
      ...(edits === 0 ? [] : [`(edited${times}`, ...by, ") "]),
      ...saidBy(this.#nameOf(shown), text),
    ];
  }

  /** The entry with its present text; below that, its original text and its edits. */
  #entryLines({ edits, ...entry }: EventNamed<"entry">): readonly Line[] {
    const line = this.#entryLine({ ...entry, edits: edits.length });
    const [first] = edits;
    if (first === undefined) return [line];
    const said: Line = ["  at first: ", { text: first.old, as: "body" }];
    return [line, said, ...edits.map((edit) => entryEditLine(edit, this.#nameOf))];
  }

  readonly #nameOf = (name: string): Span =>
    name === this.#self ? ownNameSpan(name) : nameSpan(name);

  #names({ members, verified = [], refused = [], away = [] }: EventNamed<"members">): Line {
    return listed(
      members.map((name) => {
        const why = away.find((one) => one.name === name);
        const isRefused = refused.includes(name);
        const marks = [
          ...(name === this.#self ? ["you"] : []),
          ...(verified.includes(name) ? ["verified"] : isRefused ? [REFUSED_TEXT] : []),
          ...(why === undefined ? [] : [awayText(why.away)]), // last: they are the member's words
        ];
        const span = name === this.#self ? ownNameSpan(name) : nameSpan(name);
        return [span, marks.length === 0 ? "" : ` (${marks.join(", ")})`];
      }),
    );
  }
}

function noEntriesText({ searched }: EventNamed<"log">): string {
  return searched === undefined ? "No entries." : `No entry has ${quotedStart(searched)}.`;
}

/** The line of an entry, new or from the history. */
function entryLine(event: EventNamed<"message">, nowMs: number): Line {
  const history = isEarlier(event, nowMs);
  return [`${event.seq} `, ...messageLine({ ...event, from: event.shown, history }, nowMs)];
}

/** What is said in a group is said to all: nobody in it can be told nothing. */
function groupAdvice(name: string): string {
  const there = shownName(nameBeforeStart(name)); // names are unique at the coordinator
  return `${
    shownName(name)
  } reads all that is said in the group until its coordinator's operator types /remove ${there}`;
}

function endSpans({ entries, last }: LogEnd, nowMs: number): Line {
  if (entries === 0) return ["no entries yet"];
  const sentMs = last === null ? NaN : Date.parse(last.sentAt);
  if (last === null || Number.isNaN(sentMs)) return [entriesText(entries)];
  return [`${entriesText(entries)}, the last from `, nameSpan(last.shown), " at ", {
    timeMs: sentMs,
    nowMs,
  }];
}

function statusLines(
  status: EventNamed<"status">,
  nowMs: number,
  nameOf: (name: string) => Span,
): readonly Line[] {
  const { view, coordinator, seq, digest, sequencer, key, log, edits, problems } = status;
  const others = status.members.filter((member) => member.key !== key);
  const who = status.serverVerified === true ? "The coordinator (verified)" : "The coordinator";
  const there = `${who} is ${coordinator === "up" ? "there" : "away"}.`;
  return [
    view === 0
      ? [`Not in the group yet. ${there}`]
      : [`Group of ${others.length + 1}: `, ...memberSpans(status.name, others), `. ${there}`],
    [
      digest === "" ? "No entries yet." : `${entriesText(seq)}, digest ${shortDigest(digest)}.`,
      ...(sequencer === null ? [] : [" ", nameSpan(sequencer), " orders messages."]),
    ],
    ...unsentLine(status),
    ...edits.flatMap((edit) => memberEditLines(edit, nowMs, nameOf)),
    ["Your log: ", { text: log, as: "exact" }],
    ...ownAwayLines(status),
    ownKeyLine(key),
    ...problems.map((problem) => problemLine(problem)),
  ];
}

function memberSpans(self: string, others: readonly MemberView[]): Line {
  return listed([
    [ownNameSpan(self), " (you)"],
    ...others.map((member): Line => [nameSpan(member.name), memberText(member)]),
  ]);
}

function memberText({ heard, roundTripMs, path, behind }: MemberView): string {
  const behindText = behind === 0 ? [] : [`${numberText(behind)} behind`];
  const pathText = path === "relay" ? ["through the coordinator"] : [];
  const notes = heard ? [...pathText, ...behindText] : ["no answer", ...behindText];
  const distance = heard ? roundTripText(roundTripMs) : "";
  return notes.length === 0 ? distance : `${distance} (${notes.join(", ")})`;
}

function unsentLine(
  { digest, unsent, awaited, members, view }: EventNamed<"status">,
): readonly Line[] {
  if (unsent === 0) return digest === "" ? [] : [["Everything you wrote is in the log."]];
  if (view > 0 && awaited.length === 0 && members.every(({ heard }) => heard)) {
    return [[`${undeliveredText(unsent, true)}.`]];
  }
  const whom: readonly Span[] = awaited.length === 0
    ? []
    : [" for ", ...andListed(awaited.map((name) => [nameSpan(name)]))];
  return [[undeliveredText(unsent), ...whom, "."]];
}
