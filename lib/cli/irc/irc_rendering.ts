/**
 * Events as a client is told them in words: the console's lines, without the time of showing, which clients have of their
 * own.
 */

import { momentText } from "../rendering/moments.ts";
import { ignoredLines } from "../rendering/spans.ts";
import type {
  CommonEvent,
  Line,
  Mode,
  RenderContext,
  ShownEvent,
  Span,
} from "../rendering/user_interface.ts";
import { isCommon } from "../streams/piped_interface.ts";
import type { IrcLine } from "./irc_words.ts";
import { type Fields, textOf } from "./rooms/irc_fields.ts";

/** @param nowMs Wall time. */
export function renderingOf<Event extends ShownEvent>(
  render: Mode<Event, never>["render"],
  nowMs: () => number,
): (fields: Fields) => readonly IrcLine[] {
  return (fields) => {
    if (OF_NO_MODE.has(textOf(fields, "event"))) return [];
    const event = fields as unknown as Event | CommonEvent;
    const context = { nowMs: nowMs(), interactive: false, verbose: false };
    const lines = isCommon(event) ? commonLines(event) : render(event, context);
    return Array.from(lines, (line) => line.map((span) => partOf(span, context)));
  };
}

/** What a mode doesn't render: the gateway tells it by itself. */
const OF_NO_MODE: ReadonlySet<string> = new Set(["help", "fatal"]);

function commonLines(event: CommonEvent): readonly Line[] {
  switch (event.event) {
    case "notice":
      return [[event.warning === true ? `! ${event.text}` : event.text]];
    case "error":
      return [[`error: ${event.text}`]];
    case "ignored":
      return ignoredLines(event);
    default:
      return [];
  }
}

/** The time at which a line is shown is the client's to show; an earlier one isn't. */
function partOf(span: Span, context: RenderContext): IrcLine[number] {
  if (typeof span === "string" || "text" in span) return span;
  if ("nowMs" in span) return momentText(span.timeMs, { ...context, nowMs: span.nowMs });
  return span.timeMs === context.nowMs ? "" : { time: momentText(span.timeMs, context) };
}
