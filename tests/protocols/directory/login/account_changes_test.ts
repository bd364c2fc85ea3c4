/** Passwords, devices and accounts that change while somebody is in. */

import { assert, assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { AccountChanges } from "../../../../lib/protocols/directory/login/account_changes.ts";
import { LockOuts } from "../../../../lib/protocols/directory/login/lock_outs.ts";
import type { AccountAnswer } from "../../../../lib/protocols/directory/schema/directory_io.ts";
import {
  USED_LATER_MAX,
  USES_MAX,
  USES_MS,
  WRONG_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { ACCOUNT_KEYS_MAX } from "../../../../lib/store/accounts/accounts.ts";
import { clientOf, partOutput, sessionsOf } from "../directory_parts.ts";
import { Exchange, PASSWORD } from "../exchange.ts";

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

Deno.test("Directory: where it isn't known whether the engine has changed a password, that is said", () => {
  const exchange = new Exchange();
  const ann = exchange.account("ann");
  exchange.accountMode = "doubts";
  ann.says({ type: "change-password", old: PASSWORD, new: "another password" });
  const { code, retryMs } = ann.last("refused");
  assertEquals([code, retryMs], ["engine", 0]);
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

// Changes alone.

function changing(client = clientOf("ann")) {
  const output = partOutput();
  const done: string[] = [];
  const changes = new AccountChanges({
    out: output.out,
    lockOuts: new LockOuts(),
    sessions: sessionsOf(client),
    entrance: {
      accountChanged: () => {},
      dismiss: ({ name }, because) => void done.push(`${name} is ${because}`),
      logOut: ({ name }, reason) => void done.push(`${name} is out: ${reason}`),
    },
    forget: (name) => void done.push(`forgets ${name}`),
  });
  let tokens = 0;
  const answers = (answer: AccountAnswer) => {
    output.out.answered(++tokens, answer);
    return [...output.words(), ...done.splice(0)];
  };
  return { output, changes, client, answers, done };
}

const ok = { outcome: "ok", account: { name: "ann", keys: [], version: "1" } } as const;

Deno.test("AccountChanges: one question about an account at a time, and none for guests", () => {
  const { output, changes, client } = changing();
  changes.changePassword(client, PASSWORD, "another password");
  changes.forget(client, PASSWORD);
  assertEquals(output.words(), ["asks check-password", "1: refused too-fast"]);

  const guest = changing(clientOf("bob", { isGuest: true }));
  guest.changes.forget(guest.client, "");
  assertEquals(guest.output.words(), ["1: refused not-allowed"]);
});

Deno.test("AccountChanges: whoever is forgotten gave its password, and is out; a guest of that name stays", () => {
  const { output, changes, client, answers } = changing();
  changes.forget(client, "wrong password");
  output.words();
  assertEquals(answers({ outcome: "wrong" }), ["1: refused bad-credentials"]);
  changes.forget(client, PASSWORD);
  output.words();
  assertEquals([answers(ok), answers(ok)], [["asks remove"], ["ann is forgotten", "forgets ann"]]);

  const guest = changing(clientOf("bob", { isGuest: true }));
  guest.changes.removed(guest.client.folded, []);
  assertEquals(guest.done, ["forgets bob"]);
});

Deno.test("AccountChanges: with another password whoever is in by a device that isn't the account's any more is out", () => {
  const { changes, client, done } = changing();

  changes.changed(client.folded, [fingerprintOf(client.key)]);
  assertEquals(done, []);
  changes.changed(client.folded, []);
  assertEquals(done, ["ann is out: password-changed"]);
});

Deno.test("AccountChanges: guessing the password of who is in locks out, too", () => {
  const { output, changes, client, answers } = changing();
  for (let guess = 0; guess < WRONG_MAX; guess++) {
    changes.forget(client, "wrong password");
    output.words();
    assertEquals(answers({ outcome: "wrong" }), ["1: refused bad-credentials"]);
  }
  changes.forget(client, PASSWORD);
  assertEquals(output.words(), ["1: refused locked-out"]);
});
