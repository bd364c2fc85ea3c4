/** The answers to `/list` and `/status`, and texts about problems. */

import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import { type Endpoint, endpointText, type Hash, type PeerKey } from "../../../base/ids.ts";
import type { InviteForm } from "../../../base/text/invite_text.ts";
import { namesInWords, shownName } from "../../../base/text/names.ts";
import type { Attendance, Attendee } from "../detector/attendance.ts";
import { endpointOf, type Member } from "../schema/epoch.ts";
import {
  type CoordinatorEvent,
  type CoordinatorMemberView,
  membersEvent,
} from "../schema/events.ts";
import { hearEachOther } from "../detector/next_view.ts";
import { encodeGroupInvite, type GroupSecret } from "../schema/group_secrets.ts";
import type { Views } from "../detector/views.ts";

type Event<Name extends CoordinatorEvent["event"]> = Extract<
  CoordinatorEvent,
  { readonly event: Name }
>;

export interface CoordinatorFacts {
  readonly key: PeerKey;
  readonly group: Hash;
  readonly listening: Endpoint;
  readonly views: Views;
  readonly attendance: Attendance;
  /** Number of the last entry that we were told of. */
  readonly told: number;
  /** Members whose return is awaited, as nobody here has the history. */
  readonly lacking: readonly Member[];
  /** Members whose answer a change of the view waits for. */
  readonly awaited: readonly PeerKey[];
  /** Where the coordinator's instances listen; none where it runs as one. */
  readonly instances: readonly Endpoint[];
}

/** The members of the present view, the oldest first, linked or not, and those that are joining it. */
export function membersView(facts: CoordinatorFacts): Event<"members"> {
  const shown = joining(facts).filter(({ joiningSinceMs }) => joiningSinceMs !== null);
  const { members } = facts.views;
  const awaited = members.filter(({ key }) => isAwaited(facts, key));
  return membersEvent(members, shown.map(({ name }) => name), awaited.map(({ name }) => name));
}

/** The invite, and the command with which others join. @param secret Null in an open group. */
export function inviteView(
  coordinator: PeerKey,
  secret: GroupSecret | null,
  listening: Endpoint,
  as?: InviteForm,
): Event<"invite"> {
  const command = `p2pchat peer NAME --server ${endpointText(listening)}`;
  return {
    event: "invite",
    invite: encodeGroupInvite({ coordinator, secret, endpoint: listening }),
    line: secret === null ? command : `${command} --invite`,
    ...(as === undefined ? {} : { as }),
  };
}

/** The members of the view, then newcomers, and the problems, in words. */
export function statusView(facts: CoordinatorFacts): Event<"status"> {
  const { key, group, views, told, lacking } = facts;
  return {
    event: "status",
    key: fingerprintOf(key),
    group,
    view: views.ballot.number,
    seq: told === 0 && lacking.length > 0 ? null : told,
    members: [...memberViews(facts), ...joiningViews(facts)],
    problems: problems(facts),
  };
}

function memberViews(facts: CoordinatorFacts): readonly CoordinatorMemberView[] {
  const { views, attendance } = facts;
  return views.members.map((member) => {
    const attendee = attendance.get(member.key);
    const isHere = attendee !== null && attendee.link !== null;
    const state = isHere ? "member" : isAwaited(facts, member.key) ? "awaited" : "silent";
    return memberView(facts, attendee ?? member, state, attendee);
  });
}

function isAwaited({ lacking }: CoordinatorFacts, key: PeerKey): boolean {
  return lacking.some((member) => member.key === key);
}

function joiningViews(facts: CoordinatorFacts): readonly CoordinatorMemberView[] {
  return joining(facts).map((attendee) => memberView(facts, attendee, "joining", attendee));
}

function joining({ views, attendance }: CoordinatorFacts): readonly Attendee[] {
  return [...attendance.all].filter(({ key }) => views.member(key) === null);
}

function memberView(
  { listening, attendance }: CoordinatorFacts,
  who: Pick<Member, "key" | "name" | "host" | "port">,
  state: CoordinatorMemberView["state"],
  attendee: Attendee | null,
): CoordinatorMemberView {
  const end = attendee?.end ?? null;
  return {
    name: who.name,
    key: fingerprintOf(who.key),
    ...endpointOf(who, listening.host),
    heard: attendee !== null && unheardBy(attendance, attendee).length === 0,
    seq: end === null ? null : attendee!.seq,
    digest: end?.digest ?? null,
    state,
  };
}

/** Those that are here and don't exchange datagrams with the attendee. */
function unheardBy({ here }: Attendance, attendee: Attendee): readonly Attendee[] {
  return here.filter((other) => other !== attendee && !hearEachOther(attendee, other));
}

function problems(facts: CoordinatorFacts): readonly string[] {
  const { views, attendance, lacking, awaited, instances } = facts;
  const told: string[] = [];
  // It leads for as long as the engine answers it: that nobody reaches it is no reason to give way by itself.
  if (instances.length > 1 && views.members.length > 0 && attendance.here.length === 0) {
    told.push(UNREACHED_TEXT);
  }
  if (lacking.length > 0) {
    told.push(lackingText(views, lacking));
  }
  const slow = awaited.flatMap((key) => attendance.get(key) ?? []);
  if (slow.length > 0) told.push(`The next view waits for ${namesInWords(slow)}`);
  for (const attendee of joining(facts)) {
    const others = unheardBy(attendance, attendee);
    if (others.length > 0) told.push(keptOutText(attendee, others));
    else if (lacking.length > 0) {
      told.push(`${shownName(attendee.name)} isn't in: waiting for ${namesInWords(lacking)}`);
    } else if (!attendee.isCaughtUp) {
      told.push(`${shownName(attendee.name)} isn't in: still fetching the log`);
    }
  }
  return told;
}

const UNREACHED_TEXT = "No member is linked to this instance, which leads the group; if they " +
  "reach another one and not this one, end this one with /exit: then that one leads";

/** Why a newcomer isn't in the group. */
export function keptOutText(
  newcomer: Pick<Member, "name">,
  others: readonly Pick<Member, "name">[],
): string {
  const name = shownName(newcomer.name);
  return `${name} isn't in: no datagrams between ${name} and ${namesInWords(others)}`;
}

/** Why the group can't go on, and what the operator can do. */
export function lackingText(
  views: Pick<Views, "needsAll" | "lostLogs">,
  members: readonly Member[],
): string {
  const { needsAll, lostLogs } = views;
  if (lostLogs !== null) return lostLogsText(lostLogs, members);
  if (needsAll) return unaccountedText(members);
  const first = shownName(members[0]?.name ?? "");
  return `Nobody here has the group's last entries; waiting for ${namesInWords(members, "or")}; ` +
    `/remove ${first} gives up what only ${members.length === 1 ? "this one has" : "they have"}` +
    (members.length === 1 ? "" : ", once all are removed");
}

/** The same, after this disk was lost: each member may know what nobody else does. */
function unaccountedText(members: readonly Pick<Member, "name">[]): string {
  const first = shownName(members[0]?.name ?? "");
  return "The disk of this coordinator was lost: the group goes on once all members of the last " +
    `known view are here; waiting for ${
      namesInWords(members)
    }; /remove ${first} gives up what only ` +
    `${first} knows`;
}

/** The same where all that aren't removed have told what they knew, and lost their logs. */
function lostLogsText(lost: readonly Member[], members: readonly Member[]): string {
  const removed = members.filter((member) => !lost.includes(member));
  const [have, log, only] = lost.length === 1
    ? ["has", "its log", "this one"]
    : ["have", "their logs", "they"];
  const ending = lost.length === 1 ? "" : ", once all are removed";
  const remove = `/remove ${shownName(lost[0]!.name)} gives up`;
  return `Nobody here has the group's last entries: ${namesInWords(lost)} ${have} lost ${log}; ` +
    (removed.length === 0
      ? `put back a copy of the files of ${
        namesInWords(lost, "or")
      }; ${remove} what only ${only} had`
      : `${allowText(removed)}; ${remove} those entries`) +
    ending;
}

function allowText(removed: readonly Member[]): string {
  const first = shownName(removed[0]!.name);
  const were = removed.length === 1 ? "was" : "were";
  return `${namesInWords(removed, "or")}, who ${were} removed, may have them: ` +
    `/allow ${first} lets ${first} come back`;
}
