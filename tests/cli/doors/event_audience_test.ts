import { assertEquals } from "@std/assert";
import { askedBy, settledBy } from "../../../lib/cli/commands/question_kinds.ts";
import { audienceOf, kindOf } from "../../../lib/cli/doors/event_audience.ts";

Deno.test("what is said and what changes for all is for all, whoever asked for it", () => {
  const events = ["message", "broadcast", "joined", "left", "edit", "vote-wanted", "call", "bye"];
  for (const event of [...events, "renamed", "presence", "transfer", "offer", "delivery"]) {
    assertEquals(
      [audienceOf({ event }, true), audienceOf({ event }, false)],
      ["all", "all"],
      event,
    );
  }
});

Deno.test("what only answers is for who asked", () => {
  const answers = ["peers", "history", "log", "entry", "digest", "status", "whois", "invite"];
  for (const event of [...answers, "words", "help"]) {
    assertEquals(
      [audienceOf({ event }, true), audienceOf({ event }, false)],
      ["asker", "asker"],
      event,
    );
  }
  for (const event of ["error", "notice", "users", "missed"]) {
    assertEquals(
      [audienceOf({ event }, true), audienceOf({ event }, false)],
      ["asker", "all"],
      event,
    );
  }
});

Deno.test("that a word code has ended is for all, whoever ended it: its card is where it was asked for", () => {
  const notice = { event: "notice", endedCodes: [7] };
  assertEquals([audienceOf(notice, true), audienceOf(notice, false)], ["all", "all"]);
});

Deno.test("that an edit waits is for all, wherever it was asked for: it goes out later", () => {
  const notice = { event: "notice", seq: 1 };
  assertEquals([audienceOf(notice, true), audienceOf(notice, false)], ["all", "all"]);
});

Deno.test("that an edit is voted on is for all, wherever it was: the question stands elsewhere, too", () => {
  const notice = { event: "notice", edit: 3 };
  assertEquals([audienceOf(notice, true), audienceOf(notice, false)], ["all", "all"]);
});

Deno.test("digits are for who asked; what the user then found of a key is for all", () => {
  for (const hasRef of [true, false]) {
    assertEquals(audienceOf({ event: "verify" }, hasRef), "asker");
    assertEquals(audienceOf({ event: "verify", answer: "yes" }, hasRef), "all");
    assertEquals(audienceOf({ event: "verify", answer: "no" }, hasRef), "all");
  }
});

Deno.test("the page's address is for the console alone", () => {
  assertEquals(audienceOf({ event: "web" }, false), "console");
  assertEquals(audienceOf({ event: "own" }, false), "console");
});

Deno.test("edits are said, and settle the question that was asked; so does what comes of a call", () => {
  assertEquals([kindOf({ event: "edit" }), kindOf({ event: "vote-wanted" })], ["said", "happened"]);
  assertEquals(askedBy({ event: "vote-wanted", edit: 3 } as never)?.id, "vote 3");
  for (const event of ["edit", "notice"]) {
    assertEquals(settledBy({ event, edit: 3 } as never), "vote 3");
  }
  assertEquals(settledBy({ event: "notice" }), null);
  assertEquals(askedBy({ event: "incoming", call: "c" } as never)?.id, "call c");
  assertEquals(settledBy({ event: "call", call: "c" } as never), "call c");
  assertEquals([askedBy({ event: "message" }), settledBy({ event: "message" })], [null, null]);
});
