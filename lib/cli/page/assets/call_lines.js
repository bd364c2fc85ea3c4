/** What became of a call, in a line. */

import { didYouMean } from "../../../base/text/nearest.ts";
import { talkText } from "../../../base/text/words.ts";
import {
  comparedText,
  info,
  linePart,
  namePart as name,
  quotePart as quote,
  warning,
} from "./phrases.js";
import { visible } from "./harmless.js";

const ENDED = {
  "": (who) => [`The call with `, who, " is over"],
  "hung-up": (who) => [who, " hung up"],
  cancelled: (who, { by, peer }) =>
    by === peer ? [who, " withdrew the call"] : ["The call with ", who, " was withdrawn"],
  lost: (who) => ["The connection with ", who, " was lost"],
  "directory-down": (
    who,
  ) => ["The directory, which relayed the call with ", who, ", doesn't answer any more"],
  replaced: (who) => ["The call with ", who, " ended: one of you came in from somewhere else"],
  kicked: () => ["The operator ended the call: you were thrown out"],
  "peer-kicked": (who) => ["The operator threw ", who, " out"],
  "key-changed": (who) => ["The call with ", who, " ended: their key isn't the one expected"],
  "not-trusted": (
    who,
  ) => ["The call with ", who, " ended: their program doesn't accept your key"],
  protocol: (who) => ["The call with ", who, " ended: their program sent what can't be read"],
  quit: (who) => ["You left while ", who, "'s call rang"],
};

/** What may be worth another call: how one has ended, or why. */
const AGAIN = new Set([
  "",
  "busy",
  "cancelled",
  "hung-up",
  "lost",
  "replaced",
  "timeout",
  "unreachable",
]);

export function callLine(event, context) {
  const line = lineOf(event, context);
  const { state, reason = "", peer, durationMs } = event;
  if (!AGAIN.has(state === "ended" ? reason : state)) return line;
  const isMissed = durationMs === undefined && context.call?.isOurs === false;
  const again = linePart(isMissed ? "Call back" : "Call again", `/call ${peer}`);
  return { ...line, parts: [...line.parts, "; ", again] };
}

function lineOf(event, { call, names = [] }) {
  const { peer, state, reason = "", route, durationMs } = event;
  const who = name(peer);
  const isOurs = call?.isOurs ?? true;
  switch (state) {
    case "ringing":
      return info("Calling ", who, "\u2026");
    case "connected": {
      const compared = comparedText(event);
      const found = compared === null
        ? ["not verified yet: ", linePart("compare digits", `/verify ${peer}`)]
        : [compared];
      const how = route === "relay"
        ? ", through the directory"
        : route === "direct"
        ? ", directly"
        : "";
      return (event.verified === true ? info : warning)(
        "Connected with ",
        who,
        `${how}; `,
        ...found,
      );
    }
    case "declined":
      if (reason === "not-trusted") {
        return warning("The program of ", who, " doesn't accept your key");
      }
      if (!isOurs) return info("You declined the call of ", who);
      return reason === ""
        ? info(who, " declined")
        : info("The directory says that ", who, " declined: ", quote(reason));
    case "busy":
      return isOurs
        ? info(who, " is in another call")
        : info(who, " called while you were in another call");
    case "offline":
      return info(who, ` isn't online${didYouMean(peer, names, visible)}`);
    case "unreachable":
      return warning("No way to ", who, " was found");
    case "timeout":
      return isOurs ? info(who, " didn't answer") : info("You missed a call of ", who);
    default: {
      const isHungUp = reason === "" && durationMs !== undefined;
      const parts = isHungUp ? ["You hung up"] : (ENDED[reason] ?? ENDED[""])(who, event);
      const after = durationMs === undefined ? [] : [` after ${talkText(durationMs)}`];
      return (reason === "lost" || reason === "directory-down" ? warning : info)(
        ...parts,
        ...after,
      );
    }
  }
}
