/**
 * Events as doors draw them: the console's lines, each part with its role. All doors get them from here, and draw roles
 * alone. Nothing in them reorders, hides or ends a line.
 */

import { visibleLines, visibleText, withFewMarks } from "../../base/text/text.ts";
import type { Command } from "../commands/commands.ts";
import { mentionsOf, placesOf } from "../rendering/mentions.ts";
import { momentText } from "../rendering/moments.ts";
import { commonLines } from "../rendering/spans.ts";
import type {
  CommonEvent,
  Mode,
  RenderContext,
  ShownEvent,
  Span,
  SpanStyle,
} from "../rendering/user_interface.ts";
import { isCommon } from "../streams/piped_interface.ts";

/**
 * `time`: when it is shown, and `then`: an earlier time, both in ms since 1970; `moment`: a time as people read it within a
 * sentence; `command`: one of this program's for its user to type; within a body `mention`: the user's own name, and
 * `found`: what was looked for; others as `SpanStyle`.
 */
type DoorRole = SpanStyle | "time" | "then" | "moment" | "command" | "mention" | "found";

/** The program's own words, or what has a role. A `body` may have line breaks. */
type DoorPart = string | readonly [role: DoorRole, text: string];
export type DoorLine = readonly DoorPart[];
/** @param self The user's own name; null: not known yet. */
export type DoorRendering = (
  fields: Readonly<Record<string, unknown>>,
  self: string | null,
) => readonly DoorLine[];

/** The commands of the mode, by name or alias. */
export interface KnownCommands {
  find(name: string): Pick<Command<never>, "form" | "args"> | undefined;
}

/** What each door tells in its own way, or no door at all. */
const OF_NO_DOOR: ReadonlySet<unknown> = new Set(["help", "fatal", "irc", "web"]);

/** @param wallMs Now, ms since 1970. */
export function doorRendering<Event extends ShownEvent>(
  render: Mode<Event, never>["render"],
  commands: KnownCommands,
  wallMs: () => number,
): DoorRendering {
  return (fields, self) => {
    if (OF_NO_DOOR.has(fields["event"])) return [];
    const event = fields as unknown as Event | CommonEvent;
    const context = { nowMs: wallMs(), interactive: false, verbose: false };
    const lines = isCommon(event) ? commonLines(event, context.nowMs) : render(event, context);
    const mentioned = fields["mention"] === true ? self : null;
    return Array.from(
      lines,
      (line) => line.flatMap((span) => partsOf(span, context, commands, mentioned)),
    );
  };
}

function partsOf(
  span: Span,
  context: RenderContext,
  commands: KnownCommands,
  mentioned: string | null,
): readonly DoorPart[] {
  if (typeof span === "string") return withCommands(visibleText(span), commands);
  if (!("text" in span)) {
    if ("nowMs" in span) {
      return [["moment", momentText(span.timeMs, { ...context, nowMs: span.nowMs })]];
    }
    return [[span.timeMs === context.nowMs ? "time" : "then", String(span.timeMs)]];
  }
  if (span.as !== "body") return [[span.as, visibleText(span.text)]];
  const text = withFewMarks(visibleLines(span.text).join("\n"));
  if ("searched" in span && span.searched !== undefined) {
    return marked(text, placesOf(text, span.searched), "found");
  }
  return marked(text, mentioned === null ? [] : mentionsOf(text, mentioned), "mention");
}

function marked(
  text: string,
  places: ReturnType<typeof placesOf>,
  as: DoorRole,
): readonly DoorPart[] {
  let at = 0;
  const parts = places.flatMap(([start, end]): DoorPart[] => {
    const before = text.slice(at, start);
    at = end;
    return [["body", before], [as, text.slice(start, end)]];
  });
  const all: readonly DoorPart[] = [...parts, ["body", text.slice(at)]];
  return places.length === 0 ? all : all.filter(([, part]) => part !== "");
}

/**
 * A command, with what is in quotes before it, as that is somebody's: what is found in it has no name. What another one
 * has typed, or types elsewhere, is that one's console's.
 */
const COMMAND =
  /"(?:[^"\\]|\\.)*"|(?<![\w/.]|has typed )\/([a-z]+(?:-[a-z]+)*)\b(?![/.]\w| (?:\w+ )?there\b)/g;

/** The program's own sentence with its commands as parts. Anything else, such as a path, stays as it is. */
export function withCommands(text: string, commands: KnownCommands): readonly DoorPart[] {
  const parts: DoorPart[] = [];
  let at = 0;
  for (const { 0: found, 1: name, index } of text.matchAll(COMMAND)) {
    const known = name === undefined ? undefined : commands.find(name);
    if (known === undefined) continue;
    const command = found + argumentsIn(text.slice(index + found.length), known);
    parts.push(text.slice(at, index), ["command", command]);
    at = index + command.length;
  }
  return [...parts, text.slice(at)].filter((part) => part !== "");
}

const WORD = String.raw`[^\s,;:)!?"]*[^\s.,;:)!?"]`;

/** What of the words behind a command belongs to it: what it needs, and what is certain. */
function argumentsIn(text: string, { form, args }: NonNullable<ReturnType<KnownCommands["find"]>>) {
  let taken = "";
  for (const token of form.split(" ")) {
    const name = /^\[?([A-Z]+)\]?$/.exec(token)?.[1];
    if (name === undefined) break;
    const { takesRest, typedAs } = args[name.toLowerCase()]!;
    const word = takesRest ? name : typedAs ?? (token === name ? WORD : String.raw`yes|no|\d+`);
    const found = new RegExp(`^ (?:${word})(?=$|[\\s.,;:)!?"])`).exec(text.slice(taken.length));
    if (found === null) break;
    taken += found[0];
  }
  return taken;
}
