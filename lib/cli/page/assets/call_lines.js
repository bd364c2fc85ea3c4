/** What became of a call, in a line. */

import { talkText } from "../../../base/text/words.ts";
import {
  comparedText,
  info,
  linePart,
  namePart as name,
  quotePart as quote,
  warning,
} from "./phrases.js";

const ENDED = {
  "": (who) => [`The call with `, who, " is over"],
  "hung-up": (who) => [who, " hung up"],
  cancelled: (who) => ["The call of ", who, " was withdrawn"],
  lost: (who) => ["The connection with ", who, " was lost"],
  "directory-down": (
    who,
  ) => ["The directory, which relayed the call with ", who, ", doesn\u2019t answer any more"],
  replaced: (who) => ["The call with ", who, " ended: one of you came in from somewhere else"],
  kicked: () => ["The operator ended the call: you were thrown out"],
  "peer-kicked": (who) => ["The operator threw ", who, " out"],
  "key-changed": (who) => ["The call with ", who, " ended: their key isn\u2019t the one expected"],
  "not-trusted": (
    who,
  ) => ["The call with ", who, " ended: their program doesn\u2019t accept your key"],
  protocol: (who) => ["The call with ", who, " ended: their program sent what can\u2019t be read"],
  quit: (who) => ["You left while ", who, "\u2019s call rang"],
};

export function callLine(event, { call }) {
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
        return warning("The program of ", who, " doesn\u2019t accept your key");
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
      return info(who, " isn\u2019t online");
    case "unreachable":
      return warning("No way to ", who, " was found");
    case "timeout":
      return isOurs ? info(who, " didn\u2019t answer") : info("You missed a call of ", who);
    default: {
      const isHungUp = reason === "" && durationMs !== undefined;
      const parts = isHungUp ? ["You hung up"] : (ENDED[reason] ?? ENDED[""])(who);
      const after = durationMs === undefined ? [] : [` after ${talkText(durationMs)}`];
      return (reason === "lost" || reason === "directory-down" ? warning : info)(
        ...parts,
        ...after,
      );
    }
  }
}
