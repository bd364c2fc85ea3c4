/** Silent and refused links, a full directory, and who was thrown out. */

import { assert, assertEquals } from "@std/assert";
import {
  FULL_RETRY_MS,
  HELLO_MS_MAX,
  KICKED_MS,
  PASSWORDS_RETRY_MS,
  REFUSALS_MAX,
  SILENT_LINKS_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { Exchange } from "../exchange.ts";

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
  const { code, retryMs } = ann.last("refused");
  assertEquals([code, retryMs], ["checking", PASSWORDS_RETRY_MS]);
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

Deno.test("Directory: who was thrown out may come in after a minute, though the directory stood still", () => {
  const exchange = new Exchange();
  const ann = exchange.account("Ann");
  exchange.command({ command: "kick", name: "ann" });
  exchange.somebody("silent");

  exchange.nowMs += KICKED_MS;
  ann.connects().enters({ how: "log-in" });

  assert(ann.entered !== null);
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
