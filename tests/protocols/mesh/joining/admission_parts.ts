/** Links on which somebody is admitted, and what becomes of them. */

import type { LinkId, PeerKey } from "../../../../lib/base/ids.ts";
import { TokenBucket } from "../../../../lib/base/rates/token_bucket.ts";
import type { AdmissionEffect } from "../../../../lib/protocols/mesh/joining/admission_io.ts";
import {
  AdmissionLinks,
  type Link,
} from "../../../../lib/protocols/mesh/joining/admission_links.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { PROCESS, ROOM } from "../membership_fixtures.ts";

/** The links of a member of the room, or of who isn't in one yet. */
export function linksOf({ isIn = true } = {}) {
  const links = new AdmissionLinks({ crypto: fakeCrypto }, { isClaimKnown: () => false });
  if (isIn) links.room = { id: ROOM.room, genesis: ROOM.genesis };
  links.isIn = isIn;
  const up = (peer: PeerKey, isMember = false, host = "8.8.8.8"): Link => {
    const link: Link = {
      id: links.byId.size + 1 as LinkId,
      peer,
      process: PROCESS,
      remote: { host, port: 4_000 },
      isMember,
      renames: new TokenBucket(1, 2),
      stage: { at: isMember ? "member" : "silent" },
      dueMs: null,
      admitting: null,
      renewal: null,
      admittingDueMs: null,
    };
    links.byId.set(link.id, link);
    return link;
  };
  /** Each effect by its type: a message by its own, a refusal by its code. */
  const done = () => links.takeEffects().map(wordOf);
  return { links, up, done };
}

function wordOf(effect: AdmissionEffect): string {
  if (effect.type === "penalise") return `penalise: ${effect.fault}`;
  if (effect.type === "refused") return `refused: ${effect.code}`;
  if (effect.type !== "send") return effect.type;
  const { message } = effect;
  return message.type === "refuse" ? `refuse: ${message.code}` : message.type;
}
