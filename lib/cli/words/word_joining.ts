/** Gets an invite by words, before the room or group is entered. Loaded only where a code was given. */

import { type ErrorCode, P2pchatError } from "../../base/errors.ts";
import { type Endpoint, endpointText, type PeerKey } from "../../base/ids.ts";
import { CODE_MS } from "../../protocols/words/limits.ts";
import { checkSpelling, readCode, type WordCode } from "../../protocols/words/word_codes.ts";
import {
  type GuessOutcome,
  type Issuer,
  WordGuesserHost,
} from "../../runtime/hosts/word_guesser_host.ts";
import type { RelayedStreams } from "../../transport/byte_stream.ts";
import { forwardTo, openTo } from "../../transport/link.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { openTcpLinks } from "../../transport/tcp/tcp_links.ts";
import { channelIdentity, type Profile } from "../session/mode_session.ts";

/** What words lead to. */
export interface InvitedByWords {
  readonly invite: string;
  /** Who knows the words: the key that is to be met. */
  readonly issuer: PeerKey;
  /** Where it is reached besides: it may have made the invite before it was registered there. */
  readonly place?: Endpoint;
}

/** A start, before there is a room or group in it. */
interface Starting extends Pick<Profile, "identity" | "environment" | "first"> {
  readonly ui: { heedInterrupts(interrupted: () => boolean): void };
}

/**
 * The code that was typed: where somebody may have mistyped it, only with words that codes have. A script's is guessed.
 * @throws {P2pchatError} `usage`.
 */
export function codeTyped(
  { ui }: { readonly ui: { readonly interactive: boolean } },
  typed: string,
): WordCode {
  const code = readCode(typed);
  if (ui.interactive) checkSpelling(code);
  return code;
}

/**
 * Makes the one guess that a code has. @param relays Of the issuer's address, where that is one of a relayed stream.
 * @returns Null where the user leaves before it is over.
 * @throws {P2pchatError} Why the guess failed.
 */
export async function inviteByWords(
  start: Starting,
  code: WordCode,
  issuer: Issuer,
  relays?: RelayedStreams,
): Promise<InvitedByWords | null> {
  const { environment } = start;
  const own = channelIdentity(start);
  let host: WordGuesserHost | null = null;
  const links = openTcpLinks({
    host: null,
    port: null, // it dials only
    identity: own,
    env: environment,
    access: openTo("words"),
    ...(relays === undefined ? {} : { relays }),
    handler: forwardTo(() => host),
  });
  const self = { key: own.signer.key, process: own.static.publicKey.toHex() };
  host = new WordGuesserHost(code, issuer, { clock: SYSTEM_LINK_CLOCK, environment, links, self });
  let isLeaving = false;
  start.ui.heedInterrupts(() => {
    isLeaving = true;
    host?.cancel();
    return true;
  });
  const outcome = await host.run().finally(() => links.shutdown("done"));
  if (isLeaving) return null;
  const invited = invitedOr(outcome, issuer);
  start.first.isIn(); // the issuer knows our key, and has verified it
  return invited;
}

function invitedOr(outcome: GuessOutcome, issuer: Issuer): InvitedByWords {
  if (outcome.type === "invited") return outcome;
  const { reason, text, isWrong } = outcome;
  const known = CODES.get(reason);
  const code = known ?? "protocol";
  const where = issuer.where ?? endpointText(issuer.endpoint);
  const advice = code === "unreachable" || code === "timeout" ? CHECK : "";
  const why = isWrong ? WRONG : known === undefined ? text : TEXTS[known] ?? text;
  throw new P2pchatError(code, `Cannot join by words at ${where}: ${why}${advice}`);
}

/** By the reason of a failed dial or of a goodbye. Another goodbye is quoted. */
const CODES: ReadonlyMap<string, ErrorCode> = new Map([
  ["bad-credentials", "bad-credentials"],
  ["void", "bad-credentials"],
  ["too-fast", "too-fast"],
  ["full", "full"],
  ["timeout", "timeout"],
  ["unreachable", "unreachable"],
  ["refused", "unreachable"],
  ["ended", "unreachable"],
  ["wrong-key", "key-changed"],
  ["version", "version"],
  ["wrong-mode", "protocol"],
  ["protocol", "protocol"],
]);

const CHECK = "; check the address, and that no firewall is in between";

const WRONG = "wrong words: that code is used up; ask for another (/invite --words)";

const TEXTS: Partial<Record<ErrorCode, string>> = {
  "bad-credentials":
    `used, void or expired code: ask for another (/invite --words); each is valid once, for ${
      CODE_MS / 60_000
    } minutes`,
  "too-fast": "there were too many guesses from your address; try again in a minute",
  "full": "too many are guessing there at the moment; try again in a moment",
  "protocol": "what answers there gives out no word codes; check the address",
};
