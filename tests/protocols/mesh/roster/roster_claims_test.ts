/** Which claims a member keeps, passes on, and sends to vouch for others. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { ClaimTable } from "../../../../lib/protocols/mesh/roster/claim_table.ts";
import {
  RosterClaims,
  VoucherTelling,
} from "../../../../lib/protocols/mesh/roster/roster_claims.ts";
import {
  VOUCHER_AGAIN_MS,
  VOUCHERS_REST_MS,
  VOUCHERS_TOLD_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { KnownClaim } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { admittedClaim, claimOf, keyOf, WALL_MS } from "../membership_fixtures.ts";
import { bob, carl } from "./roster_cases.ts";

const [BOBS, DORAS] = [
  claimOf("Bob", "Bob", WALL_MS),
  admittedClaim("Dora", "Dora", WALL_MS + 1, "Bob"),
];

/** Ann's, who has founded the room; no claim is in use. */
function claimsOf(...known: readonly KnownClaim[]) {
  const done: string[] = [];
  const table = new ClaimTable(() => false, () => false);
  for (const claim of known) table.add(claim);
  const part = new RosterClaims(table, {
    effect: ({ type }) => void done.push(type),
    claim: (_, __, from) => void done.push(`passed on${from === null ? " as ours" : ""}`),
    claimsTo: (to, claims) => void done.push(`${claims.length} to ${nameOf(to)}`),
    vouchers: (to, claims) => void done.push(`${claims.length} vouch, to ${nameOf(to)}`),
  }, fakeCrypto);
  part.enter(keyOf("Ann"));
  return { part, table, done: () => done.splice(0) };
}

const nameOf = (key: PeerKey) => key === bob ? "Bob" : key === carl ? "Carl" : "Dora";

Deno.test("RosterClaims: a claim is kept once, passed on where it came for a beacon, and may vouch for others", () => {
  const { part, table, done } = claimsOf();
  for (const peer of [bob, carl]) part.telling.neighbourUp(peer);
  part.learn(DORAS, null, 0);
  assertEquals([done(), part.isVouched(DORAS)], [["persist", "claim-known"], false]);
  assertEquals(part.wants(BOBS.signed.claim.value), true);
  part.learn(BOBS, carl, 0);
  assertEquals(done(), ["persist", "claim-known", "vouched", "passed on", "0 vouch, to Bob"]);
  assertEquals([part.isVouched(DORAS), part.isVouched(BOBS), table.has(BOBS.id)], [
    true,
    true,
    true,
  ]);
  part.learn(BOBS, carl, 0);
  assertEquals(done(), []);
  part.claimed(claimOf("Ann", "Anna"));
  assertEquals(done(), ["passed on as ours"]);
});

Deno.test("RosterClaims: the claim as it is kept, not as it was received", () => {
  const { part } = claimsOf(BOBS);
  const unsigned = { ...BOBS.signed, signature: new Uint8Array(64) };
  assertEquals(part.known(unsigned), BOBS);
  assertEquals(part.known(DORAS.signed), DORAS);
});

Deno.test("RosterClaims: neighbours are sent the claims of forgotten members that vouch for what they are told", () => {
  const { part, done } = claimsOf(BOBS, DORAS);
  part.telling.neighbourUp(carl);
  part.vouch(carl, [DORAS], 0);
  part.vouch(carl, [DORAS], VOUCHER_AGAIN_MS - 1);
  part.vouch(carl, [DORAS], VOUCHER_AGAIN_MS);
  assertEquals(done(), ["1 to Carl", "0 to Carl", "1 to Carl"]);
  part.telling.missed(carl, 20_000);
  part.vouchOn(() => [DORAS], 20_000 + VOUCHERS_REST_MS - 1);
  assertEquals(done(), []);
  part.vouchOn(() => [DORAS], 20_000 + VOUCHERS_REST_MS);
  assertEquals(done(), ["1 to Carl"]);
});

Deno.test("RosterClaims: before the room is known nothing is vouched for", () => {
  const part = new RosterClaims(new ClaimTable(() => false, () => false), {
    effect() {},
    claim() {},
    claimsTo() {},
    vouchers() {},
  }, fakeCrypto);
  assertEquals([part.isVouched(BOBS), part.wants(BOBS.signed.claim.value)], [false, false]);
});

Deno.test("VoucherTelling: a reader is sent so many at once, the rest later, and nothing twice on one link", () => {
  const crowd = Array.from({ length: VOUCHERS_TOLD_MAX + 60 }, (_, n) => claimOf(`P${n}`));
  const telling = new VoucherTelling((claims, isTold) =>
    [...claims].filter(({ id }) => isTold?.(id) !== true)
  );
  telling.neighbourUp(bob);
  assertEquals(telling.next(carl, crowd, 0), []);
  assertEquals([telling.next(bob, crowd, 0).length, telling.nextMs()], [
    VOUCHERS_TOLD_MAX,
    VOUCHERS_REST_MS,
  ]);
  assertEquals([telling.next(bob, crowd, 1), telling.rest(() => crowd, 9_999)], [[], []]);
  const [[to, rest]] = telling.rest(() => crowd, VOUCHERS_REST_MS) as [
    readonly [PeerKey, readonly unknown[]],
  ];
  assertEquals([to, rest.length, telling.nextMs()], [bob, 60, null]);

  // A link that goes and comes has what it had left, and begins anew.
  telling.neighbourDown(bob);
  telling.neighbourUp(bob);
  assertEquals(telling.next(bob, crowd, VOUCHERS_REST_MS).length, 20);
  assertEquals([...telling.readers()], [bob]);
});
