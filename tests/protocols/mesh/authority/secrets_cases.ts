/** A private room that Ann has founded, and what several tests of its secrets say and look at. */

import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  KeptRulings,
  type RulingKind,
  signRuling,
} from "../../../../lib/protocols/mesh/authority/kept_rulings.ts";
import { KeptSecrets } from "../../../../lib/protocols/mesh/authority/kept_secrets.ts";
import { RoomSecrets } from "../../../../lib/protocols/mesh/authority/room_secrets.ts";
import type {
  SecretsEffect,
  SecretsInput,
} from "../../../../lib/protocols/mesh/authority/secrets_io.ts";
import { claimAlone, foundRoom } from "../../../../lib/protocols/mesh/joining/genesis.ts";
import { claimIdOf } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import {
  type ClaimedRotation,
  signRotation,
} from "../../../../lib/protocols/mesh/schema/rotations.ts";
import type { SignedClaim } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { fakeEnvironment } from "../membership_fixtures.ts";

export const FOUNDED_MS = 1_000_000;
export const clock = { wallMs: FOUNDED_MS };
let drawn = 0;
/** No two secrets are the same. */
export const ENV = {
  ...fakeEnvironment(),
  wallMs: () => clock.wallMs,
  randomBytes: (length: number) => new Uint8Array(length).fill(++drawn),
};
export const FOUNDED = foundRoom(ENV, fakeSigner("Ann"), { name: "Ann", isPrivate: true });
export const ROOM = { id: FOUNDED.room, genesis: FOUNDED.genesis };
export const FIRST = FOUNDED.rotation!;
export const ANN = fakeSigner("Ann").key;
export const BOB = fakeSigner("Bob").key;
export const CEM = fakeSigner("Cem").key;
export const DAN = fakeSigner("Dan").key;

export function claimOf(name: string) {
  const { room, genesis } = FOUNDED;
  return claimAlone(ENV, fakeSigner(name), {
    room,
    name,
    incarnation: 1,
    admitterTime: genesis.genesis.value.time,
    after: null,
  });
}

/** What `name` would sign. */
export function rotation(name: string, epoch: number, room = FOUNDED.room): ClaimedRotation {
  const signer = fakeSigner(name);
  return { rotation: signRotation(ENV, signer, { room, epoch }), claim: claimOf(name) };
}

/** The same after a removal, with those who stay. */
export function removalOf(
  name: string,
  epoch: number,
  stays: readonly PeerKey[],
  removedId: Uint8Array | null = null,
): ClaimedRotation {
  const place = { room: FOUNDED.room, epoch, stays, removed: 1, removedId };
  return { rotation: signRotation(ENV, fakeSigner(name), place), claim: claimOf(name) };
}

let rulingsMade = 0;

/** What Ann, who has founded the room, decides about these, later than all before. */
export function rules(
  kept: KeptRulings,
  kind: RulingKind,
  ...subjects: readonly PeerKey[]
): KeptRulings {
  for (const subject of subjects) {
    const place = { room: FOUNDED.room, kind, subject, counter: ++rulingsMade };
    kept.add(kept.known(signRuling(fakeCrypto, fakeSigner("Ann"), place)));
  }
  return kept;
}

/** Bob is a deputy, and these are removed. */
export function without(...removed: readonly PeerKey[]): KeptRulings {
  return rules(rules(new KeptRulings(ROOM, fakeCrypto, []), "deputy", BOB), "remove", ...removed);
}

/** Whether no list of those that stay leaves out the member. */
export function isStaying(
  kept: KeptSecrets,
  ...of: Parameters<KeptSecrets["leftOutBy"]>
): boolean {
  return kept.leftOutBy(...of) === null;
}

export function keptOf(...rotations: readonly ClaimedRotation[]): KeptSecrets {
  return keptWith(without(), ...rotations);
}

export function keptWith(rulings: KeptRulings, ...rotations: readonly ClaimedRotation[]) {
  const records = rotations.map((rotation) => ({ kind: "rotation", rotation }) as const);
  return new KeptSecrets(FOUNDED.room, fakeCrypto, records, rulings);
}

/** Rulings that shut nobody out before these do. */
export function laterRemoved(...keys: readonly PeerKey[]) {
  const rulings = without();
  return {
    rulings,
    remove: () => void rules(rulings, "remove", ...keys),
    allow: () => void rules(rulings, "allow", ...keys),
  };
}

/** As who makes it may show it to those who know the claim beside it. */
export function withUnsignedClaim({ rotation, claim }: ClaimedRotation): ClaimedRotation {
  return { rotation, claim: { ...claim, signature: new Uint8Array(64) } };
}

/** Ann's machine, or somebody else's, with Bob and Cem as neighbours, which knows these claims. */
export function machine(
  kept: KeptSecrets | null = keptOf(FIRST),
  known: readonly SignedClaim[] = [],
  name = "Ann",
) {
  const secrets = new RoomSecrets(ROOM, kept, fakeSigner(name), ENV, {
    selfClaim: () => FOUNDED.claim,
    claim: (id) => known.find((claim) => claimIdOf(fakeCrypto, claim) === id) ?? null,
    members: () => [ANN, BOB, CEM],
  }, 0);
  const step = (input: SecretsInput, nowMs = 0) => secrets.step(input, nowMs);
  /** Its deadline comes. */
  const due = () => step({ type: "tick" }, secrets.nextDeadlineMs()!);
  const up = [BOB, CEM].flatMap((peer) => step({ type: "neighbour-up", peer }));
  const hear = (rotations: readonly ClaimedRotation[], nowMs = 0) =>
    step({ type: "message", from: BOB, message: { type: "rotations", rotations } }, nowMs);
  return { kept, secrets, step, due, up, hear };
}

export const kinds = (effects: readonly SecretsEffect[]) => effects.map(({ type }) => type);
export const sentTo = (effects: readonly SecretsEffect[]) =>
  effects.flatMap((effect) =>
    effect.type === "send" ? [[effect.to, effect.message.rotations.length]] : []
  );
export const ROTATE = { type: "invite", rotate: true, ref: "r" } as const;
