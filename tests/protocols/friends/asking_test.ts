// What the user asks: `r/`, `/list`, `/outbox`, `/status`, `/verify`, `/trust`.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import {
  CHECK_INTERVAL_MS,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
  STRANGE_KEPT_MS,
  STRANGE_TOLD_MS,
} from "../../../lib/protocols/friends/limits.ts";
import { BOB, CEM, EVE, received, row, ROWS } from "./fixtures.ts";
import { Program } from "./program.ts";

const CEM_PINNED = new Map([["cem", fingerprintOf(CEM)]]);

Deno.test("Friends begins by saying who it is, where, and who its friends are", () => {
  const ann = new Program();
  ann.feed({ type: "start" });

  assertEquals(ann.events, [{
    event: "ready",
    command: "peer",
    name: "ann",
    host: "10.0.0.1",
    port: 5_001,
    key: fingerprintOf(ann.key),
    users: "users.txt",
    names: ["bob", "cem"],
  }]);
});

Deno.test("Friends says that there is nobody of that name, and the form", () => {
  const ann = Program.started();

  assertEquals(ann.say("dora", "hi", "r"), ["error unknown-user [r]"]);
  assertStringIncludes(ann.told[0]!, "NAME/TEXT");
  for (const command of ["verify", "trust"] as const) {
    assertEquals(ann.command({ command, name: "dora" }, "r"), ["error unknown-user [r]"]);
    assertEquals(ann.command({ command, name: "Ann" }, "r"), ["error unknown-user [r]"]);
    assertStringIncludes(ann.told.at(-1)!, "Ann is you: ");
  }
});

Deno.test("Friends takes r for who wrote last, an earlier process's messages included", () => {
  const ann = Program.started({ pins: CEM_PINNED });
  assertEquals(ann.say("r", "hi"), ["error unknown-user"]);
  assertStringIncludes(ann.told[0]!, "nobody has written to you since this program started");
  ann.meets(BOB);
  ann.meets(CEM, { name: "cem" });
  ann.texts(2, [1]);
  ann.texts(1, [1]);
  ann.say("ann", "a note");

  assertEquals(ann.say("r", "hi"), ["1: texts hi", "bob queued"]);
  ann.texts(2, [2]);
  assertEquals(ann.say("R", "hi"), ["2: texts hi", "cem queued"]);

  const later = Program.started({ records: [received(1)] });
  assertEquals(later.say("r", "hi").at(-1), "bob queued");
});

Deno.test("Friends takes r for a friend who is called so", () => {
  const ann = Program.started({ friends: [...ROWS, row("r", 7)] });
  ann.meets();
  ann.texts(1, [1]);

  assertEquals(ann.say("r", "hi"), ["dials anybody at 10.0.0.7:5001", "r queued"]);
});

Deno.test("Friends answers r with nobody who isn't in the table any more", () => {
  const ann = Program.started();
  ann.meets();
  ann.texts(1, [1]);
  ann.edited([row("cem", 3)]);

  assertEquals(ann.say("r", "hi"), ["error unknown-user"]);
});

Deno.test("Friends lists all friends in the table's order, and who is connected", () => {
  const ann = Program.started();
  ann.meets();

  ann.command({ command: "list" }, "r");

  assertEquals(ann.events.at(-1), {
    event: "friends",
    friends: [
      { name: "bob", key: fingerprintOf(BOB), host: "10.0.0.2", port: 5_001, connected: true },
      { name: "cem", key: null, host: "10.0.0.3", port: 5_001, connected: false },
    ],
    self: { name: "ann", host: "10.0.0.1", port: 5_001 },
  });
});

Deno.test("Friends lists what waits, with ids, texts and times", () => {
  const ann = Program.started();
  ann.say("cem", "one");
  ann.say("bob", "two");

  ann.command({ command: "outbox" });

  const outbox = ann.events.at(-1);
  assertEquals(
    outbox?.event === "outbox" && outbox.messages.map(({ id, ...rest }) => [id.slice(0, 3), rest]),
    [
      ["002", { to: "bob", text: "two", sentAt: "2023-11-14T22:13:20.000Z" }],
      ["001", { to: "cem", text: "one", sentAt: "2023-11-14T22:13:20.000Z" }],
    ],
  );
});

Deno.test("Friends says in a status who is linked, what waits, and what is wrong, until it is right", () => {
  const ann = Program.started();
  const status = () => {
    ann.command({ command: "status" });
    const last = ann.events.at(-1);
    return last?.event === "status" ? last : null;
  };
  ann.meets();
  ann.say("cem", "hi");
  ann.fails();

  assertEquals(status()?.unsent, 1);
  assertEquals(status()?.problems, ["cem: it is unreachable (10.0.0.3:5001)"]);
  assertEquals(status()?.friends, [
    {
      name: "bob",
      host: "10.0.0.2",
      port: 5_001,
      connected: true,
      key: fingerprintOf(BOB),
      waiting: 0,
      roundTripMs: null,
      problem: null,
    },
    {
      name: "cem",
      host: "10.0.0.3",
      port: 5_001,
      connected: false,
      key: null,
      waiting: 1,
      roundTripMs: null,
      problem: "it is unreachable (10.0.0.3:5001)",
    },
  ]);
  ann.pass(500);
  ann.reaches(CEM);
  ann.hello(2, { name: "cem" });
  assertEquals([status()?.problems, status()?.friends[1]?.key], [[], fingerprintOf(CEM)]);
});

Deno.test("Friends gives both keys to verify by, of a friend it has met", () => {
  const ann = Program.started();
  assertEquals(ann.command({ command: "verify", name: "bob" }, "r"), ["error offline [r]"]);
  ann.meets();

  assertEquals(ann.command({ command: "verify", name: "bob" }, "r"), ["verify [r]"]);
  assertEquals(ann.events.at(-1), {
    event: "verify",
    name: "bob",
    key: fingerprintOf(BOB),
    ownKey: ann.key,
    peerKey: BOB,
  });
});

Deno.test("Friends gives no key to verify by once another is expected, until that one was met", () => {
  const ann = Program.started();
  ann.meets();

  ann.edited([row("bob", 2, fingerprintOf(EVE))]);

  assertEquals(ann.command({ command: "verify", name: "bob" }, "r"), ["error offline [r]"]);
  ann.edited([row("bob", 2, fingerprintOf(BOB))]);
  ann.meets();
  assertEquals(ann.command({ command: "verify", name: "bob" }, "r"), ["verify [r]"]);
});

Deno.test("Friends accepts the other key that was met, and talks with that one", () => {
  const ann = Program.started({ pins: CEM_PINNED });
  ann.say("cem", "hi");
  assertEquals(ann.fails("wrong-key", EVE)[0], "error key-changed");

  assertEquals(ann.command({ command: "trust", name: "cem" }, "r"), [
    "pins eve as cem again",
    "notice [r]",
    "dials eve at 10.0.0.3:5001",
  ]);
  assertStringIncludes(ann.told.at(-1)!, fingerprintOf(EVE));
  ann.reaches(EVE);
  assertEquals(ann.hello(1, { name: "cem" }).at(-1), "1: texts hi");
  assertEquals(ann.meets(CEM, { name: "cem" }).at(-1), "closes 2: refused: key-changed");
});

Deno.test("Friends lets nothing go to a key whose digits were different, until /trust", () => {
  const ann = Program.started();
  ann.say("cem", "hi");
  ann.reaches(CEM);
  ann.hello(1, { name: "cem" });
  const yes = { command: "verify", name: "cem", answer: "yes" } as const;
  assertEquals(ann.command(yes), ["verify", "error not-allowed"]);
  assertEquals(ann.command(yes), ["verify"]);

  const words = ann.command({ command: "verify", name: "cem", answer: "no" });

  assertEquals(words.slice(0, 2), ["verify", "closes 1: another key is expected"]);
  ann.goesDown(1);
  ann.say("cem", "who are you?");
  ann.pass(RETRY_MS_MAX);
  assertEquals(ann.reaches(CEM).filter((word) => !word.startsWith("error")), [
    "2: refuse key-changed",
    "closes 2: refused: key-changed",
  ]);
  assertEquals(ann.meets(CEM, { name: "cem" }).at(-1), "closes 3: refused: key-changed");
  assertStringIncludes(ann.told.at(-1)!, "you found its digits to be different");

  // The digits were the same after all: that alone doesn't accept the key.
  assertEquals(ann.command({ command: "verify", name: "cem" }), ["verify"]);
  assertEquals(ann.command(yes), ["verify"]);
  assertEquals(ann.meets(CEM, { name: "cem" }).at(-1), "closes 4: refused: key-changed");

  const trusted = ann.command({ command: "trust", name: "cem" });
  assertEquals(trusted[0], "pins cem as cem again");
});

/** What waits for cem, whose digits were found to be different, as the user is told. */
function heldFor(ann: Program): readonly string[] {
  ann.say("cem", "hi");
  ann.reaches(CEM);
  ann.hello(1, { name: "cem" });
  ann.acknowledges(1, 1);
  ann.command({ command: "verify", name: "cem" });
  ann.command({ command: "verify", name: "cem", answer: "no" });
  ann.goesDown(1);
  ann.told.length = 0;
  ann.say("cem", "x");
  ann.pass(RETRY_MS_MIN);
  ann.reaches(CEM);
  ann.goesDown(2);
  return ann.told;
}

Deno.test("Friends says of what waits for a key that was refused that it is held here, until /trust", () => {
  const ann = Program.started();
  const until = "once you type /trust cem, or the right key answers";
  assertEquals(heldFor(ann).at(-1), `Kept for cem, and sent ${until} (1 waiting)`);
  ann.say("cem", "y");
  const delivery = ann.events.findLast(({ event }) => event === "delivery");
  assertEquals(delivery?.event === "delivery" && [delivery.reason, delivery.sentWhen], [
    "has a key that isn't accepted here",
    until,
  ]);

  ann.command({ command: "trust", name: "cem" });
  ann.reaches(CEM);
  ann.hello(3, { name: "cem" });
  ann.acknowledges(3, 3);

  assertEquals(ann.told.at(-1), "2 messages delivered to cem");
});

Deno.test("Friends says of what waits for a refused key, once nobody is there, that it waits for the friend", () => {
  const ann = Program.started();
  heldFor(ann);
  ann.pass(RETRY_MS_MAX);
  ann.say("cem", "y");
  ann.fails();

  assertStringIncludes(ann.told.at(-1)!, "and sent when cem is back (2 waiting)");
});

Deno.test("Friends tells whoever has a refused key that the digits were different, not that another is known", () => {
  const ann = Program.started();
  heldFor(ann);

  const refusal = ann.sent.findLast(({ type }) => type === "refuse");

  assertEquals(
    refusal?.type === "refuse" && refusal.text,
    "ann found your digits to be different from cem's; if you are cem, compare again: /trust cem there accepts " +
      `your key, ${fingerprintOf(CEM)}`,
  );
});

Deno.test("Friends marks in the list whose key was refused, until another one is expected", () => {
  const refused = [{ name: "cem", fingerprint: fingerprintOf(CEM) }];
  const changed = (ann: Program) => {
    ann.command({ command: "list" });
    const list = ann.events.at(-1);
    return list?.event === "friends" ? list.friends.map(({ changed }) => changed?.key) : [];
  };
  const [bob, cem] = [fingerprintOf(BOB), fingerprintOf(CEM)];
  assertEquals(changed(Program.started()), [undefined, undefined]);
  assertEquals(changed(Program.started({ refused })), [undefined, cem]);
  const pins = new Map([["cem", fingerprintOf(EVE)]]);
  assertEquals(changed(Program.started({ refused, pins })), [undefined, undefined]);
  const ofTable = [{ name: "bob", fingerprint: fingerprintOf(BOB) }];
  assertEquals(changed(Program.started({ refused: ofTable })), [bob, undefined]);
});

Deno.test("Friends sends nothing more to a key that is refused in another program of the profile", () => {
  const ann = Program.started({ pins: CEM_PINNED });
  ann.say("cem", "hi");
  ann.reaches(CEM);
  ann.hello(1, { name: "cem" });
  const refuse = (key: PeerKey) =>
    ann.command({ command: "refuse", name: "cem", key: fingerprintOf(key) });
  assertEquals(refuse(EVE), []);

  assertEquals(refuse(CEM), ["closes 1: another key is expected"]);
  ann.goesDown(1);
  assertEquals(ann.meets(CEM, { name: "cem" }).at(-1), "closes 2: refused: key-changed");
  ann.goesDown(2);

  const unrefuse = (key: PeerKey) =>
    ann.command({ command: "unrefuse", name: "cem", key: fingerprintOf(key) });
  assertEquals(unrefuse(EVE), []);
  assertEquals(unrefuse(CEM)[0], "pins cem as cem again");
  assertEquals(ann.meets(CEM, { name: "cem" }).some((line) => line.startsWith("closes")), false);
});

Deno.test("Friends refuses a key that was refused before, dialled or dialling in", () => {
  const refused = [{ name: "cem", fingerprint: fingerprintOf(CEM) }];
  const ann = Program.started({ refused });

  assertEquals(ann.meets(CEM, { name: "cem" }).at(-1), "closes 1: refused: key-changed");
  ann.say("cem", "hi");
  assertEquals(ann.reaches(CEM).at(-1), "closes 2: refused: key-changed");
  const changes = ann.events.flatMap((event) => event.event === "error" ? [event.changed] : []);
  assertEquals(changes[0], { name: "cem", key: fingerprintOf(CEM) });
});

Deno.test("Friends accepts the key that the user was told of, not another that came since", () => {
  const ann = Program.started({ pins: CEM_PINNED });
  ann.meets(EVE, { name: "cem" });
  ann.meets(BOB, { name: "cem" });

  assertEquals(ann.command({ command: "trust", name: "cem" })[0], "pins eve as cem again");
});

Deno.test("Friends accepts the key that was told while the user asks about it, whoever dials in meanwhile", () => {
  const ann = Program.started({ pins: CEM_PINNED });
  const trusted = (ms: number) => {
    const words = [EVE, BOB].flatMap((key) => {
      const said = ann.meets(key, { name: "cem" }).filter((word) => word.startsWith("error"));
      ann.pass(ms);
      return said;
    });
    return [words.length, ann.command({ command: "trust", name: "cem" })[0]];
  };

  assertEquals(trusted(STRANGE_KEPT_MS - 1), [1, "pins eve as cem again"]);
  const other = Program.started({ pins: CEM_PINNED });
  other.meets(EVE, { name: "cem" });
  other.pass(STRANGE_KEPT_MS);
  other.meets(BOB, { name: "cem" });
  assertEquals(other.command({ command: "trust", name: "cem" })[0], "pins bob as cem again");
});

/** The error that told of a changed key, and what `/trust` accepts afterwards. */
function toldAndTrusted(ann: Program, words: readonly string[]): readonly unknown[] {
  const errors = words.filter((word) => word === "error key-changed").length;
  return [errors, ann.command({ command: "trust", name: "cem" })[0]];
}

Deno.test("Friends tells of a key at a friend's address that was refused before the friend's was known", () => {
  const ann = Program.started();
  ann.meets(EVE, { name: "cem" });
  assertEquals(ann.fails()[0], "notice");
  ann.pass(CHECK_INTERVAL_MS);
  ann.meets(CEM, { name: "cem" });
  ann.reaches(CEM);
  ann.hello(3, { name: "cem" });
  for (const link of [2, 3]) ann.goesDown(link);

  ann.pass(RETRY_MS_MIN);
  ann.say("cem", "hi");
  const words = ann.fails("wrong-key", EVE);

  for (const key of [EVE, CEM]) assertStringIncludes(ann.told.at(-2)!, fingerprintOf(key));
  assertEquals(toldAndTrusted(ann, words), [1, "pins eve as cem again"]);
});

Deno.test("Friends tells of a key that dials in with a friend's name, although it came before the friend was known", () => {
  const ann = Program.started();
  ann.meets(EVE, { name: "cem" });
  ann.fails();
  ann.pass(RETRY_MS_MIN);
  ann.say("cem", "hi");
  ann.reaches(CEM);
  ann.hello(2, { name: "cem" });

  assertEquals(toldAndTrusted(ann, ann.meets(EVE, { name: "cem" })), [1, "pins eve as cem again"]);
});

Deno.test("Friends accepts the key at a friend's address that was told after one that dialled in", () => {
  const ann = Program.started({ pins: CEM_PINNED });
  ann.meets(EVE, { name: "cem" });
  ann.say("cem", "hi");

  const words = ann.fails("wrong-key", BOB);

  assertStringIncludes(ann.told.at(-2)!, fingerprintOf(BOB));
  assertEquals(toldAndTrusted(ann, words), [1, "pins bob as cem again"]);
});

Deno.test("Friends tells of a key that dialled in again when it answers at the friend's address, once", () => {
  const ann = Program.started({ pins: CEM_PINNED });
  ann.meets(EVE, { name: "cem" });
  ann.say("cem", "hi");
  const first = ann.fails("wrong-key", EVE);
  ann.pass(STRANGE_TOLD_MS);

  const again = ann.fails("wrong-key", EVE);

  const told = [first, again].map((words) => words.includes("error key-changed"));
  assertEquals(told, [true, false]);
});

Deno.test("Friends advises to accept no key at a friend's address but the one that was told", () => {
  const ann = Program.started({ pins: CEM_PINNED });
  ann.say("cem", "hi");
  ann.fails("wrong-key", EVE);
  ann.pass(ann.machine.nextDeadlineMs()! - ann.nowMs);

  assertEquals(ann.fails("wrong-key", BOB).includes("error key-changed"), false);

  ann.command({ command: "status" });
  const status = ann.events.at(-1);
  assertStringIncludes(
    status?.event === "status" ? status.problems[0]! : "",
    fingerprintOf(EVE),
  );
  assertEquals(toldAndTrusted(ann, []), [0, "pins eve as cem again"]);
});

Deno.test("Friends tells of the friend's own key at once after another was accepted", () => {
  const ann = Program.started({ pins: CEM_PINNED });
  ann.say("cem", "hi");
  ann.fails("wrong-key", EVE);
  ann.command({ command: "trust", name: "cem" });

  const words = ann.fails("wrong-key", CEM);

  assertEquals(words.includes("error key-changed"), true);
  assertStringIncludes(ann.told.at(-1)!, `cem's is ${fingerprintOf(EVE)} as far as is known here`);
});

Deno.test("Friends says nothing more to the key before, once another is accepted", () => {
  const ann = Program.started({ pins: CEM_PINNED });
  ann.meets(CEM, { name: "cem" });
  ann.meets(EVE, { name: "cem" });

  const words = ann.command({ command: "trust", name: "cem" });
  assertEquals(words.filter((word) => word.startsWith("closes 1")).length, 1);
  assertEquals(ann.say("cem", "for the new key alone"), ["cem queued"]);
  assertEquals(ann.goesDown(1), ["cem closed: idle", "dials eve at 10.0.0.3:5001"]);
});

Deno.test("Friends accepts no key that the table forbids, and says where no other was met", () => {
  const ann = Program.started();
  ann.meets(EVE);

  assertEquals(ann.command({ command: "trust", name: "bob" }, "r"), ["error not-allowed [r]"]);
  assertEquals(ann.command({ command: "trust", name: "cem" }, "r"), ["notice [r]"]);
  assertEquals(ann.told.at(-1), "There is no new key of cem to accept");
});
