import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { P2pchatError } from "../../../lib/base/errors.ts";
import {
  beginsCommand,
  checkedMessage,
  fileNameText,
  MESSAGE_BYTES_MAX,
  quotedStart,
  utf8Length,
  visibleLines,
  visiblePart,
  visibleText,
} from "../../../lib/base/text/text.ts";

const anyText = fc.string({ unit: "binary", maxLength: 40 });
const loneSurrogates = fc.constantFrom("\ud800", "\udfff", "\ud83d", "\ude00");
/** Text that consists of what is dangerous for the most part. */
const nastyText = fc.array(
  fc.oneof(
    anyText,
    loneSurrogates,
    fc.constantFrom(
      "\x1b[2J",
      "\x9b31m",
      "\x07",
      "\r",
      "\n",
      "\u2028",
      "\u202e",
      "\u200d",
      "\u200c",
      "\ufe0f",
    ),
    fc.constantFrom("👩‍👩‍👧", "❤️", "می‌خواهم", "क्‍ष", "a", " "),
  ),
  { maxLength: 8 },
).map((parts) => parts.join(""));

Deno.test("utf8Length() is the length of the encoded text", () => {
  fc.assert(fc.property(nastyText, (text) => {
    assertEquals(utf8Length(text), new TextEncoder().encode(text).length);
  }));
});

Deno.test("beginsCommand(): one slash at the start begins a command, two begin a text", () => {
  const lines = ["/list", "/", "//list", "//", " /list", "list", ""];
  assertEquals(lines.filter(beginsCommand), ["/list", "/"]);
});

Deno.test("checkedMessage() takes 65,536 bytes and refuses one more, with both sizes", () => {
  assertEquals(checkedMessage("x".repeat(MESSAGE_BYTES_MAX)).length, MESSAGE_BYTES_MAX);
  assertEquals(checkedMessage("é".repeat(MESSAGE_BYTES_MAX / 2)).length, MESSAGE_BYTES_MAX / 2);

  for (const text of ["x".repeat(65_537), "é".repeat(32_768) + "x"]) {
    const error = assertThrows(() => checkedMessage(text), P2pchatError);
    assertEquals(error.code, "too-long");
    assertStringIncludes(error.message, "65537");
    assertStringIncludes(error.message, "65536");
  }
});

Deno.test("checkedMessage() replaces what UTF-8 cannot carry", () => {
  assertEquals(checkedMessage("a\ud800b"), "a\ufffdb");
});

const SHOWN: readonly (readonly [title: string, text: string, shown: string])[] = [
  ["plain text", "hello, wörld 世界 😀", "hello, wörld 世界 😀"],
  ["an escape sequence", "\x1b[2Jx", "␛[2Jx"],
  ["a window title", "\x1b]0;mine\x07", "␛]0;mine␇"],
  ["line feed, return, tab", "a\nb\rc\td", "a␊b␍c␉d"],
  ["delete", "a\x7f", "a␡"],
  ["a C1 control as its escape sequence", "\x9b31m", "␛[31m"],
  ["next line", "a\x85b", "a␛Eb"],
  ["separators", "a\u2028b\u2029", "a<U+2028>b<U+2029>"],
  ["bidi controls", "\u202eabc\u2066\u200f\u061c", "<U+202E>abc<U+2066><U+200F><U+061C>"],
  ["zero-width spaces", "a\u200bb\ufeff", "a<U+200B>b<U+FEFF>"],
  ["a soft hyphen", "a\u00adb", "a<U+00AD>b"],
  ["tags", "🏴\u{e0067}\u{e007f}", "🏴<U+E0067><U+E007F>"],
  ["a Hangul filler", "\u3164", "<U+3164>"],
  ["the blank Braille pattern", "\u2800", "<U+2800>"],
  ["an annotation between the lines", "a\ufff9b", "a<U+FFF9>b"],
  ["lone surrogates", "a\ud800b\udc00", "a<U+D800>b<U+DC00>"],
  ["a family", "👩‍👩‍👧‍👦!", "👩‍👩‍👧‍👦!"],
  ["skin colour and joiner", "👩🏽‍🚀", "👩🏽‍🚀"],
  ["a heart on fire", "❤️‍🔥", "❤️‍🔥"],
  ["a keycap", "1\ufe0f\u20e3", "1\ufe0f\u20e3"],
  ["Persian with a non-joiner", "می‌خواهم", "می‌خواهم"],
  ["Hindi with a joiner after a virama", "क्‍ष", "क्‍ष"],
  ["a joiner between letters that need none", "a\u200db", "a<U+200D>b"],
  ["a joiner at the end", "👩\u200d", "👩<U+200D>"],
  ["a joiner twice", "👩\u200d\u200d👧", "👩<U+200D><U+200D>👧"],
  ["a variation selector after nothing", "\ufe0fa", "<U+FE0F>a"],
  ["two variation selectors", "❤\ufe0f\ufe0f", "❤\ufe0f<U+FE0F>"],
  ["a hot pepper", "🌶️", "🌶️"],
  ["tools", "🛠️", "🛠️"],
  ["a waste basket within text", "x 🗑️ y", "x 🗑️ y"],
  ["a blood type", "🅰️", "🅰️"],
  ["a rainbow flag", "🏳️‍🌈", "🏳️‍🌈"],
  ["a detective", "🕵️‍♂️", "🕵️‍♂️"],
  ["a weight lifter", "🏋️‍♂️", "🏋️‍♂️"],
  ["a witness", "👁️‍🗨️", "👁️‍🗨️"],
  ["a detective with a skin colour", "🕵🏽‍♂️", "🕵🏽‍♂️"],
  ["an ideograph's variant beyond the BMP", "𠮟\u{e0100}", "𠮟\u{e0100}"],
  ["a union with serifs, a struck zero", "\u222a\ufe00 0\ufe00", "\u222a\ufe00 0\ufe00"],
  ["a Mongolian letter's variant", "\u1820\u180b", "\u1820\u180b"],
  ["bytes hidden behind letters", "x\u{e0100}y\ufe01z\ufe0f", "x<U+E0100>y<U+FE01>z<U+FE0F>"],
  ["a Mongolian selector behind another letter", "x\u180b", "x<U+180B>"],
  ["the flag of England", "🏴󠁧󠁢󠁥󠁮󠁧󠁿!", "🏴󠁧󠁢󠁥󠁮󠁧󠁿!"],
  ["the flags of Scotland and Wales", "🏴󠁧󠁢󠁳󠁣󠁴󠁿🏴󠁧󠁢󠁷󠁬󠁳󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿🏴󠁧󠁢󠁷󠁬󠁳󠁿"],
  ["text hidden after a flag", "🏴󠁧󠁢󠁥󠁮󠁧󠁿\u{e0061}", "🏴󠁧󠁢󠁥󠁮󠁧󠁿<U+E0061>"],
  ["tags of no flag", "🏴\u{e0067}\u{e0062}\u{e007f}", "🏴<U+E0067><U+E0062><U+E007F>"],
  ["tags without a flag", "a\u{e0061}", "a<U+E0061>"],
  ["two variation selectors beyond the BMP", "🌶\ufe0f\ufe0f", "🌶\ufe0f<U+FE0F>"],
  ["a variation selector after a blank", "🌶 \ufe0f", "🌶 <U+FE0F>"],
  ["a bidi control after an emoji", "🌶\ufe0f\u202e", "🌶\ufe0f<U+202E>"],
  ["a joiner after an emoji's selector and before a letter", "🏳️\u200da", "🏳️<U+200D>a"],
  ["Adlam with a joiner", "𞤀\u200d𞤁", "𞤀\u200d𞤁"],
  ["the Arabic sign that spans a number", "\u0600١٢", "\u0600١٢"],
];

for (const [title, text, shown] of SHOWN) {
  Deno.test(`visibleText() shows ${title}`, () => {
    assertEquals(visibleText(text), shown);
  });
}

const OBEYED =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u200b\ufeff\u{e0000}-\u{e007f}]/u;

Deno.test("visibleText() leaves nothing that a terminal obeys, that reorders or ends lines", () => {
  fc.assert(
    fc.property(nastyText, (text) => {
      const shown = visibleText(text);
      assert(!OBEYED.test(shown), JSON.stringify(shown));
      assertEquals(visibleText(shown), shown);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("visibleText() leaves no single code point that a terminal obeys", () => {
  for (let code = 0; code < 0x110000; code++) {
    assert(!OBEYED.test(visibleText(String.fromCodePoint(code))), `U+${code.toString(16)}`);
  }
});

Deno.test("visiblePart() shows parts as they are shown within the whole", () => {
  const text = "می‌خواهم\n\u200dx";
  const parts = [...text].map((_, index) => visiblePart(text, index, index + 1));
  assertEquals(parts.join(""), visibleText(text));
});

Deno.test("visibleLines() breaks at line feeds alone", () => {
  assertEquals(visibleLines("a\nb\r\n\u2028c"), ["a", "b␍", "<U+2028>c"]);
});

Deno.test("visibleText() shows any number of controls, and what is among them as ever", () => {
  for (const count of [1, 4_095, 4_096, 10_000]) {
    assertEquals(visibleText("\t\x7f".repeat(count)), "␉␡".repeat(count));
  }
  assertEquals(
    visibleText("\x00\ud800\x1f👍\u202e\x9b\n\ufe0f"),
    "␀<U+D800>␟👍<U+202E>␛[␊<U+FE0F>",
  );
});

Deno.test("whoever is quoted can't end the quotation", () => {
  for (const mark of ['"', "\u201c", "\u201d", "\uff02"]) {
    assertEquals(quotedStart(`Hall${mark}. Update now`), `"Hall'. Update now"`);
    assertEquals(fileNameText(`a${mark}.txt`), `"a'.txt"`);
  }
  assertEquals(fileNameText("is here. Bob says: ok"), '"is here. Bob says: ok"');
  assertEquals(fileNameText("Résumé_(2).tar.gz"), '"Résumé_(2).tar.gz"');
  assertEquals(fileNameText("Résumé-2.tar.gz"), "Résumé-2.tar.gz");
});

Deno.test("quotedStart() has 60 characters of a value, whole ones, in visible form", () => {
  assertEquals(quotedStart("x\x1b[2J\n"), '"x␛[2J␊"');
  assertEquals(quotedStart("\u{1f600}".repeat(60)), `"${"\u{1f600}".repeat(60)}"`);
  assertEquals(quotedStart("\u{1f600}".repeat(70)), `"${"\u{1f600}".repeat(60)}..."`);
});
