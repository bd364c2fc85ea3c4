import { assertEquals } from "@std/assert";
import type { ClaimId, FoldedName } from "../../../../lib/base/ids.ts";
import { ClaimTable } from "../../../../lib/protocols/mesh/roster/claim_table.ts";
import { claimOf, keyOf } from "../membership_fixtures.ts";

const [member, author] = [claimOf("Member"), claimOf("Author")];

function filled(isKept: (id: ClaimId) => boolean): ClaimTable {
  const table = new ClaimTable((id) => id === member.id, isKept, 4);
  for (const claim of [author, member]) table.add(claim);
  for (let number = 0; number < 20; number++) {
    table.add(claimOf(`Made up ${number}`.replaceAll(" ", "")));
  }
  return table;
}

Deno.test("ClaimTable keeps claims of members and of kept messages, whatever else comes", () => {
  const table = filled((id) => id === author.id);

  assertEquals([member.id, author.id].map((id) => table.has(id)), [true, true]);
  assertEquals(table.size, 4);
  assertEquals(filled(() => false).has(author.id), false);
});

Deno.test("ClaimTable stays in its bound where every claim is named", () => {
  assertEquals(filled(() => true).size, 4);
});

Deno.test("ClaimTable knows who has claimed a name, as long as it keeps the claim", () => {
  const table = new ClaimTable(() => false, undefined, 2);
  const [bob, carl] = [claimOf("Bob", "Eli"), claimOf("Carl", "ELI")];
  for (const claim of [bob, carl]) table.add(claim);
  const before = [...table.claimants("eli" as FoldedName)];
  table.add(member);

  assertEquals(before, [keyOf("Bob"), keyOf("Carl")]);
  assertEquals([...table.claimants("eli" as FoldedName)], [keyOf("Carl")]);
});
