/** What a screen reader is told, and what wants the attention of somebody who looks elsewhere. */

import { actionIn, visible } from "./harmless.js";
import { linesOf } from "./lines.js";
import { plainText } from "./phrases.js";

/** More isn't read out. */
const SPOKEN_MAX = 300;

function short(text) {
  const action = actionIn(text);
  const plain = visible(action ?? text);
  return plain.length <= SPOKEN_MAX ? plain : `${plain.slice(0, SPOKEN_MAX)}\u2026`;
}

/**
 * Of a new event: `spoken`, for screen readers, and `title` and `body` of a notification; each null where there is
 * nothing to tell.
 */
export function attentionOf(event, state) {
  const none = { spoken: null, title: null, body: null, isUrgent: false };
  const { from, shown = from, text } = event;
  switch (event.event) {
    case "message":
    case "broadcast": {
      if (event.self || event.history) return none;
      const isToUser = event.private === true || state.mode === "friends" ||
        state.mode === "directory" && event.event === "message";
      const who = visible(shown);
      const spoken = `${who}${isToUser ? " to you" : ""}: ${short(text)}`;
      if (!isToUser && event.mention !== true) return { ...none, spoken };
      return {
        spoken,
        title: isToUser ? `${who} to you` : who,
        body: short(text),
        isUrgent: false,
      };
    }
    case "incoming": {
      const title = `${visible(from)} is calling`;
      return { spoken: null, title, body: "Answer within 30 s", isUrgent: true };
    }
    case "vote-wanted": {
      const title = `${visible(event.by)} wants to change entry ${event.seq}`;
      return {
        spoken: null,
        title,
        body: `It would read \u201c${short(event.new)}\u201d`,
        isUrgent: true,
      };
    }
    case "offer": {
      if (event.self || event.history) return none;
      const spoken = `${visible(from)} offers the file ${visible(event.name)}`;
      return { ...none, spoken };
    }
    case "error":
    case "notice":
    case "joined":
    case "left":
      return {
        ...none,
        spoken: linesOf(event, {}).map(({ parts }) => plainText(parts)).map(short).join(" ") ||
          null,
      };
    default:
      return none;
  }
}
