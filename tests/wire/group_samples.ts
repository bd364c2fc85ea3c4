/** One message of each type of the group, made of fixed values: for golden bytes and fuzzing. */

import type { GroupDatagram } from "../../lib/protocols/group/schema/datagram_messages.ts";
import type { Signer } from "../../lib/base/crypto/crypto.ts";
import type { Hash, MessageId, PeerKey, RequestId } from "../../lib/base/ids.ts";
import { editRequestFrom } from "../../lib/protocols/group/schema/edit.ts";
import { signEpoch } from "../../lib/protocols/group/schema/epoch.ts";
import { signFormerKeys } from "../../lib/protocols/group/schema/former_keys.ts";
import { batchFrom, COORDINATOR_NAME } from "../../lib/protocols/group/schema/history.ts";
import type { GroupMessage } from "../../lib/protocols/group/schema/messages.ts";

/** Bytes that are easy to see in a dump. */
function filled(byte: number, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).fill(byte);
}

const sentAt = 1_790_000_000_000;
const signature = filled(0x51, 64);
const group = filled(0x60, 32).toHex() as Hash;
const ann = filled(0xa1, 32).toHex() as PeerKey;
const bob = filled(0xb0, 32).toHex() as PeerKey;
const id = filled(0x1d, 32).toHex() as RequestId;
const incarnation = filled(0x1c, 8);
const coordinator: Signer = {
  key: filled(0xc0, 32).toHex() as PeerKey,
  sign: () => signature,
};

const ballot = { number: 300, round: 2 };
const view = { number: 300, round: 0 };
const point = (position: number) => ({ position, digest: filled(0xd1, 32).toHex() as Hash });
const entryPoint = { seq: 298, ...point(300) };
const annThere = { key: ann, name: "Ann", incarnation, host: "192.0.2.7", port: 9_000 };
const bobThere = { key: bob, name: "Jörg", incarnation, host: null, port: 9_001 };
const epoch = signEpoch(coordinator, {
  group,
  view: 300,
  ballot: view,
  members: [annThere, bobThere],
  start: point(300),
});
const former = signFormerKeys(coordinator, { group, keys: [filled(0xc1, 32).toHex() as PeerKey] });
const request = editRequestFrom({
  group,
  requester: bob,
  name: "Jörg",
  incarnation,
  number: 1,
  askedAt: sentAt + 5,
  seq: 298,
  entry: filled(0xe1, 32).toHex() as MessageId,
  old: filled(0x0d, 32).toHex() as Hash,
  text: "at eight?",
}, signature);
const said = { group, author: ann, name: "Ann", incarnation, counter: 7, signedIn: view, sentAt };
const texts = batchFrom(
  { ...said, kind: "texts", texts: ["ship it", ""], edits: [], rules: null },
  signature,
);
const edits = batchFrom({
  ...said,
  kind: "edits",
  signedIn: { number: 0, round: 0 },
  rules: null,
  author: coordinator.key,
  name: COORDINATOR_NAME,
  texts: [],
  edits: [{
    edit: 7,
    signed: request,
    view: 300,
    agreed: [{ key: ann, name: "Ann", signature }],
  }],
}, signature);
const founding = {
  coordinator: coordinator.key,
  nonce: filled(0x0c, 32),
  edits: "ask",
  private: true,
} as const;
const attempt = { run: incarnation, number: 3 };
const run = { author: ann, incarnation, first: 7, through: 300 };

/** In the order of their codes. */
export const GROUP_SAMPLES: readonly GroupMessage[] = [
  {
    type: "hello",
    name: "Jörg",
    incarnation,
    host: null,
    port: 9_001,
    group,
    begun: view,
    promised: ballot,
  },
  { type: "refuse", code: "name-taken", text: "the name is taken" },
  { type: "welcome", group, founding, isMember: true, told: 300, awaited: ["Ann"], former },
  {
    type: "peers",
    members: [annThere, bobThere],
    joining: [bob],
    paths: [{ key: ann, number: 3, seen: { host: "203.0.113.7", port: 41_641 } }, {
      key: bob,
      number: 300,
      seen: null,
    }],
  },
  { type: "probe" },
  { type: "alive", end: point(300), seq: 298 },
  { type: "heard", peers: [ann], isCaughtUp: true, joining: [bob], left: [] },
  { type: "catch-up", source: ann, others: [bob] },
  { type: "flush", ballot, view: 300, isLeaving: false },
  {
    type: "report",
    ballot,
    begun: view,
    levelled: view,
    incarnation,
    held: point(301),
    log: point(300),
  },
  { type: "outdone", ballot: view, promised: ballot },
  { type: "level", ballot, best: view, start: point(301), source: null },
  { type: "ready", ballot },
  { type: "begin", signed: epoch },
  { type: "begun", ballot },
  { type: "leave" },
  { type: "parted", why: "silent", pauseMs: 1_000 },
  { type: "fetch", after: point(300), through: 1_000 },
  { type: "history", after: 300, batches: [texts, edits], isLast: true, stable: 302 },
  { type: "unlike", after: point(300) },
  {
    type: "entries",
    after: 300,
    through: 302,
    seq: 299,
    entries: [{ id: filled(0x1e, 32), author: ann, name: "Ann" }],
  },
  { type: "data", signed: texts },
  { type: "order", ballot, after: 300, runs: [{ member: 1, batches: 200 }] },
  { type: "ack", ballot, held: point(302) },
  { type: "returned", begun: view },
  { type: "unknown", code: 126 },
  { type: "departed", left: [{ key: bob, reason: "lost" }] },
  { type: "edit", signed: request },
  { type: "edit-accepted", id, edit: 7, voteMs: 30_000 },
  { type: "edit-refused", id, code: "entry-locked", text: "edit 6 of it is under way" },
  { type: "prepare", edit: 7, view: 300, signed: request, voteMs: 30_000 },
  {
    type: "vote",
    id,
    edit: 7,
    view: 300,
    agrees: false,
    origin: { author: ann, incarnation, counter: 7 },
    consent: signature,
    reason: "no",
  },
  { type: "committed", signed: edits },
  { type: "aborted", id, edit: 7, reason: { code: "no", who: [ann], said: "" } },
  { type: "applied", incarnation, through: 7 },
  { type: "inquire", edits: [{ id, edit: 7, seq: 298, view: 300 }] },
  {
    type: "state",
    ballot,
    end: entryPoint,
    at: sentAt,
    locks: [298],
    points: [entryPoint],
    after: 297,
    arrivals: [{ through: 298, agoMs: 12 }],
  },
  { type: "marker", attempt, ballot },
  {
    type: "recorded",
    attempt,
    state: {
      seq: 298,
      log: point(300),
      placed: point(302),
      acked: point(301),
      sent: 9,
      logged: 8,
      decided: { incarnation, through: 7 },
      tellings: 12,
      locks: [298],
      peers: [{ texts: 300, acked: 301 }, { texts: 0, acked: 0 }],
      channels: [[run], []],
      fromCoordinator: [{ ...run, author: coordinator.key }],
    },
  },
  { type: "snapshot-over", attempt },
  { type: "recount", isLost: true, awaited: ["Jörg"] },
  {
    type: "account",
    group,
    founding,
    epoch,
    view: null,
    promised: ballot,
    isLost: false,
    isOut: true,
    edit: 7,
    former,
  },
  { type: "recover" },
  { type: "fetched", entries: 300 },
  { type: "contest", ballot, after: 300, signed: texts },
  { type: "equivocated", one: texts, other: edits },
  { type: "secret", secret: { epoch: 300, secret: new Uint8Array(16).fill(7) } },
  { type: "impossible", incarnation, through: 7 },
  { type: "elsewhere", leader: { host: "192.0.2.7", port: 6_000 } },
  {
    type: "instances",
    addresses: [{ host: "192.0.2.7", port: 6_000 }, { host: "::1", port: 6_001 }],
  },
  { type: "presence", away: "lunch" },
  {
    type: "datagram-keys",
    index: 300,
    toMember: new Uint8Array(32).fill(1),
    toCoordinator: new Uint8Array(32).fill(2),
  },
];

export const GROUP_DATAGRAM_SAMPLES: readonly GroupDatagram[] = [
  { type: "here", padding: new Uint8Array(64) },
  { type: "prove", challenge: new Uint8Array(8).fill(1) },
  { type: "proof", challenge: new Uint8Array(8).fill(1) },
  { type: "relay", member: 300, datagram: new Uint8Array([4, 1, 2, 3]) },
  { type: "relayed", member: 3, datagram: new Uint8Array([4, 1, 2, 3]) },
];
