/** Announced rooms as people and scripts are told of them. */

import { P2pchatError } from "../../base/errors.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { shownName } from "../../base/text/names.ts";
import { quotedStart, titleText } from "../../base/text/text.ts";
import { commandToType } from "../../base/text/command_to_type.ts";
import { inWords, numberText } from "../../base/text/words.ts";
import type { AnnouncedRoom } from "../../protocols/mesh/discovery/announced_rooms.ts";
import { roomIdStart } from "../../protocols/mesh/joining/room_setup.ts";
import { CHANNEL_VERSION } from "../../protocols/noise/preface.ts";
import type { DiscoveryFault, Hearing } from "../../transport/discovery/service_discovery.ts";
import { inOrder } from "./room_question.ts";
import type { Line } from "../rendering/user_interface.ts";

/** A room as it is announced: of a private one only that it is there. */
type AnnouncedView =
  & { readonly host: string; readonly port: number; readonly private: boolean }
  & Partial<{ readonly title: string | null; readonly room: string; readonly version: number }>;

/** The rooms that are announced on this network. */
export interface AnnouncedEvent {
  readonly event: "rooms";
  readonly rooms: readonly AnnouncedView[];
}

/** As many as a line has place for. */
const ROOMS_TOLD_MAX = 8;

export function announcedEvent(rooms: readonly AnnouncedRoom[]): AnnouncedEvent {
  return { event: "rooms", rooms: inOrder(rooms).map(viewOf) };
}

function viewOf({ room, title, version, endpoints: [first] }: AnnouncedRoom): AnnouncedView {
  const { host, port } = first!;
  if (room === null) return { host, port, private: true };
  const other = version === CHANNEL_VERSION ? {} : { version };
  return { title, room, host, port, private: false, ...other };
}

/** A line for each room; with numbers where one is to be chosen. */
export function announcedLines(
  { rooms }: AnnouncedEvent,
  isChosen: boolean,
): readonly Line[] {
  return rooms.map(({ title = null, room, host, port, version, ...rest }, at): Line => [
    ...(isChosen ? [`${at + 1}) `] : []),
    { text: endpointText({ host, port }), as: "exact" },
    rest.private ? "  private" : "  open",
    ...(room === undefined ? [] : [`  ${title === null ? room.slice(0, 8) : titleText(title)}`]),
    ...(version === undefined ? [] : ["  (of another version of p2pchat)"]),
  ]);
}

/** The rooms in a sentence, each with where it is; titles, which are anybody's words, as quoted ones. */
export function announcedText(rooms: readonly AnnouncedRoom[]): string {
  const told = inOrder(rooms).slice(0, ROOMS_TOLD_MAX).map(({ room, title, endpoints: [first] }) =>
    `${title === null ? roomIdStart(room!) : quotedStart(title)} at ${endpointText(first!)}`
  );
  const more = rooms.length - told.length;
  return inWords(more > 0 ? [...told, `${numberText(more)} more`] : told, "and");
}

/** Who may join a room. */
export interface Joiner {
  readonly name: string;
  /** As of `commandToType`. */
  readonly data?: string;
}

/** The command that joins the room. */
export function joiningText({ name, data }: Joiner, { endpoints: [first] }: AnnouncedRoom): string {
  const { host, port } = first as Endpoint;
  return commandToType(`mesh ${shownName(name)} ${host} ${port}`, data);
}

const BY_ADDRESS = "join by address: p2pchat mesh NAME HOST PORT";

/** What keeps this machine from hearing anybody, and what to do; null where nothing is known of that. */
export function deafText(fault: DiscoveryFault | null, hearing: Hearing): string | null {
  switch (fault) {
    case "no-network":
      return `No room can be heard: this machine has no network that leads to others. Connect it, or ${BY_ADDRESS}`;
    case "port-taken":
      return "No room can be heard: another program on this machine has UDP port 5353 for itself. " +
        `End that program, or ${BY_ADDRESS}`;
    case "not-sent":
      return "No room can be heard: this machine doesn't let p2pchat send to 224.0.0.251:5353 (UDP), a firewall " +
        `perhaps. Let it out, or ${BY_ADDRESS}`;
  }
  if (hearing.own || hearing.others) return null;
  return "No room can be heard: a firewall on this machine drops what comes to 224.0.0.251:5353 (UDP). " +
    `Let it in, or ${BY_ADDRESS}`;
}

/** What was heard instead of a room to join. */
interface Silence {
  readonly fault: DiscoveryFault | null;
  readonly hearing: Hearing;
  readonly hasPrivate: boolean;
  /** Whether this member has founded a room now. */
  readonly founds: boolean;
}

/** Why no room was heard, as far as this machine can tell, and what to do. */
export function silenceText({ fault, hearing, hasPrivate, founds }: Silence): string {
  if (hasPrivate) {
    return "Only private rooms are announced on this network; to join one takes an invite (--invite) or words " +
      "(--words CODE)";
  }
  const deaf = deafText(fault, hearing);
  if (deaf !== null) return deaf;
  if (hearing.others) return "No room is announced on this network";
  const first = founds
    ? "You are the first here, as far as is heard"
    : "No room is announced on this network";
  return `${first}. If others are here, the access point may separate its clients, or a firewall drops ` +
    `224.0.0.251:5353 (UDP): ${BY_ADDRESS}`;
}

/** A room that this member has tried to join. @param message Why it couldn't. */
export function vainText(room: AnnouncedRoom, { code, message }: P2pchatError): string {
  const start = `Cannot join through ${endpointText(room.endpoints[0]!)}: `;
  const [why = message] = (message.startsWith(start) ? message.slice(start.length) : message)
    .split("; ");
  const which = `The room ${announcedText([room])} is announced, but can't be`;
  const isSilent = code === "unreachable" || code === "timeout";
  return isSilent
    ? `${which} reached (${why}): perhaps a firewall there`
    : `${which} joined (${why})`;
}

/** The user has chosen this room, and it can't be joined. */
export function cannotJoin(room: AnnouncedRoom, { code, message }: P2pchatError): P2pchatError {
  const text = `Cannot join the room that is announced as ${announcedText([room])}: nobody of it ` +
    `lets this member in there (${message}). Start again, or with --new`;
  return new P2pchatError(code, text);
}

/** How to join the first of these, for whoever is in another room. */
export function joinsText(by: Joiner, rooms: readonly AnnouncedRoom[]): string {
  const [first] = inOrder(rooms);
  return `${joiningText(by, first!)} joins ${rooms.length === 1 ? "it" : "the first"}`;
}
