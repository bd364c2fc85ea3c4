/** Events of the program as a page gets them, and what a page makes of them. */

import { type Any, page } from "./page_modules.ts";

const { itemsOf, NOTHING, reduce } = page;

export const AT = "2026-11-27T12:00:00.000Z";
export const NOW_MS = Date.parse(AT);

export function welcome(mode: string, more: Record<string, unknown> = {}): Any {
  return {
    type: "welcome",
    run: "run 1",
    mode,
    version: "0.2.0",
    resumed: false,
    missed: false,
    last: 0,
    ticket: "t",
    prompt: { text: "Alice", self: "Alice" },
    paused: null,
    names: [],
    commands: [
      { name: "msg", aliases: ["dm"], form: "/msg NAME TEXT", help: "to one", example: "" },
      { name: "send", aliases: [], form: "/send [NAME] FILE", help: "a file", example: "" },
      { name: "join", aliases: [], form: "/join WHERE", help: "into a room", example: "" },
      { name: "search", aliases: [], form: "/search TEXT", help: "look for", example: "" },
      { name: "me", aliases: [], form: "/me ACTION", help: "what you do", example: "" },
      {
        name: "quit",
        aliases: ["q"],
        words: ["bye"],
        form: "/quit",
        help: "leave",
        example: "",
      },
      { name: "verify", aliases: [], form: "/verify NAME [ANSWER]", help: "compare", example: "" },
    ],
    forms: [],
    fileBytes: 1_000,
    ...more,
  };
}

/** A page that has been let in, and then got these events, one after the other. */
export function pageOf(mode: string, events: readonly Record<string, unknown>[] = []): Any {
  return after(reduce(NOTHING, { type: "welcome", welcome: welcome(mode) }), events);
}

export function after(state: Any, events: readonly Record<string, unknown>[]): Any {
  const numbered = events.map((fields, index) => ({
    id: state.last + 1 + index,
    fields: { at: AT, ...fields },
  }));
  return reduce(state, { type: "events", events: numbered, nowMs: NOW_MS });
}

export function items(state: Any, place = "main"): Any[] {
  return [...itemsOf(state.places.get(place).chunks)];
}

/** What stands in a place, in short. */
export function texts(state: Any, place = "main"): readonly string[] {
  return items(state, place).map((item) => {
    if (item.kind === "said") return `${item.from}: ${item.text}`;
    if (item.kind === "line") return `* ${item.parts.map(partText).join("")}`;
    return item.kind;
  });
}

function partText(part: Any): string {
  if (typeof part === "string") return part;
  if (part.entry !== undefined) return `entry ${part.entry}`;
  if (part.others !== undefined) return page.othersText(part.others);
  return part.name ?? part.label ?? part.code ?? part.quote ?? part.time;
}

export function placeOf(state: Any, person: string): string {
  for (const place of state.places.values()) if (place.person === person) return place.id;
  throw new Error(`no place of ${person}`);
}
