import { assert, assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import {
  BROADCASTS_MAX,
  BROADCASTS_MS,
  CONTROL_BURST,
  DATAGRAM_TEXT_BYTES_MAX,
  FLYING_MAX,
  FLYING_MS_MAX,
  LEAVE_MS_MAX,
  REACHED_MS_MAX,
  REPEAT_MS,
  REPORTS_MAX,
  UNSTORED_MAX,
  WINDOW_BYTES_MAX,
  WINDOW_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { signBroadcast } from "../../../../lib/protocols/directory/schema/signed_broadcast.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { Exchange, PASSWORD, type Somebody } from "../exchange.ts";
import { SLOW } from "../../../given.ts";

const TTL_MS = 30 * 60_000;
const DAY_MS = 86_400_000;
/** There and back: longer than until the last repetition. */
const FAR_MS = 2_000;

/** Ann, an account, and guests of these names, all of whom receive datagrams. */
function exchangeOf(...names: readonly string[]) {
  const exchange = new Exchange();
  const ann = exchange.account("ann");
  const guests = names.map((name) => exchange.guest(name));
  for (const somebody of [ann, ...guests]) somebody.isHere();
  exchange.pass(100);
  exchange.take();
  return { exchange, ann, guests };
}

Deno.test("Directory: a broadcast reaches all but its sender, in datagrams, and the sender hears how many", () => {
  const { exchange, ann } = exchangeOf("bob", "cem");
  ann.tells("hello");

  assertEquals(exchange.take(), [
    "ann: broadcast-taken 1",
    "* broadcast by ann",
    "bob~ told hello by ann",
    "cem~ told hello by ann",
    "ann: broadcast-sent, 2 have it",
  ]);
  exchange.pass(60_000);
  assertEquals(exchange.take(), []);
  assertEquals(exchange.machine.nextDeadlineMs(), null);
});

Deno.test("Directory: nobody hears of a broadcast that isn't on disk", () => {
  const { exchange, ann } = exchangeOf("bob");
  exchange.diskMode = "holds";
  ann.tells("hello");
  assertEquals(exchange.take(), []);
  exchange.diskAnswers();
  assertEquals(exchange.take().length, 4);

  exchange.diskMode = "refuses";
  ann.tells("never");
  assertEquals(exchange.take(), ["ann: refused disk", "* error disk"]);
  exchange.diskMode = "writes";
  ann.tells("again");
  assertEquals(exchange.take().includes("bob~ told again by ann"), true);
  exchange.command({ command: "status" });
  assertEquals(exchange.event("status").problems, []);
});

Deno.test("Directory: a long one goes over the link, and so does one to who hasn't shown where it is", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  exchange.guest("cem");
  exchange.take();
  ann.tells("x".repeat(DATAGRAM_TEXT_BYTES_MAX));
  ann.tells("x".repeat(DATAGRAM_TEXT_BYTES_MAX + 1));
  const told = exchange.take().filter((word) => word.includes("told"));
  assertEquals(told.map((word) => word.slice(0, 9)), [
    "bob~ told",
    "cem: told",
    "bob: told",
    "cem: told",
  ]);
  assertEquals(bob!.heard.length, 2);
});

Deno.test("Directory: a long one to many is one message", () => {
  const { exchange, ann } = exchangeOf("bob", "cem", "dan");
  const before = exchange.sends;
  ann.tells("x".repeat(2_000));
  assertEquals(exchange.sends - before, 3, "taken, told, sent");
});

Deno.test("Directory: a lost datagram is repeated, and then goes over the link", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  exchange.losesDatagrams = true;
  const from = exchange.datagrams;
  ann.tells("hello");
  const sent = [exchange.datagrams - from];
  for (const ms of REPEAT_MS) {
    exchange.pass(ms - 1);
    sent.push(exchange.datagrams - from);
    exchange.pass(1);
    sent.push(exchange.datagrams - from);
  }
  assertEquals(sent, [1, 1, 2, 2, 3, 3, 3]);
  assertEquals(bob!.heard, ["hello"]);
  assertEquals(exchange.take().slice(-2), [
    "bob: told hello by ann",
    "ann: broadcast-sent, 1 have it",
  ]);
});

Deno.test("Directory: one sender's broadcasts keep their order, whichever way they go", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  bob!.acknowledges = false;
  ann.tells("one");
  ann.tells("x".repeat(2_000));
  ann.tells("three");
  const over = bob!.got.flatMap((message) => message.type === "told" ? [message] : []);
  exchange.pass(5_000);
  const all = bob!.got.flatMap((message) => message.type === "told" ? [message] : []);
  assertEquals(over.length, 1);
  const numbers = [...new Map(all.map((each) => [each.number, each.after]))].sort();
  assertEquals(numbers.map(([, after]) => after), [0, numbers[0]![0], numbers[1]![0]]);
});

Deno.test("Directory: after 9 s the sender hears how many have it by then", () => {
  const { exchange, ann, guests: [bob, cem] } = exchangeOf("bob", "cem", "dan");
  bob!.acknowledges = false;
  cem!.acknowledges = false;
  ann.tells("hello");
  exchange.pass(REACHED_MS_MAX - 1);
  assert(!exchange.take().some((word) => word.includes("broadcast-sent")));
  exchange.pass(1);
  assertEquals(exchange.take(), ["ann: broadcast-sent, 1 have it"]);

  ann.tells("again");
  exchange.take();
  bob!.goesDown(true);
  cem!.goesDown(true);
  assertEquals(exchange.take().filter((word) => word.includes("sent")), [
    "ann: broadcast-sent, 1 have it",
  ]);
});

for (const how of ["account", "guest"] as const) {
  const returning = { how: how === "guest" ? "guest" : "resume" } as const;

  Deno.test(`Directory: an ${how} that comes back on another link before it has acknowledged counts as reached`, () => {
    for (const isLost of [true, false]) {
      for (const hadIt of [true, false]) {
        const { exchange, ann } = exchangeOf();
        const bob = exchange[how]("bob");
        bob.acknowledges = false; // or it was on its way as the link broke
        ann.tells("hello");
        exchange.take();
        if (isLost) bob.goesDown();
        assert(!exchange.take().some((word) => word.includes("broadcast-sent")));
        bob.acknowledges = true;
        bob.connects().enters({ ...returning, seen: hadIt ? bob.last("told").number : null });
        assert(exchange.take().includes("ann: broadcast-sent, 1 have it"));
        assertEquals(bob.heard, hadIt ? [] : ["hello"]);
      }
    }
  });

  Deno.test(`Directory: an ${how} that is lost and doesn't come back is waited for no longer than others`, () => {
    const { exchange, ann } = exchangeOf();
    const bob = exchange[how]("bob");
    bob.acknowledges = false;
    ann.tells("hello");
    bob.goesDown();
    exchange.take();
    exchange.pass(REACHED_MS_MAX);
    assert(exchange.take().includes("ann: broadcast-sent, 0 have it"));
  });
}

Deno.test("Directory: a guest that comes back too late to be told counts for nothing", () => {
  const { exchange, ann } = exchangeOf();
  const bob = exchange.guest("bob");
  bob.acknowledges = false;
  ann.tells("hello");
  bob.enters(); // twice: no name is held for it
  exchange.take();
  bob.connects().enters();
  assertEquals(exchange.take().filter((word) => word.includes("sent")), [
    "ann: broadcast-sent, 0 have it",
  ]);
  exchange.pass(REACHED_MS_MAX);
  assert(!exchange.take().some((word) => word.includes("sent")));
});

Deno.test("Directory: an account that comes back when it is too late to come for it counts for nothing", () => {
  const exchange = new Exchange({ ttlMs: 100 });
  const ann = exchange.account("ann");
  const cem = exchange.guest("cem");
  const bob = exchange.account("bob");
  for (const slow of [bob, cem]) slow.acknowledges = false;
  ann.tells("hello");
  bob.goesDown();
  exchange.pass(100);
  bob.acknowledges = true;
  bob.connects().enters({ how: "resume" });
  ann.tells("again");
  assertEquals(bob.heard, ["again"]);
  exchange.take();
  cem.goesDown(true);
  assertEquals(exchange.take().filter((word) => word.includes("sent")), [
    "ann: broadcast-sent, 0 have it",
    "ann: broadcast-sent, 1 have it",
  ]);
});

Deno.test("Directory: of so many at once that nobody acknowledges, the earliest are told as they are", () => {
  const exchange = new Exchange();
  const bob = exchange.guest("bob");
  bob.acknowledges = false;
  const senders = Array.from({ length: 6 }, (_, each) => exchange.guest(`n${each}`));
  for (let each = 0; each < BROADCASTS_MAX; each++) {
    for (const sender of senders) sender.tells("hello");
  }
  const sent = senders.flatMap(({ got }) => got).filter(({ type }) => type === "broadcast-sent");
  assertEquals(sent.length, 6 * BROADCASTS_MAX - REPORTS_MAX);
});

// Those who aren't there.

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

// Bounds and refusals.

Deno.test("Directory: sixty a minute for each sender, a reconnect in between or not", () => {
  const { exchange, ann } = exchangeOf("bob");
  for (let each = 0; each < BROADCASTS_MAX; each++) {
    ann.tells("hello");
    exchange.pass(100);
  }
  exchange.take();
  ann.tells("too fast");
  assertEquals(exchange.take(), ["ann: refused too-fast"]);
  const { retryMs } = ann.last("refused");
  assertEquals(retryMs, BROADCASTS_MS - 100 * BROADCASTS_MAX);
  const laptop = exchange.account("ann", "laptop");
  laptop.tells("too fast", 1_000);
  assertEquals(laptop.last("refused").code, "too-fast");
  const bobby = exchange.somebody("bob2", { device: "bob2" }).enters();
  for (let each = 0; each < BROADCASTS_MAX; each++) bobby.tells("hello");
  bobby.goesDown(true);
  bobby.connects().enters({ name: "bob3" });
  bobby.tells("a guest under another name");
  assertEquals(bobby.last("refused").code, "too-fast");
  exchange.take();
  exchange.guest("cem").tells("another sender");
  assert(exchange.take().includes("bob~ told another sender by cem"));
  exchange.pass(retryMs);
  laptop.tells("in time", 1_001);
  assert(exchange.take().includes("bob~ told in time by ann"));
});

for (
  const [policy, account, guest] of [
    ["all", true, true],
    ["accounts", true, false],
    ["operator", false, false],
  ] as const
) {
  Deno.test(`Directory: ${policy} may tell all, others may not`, () => {
    const exchange = new Exchange({ broadcast: policy });
    const ann = exchange.account("ann");
    const bob = exchange.guest("bob");
    assertEquals([ann.last("entered").mayBroadcast, bob.last("entered").mayBroadcast], [
      account,
      guest,
    ]);
    for (const [somebody, may] of [[ann, account], [bob, guest]] as const) {
      exchange.take();
      somebody.tells("hello");
      const [word] = exchange.take();
      assertEquals(word, `${somebody.name}: ${may ? "broadcast-taken 1" : "refused not-allowed"}`);
    }
    exchange.take();
    exchange.command({ command: "broadcast", text: "listen" }, "r");
    assertEquals(exchange.take(), [
      "* broadcast by *directory* [r]",
      "ann: told listen by *directory*",
      "bob: told listen by *directory*",
      "* broadcast-sent, 2 have it [r]",
    ]);
  });
}

Deno.test("Directory: what the operator says is bounded as well", () => {
  const { exchange } = exchangeOf();
  exchange.command({ command: "broadcast", text: "x".repeat(65_537) }, "r");
  assertEquals(exchange.take(), ["* error too-long [r]"]);
  for (let each = 0; each < BROADCASTS_MAX; each++) {
    exchange.command({ command: "broadcast", text: "hello" });
  }
  exchange.take();
  exchange.command({ command: "broadcast", text: "hello" }, "r");
  assertEquals(exchange.take(), ["* error too-fast [r]"]);
});

Deno.test("Directory: the same broadcast again is taken once, after a restart, too", () => {
  const { exchange: before, ann, guests: [bob] } = exchangeOf("bob");
  ann.tells("hello", 77);
  before.take();
  ann.tells("hello", 77);
  assertEquals([before.take(), bob!.heard], [["ann: broadcast-taken 77"], ["hello"]]);
  before.diskMode = "holds";
  ann.tells("twice", 78);
  ann.tells("twice", 78);
  before.diskAnswers();
  assertEquals(bob!.heard, ["hello", "twice"]);

  const exchange = before.restarted();
  const again = exchange.account("ann");
  exchange.take();
  again.tells("hello", 77);
  assertEquals(exchange.take(), ["ann: broadcast-taken 77"]);
  exchange.pass(TTL_MS);
  again.tells("new", 79);
  exchange.take();
  again.tells("hello", 77);
  assertEquals(exchange.take(), ["ann: broadcast-taken 77"], "though nobody is told it any more");
  exchange.account("eve").tells("another's", 77);
  assert(exchange.take().includes("ann: told another's by eve"));
});

Deno.test("Directory: a broadcast whose sender reconnects while it is written is told to the new link", () => {
  const { exchange, ann } = exchangeOf("bob");
  exchange.diskMode = "holds";
  ann.tells("hello");
  ann.goesDown();
  ann.connects().enters({ how: "resume" });
  exchange.take();
  exchange.diskAnswers();
  const words = exchange.take();
  assert(words.includes("ann: broadcast-taken 1") && !words.includes("ann: told hello by ann"));

  exchange.diskMode = "holds";
  ann.tells("again");
  const laptop = exchange.account("ann", "laptop");
  exchange.diskAnswers();
  assert(!laptop.got.some(({ type }) => type === "broadcast-taken"), "it isn't the laptop's");
});

Deno.test("Directory: that the disk refuses is said on the link that asked: it doesn't say of what it is", () => {
  for (const isAsked of [false, true]) {
    const { exchange, ann } = exchangeOf("bob");
    exchange.diskMode = "holds";
    ann.tells("hello", 7);
    ann.goesDown();
    ann.connects().enters({ how: "resume" });
    if (isAsked) ann.tells("hello", 7);
    exchange.take();
    exchange.diskAnswers("refuses");
    const refused = isAsked ? ["ann: refused disk"] : [];
    assertEquals(exchange.take(), [...refused, "* error disk"]);
    exchange.diskMode = "writes";
    ann.tells("hello", 7);
    assert(exchange.take().includes("bob~ told hello by ann"));
  }
});

Deno.test("Directory: that the disk refuses isn't said to the next program of that device", () => {
  const { exchange, ann } = exchangeOf();
  exchange.diskMode = "holds";
  ann.tells("hello");
  const next = exchange.account("ann");
  exchange.diskAnswers("refuses");
  assertEquals([ann, next].map(({ got }) => got.some(({ type }) => type === "refused")), [
    false,
    false,
  ]);
});

Deno.test("Directory: a disk that doesn't answer isn't given more and more", () => {
  const exchange = new Exchange();
  const senders = Array.from({ length: 6 }, (_, each) => exchange.guest(`n${each}`));
  exchange.diskMode = "holds";
  for (let each = 0; each < 50; each++) for (const sender of senders) sender.tells("hello");
  const refused = senders.flatMap(({ got }) => got).filter(({ type }) => type === "refused");
  assertEquals(refused.length, 6 * 50 - UNSTORED_MAX);
  exchange.diskAnswers();
  assertEquals(exchange.event("broadcast").event, "broadcast");
});

Deno.test("Directory: whose disk is full says when to try again, so that nobody is taken for a flood", () => {
  const { exchange, ann } = exchangeOf();
  exchange.diskMode = "refuses";
  ann.tells("hello");
  assertEquals([ann.last("refused").code, ann.last("refused").retryMs], ["disk", 1_000]);
});

Deno.test("Directory: a refused broadcast doesn't count against its sender", () => {
  const { exchange, ann } = exchangeOf("bob");
  exchange.diskMode = "refuses";
  for (let each = 0; each <= BROADCASTS_MAX; each++) {
    ann.tells("never");
    assertEquals(ann.last("refused").code, "disk");
    exchange.pass(100);
  }
});

Deno.test("Directory: acknowledging the same again and again is a flood", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  ann.tells("hello");
  exchange.take();
  for (let each = 0; each < 2 * CONTROL_BURST; each++) {
    bob!.says({ type: "got", through: bob!.through });
  }
  assert(exchange.take().some((word) => word.startsWith("bob: ban")));
});

Deno.test("Directory: whoever is far away acknowledges each repetition, and that is no flood", () => {
  const { exchange, guests: [bob, ...tellers] } = exchangeOf("bob", "cem", "dan", "eva", "flo");
  const coming: { readonly atMs: number; readonly through: number }[] = [];
  bob!.told = ({ number }) => {
    coming.push({ atMs: exchange.nowMs + FAR_MS, through: number });
  };
  for (let each = 0; each < BROADCASTS_MAX; each++) {
    for (const teller of tellers) teller.tells("hello");
  }
  let through = 0;
  const numbers = new Set<number>();
  while (coming.length > 0) {
    exchange.pass(50);
    for (
      let next = coming[0];
      next !== undefined && next.atMs <= exchange.nowMs;
      next = coming[0]
    ) {
      numbers.add(next.through);
      through = Math.max(through, next.through);
      coming.shift();
      for (const way of ["sends", "says"] as const) bob![way]({ type: "got", through });
    }
  }
  assertEquals(numbers.size, tellers.length * BROADCASTS_MAX);
  assert(!exchange.take().some((word) => word.startsWith("bob: ban")));
});

Deno.test("Directory: a disk that refuses to note who has what is told of once, and again after a recovery", () => {
  const { exchange, ann } = exchangeOf();
  const bob = exchange.account("bob");
  const errors = () => exchange.events.filter(({ event }) => event === "error").length;
  for (const expected of [1, 2]) {
    bob.acknowledges = false;
    for (const text of ["one", "two"]) ann.tells(text);
    const told = bob.got.flatMap((message) => message.type === "told" ? [message.number] : []);
    exchange.diskMode = "refuses";
    for (const through of told.slice(-2)) bob.says({ type: "got", through });
    assertEquals(errors(), expected);
    exchange.command({ command: "status" });
    assertEquals(exchange.event("status").problems, ["the disk is full"]);
    exchange.diskMode = "writes";
    bob.acknowledges = true;
  }
});

function toldTo(somebody: Somebody): number {
  return somebody.got.filter(({ type }) => type === "told").length;
}

Deno.test("Directory: one that acknowledges nothing is sent a window, and holds nobody up", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  const [bob, cem] = [exchange.guest("bob"), exchange.guest("cem")];
  bob.acknowledges = false;
  for (let each = 0; each < WINDOW_MAX + 10; each++) {
    ann.tells("hello");
    exchange.pass(1_000);
  }
  assertEquals([toldTo(bob), cem.heard.length], [WINDOW_MAX, WINDOW_MAX + 10]);
  const last = bob.got.findLast((message) => message.type === "told")!;
  assert(last.type === "told");
  bob.says({ type: "got", through: last.number });
  assertEquals(toldTo(bob), WINDOW_MAX + 10);
});

Deno.test("Directory: so many bytes at once to one client", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  const bob = exchange.guest("bob");
  bob.acknowledges = false;
  const text = "x".repeat(65_536);
  for (let each = 0; each < 10; each++) ann.tells(text);
  assertEquals(toldTo(bob), WINDOW_BYTES_MAX / text.length);
  const { number } = bob.last("told");
  bob.says({ type: "got", through: number });
  assertEquals(toldTo(bob), 2 * WINDOW_BYTES_MAX / text.length);
});

Deno.test("Directory: what may be lost on a slow link is sent again", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  const bob = exchange.guest("bob");
  bob.acknowledges = false;
  ann.tells("one");
  exchange.feed({ type: "congested", link: bob.link });
  ann.tells("two");
  assertEquals(toldTo(bob), 1);
  bob.acknowledges = true;
  exchange.feed({ type: "drained", link: bob.link });
  assertEquals(bob.heard, ["one", "two"]);
});

Deno.test("Directory: what goes over the link at last waits until that takes data, and nothing else does", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  exchange.losesDatagrams = true;
  exchange.feed({ type: "congested", link: bob!.link });
  ann.tells("one");
  exchange.pass(5_000);
  ann.tells("two");
  assertEquals(toldTo(bob!), 0);
  exchange.feed({ type: "drained", link: bob!.link });
  assertEquals(bob!.heard, ["one"]);
  exchange.pass(5_000);
  assertEquals([bob!.heard, toldTo(bob!)], [["one", "two"], 2]);
});

Deno.test("Directory: whoever acknowledges in a datagram what it was never told is shut out", () => {
  const { exchange, guests: [bob] } = exchangeOf("bob");
  bob!.sends({ type: "got", through: 5 });
  assert(exchange.take().some((word) => word.startsWith("bob: ban")));
});

Deno.test("Directory: datagrams of nobody, of a session that ended, or again, change nothing", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  const { path, endpoint } = bob!;
  assert(path !== null);
  const late = path.seal({ type: "got", through: 0 });
  exchange.feed({ type: "datagram", from: endpoint, bytes: late });
  exchange.feed({ type: "datagram", from: endpoint, bytes: late });
  exchange.feed({ type: "datagram", from: endpoint, bytes: new Uint8Array(100).fill(5) });
  exchange.feed({ type: "datagram", from: endpoint, bytes: new Uint8Array(0) });
  bob!.goesDown(true);
  const ended = path.seal({ type: "got", through: 1 });
  exchange.feed({ type: "datagram", from: endpoint, bytes: ended });
  exchange.take();
  ann.tells("hello");
  assert(exchange.take().includes("ann: broadcast-sent, 0 have it"));
});

Deno.test(
  "Directory: a broadcast to a thousand is a thousand datagrams and a handful of messages",
  SLOW,
  () => {
    const exchange = new Exchange();
    const ann = exchange.guest("ann");
    const many = Array.from({ length: 1_000 - 1 }, (_, each) => exchange.guest(`n${each}`));
    for (const somebody of many) somebody.isHere();
    exchange.pass(100);
    const [sends, datagrams] = [exchange.sends, exchange.datagrams];
    ann.tells("hello");
    assertEquals([exchange.sends - sends, exchange.datagrams - datagrams], [2, 999]);
    assertEquals(ann.last("broadcast-sent").reached, 999);
  },
);

/** Ann, and so many guests who acknowledge nothing, all of whom have been told all that may be on its way at once. */
function exchangeOfMany(count: number) {
  const names = Array.from({ length: count }, (_, at) => `guest-${at}`);
  const { exchange, ann, guests } = exchangeOf(...names);
  for (const guest of guests) guest.acknowledges = false;
  exchange.datagrams = 0;
  ann.tells("hello");
  const { number: through } = ann.last("broadcast-taken");
  const got = (guest: Somebody | undefined) => guest!.sends({ type: "got", through });
  return { exchange, ann, guests, all: count, first: exchange.datagrams, got };
}

Deno.test("Directory: so many datagrams at once are on their way, to all together", () => {
  const { exchange, guests, all, first, got } = exchangeOfMany(FLYING_MAX + 50);
  assertEquals([all - first, first], [50, FLYING_MAX]);

  // Those that are acknowledged, or whose client is gone, make room for as many others, once they are so many.
  for (const guest of guests.slice(2, WINDOW_MAX)) got(guest);
  got(guests[2]);
  assertEquals(exchange.datagrams, FLYING_MAX);
  guests[0]!.goesDown();
  assertEquals(exchange.datagrams, FLYING_MAX);
  got(guests[1]);
  assertEquals(exchange.datagrams, FLYING_MAX + WINDOW_MAX);
});

Deno.test("Directory: whoever comes back when a broadcast isn't kept any more doesn't count among those who have it", () => {
  const exchange = new Exchange({ ttlMs: 100 });
  const ann = exchange.account("ann");
  const bob = exchange.account("bob");
  bob.acknowledges = false;
  ann.tells("one");
  const { number } = ann.last("broadcast-taken");
  bob.goesDown();
  exchange.pass(100);
  ann.tells("two");
  bob.acknowledges = true;
  bob.connects().enters({ how: "resume" });
  exchange.pass(11_000);

  assertEquals(bob.heard, ["two"]);
  const reports = ann.got.flatMap((message) =>
    message.type === "broadcast-sent" && message.number === number ? [message.reached] : []
  );
  assertEquals(reports, [0]);
});

Deno.test(
  "Directory: those that nobody acknowledges make room after a while, and all are told",
  SLOW,
  () => {
    const { exchange, guests } = exchangeOfMany(2 * FLYING_MAX + 10);

    exchange.pass(FLYING_MS_MAX);
    assertEquals(exchange.datagrams, 2 * FLYING_MAX);
    // Those whose repetition is due wait, too.
    assertEquals(exchange.machine.nextDeadlineMs(), exchange.nowMs + FLYING_MS_MAX);
    for (const guest of guests) guest.acknowledges = true;
    exchange.pass(10_000);

    const told = guests.map(({ heard }) => heard.length);
    assertEquals(told, guests.map(() => 1));
  },
);

Deno.test(
  "Directory: a crowd that acknowledges late, or never, holds up nobody who does",
  SLOW,
  () => {
    for (const isLate of [true, false]) {
      const { exchange, ann, guests } = exchangeOfMany(2 * FLYING_MAX);
      const [bob, cem] = [exchange.guest("bob"), exchange.guest("cem")];
      bob.isHere();
      exchange.pass(2_000);
      for (let each = 1; each <= 20; each++) {
        ann.tells(`text ${each}`);
        // He is told by a datagram, she over her link.
        assertEquals([bob.heard.length, cem.heard.length], [each, each]);
        exchange.pass(FLYING_MS_MAX + 500);
        if (!isLate) continue;
        const { number: through } = ann.last("broadcast-taken");
        for (const guest of guests) guest.sends({ type: "got", through });
      }
    }
  },
);

Deno.test("Directory: whoever waits for its turn has it before those who had theirs", () => {
  const { ann, guests, got } = exchangeOfMany(FLYING_MAX + 2);
  const [one, other] = guests.slice(-2) as [Somebody, Somebody];
  one.acknowledges = other.acknowledges = true;
  ann.tells("again");
  assertEquals([one.heard.length, other.heard.length], [0, 0]);

  for (const guest of guests.slice(0, WINDOW_MAX)) got(guest);

  assertEquals([one.heard.length > 0, other.heard.length > 0], [true, true]);
});

Deno.test("Directory: so many datagrams to few are on their way, and each gets all in order", () => {
  const names = Array.from({ length: Math.ceil(FLYING_MAX / WINDOW_MAX) + 1 }, (_, at) => `n${at}`);
  const { exchange, ann, guests } = exchangeOf(...names);
  for (const guest of guests) guest.acknowledges = false;
  exchange.datagrams = 0;
  const texts = Array.from({ length: WINDOW_MAX }, (_, at) => `text ${at}`);
  for (const text of texts) ann.tells(text);
  assertEquals(exchange.datagrams, FLYING_MAX);

  for (const guest of guests) guest.acknowledges = true;
  exchange.pass(10_000);

  for (const { heard } of guests) assertEquals(heard, texts);
});

Deno.test("Directory: who says it again under another name is told when it is taken", () => {
  const exchange = new Exchange();
  exchange.guest("bob");
  const ann = exchange.guest("ann");
  exchange.diskMode = "holds";
  ann.tells("hello", 7);
  ann.goesDown();
  const again = exchange.somebody("anna", { device: "ann" }).enters();
  again.tells("hello", 7);
  exchange.diskAnswers();

  assertEquals(again.last("broadcast-taken").own, 7);
});

Deno.test("Directory: of what clients tell all, and a full disk refuses, its operator is told once", () => {
  const { exchange, ann } = exchangeOf();
  exchange.diskMode = "refuses";
  const words: string[] = [];
  for (let each = 0; each < 3; each++) {
    ann.tells("hello");
    exchange.pass(1_000);
    words.push(...exchange.take());
  }
  assertEquals(words, [
    "ann: refused disk",
    "* error disk",
    "ann: refused disk",
    "ann: refused disk",
  ]);
  exchange.command({ command: "broadcast", text: "hello" }, "r1");
  exchange.command({ command: "broadcast", text: "hello" }, "r2");
  assertEquals(exchange.take(), ["* error disk [r1]", "* error disk [r2]"]);

  exchange.diskMode = "writes";
  ann.tells("hello");
  exchange.take();
  exchange.diskMode = "refuses";
  ann.tells("hello");
  assertEquals(exchange.take(), ["ann: refused disk", "* error disk"]);
});

/** The operator tells all, and leaves at once, as at the end of input. */
function operatorTellsAndQuits(exchange: Exchange): void {
  exchange.command({ command: "broadcast", text: "we are closing" }, "r1");
  exchange.command({ command: "quit" });
}

Deno.test("Directory: what its operator tells all right before it ends reaches those who are there", () => {
  const { exchange, guests: [bob] } = exchangeOf("bob");
  exchange.diskMode = "holds";
  operatorTellsAndQuits(exchange);
  assertEquals(exchange.take(), []);
  exchange.diskAnswers();

  assertEquals(bob!.heard, ["we are closing"]);
  const words = exchange.take();
  assert(words.includes("* broadcast-sent, 2 have it [r1]"), words.join("\n"));
  assert(words.includes("bob: dismissed closing"), words.join("\n"));
  assertEquals(words.at(-1), "stops: bye");
});

Deno.test("Directory: its operator waits neither for what others tell all, nor where nobody is there", () => {
  const { exchange, ann } = exchangeOf("bob");
  exchange.diskMode = "holds";
  ann.tells("hello"); // is told again when the directory is back
  exchange.command({ command: "quit" });
  assertEquals(exchange.take().at(-1), "stops: bye");

  const alone = new Exchange();
  operatorTellsAndQuits(alone);
  assertEquals(alone.take().slice(-2), ["* broadcast-sent, 0 have it [r1]", "stops: bye"]);
});

Deno.test("Directory: its operator waits for who doesn't answer until that is told, 9 s", () => {
  const { exchange, guests: [bob] } = exchangeOf("bob");
  bob!.acknowledges = false;
  operatorTellsAndQuits(exchange);
  exchange.take();
  const operators = () => exchange.take().filter((word) => !word.startsWith("bob"));
  exchange.pass(999);
  assertEquals(operators(), []);
  exchange.pass(1);
  assertEquals(operators(), ["* notice"]);
  exchange.command({ command: "quit" });
  exchange.pass(REACHED_MS_MAX - 1_001);
  assertEquals(operators(), []);
  exchange.pass(1);
  assertEquals(exchange.take().filter((word) => /^[*s]/.test(word)), [
    "* broadcast-sent, 1 have it [r1]",
    "* logout ann closing",
    "* logout bob closing",
    "stops: bye",
  ]);
});

Deno.test("Directory: its operator waits for a disk that doesn't answer 10 s at most", () => {
  const exchange = new Exchange();
  exchange.diskMode = "holds";
  operatorTellsAndQuits(exchange);
  exchange.pass(LEAVE_MS_MAX - 1);
  assertEquals(exchange.take(), ["* ready", "* notice"]);
  exchange.pass(1);
  assertEquals(exchange.take(), ["* error in-doubt [r1]", "stops: bye"]);
});

Deno.test("Directory: takes no broadcast that its sender hasn't signed for it, under the name that it has", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  const words = { own: 1, sentAt: 5, text: "hello" };
  const said = { directory: fakeSigner("directory").key, from: "ann", ...words };
  const signer = fakeSigner(ann.device);
  for (
    const signature of [
      new Uint8Array(64),
      signBroadcast(fakeSigner(bob!.device), said),
      signBroadcast(signer, { ...said, directory: bob!.key }),
      signBroadcast(signer, { ...said, from: "bob" }),
      signBroadcast(signer, { ...said, sentAt: 6 }),
      signBroadcast(signer, { ...said, text: "hello!" }),
    ]
  ) ann.says({ type: "broadcast", ...words, signature });
  const refused = ann.got.flatMap((message) => message.type === "refused" ? message.code : []);
  assertEquals(refused, Array(6).fill("protocol"));
  assertEquals(bob!.heard, []);
  ann.says({ type: "broadcast", ...words, signature: signBroadcast(signer, said) });
  exchange.take();
  assertEquals(bob!.heard.length, 1);
});
