/** Whose a name is that a guest has. */

import { assert, assertEquals } from "@std/assert";
import { GUEST_HELD_MS, SLOW_MS_MAX } from "../../../../lib/protocols/directory/schema/limits.ts";
import { Exchange, PASSWORD } from "../exchange.ts";

Deno.test("Directory: a name is kept in NFC, and where nobody takes calls no address is shown", () => {
  const exchange = new Exchange();
  const somebody = exchange.somebody("Jo\u0308rg").enters({ port: 0 });
  assertEquals(somebody.entered?.name, "J\u00f6rg");
  const [listed] = somebody.list.values();
  assertEquals([listed?.name, listed?.host, listed?.port], ["J\u00f6rg", "", 0]);
});

Deno.test("Directory: an account's name, however it is written, is no guest's, nor a new account's", () => {
  const exchange = new Exchange();
  exchange.account("Straße").goesDown(true);
  exchange.take();
  exchange.somebody("STRASSE").enters();
  exchange.somebody("strasse").enters({ how: "sign-up" });

  assertEquals(exchange.take(), ["STRASSE: refused name-taken", "strasse: refused name-taken"]);
});

Deno.test("Directory: a guest's name is its own while it is there, and can be signed up by it alone", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  exchange.take();
  exchange.somebody("ann", { device: "eve" }).enters();
  exchange.somebody("ann", { device: "eve" }).enters({ how: "sign-up" });
  assertEquals(exchange.take(), ["ann: refused name-taken", "ann: refused name-taken"]);

  ann.connects().enters({ how: "sign-up" });
  assertEquals(ann.entered?.guest, false);
  assertEquals(ann.sees, "ann free");
});

Deno.test("Directory: a guest's name is held for its key when it is lost, not when it leaves", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  ann.goesDown();
  const eve = exchange.somebody("ann", { device: "eve" }).enters();
  assertEquals(eve.last("refused").code, "name-taken");
  ann.connects().enters();
  assert(ann.entered !== null);

  ann.goesDown();
  exchange.pass(GUEST_HELD_MS);
  eve.connects().enters();
  assert(eve.entered !== null, "it was held for so long");
  eve.goesDown(true);
  ann.connects().enters();
  assert(ann.entered !== null, "whoever leaves frees it");
  ann.goesDown();
  ann.connects().enters();
  ann.goesDown(true);
  eve.connects().enters();
  assert(eve.entered !== null, "also whoever was lost and came back");
});

Deno.test("Directory: a guest's name is held also where its program closes the link to come in anew", () => {
  const exchange = new Exchange();
  const cem = exchange.guest("cem");
  const ann = exchange.guest("ann");
  ann.acknowledges = false;
  cem.tells("one");
  ann.goesDown(true, "a call goes on");
  const eve = exchange.somebody("ann", { device: "eve" }).enters();
  assertEquals(eve.last("refused").code, "name-taken");
  cem.tells("two");
  ann.acknowledges = true;
  ann.connects().enters();
  assertEquals(ann.heard, ["one", "two"]);
});

Deno.test("Directory: a guest's name is held also where it took nothing in for too long", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  exchange.feed({ type: "congested", link: ann.link });
  exchange.pass(SLOW_MS_MAX);
  assertEquals(ann.last("dismissed").because, "slow");
  const eve = exchange.somebody("ann", { device: "eve" }).enters();
  assertEquals(eve.last("refused").code, "name-taken");
  ann.connects().enters();
  assert(ann.entered !== null);
});

Deno.test("Directory: a guest's name is held anew where the directory stood still, as nobody could come back", () => {
  const exchange = new Exchange();
  exchange.guest("ann").goesDown();
  exchange.pass(GUEST_HELD_MS - 1_000);
  exchange.nowMs += 60_000;
  const eve = exchange.somebody("ann", { device: "eve" }).enters();
  assertEquals(eve.last("refused").code, "name-taken");
  exchange.pass(GUEST_HELD_MS);
  eve.connects().enters();
  assert(eve.entered !== null);
  assertEquals(exchange.machine.nextDeadlineMs(), null);
});

Deno.test("Directory: a guest whose name is an account's by now is told so when it comes back", () => {
  const exchange = new Exchange();
  const guest = exchange.guest("bob");
  exchange.accounts.set("bob", { name: "bob", password: PASSWORD, keys: [] }); // by the operator
  exchange.take();
  const account = exchange.somebody("bob", { device: "other" }).enters({ how: "log-in" });
  assertEquals(exchange.take(), [
    "* logout bob replaced",
    "bob: close (an account has the name now)",
    "bob: entered as bob",
    "* login bob",
  ]);
  guest.goesDown();
  guest.connects().enters();
  const { code, text } = guest.last("refused");
  assertEquals([code, text], ["name-taken", "That name is taken; choose another"]);
  assertEquals(exchange.take(), ["bob: refused name-taken"]);
  assert(account.entered !== null);
});

Deno.test("Directory: of two who want one name at once, one gets it", () => {
  for (const how of ["guest", "sign-up"] as const) {
    const exchange = new Exchange();
    exchange.accountMode = "holds";
    const one = exchange.somebody("ann", { device: "one" }).enters({ how });
    const other = exchange.somebody("ann", { device: "other" }).enters();
    exchange.accountsAnswer();
    assertEquals([one.entered !== null, other.entered !== null], [true, false]);
    assertEquals(other.last("refused").code, "name-taken");
  }
});

Deno.test("Directory: a name that is being signed up is no guest's, though who asked for it has gone", () => {
  const exchange = new Exchange();
  exchange.accountMode = "holds";
  const ann = exchange.somebody("ann").enters({ how: "sign-up" });
  ann.goesDown();
  assertEquals(
    exchange.somebody("ann", { device: "eve" }).enters().last("refused").code,
    "name-taken",
  );
  exchange.accountsAnswer();
  ann.connects().enters({ how: "resume" });
  assertEquals(ann.entered?.guest, false);
});

Deno.test("Directory: guests are refused where accounts are required", () => {
  const exchange = new Exchange({ guests: false });
  exchange.take();
  exchange.guest("ann");
  exchange.account("bob");
  assertEquals(exchange.take(), [
    "ann: refused guests-refused",
    "* signup bob",
    "bob: entered as bob",
    "* login bob",
  ]);
});

Deno.test("Directory: a guest isn't told to sign up where nobody can", () => {
  const exchange = new Exchange({ guests: false, signUpsMax: 0 });
  const { text } = exchange.guest("ann").last("refused");
  assertEquals(text, "This directory takes accounts alone; its operator can add one");
});
