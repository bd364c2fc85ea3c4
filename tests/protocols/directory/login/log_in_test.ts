import { assert, assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import type { FoldedName } from "../../../../lib/base/ids.ts";
import { addressBlock } from "../../../../lib/protocols/directory/sessions/client_session.ts";
import {
  CONTROL_BURST,
  FULL_RETRY_MS,
  GUEST_HELD_MS,
  HELD_GUESTS_MAX,
  HELLO_MS_MAX,
  KICKED_MS,
  LOCK_OUT_MS,
  LOCK_OUTS_MAX,
  PASSWORDS_RETRY_MS,
  REFUSALS_MAX,
  RELAY_PIECES_BURST,
  SIGN_UPS_MS,
  SILENT_LINKS_MAX,
  SLOW_MS_MAX,
  USED_LATER_MAX,
  USES_MAX,
  USES_MS,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { LockOuts } from "../../../../lib/protocols/directory/login/lock_outs.ts";
import { RecentCounts } from "../../../../lib/protocols/directory/schema/recent_counts.ts";
import { ACCOUNT_KEYS_MAX } from "../../../../lib/store/accounts/accounts.ts";
import { callId, Exchange, PASSWORD, type Somebody } from "../exchange.ts";
import { foldName } from "../../../../lib/base/text/names.ts";

Deno.test("Directory: a newcomer signs up, is in, and is in the list", () => {
  const exchange = new Exchange();
  exchange.take();
  const ann = exchange.somebody("Ann").enters({ how: "sign-up" });

  assertEquals(exchange.take(), ["* signup Ann", "Ann: entered as Ann", "* login Ann"]);
  assertEquals(ann.sees, "Ann free");
  const { host, guest, store, mayBroadcast } = ann.last("entered");
  assertEquals([host, guest, mayBroadcast], ["10.0.0.2", false, true]);
  assertEquals(store.toHex(), exchange.store);
  assertEquals([...ann.list.values()].map(({ port }) => port), [5_000]);
});

Deno.test("Directory: nobody is entered before the account is on disk, and none is where that refuses", () => {
  const exchange = new Exchange();
  exchange.accountMode = "holds";
  const ann = exchange.account("ann");
  assertEquals([ann.entered, ann.sees], [null, ""]);
  exchange.accountsAnswer();
  assert(ann.entered !== null);

  exchange.accountMode = "disk";
  exchange.take();
  exchange.account("bob");
  assertEquals(exchange.take(), ["bob: refused disk"]);
  exchange.accountMode = "answers";
  exchange.guest("cem");
  assertEquals(exchange.take(), ["cem: entered as cem", "* login cem (guest)"]);
});

Deno.test("Directory: who knows the password is in from a new device, whatever the disk says, which is told", () => {
  const exchange = new Exchange();
  exchange.account("ann").goesDown(true);
  const remembered = ({ entered }: Somebody) => entered!.isRemembered;
  exchange.writes = false;
  const phone = exchange.account("ann", "phone");
  assertEquals([phone.entered?.name, remembered(phone)], ["ann", false]);
  assertEquals(exchange.accounts.get(foldName("ann"))!.keys.length, 1);
  // It comes back by its key as long as the directory runs; and is remembered once the disk takes it.
  phone.goesDown();
  phone.connects().enters({ how: "resume" });
  assertEquals(remembered(phone), false);
  exchange.writes = true;
  phone.goesDown();
  phone.connects().enters({ how: "resume" });
  assertEquals(remembered(phone), true);
  assertEquals(exchange.accounts.get(foldName("ann"))!.keys.length, 2);

  exchange.writes = false;
  exchange.take();
  const tablet = exchange.account("ann", "tablet");
  const account = exchange.accounts.get(foldName("ann"))!;
  exchange.accounts.set(foldName("ann"), { ...account, password: "another one" });
  tablet.goesDown();
  tablet.connects().enters({ how: "resume" });
  assertEquals(exchange.take().at(-1), "ann: refused bad-credentials", "the password has changed");
  exchange.account("bob");
  assertEquals(exchange.take(), ["bob: refused disk"]);
});

Deno.test("Directory: a problem of the accounts' disk is over with the next change to the accounts, and only then", () => {
  const exchange = new Exchange();
  const problems = () => {
    exchange.command({ command: "status" });
    return exchange.event("status").problems;
  };
  const ann = exchange.account("ann");
  exchange.accountMode = "disk";
  exchange.account("bob");
  assertEquals(problems(), ["the disk is full"]);

  exchange.accountMode = "answers";
  exchange.guest("dan");
  ann.tells("this is written to the other store");
  assertEquals(problems(), ["the disk is full"]);
  exchange.account("cem");
  assertEquals(problems(), []);
});

Deno.test("Directory: whoever logs in has the registered name, and its device is known from then on", () => {
  const exchange = new Exchange();
  exchange.account("Ann").goesDown(true);
  exchange.take();
  const laptop = exchange.somebody("ANN", { device: "laptop" }).enters({ how: "log-in" });

  assertEquals(exchange.take(), ["ANN: entered as Ann", "* login Ann"]);
  assert(exchange.accounts.get("ann")?.keys.includes(fingerprintOf(laptop.key)));
  laptop.goesDown();
  laptop.connects().enters({ how: "resume", name: "Ann" });
  assertEquals(laptop.entered?.name, "Ann");
  assertEquals(exchange.questions.at(-1)?.ask, "find", "no password is hashed");
});

Deno.test("Directory: a device that never logged in can't resume, and says no more than a wrong name", () => {
  const exchange = new Exchange();
  exchange.account("ann").goesDown(true);
  exchange.take();
  exchange.somebody("ann", { device: "eve" }).enters({ how: "resume" });
  exchange.somebody("nobody", { device: "eve" }).enters({ how: "resume" });

  assertEquals(exchange.take(), [
    "ann: refused bad-credentials",
    "nobody: refused bad-credentials",
  ]);
});

Deno.test("Directory: a wrong name and a wrong password are told alike, after the same question", () => {
  const exchange = new Exchange();
  exchange.account("ann").goesDown(true);
  exchange.take();
  const from = exchange.questions.length;
  const wrong = exchange.somebody("ann").enters({ how: "log-in", password: "wrong password" });
  const nobody = exchange.somebody("bob").enters({ how: "log-in", password: "wrong password" });

  assertEquals(wrong.last("refused"), nobody.last("refused"));
  assertEquals(wrong.last("refused").code, "bad-credentials");
  assertEquals(exchange.questions.slice(from).map(({ ask }) => ask), [
    "check-password",
    "check-password",
  ]);
});

for (
  const [password, code] of [
    ["1234567", "weak-password"],
    ["e\u0301".repeat(7), "weak-password"], // seven code points in NFC
    ["x".repeat(1_025), "weak-password"],
    ["12345678", null],
    ["é".repeat(512), null],
  ] as const
) {
  Deno.test(`Directory: a password of ${password.length} units is ${code ?? "taken"}`, () => {
    const exchange = new Exchange();
    const ann = exchange.somebody("ann").enters({ how: "sign-up", password });
    assertEquals(
      ann.got.find(({ type }) => type === "refused")?.type,
      code === null ? undefined : "refused",
    );
    assertEquals(ann.entered !== null, code === null);
    if (code !== null) assertEquals(ann.last("refused").code, code);
  });
}

Deno.test("Directory: a bad name is refused with the reason", () => {
  const exchange = new Exchange();
  for (const name of ["*directory*", "a b", "", "-x"]) {
    const somebody = exchange.somebody("x").enters({ name });
    assertEquals(somebody.last("refused").code, "bad-name", name);
  }
});

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

Deno.test("Directory: a crowd of guests that are lost from a few addresses frees nobody else's name", () => {
  const exchange = new Exchange({ signUpsMax: 0 });
  exchange.guest("ann").goesDown();
  for (let each = 0; each < 2 * HELD_GUESTS_MAX; each++) {
    exchange.somebody(`g${each}`, { host: `10.0.1.${each % 8}` }).enters().goesDown();
  }
  const isHeld = (name: string) =>
    exchange.somebody(name, { device: "eve" }).enters().entered === null;
  assert(isHeld("ann"));
  assert(!isHeld("g0"), "the oldest of those who have the most");
  assert(isHeld(`g${2 * HELD_GUESTS_MAX - 1}`));
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

Deno.test("Directory: the same account from a second device takes over, and the first is told", () => {
  const exchange = new Exchange();
  const first = exchange.account("ann");
  const bob = exchange.guest("bob");
  exchange.pass(100);
  exchange.take();
  const second = exchange.account("ann", "laptop");

  assertEquals(exchange.take(), [
    "* logout ann replaced",
    "ann: dismissed replaced",
    "ann: close (replaced)",
    "ann: entered as ann",
    "* login ann",
  ]);
  first.goesDown(true);
  exchange.pass(100);
  assertEquals(bob.sees, "ann free, bob free");
  assertEquals(bob.sees, second.sees);
  assertEquals(exchange.take(), []);
});

/** Whose profile was copied, or who was started again while its link looks alive. */
for (const how of ["account", "guest"] as const) {
  const said = how === "guest" ? "ann (guest)" : "ann";
  const returning = { how: how === "guest" ? "guest" : "resume" } as const;

  Deno.test(`Directory: a later program with the ${how}'s key takes over, and the first is told`, () => {
    const exchange = new Exchange();
    exchange[how]("ann");
    exchange.take();
    exchange[how]("ann");

    assertEquals(exchange.take(), [
      "* logout ann replaced",
      "ann: dismissed replaced",
      "ann: close (replaced)",
      "ann: entered as ann",
      `* login ${said}`,
    ]);
  });

  Deno.test(`Directory: a later program with the ${how}'s key takes over when the directory is full`, () => {
    const exchange = new Exchange({ clientsMax: 1 });
    exchange[how]("ann");
    assert(exchange[how]("ann").entered !== null);
  });

  for (const heard of ["whose link was lost before", "that wasn't reached then"]) {
    Deno.test(`Directory: the first program with the ${how}'s key, ${heard}, is told when it comes back`, () => {
      const exchange = new Exchange();
      const first = exchange[how]("ann");
      if (heard === "whose link was lost before") first.goesDown();
      const later = exchange[how]("ann");
      exchange.take();
      first.connects().enters(returning);

      assertEquals(exchange.take(), ["ann: dismissed replaced", "ann: close (replaced)"]);
      assertEquals(first.entered, null);
      later.connects().enters(returning);
      assert(later.entered !== null, "its own link is no other's");
      later.goesDown(true);
      first.connects().enters(returning);
      assert(first.entered !== null, "nobody is in its place");
    });
  }
}

/** Two programs that were in one after the other come back to a directory that was started again. */
for (const how of ["account", "guest"] as const) {
  const returning = { how: how === "guest" ? "guest" : "resume" } as const;
  const two = () => {
    const before = new Exchange();
    const earlier = before[how]("ann");
    before.pass(1_000);
    const later = before[how]("ann");
    later.connects().enters(returning);
    before.pass(1_000);
    return { before, earlier, later };
  };

  for (const first of ["earlier", "later"] as const) {
    Deno.test(`Directory: of two programs with the ${how}'s key the later stays after a restart, the ${first} back first`, () => {
      const { before, ...programs } = two();
      const after = before.restarted();
      const firstBack = after.again(programs[first]).enters(returning);
      const secondBack = after.again(programs[first === "earlier" ? "later" : "earlier"]).enters(
        returning,
      );
      const [earlier, later] = first === "earlier"
        ? [firstBack, secondBack]
        : [secondBack, firstBack];
      const isDismissed = ({ got }: typeof earlier) => got.some(({ type }) => type === "dismissed");
      assertEquals([earlier, later].map(isDismissed), [true, false]);
      assertEquals(later.entered?.rank, programs.later.rank);
    });
  }

  Deno.test(`Directory: no rank that is said by who has the ${how}'s key outranks who came in since the start`, () => {
    const { before, earlier } = two();
    const after = before.restarted();
    after.pass(1_000);
    const present = after[how]("ann");
    after.again(earlier).enters({ ...returning, rank: Number.MAX_SAFE_INTEGER });
    assert(present.got.every(({ type }) => type !== "dismissed"));

    present.goesDown(true);
    const liar = after.again(earlier).enters({ ...returning, rank: Number.MAX_SAFE_INTEGER });
    assertEquals(liar.entered?.rank, present.rank);
    assert(after[how]("ann").rank > liar.rank);
    assertEquals(liar.last("dismissed").because, "replaced");
  });
}

Deno.test("Directory: of two whose programs say no rank the first to come back stays", () => {
  const before = new Exchange();
  const devices = [before.account("ann"), before.account("ann", "phone")];
  const after = before.restarted();
  const [first, second] = devices.map((was) => after.again(was).enters({ how: "resume", rank: 0 }));
  assertEquals(first!.got.map(({ type }) => type), ["entered", "users"]);
  assertEquals(second!.got.map(({ type }) => type), ["dismissed"]);
});

Deno.test("Directory: a device that comes back by itself doesn't take the place of who logged in on another", () => {
  const exchange = new Exchange();
  const laptop = exchange.account("ann");
  laptop.goesDown();
  const phone = exchange.account("ann", "phone");
  laptop.connects().enters({ how: "resume" });
  assertEquals(laptop.last("dismissed").because, "replaced");
  assert(phone.got.every(({ type }) => type !== "dismissed"));
  laptop.connects().enters({ how: "log-in" });
  assertEquals([laptop.entered?.name, phone.last("dismissed").because], ["ann", "replaced"]);
});

Deno.test("Directory: an owner who comes back by itself takes its name from a guest", () => {
  const exchange = new Exchange();
  const ann = exchange.account("ann");
  ann.goesDown();
  // The accounts are put back to an earlier state, and to a later one.
  const accounts = new Map(exchange.accounts);
  exchange.accounts.clear();
  exchange.somebody("ann", { device: "eve" }).enters();
  for (const [name, account] of accounts) exchange.accounts.set(name, account);
  ann.connects().enters({ how: "resume" });
  assertEquals([ann.entered?.guest, exchange.event("logout").reason], [false, "replaced"]);
});

Deno.test("Directory: a program that was in as another guest begins anew under this name", () => {
  const exchange = new Exchange();
  const first = exchange.guest("ann");
  first.goesDown(true);
  const copy = exchange.somebody("bob", { device: "ann" }).enters();
  first.connects().enters({ name: "bob" });
  assertEquals([first.entered?.name, copy.last("dismissed").because], ["bob", "replaced"]);
});

Deno.test("Directory: the same program again takes over without a word", () => {
  const exchange = new Exchange();
  const ann = exchange.account("ann");
  exchange.take();
  const before = ann.link;
  ann.connects().enters({ how: "resume" });

  assertEquals(exchange.take(), ["ann: close (there is a later link)", "ann: entered as ann"]);
  exchange.feed({ type: "link-down", link: before, closed: true, reason: "" });
  assertEquals([exchange.take(), ann.sees], [[], "ann free"]);
});

// Guessing.

Deno.test("Directory: five wrong passwords shut the pair of name and address out for a minute", () => {
  const exchange = new Exchange();
  exchange.account("ann").goesDown(true);
  for (const name of ["ann", "nobody"]) {
    const guesser = exchange.somebody(name, { device: "eve" });
    for (let guess = 1; guess <= 5; guess++) {
      guesser.enters({ how: "log-in", password: "wrong password" });
      assertEquals(guesser.last("refused").code, "bad-credentials", `guess ${guess}`);
    }
    guesser.enters({ how: "log-in" });
    assertEquals(guesser.last("refused").code, "locked-out", "also with the right one");
    assertEquals(guesser.last("refused").retryMs, LOCK_OUT_MS);
    const elsewhere = exchange.somebody(name, { host: "10.0.0.9" });
    elsewhere.enters({ how: "log-in", password: "wrong password" });
    assertEquals(elsewhere.last("refused").code, "bad-credentials", "from elsewhere it is tried");
  }
  exchange.pass(LOCK_OUT_MS - 1);
  const late = exchange.account("ann");
  assertEquals(late.last("refused").code, "locked-out");
  exchange.pass(1);
  late.connects().enters({ how: "log-in" });
  assert(late.entered !== null);
});

Deno.test("Directory: wrong ones further apart than a minute shut nobody out", () => {
  const exchange = new Exchange();
  exchange.account("ann").goesDown(true);
  for (let guess = 0; guess < 12; guess++) {
    const ann = exchange.somebody("ann").enters({ how: "log-in", password: "wrong password" });
    assertEquals(ann.last("refused").code, "bad-credentials");
    exchange.pass(15_001);
  }
});

Deno.test("Directory: whoever knew it after all begins anew with mistakes", () => {
  const exchange = new Exchange();
  const ann = exchange.account("ann");
  for (let round = 0; round < 3; round++) {
    ann.goesDown(true);
    ann.connects();
    for (let guess = 0; guess < 4; guess++) ann.enters({ how: "log-in", password: "mistyped it" });
    ann.enters({ how: "log-in" });
    assert(ann.entered !== null, `round ${round}`);
  }
});

Deno.test("Directory: nobody gets more guesses by trying them at once", () => {
  const exchange = new Exchange();
  exchange.accountMode = "holds";
  const many = Array.from({ length: 20 }, () => exchange.somebody("ann", { device: "eve" }));
  for (const each of many) each.enters({ how: "log-in", password: "wrong password" });
  assertEquals(exchange.questions.length, 5);
  // The sixth might know it: it isn't shut out before the others were wrong.
  assertEquals(many.at(-1)!.last("refused").code, "full");
  exchange.accountsAnswer();
  many.at(-1)!.enters({ how: "log-in" });
  assertEquals(many.at(-1)!.last("refused").code, "locked-out");
});

Deno.test("Directory: many who log in from one address at once get in, one after the other", () => {
  const exchange = new Exchange();
  const names = Array.from({ length: 60 }, (_, at) => `n${at}`);
  for (const name of names) {
    exchange.somebody(name).enters({ how: "sign-up" }).goesDown(true);
    exchange.pass(SIGN_UPS_MS);
  }
  exchange.accountMode = "holds";
  const before = exchange.questions.length;
  const all = names.map((name) => exchange.somebody(name, { device: `other ${name}` }));
  for (const each of all) each.enters({ how: "log-in" });
  const late = all.slice(exchange.questions.length - before);
  assert(late.length > 0);
  for (const each of late) assertEquals(each.last("refused").code, "full");
  exchange.accountsAnswer();
  for (const each of late) each.enters({ how: "log-in" });
  assert(all.every((each) => each.entered !== null));
});

Deno.test("Directory: more than fifty wrong ones of any names shut the address out", () => {
  const exchange = new Exchange();
  exchange.account("ann").goesDown(true);
  for (let guess = 0; guess <= 50; guess++) {
    const somebody = exchange.somebody(`n${guess}`, { host: `2001:db8::${guess + 1}` });
    somebody.enters({ how: "log-in", password: "wrong password" });
    assertEquals(somebody.last("refused").code, "bad-credentials");
  }
  const ann = exchange.somebody("ann", { host: "2001:db8::ffff" }).enters({ how: "log-in" });
  assertEquals(ann.last("refused").code, "locked-out");
  const other = exchange.somebody("ann", { host: "2001:db8:0:1::1" }).enters({ how: "log-in" });
  assert(other.entered !== null, "another block of addresses");
});

Deno.test("Directory: ten sign-ups an hour from one address", () => {
  const exchange = new Exchange();
  for (let each = 0; each < 10; each++) assert(exchange.account(`n${each}`).entered !== null);
  const taken = exchange.somebody("n1", { host: "10.0.0.3", device: "eve" }).enters({
    how: "sign-up",
  });
  assertEquals(taken.last("refused").code, "name-taken");
  const late = exchange.account("late");
  assertEquals([late.last("refused").code, late.last("refused").retryMs], [
    "too-fast",
    SIGN_UPS_MS,
  ]);
  assert(exchange.somebody("x", { host: "10.0.0.3" }).enters({ how: "sign-up" }).entered !== null);
  exchange.pass(SIGN_UPS_MS);
  late.connects().enters({ how: "sign-up" });
  assert(late.entered !== null);
});

Deno.test("Directory: a sign-up that came to nothing doesn't count", () => {
  const exchange = new Exchange({ signUpsMax: 1 });
  exchange.account("ann").goesDown(true);
  exchange.pass(SIGN_UPS_MS);
  const eve = exchange.somebody("eve").enters({ how: "sign-up", name: "ann" });
  assertEquals(eve.last("refused").code, "name-taken");
  eve.enters({ how: "sign-up" });
  assert(eve.entered !== null);
});

/** The one sign-up that is taken is asked for twice, as the link was lost meanwhile. */
function signingUpAgain() {
  const exchange = new Exchange({ signUpsMax: 1 });
  exchange.accountMode = "holds";
  const ann = exchange.somebody("ann").enters({ how: "sign-up" });
  ann.goesDown();
  ann.connects().enters({ how: "sign-up" });
  return { exchange, ann };
}

Deno.test("Directory: who signs up again, as its link was lost meanwhile, is counted once", () => {
  const { exchange, ann } = signingUpAgain();
  exchange.accountsAnswer();
  assert(ann.entered !== null);
  const other = exchange.somebody("eve").enters({ how: "sign-up" });
  assertEquals(other.last("refused").code, "too-fast");
});

Deno.test("Directory: a sign-up counts also where the one before it, whose link was lost, came to nothing", () => {
  const { exchange, ann } = signingUpAgain();
  exchange.tooManyAsk();
  exchange.accountsAnswer();
  assert(ann.entered !== null);
  const other = exchange.somebody("eve").enters({ how: "sign-up" });
  assertEquals(other.last("refused").code, "too-fast");
});

Deno.test("Directory: a sign-up counts also where the same device is coming in as a guest", () => {
  const exchange = new Exchange({ signUpsMax: 1 });
  exchange.account("bob");
  exchange.accountMode = "holds";
  const ann = exchange.somebody("ann").enters();
  ann.goesDown();
  ann.connects().enters({ how: "sign-up" });
  assertEquals(ann.last("refused").code, "too-fast");
});

for (
  const [host, block] of [
    ["10.0.0.1", "10.0.0.1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:DB8:0:0:ffff::", "2001:db8:0:0::/64"],
    ["2001:db8:0:1::", "2001:db8:0:1::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
  ] as const
) {
  Deno.test(`addressBlock(): ${host} is counted as ${block}`, () => {
    assertEquals(addressBlock(host), block);
  });
}

Deno.test("RecentCounts: so many are remembered, the latest", () => {
  const counts = new RecentCounts(1, 1_000, 3);
  for (const key of ["a", "b", "a", "c", "d"]) counts.add(key, 0);
  assertEquals(counts.size, 3);
  assertEquals(["a", "b", "c", "d"].map((key) => counts.waitMs(key, 400)), [600, 0, 600, 600]);
  assertEquals(counts.waitMs("d", 1_000), 0);
});

Deno.test("LockOuts: so many pairs and addresses are remembered", () => {
  const lockOuts = new LockOuts();
  for (let each = 0; each < 2 * LOCK_OUTS_MAX; each++) {
    const attempt = lockOuts.begin("ann" as FoldedName, `10.0.${each >> 8}.${each & 255}`, each);
    assert("over" in attempt);
    attempt.over(false, each);
  }
  assertEquals(lockOuts.size, 2 * LOCK_OUTS_MAX);
});

Deno.test("LockOuts: nobody is forgotten for names that weren't checked, or were right", () => {
  const lockOuts = new LockOuts();
  const tries = (name: string) => lockOuts.begin(name as FoldedName, "10.0.0.1", 0);
  for (let guess = 0; guess < 5; guess++) {
    const attempt = tries("ann");
    assert("over" in attempt);
    attempt.over(false, 0);
  }
  const size = lockOuts.size;
  for (let each = 0; each < LOCK_OUTS_MAX; each++) {
    const attempt = tries(`n${each}`);
    assert("over" in attempt);
    attempt.over(each % 2 === 0 ? null : true, 0);
  }
  assertEquals(lockOuts.size, size);
  // As many are checked as may be from one address: no more are.
  while ("over" in tries(`m${lockOuts.size}`));
  for (let each = 0; each < LOCK_OUTS_MAX; each++) assert("retryMs" in tries(`o${each}`));
  const again = tries("ann");
  assert("retryMs" in again && again.isLockedOut);
});

// Places.

Deno.test("Directory: a silent link is closed after 10 s, and so is one that was refused", () => {
  const exchange = new Exchange();
  exchange.take();
  exchange.somebody("ann");
  const bob = exchange.somebody("bob");
  exchange.pass(HELLO_MS_MAX - 1);
  assertEquals(exchange.take(), []);
  bob.enters({ name: "a b" });
  exchange.pass(1);
  assertEquals(exchange.take(), ["bob: refused bad-name", "ann: close (nothing came)"]);
  exchange.pass(HELLO_MS_MAX);
  assertEquals(exchange.take(), ["bob: close (nothing came)"]);
});

Deno.test("Directory: a link is closed that was refused often, and its user comes in on another", () => {
  const exchange = new Exchange();
  const bob = exchange.somebody("bob");
  exchange.take();

  for (let times = 1; times < REFUSALS_MAX; times++) {
    bob.enters({ name: "a b" });
    assertEquals(exchange.take(), ["bob: refused bad-name"]);
    exchange.pass(HELLO_MS_MAX - 1);
  }
  bob.enters({ name: "a b" });

  assertEquals(exchange.take(), ["bob: refused bad-name", "bob: close (refused too often)"]);
  bob.enters();
  assertEquals([bob.entered, exchange.take()], [null, []]);
  bob.goesDown(true);
  assert(bob.connects().enters().entered !== null);
});

Deno.test("Directory: it is full with those who are in or wait to be; silent ones take no place", () => {
  const exchange = new Exchange({ clientsMax: 2 });
  exchange.somebody("silent");
  const ann = exchange.guest("ann");
  exchange.accountMode = "holds";
  exchange.account("bob");
  const cem = exchange.guest("cem");
  assertEquals([cem.last("refused").code, cem.last("refused").retryMs], ["full", FULL_RETRY_MS]);
  exchange.accountsAnswer();

  ann.connects().enters();
  assert(ann.entered !== null, "who takes over its own place needs no other");
  cem.enters();
  assertEquals(cem.entered, null);
  ann.goesDown(true);
  cem.enters();
  assert(cem.entered !== null);
});

for (const isLost of [true, false]) {
  const how = isLost ? "lost" : "lost and looks alive";
  Deno.test(`Directory: who signs up again, as its link was ${how} before the answer, is let in`, () => {
    const exchange = new Exchange();
    exchange.accountMode = "holds";
    const ann = exchange.somebody("ann").enters({ how: "sign-up" });
    if (isLost) ann.goesDown();
    exchange.accountMode = "answers";
    ann.connects().enters({ how: "resume" });
    assertEquals(ann.last("refused").code, "bad-credentials"); // it isn't stored yet
    exchange.accountMode = "holds";
    ann.enters({ how: "sign-up" });
    exchange.accountsAnswer();

    assert(ann.entered !== null);
    assertEquals(ann.got.filter(({ type }) => type === "dismissed"), []);
  });
}

Deno.test("Directory: who signs up under its own account's name with another password is told that it is taken", () => {
  const exchange = new Exchange();
  exchange.account("ann").goesDown(true);
  const ann = exchange.somebody("ann").enters({ how: "sign-up", password: "another password" });
  assertEquals(ann.last("refused").code, "name-taken");
  const eve = exchange.somebody("ann", { device: "eve" }).enters({ how: "sign-up" });
  assertEquals(eve.last("refused").code, "name-taken");
});

Deno.test("Directory: where too many passwords wait, one is told when to try again", () => {
  const exchange = new Exchange();
  exchange.accountMode = "full";
  const ann = exchange.somebody("ann").enters({ how: "log-in" });
  assertEquals(ann.last("refused").code, "full");
});

Deno.test("Directory: thousands of silent links leave room for who speaks", () => {
  const exchange = new Exchange();
  exchange.take();
  for (let link = 0; link < SILENT_LINKS_MAX + 50; link++) exchange.somebody("silent");
  assertEquals(exchange.take().length, 50);
  exchange.guest("ann");
  assertEquals(exchange.take().slice(1), ["ann: entered as ann", "* login ann (guest)"]);
});

Deno.test("Directory: whoever is thrown out is told, and isn't let in for a minute, by name or by key", () => {
  const exchange = new Exchange();
  const ann = exchange.account("Ann");
  exchange.take();
  exchange.command({ command: "kick", name: "ann" }, "r");
  assertEquals(exchange.take(), [
    "* logout Ann kicked",
    "Ann: dismissed kicked",
    "Ann: close (kicked)",
    "* notice [r]",
  ]);
  ann.connects().enters({ how: "log-in" });
  assertEquals(ann.last("refused").code, "kicked");
  ann.enters({ name: "other" });
  const kickedTwice = ann.got.filter(({ type }) => type === "refused");
  assertEquals([kickedTwice.length, ann.entered], [2, null]);
  const namesake = exchange.somebody("Ann", { device: "laptop" }).enters({ how: "log-in" });
  assertEquals(namesake.last("refused").code, "kicked");
  exchange.pass(KICKED_MS);
  ann.connects().enters({ how: "log-in" });
  assert(ann.entered !== null);

  exchange.command({ command: "kick", name: "an" });
  assertEquals(exchange.event("error").code, "unknown-user");
});

// Accounts.

Deno.test("Directory: whoever is thrown out while another of its links is checked isn't let in on that", () => {
  const exchange = new Exchange();
  exchange.account("ann");
  exchange.accountMode = "holds";
  const again = exchange.somebody("ann").enters({ how: "log-in" });
  exchange.command({ command: "kick", name: "ann" });
  exchange.accountsAnswer();
  assertEquals([again.entered, again.last("refused").code], [null, "kicked"]);
  exchange.pass(5_000);
  again.enters({ how: "resume" });
  assertEquals(again.last("refused").retryMs, 55_000);
});

Deno.test("Directory: a password is changed by who knows the old one, and other devices must log in again", () => {
  const exchange = new Exchange();
  exchange.account("ann", "laptop").goesDown(true);
  const ann = exchange.account("ann");
  exchange.take();
  ann.says({ type: "change-password", old: "wrong password", new: "another password" });
  ann.says({ type: "change-password", old: PASSWORD, new: "short" });
  ann.says({ type: "change-password", old: PASSWORD, new: "another password" });
  assertEquals(exchange.take(), [
    "ann: refused bad-credentials",
    "ann: refused weak-password",
    "ann: done",
  ]);
  ann.says({ type: "change-password", old: "another password", new: "another password" });
  assertEquals(exchange.take(), ["ann: done"]);
  const laptop = exchange.somebody("ann", { device: "laptop" }).enters({ how: "resume" });
  assertEquals(laptop.last("refused").code, "bad-credentials");
  laptop.enters({ how: "log-in", password: "another password" });
  assert(laptop.entered !== null);
});

Deno.test("Directory: a password is changed with the log-in", () => {
  const exchange = new Exchange();
  exchange.account("ann").goesDown(true);
  const newPassword = "another password";
  const laptop = exchange.somebody("ann", { device: "laptop" });
  laptop.enters({ how: "log-in", newPassword });
  assert(laptop.entered !== null);
  assertEquals(exchange.accounts.get("ann")?.password, newPassword);
  assertEquals(exchange.accounts.get("ann")?.keys, [fingerprintOf(laptop.key)]);
  const weak = exchange.somebody("ann").enters({ how: "log-in", newPassword: "short" });
  assertEquals(weak.last("refused").code, "weak-password");
});

for (
  const how of [
    "by who is in",
    "with a log-in whose link is lost",
    "with a log-in whose key was thrown out meanwhile",
  ]
) {
  Deno.test(`Directory: who came in with the old password while the new one was stored, ${how}, is put out`, () => {
    const exchange = new Exchange();
    const ann = exchange.account("ann");
    exchange.account("ann", "eve").goesDown();
    ann.connects();
    const isIn = how === "by who is in";
    const isThrownOut = how === "with a log-in whose key was thrown out meanwhile";
    if (isThrownOut) exchange.account("bob", "ann");
    if (isIn) ann.enters({ how: "resume" });
    exchange.accountMode = "holds";
    if (isIn) ann.says({ type: "change-password", old: PASSWORD, new: "another password" });
    else ann.enters({ how: "log-in", newPassword: "another password" });
    exchange.accountsAnswer("holds");
    assertEquals(exchange.questions.at(-1)?.ask, "set-password");
    if (!isIn && !isThrownOut) ann.goesDown();
    exchange.accountMode = "answers";
    const eve = exchange.somebody("ann", { device: "eve" }).enters({ how: "log-in" });
    assert(eve.entered !== null);
    if (isThrownOut) exchange.command({ command: "kick", name: "bob" });
    exchange.take();
    exchange.accountsAnswer();

    assertEquals(exchange.accounts.get("ann")?.keys, [fingerprintOf(ann.key)]);
    assertEquals(exchange.take(), [
      ...(isThrownOut ? ["ann: refused kicked"] : []),
      "* logout ann password-changed",
      "ann: close (password-changed)",
    ]);
  });
}

Deno.test("Directory: guessing the old password locks out as guessing at the door does", () => {
  const exchange = new Exchange();
  const ann = exchange.account("ann");
  for (let guess = 0; guess < 5; guess++) {
    ann.says({ type: "forget-me", password: "wrong password" });
    assertEquals(ann.last("refused").code, "bad-credentials");
  }
  ann.says({ type: "forget-me", password: PASSWORD });
  assertEquals(ann.last("refused").code, "locked-out");
  assertEquals(exchange.accounts.size, 1);
});

Deno.test("Directory: one question about an account at a time, and none for guests", () => {
  const exchange = new Exchange();
  const ann = exchange.account("ann");
  exchange.accountMode = "holds";
  ann.says({ type: "change-password", old: PASSWORD, new: "another password" });
  ann.says({ type: "forget-me", password: PASSWORD });
  assertEquals([ann.last("refused").code, ann.last("refused").retryMs], [
    "too-fast",
    PASSWORDS_RETRY_MS,
  ]);
  exchange.accountsAnswer();
  const guest = exchange.guest("bob");
  guest.says({ type: "forget-me", password: "" });
  assertEquals(guest.last("refused").code, "not-allowed");
});

Deno.test("Directory: whoever asks to be forgotten has no account any more, and is out", () => {
  const exchange = new Exchange();
  const ann = exchange.account("ann");
  exchange.take();
  ann.says({ type: "forget-me", password: PASSWORD });
  assertEquals(exchange.take(), [
    "* logout ann forgotten",
    "ann: dismissed forgotten",
    "ann: close (forgotten)",
  ]);
  assertEquals(exchange.accounts.size, 0);
});

Deno.test("Directory: whoever comes in again while it is forgotten is out all the same", () => {
  const exchange = new Exchange();
  const ann = exchange.account("ann");
  exchange.accountMode = "holds";
  ann.says({ type: "forget-me", password: PASSWORD });
  exchange.accountsAnswer("holds");
  assertEquals(exchange.questions.at(-1)?.ask, "remove");
  exchange.accountMode = "answers";
  ann.connects().enters({ how: "resume" });
  assert(ann.entered !== null);
  exchange.accountsAnswer();
  assertEquals(ann.last("dismissed").because, "forgotten");
});

Deno.test("Directory: an account that the operator removes is out at once", () => {
  const exchange = new Exchange();
  const ann = exchange.account("Ann");
  exchange.accounts.clear();
  exchange.feed({ type: "account-removed", name: "ann", keys: [] });
  assertEquals(ann.last("dismissed").because, "forgotten");
  const guest = exchange.guest("bob");
  exchange.feed({ type: "account-removed", name: "bob", keys: [] });
  assertEquals(guest.got.some(({ type }) => type === "dismissed"), false);
});

Deno.test("Directory: another password puts out whoever is in with a device that is forgotten", () => {
  const exchange = new Exchange();
  const ann = exchange.account("Ann");
  exchange.guest("bob");
  const keys = [fingerprintOf(ann.key)];

  exchange.feed({ type: "account-changed", name: "ann", keys });
  exchange.feed({ type: "account-changed", name: "bob", keys: [] });
  assertEquals(exchange.take().filter((words) => words.startsWith("* logout")), []);
  exchange.feed({ type: "account-changed", name: "ann", keys: [] });
  assertEquals(exchange.take().filter((words) => words.startsWith("* logout")), [
    "* logout Ann password-changed",
  ]);
});

for (const how of ["log-in", "resume"] as const) {
  Deno.test(`Directory: of more devices than an account may have the one used longest ago goes: ${how}`, () => {
    const exchange = new Exchange();
    const phone = exchange.account("ann", "phone");
    const asked = () => exchange.questions.filter(({ ask }) => ask === "add-key").length;
    let added = 0;
    for (let each = 0; each < 3 * ACCOUNT_KEYS_MAX; each++) {
      exchange.account("ann", `device ${each}`).goesDown(true);
      added += 1;
      if (each % 4 === 0) phone.connects().enters({ how });
    }
    assertEquals(phone.entered?.guest, false);
    const noted = asked() - added;
    assert(
      0 < noted && noted <= 6,
      `${noted}: one that is used all the time isn't noted each time`,
    );

    for (let each = 0; each < USED_LATER_MAX; each++) {
      exchange.account("ann", `more ${each}`).goesDown(true);
    }
    exchange.accountMode = "disk";
    const before = asked();
    phone.connects().enters({ how: "resume" });
    assertEquals([phone.entered?.guest, asked() - before], [false, 1], "whatever the disk does");
  });
}

Deno.test("Directory: devices of one account that come back again and again are noted so often in an hour", () => {
  const exchange = new Exchange();
  const devices = Array.from({ length: ACCOUNT_KEYS_MAX }, (_, each) => {
    return exchange.account("ann", `device ${each}`);
  });
  for (const device of devices) device.goesDown(true);
  const noted = () => {
    exchange.questions.length = 0;
    for (let round = 0; round < 10; round++) {
      for (const device of devices) device.connects().enters({ how: "resume" }).goesDown(true);
    }
    return exchange.questions.filter(({ ask }) => ask === "add-key").length;
  };
  assertEquals([noted(), noted()], [USES_MAX, 0]);
  exchange.pass(USES_MS);
  assertEquals(noted(), USES_MAX);
});

Deno.test("Directory: a password that was changed meanwhile lets no device in with the old one", () => {
  const exchange = new Exchange();
  exchange.account("ann").goesDown(true);
  exchange.accountMode = "holds";
  const eve = exchange.somebody("ann", { device: "eve" }).enters({ how: "log-in" });
  exchange.accountsAnswer("holds");
  assertEquals(exchange.questions.at(-1)?.ask, "add-key");
  exchange.accounts.get("ann")!.password = "another password";
  exchange.accountsAnswer();

  assertEquals(eve.last("refused").code, "bad-credentials");
});

Deno.test("Directory: a link that is lost while it is checked leaves nothing behind", () => {
  const exchange = new Exchange({ clientsMax: 1 });
  exchange.accountMode = "holds";
  exchange.guest("ann").goesDown();
  exchange.account("bob").goesDown();
  exchange.take();
  exchange.accountsAnswer();
  assertEquals(exchange.take(), ["* signup bob"]);
  exchange.somebody("ann", { device: "eve" }).enters();
  assertEquals(exchange.take(), ["ann: entered as ann", "* login ann (guest)"]);
});

// Whoever breaks the rules.

for (
  const [what, act] of [
    ["says something before it is in", (e: Exchange) => e.somebody("eve").calls("ann", 1)],
    ["enters twice", (e: Exchange) => e.guest("eve").enters()],
    ["enters while it is checked", (e: Exchange) => {
      e.accountMode = "holds";
      e.somebody("eve").enters().enters();
    }],
    ["says what only the directory says", (e: Exchange) => e.guest("eve").says({ type: "done" })],
    [
      "has what it was never told",
      (e: Exchange) => e.guest("eve").says({ type: "got", through: 1 }),
    ],
    ["floods", (e: Exchange) => {
      const eve = e.guest("eve");
      for (let each = 0; each <= CONTROL_BURST; each++) eve.hangsUp(1);
    }],
    ["floods with what is relayed for no call", (e: Exchange) => {
      const eve = e.guest("eve");
      const bytes = new Uint8Array(100);
      for (let each = 0; each <= RELAY_PIECES_BURST; each++) {
        eve.says({ type: "relay", call: callId(1), bytes });
      }
    }],
    ["floods with room for no call", (e: Exchange) => {
      const eve = e.guest("eve");
      for (let each = 0; each <= RELAY_PIECES_BURST; each++) {
        eve.says({ type: "relay-room", call: callId(1), bytes: 1 });
      }
    }],
    ["floods with datagrams", (e: Exchange) => {
      const eve = e.guest("eve");
      for (let each = 0; each <= CONTROL_BURST; each++) eve.isHere();
    }],
    ["answers too often that it doesn't understand", (e: Exchange) => {
      const { link } = e.guest("eve");
      const message = { type: "unknown", code: 6_000 } as const;
      for (let n = 0; n <= 100; n++) e.feed({ type: "message", link, message });
    }],
    ["knows too many messages", (e: Exchange) => {
      const { link } = e.guest("eve");
      for (let code = 0; code <= 100; code++) e.feed({ type: "unknown-message", link, code });
    }],
  ] as const
) {
  Deno.test(`Directory: whoever ${what} is shut out, and no one else`, () => {
    const exchange = new Exchange();
    const ann = exchange.guest("ann");
    exchange.pass(100);
    act(exchange);
    assert(exchange.take().at(-1)?.startsWith("eve: ban"), "it is banned");
    exchange.pass(100);
    assertEquals(ann.sees, "ann free");
  });
}

Deno.test("Directory: what comes on a link that was closed changes nothing", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  exchange.command({ command: "kick", name: "ann" });
  exchange.take();
  ann.enters();
  ann.calls("ann", 1);
  ann.says({ type: "got", through: 100 });
  exchange.feed({ type: "unknown-message", link: ann.link, code: 9 });
  assertEquals(exchange.take(), []);
});

Deno.test("Directory: one that takes nothing in for 15 s is dropped, and holds nobody up", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  const bob = exchange.guest("bob");
  exchange.pass(100);
  exchange.feed({ type: "congested", link: ann.link });
  exchange.take();
  exchange.guest("cem");
  exchange.pass(14_999);
  assertEquals([ann.sees, bob.sees], ["ann free, bob free", "ann free, bob free, cem free"]);
  exchange.pass(1);
  assertEquals(exchange.take().slice(-3), [
    "* logout ann slow",
    "ann: dismissed slow",
    "ann: close (slow)",
  ]);
});

Deno.test("Directory: one that was slow is told the whole list again", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  const bob = exchange.guest("bob");
  exchange.pass(100);
  exchange.feed({ type: "congested", link: ann.link });
  bob.goesDown(true);
  exchange.guest("cem");
  exchange.pass(1_000);
  exchange.feed({ type: "drained", link: ann.link });
  exchange.pass(100);
  assertEquals(ann.sees, "ann free, cem free");
  exchange.pass(20_000);
  assertEquals(exchange.machine.nextDeadlineMs(), null);
  assert(!ann.got.some(({ type }) => type === "dismissed"));
});

Deno.test("Directory: when it ends all are told, and come back over a while", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  exchange.somebody("silent");
  exchange.take();
  exchange.command({ command: "quit" }, "r");
  assertEquals(exchange.take(), [
    "* logout ann closing",
    "ann: dismissed closing",
    "ann: close (closing)",
    "silent: close (it was stopped)",
    "stops: bye",
  ]);
  assertEquals(ann.last("dismissed").retryMs, 1_000);
});

Deno.test("Directory: the operator sees who is there, and how it is", () => {
  const exchange = new Exchange();
  exchange.guest("bob");
  exchange.account("Ann");
  exchange.command({ command: "list" }, "r");
  const { users } = exchange.event("users");
  assertEquals(users.map(({ name, guest, address }) => [name, guest, address]), [
    ["Ann", false, "10.0.0.2"],
    ["bob", true, "10.0.0.2"],
  ]);
  exchange.command({ command: "status" });
  const { accounts, clients, clientsMax, problems } = exchange.event("status");
  assertEquals([accounts, clients, clientsMax, problems], [1, 2, 1_000, []]);
});

Deno.test("Directory: the operator sees who is there whatever the clock says", () => {
  const exchange = new Exchange();
  exchange.wallMs = 1e300;
  exchange.guest("bob");
  exchange.command({ command: "list" });
  assertEquals(exchange.event("users").users[0]?.since, "+275760-09-13T00:00:00.000Z");
});

Deno.test("Directory: after a long standstill it blames nobody", () => {
  const exchange = new Exchange();
  exchange.somebody("ann");
  exchange.pass(5_000);
  exchange.somebody("bob");
  exchange.nowMs += 60_000;
  exchange.take();
  exchange.feed({ type: "tick" });
  assertEquals(exchange.take(), ["ann: close (nothing came)"]);
  exchange.pass(4_999);
  assertEquals(exchange.take(), []);
  exchange.pass(1);
  assertEquals(exchange.take(), ["bob: close (nothing came)"]);
});

Deno.test("Directory: where no sign-ups are taken that is said, and not to try later", () => {
  const exchange = new Exchange({ signUpsMax: 0 });
  const ann = exchange.somebody("ann").enters({ how: "sign-up" });
  const { code, text } = ann.last("refused");
  assertEquals([code, text], [
    "too-fast",
    "This directory takes no sign-ups; its operator can add an account",
  ]);
});

Deno.test("Directory: the operator compares digits with who is there", () => {
  const exchange = new Exchange();
  const ann = exchange.account("Ann");
  exchange.command({ command: "verify", name: "ann" });
  const { name, peerKey } = exchange.event("verify");
  assertEquals([name, peerKey], ["Ann", ann.key]);
  exchange.command({ command: "verify", name: "bob" });
  assertEquals(exchange.event("error").code, "unknown-user");
});
