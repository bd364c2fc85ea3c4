import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { utf8Length } from "../../../lib/base/text/text.ts";
import {
  actionBody,
  BODIES_MAX,
  bodiesOf,
  bodiesOfAll,
  clientText,
  ircAction,
  markedBodies,
} from "../../../lib/cli/irc/lines/irc_text.ts";

const texts = (text: string, bytes = 400) => bodiesOf(text, bytes);

Deno.test("irc text: each line is a body; empty ones are left out", () => {
  assertEquals(texts("a\n\nb"), ["a", "b"]);
});

Deno.test("irc text: a long line is split at blanks, and goes on", () => {
  assertEquals(bodiesOf("one two three four", 10), ["one two ", "three four"]);
});

Deno.test("irc text: no grapheme is broken that fits", () => {
  const family = "👩‍👩‍👧";

  assertEquals(texts(family.repeat(3), utf8Length(family) * 2 + 3), [family.repeat(2), family]);
  assertEquals(texts("e\u0301".repeat(4), 7), ["e\u0301e\u0301", "e\u0301e\u0301"]);
});

Deno.test("irc text: parts have room, and are the text when they are joined", () => {
  const unit = fc.constantFrom("a", " ", "é", "👩‍👩‍👧", "e\u0301", "漢", "\u{1f3f4}");
  const texts = fc.array(unit, { maxLength: 300 }).map((units) => units.join(""));
  fc.assert(fc.property(texts, fc.integer({ min: 8, max: 60 }), (text, bytes) => {
    const bodies = bodiesOf(text, bytes);

    for (const body of bodies) assert(utf8Length(body) <= bytes);
    if (bodies.length <= BODIES_MAX && text.trim() !== "") assertEquals(bodies.join(""), text);
  }));
});

Deno.test("irc text: nothing that a client obeys comes through", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
    for (const body of bodiesOf(text, 100)) {
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x1f\x7f-\x9f]/.test(body), JSON.stringify(body));
    }
  }));
  assertEquals(texts("\x01DCC SEND x\x01\x03" + "4red"), ["␁DCC SEND x␁␃4red"]);
});

Deno.test("irc text: of many lines the rest is counted", () => {
  const bodies = texts("x\n".repeat(5_000));

  assertEquals(bodies.length, BODIES_MAX + 1);
  assertEquals(texts("x".repeat(9_000), 10).length, BODIES_MAX + 1);
  assert(bodies.at(-1)!.startsWith("... 4,801 more lines"), bodies.at(-1));
});

Deno.test("irc text: an action is one on both sides", () => {
  assertEquals(ircAction("/me waves"), "waves");
  assertEquals(ircAction("/meant"), null);
  assertEquals(clientText(actionBody("waves")), { type: "said", text: "/me waves" });
  assertEquals(clientText("\x01ACTION waves"), { type: "said", text: "/me waves" });
  assertEquals(clientText("\x01version\x01"), { type: "ctcp", command: "VERSION" });
  assertEquals(clientText("\x01"), { type: "ctcp", command: "" });
  assertEquals(clientText(actionBody(" ")), { type: "said", text: "" });
});

Deno.test("irc text: styles of a client are taken out, its text isn't", () => {
  assertEquals(clientText("\x02bold\x02 \x034,12red\x03 \x04ff0000x\x0f 3,4"), {
    type: "said",
    text: "bold red x 3,4",
  });
});

Deno.test("irc text: nobody can write what looks like the beginning of another text", () => {
  const unit = fc.constantFrom("a", " ", "\n", "[13] ", "\u2028", "\r", "… ", "漢".repeat(20));
  const all = fc.array(unit, { maxLength: 60 }).map((units) => `[12] ${units.join("")}`);
  fc.assert(
    fc.property(all, fc.integer({ min: 20, max: 60 }), (text, bytes) => {
      const [first, ...others] = markedBodies(text, bytes);

      assert(first!.startsWith("[12]"));
      for (const body of others.slice(0, BODIES_MAX - 1)) {
        assert(utf8Length(body) <= bytes);
        assert(body.startsWith("… "), body);
      }
    }),
  );
  assertEquals(markedBodies("[12] a\n[13] b", 60), ["[12] a", "… [13] b"]);
});

Deno.test("irc text: several texts are as many bodies as one", () => {
  const texts = Array.from({ length: 500 }, (_, at) => `text ${at}\nmore`);
  const bodies = bodiesOfAll(texts, 100);

  assertEquals(bodies.slice(0, 3), ["text 0", "… more", "text 1"]);
  assertEquals(bodies.length, BODIES_MAX + 1);
  assert(bodies.at(-1)!.startsWith("... 400 more lines"), bodies.at(-1));
});
