import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import type { Fingerprint } from "../../../lib/base/text/fingerprint.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import {
  foldName,
  isSameName,
  mixesScripts,
  NAME_LENGTH_MAX,
  nameFault,
  parseName,
  setOwnName,
  shownName,
  withoutMark,
} from "../../../lib/base/text/names.ts";
import { SLOW } from "../../given.ts";

Deno.test("parseName() takes names of all scripts and gives them in NFC", () => {
  const names = [
    "Alice",
    "bob_2",
    "7up",
    "a.b-c",
    "Zoë",
    "Ñandú",
    "Дмитрий",
    "さくら",
    "김철수",
    "李明",
    "नीता",
  ];
  for (const name of names) assertEquals(parseName(name), name.normalize("NFC"));

  assertEquals(parseName("Zoe\u0308"), "Zo\u00eb");
  assertEquals(parseName("x".repeat(32)), "x".repeat(32));
  assertEquals(parseName("𝒜lice"), "𝒜lice");
});

const REFUSED: readonly (readonly [title: string, name: string, reason: string])[] = [
  ["no character at all", "", "it is empty"],
  ["33 characters", "x".repeat(33), "at most 32 characters, this one has 33"],
  ["33 characters outside the BMP", "𝒜".repeat(33), "this one has 33"],
  ["a blank", "Al ice", "not blanks"],
  ["an asterisk, as the programs' own names have", "*coordinator*", 'not "*"'],
  ["a slash", "a/b", 'not "/"'],
  ["a line feed", "a\nb", "not U+000A"],
  ["an escape", "a\x1b[2J", "not U+001B"],
  ["a bidi control", "a\u202eb", "not U+202E"],
  ["a zero-width space", "a\u200bb", "not U+200B"],
  ["a zero-width joiner", "a\u200db", "not U+200D"],
  ["an invisible letter", "\u3164", "not U+3164"],
  ["an invisible mark", "a\ufe0f", "not U+FE0F"],
  ["a lone surrogate", "a\ud800", "not U+D800"],
  ["an emoji", "a😀", 'not "😀"'],
  ["a mark first", "\u0301a", "start with a letter or a digit"],
  ["a hyphen first", "-a", "start with a letter or a digit"],
  ["the word for whoever reads it", "you", '"you" is reserved'],
  ["the same in another case", "YOU", '"you" is reserved'],
  ["the same in letters that fold to it", "\uff59\uff4f\uff55", '"you" is reserved'],
  ["a letter that stands for words with blanks", "ﷺ", "U+FDFA"],
];

for (const [title, name, reason] of REFUSED) {
  Deno.test(`parseName() refuses ${title}, with the reason`, () => {
    const error = assertThrows(() => parseName(name), P2pchatError);

    assertEquals(error.code, "bad-name");
    assertStringIncludes(error.message, reason);
    assertEquals(/\p{Cc}|\p{Cf}|\p{Cs}/u.test(error.message), false, "the error obeys nobody");
  });
}

Deno.test("parseName() refuses a megabyte without quoting it", () => {
  const error = assertThrows(() => parseName("x".repeat(1_000_000)), P2pchatError);
  assert(error.message.length < 200);
});

const SAME: readonly (readonly [string, string])[] = [
  ["Alice", "ALICE"],
  ["straße", "STRASSE"],
  ["STRAẞE", "strasse"],
  ["Σίσυφος", "ΣΊΣΥΦΟΣ"],
  ["ﬁn", "FIN"],
  ["Ａｌｉｃｅ", "alice"],
  ["Ꭰꭰ", "ꭰꭰ"],
  ["Zo\u00eb", "zoe\u0308"],
  ["\u212abc", "kbc"],
  ["ſam", "Sam"],
  ["x²3", "x23"],
];

for (const [left, right] of SAME) {
  Deno.test(`foldName() makes ${left} and ${right} one name`, () => {
    assertEquals(foldName(left), foldName(right));
    assert(isSameName(left, right));
  });
}

Deno.test("foldName() folds a final sigma like any other", () => {
  assertEquals(foldName("Σας"), "σασ");
});

Deno.test("foldName() keeps different names apart", () => {
  const names = ["Bob", "B0b", "Вob", "Bob_", "Böb", "さくら"];
  assertEquals(new Set(names.map(foldName)).size, names.length);
  assertEquals(names.filter((name) => isSameName(name, "bob")), ["Bob"]);
});

const aName = fc.string({ unit: "binary", minLength: 1, maxLength: 8 })
  .filter((text) => nameFault(text) === null);

Deno.test("foldName() of a folded name changes nothing, nor does case or normal form matter", () => {
  fc.assert(
    fc.property(aName, (name) => {
      const folded = foldName(name);
      assertEquals(foldName(folded), folded);
      assertEquals(foldName(name.normalize("NFD")), folded);
      assertEquals(foldName(name.toUpperCase()), folded);
      assertEquals(foldName(name.toLowerCase()), folded);
    }),
    { numRuns: 200 },
  );
});

Deno.test("foldName() makes at most 12 bytes of each letter", SLOW, () => {
  // The wire reserves three times the 4 bytes of a code point for its folded form.
  // Beyond plane 3 there is no letter.
  for (let code = 0; code < 0x40000; code++) {
    const letter = String.fromCodePoint(code);
    if (nameFault(letter) !== null) continue;
    const bytes = new TextEncoder().encode(foldName(letter)).length;
    assert(bytes <= 12, `U+${code.toString(16)} folds to ${bytes} bytes`);
  }
});

const UNMARKED = [
  "Alice",
  "Zoë",
  "Дмитрий",
  "さくら",
  "李さん",
  "Tanakaさん",
  "김철수K",
  "Ωμέγα",
  "नीता",
  "x2-1",
  "山ㄅ",
];
const MARKED = ["Вob", "Alісe", "pаypal", "Ωmega", "Αlice", "aאb", "さкура", "김さ"];

for (const name of UNMARKED) {
  Deno.test(`mixesScripts() lets ${name} pass`, () => {
    assertEquals(mixesScripts(name), false);
    assertEquals(shownName(name), name);
  });
}
for (const name of MARKED) {
  Deno.test(`mixesScripts() finds the mixture in ${name}`, () => {
    assertEquals(mixesScripts(name), true);
    assertEquals(shownName(name), `≈${name}`);
    assertEquals(withoutMark(shownName(name)), name);
    assertNotEquals(nameFault(shownName(name)), null, "the mark is part of no name");
  });
}

Deno.test("nameFault() counts code points after normalisation", () => {
  assertEquals(nameFault("e\u0301".repeat(NAME_LENGTH_MAX)), null);
  assertNotEquals(nameFault("x\u0301".repeat(NAME_LENGTH_MAX)), null);
});

Deno.test("shownName() doesn't mark the user's own name, alone or with the start of the own key", () => {
  const mixed = "B\u043eb";
  assertEquals(shownName(mixed), `\u2248${mixed}`);
  setOwnName(mixed, "k7f3aaaa" as Fingerprint);
  for (const own of [mixed, mixed.toUpperCase(), `${mixed}~k7f3`]) {
    assertEquals(shownName(own), own);
  }
  for (const other of [`${mixed}~k7f4`, `${mixed}by`]) {
    assertEquals(shownName(other), `\u2248${other}`);
  }
  setOwnName("Ann", "k7f3aaaa" as Fingerprint); // it is of the process, which runs other tests, too
});
