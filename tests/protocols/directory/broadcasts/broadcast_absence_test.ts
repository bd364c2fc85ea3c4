/** Who gets a broadcast that wasn't there, and who doesn't. */

import { assert, assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { WINDOW_MAX } from "../../../../lib/protocols/directory/schema/limits.ts";
import { Exchange, PASSWORD, type Somebody } from "../exchange.ts";
import { exchangeOf, TTL_MS } from "./broadcast_cases.ts";

const DAY_MS = 86_400_000;

Deno.test("Directory: an account that comes within the time gets it once, on whichever device", () => {
  const { exchange, ann } = exchangeOf();
  const bob = exchange.account("bob");
  bob.goesDown(true);
  ann.tells("hello");
  exchange.pass(TTL_MS - 1);
  bob.connects().enters({ how: "resume" });
  assertEquals(bob.heard, ["hello"]);
  bob.goesDown(true);
  const laptop = exchange.account("bob", "laptop");
  assertEquals([laptop.entered?.name, laptop.heard], ["bob", []]);
});

for (const [what, jumpMs] of [["ahead", 365 * DAY_MS], ["back", -365 * DAY_MS]] as const) {
  Deno.test(`Directory: a clock that jumps a year ${what} takes nothing from a broadcast's time, and adds nothing`, () => {
    const { exchange, ann } = exchangeOf();
    exchange.account("bob").goesDown(true);
    exchange.account("cem").goesDown(true);
    ann.tells("hello");
    exchange.wallMs += jumpMs;
    ann.tells("and again");
    exchange.pass(TTL_MS - 1);
    assertEquals(exchange.account("bob").heard, ["hello", "and again"]);
    exchange.pass(1);
    assertEquals(exchange.account("cem").heard, []);
  });
}

// A new process knows only the wall clock: it can't tell a leap of a year from a year that it was down.
for (
  const [what, jumpMs, first] of [["ahead", 365 * DAY_MS, []], ["back", -365 * DAY_MS, [
    "hello",
  ]]] as const
) {
  Deno.test(`Directory: after a restart with a clock a year ${what} nothing is told later than it was meant`, () => {
    const { exchange: before, ann } = exchangeOf();
    for (const name of ["bob", "cem"]) before.account(name).goesDown(true);
    ann.tells("hello");
    before.wallMs += jumpMs;
    const exchange = before.restarted();
    assertEquals(exchange.account("bob").heard, [...first]);

    exchange.account("dan").tells("since then");
    exchange.pass(TTL_MS - 1);
    assertEquals(exchange.account("eve").heard, [...first, "since then"]);
    exchange.pass(1);
    assertEquals(exchange.account("cem").heard, []);
  });
}

Deno.test("Directory: who comes later than that, or is a guest, gets nothing from before", () => {
  const { exchange, ann } = exchangeOf();
  exchange.account("bob").goesDown(true);
  ann.tells("hello");
  assertEquals(exchange.guest("cem").heard, []);
  exchange.pass(TTL_MS);
  const bob = exchange.account("bob");
  const dan = exchange.account("dan");
  assertEquals([bob.heard, dan.heard], [[], []]);
  ann.tells("new");
  assertEquals([bob.heard, dan.heard], [["new"], ["new"]]);
});

Deno.test("Directory: an account that is made meanwhile gets it, and so does one made anew", () => {
  const { exchange, ann } = exchangeOf();
  ann.tells("hello");
  const bob = exchange.account("bob");
  assertEquals(bob.heard, ["hello"]);
  bob.says({ type: "forget-me", password: PASSWORD });
  const again = exchange.account("bob", "other");
  assertEquals(again.heard, ["hello"]);
  again.goesDown(true);
  exchange.accounts.delete("bob");
  exchange.feed({ type: "account-removed", name: "BOB", keys: [] });
  assertEquals(exchange.account("bob", "third").heard, ["hello"], "also where it was away then");
});

Deno.test("Directory: so does one that the operator makes anew, and that is in before its like's removal is known", () => {
  const { exchange, ann } = exchangeOf();
  const before = exchange.account("bob");
  ann.tells("hello");
  before.tells("of the one before");
  before.goesDown(true);
  exchange.accounts.set("bob", { name: "bob", password: PASSWORD, keys: [] });
  const again = exchange.account("bob", "other");
  exchange.feed({ type: "account-removed", name: "bob", keys: [fingerprintOf(again.key)] });
  assert(!again.got.some(({ type }) => type === "dismissed"));
  again.connects().enters({ how: "resume" });
  assertEquals(again.heard, ["hello", "of the one before"]);
});

Deno.test("Directory: so does one whose like was removed while the directory was away", () => {
  const { exchange: before, ann } = exchangeOf();
  before.account("bob");
  ann.tells("hello");
  before.accounts.delete("bob");

  const exchange = before.restarted();
  assertEquals(exchange.account("bob", "other").heard, ["hello"]);
  const after = exchange.restarted();
  assertEquals(after.account("bob", "other").heard, []);
});

/** What becomes of the account after it has told something, and of what the directory has on disk. */
const NAMESAKES: Readonly<Record<string, (before: Exchange, ann: Somebody) => Exchange>> = {
  "removes itself": (before, ann) => {
    ann.tells("hello");
    ann.says({ type: "forget-me", password: PASSWORD });
    return before;
  },
  "is removed by the operator, the directory started again": (before, ann) => {
    ann.tells("hello");
    removed(before);
    return before.restarted();
  },
  "is removed by the operator, the log compacted": (before, ann) => {
    ann.tells("hello");
    removed(before);
    before.disk.splice(0, before.disk.length, ...before.machine.snapshot());
    return before.restarted();
  },
  "is removed while the directory is away": (before, ann) => {
    ann.tells("hello");
    before.accounts.delete("ann");
    return before.restarted();
  },
  "is removed while that is written": (before, ann) => {
    before.diskMode = "holds";
    ann.tells("hello");
    removed(before);
    return before;
  },
};

/** The operator has removed Ann's account. */
function removed(exchange: Exchange): void {
  exchange.accounts.delete("ann");
  exchange.feed({ type: "account-removed", name: "ann", keys: [] });
}

for (const [how, happens] of Object.entries(NAMESAKES)) {
  Deno.test(`Directory: where an account ${how}, another of its name gets what it told, but not on its device`, () => {
    for (const device of ["other", "ann"]) {
      const { exchange: before, ann } = exchangeOf();
      const exchange = happens(before, ann);
      const again = exchange.account("ann", device);
      exchange.diskAnswers();
      assertEquals(again.heard, device === "ann" ? [] : ["hello"], device);
      const told = again.got.filter((each) => each.type === "told");
      assert(!told.some(({ guest }) => guest), "what an account said stays an account's");
      again.tells("new", 2);
      const third = exchange.restarted().account("ann", "third");
      assert(!third.heard.includes("new"), "what the new one tells is its own on all its devices");
    }
  });
}

Deno.test("Directory: who comes in while one is written is there for it, a guest, too", () => {
  const { exchange, ann } = exchangeOf();
  exchange.diskMode = "holds";
  ann.tells("hello");
  const guest = exchange.guest("bob");
  exchange.diskAnswers();
  assertEquals(guest.heard, ["hello"]);
  assertEquals(ann.last("broadcast-sent").reached, 1);
});

Deno.test("Directory: the sender gets no copy on another device, nor a guest that signs up", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  ann.tells("of an account");
  bob!.tells("of a guest");
  const laptop = exchange.account("ann", "laptop");
  assertEquals([laptop.heard, ann.heard], [[], ["of a guest"]]);
  bob!.goesDown(true);
  bob!.heard.length = 0;
  bob!.connects().enters({ how: "sign-up", seen: null });
  assertEquals(bob!.heard.includes("of a guest"), false);
});

Deno.test("Directory: a guest that signs up is told what was told before it came, unless it has heard something since", () => {
  const { exchange, ann } = exchangeOf();
  ann.tells("early");
  const [bob, cem] = [exchange.guest("bob"), exchange.guest("cem")];
  bob.goesDown();
  bob.connects().enters({ how: "sign-up", seen: null });
  assertEquals(bob.heard, ["early"]);
  ann.tells("late");
  cem.goesDown();
  cem.connects().enters({ how: "sign-up", seen: cem.through });
  assertEquals(cem.heard, ["late"]);
});

Deno.test("Directory: one's own in between doesn't count as having the ones before", () => {
  const { exchange, ann } = exchangeOf();
  const bob = exchange.account("bob");
  bob.acknowledges = false;
  ann.tells("one");
  bob.tells("bob's");
  bob.goesDown();
  const laptop = exchange.account("bob", "laptop");
  assertEquals(laptop.heard, ["one"]);

  laptop.acknowledges = false;
  ann.tells("two");
  laptop.tells("bob's", 1_000);
  exchange.take();
  laptop.says({ type: "got", through: laptop.last("told").number });
  assertEquals(exchange.take(), ["ann: broadcast-sent, 1 have it"]);
});

Deno.test("Directory: who acknowledged some gets the rest on another device", () => {
  const { exchange, ann } = exchangeOf();
  const bob = exchange.account("bob");
  bob.acknowledges = false;
  for (const text of ["one", "two", "three"]) ann.tells(text);
  const first = bob.got.find(({ type }) => type === "told");
  assert(first?.type === "told");
  bob.says({ type: "got", through: first.number });
  assertEquals(exchange.account("bob", "laptop").heard, ["two", "three"]);
});

Deno.test("Directory: a restart in between costs nothing and repeats nothing", () => {
  const { exchange: before, ann } = exchangeOf();
  before.account("bob").goesDown(true);
  const cem = before.account("cem");
  ann.tells("one");
  ann.tells("two");
  assertEquals(cem.heard, ["one", "two"]);
  before.pass(TTL_MS - 10_000);

  const exchange = before.restarted();
  assertEquals(exchange.account("bob").heard, ["one", "two"]);
  assertEquals(exchange.account("cem", "other").heard, []);
  exchange.pass(10_000);
  assertEquals(exchange.account("dan").heard, [], "by the wall clock");
  assertEquals(exchange.store, before.store);
});

Deno.test("Directory: what a client has seen isn't told again, though the directory never heard of it", () => {
  const { exchange, ann } = exchangeOf();
  const bob = exchange.account("bob");
  bob.acknowledges = false;
  ann.tells("one");
  ann.tells("two");
  const { number } = bob.got.flatMap((message) => message.type === "told" ? [message] : [])[0]!;
  bob.acknowledges = true;
  bob.goesDown();
  bob.connects().enters({ how: "resume", seen: number });
  assertEquals(bob.heard, ["two"]);

  const cem = exchange.account("cem", "cem");
  assertEquals(cem.heard, ["one", "two"]);
  cem.connects().enters({ how: "resume", seen: number, store: new Uint8Array(8) });
  assertEquals(cem.heard, ["one", "two"], "of another store: what was acknowledged counts");
  cem.acknowledges = false;
  ann.tells("three");
  cem.acknowledges = true;
  const last = cem.last("told").number;
  cem.connects().enters({ how: "resume", seen: last, store: new Uint8Array(8) });
  assertEquals(cem.heard.at(-1), "three", "of another store it says nothing");
});

Deno.test("Directory: who says to have seen more than there is, is told what comes", () => {
  const { exchange, ann } = exchangeOf();
  const bob = exchange.somebody("bob").enters({ how: "sign-up", seen: Number.MAX_SAFE_INTEGER });
  exchange.pass(1_000);
  ann.tells("hello");
  assertEquals(bob.heard, ["hello"]);
});

Deno.test("Directory: a guest whose link was lost for a moment misses nothing, and gets nothing twice", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  ann.tells("one");
  bob!.acknowledges = false;
  ann.tells("two");
  bob!.goesDown();
  ann.tells("three");
  bob!.acknowledges = true;
  bob!.connects().enters();
  assertEquals(bob!.heard, ["one", "two", "three"]);
  bob!.connects().enters();
  assertEquals(bob!.heard, ["one", "two", "three"]);

  bob!.acknowledges = false;
  ann.tells("four");
  bob!.acknowledges = true;
  bob!.connects().enters(); // the directory hasn't noticed that the link before was lost
  assertEquals(bob!.heard, ["one", "two", "three", "four"]);

  bob!.acknowledges = false;
  ann.tells("five");
  const restarted = exchange.guest("bob"); // nor that it was killed
  assertEquals(restarted.heard, ["five"]);
});

Deno.test("Directory: who is there gets it, however short it is kept", () => {
  const exchange = new Exchange({ ttlMs: 100 });
  const ann = exchange.guest("ann");
  const bob = exchange.guest("bob");
  bob.isHere();
  exchange.losesDatagrams = true;
  ann.tells("one");
  exchange.pass(200);
  ann.tells("two");
  exchange.pass(5_000);
  assertEquals(bob.heard, ["one", "two"]);
  exchange.command({ command: "status" });
  assertEquals(exchange.event("status").kept, 0);
});

Deno.test("Directory: who is there and behind gets what is kept for nobody else any more", () => {
  const exchange = new Exchange({ ttlMs: 100 });
  const ann = exchange.guest("ann");
  const bob = exchange.guest("bob");
  bob.acknowledges = false;
  for (let each = 1; each <= WINDOW_MAX + 5; each++) {
    ann.tells(`text ${each}`);
    exchange.pass(1_000);
  }
  bob.acknowledges = true;
  const first = bob.got.find(({ type }) => type === "told");
  assert(first?.type === "told");
  bob.says({ type: "got", through: first.number + (WINDOW_MAX - 1) * 1_000 });
  assertEquals(bob.heard, [33, 34, 35, 36, 37].map((each) => `text ${each}`));
});

Deno.test("Directory: a compacted log tells the same", () => {
  const { exchange: before, ann } = exchangeOf();
  before.account("bob").goesDown(true);
  before.account("cem");
  ann.tells("hello");
  before.disk.splice(0, before.disk.length, ...before.machine.snapshot());

  const exchange = before.restarted();
  assertEquals(exchange.account("bob").heard, ["hello"]);
  assertEquals(exchange.account("cem").heard, []);
  assertEquals(before.disk.filter(({ kind }) => kind === "store").length, 1);
});

Deno.test("Directory: a disk that was put back to an earlier state gives no number twice", () => {
  const { exchange: before, ann } = exchangeOf();
  const bob = before.account("bob");
  const disk = [...before.disk];
  ann.tells("lost");
  assertEquals(bob.heard, ["lost"]);
  before.disk.splice(0, before.disk.length, ...disk);
  before.pass(5_000);

  const exchange = before.restarted();
  const again = exchange.account("bob");
  again.through = bob.through;
  const sender = exchange.account("ann");
  sender.tells("new");
  assertEquals(again.heard, ["new"]);
});
