/** Inventions of adversaries: ids, addresses, members. */

import { HERE } from "../../../lib/base/machine/user_presence.ts";
import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { Hash, PeerKey, ProcessKey, RoomId } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import {
  admitClaim,
  claimIdOf,
  completeClaim,
  signBeacon,
} from "../../../lib/protocols/mesh/schema/credentials.ts";
import { BEACON_INTERVAL_MS_MAX } from "../../../lib/protocols/mesh/schema/limits.ts";
import type { Contact } from "../../../lib/protocols/mesh/schema/messages.ts";
import type {
  Beacon,
  SignedBeacon,
  SignedClaim,
} from "../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import type { Random } from "../random.ts";

export function randomId<Id extends string>(random: Random): Id {
  return random.bytes(32).toHex() as Id;
}

/** A contact that doesn't exist: a dial of its address is refused or times out. */
export function deadContact(random: Random): Contact {
  const host = random.chance(0.5)
    ? `203.0.${random.below(200)}.${random.below(250)}`
    : `10.9.${random.below(200)}.${random.below(250)}`;
  return { key: randomId<PeerKey>(random), endpoint: { host, port: 1 + random.below(60_000) } };
}

/** A beacon about any member, signed by `signer`. */
export function madeUpBeacon(
  room: RoomId,
  signer: Signer,
  claim: SignedClaim,
  change: Partial<Beacon>,
): SignedBeacon {
  return signBeacon(fakeCrypto, signer, {
    version: 1,
    room,
    key: signer.key,
    incarnation: 1,
    number: 1,
    state: "alive",
    claim: claimIdOf(fakeCrypto, claim),
    endpoint: null,
    meeting: null,
    passive: false,
    boxKey: new Uint8Array(32),
    epoch: 0,
    frontier: "00".repeat(32) as Hash,
    roster: "00".repeat(32) as Hash,
    latest: 0,
    intervalMs: BEACON_INTERVAL_MS_MAX,
    process: "0".repeat(64) as ProcessKey,
    ...HERE,
    ...change,
  });
}

/** A claim signed only by the claimant and the admitting member. */
export function madeUpClaim(
  room: RoomId,
  signer: Signer,
  admitter: Signer,
  name: string,
  time: number,
): SignedClaim {
  const admitted = admitClaim(fakeCrypto, admitter, {
    version: 1,
    room,
    name,
    folded: foldName(name),
    key: signer.key,
    incarnation: 1,
    after: null,
    time,
    admitter: admitter.key,
  });
  return completeClaim(fakeCrypto, signer, admitted);
}
