/** What happened, in lines: words are those of the console; what people do here, they do with buttons. */

import { countText } from "../../../base/text/words.ts";
import { callLine } from "./call_lines.js";
import {
  awayParts,
  comeBackPart,
  comparedText,
  durationText,
  faint,
  info,
  listed,
  namePart as name,
  warning,
} from "./phrases.js";

const LEFT = {
  quit: (who) => wentLine(who),
  replaced: (who) => faint(name(who), " left and came back"),
  removed: (who) => faint(name(who), " left (removed)"),
};

/** Those who only come and go share a line with whoever does so before and after them: `crowd`. */
function cameLine(who, ...more) {
  return { ...faint(name(who), ...more), crowd: [{ name: who, isIn: true }] };
}

function wentLine(who) {
  return { ...faint(name(who), " left"), crowd: [{ name: who, isIn: false }] };
}

function joinedLine({ name: who, host, present, away, ...compared }) {
  const text = comparedText(compared);
  const isPlain = text === null || compared.verified === true;
  const parts = [
    present === true || away !== undefined ? " is here" : " joined",
    ...(host ? [` (${host})`] : []),
    ...(text === null ? [] : [isPlain ? ", verified" : `: ${text}`]),
    ...(away === undefined ? [] : ["; ", ...awayParts(away)]),
  ];
  return isPlain && away === undefined ? cameLine(who, ...parts) : faint(name(who), ...parts);
}

/** Whether somebody was there before, and is as expected: that one stands in the list of people, and needs no line. */
export function isListed(event) {
  return event.event === "joined" && event.present === true &&
    comparedText(event) === (event.verified ? "verified" : null);
}

function leftLine({ name: who, reason, silentMs, joining, why }) {
  if (reason !== "lost") return (LEFT[reason] ?? LEFT.quit)(who);
  if (joining === true) return faint(name(who), " didn't get in");
  const since = silentMs === undefined ? "" : ` for ${durationText(silentMs)}`;
  const because = why ?? `no answer${since}; what is said meanwhile is kept for when they return`;
  return warning(name(who), ` is lost: ${because}`);
}

function renamedLine({ from, name: to, self, lostTo }) {
  if (self === true && lostTo !== undefined) return null; // an error says it, and what to do
  const isMarked = to.startsWith(`${from}~`);
  const parts = self === true
    ? [isMarked ? "You are shown as " : "You are now ", name(to)]
    : isMarked
    ? ["This ", name(from), " is shown as ", name(to), " from now on"]
    : [name(from), " is now ", name(to)];
  return info(
    ...parts,
    ...(lostTo === undefined ? [] : [": another ", name(lostTo), " was here first"]),
  );
}

/** Why a message to one person waits, and until when. */
export function waitingParts(
  { to, waiting, removed, reason = "isn't there", sentWhen = "when they are back" },
) {
  const kept = removed === true
    ? "was removed; kept, and sent only if they are allowed back"
    : `${reason}; kept, and sent ${sentWhen}`;
  return [name(to), ` ${kept} (${countText(waiting, "message")} waiting)`];
}

/** Your own messages to one person: only what is unexpected. */
function deliveryLine(event) {
  const { to, state, reason, waiting, told } = event;
  if (waiting !== undefined) return warning(...waitingParts(event));
  if (state !== "failed" || told === true) return null;
  return warning("Your message didn't reach ", name(to), ...(reason ? [`: ${reason}`] : []));
}

function presenceLine(event, context) {
  const { name: who, self, away, shown = who } = event;
  if (self === true) {
    return away === undefined
      ? info("You are back")
      : info("You are ", ...awayParts(away), "; ", comeBackPart);
  }
  if (event.state === undefined) {
    return info(name(shown), ...(away === undefined ? [" is back"] : [" is ", ...awayParts(away)]));
  }
  return onlineLine(event, context);
}

/** In a directory: whoever comes or goes, is in a call, or away. */
function onlineLine({ name: who, shown = who, state, guest, away, changed }, { before }) {
  const aside = guest === true ? " (guest)" : "";
  if (state === "offline") return wentLine(shown);
  if (before?.state === state) {
    if (before.away === away) return null;
    return info(name(shown), ...(away === undefined ? [" is back"] : [" is ", ...awayParts(away)]));
  }
  const text = state === "busy"
    ? " is in a call"
    : before?.state === "busy"
    ? " is free again"
    : " is online";
  if (before === undefined && changed?.before === undefined) {
    const crowd = [{ name: shown, isIn: true, isOnline: true }];
    return { ...faint(name(shown), aside + text), crowd };
  }
  if (changed?.before === undefined || before !== undefined) {
    return faint(name(shown), aside + text);
  }
  return warning(
    name(shown),
    `${aside}${text} with ${comparedText({ changed })}: another device, or somebody else`,
  );
}

function viewLines({ members, joined = [], left = [], ...end }, context) {
  if (joined.includes(context.self)) {
    return context.isInTold ? [] : [inGroupLine(members, end, context)]; // as the console: told when it was ready
  }
  const came = joined.map((who) => cameLine(who, " joined"));
  return [...came, ...left.map((one) => leftLine({ reason: "quit", ...one }))];
}

function inGroupLine(members, end, { self, server, wasIn }) {
  const others = members.filter((each) => each !== self).map(name);
  return info(
    `${wasIn ? "Back in" : "In"} the group${ofServer(server)} as `,
    name(self),
    ...(others.length === 0 ? [", alone so far"] : [", with ", ...listed(others)]),
    "; ",
    ...logParts(end),
  );
}

function readyInGroup({ members, server, name: self, ...end }, { wasIn }) {
  if (members.includes(self)) return [inGroupLine(members, end, { self, server, wasIn })];
  const there = members.length === 0 ? [] : ["; there are ", ...listed(members.map(name))];
  const waiting = [`Waiting to join the group${ofServer(server)} as `, name(self)];
  return [info(...waiting, ...there, "; ", ...logParts(end))];
}

const ofServer = (server) => server ? ` of ${server}` : "";

function logParts({ entries = 0, last }) {
  if (entries === 0) return ["no entries yet"];
  const end = last ? [", the last from ", name(last.shown)] : [];
  return [countText(entries, "entry", "entries"), ...end];
}

function coordinatorLine({ state, reason, ended, returning }, { wasIn, wasDown }) {
  if (state === "up") return wasDown ? info("The coordinator is back.") : null;
  const what = ended ? "The coordinator was ended" : "The coordinator doesn't answer";
  const because = reason && !wasIn && !ended ? `: ${reason}` : "";
  const others = returning ? ", or all who were in the group last are there" : "";
  const then = wasIn
    ? "Chat goes on; joining and editing wait."
    : `You will join as soon as it answers${others}.`;
  return (ended ? info : warning)(`${what}${because}. ${then}`);
}

/** @returns The line of an edit that isn't decided: null where nobody is asked, as that is decided at once. */
function editStartedLine({ seq, awaited = [], absent }) {
  if (absent === true || awaited.length === 0) return null;
  const whom = listed(awaited.map(name));
  return faint("Waiting for ", ...whom, " to agree to your change of ", { entry: seq });
}

function voteWantedLine({ seq, by }) {
  return faint(name(by), " asks you to agree to a change of ", { entry: seq });
}

/** What came of an edit; what the entry reads now, the entry shows. */
function editLine({ seq, by, outcome, reason, agreed = [] }, { self }) {
  const isOwn = by === self;
  if (outcome === "committed") {
    const others = agreed.filter((who) => who !== self && who !== by);
    const who = [...(agreed.includes(self) && !isOwn ? ["you"] : []), ...others.map(name)];
    const consent = who.length === 0 ? [] : [", as ", ...listed(who), " agreed"];
    return faint(isOwn ? "You" : name(by), " changed ", { entry: seq }, ...consent);
  }
  const whose = isOwn ? ["Your change of "] : [name(by), "'s change of "];
  const how = outcome === "aborted" ? " wasn't made" : " is in doubt";
  return warning(...whose, { entry: seq }, `${how}: ${reason}`);
}

function sessionLine({ state, reason, name: who }, { wasDown }) {
  if (state === "up") return wasDown ? info("Back in the directory as ", name(who)) : null;
  if (state === "replaced") return warning("You came in from somewhere else");
  return warning(
    `No connection with the directory${reason ? `: ${reason}` : ""}; trying again`,
  );
}

function reachedLine({ reached, start }) {
  const of = start === undefined ? "" : ` \u201c${start}\u201d`;
  return reached === 0
    ? info(
      `Nobody has your broadcast${of} yet; whoever is here gets it as soon as they can take it`,
    )
    : info(`Your broadcast${of} has reached ${countText(reached, "person", "people")}`);
}

function readyLine(event, context) {
  const { host, port, passive, private: isPrivate, command, registry } = event;
  if (event.server !== undefined) return readyInGroup(event, context);
  if (command === "mesh") {
    if (passive === true) return [faint("Nobody joins through you: you take no connections")];
    if (isPrivate === true) return []; // the title says so, and a button invites others
    return [faint("Others join with ", { code: `p2pchat mesh NAME ${host} ${port}` })];
  }
  if (registry !== undefined) return [faint(`Directory ${registry}`)];
  return [];
}

function roomLine({ number, title, unseen }) {
  const where = title === null ? `room ${number}` : `#${title}`;
  const news = unseen > 0 ? `; ${countText(unseen, "message")} came meanwhile` : "";
  return faint(`The console is in ${where} now${news}`);
}

const TO_LINE = ({ name: who }) =>
  who === null
    ? faint("What is typed in the console goes to nobody now")
    : faint("What is typed in the console goes to ", name(who));

/** Lines by event; each takes the event and what the page knows, and gives a line, several, or null. */
const LINES = {
  ready: readyLine,
  joined: joinedLine,
  joining: ({ name: who }) => faint(name(who), " is joining, and is sent the log"),
  left: leftLine,
  renamed: renamedLine,
  delivery: deliveryLine,
  presence: presenceLine,
  view: viewLines,
  coordinator: coordinatorLine,
  "edit-started": editStartedLine,
  "vote-wanted": voteWantedLine,
  edit: editLine,
  call: callLine,
  session: sessionLine,
  directory: ({ key, known }) =>
    known ? null : info(
      "The directory has the key ",
      { code: key },
      ": compare it with what its operator tells you",
    ),
  "broadcast-sent": reachedLine,
  "password-changed": () => info("Your password is changed; other devices have to log in with it"),
  "code-used": ({ code, name: who, to }) =>
    warning(
      ...[`Code ${code} was used by somebody called `, name(who)],
      ...(to === undefined ? [] : [", not by ", name(to)]),
      ...[": /verify ", name(who), " yes if that is whom you told it to, or no"],
    ),
  room: roomLine,
  parted: ({ title, number }) => info(`You left #${title ?? number}`),
  to: TO_LINE,
  added: ({ name: who }) => info(name(who), " is in your table now"),
  "meeting-point": ({ point, state, reason }) =>
    state === "registered"
      ? info(`Others can reach you through the meeting point at ${point}, too`)
      : warning(
        `The meeting point at ${point} can't be used now${reason ? ` (${reason})` : ""}`,
      ),
  notice: ({ text, warning: isWrong }) => (isWrong === true ? warning : info)(text),
  error: ({ text }) => ({ tone: "error", parts: [text] }),
  fatal: ({ text }) => ({ tone: "error", parts: [text] }),
  bye: () => info("The program has ended"),
};

/** Whether an event is said in a line. */
export function isLine(name) {
  return Object.hasOwn(LINES, name);
}

/** The lines of an event that isn't shown in another way; none for what only scripts need. */
export function linesOf(event, context) {
  if (!Object.hasOwn(LINES, event.event)) return [];
  const lines = LINES[event.event](event, context);
  return lines === null ? [] : Array.isArray(lines) ? lines : [lines];
}
