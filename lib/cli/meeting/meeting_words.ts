/** Gets an invite by words from whoever has registered their number at a meeting point. Loaded only for that. */

import { type Endpoint, endpointText } from "../../base/ids.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { meetingAddress } from "../../base/text/meeting_address.ts";
import { CODE_MS } from "../../protocols/words/limits.ts";
import type { WordCode } from "../../protocols/words/word_codes.ts";
import { REGSERVER_PORT_DEFAULT, type ServerAddress } from "../args/options.ts";
import { pinsIn } from "../credentials/pinned_keys.ts";
import type { Session } from "../session/mode_session.ts";
import type { ShownEvent } from "../rendering/user_interface.ts";
import { inviteByWords } from "../words/word_joining.ts";
import { loadedMeetings } from "./loaded_meetings.ts";

/**
 * Makes the one guess that a code has, through the meeting point. @returns Null where the user leaves before it is over.
 * @throws {P2pchatError} `unreachable` where nobody has that number there; `key-changed`; why the guess failed.
 */
export async function inviteThroughPoint<Event extends ShownEvent, Target>(
  start: Session<Event, Target>,
  code: WordCode,
  meet: ServerAddress,
): ReturnType<typeof inviteByWords> {
  const at = { host: meet.host, port: meet.port ?? REGSERVER_PORT_DEFAULT };
  const where = endpointText(at);
  const reached = Promise.withResolvers<Endpoint | null>();
  let key: Fingerprint | null = null;
  let strange: P2pchatError | null = null;
  const meetings = loadedMeetings({
    profile: start,
    pinsIn: (scope) => pinsIn(start, scope),
    meet,
    news() {},
    show(event) {
      if (event.event === "error") strange = new P2pchatError(event.code, event.text);
    },
    numbered() {},
    failed: (error) => reached.reject(error),
  });
  try {
    start.ui.heedInterrupts(() => {
      reached.resolve(null);
      return true;
    });
    meetings.callNumber(code.number, {
      connected: (endpoint, point) => {
        key = point;
        reached.resolve(endpoint);
      },
      failed: (text) =>
        reached.reject(strange ?? new P2pchatError("unreachable", notThere(where, text))),
    });
    const endpoint = await reached.promise;
    if (endpoint === null) return null;
    const issuer = { endpoint, fingerprint: null, where: `the meeting point ${where}` };
    const invited = await inviteByWords(start, code, issuer, meetings.relays);
    if (invited === null) return null;
    const member = fingerprintOf(invited.issuer);
    return { ...invited, place: meetingAddress({ member, point: key!, at }) };
  } finally {
    await meetings.close();
  }
}

function notThere(where: string, text: string): string {
  return `Cannot find that code at the meeting point ${where}: ${text}. If it was used, or is ` +
    `older than ${
      CODE_MS / 60_000
    } minutes, ask for another, made where the program runs with the same --meet`;
}
