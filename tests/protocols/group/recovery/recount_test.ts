// What members tell after the coordinator's disk was lost: when that is enough to go on.

import { assertEquals } from "@std/assert";
import { type Account, Recount } from "../../../../lib/protocols/group/recovery/recount.ts";
import type { SignedEpoch } from "../../../../lib/protocols/group/schema/epoch.ts";
import { NUMBER_JUMP_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import { viewOf } from "../coordinator/coordinator_parts.ts";
import { FOUNDING, GROUP, keyOf } from "../coordinator_program.ts";

function account(view: SignedEpoch | null, changes: Partial<Account> = {}): Account {
  const promised = view?.epoch.value.ballot ?? { number: 0, round: 0 };
  const own = { group: GROUP, founding: FOUNDING, epoch: view, view, promised };
  return { ...own, isLost: false, hasSay: true, isOut: false, edit: 0, former: [], ...changes };
}

function recounted(
  told: Readonly<Record<string, Account>>,
  givenUp: readonly string[] = [],
): Recount {
  const recount = new Recount(null, (key) => givenUp.map(keyOf).includes(key));
  for (const [name, account] of Object.entries(told)) recount.put(keyOf(name), account);
  return recount;
}

const awaited = ({ awaited }: Recount) => awaited.map(({ name }) => name).join(" ");

Deno.test("Recount waits for all of the newest view that anybody tells of, and for nobody else", () => {
  const third = account(viewOf(3, "ann", "bob"));
  const recount = recounted({ eve: account(viewOf(2, "ann", "eve")), ann: third });
  assertEquals([recount.newest?.epoch.value.view, awaited(recount)], [3, "bob"]);
  assertEquals(recount.formerMembers, [keyOf("eve")]);

  recount.put(keyOf("bob"), account(viewOf(2, "ann", "bob")));
  assertEquals(awaited(recount), "bob", "it hasn't promised the newest");
  recount.put(keyOf("bob"), third);
  assertEquals(awaited(recount), "");
  recount.remove(keyOf("ann"));
  assertEquals(awaited(recount), "ann", "who is gone again can't take part");
});

Deno.test("Recount: where all have lost what the view began with, somebody who hasn't is waited for", () => {
  const view = viewOf(3, "ann", "bob");
  const lost = account(view, { isLost: true, hasSay: false });
  assertEquals(awaited(recounted({ ann: lost, bob: lost })), "ann bob");
  const told = recounted({ ann: lost, bob: account(view) });
  assertEquals([awaited(told), told.lostLogs], ["", [keyOf("ann")]]);
  const broughtUp = recounted({ ann: lost, bob: account(view, { isLost: true }) });
  assertEquals([awaited(broughtUp), broughtUp.lostLogs], ["", [keyOf("ann")]]);
});

Deno.test("Recount waits for nobody whom the operator gives up, and counts no group that they alone tell of", () => {
  const view = viewOf(3, "ann", "bob");
  assertEquals(awaited(recounted({ ann: account(view) }, ["bob"])), "");

  const other = "7".repeat(64) as typeof GROUP;
  const value = { ...view.epoch.value, group: other };
  const elsewhere = account({ ...view, epoch: { ...view.epoch, value } }, { group: other });
  assertEquals(recounted({ ann: account(view), eve: elsewhere }).newest, null, "two groups");
  assertEquals(recounted({ ann: account(view), eve: elsewhere }, ["eve"]).groups, [GROUP]);
});

Deno.test("Recount goes on above what members promised, as far as that can be, and above no stranger's word", () => {
  const view = viewOf(3, "ann");
  const promises = (number: number) => account(view, { promised: { number, round: 0 }, edit: 5 });
  assertEquals(recounted({ ann: promises(8) }).highest, { number: 8, edit: 5 });
  assertEquals(recounted({ ann: promises(9e9) }).highest.number, 3 + NUMBER_JUMP_MAX);
  const stranger = account(null, { promised: { number: 8, round: 0 }, edit: 9 });
  assertEquals(recounted({ ann: account(view), eve: stranger }).highest, { number: 3, edit: 0 });
});

Deno.test("Recount: who told before anybody told of its view counts all the same, later", () => {
  const early = account(null, { promised: { number: 8, round: 0 }, former: [keyOf("old key")] });
  const recount = recounted({ bob: early, ann: account(viewOf(3, "ann", "bob")) });
  assertEquals([recount.highest.number, recount.former], [8, [keyOf("old key")]]);
});

Deno.test("Recount: where all who told are out, others may have come in after them", () => {
  const out = account(viewOf(3, "ann", "bob"), { isOut: true });
  const left = recounted({ ann: out });
  assertEquals([left.isLeft, left.present], [true, []]);
  left.put(keyOf("bob"), { ...out, isOut: false });
  assertEquals([left.isLeft, left.present.map(({ name }) => name)], [false, ["bob"]]);
});
