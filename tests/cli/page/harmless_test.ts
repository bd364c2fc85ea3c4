import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { visibleText, withFewMarks as fewMarks } from "../../../lib/base/text/text.ts";
import { mixesScripts as mixes } from "../../../lib/base/text/names.ts";
import { mentionsOf as mentions } from "../../../lib/cli/rendering/mentions.ts";
import { type Any, page } from "./page_modules.ts";

const {
  foldedBody,
  mentionsOf,
  mixesScripts,
  partsOf,
  shownName,
  visible,
  visibleBody,
  withFewMarks,
} = page;

const AWKWARD = fc.array(fc.oneof(
  fc.string({ unit: "binary", maxLength: 2 }),
  fc.constantFrom(
    "\u202e",
    "\u200d",
    "\ufe0f",
    "\u0007",
    "\u009b",
    "👩",
    "❤",
    "ب",
    "́",
    "\u{e0067}",
    "🏴",
  ),
  fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
)).map((parts) => parts.join(""));

Deno.test("page: a text is made visible exactly as it is on a terminal", () => {
  fc.assert(fc.property(AWKWARD, (text) => {
    assertEquals(visible(text), visibleText(text));
    assertEquals(withFewMarks(text), fewMarks(text));
  }));
  for (let code = 0; code <= 0xe0fff; code += code < 0x30000 ? 1 : 7) {
    const text = `a${String.fromCodePoint(code)}b`;
    if (visible(text) !== visibleText(text)) throw new Error(`U+${code.toString(16)}`);
  }
});

Deno.test("page: names that mix scripts, and mentions, are those of the console", () => {
  for (
    const name of [
      "Alice",
      "Αlice",
      "Аlice",
      "алиса",
      "山田太郎",
      "김철수",
      "al.1-2_x",
      "ألِف",
      "Bobа",
    ]
  ) {
    assertEquals(mixesScripts(name), mixes(name), name);
  }
  for (const text of ["hi al.1", "AL.1?", "al.12", "xal.1", "al.1~k7f3", "al.1-x", "é al.1.", ""]) {
    assertEquals(mentionsOf(text, "al.1"), mentions(text, "al.1"), text);
  }
});

Deno.test("page: a name that imitates another is marked, and so is one of several scripts", () => {
  assertEquals(shownName("Аlice"), "≈Аlice");
  assertEquals(shownName("AIice", new Set(["AIice"])), "≈AIice");
  assertEquals(shownName("Bob~k7f3"), "Bob~k7f3");
  assertEquals(shownName("a\u202eb"), "a<U+202E>b");
});

Deno.test("page: the parts of a text are the text, whatever it is", () => {
  fc.assert(fc.property(AWKWARD, fc.constantFrom("Bob", "a", "e.f"), (text, self) => {
    const body = visibleBody(text);
    assertEquals(partsOf(body, self).map(({ text }: Any) => text).join(""), body);
  }));
});

Deno.test("page: links are to the web alone, and end before punctuation", () => {
  const links = (text: string) =>
    partsOf(text, "Bob").flatMap((part: Any) =>
      part.href === undefined ? [] : [[part.text, part.href]]
    );

  assertEquals(links("see https://a.example/x_(y), and (http://b.example)."), [
    ["https://a.example/x_(y)", "https://a.example/x_(y)"],
    ["http://b.example", "http://b.example/"],
  ]);
  assertEquals(links("javascript:alert(1) data:text/html,x file:///etc/passwd https://"), []);
  assertEquals(links("https://xn--80ak6aa92e.example/"), [
    ["https://xn--80ak6aa92e.example/", "https://xn--80ak6aa92e.example/"],
  ]);
  assertEquals(
    partsOf("Bob: https://a.example/Bob", "Bob").map(({ isMention }: Any) => isMention),
    [
      true,
      undefined,
      undefined,
    ],
  );
});

Deno.test("page: of a long text the beginning is shown", () => {
  assertEquals(foldedBody("a\nb"), { head: "a\nb", more: null });
  assertEquals(foldedBody("x\n".repeat(65_000)).more, "64,961 more lines");
  const { head, more } = foldedBody("👩".repeat(10_000));
  assert(head.isWellFormed());
  assertEquals(more, "16,000 more characters");
});
