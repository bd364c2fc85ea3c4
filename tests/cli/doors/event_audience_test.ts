import { assertEquals } from "@std/assert";
import { audienceOf } from "../../../lib/cli/doors/event_audience.ts";

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
  for (const event of ["peers", "history", "log", "status", "whois", "invite", "words", "help"]) {
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
