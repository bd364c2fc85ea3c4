/** Gets a group's invite by words, before the group is joined with it. Loaded only where a code was given. */

import { parseGroupInvite } from "../../protocols/group/schema/group_secrets.ts";
import type { Session } from "../session/mode_session.ts";
import { codeTyped, inviteByWords } from "../words/word_joining.ts";
import type { MemberCommandSink } from "./member_commands.ts";
import { type MemberOptions, withCoordinatorOf } from "./member_arguments.ts";
import type { MemberOwnEvent } from "./member_rendering.ts";

type Invited = ReturnType<typeof withCoordinatorOf> & { readonly byWords: boolean };

/**
 * The options and the invite that the coordinator has given; null where the user leaves before.
 * @throws {P2pchatError} Why there is no invite.
 */
export async function memberByWords(
  session: Session<MemberOwnEvent, MemberCommandSink>,
  words: string,
  options: MemberOptions,
): Promise<Invited | null> {
  const code = codeTyped(session, words);
  const { server: endpoint, serverKey: fingerprint } = options;
  const invited = await inviteByWords(session, code, { endpoint, fingerprint });
  if (invited === null) return null;
  const invite = parseGroupInvite(invited.invite);
  return { ...withCoordinatorOf(invite, { ...options, words: null }), byWords: true };
}
