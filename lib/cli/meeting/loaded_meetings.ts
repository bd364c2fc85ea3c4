/** Connects the meeting points of a room to sockets and the files of a profile. */

import { endpointText } from "../../base/ids.ts";
import { canonicalHost } from "../../base/text/endpoints.ts";
import { meetingAddress } from "../../base/text/meeting_address.ts";
import { MEETING_CHANNEL } from "../../protocols/meeting_point/limits.ts";
import { Meetings } from "../../runtime/hosts/meetings.ts";
import { forwardTo, openTo } from "../../transport/link.ts";
import { RelayNetwork } from "../../transport/links/relay_network.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { openTcpLinks } from "../../transport/tcp/tcp_links.ts";
import { REGSERVER_PORT_DEFAULT, type ServerAddress } from "../args/options.ts";
import { isVerified, serverKeyPinned } from "../credentials/pinned_keys.ts";
import { channelIdentity, knownPeersPath } from "../session/mode_session.ts";
import { type LoadedMeetings, MEETING_NAME, type RoomMeetingsPorts } from "./meeting_ports.ts";

/** @throws {P2pchatError} `key-changed` where another key is pinned than the one that the user names. */
export function loadedMeetings(ports: RoomMeetingsPorts): LoadedMeetings {
  const { profile, meet } = ports;
  const relays = new RelayNetwork(SYSTEM_LINK_CLOCK);
  let meetings: Meetings | null = null;
  const links = openTcpLinks({
    host: null,
    port: null,
    identity: channelIdentity(profile),
    env: profile.environment,
    access: openTo("meeting"),
    channel: MEETING_CHANNEL,
    handler: forwardTo(() => meetings),
  });
  meetings = new Meetings(meet === null ? null : ownPoint(ports, meet), {
    clock: SYSTEM_LINK_CLOCK,
    environment: profile.environment,
    links,
    relays,
    failed: (error) => ports.failed(error),
  });
  const own = meetings;
  return {
    relays,
    register: (room) => own.register(room),
    number: (numbers) => own.number(numbers),
    call: (...args) => own.call(...args),
    callNumber: (...args) => own.callNumber(...args),
    trust: () => own.trust(),
    close: async () => {
      own.stop();
      await links.shutdown("ended");
    },
  };
}

function ownPoint(
  { profile, pinsIn, news, show, numbered }: RoomMeetingsPorts,
  { host, port, key: given }: ServerAddress,
): ConstructorParameters<typeof Meetings>[0] {
  const { knownPeers, folder, identity } = profile;
  const at = { host, port: port ?? REGSERVER_PORT_DEFAULT };
  const point = endpointText(at);
  const scope = `host:${endpointText({ ...at, host: canonicalHost(host) })}`;
  const title = `meeting point at ${point}`;
  const pinned = serverKeyPinned(profile, { scope, name: MEETING_NAME, title }, given);
  const pin = pinsIn(scope);
  const server = {
    what: "meeting point",
    name: MEETING_NAME,
    endpoint: at,
    knownPeers: knownPeersPath(folder),
    pinned,
    given,
    refused: knownPeers.refused(),
    isVerified: isVerified(knownPeers, scope, MEETING_NAME),
  } as const;
  return {
    server,
    ports: {
      pin: (effect) => pin(effect),
      keyChanged: (changed, text) =>
        show({ event: "error", code: "key-changed", text, changed }, undefined),
      changed: (state, key, failure) => {
        const isRegistered = state === "registered";
        if (!isRegistered && state === "up" && failure === null) return; // about to be
        const address = isRegistered && key !== null
          ? meetingAddress({ member: identity.fingerprint, point: key, at })
          : null;
        news({
          type: "meeting-point",
          point,
          state: isRegistered ? "registered" : "away",
          reason: failure,
          address,
        });
      },
      numbered,
    },
  };
}
