/** How often may be guessed, and signed up. */

import { assert, assertEquals } from "@std/assert";
import type { FoldedName } from "../../../../lib/base/ids.ts";
import { LockOuts } from "../../../../lib/protocols/directory/login/lock_outs.ts";
import {
  LOCK_OUT_MS,
  LOCK_OUTS_MAX,
  SIGN_UPS_MS,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { RecentCounts } from "../../../../lib/base/rates/token_bucket.ts";
import { addressBlock } from "../../../../lib/base/text/address_block.ts";
import { Exchange } from "../exchange.ts";

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
  assertEquals(many.at(-1)!.last("refused").code, "checking");
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
  for (const each of late) assertEquals(each.last("refused").code, "checking");
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
