import { assertEquals } from "@std/assert";
import { ClaimTable } from "../../../lib/protocols/mesh/claim_table.ts";
import type { KnownClaim } from "../../../lib/protocols/mesh/credentials.ts";
import { Vouching } from "../../../lib/protocols/mesh/vouching.ts";
import { admittedClaim, keyOf } from "./membership_fixtures.ts";

/** A room that Ann founded, in which these claims are known. */
function vouching(claims: readonly KnownClaim[]): Vouching {
  const table = new ClaimTable(() => true);
  for (const claim of claims) table.add(claim);
  return new Vouching(table, keyOf("Ann"));
}

const bob = admittedClaim("Bob", "Bob", 100, "Ann");
const carl = admittedClaim("Carl", "Carl", 200, "Bob");

Deno.test("Vouching goes back from who admitted to the founder", () => {
  const dora = admittedClaim("Dora", "Dora", 200, "Carl");
  const view = vouching([carl, bob]);

  assertEquals([bob, carl, dora].map((claim) => view.isVouched(claim)), [true, true, true]);
  assertEquals(view.vouchers(dora), [carl, bob]);
  assertEquals(view.vouchers(bob), []);
});

Deno.test("Vouching believes nobody a time before the one who admitted it was there", () => {
  const early = admittedClaim("Dora", "Bob", 199, "Carl");
  const alone = admittedClaim("Dora", "Bob", 150, "Dora");
  const stranger = admittedClaim("Dora", "Bob", 150, "Eve");
  const circle = [admittedClaim("Eve", "Eve", 150, "Dora"), alone];
  const view = vouching([carl, bob, ...circle]);

  for (const claim of [early, alone, stranger]) assertEquals(view.vouchers(claim), null);
});

Deno.test("Vouching believes a member that was alone and took another name there", () => {
  const later = admittedClaim("Bob", "Robert", 101, "Bob");
  const earlier = admittedClaim("Bob", "Robert", 99, "Bob");
  const view = vouching([bob]);

  assertEquals([later, earlier].map((claim) => view.isVouched(claim)), [true, false]);
});
