/** Announced rooms as people and scripts are told of them. */

import { type Endpoint, endpointText } from "../../base/ids.ts";
import { shownName } from "../../base/text/names.ts";
import { quotedStart, visibleText } from "../../base/text/text.ts";
import { inWords, numberText } from "../../base/text/words.ts";
import type { AnnouncedRoom } from "../../protocols/mesh/discovery/announced_rooms.ts";
import { roomIdStart } from "../../protocols/mesh/joining/room_setup.ts";
import { CHANNEL_VERSION } from "../../protocols/noise/preface.ts";
import type { DiscoveryFault, Hearing } from "../../transport/discovery/service_discovery.ts";
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
  return { event: "rooms", rooms: rooms.map(viewOf) };
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
    ...(room === undefined ? [] : [`  ${nameOf(room, title)}`]),
    ...(version === undefined ? [] : ["  (of another version of p2pchat)"]),
  ]);
}

function nameOf(room: string, title: string | null): string {
  return title === null ? room.slice(0, 8) : visibleText(title);
}

/** The rooms in a sentence, each with where it is; titles, which are anybody's words, as quoted ones. */
export function announcedText(rooms: readonly AnnouncedRoom[]): string {
  const told = rooms.slice(0, ROOMS_TOLD_MAX).map(({ room, title, endpoints: [first] }) =>
    `${title === null ? roomIdStart(room!) : quotedStart(title)} at ${endpointText(first!)}`
  );
  const more = rooms.length - told.length;
  return inWords(more > 0 ? [...told, `${numberText(more)} more`] : told, "and");
}

/** The command that joins the room. */
export function joiningText(name: string, { endpoints: [first] }: AnnouncedRoom): string {
  const { host, port } = first as Endpoint;
  return `p2pchat mesh ${shownName(name)} ${host} ${port}`;
}

const OTHERWISE =
  "Type an address instead (p2pchat mesh NAME HOST PORT), with an invite or words (--words CODE)";

/** Why no room was heard, as far as this machine can tell, and what to do. */
export function silenceText(fault: DiscoveryFault | null, hearing: Hearing): string {
  switch (fault) {
    case "no-network":
      return "No room can be heard: no interface of this machine does multicast, it is connected to no network. " +
        OTHERWISE;
    case "port-taken":
      return "No room can be heard: another program on this machine has UDP port 5353 for itself. End that program. " +
        OTHERWISE;
    case "not-sent":
      return "No room can be heard: this machine doesn't let p2pchat send to 224.0.0.251:5353, a firewall perhaps. " +
        OTHERWISE;
  }
  if (hearing.others) return "No room is announced on this network";
  if (!hearing.own) {
    return "No room can be heard: a firewall on this machine drops what comes to 224.0.0.251:5353 (UDP). Let it in. " +
      OTHERWISE;
  }
  return "No room is announced on this network, and no other machine is heard: if others are here, the access point " +
    `may separate its clients, or a firewall drops 224.0.0.251:5353 (UDP). ${OTHERWISE}`;
}
