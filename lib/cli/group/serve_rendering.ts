/** Events of `serve` as lines of text. */

import { endpointText } from "../../base/ids.ts";
import type {
  CoordinatorEvent,
  CoordinatorMemberView,
  EngineView,
} from "../../protocols/group/schema/events.ts";
import { accessText } from "../../protocols/group/schema/founding.ts";
import { shownName } from "../../base/text/names.ts";
import { entriesText, inWords, numberText } from "../../base/text/words.ts";
import { editLine, editViewLine } from "../rendering/edit_rendering.ts";
import { inviteLines } from "../credentials/invites.ts";
import { SERVE_PORT_DEFAULT } from "../args/options.ts";
import {
  listed,
  nameSpan,
  ownKeyLine,
  presenceLine,
  problemLine,
  starLine,
  tableLines,
} from "../rendering/spans.ts";
import { engineAnswersLines } from "../rendering/engine_rendering.ts";
import {
  goneLine,
  joiningLine,
  joiningNames,
  knownText,
  shortDigest,
  snapshotLines,
  snapshotsLines,
  statesLines,
} from "../rendering/states_rendering.ts";
import { type QrInviteEvent, type WordCodeEvent, wordCodeLines } from "../words/words_rendering.ts";
import type { Line, RenderContext } from "../rendering/user_interface.ts";
import {
  type OwnEventOf,
  REFUSED_TEXT,
  verifyLines,
  whoisLines,
} from "../rendering/verify_rendering.ts";

/** The events that only this mode shows. */
export type ServeOwnEvent =
  | OwnEventOf<CoordinatorEvent>
  | QrInviteEvent
  | WordCodeEvent;

type EventNamed<Name extends ServeOwnEvent["event"]> = Extract<
  ServeOwnEvent,
  { readonly event: Name }
>;

/** The lines of an event, in the order in which they are printed. */
export function serveLines(event: ServeOwnEvent, context: RenderContext): readonly Line[] {
  const { nowMs } = context;
  switch (event.event) {
    case "ready":
      return readyLines(event);
    case "role":
      return [starLine(nowMs, roleText(event))];
    case "joining":
      return [joiningLine(event, nowMs)];
    case "joined":
      return [presenceLine(nowMs, nameSpan(event.name), " joined")];
    case "left":
      return [goneLine(event, nowMs, "you")];
    case "view":
      return [starLine(
        nowMs,
        context.verbose ? `View ${event.view}: ` : "In the group: ",
        ...namesOf(event.members),
      )];
    case "recovered":
      return [recoveredLine(event, nowMs)];
    case "entry":
      // Members' texts aren't the operator's concern; that an entry was made is shown in verbose output.
      return context.verbose
        ? [starLine(nowMs, `Entry ${event.seq}, of `, nameSpan(event.from))]
        : [];
    case "edit":
      return [editLine(event, nowMs, nameSpan)];
    case "edits":
      return event.edits.length === 0
        ? [["No edits are under way."]]
        : event.edits.map((edit) => editViewLine(edit, nowMs, nameSpan));
    case "states":
      return statesLines(event, nowMs);
    case "consistent":
      return []; // shown by /states on request
    case "snapshot":
      return snapshotLines(event, nowMs);
    case "snapshots":
      return snapshotsLines(event);
    case "invite":
      return inviteLines(event);
    case "words":
    case "code-used":
      return wordCodeLines(event, nowMs);
    case "members":
      return event.members.length === 0 && event.joining === undefined
        ? [["Nobody is in the group."]]
        : [[...namesOf(event.members, event), ...joiningNames(event)]];
    case "status":
      return statusLines(event, context.verbose);
    case "whois":
      return whoisLines(event);
    case "verify":
      return verifyLines(event, `/remove ${shownName(event.name)} keeps that key out of the group`);
  }
}

type Marks = Pick<EventNamed<"members">, "verified" | "refused" | "awaited">;

function namesOf(
  members: readonly string[],
  { verified = [], refused = [], awaited = [] }: Marks = {},
): Line {
  if (members.length === 0) return ["nobody"];
  return listed(members.map((name) => {
    const marks = [
      ...(awaited.includes(name) ? ["awaited"] : []),
      ...(verified.includes(name) ? ["verified"] : []),
      ...(refused.includes(name) ? [REFUSED_TEXT] : []),
    ];
    return [nameSpan(name), marks.length === 0 ? "" : ` (${marks.join(", ")})`];
  }));
}

function readyLines(
  { host, port, key, private: isPrivate }: EventNamed<"ready">,
): readonly Line[] {
  const server = port === SERVE_PORT_DEFAULT ? host : endpointText({ host, port });
  const how = `p2pchat peer NAME --server ${server}${isPrivate === true ? " --invite" : ""}`;
  const access = accessText({ private: isPrivate === true });
  return [
    [`Listening at ${port}. Members join with: `, { text: how, as: "exact" }],
    [isPrivate === true ? `${access}: /invite shows it.` : `${access}.`],
    [`This coordinator's key (members can compare it): ${key}`],
  ];
}

function recoveredLine({ name, entries }: EventNamed<"recovered">, nowMs: number): Line {
  const found = entries === 0 ? " and has missed nothing" : `: ${entriesText(entries)} sent`;
  return starLine(nowMs, nameSpan(name), ` is back${found}`);
}

const HEADINGS = ["Member", "Entries", "Digest", "State"] as const;

/** Part of a line. */
function roleText({ role, leader }: Pick<EngineView, "role" | "leader">): string {
  if (role === "leader") return "This coordinator leads the group";
  const who = leader === null ? "none leads at present" : `${endpointText(leader)} leads the group`;
  return `This coordinator stands by: ${who}`;
}

function engineLines(engine: EngineView): readonly Line[] {
  const { instances } = engine;
  const where = instances.length === 0
    ? ""
    : `; instances at ${inWords(instances.map(endpointText))}`;
  return [[`${roleText(engine)}${where}.`], ...engineAnswersLines("The group", engine)];
}

function statusLines(
  { key, view, seq, members, problems, engine }: EventNamed<"status">,
  verbose: boolean,
): readonly Line[] {
  const more = engine === undefined ? [] : engineLines(engine);
  if (engine?.role === "stand-by") {
    return [...more, ownKeyLine(key), ...problems.map((problem) => problemLine(problem))];
  }
  const viewStart = verbose ? `View ${view}: ` : "";
  const nobody = members.length === 0 ? " Nobody is in the group." : "";
  return [
    [
      view === 0
        ? "Nobody has been in the group yet."
        : seq === null
        ? `${viewStart}${verbose ? "how" : "How"} many entries there are isn't known.`
        : `${verbose ? viewStart : "The group has "}${entriesText(seq)}.${nobody}`,
    ],
    ...(members.length === 0 ? [] : memberTable(members)),
    ...more,
    ownKeyLine(key),
    ...problems.map((problem) => problemLine(problem)),
  ];
}

function memberTable(members: readonly CoordinatorMemberView[]): readonly Line[] {
  const rows = members.map((member) =>
    [
      member.name,
      knownText(member.seq, numberText),
      knownText(member.digest, shortDigest),
      stateText(member),
    ] as const
  );
  return tableLines(HEADINGS, rows);
}

function stateText({ state, heard }: CoordinatorMemberView): string {
  return state === "member" && !heard ? "member, not heard by all" : state;
}
