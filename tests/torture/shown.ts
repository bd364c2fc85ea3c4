/** What somebody was shown, held against what may be shown. */

import type { ShownEvent } from "../e2e/node.ts";
import type { Actor } from "./actors.ts";

/** A text of somebody else, or of oneself, on the screen. */
export function isShown({ event }: ShownEvent): boolean {
  return event === "message" || event === "broadcast";
}

/** The disk is full: from here on what comes is shown, and not kept until there is room. */
function isFull({ event, code }: ShownEvent): boolean {
  return event === "error" && code === "disk";
}

function hasRoom({ event, text }: ShownEvent): boolean {
  return event === "notice" && /^Writing to the disk works again/.test(text);
}

/**
 * What was shown twice. What may not have been seen before a kill may come again as history; after a proper end
 * nothing may. What a full disk didn't take comes again in any way.
 */
export function shownTwice({ name, lives }: Actor): readonly string[] {
  const wrong: string[] = [];
  const ever = new Set<string>();
  const seen = new Set<string>();
  for (const { events, endedWell } of lives) {
    const now = new Set<string>();
    let unkept: Set<string> | null = null;
    for (const event of events) {
      if (isFull(event)) unkept ??= new Set();
      if (hasRoom(event)) {
        for (const shownAs of unkept ?? []) ever.add(shownAs);
        unkept = null;
      }
      if (!isShown(event)) continue;
      const { text, history, self } = event;
      // Whoever calls oneself is shown each line as sent and as received.
      const shownAs = self ? `${text} (own)` : text;
      if (now.has(shownAs)) wrong.push(`${name} was shown twice: ${shownAs}`);
      else if (!history && ever.has(shownAs)) wrong.push(`${name} was shown anew: ${shownAs}`);
      else if (seen.has(shownAs)) wrong.push(`${name} had left, and was shown again: ${shownAs}`);
      now.add(shownAs);
      (unkept ?? ever).add(shownAs);
    }
    if (endedWell) { for (const shownAs of now) seen.add(shownAs); }
  }
  return wrong;
}

/** Where each text was shown first. */
export function firstShown({ events }: Actor): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  for (const { text } of events.filter(isShown)) {
    if (!places.has(text)) places.set(text, places.size);
  }
  return places;
}

/** Texts that end with a number, by one author: a lower one that was shown after a higher one. */
export function outOfOrder(
  actor: Actor,
  authorOf: (text: string) => string | null,
): readonly string[] {
  const last = new Map<string, number>();
  const wrong: string[] = [];
  for (const text of firstShown(actor).keys()) {
    const author = authorOf(text);
    if (author === null) continue;
    const number = Number(/(\d+)$/.exec(text)![1]);
    if (number < (last.get(author) ?? -1)) wrong.push(`${actor.name} was shown too late: ${text}`);
    last.set(author, number);
  }
  return wrong;
}
