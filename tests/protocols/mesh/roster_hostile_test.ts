import { assert, assertEquals } from "@std/assert";
import type { ClaimId, PeerKey } from "../../../lib/base/ids.ts";
import type { KnownClaim } from "../../../lib/protocols/mesh/schema/credentials.ts";
import {
  VOUCHERS_ON_LINK_MAX,
  VOUCHERS_TOLD_MAX,
  VOUCHERS_TOLD_PER_SECOND,
} from "../../../lib/protocols/mesh/schema/limits.ts";
import { MESH_MESSAGES, type RosterMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import { RosterIntake } from "../../../lib/protocols/mesh/roster/roster_intake.ts";
import type { RosterEffect } from "../../../lib/protocols/mesh/roster/roster_io.ts";
import { VoucherTelling } from "../../../lib/protocols/mesh/roster/roster_claims.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import {
  admittedClaim,
  beaconOf,
  claimOf,
  keyOf,
  rosterWith,
  statementOf,
  WALL_MS,
} from "./membership_fixtures.ts";
import { SLOW } from "../../given.ts";

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

/** Members who came in one through the other, the first through Mallory, and are long forgotten. */
function forgottenChain(chain: string, length: number): readonly KnownClaim[] {
  return Array.from({ length }, (_, at) => {
    const admitter = at === 0 ? "Mallory" : `${chain}${at - 1}`;
    return admittedClaim(`${chain}${at}`, `${chain}${at}`, WALL_MS + 1 + at, admitter);
  });
}

/** Ann, a neighbour of Mallory's and Bob's, whose disk has these claims. */
function annWith(claims: readonly KnownClaim[]) {
  const records = claims.map(({ signed }) => ({ kind: "claim", claim: signed }) as const);
  return rosterWith(["Mallory", "Bob"], records);
}

/** Mallory brings Ann somebody who came in last, through `admitter`. */
function newcomer(who: string, admitter: string): readonly RosterMessage[] {
  const { id, signed } = admittedClaim(who, who, WALL_MS + 10_000, admitter);
  const beacon = beaconOf(who, 1, { claim: id, state: "quit" });
  return [
    { type: "claims", claims: [signed] },
    { type: "beacons", beacons: [{ signed: beacon, ageMs: 0 }] },
  ];
}

function toldBob(effects: readonly RosterEffect[]): readonly RosterMessage[] {
  return effects.flatMap((effect) =>
    effect.type === "send" && effect.to === bob ? [effect.message] : []
  );
}

Deno.test(
  "Roster tells neighbours of no more forgotten members than they check, whomever a liar names",
  SLOW,
  () => {
    const [chains, length, seconds] = [6, 1_000, 4];
    const ann = annWith(
      Array.from({ length: chains }, (_, c) => forgottenChain(`c${c}x`, length)).flat(),
    );
    const reader = rosterWith(["Bob"]);
    const counts = { claims: 0, penalties: 0 };
    const newcomers = 250 * seconds;
    for (let at = 0; at < newcomers; at++) {
      const nowMs = 1_000 + 4 * at;
      const admitter = `c${at % chains}x${length - 1}`;
      const messages = newcomer(`x${at}`, admitter);
      const buckets = Array.from({ length: 8 }, (_, bucket) => bucket);
      if (at % 25 === 0) {
        const message = { type: "roster-want", buckets, known: [] } as const;
        for (const answer of toldBob(ann.step({ type: "message", from: bob, message }, nowMs))) {
          if (answer.type === "claims") counts.claims += answer.claims.length;
        }
      }
      for (const message of messages) {
        const effects = ann.step({ type: "message", from: keyOf("Mallory"), message }, nowMs);
        for (const told of toldBob(effects)) {
          if (told.type === "claims") counts.claims += told.claims.length;
          const heard = reader.step({ type: "message", from: bob, message: told }, nowMs);
          counts.penalties += heard.filter(({ type }) => type === "penalise").length;
        }
      }
    }

    assertEquals(counts.penalties, 0);
    const vouchers = counts.claims - newcomers;
    assert(vouchers >= VOUCHERS_TOLD_MAX, `${vouchers} vouchers`);
    assert(
      vouchers <= VOUCHERS_TOLD_MAX + seconds * VOUCHERS_TOLD_PER_SECOND,
      `${vouchers} vouchers`,
    );
  },
);

Deno.test("Roster goes on telling who wasn't told all, until it believes what it was told of", () => {
  const chain = forgottenChain("c", 1_000);
  const ann = annWith(chain);
  const reader = rosterWith(["Mallory", "Bob"]); // it takes what Bob is told as if that were Bob's
  const counts = { claims: 0, penalties: 0 };
  const hear = (effects: readonly RosterEffect[], nowMs: number) => {
    for (const message of toldBob(effects)) {
      if (message.type === "claims") counts.claims += message.claims.length;
      const heard = reader.step({ type: "message", from: bob, message }, nowMs);
      counts.penalties += heard.filter(({ type }) => type === "penalise").length;
    }
  };
  const messages = newcomer("Dora", "c999");
  for (const message of messages) {
    hear(ann.step({ type: "message", from: keyOf("Mallory"), message }, 1_000), 1_000);
  }
  const { id } = admittedClaim("Dora", "Dora", WALL_MS + 10_000, "c999");
  const isVouched = () => reader.isVouched(reader.claim(id)!);
  const atFirst = isVouched();
  for (let nowMs = 2_000; nowMs <= 60_000; nowMs += 1_000) {
    hear(ann.step({ type: "tick" }, nowMs), nowMs);
  }

  assertEquals([atFirst, isVouched(), counts.penalties], [false, true, 0]);
  assertEquals(counts.claims, 1 + chain.length, "each once");
});

Deno.test("VoucherTelling remembers a bounded number of claims that it has told", () => {
  const claim = claimOf("Carl");
  let sizeMax = 0;
  const telling = new VoucherTelling(function* () {
    for (let at = 0; at < 500; at++) yield { ...claim, id: `${nowMs} ${at}` as ClaimId };
  });
  const { set } = Map.prototype;
  // deno-lint-ignore no-explicit-any
  Map.prototype.set = function (this: any, key: any, value: any) {
    const result = set.call(this, key, value);
    if (value === nowMs) sizeMax = Math.max(sizeMax, this.size);
    return result;
  };
  let nowMs = 0;
  try {
    telling.neighbourUp(bob);
    for (let turn = 0; turn < 50; turn++) {
      nowMs += 100_000;
      assertEquals(telling.next(bob, [claim], nowMs).length, 500);
    }
  } finally {
    Map.prototype.set = set;
  }

  assertEquals(sizeMax, VOUCHERS_ON_LINK_MAX + 1);
});
