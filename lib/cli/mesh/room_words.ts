/** Word codes of a room: how one is issued there, and how somebody who was told one gets in. */

import { P2pchatError } from "../../base/errors.ts";
import { distinctEndpoints, type Endpoint } from "../../base/ids.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { isPresentSecret } from "../../base/text/invite_text.ts";
import type { ChannelIdentity } from "../../protocols/noise/identity_handshake.ts";
import { parseInvite } from "../../protocols/mesh/schema/rotations.ts";
import type { WordCode } from "../../protocols/words/word_codes.ts";
import type { MeshHost } from "../../runtime/hosts/mesh_host.ts";
import type { Links } from "../../transport/link.ts";
import { WordInvites } from "../words/word_invites.ts";
import type { InvitedByWords } from "../words/word_joining.ts";
import { directoryText } from "../args/flags.ts";
import type { RoomStart } from "./mesh_console.ts";
import { columnsOf } from "../streams/streams.ts";

/** What a room is made of once it runs. */
interface RoomParts {
  readonly host: () => MeshHost | null;
  readonly links: () => Links;
  /** As that of `WordInvites`. */
  readonly pause: () => () => void;
  /** Likewise. */
  readonly found: ConstructorParameters<typeof WordInvites>[0]["found"];
  /** Tells this network the numbers of the codes that are open, and of those that were of late. */
  readonly announce: (numbers: readonly number[], spent: readonly number[]) => void;
}

/** The codes of a room that this program is in. */
export function roomWords(
  start: RoomStart,
  own: ChannelIdentity,
  { host, links, pause, found, announce }: RoomParts,
): WordInvites {
  return new WordInvites({
    ...start,
    own,
    links,
    pause,
    found,
    announce,
    columns: () => columnsOf(start.ui),
    show: (event, ref) => start.ui.show(event, ref),
    lineOf({ invite }, code) {
      const { meet } = start.options;
      // Whoever reaches the meeting point can use it, wherever they are.
      if (meet !== null) return `p2pchat mesh NAME --words ${code} --meet ${directoryText(meet)}`;
      const [at] = parseInvite(invite).endpoints;
      if (!start.options.passive && at !== undefined) {
        return `p2pchat mesh NAME --words ${code} ${at.host} ${at.port}`;
      }
      throw new P2pchatError(
        "offline",
        "Cannot make a word code: nobody can dial you (--passive), as whoever has a code must; ask " +
          "another member for one",
      );
    },
    admits: (invite) => isPresentSecret(parseInvite(invite).secret, host()?.roomSecrets[0] ?? null),
    isRemoved: (peer) => host()?.standingOf(peer) === "removed",
  }, start.issuer);
}

/**
 * The start with the invite, at the same address, where only the issuer's key counts from now on; null where the user
 * leaves before.
 * @throws {P2pchatError} Why there is no invite.
 */
export async function joiningByWords(start: RoomStart, words: string): Promise<RoomStart | null> {
  const { contact, meet } = start.options;
  const { codeTyped } = await import("../words/word_joining.ts"); // few have a code
  const code = codeTyped(start, words);
  if (contact !== null) return await joiningAt(start, code, contact);
  if (meet !== null) {
    const { inviteThroughPoint } = await import("../meeting/meeting_words.ts");
    return started(start, await inviteThroughPoint(start, code, meet), null);
  }
  const { endpointsOfWords } = await import("../discovery/announced_words.ts");
  let failure: P2pchatError | null = null;
  // Anybody may announce any number: who doesn't know the words learns nothing, and isn't the last one that is asked.
  for (const endpoint of await endpointsOfWords(code.number, start.environment)) {
    try {
      return await joiningAt(start, code, endpoint);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      // Of several answers the one that is about the code says more than that nobody was there.
      if (failure?.code !== "bad-credentials") failure = error;
    }
  }
  throw failure ?? new P2pchatError("unreachable", "Nobody announces that code on this network");
}

async function joiningAt(
  start: RoomStart,
  code: WordCode,
  endpoint: Endpoint,
): Promise<RoomStart | null> {
  const { contactKey: fingerprint } = start.options;
  const { inviteByWords } = await import("../words/word_joining.ts");
  return started(start, await inviteByWords(start, code, { endpoint, fingerprint }), endpoint);
}

/** @param contact Where the issuer was met; null where the invite alone says where it is. */
function started(
  start: RoomStart,
  invited: InvitedByWords | null,
  contact: Endpoint | null,
): RoomStart | null {
  if (invited === null) return null;
  const { issuer, place } = invited;
  const invite = parseInvite(invited.invite);
  // The code is used up: what follows is as with any other invite.
  const joining = {
    ...start.options,
    words: null,
    contact,
    contactKey: fingerprintOf(issuer),
  };
  const endpoints = distinctEndpoints([
    ...invite.endpoints,
    ...(place === undefined ? [] : [place]),
  ]);
  return { ...start, options: joining, invite: { ...invite, endpoints }, issuer };
}
