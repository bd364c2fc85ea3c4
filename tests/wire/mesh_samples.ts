/** One message of each type of the mesh, made of fixed values: for golden bytes, fuzzing and measuring. */

import type {
  BundleId,
  ClaimId,
  Hash,
  HexId,
  PeerKey,
  ProcessKey,
  RoomId,
} from "../../lib/base/ids.ts";
import { makeEmbedded } from "../../lib/base/schema/schema.ts";
import type { MeshMessage } from "../../lib/protocols/mesh/schema/messages.ts";
import {
  beaconSchema,
  claimSchema,
  genesisSchema,
  headerSchema,
  rotationSchema,
  rulingSchema,
  statementSchema,
  textListSchema,
} from "../../lib/protocols/mesh/schema/structures.ts";

/** An id whose bytes are all `byte`, for reading in a dump. */
function id<Id extends HexId>(byte: number): Id {
  return byte.toString(16).padStart(2, "0").repeat(32) as Id;
}

const room = id<RoomId>(0x10);
const ann = id<PeerKey>(0xa1);
const bob = id<PeerKey>(0xb0);
const signature = new Uint8Array(64).fill(0x51);
const incarnation = 1_790_000_000_000;
const endpoint = { host: "192.0.2.7", port: 4_000 };

export const genesis = {
  genesis: makeEmbedded(genesisSchema, {
    version: 1,
    nonce: new Uint8Array(16).fill(0x11),
    private: false,
    founder: ann,
    time: incarnation,
  }),
  signature,
};
export const claim = {
  claim: makeEmbedded(claimSchema, {
    version: 1,
    room,
    name: "Jörg",
    folded: "jörg",
    key: bob,
    incarnation,
    after: { time: incarnation, id: id<BundleId>(0xd1) },
    time: incarnation + 5,
    admitter: ann,
  }),
  signature,
  admission: signature,
};
export const beacon = {
  beacon: makeEmbedded(beaconSchema, {
    version: 1,
    room,
    key: bob,
    incarnation,
    number: 12,
    state: "alive",
    claim: id<ClaimId>(0xc1),
    endpoint,
    passive: false,
    boxKey: new Uint8Array(32).fill(0x12),
    epoch: 0,
    frontier: id<Hash>(0xf1),
    roster: id<Hash>(0xf2),
    latest: incarnation + 9,
    intervalMs: 10_000,
    process: id<ProcessKey>(0xf3),
    away: "lunch",
    meeting: null,
  }),
  signature,
};
export const statement = {
  statement: makeEmbedded(statementSchema, {
    version: 1,
    room,
    by: ann,
    verdict: "accuse",
    accused: bob,
    incarnation,
    number: 12,
  }),
  signature,
};

export const rotation = {
  rotation: makeEmbedded(rotationSchema, {
    version: 1,
    room,
    epoch: 3,
    secret: new Uint8Array(16).fill(0x5c),
    author: bob,
    stays: [new Uint8Array(16).fill(0x6d)],
    removed: 300,
    removedId: null, // as before there was one
  }),
  signature,
};

export const ruling = {
  ruling: makeEmbedded(rulingSchema, {
    version: 1,
    room,
    kind: "remove",
    subject: bob,
    author: ann,
    counter: 2,
  }),
  signature,
};

/** A bundle with one text and three heads: what a chat message is on the wire. */
export function bundleWith(said: string): Extract<MeshMessage, { type: "bundle" }>["bundle"] {
  const head = (byte: number) => ({
    author: id<PeerKey>(byte),
    incarnation,
    counter: 1_234,
    time: incarnation + byte,
    id: id<BundleId>(byte + 1),
  });
  const header = makeEmbedded(headerSchema, {
    version: 1,
    room,
    author: ann,
    incarnation,
    kind: "texts",
    counter: 777,
    count: 1,
    claim: id<ClaimId>(0xc2),
    previous: id<BundleId>(0xd2),
    heads: [head(0x21), head(0x31), head(0x41)],
    time: incarnation + 300,
    sentAt: incarnation + 299,
    textsHash: id<Hash>(0xe1),
  });
  return { header, signature, texts: makeEmbedded(textListSchema, [said]) };
}

const bundle = bundleWith("ship it");
const { header } = bundle;
const contact = { key: bob, endpoint };
const position = { author: ann, incarnation, counter: 99, id: id<BundleId>(0xd3) };

/** In the order of their codes. */
export const MESH_SAMPLES: readonly MeshMessage[] = [
  { type: "hello", room, beacon, claim },
  { type: "join", room: null, name: "Jörg", incarnation, endpoint: null, earlier: null },
  { type: "offer", genesis, claim: claim.claim, admission: signature, endpoint },
  { type: "accept", claim, beacon },
  { type: "welcome", genesis, claim, endpoint, incarnation, beacon, admitterClaim: claim },
  { type: "refuse", code: "name-taken", text: "the name is taken", room: null },
  { type: "renew", incarnation: 3, number: 4 },
  { type: "removed", genesis, rulings: [ruling] },
  { type: "overlay-join" },
  { type: "forward-join", contact, ttl: 6 },
  { type: "neighbor", priority: "high" },
  { type: "neighbor-reply", accepted: true },
  { type: "disconnect" },
  { type: "shuffle", origin: contact, ttl: 6, contacts: [contact, contact] },
  { type: "shuffle-reply", contacts: [contact] },
  { type: "dial-back", endpoint: { host: "192.0.2.1", port: 55_107 }, mapped: true },
  {
    type: "dialled-back",
    reachable: false,
    reached: { host: "203.0.113.7", port: 4_000 },
    mapped: true,
  },
  { type: "beacons", beacons: [{ signed: beacon, ageMs: 0 }, { signed: beacon, ageMs: 700 }] },
  { type: "claims", claims: [claim] },
  { type: "statements", statements: [statement] },
  { type: "roster-want", buckets: [3], known: [{ key: bob, incarnation, number: 12 }] },
  { type: "roster-summary", hashes: [id<Hash>(0xf6)] },
  {
    type: "roster-part",
    bucket: 3,
    entries: [{ claim, beacon, lost: false, ageMs: 700 }],
    last: true,
  },
  { type: "bundle", bundle, claim: null, hop: 3, reason: "push" },
  { type: "preview", header: { header, signature }, hop: 3 },
  { type: "ihave", entries: [position, position, position, position], hop: 2 },
  { type: "graft", author: ann, incarnation, after: 98 },
  { type: "prune", source: ann },
  { type: "sync-summary", root: id<Hash>(0xf3) },
  { type: "sync-buckets", hashes: [id<Hash>(0xf4), id<Hash>(0xf5)] },
  {
    type: "sync-frontiers",
    buckets: [0, 161, 255],
    entries: [{ ...position, low: 1, closed: false }],
    reply: true,
    last: true,
    floor: 1_700_000_000_000,
    unkept: [2],
  },
  {
    type: "sync-want",
    entries: [{ author: ann, incarnation, after: 98 }],
    windowBytes: 262_144,
  },
  { type: "sync-progress", bytes: 65_536 },
  { type: "sync-done" },
  { type: "proof", proof: { first: { header, signature }, second: { header, signature } } },
  {
    type: "private",
    envelope: {
      room,
      from: ann,
      to: bob,
      boxKey: new Uint8Array(32).fill(0x12),
      incarnation,
      counter: 7,
      kind: "message",
      sealed: new Uint8Array(320).fill(0x5e),
    },
  },
  { type: "rotations", rotations: [{ rotation, claim }] },
  { type: "rulings", rulings: [ruling, ruling] },
  { type: "unknown", code: 126 },
];
