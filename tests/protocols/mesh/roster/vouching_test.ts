import { assert, assertEquals } from "@std/assert";
import { ClaimTable } from "../../../../lib/protocols/mesh/roster/claim_table.ts";
import type { KnownClaim } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import type { SignedClaim } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { Vouching } from "../../../../lib/protocols/mesh/roster/roster_claims.ts";
import { admittedClaim, keyOf } from "../membership_fixtures.ts";

/** A room that Ann founded, in which these claims became known one after the other. */
function vouching(claims: readonly KnownClaim[]): Vouching {
  const table = new ClaimTable(() => false);
  const view = new Vouching(table, keyOf("Ann"));
  for (const claim of claims) {
    table.add(claim);
    view.learnt(claim);
  }
  return view;
}

function vouchersOf(
  view: Vouching,
  ...about: Parameters<Vouching["forgottenVouchers"]>
): readonly SignedClaim[] {
  return [...view.forgottenVouchers(...about)].map(({ signed }) => signed);
}

const bob = admittedClaim("Bob", "Bob", 100, "Ann");
const carl = admittedClaim("Carl", "Carl", 200, "Bob");

Deno.test("Vouching goes back from who admitted to the founder, in whatever order claims come", () => {
  const dora = admittedClaim("Dora", "Dora", 200, "Carl");
  for (const claims of [[bob, carl, dora], [dora, carl, bob], [carl, dora, bob]]) {
    const view = vouching(claims);

    assertEquals(claims.map((claim) => view.isVouched(claim)), [true, true, true]);
    assertEquals(vouchersOf(view, [dora, bob]), [carl.signed, bob.signed]);
  }
});

Deno.test("Vouching names what vouches for a claim up to what was told, each once", () => {
  const names = Array.from({ length: 10 }, (_, at) => `member ${at}`);
  const chain = names.map((name, at) =>
    admittedClaim(name, `m${at}`, 100 + at, at === 0 ? "Ann" : names[at - 1]!)
  );
  const view = vouching(chain);
  const last = chain.at(-1)!;

  const all = vouchersOf(view, [last, chain[4]!, last]);
  const untold = vouchersOf(view, [last], (id) => id === chain.at(-4)!.id);

  assertEquals(all, chain.slice(0, -1).toReversed().map(({ signed }) => signed));
  assertEquals(untold, [chain.at(-2)!.signed, chain.at(-3)!.signed]);
});

Deno.test("Vouching looks once at all whom somebody has admitted, however many names that one takes", () => {
  const table = new ClaimTable(() => false);
  const view = new Vouching(table, keyOf("Ann"));
  let looks = 0;
  const admittedBy = table.admittedBy.bind(table);
  table.admittedBy = (key) => {
    looks++;
    return admittedBy(key);
  };
  for (let at = 0; at < 50; at++) {
    const claim = admittedClaim("Bob", `b${at}`, 100 + at, at === 0 ? "Ann" : "Bob");
    table.add(claim);
    view.learnt(claim);
    assert(view.isVouched(claim));
  }
  assertEquals(looks, 1);
});

Deno.test("Vouching goes by the next claim of who vouches where the table has forgotten the first", () => {
  const table = new ClaimTable(() => false, () => false, 2);
  const view = new Vouching(table, keyOf("Ann"));
  const later = admittedClaim("Bob", "Robert", 150, "Ann");
  for (const claim of [bob, later, carl]) {
    table.add(claim); // Bob's first one goes with the last
    view.learnt(claim);
  }

  assert(view.isVouched(carl));
  assertEquals(vouchersOf(view, [carl]), [later.signed]);
});

Deno.test("Vouching believes nobody a time before the one who admitted it was there", () => {
  const early = admittedClaim("Dora", "Bob", 199, "Carl");
  const alone = admittedClaim("Dora", "Bob", 150, "Dora");
  const stranger = admittedClaim("Dora", "Bob", 150, "Gus");
  const circle = [
    admittedClaim("Eve", "Eve", 150, "Dora"),
    admittedClaim("Dora", "Bob", 150, "Eve"),
  ];
  const view = vouching([carl, bob, early, alone, stranger, ...circle]);

  for (const claim of [early, alone, stranger, ...circle]) assert(!view.isVouched(claim));
  assertEquals(vouchersOf(view, [early, alone]), []);
});

Deno.test("Vouching believes a member that was alone and took another name there", () => {
  const later = admittedClaim("Bob", "Robert", 101, "Bob");
  const earlier = admittedClaim("Bob", "Robert", 99, "Bob");
  for (const claims of [[bob, later, earlier], [earlier, later, bob]]) {
    const view = vouching(claims);

    assertEquals([later, earlier].map((claim) => view.isVouched(claim)), [true, false]);
  }
});

Deno.test("Vouching wants the claims of who admitted somebody known, and no others", () => {
  const alone = admittedClaim("Carl", "Zoe", 300, "Carl");
  const wants = (view: Vouching, claim: KnownClaim) => view.wants(claim.signed.claim.value);

  assertEquals([bob, alone].map((claim) => wants(vouching([carl]), claim)), [true, false]);
  assertEquals([bob, carl].map((claim) => wants(vouching([alone]), claim)), [false, true]);
  assertEquals(wants(vouching([carl, bob]), bob), false);
});
