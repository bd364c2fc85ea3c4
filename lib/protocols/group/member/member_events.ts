/** The answers to `/status` and `/list`, and texts about whom the member waits for. */

import { type Endpoint, endpointText, type PeerKey } from "../../../base/ids.ts";
import { type Presence, shownPresence } from "../../../base/machine/user_presence.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import { shownName } from "../../../base/text/names.ts";
import { inWords } from "../../../base/text/words.ts";
import type { NamedKey } from "../schema/edit.ts";
import type { Editing } from "../edits/editing.ts";
import { endpointOf, type Member } from "../schema/epoch.ts";
import type { MemberEvent, MemberView } from "../schema/events.ts";
import { COORDINATOR_NAME } from "../schema/history.ts";
import type { MemberNames } from "../identity/member_names.ts";
import { type Membership, misusedText } from "./membership.ts";
import type { Promises } from "../log/promises.ts";
import type { Peers } from "../detector/peers.ts";

type StatusEvent = Extract<MemberEvent, { readonly event: "status" }>;

interface StatusOf {
  /** What our user says of itself. */
  readonly presence: Presence;
  readonly name: string;
  readonly key: PeerKey;
  readonly coordinator: Endpoint;
  readonly listening: Endpoint;
  /** The file with the log. */
  readonly log: string;
  /** Whether the coordinator answers, even if it doesn't let us in yet. */
  readonly isUp: boolean;
  /** What the coordinator asks all members, in words, while it doesn't know its group; null otherwise. */
  readonly asks: string | null;
  /** Why the coordinator doesn't let us in, in words; null where it does, or doesn't answer. */
  readonly refusal: string | null;
  /** Why the coordinator can't be reached, as part of a sentence; null where it isn't known. */
  readonly unreachedBecause: string | null;
  /** Whether its operator has ended it, as it said. */
  readonly isEnded: boolean;
  /** Whether it refuses all secrets of the group that we know. */
  readonly isUninvited: boolean;
  /** The other key of whoever answers at the coordinator's address; null where nobody does. */
  readonly strangeCoordinator: PeerKey | null;
  /** Null before this member was ever in a group. */
  readonly membership: Membership | null;
  readonly standing: Pick<Promises, "lastEpoch">;
  readonly peers: Peers;
  readonly names: MemberNames;
  readonly unsent: number;
  readonly editing: Editing;
  /** Names of members that a newcomer waits for, as the coordinator says. */
  readonly awaitedByCoordinator: readonly string[];
  /** With whom a newcomer hasn't exchanged datagrams for a while, in words; null where there is nobody. */
  readonly unheard: string | null;
}

/**
 * The answer to `/status`. Nulls, zeros and empty lists before this member was in a group. Round trips are null: the
 * host, which has the links, fills them in.
 */
export function statusView(status: StatusOf): StatusEvent {
  const { name, membership, names, unsent } = status;
  const epoch = membership?.epoch?.epoch.value ?? null;
  return {
    event: "status",
    name,
    key: fingerprintOf(status.key),
    ...shownPresence(status.presence),
    port: status.listening.port,
    view: epoch?.view ?? 0,
    coordinator: status.isUp ? "up" : "down",
    seq: membership?.held.logSeq ?? 0,
    digest: membership?.held.log.digest ?? "",
    log: status.log,
    members: (epoch?.members ?? []).map((member) => memberView(status, member)),
    sequencer: epoch === null ? null : nameOf(names, epoch.members[0]!),
    unsent,
    awaited: unsent === 0 || membership === null ? [] : awaitedNames(membership, names),
    edits: [...membership?.voting.views ?? [], ...status.editing.views],
    problems: problems(status),
  };
}

function memberView(status: StatusOf, member: Member): MemberView {
  const { key, coordinator, listening, membership, peers, names } = status;
  const isSelf = member.key === key;
  const { host, port } = isSelf ? listening : endpointOf(member, coordinator.host);
  const acked = membership?.ordering?.ackedBy(member.key) ?? 0;
  return {
    name: nameOf(names, member),
    key: fingerprintOf(member.key),
    host,
    port,
    heard: isSelf || peers.isHeard(member.key),
    roundTripMs: null,
    path: null,
    behind: Math.max(0, (membership?.held.position ?? 0) - acked),
  };
}

/** The name under which our user knows this member. */
export function nameOf(names: MemberNames, { key, name }: NamedKey): string {
  return names.shown(key, name);
}

/** Names of the members that keep our texts from becoming entries. */
export function awaitedNames(membership: Membership, names: MemberNames): readonly string[] {
  return membership.awaited.map((key) => names.of(key));
}

/** The other members among these that no datagrams come from. Who was started again is heard. */
export function unheardOf(members: readonly Member[], peers: Peers): readonly Member[] {
  return members.filter(({ key }) => {
    const peer = peers.get(key);
    return peer !== null && (!peer.isUp || peer.isSilent);
  });
}

/** What the chat waits for while the coordinator is away, and these members are. */
export function untilBackText(names: readonly string[]): string {
  const who = inWords(names.map(shownName));
  return names.length === 1
    ? `${who} or the coordinator is back`
    : `${who} are back, or the coordinator is`;
}

/** Why nobody comes in, as the coordinator says. @param awaited Names of the members that it waits for. */
export function lastEntriesText(awaited: readonly string[]): string {
  const names = awaited.map(shownName);
  const whose = names.length === 1 ? `${names[0]} has` : "they have";
  return `Waiting for ${inWords(names)}: only ${whose} the group's last entries`;
}

/**
 * Why a returning member isn't in at once, in words; null where no member of the last view is missing.
 * @param isDown Whether the coordinator doesn't answer.
 */
export function absentText(
  { lastEpoch }: Pick<Promises, "lastEpoch">,
  peers: Peers,
  names: MemberNames,
  isDown: boolean,
): string | null {
  const absent = unheardOf(lastEpoch?.members ?? [], peers)
    .map((member) => shownName(nameOf(names, member)));
  if (absent.length === 0) return null;
  const [was, has] = absent.length === 1 ? ["was", "hasn't"] : ["were", "haven't"];
  return `Waiting for ${inWords(absent)}, who ${was} in the group last and ${has} answered yet` +
    (isDown ? ", or for the coordinator" : "");
}

/** With whom a newcomer exchanges no datagrams, and what its user can do. @param port Its own UDP port. */
export function unheardText(
  members: readonly Member[],
  names: MemberNames,
  port: number,
  coordinatorHost: string,
): string {
  const whom = inWords(members.map((member) => shownName(nameOf(names, member))), "or");
  const [first] = members;
  const at = first === undefined ? null : endpointOf(first, coordinatorHost);
  const there = members.length === 1 && at !== null ? `${at.port} at ${at.host}` : "theirs there";
  return `No datagrams pass between you and ${whom}: UDP port ${port} must be open here, and ${there}`;
}

function awayText({ isEnded, isUninvited }: StatusOf): string {
  if (isUninvited) {
    return "The coordinator refuses the invites that this profile knows; with the present one, start with --invite";
  }
  return isEnded ? "The coordinator was ended" : "The coordinator doesn't answer";
}

function problems(status: StatusOf): readonly string[] {
  const { membership, peers, names, awaitedByCoordinator, isUp, refusal, asks } = status;
  const found: string[] = [refusal, asks].filter((text) => text !== null);
  const epoch = membership?.epoch?.epoch.value ?? null;
  const unheard = unheardOf(epoch?.members ?? [], peers);
  const away = awayText(status);
  if (!isUp && epoch === null) {
    const because = status.unreachedBecause;
    found.push(
      `${away}${because === null || status.isEnded || status.isUninvited ? "" : `: ${because}`}`,
    );
  } else if (!isUp) {
    const chat = unheard.length > 0 ? "" : "chat goes on, ";
    found.push(`${away}: ${chat}joining and editing wait`);
  }
  if (!isUp && status.strangeCoordinator !== null) {
    const { coordinator, strangeCoordinator } = status;
    found.push(
      `The coordinator at ${endpointText(coordinator)} answers with another key, ` +
        `${
          fingerprintOf(strangeCoordinator)
        }; if this key really is the coordinator's: /trust ${COORDINATOR_NAME}`,
    );
  }
  if (awaitedByCoordinator.length > 0 && asks === null) {
    found.push(lastEntriesText(awaitedByCoordinator));
  }
  if (membership === null) {
    found.push(
      "Not in the group yet: your messages are sent once you are in; they are lost if you quit before",
    );
    return found;
  }
  const { lie } = membership.voting.undelivered;
  if (lie !== null) found.push(lie);
  const misused = [...membership.misusedFor];
  if (misused.length > 0) found.push(misusedText(misused));
  if (epoch === null) {
    const absent = asks === null ? absentText(status.standing, peers, names, !isUp) : null;
    const waits = status.unheard ?? absent;
    if (waits !== null) found.push(waits);
    found.push("Not in the group yet: what you write is kept until then");
    return found;
  }
  // A coordinator that doesn't know its group changes no view.
  const decides = isUp && asks === null;
  if (unheard.length > 0) {
    const missing = unheard.map((member) => nameOf(names, member));
    const who = inWords(missing.map(shownName));
    const [isHeard, is, it] = missing.length === 1
      ? ["isn't heard", "is", "it is"]
      : ["aren't heard", "are", "they are"];
    found.push(
      `${who} ${isHeard}: ` +
        (decides
          ? `${it} removed, or back, in a few seconds`
          : isUp
          ? `chat pauses until ${who} ${is} back, or the coordinator knows its group`
          : `chat pauses until ${untilBackText(missing)}`),
    );
  }
  for (const key of membership.contests.proven) {
    found.push(
      `${
        names.written(key)
      } signed two different texts as one: chat pauses until the coordinator ` +
        (decides ? "takes it out" : isUp ? "knows its group, and takes it out" : "is back"),
    );
  }
  if (membership.participating.isUnderWay) {
    const awaited = awaitedNames(membership, names).map(shownName);
    const whom = awaited.length > 0 ? `, waiting for ${inWords(awaited)}` : "";
    found.push(`The group's members are changing${whom}`);
  }
  return found;
}
