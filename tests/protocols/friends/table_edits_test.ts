// The table is edited while the program runs.

import { assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { FriendRow } from "../../../lib/protocols/friends/friends_io.ts";
import { STRANGE_TOLD_MS } from "../../../lib/protocols/friends/limits.ts";
import { BOB, CEM, EVE, queued, row } from "./fixtures.ts";
import { Program } from "./program.ts";

const [BOBS, CEMS] = [row("bob", 2, fingerprintOf(BOB)), row("cem", 3)];
const MOVED: FriendRow = { ...BOBS, endpoint: { host: "10.0.0.9", port: 7 } };
const NEW_KEY: FriendRow = { ...BOBS, fingerprint: fingerprintOf(EVE) };

Deno.test("Friends dials a friend who moved where it is now, at once", () => {
  const ann = Program.started();
  ann.say("bob", "hi");
  for (let attempt = 0; attempt < 9; attempt++) {
    ann.fails();
    ann.pass(30_000);
  }
  ann.fails();

  assertEquals(ann.edited([MOVED, CEMS]), ["dials bob at 10.0.0.9:7"]);
});

Deno.test("Friends goes on with the link to a friend who moved", () => {
  const ann = Program.started();
  ann.meets();

  assertEquals(ann.edited([MOVED, CEMS]), []);
  assertEquals(ann.say("bob", "hi"), ["1: texts hi", "bob queued"]);
});

Deno.test("Friends closes the link to a friend who is no longer in the table, and keeps what waits", () => {
  const ann = Program.started();
  ann.meets();
  ann.say("bob", "hi");

  assertEquals(ann.edited([CEMS]), ["closes 1: no longer in the table"]);
  assertEquals(ann.goesDown(1), ["bob closed: idle"]);
  assertEquals(ann.pass(600_000), []);
  assertEquals(ann.say("bob", "more", "r"), ["error unknown-user [r]"]);
  assertEquals(ann.meets().at(-1), "closes 2: refused: unknown-user");
  ann.command({ command: "status" });
  const status = ann.events.at(-1);
  assertEquals(status?.event === "status" && status.problems, [
    "bob: not in the table any more; 1 waiting",
  ]);
});

Deno.test("Friends with --no-queue fails at once what is meant for one who is taken out of the table", () => {
  const [dialling, linked] = [
    Program.started({ queue: false }),
    Program.started({ queue: false }),
  ];
  linked.meets();
  for (const ann of [dialling, linked]) ann.say("bob", "hi", "r");

  assertEquals(dialling.edited([CEMS]), ['bob failed "hi": no longer in the table [r]']);
  assertEquals(linked.edited([CEMS]), [
    "closes 1: no longer in the table",
    'bob failed "hi": no longer in the table; it may have arrived all the same [r]',
  ]);
  linked.goesDown(1);
  for (const ann of [dialling, linked]) {
    ann.pass(3_600_000);
    assertEquals(ann.edited([CEMS, BOBS]), [], "nothing is left to go out");
  }
});

Deno.test("Friends sends what waited for a friend who is in the table again", () => {
  const ann = Program.started();
  ann.say("bob", "hi");
  ann.fails();
  ann.edited([CEMS]);
  ann.pass(600_000);

  assertEquals(ann.edited([CEMS, BOBS]), ["dials bob at 10.0.0.2:5001"]);
  ann.reaches(BOB);
  assertEquals(ann.hello(1).at(-1), "1: texts hi");
});

Deno.test("Friends sends what an earlier process kept for one whom the table has only now", () => {
  const ann = new Program({ friends: [CEMS], records: [queued(1)] });
  assertEquals(ann.feed({ type: "start" }), ["ready"]);

  assertEquals(ann.edited([BOBS, CEMS]), ["dials bob at 10.0.0.2:5001"]);
});

Deno.test("Friends talks with a friend who is in the table again, the link being closed meanwhile", () => {
  const ann = Program.started();
  ann.meets();
  ann.say("bob", "hi");
  ann.edited([CEMS]);
  assertEquals(ann.edited([BOBS, CEMS]), []);

  assertEquals(ann.goesDown(1), ["bob closed: idle", "dials bob at 10.0.0.2:5001"]);
});

Deno.test("Friends lets go of a dial that reaches one who was removed meanwhile", () => {
  const ann = Program.started();
  ann.say("bob", "hi");
  ann.edited([CEMS]);

  assertEquals(ann.reaches(BOB), ["closes 1: the table was edited"]);
  assertEquals(ann.goesDown(1), []);
});

Deno.test("Friends closes the link to a friend whose key is another in the table, and dials it anew", () => {
  const ann = Program.started();
  ann.meets();
  ann.say("bob", "hi");

  assertEquals(ann.edited([NEW_KEY, CEMS]), ["warning", "closes 1: the table was edited"]);
  assertEquals(ann.goesDown(1), ["bob closed: idle", "dials eve at 10.0.0.2:5001"]);
  assertEquals(ann.meets(BOB).at(-1), "closes 2: refused: key-changed");
});

Deno.test("Friends gives nothing to a key that answers when the table has another by then", () => {
  for (const hello of ["before", "after"] as const) {
    const ann = Program.started();
    ann.say("bob", "for the new key alone");
    const old = ann.attempt;
    if (hello === "after") ann.reaches(BOB);
    const edit = ann.edited([NEW_KEY, CEMS]);
    const answers = [...hello === "before" ? ann.reaches(BOB, old) : [], ...ann.hello(1)];

    const words = [...edit, ...answers];
    assertEquals(words.filter((word) => /texts|pins|opened/.test(word)), [], hello);
    const dials = [...words, ...ann.goesDown(1), ...ann.pass(30_000)];
    assertEquals(dials.includes("dials eve at 10.0.0.2:5001"), true, hello);
  }
});

Deno.test("Friends learns no key from an address that the table has no more", () => {
  const ann = Program.started();
  ann.say("cem", "hi");
  const old = ann.attempt;
  const elsewhere = { ...CEMS, endpoint: { host: "10.0.0.8", port: 1 } };
  const edit = ann.edited([BOBS, elsewhere]);

  const words = [...edit, ...ann.reaches(EVE, old), ...ann.hello(1, { name: "cem" })];
  assertEquals(words.filter((word) => /texts|pins|opened/.test(word)), []);
  assertEquals(words.includes("dials anybody at 10.0.0.8:1"), true);
});

Deno.test("Friends decides about who waits to be checked by what the table says now", () => {
  const [known, moved] = [Program.started(), Program.started()];
  for (const ann of [known, moved]) ann.meets(CEM, { name: "cem" });

  assertEquals(known.edited([BOBS, { ...CEMS, fingerprint: fingerprintOf(CEM) }]), [
    "1: hello",
    "pins cem as cem",
    "cem opened: the friend dialled",
  ]);
  const there = { ...CEMS, endpoint: { host: "10.0.0.8", port: 1 } };
  assertEquals(moved.edited([BOBS, there]), ["dials anybody at 10.0.0.8:1"]);
  assertEquals(moved.reaches(CEM).at(-1), "cem opened: the friend dialled");
});

Deno.test("Friends takes nothing more from one who was removed, on any link", () => {
  const ann = Program.started();
  ann.meets();
  ann.meets(); // the first link is being drained

  assertEquals(ann.edited([CEMS]), [
    "closes 1: no longer in the table",
    "closes 2: no longer in the table",
  ]);
  assertEquals([ann.texts(1, [1]), ann.texts(2, [1])], [[], []]);
});

Deno.test("Friends doesn't say of one who was removed that it isn't there", () => {
  const ann = Program.started();
  ann.meets();
  ann.say("bob", "hi");
  ann.edited([CEMS]);

  assertEquals(ann.goesDown(1, false, "lost"), ["bob closed: lost"]);
});

Deno.test("Friends does nothing for an edit that changes no friend's row", () => {
  const ann = Program.started();
  ann.meets();
  ann.say("cem", "hi");
  ann.fails();

  assertEquals(ann.edited([CEMS, BOBS]), []);
});

/** Warnings of `words`, with the two keys by their owners' names. */
function warned(ann: Program, words: readonly string[]): readonly string[] {
  const texts = ann.told.splice(0).map((text) =>
    text.replaceAll(fingerprintOf(EVE), "EVE").replaceAll(fingerprintOf(BOB), "BOB")
  );
  return words.includes("warning") ? texts : [];
}

Deno.test("Friends warns once of another key in the table than the one known, at the edit or at the start", () => {
  const known = { pins: new Map([["bob", fingerprintOf(BOB)]]) };
  const ann = Program.started(known);
  const text =
    "users.txt has another key for bob than the one known: EVE, not BOB. What you write to " +
    "bob waits until EVE has answered and you type /trust bob: ask bob first which key is right, and " +
    "if it is the one known, correct the table";

  assertEquals(warned(ann, ann.edited([NEW_KEY, CEMS])), [text]);
  assertEquals(ann.events.at(-1), {
    event: "notice",
    text: text.replaceAll("EVE", fingerprintOf(EVE)).replaceAll("BOB", fingerprintOf(BOB)),
    warning: true,
    changed: { name: "bob", key: fingerprintOf(EVE), before: fingerprintOf(BOB) },
  });
  assertEquals(warned(ann, ann.edited([{ ...MOVED, fingerprint: fingerprintOf(EVE) }, CEMS])), []);
  const later = new Program({ ...known, friends: [NEW_KEY, CEMS] });
  assertEquals(warned(later, later.feed({ type: "start" })), [text]);
});

Deno.test("Friends takes the key of the table for /trust when it has come, whichever of the two came before", () => {
  for (const [first, last] of [[BOB, EVE], [EVE, BOB]] as const) {
    const ann = Program.started({ pins: new Map([["bob", fingerprintOf(BOB)]]) });
    ann.edited([NEW_KEY, CEMS]);
    ann.meets(first);
    ann.pass(STRANGE_TOLD_MS);
    ann.meets(last);

    assertEquals(ann.command({ command: "trust", name: "bob" })[0], "pins eve as bob again");
  }
});

Deno.test("Friends says of either key in dispute whose it is", () => {
  const ann = Program.started({ pins: new Map([["bob", fingerprintOf(BOB)]]) });
  ann.edited([NEW_KEY, CEMS]);
  ann.told.length = 0;
  ann.meets(BOB);
  ann.pass(STRANGE_TOLD_MS);
  ann.meets(EVE);

  assertEquals(warned(ann, ["warning"]), [
    "Met the key BOB of somebody who dialled in, which is the one known of bob, but isn't the one in " +
    "users.txt, EVE: ask bob, and if it is right, put it into the table",
    "Met the key EVE of somebody who dialled in, which users.txt has for bob, but isn't the one known, " +
    "BOB: ask bob, and if it is right, accept it with /trust bob",
  ]);
});
