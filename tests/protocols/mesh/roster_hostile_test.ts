import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { ClaimTable } from "../../../lib/protocols/mesh/claim_table.ts";
import { CLAIMS_ON_LINK_MAX } from "../../../lib/protocols/mesh/limits.ts";
import { MESH_MESSAGES, type RosterMessage } from "../../../lib/protocols/mesh/messages.ts";
import { RosterClaims } from "../../../lib/protocols/mesh/roster_claims.ts";
import { RosterIntake } from "../../../lib/protocols/mesh/roster_intake.ts";
import { RosterOutbox } from "../../../lib/protocols/mesh/roster_outbox.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import { fakeCrypto } from "../../sim/fake_crypto.ts";
import {
  admittedClaim,
  beaconOf,
  claimOf,
  keyOf,
  rosterWith,
  statementOf,
  WALL_MS,
} from "./membership_fixtures.ts";

const CODEC = createCodec(MESH_MESSAGES);
const bob = keyOf("Bob");

/** As it comes over a link, with bytes of a later version behind its fields. */
function asReceived(message: RosterMessage, more = 0): RosterMessage {
  const bytes = CODEC.encode(message);
  const frame = new Uint8Array(bytes.length + more);
  frame.set(bytes);
  return CODEC.decode(frame) as RosterMessage;
}

Deno.test("Roster can tell of who is said to have quit as long ago as can be said", () => {
  const roster = rosterWith(["Bob"]);
  const signed = beaconOf("Dora", 2, { state: "quit" });
  const steps: readonly RosterMessage[] = [
    { type: "claims", claims: [claimOf("Dora").signed] },
    { type: "beacons", beacons: [{ signed, ageMs: Number.MAX_SAFE_INTEGER }] },
  ];
  for (const message of steps) {
    roster.step({ type: "message", from: bob, message: asReceived(message) }, 1_000);
  }
  const buckets = Array.from({ length: 64 }, (_, bucket) => bucket);
  const want = { type: "roster-want", buckets, known: [] } as const;
  const effects = roster.step({ type: "message", from: bob, message: want }, 1_002);
  const sent = effects.flatMap((effect) => effect.type === "send" ? [effect.message] : []);

  assert(sent.length > 0);
  for (const message of sent) CODEC.encode(message);
});

Deno.test("Roster keeps statements without the frames in which they came", () => {
  const roster = rosterWith(["Bob", "Carl"]);
  const statements = [statementOf("Bob", "deny", "Carl", 1)];
  const message = asReceived({ type: "statements", statements }, 250_000);
  roster.step({ type: "message", from: bob, message }, 1_000);
  const effects = roster.step({ type: "neighbour-up", peer: "dd".repeat(32) as PeerKey }, 2_000);
  const told = effects.flatMap((effect) =>
    effect.type === "send" && effect.message.type === "statements" ? effect.message.statements : []
  );

  assertEquals(told.length, 1);
  assert(told[0]!.statement.bytes.buffer.byteLength < 1_000);
});

Deno.test("RosterIntake keeps claims that come ahead without the frames in which they came", () => {
  const kept: Uint8Array[] = [];
  const { set } = Map.prototype;
  // deno-lint-ignore no-explicit-any
  Map.prototype.set = function (this: any, key: any, value: any) {
    if (value?.claim?.bytes instanceof Uint8Array) kept.push(value.claim.bytes);
    return set.call(this, key, value);
  };
  try {
    const claims = [claimOf("Dora").signed];
    const message = asReceived({ type: "claims", claims }, 250_000);
    rosterWith(["Bob"]).step({ type: "message", from: bob, message }, 1_000);
  } finally {
    Map.prototype.set = set;
  }

  assert(kept.length > 0, RosterIntake.name);
  for (const bytes of kept) assert(bytes.buffer.byteLength < 2_000);
});

Deno.test("RosterClaims remembers a bounded number of claims that it has told", () => {
  const sizes = new Map<unknown, number>();
  const { set } = Map.prototype;
  const fromMs = 50_000_000;
  // deno-lint-ignore no-explicit-any
  Map.prototype.set = function (this: any, key: any, value: any) {
    const result = set.call(this, key, value);
    if (typeof value === "number" && value >= fromMs) set.call(sizes, this, this.size);
    return result;
  };
  try {
    const claims = new RosterClaims(new ClaimTable(() => false), new RosterOutbox(), fakeCrypto);
    claims.enter(keyOf("Ann"));
    let time = WALL_MS;
    for (let chain = 0; chain < 6; chain++) {
      let admitter = "Ann";
      for (let link = 0; link < 1_000; link++) {
        const who = `c${chain}x${link}`; // each comes with a bundle
        claims.learn(admittedClaim(who, who, ++time, admitter), null, fromMs + chain);
        admitter = who;
      }
      const end = `e${chain}`;
      claims.learn(admittedClaim(end, end, ++time, admitter), bob, fromMs + chain);
    }
  } finally {
    Map.prototype.set = set;
  }
  const largest = Math.max(0, ...sizes.values());

  assert(largest > 1_000, "it is this map");
  assert(largest <= CLAIMS_ON_LINK_MAX + 1, `${largest} are remembered`);
});
