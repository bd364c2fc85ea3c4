/** Claims, beacons and statements of members who are only names here, and a roster of one of them. */

import { HERE } from "../../../lib/base/machine/user_presence.ts";
import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { Bytes } from "../../../lib/base/crypto/crypto.ts";
import type { Endpoint, Hash, PeerKey, ProcessKey } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import {
  admitClaim,
  claimIdOf,
  completeClaim,
  type KnownClaim,
  signBeacon,
  signStatement,
} from "../../../lib/protocols/mesh/schema/credentials.ts";
import { foundRoom } from "../../../lib/protocols/mesh/joining/genesis.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { Roster } from "../../../lib/protocols/mesh/roster/roster.ts";
import {
  type OwnLateness,
  ROSTER_LAN,
  type RosterEffect,
} from "../../../lib/protocols/mesh/roster/roster_io.ts";
import type {
  Beacon,
  SignedBeacon,
  SignedStatement,
} from "../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";

export const WALL_MS = 1_700_000_000_000;

export function fakeEnvironment(wallMs = WALL_MS): Environment {
  return {
    random: () => 0.5,
    randomBytes: (length): Bytes => new Uint8Array(length),
    wallMs: () => wallMs,
    crypto: fakeCrypto,
    log: SILENT_LOGGER,
  };
}

/** The room that all of these are in, founded by Ann. */
export const ROOM = foundRoom(fakeEnvironment(), fakeSigner("Ann"), {
  name: "Ann",
  isPrivate: false,
});

export function keyOf(name: string): PeerKey {
  return fakeSigner(name).key;
}

/** `who`'s claim to `name`, admitted by Ann. */
export function claimOf(who: string, name = who, time = WALL_MS): KnownClaim {
  return admittedClaim(who, name, time, "Ann");
}

/** `who`'s claim to `name`, admitted by anybody. */
export function admittedClaim(
  who: string,
  name: string,
  time: number,
  admitter: string,
): KnownClaim {
  const admitted = admitClaim(fakeCrypto, fakeSigner(admitter), {
    version: 1,
    room: ROOM.room,
    name,
    folded: foldName(name),
    key: keyOf(who),
    incarnation: 1,
    after: null,
    time,
    admitter: keyOf(admitter),
  });
  const signed = completeClaim(fakeCrypto, fakeSigner(who), admitted);
  return { id: claimIdOf(fakeCrypto, signed), signed };
}

/** Of all members' programs, where nothing depends on it. */
export const PROCESS = "0".repeat(64) as ProcessKey;
/** Of another program. */
export const COPY = "c".repeat(64) as ProcessKey;

export function beaconOf(who: string, number: number, change: Partial<Beacon> = {}): SignedBeacon {
  return signBeacon(fakeCrypto, fakeSigner(who), {
    version: 1,
    room: ROOM.room,
    key: keyOf(who),
    incarnation: 1,
    number,
    state: "alive",
    claim: claimOf(who).id,
    endpoint: null,
    meeting: null,
    passive: false,
    boxKey: new Uint8Array(32),
    epoch: 0,
    frontier: "00".repeat(32) as Hash,
    roster: "00".repeat(32) as Hash,
    latest: 0,
    intervalMs: 15_000,
    process: PROCESS,
    ...HERE,
    ...change,
  });
}

export function statementOf(
  by: string,
  verdict: "accuse" | "deny",
  accused: string,
  number: number,
): SignedStatement {
  return signStatement(fakeCrypto, fakeSigner(by), {
    version: 1,
    room: ROOM.room,
    by: keyOf(by),
    verdict,
    accused: keyOf(accused),
    incarnation: 1,
    number,
  });
}

/** Ann's roster at 0 ms, with these neighbours, whose first beacons she has. */
export function rosterWith(
  neighbours: readonly string[],
  records: readonly MeshRecord[] = [],
  own: OwnLateness = { lateMs: 0 },
): Roster {
  const config = { records, timing: ROSTER_LAN, own };
  const roster = new Roster(config, fakeEnvironment(), fakeSigner("Ann"), {
    frontier: () => "00".repeat(32) as Hash,
    latest: () => 0,
    isClaimKept: () => false,
    epoch: () => 0,
    isRemoved: () => false,
  });
  roster.step({
    type: "enter",
    room: ROOM.room,
    genesis: ROOM.genesis,
    incarnation: ROOM.incarnation,
    self: {
      claim: ROOM.claim,
      endpoint: null as Endpoint | null,
      passive: false,
      boxKey: new Uint8Array(32),
      process: PROCESS,
      ...HERE,
    },
  }, 0);
  for (const name of neighbours) {
    const { signed } = claimOf(name);
    const from = keyOf(name);
    roster.step({ type: "member", from, beacon: beaconOf(name, 1), claim: signed }, 0);
    roster.step({ type: "neighbour-up", peer: from }, 0);
  }
  return roster;
}

/** Without what is written to disk and told to neighbours. */
export function told(effects: readonly RosterEffect[]): readonly RosterEffect[] {
  return effects.filter(({ type }) => type !== "persist" && type !== "send");
}
