// Who is dialled, and who is let in.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import {
  CHECK_INTERVAL_MS,
  DRAIN_MS,
  HELLO_MS_MAX,
  STRANGE_TOLD_MS,
  UNKNOWN_MESSAGES_MAX,
  UNOPENED_LINKS_MAX,
} from "../../../lib/protocols/friends/limits.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { BOB, CEM, EVE, row } from "./fixtures.ts";
import { Program } from "./program.ts";

const CEM_PINNED = new Map([["cem", fingerprintOf(CEM)]]);

Deno.test("Friends lets no stranger speak in the program's voice by its name, its refusal or its goodbye", () => {
  const ann = Program.started();
  const sentence = "bob. Checked: bob is back at a new address; type /trust bob. Before";
  assertEquals(ann.meets(EVE, { name: sentence }), ["bans 1: protocol: hello under a bad name"]);
  assertEquals(ann.told, []);
  const refused = Program.started();
  refused.say("bob", "hi");
  refused.reaches(BOB);
  refused.gets(1, { type: "refuse", code: "full", text: 'bob is verified". Type /trust bob' });
  assertEquals(refused.told, [`bob refused: "bob is verified'. Type /trust bob"`]);
  const ofFriend = (program: Program) =>
    program.events.filter(({ event }) => event === "error" || event === "notice")
      .map((event) => "friend" in event ? event.friend : null);
  refused.goesDown(1);
  assertEquals(ofFriend(refused), ["bob", "bob"], "the second one says that it is kept");
  const left = Program.started();
  left.meets();
  left.say("bob", "hi");
  const words = "Verified: type /trust bob";
  left.goesDown(1, true, words);
  left.fails();
  const closed = left.events.findLast(({ event }) => event === "connection");
  assertEquals(closed?.event === "connection" && [closed.reason, closed.said], [words, true]);
});

Deno.test("Friends takes no key for two friends', whoever dials in under both names from both addresses", () => {
  const ann = Program.started({ friends: [row("bob", 2, null), row("cem", 3, null)] });
  const attempts = ["bob", "cem"].map((name) => {
    ann.meets(EVE, { name });
    return ann.attempt;
  });
  const [first, second] = attempts.map((attempt) => ann.reaches(EVE, attempt));
  assert(first!.includes("pins eve as bob"), first!.join());
  assertEquals(second!.filter((word) => word.startsWith("pins")), []);
  assert(second!.includes("2: refuse key-changed"), second!.join());
});

Deno.test("Friends lets in a friend with the table's key, and greets back then alone", () => {
  const ann = Program.started();

  assertEquals(ann.comesIn(BOB), []);
  assertEquals(ann.hello(1), ["1: hello", "pins bob as bob", "bob opened: the friend dialled"]);
});

Deno.test("Friends refuses who claims a friend's name with another key, and says so with both keys", () => {
  const ann = Program.started();

  assertEquals(ann.meets(EVE), [
    "error key-changed",
    "1: refuse key-changed",
    "closes 1: refused: key-changed",
  ]);
  for (const key of [EVE, BOB]) assertStringIncludes(ann.told[0]!, fingerprintOf(key));
  const error = ann.events.find((event) => event.event === "error");
  const [key, before] = [fingerprintOf(EVE), fingerprintOf(BOB)];
  assertEquals(error?.changed, { name: "bob", key, before, given: true });
  assertEquals(ann.goesDown(1), []);
});

Deno.test("Friends dials a friend no later because a stranger was refused under its name", () => {
  const ann = Program.started();
  ann.meets(EVE);
  ann.goesDown(1);
  ann.say("bob", "hi");
  ann.fails();
  ann.pass(500);
  ann.reaches(BOB);
  ann.hello(2);

  ann.goesDown(2, false, "lost");

  assertEquals(ann.pass(500), ["dials bob at 10.0.0.2:5001"]);
});

Deno.test("Friends tells of one stranger for a friend in a minute, however many come", () => {
  const ann = Program.started();
  const errors = (words: readonly string[]) => words.filter((word) => word.startsWith("error"));

  const atOnce = [EVE, EVE, CEM].map((key) => errors(ann.meets(key)).length);
  ann.pass(STRANGE_TOLD_MS);
  const later = [EVE, CEM].map((key) => errors(ann.meets(key)).length);

  assertEquals([atOnce, later], [[1, 0, 0], [0, 1]]);
});

Deno.test("Friends refuses a name that the table doesn't have, and tells of one in a minute", () => {
  const ann = Program.started();
  const refused = (link: number) => [
    `${link}: refuse unknown-user`,
    `closes ${link}: refused: unknown-user`,
  ];

  assertEquals(ann.meets(EVE, { name: "eve" }), ["notice", ...refused(1)]);
  assertEquals(ann.meets(EVE, { name: "mallory" }), refused(2));
  assertStringIncludes(ann.told[0]!, fingerprintOf(EVE));
  ann.pass(STRANGE_TOLD_MS);
  assertEquals(ann.meets(EVE, { name: "eve" }), ["notice", ...refused(3)]);
});

Deno.test("Friends refuses who looks for somebody else, and takes any spelling of its own name", () => {
  const ann = Program.started();

  assertEquals(ann.meets(BOB, { to: "dora" }), [
    "1: refuse unknown-user",
    "closes 1: refused: unknown-user",
  ]);
  assertEquals(ann.meets(BOB, { to: "ANN" })[0], "2: hello");
});

Deno.test("Friends dials the table's address where a stranger says to be a friend whose key isn't known", () => {
  const ann = Program.started();

  assertEquals(ann.meets(CEM, { name: "cem" }), ["dials anybody at 10.0.0.3:5001"]);
  // What is answered there decides: the stranger was Cem, and the link it made serves.
  assertEquals(ann.reaches(CEM), [
    "2: hello",
    "1: hello",
    "pins cem as cem",
    "cem opened: the friend dialled",
  ]);
  assertEquals(ann.say("cem", "hi"), ["1: texts hi", "cem queued"]);
});

Deno.test("Friends turns a stranger away where another key answers at the table's address", () => {
  const ann = Program.started();
  ann.meets(EVE, { name: "cem" });

  assertEquals(ann.reaches(CEM), [
    "2: hello",
    "error key-changed",
    "1: refuse key-changed",
    "closes 1: refused: key-changed",
  ]);
  for (const key of [EVE, CEM]) assertStringIncludes(ann.told[0]!, fingerprintOf(key));
  assertEquals(ann.hello(2, { name: "cem" }), ["pins cem as cem", "cem opened: dialled"]);
});

Deno.test("Friends turns a stranger away where nobody answers at the table's address", () => {
  const ann = Program.started();
  ann.meets(EVE, { name: "cem" });

  assertEquals(ann.fails(), ["notice", "1: refuse unreachable", "closes 1: refused: unreachable"]);
  assertStringIncludes(ann.told[0]!, "Refused somebody who says to be cem");
});

Deno.test("Friends tells a stranger nothing of where a friend is, nor what answered there", () => {
  const ann = Program.started();
  ann.meets(EVE, { name: "cem" });
  const failure = { reason: "refused", text: "x".repeat(2_000), key: null };

  const effects = ann.machine.step(
    { type: "dial-failed", attempt: ann.attempt, ...failure },
    ann.nowMs,
  );

  const text = effects.flatMap((effect) =>
    effect.type === "send" && effect.message.type === "refuse" ? [effect.message.text] : []
  ).join();
  assertStringIncludes(text, "cem's address in the table");
  assertEquals(/10\.0\.0\.3|x{5}/.test(text), false, text);
});

Deno.test("Friends decides by the link that it has dialled already", () => {
  const ann = Program.started();
  ann.say("cem", "hi");
  ann.reaches(CEM);

  assertEquals(ann.meets(EVE, { name: "cem" }).slice(1), [
    "2: refuse key-changed",
    "closes 2: refused: key-changed",
  ]);
});

Deno.test("Friends dials for strangers' claims once in a while, however many come", () => {
  const ann = Program.started();
  ann.meets(EVE, { name: "cem" });
  const another = fakeSigner("mallory").key;
  assertEquals(ann.meets(another, { name: "cem" }), [], "the one dial answers both");
  ann.fails();

  assertEquals(ann.meets(EVE, { name: "cem" }), [
    "3: refuse unreachable",
    "closes 3: refused: unreachable",
  ]);
  ann.pass(CHECK_INTERVAL_MS);
  assertEquals(ann.meets(EVE, { name: "cem" }), ["dials anybody at 10.0.0.3:5001"]);
});

Deno.test("Friends asks the address of a friend no more whose key it has met", () => {
  const ann = Program.started({ pins: CEM_PINNED });

  assertEquals(ann.meets(CEM, { name: "cem" }), ["1: hello", "cem opened: the friend dialled"]);
  assertEquals(ann.meets(EVE, { name: "cem" }).at(-1), "closes 2: refused: key-changed");
});

Deno.test("Friends expects the key that is known of whom it dials", () => {
  const ann = Program.started({ pins: CEM_PINNED });

  assertEquals(ann.say("bob", "hi")[0], "dials bob at 10.0.0.2:5001");
  assertEquals(ann.say("cem", "hi")[0], "dials cem at 10.0.0.3:5001");
});

Deno.test("Friends tells of another key at a friend's address, and keeps what is for the friend", () => {
  const ann = Program.started();
  ann.say("bob", "hi");

  assertEquals(ann.fails("wrong-key", EVE), ["error key-changed", "warning"]);
  assertStringIncludes(ann.told[0]!, fingerprintOf(EVE));
  assertStringIncludes(ann.told[0]!, fingerprintOf(BOB));
  // The error has said why.
  assertEquals(ann.told.slice(1), [
    "Kept for bob, and sent once the right key answers (1 waiting)",
  ]);
});

Deno.test("Friends talks with nobody whose address is another one's, or its own", () => {
  const another = Program.started();
  another.say("cem", "hi");
  another.reaches(BOB);
  assertEquals(another.hello(1, { name: "bob" }), [
    "1: refuse unknown-user",
    "closes 1: refused: unknown-user",
  ]);

  const own = Program.started();
  own.say("cem", "hi");
  assertEquals(own.reaches(own.key), ["closes 1: this is the same profile"]);
  assertEquals(own.goesDown(1), ["warning"]);
  assertStringIncludes(own.told[0]!, "this program's own");
});

Deno.test("Friends tells why it was refused, once, and tries again later", () => {
  const ann = Program.started();
  ann.say("bob", "hi");
  ann.reaches(BOB);
  const refuse = { type: "refuse", code: "unknown-user", text: "who is ann?" } as const;

  assertEquals(ann.gets(1, refuse), [
    "error unknown-user",
    "closes 1: refused by the other side",
  ]);
  assertStringIncludes(ann.told[0]!, "who is ann?");
  assertEquals(ann.goesDown(1), ["warning"]);
  assertEquals(ann.pass(600), ["dials bob at 10.0.0.2:5001"]);
  ann.reaches(BOB);
  assertEquals(ann.gets(2, refuse), ["closes 2: refused by the other side"]);
});

Deno.test("Friends closes who doesn't say who it is, in time", () => {
  const ann = Program.started();
  ann.comesIn(EVE);

  assertEquals(ann.pass(HELLO_MS_MAX - 1), []);
  assertEquals(ann.pass(1), ["closes 1: no greeting within 10 s"]);
});

Deno.test("Friends bans who breaks the rules: texts before hello, a second hello, a flood of unknown types", () => {
  const ann = Program.started();
  ann.comesIn(EVE);
  assertEquals(ann.texts(1, [1]), ["bans 1: protocol: texts before hello"]);
  assertEquals(ann.hello(1), [], "nothing more is heeded");

  ann.meets(BOB);
  assertEquals(ann.hello(2), ["bans 2: protocol: a second hello"]);

  ann.comesIn(CEM);
  const unknown = () => ann.feed({ type: "unknown-message", link: 3 as never, code: 99 });
  for (let n = 0; n < UNKNOWN_MESSAGES_MAX; n++) assertEquals(unknown(), ["3: unknown"]);
  assertEquals(unknown(), ["bans 3: protocol: too many messages of unknown types"]);

  ann.comesIn(fakeSigner("dan").key);
  const message = { type: "unknown", code: 6_000 } as const;
  const answer = () => ann.feed({ type: "message", link: 4 as never, message });
  for (let n = 0; n < UNKNOWN_MESSAGES_MAX; n++) assertEquals(answer(), []);
  assertEquals(answer(), ["bans 4: protocol: too many messages of unknown types"]);
});

Deno.test("Friends lets the first go of too many who say nothing, and no friend", () => {
  const ann = Program.started();
  ann.meets(BOB);
  const silent = Array.from(
    { length: UNOPENED_LINKS_MAX },
    (_, n) => fakeSigner(`silent ${n}`).key,
  );
  for (const key of silent) assertEquals(ann.comesIn(key), []);

  assertEquals(ann.comesIn(EVE), ["closes 2: too many are coming in"]);
  assertEquals(ann.comesIn(EVE), ["closes 3: too many are coming in"]);
});

Deno.test("Friends keeps one of two links, and takes what is still under way on the other", () => {
  const ann = Program.started();
  ann.meets();

  // The same end dialled twice: the newer one is kept, nobody is told.
  assertEquals(ann.meets(), ["2: hello"]);
  assertEquals(ann.say("bob", "hi"), ["2: texts hi", "bob queued"]);
  assertEquals(ann.texts(1, [1]), ["<bob> text 1", "2: stored 1.1"]);
  assertEquals(ann.pass(DRAIN_MS), ["closes 1: a second link"]);
  assertEquals(ann.goesDown(1), []);
});

Deno.test("Friends sends on the new link what isn't acknowledged on the old one", () => {
  const ann = Program.started();
  ann.meets();
  ann.say("bob", "hi");

  assertEquals(ann.meets(), ["2: hello", "2: texts hi"]);
});

// In one of the two the smaller key has dialled the other link.
Deno.test("Friends takes the link of a friend's later process, whoever dialled", () => {
  const dialledFirst = Program.started();
  dialledFirst.say("bob", "hi");
  dialledFirst.reaches(BOB);
  dialledFirst.hello(1);
  assertEquals(dialledFirst.meets(BOB, { process: 2 }), ["2: hello", "1: refuse replaced"]);
  assertEquals(dialledFirst.goesDown(1, false, "lost"), ["2: texts hi"]);

  const dialledLast = Program.started();
  dialledLast.say("bob", "hi");
  dialledLast.meets(BOB, { process: 2 });
  dialledLast.reaches(BOB);
  assertEquals(dialledLast.hello(2), ["1: refuse replaced"]);
  assertEquals(dialledLast.goesDown(1, false, "lost"), ["2: texts hi"]);
});

Deno.test("Friends accepts no other key that the table has than the one met before, until /trust", () => {
  const pins = new Map([["bob", fingerprintOf(BOB)]]);
  const ann = Program.started({ pins, friends: [row("bob", 2, fingerprintOf(EVE))] });
  ann.say("bob", "hi");
  assertEquals(ann.command({ command: "trust", name: "bob" }), ["error not-allowed"]);

  assertEquals(ann.reaches(EVE), [
    "error key-changed",
    "1: refuse key-changed",
    "closes 1: refused: key-changed",
  ]);
  const [key, before] = [fingerprintOf(EVE), fingerprintOf(BOB)];
  const error = ann.events.findLast((event) => event.event === "error");
  assertEquals(error?.changed, { name: "bob", key, before });
  assertStringIncludes(error?.text ?? "", "accept it with /trust bob");
  ann.command({ command: "list" });
  const list = ann.events.at(-1);
  assertEquals(list?.event === "friends" && list.friends[0]?.changed, { name: "bob", key, before });
  for (const peer of [EVE, BOB]) {
    assertStringIncludes(ann.meets(peer).at(-1)!, "refused: key-changed");
  }
  ann.goesDown(1);

  const trusted = ann.command({ command: "trust", name: "bob" });
  assertEquals(trusted.slice(0, 2), ["pins eve as bob again", "notice"]);
  ann.reaches(EVE);
  assertEquals(ann.hello(4).at(-1), "4: texts hi");
});

Deno.test("Friends says which rows are wrong where another friend answers, and when what waits is sent", () => {
  const swapped = "perhaps the rows of bob and cem have each other's address";
  const byKey = Program.started({ pins: new Map([["cem", fingerprintOf(CEM)]]) });
  byKey.say("bob", "hi");
  assertEquals(byKey.fails("wrong-key", CEM), ["error key-changed", "warning"]);
  const byName = Program.started();
  byName.say("bob", "hi");
  byName.reaches(BOB);
  byName.gets(1, { type: "refuse", code: "unknown-user", text: "This is cem, not bob" });
  byName.goesDown(1, true, "refused by the other side");

  const row = "users.txt gives bob the address 10.0.0.2:5001, where ";
  const kept = "Kept for bob, and sent once bob's row in the table is right (1 waiting)";
  assertEquals(byKey.told, [
    `${row}cem answers, with the key ${fingerprintOf(CEM)}, not bob's, ${fingerprintOf(BOB)}: ` +
    `correct bob's row; ${swapped}`,
    kept,
  ]);
  assertEquals(byName.told, [
    `${row}somebody answers as cem: correct bob's row; ${swapped}`,
    kept,
  ]);
});

Deno.test("Friends takes nobody's key for another friend's before /trust, wherever it is met", () => {
  const ann = Program.started();
  ann.say("cem", "for cem");
  const refused = (link: number) => [
    "error key-changed",
    `${link}: refuse key-changed`,
    `closes ${link}: refused: key-changed`,
  ];
  assertEquals(ann.reaches(BOB), ["1: hello"]);
  assertEquals(ann.hello(1, { name: "cem" }).slice(0, 3), refused(1));
  assertEquals(
    ann.told.at(-1),
    `users.txt gives cem the address 10.0.0.3:5001, where bob answers, with the key ${
      fingerprintOf(BOB)
    }: correct cem's row; perhaps the rows of cem and bob have each other's address`,
  );
  const error = ann.events.find((event) => event.event === "error");
  assertEquals(error?.changed, { name: "cem", key: fingerprintOf(BOB) });
  assertEquals(ann.meets(BOB, { name: "cem" }), refused(2).slice(1));

  ann.command({ command: "trust", name: "cem" });
  assertEquals(ann.meets(BOB, { name: "cem" }).slice(0, 2), [
    "3: hello",
    "cem opened: the friend dialled",
  ]);
});

Deno.test("Friends takes the key that the table has in place of one that was never met", () => {
  const ann = Program.started();
  ann.edited([row("bob", 2, fingerprintOf(EVE))]);

  assertEquals(ann.meets(EVE)[1], "pins eve as bob");
});
