/** Coming in: accounts, devices, and who takes whose place. */

import { assert, assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { foldName } from "../../../../lib/base/text/names.ts";
import {
  CONTROL_BURST,
  RELAY_PIECES_BURST,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { callId, Exchange, type Somebody } from "../exchange.ts";

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
