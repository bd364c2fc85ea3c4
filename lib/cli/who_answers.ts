/** Asks which coordinator listens at an address. */

import { type Fingerprint, fingerprintOf } from "../base/fingerprint.ts";
import type { Environment } from "../base/environment.ts";
import type { Endpoint } from "../base/ids.ts";
import type { ChannelIdentity } from "../protocols/noise/channel_handshake.ts";
import { EXPECT_ANYBODY, openTo } from "../transport/link.ts";
import { openTcpLinks } from "../transport/tcp_links.ts";

const ATTEMPT = 1;

export interface Question {
  /** The key of the coordinator that answers; null where none does within 10 s. Never rejects. */
  readonly answer: Promise<Fingerprint | null>;
  cancel(): void;
}

/** Connects once, only to learn the key. */
export function askWho(
  server: Endpoint,
  identity: ChannelIdentity,
  environment: Environment,
): Question {
  const { promise, resolve } = Promise.withResolvers<Fingerprint | null>();
  const links = openTcpLinks({
    host: null,
    port: null,
    identity,
    env: environment,
    access: openTo("group"),
    handler: {
      linkUp: (_link, { peer }) => resolve(fingerprintOf(peer)),
      dialFailed: (_attempt, { reason, text }) => {
        environment.log.info("nobody answered at a new address", { reason, text });
        resolve(null);
      },
      frame() {},
      linkDown() {},
      congested() {},
      drained() {},
      aged() {},
    },
  });
  links.dial(ATTEMPT, server, EXPECT_ANYBODY);
  const answer = promise.finally(() => links.shutdown("asked who is there"));
  return { answer, cancel: () => links.cancelDial(ATTEMPT) };
}
