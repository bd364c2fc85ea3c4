/** What wants the attention of a user who isn't looking at the terminal, in every mode. */

import { shownName } from "../../base/text/names.ts";
import { saidText } from "../../base/text/text.ts";
import type { NotifyLevel } from "../../store/profile/settings.ts";
import { mentionsOf } from "./mentions.ts";
import { actionIn } from "./spans.ts";
import type { Attention, ShownEvent } from "./user_interface.ts";

type Fields = ShownEvent & Readonly<Record<string, unknown>>;

/** Events that are somebody's text. */
const SAID: ReadonlySet<string> = new Set(["message", "broadcast"]);

/** A text with `mention`: whether somebody else says the user's own name in it. Other events stay as they are. */
export function withMention(event: Fields, own: string | null): Fields {
  const { text, self } = event;
  if (!SAID.has(event.event) || typeof text !== "string") return event;
  const mention = self !== true && own !== null && mentionsOf(text, own).length > 0;
  return { ...event, mention };
}

/** What to tell the user of, if anything. @param event As `withMention` makes it. */
export function attentionOf(event: Fields, level: NotifyLevel): Attention | null {
  if (level === "off" || event["history"] === true || event["self"] === true) return null;
  switch (event.event) {
    case "incoming":
      return {
        title: `${nameIn(event["from"])} is calling`,
        body: "/accept or /decline",
        isUrgent: true,
      };
    case "vote-wanted":
      return {
        title: `${nameIn(event["by"])} wants to change entry ${event["seq"]}`,
        body: `to ${saidText(String(event["new"]))}: /go or /abort`,
        isUrgent: true,
      };
    case "message":
      return toldOf(event, isToUser(event), level);
    case "broadcast":
      return toldOf(event, false, level);
    default:
      return null;
  }
}

/** A room says what is private, and a group numbers what all are told; friends and calls have nobody else. */
function isToUser(message: Fields): boolean {
  return message["private"] === true ||
    (message["private"] === undefined && message["seq"] === undefined);
}

function toldOf(said: Fields, isToUser: boolean, level: NotifyLevel): Attention | null {
  const { text, from, shown = from, mention } = said;
  if (typeof text !== "string" || !(isToUser || mention === true || level === "all")) return null;
  const name = nameIn(shown);
  const action = actionIn(text);
  const body = action === null ? text : `* ${action}`;
  return { title: isToUser ? `${name} to you` : name, body, isUrgent: false };
}

function nameIn(name: unknown): string {
  return shownName(String(name));
}
