/**
 * The address of a member that others reach through a meeting point. It stands wherever an address may: its host names
 * the member's key, the meeting point's key and the meeting point's host, its port is that of the meeting point. No
 * host of a machine has such a name.
 *
 *     k7f3...@qz5t...@meet.example.org, 4400
 */

import type { Endpoint } from "../ids.ts";
import { parseHost } from "./endpoints.ts";
import { type Fingerprint, fingerprintFault } from "./fingerprint.ts";

export interface MeetingPlace {
  /** Who is reached. */
  readonly member: Fingerprint;
  /** The meeting point's key. */
  readonly point: Fingerprint;
  /** Where the meeting point is. */
  readonly at: Endpoint;
}

/** UTF-8 bytes of a meeting point's host: with the two keys before it, it fits where hosts do (255). */
export const POINT_HOST_BYTES_MAX = 199;

const FORM = /^([a-z2-7]{27})@([a-z2-7]{27})@(.+)$/;

export function meetingAddress({ member, point, at }: MeetingPlace): Endpoint {
  return { host: `${member}@${point}@${at.host}`, port: at.port };
}

/** Null for any other address, and for what isn't written as `meetingAddress` does. */
export function meetingPlace({ host, port }: Endpoint): MeetingPlace | null {
  const [, member = "", point = "", at = ""] = FORM.exec(host) ?? [];
  if (parseHost(at) !== at || port === 0) return null;
  if (fingerprintFault(member) !== null || fingerprintFault(point) !== null) return null;
  return { member: member as Fingerprint, point: point as Fingerprint, at: { host: at, port } };
}
