/** Events of `regserver` as lines of text. */

import { unreachable } from "../../base/invariant.ts";
import { endpointText } from "../../base/ids.ts";
import { shownName } from "../../base/text/names.ts";
import type { DirectoryEvent, LogoutReason } from "../../protocols/directory/schema/events.ts";
import { countText, numberText } from "../../base/text/words.ts";
import { engineAnswersLines } from "../rendering/engine_rendering.ts";
import { momentText } from "../rendering/moments.ts";
import { directoryText } from "../args/flags.ts";
import {
  leftLine,
  lostLine,
  nameSpan,
  ownKeyLine,
  problemLine,
  starLine,
  tableLines,
} from "../rendering/spans.ts";
import type { Line, RenderContext } from "../rendering/user_interface.ts";
import {
  comparedText,
  type OwnEventOf,
  verifyLines,
  whoisLines,
} from "../rendering/verify_rendering.ts";

/** The events that only this mode shows. */
export type RegserverOwnEvent = OwnEventOf<DirectoryEvent>;

type EventNamed<Name extends RegserverOwnEvent["event"]> = Extract<
  RegserverOwnEvent,
  { readonly event: Name }
>;

/** The lines of an event, in the order in which they are printed. */
export function regserverLines(
  event: RegserverOwnEvent,
  context: RenderContext,
): readonly Line[] {
  const { nowMs } = context;
  switch (event.event) {
    case "ready":
      return readyLines(event);
    case "login":
      return [
        starLine(nowMs, nameSpan(event.name), event.guest ? " came in as a guest" : " logged in"),
      ];
    case "logout":
      return event.reason === "closing" ? [] : [logoutLine(event, nowMs)];
    case "signup":
      return [starLine(nowMs, nameSpan(event.name), " signed up")];
    case "call":
      return [starLine(nowMs, ...callSpans(event))];
    case "broadcast":
      return [starLine(nowMs, nameSpan(event.from), " sent a broadcast")];
    case "broadcast-sent":
      return [
        starLine(nowMs, `Your broadcast has reached ${countText(event.reached, "client")}`),
      ];
    case "users":
      return usersLines(event, context);
    case "status":
      return statusLines(event);
    case "whois":
      return whoisLines(event);
    case "verify":
      return verifyLines(event, `/kick ${shownName(event.name)} throws them out for now`, false);
    default:
      return unreachable(event);
  }
}

function readyLines({ host, port, key, accounts }: EventNamed<"ready">): readonly Line[] {
  return [
    [
      `Listening at ${port}. Users connect with: `,
      { text: `p2pchat peer --registry ${directoryText({ host, port })}`, as: "exact" },
    ],
    [`Key (they compare it): ${key}`],
    [`${accountsText(accounts)}.`],
  ];
}

/** Reasons in other words than in events for scripts. */
const LEFT: Partial<Readonly<Record<LogoutReason, string>>> = {
  "forgotten": "account removed",
  "password-changed": "password changed",
};

function logoutLine({ name, reason }: EventNamed<"logout">, nowMs: number): Line {
  if (reason !== "lost" && reason !== "slow") {
    return leftLine(nowMs, name, LEFT[reason] ?? reason);
  }
  return lostLine(nowMs, name, reason === "lost" ? "no answer" : "took nothing in for too long");
}

function callSpans({ from, to, state, reason, by }: EventNamed<"call">): Line {
  const [caller, callee] = [nameSpan(from), nameSpan(to)];
  switch (state) {
    case "ringing":
      return [caller, " calls ", callee];
    case "connected":
      return [caller, " and ", callee, " talk"];
    case "ended":
      return by === undefined
        ? [caller, " and ", callee, " have ended their call"]
        : ["The call of ", caller, " and ", callee, " is over: ", nameSpan(by), " was thrown out"];
    case "declined":
      if (reason === "key-changed") return [callee, "'s program refused the key of ", caller];
      return [callee, " declined the call of ", caller];
    case "cancelled":
      if (reason === "lost") return [caller, " has gone while calling ", callee];
      if (reason === "kicked") return [caller, " was thrown out while calling ", callee];
      return ["The call of ", caller, " to ", callee, " was withdrawn"];
    case "timeout":
      return [callee, " didn't answer the call of ", caller];
    case "busy":
      return [callee, " was busy when ", caller, " called"];
    case "offline":
      return [callee, " has gone while ", caller, " called"];
    case "unreachable":
      return [callee, " couldn't be reached for the call of ", caller];
    default:
      return unreachable(state);
  }
}

const HEADINGS = ["Name", "State", "From", "Takes calls at", "Since", "Relayed"] as const;

function usersLines({ users }: EventNamed<"users">, context: RenderContext): readonly Line[] {
  if (users.length === 0) return [["Nobody is logged in."]];
  const isShared = users.some(({ instance }) => instance !== undefined);
  return tableLines(
    isShared ? [...HEADINGS, "Instance"] : HEADINGS,
    users.map(({ name, guest, state, host, port, address, since, ...rest }) => {
      const { relayedBytes, instance = "", ...compared } = rest;
      const cells = [
        [state, guest ? "guest" : null, comparedText(compared)].filter(Boolean).join(", "),
        address,
        port === 0 ? "-" : endpointText({ host, port }),
        momentText(Date.parse(since), context),
        relayedBytes === 0 ? "-" : bytesText(relayedBytes),
      ];
      return isShared ? [name, ...cells, instance] as const : [name, ...cells] as const;
    }),
  );
}

function statusLines(status: EventNamed<"status">): readonly Line[] {
  const { clients, clientsMax, calls, accounts, kept, relayedBytes, key, problems } = status;
  const relayed = relayedBytes === 0 ? "" : `, ${bytesText(relayedBytes)} relayed`;
  return [
    [
      `${numberText(clients)} of ${countText(clientsMax, "client")} at most, ${
        noneOr(calls, "call")
      }${relayed}.`,
    ],
    // Whether anybody lacks them isn't known: whoever signs up gets them, too.
    [`${accountsText(accounts)}, ${noneOr(kept, "broadcast")} kept for those that log in later.`],
    ...meetingLines(status),
    ...instancesLines(status),
    ...(status.engine === undefined ? [] : engineAnswersLines("The directory", status.engine)),
    ownKeyLine(key),
    ...problems.map((problem) => problemLine(problem)),
  ];
}

function meetingLines({ meeting }: EventNamed<"status">): readonly Line[] {
  if (meeting === undefined) return [];
  const { visitors, registered, links, relayedBytes } = meeting;
  return [[
    `Meeting point: ${noneOr(visitors, "visitor")}, ${registered} to be reached, ${
      noneOr(links, "link")
    }, ${bytesText(relayedBytes)} relayed.`,
  ]];
}

function instancesLines({ instances, online }: EventNamed<"status">): readonly Line[] {
  if (instances === undefined || online === undefined) return [];
  const count = countText(instances.length, "instance");
  return [[`${count}, ${countText(online, "client")} in all: ${instances.join(", ")}.`]];
}

function accountsText(count: number): string {
  return count === 0 ? "No accounts yet" : countText(count, "account");
}

function noneOr(count: number, what: string): string {
  return count === 0 ? `no ${what}s` : countText(count, what);
}

/** Data relayed: `0.4 MB`. */
function bytesText(bytes: number): string {
  return bytes < 1_000_000
    ? `${Math.ceil(bytes / 1_000)} kB`
    : `${Math.round(bytes / 100_000) / 10} MB`;
}
